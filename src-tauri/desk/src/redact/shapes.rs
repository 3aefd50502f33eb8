//! Secrets that nobody taught: a name before them tells, or their own form does.
//!
//! What helps somebody who helps stays: a placeholder, a reference to another place, a word such as `missing`, a count of tokens, a fingerprint, an id, a path.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use regex_lite::{Captures, Regex};

use super::SECRET;

/// Names of what is secret; the last part of a longer name as well.
const NAMES: &str = r"token|secret|pass(?:word|wd|phrase|code)|credentials?|api[_-]?key|(?:private|secret|access|link|auth|signing|encryption|master)[_-]?key|(?:typed|pairing|setup|binding)[_-]?code";

/// What stands in the place of a secret and is none.
const WORDS: [&str; 28] = [
    "true",
    "false",
    "yes",
    "no",
    "on",
    "off",
    "none",
    "null",
    "undefined",
    "nan",
    "missing",
    "mismatch",
    "required",
    "unset",
    "set",
    "stale",
    "wrong",
    "invalid",
    "expired",
    "absent",
    "present",
    "empty",
    "unknown",
    "redacted",
    "revoked",
    "rotated",
    "shared",
    "device",
];

/// Compiles one of the patterns below.
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of this file, which the tests compile")
}

/// A name, as it is or in the quotes of JSON at any depth, and what sets its value off; the wrapping that Rust's own output puts around one.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r#"(?:(?i:{NAMES}|authorization|cookie)(?:\\*["'])?[ \t]*(?:=>|[:=])|_(?:KEY|PASS|PWD)=)[ \t]*(?:[A-Z][A-Za-z]*\()*"#
    ))
});

/// A part of an address that only a secret has. What stands behind `#` in the address of a binding is one as a whole.
static IN_ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"(?i)([?&#](?:[a-z_.-]*token|key|code|auth|sig|signature|ticket)=)[^&#\s"'<>\\;]+|(/b#)[a-z0-9_.-]{20,}"#)
});

/// `user:password@` of an address.
static SIGN_IN: LazyLock<Regex> = LazyLock::new(|| pattern(r#"(://[^/\s:@"'\\]*:)[^@/\s"'\\]+@"#));

/// JSON in an address.
static PERCENT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r#"(?i)((?:{NAMES}|authorization)%22(?:%20|\+)*%3a(?:%20|\+)*%22)(?:[^%&\s"']|%[013-9a-f][0-9a-f]|%2[013-9a-f])+"#
    ))
});

/// An argument of a command, by itself or in a list.
static ARGUMENT: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r#"(?i)(?:^|[\s"'`(])--[a-z-]*(?:{NAMES}|key)(\\*["']\s*,\s*|[ \t]+)"#)));

/// A header's scheme.
static SCHEME: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\b(bearer|basic)([ \t]+)([a-z0-9._~+/=-]{6,})"));

/// Keys that say by themselves what they are: of OpenAI, Anthropic and those who write theirs so, of GitHub, GitLab, Slack, Google, AWS, Hugging Face, npm,
/// Telegram, of our own scripts; and signed JSON.
static FORMS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"\b(?:sk-[A-Za-z0-9_-]{16,}|gh[a-z]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|xox[a-z]-[A-Za-z0-9-]{10,}",
        r"|AIza[A-Za-z0-9_-]{30,}|AKIA[A-Z0-9]{16}|hf_[A-Za-z0-9]{20,}|npm_[A-Za-z0-9]{30,}|[0-9]{8,10}:[A-Za-z0-9_-]{35}|spd_[A-Za-z0-9_-]{16,}",
        r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)"
    ))
});

/// A private key, also one that is cut off, and one in a string.
static PEM: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(?:[A-Za-z0-9+/=\s\\:,.-]*?-----END [A-Z0-9 ]*PRIVATE KEY-----|[A-Za-z0-9+/=\s\\]*)",
    )
});

/// The text without them.
pub(super) fn without(text: &str) -> String {
    let text = PEM.replace_all(text, SECRET);
    let text = without_named(&text);
    let text = IN_ADDRESS.replace_all(&text, |found: &Captures<'_>| {
        let kept = found.get(1).or_else(|| found.get(2));
        format!("{}{SECRET}", kept.map_or("", |kept| kept.as_str()))
    });
    let text = SIGN_IN.replace_all(&text, format!("${{1}}{SECRET}@"));
    let text = PERCENT.replace_all(&text, format!("${{1}}{SECRET}"));
    let text = without_arguments(&text);
    let text = SCHEME.replace_all(&text, |found: &Captures<'_>| {
        let is_secret = looks_secret(&found[3]) || found[3].len() > 14;
        if is_secret { format!("{}{}{SECRET}", &found[1], &found[2]) } else { found[0].to_owned() }
    });
    FORMS.replace_all(&text, SECRET).into_owned()
}

