//! Both ends of our service: devices that prove their keys, and a plugin that proves the link key and answers every message with its own words.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, bail};
use channel::id::DeviceKey;
use channel::proof::{self, Meeting};
use channel::wire::device::{Auth, FromDevice, ToDevice};
use channel::wire::upstream::{FromPlugin, LinkAuth, Outcome, ToPlugin};
use channel::wire::{Blob, VERSION, encode};
use device::Identity;
use ed25519_dalek::SigningKey;
use rusqlite::{Connection, params};
use serde::Deserialize;

use crate::socket::{Socket, text};

/// The key of the device with this number: made up, the same in every run.
fn key(number: usize) -> SigningKey {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&(number as u64).to_le_bytes());
    SigningKey::from_bytes(&seed)
}

/// Writes devices into the store of a service that does not run: as bound as by two thousand people with two thousand QR codes.
pub(crate) fn bind(data: &Path, devices: usize) -> anyhow::Result<()> {
    let mut store = Connection::open(data.join("channel.db"))?;
    let transaction = store.transaction()?;
    for number in 0..devices {
        let public = key(number).verifying_key();
        transaction.execute(
            "INSERT INTO device (device_key, public_key, name, kind, bound_at) VALUES (?1, ?2, ?3, 'script', 0)",
            params![DeviceKey::of(&public).as_str(), public.as_bytes(), format!("bench {number}")],
        )?;
    }
    transaction.commit()?;
    Ok(())
}

/// The device with this number, as it remembers its binding to the service of a data folder.
pub(crate) fn identity(number: usize, address: SocketAddr, data: &Path) -> anyhow::Result<Identity> {
    let service: [u8; 32] = std::fs::read(data.join("service.key"))?.as_slice().try_into()?;
    let public = SigningKey::from_bytes(&service).verifying_key();
    // As its file on disk would say it.
    Ok(serde_json::from_value(serde_json::json!({
        "seed": Blob(key(number).to_bytes()).encode(),
        "binding": {"authority": address.to_string(), "service_key": Blob(public.to_bytes()).encode(), "service": "bench"},
        "epoch": "",
        "last_n": 0,
    }))?)
}

fn nonce() -> anyhow::Result<Blob<32>> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
    Ok(Blob(bytes))
}

/// A device of the service, in an open session.
#[derive(Debug)]
pub(crate) struct SmartpiDevice(Socket);

/// What the driver needs of a frame; reading it whole is the service's work, not the driver's.
#[derive(Deserialize)]
struct Glance<'a> {
    t: &'a str,
    n: Option<u64>,
    re: Option<&'a str>,
    code: Option<u16>,
    c: Option<u64>,
}

impl SmartpiDevice {
    pub(crate) async fn connect(address: SocketAddr, number: usize) -> anyhow::Result<Self> {
        let key = key(number);
        let mut socket = Socket::connect(address, "/device", 4 << 10).await?;
        let hello = socket.next().await?;
        let ToDevice::Hello { sn, spk, .. } = decode_device(text(&hello)?)? else { bail!("no hello but {hello}") };
        let meeting = Meeting { sn, spk, cn: nonce()?, chan: proof::Chan::Plain };
        let auth = Auth {
            v: VERSION,
            device_key: DeviceKey::of(&key.verifying_key()).to_string(),
            sig: proof::sign_auth(&key, &meeting),
            cn: meeting.cn,
            epoch: String::new(),
            last_n: 0,
        };
        socket.send(encode(&FromDevice::Auth(auth))).await?;
        let ready = socket.next().await?;
        let ToDevice::Ready { .. } = decode_device(text(&ready)?)? else { bail!("no ready but {ready}") };
        Ok(Self(socket))
    }

