//! The answering side of the control socket: connections, their bounds, their streams. What the answers are is [`super::verbs`]' matter.

use std::future::Future;
use std::io;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use interprocess::local_socket::tokio::prelude::*;
use interprocess::local_socket::tokio::{Listener, Stream};
use interprocess::local_socket::{GenericFilePath, ListenerOptions, ToFsName};
use serde_json::Value;
use tokio::io::{AsyncWriteExt, BufReader, WriteHalf};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::line::{Incoming, Lines};
use super::place::{self, PlaceError};
use super::request::{Answer, AnswerLine, Line, Request};
use super::{CONNECTIONS, LINE, REQUESTS};
use crate::failure::{Failure, FailureCode};

/// Answers that may wait for one connection.
const WAITING: usize = 32;
/// How long a connection may take nothing before it is closed.
const STALLED: Duration = Duration::from_secs(10);
/// How long the last answers may take when the service stops.
const FAREWELL: Duration = Duration::from_millis(300);
/// How long the system may take to give back what was being read from a pipe.
#[cfg(windows)]
const GIVEN_BACK: Duration = Duration::from_millis(50);
/// Pause after an `accept` that failed, as when the process has no file handles left.
const BREATH: Duration = Duration::from_millis(100);

/// Why there is no control socket.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// There is no place for it.
    #[error("no place for the control socket")]
    Place(#[from] PlaceError),
    /// The place is taken by something that is not a socket of ours, or the system refuses it.
    #[error("cannot listen at {}", place.display())]
    Listen {
        /// Place.
        place: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl From<ControlError> for Failure {
    fn from(error: ControlError) -> Self {
        Self::caused(FailureCode::ControlNotStarted, &error)
    }
}

/// Who answers requests.
pub(crate) trait Answers: Send + Sync + 'static {
    /// Answers one request; a stream's events go through `events` first. May be dropped at any point.
    fn answer(&self, request: Request, events: Events) -> impl Future<Output = Result<Value, Failure>> + Send;
}

/// Where the events of one request go.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    id: u64,
    lines: mpsc::Sender<AnswerLine>,
}

impl Events {
    /// Sends an event; waits while the asker is slow.
    ///
    /// # Errors
    /// The asker is gone; nobody will read what the request returns.
    pub(crate) async fn send(&self, event: Value) -> Result<(), Failure> {
        let line = AnswerLine { id: self.id, answer: Answer::Event(event) };
        self.lines.send(line).await.map_err(|_| Failure::bare(FailureCode::ControlLost))
    }
}

/// A control socket that listens. Dropping it removes its file.
#[derive(Debug)]
pub(crate) struct Control {
    listener: Listener,
    place: PathBuf,
    #[cfg_attr(not(unix), expect(dead_code, reason = "the pipe's access list decides"))]
    owner: u32,
}

impl Control {
    /// Listens for the data folder, whose lock the caller holds: a socket file that is there already is of a process that is gone. Needs a tokio runtime.
    ///
    /// # Errors
    /// See [`ControlError`].
    pub(crate) fn listen(data: &Path) -> Result<Self, ControlError> {
        let place = place::of(data, std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from))?;
        let failed = |source| ControlError::Listen { place: place.clone(), source };
        let (listener, owner) = listen_at(&place).map_err(failed)?;
        Ok(Self { listener, place, owner })
    }

    /// Path of the socket, or name of the pipe.
    pub(crate) fn place(&self) -> &Path {
        &self.place
    }

    /// Serves until `cancel`; then every open request is answered with `stopping`.
    pub(crate) async fn serve(self, answers: Arc<impl Answers>, cancel: CancellationToken) {
        let free = Arc::new(Semaphore::new(CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = cancel.cancelled() => break,
                accepted = self.listener.accept() => accepted,
                Some(_) = connections.join_next() => continue,
            };
            let stream = match accepted {
                Ok(stream) => stream,
                Err(error) => {
                    tracing::warn!(%error, "control socket: accept");
                    tokio::time::sleep(BREATH).await;
                    continue;
                }
            };
            if !self.is_owner(&stream) {
                tracing::warn!("control socket: another user was refused");
                continue;
            }
            let Ok(place) = Arc::clone(&free).try_acquire_owned() else {
                connections.spawn(refuse(stream));
                continue;
            };
            let (answers, cancel) = (Arc::clone(&answers), cancel.clone());
            connections.spawn(async move {
                converse(stream, answers, cancel).await;
                drop(place);
            });
        }
        let farewell = async { while connections.join_next().await.is_some() {} };
        let _ = timeout(FAREWELL * 2, farewell).await;
        // A pipe that was being read when it was dropped is closed by the runtime once the system has given the read back; a runtime that ends before keeps it
        // open, and whoever asks at it waits, until the process ends.
        #[cfg(windows)]
        tokio::time::sleep(GIVEN_BACK).await;
    }

    /// The peer must run as the user who made the socket.
    #[cfg(unix)]
    fn is_owner(&self, stream: &Stream) -> bool {
        stream.peer_creds().ok().and_then(|peer| peer.euid()) == Some(self.owner)
    }

    #[cfg(not(unix))]
    fn is_owner(&self, _stream: &Stream) -> bool {
        true
    }
}

