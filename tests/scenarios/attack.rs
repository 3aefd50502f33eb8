//! The service under attack: the rows of docs/THREATS.md that only a real service on a real network can show. Every story starts the real `smartpi serve`; its
//! strangers live in another network namespace, with as many addresses as they need.

mod capture;
mod crowd;
mod exposure;
mod floods;
mod identities;
mod proofs;
mod slow_readers;
mod slow_sockets;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Result, ensure};
use support::channel_service::ChannelService;
use support::gauge::Gauge;
use support::lab::{Lab, Namespace};
use support::wait;

const PORT: u16 = 8765;
const LAN: SocketAddr = SocketAddr::new(IpAddr::V4(Lab::COMPUTER), PORT);
/// A busy machine in a debug build stays below it.
const SOON: Duration = Duration::from_secs(30);

fn start(lab: &Lab) -> Result<ChannelService<'_>> {
    ChannelService::start(&lab.computer, &["--agent", "gateway", "--lan"])
}

/// What the service used before an attack.
struct Before {
    sockets: usize,
    resident_kib: u64,
}

impl Before {
    fn of(service: &ChannelService<'_>) -> Result<Self> {
        let gauge = Gauge::of(service.process());
        gauge.forget_peak()?;
        Ok(Self { sockets: gauge.open_sockets()?, resident_kib: gauge.resident_kib()? })
    }

    /// Asserts that the attack left nothing: no open socket, no panic, and no more memory than `grown_kib` above the start at its worst moment.
    fn nothing_left(&self, service: &ChannelService<'_>, grown_kib: u64) -> Result<()> {
        let gauge = Gauge::of(service.process());
        wait::until(SOON, "the sockets of the service are those of before", || {
            Ok(gauge.open_sockets()? <= self.sockets)
        })?;
        let peak = gauge.peak_kib()?.saturating_sub(self.resident_kib);
        ensure!(peak <= grown_kib, "memory grew by {peak} KiB, {grown_kib} at most");
        let log = service.log();
        ensure!(!log.contains("panick"), "the service panicked:\n{log}");
        Ok(())
    }
}

/// One thread for each of these addresses, all in `place`; the first error.
fn from_each(
    place: &Namespace,
    addresses: &[Ipv4Addr],
    work: impl AsyncFn(usize, Ipv4Addr) -> Result<()> + Sync,
) -> Result<()> {
    std::thread::scope(|scope| {
        let crowd: Vec<_> = addresses
            .iter()
            .enumerate()
            .map(|(index, address)| {
                let work = &work;
                scope.spawn(move || place.block_on(|| work(index, *address)))
            })
            .collect();
        let mut all = crowd.into_iter().map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        all.try_for_each(|outcome| outcome)
    })
}
