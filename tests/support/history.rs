//! Judges what devices and the agent saw: nothing acknowledged is lost on either side, nothing is shown or run twice, order is kept, nobody is heard who may not be.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::fast_agent::Witness;

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
    /// Ids of all replies that it told it showed, answers or not.
    pub told_rids: Vec<String>,
    /// The same, as the device's own disk has it.
    pub shown_rids: Vec<String>,
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
    /// The service said that it has these words of the agent on disk, and no device showed them.
    Unshown(String),
    /// Said by nobody who may speak, and shown.
    Void(usize, String),
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
            Some("shown") => {
                seen.told.extend(line["re"].as_str().map(str::to_owned));
                seen.told_rids.extend(line["rid"].as_str().map(str::to_owned));
            }
            _ => {}
        }
    }
    all
}

/// The ids that come a second time.
fn repeated(ids: &[String]) -> impl Iterator<Item = String> {
    let mut once = BTreeSet::new();
    ids.iter().filter(move |id| !once.insert(*id)).cloned()
}

/// Every broken promise; empty is what the product promises.
#[must_use]
pub fn judge(devices: &BTreeMap<usize, Seen>, agent: &Witness) -> Vec<Violation> {
    let mut violations: Vec<Violation> = repeated(&agent.ran).map(Violation::RunTwice).collect();
    let mut unshown = agent.pushed.clone();
    for (&number, seen) in devices {
        for list in [&seen.told, &seen.shown, &seen.told_rids, &seen.shown_rids] {
            violations.extend(repeated(list).map(|id| Violation::Doubled(number, id)));
        }
        let lost = seen.acked.iter().filter(|id| !seen.shown.contains(id));
        violations.extend(lost.map(|id| Violation::Lost(number, id.clone())));
        let place: BTreeMap<&String, usize> = seen.queued.iter().enumerate().map(|(place, id)| (id, place)).collect();
        let places: Vec<_> = seen.shown.iter().filter_map(|id| Some((place.get(id)?, id))).collect();
        let disordered = places.windows(2).filter(|pair| pair[1].0 < pair[0].0);
        violations.extend(disordered.map(|pair| Violation::Disordered(number, pair[1].1.clone())));
        for rid in seen.shown_rids.iter().chain(&seen.told_rids) {
            unshown.remove(rid);
        }
        let void = seen.shown_rids.iter().filter(|rid| agent.void.contains(*rid));
        violations.extend(void.map(|rid| Violation::Void(number, rid.clone())));
    }
    violations.extend(unshown.into_iter().map(Violation::Unshown));
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
            ..Seen::default()
        };
        BTreeMap::from([(0, one)])
    }

    fn ran(turns: &[&str]) -> Witness {
        Witness { ran: turns.iter().map(ToString::to_string).collect(), ..Witness::default() }
    }

    #[test]
    fn each_broken_promise_is_seen() {
        assert_eq!(judge(&seen(&["a", "b"], &["a"], &["a", "b"]), &ran(&["a"])), []);
        assert_eq!(judge(&seen(&["a"], &["a"], &[]), &ran(&[])), [Violation::Lost(0, "a".into())]);
        assert_eq!(
            judge(&seen(&["a"], &["a"], &["a", "a"]), &ran(&[])),
            [Violation::Doubled(0, "a".into()), Violation::Doubled(0, "a".into())]
        );
        assert_eq!(judge(&seen(&["a", "b"], &[], &["b", "a"]), &ran(&[])), [Violation::Disordered(0, "a".into())]);
        assert_eq!(judge(&BTreeMap::new(), &ran(&["t", "t"])), [Violation::RunTwice("t".into())]);
    }

    #[test]
    fn words_that_belong_to_no_message_are_judged_by_their_own_ids() {
        let said = |rids: &[&str]| {
            let rids: Vec<String> = rids.iter().map(ToString::to_string).collect();
            BTreeMap::from([(3, Seen { told_rids: rids.clone(), shown_rids: rids, ..Seen::default() })])
        };
        let agent = Witness {
            pushed: BTreeSet::from(["p.1".into()]),
            void: BTreeSet::from(["v.1".into()]),
            ..Witness::default()
        };
        assert_eq!(judge(&said(&["p.1", "s-1"]), &agent), []);
        assert_eq!(judge(&said(&[]), &agent), [Violation::Unshown("p.1".into())]);
        let twice = judge(&said(&["p.1", "p.1"]), &agent);
        assert_eq!(twice, [Violation::Doubled(3, "p.1".into()), Violation::Doubled(3, "p.1".into())]);
        assert_eq!(judge(&said(&["p.1", "v.1"]), &agent), [Violation::Void(3, "v.1".into())]);
    }

    #[test]
    fn a_line_cut_short_by_a_kill_is_dropped() {
        let lines = "{\"device\":0,\"what\":\"acked\",\"id\":\"a\"}\n{\"device\":0,\"what\":\"ack";
        assert_eq!(read(lines)[&0].acked.len(), 1);
    }
}
