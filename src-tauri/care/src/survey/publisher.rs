//! Programs that publish a port of a container: they have it on this computer, and who answers is elsewhere. Told from what every account may read: the
//! arguments of a process, who started it, and which network it lives in.

use serde::{Deserialize, Serialize};

use super::Listener;
use super::process::Process;
use crate::seen::Seen;

/// What a container, or the Linux of a Windows, is run by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum Engine {
    /// Docker, also as Docker Desktop or what speaks its language.
    Docker,
    /// Podman.
    Podman,
    /// The Linux that runs inside of Windows.
    Wsl,
}

/// Who publishes the port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct Publisher {
    /// For this.
    pub engine: Engine,
    /// The port of this computer.
    pub port: u16,
    /// The process that has the port.
    pub pid: u32,
    /// Its program.
    pub program: String,
    /// What the engine calls the container. `None`: it cannot be told without asking somebody who would have to be started, or who does not answer this account.
    pub container: Option<String>,
    /// Only the administrator can ask the engine.
    pub of_root: bool,
}

/// Longer ones are cut by the kernel.
#[cfg(any(target_os = "linux", test))]
const NAME: usize = 15;
/// What keeps a container of Podman, and knows its name.
const KEEPER: &str = "conmon";
/// Who has a port of a container, and for whom.
const PROGRAMS: [(&str, Engine); 13] = [
    ("docker-proxy", Engine::Docker),
    ("rootlesskit", Engine::Docker),
    ("com.docker.backend", Engine::Docker),
    ("com.docker.vpnkit", Engine::Docker),
    ("orbstack helper", Engine::Docker),
    ("rootlessport", Engine::Podman),
    ("slirp4netns", Engine::Podman),
    ("pasta", Engine::Podman),
    ("pasta.avx2", Engine::Podman),
    ("gvproxy", Engine::Podman),
    (KEEPER, Engine::Podman),
    ("wslrelay", Engine::Wsl),
    ("wslhost", Engine::Wsl),
];

impl Publisher {
    /// Whether a process of this short name is one to look at.
    #[cfg(target_os = "linux")]
    pub(crate) fn may_be(name: &str) -> bool {
        PROGRAMS.iter().any(|(program, _)| program.get(..NAME).unwrap_or(program) == name)
    }

    /// The one that has the port by these listeners. `processes`: those that may be it, and what they started.
    pub(crate) fn find(port: u16, listeners: &[Listener], processes: &[Process]) -> Option<Self> {
        processes.iter().find_map(|process| {
            let (program, engine) = program(process)?;
            let argv = process.argv.known().map(Vec::as_slice).unwrap_or_default();
            let holds = |listener: &Listener| match &listener.owners {
                Seen::Known(owners) => owners.contains(&process.pid),
                // Whose socket it is can be read where its holder cannot: the holder's own arguments name the port then.
                Seen::Hidden(_) => process.uid.known() == Some(&listener.uid) && names_port(argv, port),
            };
            // Others than Docker's use it as well.
            let is_docker = || argv.iter().any(|word| word.contains("dockerd"));
            if !listeners.iter().any(holds) || (program == "rootlesskit" && !is_docker()) {
                return None;
            }
            let container = (engine == Engine::Podman).then(|| of_podman(process, processes)).flatten();
            let of_root = process.uid.known() == Some(&0);
            Some(Self { engine, port, pid: process.pid, program, container, of_root })
        })
    }

    /// With the name that the engine told.
    #[cfg(any(target_os = "linux", test))]
    #[must_use]
    pub(crate) fn called(self, container: Option<String>) -> Self {
        Self { container: container.filter(|name| is_name(name)), ..self }
    }

    /// What a person types to stop the container, or to learn which one it is.
    pub fn command(&self) -> Option<String> {
        let (engine, list) = match self.engine {
            Engine::Docker => ("docker", format!("ps --filter publish={}", self.port)),
            Engine::Podman => ("podman", "ps".to_owned()),
            Engine::Wsl => return None,
        };
        match &self.container {
            Some(name) => Some(format!("{engine} stop {name}")),
            None if self.of_root => Some(format!("sudo {engine} {list}")),
            None => Some(format!("{engine} {list}")),
        }
    }
}

fn program(process: &Process) -> Option<(String, Engine)> {
    let program = process.program()?.to_lowercase();
    let program = program.trim_end_matches(".exe");
    PROGRAMS.iter().find(|(known, _)| *known == program).map(|(known, engine)| ((*known).to_owned(), *engine))
}

