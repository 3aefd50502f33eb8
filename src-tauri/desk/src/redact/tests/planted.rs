//! Ten thousand random secrets, each planted where secrets come to stand: none may be read afterwards, by somebody with patience either.

use std::collections::BTreeSet;

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use serde_json::{Value, json};

use crate::redact::*;

/// How many.
const SECRETS: usize = 10_000;
/// So many are known to one redactor.
const KNOWN: usize = 5;
/// Real lines of an OpenClaw gateway's log and of ours.
const LINES: &str = include_str!("lines.jsonl");

/// The same numbers in every run (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    fn pick(&mut self, letters: &str, length: usize) -> String {
        let letters: Vec<char> = letters.chars().collect();
        (0..length).map(|_| letters[self.below(letters.len())]).collect()
    }

    /// A key, a token or a password, as programs make them and as people do.
    fn secret(&mut self) -> Vec<u8> {
        const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let length = 12 + self.below(40);
        let text = match self.below(7) {
            0 => return (0..32).map(|_| u8::try_from(self.below(256)).unwrap()).collect(),
            1 => format!("spd_{}", self.pick(LETTERS, 40)),
            2 => self.pick("0123456789abcdef", 48),
            3 => self.pick(&format!("{LETTERS}-_"), length),
            4 => self.pick(&format!("{LETTERS}+/="), length),
            5 => self.pick(&format!("{LETTERS} \"'\\/%&=?#$!()<>{{}}[]`~^|;:,.@*+-_"), length),
            _ => self.pick(&format!("{LETTERS} 开灯密码é🔑\"\\"), length),
        };
        text.into_bytes()
    }
}

fn url_escaped(bytes: &[u8], left: &str, capitals: bool) -> String {
    let one = |byte: &u8| match char::from(*byte) {
        ' ' if left.contains('+') => "+".to_owned(),
        letter if letter.is_ascii_alphanumeric() || (left.contains(letter) && letter != '+') => letter.to_string(),
        _ if capitals => format!("%{byte:02X}"),
        _ => format!("%{byte:02x}"),
    };
    bytes.iter().map(one).collect()
}

/// How many places there are.
const PLACES: usize = 22;

/// Where a secret comes to stand, by number up to [`PLACES`]. One that is no text is shown as programs show keys.
fn carrier(place: usize, secret: &[u8]) -> String {
    let text = match std::str::from_utf8(secret) {
        Ok(text) => text.to_owned(),
        Err(_) => BASE64URL_NOPAD.encode(secret),
    };
    let in_json = |depth: usize| {
        let innermost = json!({ "auth": { "token": text, "more": [1, { "password": text }] } });
        (1..depth).fold(innermost, |inner, level| json!({ "level": level, "body": inner.to_string() })).to_string()
    };
    let quoted = |text: &str| text.replace('\'', r"'\''");
    match place {
        0 => format!("plain {text}, and again: {text}"),
        1 => in_json(1),
        2 => in_json(2),
        3 => in_json(3),
        4 => format!("{:?}", json!({ "token": text })),
        5 => format!("connect failed: Params {{ token: {text:?} }}"),
        6 => format!("GET /b?token={}&x=1", url_escaped(text.as_bytes(), "-._~", true)),
        7 => format!("GET /b?token={}&x=1", url_escaped(text.as_bytes(), "-_.!~*'()", false)),
        8 => format!("POST body: password={}&x=1", url_escaped(text.as_bytes(), "*-._+", true)),
        9 => format!("wss://user:{}@10.0.0.7:18789/", url_escaped(text.as_bytes(), "-._~", true)),
        10 => format!("http://10.0.0.7:8765/b#1.{}.x", BASE64URL_NOPAD.encode(secret)),
        11 => format!("?key={}", url_escaped(BASE64.encode(secret).as_bytes(), "-._~", true)),
        12 => format!("?state={}", url_escaped(json!({ "t": text }).to_string().as_bytes(), "-._~", true)),
        13 => format!("Authorization: Bearer {text}"),
        14 => format!("Authorization: Basic {}", BASE64.encode(format!("user:{text}").as_bytes())),
        15 => format!("Proxy-Authorization: Basic {}", BASE64.encode(format!("anna@home:{text}").as_bytes())),
        16 => format!("Cookie: a=b; session={}; c=d", BASE64_NOPAD.encode(secret)),
        17 => format!("Sec-WebSocket-Protocol: x, {}", BASE64URL_NOPAD.encode(&[b"a", secret, b"z"].concat())),
        18 => format!("OPENCLAW_GATEWAY_TOKEN={text}"),
        19 => format!("export OPENCLAW_GATEWAY_PASSWORD='{}'", quoted(&text)),
        20 => format!("execve argv: {}", json!(["sh", "-c", format!("A='{}' run", quoted(&text))])),
        _ => format!("key: {} and {}", HEXLOWER.encode(secret), HEXUPPER.encode(secret)),
    }
}