    /// Sends a message, waits for the reply to it and confirms that. Any error frame ends the run.
    pub(crate) async fn ask(&mut self, words: &str) -> anyhow::Result<()> {
        let id = ulid::Ulid::generate().to_string();
        self.0.send(encode(&FromDevice::Msg { id: id.clone(), text: words.into() })).await?;
        loop {
            let message = self.0.next().await?;
            let frame: Glance = serde_json::from_str(text(&message)?)?;
            match frame.t {
                "reply" if frame.re == Some(id.as_str()) => {
                    let n = frame.n.context("a reply without a number")?;
                    return self.0.send(encode(&FromDevice::Got { n })).await;
                }
                "ping" => self.0.send(encode(&FromDevice::Pong { c: frame.c.unwrap_or_default() })).await?,
                "err" | "bye" => bail!("the service said {:?}", frame.code),
                _ => {}
            }
        }
    }
}

fn decode_device(frame: &str) -> anyhow::Result<ToDevice> {
    ToDevice::decode(frame).with_context(|| format!("an odd frame: {frame}"))
}

fn decode_plugin(frame: &str) -> anyhow::Result<ToPlugin> {
    ToPlugin::decode(frame).with_context(|| format!("an odd frame: {frame}"))
}

const GATEWAY: &str = "bec40000000000000000000000000000";

/// The plugin of the service: the link is open when this returns.
pub(crate) async fn echo(
    address: SocketAddr,
    data: &Path,
) -> anyhow::Result<tokio::task::JoinHandle<anyhow::Result<()>>> {
    let link_key: [u8; 32] = std::fs::read(data.join("link.key"))?.as_slice().try_into()?;
    let mut socket = Socket::connect(address, "/openclaw", 64 << 10).await?;
    let hello = socket.next().await?;
    let ToPlugin::Hello { sn, .. } = decode_plugin(text(&hello)?)? else { bail!("no hello but {hello}") };
    let cn = nonce()?;
    let mac = proof::link_auth_mac(&link_key, &sn, &cn, GATEWAY);
    let auth = LinkAuth {
        v: VERSION,
        cn: cn.clone(),
        gateway: GATEWAY.into(),
        plugin: "0.1.0".into(),
        host: "bench".into(),
        mac,
    };
    socket.send(encode(&FromPlugin::Auth(auth))).await?;
    let ready = socket.next().await?;
    let ToPlugin::Ready { r#gen, mac } = decode_plugin(text(&ready)?)? else { bail!("no ready but {ready}") };
    anyhow::ensure!(proof::link_ready_holds(&link_key, (&sn, &cn), GATEWAY, r#gen, &mac), "this is not our service");
    Ok(tokio::task::spawn_local(async move {
        loop {
            let mut message = Some(socket.next().await?);
            while let Some(frame) = message {
                for answer in answers(text(&frame)?)? {
                    socket.feed(encode(&answer)).await?;
                }
                message = socket.next_if_here().await?;
            }
            socket.flush().await?;
        }
    }))
}

#[derive(Deserialize)]
struct PluginGlance<'a> {
    t: &'a str,
    turn: Option<String>,
    text: Option<String>,
    code: Option<u16>,
    c: Option<u64>,
}

fn answers(frame: &str) -> anyhow::Result<Vec<FromPlugin>> {
    let frame: PluginGlance = serde_json::from_str(frame)?;
    match (frame.t, frame.turn, frame.text) {
        ("deliver", Some(turn), Some(text)) => Ok(vec![
            FromPlugin::Accepted { turn: turn.clone() },
            FromPlugin::Reply { rid: format!("{turn}.1"), turn: turn.clone(), text, error: false },
            FromPlugin::Done { rid: format!("{turn}.d"), turn, outcome: Outcome::Answered, code: None, detail: None },
        ]),
        ("ping", ..) => Ok(vec![FromPlugin::Pong { c: frame.c.unwrap_or_default() }]),
        ("err" | "bye" | "refused" | "abort", ..) => bail!("the service said {} {:?}", frame.t, frame.code),
        _ => Ok(Vec::new()),
    }
}
