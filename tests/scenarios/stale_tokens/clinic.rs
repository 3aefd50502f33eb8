//! A real gateway, the services that use it, and what a person does with both.

use std::process::Stdio;
use std::time::Instant;

use gateway::{Address, Auth, Client, Introduction, Proof, Shared, Token, Who};
use serde_json::{Value, json};
use support::binaries;
use support::model::Model;
use support::openclaw::{Gateway, attempt, await_fact, free_port};
use support::preload::WallClock;
use tempfile::TempDir;
use tokio::process::Child;

use super::patient::{Patient, SOON};

/// The services' clock is ahead by as many seconds.
pub(super) const AHEAD_S: i64 = 300;

pub(super) struct Clinic {
    gateway: Gateway,
    _model: Model,
    serves: Vec<Child>,
    clock: WallClock,
    folder: TempDir,
}

impl Clinic {
    /// A gateway, and no service yet.
    pub(super) async fn open(version: &str, extras: &Value) -> Self {
        let model = Model::start();
        let gateway = Gateway::start(version, &model, extras).await;
        let clock = WallClock::new().expect("a compiler");
        clock.set_ahead(AHEAD_S).expect("a file");
        let folder = TempDir::with_prefix("smartpi-clinic-").expect("a folder");
        Self { gateway, _model: model, serves: Vec::new(), clock, folder }
    }

    /// A service on a computer of this name, which nobody told to connect.
    pub(super) async fn admit(&mut self, name: &'static str) -> Patient {
        let data = self.folder.path().join(name);
        let patient = Patient { name, output: data.with_extension("out"), data };
        let output = std::fs::File::create(&patient.output).expect("a file");
        let mut command = self.gateway.command("unshare");
        command.args(["--uts", "sh", "-c", "hostname \"$0\" && exec \"$@\"", name]).arg(binaries::smartpi());
        command.args(["serve", "--port", &free_port().to_string(), "--agent", "echo", "--data"]).arg(&patient.data);
        command.envs(self.clock.variables());
        command.stdin(Stdio::null()).stdout(output.try_clone().expect("one file, two handles")).stderr(output);
        self.serves.push(command.kill_on_drop(true).spawn().expect("smartpi starts"));
        let there = || patient.is_up().then_some(());
        await_fact(SOON, there, || format!("the service's control socket: {patient:?}")).await;
        patient.ask("settings.change", json!({ "secretsInFile": true }));
        patient
    }

    /// A person edits OpenClaw's configuration.
    fn edit(&self, change: impl FnOnce(&mut Value)) {
        let mut config = self.gateway.config();
        change(&mut config);
        let beside = self.gateway.state_dir.join("openclaw.json.new");
        std::fs::write(&beside, format!("{config:#}")).expect("a file");
        std::fs::rename(beside, self.gateway.config_path()).expect("a file in place of another");
    }

    pub(super) fn write_token(&self, token: &str) {
        self.edit(|config| config["gateway"]["auth"]["token"] = json!(token));
    }

    /// A program knows the token, which only OpenClaw asks.
    pub(super) fn hide_token(&self) {
        let program = json!({ "source": "exec", "provider": "nobody", "id": "token" });
        self.edit(|config| config["gateway"]["auth"]["token"] = program);
    }

    /// What a person at this computer does with the gateway's devices.
    pub(super) async fn by_hand(&self) -> Client {
        let address = Address::local(self.gateway.port);
        let scopes = vec!["operator.admin".into(), "operator.pairing".into()];
        let repair = Introduction { display_name: "Repair".into(), version: "0.1.0".into(), scopes };
        let look = async || {
            let proof = Proof::of_person(address.clone(), Instant::now());
            let auth = Auth::Shared(Shared::Token(Token::new(Gateway::TOKEN.into())), proof);
            Client::connect(&address, &repair, Who::Repair, &auth, gateway::events()).await.ok()
        };
        attempt(SOON, look).await.expect("the gateway goes by this token")
    }
}