/// How the value behind a name ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `NAME=value` of an environment: at the next blank.
    Environment,
    /// Of an address: at the next part.
    Address,
    /// `Authorization: scheme value`, `Cookie: name=value; …`: with the line.
    Header,
    /// Anywhere else.
    Plain,
}

fn without_named(text: &str) -> Cow<'_, str> {
    replaced(text, NAMED.find_iter(text).filter_map(|found| behind(text, found.as_str(), found.start(), found.end())))
}

fn without_arguments(text: &str) -> Cow<'_, str> {
    let values = ARGUMENT.captures_iter(text).filter_map(|found| {
        let (end, between) = (found.get(0)?.end(), found.get(1)?.as_str());
        if between.contains(',') {
            // In a list the quote of the value stands behind the comma.
            return quoted(text, end).filter(|value| is_told(&text[value.clone()]));
        }
        let value = quoted(text, end).unwrap_or_else(|| plain(text, end, |letter| " \t\r\n\"'\\,;".contains(letter)));
        let word = &text[value.clone()];
        (is_told(word) && looks_secret(word)).then_some(value)
    });
    replaced(text, values)
}

/// Where the secret behind this name is, if one is there.
fn behind(text: &str, name: &str, start: usize, end: usize) -> Option<Range<usize>> {
    let lower = name.to_lowercase();
    let is_header = lower.starts_with("authorization") || lower.starts_with("cookie");
    if let Some(value) = quoted(text, end) {
        let word = &text[value.clone()];
        return (if is_header { is_sent(word) } else { is_told(word) }).then_some(value);
    }
    let is_environment = name.contains('=') && !name.contains(|letter: char| letter.is_ascii_lowercase());
    let before =
        text[..start].trim_end_matches(|letter: char| letter.is_ascii_alphanumeric() || "_.-".contains(letter));
    let kind = if is_header {
        Kind::Header
    } else if is_environment {
        Kind::Environment
    } else if name.ends_with('=') && before.ends_with(['?', '&', '#']) {
        Kind::Address
    } else {
        Kind::Plain
    };
    let ends: &str = match kind {
        Kind::Environment => " \t\r\n\0\"'`\\",
        Kind::Address => " \t\r\n\"'\\&#;<>",
        Kind::Header => "\r\n\"'`\\",
        Kind::Plain => " \t\r\n\"'`\\&,;()<>{}[]",
    };
    let value = plain(text, end, |letter| ends.contains(letter));
    let word = &text[value.clone()];
    let is_secret = match kind {
        Kind::Environment | Kind::Address => is_told(word),
        Kind::Header => is_sent(word),
        Kind::Plain if lower.starts_with("pass") => is_told(word) && (name.ends_with('=') || has_digit(word)),
        Kind::Plain => is_told(word) && (looks_secret(word) || (name.ends_with('=') && word.len() > 14)),
    };
    is_secret.then_some(value)
}

/// What is between quotes that begin here, however many backslashes JSON in JSON puts before them. One that is cut off ends with the text.
fn quoted(text: &str, at: usize) -> Option<Range<usize>> {
    let rest = &text[at..];
    let depth = rest.bytes().take_while(|byte| *byte == b'\\').count();
    let quote = rest[depth..].chars().next().filter(|letter| "\"'".contains(*letter))?;
    let begin = at + depth + 1;
    let mut slashes = 0;
    for (place, letter) in text[begin..].char_indices() {
        if letter == '\\' {
            slashes += 1;
            continue;
        }
        // Every JSON around doubles them: a quote inside of the string has more, and a backslash at its end twice as many.
        if letter == quote && slashes % (2 * (depth + 1)) == depth {
            let end = begin + place - depth;
            // The shell's way to write a quote between two of its quotes.
            let after = &text[begin + place + 1..];
            if quote == '\'' && depth == 0 && after.starts_with(r"\''") {
                let more = quoted(text, begin + place + 3).map_or(end, |more| more.end);
                return Some(begin..more);
            }
            return Some(begin..end);
        }
        slashes = 0;
    }
    Some(begin..text.len())
}

