//! Counts of the network side, as Prometheus reads them on `/metrics`.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows, or one that goes up and down.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// One more.
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// One more until the answer is dropped.
    pub(crate) fn hold(&self) -> Held<'_> {
        self.add();
        Held(self)
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Takes back what [`Count::hold`] added.
#[derive(Debug)]
pub(crate) struct Held<'a>(&'a Count);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Connections taken.
    pub(crate) accepted: Count,
    /// Connections closed at once: too many that have not authenticated.
    pub(crate) turned_away: Count,
    /// HTTP requests refused by the guard.
    pub(crate) refused: Count,
    /// Open connections.
    pub(crate) open: Count,
    /// Open connections that began as TLS.
    pub(crate) tls: Count,
    /// TLS handshakes that failed or took too long.
    pub(crate) handshakes_failed: Count,
    /// Authenticated devices.
    pub(crate) devices: Count,
    /// Authenticated plugins: 0 or 1, for a moment 2 when one replaces the other.
    pub(crate) links: Count,
    /// Failed proofs of keys, codes and the link.
    pub(crate) failed_proofs: Count,
    /// Messages taken from devices.
    pub(crate) messages: Count,
    /// Messages confirmed to devices as stored.
    pub(crate) acknowledged: Count,
    /// Replies written to devices.
    pub(crate) replies: Count,
}

impl Metrics {
    /// The text format of Prometheus, version 0.0.4.
    pub(crate) fn text(&self) -> String {
        let rows = [
            ("connections_accepted_total", "counter", "Connections taken.", &self.accepted),
            (
                "connections_turned_away_total",
                "counter",
                "Connections closed at once, too many waited.",
                &self.turned_away,
            ),
            ("requests_refused_total", "counter", "HTTP requests of other sites, hosts or methods.", &self.refused),
            ("connections_open", "gauge", "Open connections.", &self.open),
            ("tls_connections_open", "gauge", "Open connections over TLS.", &self.tls),
            (
                "tls_handshakes_failed_total",
                "counter",
                "TLS handshakes that failed or took too long.",
                &self.handshakes_failed,
            ),
            ("devices_online", "gauge", "Devices with an authenticated connection.", &self.devices),
            ("link_up", "gauge", "Authenticated links of the OpenClaw plugin.", &self.links),
            ("failed_proofs_total", "counter", "Failed proofs of keys, codes and the link.", &self.failed_proofs),
            ("messages_received_total", "counter", "Messages taken from devices.", &self.messages),
            ("messages_stored_total", "counter", "Messages confirmed to devices as stored.", &self.acknowledged),
            ("replies_sent_total", "counter", "Replies written to devices.", &self.replies),
        ];
        let mut text = String::with_capacity(2_048);
        for (name, kind, help, count) in rows {
            let count = count.read();
            // Writing to a String cannot fail.
            let _ =
                write!(text, "# HELP smartpi_{name} {help}\n# TYPE smartpi_{name} {kind}\nsmartpi_{name} {count}\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_shown_and_held_ones_taken_back() {
        let metrics = Metrics::default();
        let held = metrics.devices.hold();
        metrics.accepted.add();
        metrics.accepted.add();
        let text = metrics.text();
        assert!(text.contains("\n# TYPE smartpi_devices_online gauge\nsmartpi_devices_online 1\n"), "{text}");
        assert!(text.contains("smartpi_connections_accepted_total 2\n"), "{text}");
        drop(held);
        assert!(metrics.text().contains("smartpi_devices_online 0\n"));
    }
}
