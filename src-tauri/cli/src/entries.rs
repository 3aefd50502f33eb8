//! `smartpi repair --entries`: our entries in OpenClaw's configuration, put back or put right once a person at a terminal agreed.

use desk::control::answer::{CareView, EntriesPlan, EntriesWritten, EntryChange, PluginFix, PluginRow};
use desk::control::client::Client;
use desk::control::request::Request;
use desk::folders::Folders;

use crate::exit::{Exit, Stop};
use crate::look;
use crate::route::say_changes;
use crate::terminal::{Terminal, typed};
use crate::words::{gateway, repair as say};

/// One change at a time: the next one is shown by the next call.
pub(crate) async fn mend(terminal: Terminal, folders: &Folders) -> Result<(), Stop> {
    let language = terminal.language;
    let care = look::care(folders).await?;
    let Some(change) = wanted(&care) else { return terminal.say(say::nothing_to_mend(language)) };
    let mut client = Client::connect(folders).await?;
    let plan: EntriesPlan = client.ask(&Request::EntriesPreview { change }).await?;
    say_changes(terminal, &plan.changes, plan.comments_lost)?;
    if plan.changes.is_empty() {
        return Ok(());
    }
    let word = say::apply_word(language);
    if typed(terminal, &say::ask_apply(language, &word))? != word {
        return Err(Stop::Silent(Exit::PersonNeeded));
    }
    let written: EntriesWritten = client.ask(&Request::EntriesWrite { change, shown: plan.shown }).await?;
    if let Some(copy) = &written.copy {
        terminal.say(gateway::copy_kept(language, copy))?;
    }
    terminal.say(say::entries_written(language))
}

/// What is missing first; then what the rows of the plugin ask for, in their order.
fn wanted(care: &CareView) -> Option<EntryChange> {
    if !care.missing.is_empty() {
        return Some(EntryChange::PutBack);
    }
    let by_entry = |fix: PluginFix| match fix {
        PluginFix::Enable => Some(EntryChange::Enable),
        PluginFix::Allow => Some(EntryChange::Allow),
        PluginFix::WriteChannel => Some(EntryChange::WriteChannel),
        PluginFix::Install
        | PluginFix::Replace
        | PluginFix::Undeny
        | PluginFix::RestartGateway
        | PluginFix::LeaveAlone
        | PluginFix::UpdateApp
        | PluginFix::UpdateOpenclaw => None,
    };
    care.plugin.iter().filter_map(PluginRow::remedy).find_map(by_entry)
}

#[cfg(test)]
mod tests {
    use desk::control::answer::{MissingEntry, OwnEntry, PluginLink, Seen};

    use super::*;

    #[test]
    fn what_is_missing_comes_first_and_what_is_no_entry_is_left_alone() {
        let mut care = CareView::unseen();
        assert_eq!(wanted(&care), None);
        let row = |link, fix| PluginRow { link, fix: Seen::Known(Some(fix)), shows: None };
        care.plugin = vec![row(PluginLink::Version, PluginFix::Replace)];
        assert_eq!(wanted(&care), None);
        care.plugin.push(row(PluginLink::Allowed, PluginFix::Allow));
        care.plugin.push(row(PluginLink::Channel, PluginFix::WriteChannel));
        assert_eq!(wanted(&care), Some(EntryChange::Allow));
        care.missing = vec![MissingEntry { entry: OwnEntry::Channel, at_ms: 1 }];
        assert_eq!(wanted(&care), Some(EntryChange::PutBack));
    }
}
