//! Every way in which a token of OpenClaw's goes stale, made on purpose on a real gateway: what mends by itself is seen to be well, the rest is mended by one
//! order of the person, and what cannot be mended ends with words. The program under test is `smartpi serve`, whose clock is five minutes wrong all the time.
//!
//! A boot costs up to 40 s: the stories share one, in the order in which a person would live them.

mod clinic;

use care::apply::{Hands, StepFailure, apply};
use care::finding::{Cause, Severity};
use care::journal::{Entry, JournalError, Outcome};
use care::plan::{Plan, PlannedStep};
use gateway::{Auth, ConnectFailure, Identity, Token, Who};
use serde_json::{Value, json};
use support::openclaw::{CURRENT, Gateway};

use crate::gateway_link::Squatter;
use clinic::{Clinic, kinds, online, stuck_with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stale_tokens_are_mended_by_one_order_or_end_with_words() {
    let mut clinic = Clinic::open().await;
    a_gateway_without_a_token_gets_one(&clinic);
    what_mends_by_itself_leaves_nothing_to_repair(&clinic).await;
    a_token_that_changed_behind_the_gateways_back_is_told_apart(&clinic).await;
    a_stale_device_token_is_mended_and_put_back(&clinic).await;
    a_squatter_learns_nothing(&mut clinic).await;
    a_stray_with_the_same_token_is_no_matter_of_tokens(&mut clinic).await;
}

/// OpenClaw makes a new secret at each start and tells nobody: the configuration gets one.
fn a_gateway_without_a_token_gets_one(clinic: &Clinic) {
    let off = clinic.view("nothing was wished", |_| true);
    assert_eq!((&off["care"]["findings"], &off["care"]["lookedMs"]), (&json!([]), &Value::Null), "nobody has looked");
    clinic.ask("settings.change", json!({ "secretsInFile": true }));
    clinic.ask("gateway.connect", json!({ "on": true }));
    clinic.view("without a token", stuck_with("gateway_token_missing"));
    let before = clinic.gateway.config();
    let repair = clinic.mend("noAuthConfigured");
    assert_eq!(kinds(&repair), ["writeAuth", "restartGateway"], "{repair}");
    assert_eq!(repair["outcome"]["kind"], "verified", "{repair}");
    clinic.view("online", online);
    let after = clinic.gateway.config();
    let token = after["gateway"]["auth"]["token"].as_str().expect("a token").to_owned();
    assert!(token.len() >= 32 && after["gateway"]["port"] == before["gateway"]["port"], "{after}");
    // The journal says what was done, and holds no secret.
    let journal = clinic.journal();
    assert!(journal.lines().count() >= 6 && !journal.contains(&token), "{journal}");
    assert_eq!(clinic.ask("care.history", json!({}))[0], clinic.look()["last"]);
}

async fn what_mends_by_itself_leaves_nothing_to_repair(clinic: &Clinic) {
    let token = clinic.token();
    let ours = clinic.ours();
    let id = ours["deviceId"].as_str().expect("an id").to_owned();
    let name = ours["name"].as_str().expect("a name").to_owned();
    for how in ["rotate", "revoke", "remove", "prune", "change"] {
        let since = clinic.since();
        let repair = clinic.repair_connection(&token).await;
        match how {
            "rotate" => drop(repair.rotate(&id, "operator", None).await.expect("rotated")),
            "revoke" => repair.revoke(&id, "operator").await.expect("revoked"),
            "remove" => repair.remove(&id).await.expect("removed"),
            // A twin of the same name: the gateway keeps one of the two.
            "prune" => clinic.twin(&token, &name).await,
            _ => clinic.edit(|config| config["gateway"]["auth"]["token"] = json!("changed-token")),
        }
        if how == "change" {
            // What the gateway goes by now.
            clinic.repair_connection_soon("changed-token").await;
        } else if how == "prune" {
            // Whether the connection was ended as well or not, the token is worth nothing.
            clinic.ask("gateway.connect", json!({ "on": false }));
            clinic.ask("gateway.connect", json!({ "on": true }));
        } else {
            clinic.view(how, |view| view["gateway"]["sinceMs"].as_i64() > Some(since));
        }
        clinic.view(how, online);
        let care = clinic.look();
        let found = care["findings"].as_array().expect("a list").iter().filter(|one| one["severity"] != "note");
        assert_eq!(found.count(), 0, "{how}: {care}");
        for row in care["rows"].as_array().expect("rows").iter().filter(|row| row["link"] == "pairing") {
            assert_eq!(row["state"], "works", "{how}: {row}");
        }
    }
}

/// The gateway does not hear of a change of its configuration: first the file is wrong, then the link holds what the file said.
async fn a_token_that_changed_behind_the_gateways_back_is_told_apart(clinic: &Clinic) {
    clinic.forget_repairs();
    clinic.edit(|config| config["gateway"]["reload"] = json!({ "mode": "off" }));
    clinic.repair_connection_soon("changed-token").await;
    let id = clinic.ours()["deviceId"].as_str().expect("an id").to_owned();
    clinic.settle().await;
    clinic.edit(|config| config["gateway"]["auth"]["token"] = json!("not-the-gateways"));
    // What the link remembers is gone with it.
    clinic.ask("gateway.connect", json!({ "on": false }));
    clinic.ask("gateway.connect", json!({ "on": true }));
    clinic.view("online by its own token", online);
    clinic.repair_connection("changed-token").await.rotate(&id, "operator", None).await.expect("rotated");
    clinic.view("a wrong token", stuck_with("gateway_token_wrong"));
    let care = clinic.look();
    let finding = clinic.finding(&care, "sharedTokenWrong");
    assert!(!finding.to_string().contains("not-the-gateways"), "fingerprints, no tokens: {finding}");

    clinic.edit(|config| config["gateway"]["auth"]["token"] = json!("changed-token"));
    let repair = clinic.mend("sharedTokenWrong");
    assert_eq!(kinds(&repair), ["readTokenAgain", "connectWithSharedToken"], "{repair}");
    assert_eq!(repair["outcome"]["kind"], "verified", "{repair}");
    clinic.view("online", online);
}

/// The gateway's own secret cannot be read for a while: nothing mends by itself, and a repair that fails puts back what it put aside.
async fn a_stale_device_token_is_mended_and_put_back(clinic: &Clinic) {
    clinic.forget_repairs();
    let id = clinic.ours()["deviceId"].as_str().expect("an id").to_owned();
    let program = json!({ "source": "exec", "provider": "nobody", "id": "token" });
    clinic.edit(|config| config["gateway"]["auth"]["token"] = program);
    clinic.ask("gateway.connect", json!({ "on": false }));
    clinic.ask("gateway.connect", json!({ "on": true }));
    clinic.view("online by its own token", online);
    clinic.repair_connection("changed-token").await.revoke(&id, "operator").await.expect("revoked");
    clinic.view("stale", stuck_with("gateway_device_token_stale"));
    let failed = clinic.mend("deviceTokenStale");
    assert_eq!(failed["outcome"], json!({ "kind": "failed", "step": 1 }), "{failed}");
    assert_eq!((&failed["steps"][1]["failure"], &failed["undoable"]), (&json!("gateway_token_missing"), &json!(true)));
    let undone = clinic.ask("care.undo", json!({ "plan": failed["plan"]["id"] }));
    assert_eq!((&undone["steps"][0]["state"], &undone["undoable"]), (&json!("undone"), &json!(false)), "{undone}");
    assert_eq!(clinic.refused("care.undo", json!({ "plan": failed["plan"]["id"] })), "repair_no_undo");
    clinic.view("stale again: it is the old token", stuck_with("gateway_device_token_stale"));

    let plan = clinic.plan("deviceTokenStale");
    // The plan stays the one that was shown; the secret can be read again.
    clinic.edit(|config| config["gateway"]["auth"]["token"] = json!("changed-token"));
    assert_eq!(clinic.refused("care.repair", json!({ "plan": plan["id"] })), "repair_changed");
    let mended = clinic.mend("deviceTokenStale");
    assert_eq!(kinds(&mended), ["forgetDeviceToken", "connectWithSharedToken"], "{mended}");
    assert_eq!(mended["outcome"]["kind"], "verified", "{mended}");
    clinic.view("online", online);
    hands_that_do_nothing_are_found_out(&mended, clinic).await;
}

/// The planted fault: hands that say that they did it. The look afterwards, by a real connection, says otherwise.
async fn hands_that_do_nothing_are_found_out(mended: &Value, clinic: &Clinic) {
    struct Idle<'a> {
        clinic: &'a Clinic,
        fingerprint: String,
        said: usize,
    }
    impl Hands for Idle<'_> {
        fn now_ms(&mut self) -> i64 {
            0
        }
        async fn ground(&mut self, _: Cause) -> String {
            self.fingerprint.clone()
        }
        async fn perform(&mut self, _: &PlannedStep) -> Result<Option<String>, StepFailure> {
            self.said += 1;
            Ok(None)
        }
        async fn is_gone(&mut self, _: Cause) -> bool {
            let twin = Identity::from_seed(&[9; Identity::SEED_BYTES]);
            let stale = Auth::DeviceToken(Token::new("stale".into()));
            match self.clinic.connect(Who::Device(&twin), "Idle", &stale).await {
                Ok(_) => true,
                Err(failure) => {
                    assert_eq!(failure, ConnectFailure::DeviceTokenMismatch);
                    false
                }
            }
        }
        async fn pause(&mut self, _: u64) {}
        fn record(&mut self, _: &Entry) -> Result<(), JournalError> {
            Ok(())
        }
    }
    let plan: Plan = serde_json::from_value(mended["plan"].clone()).expect("the plan on the wire is the plan");
    let mut idle = Idle { clinic, fingerprint: plan.fingerprint.clone(), said: 0 };
    assert_eq!(apply(&plan, &mut idle).await, Outcome::DidNotHelp);
    assert_eq!(idle.said, plan.steps.len());
}

