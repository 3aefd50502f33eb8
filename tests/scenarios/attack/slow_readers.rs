//! T16: devices that take nothing of what waits for them.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use device::Identity;
use serde_json::json;
use support::intruder::Intruder;
use support::lab::Lab;

use super::{Before, LAN, start};

const READERS: usize = 8;
/// Of the longest text: eight MiB, which is all that the service keeps for a device.
const REPLIES: usize = 256;
const TEXT: usize = 32_768;
/// What a socket may hold in memory, and what the allocator and SQLite's cache (2 MiB) keep of a busy minute.
const MEMORY_KIB: u64 = 256 * READERS as u64 + (8 << 10);
/// Of a message of somebody who reads: the same as without them.
const ACK: Duration = Duration::from_secs(5);
const MESSAGES: usize = 30;

/// Connects and reads nothing from then on. `lies`: it says that it has got everything, so that the service sends more.
async fn sit(device: &Identity, from: Ipv4Addr, lies: bool) -> Result<Intruder> {
    let mut reader = Intruder::narrow(from, LAN, 4_096).await?;
    reader.upgrade("/device").await?;
    let hello = reader.hello().await?;
    reader.prove(&hello, device).await?;
    if lies {
        for n in 1..=30 {
            reader.say_frame(&json!({"t": "got", "n": n})).await?;
        }
    }
    Ok(reader)
}

#[test]
fn readers_that_take_nothing_cost_little_and_hold_nobody_up() -> Result<()> {
    let lab = Lab::new();
    let service = start(&lab)?;
    let crowd = lab.crowd(u8::try_from(READERS)?);
    let bind = |name: &str| service.bind_device(&lab.phone, Lab::COMPUTER, name);
    let readers = (0..READERS).map(|number| bind(&format!("reader {number}"))).collect::<Result<Vec<_>>>()?;
    let talker = bind("talker")?;
    let text = "x".repeat(TEXT);
    let mut control = service.control()?;
    for reader in &readers {
        let key = reader.device_key().to_string();
        for _ in 0..REPLIES {
            control.ask("devices.send", json!({"deviceKey": key, "text": text}))?;
        }
    }
    let before = Before::of(&service)?;
    lab.phone.block_on(|| async {
        let mut sitting = Vec::new();
        for (number, (reader, from)) in readers.iter().zip(&crowd).enumerate() {
            sitting.push(sit(reader, *from, number % 2 == 1).await.with_context(|| format!("reader {number}"))?);
        }
        let mut peer = Intruder::proved(Lab::PHONE, LAN, &talker).await?;
        let mut slowest = Duration::ZERO;
        for number in 0..MESSAGES {
            let id = format!("01KAAAAAAAAAAAAAAAAAAAAA{number:02}");
            let since = Instant::now();
            peer.say_frame(&json!({"t": "msg", "id": id, "text": "hello"})).await?;
            peer.until("ack").await?;
            slowest = slowest.max(since.elapsed());
        }
        ensure!(slowest < ACK, "beside slow readers an ack took {slowest:?}");
        Ok(())
    })?;
    before.nothing_left(&service, MEMORY_KIB)?;
    // Who said nothing false has lost nothing.
    let kept: Vec<_> = service.devices()?.iter().map(|row| (row["name"].clone(), row["waiting"].clone())).collect();
    for number in (0..READERS).step_by(2) {
        let name = format!("reader {number}");
        ensure!(kept.contains(&(json!(name), json!(REPLIES))), "{name} is not whole: {kept:?}");
    }
    Ok(())
}
