//! `smartpi doctor`: what is wrong, the way from a device to a model row by row, and what else a person should know. It changes nothing.

use desk::control::answer::{
    Blind, CareView, ChainLink, Evidence, FindingView, LinkRow, MissingEntry, OwnEntry, PluginFix, PluginLink,
    PluginRow, Repair, RowState, Seen, ServiceManager, Severity, Trap,
};
use desk::folders::Folders;
use desk::language::Language;
use desk::words::moment::exact;

use crate::columns::columns;
use crate::evidence;
use crate::exit::{Exit, Stop};
use crate::look;
use crate::repair;
use crate::terminal::Terminal;
use crate::words::{doctor as say, repair as mend};

/// Ends with 1 where something is broken.
pub(crate) async fn run(terminal: Terminal, folders: &Folders) -> Result<(), Stop> {
    let care = look::care(folders).await?;
    terminal.tell(&care)?;
    told(terminal.language, &care).into_iter().try_for_each(|line| terminal.say(line))?;
    if is_broken(&care) { Err(Stop::Silent(Exit::Failed)) } else { Ok(()) }
}

fn is_broken(care: &CareView) -> bool {
    care.findings.iter().any(|finding| finding.severity == Severity::Broken)
        || care.rows.iter().any(|row| row.state == RowState::Broken)
}

/// Everything, as a person reads it from above.
fn told(language: Language, care: &CareView) -> Vec<String> {
    let mut lines = findings(language, care);
    let is_amiss = is_broken(care) || !care.missing.is_empty() || care.plugin.iter().any(|row| row.remedy().is_some());
    if lines.is_empty() && !is_amiss {
        lines.push(mend::all_well(language));
    }
    let sections = [
        (say::chain(language), chain(language, &care.rows)),
        (say::plugin(language), plugin(language, &care.plugin)),
        (say::gone(language), gone(language, &care.missing)),
        (say::traps(language), traps(language, &care.traps)),
    ];
    for (title, section) in sections.into_iter().filter(|(_, section)| !section.is_empty()) {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(title);
        lines.extend(section.into_iter().map(|line| format!("  {line}")));
    }
    lines
}

fn findings(language: Language, care: &CareView) -> Vec<String> {
    let lines = |(at, finding): (usize, &FindingView)| {
        let way = match &finding.repair {
            Repair::Plan { plan, others } if others.is_empty() => mend::can_mend(language, &plan.fingerprint),
            Repair::Plan { others, .. } => mend::may_choose(language, others.len() + 1),
            Repair::None { why } => repair::no_plan(language, why, &finding.evidence),
        };
        let mut told = vec![mend::found(language, at + 1, repair::cause(language, finding.cause))];
        told.extend(evidence::lines(language, &finding.evidence));
        told.push(way);
        if !finding.commands.is_empty() && finding.evidence.iter().any(is_untouched) {
            told.push(mend::untouched(language));
        }
        told.extend(finding.commands.iter().map(|command| format!("      {command}")));
        told
    };
    care.findings.iter().enumerate().flat_map(lines).collect()
}

/// A service that SmartPi tells nothing itself.
fn is_untouched(evidence: &Evidence) -> bool {
    matches!(evidence, Evidence::Service { service } if service.manager != ServiceManager::Systemd)
}

/// One line for each link, and below a broken one why.
fn chain(language: Language, rows: &[LinkRow]) -> Vec<String> {
    let cells: Vec<[String; 3]> = rows
        .iter()
        .map(|row| [link(language, row.link), state(language, row), row.name.clone().unwrap_or_default()])
        .collect();
    let with_why = |(line, row): (String, &LinkRow)| {
        let why = row.failure.as_ref().map(|failure| format!("  {}", failure.words(language)));
        std::iter::once(line).chain(why).collect::<Vec<_>>()
    };
    columns(&cells).into_iter().zip(rows).flat_map(with_why).collect()
}

fn link(language: Language, link: ChainLink) -> String {
    match link {
        ChainLink::Service => say::service(language),
        ChainLink::Plugin => say::the_plugin(language),
        ChainLink::Gateway => "OpenClaw".to_owned(),
        ChainLink::Pairing => say::pairing(language),
        ChainLink::Agent => say::agent(language),
        ChainLink::Model => say::model(language),
    }
}

