//! Every transcript against the known answers in `tests/golden/vectors.json`, and against small changes.

use serde_json::Value;

use super::*;
use crate::wire::device::{Announce, Confirm, Kind};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../../tests/golden/vectors.json")).expect("JSON")
}

struct Known(Value);

impl Known {
    fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_else(|| panic!("{name}"))
    }

    fn blob<const N: usize>(&self, name: &str) -> Blob<N> {
        Blob::parse(self.text(name)).unwrap_or_else(|| panic!("{name}"))
    }

    fn key(&self, name: &str) -> SigningKey {
        SigningKey::from_bytes(&self.blob::<32>(name).0)
    }

    fn secret(&self) -> Secret {
        Secret::new(self.blob::<16>("s").0)
    }

    fn meeting(&self) -> Meeting {
        Meeting { sn: self.blob("sn"), spk: self.blob("spk"), cn: self.blob("cn"), chan: Chan::Plain }
    }

    fn bind(&self) -> Bind {
        Bind {
            v: 1,
            b: self.blob("b"),
            pk: self.blob("pk"),
            cn: self.blob("cn"),
            name: self.text("name").into(),
            kind: Kind::parse(self.text("kind")).expect("a kind"),
            confirm: Confirm::Code,
            mac: self.blob("bind_mac"),
        }
    }
}

#[test]
fn keys_names_and_the_pin_are_the_known_ones() {
    let known = Known(vectors());
    let device = known.key("device_seed").verifying_key();
    let service = known.key("service_seed").verifying_key();
    assert_eq!(device.to_bytes(), known.blob::<32>("pk").0);
    assert_eq!(service.to_bytes(), known.blob::<32>("spk").0);
    assert_eq!(DeviceKey::of(&device).as_str(), known.text("device_key"));
    assert_eq!(key_pin(&known.blob("spk")), known.blob("k"));
    assert_eq!(known.text("chan"), Chan::Plain.to_string());
    assert_eq!(known.text("confirm"), Confirm::Code.as_str());
    let url = format!(
        "http://192.168.1.23:8765/b#1.{}.{}.{}",
        known.text("b"),
        known.text("s"),
        key_pin(&known.blob("spk")).encode()
    );
    assert_eq!(url, known.text("binding_url"));
}

#[test]
fn binding_proofs_are_the_known_ones() {
    let known = Known(vectors());
    let (secret, meeting, bind) = (known.secret(), known.meeting(), known.bind());
    assert_eq!(bind_mac(&secret, &meeting, &bind), known.blob("bind_mac"));
    assert!(bind_mac_holds(&secret, &meeting, &bind));
    let (mac, sig) = bind_wait(&secret, &known.key("service_seed"), &bind.b, &meeting, &bind.pk);
    assert_eq!(mac, known.blob("bind_wait_mac"));
    assert_eq!(sig, known.blob("bind_wait_sig"));
    assert_eq!(check_bind_wait(&secret, Some(&known.blob("k")), &bind.b, &meeting, &bind.pk, (&mac, &sig)), Ok(()));
    assert_eq!(format!("{:02}", bind_code(&secret, &bind.b, &meeting, &bind.pk)), known.text("code"));
}

#[test]
fn authentication_proofs_are_the_known_ones() {
    let known = Known(vectors());
    let (device, meeting) = (known.key("device_seed"), known.meeting());
    let name = DeviceKey::of(&device.verifying_key());
    assert_eq!(sign_auth(&device, &meeting), known.blob("auth_sig"));
    assert!(auth_holds(&device.verifying_key(), &meeting, &known.blob("auth_sig")));
    assert_eq!(sign_ready(&known.key("service_seed"), &meeting, &name), known.blob("ready_sig"));
    assert!(ready_holds(&meeting, &name, &known.blob("ready_sig")));
    // The two directions cannot be exchanged.
    assert!(!auth_holds(&device.verifying_key(), &meeting, &known.blob("ready_sig")));
    assert!(!ready_holds(&meeting, &name, &known.blob("auth_sig")));
}

