//! The plugin inside of OpenClaw: facts in, one row each out, with the one fix that helps.

use serde::{Deserialize, Serialize};

use crate::seen::{Blind, Seen};

/// What is known of the plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginFacts {
    /// The package that lies under our id: its name. `None`: none does.
    pub package: Seen<Option<String>>,
    /// Whether that package is ours, by name and by the record that its installation left.
    pub is_ours: Seen<bool>,
    /// Its version.
    pub version: Seen<Option<String>>,
    /// The version that this program brings.
    pub embedded: String,
    /// `plugins.entries`.
    pub entry: Seen<Entry>,
    /// Whether `plugins.allow` names it. `None`: there is no such list, so all are allowed.
    pub allowed: Seen<Option<bool>>,
    /// `channels`.
    pub channel: Seen<Entry>,
    /// Whether it is connected to the service, with its key proven.
    pub connected: Seen<bool>,
    /// Version of the OpenClaw that it is in, where one said so.
    pub host: Option<String>,
    /// The oldest OpenClaw that this program's plugin loads in.
    pub oldest_host: String,
}

/// An entry of OpenClaw's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Entry {
    /// There is none.
    Absent,
    /// It is switched off.
    Off,
    /// It is there, and a list or a switch above it keeps it from running.
    Denied,
    /// It is there.
    On,
}

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum PluginLink {
    /// Whether it is installed.
    Installed,
    /// Whether what lies under its id is ours.
    Ours,
    /// Whether its version fits.
    Version,
    /// Whether OpenClaw is new enough for it.
    Host,
    /// Whether it is enabled.
    Enabled,
    /// Whether it is allowed.
    Allowed,
    /// Whether the channel's entry is there.
    Channel,
    /// Whether it is connected.
    Connected,
}

/// What helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum PluginFix {
    /// Install it.
    Install,
    /// Replace it with the version that this program brings.
    Replace,
    /// Switch its entry on.
    Enable,
    /// Only the person can: they wrote that it shall not run.
    Undeny,
    /// Add it to the list of allowed plugins: nothing else of the list changes.
    Allow,
    /// Write the channel's entry.
    WriteChannel,
    /// Start the gateway anew, so that it loads what is there.
    RestartGateway,
    /// Manage its devices through its own commands. It is never overwritten.
    LeaveAlone,
    /// Bring this program up to date.
    UpdateApp,
    /// Bring OpenClaw up to date.
    UpdateOpenclaw,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct PluginRow {
    /// What it is about.
    pub link: PluginLink,
    /// Whether it is well, and what helps if not: `Known(None)` is well.
    pub fix: Seen<Option<PluginFix>>,
    /// What shows it, as it is: a version, the name of a package.
    pub shows: Option<String>,
}

impl PluginRow {
    /// What helps. `None`: it is well, or cannot be seen.
    pub fn remedy(&self) -> Option<PluginFix> {
        self.fix.known().copied().flatten()
    }
}

/// One row for each, in the order in which they depend on one another. What a broken one makes pointless is not judged.
pub fn plugin_rows(facts: &PluginFacts) -> Vec<PluginRow> {
    let well_or = |well: bool, fix: PluginFix| if well { None } else { Some(fix) };
    let installed = facts.package.clone().map(|package| well_or(package.is_some(), PluginFix::Install));
    let ours = facts.is_ours.clone().map(|ours| well_or(ours, PluginFix::LeaveAlone));
    let version =
        facts.version.clone().map(|version| version.as_deref().and_then(|version| fits(version, &facts.embedded)));
    let enabled = facts.entry.clone().map(|entry| match entry {
        Entry::On => None,
        Entry::Absent | Entry::Off => Some(PluginFix::Enable),
        Entry::Denied => Some(PluginFix::Undeny),
    });
    let allowed = facts.allowed.clone().map(|allowed| well_or(allowed.unwrap_or(true), PluginFix::Allow));
    let channel = facts.channel.clone().map(|channel| match channel {
        Entry::On => None,
        Entry::Absent | Entry::Off | Entry::Denied => Some(PluginFix::WriteChannel),
    });
    let connected = facts.connected.clone().map(|connected| well_or(connected, PluginFix::RestartGateway));
    let host = facts
        .host
        .as_deref()
        .map(|host| Seen::Known(well_or(!is_older(host, &facts.oldest_host), PluginFix::UpdateOpenclaw)));
    let told = |seen: &Seen<Option<String>>| seen.known().cloned().flatten();
    let all = [
        (PluginLink::Installed, Some(installed), told(&facts.package)),
        (PluginLink::Ours, Some(ours), None),
        (PluginLink::Version, Some(version), told(&facts.version)),
        // Nobody says so before it is connected: no row of what nobody asked.
        (PluginLink::Host, host, facts.host.clone()),
        (PluginLink::Enabled, Some(enabled), None),
        (PluginLink::Allowed, Some(allowed), None),
        (PluginLink::Channel, Some(channel), None),
        (PluginLink::Connected, Some(connected), None),
    ];
    let mut rows = Vec::new();
    let mut broken = false;
    for (link, fix, shows) in all {
        let Some(fix) = fix else { continue };
        // Without a plugin of ours nothing after it says anything; and whether it connects hangs on all before it.
        let pointless = broken && (link == PluginLink::Connected || rows.iter().any(ends_it));
        let fix = if pointless { Seen::Hidden(Blind::NotAsked) } else { fix };
        broken |= matches!(fix, Seen::Known(Some(_)));
        rows.push(PluginRow { link, fix, shows });
    }
    rows
}

