//! Hears everything that passes a namespace's network, puts the TCP streams together, takes the mask off WebSocket frames, and looks for secrets in them.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use socket2::{Domain, Protocol, Socket, Type};

use crate::lab::Namespace;

/// Every protocol, in network order: packet(7).
const ALL: i32 = 0x0003_u16.to_be() as i32;
/// Between two looks whether it is to end.
const LOOK: Duration = Duration::from_millis(100);
/// More than the largest segment that offloading hands on whole.
const SEGMENT: usize = 128 << 10;
/// What is compared first; every needle is longer.
const PREFIX: usize = 8;

/// A running capture.
#[derive(Debug)]
pub struct Sniffer {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Result<Packets>>,
}

type Packets = BTreeMap<Flow, Pieces>;

/// One direction of one connection: addresses, ports, and which SYN began it.
type Flow = ((Ipv4Addr, u16), (Ipv4Addr, u16), u32);

/// Payloads by their place in the stream.
type Pieces = BTreeMap<u32, Vec<u8>>;

/// What was heard: one direction of a connection each, from its first byte to its last.
#[derive(Debug, Default)]
pub struct Capture {
    network: Vec<Vec<u8>>,
    loopback: Vec<Vec<u8>>,
}

impl Sniffer {
    /// Begins to listen on every interface of a namespace, the loopback too.
    ///
    /// # Errors
    /// It may not: this needs CAP_NET_RAW.
    pub fn start(place: &Namespace) -> Result<Self> {
        let socket = place.enter(|| Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(ALL))))?;
        socket.set_read_timeout(Some(LOOK))?;
        // As much as the system gives: a packet that does not fit is a hole, which the end reports.
        let _ = socket.set_recv_buffer_size(32 << 20);
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        Ok(Self { over, thread: std::thread::spawn(move || listen(socket, &told)) })
    }

    /// Ends it.
    ///
    /// # Errors
    /// Something passed that was not heard.
    pub fn stop(self) -> Result<Capture> {
        self.over.store(true, Ordering::Relaxed);
        let packets = self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let mut capture = Capture::default();
        for (flow, pieces) in packets {
            let stream = whole(&pieces).with_context(|| format!("{flow:?}"))?;
            let ((from, _), ..) = flow;
            if from.is_loopback() { capture.loopback.push(stream) } else { capture.network.push(stream) }
        }
        Ok(capture)
    }
}

fn listen(mut socket: Socket, over: &AtomicBool) -> Result<Packets> {
    let mut packets = Packets::new();
    let mut began = HashMap::new();
    let mut packet = vec![0; SEGMENT];
    loop {
        match socket.read(&mut packet) {
            Ok(count) => drop(note(&packet[..count], &mut packets, &mut began)),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                // Only when nothing waits any more.
                if over.load(Ordering::Relaxed) {
                    return Ok(packets);
                }
            }
            Err(error) => bail!("the capture broke: {error}"),
        }
    }
}

/// Notes the payload of a TCP segment over IPv4. `None`: it is something else.
fn note(packet: &[u8], packets: &mut Packets, began: &mut HashMap<[u8; 12], u32>) -> Option<()> {
    let ip = packet.get(12..)?.strip_prefix(&[0x08, 0x00])?;
    let length = usize::from(ip.first()? & 0x0f) * 4;
    (ip.get(9)? == &6).then_some(())?;
    let two = |bytes: &[u8]| -> Option<u16> { Some(u16::from_be_bytes(bytes.try_into().ok()?)) };
    let total = usize::from(two(ip.get(2..4)?)?);
    let tcp = ip.get(length..if total > length { total } else { ip.len() })?;
    let address = |at: usize| -> Option<Ipv4Addr> { Some(<[u8; 4]>::try_from(ip.get(at..at + 4)?).ok()?.into()) };
    let (from, to) = ((address(12)?, two(tcp.get(..2)?)?), (address(16)?, two(tcp.get(2..4)?)?));
    let place = u32::from_be_bytes(tcp.get(4..8)?.try_into().ok()?);
    let payload = tcp.get(usize::from(tcp.get(12)? >> 4) * 4..)?;
    let ends: [u8; 12] = [ip.get(12..20)?, tcp.get(..4)?].concat().try_into().ok()?;
    if tcp.get(13)? & 0x02 != 0 {
        began.insert(ends, place);
        return Some(());
    }
    let start = *began.get(&ends)?;
    if !payload.is_empty() {
        let pieces = packets.entry((from, to, start)).or_default();
        let piece = pieces.entry(place.wrapping_sub(start).wrapping_sub(1)).or_default();
        if piece.len() < payload.len() {
            *piece = payload.to_vec();
        }
    }
    Some(())
}

/// The stream that these pieces are of.
fn whole(pieces: &Pieces) -> Result<Vec<u8>> {
    let mut stream = Vec::new();
    for (place, piece) in pieces {
        let place = usize::try_from(*place)?;
        ensure!(place <= stream.len(), "the capture has a hole of {} bytes", place - stream.len());
        stream.extend_from_slice(piece.get(stream.len() - place..).unwrap_or_default());
    }
    Ok(stream)
}

impl Capture {
    /// Something else that is to be looked through: a log, a report.
    #[must_use]
    pub fn of(text: impl Into<Vec<u8>>) -> Self {
        Self { network: vec![text.into()], loopback: Vec::new() }
    }