/// A line of a log that carries it: as a message, and as the text of an error.
fn logged(line: &str, carrier: &str) -> String {
    let mut line: Value = serde_json::from_str(line).unwrap();
    line["message"] = carrier.into();
    line["error"] = json!({ "cause": carrier });
    line.to_string()
}

/// What a text says to somebody who undoes what was done to it, and undoes it again.
fn readings(text: &str) -> BTreeSet<Vec<u8>> {
    let mut all = BTreeSet::from([text.as_bytes().to_vec()]);
    let mut newest: Vec<Vec<u8>> = all.iter().cloned().collect();
    for _ in 0..5 {
        let undone: Vec<Vec<u8>> = newest.iter().flat_map(|text| undo(text)).collect();
        newest = undone.into_iter().filter(|text| all.insert(text.clone())).collect();
    }
    all
}

fn undo(text: &[u8]) -> Vec<Vec<u8>> {
    /// Takes the last letter as it comes.
    static LOOSE: LazyLock<Encoding> = LazyLock::new(|| {
        let mut form = BASE64_NOPAD.specification();
        form.check_trailing_bits = false;
        form.encoding().unwrap()
    });
    let mut undone = Vec::new();
    if text.contains(&b'\\') {
        undone.push(unescaped(text));
        undone.push(String::from_utf8_lossy(text).replace(r"'\''", "'").into_bytes());
    }
    if text.contains(&b'%') {
        undone.extend([unpercented(text, false), unpercented(text, true)]);
    }
    for run in text.split(|byte| !byte.is_ascii_alphanumeric() && !b"+/-_".contains(byte)) {
        if run.len() >= 12 {
            let standard = |byte: &u8| {
                if *byte == b'-' {
                    b'+'
                } else if *byte == b'_' {
                    b'/'
                } else {
                    *byte
                }
            };
            let plain: Vec<u8> = run.iter().map(standard).collect();
            // One letter too many holds no whole byte.
            let whole = plain.len() - usize::from(plain.len() % 4 == 1);
            undone.extend(LOOSE.decode(&plain[..whole]));
            undone.extend(HEXLOWER_PERMISSIVE.decode(&run[..run.len() / 2 * 2]));
        }
    }
    undone
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(letter) = rest.next() {
        if letter != '\\' {
            units.extend(letter.encode_utf16(&mut [0; 2]).iter());
            continue;
        }
        match rest.next() {
            Some('u') => {
                let digits: String = rest
                    .clone()
                    .skip_while(|letter| *letter == '{')
                    .take_while(char::is_ascii_hexdigit)
                    .take(4)
                    .collect();
                units.push(u16::from_str_radix(&digits, 16).unwrap_or(0xfffd));
                let braces = usize::from(rest.clone().next() == Some('{')) * 2;
                for _ in 0..digits.len() + braces {
                    rest.next();
                }
            }
            Some('n') => units.push(10),
            Some(letter) => units.extend(letter.encode_utf16(&mut [0; 2]).iter()),
            None => {}
        }
    }
    String::from_utf16_lossy(&units).into_bytes()
}

fn unpercented(text: &[u8], form: bool) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'%', [one, two, more @ ..]) if one.is_ascii_hexdigit() && two.is_ascii_hexdigit() => {
                bytes.extend(HEXLOWER_PERMISSIVE.decode(&[*one, *two]).unwrap());
                rest = more;
            }
            (b'+', _) if form => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
    }
    bytes
}

/// Whether half of a secret, or more, can be read.
fn survives(secret: &[u8], text: &str) -> bool {
    // Bytes as letters: the search in texts is the fast one.
    let letters = |bytes: &[u8]| bytes.iter().copied().map(char::from).collect::<String>();
    let half = secret.len() / 2;
    let parts = [&secret[..half], &secret[half / 2..half / 2 + half], &secret[secret.len() - half..]].map(letters);
    readings(text).iter().any(|text| {
        let text = letters(text);
        parts.iter().any(|part| text.contains(part.as_str()))
    })
}

