//! T15: sockets that say nothing, or never finish what they say.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use support::lab::Lab;
use support::relay;
use support::siege::{self, Held, Kind, Outcome};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Before, LAN, start};

const SOCKETS: usize = 1_000;
/// The longest of the service's waits is 2 s for a byte, 5 s for a head, and 5 s for a proof.
const HELD: Duration = Duration::from_secs(10);
/// The goal is 200 ms, and a release build on a quiet machine holds it with a tenth of that. A debug build among seven other test processes is given more.
const WAIT: Duration = if cfg!(debug_assertions) { Duration::from_millis(1_000) } else { Duration::from_millis(200) };
/// The same over TLS: in a debug build 500 handshakes cost the one thread of the network a second, two on a busy machine, and the device stands in line.
const WAIT_TLS: Duration = if cfg!(debug_assertions) { Duration::from_millis(4_000) } else { WAIT };
/// 64 sockets with their buffers are one MiB, and two with those of TLS; the rest is the allocator's.
const MEMORY_KIB: u64 = 16 << 10;

fn all_gone(outcome: &Outcome) -> Result<()> {
    for (kind, Held { count, settled, open, longest }) in outcome {
        ensure!(*open == 0, "{open} of {count} {kind:?} sockets are open after {longest:?}");
        ensure!(*settled > 0, "none of {count} {kind:?} sockets got anywhere");
    }
    ensure!(outcome.len() == 4, "not every kind was tried: {outcome:?}");
    Ok(())
}

/// 1,000 of them from 125 addresses, eight of each: as many as an address may have. The device that belongs here comes in between.
fn besieged(kinds: &[Kind], tls: bool) -> Result<()> {
    let lab = Lab::new();
    let service = start(&lab)?;
    let crowd = lab.crowd(125);
    let device = service.bind_device(&lab.phone, Lab::COMPUTER, "kettle")?;
    let before = Before::of(&service)?;
    let over = AtomicBool::new(false);
    let (outcome, waits) = std::thread::scope(|scope| {
        let knocking = scope.spawn(|| lab.phone.block_on(|| siege::knock(&device, Lab::PHONE, LAN, tls, &over)));
        let outcome = lab.phone.block_on(|| siege::lay(&crowd, LAN, kinds, SOCKETS, HELD));
        over.store(true, Ordering::Relaxed);
        let waits = knocking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (outcome, waits)
    });
    let (outcome, waits) = (outcome?, waits.context("the device that belongs here was kept out")?);
    all_gone(&outcome)?;
    let longest = outcome.values().map(|held| held.longest).max().unwrap_or_default();
    // The first come hold on as long as the service waits: otherwise everybody was simply thrown out.
    ensure!(longest > Duration::from_millis(1_500), "nobody held on: {outcome:?}");
    ensure!(waits.len() >= 20, "only {} tries", waits.len());
    let (p99, wait) = (siege::ninety_ninth(&waits), if tls { WAIT_TLS } else { WAIT });
    ensure!(p99 < wait, "99 of 100 connections of the device took {p99:?}, the median {:?}", waits[waits.len() / 2]);
    before.nothing_left(&service, MEMORY_KIB)
}

#[test]
fn a_thousand_slow_sockets_are_gone_in_ten_seconds_and_keep_no_device_out() -> Result<()> {
    besieged(&Kind::PLAIN, false)
}

#[test]
fn a_thousand_slow_sockets_over_tls_are_gone_in_ten_seconds_and_keep_no_device_out() -> Result<()> {
    besieged(&Kind::TLS, true)
}

/// The twin that must fail: a server that lets everybody wait for ever.
#[test]
fn a_server_that_waits_for_ever_is_caught() -> Result<()> {
    let lab = Lab::new();
    let to = SocketAddr::from((Lab::COMPUTER, 8080));
    let patient = lab.computer.listen(to)?;
    let sockets = std::thread::spawn(move || patient.incoming().take(20).collect::<Vec<_>>());
    let from: [Ipv4Addr; 1] = [Lab::PHONE];
    let outcome = lab.phone.block_on(|| siege::lay(&from, to, &Kind::PLAIN, 20, Duration::from_secs(1)))?;
    let error = all_gone(&outcome).expect_err("sockets that stay were overlooked");
    ensure!(error.to_string().contains("are open after"), "{error}");
    drop(sockets);
    Ok(())
}

/// Finishes the handshake of TLS with everybody, and keeps them, until the guard is dropped.
fn shake_hands(listener: std::net::TcpListener) -> Result<DropGuard> {
    let (acceptor, _) = relay::certificate()?;
    let over = CancellationToken::new();
    let ended = over.clone();
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        runtime.block_on(ended.run_until_cancelled(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let mut kept = JoinSet::new();
            loop {
                let (socket, _) = listener.accept().await?;
                let acceptor = acceptor.clone();
                kept.spawn(async move {
                    let _secure = acceptor.accept(socket).await;
                    std::future::pending::<()>().await;
                });
            }
            #[expect(unreachable_code, reason = "the type of the errors above")]
            Ok::<(), std::io::Error>(())
        }))
    });
    Ok(over.drop_guard())
}

/// The same over TLS: it finishes every handshake, and waits for ever before and after it.
#[test]
fn a_server_that_waits_for_ever_over_tls_is_caught() -> Result<()> {
    let lab = Lab::new();
    let to = SocketAddr::from((Lab::COMPUTER, 8443));
    let listener = lab.computer.listen(to)?;
    let _patient = shake_hands(listener)?;
    let outcome = lab.phone.block_on(|| siege::lay(&[Lab::PHONE], to, &Kind::TLS, 20, Duration::from_secs(3)))?;
    for (kind, held) in &outcome {
        ensure!(held.settled == 5 && held.open == 5, "{kind:?}: {held:?}");
    }
    let error = all_gone(&outcome).expect_err("sockets that stay were overlooked");
    ensure!(error.to_string().contains("are open after"), "{error}");
    Ok(())
}
