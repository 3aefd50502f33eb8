//! Both wire decoders: what was written is read again, golden frames keep their meaning, and no input harms.

use std::fs;
use std::path::Path;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::device::*;
use super::upstream::*;
use super::*;

fn blob<const N: usize>() -> impl Strategy<Value = Blob<N>> {
    proptest::array::uniform::<_, N>(any::<u8>()).prop_map(Blob)
}

fn text() -> impl Strategy<Value = String> {
    "(?s).{0,40}"
}

fn code() -> impl Strategy<Value = Code> {
    select(&Code::ALL[..])
}

fn stage() -> impl Strategy<Value = Stage> {
    select(vec![Stage::Thinking, Stage::Tool, Stage::Writing])
}

fn err() -> impl Strategy<Value = ErrFrame> {
    (code(), option::of(text()), option::of(text()), option::of(any::<u64>()), text(), text())
        .prop_map(|(code, re, of, retry_ms, en, zh)| ErrFrame { code, re, of, retry_ms, en, zh })
}

fn bye() -> impl Strategy<Value = Bye> {
    (code(), option::of(any::<u64>())).prop_map(|(code, retry_ms)| Bye { code, retry_ms })
}

fn from_device() -> impl Strategy<Value = FromDevice> {
    let kind = select(vec![Kind::Phone, Kind::Speaker, Kind::Board, Kind::Script, Kind::Other]);
    let confirm = select(vec![Confirm::Code, Confirm::Allow]);
    prop_oneof![
        (any::<u32>(), blob(), blob(), blob(), text(), kind, confirm, blob()).prop_map(
            |(v, b, pk, cn, name, kind, confirm, mac)| {
                FromDevice::Bind(Bind { v, b, pk, cn, name, kind, confirm, mac })
            }
        ),
        Just(FromDevice::BindShown {}),
        (any::<u32>(), blob(), text(), select(vec![Kind::Speaker, Kind::Board]), blob())
            .prop_map(|(v, pk, name, kind, commit)| FromDevice::Announce(Announce { v, pk, name, kind, commit })),
        blob().prop_map(|cn| FromDevice::AnnounceReveal { cn }),
        (any::<u32>(), text(), blob(), text(), any::<u64>()).prop_map(|(v, token, cn, epoch, last_n)| {
            FromDevice::Token(Token { v, token: Hidden(token.into()), cn, epoch, last_n })
        }),
        (any::<u32>(), text(), blob(), text(), any::<u64>(), blob()).prop_map(
            |(v, device_key, cn, epoch, last_n, sig)| {
                FromDevice::Auth(Auth { v, device_key, cn, epoch, last_n, sig })
            }
        ),
        (text(), text()).prop_map(|(id, text)| FromDevice::Msg { id, text }),
        any::<u64>().prop_map(|n| FromDevice::Got { n }),
        any::<u64>().prop_map(|c| FromDevice::Ping { c }),
        any::<u64>().prop_map(|c| FromDevice::Pong { c }),
        any::<u16>().prop_map(|code| FromDevice::Bye { code }),
    ]
}