fn state(language: Language, row: &LinkRow) -> String {
    match (row.state, row.at_ms) {
        (RowState::Works, Some(at)) => say::works_since(language, exact(at)),
        (RowState::Works, None) => say::works(language),
        (RowState::Broken, _) => say::broken(language),
        (RowState::Stale, Some(at)) => say::worked(language, exact(at)),
        (RowState::Stale, None) => say::worked_once(language),
        (RowState::Unproven, _) => say::unproven(language),
        (RowState::CannotSee, _) => say::unseen(language),
        (RowState::NotLooked, _) => say::not_looked(language),
        (RowState::Behind, _) => match row.behind {
            Some(before) => say::behind(language, link(language, before)),
            None => say::not_looked(language),
        },
        (RowState::NotUsed, _) => say::not_used(language),
    }
}

fn plugin(language: Language, rows: &[PluginRow]) -> Vec<String> {
    if !rows.is_empty() && rows.iter().all(|row| row.fix == Seen::Hidden(Blind::OtherComputer)) {
        return vec![say::plugin_elsewhere(language)];
    }
    let cells = rows.iter().map(|row| {
        let state = match &row.fix {
            Seen::Known(None) => say::yes(language),
            Seen::Known(Some(fix)) => next(language, *fix),
            Seen::Hidden(Blind::NotAsked) => say::not_looked(language),
            Seen::Hidden(Blind::OtherComputer) => say::on_other_computer(language),
            Seen::Hidden(
                Blind::NotPermitted | Blind::Unsupported | Blind::Unreadable | Blind::Changing | Blind::Elsewhere,
            ) => say::unseen(language),
        };
        [part(language, row.link), state, row.shows.clone().unwrap_or_default()]
    });
    columns(&cells.collect::<Vec<_>>())
}

fn part(language: Language, link: PluginLink) -> String {
    match link {
        PluginLink::Installed => say::installed(language),
        PluginLink::Ours => say::ours(language),
        PluginLink::Version => say::version_fits(language),
        PluginLink::Host => say::host_fits(language),
        PluginLink::Enabled => say::enabled(language),
        PluginLink::Allowed => say::allowed(language),
        PluginLink::Channel => say::channel(language),
        PluginLink::Connected => say::connected(language),
    }
}

/// What is wrong with a part of the plugin, and the one thing to do.
fn next(language: Language, fix: PluginFix) -> String {
    match fix {
        PluginFix::Install => say::fix_install(language),
        PluginFix::Replace => say::fix_replace(language),
        PluginFix::Enable | PluginFix::Allow | PluginFix::WriteChannel => say::fix_entry(language),
        PluginFix::Undeny => say::fix_undeny(language),
        PluginFix::RestartGateway => say::fix_restart(language),
        PluginFix::LeaveAlone => say::fix_leave_alone(language),
        PluginFix::UpdateApp => say::fix_update_app(language),
        PluginFix::UpdateOpenclaw => say::fix_update_openclaw(language),
    }
}

fn gone(language: Language, missing: &[MissingEntry]) -> Vec<String> {
    let told = missing.iter().map(|one| {
        let at = exact(one.at_ms);
        match one.entry {
            OwnEntry::Channel => say::gone_channel(language, at),
            OwnEntry::Plugin => say::gone_plugin(language, at),
            OwnEntry::Allowed => say::gone_allowed(language, at),
        }
    });
    let way = (!missing.is_empty()).then(|| say::put_back(language));
    told.chain(way).collect()
}

