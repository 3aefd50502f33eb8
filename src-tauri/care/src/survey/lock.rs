//! The lock files that a gateway writes when it starts.
//!
//! A clean end removes them, `SIGKILL` leaves them behind, so a lock alone proves nothing. From 2026.5 on there are two in the state folder, of which the one of
//! the configuration may be missing; up to 2026.4 there is one, in the temporary folder of the gateway.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Place;
use crate::seen::{Blind, Seen};

/// More than any lock: one of today has 450 bytes.
const LARGEST: u64 = 64 * 1024;

/// Where a lock was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LockForm {
    /// `tmp/openclaw-UID/gateway.state.lock` of the state folder; on Windows the folder has no number.
    State,
    /// `tmp/openclaw-UID/gateway.HASH.lock` of the state folder.
    Config,
    /// `$TMPDIR/openclaw-UID/gateway.HASH.lock`.
    Legacy,
}

/// A lock file that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LockFile {
    /// The file.
    pub path: PathBuf,
    /// Which of the three.
    pub form: LockForm,
    /// What it says.
    pub content: Seen<Lock>,
}

/// What a lock says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lock {
    /// The process that wrote it.
    pub pid: u32,
    /// That process's start, as [`super::Process::start`] counts it.
    pub start: Option<u64>,
    /// When it was written, ms since 1970.
    pub created_ms: Option<i64>,
    /// The configuration of its gateway.
    pub config_path: PathBuf,
    /// Its state folder. Releases up to 2026.4 do not say.
    pub state_dir: Option<PathBuf>,
    /// Its port. The port where it listens, whatever the configuration says by now. Releases up to 2026.4 do not say.
    pub port: Option<u16>,
    /// What holds it. Absent: a gateway; the doctor and embedded agents hold the same file.
    pub role: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    pid: u32,
    created_at: Option<String>,
    config_path: PathBuf,
    state_dir: Option<PathBuf>,
    port: Option<u16>,
    role: Option<String>,
    start_time: Option<f64>,
}

impl Lock {
    /// Reads a lock. What follows the JSON is padding.
    ///
    /// # Errors
    /// [`Blind::Unreadable`]: it is not what a gateway writes, or only its first half.
    pub fn parse(text: &str) -> Result<Self, Blind> {
        let payload: Payload = serde_json::from_str(text.trim_end_matches('\0')).map_err(|_| Blind::Unreadable)?;
        if payload.pid == 0 {
            return Err(Blind::Unreadable);
        }
        let whole = |start: f64| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked in the same line")]
            (start.fract() == 0.0 && (0.0..9e15).contains(&start)).then_some(start as u64)
        };
        let moment = |text: String| text.parse::<jiff::Timestamp>().ok().map(|at| at.as_millisecond());
        Ok(Self {
            pid: payload.pid,
            start: payload.start_time.and_then(whole),
            created_ms: payload.created_at.and_then(moment),
            config_path: payload.config_path,
            state_dir: payload.state_dir,
            port: payload.port,
            role: payload.role,
        })
    }

    /// Whether a gateway holds it, not the doctor or an embedded agent.
    pub fn is_of_gateway(&self) -> bool {
        self.role.as_deref().is_none_or(|role| role == "gateway")
    }
}

/// Every lock of the place that is there, with the paths in it made whole.
pub(super) fn find(place: &Place, temp_dirs: &[PathBuf], uid: u32) -> Vec<LockFile> {
    let folder = folder_name(uid);
    let hashed = |config: &Path| {
        let digest = Sha256::digest(config.as_os_str().as_encoded_bytes());
        format!("gateway.{}.lock", &data_encoding::HEXLOWER.encode(&digest)[..8])
    };
    let of_state = place.state_dir.join("tmp").join(&folder);
    let mut candidates = vec![(of_state.join("gateway.state.lock"), LockForm::State)];
    // The name is made of the path as the gateway was given it: with its links, or without.
    for name in [hashed(&place.config_path), hashed(&whole(&place.config_path))] {
        let old = temp_dirs.iter().map(|temp| (temp.join(&folder).join(&name), LockForm::Legacy));
        for candidate in std::iter::once((of_state.join(&name), LockForm::Config)).chain(old) {
            if !candidates.contains(&candidate) {
                candidates.push(candidate);
            }
        }
    }
    let read = |(path, form): (PathBuf, LockForm)| {
        let content = match read(&path) {
            Ok(None) => return None,
            Ok(Some(lock)) => Seen::Known(lock),
            Err(blind) => Seen::Hidden(blind),
        };
        Some(LockFile { path, form, content })
    };
    candidates.into_iter().filter_map(read).collect()
}

/// The lock of a state folder, where it can be read.
pub(super) fn of_state(state_dir: &Path, uid: u32) -> Option<Lock> {
    read(&state_dir.join("tmp").join(folder_name(uid)).join("gateway.state.lock")).ok().flatten()
}

