//! What the kernel says a process uses.

use std::fs;

use anyhow::{Context, Result};

/// Clock ticks a second in `/proc/PID/stat`: fixed at 100 on every Linux that has it.
const TICKS: f64 = 100.0;

/// One process.
#[derive(Clone, Copy, Debug)]
pub struct Gauge(u32);

impl Gauge {
    /// Of the process with this id.
    #[must_use]
    pub fn of(process: u32) -> Self {
        Self(process)
    }

    /// Resident memory, KiB.
    ///
    /// # Errors
    /// The process is gone.
    pub fn resident_kib(self) -> Result<u64> {
        self.status("VmRSS:")
    }

    /// The most resident memory since [`Gauge::forget_peak`], KiB.
    ///
    /// # Errors
    /// The process is gone.
    pub fn peak_kib(self) -> Result<u64> {
        self.status("VmHWM:")
    }

    /// Lets the peak begin anew.
    ///
    /// # Errors
    /// The process is gone, or belongs to somebody else.
    pub fn forget_peak(self) -> Result<()> {
        // 5: proc(5), clear_refs.
        Ok(fs::write(format!("/proc/{}/clear_refs", self.0), "5")?)
    }

    /// Open sockets. Files may come with the work: a store opens another connection when it needs one.
    ///
    /// # Errors
    /// The process is gone.
    pub fn open_sockets(self) -> Result<usize> {
        let open = fs::read_dir(format!("/proc/{}/fd", self.0))?.flatten();
        // One that was closed meanwhile has no name any more.
        let named = open.filter_map(|file| fs::read_link(file.path()).ok());
        Ok(named.filter(|name| name.as_os_str().as_encoded_bytes().starts_with(b"socket:")).count())
    }

    /// CPU seconds of all its threads.
    ///
    /// # Errors
    /// The process is gone.
    pub fn cpu_seconds(self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0))?;
        // The name in parentheses may hold spaces; utime and stime are the 12th and 13th fields after it.
        let fields = stat.rsplit_once(')').context("/proc/PID/stat has no name")?.1;
        let times = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
        Ok(times.sum::<Result<f64, _>>()? / TICKS)
    }

    fn status(self, name: &str) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_sockets_that_come_and_go_are_seen() {
        let gauge = Gauge::of(std::process::id());
        let (open, resident) = (gauge.open_sockets().unwrap(), gauge.resident_kib().unwrap());
        gauge.forget_peak().unwrap();
        let sockets: Vec<_> = (0..50).map(|_| std::net::UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        assert!(gauge.open_sockets().unwrap() >= open + 40);
        let block = std::hint::black_box(vec![1_u8; 32 << 20]);
        assert!(gauge.peak_kib().unwrap() >= resident + (24 << 10));
        assert!(gauge.cpu_seconds().unwrap() > 0.0);
        drop((sockets, block));
    }
}
