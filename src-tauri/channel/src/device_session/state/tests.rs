//! The state machine against the table of docs/PROTOCOL.md section 3, written out again as rows.

use proptest::prelude::*;

use super::*;
use crate::wire::Hidden;
use crate::wire::device::{Confirm, Kind};

/// States of the document, and the three in which an answer is awaited.
#[derive(Clone, Copy, Debug, PartialEq)]
enum At {
    Greeted,
    Proving,
    Announcing,
    Announced,
    Claiming,
    Claimed,
    Confirming,
    Bound,
    Ready,
    Closed,
}

/// Inputs of the document.
#[derive(Clone, Copy, Debug, PartialEq)]
enum In {
    Auth,
    AuthOfAnother,
    AuthOtherVersion,
    Token,
    TokenOtherVersion,
    TokenHuge,
    Announce,
    AnnounceOtherVersion,
    Reveal,
    RevealWrong,
    ProofGood,
    ProofUnknown,
    ProofBad,
    Bind,
    BindOtherVersion,
    Taken,
    Shown,
    Approved,
    Msg,
    MsgEmpty,
    MsgLong,
    MsgBadId,
    Got,
    GotHuge,
    Ping,
    Pong,
    Bye,
    Unknown,
    Malformed,
    Control,
}

const INPUTS: [In; 30] = [
    In::Auth,
    In::AuthOfAnother,
    In::AuthOtherVersion,
    In::Token,
    In::TokenOtherVersion,
    In::TokenHuge,
    In::Announce,
    In::AnnounceOtherVersion,
    In::Reveal,
    In::RevealWrong,
    In::ProofGood,
    In::ProofUnknown,
    In::ProofBad,
    In::Bind,
    In::BindOtherVersion,
    In::Taken,
    In::Shown,
    In::Approved,
    In::Msg,
    In::MsgEmpty,
    In::MsgLong,
    In::MsgBadId,
    In::Got,
    In::GotHuge,
    In::Ping,
    In::Pong,
    In::Bye,
    In::Unknown,
    In::Malformed,
    In::Control,
];

/// The three ways to come.
const TLS: Way = Way { secure: true, loopback: false };
const LOOPBACK: Way = Way { secure: false, loopback: true };
const NETWORK: Way = Way { secure: false, loopback: false };
const WAYS: [Way; 3] = [TLS, LOOPBACK, NETWORK];

/// Rows that depend on the way.
const BY_WAY: &[(In, &[Way], At, &str)] = &[
    (In::Token, &[TLS, LOOPBACK], At::Proving, "prove"),
    (In::Token, &[NETWORK], At::Closed, "9014 bye9014/4003"),
    (In::Announce, &[TLS], At::Announcing, "announce"),
    (In::Announce, &[LOOPBACK, NETWORK], At::Closed, "9014 bye9014/4003"),
];

/// From, input, to, and the answer in short: codes are `err`, a number after a slash is the close.
const TABLE: &[(At, In, At, &str)] = &[
    (At::Greeted, In::Auth, At::Proving, "prove"),
    (At::Greeted, In::AuthOfAnother, At::Proving, "prove"),
    (At::Greeted, In::AuthOtherVersion, At::Closed, "9010 bye9010/4007"),
    (At::Proving, In::ProofGood, At::Ready, "ready"),
    (At::Proving, In::ProofUnknown, At::Closed, "9004 bye9004/4004"),
    (At::Proving, In::ProofBad, At::Closed, "failed 9003 bye9003/4003"),
    (At::Greeted, In::Bind, At::Claiming, "claim"),
    (At::Greeted, In::BindOtherVersion, At::Closed, "9010 bye9010/4007"),
    (At::Greeted, In::TokenOtherVersion, At::Closed, "9010 bye9010/4007"),
    (At::Greeted, In::AnnounceOtherVersion, At::Closed, "9010 bye9010/4007"),
    (At::Announcing, In::Taken, At::Announced, ""),
    (At::Announced, In::Reveal, At::Claimed, "reveal"),
    (At::Announced, In::RevealWrong, At::Closed, "failed 9003 bye9003/4003"),
    (At::Claiming, In::Taken, At::Claimed, ""),
    (At::Claimed, In::Shown, At::Confirming, "shown"),
    (At::Claimed, In::Approved, At::Bound, ""),
    (At::Confirming, In::Approved, At::Bound, ""),
    (At::Bound, In::Auth, At::Proving, "prove"),
    (At::Bound, In::AuthOtherVersion, At::Closed, "9010 bye9010/4007"),
    (At::Ready, In::Msg, At::Ready, "message"),
    (At::Ready, In::MsgEmpty, At::Ready, "9006re"),
    (At::Ready, In::MsgLong, At::Ready, "9006re"),
    (At::Ready, In::Got, At::Ready, "got"),
];