fn to_device() -> impl Strategy<Value = ToDevice> {
    let versions = (any::<u32>(), any::<u32>()).prop_map(|(min, max)| Versions { min, max });
    let link = || select(vec![LinkState::Online, LinkState::Offline]);
    let state =
        select(vec![TurnState::Queued, TurnState::Sent, TurnState::Running, TurnState::Done, TurnState::Failed]);
    let reply =
        (any::<u64>(), text(), option::of(text()), text(), any::<bool>(), option::of(code()), option::of(text()))
            .prop_map(|(n, rid, re, text, late, code, by)| ToDevice::Reply(Reply { n, rid, re, text, late, code, by }));
    let ready = (text(), text(), text(), any::<u64>(), any::<bool>(), link(), any::<u64>(), blob()).prop_map(
        |(device_key, name, epoch, n, same, link, answer_s, sig)| {
            let resume = if same { Resume::Ok } else { Resume::Reset };
            ToDevice::Ready { device_key, name, epoch, n, resume, link, answer_s, sig }
        },
    );
    prop_oneof![
        (versions, blob(), blob(), text(), text(), any::<u64>()).prop_map(|(v, sn, spk, name, epoch, hb)| {
            ToDevice::Hello { v, sn, spk, name, epoch, hb, limits: Limits::OURS }
        }),
        (blob(), blob(), any::<u64>()).prop_map(|(mac, sig, expires_s)| ToDevice::BindWait { mac, sig, expires_s }),
        (blob(), blob(), any::<u64>()).prop_map(|(an, sig, expires_s)| ToDevice::AnnounceWait { an, sig, expires_s }),
        (text(), option::of(vec(any::<u8>(), 1..600)))
            .prop_map(|(device_key, cert)| ToDevice::BindOk { device_key, cert: cert.map(Der) }),
        ready,
        (text(), select(vec![Stored::Stored, Stored::Dup])).prop_map(|(id, st)| ToDevice::Ack { id, st }),
        (text(), state, option::of(stage())).prop_map(|(re, s, stage)| ToDevice::Turn { re, s, stage }),
        (text(), text()).prop_map(|(re, text)| ToDevice::Partial { re, text }),
        reply,
        link().prop_map(|s| ToDevice::Link { s }),
        err().prop_map(ToDevice::Err),
        any::<u64>().prop_map(|c| ToDevice::Ping { c }),
        any::<u64>().prop_map(|c| ToDevice::Pong { c }),
        bye().prop_map(ToDevice::Bye),
    ]
}

fn from_plugin() -> impl Strategy<Value = FromPlugin> {
    let outcome =
        select(vec![Outcome::Answered, Outcome::Silent, Outcome::Failed, Outcome::Aborted, Outcome::Duplicate]);
    prop_oneof![
        (any::<u32>(), blob(), text(), text(), text(), blob()).prop_map(|(v, cn, gateway, plugin, host, mac)| {
            FromPlugin::Auth(LinkAuth { v, cn, gateway, plugin, host, mac })
        }),
        text().prop_map(|turn| FromPlugin::Accepted { turn }),
        (text(), stage()).prop_map(|(turn, stage)| FromPlugin::Progress { turn, stage }),
        (text(), text()).prop_map(|(turn, text)| FromPlugin::Partial { turn, text }),
        (text(), text(), text(), any::<bool>()).prop_map(|(rid, turn, text, error)| FromPlugin::Reply {
            rid,
            turn,
            text,
            error
        }),
        (text(), text(), text(), option::of(text()), option::of(text()))
            .prop_map(|(rid, to, text, by, re_turn)| FromPlugin::Push { rid, to, text, by, re_turn }),
        (text(), text(), outcome, option::of(code()), option::of(text()))
            .prop_map(|(rid, turn, outcome, code, detail)| FromPlugin::Done { rid, turn, outcome, code, detail }),
        any::<u64>().prop_map(|c| FromPlugin::Ping { c }),
        any::<u64>().prop_map(|c| FromPlugin::Pong { c }),
        any::<u16>().prop_map(|code| FromPlugin::Bye { code }),
    ]
}

