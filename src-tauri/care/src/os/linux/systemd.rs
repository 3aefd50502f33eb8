//! What systemd knows about the services that may start a gateway, asked over D-Bus.
//!
//! Only questions that change nothing, each with the flag that no program is started for it. A unit that is not in the manager's memory is read by it for the
//! answer, as `systemctl show` has it read, and forgotten again.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::geteuid;
use zbus::blocking::connection::Builder;
use zbus::blocking::{Connection, Proxy};
use zbus::proxy::MethodFlags;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};

use crate::seen::{Blind, Seen};
use crate::survey::{Environment, Manager, Phase, Scope, Service, Starts};

/// One answer. A manager that is busy with a start takes tenths of a second.
const ANSWER: Duration = Duration::from_secs(3);
/// All of them: whoever looks waits no longer.
const ALL: Duration = Duration::from_secs(8);
/// More units than anybody has gateways.
const UNITS: usize = 64;
const SYSTEMD: &str = "org.freedesktop.systemd1";
/// What the units of gateways are called, now and in earlier releases.
const PATTERNS: [&str; 3] = ["openclaw*.service", "clawdbot*.service", "moltbot*.service"];

type Properties = HashMap<String, OwnedValue>;
/// `ListUnitsByPatterns`: name, description, load, active, sub state, what it follows, object, job, kind of job, object of job.
type Listed = (String, String, String, String, String, String, OwnedObjectPath, u32, String, OwnedObjectPath);
/// One command of `ExecStart`: program, arguments, and when and how it ran.
type Command = (String, Vec<String>, bool, u64, u64, u64, u64, u32, i32, i32);

impl From<zbus::Error> for Blind {
    fn from(error: zbus::Error) -> Self {
        use std::io::ErrorKind;
        if let zbus::Error::InputOutput(error) | zbus::Error::Connection(error, _) = &error {
            // Without a bus there is no manager that this program knows how to ask.
            let no_bus = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused);
            return if no_bus { Self::Unsupported } else { error.kind().into() };
        }
        let refused = |with: &str| matches!(&error, zbus::Error::MethodError(name, _, _) if name.ends_with(with));
        if refused(".AccessDenied") {
            Self::NotPermitted
        } else if refused(".ServiceUnknown") || refused(".NameHasNoOwner") || matches!(error, zbus::Error::Address(_)) {
            Self::Unsupported
        } else {
            Self::Unreadable
        }
    }
}

/// The services of a manager whose names are those of gateways, and these others.
pub(crate) fn services(scope: Scope, others: &[String]) -> Seen<Vec<Service>> {
    let others = others.to_vec();
    let (tell, told) = mpsc::sync_channel(1);
    // A bus that takes the connection and says nothing holds this thread, not whoever looks.
    let asks = std::thread::Builder::new().name("service-manager".into()).spawn(move || {
        let _ = tell.send(ask(scope, &others));
    });
    match asks {
        Ok(_) => told.recv_timeout(ALL).unwrap_or(Err(Blind::Unreadable)).into(),
        Err(_) => Seen::Hidden(Blind::Unreadable),
    }
}

fn ask(scope: Scope, others: &[String]) -> Result<Vec<Service>, Blind> {
    let builder = match scope {
        Scope::System => Builder::system(),
        Scope::User => users_bus(),
    };
    let bus = builder?.method_timeout(ANSWER).build()?;
    let manager = Asked { bus: &bus, path: "/org/freedesktop/systemd1".to_owned() };
    let interface = "org.freedesktop.systemd1.Manager";
    // Of a slice: an array would go out as a structure.
    let named = (Vec::<&str>::new(), PATTERNS.to_vec());
    let files: Vec<(String, String)> = manager.call(interface, "ListUnitFilesByPatterns", &named)?;
    let loaded: Vec<Listed> = manager.call(interface, "ListUnitsByPatterns", &named)?;
    let of_files = files.iter().filter_map(|(path, _)| Path::new(path).file_name()?.to_str());
    let of_memory = loaded.iter().map(|listed| listed.0.as_str());
    let of_processes = others.iter().map(String::as_str);
    let mut names: Vec<&str> = of_files.chain(of_memory).chain(of_processes).collect();
    names.sort_unstable();
    names.dedup();
    let states: BTreeMap<&str, &str> = files
        .iter()
        .filter_map(|(path, state)| Some((Path::new(path).file_name()?.to_str()?, state.as_str())))
        .collect();
    let mut found = Vec::new();
    for name in names.into_iter().take(UNITS) {
        // It went away meanwhile.
        let Ok(path) = manager.call::<_, OwnedObjectPath>(interface, "LoadUnit", &name) else { continue };
        let unit = Asked { bus: &bus, path: path.to_string() };
        let about: Properties = unit.all("org.freedesktop.systemd1.Unit")?;
        let runs: Properties = unit.all("org.freedesktop.systemd1.Service")?;
        found.extend(service(name, scope, states.get(name).copied(), &about, &runs));
    }
    Ok(found)
}

