use ed25519_dalek::SigningKey;
use rusqlite::Connection;

use super::*;
use crate::id::{MessageId, TurnId};
use crate::store::{Milestones, NewReply, NewTurn};
use crate::wire::device::Kind;

fn bound(store: &mut Store, seed: u8) -> DeviceKey {
    let key = SigningKey::from_bytes(&[seed; 32]).verifying_key();
    store.bind_device(&key, &format!("d{seed}"), Kind::Phone, 1).unwrap();
    DeviceKey::of(&key)
}

fn turn_id(device: &DeviceKey, index: u32) -> TurnId {
    TurnId { device: device.clone(), message: MessageId::parse(&format!("{index:026}")).unwrap() }
}

fn say(store: &mut Store, device: &DeviceKey, index: u32, text: &str, at: i64) -> TurnId {
    let turn = turn_id(device, index);
    store.insert_turn(NewTurn { device, message: &turn.message, text, received_at: at, stored_at: at }).unwrap();
    turn
}

fn reply(store: &mut Store, turn: &TurnId, rid: &str, text: &str, code: Option<Code>) -> u64 {
    let re = Some(turn.message.as_str());
    let reply = NewReply { device: &turn.device, rid, re, text, late: false, code, by: None, now: 50 };
    store.insert_reply(reply).unwrap()
}

fn done(store: &mut Store, turn: &TurnId, at: i64) {
    store.turn_done(turn, "answered", Milestones::default(), at, true).unwrap();
}

fn ids(page: &(Vec<TurnOf>, bool)) -> (Vec<u32>, bool) {
    (page.0.iter().map(|of| of.turn.id.parse().unwrap()).collect(), page.1)
}

#[test]
fn pages_follow_one_another_without_a_gap_also_within_one_millisecond() {
    let mut store = Store::in_memory().unwrap();
    let (one, two) = (bound(&mut store, 1), bound(&mut store, 2));
    for (index, at) in [(1, 10), (2, 20), (3, 20), (4, 20), (5, 30), (6, 40)] {
        say(&mut store, if index % 2 == 0 { &two } else { &one }, index, "x", at);
    }
    assert_eq!(ids(&store.turns(None, None, 2).unwrap()), (vec![6, 5], true));
    assert_eq!(
        ids(&store.turns(None, Some(30), 1).unwrap()),
        (vec![4, 3, 2], true),
        "those of one millisecond together"
    );
    assert_eq!(ids(&store.turns(None, Some(20), 10).unwrap()), (vec![1], false));
    assert_eq!(ids(&store.turns(None, None, 6).unwrap()), (vec![6, 5, 4, 3, 2, 1], false), "just all");
    assert_eq!(ids(&store.turns(Some(&two), None, 2).unwrap()), (vec![6, 4, 2], false));
    assert_eq!(ids(&store.turns(Some(&one), Some(30), 1).unwrap()), (vec![3], true));
    assert_eq!(ids(&store.turns(None, Some(10), 1).unwrap()), (vec![], false));
    assert_eq!(ids(&store.turns(None, None, 0).unwrap()), (vec![6], true), "at least one");
    let page = store.turns(Some(&two), None, 1).unwrap().0;
    assert_eq!((&page[0].device, page[0].name.as_str()), (&two, "d2"));
    store.rename_device(&two, "Küche").unwrap();
    assert_eq!(store.turns(None, None, 1).unwrap().0[0].name, "Küche");
}

#[test]
fn what_was_said_and_answered_is_joined_cut_and_wiped() {
    let mut store = Store::in_memory().unwrap();
    let device = bound(&mut store, 1);
    let long = "好".repeat(600);
    let turn = say(&mut store, &device, 1, &long, 10);
    let words = |store: &Store| {
        let of = store.turns(None, None, 1).unwrap().0.remove(0);
        (of.said, of.answered, of.ended_ms)
    };
    assert_eq!(words(&store), (Some("好".repeat(500)), None, None));
    // A reply to another message, before and between.
    reply(&mut store, &turn_id(&device, 9), "x1", "other", None);
    store.turn_sent(&turn, 20).unwrap();
    reply(&mut store, &turn, "r1", "你好", None);
    reply(&mut store, &turn_id(&device, 9), "x2", "other", None);
    reply(&mut store, &turn, "r2", "ok", None);
    assert_eq!(words(&store).1.as_deref(), Some("你好\nok"), "as it comes");
    reply(&mut store, &turn, "r3", "zh\nen", Some(Code::TurnStopped));
    done(&mut store, &turn, 70);
    assert_eq!((words(&store).1.as_deref(), words(&store).2), (Some("你好\nok"), Some(70)), "without our own notices");
    // Later than the end: the hub says that it belongs to the turn.
    let n = reply(&mut store, &turn, "r4", &long, None);
    assert_eq!(words(&store).1.as_deref(), Some("你好\nok"));
    store.turn_reaches(&turn, n).unwrap();
    assert_eq!(words(&store).1, Some(format!("你好\nok\n{}", "好".repeat(494))));
    store.replies_got(&device, n, Some(80), 81, true).unwrap();
    let record = store.turn_records(&device, 1).unwrap().remove(0);
    assert_eq!((record.sent_ms, record.got_ms), (Some(80), Some(81)));
    store.tidy(1_000, 0).unwrap();
    assert_eq!(words(&store), (None, None, Some(70)));

    let failed = say(&mut store, &device, 2, "hi", 90);
    store.turn_sent(&failed, 91).unwrap();
    reply(&mut store, &failed, "r5", "no credit left", Some(Code::AgentError));
    store.turn_done(&failed, "failed", Milestones::default(), 99, false).unwrap();
    assert_eq!(words(&store), (None, Some("no credit left".into()), Some(99)), "words about an error are an answer");
    let told = |store: &Store| store.turns(None, None, 9).unwrap().0.iter().map(|of| of.failed).collect::<Vec<_>>();
    assert_eq!(told(&store), [true, false], "and are known as an error");
}

