//! Takes secrets and places out of text before it is written or shown: the one way to the log, to a panic's line and to a report.
//!
//! First of all nothing secret is logged; this is for the line that somebody writes tomorrow. Every secret that this process knows is looked for as it is, as
//! base64, base64url, hex and percent-encoded text, alone or inside of something longer, and in JSON within JSON; one that it does not know by the name before
//! it, or by its own form. Addresses of the network keep their first three numbers, the home folder becomes `~`, the user's name `<user>`.

mod shapes;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, Encoding, HEXLOWER, HEXUPPER};
use zeroize::Zeroizing;

/// What takes a secret's place.
const SECRET: &str = "<secret>";
/// Shorter ones are words of every text: looking for them would take out everything.
const SHORTEST: usize = 8;
/// Codes and tokens that came and went and are remembered, the newest ones: a code lives for three minutes.
const PASSING: usize = 64;

/// What this process knows: its log and its reports go through it.
pub fn here() -> &'static Redactor {
    static HERE: LazyLock<Redactor> = LazyLock::new(Redactor::of_user);
    &HERE
}

/// Teaches this process the keys of the service, as far as they can be read.
pub fn learn_keys(data: &std::path::Path) {
    for name in channel::store::backup::KEYS {
        let Ok(key) = std::fs::read(data.join(name)).map(Zeroizing::new) else { continue };
        here().learn(&key);
        // The lines of a PEM file, without its fences.
        let lines = key.split(|byte| *byte == b'\n').filter(|line| line.len() >= 16 && !line.starts_with(b"-----"));
        lines.for_each(|line| here().learn(line));
    }
}

/// How one secret may stand in a text.
#[derive(PartialEq, Eq)]
struct Forms {
    /// Letter for letter.
    exact: Vec<Zeroizing<String>>,
    /// Without backslashes, of which every JSON around another one doubles all.
    bare: Vec<Zeroizing<String>>,
}

/// What is looked for. Cheap to clone: all clones know the same.
#[derive(Clone, Default)]
pub struct Redactor {
    known: Arc<RwLock<Known>>,
}

#[derive(Default)]
struct Known {
    lasting: Vec<Forms>,
    passing: VecDeque<Forms>,
    home: Option<String>,
    user: Option<String>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Redactor")
    }
}

impl Redactor {
    /// One that knows whose computer this is.
    pub fn of_user() -> Self {
        let of = |names: [&str; 2]| names.into_iter().find_map(|name| std::env::var(name).ok());
        Self::of(of(["HOME", "USERPROFILE"]), of(["USER", "USERNAME"]))
    }

    /// One that knows this home folder and this user.
    pub fn of(home: Option<String>, user: Option<String>) -> Self {
        let named = |name: &String| name.len() >= 3 && name != "root";
        let known = Known { home: home.filter(|home| home.len() > 1), user: user.filter(named), ..Known::default() };
        Self { known: Arc::new(RwLock::new(known)) }
    }

    /// From now on this is taken out, in every form: a key.
    pub fn learn(&self, secret: &[u8]) {
        let Some(forms) = forms(secret) else { return };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if !known.lasting.contains(&forms) {
            known.lasting.push(forms);
        }
    }

    /// The same of a code or a token that soon is of no use: the newest 64 are remembered.
    pub fn learn_passing(&self, secret: &[u8]) {
        let Some(forms) = forms(secret) else { return };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.passing.push_back(forms);
        if known.passing.len() > PASSING {
            known.passing.pop_front();
        }
    }

    /// The text without what is nobody else's business.
    pub fn clean(&self, text: &str) -> String {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut clean = text.to_owned();
        let all = || known.lasting.iter().chain(&known.passing);
        for form in longest_first(all().flat_map(|forms| &forms.exact), text) {
            clean = clean.replace(form, SECRET);
        }
        if clean.contains('\\') {
            clean = without_escaped(&clean, all().flat_map(|forms| &forms.bare));
        }
        clean = shapes::without(&clean);
        if let Some(home) = &known.home {
            clean = clean.replace(home.as_str(), "~");
        }
        if let Some(user) = &known.user {
            clean = replace_word(&clean, user, "<user>");
        }
        without_addresses(&clean)
    }
}

/// Those that are in a text. A secret inside another's text: the longer one first, so that none of it is left.
fn longest_first<'f>(forms: impl Iterator<Item = &'f Zeroizing<String>>, text: &str) -> Vec<&'f str> {
    let mut found: Vec<&str> = forms.map(|form| form.as_str()).filter(|form| text.contains(form)).collect();
    found.sort_by_key(|form| std::cmp::Reverse(form.len()));
    found
}

