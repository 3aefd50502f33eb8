//! `smartpi repair`: mending what is wrong between SmartPi and OpenClaw.
//!
//! Nothing is mended but by a person at a terminal: an agent has a shell too.

use desk::control::answer::{Advice, Cause, Choice, Evidence, NoPlan, Nothing, Outcome, Plan, RepairView, Step};
use desk::control::client::Client;
use desk::control::request::Request;
use desk::failure::{Failure, FailureCode};
use desk::folders::Folders;
use desk::language::Language;
use desk::view::View;

use crate::args;
use crate::dashboard;
use crate::entries;
use crate::evidence::engine;
use crate::exit::{Exit, Stop};
use crate::look;
use crate::terminal::{Terminal, typed};
use crate::terms;
use crate::words::{gateway, repair as say};

/// `smartpi repair`.
pub(crate) async fn run(terminal: Terminal, folders: &Folders, args: args::Repair) -> Result<(), Stop> {
    if (args.apply.is_some() || args.undo.is_some() || args.entries) && !terminal.person {
        return Err(Stop::told(Exit::PersonNeeded, "person_needed", gateway::terminal_needed(terminal.language)));
    }
    if args.entries {
        return entries::mend(terminal, folders).await;
    }
    match (args.apply, args.undo) {
        (Some(fingerprint), _) => apply(terminal, folders, &fingerprint).await,
        (None, Some(id)) => undo(terminal, folders, id).await,
        (None, None) => plans(terminal, folders).await,
    }
}

async fn plans(terminal: Terminal, folders: &Folders) -> Result<(), Stop> {
    let view = look::everything(folders).await?;
    let (language, care) = (terminal.language, &view.care);
    let found: Vec<Vec<&Plan>> = care.findings.iter().map(|finding| finding.repair.plans().collect()).collect();
    terminal.tell(&found.concat())?;
    let mendable = found.iter().filter_map(|plans| Some((plans.first()?, plans)));
    let mut number = 0;
    for (recommended, plans) in mendable {
        number += 1;
        terminal.say(say::found(language, number, cause(language, recommended.cause)))?;
        for plan in plans {
            show(terminal, plan, &view)?;
            terminal.say(say::can_mend(language, &plan.fingerprint))?;
        }
    }
    if number == 0 { terminal.say(say::nothing_to_mend(language)) } else { Ok(()) }
}

async fn apply(terminal: Terminal, folders: &Folders, fingerprint: &str) -> Result<(), Stop> {
    let language = terminal.language;
    let view = look::everything(folders).await?;
    let mut plans = view.care.findings.iter().flat_map(|finding| finding.repair.plans());
    let plan = plans.find(|plan| plan.fingerprint == fingerprint);
    let Some(plan) = plan else {
        return Err(Stop::told(Exit::Failed, "repair_unknown", say::no_such_plan(language, fingerprint)));
    };
    terminal.say(cause(language, plan.cause))?;
    show(terminal, plan, &view)?;
    let word = say::apply_word(language);
    if typed(terminal, &say::ask_apply(language, &word))? != word {
        return Err(Stop::Silent(Exit::PersonNeeded));
    }
    let request = Request::CareRepair { plan: plan.id.clone() };
    if plan.steps.iter().any(|planned| matches!(planned.step, Step::EndGateway { .. })) {
        terminal.say(say::may_stop_waiting(language))?;
    }
    let mut client = Client::connect(folders).await?;
    let repairing = client.ask(&request);
    tokio::pin!(repairing);
    let repair: RepairView = loop {
        tokio::select! {
            repair = &mut repairing => break repair?,
            Ok(()) = tokio::signal::ctrl_c() => {
                // A step that nobody can cut short goes on to its end.
                let _: Result<Nothing, Failure> =
                    Client::connect(folders).await?.ask(&Request::CareStopWaiting {}).await;
            }
        }
    };
    terminal.tell(&repair)?;
    let outcome = repair.outcome.as_ref().unwrap_or(&Outcome::NotRecorded);
    terminal.say(ended(language, outcome, &repair))?;
    if terms::opens_dashboard(plan) {
        dashboard::show_without_browser(terminal).await?;
    }
    if repair.undoable {
        terminal.say(say::undo(language, &repair.plan.id))?;
    }
    if *outcome == Outcome::Verified { Ok(()) } else { Err(Stop::Silent(Exit::Failed)) }
}

async fn undo(terminal: Terminal, folders: &Folders, plan: String) -> Result<(), Stop> {
    let repair: RepairView = Client::connect(folders).await?.ask(&Request::CareUndo { plan }).await?;
    terminal.tell(&repair)?;
    terminal.say(say::undone(terminal.language))
}

fn show(terminal: Terminal, plan: &Plan, view: &View) -> Result<(), Stop> {
    let place = dashboard::place(view.gateway.url.as_deref());
    if let Some(choice) = plan.choice {
        terminal.say(say::choice(terminal.language, of_choice(terminal.language, plan.cause, choice)))?;
    }
    terms::lines(terminal.language, plan, &place).into_iter().try_for_each(|line| terminal.say(line))
}

