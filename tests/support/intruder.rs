//! A peer that keeps no rule: any bytes, over TLS or not, on a connection from an address of one's choice. Written from RFC 6455, not on a WebSocket library.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use channel::id::DeviceKey;
use channel::wire::Blob;
use device::{Chan, Identity};
use ed25519_dalek::Signer;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::relay::blind;

/// Longest wait for an answer that must come.
pub const ANSWER: Duration = Duration::from_secs(20);
/// Text, close and ping of RFC 6455.
pub const TEXT: u8 = 1;
const CLOSE: u8 = 8;
/// A ping.
pub const PING: u8 = 9;
const MASK: [u8; 4] = [0x5a, 0xc3, 0x17, 0x88];

/// Bytes both ways.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin + std::fmt::Debug {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + std::fmt::Debug> Wire for S {}

/// One connection.
#[derive(Debug)]
pub struct Intruder {
    stream: Box<dyn Wire>,
    /// How it sees the other side: what it signs.
    chan: Chan,
    here: SocketAddr,
    unread: Vec<u8>,
}

/// What the service says.
#[derive(Debug, PartialEq)]
pub enum Heard {
    /// A text frame.
    Text(Value),
    /// A close frame, with its code.
    Close(u16),
    /// The end of the connection, by a reset too.
    End,
}

impl Intruder {
    /// Connects to the service at `to`; `from` must be an address of this namespace.
    ///
    /// # Errors
    /// Those of the system.
    pub async fn connect(from: impl Into<IpAddr>, to: SocketAddr) -> io::Result<Self> {
        Ok(Self::plain(dial(from.into(), to, None).await?, to))
    }

    /// Finishes the handshake of TLS, with whoever answers.
    ///
    /// # Errors
    /// There is no TLS.
    pub async fn over_tls(self) -> Result<Self> {
        let (stream, chan) = blind(self.stream).await?;
        Ok(Self { chan, ..Self::plain(stream, self.here) })
    }

    /// Connects with a receive buffer of this many bytes: whoever reads nothing holds up little on its own side.
    ///
    /// # Errors
    /// Those of the system.
    pub async fn narrow(from: impl Into<IpAddr>, to: SocketAddr, buffer: u32) -> io::Result<Self> {
        Ok(Self::plain(dial(from.into(), to, Some(buffer)).await?, to))
    }

    fn plain(stream: impl Wire + 'static, to: SocketAddr) -> Self {
        Self { stream: Box::new(stream), chan: Chan::Plain, here: to, unread: Vec::new() }
    }

    /// Connects and takes the 101 of a route.
    ///
    /// # Errors
    /// Another answer, with its status.
    pub async fn upgraded(from: impl Into<IpAddr>, to: SocketAddr, path: &str) -> Result<Self> {
        let mut intruder = Self::connect(from, to).await?;
        intruder.upgrade(path).await?;
        Ok(intruder)
    }

    /// Takes the 101 of a route.
    ///
    /// # Errors
    /// Another answer, with its status.
    pub async fn upgrade(&mut self, path: &str) -> Result<()> {
        self.say(head(path, self.here).as_bytes()).await?;
        let status = self.status().await?;
        ensure!(status == 101, "{path} answered {status}");
        Ok(())
    }

    /// Connects and takes the 101 and the `hello`.
    ///
    /// # Errors
    /// Anything else that is said.
    pub async fn greeted(from: impl Into<IpAddr>, to: SocketAddr) -> Result<(Self, Value)> {
        let mut intruder = Self::upgraded(from, to, "/device").await?;
        let hello = intruder.hello().await?;
        Ok((intruder, hello))
    }

    /// The same over TLS.
    ///
    /// # Errors
    /// Anything else that is said.
    pub async fn greeted_securely(from: impl Into<IpAddr>, to: SocketAddr) -> Result<(Self, Value)> {
        let mut intruder = Self::connect(from, to).await?.over_tls().await?;
        intruder.upgrade("/device").await?;
        let hello = intruder.hello().await?;
        Ok((intruder, hello))
    }

    /// Takes the `hello`.
    ///
    /// # Errors
    /// Anything else that is said.
    pub async fn hello(&mut self) -> Result<Value> {
        self.next("hello").await
    }

