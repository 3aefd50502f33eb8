//! Where an OpenClaw keeps its things and where its gateway listens, by the rules of its own command line (2026.9.6).

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folders and files of one OpenClaw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// Where its plugins and its state are.
    pub state_dir: PathBuf,
    /// `openclaw.json`.
    pub config: PathBuf,
}

/// Where a gateway listens when nothing says otherwise.
const PORT: u16 = 18_789;

/// Where OpenClaw's own rules read: the environment and the file system.
pub struct Surroundings<'a> {
    /// A variable of the environment.
    pub env: &'a (dyn Fn(&str) -> Option<OsString> + Sync),
    /// Whether there is something at a path.
    pub exists: &'a (dyn Fn(&Path) -> bool + Sync),
}

impl Surroundings<'_> {
    /// `None`: nothing names a home.
    pub fn places(&self) -> Option<Places> {
        let home = self.home();
        let state_dir = match self.text("OPENCLAW_STATE_DIR") {
            Some(folder) => self.resolve(&folder)?,
            None => {
                // Its former name is still honoured where only that exists.
                let (now, before) = (home.as_ref()?.join(".openclaw"), home.as_ref()?.join(".clawdbot"));
                if !(self.exists)(&now) && (self.exists)(&before) { before } else { now }
            }
        };
        let config = match self.text("OPENCLAW_CONFIG_PATH") {
            Some(path) => self.resolve(&path)?,
            None => {
                let (now, before) = (state_dir.join("openclaw.json"), state_dir.join("clawdbot.json"));
                if !(self.exists)(&now) && (self.exists)(&before) { before } else { now }
            }
        };
        Some(Places { state_dir, config })
    }

    /// Folders beside that of the configuration whose files it may take in.
    pub fn include_roots(&self) -> Vec<PathBuf> {
        let roots = self.text("OPENCLAW_INCLUDE_ROOTS").unwrap_or_default();
        let named = std::env::split_paths(&roots).filter_map(|root| self.resolve(root.to_str()?.trim()));
        named.filter(|root| root.is_absolute()).collect()
    }

    /// Where `openclaw --profile NAME` looks. `None`: no such name can be, or nothing names a home.
    pub fn places_of_profile(&self, profile: &str) -> Option<Places> {
        let own = self.profile_dir(profile)?;
        let inherited = self.profile_dir(self.text("OPENCLAW_PROFILE").as_deref().unwrap_or("default"));
        // A shell inside another profile hands its own folders on: they are not meant.
        let handed_on = |path: &PathBuf, expected: Option<PathBuf>| {
            inherited.as_ref() != Some(&own) && Some(path) == expected.as_ref()
        };
        let state_dir = match self.text("OPENCLAW_STATE_DIR") {
            Some(folder) => Some(self.resolve(&folder)?).filter(|folder| !handed_on(folder, inherited.clone())),
            None => None,
        };
        let is_moved = state_dir.is_some();
        let state_dir = state_dir.unwrap_or(own.clone());
        let config = match self.text("OPENCLAW_CONFIG_PATH") {
            Some(path) => Some(self.resolve(&path)?).filter(|path| {
                let of_inherited = inherited.as_ref().map(|folder| folder.join("openclaw.json"));
                is_moved || !handed_on(path, of_inherited)
            }),
            None => None,
        };
        Some(Places { config: config.unwrap_or_else(|| state_dir.join("openclaw.json")), state_dir })
    }

    fn profile_dir(&self, profile: &str) -> Option<PathBuf> {
        let profile = profile.trim();
        if profile.eq_ignore_ascii_case("default") {
            return Some(self.home()?.join(".openclaw"));
        }
        is_profile(profile).then_some(())?;
        Some(self.home()?.join(format!(".openclaw-{profile}")))
    }

    /// The port of this computer's own gateway: the environment, then the configuration, then the profile's. A gateway that runs may still listen on the port
    /// that it was started with: its lock file knows.
    pub fn port(&self, config: &Value, profile: Option<&str>) -> u16 {
        let named = self.text("OPENCLAW_GATEWAY_PORT");
        if let Some(port) = named.as_deref().and_then(port_in) {
            return port;
        }
        if profile.is_some_and(|profile| profile == "dev") && named.is_none() {
            return 19_001;
        }
        let configured = config["gateway"]["port"].as_u64().and_then(|port| u16::try_from(port).ok());
        if let Some(port) = configured.filter(|port| *port != 0) {
            return port;
        }
        let inherited = self.text("OPENCLAW_PROFILE");
        let profile = profile.or(inherited.as_deref()).map(str::trim);
        match profile.filter(|name| !name.eq_ignore_ascii_case("default") && is_profile(name)) {
            Some(profile) => port_of_profile(profile),
            None => PORT,
        }
    }

    /// What `openclaw config file` printed: the last line that is not empty, with `~` for the home. It knows best; `None` when it is no path.
    pub fn config_in(&self, printed: &str) -> Option<PathBuf> {
        let line = printed.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
        let path = self.resolve(line)?;
        (path.is_absolute() && path.extension().is_some()).then_some(path)
    }

    /// The home that OpenClaw uses.
    pub fn home(&self) -> Option<PathBuf> {
        let own = ["HOME", "USERPROFILE"].into_iter().find_map(|name| self.text(name)).map(PathBuf::from);
        match self.text("OPENCLAW_HOME") {
            Some(home) => under_tilde(&home, own.as_deref()),
            None => own,
        }
    }

    pub(crate) fn resolve(&self, path: &str) -> Option<PathBuf> {
        under_tilde(path, self.home().as_deref())
    }

    /// A variable that says something. Shells without the variable have been seen to pass these two words on.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let value = (self.env)(name)?.into_string().ok()?;
        let value = value.trim();
        (!value.is_empty() && value != "undefined" && value != "null").then(|| value.to_owned())
    }
}