/// Rows for "any" state, then "anything else".
fn row(way: Way, at: At, input: In) -> (At, &'static str) {
    if at == At::Closed {
        return (At::Closed, "");
    }
    let here = |(on, ways, ..): &&(In, &[Way], At, &str)| at == At::Greeted && *on == input && ways.contains(&way);
    if let Some((_, _, to, answer)) = BY_WAY.iter().find(here) {
        return (*to, answer);
    }
    if let Some((_, _, to, answer)) = TABLE.iter().find(|(from, on, ..)| (*from, *on) == (at, input)) {
        return (*to, answer);
    }
    match input {
        In::Ping => (at, "pong"),
        In::Pong | In::Control => (at, ""),
        In::Bye => (At::Closed, "/1000"),
        In::Unknown => (at, "9007of"),
        // Not frames: the hub and the key check speak only when they were asked.
        In::ProofGood | In::ProofUnknown | In::ProofBad | In::Taken | In::Approved => (at, ""),
        In::Auth
        | In::AuthOfAnother
        | In::AuthOtherVersion
        | In::Token
        | In::TokenOtherVersion
        | In::TokenHuge
        | In::Announce
        | In::AnnounceOtherVersion
        | In::Reveal
        | In::RevealWrong
        | In::Bind
        | In::BindOtherVersion
        | In::Shown
        | In::Msg
        | In::MsgEmpty
        | In::MsgLong
        | In::MsgBadId
        | In::Got
        | In::GotHuge
        | In::Malformed => (At::Closed, "9007 bye9007/4007"),
    }
}

const ID: &str = "01JD0000000000000000000001";
const OURS: &str = "kzdvvj2umnduyauf35o36k6kw4";

fn auth(v: u32, device_key: &str) -> Input {
    let auth = Auth {
        v,
        device_key: device_key.into(),
        cn: Blob([0; 32]),
        epoch: String::new(),
        last_n: 0,
        sig: Blob([0; 64]),
    };
    Input::Frame(FromDevice::Auth(auth))
}

fn token(v: u32, last_n: u64) -> Input {
    let token = Hidden("spd_".to_owned().into());
    Input::Frame(FromDevice::Token(Token { v, token, cn: Blob([0; 32]), epoch: String::new(), last_n }))
}

fn announcement(v: u32) -> Input {
    let pk = Blob([0; 32]);
    let commit = announce::commitment(&pk, &Blob([5; 32]));
    Input::Frame(FromDevice::Announce(Announce { v, pk, name: "Lamp".into(), kind: Kind::Board, commit }))
}

fn bind(v: u32) -> Input {
    Input::Frame(FromDevice::Bind(Bind {
        v,
        b: Blob([0; 8]),
        pk: Blob([0; 32]),
        cn: Blob([0; 32]),
        name: "Kitchen".into(),
        kind: Kind::Phone,
        confirm: Confirm::Code,
        mac: Blob([0; 32]),
    }))
}

fn message(id: &str, length: usize) -> Input {
    Input::Frame(FromDevice::Msg { id: id.into(), text: "x".repeat(length) })
}