    /// Connects as a device that is bound.
    ///
    /// # Errors
    /// It is refused.
    pub async fn proved(from: impl Into<IpAddr>, to: SocketAddr, identity: &Identity) -> Result<Self> {
        let (mut intruder, hello) = Self::greeted(from, to).await?;
        intruder.prove(&hello, identity).await?;
        Ok(intruder)
    }

    /// The same over TLS.
    ///
    /// # Errors
    /// It is refused.
    pub async fn proved_securely(from: impl Into<IpAddr>, to: SocketAddr, identity: &Identity) -> Result<Self> {
        let (mut intruder, hello) = Self::greeted_securely(from, to).await?;
        intruder.prove(&hello, identity).await?;
        Ok(intruder)
    }

    /// Answers a `hello` as a device that is bound.
    ///
    /// # Errors
    /// It is refused.
    pub async fn prove(&mut self, hello: &Value, identity: &Identity) -> Result<()> {
        self.say_frame(&auth_over(&self.chan, hello, identity, &identity.device_key())?).await?;
        self.next("ready").await.map(drop)
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// The connection is over.
    pub async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Sends one byte after the other, with a wait before each, until the other side ends it.
    pub async fn dribble(&mut self, bytes: &[u8], pause: Duration) {
        let mut scrap = [0; 512];
        for byte in bytes {
            tokio::select! {
                read = self.stream.read(&mut scrap) => match read {
                    Ok(1..) => {}
                    Ok(0) | Err(_) => return,
                },
                () = tokio::time::sleep(pause) => if self.say(&[*byte]).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Sends a text frame.
    ///
    /// # Errors
    /// The connection is over.
    pub async fn say_frame(&mut self, words: &Value) -> io::Result<()> {
        self.say(&frame(TEXT, true, words.to_string().as_bytes())).await
    }

    /// Says that nothing more comes.
    ///
    /// # Errors
    /// The connection is over.
    pub async fn finish(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    /// Reads the head of an answer and gives its status.
    ///
    /// # Errors
    /// The end before the end of the head.
    pub async fn status(&mut self) -> Result<u16> {
        loop {
            if let Some(end) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.unread[..end]).into_owned();
                self.unread.drain(..end + 4);
                return head.split(' ').nth(1).and_then(|status| status.parse().ok()).with_context(|| head.clone());
            }
            ensure!(self.fill().await?, "closed at {} without an answer", self.here);
        }
    }

    /// The next text or close frame, or the end.
    ///
    /// # Errors
    /// Silence of 20 s, and what is no frame.
    pub async fn hear(&mut self) -> Result<Heard> {
        loop {
            while let Some((opcode, payload)) = self.take_frame() {
                match opcode {
                    TEXT => return Ok(Heard::Text(serde_json::from_slice(&payload)?)),
                    CLOSE => {
                        let code =
                            payload.get(..2).and_then(|two| two.try_into().ok()).map_or(1005, u16::from_be_bytes);
                        return Ok(Heard::Close(code));
                    }
                    _ => {}
                }
            }
            if !self.fill().await? {
                return Ok(Heard::End);
            }
        }
    }

    /// The next frame, which must be of this type.
    ///
    /// # Errors
    /// It is another one, with it; and as [`Intruder::hear`].
    pub async fn next(&mut self, kind: &str) -> Result<Value> {
        let heard = self.hear().await?;
        match &heard {
            Heard::Text(frame) if frame["t"] == kind => Ok(frame.clone()),
            Heard::Text(_) | Heard::Close(_) | Heard::End => bail!("{heard:?} instead of {kind}"),
        }
    }

    /// Waits for a frame of this type, and gives it.
    ///
    /// # Errors
    /// The connection ends first; and as [`Intruder::hear`].
    pub async fn until(&mut self, kind: &str) -> Result<Value> {
        loop {
            match self.hear().await? {
                Heard::Text(frame) if frame["t"] == kind => return Ok(frame),
                Heard::Text(_) => {}
                heard @ (Heard::Close(_) | Heard::End) => bail!("{heard:?} while waiting for {kind}"),
            }
        }
    }

    /// Everything until the connection ends: the codes of `err` and `bye`, and that of the close frame (0: there was none).
    ///
    /// # Errors
    /// As [`Intruder::hear`].
    pub async fn farewell(&mut self) -> Result<(Vec<u64>, u16)> {
        let mut codes = Vec::new();
        loop {
            match self.hear().await? {
                Heard::Text(frame) => {
                    codes.extend(frame["code"].as_u64().filter(|_| frame["t"] == "err" || frame["t"] == "bye"));
                }
                Heard::Close(code) => return Ok((codes, code)),
                Heard::End => return Ok((codes, 0)),
            }
        }
    }

    /// Waits for the end of the connection, whatever is said before. `false`: it is still open after `limit`.
    pub async fn ends_within(&mut self, limit: Duration) -> bool {
        let end = async {
            let mut scrap = [0; 4096];
            while let Ok(1..) = self.stream.read(&mut scrap).await {}
        };
        timeout(limit, end).await.is_ok()
    }

    /// `false`: the connection has ended.
    async fn fill(&mut self) -> Result<bool> {
        let mut part = [0; 4096];
        match timeout(ANSWER, self.stream.read(&mut part)).await.context("the service says nothing")? {
            Ok(0) | Err(_) => Ok(false),
            Ok(count) => {
                self.unread.extend_from_slice(&part[..count]);
                Ok(true)
            }
        }
    }

    /// A whole frame of the service, if it is here. The service masks nothing.
    fn take_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let (first, second) = (*self.unread.first()?, *self.unread.get(1)?);
        let (length, start) = match second & 0x7f {
            126 => (usize::from(u16::from_be_bytes(self.unread.get(2..4)?.try_into().ok()?)), 4),
            127 => (usize::try_from(u64::from_be_bytes(self.unread.get(2..10)?.try_into().ok()?)).ok()?, 10),
            short => (usize::from(short), 2),
        };
        let payload = self.unread.get(start..start + length)?.to_vec();
        self.unread.drain(..start + length);
        Some((first & 0x0f, payload))
    }
}

async fn dial(from: IpAddr, to: SocketAddr, buffer: Option<u32>) -> io::Result<TcpStream> {
    let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    buffer.map_or(Ok(()), |buffer| socket.set_recv_buffer_size(buffer))?;
    socket.bind((from, 0).into())?;
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The head of a handshake.
#[must_use]
pub fn head(path: &str, host: SocketAddr) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// The header of a masked frame that claims this length.
#[must_use]
pub fn header(opcode: u8, last: bool, length: u64) -> Vec<u8> {
    let mut bytes = vec![opcode | if last { 0x80 } else { 0 }];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ ..126), _) => bytes.push(0x80 | short),
        (_, Ok(middle)) => {
            bytes.push(0x80 | 126);
            bytes.extend(middle.to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes
}

/// A whole masked frame.
#[must_use]
pub fn frame(opcode: u8, last: bool, payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(opcode, last, payload.len() as u64);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// An `auth` that answers this `hello` in the name of `claimed`, signed with the key of `identity`.
///
/// # Errors
/// It is no `hello`.
pub fn auth(hello: &Value, identity: &Identity, claimed: &DeviceKey) -> Result<Value> {
    auth_over(&Chan::Plain, hello, identity, claimed)
}

fn auth_over(chan: &Chan, hello: &Value, identity: &Identity, claimed: &DeviceKey) -> Result<Value> {
    let blob = |name: &str| -> Result<Blob<32>> {
        hello[name].as_str().and_then(Blob::parse).with_context(|| format!("no {name}: {hello}"))
    };
    let (sn, spk, cn, chan) = (blob("sn")?, blob("spk")?, Blob([9; 32]), chan.to_string());
    let parts: [&[u8]; 6] =
        [b"smartpi1-auth-device", &spk.0, &sn.0, &cn.0, claimed.as_str().as_bytes(), chan.as_bytes()];
    let transcript: Vec<u8> = parts
        .iter()
        .flat_map(|part| [&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes()[..], *part].concat())
        .collect();
    let sig = Blob(identity.signing_key().sign(&transcript).to_bytes());
    Ok(json!({
        "t": "auth", "v": 1, "device_key": claimed.as_str(), "cn": cn.encode(), "epoch": identity.epoch,
        "last_n": identity.last_n, "sig": sig.encode(),
    }))
}
