//! A real gateway, `smartpi serve` beside it, and what a person does with both.

use std::process::Stdio;
use std::time::{Duration, Instant};

use gateway::{Address, Auth, Client, ConnectFailure, Identity, Introduction, Proof, Shared, Token, Who};
use serde_json::{Value, json};
use support::binaries;
use support::control::Control;
use support::model::Model;
use support::openclaw::{CURRENT, Gateway, await_answer, await_fact, free_port};
use support::preload::Preload;
use tempfile::TempDir;
use tokio::process::Child;

/// For what the gateway and the service do at once.
const SOON: Duration = Duration::from_secs(60);
/// For a repair: commands of OpenClaw's, and two looks ten seconds apart.
const REPAIR: Duration = Duration::from_secs(180);
/// The service's clock is ahead by as many seconds.
const AHEAD_S: i64 = 300;

pub(super) struct Clinic {
    pub(super) gateway: Gateway,
    pub(super) model: Model,
    _serve: Child,
    _clock: (Preload, TempDir),
}

impl Clinic {
    /// A gateway without any way to sign in, and a service that nobody told to connect.
    pub(super) async fn open() -> Self {
        let model = Model::start();
        let mut gateway = Gateway::prepare(CURRENT, &model, &json!({}));
        let mut config = gateway.config();
        config["gateway"].as_object_mut().expect("an object").remove("auth");
        std::fs::write(gateway.config_path(), format!("{config:#}")).expect("a configuration");
        gateway.boot().await;
        let preload = Preload::compile("clock_jump").expect("a compiler");
        let folder = TempDir::with_prefix("smartpi-clock-").expect("a folder");
        let shift = folder.path().join("shift");
        std::fs::write(&shift, AHEAD_S.to_ne_bytes()).expect("a file");
        let output = std::fs::File::create(gateway.home.join("smartpi.out")).expect("a file");
        let mut command = gateway.command(binaries::smartpi());
        command.args(["serve", "--port", &free_port().to_string(), "--agent", "echo", "--data"]);
        command.arg(gateway.home.join("smartpi")).env("LD_PRELOAD", preload.library()).env("CLOCK_SHIFT", shift);
        command.stdin(Stdio::null()).stdout(output.try_clone().expect("one file, two handles")).stderr(output);
        let serve = command.kill_on_drop(true).spawn().expect("smartpi starts");
        let clinic = Self { gateway, model, _serve: serve, _clock: (preload, folder) };
        let there = || Control::connect(&clinic.data()).ok();
        await_fact(SOON, there, || "the service's control socket".into()).await;
        clinic
    }

    fn data(&self) -> std::path::PathBuf {
        self.gateway.home.join("smartpi")
    }

    fn control(&self) -> Control {
        Control::connect(&self.data()).and_then(|control| control.patient(REPAIR)).expect("the service runs")
    }

    pub(super) fn ask(&self, what: &str, arguments: Value) -> Value {
        self.control().ask(what, arguments).unwrap_or_else(|error| panic!("{error:#}\n{}", self.log()))
    }

    pub(super) fn refused(&self, what: &str, arguments: Value) -> String {
        self.control().refused(what, arguments).unwrap_or_else(|error| panic!("{error:#}\n{}", self.log()))
    }

    /// The view, once it is like this.
    pub(super) fn view(&self, title: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let view = self.control().until_event("view.watch", json!({}), SOON, title, wanted);
        view.unwrap_or_else(|error| panic!("{error:#}\n{}", self.log()))
    }

