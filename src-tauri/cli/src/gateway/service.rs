//! `smartpi gateway start`, `stop`, `restart`, `install`, `uninstall`: OpenClaw's own words for its service on this computer.

use desk::control::answer::{Nothing, ServiceAct, ServiceHeld, ServiceState, Supervision};
use desk::control::client::Client;
use desk::control::request::Request;
use desk::failure::{Failure, FailureCode};
use desk::folders::Folders;
use desk::language::Language;

use crate::exit::{Exit, Stop};
use crate::terminal::{Terminal, is_allowed};
use crate::words::{self, service as say};

/// `yes`: not asked.
pub(crate) async fn tell(terminal: Terminal, folders: &Folders, act: ServiceAct, yes: bool) -> Result<(), Stop> {
    let language = terminal.language;
    let mut client = Client::connect(folders).await?;
    if let Some(question) = question(language, act).filter(|_| terminal.person && !yes)
        && !is_allowed(terminal, &question)?
    {
        terminal.say(words::not_done(language))?;
        return Err(Stop::Silent(Exit::PersonNeeded));
    }
    let done: Result<Nothing, Failure> = client.ask(&Request::GatewayService { act }).await;
    let done = match done {
        Err(failure) if failure.code == FailureCode::GatewayServiceHeld => {
            let why = failure.detail.get("why").cloned();
            let why: Option<ServiceHeld> = why.and_then(|why| serde_json::from_value(why).ok());
            let told = why.map_or_else(|| failure.words(language), |why| held(language, why));
            return Err(Stop::told(Exit::Failed, FailureCode::GatewayServiceHeld.as_str(), told));
        }
        done => done?,
    };
    terminal.tell(&done)?;
    terminal.say(match act {
        ServiceAct::Start => say::started(language),
        ServiceAct::Stop => say::ended(language),
        ServiceAct::Restart => say::restarted(language),
        ServiceAct::Install => say::installed(language),
        ServiceAct::Uninstall => say::removed(language),
    })
}

/// What it means, before it is done. `None`: it harms nobody.
fn question(language: Language, act: ServiceAct) -> Option<String> {
    match act {
        ServiceAct::Start => None,
        ServiceAct::Stop => Some(say::ask_stop(language)),
        ServiceAct::Restart => Some(say::ask_restart(language)),
        ServiceAct::Install => Some(say::ask_install(language)),
        ServiceAct::Uninstall => Some(say::ask_uninstall(language)),
    }
}

/// How it does, and why nothing can be asked of it.
pub(super) fn line(language: Language, supervision: &Supervision) -> String {
    let state = match supervision.state {
        ServiceState::Absent => say::absent(language),
        ServiceState::ByHand => say::by_hand(language),
        ServiceState::Running => say::running(language),
        ServiceState::Changing => say::changing(language),
        ServiceState::Restarting => say::restarting(language),
        ServiceState::Failed => say::failed(language),
        ServiceState::Stopped => say::stopped(language),
    };
    let named = match &supervision.unit {
        Some(unit) => say::named(language, unit, state),
        None => state,
    };
    match supervision.held {
        Some(why) => format!("{named}\n{}", held(language, why)),
        None => named,
    }
}

fn held(language: Language, why: ServiceHeld) -> String {
    match why {
        ServiceHeld::Several => say::held_several(language),
        ServiceHeld::System => say::held_system(language),
        ServiceHeld::OtherName => say::held_other_name(language),
        ServiceHeld::Masked => say::held_masked(language),
        ServiceHeld::PortTaken => say::held_port_taken(language),
        ServiceHeld::Unseen => say::held_unseen(language),
        ServiceHeld::External => say::held_external(language),
        ServiceHeld::ByHand => say::held_by_hand(language),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_told_in_a_line_and_what_holds_it_in_another() {
        let mut seen = Supervision {
            state: ServiceState::Running,
            unit: Some("openclaw-gateway.service".into()),
            by_itself: true,
            started_ms: Some(1),
            may: vec![ServiceAct::Restart],
            held: None,
        };
        assert_eq!(line(Language::En, &seen), "OpenClaw's service openclaw-gateway.service: it runs");
        (seen.state, seen.held, seen.unit) = (ServiceState::ByHand, Some(ServiceHeld::ByHand), None);
        for language in [Language::En, Language::Zh] {
            let told = line(language, &seen);
            assert_eq!(told.lines().count(), 2, "{told}");
        }
    }

    #[test]
    fn only_a_start_is_not_asked_about() {
        use ServiceAct as Act;
        for language in [Language::En, Language::Zh] {
            let asked = [Act::Start, Act::Stop, Act::Restart, Act::Install, Act::Uninstall]
                .map(|act| question(language, act).is_some());
            assert_eq!(asked, [false, true, true, true, true]);
        }
    }
}