    /// What others can hear too.
    #[must_use]
    pub fn of_network(&self) -> Self {
        Self { network: self.network.clone(), loopback: Vec::new() }
    }

    fn all(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.network.iter().chain(&self.loopback)
    }

    /// How many bytes were heard.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.all().map(Vec::len).sum()
    }

    /// Which of these named secrets are in it, and in which form: as they are, in hex, in base64 and base64url, alone or inside of something longer that was
    /// encoded, and in all of these behind the mask of a WebSocket frame.
    #[must_use]
    pub fn leaks(&self, secrets: &[(String, Vec<u8>)]) -> Vec<String> {
        let needles: Vec<(String, Vec<u8>)> = secrets
            .iter()
            .flat_map(|(name, secret)| {
                forms(secret).into_iter().map(move |(form, needle)| (format!("{name} {form}"), needle))
            })
            .collect();
        let mut begins: HashMap<&[u8], Vec<&(String, Vec<u8>)>> = HashMap::new();
        for needle in &needles {
            begins.entry(&needle.1[..PREFIX]).or_default().push(needle);
        }
        let mut found = Vec::new();
        for text in self.all().flat_map(|stream| [Some(stream.clone()), unmasked(stream)]).flatten() {
            for (place, window) in text.windows(PREFIX).enumerate() {
                let here =
                    begins.get(window).into_iter().flatten().filter(|(_, needle)| text[place..].starts_with(needle));
                found.extend(here.map(|(name, _)| name.clone()));
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// The payloads of a WebSocket direction, one behind the other. `None`: it has no HTTP head.
fn unmasked(stream: &[u8]) -> Option<Vec<u8>> {
    let mut rest = &stream[stream.windows(4).position(|four| four == b"\r\n\r\n")? + 4..];
    let mut text = Vec::new();
    while let [_, second, after @ ..] = rest {
        let (length, after) = match second & 0x7f {
            126 => (usize::from(u16::from_be_bytes(after.get(..2)?.try_into().ok()?)), after.get(2..)?),
            127 => (usize::try_from(u64::from_be_bytes(after.get(..8)?.try_into().ok()?)).ok()?, after.get(8..)?),
            short => (usize::from(short), after),
        };
        let (mask, after): ([u8; 4], _) =
            if second & 0x80 == 0 { ([0; 4], after) } else { (after.get(..4)?.try_into().ok()?, after.get(4..)?) };
        let payload = after.get(..length.min(after.len()))?;
        text.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        rest = after.get(length..).unwrap_or_default();
    }
    Some(text)
}

/// What a secret looks like in other clothes.
fn forms(secret: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut forms = vec![
        ("as it is".to_owned(), secret.to_vec()),
        ("in hex".to_owned(), HEXLOWER.encode(secret).into_bytes()),
        ("in HEX".to_owned(), HEXUPPER.encode(secret).into_bytes()),
    ];
    for (name, encoding) in [("base64", BASE64_NOPAD), ("base64url", BASE64URL_NOPAD)] {
        for before in 0..3 {
            // The characters that this secret alone decides, wherever it begins.
            let text = encoding.encode(&[&vec![0; before], secret].concat());
            let own = (before * 8).div_ceil(6)..(before + secret.len()) * 8 / 6;
            forms.push((format!("in {name} at {before}"), text.as_bytes()[own].to_vec()));
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intruder::frame;

    fn secret() -> (String, Vec<u8>) {
        ("the key".into(), (1..=32).map(|byte: u8| byte.wrapping_mul(37)).collect())
    }

    #[test]
    fn a_secret_is_found_in_every_form_and_behind_a_mask() {
        let (name, key) = secret();
        for before in 0..3 {
            let inside = [&b"abc"[..before], &key, b"behind"].concat();
            for (form, text) in [
                ("as it is", inside.clone()),
                ("in hex", HEXLOWER.encode(&inside).into_bytes()),
                ("in HEX", HEXUPPER.encode(&inside).into_bytes()),
                ("in base64 ", BASE64_NOPAD.encode(&inside).into_bytes()),
                ("in base64url", BASE64URL_NOPAD.encode(&inside).into_bytes()),
            ] {
                let masked =
                    [b"GET / HTTP/1.1\r\n\r\n".to_vec(), frame(1, false, b"first"), frame(1, true, &text)].concat();
                for stream in [text.clone(), masked] {
                    let heard = Capture { network: vec![b"nothing here".to_vec()], loopback: vec![stream] };
                    let leaks = heard.leaks(&[(name.clone(), key.clone())]);
                    assert_eq!(heard.of_network().leaks(&[(name.clone(), key.clone())]), [""; 0]);
                    assert!(
                        leaks.iter().any(|leak| leak.starts_with(&format!("the key {form}"))),
                        "{form} {before}: {leaks:?}"
                    );
                }
            }
        }
        let heard = Capture { network: vec![key[1..].to_vec(), vec![0; 500]], loopback: Vec::new() };
        assert_eq!(heard.leaks(&[secret()]), [""; 0]);
    }

    #[test]
    fn pieces_in_any_order_and_twice_are_one_stream_and_a_hole_is_told() {
        let pieces = Pieces::from([(0, b"one ".to_vec()), (2, b"e two ".to_vec()), (8, b"three".to_vec())]);
        assert_eq!(whole(&pieces).unwrap(), b"one two three");
        assert!(whole(&Pieces::from([(0, b"one".to_vec()), (5, b"two".to_vec())])).is_err());
    }
}
