//! T15: sockets that say nothing, or never finish what they say.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use support::lab::Lab;
use support::siege::{self, Outcome};

use super::{Before, LAN, start};

const SOCKETS: usize = 1_000;
/// The longest of the service's waits is 2 s for a byte, 5 s for a head, and 5 s for a proof.
const HELD: Duration = Duration::from_secs(10);
/// The goal is 200 ms, and a release build on a quiet machine holds it with a tenth of that. A debug build among seven other test processes is given more.
const WAIT: Duration = if cfg!(debug_assertions) { Duration::from_millis(1_000) } else { Duration::from_millis(200) };
/// 64 sockets with their buffers are one MiB; the rest is the allocator's.
const MEMORY_KIB: u64 = 16 << 10;

fn all_gone(outcome: &Outcome) -> Result<()> {
    for (kind, (count, open, longest)) in outcome {
        ensure!(*open == 0, "{open} of {count} {kind:?} sockets are open after {longest:?}");
    }
    ensure!(outcome.len() == 4, "not every kind was tried: {outcome:?}");
    Ok(())
}

/// 1,000 of them from 125 addresses, eight of each: as many as an address may have. The device that belongs here comes in between.
#[test]
fn a_thousand_slow_sockets_are_gone_in_ten_seconds_and_keep_no_device_out() -> Result<()> {
    let lab = Lab::new();
    let service = start(&lab)?;
    let crowd = lab.crowd(125);
    let device = service.bind_device(&lab.phone, Lab::COMPUTER, "kettle")?;
    let before = Before::of(&service)?;
    let over = AtomicBool::new(false);
    let (outcome, waits) = std::thread::scope(|scope| {
        let knocking = scope.spawn(|| lab.phone.block_on(|| siege::knock(&device, Lab::PHONE, LAN, &over)));
        let outcome = lab.phone.block_on(|| siege::lay(&crowd, LAN, SOCKETS, HELD));
        over.store(true, Ordering::Relaxed);
        let waits = knocking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (outcome, waits)
    });
    let (outcome, waits) = (outcome?, waits.context("the device that belongs here was kept out")?);
    all_gone(&outcome)?;
    let longest = outcome.values().map(|(.., longest)| *longest).max().unwrap_or_default();
    // The first come hold on as long as the service waits: otherwise everybody was simply thrown out.
    ensure!(longest > Duration::from_millis(1_500), "nobody held on: {outcome:?}");
    ensure!(waits.len() >= 20, "only {} tries", waits.len());
    let p99 = siege::ninety_ninth(&waits);
    ensure!(p99 < WAIT, "99 of 100 connections of the device took {p99:?}, the median {:?}", waits[waits.len() / 2]);
    before.nothing_left(&service, MEMORY_KIB)
}

/// The twin that must fail: a server that lets everybody wait for ever.
#[test]
fn a_server_that_waits_for_ever_is_caught() -> Result<()> {
    let lab = Lab::new();
    let to = SocketAddr::from((Lab::COMPUTER, 8080));
    let patient = lab.computer.listen(to)?;
    let sockets = std::thread::spawn(move || patient.incoming().take(20).collect::<Vec<_>>());
    let from: [Ipv4Addr; 1] = [Lab::PHONE];
    let outcome = lab.phone.block_on(|| siege::lay(&from, to, 20, Duration::from_secs(1)))?;
    let error = all_gone(&outcome).expect_err("sockets that stay were overlooked");
    ensure!(error.to_string().contains("are open after"), "{error}");
    drop(sockets);
    Ok(())
}
