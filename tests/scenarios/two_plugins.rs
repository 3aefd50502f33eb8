//! Two plugins of one gateway, the older still alive: only the newer one is heard. Real part: the `smartpi` binary. The plugins are two sockets that prove the
//! link key and say what a plugin says; the older one goes on as if it had not been told goodbye.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use channel::proof;
use channel::wire::Blob;
use device::Identity;
use serde_json::{Value, json};
use support::channel_service::ChannelService;
use support::intruder::{Heard, Intruder};
use support::lab::{Lab, Namespace};
use support::wait;

const SERVICE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8765);
const LAN: SocketAddr = SocketAddr::new(IpAddr::V4(Lab::COMPUTER), 8765);
const GATEWAY: &str = "00000000000000000000000000002b1e";
const SOON: Duration = Duration::from_secs(20);
const MESSAGE: &str = "01KAAAAAAAAAAAAAAAAAAAAAA1";

/// A plugin that has proved the key, and its generation.
pub(crate) async fn plugin(service: &ChannelService<'_>) -> Result<(Intruder, u64)> {
    let key: [u8; 32] = std::fs::read(service.data().join("link.key"))?.as_slice().try_into()?;
    let mut peer = Intruder::upgraded(Ipv4Addr::LOCALHOST, SERVICE, "/openclaw").await?;
    let hello = peer.next("hello").await?;
    let sn = Blob::parse(hello["sn"].as_str().context("no sn")?).context("no nonce")?;
    let cn = Blob([7; 32]);
    let mac = proof::link_auth_mac(&key, &sn, &cn, GATEWAY);
    let auth = json!({ "t": "auth", "v": 1, "cn": cn, "gateway": GATEWAY, "plugin": "0", "host": "0", "mac": mac });
    peer.say_frame(&auth).await?;
    let ready = peer.until("ready").await?;
    Ok((peer, ready["gen"].as_u64().context("no gen")?))
}

pub(crate) fn push(rid: &str, to: &Identity) -> Value {
    json!({ "t": "push", "rid": rid, "to": to.device_key().to_string(), "text": format!("words of {rid}"), "by": "agent:main" })
}

fn activity(service: &ChannelService<'_>) -> Result<Value> {
    service.control()?.ask("activity.turns", json!({}))
}

/// Everything that an older plugin may still say, after the newer one is there.
async fn say_all(older: &mut Intruder, turn: &str, device: &Identity) -> Result<()> {
    for frame in [
        json!({ "t": "accepted", "turn": turn }),
        json!({ "t": "reply", "rid": "r-old", "turn": turn, "text": "an old answer" }),
        push("p-old", device),
        json!({ "t": "done", "rid": "d-old", "turn": turn, "outcome": "answered" }),
    ] {
        // Its socket may be closed already: then it has no effect for that reason.
        if older.say_frame(&frame).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

async fn the_older_one_is_not_heard(service: &ChannelService<'_>, device: &Identity, phone: &Namespace) -> Result<()> {
    let (mut older, first) = plugin(service).await?;
    phone.block_on(|| async {
        let mut peer = Intruder::proved(Lab::PHONE, LAN, device).await?;
        peer.say_frame(&json!({ "t": "msg", "id": MESSAGE, "text": "hello" })).await?;
        peer.until("ack").await
    })?;
    let turn = older.until("deliver").await?["turn"].as_str().context("no turn")?.to_owned();
    let (mut newer, second) = plugin(service).await?;
    ensure!(second > first, "generations rise: {first}, {second}");
    let again = newer.until("deliver").await?;
    ensure!(again["turn"] == turn.as_str(), "what the older one was given goes to the newer one: {again}");

    say_all(&mut older, &turn, device).await?;
    let mut told = Vec::new();
    while let Heard::Text(frame) = older.hear().await? {
        told.push(frame);
    }
    ensure!(told.iter().all(|frame| frame["t"] != "stored" && frame["t"] != "refused"), "{told:?}");
    ensure!(told.iter().any(|frame| frame["t"] == "bye" && frame["code"] == 9021), "{told:?}");
    // The newer one is answered behind everything that the older one said.
    newer.say_frame(&push("p-new", device)).await?;
    newer.until("stored").await?;
    let seen = activity(service)?;
    let turns: Vec<_> =
        seen["turns"].as_array().context("turns")?.iter().map(|turn| (&turn["state"], &turn["answered"])).collect();
    ensure!(turns == [(&json!("sent"), &Value::Null)], "{seen}");
    let said: Vec<_> = seen["unasked"].as_array().context("unasked")?.iter().map(|entry| &entry["rid"]).collect();
    ensure!(said == [&json!("p-new")], "{seen}");

    // The twin: the very same frames, said by the one that is heard, do everything.
    say_all(&mut newer, &turn, device).await?;
    wait::until(SOON, "the turn is over", || Ok(activity(service)?["turns"][0]["state"] == "done"))?;
    let seen = activity(service)?;
    ensure!(seen["turns"][0]["answered"] == "an old answer", "{seen}");
    ensure!(seen["unasked"].as_array().is_some_and(|all| all.iter().any(|entry| entry["rid"] == "p-old")), "{seen}");
    Ok(())
}

#[test]
fn of_two_plugins_on_one_link_only_the_newer_has_any_effect() -> Result<()> {
    let lab = Lab::new();
    let service = ChannelService::start(&lab.computer, &["--agent", "gateway", "--lan"])?;
    let device = service.bind_device(&lab.phone, Lab::COMPUTER, "kitchen")?;
    lab.computer.block_on(|| the_older_one_is_not_heard(&service, &device, &lab.phone))
}