/// Windows has no number for a user, and the folder there none in its name (`resolveGatewayLockDir` of OpenClaw's dist).
fn folder_name(uid: u32) -> String {
    if cfg!(windows) { "openclaw".into() } else { format!("openclaw-{uid}") }
}

fn read(path: &Path) -> Result<Option<Lock>, Blind> {
    let size = match std::fs::metadata(path) {
        Ok(about) => about.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.kind().into()),
    };
    if size > LARGEST {
        return Err(Blind::Unreadable);
    }
    match std::fs::read_to_string(path) {
        Ok(text) => Lock::parse(&text).map(|lock| Some(lock.with_whole_paths())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.kind().into()),
    }
}

impl Lock {
    fn with_whole_paths(self) -> Self {
        Self { config_path: whole(&self.config_path), state_dir: self.state_dir.as_deref().map(whole), ..self }
    }
}

/// The path without links, as far as it exists.
pub(super) fn whole(path: &Path) -> PathBuf {
    if let Ok(whole) = std::fs::canonicalize(path) {
        return plain(whole);
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if parent != path => whole(parent).join(name),
        (_, _) => path.to_owned(),
    }
}

/// Without the mark of the long form that Windows gives, which OpenClaw does not write.
fn plain(path: PathBuf) -> PathBuf {
    let Some(rest) = path.to_str().and_then(|text| text.strip_prefix(r"\\?\")) else { return path };
    if rest.as_bytes().get(1) == Some(&b':') { rest.into() } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDED: &str = include_str!("../../recorded/gateway-state-2026.9.6.lock");
    const OLD: &str = include_str!("../../constructed-from-docs/gateway-2026.4.26.lock");

    #[test]
    fn the_recorded_lock_is_read_with_its_padding() {
        let lock = Lock::parse(RECORDED).unwrap();
        assert_eq!(
            lock,
            Lock {
                pid: 28053,
                start: Some(2_774_113),
                created_ms: Some(1_795_296_468_214),
                config_path: "/home/claw/.openclaw/openclaw.json".into(),
                state_dir: Some("/home/claw/.openclaw".into()),
                port: Some(19377),
                role: None,
            }
        );
        assert!(lock.is_of_gateway());
    }

    #[test]
    fn the_lock_of_the_older_release_names_neither_port_nor_state() {
        let lock = Lock::parse(OLD).unwrap();
        assert_eq!((lock.pid, lock.start, lock.port, lock.state_dir), (4711, Some(123_456), None, None));
    }

    #[test]
    fn the_doctors_lock_is_not_a_gateways() {
        let lock = Lock::parse(r#"{"pid":7,"configPath":"/c","role":"sqlite-maintenance"}"#).unwrap();
        assert!(!lock.is_of_gateway());
    }

    #[test]
    fn half_a_lock_is_unreadable_and_never_a_guess() {
        let json = RECORDED.trim_end();
        for end in 0..json.len() {
            assert_eq!(Lock::parse(&json[..end]), Err(Blind::Unreadable), "{end}");
        }
        assert_eq!(Lock::parse(r#"{"pid":0,"configPath":"/c"}"#), Err(Blind::Unreadable));
        assert_eq!(Lock::parse(r#"{"pid":7,"configPath":"/c","startTime":1.5}"#).unwrap().start, None);
    }

    #[test]
    fn the_locks_of_a_place_are_found_and_a_link_to_the_state_is_followed() {
        let temp = tempfile::tempdir().unwrap();
        let state = temp.path().join("state");
        let folder = state.join("tmp").join(folder_name(1500));
        std::fs::create_dir_all(&folder).unwrap();
        let old = temp.path().join("t").join(folder_name(1500));
        std::fs::create_dir_all(&old).unwrap();
        let config = state.join("openclaw.json");
        let place = Place { port: 1, state_dir: state.clone(), config_path: config.clone(), temp_dirs: Vec::new() };
        assert_eq!(find(&place, &[], 1500), []);
        let link = if cfg!(unix) { temp.path().join("link") } else { state.clone() };
        #[cfg(unix)]
        std::os::unix::fs::symlink(&state, &link).unwrap();
        let text =
            serde_json::json!({ "pid": 7, "configPath": link.join("openclaw.json"), "stateDir": link }).to_string();
        std::fs::write(folder.join("gateway.state.lock"), &text).unwrap();
        let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(config.as_os_str().as_encoded_bytes()));
        std::fs::write(old.join(format!("gateway.{}.lock", &digest[..8])), "{").unwrap();
        let found = find(&place, &[temp.path().join("t"), temp.path().join("t")], 1500);
        assert_eq!(found.iter().map(|file| file.form).collect::<Vec<_>>(), [LockForm::State, LockForm::Legacy]);
        let lock = found[0].content.known().unwrap();
        assert_eq!(lock.state_dir.as_deref(), Some(whole(&state).as_path()));
        assert_eq!(lock.config_path, whole(&config));
        assert_eq!(found[1].content, Seen::Hidden(Blind::Unreadable));
    }
}
