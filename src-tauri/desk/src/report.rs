//! A text for support: what somebody who helps must know, and nothing else.
//!
//! It is built from a list of what may be in it: versions, states, counts, settings, the last lines of the log with a list of their fields. Names of devices and
//! people, words and keys are not on these lists; what is left goes through the redactor. The person reads it before it is saved or copied.

mod health;

use std::fmt::Write;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use channel::clock::Clock;
use channel::store::{self, backup};
use jiff::Zoned;
use serde::Serialize;
use serde_json::Value;

use crate::backup::FileError;
use crate::control::answer::{AddressReach, DeviceState};
use crate::failure::Failure;
use crate::folders::Folders;
use crate::redact;
use crate::release::ReleaseView;
use crate::settings::Settings;
use crate::view::View;
use crate::words::moment::exact;

/// How many lines of the log.
const LINES: usize = 80;
/// The end of the log file that is read for them, in bytes.
const TAIL: u64 = 64 << 10;
/// Fields of a log line that may be in a report; others are left out, whatever they hold.
const FIELDS: &[&str] = &[
    "timestamp",
    "level",
    "target",
    "message",
    "code",
    "port",
    "phase",
    "addresses",
    "agent",
    "generation",
    "plugin",
    "host",
    "number",
    "afterS",
    "asOfMs",
    "place",
    "topic",
    "reason",
    "bytes",
    "n",
    "shown",
    "error",
    "cause",
    "outcome",
    "step",
    "entry",
    "change",
];

/// The text. `view`: what the running service shows; `None`: none runs. Reads a few files; they are small.
pub fn make(view: Option<&View>, folders: &Folders) -> String {
    redact::learn_keys(&folders.data);
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write(&mut text, view, folders);
    redact::here().clean(&text)
}

/// Saves the text as a new file, for its owner only.
///
/// # Errors
/// There is a file of this name, or it cannot be written.
pub fn save(to: &Path, text: &str) -> Result<(), FileError> {
    let failed = |source| FileError::File { path: to.to_owned(), source };
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let opened = options.open(to);
    if opened.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists) {
        return Err(FileError::Exists(to.to_owned()));
    }
    let mut file = opened.map_err(failed)?;
    io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)
}

/// [`save`], under a name that tells when.
///
/// # Errors
/// As [`save`].
pub fn save_in(folder: &Path, text: &str) -> Result<PathBuf, FileError> {
    let file = folder.join(file_name(&Zoned::now()));
    save(&file, text)?;
    Ok(file)
}

fn file_name(at: &Zoned) -> String {
    format!("smartpi-report-{}.txt", at.strftime("%Y-%m-%d-%H%M%S"))
}

fn write(text: &mut String, view: Option<&View>, folders: &Folders) -> std::fmt::Result {
    writeln!(text, "SmartPi {} report, {}", env!("CARGO_PKG_VERSION"), exact(Clock::start().wall_ms()))?;
    writeln!(text, "system: {} {}", std::env::consts::OS, std::env::consts::ARCH)?;
    match view {
        Some(view) => running(text, view)?,
        None => writeln!(text, "\nservice: not running")?,
    }
    health::repaired(text, &folders.data, view.map(|view| &view.care))?;
    settings(text, folders)?;
    saved(text, &folders.data)?;
    writeln!(text, "\nlast lines of the log:")?;
    match tail(&folders.log_file()) {
        Ok(lines) => lines.iter().try_for_each(|line| writeln!(text, "  {line}")),
        Err(error) => writeln!(text, "  cannot be read: {error}"),
    }
}