fn ended(language: Language, outcome: &Outcome, repair: &RepairView) -> String {
    match outcome {
        Outcome::Verified => say::verified(language),
        Outcome::DidNotHelp => say::did_not_help(language),
        Outcome::Failed { step } => {
            let code = repair.steps.get(*step).and_then(|step| step.failure.as_deref());
            let code = FailureCode::ALL.iter().find(|known| Some(known.as_str()) == code);
            say::failed(language, step + 1, code.map(|code| code.words(language)).unwrap_or_default())
        }
        Outcome::Changed { step } => say::changed(language, step + 1),
        Outcome::Expired => FailureCode::RepairExpired.words(language).to_owned(),
        Outcome::NotRecorded => FailureCode::RepairNotRecorded.words(language).to_owned(),
    }
}

pub(crate) fn cause(language: Language, cause: Cause) -> String {
    match cause {
        Cause::NobodyListens => say::nobody_listens(language),
        Cause::ForeignProgram => say::foreign_program(language),
        Cause::WrongInstance => say::wrong_instance(language),
        Cause::CannotTell => say::cannot_tell(language),
        Cause::Hung => say::hung(language),
        Cause::SharedTokenWrong => say::shared_token_wrong(language),
        Cause::CopiesDiffer => say::copies_differ(language),
        Cause::DeviceTokenStale => say::device_token_stale(language),
        Cause::TokenMissing => say::token_missing(language),
        Cause::NoAuthConfigured => say::no_auth_configured(language),
        Cause::SignatureInvalid => say::signature_invalid(language),
        Cause::ClockWrong => say::clock_wrong(language),
        Cause::PairingPending => say::pairing_pending(language),
        Cause::ScopeMissing => say::scope_missing(language),
        Cause::ProtocolMismatch => say::protocol_mismatch(language),
        Cause::RateLimited => say::rate_limited(language),
        Cause::DeadRecords => say::dead_records(language),
        Cause::DashboardStale => say::dashboard_stale(language),
        Cause::EntriesMissing => say::entries_missing(language),
        Cause::Unrecognised => say::unrecognised(language),
        Cause::RestartWar => say::restart_war(language),
        Cause::TwoServices => say::two_services(language),
        Cause::ServiceAndCopy => say::service_and_copy(language),
        Cause::LegacyService => say::legacy_service(language),
        Cause::ServicePathGone => say::service_path_gone(language),
        Cause::ServicePathTemporary => say::service_path_temporary(language),
        Cause::ServicePortDiffers => say::service_port_differs(language),
        Cause::ServiceOutdated => say::service_outdated(language),
        Cause::ServiceOff => say::service_off(language),
        Cause::CrashLoop => say::crash_loop(language),
        Cause::SharedState => say::shared_state(language),
        Cause::RestartEnds => say::restart_ends(language),
    }
}

fn of_choice(language: Language, cause: Cause, choice: Choice) -> String {
    match choice {
        Choice::KeepService if cause == Cause::ServiceAndCopy => say::keep_service(language),
        Choice::KeepService => say::keep_first(language),
        Choice::KeepRunning => say::keep_running(language),
        Choice::AnotherPort { port } => say::another_port(language, port),
    }
}

pub(crate) fn no_plan(language: Language, why: &NoPlan, evidence: &[Evidence]) -> String {
    match why {
        NoPlan::NotAboutTokens => say::not_about_tokens(language),
        NoPlan::OnlyThePerson { advice } => match advice {
            Advice::StartGateway => say::start_gateway(language),
            Advice::WakeGateway => say::wake_gateway(language),
            Advice::SetClock => say::set_clock(language),
            Advice::Update => say::update(language),
            Advice::EnterToken => say::enter_token(language),
            Advice::MendReference => say::mend_reference(language),
            Advice::Report => say::report(language),
            Advice::KeepOneService => say::keep_one_service(language),
            Advice::StopCopy => say::stop_copy(language),
            Advice::ReinstallService => say::reinstall_service(language),
            Advice::StartAsService => say::start_as_service(language),
            Advice::StartService => say::start_service(language),
            Advice::StopContainer => stop_container(language, evidence),
            Advice::LeaveToKeeper => say::leave_to_keeper(language),
            Advice::EndAtGuardian => say::end_at_guardian(language),
            Advice::ReadServiceLog => say::read_service_log(language),
        },
        NoPlan::Wait { after_ms } => say::wait(language, after_ms.div_ceil(1000)),
        NoPlan::NothingLeft => say::nothing_left(language),
    }
}

fn stop_container(language: Language, evidence: &[Evidence]) -> String {
    let publisher = evidence.iter().find_map(|one| if let Evidence::Published { by } = one { Some(by) } else { None });
    match publisher.map(|by| (engine(by.engine), &by.container)) {
        Some((Some(_), Some(container))) => say::stop_container(language, container),
        Some((Some(engine), None)) => say::stop_some_container(language, engine),
        Some((None, _)) | None => say::stop_in_wsl(language),
    }
}
