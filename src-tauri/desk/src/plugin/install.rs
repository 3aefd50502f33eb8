//! Installing, in order: ask the service, find OpenClaw, judge what is there, copy its configuration, let OpenClaw change it, compare, wait for the hello.

mod error;
mod outcome;
mod plan;
mod removal;
#[cfg(test)]
#[cfg(unix)]
mod tests;

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use gateway::config::{Backups, Config, ConfigError, put_back, unexplained};
use gateway::place::{Places, Surroundings};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub use error::{ChangeError, InstallError, UndoError, Undone};
pub use outcome::{Installed, NextStep, Outcome, Status};
pub use plan::{Planned, plan};
pub use removal::{removal, remove};

use super::config;
use super::foreign::{self, Standing};
use super::openclaw::{OpenClaw, RunError};
use super::record::{self, Digest, Package, Record};
use super::{ID, PACKAGE, VERSION};
use crate::control::LINK_AWAIT_S;
use crate::control::answer::{AgentWord, Hello, LinkState, Nothing, PlannedChange, Status as Service};
use crate::control::client::Client;
use crate::control::request::Request as Ask;
use crate::failure::{Failure, FailureCode};
use crate::folders::Folders;

/// Longest look at whether a gateway listens.
const GLANCE: Duration = Duration::from_secs(2);

/// How often the service is asked who answers, a second apart.
const LOOKS: usize = 3;

/// What to install where.
#[derive(Clone, Debug)]
pub struct Request {
    /// The folders of the running service.
    pub folders: Folders,
    /// The command `openclaw`; `None`: the one on `PATH`, or in the usual places.
    pub openclaw: Option<PathBuf>,
    /// The `PATH` that OpenClaw gets; `None`: ours, then the usual folders.
    pub path: Option<OsString>,
    /// How long a running gateway may take to load the plugin.
    pub patience: Duration,
}

impl Request {
    /// With the usual patience: a gateway on a busy machine takes half a minute.
    pub fn new(folders: Folders) -> Self {
        Self { folders, openclaw: None, path: None, patience: Duration::from_secs(90) }
    }
}

/// Everything that is known before the first change.
struct Before {
    openclaw: OpenClaw,
    config: Config,
    standing: Standing,
    carried: Digest,
    link_key: PathBuf,
}

impl Before {
    async fn look(request: &Request) -> Result<Self, InstallError> {
        let openclaw = OpenClaw::find(request.openclaw.as_deref(), request.path.as_deref()).await?;
        let config = Config::read(&openclaw.places.config)?;
        let carried = record::digest_of_package(PACKAGE).map_err(InstallError::Prepare)?;
        let link_key = std::path::absolute(request.folders.link_key()).map_err(InstallError::Prepare)?;
        let known = Record::read(&record_file(&request.folders))?.digests();
        let standing = stand(&openclaw, &carried, &known).await.map_err(InstallError::Ask)?;
        Ok(Self { openclaw, config, standing, carried, link_key })
    }

    /// What a person must decide first.
    fn refuse(&self) -> Result<(), InstallError> {
        if let Standing::Foreign { at, package, why } = &self.standing {
            return Err(InstallError::Foreign { at: at.clone(), package: package.clone(), why: *why });
        }
        if self.config.is_split() {
            return Err(InstallError::Split(self.openclaw.places.config.clone()));
        }
        if self.config.denies_us() {
            return Err(InstallError::Denied(self.openclaw.places.config.clone()));
        }
        self.changes().map(drop)
    }

    /// The entries that would change.
    fn changes(&self) -> Result<Vec<PlannedChange>, InstallError> {
        let link_key = self.link_key.display().to_string();
        let planned = config::planned(&self.config, &link_key, !self.is_current());
        let config = || self.openclaw.places.config.clone();
        planned.map_err(|_| InstallError::Config(ConfigError::Malformed { path: config(), source: None }))
    }

    fn is_current(&self) -> bool {
        matches!(self.standing, Standing::Ours { current: true, .. })
    }
}

async fn stand(openclaw: &OpenClaw, carried: &Digest, known: &[Digest]) -> Result<Standing, RunError> {
    let listed = openclaw.plugins_named_like_ours().await?;
    let extensions = openclaw.places.state_dir.join("extensions");
    let extensions = std::fs::canonicalize(&extensions).unwrap_or(extensions);
    Ok(foreign::judge(&foreign::look(&listed, &extensions), &extensions, carried, known))
}

/// Where copies of OpenClaw's configuration go. `data`: our own folder.
pub(crate) fn backups(data: &Path) -> Backups {
    Backups::new(data.join("backups"))
}

fn record_file(folders: &Folders) -> PathBuf {
    folders.data.join("plugin.json")
}

