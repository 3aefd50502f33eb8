//! A person's computer with an OpenClaw and a SmartPi on it: one throw-away home, real programs, the scripted model.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use device::{BindingUrl, Claim, Confirm, Identity, Keep, Kind, Timing};
use serde_json::{Value, json};
use support::binaries;
use support::control::Control;
use support::model::Model;
use support::openclaw::{Gateway, Output, await_fact, free_port, run};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

use super::talker::Talker;

/// The device hears 9002 after this many seconds without an answer.
pub(super) const ANSWER_AFTER_S: u64 = 3;
const START: Duration = Duration::from_secs(30);
const INSTALL: Duration = Duration::from_secs(400);

/// The home, its OpenClaw, and the running service.
pub(super) struct Stage {
    pub(super) model: Model,
    pub(super) gateway: Gateway,
    service: Child,
    /// Kept over restarts: devices remember it.
    port: u16,
}

impl Stage {
    /// The service runs; the gateway does not yet, and its configuration has `extras` and a comment in it.
    pub(super) async fn set(version: &str, extras: &Value) -> Self {
        let model = Model::start();
        let gateway = Gateway::prepare(version, &model, extras);
        let path = gateway.config_path();
        let config = std::fs::read_to_string(&path).expect("the rig wrote it");
        std::fs::write(&path, format!("// set up by hand\n{config}")).expect("a comment fits in");
        let port = free_port();
        let service = serve(&gateway, port);
        let mut stage = Self { model, gateway, service, port };
        stage.await_service().await;
        stage
    }

    /// The service's data folder.
    pub(super) fn data(&self) -> PathBuf {
        self.gateway.home.join("smartpi")
    }

    /// Where devices reach the service.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Ends the service without a word.
    pub(super) async fn kill_service(&mut self) {
        self.service.kill().await.expect("the service runs");
    }

    /// Starts it again on the same folder.
    pub(super) async fn serve_again(&mut self) {
        self.service = serve(&self.gateway, self.port);
        self.await_service().await;
    }

    async fn await_service(&mut self) {
        let data = self.data();
        let service = &mut self.service;
        let look = || {
            let ended = service.try_wait().expect("a child can be asked");
            assert!(ended.is_none(), "the service ended at once: {ended:?}");
            Control::connect(&data).and_then(|mut control| control.ask("status", json!({}))).ok()
        };
        let output = self.gateway.home.join("smartpi.out");
        await_fact(START, look, || std::fs::read_to_string(output).unwrap_or_default()).await;
    }

    /// Asks the control socket.
    pub(super) fn ask(&self, what: &str, arguments: Value) -> Value {
        Control::connect(&self.data())
            .and_then(|mut control| control.ask(what, arguments))
            .expect("the service answers")
    }

    /// Runs `smartpi` with arguments, as the person of this home.
    pub(super) async fn smartpi(&self, args: &[&str]) -> Output {
        let mut command = self.gateway.command(binaries::smartpi());
        command.args(args).arg("--data").arg(self.data());
        run(command, None, INSTALL).await
    }

    /// `smartpi plugin install`, with a yes.
    pub(super) async fn install(&self) -> Output {
        self.smartpi(&["plugin", "install", "--yes", "--json"]).await
    }

    /// Runs `openclaw` with the words of one line.
    pub(super) async fn openclaw(&self, line: &str) -> String {
        let args: Vec<&str> = line.split(' ').collect();
        self.gateway.cli(&args).await.expect_ok()
    }

    /// [`Stage::openclaw`] with `--json`.
    pub(super) async fn openclaw_json(&self, line: &str) -> Value {
        let out = self.openclaw(&format!("{line} --json")).await;
        let start = out.find(['{', '[']).unwrap_or_else(|| panic!("no JSON: {out}"));
        serde_json::from_str(&out[start..]).unwrap_or_else(|error| panic!("{error}: {out}"))
    }

    /// Waits until the plugin is linked to the service.
    pub(super) async fn await_link(&self, limit: Duration) {
        let is_linked = || (self.ask("status", json!({}))["link"]["state"] == "online").then_some(());
        await_fact(limit, is_linked, || format!("the plugin did not come:\n{}", self.gateway.log())).await;
    }

    /// A person scans `url` with a new device and types the digits that it shows.
    pub(super) async fn bind(&self, name: &str, bind: &str, url: &str) -> Talker {
        let url = BindingUrl::parse(url).expect("a binding URL");
        let mut keep = Keep::in_memory(Identity::random().expect("randomness"));
        let key = keep.identity.device_key().to_string();
        let claim = Claim { name: name.to_owned(), kind: Kind::Speaker, confirm: Confirm::Code };
        let (shown, digits) = oneshot::channel();
        let binding =
            device::bind(&url, &mut keep, &claim, |code| shown.send(code.to_owned()).expect("somebody looks"));
        let confirming = async {
            let code = digits.await.expect("the device shows its code");
            let look = || {
                let mut control = Control::connect(&self.data()).expect("the service runs");
                match control.ask("bind.confirm", json!({ "bind": bind, "code": code })) {
                    Ok(confirmed) => Some(confirmed["deviceKey"].as_str().map(str::to_owned)),
                    // The device has shown the code, but its word of that is still on the way.
                    Err(error) if error.to_string().contains("not_confirming") => None,
                    Err(error) => panic!("{error:#}"),
                }
            };
            await_fact(START, look, || "the service does not take the code".to_owned()).await
        };
        let (greeted, confirmed) = tokio::join!(binding, confirming);
        assert_eq!(confirmed.as_deref(), Some(key.as_str()));
        Talker::go_on(key, greeted.expect("the device is bound"), keep, Timing::default()).await
    }

    /// [`Stage::bind`] with a code from the control socket.
    pub(super) async fn bind_anew(&self, name: &str) -> Talker {
        let started = self.ask("bind.start", json!({}));
        let field = |name: &str| started[name].as_str().expect("a field of bind.start").to_owned();
        self.bind(name, &field("bind"), &field("url")).await
    }
}

fn serve(gateway: &Gateway, port: u16) -> Child {
    let output =
        std::fs::File::options().create(true).append(true).open(gateway.home.join("smartpi.out")).expect("a file");
    let mut command: Command = gateway.command(binaries::smartpi());
    // Nobody says who answers: the echo agent does until the plugin is installed, and the gateway from then on.
    command.args(["serve", "--port", &port.to_string(), "--answer-after", &ANSWER_AFTER_S.to_string(), "--data"]);
    command.arg(gateway.home.join("smartpi"));
    command.stdin(Stdio::null()).stdout(output.try_clone().expect("one file, two handles")).stderr(output);
    command.kill_on_drop(true).spawn().expect("smartpi starts")
}
