//! Agents that speak first, and answers that come back after a crash: real OpenClaw, real `smartpi`, real plugin.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use device::{Code, Event, Reply};
use serde_json::{Value, json};
use support::fast_agent::Witness;
use support::history::{self, Seen, Violation};
use support::model::answer_to;
use support::openclaw::{CURRENT, await_fact};

use super::stage::Stage;
use super::talker::Talker;
use super::{ID, SOON};

/// For the boot of a gateway, its recovery, and an answer, on a busy machine.
const RECOVER: Duration = Duration::from_secs(240);
const REFUSED: &str = "The owner has not allowed messages to this device";

#[tokio::test]
async fn agents_speak_first_and_the_owner_decides() {
    let mut stage = Stage::set(CURRENT, &json!({})).await;
    stage.install().await.expect_json();
    stage.gateway.boot().await;
    stage.await_link(SOON).await;
    let mut kitchen = stage.bind_anew("Kitchen").await;
    let mut study = stage.bind_anew("Living room").await;

    a_person_and_an_agent_reach_a_device(&stage, &mut kitchen, &mut study).await;
    a_wrong_target_is_told_with_the_names(&stage, &mut kitchen).await;
    the_choice_is_kept(&stage, &mut kitchen, &mut study).await;
    assert_eq!(pushes_over_restarts(&mut stage, &mut kitchen, false).await, []);
    let caught = pushes_over_restarts(&mut stage, &mut kitchen, true).await;
    assert!(
        caught.iter().any(|violation| matches!(violation, Violation::Lost(..))),
        "an outbox that is lost must be seen: {caught:?}"
    );
}

/// `openclaw message send` by key, the agent's tool by name; the device hears who speaks, and so does the owner.
async fn a_person_and_an_agent_reach_a_device(stage: &Stage, kitchen: &mut Talker, study: &mut Talker) {
    cli_send(stage, &kitchen.key, "the washing is done").await.expect_ok();
    let reply = spoken(kitchen, "the washing is done").await;
    assert_eq!((reply.by.as_deref(), reply.re), (Some("terminal"), None));

    let answer = kitchen.ask("TELL Living_room dinner is ready").await;
    let told = answer.reply.text.replace(' ', "");
    assert!(told.contains("\"ok\":true"), "the agent hears that it was taken: {answer:?}");
    let reply = spoken(study, "dinner is ready").await;
    assert_eq!((reply.by.as_deref(), reply.re), (Some("agent:main"), None));

    let told = stage.smartpi(&["activity", "--json"]).await.expect_json();
    let told: Vec<_> = told["unasked"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| (&entry["deviceName"], &entry["by"], &entry["agent"], &entry["said"]))
        .collect();
    assert_eq!(
        told,
        [
            (&json!("Living room"), &json!("agent"), &json!("main"), &json!("dinner is ready")),
            (&json!("Kitchen"), &json!("terminal"), &Value::Null, &json!("the washing is done")),
        ]
    );
}

async fn a_wrong_target_is_told_with_the_names(stage: &Stage, kitchen: &mut Talker) {
    let known = "Known devices: \"Kitchen\", \"Living room\"";
    let wrong = cli_send(stage, "Bath", "hello").await;
    assert!(!wrong.status.success() && format!("{}{}", wrong.out, wrong.err).contains(known), "{wrong:?}");
    let answer = kitchen.ask("TELL Bath hello").await;
    let told = answer.reply.text.replace('\\', "");
    assert!(told.contains(known) && !told.contains(&kitchen.key), "{answer:?}");
}