/// The text without these, however many backslashes stand between their letters.
fn without_escaped<'f>(text: &str, bare: impl Iterator<Item = &'f Zeroizing<String>>) -> String {
    let (mut letters, mut places) = (Zeroizing::new(String::with_capacity(text.len())), Vec::with_capacity(text.len()));
    for (place, letter) in text.char_indices().filter(|(_, letter)| *letter != '\\') {
        letters.push(letter);
        places.resize(letters.len(), place);
    }
    let mut ranges: Vec<(usize, usize)> = longest_first(bare, &letters)
        .into_iter()
        .flat_map(|form| letters.match_indices(form))
        .filter_map(|(at, form)| {
            // The backslashes before the first letter are the first letter's.
            let begin = text[..places[at]].trim_end_matches('\\').len();
            let last = *places.get(at + form.len() - 1)?;
            Some((begin, last + text[last..].chars().next().map_or(0, char::len_utf8)))
        })
        .collect();
    ranges.sort_unstable();
    let (mut clean, mut done) = (String::with_capacity(text.len()), 0);
    for (begin, end) in ranges {
        if begin >= done {
            clean.push_str(&text[done..begin]);
            clean.push_str(SECRET);
        }
        done = done.max(end);
    }
    clean.push_str(&text[done..]);
    clean
}

/// How a secret may stand in a text, each way once. `None`: it is too short to be looked for.
fn forms(secret: &[u8]) -> Option<Forms> {
    if secret.len() < SHORTEST {
        return None;
    }
    let base64 = [BASE64_NOPAD, BASE64URL_NOPAD];
    let whole = base64.each_ref().map(|encoding| Zeroizing::new(encoding.encode(secret)));
    let mut exact = vec![Zeroizing::new(HEXLOWER.encode(secret)), Zeroizing::new(HEXUPPER.encode(secret))];
    exact.extend(base64.iter().flat_map(|encoding| inside(encoding, secret)));
    exact.extend(whole.iter().flat_map(|text| inside(&BASE64_NOPAD, text.as_bytes())));
    exact.extend(percent(secret));
    exact.extend(whole.iter().flat_map(|text| percent(text.as_bytes())));
    exact.extend(whole);
    let mut bare = Vec::new();
    if let Ok(text) = std::str::from_utf8(secret) {
        let json = escaped(text);
        exact.extend(percent(json.as_bytes()));
        exact.push(Zeroizing::new(text.to_owned()));
        // In the shell's quotes, and in those of Rust.
        let (shell, debug) = (Zeroizing::new(text.replace('\'', r"'\''")), Zeroizing::new(format!("{text:?}")));
        let debug = debug.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(&debug);
        let all = [text, &json, &without_letters(&json), &shell, debug];
        bare.extend(all.map(|text| Zeroizing::new(text.replace('\\', ""))));
        bare.retain(|form| form.len() >= SHORTEST);
    }
    for forms in [&mut exact, &mut bare] {
        forms.sort_unstable_by(|one, other| one.as_str().cmp(other));
        forms.dedup();
    }
    Some(Forms { exact, bare })
}

/// The letters of base64 that this secret alone decides, wherever it begins in what is encoded: `user:password`, say.
fn inside(encoding: &Encoding, secret: &[u8]) -> [Zeroizing<String>; 3] {
    [0, 1, 2].map(|before| {
        let whole = Zeroizing::new([&[0; 2][..before], secret].concat());
        let text = Zeroizing::new(encoding.encode(&whole));
        let own = (before * 8).div_ceil(6)..whole.len() * 8 / 6;
        Zeroizing::new(text[own].to_owned())
    })
}

/// As it stands in JSON.
fn escaped(text: &str) -> Zeroizing<String> {
    let json = Zeroizing::new(serde_json::Value::from(text).to_string());
    Zeroizing::new(json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap_or(&json).to_owned())
}

/// JSON of a writer that trusts nobody with letters beyond ASCII.
fn without_letters(json: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(json.len() * 3));
    for letter in json.chars() {
        if letter.is_ascii() {
            text.push(letter);
        } else {
            letter.encode_utf16(&mut [0; 2]).iter().for_each(|unit| text.push_str(&format!("\\u{unit:04x}")));
        }
    }
    text
}

/// As it stands in a URL: RFC 3986, `encodeURIComponent`, `encodeURI` and a form each leave other bytes as they are, and write the rest in capitals or not.
fn percent(bytes: &[u8]) -> Vec<Zeroizing<String>> {
    const LEFT: [&[u8]; 4] = [b"-._~", b"-_.!~*'()", b"-_.!~*'();/?:@&=+$,#", b"*-._ "];
    let digits = [HEXUPPER, HEXLOWER];
    let mut forms = Vec::with_capacity(LEFT.len() * digits.len());
    for left in LEFT {
        for digits in &digits {
            let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 3));
            for byte in bytes {
                match byte {
                    b' ' if left.contains(byte) => text.push('+'),
                    byte if byte.is_ascii_alphanumeric() || left.contains(byte) => text.push(char::from(*byte)),
                    byte => {
                        text.push('%');
                        text.push_str(&digits.encode(&[*byte]));
                    }
                }
            }
            forms.push(text);
        }
    }
    forms
}