fn running(text: &mut String, view: &View) -> std::fmt::Result {
    let service = &view.service;
    writeln!(text, "\nservice: {} since {}, port {}", word(&service.phase), exact(service.since_ms), service.port)?;
    if let Some(failure) = &service.failure {
        writeln!(text, "  failed: {}", said(failure))?;
    }
    let app = &view.app;
    writeln!(
        text,
        "version: {}, desktop {}, tray {:?}, starts at login {:?}",
        app.version, app.desktop, app.tray, app.autostart
    )?;
    writeln!(text, "newer releases: {}", releases(view.release.as_ref()))?;
    writeln!(text, "network: {}", word(&view.network.permission))?;
    for address in &view.network.addresses {
        let reach = match address.reach {
            AddressReach::Computer => "this computer",
            AddressReach::Network => "network",
        };
        let proven = if address.proven_ms.is_some() { ", reached by another machine" } else { "" };
        writeln!(text, "  {} ({reach}{proven})", address.ip)?;
    }
    let assistant = &view.assistant;
    writeln!(
        text,
        "assistant: {}, {} since {}, plugin {}, gateway {}{}",
        word(&assistant.kind),
        word(&assistant.link),
        exact(assistant.since_ms),
        assistant.plugin.as_deref().unwrap_or("-"),
        assistant.host.as_deref().unwrap_or("-"),
        if assistant.refused_gateway.is_some() { ", another one was refused" } else { "" },
    )?;
    let online = view.devices.iter().filter(|device| device.state != DeviceState::Offline).count();
    writeln!(text, "devices: {} bound, {online} online, {} waiting for a yes", view.devices.len(), view.pending.len())?;
    for (number, device) in view.devices.iter().enumerate() {
        let (state, waiting) = (word(&device.state), device.waiting);
        let kind = &device.kind;
        writeln!(
            text,
            "  device {}: {kind}, {state}, seen {}, {waiting} replies wait",
            number + 1,
            exact(device.last_seen_ms)
        )?;
    }
    writeln!(text, "keys for OpenClaw: {}", word(&view.secrets.place))?;
    health::seen(text, view)?;
    view.troubles.iter().try_for_each(|trouble| writeln!(text, "trouble: {}", said(trouble)))
}

fn releases(view: Option<&ReleaseView>) -> String {
    let Some(view) = view else { return "this program does not look".into() };
    if !view.wanted {
        return "not looked for".into();
    }
    let newer = view.newer.as_ref().map_or("none known", |newer| &newer.version);
    let looked = view.looked_ms.map_or_else(|| "never".into(), exact);
    let trouble = view.trouble.as_ref().map(|trouble| format!(", then {}", word(&trouble.why))).unwrap_or_default();
    format!("{newer}, looked {looked}{trouble}")
}

fn settings(text: &mut String, folders: &Folders) -> std::fmt::Result {
    match Settings::load(&folders.settings_file()) {
        Ok(settings) => writeln!(
            text,
            "\nsettings: port {}, words kept {} days, told after {} s, stopped {}, {} networks decided, {} devices muted",
            settings.port,
            settings.keep_text_days,
            settings.answer_after_s,
            settings.stopped,
            settings.networks.len(),
            settings.muted.len(),
        ),
        Err(error) => writeln!(text, "\nsettings: {}", said(&error.into())),
    }
}

fn saved(text: &mut String, data: &Path) -> std::fmt::Result {
    // Only looked at from outside: opening the file of a running service would cost SQLite its locks.
    let size = |name: String| {
        fs::metadata(data.join(name))
            .map_or_else(|error| error.kind().to_string(), |file| format!("{} bytes", file.len()))
    };
    writeln!(text, "saved data: {}, log beside it {}", size(store::FILE.into()), size(format!("{}-wal", store::FILE)))?;
    match backup::list(data) {
        Ok(backups) => {
            writeln!(text, "backups: {}", backups.len())?;
            for made in backups {
                let manifest = backup::manifest(&made.folder);
                let of = manifest.map_or_else(|error| error.to_string(), |manifest| exact(manifest.made_ms));
                writeln!(text, "  {}: {of}", made.number)?;
            }
        }
        Err(error) => writeln!(text, "backups: {error}")?,
    }
    let entries = fs::read_dir(data).into_iter().flatten().flatten();
    let aside = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut aside: Vec<String> =
        aside.filter(|name| name.starts_with("corrupt-") || name.starts_with("replaced-")).collect();
    aside.sort();
    aside.iter().try_for_each(|name| writeln!(text, "moved aside: {name}"))
}

/// The code, and what it happened to.
fn said(failure: &Failure) -> String {
    let code = failure.code.as_str();
    if failure.detail.is_null() { code.to_owned() } else { format!("{code} {}", failure.detail) }
}

