//! The asking side of the control socket.

use std::io;
use std::marker::PhantomData;
use std::path::Path;
use std::time::Duration;

use interprocess::local_socket::tokio::Stream;
use interprocess::local_socket::tokio::prelude::*;
use interprocess::local_socket::{GenericFilePath, ToFsName};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::io::{AsyncWriteExt, BufReader, ReadHalf, WriteHalf};
use tokio::time::timeout;

use super::LINK_AWAIT_S;
use super::answer::BindEvent;
use super::line::{Incoming, Lines};
use super::request::{Answer, AnswerLine, Request};
use crate::failure::{Failure, FailureCode};
use crate::folders::Folders;
use crate::service_file::ServiceFile;

/// Longest answer, in bytes: a list of 20,000 devices fits.
const ANSWER: usize = 16 << 20;
/// How long an answer may take that has no wait of its own.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long OpenClaw's own commands may take, one after the other.
const OPENCLAW: Duration = Duration::from_secs(300);
/// How long a repair, or an order to the service of OpenClaw, may take: a gateway ends within six minutes, another one starts within three, and it is looked twice whether that helped.
const REPAIR: Duration = Duration::from_secs(900);
/// For a gateway of another computer: two attempts, and a person who unlocks the keyring.
const ELSEWHERE: Duration = Duration::from_secs(120);

/// A connection to the running service. One request at a time; for two at once, open two.
#[derive(Debug)]
pub struct Client {
    lines: Lines<BufReader<ReadHalf<Stream>>>,
    writer: WriteHalf<Stream>,
    last_id: u64,
}

impl Client {
    /// Connects to the service that owns these folders.
    ///
    /// # Errors
    /// [`FailureCode::NotRunning`] when there is none (a `service.json` that a crash left behind included), [`FailureCode::NotPermitted`] when it belongs to
    /// another user, [`FailureCode::ControlLost`] otherwise.
    pub async fn connect(folders: &Folders) -> Result<Self, Failure> {
        let path = folders.service_file();
        let Some(file) = ServiceFile::read(&path)? else {
            return Err(Failure::bare(FailureCode::NotRunning));
        };
        let stream = open(&file.control).await?;
        check_user(&stream, &path)?;
        Ok(Self::over(stream))
    }

    /// Connects to a socket whose place is known, whoever listens there.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub async fn connect_to(control: &Path) -> Result<Self, Failure> {
        Ok(Self::over(open(control).await?))
    }

    fn over(stream: Stream) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self { lines: Lines::new(BufReader::new(reader), ANSWER), writer, last_id: 0 }
    }

    /// Asks and reads the answer into one of [`super::answer`]'s shapes.
    ///
    /// # Errors
    /// What the service says, [`FailureCode::ControlLost`], [`FailureCode::Timeout`], [`FailureCode::AnswerUnreadable`].
    pub async fn ask<T: DeserializeOwned>(&mut self, request: &Request) -> Result<T, Failure> {
        let value = serde_json::to_value(request).map_err(|error| Failure::caused(FailureCode::BadRequest, &error))?;
        read_answer(self.exchange(value, patience(request)).await?)
    }

    /// Asks for a `do` of docs/CONTROL.md with its arguments (an object, or null for none).
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub async fn request(&mut self, verb: &str, arguments: Value) -> Result<Value, Failure> {
        let mut line = match arguments {
            Value::Null => Map::new(),
            Value::Object(arguments) => arguments,
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                return Err(Failure::with(FailureCode::BadRequest, "arguments must be an object"));
            }
        };
        let own_wait = line.get("timeoutS").and_then(Value::as_u64).unwrap_or(0).min(LINK_AWAIT_S);
        line.insert("do".to_owned(), verb.into());
        self.exchange(Value::Object(line), PATIENCE + Duration::from_secs(own_wait)).await
    }

    /// Follows a binding code. The connection serves nothing else from now on.
    ///
    /// # Errors
    /// As [`Client::watch`].
    pub async fn watch_bind(self, bind: &str) -> Result<BindWatch, Failure> {
        self.watch(&Request::BindWatch { bind: bind.to_owned() }).await
    }

    /// Follows a request that streams. The connection serves nothing else from now on.
    ///
    /// # Errors
    /// [`FailureCode::ControlLost`]; what the service has against it is said by [`Watch::next`].
    pub async fn watch<T: DeserializeOwned>(mut self, request: &Request) -> Result<Watch<T>, Failure> {
        let value = serde_json::to_value(request).map_err(|error| Failure::caused(FailureCode::BadRequest, &error))?;
        self.send(value).await?;
        Ok(Watch { client: self, events: PhantomData })
    }

    async fn exchange(&mut self, request: Value, wait: Duration) -> Result<Value, Failure> {
        self.send(request).await?;
        let answer = async {
            loop {
                match self.receive().await? {
                    Answer::Ok(value) => return Ok(value),
                    Answer::Failure(failure) => return Err(failure),
                    Answer::Event(_) => {}
                }
            }
        };
        timeout(wait, answer).await.unwrap_or_else(|_| Err(Failure::bare(FailureCode::Timeout)))
    }

    async fn send(&mut self, mut request: Value) -> Result<(), Failure> {
        self.last_id += 1;
        request["id"] = self.last_id.into();
        let mut line = request.to_string();
        line.push('\n');
        self.writer.write_all(line.as_bytes()).await.map_err(|error| lost(&error))
    }

    /// The next line under the number of the last request.
    async fn receive(&mut self) -> Result<Answer, Failure> {
        loop {
            let line = match self.lines.next().await.map_err(|error| lost(&error))? {
                Some(Incoming::Line(line)) => line,
                Some(Incoming::TooLong) => return Err(Failure::with(FailureCode::AnswerUnreadable, "too long")),
                None => return Err(Failure::bare(FailureCode::ControlLost)),
            };
            let answer: AnswerLine = serde_json::from_slice(&line).map_err(|error| unreadable(&error))?;
            // 0: the service could not even read the number, as for a line that is too long.
            if answer.id == self.last_id || answer.id == 0 {
                return Ok(answer.answer);
            }
        }
    }
}