fn plain(text: &str, at: usize, ends: impl Fn(char) -> bool) -> Range<usize> {
    at..text[at..].find(ends).map_or(text.len(), |length| at + length)
}

/// Whether this is a value, and none that only says where one is, or that there is none.
fn is_told(value: &str) -> bool {
    let bare = value.trim().trim_matches(['.', ':', '!']);
    let is_reference = ["<", "${", "$", "%", "__OPENCLAW", "[redacted"].iter().any(|begin| bare.starts_with(begin));
    let is_hidden = bare.chars().all(|letter| "*•.…-_xX".contains(letter));
    !is_hidden && !is_reference && !WORDS.contains(&bare.to_ascii_lowercase().as_str())
}

/// Whether this is what a header carries, and not what is said about one.
fn is_sent(value: &str) -> bool {
    value.contains('=') || value.split_whitespace().any(|part| part.len() > 14 || looks_secret(part))
}

fn has_digit(word: &str) -> bool {
    word.contains(|letter: char| letter.is_ascii_digit()) && word.len() >= 4
}

/// Whether this is rather something random than a word, a number or a path.
fn looks_secret(word: &str) -> bool {
    if word.len() < 8 || word.starts_with(['/', '~', '.']) || word.contains("://") {
        return false;
    }
    let has = |is: fn(&char) -> bool| word.chars().any(|letter| is(&letter));
    let (upper, lower) = (has(char::is_ascii_uppercase), has(char::is_ascii_lowercase));
    let has_parts = word.contains(['_', '-', '.'])
        && word.chars().all(|letter| letter.is_ascii_alphabetic() || "_-.".contains(letter));
    if has_parts && upper != lower {
        // A code, or the name of a setting.
        return false;
    }
    has(char::is_ascii_digit) && (upper || lower) || upper && lower && word.len() >= 16 || word.len() >= 24
}