/// The configuration of the OpenClaw that this user's own shell would start. `None`: nothing names a home.
pub fn config_of_user() -> Option<PathBuf> {
    let env = |name: &str| std::env::var_os(name);
    let exists = |path: &Path| path.exists();
    Surroundings { env: &env, exists: &exists }.places().map(|places| places.config)
}

/// Letters, digits, `_` and `-`; at most 64, and the first is a letter or a digit.
fn is_profile(name: &str) -> bool {
    let starts = name.starts_with(|first: char| first.is_ascii_alphanumeric());
    let plain = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-');
    starts && plain && name.len() <= 64
}

/// `18789`, `127.0.0.1:18789` or `[::1]:18789`.
fn port_in(text: &str) -> Option<u16> {
    let is_number = |text: &str| !text.is_empty() && text.chars().all(|letter| letter.is_ascii_digit());
    let port = match text.strip_prefix('[') {
        Some(rest) => rest.split_once("]:")?.1,
        None => match text.split_once(':') {
            Some((host, port)) if !host.is_empty() => port,
            Some(_) => return None,
            None => text,
        },
    };
    is_number(port).then(|| port.parse().ok()).flatten().filter(|port| *port != 0)
}

/// FNV-1a of the name, between 20000 and 59999.
fn port_of_profile(profile: &str) -> u16 {
    let hash = profile.bytes().fold(2_166_136_261_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619));
    u16::try_from(20_000 + hash % 40_000).unwrap_or(PORT)
}