/// Installs the plugin that this program carries into the OpenClaw of this user, and makes that gateway the one of the service. Asking the person is the
/// caller's: this is the yes.
///
/// # Errors
/// See [`InstallError`]. Whatever it is, the configuration of OpenClaw is as it was, unless [`InstallError::Undone`] says otherwise.
pub async fn install(request: &Request) -> Result<Installed, InstallError> {
    let mut control = Client::connect(&request.folders).await.map_err(InstallError::Service)?;
    let service: Service = control.ask(&Ask::Status {}).await.map_err(InstallError::Service)?;
    let before = Before::look(request).await?;
    before.refuse()?;
    let mut installed = Installed {
        outcome: Outcome::WaitingForGateway { next: NextStep::StartGateway },
        plugin: VERSION.to_owned(),
        replaced: match &before.standing {
            Standing::Ours { version, current: false, .. } => Some(version.clone()),
            Standing::Ours { .. } | Standing::Absent | Standing::Foreign { .. } => None,
        },
        openclaw: before.openclaw.version.clone(),
        config: before.openclaw.places.config.clone(),
        copy: None,
        comments_lost: false,
    };
    let listener = Client::connect(&request.folders).await.map_err(InstallError::Service)?;
    let hello = hello_of(listener, &before.openclaw.places);
    tokio::pin!(hello);
    if before.is_current() && before.config.leads_to(&before.link_key) {
        if let Some(host) = linked_host(&service, &before.openclaw.places) {
            installed.outcome = Outcome::Linked { host };
            return Ok(installed);
        }
        forget_gateway(&mut control).await?;
    } else {
        forget_gateway(&mut control).await?;
        // Listening begins before the first change: a running gateway loads the plugin at once.
        let change = change(request, &before);
        tokio::pin!(change);
        let mut heard = None;
        let copy = loop {
            tokio::select! {
                copy = &mut change => break copy?,
                hello = &mut hello, if heard.is_none() => heard = Some(hello),
            }
        };
        installed.comments_lost = before.config.has_comments();
        installed.copy = Some(copy);
        if let Some(hello) = heard {
            installed.outcome = Outcome::Linked { host: hello.map_err(InstallError::Service)?.host };
            return Ok(installed);
        }
    }
    installed.outcome = match wait(request, &before, &mut control, hello).await? {
        Some(hello) => Outcome::Linked { host: hello.host },
        None => Outcome::WaitingForGateway { next: next_step(&mut control, &before).await? },
    };
    Ok(installed)
}

/// The person asked for this gateway: whichever was the one before is no more.
async fn forget_gateway(control: &mut Client) -> Result<(), InstallError> {
    control.ask::<Nothing>(&Ask::LinkForget {}).await.map(drop).map_err(InstallError::Service)
}

/// The hello of this plugin in this OpenClaw, and no other.
async fn hello_of(mut listener: Client, places: &Places) -> Result<Hello, Failure> {
    loop {
        match listener.ask::<Hello>(&Ask::LinkAwait { timeout_s: LINK_AWAIT_S }).await {
            Ok(hello) if hello.plugin == VERSION && is_gateway_of(places, &hello.gateway) => return Ok(hello),
            Ok(_) => {}
            Err(failure) if failure.code == FailureCode::Timeout => {}
            Err(failure) => return Err(failure),
        }
    }
}

/// The plugin keeps its gateway's id in the state folder before it dials.
fn is_gateway_of(places: &Places, gateway: &str) -> bool {
    let kept = std::fs::read_to_string(places.state_dir.join("smartpi/gateway-id"));
    kept.is_ok_and(|kept| kept.trim() == gateway)
}

fn linked_host(service: &Service, places: &Places) -> Option<String> {
    let link = &service.link;
    let ours = link.state == LinkState::Online
        && link.plugin.as_deref() == Some(VERSION)
        && link.gateway.as_deref().is_some_and(|gateway| is_gateway_of(places, gateway));
    ours.then(|| link.host.clone().unwrap_or_default())
}

/// Waits for the hello, where waiting can help.
async fn wait(
    request: &Request,
    before: &Before,
    control: &mut Client,
    hello: impl Future<Output = Result<Hello, Failure>>,
) -> Result<Option<Hello>, InstallError> {
    if agent_after(control).await? == AgentWord::Echo || !gateway_listens(&before.config).await {
        return Ok(None);
    }
    match timeout(request.patience, hello).await {
        Ok(hello) => hello.map(Some).map_err(InstallError::Service),
        Err(_) => Ok(None),
    }
}

/// Who answers from now on. Whoever asks for the link makes the service look again: it may have been the echo agent until now.
async fn agent_after(control: &mut Client) -> Result<AgentWord, InstallError> {
    for _ in 0..LOOKS {
        match control.ask::<Hello>(&Ask::LinkAwait { timeout_s: 1 }).await {
            Ok(_) => {}
            Err(failure) if failure.code == FailureCode::Timeout => {}
            Err(failure) => return Err(InstallError::Service(failure)),
        }
        let service: Service = control.ask(&Ask::Status {}).await.map_err(InstallError::Service)?;
        if service.agent == AgentWord::Gateway {
            return Ok(service.agent);
        }
    }
    Ok(AgentWord::Echo)
}

async fn next_step(control: &mut Client, before: &Before) -> Result<NextStep, InstallError> {
    let service: Service = control.ask(&Ask::Status {}).await.map_err(InstallError::Service)?;
    let other = service.link.state == LinkState::Online && linked_host(&service, &before.openclaw.places).is_none();
    Ok(if service.agent == AgentWord::Echo {
        NextStep::ServeGateway
    } else if other {
        NextStep::StopOtherGateway
    } else if gateway_listens(&before.config).await {
        NextStep::RestartGateway
    } else {
        NextStep::StartGateway
    })
}