fn replaced(text: &str, values: impl Iterator<Item = Range<usize>>) -> Cow<'_, str> {
    let (mut clean, mut done) = (String::new(), 0);
    for Range { start, end } in values {
        // One that stands in another one went with it.
        if start < done || start == end {
            continue;
        }
        clean.push_str(&text[done..start]);
        clean.push_str(SECRET);
        done = end;
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    clean.push_str(&text[done..]);
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests {
    use super::without;

    /// Where one comes to stand that nobody taught; `@` is it.
    const PLACES: &[&str] = &[
        "Authorization: Bearer @",
        "authorization: @",
        "curl -H 'Authorization: Bearer @' http://127.0.0.1/",
        "the header was Bearer @, refused",
        "{\"headers\":{\"authorization\":\"Bearer @\"}}",
        "Cookie: a=b; session=@; c=d",
        "GET /b?token=@&x=1",
        "opened http://127.0.0.1:18789/#token=@",
        "POST /login user=anna&password=@",
        "?access_token=@",
        "{\"channels\":{\"telegram\":{\"botToken\":\"@\"}}}",
        "{\\\"auth\\\":{\\\"token\\\":\\\"@\\\"}}",
        "{\"body\":\"{\\\"body\\\":\\\"{\\\\\\\"gatewayToken\\\\\\\":\\\\\\\"@\\\\\\\"}\\\"}\"}",
        "{ gateway: { auth: { token: '@', // mine\n } } }",
        "gateway.auth.password = \"@\"",
        "clientSecret: '@'",
        "apiKey: \"@\"",
        "API_KEY=\"@\"",
        "Params { token: Some(\"@\"), more: 1 }",
        "Object {\"token\": String(\"@\")}",
        "OPENCLAW_GATEWAY_TOKEN=@",
        "export OPENAI_API_KEY='@'",
        "Environment=\"SLACK_SIGNING_SECRET=@\"",
        "DB_PASSWORD=@ run",
        "MY_KEY=@",
        "wss://anna:@@10.0.0.7:18789/",
        "openclaw gateway --token @ --port 1",
        "argv [\"openclaw\",\"--password\",\"@\"]",
        "?state=%7B%22token%22%3A%22@%22%7D",
    ];
    const SECRETS: &[&str] = &[
        "q7Zr2mXw9TbK4sLd",
        "6f2d0c9e8b7a4f3e2d1c0b9a8f7e6d5c",
        "Ab3dE-gh_jK1mN0pQ",
        "correct-horse-battery-9-staple",
    ];

    #[test]
    fn one_that_nobody_taught_is_taken_out_where_a_name_tells() {
        for place in PLACES {
            for secret in SECRETS {
                let text = place.replacen("@@", &format!("{secret}@"), 1);
                let text = if text == *place { place.replace('@', secret) } else { text };
                let clean = without(&text);
                assert!(!clean.contains(secret) && clean.contains("<secret>"), "{text} -> {clean}");
                // Nothing after it goes with it.
                let tail = text.rsplit_once(secret).map(|(_, tail)| tail).unwrap_or_default();
                assert!(clean.ends_with(tail) || tail.starts_with("; c=d"), "{text} -> {clean}");
            }
        }
        // The twin: without the names and the forms each of these is a word among others, and stays.
        for secret in SECRETS {
            assert_eq!(without(&format!("seen {secret} here")), format!("seen {secret} here"));
        }
    }

    #[test]
    fn one_with_a_form_of_its_own_is_taken_out_anywhere() {
        let pem = |end: &str| format!("-----BEGIN PRIVATE KEY-----\\nMC4CAQAwBQYDK2VwBCIEIBx7\\nq1w2\\n{end}");
        for text in [
            "sk-proj-Ab12Cd34Ef56Gh78".to_owned(),
            "sk-ant-api03-Ab12Cd34Ef56Gh78".into(),
            "ghp_Ab12Cd34Ef56Gh78Ij90Kl12".into(),
            "xoxb-1234567890-abcdefghij".into(),
            "AKIAIOSFODNN7EXAMPLE".into(),
            "123456789:AAEhBP0av28FyYgGmBC7SzdrPqR4sT5uVwX".into(),
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl".into(),
            pem("-----END PRIVATE KEY-----"),
            pem(""),
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\nabcd\n-----END OPENSSH PRIVATE KEY-----".into(),
        ] {
            assert_eq!(without(&format!("a {text}; b")), "a <secret>; b", "{text}");
        }
        assert_eq!(
            without("http://10.0.0.7:8765/b#1.c0ffee.q7Zr2mXw9TbK4sLd and"),
            "http://10.0.0.7:8765/b#<secret> and"
        );
    }

    #[test]
    fn what_a_helper_needs_stays() {
        for kept in [
            "tokens: 512, maxTokens=4096, \"totalTokens\":77",
            "{\"sendsSharedToken\":true,\"kind\":\"token\",\"fingerprint\":\"1ecaa2\"}",
            "value: Token { fingerprint: Fingerprint(1ecaa2) }",
            "token: missing; the token: it is stale",
            "reason=token_mismatch token=missing password=required",
            "{\"token\":\"__OPENCLAW_REDACTED__\",\"password\":\"${MY_PASSWORD}\",\"apiKey\":\"\",\"botToken\":null}",
            "{ token: { source: 'env', provider: 'default', id: 'LAB_TOKEN' } }",
            "gateway.auth.token, channels.telegram.botToken",
            "sessionKey=agent:main:openclaw-smartpi:default:direct:kzdvvj2umnduyauf35o36k6kw4",
            "deviceKey=kzdvvj2umnduyauf35o36k6kw4 requestId=5e42109d-0eb8-48e0-89f0-b66ddd16e884",
            "sha256 3b72b038911670c5bd1e5529660bc25833aa, runId=b7709d6a-2efc-45e8-bd6d-93ee96c830c0",
            "/home/x/.openclaw/openclaw.json, /tmp/token.txt, link.key",
            "OpenClaw 2026.9.6 at ws://127.0.0.1:18789/, code=port_in_use",
            "AUTH_TOKEN_MISMATCH: unauthorized: gateway token mismatch",
            "GatewayDeviceTokenStale; ForgetDeviceToken { device_id: \"3b72b038\" }",
            "Give either --token or --password. Basic settings; bearer of news",
            "of X's token: AUTH_DEVICE_TOKEN_MISMATCH. `OPENCLAW_GATEWAY_TOKEN=wrong` token: gateway.auth.token.of.another",
            "authorization: refused; {\"authorization\":\"declared\"}",
            "DEBUG sending {\\\"content\\\":\\\"alpha-secret\\\",\\\"channelId\\\":\\\"openclaw-smartpi\\\"}",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
            "the password: it was wrong, 3 tries",
        ] {
            assert_eq!(without(kept), kept);
        }
    }
}
