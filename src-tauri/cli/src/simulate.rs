//! `smartpi simulate`: devices on the command line, bound as any other device is.

mod chat;
mod fleet;
mod token;
mod way;

use std::path::{Path, PathBuf};
use std::time::Instant;

use desk::control::answer::BindStarted;
use desk::control::client::Client;
use desk::control::request::Request;
use desk::folders::Folders;
use device::{Event, Greeted, Identity, Keep, Session, Timing};
use serde_json::Value;
use tokio::sync::mpsc;

use self::way::Way;
use crate::args::Simulate;
use crate::exit::{Exit, Stop};
use crate::terminal::Terminal;
use crate::words;

/// An event, of which device, and when.
type Told = (usize, Instant, Event);

/// `smartpi simulate`.
pub(crate) async fn run(terminal: Terminal, folders: &Folders, args: Simulate) -> Result<(), Stop> {
    if args.urls.len() > usize::try_from(args.count).unwrap_or(usize::MAX) {
        return Err(Stop::told(Exit::Usage, "too_many_codes", words::too_many_codes(terminal.language)));
    }
    let measures = args.messages.is_some() || args.text.is_some() || args.patience.is_some();
    let chats = args.count == 1 && terminal.person && !measures;
    let (sender, events) = mpsc::unbounded_channel();
    let mut stage = Stage { terminal, folders, urls: args.urls.clone().into_iter(), args: &args, sender };
    let mut devices = Vec::new();
    for index in 0..usize::try_from(args.count).unwrap_or(usize::MAX) {
        devices.push(stage.enter(index).await?);
    }
    drop(stage);
    if chats { chat::run(terminal, devices, events).await } else { fleet::run(terminal, &args, devices, events).await }
}

/// A device that is bound and connects.
struct Simulated {
    service: String,
    session: Session,
}

struct Stage<'a> {
    terminal: Terminal,
    folders: &'a Folders,
    args: &'a Simulate,
    urls: std::vec::IntoIter<String>,
    sender: mpsc::UnboundedSender<Told>,
}

impl Stage<'_> {
    /// Makes or finds a device, binds it where it must be, and lets it connect.
    async fn enter(&mut self, index: usize) -> Result<Simulated, Stop> {
        let name =
            if self.args.count == 1 { self.args.name.clone() } else { format!("{} {}", self.args.name, index + 1) };
        let (keep, greeted) = match &self.args.token {
            Some(text) => self.script(text).await?,
            None => {
                let mut keep = self.keep(index)?;
                let again = self.args.count == 1 && Way::is_named(self.args);
                let greeted = match keep.identity.binding {
                    Some(_) if !again => None,
                    Some(_) | None => Some(self.bind(&mut keep, &name).await?),
                };
                (keep, greeted)
            }
        };
        let service = keep.identity.binding.as_ref().map(|binding| binding.service.clone()).unwrap_or_default();
        let sender = self.sender.clone();
        let observe = move |event| {
            let _ = sender.send((index, Instant::now(), event));
        };
        let session = match greeted {
            Some(greeted) => Session::go_on(greeted, keep, Timing::default(), observe),
            None => Session::start(keep, Timing::default(), observe),
        };
        Ok(Simulated { service, session })
    }

    fn keep(&self, index: usize) -> Result<Keep, Stop> {
        let language = self.terminal.language;
        let random = || {
            Identity::random()
                .map_err(|error| Stop::failed("no_runtime", words::no_runtime(language, error), error.to_string()))
        };
        self.kept(index, random)
    }

    /// The device of the file, or a new one there.
    fn kept(&self, index: usize, new: impl FnOnce() -> Result<Identity, Stop>) -> Result<Keep, Stop> {
        let language = self.terminal.language;
        let Some(path) = self.place(index) else { return Ok(Keep::in_memory(new()?)) };
        match Keep::open(&path) {
            Ok(keep) => Ok(keep),
            Err(error) if error.is_missing() => {
                let unsaved = |error: device::SaveError| {
                    let detail = format!("{error}: {}", error.source);
                    Stop::failed("identity_not_saved", words::identity_not_saved(language, &detail), detail)
                };
                Keep::create(&path, new()?).map_err(unsaved)
            }
            Err(error) => Err(Stop::failed(
                "identity_unreadable",
                words::identity_unreadable(language, &error),
                error.to_string(),
            )),
        }
    }

    /// One device is kept in the file itself, several in a folder of that name.
    fn place(&self, index: usize) -> Option<PathBuf> {
        let path: &Path = self.args.identity.as_deref()?;
        let alone = self.args.count == 1 && !path.is_dir();
        Some(if alone { path.to_owned() } else { path.join(format!("device-{:05}.json", index + 1)) })
    }

    /// Binds the device, however the person asked for it.
    async fn bind(&mut self, keep: &mut Keep, name: &str) -> Result<Greeted, Stop> {
        let (terminal, args) = (self.terminal, self.args);
        let (way, local) = match Way::of(terminal.language, args, &mut self.urls)? {
            Some(way) => (way, false),
            None => (Way::scanned(terminal.language, &self.ask_for_url().await?, args.plain)?, true),
        };
        way.bind(terminal, args, local, keep, name).await
    }

    /// A code of the service that runs here.
    async fn ask_for_url(&self) -> Result<String, Stop> {
        let mut client = Client::connect(self.folders).await?;
        let started: BindStarted = client.ask(&Request::BindStart { address: None }).await?;
        Ok(started.url)
    }
}

/// How a session that ended for good ends the command. `None`: it was stopped.
fn ended(terminal: Terminal, end: &device::End) -> Option<Stop> {
    use device::End;
    let language = terminal.language;
    match end {
        End::Stopped => None,
        End::Removed | End::NotBound => {
            Some(Stop::told(Exit::PersonNeeded, "device_removed", words::ended_removed(language)))
        }
        End::Replaced => Some(Stop::failed("replaced", words::ended_replaced(language), Value::Null)),
        End::Version => Some(Stop::failed("version", words::ended_version(language), Value::Null)),
        End::NotAuthenticated => Some(Stop::told(Exit::PersonNeeded, "refused", words::ended_refused(language))),
        End::NotSaved(detail) => {
            Some(Stop::failed("identity_not_saved", words::identity_not_saved(language, detail), detail.as_str()))
        }
    }
}
