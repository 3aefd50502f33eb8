//! Where an OpenClaw keeps its things, by the rules of its own command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The folders and files of one OpenClaw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Places {
    /// Where its plugins and its state are.
    pub(super) state_dir: PathBuf,
    /// `openclaw.json`.
    pub(super) config: PathBuf,
}

/// Where OpenClaw's own rules read: the environment and the file system.
pub(super) struct Surroundings<'a> {
    pub(super) env: &'a (dyn Fn(&str) -> Option<OsString> + Sync),
    pub(super) exists: &'a (dyn Fn(&Path) -> bool + Sync),
}

impl Surroundings<'_> {
    /// `None`: nothing names a home.
    pub(super) fn places(&self) -> Option<Places> {
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

    /// What `openclaw config file` printed: the last line that is not empty, with `~` for the home. It knows best; `None` when it is no path.
    pub(super) fn config_in(&self, printed: &str) -> Option<PathBuf> {
        let line = printed.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
        let path = self.resolve(line)?;
        (path.is_absolute() && path.extension().is_some()).then_some(path)
    }

    /// The home that OpenClaw uses.
    pub(super) fn home(&self) -> Option<PathBuf> {
        let own = ["HOME", "USERPROFILE"].into_iter().find_map(|name| self.text(name)).map(PathBuf::from);
        match self.text("OPENCLAW_HOME") {
            Some(home) => under_tilde(&home, own.as_deref()),
            None => own,
        }
    }

    fn resolve(&self, path: &str) -> Option<PathBuf> {
        under_tilde(path, self.home().as_deref())
    }

    /// A variable that says something. Shells without the variable have been seen to pass these two words on.
    fn text(&self, name: &str) -> Option<String> {
        let value = (self.env)(name)?.into_string().ok()?;
        let value = value.trim();
        (!value.is_empty() && value != "undefined" && value != "null").then(|| value.to_owned())
    }
}

/// The configuration of the OpenClaw that this user's own shell would start. `None`: nothing names a home.
pub(crate) fn config_of_user() -> Option<PathBuf> {
    let env = |name: &str| std::env::var_os(name);
    let exists = |path: &Path| path.exists();
    Surroundings { env: &env, exists: &exists }.places().map(|places| places.config)
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
