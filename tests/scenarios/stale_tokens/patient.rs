//! One `smartpi serve`, and what its person asks of it. Its computer has a name of its own: of two devices with one name a gateway prunes one.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::control::Control;

/// For what the gateway and the service do at once.
pub(super) const SOON: Duration = Duration::from_secs(120);
/// For a repair: commands of OpenClaw's, a person's part, and two looks ten seconds apart.
const REPAIR: Duration = Duration::from_secs(240);

#[derive(Clone, Debug)]
pub(super) struct Patient {
    pub(super) name: &'static str,
    pub(super) data: PathBuf,
    pub(super) output: PathBuf,
}

impl Patient {
    pub(super) fn is_up(&self) -> bool {
        Control::connect(&self.data).is_ok()
    }

    fn control(&self) -> Control {
        Control::connect(&self.data).and_then(|control| control.patient(REPAIR)).expect("the service runs")
    }

    pub(super) fn ask(&self, what: &str, arguments: Value) -> Value {
        self.control().ask(what, arguments).unwrap_or_else(|error| self.fails(&error))
    }

    fn fails(&self, error: &anyhow::Error) -> ! {
        let log = std::fs::read_to_string(&self.output).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(40).collect();
        let last = lines.into_iter().rev().collect::<Vec<_>>().join("\n");
        panic!("{}: {error:#}\n{last}", self.name)
    }

    /// The view, once it is like this.
    fn view(&self, title: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let view = self.control().until_event("view.watch", json!({}), SOON, title, wanted);
        view.unwrap_or_else(|error| self.fails(&error))
    }

    pub(super) fn online(&self, title: &str) {
        self.view(title, |view| view["gateway"]["state"] == "online");
    }

    pub(super) fn stuck_with(&self, code: &str) {
        self.view(code, |view| view["gateway"]["state"] == "stuck" && view["gateway"]["failure"]["code"] == code);
    }

    /// Connects anew: what the link remembers of the gateway's secret is gone.
    pub(super) fn reconnect(&self) {
        self.ask("gateway.connect", json!({ "on": false }));
        self.view("off", |view| view["gateway"]["state"] == "off");
        self.ask("gateway.connect", json!({ "on": true }));
    }

    /// Looks, and gives what was found.
    fn look(&self) -> Value {
        let before = self.view("the last look", |view| view["care"]["looking"] == false);
        let before = before["care"]["lookedMs"].as_i64();
        self.ask("care.look", json!({}));
        let is_new = |view: &Value| view["care"]["looking"] == false && view["care"]["lookedMs"].as_i64() > before;
        self.view("a new look", is_new)["care"].take()
    }

    /// Looks until this is found: a look may meet the link on its way, or be older than what a person has just done.
    pub(super) fn finding(&self, cause: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let since = Instant::now();
        loop {
            let care = self.look();
            let mut found = care["findings"].as_array().expect("a list").iter();
            if let Some(finding) = found.find(|finding| finding["cause"] == cause && wanted(finding)) {
                return finding.clone();
            }
            if since.elapsed() > SOON {
                self.fails(&anyhow::anyhow!("no such {cause} within {SOON:?}: {care}"));
            }
        }
    }

    /// The plan of a fresh look.
    fn plan(&self, cause: &str) -> Value {
        self.finding(cause, |finding| finding["repair"]["kind"] == "plan")["repair"]["plan"].clone()
    }

    /// A fresh look, and the one order.
    fn mend(&self, cause: &str) -> Value {
        let plan = self.plan(cause);
        let repair = self.ask("care.repair", json!({ "plan": plan["id"] }));
        assert_eq!(repair["plan"], plan, "{}: what was shown is what was done", self.name);
        repair
    }

    /// One order, after which the link is green and verified, and the journal says what was done, without a secret.
    pub(super) fn is_mended(&self, cause: &str, steps: &[&str], secrets: &[&str]) -> Value {
        let repair = self.mend(cause);
        assert_eq!(kinds(&repair), steps, "{}: {repair}", self.name);
        if repair["outcome"]["kind"] != "verified" {
            self.fails(&anyhow::anyhow!("not verified: {repair}"));
        }
        self.online("online after the repair");
        let pairing = |row: &Value| row["link"] == "pairing" && row["state"] == "works";
        self.view("green", |view| view["care"]["rows"].as_array().is_some_and(|rows| rows.iter().any(pairing)));
        let journal = self.journal();
        let of_plan = journal.lines().filter(|line| line.contains(repair["plan"]["id"].as_str().expect("an id")));
        assert_eq!(
            of_plan.count(),
            2 + 2 * steps.len(),
            "{}: begun, each step begun and ended, ended: {journal}",
            self.name
        );
        for secret in secrets {
            assert!(!journal.contains(secret), "{}: a secret in the journal", self.name);
        }
        assert_eq!(self.ask("care.history", json!({}))[0], repair, "{}: the window tells the same", self.name);
        repair
    }

    fn journal(&self) -> String {
        std::fs::read_to_string(self.data.join("repairs.jsonl")).unwrap_or_default()
    }

    pub(super) fn device_id(&self) -> String {
        let devices = self.ask("gateway.devices", json!({}));
        let mut paired = devices["paired"].as_array().expect("a list").iter();
        let ours = paired.find(|device| device["ours"] == true).expect("this app is one of them");
        ours["deviceId"].as_str().expect("an id").to_owned()
    }
}

/// What a repair's steps are.
fn kinds(repair: &Value) -> Vec<&str> {
    let steps = repair["plan"]["steps"].as_array().expect("steps").iter();
    steps.map(|step| step["step"]["kind"].as_str().expect("a word")).collect()
}
