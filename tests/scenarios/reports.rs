//! What may be pasted into a chat: the logs at their finest, the report, and everything the service printed. Real parts: the `smartpi` binary with its files.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use serde_json::{Value, json};
use support::control::Control;

use crate::backup::Story;

/// For a look of a debug binary on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// How a secret may stand in a text.
fn forms(secret: &[u8]) -> Vec<String> {
    let percent = secret.iter().map(|byte| format!("%{byte:02X}")).collect();
    let mut forms = vec![
        BASE64.encode(secret),
        BASE64_NOPAD.encode(secret),
        BASE64URL_NOPAD.encode(secret),
        HEXLOWER.encode(secret),
        HEXUPPER.encode(secret),
        percent,
    ];
    forms.extend(std::str::from_utf8(secret).map(str::to_owned));
    forms
}

/// The secrets that can be read in a text.
fn hits<'s>(text: &str, secrets: &'s [(String, Vec<u8>)]) -> Vec<&'s str> {
    let read = secrets.iter().filter(|(_, secret)| forms(secret).iter().any(|form| text.contains(form.as_str())));
    read.map(|(name, _)| name.as_str()).collect()
}

/// By its configuration, whose secret nobody else knows; and a repair of an earlier day, whose failure somebody wrote down too carefully.
fn an_openclaw_that_does_not_run(story: &Story) -> Result<Vec<(String, Vec<u8>)>> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let [token, noted] = ["canary4tokenOfTheConfiguration", "canary4tokenInTheJournal"];
    let folder = story.home.path().join(".openclaw");
    fs::create_dir_all(&folder)?;
    let config = json!({"gateway": {"mode": "local", "port": port, "auth": {"mode": "token", "token": token}}});
    fs::write(folder.join("openclaw.json"), config.to_string())?;
    let step = json!({
        "step": {"kind": "connectWithDeviceToken", "deviceId": "d", "port": port}, "action": {"kind": "connect", "port": port},
        "risk": "none", "stops": "ourLink", "undo": "notNeeded", "sendsSharedToken": false,
    });
    let plan = json!({
        "id": "p", "cause": "sharedTokenWrong", "evidence": [], "steps": [step], "fingerprint": "f", "ground": "f", "madeMs": 1, "expiresMs": 2,
    });
    let failed = json!({"kind": "failed", "code": format!("token={noted}")});
    let lines = [
        json!({"kind": "started", "atMs": 1, "plan": plan}),
        json!({"kind": "stepEnded", "atMs": 2, "plan": "p", "step": 0, "result": failed}),
        json!({"kind": "ended", "atMs": 3, "plan": "p", "result": {"kind": "failed", "step": 0}}),
    ];
    fs::write(story.data().join("repairs.jsonl"), lines.map(|line| format!("{line}\n")).concat())?;
    Control::connect(&story.data())?.ask("care.look", json!({}))?;
    let found = |view: &Value| view["care"]["findings"][0]["cause"] == "nobodyListens";
    Control::connect(&story.data())?.until_event("view.watch", json!({}), LIMIT, "a finding", found)?;
    Ok([token, noted].map(|secret| (secret.to_owned(), secret.into())).to_vec())
}

#[test]
fn forty_secrets_are_in_no_log_and_no_report() -> Result<()> {
    let story = Story::begin()?;
    let mut secrets: Vec<(String, Vec<u8>)> = Vec::new();
    for name in ["service.key", "link.key"] {
        secrets.push((name.into(), fs::read(story.data().join(name))?));
    }
    let pem = fs::read_to_string(story.data().join("tls.pem"))?;
    let key =
        pem.lines().skip_while(|line| !line.contains("PRIVATE KEY")).skip(1).take_while(|line| !line.starts_with('-'));
    secrets.extend(key.map(|line| ("tls.pem".into(), line.as_bytes().to_vec())));
    let mut control = Control::connect(&story.data())?;
    for number in 0..6 {
        let started = control.ask("bind.start", json!({}))?;
        let url = started["url"].as_str().context("a URL")?;
        let secret = url.split(['#', '.']).filter(|part| part.len() >= 20).nth(1).context("a secret")?;
        secrets.push((format!("bind secret {number}"), secret.as_bytes().to_vec()));
        secrets.push((format!("bind secret {number}, raw"), BASE64URL_NOPAD.decode(secret.as_bytes())?));
        let typed = started["typedCode"].as_str().context("a typed code")?;
        secrets.push((format!("typed code {number}"), typed.as_bytes().to_vec()));
    }
    for number in 0..4 {
        let added = control.ask("devices.add_script", json!({"name": format!("script {number}")}))?;
        secrets.push((format!("token {number}"), added["token"].as_str().context("a token")?.as_bytes().to_vec()));
    }
    let mut name = "Kitchen".to_owned();
    for number in 0..4 {
        let said = format!("canary-said-{number}-in-a-message");
        story.talk(&said)?;
        let sent = format!("canary-sent-{number}-by-the-person");
        story.run(&["devices", "send", &name, &sent])?;
        let named = format!("canary-name-{number}");
        story.run(&["devices", "rename", &name, &named])?;
        secrets.extend([said, sent, named.clone()].map(|text| (text.clone(), text.into_bytes())));
        name = named;
    }
    // What nobody expects: a frame of nonsense on the control socket, and a setting of another program.
    let planted = "canary-in-the-settings";
    let path = story.data().join("config/settings.json");
    let mut settings: Value =
        fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or(json!({"version": 2}));
    settings["nickname"] = planted.into();
    fs::write(&path, settings.to_string())?;
    secrets.push((planted.into(), planted.into()));
    control.refused("canary-in-a-request", json!({"code": "canary-in-an-argument"}))?;
    secrets.extend(["canary-in-a-request", "canary-in-an-argument"].map(|text| (text.to_owned(), text.into())));
    secrets.extend(an_openclaw_that_does_not_run(&story)?);
    ensure!(secrets.len() >= 40, "only {} secrets", secrets.len());

    let file = story.home.path().join("report.txt");
    let printed = story.run(&["report", file.to_str().context("a path")?])?;
    let report = fs::read_to_string(&file)?;
    ensure!(printed.contains(&report) && report.contains("devices: 5 bound"), "{printed}");
    for told in
        ["findings: 1\n  nobodyListens, broken", "repairs: 1\n  sharedTokenWrong, ", "connectWithDeviceToken: failed, "]
    {
        ensure!(report.contains(told), "{told:?} is not told:\n{report}");
    }
    let home = story.home.path().to_str().context("a path")?;
    ensure!(!report.contains(home), "the home folder is named:\n{report}");
    let mut told = report;
    told.push_str(&fs::read_to_string(story.home.path().join("service.out"))?);
    for entry in fs::read_dir(story.data().join("logs"))? {
        told.push_str(&fs::read_to_string(entry?.path())?);
    }
    ensure!(told.len() > 4_000, "nothing was logged: {told}");
    assert_eq!(hits(&told, &secrets), [] as [&str; 0]);
    // The search itself finds what is there: all of it, one after the other.
    let shown: String = secrets.iter().map(|(_, secret)| HEXLOWER.encode(secret) + "\n").collect();
    assert_eq!(hits(&shown, &secrets).len(), secrets.len());
    Ok(())
}