fn under_tilde(path: &str, home: Option<&Path>) -> Option<PathBuf> {
    match path.strip_prefix('~') {
        Some("") => home.map(Path::to_owned),
        Some(rest) if rest.starts_with(['/', '\\']) => home.map(|home| home.join(&rest[1..])),
        Some(_) | None => Some(PathBuf::from(path)),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn places(values: &[(&str, &str)], there: &[&str]) -> Option<(String, String)> {
        let env = |name: &str| values.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        let exists = |path: &Path| there.iter().any(|known| Path::new(known) == path);
        let found = Surroundings { env: &env, exists: &exists }.places()?;
        Some((found.state_dir.display().to_string(), found.config.display().to_string()))
    }

    fn pair(state: &str, config: &str) -> Option<(String, String)> {
        Some((state.to_owned(), config.to_owned()))
    }

    #[test]
    fn the_home_decides_where_nothing_else_is_said() {
        let home = ("HOME", "/home/li");
        assert_eq!(places(&[home], &[]), pair("/home/li/.openclaw", "/home/li/.openclaw/openclaw.json"));
        assert_eq!(
            places(&[home], &["/home/li/.clawdbot"]),
            pair("/home/li/.clawdbot", "/home/li/.clawdbot/openclaw.json")
        );
        let both = ["/home/li/.clawdbot", "/home/li/.openclaw"];
        assert_eq!(places(&[home], &both), pair("/home/li/.openclaw", "/home/li/.openclaw/openclaw.json"));
        assert_eq!(
            places(&[home, ("OPENCLAW_HOME", "~/oc")], &[]),
            pair("/home/li/oc/.openclaw", "/home/li/oc/.openclaw/openclaw.json")
        );
        assert_eq!(places(&[home, ("OPENCLAW_HOME", "undefined")], &[]), places(&[home], &[]));
        assert_eq!(places(&[("USERPROFILE", "/u")], &[]), pair("/u/.openclaw", "/u/.openclaw/openclaw.json"));
        assert_eq!(places(&[], &[]), None);
    }

    #[test]
    fn the_variables_win() {
        let home = ("HOME", "/home/li");
        assert_eq!(
            places(&[home, ("OPENCLAW_STATE_DIR", " ~/st ")], &[]),
            pair("/home/li/st", "/home/li/st/openclaw.json")
        );
        assert_eq!(places(&[("OPENCLAW_STATE_DIR", "/st")], &["/st/clawdbot.json"]), pair("/st", "/st/clawdbot.json"));
        assert_eq!(
            places(&[home, ("OPENCLAW_STATE_DIR", "/st"), ("OPENCLAW_CONFIG_PATH", "/c/x.json")], &[]),
            pair("/st", "/c/x.json")
        );
        // The name of a profile alone moves nothing: `openclaw config file` was asked.
        assert_eq!(places(&[home, ("OPENCLAW_PROFILE", "work")], &[]), places(&[home], &[]));
    }

    #[test]
    fn a_profile_has_folders_of_its_own() {
        let of = |values: &[(&str, &str)], profile: &str| {
            let env = |name: &str| values.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
            let exists = |_: &Path| false;
            let found = Surroundings { env: &env, exists: &exists }.places_of_profile(profile)?;
            Some((found.state_dir.display().to_string(), found.config.display().to_string()))
        };
        let home = ("HOME", "/home/li");
        let work = pair("/home/li/.openclaw-work", "/home/li/.openclaw-work/openclaw.json");
        assert_eq!(of(&[home], "work"), work);
        assert_eq!(of(&[home], "Default"), pair("/home/li/.openclaw", "/home/li/.openclaw/openclaw.json"));
        assert_eq!(of(&[home], "../x"), None);
        assert_eq!(of(&[home, ("OPENCLAW_STATE_DIR", "/st")], "work"), pair("/st", "/st/openclaw.json"));
        // What a shell inside the default profile hands on is not meant.
        let default = [
            home,
            ("OPENCLAW_STATE_DIR", "/home/li/.openclaw"),
            ("OPENCLAW_CONFIG_PATH", "/home/li/.openclaw/openclaw.json"),
        ];
        assert_eq!(of(&default, "work"), work);
        assert_eq!(
            of(&[home, ("OPENCLAW_CONFIG_PATH", "/c.json")], "work"),
            pair("/home/li/.openclaw-work", "/c.json")
        );
    }

    #[test]
    fn the_port_is_that_of_the_command_line() {
        let port = |values: &[(&str, &str)], config: Value, profile: Option<&str>| {
            let env = |name: &str| values.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
            let exists = |_: &Path| false;
            Surroundings { env: &env, exists: &exists }.port(&config, profile)
        };
        let config = || serde_json::json!({ "gateway": { "port": 19_100 } });
        let none = || serde_json::json!({});
        assert_eq!(port(&[], none(), None), 18_789);
        assert_eq!(port(&[], config(), None), 19_100);
        for named in ["19200", "127.0.0.1:19200", "[::1]:19200", " 19200 "] {
            assert_eq!(port(&[("OPENCLAW_GATEWAY_PORT", named)], config(), None), 19_200, "{named}");
        }
        for wrong in ["x", "::1:19200", "0", "70000", ":1"] {
            assert_eq!(port(&[("OPENCLAW_GATEWAY_PORT", wrong)], config(), None), 19_100, "{wrong}");
        }
        assert_eq!(port(&[], serde_json::json!({ "gateway": { "port": 70_000 } }), None), 18_789);
        assert_eq!(port(&[("OPENCLAW_PROFILE", "default")], none(), None), 18_789);
        // FNV-1a of "a" is 0xe40c292c.
        assert_eq!(u32::from(port(&[("OPENCLAW_PROFILE", "a")], none(), None)), 20_000 + 0xe40c_292c_u32 % 40_000);
        assert_eq!(port(&[], none(), Some("dev")), 19_001);
    }

    #[test]
    fn its_own_answer_is_understood() {
        let env = |name: &str| (name == "HOME").then(|| OsString::from("/home/li"));
        let exists = |_: &Path| false;
        let around = Surroundings { env: &env, exists: &exists };
        assert_eq!(around.config_in("~/.openclaw/openclaw.json\n"), Some("/home/li/.openclaw/openclaw.json".into()));
        assert_eq!(around.config_in("a warning\n/st/openclaw.json\n\n"), Some("/st/openclaw.json".into()));
        assert_eq!(around.config_in("no idea"), None);
        assert_eq!(around.config_in(""), None);
    }
}
