//! A task of the scheduler, by the XML that it keeps and by what it says of its last run.

use quick_xml::Reader;
use quick_xml::events::Event;

use super::launch::{Files, Launch};
use crate::survey::{Manager, Phase, Scope, Service, Starts};

/// What the scheduler says beside the XML: its state (2 queued, 4 running) and what the last run ended with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    pub(super) state: i32,
    pub(super) enabled: bool,
    pub(super) result: i32,
}

/// Results that are none of a gateway's: it runs, has not run, or was ended by a person or with their session.
const NO_FAILURE: [u32; 6] = [0, 0x0004_1300, 0x0004_1301, 0x0004_1303, 0x0004_1306, 0xC000_013A];

/// The accounts of the computer itself.
const SYSTEM: [&str; 5] = ["S-1-5-18", "S-1-5-19", "S-1-5-20", "SYSTEM", r"NT AUTHORITY\SYSTEM"];

/// The service that a task is. `None`: it starts no gateway.
pub(super) fn service(name: &str, xml: &str, told: Told, files: &impl Files) -> Option<Service> {
    let parts = parts(xml)?;
    let of = |end: &str| parts.iter().find(|(path, _)| path.ends_with(end)).map(|(_, text)| text.as_str());
    let command = of("/Actions/Exec/Command")?;
    let quoted = if command.starts_with('"') { command.to_owned() } else { format!("\"{command}\"") };
    let line = format!("{quoted} {}", of("/Exec/Arguments").unwrap_or_default());
    let user = of("/Principals/Principal/UserId").unwrap_or_default();
    let scope = if SYSTEM.iter().any(|system| user.eq_ignore_ascii_case(system)) { Scope::System } else { Scope::User };
    let launch = Launch::follow(&line, files);
    let path = launch.script.clone();
    let mut service = launch.service(Manager::Task, name.trim_start_matches('\\').to_owned(), scope, path);
    if !service.is_gateway() {
        return None;
    }
    service.user = user.to_owned();
    let is_on = |trigger: &str| {
        let path = format!("/Triggers/{trigger}");
        parts.iter().any(|(other, _)| other.ends_with(&path)) && of(&format!("{path}/Enabled")) != Some("false")
    };
    service.starts = match (told.enabled, is_on("LogonTrigger") || is_on("BootTrigger")) {
        (false, _) => Starts::Never,
        (true, true) => Starts::ByItself,
        (true, false) => Starts::OnDemand,
    };
    let retries = of("/RestartOnFailure/Count").and_then(|count| count.parse().ok()).unwrap_or(0_u32);
    service.brought_back |= retries > 0;
    let failed = !NO_FAILURE.contains(&told.result.cast_unsigned());
    service.phase = match told.state {
        4 => Phase::Running,
        2 => Phase::Changing,
        _ if failed => Phase::Failed,
        _ => Phase::Stopped,
    };
    if service.phase == Phase::Failed {
        service.exit_status = Some(told.result);
        service.result = "exit-code".into();
    }
    Some(service)
}

