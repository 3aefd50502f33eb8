//! A desktop with the application in its tray and one window open, an OpenClaw beside it, and what a person does with all of them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use gateway::{Address, Auth, Client, ConnectFailure, Identity, Introduction, Proof, Shared, Token, Who};
use serde_json::{Value, json};
use support::desktop::{Desktop, LIMIT, TrayHost, Window};
use support::model::Model;
use support::openclaw::{CURRENT, Gateway, attempt};
use support::preload::WallClock;
use support::tray_app::TrayApp;
use tokio::runtime::{Builder, Runtime};

use crate::desktop::in_the_tray_with;

/// For what the gateway and the application say soon, on a busy computer.
pub(super) const SOON: Duration = Duration::from_secs(90);
/// For a repair: its steps, a person's part, and two looks ten seconds apart.
const REPAIR: Duration = Duration::from_secs(240);
/// For what a look found to be drawn.
const DRAWN: Duration = Duration::from_secs(3);
/// As many repairs as there may be in an hour are not enough here.
const HOUR_S: i64 = 3_700;

pub(super) const STALE: &str = "deviceTokenStale";
pub(super) const WRONG: &str = "sharedTokenWrong";
/// What mends a stale access while the token can be read.
pub(super) const RENEW: &[&str] = &["forgetDeviceToken", "connectWithSharedToken"];
/// What a person wrote where the gateway's token was.
pub(super) const MISTYPED: &str = "a-mistyped-token";
/// The token that the gateway goes by after the first one.
pub(super) const SECOND: &str = "changed-in-the-configuration";

/// The link is green.
pub(super) const WORKS: &str = "document.querySelector('[data-link=pairing]')?.dataset.state === 'works'";
/// The plan may be agreed to.
pub(super) const READ: &str = "document.querySelector('[data-test=repair-yes]')?.ariaDisabled === 'false'";

pub(super) struct Ward<'a> {
    pub(super) window: Window,
    pub(super) tray: TrayHost,
    pub(super) app: TrayApp<'a>,
    pub(super) gateway: Gateway,
    model: Model,
    clock: WallClock,
    ahead_s: i64,
    desktop: &'a Desktop<'a>,
    /// What is listened to and waited for goes on while the window is asked.
    runtime: Runtime,
}

impl<'a> Ward<'a> {
    /// Everything is well, and the window is open. To be called on the desktop's own computer.
    pub(super) fn open(desktop: &'a Desktop<'a>) -> Result<Self> {
        let clock = WallClock::new()?;
        let (tray, app) = in_the_tray_with(desktop, &clock.variables())?;
        app.control()?.ask("settings.change", json!({ "welcomed": true, "secretsInFile": true, "language": "en" }))?;
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (gateway, model) = runtime.block_on(async {
            let model = Model::start();
            // What a person edits is not taken over before the next start.
            let mut gateway = Gateway::prepare(CURRENT, &model, &json!({ "gateway": { "reload": { "mode": "off" } } }));
            gateway.beside = Some(app.id());
            gateway.boot().await;
            (gateway, model)
        });
        std::os::unix::fs::symlink(&gateway.state_dir, desktop.home().join(".openclaw"))?;
        link_command(desktop, &gateway)?;
        let window = app.window()?;
        let ward = Self { window, tray, app, gateway, model, clock, ahead_s: 0, desktop, runtime };
        ward.wish(true)?;
        ward.online("let in by the gateway's own token")?;
        Ok(ward)
    }

    /// Runs to its end what takes the gateway, or the network.
    pub(super) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// The gateway ends, as a person ends it.
    pub(super) fn stop(&mut self) {
        self.runtime.block_on(self.gateway.stop());
    }

    /// The person starts the gateway anew where they started it.
    pub(super) fn restart(&mut self) {
        self.stop();
        self.runtime.block_on(self.gateway.boot());
    }

    /// Another OpenClaw on the same port, with this token in its environment and nowhere else.
    pub(super) fn stray(&self, token: &str) -> Result<Gateway> {
        let mut stray = Gateway::prepare(CURRENT, &self.model, &json!({}));
        let mut config = stray.config();
        config["gateway"]["port"] = json!(self.gateway.port);
        config["gateway"]["auth"] = json!({ "mode": "token" });
        std::fs::write(stray.config_path(), format!("{config:#}"))?;
        stray.port = self.gateway.port;
        stray.beside = Some(self.app.id());
        stray.variables.push(("OPENCLAW_GATEWAY_TOKEN", token.to_owned()));
        self.runtime.block_on(stray.boot());
        Ok(stray)
    }