#[test]
fn link_proofs_are_the_known_ones() {
    let known = Known(vectors());
    let (key, sn, cn) = (known.blob::<32>("link_key").0, known.blob("sn"), known.blob("cn"));
    let (gateway, generation) = (known.text("gateway"), known.0["gen"].as_u64().expect("a number"));
    assert_eq!(link_auth_mac(&key, &sn, &cn, gateway), known.blob("link_auth_mac"));
    assert!(link_auth_holds(&key, &sn, &cn, gateway, &known.blob("link_auth_mac")));
    assert_eq!(link_ready_mac(&key, &sn, &cn, gateway, generation), known.blob("link_ready_mac"));
    let ready: Blob<32> = known.blob("link_ready_mac");
    assert!(link_ready_holds(&key, (&sn, &cn), gateway, generation, &ready));
    assert!(!link_ready_holds(&key, (&sn, &cn), gateway, generation + 1, &ready));
    assert!(!link_auth_holds(&key, &sn, &cn, gateway, &ready));
}

fn flipped<const N: usize>(blob: &Blob<N>) -> Blob<N> {
    let mut bytes = blob.0;
    bytes[N - 1] ^= 1;
    Blob(bytes)
}

#[test]
fn a_proof_holds_for_nothing_else() {
    let known = Known(vectors());
    let (secret, meeting, bind) = (known.secret(), known.meeting(), known.bind());
    let changes: [fn(&mut Bind, &mut Meeting); 10] = [
        |_, meeting| meeting.chan = Chan::of_certificate(b"another"),
        |bind, _| bind.b = flipped(&bind.b),
        |bind, _| bind.pk = flipped(&bind.pk),
        |bind, _| bind.cn = flipped(&bind.cn),
        |bind, _| bind.name.push('x'),
        |bind, _| bind.kind = Kind::Board,
        |bind, _| bind.confirm = Confirm::Allow,
        |bind, _| bind.mac = flipped(&bind.mac),
        |_, meeting| meeting.sn = flipped(&meeting.sn),
        |_, meeting| meeting.spk = flipped(&meeting.spk),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let (mut bind, mut meeting) = (bind.clone(), meeting.clone());
        change(&mut bind, &mut meeting);
        assert!(!bind_mac_holds(&secret, &meeting, &bind), "change {index}");
    }
    let key = known.key("device_seed").verifying_key();
    let sig: Blob<64> = known.blob("auth_sig");
    let other = |change: fn(&mut Meeting)| {
        let mut meeting = meeting.clone();
        change(&mut meeting);
        auth_holds(&key, &meeting, &sig)
    };
    assert!(!other(|meeting| meeting.chan = Chan::of_certificate(b"another")));
    assert!(!other(|meeting| meeting.sn = flipped(&meeting.sn)));
    assert!(!other(|meeting| meeting.cn = flipped(&meeting.cn)));
    assert!(!other(|meeting| meeting.spk = flipped(&meeting.spk)));
    assert!(!auth_holds(&key, &meeting, &flipped(&sig)));
    assert!(!auth_holds(&known.key("service_seed").verifying_key(), &meeting, &sig));
    let wrong = known.secret();
    let (mac, sig) = (known.blob("bind_wait_mac"), known.blob("bind_wait_sig"));
    let check = |pin: &Blob<16>, mac: &Blob<32>, sig: &Blob<64>| {
        check_bind_wait(&wrong, Some(pin), &bind.b, &meeting, &bind.pk, (mac, sig))
    };
    let pin = known.blob("k");
    assert_eq!(check(&flipped(&pin), &mac, &sig), Err(Impostor::OtherKey));
    assert_eq!(check(&pin, &mac, &flipped(&sig)), Err(Impostor::BadSignature));
    assert_eq!(check(&pin, &flipped(&mac), &sig), Err(Impostor::BadMac));
}

