//! What starts gateways at a login of Windows: tasks, asked of the scheduler itself, whose words differ with the language of the system where its command is
//! asked; the startup folders; the `Run` keys of the registry. Everything is read, and nothing is told.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use windows::Win32::System::Com::{CLSCTX_INPROC_SERVER, COINIT_MULTITHREADED, CoCreateInstance, CoInitializeEx};
use windows::Win32::System::TaskScheduler::{IRegisteredTask, ITaskService, TASK_ENUM_HIDDEN, TaskScheduler};
use windows::Win32::System::Variant::VARIANT;
use windows::core::{BSTR, HRESULT};
use windows_registry::{CURRENT_USER, Key, LOCAL_MACHINE};
use windows_sys::Win32::Globalization::MultiByteToWideChar;

use super::launch::{Files, Launch};
use super::task::{self, Told};
use crate::seen::{Blind, Seen};
use crate::survey::{Manager, Scope, Service, Starts};

/// All tasks: whoever looks waits no longer.
const ALL: Duration = Duration::from_secs(8);
const RUN: &str = r"Software\Microsoft\Windows\CurrentVersion\Run";
const APPROVED: &str = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved";
const STARTUP: &str = r"Microsoft\Windows\Start Menu\Programs\Startup";
const NOT_THERE: HRESULT = HRESULT(0x8007_0002_u32.cast_signed());
const DENIED: HRESULT = HRESULT(0x8007_0005_u32.cast_signed());

/// The services of the user, or of the computer, that start gateways.
pub(crate) fn services(scope: Scope) -> Seen<Vec<Service>> {
    ask(scope).into()
}

fn ask(scope: Scope) -> Result<Vec<Service>, Blind> {
    let (tell, told) = mpsc::sync_channel(1);
    // A scheduler that says nothing holds this thread, not whoever looks.
    let asks = std::thread::Builder::new().name("service-manager".into()).spawn(move || {
        let _ = tell.send(tasks());
    });
    asks.map_err(|_| Blind::Unreadable)?;
    let mut found = told.recv_timeout(ALL).unwrap_or(Err(Blind::Unreadable))?;
    found.retain(|service| service.scope == scope);
    let (key, folder) = match scope {
        Scope::User => (CURRENT_USER, "APPDATA"),
        Scope::System => (LOCAL_MACHINE, "ProgramData"),
    };
    found.extend(startup(scope, key, folder)?);
    found.extend(run_key(scope, key)?);
    Ok(found)
}

/// This computer's files.
struct OnDisk;

