//! Every combination that matters, and for each sign a twin: without it the verdict is wrong.

use std::net::SocketAddr;

use super::*;
use crate::survey::{Activity, Boot, Environment, Here, LockForm, Namespaces, Place, StateFacts};

const GATEWAY: u32 = 700;
const START: u64 = 5_000;
const PORT: u16 = 18_789;
const BOOTED: i64 = 1_795_000_000_000;
const OURS: Namespaces = Namespaces { pid: 1, mount: 2, net: 3 };

fn place() -> Place {
    Place {
        port: PORT,
        state_dir: "/home/claw/.openclaw".into(),
        config_path: "/home/claw/.openclaw/openclaw.json".into(),
        temp_dirs: Vec::new(),
    }
}

fn gateway() -> Process {
    Process {
        pid: GATEWAY,
        start: Seen::Known(START),
        uid: Seen::Known(1500),
        activity: Seen::Known(Activity::Alive),
        name: Seen::Known("openclaw-gatewa".into()),
        exe: Seen::Known("/usr/bin/node".into()),
        argv: Seen::Known(vec!["openclaw-gateway".into()]),
        parents: vec![1],
        environment: Seen::Known(Environment::of([("HOME", "/home/claw")])),
        namespaces: Seen::Known(OURS),
        container: Seen::Known(None),
        unit: Seen::Known(None),
    }
}

fn lock() -> Lock {
    Lock {
        pid: GATEWAY,
        start: Some(START),
        created_ms: Some(BOOTED + 50_000),
        config_path: place().config_path,
        state_dir: Some(place().state_dir),
        port: Some(PORT),
        role: None,
    }
}

fn listener(address: &str, inode: u64, owner: u32) -> Listener {
    let address: SocketAddr = address.parse().unwrap();
    Listener { address, inode, uid: 1500, owners: Seen::Known(vec![owner]) }
}

fn lock_file(lock: Lock) -> LockFile {
    LockFile { path: "/home/claw/.openclaw/tmp/l.lock".into(), form: LockForm::State, content: Seen::Known(lock) }
}

/// The user's gateway runs and all is well.
pub(crate) fn fine() -> Survey {
    let mut survey = Survey::blind(place(), BOOTED + 100_000, Blind::NotAsked);
    survey.here = Here {
        uid: Seen::Known(1500),
        boot_id: Seen::Known("boot-1".into()),
        booted_ms: Seen::Known(BOOTED),
        namespaces: Seen::Known(OURS),
        container: Seen::Known(None),
    };
    survey.listeners =
        Seen::Known(vec![listener("127.0.0.1:18789", 11, GATEWAY), listener("[::1]:18789", 12, GATEWAY)]);
    survey.processes = vec![gateway()];
    survey.locks = Seen::Known(vec![lock_file(lock())]);
    survey.state = StateFacts {
        identity: Seen::Known(Some("d".into())),
        boot: Seen::Known(Some(Boot { id: "b".into(), pid: GATEWAY, started_ms: 1, outcome: None })),
        lease: Seen::Known(None),
    };
    survey
}

pub(crate) fn with(change: impl FnOnce(&mut Survey)) -> Survey {
    let mut survey = fine();
    change(&mut survey);
    survey
}

pub(crate) fn with_process(change: impl FnOnce(&mut Process)) -> Survey {
    with(|survey| change(&mut survey.processes[0]))
}

fn with_lock(change: impl FnOnce(&mut Lock)) -> Survey {
    let mut changed = lock();
    change(&mut changed);
    with(|survey| survey.locks = Seen::Known(vec![lock_file(changed)]))
}

#[track_caller]
fn is_mine(survey: &Survey) -> Mine {
    let verdict = whose(survey);
    let Whose::Mine(mine) = verdict else { panic!("not mine: {verdict:?}") };
    mine
}

/// It is not mine, for this reason; and without this one sign it would have been.
#[track_caller]
fn other_but_for(survey: &Survey, check: Check, why: &NotMine) {
    let verdict = whose(survey);
    let Whose::Other(other) = &verdict else { panic!("{verdict:?}") };
    assert_eq!(other.why, *why);
    twin(survey, check);
}

#[track_caller]
fn unseen_but_for(survey: &Survey, check: Check, unseen: &Unseen) {
    assert!(matches!(whose(survey), Whose::CannotSee(is) if is == *unseen), "{:?}", whose(survey));
    twin(survey, check);
}

#[track_caller]
fn twin(survey: &Survey, check: Check) {
    let wrong = judge(survey, Some(check));
    assert!(matches!(wrong, Whose::Mine(_)), "without {check:?} it should have been taken for mine: {wrong:?}");
}

