//! Every transcript against the known answers in `tests/golden/vectors.json`, and against small changes.

use serde_json::Value;

use super::*;
use crate::wire::device::{Confirm, Kind};

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
        Meeting { sn: self.blob("sn"), spk: self.blob("spk"), cn: self.blob("cn") }
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
    assert_eq!(known.text("chan"), PLAIN);
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
    assert_eq!(bind_mac(&secret, &meeting.sn, &meeting.spk, &bind), known.blob("bind_mac"));
    assert!(bind_mac_holds(&secret, &meeting.sn, &meeting.spk, &bind));
    let (mac, sig) = bind_wait(&secret, &known.key("service_seed"), &bind.b, &meeting, &bind.pk);
    assert_eq!(mac, known.blob("bind_wait_mac"));
    assert_eq!(sig, known.blob("bind_wait_sig"));
    assert_eq!(check_bind_wait(&secret, &known.blob("k"), &bind.b, &meeting, &bind.pk, (&mac, &sig)), Ok(()));
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
    let changes: [fn(&mut Bind, &mut Meeting); 9] = [
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
        assert!(!bind_mac_holds(&secret, &meeting.sn, &meeting.spk, &bind), "change {index}");
    }
    let key = known.key("device_seed").verifying_key();
    let sig: Blob<64> = known.blob("auth_sig");
    let other = |change: fn(&mut Meeting)| {
        let mut meeting = meeting.clone();
        change(&mut meeting);
        auth_holds(&key, &meeting, &sig)
    };
    assert!(!other(|meeting| meeting.sn = flipped(&meeting.sn)));
    assert!(!other(|meeting| meeting.cn = flipped(&meeting.cn)));
    assert!(!other(|meeting| meeting.spk = flipped(&meeting.spk)));
    assert!(!auth_holds(&key, &meeting, &flipped(&sig)));
    assert!(!auth_holds(&known.key("service_seed").verifying_key(), &meeting, &sig));
    let wrong = known.secret();
    let (mac, sig) = (known.blob("bind_wait_mac"), known.blob("bind_wait_sig"));
    let check = |pin: &Blob<16>, mac: &Blob<32>, sig: &Blob<64>| {
        check_bind_wait(&wrong, pin, &bind.b, &meeting, &bind.pk, (mac, sig))
    };
    let pin = known.blob("k");
    assert_eq!(check(&flipped(&pin), &mac, &sig), Err(Impostor::OtherKey));
    assert_eq!(check(&pin, &mac, &flipped(&sig)), Err(Impostor::BadSignature));
    assert_eq!(check(&pin, &flipped(&mac), &sig), Err(Impostor::BadMac));
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
