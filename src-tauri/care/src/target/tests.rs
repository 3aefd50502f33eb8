#[cfg(target_os = "linux")]
mod held;

use std::net::Ipv4Addr;

use super::*;
use crate::survey::{Environment, Namespaces};

const PORT: u16 = 18_789;
const STRAY: u32 = 4_242;
const ME: u32 = 9_000;
const SHELL: u32 = 800;

fn target() -> Target {
    Target {
        pid: STRAY,
        start: 5_000,
        boot_id: "8f0e1a52-0001".into(),
        exe: "/usr/bin/node".into(),
        argv: vec!["openclaw-gateway".into()],
        state_dir: "/home/li/.openclaw-old".into(),
        port: PORT,
    }
}

fn process(pid: u32, exe: &str, argv: &[&str], environment: &[(&str, &str)]) -> Process {
    Process {
        pid,
        start: Seen::Known(5_000),
        uid: Seen::Known(1_000),
        activity: Seen::Known(Activity::Alive),
        name: Seen::Known("openclaw-gatewa".into()),
        exe: Seen::Known(exe.into()),
        argv: Seen::Known(argv.iter().map(|word| (*word).into()).collect()),
        parents: vec![SHELL, 700, 1],
        environment: Seen::Known(Environment::of(environment.iter().copied())),
        namespaces: Seen::Known(Namespaces { pid: 1, mount: 2, net: 3 }),
        container: Seen::Known(None),
        unit: Seen::Known(None),
    }
}

fn listener(owners: Seen<Vec<u32>>) -> Listener {
    Listener { address: (Ipv4Addr::LOCALHOST, PORT).into(), inode: 77, uid: 1_000, owners }
}

fn stray() -> Sight {
    let environment =
        [("HOME", "/home/li"), ("OPENCLAW_STATE_DIR", "/home/li/.openclaw-old"), ("INVOCATION_ID", "inherited")];
    Sight {
        process: Some(process(STRAY, "/usr/bin/node", &["openclaw-gateway"], &environment)),
        me: Some(process(ME, "/usr/bin/smartpi-tray", &["smartpi-tray"], &[])),
        here: Here {
            uid: Seen::Known(1_000),
            boot_id: Seen::Known("8f0e1a52-0001".into()),
            booted_ms: Seen::Known(0),
            namespaces: Seen::Known(Namespaces { pid: 1, mount: 2, net: 3 }),
            container: Seen::Known(None),
        },
        listeners: Seen::Known(vec![listener(Seen::Known(vec![STRAY]))]),
    }
}

fn with(change: impl FnOnce(&mut Process)) -> Sight {
    let mut sight = stray();
    change(sight.process.as_mut().unwrap());
    sight
}

