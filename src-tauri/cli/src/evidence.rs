//! What shows a finding, in lines. What holds a token is named by a mark, never by the token.

use desk::control::answer::{
    Blind, Contradiction, CopyPlace, CopyValue, Engine, Evidence, Fact, Guardian, Nobody, NotMine, PairingReason,
    Publisher, Referred, Refusal, ServiceManager, ServicePhase, ServiceSeen, TokenCopy, Unseen,
};
use desk::language::Language;
use desk::words::moment::exact;

use crate::words::{evidence as say, repair};

/// One line for each thing that shows a finding; the copies of the token come last, the one that counts first.
pub(crate) fn lines(language: Language, evidence: &[Evidence]) -> Vec<String> {
    let mut lines: Vec<String> = evidence.iter().filter_map(|one| line(language, one)).collect();
    let mut copies: Vec<(&TokenCopy, bool)> = evidence.iter().filter_map(copy).collect();
    copies.sort_by_key(|(_, wins)| !wins);
    let Some((winner, _)) = copies.first().copied() else { return lines };
    lines.push(say::copies(language));
    lines.extend(copies.into_iter().map(|(copy, wins)| of_copy(language, copy, wins, winner)));
    lines
}

fn copy(evidence: &Evidence) -> Option<(&TokenCopy, bool)> {
    if let Evidence::Copy { copy, wins } = evidence { Some((copy, *wins)) } else { None }
}

fn line(language: Language, evidence: &Evidence) -> Option<String> {
    Some(match evidence {
        Evidence::Occupant { process } => {
            let program = process.unit.as_ref().or(process.program.as_ref());
            repair::of_process(language, program.map_or("?", String::as_str), process.pid)
        }
        Evidence::Service { service } => of_service(language, service),
        Evidence::Missing { path } => repair::of_missing(language, path.display()),
        Evidence::Temporary { path } => repair::of_temporary(language, path.display()),
        Evidence::Beside { process, port } => {
            let program = process.unit.as_ref().or(process.program.as_ref()).map_or("?", String::as_str);
            match port {
                Some(port) => repair::of_beside_on(language, program, process.pid, port),
                None => repair::of_beside(language, program, process.pid),
            }
        }
        Evidence::Guarded { by: Guardian::Pm2 { name } } => repair::of_pm2(language, name.as_deref().unwrap_or("?")),
        Evidence::Guarded { by: Guardian::App { program, pid } } => repair::of_app(language, program, pid),
        Evidence::Published { by } => of_publisher(language, by),
        Evidence::OlderRelease { release, wrote } => repair::of_older(language, release, wrote),
        Evidence::Inherited { variable } => repair::of_inherited(language, variable),
        Evidence::NextStart { unit, pid } => repair::of_next_start(language, unit, pid),
        Evidence::Port { port } => say::port(language, port),
        Evidence::NotMine { why } => say::why(language, not_mine(language, why)),
        Evidence::Nobody { why } => say::why(language, nobody(language, why)),
        Evidence::Unseen { what } => say::unseen(language, unseen(language, what)),
        Evidence::Contradiction { what } => say::contradiction(language, contradiction(language, *what)),
        Evidence::Refusal { refusal } => say::refusal(language, of_refusal(language, refusal)),
        Evidence::Stopped => say::stopped(language),
        Evidence::Silent => say::silent(language),
        Evidence::ClockAhead { ms } if *ms < 0 => say::clock_behind(language, seconds(ms.unsigned_abs())),
        Evidence::ClockAhead { ms } => say::clock_ahead(language, seconds(ms.unsigned_abs())),
        Evidence::Request { id: Some(id), reason } => say::request_id(language, id, of_reason(language, *reason)),
        Evidence::Request { id: None, reason } => say::request(language, of_reason(language, *reason)),
        Evidence::Device { id, name } => {
            let short = id.get(..8).unwrap_or(id);
            match name {
                Some(name) => say::device(language, name, short),
                None => say::device_id(language, short),
            }
        }
        Evidence::Dashboards { count, last_ms } => say::dashboards(language, count, exact(*last_ms)),
        Evidence::Copy { .. } => return None,
    })
}

fn seconds(ms: u64) -> u64 {
    ms.div_ceil(1_000)
}