#[test]
fn the_gateway_of_the_lock_is_mine_with_both_its_sockets() {
    let mine = is_mine(&fine());
    assert_eq!((mine.gateway.pid, mine.start, mine.stopped), (GATEWAY, START, false));
    assert_eq!((mine.boot.as_deref(), mine.identity.as_deref()), (Some("b"), Some("d")));
}

#[test]
fn a_supervised_gateway_is_mine_with_its_arguments_and_its_unit() {
    let survey = with_process(|process| {
        let argv = ["/usr/bin/node", "/opt/openclaw/dist/index.js", "gateway", "--port", "18789"];
        process.argv = Seen::Known(argv.map(str::to_owned).to_vec());
        process.name = Seen::Known("MainThread".into());
        process.unit = Seen::Known(Some("openclaw-gateway.service".into()));
    });
    assert_eq!(is_mine(&survey).gateway.unit.as_deref(), Some("openclaw-gateway.service"));
}

#[test]
fn the_lock_of_the_older_release_is_enough() {
    let survey = with_lock(|lock| (lock.port, lock.state_dir) = (None, None));
    is_mine(&survey);
    let elsewhere = with_lock(|lock| {
        (lock.port, lock.state_dir) = (None, None);
        lock.config_path = "/home/claw/.openclaw-b/openclaw.json".into();
    });
    let why = NotMine::AnotherState { state_dir: Some("/home/claw/.openclaw".into()) };
    other_but_for(&elsewhere, Check::LockOfState, &why);
}

#[test]
fn a_gateway_that_a_signal_stopped_is_mine_and_says_nothing() {
    assert!(is_mine(&with_process(|process| process.activity = Seen::Known(Activity::Stopped))).stopped);
}

#[test]
fn the_gateway_of_another_state_is_another_though_all_else_fits() {
    let survey = with(|survey| {
        survey.processes.push(Process { pid: 701, start: Seen::Known(9), ..gateway() });
        survey.processes[1].environment = Seen::Known(Environment::of([("HOME", "/tmp/stray")]));
        survey.listeners = Seen::Known(vec![listener("127.0.0.1:18789", 11, 701)]);
    });
    let why = NotMine::AnotherState { state_dir: Some("/tmp/stray/.openclaw".into()) };
    let verdict = whose(&survey);
    let Whose::Other(other) = &verdict else { panic!("{verdict:?}") };
    assert_eq!((other.process.pid, &other.why), (701, &why));
    // A judge that takes any lock of the state for that of the listener.
    let same_start = with(|changed| {
        *changed = survey.clone();
        changed.processes[1].start = Seen::Known(START);
    });
    assert!(matches!(whose(&same_start), Whose::Other(_)));
    twin(&same_start, Check::LockPid);
}

#[test]
fn a_state_that_was_copied_brings_the_lock_of_its_original() {
    let survey = with_lock(|lock| lock.state_dir = Some("/home/claw/.openclaw-original".into()));
    let why = NotMine::AnotherState { state_dir: Some("/home/claw/.openclaw".into()) };
    other_but_for(&survey, Check::LockOfState, &why);
}

#[test]
fn a_number_that_was_used_again_is_an_earlier_process() {
    let survey = with_process(|process| process.start = Seen::Known(START + 900));
    other_but_for(&survey, Check::LockStart, &NotMine::EarlierProcess);
}

#[test]
fn a_lock_of_an_earlier_boot_proves_nothing_though_number_and_start_agree() {
    let survey = with_lock(|lock| lock.created_ms = Some(BOOTED - 60_000));
    let path = PathBuf::from("/home/claw/.openclaw/tmp/l.lock");
    unseen_but_for(&survey, Check::LockBoot, &Unseen::LockOlderThanBoot { path: path.clone() });
    let undated = with_lock(|lock| lock.created_ms = None);
    unseen_but_for(&undated, Check::LockBoot, &Unseen::LockOlderThanBoot { path });
    is_mine(&with_lock(|lock| lock.created_ms = Some(BOOTED - 1_000)));
}

#[test]
fn a_lock_without_a_start_leaves_it_open() {
    let survey = with_lock(|lock| lock.start = None);
    let path = "/home/claw/.openclaw/tmp/l.lock".into();
    unseen_but_for(&survey, Check::LockStart, &Unseen::LockWithoutStart { path });
}

#[test]
fn the_doctors_lock_names_no_gateway() {
    let survey = with_lock(|lock| lock.role = Some("sqlite-maintenance".into()));
    let why = NotMine::AnotherState { state_dir: Some("/home/claw/.openclaw".into()) };
    other_but_for(&survey, Check::LockRole, &why);
}

#[test]
fn another_port_of_my_gateway_is_not_where_it_is_spoken_to() {
    let survey = with_lock(|lock| lock.port = Some(18_787));
    other_but_for(&survey, Check::LockPort, &NotMine::AnotherPort { port: 18_787 });
}