/// Who is taken for the stray by a program that looks less closely, and the one sign that tells them apart.
fn decoys() -> Vec<(&'static str, Sight, Refused, Sign)> {
    let words = |words: &[&str]| Seen::Known(words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
    let environment = |pairs: &[(&str, &str)]| Seen::Known(Environment::of(pairs.iter().copied()));
    let mut client = stray();
    client.listeners = Seen::Known(vec![listener(Seen::Known(vec![5_555]))]);
    let mut nobody = stray();
    nobody.listeners = Seen::Known(Vec::new());
    let mut ancestor = stray();
    ancestor.me.as_mut().unwrap().parents = vec![SHELL, STRAY, 1];
    let mut rebooted = stray();
    rebooted.here.boot_id = Seen::Known("8f0e1a52-0002".into());
    let old = ("OPENCLAW_STATE_DIR", "/home/li/.openclaw-old");
    vec![
        ("one that only has a connection to the port", client, Refused::NotListening, Sign::Listening),
        ("a gateway that listens no more", nobody, Refused::NotListening, Sign::Listening),
        (
            "one that took over the number",
            with(|it| it.start = Seen::Known(5_001)),
            Refused::AnotherProcess,
            Sign::Start,
        ),
        ("the same numbers after the computer started anew", rebooted, Refused::AnotherProcess, Sign::Boot),
        ("another user's", with(|it| it.uid = Seen::Known(1_001)), Refused::AnotherUser, Sign::User),
        ("root's", with(|it| it.uid = Seen::Known(0)), Refused::AnotherUser, Sign::User),
        ("one that started this program", ancestor, Refused::Family, Sign::Family),
        (
            "a service's",
            with(|it| it.environment = environment(&[old, ("OPENCLAW_SERVICE_MARKER", "openclaw")])),
            Refused::Supervised,
            Sign::Unsupervised,
        ),
        (
            "one in the group of a service of an earlier name",
            with(|it| it.unit = Seen::Known(Some("clawdbot-gateway.service".into()))),
            Refused::Supervised,
            Sign::Unsupervised,
        ),
        (
            "a second profile",
            with(|it| it.environment = environment(&[("HOME", "/home/li"), ("OPENCLAW_PROFILE", "b")])),
            Refused::Changed,
            Sign::State,
        ),
        (
            "another copy of Node",
            with(|it| it.exe = Seen::Known("/opt/node/bin/node".into())),
            Refused::Changed,
            Sign::Look,
        ),
        (
            "one in another pid namespace",
            with(|it| it.namespaces = Seen::Known(Namespaces { pid: 9, mount: 2, net: 3 })),
            Refused::Elsewhere,
            Sign::Namespaces,
        ),
        (
            "one of a container",
            with(|it| it.container = Seen::Known(Some("docker".into()))),
            Refused::Elsewhere,
            Sign::Container,
        ),
        (
            "the same that began another work",
            with(|it| it.argv = words(&["openclaw"])),
            Refused::NoGateway,
            Sign::Program,
        ),
    ]
}

#[test]
fn the_stray_of_the_plan_may_be_ended() {
    assert_eq!(may_end(&target(), &stray(), None), Ok(()));
    // A hung one as well: it is still what the plan showed.
    assert_eq!(may_end(&target(), &with(|it| it.activity = Seen::Known(Activity::Stopped)), None), Ok(()));
}

#[test]
fn every_look_alike_is_refused_by_the_sign_that_is_there_for_it() {
    for (who, sight, why, sign) in decoys() {
        assert_eq!(may_end(&target(), &sight, None), Err(why.clone()), "{who}");
        let without = may_end(&target(), &sight, Some(sign));
        // Another title is another look as well.
        if sign == Sign::Program {
            assert_eq!(without, Err(Refused::Changed), "{who}");
        } else {
            assert_eq!(without, Ok(()), "{who} is refused by something else than {sign:?}");
        }
    }
}

#[test]
fn look_alikes_by_name_are_no_gateways_even_if_a_plan_says_so() {
    for (exe, argv) in [
        ("/usr/bin/google-chrome", &["google-chrome", "http://127.0.0.1:18789"][..]),
        ("/usr/bin/vim", &["vim", "/home/li/.openclaw/openclaw.json"]),
        ("/usr/bin/node", &["node", "/srv/shop/server.js"]),
        ("/usr/bin/gdb", &["gdb", "--args", "node", "openclaw-gateway"]),
        ("/usr/bin/docker-proxy", &["/usr/bin/docker-proxy", "-host-port", "18789"]),
        ("/usr/bin/node", &["node", "/opt/openclaw/openclaw.mjs", "node", "run"]),
    ] {
        let seen = process(STRAY, exe, argv, &[("OPENCLAW_STATE_DIR", "/home/li/.openclaw-old")]);
        let shown = Target { exe: exe.into(), argv: argv.iter().map(|word| (*word).into()).collect(), ..target() };
        let sight = Sight { process: Some(seen), ..stray() };
        assert_eq!(may_end(&shown, &sight, None), Err(Refused::NoGateway), "{exe}");
        assert_eq!(may_end(&shown, &sight, Some(Sign::Program)), Ok(()), "{exe}");
    }
}

#[test]
fn what_cannot_be_seen_is_let_alone() {
    const WHY: Blind = Blind::NotPermitted;
    let mut owner = stray();
    owner.listeners = Seen::Known(vec![listener(Seen::Hidden(WHY))]);
    let mut sockets = stray();
    sockets.listeners = Seen::Hidden(WHY);
    let mut boot = stray();
    boot.here.boot_id = Seen::Hidden(WHY);
    let mut line = stray();
    line.me.as_mut().unwrap().parents = vec![SHELL, 700];
    for sight in [
        with(|it| it.start = Seen::Hidden(WHY)),
        with(|it| it.uid = Seen::Hidden(WHY)),
        with(|it| it.activity = Seen::Hidden(WHY)),
        with(|it| it.exe = Seen::Hidden(WHY)),
        with(|it| it.argv = Seen::Hidden(WHY)),
        with(|it| it.environment = Seen::Hidden(WHY)),
        with(|it| it.namespaces = Seen::Hidden(WHY)),
        with(|it| it.container = Seen::Hidden(WHY)),
        with(|it| it.unit = Seen::Hidden(WHY)),
        owner,
        sockets,
        boot,
        line,
    ] {
        assert_eq!(may_end(&target(), &sight, None), Err(Refused::Unseen(WHY)), "{sight:?}");
    }
    assert_eq!(may_end(&target(), &Sight { process: None, ..stray() }, None), Err(Refused::Ended));
    assert_eq!(may_end(&target(), &with(|it| it.activity = Seen::Known(Activity::Ended)), None), Err(Refused::Ended));
}