#[cfg(unix)]
fn listen_at(place: &Path) -> io::Result<(Listener, u32)> {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    match std::fs::symlink_metadata(place) {
        Ok(found) if found.file_type().is_socket() => std::fs::remove_file(place)?,
        Ok(_) => return Err(io::ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = ListenerOptions::new().name(place.to_fs_name::<GenericFilePath>()?).create_tokio()?;
    // The folder is 0700, so nobody else gets as far as the socket before this line; macOS cannot set the mode earlier.
    std::fs::set_permissions(place, std::fs::Permissions::from_mode(0o600))?;
    Ok((listener, place::owner_of(place)?))
}

/// Full access for the owner and for nobody else; no network clients.
#[cfg(windows)]
fn listen_at(place: &Path) -> io::Result<(Listener, u32)> {
    use interprocess::os::windows::local_socket::ListenerOptionsExt;
    use interprocess::os::windows::security_descriptor::SecurityDescriptor;
    let owner_only = widestring::u16cstr!("D:P(D;;GA;;;NU)(A;;GA;;;OW)");
    let listener = ListenerOptions::new()
        .name(place.to_fs_name::<GenericFilePath>()?)
        .security_descriptor(SecurityDescriptor::deserialize(owner_only)?)
        .create_tokio()?;
    Ok((listener, 0))
}

async fn refuse(stream: Stream) {
    let (_, mut writer) = tokio::io::split(stream);
    let failure = Failure::bare(FailureCode::TooMany);
    let _ = write(&mut writer, &AnswerLine { id: 0, answer: Answer::Failure(failure) }).await;
}

async fn write(writer: &mut WriteHalf<Stream>, answer: &AnswerLine) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    timeout(STALLED, writer.write_all(&line)).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// One connection, to its end. Dropping it drops the requests that are open.
async fn converse(stream: Stream, answers: Arc<impl Answers>, cancel: CancellationToken) {
    let (reader, mut writer) = tokio::io::split(stream);
    let mut incoming = Lines::new(BufReader::new(reader), LINE);
    let (lines, mut outgoing) = mpsc::channel::<AnswerLine>(WAITING);
    let writing = async {
        while let Some(line) = outgoing.recv().await {
            if let Err(error) = write(&mut writer, &line).await {
                tracing::debug!(%error, "control socket: write");
                return;
            }
        }
    };
    // Owns the last sender of lines but for the requests', and the requests: writing ends by itself when both are gone.
    let reading = async move {
        let lines = lines;
        let mut requests = JoinSet::new();
        loop {
            let read = tokio::select! {
                () = cancel.cancelled() => break,
                read = incoming.next() => read,
                Some(_) = requests.join_next() => continue,
            };
            let line = match read {
                Ok(Some(Incoming::Line(line))) => Line::decode(&line).map_err(|bad| (bad.id, bad.failure)),
                Ok(Some(Incoming::TooLong)) => {
                    Err((0, Failure::with(FailureCode::BadRequest, format!("a line has at most {LINE} bytes"))))
                }
                // Whoever closes the socket ends every stream of it.
                Ok(None) | Err(_) => return,
            };
            let refused = match line {
                Ok(Line { id, .. }) if requests.len() >= REQUESTS => (id, Failure::bare(FailureCode::TooMany)),
                Ok(Line { id, request }) => {
                    let (answers, cancel, lines) = (Arc::clone(&answers), cancel.clone(), lines.clone());
                    requests.spawn(async move { answer(&*answers, id, request, lines, cancel).await });
                    continue;
                }
                Err(refused) => refused,
            };
            if lines.send(AnswerLine { id: refused.0, answer: Answer::Failure(refused.1) }).await.is_err() {
                return;
            }
        }
        while requests.join_next().await.is_some() {}
    };
    tokio::pin!(writing);
    tokio::select! {
        () = &mut writing => return,
        () = reading => {}
    }
    let _ = timeout(FAREWELL, writing).await;
}

async fn answer(
    answers: &impl Answers,
    id: u64,
    request: Request,
    lines: mpsc::Sender<AnswerLine>,
    cancel: CancellationToken,
) {
    let events = Events { id, lines: lines.clone() };
    // A panic is this request's alone, and is answered like any failure.
    let answering = AssertUnwindSafe(answers.answer(request, events)).catch_unwind();
    let answered = tokio::select! {
        biased;
        answered = answering => answered.unwrap_or_else(|_| Err(Failure::bare(FailureCode::Internal))),
        () = cancel.cancelled() => Err(Failure::bare(FailureCode::Stopping)),
    };
    let answer = match answered {
        Ok(value) => Answer::Ok(value),
        Err(failure) => Answer::Failure(failure),
    };
    // Fails when the asker is gone.
    let _ = lines.send(AnswerLine { id, answer }).await;
}

#[cfg(test)]
mod tests;