#[test]
fn over_tls_the_proofs_are_the_known_ones_and_hold_for_this_certificate_only() {
    let known = Known(vectors());
    let tls = Known(vectors()["tls"].clone());
    let der = BASE64URL_NOPAD.decode(tls.text("cert").as_bytes()).expect("a certificate");
    let chan = Chan::of_certificate(&der);
    assert_eq!((chan.to_string().as_str(), chan.pin()), (tls.text("chan"), Some(tls.blob("f"))));
    assert_eq!(Chan::Plain.pin(), None);
    let (secret, device) = (known.secret(), known.key("device_seed"));
    let meeting = Meeting { chan, ..known.meeting() };
    let bind = Bind { mac: tls.blob("bind_mac"), ..known.bind() };
    assert!(bind_mac_holds(&secret, &meeting, &bind));
    assert!(!bind_mac_holds(&secret, &known.meeting(), &bind), "there is no way down to ws");
    let wait = bind_wait(&secret, &known.key("service_seed"), &bind.b, &meeting, &bind.pk);
    assert_eq!(wait, (tls.blob("bind_wait_mac"), tls.blob("bind_wait_sig")));
    assert_eq!(check_bind_wait(&secret, None, &bind.b, &meeting, &bind.pk, (&wait.0, &wait.1)), Ok(()));
    let name = DeviceKey::of(&device.verifying_key());
    assert_eq!(sign_auth(&device, &meeting), tls.blob("auth_sig"));
    assert!(!auth_holds(&device.verifying_key(), &known.meeting(), &tls.blob("auth_sig")));
    assert_eq!(sign_ready(&known.key("service_seed"), &meeting, &name), tls.blob("ready_sig"));
}

#[test]
fn a_typed_code_is_read_as_people_write_it_and_gives_the_known_handle() {
    let typed = Known(vectors()["typed"].clone());
    let code = Zeroizing::new(typed.blob::<10>("c").0);
    let text = typed::text(&code);
    assert_eq!(*text, typed.text("code"));
    let (b, secret) = typed::handle(&code);
    assert_eq!((b, Blob(*secret)), (typed.blob("b"), typed.blob("s")));
    for way in [text.to_lowercase(), text.replace('-', ""), text.replace('-', " "), text.replace('1', "l")] {
        assert_eq!(typed::read(&way), Some(code.clone()), "{way}");
    }
    let zero = Zeroizing::new([0; 10]);
    assert_eq!(typed::read("oO00-iIlL-0000-0000"), typed::read("0000-1111-0000-0000"));
    assert_eq!(typed::read(&typed::text(&zero)), Some(zero));
    for bad in ["", "C1GP", "C1GP-4RV4-CNK6-ET3", "C1GP-4RV4-CNK6-ET399", "C1GP-4RV4-CNK6-ET3U", "C1GP_4RV4_CNK6_ET39"]
    {
        assert_eq!(typed::read(bad), None, "{bad}");
    }
}

#[test]
fn an_announcement_has_the_known_proofs_and_code() {
    let (known, golden) = (Known(vectors()), Known(vectors()["announce"].clone()));
    let tls = Known(vectors()["tls"].clone());
    let der = BASE64URL_NOPAD.decode(tls.text("cert").as_bytes()).expect("a certificate");
    let meeting = Meeting { chan: Chan::of_certificate(&der), ..known.meeting() };
    let announce = Announce {
        v: 1,
        pk: known.blob("pk"),
        name: known.text("name").into(),
        kind: Kind::parse(known.text("kind")).expect("a kind"),
        commit: golden.blob("commit"),
    };
    assert_eq!(announce::commitment(&announce.pk, &meeting.cn), announce.commit);
    let an: Blob<32> = golden.blob("an");
    let sig = announce::sign_answer(&known.key("service_seed"), &announce, (&meeting.sn, &meeting.chan), &an);
    assert_eq!(sig, golden.blob("sig"));
    assert_eq!(announce::check_answer(&announce, &meeting, &an, &sig), Ok(()));
    let elsewhere = Meeting { chan: Chan::of_certificate(b"another"), ..meeting.clone() };
    assert_eq!(announce::check_answer(&announce, &elsewhere, &an, &sig), Err(Impostor::BadSignature));
    assert_eq!(format!("{:06}", announce::code(&meeting, &an, &announce.pk)), golden.text("code"));
    assert_ne!(announce::code(&elsewhere, &an, &announce.pk), announce::code(&meeting, &an, &announce.pk));
}