fn of_copy(language: Language, copy: &TokenCopy, wins: bool, winner: &TokenCopy) -> String {
    let place = match &copy.place {
        CopyPlace::Config { path } => say::in_config(language, path.display()),
        CopyPlace::Gateway { pid, name } => say::in_gateway(language, pid, name),
        CopyPlace::ServiceDefinition { path, name } => say::in_service(language, path.display(), name),
        CopyPlace::Environment { name } => say::in_environment(language, name),
        CopyPlace::DotEnv { path, name } => say::in_dotenv(language, path.display(), name),
        CopyPlace::SecretFile { path } => say::in_secret_file(language, path.display()),
        CopyPlace::Store { name } => say::in_store(language, name),
    };
    let judged = match (&copy.value, &winner.value) {
        (CopyValue::Token { .. }, _) if wins => Some(say::counts(language)),
        (CopyValue::Token { fingerprint }, CopyValue::Token { fingerprint: counts }) if fingerprint == counts => {
            Some(say::same(language))
        }
        (CopyValue::Token { .. }, _) => Some(say::differs(language)),
        (CopyValue::Reference { .. } | CopyValue::Placeholder, _) => None,
    };
    let value = match &copy.value {
        CopyValue::Token { fingerprint } => say::mark(language, fingerprint),
        CopyValue::Reference { to, found: true } => say::refers(language, of_referred(language, to)),
        CopyValue::Reference { to, found: false } => say::refers_in_vain(language, of_referred(language, to)),
        CopyValue::Placeholder => say::placeholder(language),
    };
    match judged {
        Some(judged) => say::copy_judged(language, place, value, judged),
        None => say::copy(language, place, value),
    }
}

fn of_referred(language: Language, to: &Referred) -> String {
    match to {
        Referred::Variable { name } => say::to_variable(language, name),
        Referred::File { path } => say::to_file(language, path.display()),
        Referred::Store { name } => say::to_store(language, name),
        Referred::Program { provider } => say::to_program(language, provider),
        Referred::Provider { provider } => say::to_provider(language, provider),
    }
}

fn of_service(language: Language, service: &ServiceSeen) -> String {
    let how = match service.phase {
        ServicePhase::Running => repair::is_running(language),
        ServicePhase::Changing => repair::is_changing(language),
        ServicePhase::Restarting => repair::is_restarting(language, service.restarts),
        ServicePhase::Failed => repair::is_failed(language),
        ServicePhase::Stopped => repair::is_stopped(language),
    };
    let unit = &service.unit;
    let name = match service.manager {
        ServiceManager::Systemd => unit.clone(),
        ServiceManager::Launchd => repair::by_launchd(language, unit),
        ServiceManager::Task => repair::by_task(language, unit),
        ServiceManager::Startup => repair::in_startup(language, unit),
        ServiceManager::RunKey => repair::in_run_key(language, unit),
    };
    match service.port {
        Some(port) => repair::of_service_on(language, name, port, how),
        None => repair::of_service(language, name, how),
    }
}

fn of_publisher(language: Language, by: &Publisher) -> String {
    match (engine(by.engine), &by.container) {
        (Some(engine), Some(container)) => repair::of_container(language, engine, container),
        (Some(engine), None) => repair::of_some_container(language, engine),
        (None, _) => repair::of_wsl(language),
    }
}

/// As its makers call it, where it keeps containers.
pub(crate) fn engine(engine: Engine) -> Option<&'static str> {
    match engine {
        Engine::Docker => Some("Docker"),
        Engine::Podman => Some("Podman"),
        Engine::Wsl => None,
    }
}

fn not_mine(language: Language, why: &NotMine) -> String {
    match why {
        NotMine::AnotherUser => say::another_user(language),
        NotMine::AnotherState { state_dir: None } => say::another_state(language),
        NotMine::AnotherState { state_dir: Some(folder) } => say::another_state_at(language, folder.display()),
        NotMine::EarlierProcess => say::earlier_process(language),
        NotMine::AnotherPort { port } => say::another_port(language, port),
        NotMine::NodeHost => say::node_host(language),
        NotMine::NoGateway => say::no_gateway(language),
        NotMine::InContainer => say::in_container(language),
    }
}

