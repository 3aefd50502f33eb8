//! What shows that services or gateways are in one another's way, in lines.

use desk::control::answer::{Evidence, ServicePhase, ServiceSeen};
use desk::language::Language;

use crate::words::repair as say;

/// One line for each thing that shows a finding of processes and services. What shows the others is in `--json` and in the window.
pub(crate) fn lines(language: Language, evidence: &[Evidence]) -> Vec<String> {
    evidence.iter().filter_map(|one| line(language, one)).collect()
}

fn line(language: Language, evidence: &Evidence) -> Option<String> {
    match evidence {
        Evidence::Occupant { process } => {
            let program = process.unit.as_ref().or(process.program.as_ref());
            Some(say::of_process(language, program.map_or("?", String::as_str), process.pid))
        }
        Evidence::Service { service } => Some(of_service(language, service)),
        Evidence::Missing { path } => Some(say::of_missing(language, path.display())),
        Evidence::Temporary { path } => Some(say::of_temporary(language, path.display())),
        Evidence::NextStart { unit, pid } => Some(say::of_next_start(language, unit, pid)),
        Evidence::Port { .. }
        | Evidence::NotMine { .. }
        | Evidence::Nobody { .. }
        | Evidence::Unseen { .. }
        | Evidence::Contradiction { .. }
        | Evidence::Refusal { .. }
        | Evidence::Stopped
        | Evidence::Silent
        | Evidence::Copy { .. }
        | Evidence::ClockAhead { .. }
        | Evidence::Request { .. }
        | Evidence::Device { .. }
        | Evidence::Dashboards { .. } => None,
    }
}

fn of_service(language: Language, service: &ServiceSeen) -> String {
    let how = match service.phase {
        ServicePhase::Running => say::is_running(language),
        ServicePhase::Changing => say::is_changing(language),
        ServicePhase::Restarting => say::is_restarting(language, service.restarts),
        ServicePhase::Failed => say::is_failed(language),
        ServicePhase::Stopped => say::is_stopped(language),
    };
    match service.port {
        Some(port) => say::of_service_on(language, &service.unit, port, how),
        None => say::of_service(language, &service.unit, how),
    }
}