#[test]
fn another_users_gateway_is_another_even_for_root() {
    let survey = with_process(|process| process.uid = Seen::Known(1501));
    other_but_for(&survey, Check::User, &NotMine::AnotherUser);
}

#[test]
fn node_hosts_commands_and_random_programs_are_no_gateways() {
    let argv = |words: &[&str]| Seen::Known(words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
    let node_host = with_process(|process| process.argv = argv(&["openclaw-node"]));
    other_but_for(&node_host, Check::Program, &NotMine::NodeHost);
    let command = with_process(|process| process.argv = argv(&["openclaw-dashboard"]));
    other_but_for(&command, Check::Program, &NotMine::NoGateway);
    let renamed = with_process(|process| process.exe = Seen::Known("/usr/bin/python3".into()));
    assert!(matches!(whose(&renamed), Whose::Foreign(Occupant { program: Some(name), .. }) if name == "python3"));
    twin(&renamed, Check::Program);
    let server = with_process(|process| process.argv = argv(&["node", "server.js"]));
    assert!(matches!(whose(&server), Whose::Foreign(_)));
}

#[test]
fn a_gateway_in_a_container_is_another() {
    let by_group = with_process(|process| process.container = Seen::Known(Some("docker".into())));
    other_but_for(&by_group, Check::Container, &NotMine::InContainer);
    let by_numbers = with_process(|process| process.namespaces = Seen::Known(Namespaces { pid: 9, ..OURS }));
    other_but_for(&by_numbers, Check::Container, &NotMine::InContainer);
    // This program in the same container is at home there.
    is_mine(&with(|survey| {
        survey.here.container = Seen::Known(Some("docker".into()));
        survey.processes[0].container = Seen::Known(Some("docker".into()));
    }));
}

#[test]
fn a_gateway_whose_paths_mean_something_else_leaves_it_open() {
    for namespaces in [Namespaces { mount: 9, ..OURS }, Namespaces { net: 9, ..OURS }] {
        let survey = with_process(|process| process.namespaces = Seen::Known(namespaces));
        unseen_but_for(&survey, Check::Sandbox, &Unseen::Sandboxed { pid: GATEWAY });
    }
}

#[test]
fn a_squatter_beside_the_gateway_takes_the_port_from_it() {
    let squatter = || Process { pid: 900, exe: Seen::Known("/usr/bin/nc".into()), ..gateway() };
    let beside = with(|survey| {
        survey.listeners =
            Seen::Known(vec![listener("127.0.0.1:18789", 11, GATEWAY), listener("[::1]:18789", 13, 900)]);
        survey.processes.push(squatter());
    });
    assert!(matches!(whose(&beside), Whose::Foreign(Occupant { pid: 900, .. })));
    twin(&beside, Check::EverySocket);
    let shared = with(|survey| {
        let mut both = listener("127.0.0.1:18789", 11, GATEWAY);
        both.owners = Seen::Known(vec![GATEWAY, 900]);
        survey.listeners = Seen::Known(vec![both]);
        survey.processes.push(squatter());
    });
    assert!(matches!(whose(&shared), Whose::Foreign(Occupant { pid: 900, .. })));
    twin(&shared, Check::EverySocket);
    // No connection to loopback ends at another address.
    is_mine(&with(|survey| {
        let mut all = survey.listeners.known().cloned().unwrap();
        all.push(listener("172.17.0.1:18789", 14, 900));
        survey.listeners = Seen::Known(all);
        survey.processes.push(squatter());
    }));
}

#[test]
fn whatever_is_hidden_leaves_it_open() {
    let why = Blind::NotPermitted;
    let hidden = [
        with(|survey| survey.listeners = Seen::Hidden(why)),
        with(|survey| {
            survey.listeners =
                Seen::Known(vec![Listener { owners: Seen::Hidden(why), ..listener("127.0.0.1:18789", 1, 1) }])
        }),
        with(|survey| survey.processes.clear()),
        with(|survey| survey.locks = Seen::Hidden(why)),
        with(|survey| {
            let unreadable = LockFile { content: Seen::Hidden(why), ..lock_file(lock()) };
            survey.locks = Seen::Known(vec![unreadable]);
        }),
        with(|survey| survey.here.uid = Seen::Hidden(why)),
        with(|survey| survey.here.boot_id = Seen::Hidden(why)),
        with(|survey| survey.here.booted_ms = Seen::Hidden(why)),
        with(|survey| survey.here.namespaces = Seen::Hidden(why)),
        with(|survey| survey.here.container = Seen::Hidden(why)),
        with_process(|process| process.exe = Seen::Hidden(why)),
        with_process(|process| process.argv = Seen::Hidden(why)),
        with_process(|process| process.uid = Seen::Hidden(why)),
        with_process(|process| process.start = Seen::Hidden(why)),
        with_process(|process| process.namespaces = Seen::Hidden(why)),
        with_process(|process| process.container = Seen::Hidden(why)),
    ];
    for survey in hidden {
        assert!(matches!(whose(&survey), Whose::CannotSee(_)), "{:?}", whose(&survey));
    }
    let unseen = with(|survey| {
        survey.listeners =
            Seen::Known(vec![Listener { owners: Seen::Hidden(why), ..listener("127.0.0.1:18789", 1, 1) }])
    });
    assert!(matches!(whose(&unseen), Whose::CannotSee(Unseen::Owner { uid: 1500, why: Blind::NotPermitted })));
    // What only tells more is not needed.
    is_mine(&with_process(|process| process.environment = Seen::Hidden(why)));
    is_mine(&with(|survey| survey.state = StateFacts::blind(why)));
}

#[test]
fn without_a_listener_the_lock_says_what_became_of_the_gateway() {
    let silent = |change: fn(&mut Survey)| {
        let survey = with(|survey| {
            survey.listeners = Seen::Known(Vec::new());
            change(survey);
        });
        let verdict = whose(&survey);
        let Whose::Nobody(nobody) = verdict else { panic!("{verdict:?}") };
        nobody
    };
    assert_eq!(silent(|survey| survey.locks = Seen::Known(Vec::new())), Nobody::Stopped);
    assert_eq!(silent(|survey| survey.processes.clear()), Nobody::LockLeft { pid: GATEWAY });
    assert_eq!(silent(|survey| survey.processes[0].start = Seen::Known(9)), Nobody::LockLeft { pid: GATEWAY });
    assert_eq!(
        silent(|survey| survey.processes[0].activity = Seen::Known(Activity::Ended)),
        Nobody::LockLeft { pid: GATEWAY }
    );
    assert_eq!(silent(|_| {}), Nobody::Elsewhere { pid: GATEWAY, port: None });
    assert_eq!(silent(|survey| survey.place.port = 1), Nobody::Elsewhere { pid: GATEWAY, port: Some(PORT) });
    assert_eq!(
        silent(|survey| survey.locks = Seen::Hidden(Blind::NotPermitted)),
        Nobody::LockUnseen { why: Blind::NotPermitted }
    );
}

#[test]
fn a_proof_ends_when_anything_changes_and_by_itself() {
    let proof = is_mine(&fine()).proof;
    let later = |age: i64, change: fn(&mut Survey)| {
        with(|survey| {
            survey.taken_ms += age;
            change(survey);
        })
    };
    assert!(proof.holds(&later(0, |_| {})));
    assert!(proof.holds(&later(PROOF_LASTS_MS, |_| {})));
    assert!(!proof.holds(&later(PROOF_LASTS_MS + 1, |_| {})));
    assert!(!proof.holds(&later(-1, |_| {})));
    assert!(!proof.holds(&later(0, |survey| survey.listeners = Seen::Known(Vec::new()))));
    assert!(!proof.holds(&later(0, |survey| {
        survey.listeners =
            Seen::Known(vec![listener("127.0.0.1:18789", 99, GATEWAY), listener("[::1]:18789", 12, GATEWAY)]);
    })));
    assert!(!proof.holds(&later(0, |survey| survey.here.boot_id = Seen::Known("boot-2".into()))));
    // The same number, started anew, with a new lock.
    assert!(!proof.holds(&later(0, |survey| {
        survey.processes[0].start = Seen::Known(START + 1);
        survey.locks = Seen::Known(vec![lock_file(Lock { start: Some(START + 1), ..lock() })]);
    })));
}

#[test]
fn a_proof_is_for_the_connection_that_the_gateway_alone_holds() {
    let proof = is_mine(&fine()).proof;
    assert!(proof.confirms(&Seen::Known(vec![GATEWAY])));
    assert!(!proof.confirms(&Seen::Known(vec![900])));
    assert!(!proof.confirms(&Seen::Known(vec![GATEWAY, 900])));
    assert!(!proof.confirms(&Seen::Known(Vec::new())));
    assert!(!proof.confirms(&Seen::Hidden(Blind::Changing)));
}

#[test]
fn what_a_connected_gateway_says_must_not_contradict_what_was_seen() {
    let said = Introduction {
        identity: Some("d".into()),
        boot: Some("b".into()),
        state_dir: Some("/home/claw/.openclaw".into()),
        pid: Some(GATEWAY),
    };
    assert_eq!(confirm(&fine(), &said), []);
    assert_eq!(confirm(&fine(), &Introduction::default()), []);
    let lies =
        Introduction { identity: Some("x".into()), boot: Some("x".into()), state_dir: Some("/x".into()), pid: Some(1) };
    use Contradiction::{Boot as Start, Identity, Process as Number, StateDir};
    assert_eq!(confirm(&fine(), &lies), [Identity, Start, StateDir, Number]);
}