fn nobody(language: Language, why: &Nobody) -> String {
    match why {
        Nobody::Stopped => say::nobody_stopped(language),
        Nobody::LockLeft { pid } => say::lock_left(language, pid),
        Nobody::Elsewhere { pid, port: None } => say::elsewhere(language, pid),
        Nobody::Elsewhere { pid, port: Some(port) } => say::elsewhere_at(language, pid, port),
        Nobody::LockUnseen { why } => say::lock_unseen(language, blind(language, *why)),
    }
}

fn unseen(language: Language, what: &Unseen) -> String {
    match what {
        Unseen::Listeners { why } => say::unseen_listeners(language, blind(language, *why)),
        Unseen::Owner { uid, why } => say::unseen_owner(language, uid, blind(language, *why)),
        Unseen::Process { pid, fact, why } => {
            say::unseen_process(language, pid, of_fact(language, *fact), blind(language, *why))
        }
        Unseen::Lock { why } => say::unseen_lock(language, blind(language, *why)),
        Unseen::LockWithoutStart { .. } => say::lock_without_start(language),
        Unseen::LockOlderThanBoot { .. } => say::lock_older_than_boot(language),
        Unseen::Sandboxed { pid } => say::sandboxed(language, pid),
        Unseen::Here { why } => say::unseen_here(language, blind(language, *why)),
    }
}

fn of_fact(language: Language, fact: Fact) -> String {
    match fact {
        Fact::Life => say::fact_life(language),
        Fact::User => say::fact_user(language),
        Fact::Program => say::fact_program(language),
        Fact::Start => say::fact_start(language),
        Fact::Namespaces => say::fact_namespaces(language),
    }
}

fn blind(language: Language, why: Blind) -> String {
    match why {
        Blind::NotPermitted => say::blind_not_permitted(language),
        Blind::Unsupported => say::blind_unsupported(language),
        Blind::Unreadable => say::blind_unreadable(language),
        Blind::Changing => say::blind_changing(language),
        Blind::Elsewhere => say::blind_elsewhere(language),
        Blind::OtherComputer => say::blind_other_computer(language),
        Blind::NotAsked => say::blind_not_asked(language),
    }
}

fn contradiction(language: Language, what: Contradiction) -> String {
    match what {
        Contradiction::Identity => say::other_identity(language),
        Contradiction::Boot => say::other_boot(language),
        Contradiction::StateDir => say::other_state_dir(language),
        Contradiction::Process => say::other_process(language),
    }
}

fn of_refusal(language: Language, refusal: &Refusal) -> String {
    match refusal {
        Refusal::TokenMissing => say::token_missing(language),
        Refusal::TokenMismatch => say::token_mismatch(language),
        Refusal::DeviceTokenMismatch => say::device_token_mismatch(language),
        Refusal::ScopeMismatch => say::scope_mismatch(language),
        Refusal::SignatureInvalid => say::signature_invalid(language),
        Refusal::SignatureExpired => say::signature_expired(language),
        Refusal::PairingRequired { .. } => say::pairing_required(language),
        Refusal::Protocol { expected: None } => say::other_protocol(language),
        Refusal::Protocol { expected: Some(version) } => say::protocol_of(language, version),
        Refusal::RateLimited { retry_after_ms: None } => say::rate_limited(language),
        Refusal::RateLimited { retry_after_ms: Some(ms) } => say::rate_limited_for(language, seconds(*ms)),
        Refusal::Unrecognised { code } => say::unrecognised(language, code),
    }
}

