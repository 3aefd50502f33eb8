//! A plugin that answers at once, for load, or as badly as a gateway may: it proves the link key, keeps what is not `stored`, and runs each turn once.
//! Speaks docs/PROTOCOL.md section 4.

mod memory;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use channel::proof;
use channel::wire::upstream::{FromPlugin, LinkAuth, ToPlugin};
use channel::wire::{self, Blob};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

pub use self::memory::Flaw;
use self::memory::Memory;

/// Waits between two tries to link.
const RETRY: Duration = Duration::from_millis(20);
/// Longest wait for the service while linking.
const LINK: Duration = Duration::from_secs(5);
const GATEWAY: &str = "00000000000000000000000000000fa5";

type Socket = WebSocketStream<TcpStream>;

/// How an agent behaves. `Default` answers at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Habits {
    /// With one it takes its time, and answers now as a reply, now as a push with or without the message's id, late, or in two steps; the same for each turn
    /// in every run with this number.
    pub moods: Option<u64>,
    /// A promise that it breaks, to see whether the judge sees it.
    pub flaw: Option<Flaw>,
}

/// What befalls a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blow {
    /// The connection breaks.
    Cut,
    /// The gateway dies: what it was at is forgotten, its outbox stays. The next one knows which turns it had, and not how they ended.
    Die,
    /// It neither reads nor writes for so long, and then goes on.
    Freeze(Duration),
    /// A black hole: nothing passes any more, and neither side hears of an end. It links anew.
    Vanish,
    /// A second plugin of the same gateway links; the first one says everything once more, and something that nobody may hear.
    Second,
    /// It sends everything again that is in its outbox, and the newest that was stored.
    Resend,
}

/// What the agent can bear witness to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Witness {
    /// The turns in the order in which they were run.
    pub ran: Vec<String>,
    /// Ids of pushes of which the service said that it has them on disk.
    pub pushed: BTreeSet<String>,
    /// Ids of pushes that were said after a newer link was there: for nobody.
    pub void: BTreeSet<String>,
}

/// A running agent. Ends on drop.
#[derive(Debug)]
pub struct FastAgent {
    cancel: CancellationToken,
    blows: mpsc::UnboundedSender<Blow>,
    thread: Option<JoinHandle<()>>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    witness: Witness,
    /// What it still has to do or to bring.
    open: usize,
    links: usize,
}

impl FastAgent {
    /// Links to the service of a data folder whenever there is one.
    ///
    /// # Panics
    /// When the system has no thread.
    #[must_use]
    pub fn start(data: &Path) -> Self {
        Self::with(data, Habits::default())
    }

    /// The same, with habits.
    ///
    /// # Panics
    /// When the system has no thread.
    #[must_use]
    pub fn with(data: &Path, habits: Habits) -> Self {
        let cancel = CancellationToken::new();
        let state = Arc::new(Mutex::new(State::default()));
        let (blows, struck) = mpsc::unbounded_channel();
        let (stop, told, data) = (cancel.clone(), Arc::clone(&state), data.to_owned());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let plugin = Plugin { data, memory: Memory::new(habits), struck, told, older: Vec::new() };
            let _ = runtime.block_on(stop.run_until_cancelled(plugin.live()));
        });
        Self { cancel, blows, thread: Some(thread), state }
    }

    /// Strikes. A blow that comes while there is no link falls on the next one.
    pub fn strike(&self, blow: Blow) {
        // An agent that has ended feels nothing.
        let _ = self.blows.send(blow);
    }

    /// The turns in the order in which they were run.
    #[must_use]
    pub fn ran(&self) -> Vec<String> {
        self.witness().ran
    }

    /// What it saw.
    #[must_use]
    pub fn witness(&self) -> Witness {
        lock(&self.state).witness.clone()
    }

    /// Whether it has nothing more to say.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        lock(&self.state).open == 0
    }

    /// How often it linked.
    #[must_use]
    pub fn links(&self) -> usize {
        lock(&self.state).links
    }
}