/// Whether somebody listens where this gateway would. Nothing is sent.
async fn gateway_listens(config: &Config) -> bool {
    let env = |name: &str| std::env::var_os(name);
    let port = Surroundings { env: &env, exists: &Path::exists }.port(config.value(), None);
    matches!(timeout(GLANCE, TcpStream::connect((Ipv4Addr::LOCALHOST, port))).await, Ok(Ok(_)))
}

/// Lets OpenClaw change itself, and takes everything back where the result is not exactly what was asked for. Gives the place of the copy.
async fn change(request: &Request, before: &Before) -> Result<PathBuf, InstallError> {
    let now_ms = now_ms();
    let record_file = record_file(&request.folders);
    let package = Package { version: VERSION.into(), digest: before.carried, at_ms: now_ms };
    Record::read(&record_file)?.add(package, &record_file)?;
    let backups = backups(&request.folders.data);
    let copy = backups.keep(before.config.bytes(), "openclaw", now_ms).map_err(InstallError::Prepare)?;
    match install_and_configure(request, before).await? {
        Ok(()) => Ok(copy),
        Err(cause) => {
            let undone = undo(before, &backups, now_ms).await;
            Err(InstallError::Undone(Box::new(Undone { cause, copy, undone })))
        }
    }
}

/// The outer error comes before any change.
async fn install_and_configure(request: &Request, before: &Before) -> Result<Result<(), ChangeError>, InstallError> {
    let unpacked = tempfile::Builder::new().prefix("plugin-").tempdir_in(&request.folders.data);
    let folder = unpacked.map_err(InstallError::Prepare)?;
    let package = folder.path().join(format!("{ID}-{VERSION}.tgz"));
    std::fs::write(&package, PACKAGE).map_err(InstallError::Prepare)?;
    let package = std::path::absolute(&package).map_err(InstallError::Prepare)?;
    Ok(tell_openclaw(before, &package).await)
}

async fn tell_openclaw(before: &Before, package: &Path) -> Result<(), ChangeError> {
    let openclaw = &before.openclaw;
    if !before.is_current() {
        openclaw.install(package).await.map_err(ChangeError::Run)?;
        let standing = stand(openclaw, &before.carried, &[]).await.map_err(ChangeError::Run)?;
        if !matches!(standing, Standing::Ours { current: true, .. }) {
            return Err(ChangeError::NotThere);
        }
        compare(before)?;
    }
    let link_key = before.link_key.to_str().ok_or(ChangeError::NotKept)?;
    openclaw.merge(&config::patch(link_key)).await.map_err(ChangeError::Run)?;
    let after = compare(before)?;
    if after.leads_to(&before.link_key) { Ok(()) } else { Err(ChangeError::NotKept) }
}

fn compare(before: &Before) -> Result<Config, ChangeError> {
    let after = Config::read(&before.openclaw.places.config).map_err(ChangeError::Config)?;
    let others = unexplained(before.config.value(), after.value());
    if others.is_empty() { Ok(after) } else { Err(ChangeError::Others(others)) }
}

/// Removes the plugin where it was not there before, and puts the configuration back. What is overwritten is kept beside the copy: a person may have edited the
/// file at the same moment.
async fn undo(before: &Before, backups: &Backups, now_ms: u64) -> Result<(), UndoError> {
    let removed = match before.standing {
        Standing::Absent if before.openclaw.places.state_dir.join("extensions").join(ID).exists() => {
            before.openclaw.uninstall().await.map_err(UndoError::Uninstall)
        }
        Standing::Absent | Standing::Ours { .. } | Standing::Foreign { .. } => Ok(()),
    };
    let path = &before.openclaw.places.config;
    let after = Config::read(path).map_err(UndoError::Config)?;
    if after.bytes() != before.config.bytes() {
        backups.keep(after.bytes(), "openclaw-changed", now_ms).map_err(UndoError::Keep)?;
        put_back(path, before.config.bytes(), after.bytes()).map_err(UndoError::Restore)?;
    }
    removed
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Looks at everything and changes nothing.
///
/// # Errors
/// [`InstallError::Find`], [`InstallError::Config`], [`InstallError::Ask`], [`InstallError::Record`].
pub async fn status(request: &Request) -> Result<Status, InstallError> {
    let before = Before::look(request).await?;
    let service: Option<Service> = match Client::connect(&request.folders).await {
        Ok(mut control) => control.ask(&Ask::Status {}).await.ok(),
        Err(_) => None,
    };
    Ok(Status {
        carries: VERSION,
        openclaw: before.openclaw.version.clone(),
        command: before.openclaw.command().to_owned(),
        config: before.openclaw.places.config.clone(),
        configured: before.config.leads_to(&before.link_key),
        denied: before.config.denies_us(),
        plan: before.plan(request),
        standing: before.standing,
        link: service.map(|service| service.link),
    })
}
