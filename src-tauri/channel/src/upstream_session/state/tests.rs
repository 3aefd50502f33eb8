//! The link's state machine against docs/PROTOCOL.md section 4, written out again.

use proptest::prelude::*;

use super::*;
use crate::wire::Blob;
use crate::wire::upstream::Outcome;

const INPUTS: usize = 13;

fn auth(v: u32, gateway: &str, host: &str) -> Input {
    let auth = LinkAuth {
        v,
        cn: Blob([0; 32]),
        gateway: gateway.into(),
        plugin: "0.1.0".into(),
        host: host.into(),
        mac: Blob([0; 32]),
    };
    Input::Frame(FromPlugin::Auth(auth))
}

const GATEWAY: &str = "00112233445566778899aabbccddeeff";

fn input(index: usize) -> Input {
    match index {
        0 => auth(1, GATEWAY, "2026.9.6"),
        1 => auth(2, GATEWAY, "2026.9.6"),
        2 => auth(1, "short", "2026.9.6"),
        3 => auth(1, GATEWAY, &"9".repeat(65)),
        4 => auth(1, GATEWAY, "2026\n"),
        5 => Input::Frame(FromPlugin::Accepted { turn: "t".into() }),
        6 => Input::Frame(FromPlugin::Done {
            rid: "r".into(),
            turn: "t".into(),
            outcome: Outcome::Silent,
            code: None,
            detail: None,
        }),
        7 => Input::Frame(FromPlugin::Ping { c: 3 }),
        8 => Input::Frame(FromPlugin::Pong { c: 3 }),
        9 => Input::Frame(FromPlugin::Bye { code: 1 }),
        10 => Input::Unknown("dance".into()),
        11 => Input::Control,
        _ => Input::Malformed,
    }
}

/// Greeted, linked or closed.
fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Greeted(_) => "greeted",
        Stage::Linked => "linked",
        Stage::Closed => "closed",
    }
}

fn short(output: &Output) -> String {
    match output {
        Output::Send(ToPlugin::Err(error)) => format!("{}{} ", error.code.number(), error.of.as_deref().unwrap_or("")),
        Output::Send(ToPlugin::Pong { c: 3 }) => "pong ".into(),
        Output::Send(other) => panic!("{other:?}"),
        Output::Linked(_) => "ready ".into(),
        Output::Pass(_) => "pass ".into(),
        Output::FailedProof => "failed ".into(),
        Output::Close(code, close) => {
            format!("{}/{}", code.map_or(String::new(), |code| format!("bye{}", code.number())), *close as u16)
        }
    }
}

fn expected(from: &'static str, index: usize, holds: bool) -> (&'static str, &'static str) {
    match (from, index) {
        ("closed", _) => ("closed", ""),
        (_, 7) => (from, "pong"),
        (_, 8 | 11) => (from, ""),
        (_, 9) => ("closed", "/1000"),
        (_, 10) => (from, "9007dance"),
        ("greeted", 0) if holds => ("linked", "ready"),
        ("greeted", 0) => ("closed", "failed 9003 bye9003/4003"),
        ("greeted", 1) => ("closed", "9010 bye9010/4007"),
        ("linked", 5 | 6) => ("linked", "pass"),
        _ => ("closed", "9007 bye9007/4007"),
    }
}

proptest! {
    #[test]
    fn any_story_goes_as_the_table_says(story in prop::collection::vec((0..INPUTS, prop::bool::weighted(0.8)), 1..30)) {
        let mut stage = Stage::Greeted(0);
        let mut at = "greeted";
        let mut greetings = 0;
        for (index, holds) in story {
            greetings += u32::from(at == "greeted");
            let (next, outputs) = step(stage, input(index), |_| holds);
            let outputs: String = outputs.iter().map(short).collect();
            let row = if at == "greeted" && greetings > 8 { ("closed", "9005 bye9005/4005") } else { expected(at, index, holds) };
            prop_assert_eq!((name(next), outputs.trim_end()), row, "{} {:?}", at, input(index));
            (stage, at) = (next, row.0);
        }
    }
}

#[test]
fn every_stage_answers_every_input() {
    for (stage, from) in [(Stage::Greeted(0), "greeted"), (Stage::Linked, "linked"), (Stage::Closed, "closed")] {
        for index in 0..INPUTS {
            for holds in [true, false] {
                let (next, outputs) = step(stage, input(index), |_| holds);
                let outputs: String = outputs.iter().map(short).collect();
                assert_eq!((name(next), outputs.trim_end()), expected(from, index, holds), "{from} {index}");
            }
        }
    }
}