fn of_reason(language: Language, reason: PairingReason) -> String {
    match reason {
        PairingReason::NotPaired => say::not_paired(language),
        PairingReason::ScopeUpgrade => say::scope_upgrade(language),
        PairingReason::RoleUpgrade => say::role_upgrade(language),
        PairingReason::MetadataUpgrade => say::metadata_upgrade(language),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn both(evidence: Value) -> [Vec<String>; 2] {
        let evidence: Vec<Evidence> = serde_json::from_value(evidence).unwrap();
        [Language::En, Language::Zh].map(|language| lines(language, &evidence))
    }

    #[test]
    fn where_the_token_is_kept_is_told_with_the_one_that_counts_first() {
        let copy = |place: Value, value: Value, wins: bool| json!({ "kind": "copy", "copy": { "place": place, "value": value }, "wins": wins });
        let mark = |fingerprint: &str| json!({ "kind": "token", "fingerprint": fingerprint });
        let [en, zh] = both(json!([
            copy(json!({ "kind": "environment", "name": "T" }), mark("abcdef"), false),
            copy(json!({ "kind": "dotEnv", "path": "/h/.env", "name": "T" }), json!({ "kind": "placeholder" }), false),
            copy(json!({ "kind": "gateway", "pid": 7, "name": "T" }), mark("1ecaa2"), false),
            copy(json!({ "kind": "config", "path": "/h/openclaw.json" }), mark("1ecaa2"), true),
        ]));
        assert_eq!(
            en[1..],
            [
                "     OpenClaw's configuration, /h/openclaw.json: mark 1ecaa2, this one counts",
                "     the environment of SmartPi, variable T: mark abcdef, differs",
                "     a file of environment variables, /h/.env, variable T: holds none: the token was lost here",
                "     the running OpenClaw, process 7, variable T: mark 1ecaa2, the same",
            ]
        );
        assert!(zh[1].contains("标记 1ecaa2") && zh[1].contains("以此为准") && zh[2].contains("不一致"), "{zh:?}");
    }

    #[test]
    fn a_reference_says_where_it_leads_and_whether_something_is_there() {
        let copy = |to: Value, found: bool| {
            let value = json!({ "kind": "reference", "to": to, "found": found });
            let place = json!({ "kind": "config", "path": "/c" });
            json!({ "kind": "copy", "copy": { "place": place, "value": value }, "wins": false })
        };
        let [en, zh] = both(json!([
            copy(json!({ "kind": "variable", "name": "MINE" }), true),
            copy(json!({ "kind": "file", "path": "/s" }), false),
            copy(json!({ "kind": "program", "provider": "vault" }), false),
        ]));
        assert_eq!(
            en[1..],
            [
                "     OpenClaw's configuration, /c: refers to the variable MINE",
                "     OpenClaw's configuration, /c: refers to the file /s, where SmartPi finds no token",
                "     OpenClaw's configuration, /c: refers to the program “vault”, where SmartPi finds no token",
            ]
        );
        assert!(zh[1].contains("环境变量 MINE") && zh[2].contains("未找到"), "{zh:?}");
    }

    #[test]
    fn nothing_that_shows_a_finding_is_kept_from_a_terminal() {
        let [en, zh] = both(json!([
            { "kind": "notMine", "why": { "kind": "anotherState", "stateDir": "/other" } },
            { "kind": "nobody", "why": { "kind": "elsewhere", "pid": 3, "port": 19000 } },
            { "kind": "unseen", "what": { "kind": "process", "pid": 3, "fact": "start", "why": "notPermitted" } },
            { "kind": "contradiction", "what": "boot" },
            { "kind": "refusal", "refusal": { "kind": "rateLimited", "retryAfterMs": 1500 } },
            { "kind": "stopped" },
            { "kind": "silent" },
            { "kind": "clockAhead", "ms": -300_000 },
            { "kind": "request", "id": "5e42", "reason": "scope-upgrade" },
            { "kind": "device", "id": "3b72b0385e", "name": "SmartPi Tray @ home" },
            { "kind": "dashboards", "count": 14, "lastMs": 1_795_296_511_630_i64 },
            { "kind": "port", "port": 18789 },
        ]));
        assert_eq!((en.len(), zh.len()), (12, 12), "{en:?}");
        assert!(en[0].contains("/other") && en[1].contains("port 19000"), "{en:?}");
        assert!(en[2].contains("the start of process 3") && en[4].contains("after 2 s"), "{en:?}");
        assert_eq!(en[7], "   Clock: this computer is 300 s behind OpenClaw.");
        assert_eq!(en[8], "   Request 5e42: SmartPi asks for more than it has.");
        assert_eq!(en[9], "   Entry: SmartPi Tray @ home (3b72b038)");
        assert!(en[10].contains("14 times") && zh[10].contains("共 14 次"), "{en:?} {zh:?}");
    }
}