/// The events of one binding code.
pub type BindWatch = Watch<BindEvent>;

/// The events of one request.
#[derive(Debug)]
pub struct Watch<T> {
    client: Client,
    events: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Watch<T> {
    /// The next event, the present state first; `None` after the last. A call that is dropped halfway loses nothing.
    ///
    /// # Errors
    /// What the service says ([`FailureCode::BindUnknown`], [`FailureCode::Stopping`]), or [`FailureCode::ControlLost`].
    pub async fn next(&mut self) -> Result<Option<T>, Failure> {
        match self.client.receive().await? {
            Answer::Event(event) => read_answer(event).map(Some),
            Answer::Ok(_) => Ok(None),
            Answer::Failure(failure) => Err(failure),
        }
    }
}

async fn open(control: &Path) -> Result<Stream, Failure> {
    let name = control.to_fs_name::<GenericFilePath>().map_err(|error| connect_failure(&error))?;
    match timeout(PATIENCE, Stream::connect(name)).await {
        Ok(connected) => connected.map_err(|error| connect_failure(&error)),
        Err(_) => Err(Failure::bare(FailureCode::Timeout)),
    }
}

/// The listener must run as the owner of `service.json`: nobody else may hear what a person types.
#[cfg(unix)]
fn check_user(stream: &Stream, service_file: &Path) -> Result<(), Failure> {
    let owner = match super::place::owner_of(service_file) {
        Ok(owner) => owner,
        // It has just stopped.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Failure::bare(FailureCode::NotRunning)),
        Err(error) => return Err(Failure::caused(FailureCode::NotPermitted, &error)),
    };
    if stream.peer_creds().ok().and_then(|peer| peer.euid()) == Some(owner) {
        return Ok(());
    }
    Err(Failure::bare(FailureCode::NotPermitted))
}

/// The pipe's own access list does this.
#[cfg(not(unix))]
fn check_user(_stream: &Stream, _service_file: &Path) -> Result<(), Failure> {
    Ok(())
}

fn patience(request: &Request) -> Duration {
    if let Request::LinkAwait { timeout_s } = request {
        return PATIENCE + Duration::from_secs((*timeout_s).min(LINK_AWAIT_S));
    }
    // Without a gateway OpenClaw's own command judges each change of the configuration.
    let by_openclaw = matches!(
        request,
        Request::SetupLook {}
            | Request::SetupInstall { .. }
            | Request::PluginAccounts(_)
            | Request::CareLook {}
            | Request::EntriesPreview { .. }
            | Request::EntriesWrite { .. }
    );
    if by_openclaw {
        return OPENCLAW;
    }
    if matches!(request, Request::GatewayService { .. } | Request::CareRepair { .. } | Request::CareUndo { .. }) {
        return REPAIR;
    }
    if matches!(request, Request::GatewayLook { .. } | Request::GatewayChoose(_)) {
        return ELSEWHERE;
    }
    PATIENCE
}

fn read_answer<T: DeserializeOwned>(value: Value) -> Result<T, Failure> {
    serde_json::from_value(value).map_err(|error| unreadable(&error))
}

fn unreadable(error: &serde_json::Error) -> Failure {
    Failure::caused(FailureCode::AnswerUnreadable, error)
}

fn lost(error: &io::Error) -> Failure {
    Failure::caused(FailureCode::ControlLost, error)
}

fn connect_failure(error: &io::Error) -> Failure {
    let kind = error.kind();
    if matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) {
        Failure::bare(FailureCode::NotRunning)
    } else if kind == io::ErrorKind::PermissionDenied {
        Failure::caused(FailureCode::NotPermitted, error)
    } else {
        lost(error)
    }
}
