//! Judges what devices saw: no acknowledged message lost, none answered twice, order kept.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What one device saw, over all its lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Ids in the order in which the person said them.
    pub queued: Vec<String>,
    /// Ids that the service said it has on disk.
    pub acked: BTreeSet<String>,
    /// Ids of answered messages, in the order in which the device told that it showed their answers. A kill can come before the telling.
    pub told: Vec<String>,
    /// The same, as the device's own disk has it.
    pub shown: Vec<String>,
    /// Ids that the service refused.
    pub rejected: BTreeSet<String>,
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Acknowledged, and never answered.
    Lost(usize, String),
    /// Answered more than once.
    Doubled(usize, String),
    /// Answered before an earlier message of the same device.
    Disordered(usize, String),
    /// Run more than once by the agent.
    RunTwice(String),
}

/// Reads the lines of `history-device`; a line cut short by a kill is dropped.
#[must_use]
pub fn read(lines: &str) -> BTreeMap<usize, Seen> {
    let mut all: BTreeMap<usize, Seen> = BTreeMap::new();
    for line in lines.lines() {
        let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
        let Some(number) = line["device"].as_u64().and_then(|number| usize::try_from(number).ok()) else { continue };
        let seen = all.entry(number).or_default();
        let id = || line["id"].as_str().unwrap_or_default().to_owned();
        match line["what"].as_str() {
            Some("queued") => seen.queued.push(id()),
            Some("acked") => drop(seen.acked.insert(id())),
            Some("rejected") => drop(seen.rejected.insert(id())),
            Some("shown") => seen.told.extend(line["re"].as_str().map(str::to_owned)),
            _ => {}
        }
    }
    all
}

/// Every broken promise; empty is what the product promises. `ran` is what the agent ran, in order.
#[must_use]
pub fn judge(devices: &BTreeMap<usize, Seen>, ran: &[String]) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut once = BTreeSet::new();
    violations.extend(ran.iter().filter(|turn| !once.insert(*turn)).map(|turn| Violation::RunTwice(turn.clone())));
    for (&number, seen) in devices {
        let mut shown = BTreeSet::new();
        for list in [&seen.told, &seen.shown] {
            shown = BTreeSet::new();
            violations
                .extend(list.iter().filter(|id| !shown.insert(*id)).map(|id| Violation::Doubled(number, id.clone())));
        }
        let lost = seen.acked.iter().filter(|id| !shown.contains(id));
        violations.extend(lost.map(|id| Violation::Lost(number, id.clone())));
        let place: BTreeMap<&String, usize> = seen.queued.iter().enumerate().map(|(place, id)| (id, place)).collect();
        let places: Vec<_> = seen.shown.iter().filter_map(|id| Some((place.get(id)?, id))).collect();
        let disordered = places.windows(2).filter(|pair| pair[1].0 < pair[0].0);
        violations.extend(disordered.map(|pair| Violation::Disordered(number, pair[1].1.clone())));
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(queued: &[&str], acked: &[&str], shown: &[&str]) -> BTreeMap<usize, Seen> {
        let own = |ids: &[&str]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
        let one = Seen {
            queued: own(queued),
            acked: own(acked).into_iter().collect(),
            told: own(shown),
            shown: own(shown),
            rejected: BTreeSet::new(),
        };
        BTreeMap::from([(0, one)])
    }

    #[test]
    fn each_broken_promise_is_seen() {
        assert_eq!(judge(&seen(&["a", "b"], &["a"], &["a", "b"]), &["a".into()]), []);
        assert_eq!(judge(&seen(&["a"], &["a"], &[]), &[]), [Violation::Lost(0, "a".into())]);
        assert_eq!(
            judge(&seen(&["a"], &["a"], &["a", "a"]), &[]),
            [Violation::Doubled(0, "a".into()), Violation::Doubled(0, "a".into())]
        );
        assert_eq!(judge(&seen(&["a", "b"], &[], &["b", "a"]), &[]), [Violation::Disordered(0, "a".into())]);
        assert_eq!(judge(&BTreeMap::new(), &["t".into(), "t".into()]), [Violation::RunTwice("t".into())]);
    }

    #[test]
    fn a_line_cut_short_by_a_kill_is_dropped() {
        let lines = "{\"device\":0,\"what\":\"acked\",\"id\":\"a\"}\n{\"device\":0,\"what\":\"ack";
        assert_eq!(read(lines)[&0].acked.len(), 1);
    }
}