    pub(super) fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        self.app.control()?.until_event("view.watch", json!({}), SOON, what, wanted)
    }

    pub(super) fn online(&self, what: &str) -> Result<()> {
        self.until(what, |view| view["gateway"]["state"] == "online").map(drop)
    }

    pub(super) fn stuck_with(&self, code: &str) -> Result<()> {
        let stuck = |view: &Value| view["gateway"]["state"] == "stuck" && view["gateway"]["failure"]["code"] == code;
        self.until(code, stuck).map(drop)
    }

    pub(super) fn speak(&self, tongue: &str) -> Result<()> {
        self.app.control()?.ask("settings.change", json!({ "language": tongue })).map(drop)
    }

    /// Wishes a connection, or none.
    pub(super) fn wish(&self, on: bool) -> Result<()> {
        self.app.control()?.ask("gateway.connect", json!({ "on": on }))?;
        if on { Ok(()) } else { self.until("off", |view| view["gateway"]["state"] == "off").map(drop) }
    }

    /// Connects anew: what the link remembers of the gateway's secret is gone.
    pub(super) fn reconnect(&self) -> Result<()> {
        self.wish(false)?;
        self.wish(true)
    }

    pub(super) fn clock_goes_ahead(&mut self, seconds: i64) -> Result<()> {
        self.ahead_s += seconds;
        self.clock.set_ahead(self.ahead_s)
    }

    /// Whoever repaired often may repair again.
    pub(super) fn an_hour_passes(&mut self) -> Result<()> {
        self.clock_goes_ahead(HOUR_S)
    }

    /// OpenClaw's folder is this gateway's from now on, and it is the one that is meant.
    pub(super) fn moves_into(&mut self, gateway: Gateway) -> Result<()> {
        let (folder, beside) = (self.desktop.home().join(".openclaw"), self.desktop.home().join(".openclaw.new"));
        std::os::unix::fs::symlink(&gateway.state_dir, &beside)?;
        std::fs::rename(beside, folder)?;
        link_command(self.desktop, &gateway)?;
        self.gateway = gateway;
        Ok(())
    }

    /// A person edits OpenClaw's configuration.
    pub(super) fn edit(&self, change: impl FnOnce(&mut Value)) -> Result<()> {
        let mut config = self.gateway.config();
        change(&mut config);
        let beside = self.gateway.state_dir.join("openclaw.json.new");
        std::fs::write(&beside, format!("{config:#}"))?;
        Ok(std::fs::rename(beside, self.gateway.config_path())?)
    }

    pub(super) fn write_token(&self, token: &str) -> Result<()> {
        self.edit(|config| config["gateway"]["auth"]["token"] = json!(token))
    }

    /// A program knows the token, which only OpenClaw asks.
    pub(super) fn hide_token(&self) -> Result<()> {
        self.refer_to(json!({ "source": "exec", "provider": "nobody", "id": "token" }))
    }

    /// The configuration says where the token is, and not what it is.
    pub(super) fn refer_to(&self, reference: Value) -> Result<()> {
        self.edit(|config| config["gateway"]["auth"]["token"] = reference)
    }

    /// This application, as the gateway lists it.
    pub(super) fn us(&self) -> Result<(String, String)> {
        let devices = self.app.control()?.ask("gateway.devices", json!({}))?;
        let ours = devices["paired"].as_array().into_iter().flatten().find(|device| device["ours"] == true);
        let ours = ours.with_context(|| format!("this app is one of them: {devices}"))?;
        let word = |name: &str| ours[name].as_str().map(str::to_owned).with_context(|| format!("no {name}: {ours}"));
        Ok((word("deviceId")?, word("name")?))
    }

    pub(super) async fn connect(&self, who: Who<'_>, name: &str, secret: &str) -> Result<Client, ConnectFailure> {
        let address = Address::local(self.gateway.port);
        let proof = Proof::of_person(address.clone(), Instant::now());
        let auth = Auth::Shared(Shared::Token(Token::new(secret.into())), proof);
        let scopes = vec!["operator.admin".into(), "operator.pairing".into()];
        let introduction = Introduction { display_name: name.into(), version: "0.1.0".into(), scopes };
        Client::connect(&address, &introduction, who, &auth, gateway::events()).await
    }

    /// What a person at this computer does with the gateway's devices, who knows its token.
    pub(super) async fn by_hand(&self, secret: &str) -> Client {
        let look = async || self.connect(Who::Repair, "Repair", secret).await.ok();
        attempt(SOON, look).await.expect("the gateway goes by this token")
    }

    /// Our access ends, in this way.
    pub(super) fn end_access(&self, secret: &str, how: &str) -> Result<()> {
        self.online("by its own token")?;
        let (id, _) = self.us()?;
        self.run(async {
            let hand = self.by_hand(secret).await;
            match how {
                "rotate" => hand.rotate(&id, "operator", None).await.map(drop),
                "revoke" => hand.revoke(&id, "operator").await,
                "remove" => hand.remove(&id).await,
                other => unreachable!("{other}"),
            }
        })
        .with_context(|| how.to_owned())
    }

    /// Our access ends while nobody but OpenClaw can read its token: nothing mends that by itself.
    pub(super) fn turn_away(&self, secret: &str, how: &str) -> Result<()> {
        self.hide_token()?;
        self.reconnect()?;
        self.end_access(secret, how)?;
        self.stuck_with("gateway_device_token_stale")
    }

    /// Another installation of the same name comes in and goes, and the gateway forgets this one for it. Gives the twin's device id.
    pub(super) async fn prune(&self, secret: &str, id: &str, name: &str) -> Result<String> {
        let twin = Identity::from_seed(&[8; Identity::SEED_BYTES]);
        let hand = self.by_hand(secret).await;
        // Not before a minute after this one was let in.
        let come_and_go = async || {
            drop(self.connect(Who::Device(&twin), name, secret).await.ok()?);
            if hand.devices().await.ok()?.paired.iter().all(|paired| paired.device_id != id) {
                return Some(());
            }
            hand.remove(twin.device_id()).await.ok()?;
            None
        };
        attempt(SOON, come_and_go).await.context("the gateway keeps two of one name")?;
        Ok(twin.device_id().to_owned())
    }

    /// Looks by the button until the page is like this: a look may be older than what has just happened, or meet the link on its way.
    fn looks_until(&mut self, what: &str, drawn: &str) -> Result<()> {
        let since = Instant::now();
        let is_idle = |view: &Value| view["care"]["looking"] == false && view["care"]["running"].is_null();
        while since.elapsed() < SOON {
            let before = self.until("nobody looks", is_idle)?["care"]["lookedMs"].as_i64();
            self.window
                .wait_for("document.querySelector('[data-test=health-look]').ariaDisabled === 'false'", LIMIT)?;
            self.window.press_on("health-look")?;
            self.until("a new look", |view| is_idle(view) && view["care"]["lookedMs"].as_i64() > before)?;
            if self.window.wait_for(drawn, DRAWN).is_ok() {
                return Ok(());
            }
        }
        bail!("not within {SOON:?}: {what}, but {}", self.app.view()?["care"])
    }

    /// Looks until this can be repaired.
    pub(super) fn finds(&mut self, cause: &str) -> Result<()> {
        self.looks_until(cause, &format!("!!document.querySelector('{}')", repair(cause)))
    }

    /// Looks until this is found; then there are words on the page, and nothing to click. Gives the finding.
    pub(super) fn has_words_for(&mut self, cause: &str, why: &Value) -> Result<Value> {
        let found = self.finding_with_words(cause)?;
        ensure!(found["repair"] == json!({ "kind": "none", "why": why }), "{found}");
        Ok(found)
    }

    /// The same, whyever there is nothing to click.
    pub(super) fn finding_with_words(&mut self, cause: &str) -> Result<Value> {
        let words = format!("[data-cause={cause}] [data-test=counsel]");
        self.looks_until(cause, &format!("!!document.querySelector('{words}')"))?;
        ensure!(self.window.text(&words, LIMIT)?.len() > 20, "a sentence");
        let button = self.window.value(&format!("!!document.querySelector('{}')", repair(cause)))?;
        ensure!(button == false, "a button for {cause}");
        let view = self.app.view()?;
        let mut found = view["care"]["findings"].as_array().into_iter().flatten();
        Ok(found.find(|finding| finding["cause"] == cause).context("it is found")?.clone())
    }

    /// The repair that was begun last. To be asked before the next.
    pub(super) fn last(&self) -> Result<Value> {
        Ok(self.app.view()?["care"]["last"]["plan"]["id"].take())
    }

    /// Opens the plan, and reads it.
    pub(super) fn reads(&mut self, cause: &str) -> Result<()> {
        self.window.click(&repair(cause))?;
        self.window.wait_for(READ, LIMIT).map(drop)
    }

    /// The one click, and the plan is agreed to.
    pub(super) fn agrees(&mut self, cause: &str) -> Result<()> {
        self.reads(cause)?;
        self.window.press_on("repair-yes")
    }

    /// The repair after `before` ended, and the page says how.
    pub(super) fn ended(&mut self, before: &Value, shape: &str) -> Result<Value> {
        let ended = |view: &Value| {
            let care = &view["care"];
            care["running"].is_null() && care["last"]["plan"]["id"] != *before && !care["last"]["outcome"].is_null()
        };
        let mut view =
            self.app.control()?.until_event("view.watch", json!({}), REPAIR, "the end of a repair", ended)?;
        let last = view["care"]["last"].take();
        let card = format!("document.querySelector('[data-test=repair-card]')?.dataset.shape === '{shape}'");
        self.window.wait_for(&card, LIMIT).with_context(|| last.to_string())?;
        Ok(last)
    }

    /// The repair after `before` helped: the link is green, two checks in a row say so, and the journal says what was done. Nothing of it is found any more.
    pub(super) fn is_mended(&mut self, before: &Value, cause: &str, steps: &[&str]) -> Result<Value> {
        let done = self.ended(before, "good")?;
        let planned = done["plan"]["steps"].as_array().context("steps")?;
        let kinds: Vec<&str> = planned.iter().filter_map(|step| step["step"]["kind"].as_str()).collect();
        ensure!((done["plan"]["cause"] == cause) && (kinds == steps), "{done}");
        ensure!(done["outcome"]["kind"] == "verified", "{done}");
        let promised = planned.iter().any(|step| step["undo"] == "putBack");
        ensure!(done["undoable"] == promised, "undo is where it was promised: {done}");
        self.online("green")?;
        self.window.wait_for(WORKS, LIMIT)?;
        self.window.wait_for(&format!("!document.querySelector('[data-cause={cause}]')"), LIMIT)?;
        let id = done["plan"]["id"].as_str().context("an id")?;
        let journal = self.journal()?;
        // What is put aside before a step is written down besides.
        let entries =
            journal.lines().filter(|line| line.contains(id) && !line.contains(r#""kind":"putAside""#)).count();
        ensure!(entries == 2 + 2 * steps.len(), "begun, each step begun and ended, ended: {journal}");
        Ok(done)
    }

    /// What was found is mended by one click.
    pub(super) fn mends(&mut self, cause: &str, steps: &[&str]) -> Result<Value> {
        self.finds(cause)?;
        let before = self.last()?;
        self.agrees(cause)?;
        self.is_mended(&before, cause, steps)
    }

    /// Puts back what the last repair put aside.
    pub(super) fn undoes(&mut self) -> Result<()> {
        self.window.press_on("repair-undo")?;
        self.window.press_on("undo-yes")?;
        self.is_undone()
    }

    pub(super) fn is_undone(&mut self) -> Result<()> {
        self.window.wait_for("!!document.querySelector('[data-test=repair-card] [data-state=undone]')", REPAIR)?;
        let undone = self.until("undone", |view| view["care"]["running"].is_null())?["care"]["last"].take();
        ensure!(undone["steps"][0]["state"] == "undone" && undone["undoable"] == false, "{undone}");
        Ok(())
    }

    /// An order was refused, with these words.
    pub(super) fn is_refused(&mut self, code: &str) -> Result<()> {
        let notice = format!("[data-test=failure][data-code={code}]");
        ensure!(self.window.text(&notice, LIMIT)?.len() > 20, "a sentence");
        Ok(())
    }

    /// What the application wrote down about its repairs, which is no secret.
    pub(super) fn journal(&self) -> Result<String> {
        let journal = std::fs::read_to_string(self.app.data().join("repairs.jsonl"))?;
        let told = [Gateway::TOKEN, SECOND, MISTYPED].into_iter().find(|secret| journal.contains(secret));
        ensure!(told.is_none(), "a secret in the journal: {journal}");
        Ok(journal)
    }
}

/// The button of a finding.
fn repair(cause: &str) -> String {
    format!("[data-cause={cause}] [data-test=finding-repair]")
}

/// The person's command `openclaw` is that of this gateway.
fn link_command(desktop: &Desktop<'_>, gateway: &Gateway) -> Result<()> {
    let commands = desktop.home().join(".local/bin");
    std::fs::create_dir_all(&commands)?;
    let beside = commands.join("openclaw.new");
    std::os::unix::fs::symlink(gateway.bin_dir.join("openclaw"), &beside)?;
    Ok(std::fs::rename(beside, commands.join("openclaw"))?)
}