impl Files for OnDisk {
    fn read(&self, path: &Path) -> Option<Vec<u8>> {
        std::fs::read(path).ok()
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    #[expect(unsafe_code, reason = "the system fills the room that it is told the size of")]
    fn decode(&self, code_page: u32, bytes: &[u8]) -> Option<String> {
        let length = i32::try_from(bytes.len()).ok()?;
        // A letter is one byte at least.
        let mut room = vec![0_u16; bytes.len()];
        // SAFETY: both have the length that is told.
        let letters = unsafe { MultiByteToWideChar(code_page, 0, bytes.as_ptr(), length, room.as_mut_ptr(), length) };
        let letters = usize::try_from(letters).ok().filter(|letters| *letters > 0)?;
        Some(String::from_utf16_lossy(room.get(..letters)?))
    }

    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

fn blind(error: &windows::core::Error) -> Blind {
    if error.code() == DENIED { Blind::NotPermitted } else { Blind::Unreadable }
}

/// The tasks that start gateways, of everybody whom this user may see. OpenClaw puts its own beside no folder.
#[expect(unsafe_code, reason = "COM: each call takes what it is given and gives what it made")]
fn tasks() -> Result<Vec<Service>, Blind> {
    let none = VARIANT::default();
    let mut found = Vec::new();
    // SAFETY: this thread asks nothing else, and lets everything go before it ends.
    unsafe {
        CoInitializeEx(None, COINIT_MULTITHREADED).ok().map_err(|error| blind(&error))?;
        let scheduler: ITaskService =
            CoCreateInstance(&TaskScheduler, None, CLSCTX_INPROC_SERVER).map_err(|error| blind(&error))?;
        scheduler.Connect(&none, &none, &none, &none).map_err(|error| blind(&error))?;
        let folder = scheduler.GetFolder(&BSTR::from("\\")).map_err(|error| blind(&error))?;
        let all = folder.GetTasks(TASK_ENUM_HIDDEN.0).map_err(|error| blind(&error))?;
        for at in 1..=all.Count().map_err(|error| blind(&error))? {
            let one = all.get_Item(&VARIANT::from(at)).map_err(|error| blind(&error))?;
            match task(&one) {
                Ok(service) => found.extend(service),
                Err(error) if error.code() != NOT_THERE && is_named(&one) => return Err(blind(&error)),
                // It went away meanwhile, or is not this user's to read and named like nobody's gateway.
                Err(_) => {}
            }
        }
    }
    Ok(found)
}

#[expect(unsafe_code, reason = "COM: the call gives what it made")]
fn is_named(one: &IRegisteredTask) -> bool {
    // SAFETY: the task is held by the reference.
    let name = unsafe { one.Name() };
    name.is_ok_and(|name| Manager::Task.named(&name.to_string()).is_some())
}

#[expect(unsafe_code, reason = "COM: each call gives what it made")]
fn task(one: &IRegisteredTask) -> windows::core::Result<Option<Service>> {
    // SAFETY: the task is held by the reference.
    let (name, xml, told) = unsafe {
        // What it does not tell is no failure.
        let result = one.LastTaskResult().unwrap_or_default();
        let told = Told { state: one.State()?.0, enabled: one.Enabled()?.as_bool(), result };
        (one.Name()?.to_string(), one.Xml()?.to_string(), told)
    };
    Ok(task::service(&name, &xml, told, &OnDisk))
}

/// What is in a startup folder. What OpenClaw puts there is named like its task.
fn startup(scope: Scope, key: &Key, folder: &str) -> Result<Vec<Service>, Blind> {
    let Some(folder) = OnDisk.variable(folder).map(|folder| PathBuf::from(folder).join(STARTUP)) else {
        return Ok(Vec::new());
    };
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.kind().into()),
    };
    let mut found = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        let (Some(file), Some(stem)) = (path.file_name(), path.file_stem()) else { continue };
        let launch = Launch::follow(&format!("\"{}\"", path.display()), &OnDisk);
        let unit = stem.to_string_lossy().into_owned();
        let mut service = launch.service(Manager::Startup, unit, scope, Some(path.clone()));
        if service.is_gateway() {
            service.starts = allowed(key, "StartupFolder", &file.to_string_lossy());
            found.push(service);
        }
    }
    Ok(found)
}

/// What a `Run` key starts.
fn run_key(scope: Scope, key: &Key) -> Result<Vec<Service>, Blind> {
    let run = match key.open(RUN) {
        Ok(run) => run,
        Err(error) if error.code() == NOT_THERE => return Ok(Vec::new()),
        Err(_) => return Err(Blind::Unreadable),
    };
    let values = run.values().map_err(|_| Blind::Unreadable)?;
    let mut found = Vec::new();
    for (name, value) in values {
        let Ok(line) = String::try_from(value) else { continue };
        let launch = Launch::follow(&line, &OnDisk);
        let mut service = launch.service(Manager::RunKey, name.clone(), scope, None);
        if service.is_gateway() {
            service.starts = allowed(key, "Run", &name);
            found.push(service);
        }
    }
    Ok(found)
}

/// The settings keep beside it whether a person switched it off: an odd number first.
fn allowed(key: &Key, list: &str, name: &str) -> Starts {
    let kept = key.open(format!(r"{APPROVED}\{list}")).and_then(|list| list.get_value(name));
    let is_off = kept.is_ok_and(|kept| kept.first().is_some_and(|first| first % 2 == 1));
    if is_off { Starts::OnDemand } else { Starts::ByItself }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_computer_can_be_looked_at_and_nothing_is_changed() {
        let seen = |scope| services(scope).known().map(Vec::len);
        assert_eq!(seen(Scope::User), seen(Scope::User));
        assert!(run_key(Scope::User, CURRENT_USER).is_ok());
        assert!(startup(Scope::User, CURRENT_USER, "APPDATA").is_ok());
    }

    #[test]
    fn text_in_the_code_page_of_china_is_read() {
        assert_eq!(OnDisk.decode(936, b"\xd0\xa1\xc0\xee"), Some("小李".into()));
    }
}