async fn the_choice_is_kept(stage: &Stage, kitchen: &mut Talker, study: &mut Talker) {
    let choose = |device: &'static str, who: &'static str| async move {
        stage.smartpi(&["devices", "speaks-first", device, who]).await.expect_ok();
    };
    choose("Living room", "asked").await;
    let refused = cli_send(stage, &study.key, "may I").await;
    assert!(!refused.status.success() && format!("{}{}", refused.out, refused.err).contains(REFUSED), "{refused:?}");
    let answer = kitchen.ask("TELL Living_room may I too").await;
    assert!(answer.reply.text.contains(REFUSED), "the agent is told in words: {answer:?}");
    // What the device itself asked for comes, also where nobody may speak first.
    choose("Living room", "nobody").await;
    let id = study.say("TELL Living_room you asked for this").await;
    let is_it = |event: &Event| matches!(event, Event::Shown(reply) if reply.text == "you asked for this");
    let Event::Shown(reply) = study.until("what it asked for", is_it).await else { unreachable!("just matched") };
    assert_eq!((reply.re.as_deref(), reply.by.as_deref()), (Some(id.as_str()), Some("agent:main")));
    let told = stage.smartpi(&["activity", "Living room", "--json"]).await.expect_json();
    let refused: Vec<_> =
        told["unasked"].as_array().expect("a list").iter().filter(|entry| entry["refused"] == true).collect();
    let by: Vec<_> = refused.iter().map(|entry| (&entry["by"], &entry["said"])).collect();
    assert_eq!(by, [(&json!("agent"), &Value::Null), (&json!("terminal"), &Value::Null)], "{told}");
    assert_eq!(stage.ask("devices.status", json!({ "deviceKey": study.key }))["speaksFirst"], "nobody");
    choose("Living room", "anyone").await;
}

/// The service is away; three messages are sent; the gateway is killed and comes back; then the service does. `loses_outbox`: the planted fault.
async fn pushes_over_restarts(stage: &mut Stage, kitchen: &mut Talker, loses_outbox: bool) -> Vec<Violation> {
    let word = if loses_outbox { "lost" } else { "kept" };
    stage.kill_service().await;
    let mut seen = Seen::default();
    for index in 1..=2 {
        let text = format!("{word} {index}");
        let sent = cli_send(stage, &kitchen.key, &text).await.expect_ok();
        assert!(sent.contains("kept") || !sent.is_empty(), "{sent}");
        seen.queued.push(text.clone());
        seen.acked.insert(text);
    }
    stage.gateway.kill9().await;
    if loses_outbox {
        std::fs::write(stage.gateway.state_dir.join("smartpi/outbox.jsonl"), "").expect("the outbox is there");
    }
    stage.serve_again().await;
    stage.gateway.boot().await;
    stage.await_link(RECOVER).await;
    // The last one comes after all that went before.
    let last = format!("{word} last");
    cli_send(stage, &kitchen.key, &last).await.expect_ok();
    seen.queued.push(last.clone());
    seen.acked.insert(last.clone());
    spoken(kitchen, &last).await;
    let texts = kitchen.seen().iter().filter_map(|event| match_shown(event)).map(|reply| reply.text.clone());
    seen.shown = texts.filter(|text| text.starts_with(word)).collect();
    seen.told.clone_from(&seen.shown);
    history::judge(&BTreeMap::from([(0, seen)]), &Witness::default())
}

