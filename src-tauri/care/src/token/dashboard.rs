//! Browsers that hold a stale token: they show up in the gateway's log and nowhere else.

use serde::{Deserialize, Serialize};

/// A dashboard that the gateway turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DashboardRefusal {
    /// When, ms since 1970.
    pub at_ms: i64,
    /// What it held.
    pub held: StaleCredential,
}

/// What a browser held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StaleCredential {
    /// A shared token that is not the gateway's.
    SharedToken,
    /// A device token that the gateway does not know any more.
    DeviceToken,
    /// Nothing.
    Nothing,
}

#[derive(Deserialize)]
struct Line {
    message: String,
    time: String,
}

/// Reads lines of OpenClaw's log. The log is that of all gateways of the computer: lines about another `port` are left out, and so is everything before `since_ms`.
pub fn dashboard_refusals<'a>(
    lines: impl IntoIterator<Item = &'a str>,
    port: u16,
    since_ms: i64,
) -> Vec<DashboardRefusal> {
    let read = |line: &str| {
        // Most lines are about something else: they are not parsed.
        if !line.contains("unauthorized conn=") {
            return None;
        }
        let line: Line = serde_json::from_str(line).ok()?;
        let at_ms = line.time.parse::<jiff::Timestamp>().ok()?.as_millisecond();
        let value = |name: &str| {
            let (_, rest) = line.message.split_once(&format!(" {name}="))?;
            rest.split(' ').next()
        };
        let here = value("host")?.rsplit(':').next()?.parse() == Ok(port);
        if value("client") != Some("openclaw-control-ui") || !here || at_ms < since_ms {
            return None;
        }
        let held = match value("reason")? {
            "token_mismatch" => StaleCredential::SharedToken,
            "device_token_mismatch" => StaleCredential::DeviceToken,
            "token_missing" => StaleCredential::Nothing,
            _ => return None,
        };
        Some(DashboardRefusal { at_ms, held })
    };
    lines.into_iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDED: &str = include_str!("../../recorded/dashboard-refused-2026.9.6.jsonl");

    #[test]
    fn a_browser_with_a_stale_token_is_seen_in_the_recorded_log() {
        let found = dashboard_refusals(RECORDED.lines(), 19_377, 0);
        let held: Vec<_> = found.iter().map(|refusal| refusal.held).collect();
        assert_eq!(held, [StaleCredential::SharedToken, StaleCredential::DeviceToken, StaleCredential::Nothing]);
        assert_eq!(found[0].at_ms, 1_795_296_511_630);
    }

    #[test]
    fn other_gateways_other_clients_and_old_lines_are_left_out() {
        assert_eq!(dashboard_refusals(RECORDED.lines(), 18_789, 0), []);
        assert_eq!(dashboard_refusals(RECORDED.lines(), 19_377, 1_795_296_511_650).len(), 2);
        let of_us = RECORDED.replace("client=openclaw-control-ui", "client=gateway-client");
        assert_eq!(dashboard_refusals(of_us.lines(), 19_377, 0), []);
        assert_eq!(
            dashboard_refusals(["unauthorized conn=", "{\"message\":\"unauthorized conn=1\"}", "{"], 19_377, 0),
            []
        );
    }
}