/// The name of a state, as on the control socket.
fn word(state: &impl Serialize) -> String {
    serde_json::to_value(state).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The newest lines, each with the fields of the list.
fn tail(log: &Path) -> io::Result<Vec<String>> {
    let mut file = File::open(log)?;
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<String> = text.lines().filter_map(fields).collect();
    Ok(lines[lines.len().saturating_sub(LINES)..].to_vec())
}

fn fields(line: &str) -> Option<String> {
    let Value::Object(line) = serde_json::from_str(line).ok()? else { return None };
    let listed = FIELDS.iter().filter_map(|name| Some((*name, line.get(*name)?)));
    let written = listed.map(|(name, value)| match (name, value.as_str()) {
        ("timestamp" | "level" | "target" | "message", Some(text)) => text.to_owned(),
        (_, Some(text)) => format!("{name}={text:?}"),
        (_, None) => format!("{name}={value}"),
    });
    Some(written.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_report_is_the_owners_alone_and_replaces_none() {
        let temp = tempfile::tempdir().unwrap();
        let at: Zoned = "2026-11-21T09:05:07+00:00[UTC]".parse().unwrap();
        assert_eq!(file_name(&at), "smartpi-report-2026-11-21-090507.txt");
        let file = save_in(temp.path(), "one").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "one");
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions()) & 0o777, 0o600);
        assert!(matches!(save(&file, "two"), Err(FileError::Exists(_))));
        assert_eq!(fs::read_to_string(&file).unwrap(), "one");
    }

    #[test]
    fn what_is_known_of_newer_releases_is_told_in_a_line() {
        use crate::release::{LookTrouble, LookWhy, Newer, Notes};
        assert_eq!(releases(None), "this program does not look");
        assert_eq!(releases(Some(&ReleaseView::default())), "not looked for");
        let mut view = ReleaseView { wanted: true, ..ReleaseView::default() };
        assert_eq!(releases(Some(&view)), "none known, looked never");
        view.newer = Some(Newer { version: "0.2.0".into(), notes: Notes::default(), found_ms: 1, package: None });
        view.looked_ms = Some(0);
        view.trouble = Some(LookTrouble { why: LookWhy::Unreachable, detail: "cannot connect to github.com".into() });
        assert_eq!(releases(Some(&view)), format!("0.2.0, looked {}, then unreachable", exact(0)));
    }

    #[test]
    fn only_listed_fields_of_a_log_line_are_told() {
        let line = r#"{"timestamp":"T","level":"INFO","message":"device connected","deviceKey":"kzdv","peer":"10.0.0.7","text":"hi","target":"channel::hub"}"#;
        assert_eq!(fields(line).unwrap(), "T INFO channel::hub device connected");
        let repair = r#"{"timestamp":"T","level":"WARN","message":"a step of a repair failed","code":"gateway_down","detail":"x","step":"RestartGateway"}"#;
        assert_eq!(
            fields(repair).unwrap(),
            r#"T WARN a step of a repair failed code="gateway_down" step="RestartGateway""#
        );
        assert_eq!(fields("half a li"), None);
    }

    #[test]
    fn nothing_planted_anywhere_is_in_a_report() {
        let temp = tempfile::tempdir().unwrap();
        let folders = Folders::under(temp.path().join("data"));
        folders.create().unwrap();
        let canary = |number: u8| [number ^ 0xa7; 32];
        let mut planted: Vec<Vec<u8>> = Vec::new();
        for (number, name) in (0..).zip(backup::KEYS) {
            fs::write(folders.data.join(name), canary(number)).unwrap();
            planted.push(canary(number).to_vec());
        }
        let words: Vec<String> = (0..37).map(|number| format!("canary-of-{number}-the-mine")).collect();
        let log: String = words
            .iter()
            .zip(planted.iter().cycle())
            .map(|(word, key)| {
                let error = format!("bad key {}", data_encoding::HEXLOWER.encode(key));
                serde_json::json!({"message": "refused", "text": word, "name": word, "url": word, "error": error})
                    .to_string()
                    + "\n"
            })
            .collect();
        fs::write(folders.log_file(), log).unwrap();
        fs::write(folders.settings_file(), format!("{{\"version\":2,\"nickname\":\"{}\"}}", words[0])).unwrap();
        let text = make(None, &folders);
        planted.extend(words.iter().map(|word| word.as_bytes().to_vec()));
        assert_eq!(planted.len(), 40);
        for secret in &planted {
            let forms = [
                String::from_utf8_lossy(secret).into_owned(),
                data_encoding::BASE64_NOPAD.encode(secret),
                data_encoding::BASE64URL_NOPAD.encode(secret),
                data_encoding::HEXLOWER.encode(secret),
                data_encoding::HEXUPPER.encode(secret),
            ];
            assert!(!forms.iter().any(|form| text.contains(form.as_str())), "{text}");
        }
        assert!(text.contains("refused") && text.contains("<secret>") && text.contains("not running"), "{text}");
        // The same without the redactor: the lists alone let a key in an error through.
        let mut bare = String::new();
        write(&mut bare, None, &folders).unwrap();
        assert!(bare.contains(&data_encoding::HEXLOWER.encode(&planted[0])));
        assert!(!words.iter().any(|word| bare.contains(word.as_str())), "{bare}");
    }
}