fn traps(language: Language, traps: &[Trap]) -> Vec<String> {
    let mut secrets = Vec::new();
    let mut lines = Vec::new();
    for trap in traps {
        match trap {
            Trap::ToolsWithoutMessage { path, agent: None } => lines.push(say::silent_agents(language, path)),
            Trap::ToolsWithoutMessage { path, agent: Some(agent) } => {
                lines.push(say::silent_agent(language, path, agent));
            }
            Trap::PlainSecret { path } => secrets.push(path.as_str()),
        }
    }
    if !secrets.is_empty() {
        lines.push(say::plain_secrets(language, secrets.join(", ")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use desk::failure::{Failure, FailureCode};

    use super::*;

    fn care(change: impl FnOnce(&mut CareView)) -> CareView {
        let mut care = CareView::unseen();
        for row in &mut care.rows {
            row.state = RowState::Works;
        }
        let known =
            |link, shows: Option<&str>| PluginRow { link, fix: Seen::Known(None), shows: shows.map(str::to_owned) };
        care.plugin = vec![known(PluginLink::Installed, Some("openclaw-smartpi")), known(PluginLink::Allowed, None)];
        change(&mut care);
        care
    }

    fn both(care: &CareView) -> [String; 2] {
        [Language::En, Language::Zh].map(|language| told(language, care).join("\n"))
    }

    #[test]
    fn what_is_well_is_said_row_by_row() {
        let [en, zh] = both(&care(|care| care.rows[4].name = Some("Molly".into())));
        assert!(en.starts_with("Nothing is wrong") && en.contains("Assistant         works  Molly"), "{en}");
        assert!(en.contains("Installed       yes  openclaw-smartpi"), "{en}");
        assert!(zh.starts_with("SmartPi 与") && zh.contains("Molly"), "{zh}");
    }

    #[test]
    fn a_finding_of_services_names_them_and_the_lines_to_type() {
        let service = |unit: &str, phase: &str, restarts: u32| {
            serde_json::json!({ "kind": "service", "service": {
                "unit": unit, "scope": "user", "path": null, "port": 18789, "stateDir": null, "phase": phase,
                "starts": "byItself", "restarts": restarts, "exitStatus": null,
            } })
        };
        let war: FindingView = serde_json::from_value(serde_json::json!({
            "cause": "restartWar",
            "severity": "broken",
            "evidence": [service("a.service", "restarting", 4), service("b.service", "running", 3)],
            "repair": { "kind": "none", "why": { "kind": "onlyThePerson", "advice": "keepOneService" } },
            "commands": ["systemctl --user disable --now b.service"],
        }))
        .unwrap();
        let mut elsewhere = war.clone();
        for evidence in &mut elsewhere.evidence {
            let Evidence::Service { service } = evidence else { continue };
            service.manager = ServiceManager::Task;
        }
        let [_, told] = both(&care(|care| care.findings = vec![elsewhere]));
        assert!(told.contains("b.service（任务计划程序），端口 18789"), "{told}");
        assert!(told.contains(&mend::untouched(Language::Zh)), "{told}");
        let [en, zh] = both(&care(|care| care.findings = vec![war]));
        assert!(!zh.contains(&mend::untouched(Language::Zh)), "{zh}");
        assert!(en.contains("a.service, port 18789: ended and is started again; 4 times by now"), "{en}");
        assert!(en.contains("\n      systemctl --user disable --now b.service\n"), "{en}");
        assert!(zh.contains("b.service，端口 18789：正在运行"), "{zh}");
    }

    #[test]
    fn a_broken_row_says_why_and_it_is_broken() {
        let broken = care(|care| {
            care.rows[5].state = RowState::Broken;
            care.rows[5].failure = Some(Failure::bare(FailureCode::ModelFailed));
        });
        assert!(is_broken(&broken));
        for (language, text) in [Language::En, Language::Zh].into_iter().zip(both(&broken)) {
            assert!(text.contains(FailureCode::ModelFailed.words(language)), "{text}");
            assert!(!text.contains(&mend::all_well(language)), "{text}");
        }
    }

    #[test]
    fn a_part_of_the_plugin_an_entry_and_a_trap_say_the_one_thing_to_do() {
        let amiss = care(|care| {
            care.plugin[1].fix = Seen::Known(Some(PluginFix::Allow));
            care.missing = vec![MissingEntry { entry: OwnEntry::Allowed, at_ms: 1 }];
            let list = Trap::ToolsWithoutMessage { path: "tools.allow".into(), agent: None };
            let secret = |path: &str| Trap::PlainSecret { path: path.into() };
            care.traps = vec![list, secret("gateway.auth.token"), secret("channels.telegram.botToken")];
        });
        assert!(!is_broken(&amiss), "it works for now");
        for text in both(&amiss) {
            assert_eq!(text.matches("smartpi repair --entries").count(), 2, "{text}");
            assert!(text.contains("tools.allow") && text.contains("gateway.auth.token, channels.telegram"), "{text}");
            assert!(!text.contains("Nothing is wrong") && !text.contains("未发现问题"), "{text}");
        }
    }

    #[test]
    fn of_another_computers_plugin_there_is_one_sentence() {
        let there = care(|care| {
            for row in &mut care.plugin {
                row.fix = Seen::Hidden(Blind::OtherComputer);
            }
        });
        let [en, zh] = both(&there);
        assert!(en.contains("another computer") && !en.contains("Installed"), "{en}");
        assert!(zh.contains("另一台电脑") && !zh.contains("已安装"), "{zh}");
        assert!(!both(&care(|care| care.plugin.clear()))[0].contains("The plugin in OpenClaw"));
    }
}