fn input(what: In) -> Input {
    match what {
        In::Auth => auth(1, OURS),
        In::AuthOfAnother => auth(1, "aaaaaaaaaaaaaaaaaaaaaaaaaa"),
        In::AuthOtherVersion => auth(2, OURS),
        In::Token => token(1, 0),
        In::TokenOtherVersion => token(2, 0),
        In::TokenHuge => token(1, 9_007_199_254_740_992),
        In::Announce => announcement(1),
        In::AnnounceOtherVersion => announcement(2),
        In::Reveal => Input::Frame(FromDevice::AnnounceReveal { cn: Blob([5; 32]) }),
        In::RevealWrong => Input::Frame(FromDevice::AnnounceReveal { cn: Blob([6; 32]) }),
        In::ProofGood => Input::Proved(Proof::Good),
        In::ProofUnknown => Input::Proved(Proof::UnknownKey),
        In::ProofBad => Input::Proved(Proof::Bad),
        In::Bind => bind(1),
        In::BindOtherVersion => bind(0),
        In::Taken => Input::ClaimTaken,
        In::Shown => Input::Frame(FromDevice::BindShown {}),
        In::Approved => Input::Confirmed(DeviceKey::parse(OURS).expect("well formed")),
        In::Msg => message(ID, 32_768),
        In::MsgEmpty => message(ID, 0),
        In::MsgLong => message(ID, 32_769),
        In::MsgBadId => message("nonsense", 5),
        In::Got => Input::Frame(FromDevice::Got { n: 9_007_199_254_740_991 }),
        In::GotHuge => Input::Frame(FromDevice::Got { n: 9_007_199_254_740_992 }),
        In::Ping => Input::Frame(FromDevice::Ping { c: 41 }),
        In::Pong => Input::Frame(FromDevice::Pong { c: 41 }),
        In::Bye => Input::Frame(FromDevice::Bye { code: 9015 }),
        In::Unknown => Input::Unknown("dance".into()),
        In::Malformed => Input::Malformed,
        In::Control => Input::Control,
    }
}

fn at(stage: &Stage) -> At {
    match stage {
        Stage::Greeted => At::Greeted,
        Stage::Proving(_) => At::Proving,
        Stage::Announcing(_) => At::Announcing,
        Stage::Announced(_) => At::Announced,
        Stage::Claiming => At::Claiming,
        Stage::Claimed => At::Claimed,
        Stage::Confirming => At::Confirming,
        Stage::Bound(device) => {
            assert_eq!(device.as_str(), OURS);
            At::Bound
        }
        Stage::Ready => At::Ready,
        Stage::Closed => At::Closed,
    }
}

fn short(output: &Output) -> String {
    match output {
        Output::Send(ToDevice::Err(error)) => {
            assert_eq!((error.en.as_str(), error.zh.as_str()), error.code.words());
            let re = error.re.as_deref().map_or("", |re| if re == ID { "re" } else { "wrong re" });
            let of = error.of.as_deref().map_or("", |of| if of == "dance" { "of" } else { "wrong of" });
            format!("{}{re}{of} ", error.code.number())
        }
        Output::Send(frame) if *frame == ToDevice::Pong { c: 41 } => "pong ".into(),
        Output::Send(other) => panic!("{other:?}"),
        Output::Prove(_) => "prove ".into(),
        Output::Ready(credential) => {
            match &**credential {
                Credential::Signed(auth) => {
                    assert!([OURS, "aaaaaaaaaaaaaaaaaaaaaaaaaa"].contains(&auth.device_key.as_str()));
                }
                Credential::Token(token) => assert_eq!(*token.token.0, "spd_"),
            }
            "ready ".into()
        }
        Output::Claim(_) => "claim ".into(),
        Output::Announce(_) => "announce ".into(),
        Output::Reveal(cn) => {
            assert_eq!(cn.0, [5; 32]);
            "reveal ".into()
        }
        Output::Shown => "shown ".into(),
        Output::Message { .. } => "message ".into(),
        Output::Got(_) => "got ".into(),
        Output::FailedProof => "failed ".into(),
        Output::Close(code, close) => {
            format!("{}/{}", code.map_or(String::new(), |code| format!("bye{}", code.number())), *close as u16)
        }
    }
}