/// Where the user's own manager has its sockets.
pub(crate) fn runtime_folder() -> PathBuf {
    let folder = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    folder.unwrap_or_else(|| format!("/run/user/{}", geteuid().as_raw()).into())
}

/// The bus that the user's own manager is on, also where nobody handed its address down.
fn users_bus() -> zbus::Result<Builder<'static>> {
    let bus = runtime_folder().join("bus");
    match bus.to_str().filter(|_| bus.exists()) {
        Some(bus) => Builder::address(format!("unix:path={bus}").as_str()),
        None => Builder::session(),
    }
}

/// An object of systemd.
struct Asked<'a> {
    bus: &'a Connection,
    path: String,
}

impl Asked<'_> {
    fn call<B, R>(&self, interface: &str, method: &str, body: &B) -> Result<R, Blind>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
        R: for<'d> zbus::zvariant::DynamicDeserialize<'d>,
    {
        let proxy = Proxy::new(self.bus, SYSTEMD, self.path.as_str(), interface)?;
        proxy.call_with_flags(method, MethodFlags::NoAutoStart.into(), body)?.ok_or(Blind::Unreadable)
    }

    fn all(&self, interface: &str) -> Result<Properties, Blind> {
        self.call("org.freedesktop.DBus.Properties", "GetAll", &interface)
    }
}

/// What the manager says of a unit; `None`: there is none of this name. `file`: the state of its file, where the manager listed one.
fn service(unit: &str, scope: Scope, file: Option<&str>, about: &Properties, runs: &Properties) -> Option<Service> {
    let load: String = value(about, "LoadState")?;
    let file = file.map(str::to_owned).or_else(|| value(about, "UnitFileState")).unwrap_or_default();
    let path = text(about, "FragmentPath").map(PathBuf::from);
    let (active, sub): (String, String) = (value(about, "ActiveState")?, value(about, "SubState")?);
    if load == "not-found" && active == "inactive" {
        return None;
    }
    let brought_back = text(runs, "Restart").is_some_and(|when| when != "no");
    // What a person ran in passing is no definition.
    if file == "transient" && !brought_back {
        return None;
    }
    let commands: Vec<Command> = value(runs, "ExecStart").unwrap_or_default();
    let argv = commands.into_iter().next().map(|command| command.1).unwrap_or_default();
    let assigned: Vec<String> = value(runs, "Environment").unwrap_or_default();
    let exited = value::<i32>(runs, "ExecMainCode") == Some(EXITED);
    let main = value::<u32>(runs, "MainPID").filter(|pid| *pid != 0);
    let micros =
        |properties: &Properties, name: &str| value::<u64>(properties, name).filter(|at| *at != 0 && *at != u64::MAX);
    Some(Service {
        unit: unit.to_owned(),
        manager: Manager::Systemd,
        scope,
        sealed: path.as_deref().is_some_and(Service::is_sealed),
        path,
        drop_ins: value::<Vec<String>>(about, "DropInPaths")
            .unwrap_or_default()
            .into_iter()
            .map(PathBuf::from)
            .collect(),
        gone: Service::gone(&argv, Path::exists),
        release: Service::release_of(&argv),
        argv,
        environment: Environment::of(assigned.iter().filter_map(|pair| pair.split_once('='))),
        user: value(runs, "User").unwrap_or_default(),
        port: None,
        state_dir: None,
        phase: Phase::of_systemd(&active, &sub),
        starts: Starts::of_systemd(&file, &load),
        result: value(runs, "Result").unwrap_or_default(),
        exit_status: value(runs, "ExecMainStatus").filter(|status: &i32| exited && main.is_none() && *status != 0),
        brought_back,
        restarts: value(runs, "NRestarts").unwrap_or_default(),
        main,
        started_ms: main.and_then(|_| i64::try_from(micros(runs, "ExecMainStartTimestamp")? / 1000).ok()),
        stop_takes_ms: micros(runs, "TimeoutStopUSec").map(|micros| micros / 1000),
        outdated: value(about, "NeedDaemonReload").unwrap_or_default(),
    })
}