impl Drop for FastAgent {
    fn drop(&mut self) {
        self.cancel.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Plugin {
    data: PathBuf,
    memory: Memory,
    struck: mpsc::UnboundedReceiver<Blow>,
    told: Arc<Mutex<State>>,
    /// Sockets that a newer one has taken the place of: open for ever, whoever closed them on the other side. Whether they still speak.
    older: Vec<(Socket, bool)>,
}

impl Plugin {
    async fn live(mut self) {
        loop {
            // Every end is one of a service that was killed, or of a blow: the next one is there in a moment.
            if self.link().await.is_err() {
                self.tell();
                sleep(RETRY).await;
            }
        }
    }

    fn tell(&self) {
        let mut state = lock(&self.told);
        state.open = self.memory.open();
        state.witness.clone_from(&self.memory.witness);
    }

    async fn link(&mut self) -> Result<()> {
        let mut socket = timeout(LINK, open(&self.data)).await??;
        lock(&self.told).links += 1;
        self.speak_as_older().await;
        let unsaid = self.memory.outbox();
        say(&mut socket, unsaid).await?;
        loop {
            self.tell();
            let due = self.memory.next_due();
            let frames = tokio::select! {
                message = socket.next() => {
                    let Message::Text(text) = message.context("the end")?? else { continue };
                    match ToPlugin::decode(&text)? {
                        ToPlugin::Deliver { turn, device, text, .. } => self.memory.deliver(turn, device, text),
                        ToPlugin::Stored { rid } => {
                            self.memory.stored(&rid);
                            continue;
                        }
                        ToPlugin::Refused { rid, code } => bail!("{rid} was refused: {code:?}"),
                        ToPlugin::Ping { c } => vec![FromPlugin::Pong { c }],
                        ToPlugin::Bye(bye) => bail!("{bye:?}"),
                        ToPlugin::Hello { .. }
                        | ToPlugin::Ready { .. }
                        | ToPlugin::Presence { .. }
                        | ToPlugin::Slow { .. }
                        | ToPlugin::Abort { .. }
                        | ToPlugin::Err(_)
                        | ToPlugin::Pong { .. } => continue,
                    }
                }
                () = sleep_until(due.map_or_else(|| Instant::now() + LINK, Instant::from_std)) => {
                    self.memory.think(std::time::Instant::now())
                }
                Some(blow) = self.struck.recv() => match blow {
                    Blow::Cut => {
                        self.memory.cut();
                        return Ok(());
                    }
                    Blow::Die => {
                        self.memory.die();
                        return Ok(());
                    }
                    Blow::Freeze(wait) => {
                        sleep(wait).await;
                        continue;
                    }
                    Blow::Vanish | Blow::Second => {
                        self.memory.cut();
                        self.older.push((socket, blow == Blow::Second));
                        return Ok(());
                    }
                    Blow::Resend => self.memory.again(),
                }
            };
            say(&mut socket, frames).await?;
        }
    }

    /// The newer link is there: whatever is said on an older one has no effect.
    async fn speak_as_older(&mut self) {
        let speaking = self.older.iter_mut().filter_map(|(socket, speaks)| std::mem::take(speaks).then_some(socket));
        for socket in speaking {
            let words = self.memory.void_words();
            // The service may have closed it already.
            let _ = say(socket, words).await;
        }
    }
}

async fn say(socket: &mut Socket, frames: Vec<FromPlugin>) -> Result<()> {
    for frame in frames {
        socket.send(Message::text(wire::encode(&frame))).await?;
    }
    Ok(())
}

/// A link, each side of which has proved the key.
async fn open(data: &Path) -> Result<Socket> {
    let file: serde_json::Value = serde_json::from_slice(&std::fs::read(data.join("service.json"))?)?;
    let port = file["port"].as_u64().context("no port")?;
    let key: [u8; 32] = std::fs::read(data.join("link.key"))?.as_slice().try_into()?;
    let tcp = TcpStream::connect(("127.0.0.1", u16::try_from(port)?)).await?;
    let (mut socket, _) = tokio_tungstenite::client_async(format!("ws://127.0.0.1:{port}/openclaw"), tcp).await?;
    let mut nonces = None;
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message? else { continue };
        match ToPlugin::decode(&text)? {
            ToPlugin::Hello { sn, .. } => {
                let cn = Blob([5; 32]);
                let mac = proof::link_auth_mac(&key, &sn, &cn, GATEWAY);
                nonces = Some((sn, cn.clone()));
                let auth = LinkAuth {
                    v: wire::VERSION,
                    cn,
                    gateway: GATEWAY.into(),
                    plugin: "test".into(),
                    host: "test".into(),
                    mac,
                };
                say(&mut socket, vec![FromPlugin::Auth(auth)]).await?;
            }
            ToPlugin::Ready { r#gen, mac } => {
                let (sn, cn) = nonces.as_ref().context("ready before hello")?;
                ensure!(proof::link_ready_holds(&key, (sn, cn), GATEWAY, r#gen, &mac), "an impostor");
                return Ok(socket);
            }
            other @ (ToPlugin::Presence { .. }
            | ToPlugin::Deliver { .. }
            | ToPlugin::Stored { .. }
            | ToPlugin::Refused { .. }
            | ToPlugin::Slow { .. }
            | ToPlugin::Abort { .. }
            | ToPlugin::Err(_)
            | ToPlugin::Ping { .. }
            | ToPlugin::Pong { .. }
            | ToPlugin::Bye(_)) => bail!("{other:?} before ready"),
        }
    }
    bail!("the end before ready")
}
