//! A plugin that answers at once, for load: it proves the link key, keeps what is not `stored`, and runs each turn once. Speaks docs/PROTOCOL.md section 4.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use channel::proof;
use channel::wire::upstream::{FromPlugin, LinkAuth, Outcome, ToPlugin};
use channel::wire::{self, Blob};
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

/// Waits between two tries to link.
const RETRY: Duration = Duration::from_millis(20);
const GATEWAY: &str = "00000000000000000000000000000fa5";

/// A running agent. Ends on drop.
#[derive(Debug)]
pub struct FastAgent {
    cancel: CancellationToken,
    thread: Option<JoinHandle<()>>,
    ran: Arc<Mutex<Vec<String>>>,
}

#[derive(Default)]
struct Memory {
    ran: BTreeSet<String>,
    /// Not yet `stored`, in the order in which they were made.
    outbox: BTreeMap<u64, FromPlugin>,
    made: u64,
}

impl FastAgent {
    /// Links to the service of a data folder whenever there is one.
    ///
    /// # Panics
    /// When the system has no thread.
    #[must_use]
    pub fn start(data: &Path) -> Self {
        let cancel = CancellationToken::new();
        let ran = Arc::new(Mutex::new(Vec::new()));
        let (stop, told, data) = (cancel.clone(), Arc::clone(&ran), data.to_owned());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let _ = runtime.block_on(stop.run_until_cancelled(link_for_ever(data, told)));
        });
        Self { cancel, thread: Some(thread), ran }
    }

    /// The turns in the order in which they were run.
    ///
    /// # Panics
    /// When the agent panicked.
    #[must_use]
    pub fn ran(&self) -> Vec<String> {
        self.ran.lock().expect("the agent runs").clone()
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

async fn link_for_ever(data: PathBuf, ran: Arc<Mutex<Vec<String>>>) {
    let mut memory = Memory::default();
    loop {
        // Every end is one of a service that was killed: the next one is there in a moment.
        let _ = link(&data, &mut memory, &ran).await;
        tokio::time::sleep(RETRY).await;
    }
}

async fn link(data: &Path, memory: &mut Memory, ran: &Mutex<Vec<String>>) -> Result<()> {
    let file: serde_json::Value = serde_json::from_slice(&std::fs::read(data.join("service.json"))?)?;
    let port = file["port"].as_u64().context("no port")?;
    let key: [u8; 32] = std::fs::read(data.join("link.key"))?.as_slice().try_into()?;
    let (mut socket, _) = tokio_tungstenite::client_async(
        format!("ws://127.0.0.1:{port}/openclaw"),
        tokio::net::TcpStream::connect(("127.0.0.1", u16::try_from(port)?)).await?,
    )
    .await?;
    let mut nonces = None;
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message? else { continue };
        let frame = ToPlugin::decode(&text)?;
        let mut out = Vec::new();
        match frame {
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
                out.push(FromPlugin::Auth(auth));
            }
            ToPlugin::Ready { r#gen, mac } => {
                let (sn, cn) = nonces.as_ref().context("ready before hello")?;
                ensure!(proof::link_ready_holds(&key, (sn, cn), GATEWAY, r#gen, &mac), "an impostor");
                out.extend(memory.outbox.values().cloned());
            }
            ToPlugin::Deliver { turn, text, .. } => {
                out.push(FromPlugin::Accepted { turn: turn.clone() });
                if memory.ran.insert(turn.clone()) {
                    ran.lock().expect("nobody panics with it").push(turn.clone());
                    let reply = FromPlugin::Reply { rid: format!("r.{turn}"), turn: turn.clone(), text, error: false };
                    let done = FromPlugin::Done {
                        rid: format!("d.{turn}"),
                        turn,
                        outcome: Outcome::Answered,
                        code: None,
                        detail: None,
                    };
                    for frame in [reply, done] {
                        memory.made += 1;
                        memory.outbox.insert(memory.made, frame.clone());
                        out.push(frame);
                    }
                } else if !memory.outbox.values().any(|kept| rid(kept).is_some_and(|rid| rid.ends_with(&turn))) {
                    // All of it was stored, yet the service asks again: only `done` can have been lost with it.
                    out.push(FromPlugin::Done {
                        rid: format!("d.{turn}"),
                        turn,
                        outcome: Outcome::Answered,
                        code: None,
                        detail: None,
                    });
                }
            }
            ToPlugin::Stored { rid: stored } => memory.outbox.retain(|_, kept| rid(kept) != Some(&stored)),
            ToPlugin::Refused { rid, code } => bail!("{rid} was refused: {code:?}"),
            ToPlugin::Ping { c } => out.push(FromPlugin::Pong { c }),
            ToPlugin::Bye(_) => return Ok(()),
            ToPlugin::Presence { .. }
            | ToPlugin::Slow { .. }
            | ToPlugin::Abort { .. }
            | ToPlugin::Err(_)
            | ToPlugin::Pong { .. } => {}
        }
        for frame in out {
            socket.send(Message::text(wire::encode(&frame))).await?;
        }
    }
    Ok(())
}

fn rid(frame: &FromPlugin) -> Option<&str> {
    match frame {
        FromPlugin::Reply { rid, .. } | FromPlugin::Push { rid, .. } | FromPlugin::Done { rid, .. } => Some(rid),
        FromPlugin::Auth(_)
        | FromPlugin::Accepted { .. }
        | FromPlugin::Progress { .. }
        | FromPlugin::Partial { .. }
        | FromPlugin::Ping { .. }
        | FromPlugin::Pong { .. }
        | FromPlugin::Bye { .. } => None,
    }
}