async fn a_squatter_learns_nothing(clinic: &mut Clinic) {
    clinic.forget_repairs();
    let token = clinic.token();
    clinic.gateway.stop().await;
    let squatter = Squatter::take_port(clinic.gateway.port).await;
    clinic.ask("gateway.connect", json!({ "on": true }));
    clinic.view("somebody else answers", |view| view["gateway"]["failure"]["code"] == "gateway_not_openclaw");
    let care = clinic.look();
    let finding = clinic.finding(&care, "foreignProgram");
    assert_eq!(finding["repair"]["why"]["kind"], "notAboutTokens", "{finding}");
    assert_eq!(clinic.refused("care.repair", json!({ "plan": "none" })), "repair_unknown");
    assert!(!squatter.all().is_empty() && !squatter.heard(&token), "no secret of the gateway: {:?}", squatter.all());
}

/// Another OpenClaw with a copied configuration has the port: it would take the token.
async fn a_stray_with_the_same_token_is_no_matter_of_tokens(clinic: &mut Clinic) {
    let mut stray = Gateway::prepare(CURRENT, &clinic.model, &json!({}));
    let mut config = stray.config();
    config["gateway"]["port"] = json!(clinic.gateway.port);
    config["gateway"]["auth"] = clinic.gateway.config()["gateway"]["auth"].clone();
    std::fs::write(stray.config_path(), config.to_string()).expect("a configuration");
    stray.port = clinic.gateway.port;
    stray.boot().await;
    clinic.ask("gateway.connect", json!({ "on": true }));
    clinic.view("another gateway answers", |view| view["gateway"]["failure"]["code"] == "gateway_other");
    let care = clinic.look();
    let finding = clinic.finding(&care, "wrongInstance");
    assert_eq!(finding["repair"]["why"]["kind"], "notAboutTokens", "{finding}");
    assert_eq!(care["findings"].as_array().map(Vec::len), Some(1), "no word of tokens: {care}");
    let severity = serde_json::to_value(Severity::Broken).expect("a word");
    assert_eq!(finding["severity"], severity);
    assert_eq!(clinic.journal(), "", "nothing was done about it");
}
