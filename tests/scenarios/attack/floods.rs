//! T14: frames that are too big, too many, in too many pieces, or no frames at all.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use support::gauge::Gauge;
use support::intruder::{Intruder, PING, TEXT, frame, head, header};
use support::lab::Lab;

use super::{Before, LAN, from_each, start};

/// A continuation frame of RFC 6455.
const MORE: u8 = 0;
/// What a flood may cost the service: a debug build needs some ten times as much as the product.
const CPU_S: f64 = if cfg!(debug_assertions) { 4.0 } else { 1.0 };
/// Four sockets at a time from each of eight addresses: half of what the service takes of an address.
const ADDRESSES: u8 = 8;
const GIANTS: usize = 1_000;
const NOISES: usize = 10_000;

#[test]
fn a_frame_that_claims_to_be_giant_is_refused_by_its_header() -> Result<()> {
    let lab = Lab::new();
    let service = start(&lab)?;
    let crowd = lab.crowd(ADDRESSES);
    let device = service.bind_device(&lab.phone, Lab::COMPUTER, "kettle")?;
    let before = Before::of(&service)?;
    let lengths = [16 << 20, 1 << 63, u64::MAX, 4_097];
    from_each(&lab.phone, &crowd, async |_, from| {
        for number in 0..GIANTS / usize::from(ADDRESSES) {
            let (mut stranger, _) = Intruder::greeted(from, LAN).await?;
            let length = lengths[number % lengths.len()];
            stranger.say(&header(TEXT, number % 2 == 0, length)).await?;
            let (_, close) = stranger.farewell().await?;
            ensure!(close == 1009, "a header of {length} bytes was answered with {close}");
        }
        Ok(())
    })?;
    // A device that has proved itself may send more, and no giants either.
    lab.phone.block_on(|| async {
        for length in [65_537, 16 << 20, 1 << 63] {
            let mut known = Intruder::proved(Lab::PHONE, LAN, &device).await?;
            known.say(&header(TEXT, true, length)).await?;
            let (_, close) = known.farewell().await?;
            ensure!(close == 1009, "a header of {length} bytes was answered with {close}");
        }
        anyhow::Ok(())
    })?;
    // The room of eight sockets and what the allocator keeps: a thousandth of one of these frames.
    before.nothing_left(&service, 4 << 10)
}

#[test]
fn pieces_without_end_and_floods_of_pings_are_cut_off() -> Result<()> {
    let lab = Lab::new();
    let service = start(&lab)?;
    let device = service.bind_device(&lab.phone, Lab::COMPUTER, "kettle")?;
    let before = Before::of(&service)?;
    let gauge = Gauge::of(service.process());
    let began = gauge.cpu_seconds()?;
    let pieces = [frame(TEXT, false, b"{"), frame(MORE, false, b"").repeat(100_000)].concat();
    let pings = frame(PING, true, b"").repeat(100_000);
    let frames = frame(TEXT, true, br#"{"t":"pong","c":1}"#).repeat(100_000);
    let unknown = frame(TEXT, true, br#"{"t":"dance"}"#).repeat(100_000);
    for (flood, codes) in
        [(&pieces, [1009, 1009]), (&pings, [4005, 4005]), (&frames, [4005, 4005]), (&unknown, [4005, 4005])]
    {
        for proved in [false, true] {
            let (close, took) = lab.phone.block_on(|| async {
                let mut peer = if proved {
                    Intruder::proved(Lab::PHONE, LAN, &device).await?
                } else {
                    Intruder::greeted(Lab::PHONE, LAN).await?.0
                };
                let since = Instant::now();
                // The service may be gone before all of it is sent.
                let _ = peer.say(flood).await;
                let (_, close) = peer.farewell().await?;
                anyhow::Ok((close, since.elapsed()))
            })?;
            // 0: the close frame was lost, because more came after it than the service reads on for.
            ensure!(close == 0 || codes.contains(&close), "proved: {proved}, closed with {close}, not {codes:?}");
            ensure!(took < Duration::from_secs(5), "it took {took:?} to cut a flood off");
        }
    }
    let cost = gauge.cpu_seconds()? - began;
    ensure!(cost < CPU_S, "eight floods of 100,000 frames cost {cost:.1} CPU seconds");
    before.nothing_left(&service, 8 << 10)
}

/// A head in single bytes: 20 MB of it, or as much as the service takes.
#[test]
fn a_head_that_never_ends_is_cut_off_by_its_size_and_by_its_time() -> Result<()> {
    let lab = Lab::new();
    let service = start(&lab)?;
    let before = Before::of(&service)?;
    let gauge = Gauge::of(service.process());
    let began = gauge.cpu_seconds()?;
    let took = lab.phone.block_on(|| async {
        let mut stranger = Intruder::connect(Lab::PHONE, LAN).await?;
        let since = Instant::now();
        stranger.say(b"GET / HTTP/1.1\r\nX: ").await?;
        for _ in 0..20_000_000 {
            if stranger.say(b"x").await.is_err() {
                break;
            }
        }
        ensure!(stranger.ends_within(Duration::from_secs(1)).await, "it is open still");
        Ok(since.elapsed())
    })?;
    ensure!(took < Duration::from_secs(10), "a head of single bytes held on for {took:?}");
    let cost = gauge.cpu_seconds()? - began;
    ensure!(cost < CPU_S, "it cost {cost:.1} CPU seconds");
    // Byte by byte is no crime: a slow network does it too.
    lab.phone.block_on(|| async {
        let mut slow = Intruder::connect(Lab::PHONE, LAN).await?;
        for byte in head("/device", LAN).bytes() {
            slow.say(&[byte]).await?;
        }
        ensure!(slow.status().await? == 101);
        for byte in frame(TEXT, true, br#"{"t":"ping","c":7}"#) {
            slow.say(&[byte]).await?;
        }
        let heard = [slow.hear().await?, slow.hear().await?].map(|heard| format!("{heard:?}"));
        ensure!(heard[1].contains("pong"), "{heard:?}");
        Ok(())
    })?;
    before.nothing_left(&service, 4 << 10)
}

/// xorshift64: the same noise in every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self) -> Vec<u8> {
        let count = 1 + usize::try_from(self.next() % 400).unwrap_or(1);
        (0..count).map(|_| self.next().to_le_bytes()[3]).collect()
    }
}

/// Half of them behind a good handshake, where they are frames or none.
#[test]
fn ten_thousand_connections_of_noise_leave_nothing() -> Result<()> {
    let lab = Lab::new();
    let service = start(&lab)?;
    let crowd = lab.crowd(ADDRESSES);
    let device = service.bind_device(&lab.phone, Lab::COMPUTER, "kettle")?;
    let before = Before::of(&service)?;
    from_each(&lab.phone, &crowd, async |index, from| {
        let mut noise = Noise(0x5eed_0000_0000_0001 + index as u64);
        for number in 0..NOISES / usize::from(ADDRESSES) {
            let mut stranger = if number % 2 == 0 {
                Intruder::connect(from, LAN).await?
            } else {
                Intruder::upgraded(from, LAN, "/device").await?
            };
            // What it thinks of the first part of it may close the connection before the last.
            let _ = stranger.say(&noise.bytes()).await;
            let _ = stranger.finish().await;
            ensure!(stranger.ends_within(Duration::from_secs(20)).await, "seed {index}, number {number}: open still");
        }
        Ok(())
    })?;
    lab.phone.block_on(|| Intruder::proved(Lab::PHONE, LAN, &device))?;
    before.nothing_left(&service, 8 << 10)
}