#[test]
fn no_page_reads_more_than_it_shows() {
    let store = Store::in_memory().unwrap();
    let plan = |sql: &str| -> Vec<String> {
        let mut statement = store.connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let none = vec![Value::Null; statement.parameter_count()];
        statement.query_map(params_from_iter(none), |row| row.get(3)).unwrap().map(Result::unwrap).collect()
    };
    for of in ["", "AND t.device_key = ?3"] {
        for sql in [page_end(of), page(of), older(of)] {
            let plan = plan(&sql);
            let by_time = |step: &String| step.starts_with("SEARCH t ") && step.contains("INDEX turn_age (received_at");
            assert!(plan.iter().any(by_time), "{plan:#?}");
            assert!(sql == page(of) || plan.iter().any(|step| step.contains("COVERING")), "{plan:#?}");
            for step in &plan {
                // The last term orders those of one millisecond.
                let sorts = step.contains("TEMP B-TREE") && step != "USE TEMP B-TREE FOR LAST TERM OF ORDER BY";
                assert!(!sorts, "{step} in {plan:#?}");
                assert!(
                    !step.starts_with("SCAN") || step == "SCAN CONSTANT ROW" || step.starts_with("SCAN (subquery"),
                    "{step} in {plan:#?}"
                );
                let replies = !step.starts_with("SEARCH r ") || step.contains("device_key=? AND n>? AND n<?");
                assert!(replies, "{step} in {plan:#?}");
            }
        }
    }
}

#[test]
fn a_store_of_the_first_version_is_taken_over_with_everything_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let old = Connection::open(folder.path().join("channel.db")).unwrap();
    old.execute_batch(crate::store::migrations::STEPS[0]).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    let key = SigningKey::from_bytes(&[1; 32]).verifying_key();
    let device = DeviceKey::of(&key);
    old.execute_batch("INSERT INTO meta VALUES ('epoch', 'old')").unwrap();
    old.execute(
        "INSERT INTO device VALUES (?1, ?2, 'Phone', 'phone', 1, 2, 3, 1)",
        params![device.as_str(), key.as_bytes()],
    )
    .unwrap();
    let turn = "INSERT INTO turn (device_key, message_id, digest, text, bytes, state, outcome, received_at, stored_at, delivered_at, final_at)
                VALUES (?1, ?2, x'00', ?3, 1, ?4, ?5, ?6, ?6, ?6, ?7)";
    let message = |index: u32| format!("{index:026}");
    old.execute(turn, params![device.as_str(), message(1), "one", "done", Some("answered"), 10, Some(15)]).unwrap();
    old.execute(turn, params![device.as_str(), message(2), "two", "sent", None::<String>, 20, None::<i64>]).unwrap();
    let insert_reply = "INSERT INTO reply (device_key, n, rid, message_id, text, bytes, created_at, sent_at, got_at) VALUES (?1, ?2, ?3, ?4, ?5, 3, 12, ?6, ?6)";
    old.execute(insert_reply, params![device.as_str(), 1, "a", message(1), "ONE", Some(13)]).unwrap();
    old.execute(insert_reply, params![device.as_str(), 2, "b", None::<String>, "push", None::<i64>]).unwrap();
    old.execute(insert_reply, params![device.as_str(), 3, "c", message(1), "and more", None::<i64>]).unwrap();
    drop(old);

    let mut store = Store::open(folder.path()).unwrap();
    assert_eq!(store.epoch().unwrap(), "old");
    let version: usize = store.connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, crate::store::migrations::NEWEST);
    let row = store.device(&device).unwrap().unwrap();
    assert_eq!((row.name.as_str(), row.last_n, row.got_n), ("Phone", 3, 1));
    let (turns, more) = store.turns(None, None, 10).unwrap();
    assert!(!more);
    let shown: Vec<_> = turns.iter().map(|of| (of.said.as_deref(), of.answered.as_deref(), of.ended_ms)).collect();
    assert_eq!(shown, [(Some("two"), None, None), (Some("one"), Some("ONE\nand more"), Some(15))]);
    assert_eq!(turns[1].turn.got_ms, Some(13));
    // The open turn goes on as a new one does.
    let open = store.next_turns(&device, 1).unwrap().remove(0);
    assert!(open.sent);
    store.turn_sent(&open.id, 30).unwrap();
    reply(&mut store, &open.id, "d", "TWO", None);
    done(&mut store, &open.id, 40);
    store.commit().unwrap();
    let two = Store::open(folder.path()).unwrap().turns(Some(&device), None, 1).unwrap().0.remove(0);
    assert_eq!((two.answered.as_deref(), two.ended_ms, two.turn.delivered_ms), (Some("TWO"), Some(40), Some(20)));
}
