//! A QR code on the screen, followed until a device is bound or not.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use desk::control::answer::{AddressReach, BindEvent, BindStarted};
use desk::control::client::{BindWatch, Client};
use desk::control::request::Request;
use desk::failure::{Failure, FailureCode};
use desk::folders::Folders;
use desk::qr::Qr;
use device::Confirm;
use serde_json::Value;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::args;
use crate::confirm::{self, Claim, Typed};
use crate::exit::{Exit, Stop};
use crate::terminal::{Lines, Terminal};
use crate::words;

/// What to show, and to whom.
pub(crate) struct Binding<'a> {
    pub(crate) terminal: Terminal,
    pub(crate) folders: &'a Folders,
    pub(crate) address: Option<IpAddr>,
    pub(crate) png: Option<PathBuf>,
    /// Whether to go on where only a person at another terminal can approve.
    pub(crate) stay: bool,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Bound,
    NotBound,
}

/// `smartpi bind`.
pub(crate) async fn run(terminal: Terminal, folders: &Folders, args: args::Bind) -> Result<(), Stop> {
    let binding = Binding { terminal, folders, address: args.address, png: args.png, stay: terminal.json };
    let mut lines = if terminal.person { Lines::open() } else { Lines::closed() };
    let mut client = Client::connect(folders).await?;
    let started = binding.start(&mut client).await?;
    let bind = started.bind.clone();
    let ended = tokio::select! {
        ended = binding.follow(&mut client, started, &mut lines) => ended,
        _ = tokio::signal::ctrl_c() => {
            // The code dies with the window that showed it.
            let mut other = Client::connect(folders).await?;
            let _: Value = other.ask(&Request::BindReject { bind }).await?;
            terminal.end_status()?;
            terminal.say(words::rejected(terminal.language))?;
            return Err(Stop::Silent(Exit::Failed));
        }
    };
    match ended? {
        Ended::Bound => Ok(()),
        Ended::NotBound => Err(Stop::Silent(Exit::Failed)),
    }
}

impl Binding<'_> {
    /// Makes a code and shows it.
    pub(crate) async fn start(&self, client: &mut Client) -> Result<BindStarted, Stop> {
        let terminal = self.terminal;
        let language = terminal.language;
        let started: BindStarted = client.ask(&Request::BindStart { address: self.address }).await?;
        terminal.tell(&started)?;
        let qr = Qr::of(&started.url).map_err(Failure::from)?;
        terminal.say(qr.terminal(terminal.has_colour()))?;
        terminal.say(&started.url)?;
        terminal.say(match started.reach {
            AddressReach::Network => words::scan_network(language),
            AddressReach::Computer => words::scan_computer(language),
        })?;
        let place =
            started.url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).map_or("", |(place, _)| place);
        terminal.say(words::type_instead(language, place, &started.typed_code))?;
        if let Some(path) = &self.png {
            qr.save_png(path).map_err(Failure::from)?;
            terminal.say(words::image_saved(language, path.display()))?;
        }
        Ok(started)
    }

    /// Follows a code to its end.
    pub(crate) async fn follow(
        &self,
        client: &mut Client,
        started: BindStarted,
        lines: &mut Lines,
    ) -> Result<Ended, Stop> {
        let watch = Client::connect(self.folders).await?.watch_bind(&started.bind).await?;
        let mut following = Following {
            binding: self,
            client,
            watch,
            bind: started.bind,
            expires_ms: Some(started.expires_ms),
            claim: None,
            tick: every_second(),
        };
        following.run(lines).await
    }
}

struct Following<'a> {
    binding: &'a Binding<'a>,
    client: &'a mut Client,
    watch: BindWatch,
    bind: String,
    /// While nobody has scanned.
    expires_ms: Option<i64>,
    /// While the person is asked.
    claim: Option<Claim>,
    tick: Interval,
}

impl Following<'_> {
    async fn run(&mut self, lines: &mut Lines) -> Result<Ended, Stop> {
        let terminal = self.binding.terminal;
        loop {
            tokio::select! {
                event = self.watch.next() => {
                    let Some(event) = event? else { return Ok(Ended::NotBound) };
                    terminal.tell(&event)?;
                    if let Some(ended) = self.on_event(event, lines)? {
                        return Ok(ended);
                    }
                }
                line = lines.next(), if self.claim.is_some() => self.on_line(line).await?,
                _ = self.tick.tick(), if self.expires_ms.is_some() => self.show_time_left()?,
            }
        }
    }

    fn show_time_left(&self) -> Result<(), Stop> {
        let left = self.expires_ms.map_or(0, |expires_ms| (expires_ms - now_ms()).max(0)) / 1_000;
        let words = words::time_left(self.binding.terminal.language, left / 60, format!("{:02}", left % 60));
        self.binding.terminal.status(words)
    }

    fn on_event(&mut self, event: BindEvent, lines: &mut Lines) -> Result<Option<Ended>, Stop> {
        let terminal = self.binding.terminal;
        let language = terminal.language;
        if let BindEvent::Waiting { expires_ms } = event {
            self.expires_ms = Some(expires_ms);
            return Ok(None);
        }
        if self.expires_ms.take().is_some() {
            terminal.end_status()?;
        }
        match event {
            BindEvent::Waiting { .. } => {}
            BindEvent::Scanned { name, kind, address } => {
                terminal.say(words::scanned(language, name, confirm::kind(language, kind), address))?;
            }
            BindEvent::Confirming { how, name, .. } => {
                terminal.say(match how {
                    Confirm::Code => words::confirming_code(language, &name),
                    Confirm::Allow => words::confirming_allow(language, &name),
                })?;
                if terminal.person {
                    let claim = Claim { bind: self.bind.clone(), name, how };
                    lines.forget();
                    confirm::ask(terminal, &claim)?;
                    self.claim = Some(claim);
                } else if self.binding.stay {
                    terminal.say(words::person_needed(language))?;
                } else {
                    return Err(Stop::told(Exit::PersonNeeded, "person_needed", words::person_needed(language)));
                }
            }
            BindEvent::Bound { name, .. } => {
                self.leave_question()?;
                terminal.say(words::bound(language, name))?;
                return Ok(Some(Ended::Bound));
            }
            BindEvent::Failed { reason } => {
                self.leave_question()?;
                terminal.say(confirm::failure(language, &reason))?;
                return Ok(Some(Ended::NotBound));
            }
        }
        Ok(None)
    }

    /// An event came while the person was asked: it gets a line of its own.
    fn leave_question(&mut self) -> Result<(), Stop> {
        match self.claim.take() {
            Some(_) => self.binding.terminal.say(""),
            None => Ok(()),
        }
    }

    async fn on_line(&mut self, line: Option<String>) -> Result<(), Stop> {
        let terminal = self.binding.terminal;
        let Some((line, claim)) = line.zip(self.claim.clone()) else {
            self.claim = None;
            return Ok(());
        };
        match confirm::take(terminal, self.client, &claim, &line).await? {
            Typed::Wrong => confirm::ask(terminal, &claim),
            Typed::Approved | Typed::Rejected | Typed::Over => {
                // The end itself comes as an event.
                self.claim = None;
                Ok(())
            }
        }
    }
}

/// Whether a code could not be made because a device waits already.
pub(crate) fn is_claimed(stop: &Stop) -> bool {
    matches!(stop, Stop::Failure(failure) if failure.code == FailureCode::BindClaimed)
}

fn every_second() -> Interval {
    let mut tick = interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    tick
}

/// Now, ms since 1970: for display only.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