/// `docker-proxy -proto tcp -host-port 18789`, `pasta -t 127.0.0.1/18789-18789:18789-18789`.
fn names_port(argv: &[String], port: u16) -> bool {
    let value = |flag: &str| argv.iter().skip_while(move |word| *word != flag).nth(1).map(String::as_str);
    if value("-proto") == Some("tcp") {
        return value("-host-port").and_then(|port| port.parse().ok()) == Some(port);
    }
    let forwards = argv.windows(2).filter(|pair| pair[0] == "-t" || pair[0] == "--tcp-ports");
    let is_in = |spec: &str| {
        let host = spec.rsplit('/').next().and_then(|ports| ports.split(':').next()).unwrap_or_default();
        let (first, last) = host.split_once('-').unwrap_or((host, host));
        first
            .parse()
            .ok()
            .zip(last.parse().ok())
            .is_some_and(|(first, last): (u16, u16)| (first..=last).contains(&port))
    };
    forwards.flat_map(|pair| pair[1].split(',')).any(is_in)
}

/// Podman has no service to ask; what keeps each container has its name among its arguments.
fn of_podman(publisher: &Process, processes: &[Process]) -> Option<String> {
    let name = |keeper: &Process| {
        let argv = keeper.argv.known()?;
        let name = argv.iter().skip_while(|word| *word != "-n").nth(1)?;
        is_name(name).then(|| name.clone())
    };
    let is_keeper = |process: &&Process| process.program().as_deref() == Some(KEEPER);
    if is_keeper(&publisher) {
        return name(publisher);
    }
    let net = |process: &Process| process.namespaces.known().map(|namespaces| namespaces.net);
    let keepers: Vec<&Process> =
        processes.iter().filter(is_keeper).filter(|keeper| keeper.uid == publisher.uid).collect();
    let children = |of: u32| processes.iter().filter(move |process| process.parents.first() == Some(&of));
    // A part of it lives in the container's network, where nobody of this computer's does.
    let inside: Vec<u64> = children(publisher.pid).filter_map(net).collect();
    let serves = |keeper: &&&Process| {
        children(keeper.pid).filter_map(net).any(|its| inside.contains(&its) && Some(its) != net(keeper))
    };
    let mut served = keepers.iter().filter(serves);
    match (served.next(), served.next(), keepers.as_slice()) {
        (Some(keeper), None, _) | (None, None, [keeper]) => name(keeper),
        (_, _, _) => None,
    }
}