fn shorts(outputs: &[Output]) -> String {
    outputs.iter().map(short).collect::<String>().trim_end().to_owned()
}

/// The shortest way into each state.
fn reach(target: At) -> State {
    reach_by(TLS, target)
}

fn reach_by(way: Way, target: At) -> State {
    let story: &[In] = match target {
        At::Greeted => &[],
        At::Proving => &[In::Auth],
        At::Announcing => &[In::Announce],
        At::Announced => &[In::Announce, In::Taken],
        At::Claiming => &[In::Bind],
        At::Claimed => &[In::Bind, In::Taken],
        At::Confirming => &[In::Bind, In::Taken, In::Shown],
        At::Bound => &[In::Bind, In::Taken, In::Shown, In::Approved],
        At::Ready => &[In::Auth, In::ProofGood],
        At::Closed => &[In::Malformed],
    };
    story.iter().fold(State::new(way), |state, what| step(state, input(*what), 0).0)
}

#[test]
fn every_state_answers_every_input_as_the_table_says() {
    const STATES: [At; 10] = [
        At::Greeted,
        At::Proving,
        At::Announcing,
        At::Announced,
        At::Claiming,
        At::Claimed,
        At::Confirming,
        At::Bound,
        At::Ready,
        At::Closed,
    ];
    for way in WAYS {
        for from in STATES {
            if way != TLS && matches!(from, At::Announcing | At::Announced) {
                continue;
            }
            for what in INPUTS {
                let start = reach_by(way, from);
                assert_eq!(at(&start.stage), from);
                let (state, outputs) = step(start, input(what), 0);
                let came = (at(&state.stage), shorts(&outputs));
                let (to, answer) = row(way, from, what);
                assert_eq!(came, (to, answer.to_owned()), "{way:?} {from:?} {what:?}");
            }
        }
    }
}

proptest! {
    #[test]
    fn any_story_goes_as_the_table_says(way in prop::sample::select(&WAYS[..]), story in prop::collection::vec(prop::sample::select(&INPUTS[..]), 1..40)) {
        let mut state = State::new(way);
        let mut expected = At::Greeted;
        let mut frames_before_proof = 0;
        for (index, what) in story.into_iter().enumerate() {
            let is_frame = !matches!(what, In::ProofGood | In::ProofUnknown | In::ProofBad | In::Taken | In::Approved);
            let heartbeat = matches!(what, In::Ping | In::Pong | In::Control);
            let waits_for_person = matches!(expected, At::Claimed | At::Confirming | At::Bound);
            let exempt = matches!(what, In::Bye | In::Malformed) || heartbeat && waits_for_person;
            let counts = is_frame && !exempt && !matches!(expected, At::Ready | At::Closed);
            frames_before_proof += u32::from(counts);
            // Slow enough for every rate.
            let (next, outputs) = step(state, input(what), index as u64 * 60);
            let too_many = counts && frames_before_proof > 8;
            let (to, answer) = if too_many { (At::Closed, "9005 bye9005/4005") } else { row(way, expected, what) };
            let answered = shorts(&outputs);
            prop_assert_eq!((at(&next.stage), answered.as_str()), (to, answer), "{:?} {:?}", expected, what);
            // Nothing is done for a device before its proof, and closing is the last thing.
            let acts = outputs.iter().any(|output| matches!(output, Output::Message { .. } | Output::Got(_)));
            prop_assert!(!acts || expected == At::Ready);
            let closes = outputs.iter().position(|output| matches!(output, Output::Close(..)));
            let last = (to == At::Closed && expected != At::Closed).then(|| outputs.len() - 1);
            prop_assert_eq!(closes, last);
            state = next;
            expected = to;
        }
    }
}

