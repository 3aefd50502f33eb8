//! Takes secrets and places out of text before it is written or shown: the one way to the log, to a panic's line and to a report.
//!
//! First of all nothing secret is logged; this is for the line that somebody writes tomorrow. Every secret that this process knows is looked for as it is and as
//! base64, base64url, hex and percent-encoded text. Addresses of the network keep their first three numbers, the home folder becomes `~`, the user's name
//! `<user>`.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
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

/// The forms of one secret.
type Forms = Vec<Zeroizing<String>>;

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
        let forms = forms(secret);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if !forms.is_empty() && !known.lasting.contains(&forms) {
            known.lasting.push(forms);
        }
    }

    /// The same of a code or a token that soon is of no use: the newest 64 are remembered.
    pub fn learn_passing(&self, secret: &[u8]) {
        let forms = forms(secret);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if !forms.is_empty() {
            known.passing.push_back(forms);
        }
        if known.passing.len() > PASSING {
            known.passing.pop_front();
        }
    }

    /// The text without what is nobody else's business.
    pub fn clean(&self, text: &str) -> String {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut clean = text.to_owned();
        let mut found: Vec<&Zeroizing<String>> =
            known.lasting.iter().chain(&known.passing).flatten().filter(|form| text.contains(form.as_str())).collect();
        // A secret inside another's text: the longer one first, so that none of it is left.
        found.sort_by_key(|form| std::cmp::Reverse(form.len()));
        for secret in found {
            clean = clean.replace(secret.as_str(), SECRET);
        }
        if let Some(home) = &known.home {
            clean = clean.replace(home.as_str(), "~");
        }
        if let Some(user) = &known.user {
            clean = replace_word(&clean, user, "<user>");
        }
        without_addresses(&clean)
    }
}

/// How a secret may stand in a text.
fn forms(secret: &[u8]) -> Forms {
    if secret.len() < SHORTEST {
        return Forms::new();
    }
    let mut forms = vec![
        Zeroizing::new(BASE64_NOPAD.encode(secret)),
        Zeroizing::new(BASE64URL_NOPAD.encode(secret)),
        Zeroizing::new(HEXLOWER.encode(secret)),
        Zeroizing::new(HEXUPPER.encode(secret)),
        percent(secret),
    ];
    if let Ok(text) = std::str::from_utf8(secret) {
        forms.push(Zeroizing::new(text.to_owned()));
        // As it stands in JSON.
        let escaped = Zeroizing::new(serde_json::Value::from(text).to_string());
        forms.push(Zeroizing::new(escaped.trim_matches('"').to_owned()));
    }
    forms
}

/// Every byte that a URL escapes, escaped.
fn percent(secret: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(secret.len() * 3));
    for byte in secret {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            text.push(char::from(*byte));
        } else {
            text.push('%');
            text.push_str(&HEXUPPER.encode(&[*byte]));
        }
    }
    text
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
                percent(secret).to_string(),
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