fn to_plugin() -> impl Strategy<Value = ToPlugin> {
    let versions = (any::<u32>(), any::<u32>()).prop_map(|(min, max)| Versions { min, max });
    prop_oneof![
        (versions, blob(), text(), any::<u64>()).prop_map(|(v, sn, epoch, hb)| ToPlugin::Hello { v, sn, epoch, hb }),
        (any::<u64>(), blob()).prop_map(|(number, mac)| ToPlugin::Ready { r#gen: number, mac }),
        (text(), text(), any::<bool>()).prop_map(|(device, name, online)| ToPlugin::Presence { device, name, online }),
        (text(), text(), text(), text(), any::<i64>()).prop_map(|(turn, device, name, text, ts)| ToPlugin::Deliver {
            turn,
            device,
            name,
            text,
            ts
        }),
        text().prop_map(|rid| ToPlugin::Stored { rid }),
        (text(), code()).prop_map(|(rid, code)| ToPlugin::Refused { rid, code }),
        (text(), text(), any::<u64>()).prop_map(|(turn, device, after_s)| ToPlugin::Slow { turn, device, after_s }),
        text().prop_map(|turn| ToPlugin::Abort { turn }),
        err().prop_map(ToPlugin::Err),
        any::<u64>().prop_map(|c| ToPlugin::Ping { c }),
        any::<u64>().prop_map(|c| ToPlugin::Pong { c }),
        bye().prop_map(ToPlugin::Bye),
    ]
}

/// JSON that is nearly a frame: right types and names, anything as values.
fn nearly_a_frame() -> impl Strategy<Value = String> {
    const NAMES: [&str; 16] =
        ["v", "b", "pk", "cn", "sn", "name", "mac", "id", "text", "n", "c", "code", "turn", "rid", "st", "s"];
    let value = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
        Just(json!({"a": [{"b": []}]})),
    ];
    let types: Vec<&str> =
        [&FromDevice::KNOWN[..], &ToDevice::KNOWN, &FromPlugin::KNOWN, &ToPlugin::KNOWN, &["dance"]].concat();
    (select(types), vec((select(&NAMES[..]), value), 0..10)).prop_map(move |(kind, fields)| {
        let mut frame = json!({"t": kind});
        for (name, value) in fields {
            frame[name] = value;
        }
        frame.to_string()
    })
}

fn read_all_ways(text: &str) {
    let _ = FromDevice::decode(text);
    let _ = ToDevice::decode(text);
    let _ = FromPlugin::decode(text);
    let _ = ToPlugin::decode(text);
}

proptest! {
    #[test]
    fn what_a_device_sends_is_read_again(frame in from_device()) {
        prop_assert_eq!(FromDevice::decode(&encode(&frame)), Ok(frame));
    }

    #[test]
    fn what_a_device_is_sent_is_read_again(frame in to_device()) {
        prop_assert_eq!(ToDevice::decode(&encode(&frame)), Ok(frame));
    }

    #[test]
    fn what_a_plugin_sends_is_read_again(frame in from_plugin()) {
        prop_assert_eq!(FromPlugin::decode(&encode(&frame)), Ok(frame));
    }

    #[test]
    fn what_a_plugin_is_sent_is_read_again(frame in to_plugin()) {
        prop_assert_eq!(ToPlugin::decode(&encode(&frame)), Ok(frame));
    }

    #[test]
    fn no_bytes_harm(bytes in vec(any::<u8>(), 0..300)) {
        read_all_ways(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn no_json_harms(text in nearly_a_frame()) {
        read_all_ways(&text);
    }

    #[test]
    fn a_cut_frame_is_no_frame(frame in from_device(), place: prop::sample::Index) {
        let whole = encode(&frame);
        let cut = place.index(whole.len());
        if let Some(part) = whole.get(..cut) {
            prop_assert!(matches!(FromDevice::decode(part), Err(FrameError::Malformed(_))));
        }
    }

    #[test]
    fn an_unknown_field_changes_nothing(frame in from_device(), value in text()) {
        let mut json: Value = serde_json::from_str(&encode(&frame)).expect("JSON");
        json["mood"] = value.into();
        prop_assert_eq!(FromDevice::decode(&json.to_string()), Ok(frame));
    }

    #[test]
    fn a_blob_has_one_form(bytes in vec(any::<u8>(), 0..40)) {
        let text = BASE64URL_NOPAD.encode(&bytes);
        prop_assert_eq!(Blob::<32>::parse(&text).is_some(), bytes.len() == 32);
        let padded = data_encoding::BASE64URL.encode(&bytes);
        prop_assert!(Blob::<32>::parse(&padded).is_none() || padded == text);
    }
}

fn golden(folder: &str) -> Vec<(String, String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(folder);
    let files = fs::read_dir(&folder).expect("the golden frames are there");
    files
        .map(|file| {
            let path = file.expect("a file").path();
            let golden: Value = serde_json::from_str(&fs::read_to_string(&path).expect("text")).expect("JSON");
            let from = golden["from"].as_str().expect("a side").to_owned();
            (path.display().to_string(), from, golden["frame"].clone())
        })
        .collect()
}

fn reencoded<T: Serialize>(name: &str, frame: Result<T, FrameError>) -> Value {
    let frame = frame.unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_str(&encode(&frame)).expect("JSON")
}

#[test]
fn golden_frames_keep_their_meaning() {
    let mut kinds = Vec::new();
    for (folder, sender) in [("device", "device"), ("upstream", "plugin")] {
        for (name, from, frame) in golden(folder) {
            let text = frame.to_string();
            let mut expected = frame.clone();
            if name.ends_with("msg_with_unknown_field.json") {
                expected.as_object_mut().expect("an object").remove("mood");
            }
            let mut sides = 0;
            if from == sender || from == "both" {
                let read = match folder {
                    "device" => reencoded(&name, FromDevice::decode(&text)),
                    _ => reencoded(&name, FromPlugin::decode(&text)),
                };
                // The wait in a `bye` is for the peers of the service; the service does not read it.
                let mut expected = expected.clone();
                if frame["t"] == "bye" {
                    expected.as_object_mut().expect("an object").remove("retry_ms");
                }
                assert_eq!(read, expected, "{name}");
                sides += 1;
            }
            if from == "service" || from == "both" {
                let read = match folder {
                    "device" => reencoded(&name, ToDevice::decode(&text)),
                    _ => reencoded(&name, ToPlugin::decode(&text)),
                };
                assert_eq!(read, expected, "{name}");
                sides += 1;
            }
            assert!(sides > 0, "{name} is from nobody");
            kinds.push((folder, from, frame["t"].as_str().expect("a type").to_owned()));
        }
    }
    // Every type of frame has a golden one.
    let both = [
        ("device", "device", &FromDevice::KNOWN[..]),
        ("device", "service", &ToDevice::KNOWN),
        ("upstream", "plugin", &FromPlugin::KNOWN),
        ("upstream", "service", &ToPlugin::KNOWN),
    ];
    for (folder, sender, known) in both {
        for kind in known {
            let there = |(in_folder, from, name): &(&str, String, String)| {
                *in_folder == folder && (from == sender || from == "both") && name == kind
            };
            assert!(kinds.iter().any(there), "no golden frame for {folder}/{kind} from {sender}");
        }
    }
}

#[test]
fn a_token_is_never_shown() {
    let token = r#"{"t":"token","v":1,"token":"spd_secret","cn":"QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8","epoch":"","last_n":0}"#;
    let frame = FromDevice::decode(token).expect("a frame");
    assert!(encode(&frame).contains("spd_secret"));
    assert!(!format!("{frame:?}").contains("secret"), "{frame:?}");
    // Nor where it stands in the wrong place: reasons are logged.
    for wrong in [token.replace("\"v\":1", "\"v\":\"spd_secret\""), token.replace("QEFC", "spd_secret")] {
        let error = FromDevice::decode(&wrong).expect_err("not a frame");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
}

#[test]
fn codes_have_one_number_and_words_in_both_languages() {
    for (index, code) in Code::ALL.into_iter().enumerate() {
        assert_eq!(usize::from(code.number()), 9001 + index);
        assert_eq!(Code::of(code.number()), Some(code));
        let (en, zh) = code.words();
        assert!(en.is_ascii() && en.len() > 10, "{en}");
        assert!(zh.chars().any(|character| ('\u{4e00}'..='\u{9fff}').contains(&character)), "{zh}");
    }
    assert_eq!(Code::of(9000), None);
    assert_eq!(Code::of(9023), None);
}