fn repeat(mut state: State, what: In, times: u32, now_ms: u64) -> (State, Vec<Output>) {
    let mut outputs = Vec::new();
    for _ in 0..times {
        (state, outputs) = step(state, input(what), now_ms);
    }
    (state, outputs)
}

#[test]
fn the_ninth_frame_before_a_proof_is_one_too_many() {
    let (state, outputs) = repeat(State::new(NETWORK), In::Unknown, 8, 0);
    assert_eq!((at(&state.stage), shorts(&outputs).as_str()), (At::Greeted, "9007of"));
    let (state, outputs) = repeat(state, In::Auth, 1, 0);
    assert_eq!((at(&state.stage), shorts(&outputs).as_str()), (At::Closed, "9005 bye9005/4005"));
}

#[test]
fn heartbeats_while_a_person_confirms_are_not_attempts() {
    let mut state = reach(At::Confirming);
    for minute in 0..60 {
        (state, _) = step(state, input(In::Pong), minute * 60_000);
        (state, _) = step(state, input(In::Ping), minute * 60_000);
    }
    assert_eq!(at(&state.stage), At::Confirming);
    let (state, outputs) = repeat(state, In::Ping, 41, 9_000_000);
    assert_eq!((at(&state.stage), shorts(&outputs).as_str()), (At::Closed, "9005 bye9005/4005"));
}

#[test]
fn the_forty_first_message_at_once_waits_and_the_session_stays() {
    let (state, outputs) = repeat(reach(At::Ready), In::Msg, 40, 1_000);
    assert_eq!(shorts(&outputs), "message");
    let (state, outputs) = step(state, input(In::Msg), 1_000);
    assert_eq!((at(&state.stage), shorts(&outputs).as_str()), (At::Ready, "9005re"));
    let Some(Output::Send(ToDevice::Err(error))) = outputs.first() else { panic!("{outputs:?}") };
    assert_eq!(error.retry_ms, Some(50));
    let (state, outputs) = step(state, input(In::Msg), 1_049);
    assert_eq!(shorts(&outputs), "9005re");
    let (_, outputs) = step(state, input(In::Msg), 1_050);
    assert_eq!(shorts(&outputs), "message");
}

#[test]
fn the_forty_first_other_frame_at_once_ends_the_session() {
    for what in [In::Got, In::Ping, In::Pong, In::Unknown, In::Control] {
        let (state, _) = repeat(reach(At::Ready), what, 40, 1_000);
        assert_eq!(at(&state.stage), At::Ready);
        // Messages are counted apart.
        let (state, outputs) = step(state, input(In::Msg), 1_000);
        assert_eq!(shorts(&outputs), "message");
        let (state, outputs) = step(state, input(what), 1_000);
        assert_eq!((at(&state.stage), shorts(&outputs).as_str()), (At::Closed, "9005 bye9005/4005"), "{what:?}");
    }
}

#[test]
fn a_got_for_each_reply_is_never_too_fast() {
    let mut state = reach(At::Ready);
    for _ in 0..1_000 {
        (state, _) = step(state, Input::ReplySent, 0);
        (state, _) = step(state, input(In::Got), 0);
    }
    let (state, outputs) = repeat(state, In::Got, 40, 0);
    assert_eq!((at(&state.stage), shorts(&outputs).as_str()), (At::Ready, "got"));
    assert_eq!(at(&repeat(state, In::Got, 1, 0).0.stage), At::Closed);
    // What was earned is bounded: a device cannot save up.
    let (state, _) = (0..1_000).fold((reach(At::Ready), Vec::new()), |(state, _), _| step(state, Input::ReplySent, 0));
    assert_eq!(at(&repeat(state.clone(), In::Got, 64 + 40, 0).0.stage), At::Ready);
    assert_eq!(at(&repeat(state, In::Got, 64 + 41, 0).0.stage), At::Closed);
}