/// Every element with its way from the root and its text.
fn parts(xml: &str) -> Option<Vec<(String, String)>> {
    let mut reader = Reader::from_str(xml);
    let mut open: Vec<usize> = Vec::new();
    let mut all: Vec<(String, String)> = Vec::new();
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                let above = open.last().map(|at| all[*at].0.clone()).unwrap_or_default();
                open.push(all.len());
                all.push((format!("{above}/{}", start.local_name().into_inner()), String::new()));
            }
            Event::Empty(start) => {
                let above = open.last().map(|at| all[*at].0.clone()).unwrap_or_default();
                all.push((format!("{above}/{}", start.local_name().into_inner()), String::new()));
            }
            Event::End(_) => {
                let at = open.pop()?;
                all[at].1 = all[at].1.trim().to_owned();
            }
            Event::Text(text) => {
                // Outside of the root is nothing but space.
                if let Some(at) = open.last() {
                    all[*at].1.push_str(&text);
                }
            }
            Event::GeneralRef(name) => {
                let letter = match &*name {
                    "amp" => Some('&'),
                    "lt" => Some('<'),
                    "gt" => Some('>'),
                    "quot" => Some('"'),
                    "apos" => Some('\''),
                    _ => name.resolve_char_ref().ok()?,
                };
                all[*open.last()?].1.extend(letter);
            }
            Event::Eof => return (open.is_empty() && !all.is_empty()).then_some(all),
            Event::CData(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::launch::tests::{HOME, installed};
    use super::*;
    use crate::survey::Place;

    const TASK: &str = include_str!("../../../written-by-openclaw/task-2026.9.6.xml");
    const HIDDEN: &str = include_str!("../../../written-by-openclaw/task-hidden-2026.9.6.xml");
    const WELL: Told = Told { state: 4, enabled: true, result: 0x0004_1301 };

    fn read(name: &str, xml: &str, told: Told) -> Option<Service> {
        service(name, xml, told, &installed())
    }

    #[test]
    fn the_task_that_openclaw_writes_is_read_to_its_gateway() {
        for (xml, user) in [(TASK, r"DESK\claw"), (HIDDEN, "")] {
            let mut seen = read(r"\OpenClaw Gateway", xml, WELL).unwrap();
            let place = Place {
                port: 1,
                state_dir: "elsewhere".into(),
                config_path: "elsewhere".into(),
                temp_dirs: Vec::new(),
            };
            seen.settle(&place, None);
            assert_eq!((seen.unit.as_str(), seen.scope, seen.user.as_str()), ("OpenClaw Gateway", Scope::User, user));
            assert_eq!((seen.phase, seen.starts, seen.port), (Phase::Running, Starts::ByItself, Some(18_789)));
            assert!(seen.is_ordinary() && seen.brought_back);
            assert_eq!(seen.path.as_deref(), Some(Path::new(&format!(r"{HOME}\.openclaw\gateway.cmd"))));
            assert!(seen.state_dir.is_some());
        }
    }

    #[test]
    fn what_the_scheduler_says_becomes_how_the_service_does() {
        let how = |told| read("OpenClaw Gateway", TASK, told).map(|seen| (seen.phase, seen.starts, seen.exit_status));
        let ready = Told { state: 3, ..WELL };
        assert_eq!(how(ready), Some((Phase::Stopped, Starts::ByItself, None)));
        assert_eq!(how(Told { result: 78, ..ready }), Some((Phase::Failed, Starts::ByItself, Some(78))));
        let ended_by_a_person = Told { result: 0xC000_013A_u32.cast_signed(), ..ready };
        assert_eq!(how(ended_by_a_person), Some((Phase::Stopped, Starts::ByItself, None)));
        assert_eq!(how(Told { enabled: false, state: 1, ..ready }), Some((Phase::Stopped, Starts::Never, None)));
        let of_computer = TASK.replace(r"DESK\claw", "S-1-5-18");
        assert_eq!(read("OpenClaw Gateway", &of_computer, WELL).map(|seen| seen.scope), Some(Scope::System));
        let by_hand = TASK.replace("<LogonTrigger>", "<TimeTrigger>").replace("</LogonTrigger>", "</TimeTrigger>");
        assert_eq!(read("OpenClaw Gateway", &by_hand, WELL).map(|seen| seen.starts), Some(Starts::OnDemand));
    }

    #[test]
    fn a_task_of_another_name_counts_by_what_it_starts_and_others_do_not() {
        assert!(read("Start my assistant", TASK, WELL).is_some());
        let other = TASK.replace("gateway.cmd", "backup.exe");
        assert!(read("Backup", &other, WELL).is_none());
        for broken in ["", "<Task>", "<Task></Task>", "no XML", "<a>&nosuch;</a>"] {
            assert!(read("OpenClaw Gateway", broken, WELL).is_none(), "{broken}");
        }
    }
}