/// The places of `secrets` secrets in which one can be read after this was done to the text: the secret's number and the carrier's.
fn read_after(secrets: usize, clean: impl Fn(&[Vec<u8>], &str) -> String) -> Vec<(usize, usize, String)> {
    let mut numbers = Numbers(20_261_122);
    let lines: Vec<&str> = LINES.lines().collect();
    let mut read = Vec::new();
    for first in (0..secrets).step_by(KNOWN) {
        let known: Vec<Vec<u8>> = (0..KNOWN).map(|_| numbers.secret()).collect();
        for (index, secret) in known.iter().enumerate() {
            let place = (first + index) % PLACES;
            let carrier = carrier(place, secret);
            let text = format!("{carrier}\n{}", logged(lines[numbers.below(lines.len())], &carrier));
            let clean = clean(&known, &text);
            if survives(secret, &clean) {
                read.push((first + index, place, clean));
            }
        }
    }
    read
}

fn knowing(secrets: &[Vec<u8>]) -> Redactor {
    let redactor = Redactor::of(None, None);
    secrets.iter().for_each(|secret| redactor.learn(secret));
    redactor
}

/// The places where a name, or the form of it, tells that something is secret.
const TOLD: [usize; 17] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 18, 19];

/// The same of secrets as programs make them, none of which the redactor was taught.
fn read_untaught(secrets: usize, clean: impl Fn(&str) -> String) -> Vec<(usize, String)> {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut numbers = Numbers(20_261_123);
    let lines: Vec<&str> = LINES.lines().collect();
    let mut read = Vec::new();
    for index in 0..secrets {
        let length = 20 + numbers.below(30);
        let secret = match numbers.below(4) {
            0 => format!("spd_{}", numbers.pick(LETTERS, 40)),
            1 => numbers.pick("0123456789abcdef", 48),
            2 => numbers.pick(&format!("{LETTERS}-_"), length),
            _ => format!("{}==", numbers.pick(&format!("{LETTERS}+/"), length)),
        };
        let place = TOLD[index % TOLD.len()];
        let carrier = carrier(place, secret.as_bytes());
        let text = format!("{carrier}\n{}", logged(lines[numbers.below(lines.len())], &carrier));
        let clean = clean(&text);
        if survives(secret.as_bytes(), &clean) {
            read.push((place, clean));
        }
    }
    read
}

#[test]
fn none_of_two_thousand_that_nobody_taught_can_be_read_where_a_name_tells() {
    let redactor = Redactor::of(None, None);
    let read = read_untaught(2_000, |text| redactor.clean(text));
    assert!(read.is_empty(), "{} of them, the first: {:?}", read.len(), &read[..read.len().min(3)]);
    // The twin: one that looks for what it was taught alone shows every one of them.
    assert_eq!(read_untaught(TOLD.len() * 4, without_addresses).len(), TOLD.len() * 4);
}

#[test]
fn a_real_log_stays_as_it_is() {
    let redactor = Redactor::of(None, None);
    for line in LINES.lines() {
        assert_eq!(redactor.clean(line), line);
    }
}

#[test]
fn none_of_ten_thousand_planted_secrets_can_be_read() {
    let read = read_after(SECRETS, |known, text| knowing(known).clean(text));
    assert!(read.is_empty(), "{} of them, the first: {:?}", read.len(), &read[..read.len().min(3)]);
}

/// The twins that must fail: without a redactor every place shows its secret; one that knows it as it is alone is caught where it stands otherwise.
#[test]
fn a_redactor_that_takes_nothing_out_or_too_little_is_caught() {
    let read = read_after(220, |_, text| text.to_owned());
    assert_eq!(read.len(), 220, "a place hides its secret by itself");
    let simple = |known: &[Vec<u8>], text: &str| {
        let texts = known.iter().filter_map(|secret| std::str::from_utf8(secret).ok());
        texts.fold(text.to_owned(), |clean, secret| clean.replace(secret, SECRET))
    };
    let caught: BTreeSet<usize> = read_after(2_200, simple).into_iter().map(|(_, place, _)| place).collect();
    assert_eq!(caught.len(), PLACES, "only in {caught:?}");
}
