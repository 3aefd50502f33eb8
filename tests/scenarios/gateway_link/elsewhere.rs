//! The OpenClaw of another computer, over TLS with a certificate of its own: looked at, compared, pinned, used, and left again. Its place is taken by an impostor.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use data_encoding::BASE64;
use gateway::{Address, Auth, Client, Fingerprint, Proof, Shared, Who};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use support::binaries;
use support::control::Control;
use support::model::Model;
use support::openclaw::{CURRENT, Gateway, Output, await_fact, free_port, run};
use support::program::Program;
use tempfile::TempDir;

use super::season::until_let_in;
use super::squatter::Squatter;
use super::{SOON, app, token};

const LIMIT: Duration = Duration::from_secs(120);

/// A computer of its own: nothing of OpenClaw is in its home.
struct Here {
    home: TempDir,
    _service: Program,
}

impl Here {
    async fn start() -> Self {
        let home = tempfile::tempdir().expect("a home");
        let mut command = smartpi(home.path());
        command.args(["serve", "--agent", "echo", "--port", &free_port().to_string()]);
        let service = Program::start(command, home.path().join("out")).expect("smartpi starts");
        let here = Self { home, _service: service };
        let look = || here.control().and_then(|mut control| control.ask("status", json!({}))).ok();
        await_fact(LIMIT, look, || "the service does not answer".to_owned()).await;
        here
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    fn control(&self) -> anyhow::Result<Control> {
        Control::connect(&self.data()).and_then(|control| control.patient(LIMIT))
    }

    fn ask(&self, what: &str, arguments: Value) -> Value {
        self.control().and_then(|mut control| control.ask(what, arguments)).unwrap_or_else(|error| panic!("{error:#}"))
    }

    fn refused(&self, what: &str, arguments: Value) -> String {
        let refused = self.control().and_then(|mut control| control.refused(what, arguments));
        refused.unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// The view, once it is like this.
    fn until(&self, title: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let control = self.control().expect("the service runs");
        let view = control.until_event("view.watch", json!({}), SOON, title, wanted);
        view.unwrap_or_else(|error| panic!("{error:#}"))
    }

    fn chosen(&self) -> Value {
        self.until("there", |_| true)["settings"]["gatewayElsewhere"].take()
    }

    async fn run(&self, args: &[&str]) -> Output {
        let mut command = smartpi(self.home.path());
        command.args(args);
        run(command.into(), None, LIMIT).await
    }

    /// Whether any file of ours holds this text.
    fn keeps(&self, text: &str) -> bool {
        fn any(folder: &Path, text: &str) -> bool {
            let Ok(entries) = std::fs::read_dir(folder) else { return false };
            entries.flatten().any(|entry| {
                let path = entry.path();
                if path.is_dir() { any(&path, text) } else { holds(&path, text) }
            })
        }
        any(self.home.path(), text)
    }
}

fn holds(file: &Path, text: &str) -> bool {
    std::fs::read(file).is_ok_and(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
}

fn smartpi(home: &Path) -> Command {
    let mut command = Command::new(binaries::smartpi());
    let inside = |name: &str| home.join(name);
    command.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin").env("LANG", "C.UTF-8").env("TMPDIR", home);
    command.env("XDG_CONFIG_HOME", inside("config")).env("XDG_DATA_HOME", inside("share"));
    command.arg("--data").arg(inside("data"));
    command
}

/// What the owner of that computer reads there.
fn fingerprint_there(gateway: &Gateway) -> String {
    let pem = std::fs::read_to_string(gateway.state_dir.join("gateway/tls/gateway-cert.pem")).expect("it made one");
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = BASE64.decode(body.as_bytes()).expect("a certificate");
    Fingerprint(Sha256::digest(&der).into()).to_string()
}

// What is asked of the service blocks, while the impostor answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_computers_gateway_is_compared_pinned_and_left() {
    let model = Model::start();
    let mut there = Gateway::prepare(CURRENT, &model, &json!({ "gateway": { "tls": { "enabled": true } } }));
    let here = Here::start().await;
    there.boot().await;
    let real = fingerprint_there(&there);
    let url = format!("wss://127.0.0.1:{}/", there.port);
    let pin = Fingerprint::parse(&real);
    let address = Address::parse(&url, pin).expect("an address");
    until_let_in(&address, |_| true).await;

    the_link_takes_one_certificate(&address).await;
    a_command_compares_the_certificate(&here, &url, &real).await;
    it_is_chosen_by_what_the_person_compared(&here, &url, &real);
    an_impostor_is_told_nothing(&here, &mut there, &url).await;
    the_own_one_is_back_with_a_click(&here);
}

async fn the_link_takes_one_certificate(address: &Address) {
    let us = app("Study", &["operator.admin"]);
    let auth = || {
        let proof = Proof::of_certificate(address.clone(), std::time::Instant::now()).expect("it is encrypted");
        Auth::Shared(Shared::Token(token(Gateway::TOKEN)), proof)
    };
    let client = Client::connect(address, &us, Who::Repair, &auth(), gateway::events()).await.expect("the pin fits");
    assert_eq!(client.greeting().version, CURRENT);
    let seen = gateway::look(address).await.expect("it answers").expect("a certificate");
    assert_eq!(address.pinned(seen.fingerprint).as_ref(), Some(address));
    assert!(seen.trouble.is_some(), "nobody vouches for it");
}

async fn a_command_compares_the_certificate(here: &Here, url: &str, real: &str) {
    let list = ["gateway", "devices", "list", "--json", "--url", url, "--token", Gateway::TOKEN];
    let told = |output: &Output| serde_json::from_str::<Value>(&output.out).unwrap_or_else(|_| panic!("{output:?}"));
    let unknown = here.run(&list).await;
    assert_eq!(unknown.status.code(), Some(4), "{unknown:?}");
    let failure = told(&unknown)["failure"].take();
    assert_eq!(
        (&failure["code"], &failure["detail"]["fingerprint"]),
        (&json!("gateway_certificate_unknown"), &json!(real))
    );
    let other = here.run(&[&list[..], &["--tls-fingerprint", &"ab".repeat(32)]].concat()).await;
    assert_eq!(told(&other)["failure"]["code"], "gateway_certificate_changed", "{other:?}");
    let listed = here.run(&[&list[..], &["--tls-fingerprint", real]].concat()).await.expect_json();
    assert!(listed["paired"].is_array(), "{listed}");
}

fn it_is_chosen_by_what_the_person_compared(here: &Here, url: &str, real: &str) {
    let seen = here.ask("gateway.look", json!({ "url": url }));
    assert_eq!(
        seen,
        json!({ "url": url, "reach": "encrypted", "certificate": { "fingerprint": real, "notTrusted": "unknown" } })
    );
    let choice = |fingerprint: Option<&str>, text: &str| json!({ "url": url, "tlsFingerprint": fingerprint, "secret": { "kind": "token", "text": text } });
    // This home has no keyring: no key is made in a file that the person did not choose.
    let keyless = here.refused("gateway.choose", choice(Some(real), Gateway::TOKEN));
    assert!(keyless.starts_with("keyring_"), "{keyless}");
    here.ask("settings.change", json!({ "secretsInFile": true }));
    for (tried, code) in [
        (choice(None, Gateway::TOKEN), "gateway_certificate_unknown"),
        (choice(Some(&"ab".repeat(32)), Gateway::TOKEN), "gateway_certificate_changed"),
        (choice(Some(real), "wrong"), "gateway_secret_refused"),
        (json!({ "url": url, "tlsFingerprint": real }), "gateway_secret_needed"),
        (json!({ "url": "ws://10.255.255.1:1", "secret": { "kind": "token", "text": "x" } }), "gateway_not_encrypted"),
        (json!({ "url": "ws://203.0.113.7:1", "readable": true }), "gateway_address_public"),
        (json!({ "url": "office", "readable": true }), "gateway_address_bad"),
    ] {
        assert_eq!(here.refused("gateway.choose", tried.clone()), code, "{tried}");
    }
    assert_eq!(here.chosen(), Value::Null, "what did not work is not remembered");
    assert!(!here.keeps(Gateway::TOKEN), "neither is its secret");

    let chosen = here.ask("gateway.choose", choice(Some(real), Gateway::TOKEN));
    assert_eq!(chosen, json!({ "version": CURRENT, "requestId": null }));
    let online = here.until("online", |view| view["gateway"]["state"] == "online");
    assert_eq!((&online["gateway"]["url"], &online["gateway"]["version"]), (&json!(url), &json!(CURRENT)));
    assert_eq!(here.chosen(), json!({ "url": url, "tlsFingerprint": real }));
    let devices = here.ask("gateway.devices", json!({}));
    assert!(devices["paired"].as_array().is_some_and(|all| all.iter().any(|one| one["ours"] == true)), "{devices}");
    // Only what can work from here is offered.
    let change = json!({ "change": "writeChannel", "shown": "x" });
    for (what, arguments) in [
        ("gateway.agents", json!({})),
        ("care.look", json!({})),
        ("care.entries_preview", json!({ "change": "putBack" })),
        ("care.entries_write", change),
        ("care.entries_leave", json!({})),
    ] {
        assert_eq!(here.refused(what, arguments), "gateway_elsewhere", "{what}");
    }
    let unseen = json!({ "kind": "hidden", "value": "otherComputer" });
    let rows = online["care"]["plugin"].as_array().expect("rows");
    assert!(!rows.is_empty() && rows.iter().all(|row| row["fix"] == unseen), "{rows:?}");
    let named = online["care"]["rows"].as_array().into_iter().flatten().filter(|row| row["link"] == "agent");
    assert_eq!(named.map(|row| &row["name"]).collect::<Vec<_>>(), [&Value::Null], "its agents answer nobody here");
}

/// Somebody with another certificate takes the address. The twin is a person who trusts that one, too: then it hears the token.
async fn an_impostor_is_told_nothing(here: &Here, there: &mut Gateway, url: &str) {
    there.stop().await;
    let (impostor, fingerprint) = Squatter::with_certificate(there.port).await;
    let stuck = here.until("stuck", |view| view["gateway"]["failure"]["code"] == "gateway_certificate_changed");
    assert_eq!(stuck["gateway"]["failure"]["detail"]["fingerprint"], fingerprint, "{stuck}");
    assert_eq!(impostor.all(), Vec::<String>::new(), "it heard nothing at all");
    let trusting =
        json!({ "url": url, "tlsFingerprint": fingerprint, "secret": { "kind": "token", "text": Gateway::TOKEN } });
    here.refused("gateway.choose", trusting);
    assert!(impostor.heard(Gateway::TOKEN), "the check would not have seen a secret: {:?}", impostor.all());
}

fn the_own_one_is_back_with_a_click(here: &Here) {
    assert!(here.keeps(Gateway::TOKEN));
    here.ask("gateway.choose_local", json!({}));
    assert_eq!(here.chosen(), Value::Null);
    assert!(!here.keeps(Gateway::TOKEN), "the other's secret is forgotten");
    // Nothing of OpenClaw is on this computer, and that is said.
    here.until("local again", |view| view["gateway"]["failure"]["code"] == "gateway_no_config");
}