/// Replaces a name where it stands alone: `anna` is not in `hosanna`.
fn replace_word(text: &str, word: &str, by: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    let inside = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    while let Some(at) = rest.find(word) {
        let (before, after) = (&rest[..at], &rest[at + word.len()..]);
        clean.push_str(before);
        let part = inside(clean.chars().next_back()) || inside(after.chars().next());
        clean.push_str(if part { word } else { by });
        rest = after;
    }
    clean.push_str(rest);
    clean
}

/// Addresses of other machines keep the network they are in.
fn without_addresses(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    let part = |letter: char| letter.is_ascii_hexdigit() || matches!(letter, '.' | ':');
    while let Some(at) = rest.find(part) {
        clean.push_str(&rest[..at]);
        let length = rest[at..].find(|letter| !part(letter)).unwrap_or(rest.len() - at);
        let (word, after) = rest[at..].split_at(length);
        let glued = clean.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_');
        clean.push_str(&if glued { word.to_owned() } else { without_address(word) });
        rest = after;
    }
    clean.push_str(rest);
    clean
}

/// `192.168.1.7:8765` becomes `192.168.1.x:8765`; what is no address of a network stays.
fn without_address(word: &str) -> String {
    let bare = word.trim_end_matches(['.', ':']);
    let end = &word[bare.len()..];
    let (address, port) = match bare.split_once(':') {
        Some((address, port)) if address.contains('.') && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            (address, format!(":{port}"))
        }
        Some(_) | None => (bare, String::new()),
    };
    if let Ok(v4) = address.parse::<Ipv4Addr>() {
        let [a, b, c, _] = v4.octets();
        return if v4.is_loopback() || v4.is_unspecified() {
            word.to_owned()
        } else {
            format!("{a}.{b}.{c}.x{port}{end}")
        };
    }
    match bare.parse::<Ipv6Addr>() {
        Ok(v6) if !v6.is_loopback() && !v6.is_unspecified() => {
            format!("{:x}:{:x}::x{end}", v6.segments()[0], v6.segments()[1])
        }
        Ok(_) | Err(_) => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    mod planted;

    use super::*;

    fn redactor() -> Redactor {
        Redactor::of(Some("/home/anna".into()), Some("anna".into()))
    }

    #[test]
    fn a_secret_is_taken_out_in_every_form() {
        let redactor = redactor();
        let secret = [0xfb; 32];
        let word = b"correct \"horse\"/battery";
        for secret in [&secret[..], word] {
            redactor.learn(secret);
            for form in [
                BASE64_NOPAD.encode(secret),
                data_encoding::BASE64.encode(secret),
                BASE64URL_NOPAD.encode(secret),
                HEXLOWER.encode(secret),
                HEXUPPER.encode(secret),
                percent(secret)[0].to_string(),
            ] {
                let clean = redactor.clean(&format!("before {form} after, url=http://x/#{form}"));
                assert!(!clean.contains(&form) && clean.contains(SECRET), "{clean}");
                assert!(clean.starts_with("before ") && clean.contains(" after"));
            }
        }
        let text = String::from_utf8_lossy(word).into_owned();
        assert!(!redactor.clean(&text).contains("horse"));
        assert!(!redactor.clean(&serde_json::json!({ "it": text }).to_string()).contains("horse"));
        // One that nobody learned stays: the search above can fail.
        let other = HEXLOWER.encode(&[7; 32]);
        assert!(redactor.clean(&other).contains(&other));
    }

    #[test]
    fn places_and_people_are_not_named() {
        let clean = |text: &str| redactor().clean(text);
        assert_eq!(clean("/home/anna/.local/share/smartpi/channel.db"), "~/.local/share/smartpi/channel.db");
        assert_eq!(clean("run by anna, hosanna"), "run by <user>, hosanna");
        assert_eq!(clean("peer=192.168.1.77 came"), "peer=192.168.1.x came");
        assert_eq!(clean("http://10.0.0.7:8765/b and 127.0.0.1:8765."), "http://10.0.0.x:8765/b and 127.0.0.1:8765.");
        assert_eq!(clean("[fd12:3456::9]:8765, [::1]:8765"), "[fd12:3456::x]:8765, [::1]:8765");
        for kept in ["version 2026.9.6", "at 2026-11-21T17:40:04Z", "src/store.rs:12:34", "deadbeef", "a: b"] {
            assert_eq!(clean(kept), kept);
        }
    }
}