#[test]
fn a_token_is_the_known_one_and_a_wrong_letter_is_noticed() {
    let known = vectors();
    let known = known["token"].as_str().expect("text");
    let seed = Zeroizing::new(std::array::from_fn(|index| u8::try_from(index).expect("small")));
    assert_eq!(*token::text(&seed), known);
    assert_eq!(known.len(), token::LENGTH);
    assert_eq!(token::seed(known), Some(seed));
    for index in 0..known.len() {
        let mut bytes = known.as_bytes().to_vec();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        let wrong = String::from_utf8(bytes).expect("text");
        assert_eq!(token::seed(&wrong), None, "{wrong}");
        assert_eq!(token::seed(&known[..index]), None);
    }
    for bad in ["", "spd_", &format!("{known}a"), &format!(" {known}"), "ééééééé"] {
        assert_eq!(token::seed(bad), None, "{bad}");
    }
}

/// Somebody in between who wants two people to see one code: he meets the device as a service and the service as a device, each with keys of his own. How many of so many tries give him two
/// codes that agree in their last four digits: each digit more takes ten times the tries.
///
/// `answers_first`: the service names its nonce before the device committed itself, which is what the product must never do.
fn somebody_in_between(tries: u32, answers_first: bool) -> usize {
    let known = Known(vectors());
    let (his, service) = (known.blob("pk"), known.blob("spk"));
    let nonce = |number: u32| {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        Blob(bytes)
    };
    // The device committed itself, he answered with a nonce of his own, and the device named its nonce: its code stands.
    let victim = Meeting { chan: Chan::of_certificate(b"his"), ..known.meeting() };
    let shown = announce::code(&victim, &nonce(7), &known.blob("pk"));
    let honest = Chan::of_certificate(b"ours");
    let with = |cn: Blob<32>, an: &Blob<32>| {
        let meeting = Meeting { sn: nonce(8), spk: service.clone(), cn, chan: honest.clone() };
        announce::code(&meeting, an, &his) % 10_000 == shown % 10_000
    };
    // The service's dice.
    let drawn = |commit: &Blob<32>| mac(b"dice", &commit.0);
    if answers_first {
        let an = drawn(&nonce(0));
        return (0..tries).filter(|number| with(nonce(*number), &an)).count();
    }
    // He has committed himself to one nonce; another one he cannot name any more.
    let commit = announce::commitment(&his, &nonce(0));
    let an = drawn(&commit);
    let named = (0..tries).map(nonce).filter(|cn| announce::commitment(&his, cn) == commit);
    named.filter(|cn| with(cn.clone(), &an)).count()
}

#[test]
fn nobody_in_between_makes_both_codes_the_same_unless_the_service_answers_first() {
    assert_eq!(somebody_in_between(50_000, false), 0);
    assert!(somebody_in_between(100_000, true) > 1, "the twin is ground down");
}

#[test]
fn small_order_keys_are_no_keys() {
    let identity = {
        let mut bytes = [0; 32];
        bytes[0] = 1;
        Blob(bytes)
    };
    assert_eq!(public_key(&identity), None);
    assert_eq!(public_key(&Blob([0; 32])), None);
    assert!(public_key(&Known(vectors()).blob("pk")).is_some());
}

#[test]
fn no_two_lists_of_parts_have_one_transcript() {
    assert_ne!(transcript("a", &[b"bc", b""]), transcript("a", &[b"b", b"c"]));
    assert_ne!(transcript("a", &[b"b"]), transcript("ab", &[]));
    assert_eq!(transcript("ab", &[b"c"]), b"\0\0\0\x02ab\0\0\0\x01c");
}