/// `CLD_EXITED`: the main process ended by itself, with a status.
const EXITED: i32 = 1;

fn value<T>(properties: &Properties, name: &str) -> Option<T>
where
    T: for<'a> TryFrom<Value<'a>>,
{
    let value = properties.get(name)?.try_clone().ok()?;
    T::try_from(Value::from(value)).ok()
}

fn text(properties: &Properties, name: &str) -> Option<String> {
    value::<String>(properties, name).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(pairs: &[(&str, Value<'_>)]) -> Properties {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.try_to_owned().unwrap())).collect()
    }

    fn loaded(active: &str, sub: &str) -> Properties {
        properties(&[
            ("LoadState", "loaded".into()),
            ("ActiveState", active.into()),
            ("SubState", sub.into()),
            ("FragmentPath", "/home/claw/.config/systemd/user/openclaw-gateway.service".into()),
        ])
    }

    #[test]
    fn what_the_manager_says_becomes_a_service() {
        let argv =
            ["/nowhere/node", "/nowhere/openclaw/dist/index.js", "gateway", "--port", "18789"].map(str::to_owned);
        let command: Command = ("/nowhere/node".into(), argv.to_vec(), false, 0, 0, 0, 0, 0, 0, 0);
        let runs = properties(&[
            ("ExecStart", vec![command].into()),
            ("Environment", vec!["OPENCLAW_GATEWAY_TOKEN=planted-secret", "HOME=/home/claw"].into()),
            ("Restart", "always".into()),
            ("NRestarts", 7u32.into()),
            ("MainPID", 0u32.into()),
            ("ExecMainCode", 1i32.into()),
            ("ExecMainStatus", 78i32.into()),
            ("Result", "exit-code".into()),
            ("TimeoutStopUSec", 330_000_000u64.into()),
        ]);
        let found = service(
            "openclaw-gateway.service",
            Scope::User,
            Some("enabled"),
            &loaded("activating", "auto-restart"),
            &runs,
        )
        .unwrap();
        assert_eq!((found.phase, found.starts, found.restarts), (Phase::Restarting, Starts::ByItself, 7));
        assert_eq!((found.main, found.exit_status, found.stop_takes_ms), (None, Some(78), Some(330_000)));
        assert_eq!(found.argv, argv);
        assert_eq!(found.gone.len(), 2, "{:?}", found.gone);
        assert!(found.brought_back && found.environment.secret("OPENCLAW_GATEWAY_TOKEN").is_some());
        assert!(!format!("{found:?}").contains("planted-secret"));
    }

    #[test]
    fn no_unit_and_what_was_run_in_passing_are_no_services() {
        let missing = properties(&[
            ("LoadState", "not-found".into()),
            ("ActiveState", "inactive".into()),
            ("SubState", "dead".into()),
        ]);
        assert_eq!(service("openclaw-gateway.service", Scope::User, None, &missing, &Properties::new()), None);
        let passing = properties(&[("Restart", "no".into())]);
        assert_eq!(
            service("stray.service", Scope::User, Some("transient"), &loaded("active", "running"), &passing),
            None
        );
    }

    #[test]
    fn a_bus_that_is_not_there_is_no_manager() {
        let gone = Builder::address("unix:path=/nowhere/bus").unwrap().build();
        assert_eq!(gone.map(drop).map_err(Blind::from), Err(Blind::Unsupported));
    }
}