/// As the engines allow: safe in a line that a person types.
fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_.-".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seen::Blind;
    use crate::survey::Namespaces;
    use crate::who::tests::fine;

    const PORT: u16 = 18_789;
    const HOST: u64 = 3;

    fn process(pid: u32, parent: u32, uid: u32, net: u64, argv: &str) -> Process {
        let argv: Vec<String> = argv.split(' ').map(str::to_owned).collect();
        Process {
            pid,
            uid: Seen::Known(uid),
            exe: Seen::Hidden(Blind::NotPermitted),
            name: Seen::Known(argv[0].rsplit('/').next().unwrap().chars().take(NAME).collect()),
            argv: Seen::Known(argv),
            parents: vec![parent],
            namespaces: Seen::Known(Namespaces { pid: 1, mount: 2, net }),
            ..fine().processes[0].clone()
        }
    }

    fn listener(uid: u32, owners: Seen<Vec<u32>>) -> Listener {
        Listener { address: "0.0.0.0:18789".parse().unwrap(), inode: 9, uid, owners }
    }

    fn hidden() -> Vec<Listener> {
        vec![listener(0, Seen::Hidden(Blind::NotPermitted))]
    }

    fn held(uid: u32, by: u32) -> Vec<Listener> {
        vec![listener(uid, Seen::Known(vec![by]))]
    }

    /// As captured of Docker 20.10.24, with two published ports.
    fn proxies() -> Vec<Process> {
        let of = |pid, host: &str, port: u16| {
            let line = format!(
                "/usr/sbin/docker-proxy -proto tcp -host-ip {host} -host-port {port} -container-ip 172.17.0.2 -container-port {port}"
            );
            process(pid, 62, 0, HOST, &line)
        };
        vec![of(134, "127.0.0.1", 18_790), of(140, "0.0.0.0", PORT), of(147, "::", PORT)]
    }

    /// As captured of Podman 4.3.1 without root: two containers, of which the first publishes the port.
    fn podman() -> Vec<Process> {
        let keeper = |pid, id: &str, name: &str| {
            let line = format!(
                "/usr/bin/conmon --api-version 1 -c {id} -u {id} -r /usr/bin/crun -b /home/claw/.local/share/containers/storage/vfs-containers/{id}/userdata -p /run/user/1500/containers/vfs-containers/{id}/userdata/pidfile -n {name} --exit-dir /run/user/1500/libpod/tmp/exits --full-attach --exit-command /usr/bin/podman"
            );
            process(pid, 1, 1500, HOST, &line)
        };
        vec![
            process(67, 1, 1500, HOST, "/usr/bin/slirp4netns --disable-host-loopback --mtu=65520 tap0"),
            process(69, 1, 1500, 2252, "rootlessport"),
            process(75, 69, 1500, 2252, "rootlessport-child"),
            keeper(82, "ff4c154bcb02", "my-claw"),
            process(84, 82, 1500, 2252, "/bin/sleep 600"),
            keeper(101, "e93573434ad0", "other"),
            process(103, 101, 1500, 2328, "/bin/sleep 600"),
        ]
    }

    #[test]
    fn docker_is_known_by_what_its_proxy_is_told_also_where_its_socket_is_hidden() {
        let found = Publisher::find(PORT, &hidden(), &proxies()).unwrap();
        assert_eq!((found.engine, found.pid, found.of_root), (Engine::Docker, 140, true));
        assert_eq!(found.command().as_deref(), Some("sudo docker ps --filter publish=18789"));
        let named = found.called(Some("openclaw-openclaw-gateway-1".into()));
        assert_eq!(named.command().as_deref(), Some("docker stop openclaw-openclaw-gateway-1"));
        assert_eq!(named.called(Some("x; rm -rf /".into())).container, None);
        // The twins: the proxy of another port, of another user, and one that somebody else has the port instead of.
        assert_eq!(Publisher::find(18_791, &hidden(), &proxies()), None);
        let of_somebody = [listener(1500, Seen::Hidden(Blind::NotPermitted))];
        assert_eq!(Publisher::find(PORT, &of_somebody, &proxies()), None);
        assert_eq!(Publisher::find(PORT, &held(1500, 700), &proxies()), None);
    }

    #[test]
    fn a_container_of_podman_is_named_by_what_keeps_it() {
        let found = Publisher::find(PORT, &held(1500, 69), &podman()).unwrap();
        assert_eq!((found.engine, found.container.as_deref()), (Engine::Podman, Some("my-claw")));
        assert_eq!(found.command().as_deref(), Some("podman stop my-claw"));
        // Without the part that lives in the container's network any of the two may be it.
        let without: Vec<Process> = podman().into_iter().filter(|process| process.pid != 75).collect();
        let found = Publisher::find(PORT, &held(1500, 69), &without).unwrap();
        assert_eq!((found.container.clone(), found.command().as_deref()), (None, Some("podman ps")));
        let alone: Vec<Process> = without.into_iter().filter(|process| process.pid < 100).collect();
        let found = Publisher::find(PORT, &held(1500, 69), &alone).unwrap();
        assert_eq!(found.container.as_deref(), Some("my-claw"));
        let keeper = Publisher::find(PORT, &held(1500, 101), &podman()).unwrap();
        assert_eq!(keeper.container.as_deref(), Some("other"));
    }

    /// Made after what Podman 5 passes to pasta.
    #[test]
    fn pasta_is_known_by_the_ports_that_it_forwards() {
        let of = |spec: &str| {
            let line =
                format!("/usr/bin/pasta.avx2 --config-net -t {spec} --quiet --netns /run/user/1500/netns/netns-1");
            let hidden = [listener(1500, Seen::Hidden(Blind::NotPermitted))];
            Publisher::find(PORT, &hidden, &[process(5, 1, 1500, HOST, &line)]).map(|found| found.engine)
        };
        for spec in ["18789-18789:80-80", "127.0.0.1/18789:80", "18780-18799:1-20", "80,18789"] {
            assert_eq!(of(spec), Some(Engine::Podman), "{spec}");
        }
        for spec in ["none", "80-80:18789-18789", "18790", ""] {
            assert_eq!(of(spec), None, "{spec}");
        }
    }

    /// Made after the names that these programs have.
    #[test]
    fn what_publishes_on_windows_and_macos_is_known_and_other_programs_are_not() {
        let of = |exe: &str, argv: &str| {
            let process = Process { exe: Seen::Known(exe.into()), ..process(5, 1, 501, HOST, argv) };
            Publisher::find(PORT, &held(501, 5), &[process]).map(|found| (found.engine, found.command()))
        };
        let list = Some("docker ps --filter publish=18789".to_owned());
        let desktop = "/Applications/Docker.app/Contents/MacOS/com.docker.backend";
        assert_eq!(of(desktop, desktop), Some((Engine::Docker, list.clone())));
        assert_eq!(of("com.docker.backend.exe", "com.docker.backend.exe"), Some((Engine::Docker, list.clone())));
        assert_eq!(of("wslrelay.exe", "wslrelay.exe"), Some((Engine::Wsl, None)));
        let rootless = "rootlesskit --net=slirp4netns --port-driver=builtin /usr/bin/dockerd-rootless.sh";
        assert_eq!(of("/usr/bin/rootlesskit", rootless), Some((Engine::Docker, list)));
        assert_eq!(of("/usr/bin/rootlesskit", "rootlesskit containerd-rootless.sh"), None);
        assert_eq!(of("/usr/bin/node", "docker-proxy"), None);
    }
}
