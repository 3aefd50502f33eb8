//! T10 and the rows of CVE-2025-66270 and GHSA-m8wm: who one is comes from the proof and from nothing that one says; who was removed is gone.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use device::Identity;
use serde_json::{Value, json};
use support::channel_service::ChannelService;
use support::fast_agent::FastAgent;
use support::intruder::{Intruder, auth};
use support::lab::Lab;
use support::wait;

use super::{LAN, SOON, start};

/// Everything that the service tells of a device and that a message, a confirmation or a name of somebody else would change.
fn seen(service: &ChannelService<'_>, device: &Identity) -> Result<Value> {
    let key = device.device_key().to_string();
    let row = service.devices()?.into_iter().find(|row| row["deviceKey"] == key.as_str()).context("not listed")?;
    let turns = service.turns(&key)?;
    Ok(
        json!({"name": row["name"], "kind": row["kind"], "state": row["state"], "waiting": row["waiting"], "turns": turns}),
    )
}

#[test]
fn a_device_that_says_it_is_another_one_changes_nothing_of_the_other() -> Result<()> {
    let lab = Lab::new();
    let service = start(&lab)?;
    let agent = lab.computer.enter(|| FastAgent::start(&service.data()));
    let mallory = service.bind_device(&lab.phone, Lab::COMPUTER, "mallory")?;
    let alice = service.bind_device(&lab.phone, Lab::COMPUTER, "alice")?;
    let (mallory_key, alice_key) = (mallory.device_key().to_string(), alice.device_key().to_string());
    // Two replies wait for Alice, who is away: what a stolen `got` would lose.
    for text in ["one", "two"] {
        service.control()?.ask("devices.send", json!({"deviceKey": alice_key, "text": text}))?;
    }
    let before = seen(&service, &alice)?;
    ensure!(before["waiting"] == 2 && before["state"] == "offline", "{before}");
    lab.phone.block_on(|| async {
        // The name of the other, the key of one's own: in `auth`, and once more behind a good one.
        let (mut peer, hello) = Intruder::greeted(Lab::PHONE, LAN).await?;
        peer.say_frame(&auth(&hello, &mallory, &alice.device_key())?).await?;
        ensure!(peer.farewell().await? == (vec![9003, 9003], 4003));
        let (mut peer, hello) = Intruder::greeted(Lab::PHONE, LAN).await?;
        let mut both = auth(&hello, &mallory, &mallory.device_key())?;
        for name in ["device", "device_id", "deviceKey", "id", "from", "pk", "role", "as"] {
            both[name] = json!(alice_key);
        }
        peer.say_frame(&both).await?;
        let ready = peer.until("ready").await?;
        ensure!(ready["device_key"] == mallory_key.as_str(), "{ready}");
        peer.say_frame(&auth(&hello, &alice, &alice.device_key())?).await?;
        ensure!(peer.farewell().await?.1 == 4007);

        // In every field of every frame that a device may send.
        let ids = ["01KAAAAAAAAAAAAAAAAAAAAAA1", "01KAAAAAAAAAAAAAAAAAAAAAA2"];
        let mut peer = Intruder::proved(Lab::PHONE, LAN, &mallory).await?;
        for (id, more) in ids.into_iter().zip([json!({"re": "x"}), json!({"n": 2, "rid": "r", "to": alice_key})]) {
            let mut message = json!({"t": "msg", "id": id, "text": "hello"});
            for name in ["device", "device_key", "deviceKey", "from", "name", "session", "agent", "conv", "turn"] {
                message[name] = json!(alice_key);
            }
            for (name, value) in more.as_object().into_iter().flatten() {
                message[name] = value.clone();
            }
            peer.say_frame(&message).await?;
            let ack = peer.until("ack").await?;
            ensure!(ack["id"] == id, "{ack}");
        }
        for n in [0, 1, 2, 3, 1_000, (1_u64 << 53) - 1] {
            peer.say_frame(&json!({"t": "got", "n": n, "device_key": alice_key, "device": alice_key})).await?;
        }
        for kind in ["deliver", "reply", "push", "done", "stored", "presence", "devices.remove", "bind.confirm", "quit"] {
            peer.say_frame(&json!({"t": kind, "device": alice_key, "deviceKey": alice_key, "turn": format!("{alice_key}.{}", ids[0])})).await?;
            let err = peer.until("err").await?;
            ensure!(err["code"] == 9007 && err["of"] == kind, "{err}");
        }
        anyhow::Ok(())
    })?;
    wait::until(SOON, "both messages were run", || Ok(agent.ran().len() == 2))?;
    ensure!(agent.ran().iter().all(|turn| turn.starts_with(&mallory_key)), "run as another: {:?}", agent.ran());
    let after = seen(&service, &alice)?;
    ensure!(after == before, "before {before}\nafter {after}");
    // The twin: Alice herself changes all of that.
    lab.phone.block_on(|| async {
        let mut peer = Intruder::proved(Lab::PHONE, LAN, &alice).await?;
        ensure!(peer.until("reply").await?["text"] == "one");
        peer.say_frame(&json!({"t": "got", "n": 2})).await?;
        peer.say_frame(&json!({"t": "msg", "id": "01KAAAAAAAAAAAAAAAAAAAAAA1", "text": "hello"})).await?;
        peer.until("ack").await.map(drop)
    })?;
    wait::until(SOON, "Alice's own frames count", || {
        let now = seen(&service, &alice)?;
        Ok(now["turns"].as_array().is_some_and(|turns| turns.len() == 1) && now["waiting"] != before["waiting"])
    })
}

/// S-12. The same key may be bound again by a person; without one it stays out.
#[test]
fn a_removed_device_is_out_within_a_second_and_its_key_for_ever() -> Result<()> {
    let lab = Lab::new();
    let service = start(&lab)?;
    let removed = service.bind_device(&lab.phone, Lab::COMPUTER, "old kettle")?;
    let stays = service.bind_device(&lab.phone, Lab::COMPUTER, "kettle")?;
    let mut control = service.control()?;
    lab.phone.block_on(|| async {
        let mut old = Intruder::proved(Lab::PHONE, LAN, &removed).await?;
        let mut kettle = Intruder::proved(Lab::PHONE, LAN, &stays).await?;
        let since = Instant::now();
        control.ask("devices.remove", json!({"deviceKey": removed.device_key().to_string()}))?;
        ensure!(old.farewell().await? == (vec![9004, 9004], 4004));
        let took = since.elapsed();
        ensure!(took < Duration::from_secs(1), "a removed device was out after {took:?}");
        for _ in 0..5 {
            let (mut again, hello) = Intruder::greeted(Lab::PHONE, LAN).await?;
            again.say_frame(&auth(&hello, &removed, &removed.device_key())?).await?;
            ensure!(again.farewell().await? == (vec![9004, 9004], 4004));
        }
        // The twin: who was not removed is not out.
        kettle.say_frame(&json!({"t": "ping", "c": 1})).await?;
        kettle.until("pong").await.map(drop)
    })
}