/// How often the gateway is killed.
fn kills() -> usize {
    std::env::var("SMARTPI_GATEWAY_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(5)
}

#[tokio::test]
async fn a_gateway_killed_in_mid_turn_answers_once_or_says_that_nobody_knows() {
    let mut stage = Stage::set(CURRENT, &json!({})).await;
    stage.install().await.expect_json();
    stage.gateway.boot().await;
    stage.await_link(SOON).await;
    let mut kitchen = stage.bind_anew("Kitchen").await;
    // The first turn of a session is slow for reasons of its own.
    kitchen.ask("good morning").await;
    let mut ids = BTreeMap::new();
    for kill in 0..kills() {
        // Different moments of the turn: before the model is asked, while it thinks, while it writes, after.
        let line = match kill % 4 {
            0 => format!("SLOW 4 round {kill}"),
            1 => format!("STREAM round {kill}"),
            2 => format!("SLOW 1 round {kill}"),
            _ => format!("round {kill}"),
        };
        let next = format!("after {kill}");
        for line in [&line, &next] {
            ids.insert(kitchen.say(line).await, line.clone());
        }
        if kill % 4 != 3 {
            let asked = || stage.model.asked_for(&line).map(|_| ());
            await_fact(RECOVER, asked, || format!("the model was not asked {line:?}:\n{}", stage.gateway.log())).await;
        }
        stage.gateway.kill9().await;
        boot_again(&mut stage).await;
        for (id, line) in
            ids.iter().filter(|(_, said)| **said == line || **said == next).map(|(id, line)| (id.clone(), line.clone()))
        {
            let is_end = |event: &Event| {
                match_shown(event).is_some_and(|reply| reply.re.as_deref() == Some(&id) && is_end(reply, &line))
            };
            kitchen.until_within(RECOVER, "an end of the turn", is_end).await;
        }
    }
    // Whatever still comes late comes before this.
    let last = kitchen.ask("good night").await;
    assert_eq!(last.reply.text, answer_to("good night"));
    let seen = seen_of(&ids, kitchen.seen());
    assert_eq!(history::judge(&BTreeMap::from([(0, seen.clone())]), &Witness::default()), [], "{:#?}", kitchen.seen());
    // The twin of the judge: the same history with one answer taken out, and with one told twice.
    let mut lost = seen.clone();
    let gone = lost.shown.pop().expect("an answer");
    assert_eq!(history::judge(&BTreeMap::from([(0, lost)]), &Witness::default()), [Violation::Lost(0, gone.clone())]);
    let mut doubled = seen;
    doubled.shown.push(gone);
    assert!(matches!(
        history::judge(&BTreeMap::from([(0, doubled)]), &Witness::default())[..],
        [Violation::Doubled(..)]
    ));
}

/// After three crashes within 5 minutes OpenClaw starts without its channels, and names the command that a person starts one with.
async fn boot_again(stage: &mut Stage) {
    let before = stage.gateway.log().len();
    stage.gateway.boot().await;
    let log = stage.gateway.log();
    if log.get(before..).is_some_and(|log| log.contains("restart-loop breaker tripped")) {
        let channel = json!({ "channel": ID }).to_string();
        stage.gateway.cli(&["gateway", "call", "channels.start", "--params", &channel]).await.expect_ok();
    }
    stage.await_link(RECOVER).await;
}

/// What the plugin puts before words of an earlier run that name no question.
const GUESS: &str = "This may be the answer to an earlier question.";

/// The answer itself, or that nobody knows.
fn is_end(reply: &Reply, line: &str) -> bool {
    reply.text.contains(&answer_to(line)) || reply.code == Some(Code::OutcomeUnknown)
}

/// What the device showed as the end of each message, in order, also where an answer named no message.
fn seen_of(ids: &BTreeMap<String, String>, events: &[Event]) -> Seen {
    let mut seen = Seen::default();
    let (mut guessed, mut answered) = (Vec::new(), BTreeSet::new());
    for event in events {
        if let Event::Queued { id } = event
            && ids.contains_key(id)
        {
            seen.queued.push(id.clone());
        }
        if let Event::Acked { id, .. } = event
            && ids.contains_key(id)
        {
            seen.acked.insert(id.clone());
        }
        let Some(reply) = match_shown(event) else { continue };
        let named = ids.iter().find(|(id, line)| reply.re.as_deref() == Some(id) && is_end(reply, line));
        let unnamed = ids.iter().find(|(_, line)| reply.re.is_none() && reply.text.contains(&answer_to(line)));
        match (named, unnamed) {
            (Some((id, _)), _) => {
                seen.shown.push(id.clone());
                answered.extend(reply.code.is_none().then(|| id.clone()));
            }
            // Told as what may be an answer: its question keeps its own end, which is that nobody knows.
            (None, Some((id, _))) if reply.text.contains(GUESS) => guessed.push(id.clone()),
            (None, unnamed) => seen.shown.extend(unnamed.map(|(id, _)| id.clone())),
        }
    }
    // Beside the answer itself, or a second time, it is one too many.
    seen.shown.extend(guessed.into_iter().filter(|id| !answered.insert(id.clone())));
    seen.told.clone_from(&seen.shown);
    assert_eq!(seen.acked, ids.keys().cloned().collect::<BTreeSet<_>>(), "every message was taken");
    seen
}

fn match_shown(event: &Event) -> Option<&Reply> {
    if let Event::Shown(reply) = event { Some(reply) } else { None }
}

async fn cli_send(stage: &Stage, target: &str, words: &str) -> support::openclaw::Output {
    stage.gateway.cli(&["message", "send", "--channel", ID, "--target", target, "--message", words]).await
}

async fn spoken(talker: &mut Talker, words: &str) -> Reply {
    let is_it = |event: &Event| match_shown(event).is_some_and(|reply| reply.text == words);
    let Event::Shown(reply) = talker.until(words, is_it).await else { unreachable!("just matched") };
    reply
}