    fn log(&self) -> String {
        let log = std::fs::read_to_string(self.gateway.home.join("smartpi.out")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(40).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Looks, and gives what was found.
    pub(super) fn look(&self) -> Value {
        let before = self.view("the last look", |view| view["care"]["looking"] == false);
        let before = before["care"]["lookedMs"].as_i64();
        self.ask("care.look", json!({}));
        let is_new = |view: &Value| view["care"]["looking"] == false && view["care"]["lookedMs"].as_i64() > before;
        self.view("a new look", is_new)["care"].take()
    }

    pub(super) fn finding(&self, care: &Value, cause: &str) -> Value {
        let mut found = care["findings"].as_array().expect("a list").iter();
        found
            .find(|finding| finding["cause"] == cause)
            .unwrap_or_else(|| panic!("{cause}: {care}\n{}", self.log()))
            .clone()
    }

    /// The plan of a fresh look.
    pub(super) fn plan(&self, cause: &str) -> Value {
        let finding = self.finding(&self.look(), cause);
        assert_eq!(finding["repair"]["kind"], "plan", "{finding}");
        finding["repair"]["plan"].clone()
    }

    /// A fresh look, and the one order.
    pub(super) fn mend(&self, cause: &str) -> Value {
        let plan = self.plan(cause);
        let repair = self.ask("care.repair", json!({ "plan": plan["id"] }));
        assert_eq!(repair["plan"], plan, "what was shown is what was done");
        repair
    }

    pub(super) fn journal(&self) -> String {
        std::fs::read_to_string(self.data().join("repairs.jsonl")).unwrap_or_default()
    }

    /// An hour has passed.
    pub(super) fn forget_repairs(&self) {
        let _ = std::fs::remove_file(self.data().join("repairs.jsonl"));
    }

    /// The service's time.
    pub(super) fn since(&self) -> i64 {
        self.view("a view", online)["gateway"]["sinceMs"].as_i64().expect("a time")
    }

    pub(super) fn ours(&self) -> Value {
        let devices = self.ask("gateway.devices", json!({}));
        let mut paired = devices["paired"].as_array().expect("a list").iter();
        paired.find(|device| device["ours"] == true).expect("this app is one of them").clone()
    }

    pub(super) fn token(&self) -> String {
        self.gateway.config()["gateway"]["auth"]["token"].as_str().expect("a token").to_owned()
    }

    /// A person edits OpenClaw's configuration.
    pub(super) fn edit(&self, change: impl FnOnce(&mut Value)) {
        let mut config = self.gateway.config();
        change(&mut config);
        let beside = self.gateway.state_dir.join("openclaw.json.new");
        std::fs::write(&beside, format!("{config:#}")).expect("a file");
        std::fs::rename(beside, self.gateway.config_path()).expect("a file in place of another");
    }

    /// As long as the gateway takes to notice an edit: the answer to a later one must not be an answer to this.
    pub(super) async fn settle(&self) {
        self.gateway.wait_log("gateway.reload", SOON).await;
    }

    pub(super) async fn connect(&self, who: Who<'_>, name: &str, auth: &Auth) -> Result<Client, ConnectFailure> {
        let introduction = Introduction {
            display_name: name.into(),
            version: "0.1.0".into(),
            scopes: vec!["operator.admin".into(), "operator.pairing".into()],
        };
        Client::connect(&Address::local(self.gateway.port), &introduction, who, auth, gateway::events()).await
    }

    fn shared(&self, token: &str) -> Auth {
        let proof = Proof::of_person(Address::local(self.gateway.port), Instant::now());
        Auth::Shared(Shared::Token(Token::new(token.into())), proof)
    }

    pub(super) async fn repair_connection(&self, token: &str) -> Client {
        self.connect(Who::Repair, "Repair", &self.shared(token)).await.expect("the gateway's own token")
    }

    /// Once the gateway goes by this token.
    pub(super) async fn repair_connection_soon(&self, token: &str) {
        let auth = self.shared(token);
        let look = async || self.connect(Who::Repair, "Repair", &auth).await.ok();
        drop(await_answer(SOON, look, "the gateway goes by another token").await);
    }

    /// Another installation of the same name comes in, and goes.
    pub(super) async fn twin(&self, token: &str, name: &str) {
        let twin = Identity::from_seed(&[8; Identity::SEED_BYTES]);
        let client = self.connect(Who::Device(&twin), name, &self.shared(token)).await.expect("a twin is let in");
        drop(client);
    }
}

pub(super) fn online(view: &Value) -> bool {
    view["gateway"]["state"] == "online"
}

pub(super) fn stuck_with(code: &str) -> impl Fn(&Value) -> bool {
    move |view| view["gateway"]["state"] == "stuck" && view["gateway"]["failure"]["code"] == code
}

/// What a repair's steps are.
pub(super) fn kinds(repair: &Value) -> Vec<String> {
    let steps = repair["plan"]["steps"].as_array().expect("steps").iter();
    steps.map(|step| step["step"]["kind"].as_str().expect("a word").to_owned()).collect()
}