fn ends_it(row: &PluginRow) -> bool {
    matches!(row.fix, Seen::Known(Some(PluginFix::Install | PluginFix::LeaveAlone)))
}

/// One version for all: an older plugin is replaced, a newer one waits for a newer program.
fn fits(version: &str, embedded: &str) -> Option<PluginFix> {
    if version == embedded {
        return None;
    }
    match (numbers(version), numbers(embedded)) {
        (Some(theirs), Some(ours)) if theirs > ours => Some(PluginFix::UpdateApp),
        (_, _) => Some(PluginFix::Replace),
    }
}

/// A version that is no number is not called old.
fn is_older(version: &str, oldest: &str) -> bool {
    matches!((numbers(version), numbers(oldest)), (Some(version), Some(oldest)) if version < oldest)
}

fn numbers(version: &str) -> Option<Vec<u64>> {
    let plain = version.split(['-', '+']).next()?;
    plain.split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn well() -> PluginFacts {
        PluginFacts {
            package: Seen::Known(Some("openclaw-smartpi".into())),
            is_ours: Seen::Known(true),
            version: Seen::Known(Some("0.2.0".into())),
            embedded: "0.2.0".into(),
            entry: Seen::Known(Entry::On),
            allowed: Seen::Known(None),
            channel: Seen::Known(Entry::On),
            connected: Seen::Known(true),
            host: Some("2026.9.6".into()),
            oldest_host: "2026.4.0".into(),
        }
    }

    fn broken(change: impl FnOnce(&mut PluginFacts)) -> Vec<(PluginLink, PluginFix)> {
        let mut facts = well();
        change(&mut facts);
        let told = |row: PluginRow| Some((row.link, row.remedy()?));
        plugin_rows(&facts).into_iter().filter_map(told).collect()
    }

    #[test]
    fn each_row_has_its_one_fix() {
        assert_eq!(broken(|_| {}), []);
        assert_eq!(broken(|facts| facts.entry = Seen::Known(Entry::Off)), [(PluginLink::Enabled, PluginFix::Enable)]);
        assert_eq!(broken(|facts| facts.allowed = Seen::Known(Some(false))), [(PluginLink::Allowed, PluginFix::Allow)]);
        assert_eq!(broken(|facts| facts.allowed = Seen::Known(Some(true))), []);
        let channel = broken(|facts| facts.channel = Seen::Known(Entry::Absent));
        assert_eq!(channel, [(PluginLink::Channel, PluginFix::WriteChannel)]);
        let silent = broken(|facts| facts.connected = Seen::Known(false));
        assert_eq!(silent, [(PluginLink::Connected, PluginFix::RestartGateway)]);
        // What a person forbade, only they allow.
        let denied = broken(|facts| facts.entry = Seen::Known(Entry::Denied));
        assert_eq!(denied, [(PluginLink::Enabled, PluginFix::Undeny)]);
    }

    #[test]
    fn an_openclaw_that_is_too_old_for_it_is_told_and_one_that_says_nothing_has_no_row() {
        let host = |host: Option<&str>| broken(|facts| facts.host = host.map(str::to_owned));
        assert_eq!(host(Some("2026.3.31")), [(PluginLink::Host, PluginFix::UpdateOpenclaw)]);
        assert_eq!(host(Some("2026.4.26")), []);
        assert_eq!(host(Some("of tomorrow")), []);
        let rows = plugin_rows(&PluginFacts { host: None, ..well() });
        assert!(rows.iter().all(|row| row.link != PluginLink::Host), "{rows:?}");
        let shows = |link| plugin_rows(&well()).into_iter().find(|row| row.link == link).unwrap().shows;
        assert_eq!(shows(PluginLink::Version).as_deref(), Some("0.2.0"));
        assert_eq!(shows(PluginLink::Host).as_deref(), Some("2026.9.6"));
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, fix) in [
            ("0.10.0", Some(PluginFix::UpdateApp)),
            ("0.1.9", Some(PluginFix::Replace)),
            ("0.2.0", None),
            ("who knows", Some(PluginFix::Replace)),
        ] {
            let found = broken(|facts| facts.version = Seen::Known(Some(version.into())));
            assert_eq!(found.first().map(|(_, fix)| *fix), fix, "{version}");
        }
    }

    #[test]
    fn anothers_plugin_is_left_alone_and_nothing_behind_it_is_offered() {
        let found = broken(|facts| {
            facts.is_ours = Seen::Known(false);
            facts.version = Seen::Known(Some("0.0.1".into()));
            facts.entry = Seen::Known(Entry::Off);
        });
        assert_eq!(found, [(PluginLink::Ours, PluginFix::LeaveAlone)]);
        let none = broken(|facts| {
            facts.package = Seen::Known(None);
            facts.is_ours = Seen::Known(false);
            facts.connected = Seen::Known(false);
        });
        assert_eq!(none, [(PluginLink::Installed, PluginFix::Install)]);
    }

    #[test]
    fn a_plugin_that_is_off_is_not_told_to_connect() {
        let found = broken(|facts| {
            facts.entry = Seen::Known(Entry::Off);
            facts.connected = Seen::Known(false);
        });
        assert_eq!(found, [(PluginLink::Enabled, PluginFix::Enable)]);
    }
}
