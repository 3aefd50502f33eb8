//! Where an OpenClaw can be: a list made of an environment and a file system, both handed in.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::control::answer::FoundBy;
use crate::folders::System;

/// What is looked at.
pub(crate) struct Computer<'a> {
    pub(crate) system: System,
    pub(crate) env: &'a dyn Fn(&str) -> Option<OsString>,
    pub(crate) files: &'a dyn Files,
    /// What the person's login shell says, where one was asked.
    pub(crate) shell: Option<&'a Shell>,
}

/// A login shell's answer.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Shell {
    /// The command that it would start.
    pub(crate) command: Option<PathBuf>,
    /// Its `PATH`.
    pub(crate) path: OsString,
}

/// The file system, as far as it is needed. Nothing is written.
pub(crate) trait Files {
    fn is_program(&self, path: &Path) -> bool;
    /// Names in a folder; empty where there is none.
    fn names(&self, folder: &Path) -> Vec<OsString>;
    fn text(&self, file: &Path) -> Option<String>;
    /// Without links; the path itself where that fails.
    fn real(&self, path: &Path) -> PathBuf;
}

/// The real one.
pub(crate) struct Disk;

impl Files for Disk {
    fn is_program(&self, path: &Path) -> bool {
        let Ok(found) = std::fs::metadata(path) else { return false };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            found.is_file() && found.permissions().mode() & 0o111 != 0
        }
        #[cfg(not(unix))]
        found.is_file()
    }

    fn names(&self, folder: &Path) -> Vec<OsString> {
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect()
    }

    fn text(&self, file: &Path) -> Option<String> {
        std::fs::read_to_string(file).ok()
    }

    fn real(&self, path: &Path) -> PathBuf {
        std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
    }
}

/// Looks at this computer.
pub(crate) fn on_this_computer<T>(shell: Option<&Shell>, look: impl FnOnce(&Computer<'_>) -> T) -> T {
    let env = |name: &str| std::env::var_os(name);
    look(&Computer { system: System::HERE, env: &env, files: &Disk, shell })
}

/// A command that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// As it was found: the folder of a link often holds the `node` that it needs.
    pub(crate) command: PathBuf,
    pub(crate) by: FoundBy,
}

impl Computer<'_> {
    /// Every OpenClaw, the one that the person's own shell starts first, each once.
    pub(crate) fn search(&self) -> Vec<Found> {
        let mut seen = HashSet::new();
        let of_shell = self.shell.and_then(|shell| shell.command.clone());
        let of_shell = of_shell.map(|command| Found { command, by: FoundBy::LoginShell });
        let own = self.own_path();
        let own = own.iter().flat_map(|folder| self.commands_in(folder, FoundBy::Path));
        let on_shells_path: Vec<PathBuf> = self.shell.map(|shell| absolute(&shell.path)).unwrap_or_default();
        let on_shells_path = on_shells_path.iter().flat_map(|folder| self.commands_in(folder, FoundBy::LoginShell));
        let usual = self.usual_folders();
        let usual = usual.iter().flat_map(|(folder, by)| self.commands_in(folder, *by));
        let all = of_shell.into_iter().chain(own).chain(on_shells_path).chain(usual);
        let there = all.filter(|found| self.files.is_program(&found.command));
        let mut once: Vec<Found> = there.filter(|found| seen.insert(self.files.real(&found.command))).collect();
        // What this program would find by itself is not told as a find of the shell.
        let path = self.own_path();
        for found in once.iter_mut().filter(|found| found.by == FoundBy::LoginShell) {
            if found.command.parent().is_some_and(|folder| path.iter().any(|own| own == folder)) {
                found.by = FoundBy::Path;
            }
        }
        once
    }

    /// `PATH` for a command that was found: the person's own, then every usual folder. A program that the desktop started has a short one, and OpenClaw is a
    /// script that needs `node`.
    pub(crate) fn search_path(&self) -> OsString {
        let mut seen = HashSet::new();
        let shells = self.shell.map(|shell| absolute(&shell.path)).unwrap_or_default();
        let usual = self.usual_folders().into_iter().map(|(folder, _)| folder);
        let all = shells.into_iter().chain(self.own_path()).chain(usual);
        // A folder with the separator in its name cannot be told: without the rest of them it is as short as it was.
        std::env::join_paths(all.filter(|folder| seen.insert(folder.clone())))
            .unwrap_or_else(|_| (self.env)("PATH").unwrap_or_default())
    }

    fn own_path(&self) -> Vec<PathBuf> {
        (self.env)("PATH").map(|path| absolute(&path)).unwrap_or_default()
    }

    fn commands_in(&self, folder: &Path, by: FoundBy) -> Vec<Found> {
        let names: &[&str] = match self.system {
            System::Windows => &["openclaw.cmd", "openclaw.exe"],
            System::Linux | System::MacOs => &["openclaw"],
        };
        names.iter().map(|name| Found { command: folder.join(name), by }).collect()
    }

    /// Where package managers put commands, best first.
    fn usual_folders(&self) -> Vec<(PathBuf, FoundBy)> {
        let mut folders = match self.system {
            System::Windows => self.usual_on_windows(),
            System::Linux | System::MacOs => self.usual_on_unix(),
        };
        folders.retain(|(folder, _)| folder.is_absolute());
        folders
    }

    fn usual_on_windows(&self) -> Vec<(PathBuf, FoundBy)> {
        let mut folders = Vec::new();
        folders.extend(self.npm_prefix().map(|prefix| (prefix, FoundBy::Npm)));
        folders.extend(self.under("APPDATA", "npm").map(|folder| (folder, FoundBy::Npm)));
        folders.extend(self.named("NVM_SYMLINK").map(|folder| (folder, FoundBy::Nvm)));
        folders.extend(self.under("LOCALAPPDATA", "Volta/bin").map(|folder| (folder, FoundBy::Volta)));
        let others = [
            self.named("PNPM_HOME"),
            self.under("LOCALAPPDATA", "pnpm"),
            self.under("USERPROFILE", ".bun/bin"),
            self.under("USERPROFILE", "scoop/shims"),
            self.under("ProgramFiles", "nodejs"),
        ];
        folders.extend(others.into_iter().flatten().map(|folder| (folder, FoundBy::UsualPlace)));
        folders
    }

    fn usual_on_unix(&self) -> Vec<(PathBuf, FoundBy)> {
        let mut folders = self.nvm();
        let homebrew: &[&str] = match self.system {
            System::MacOs => &["/opt/homebrew/bin", "/usr/local/bin"],
            System::Linux | System::Windows => &["/home/linuxbrew/.linuxbrew/bin"],
        };
        folders.extend(homebrew.iter().map(|folder| (PathBuf::from(folder), FoundBy::Homebrew)));
        folders.extend(self.npm_prefix().map(|prefix| (prefix.join("bin"), FoundBy::Npm)));
        folders.extend(self.under("HOME", ".npm-global/bin").map(|folder| (folder, FoundBy::Npm)));
        let volta = self.named("VOLTA_HOME").map(|home| home.join("bin")).or(self.under("HOME", ".volta/bin"));
        folders.extend(volta.map(|folder| (folder, FoundBy::Volta)));
        let pnpm = match self.system {
            System::MacOs => "Library/pnpm",
            System::Linux | System::Windows => ".local/share/pnpm",
        };
        let others = [
            self.named("PNPM_HOME"),
            self.under("HOME", pnpm),
            self.under("HOME", ".asdf/shims"),
            self.under("HOME", ".local/share/mise/shims"),
            self.under("HOME", ".bun/bin"),
            self.under("HOME", ".local/bin"),
            Some("/usr/local/bin".into()),
            Some("/usr/bin".into()),
        ];
        folders.extend(
            self.fnm().into_iter().chain(others.into_iter().flatten()).map(|folder| (folder, FoundBy::UsualPlace)),
        );
        folders
    }

    /// The folders of nvm's versions, newest first.
    fn nvm(&self) -> Vec<(PathBuf, FoundBy)> {
        let home = self.named("NVM_DIR").or(self.under("HOME", ".nvm"));
        let versions = home.map(|home| self.versions_in(&home.join("versions/node"))).unwrap_or_default();
        versions.into_iter().map(|version| (version.join("bin"), FoundBy::Nvm)).collect()
    }

    /// The folders of fnm's versions: its alias for new shells, then newest first.
    fn fnm(&self) -> Vec<PathBuf> {
        let usual = match self.system {
            System::MacOs => "Library/Application Support/fnm",
            System::Linux | System::Windows => ".local/share/fnm",
        };
        let Some(home) = self.named("FNM_DIR").or(self.under("HOME", usual)) else { return Vec::new() };
        let versions = self.versions_in(&home.join("node-versions"));
        let versions = versions.into_iter().map(|version| version.join("installation/bin"));
        std::iter::once(home.join("aliases/default/bin")).chain(versions).collect()
    }

    fn versions_in(&self, folder: &Path) -> Vec<PathBuf> {
        let mut names: Vec<String> =
            self.files.names(folder).into_iter().filter_map(|name| name.into_string().ok()).collect();
        names.sort_by_key(|name| std::cmp::Reverse(version_of(name)));
        names.iter().map(|name| folder.join(name)).collect()
    }

    /// What `npm config get prefix` would say, without running npm: the environment, then the person's `.npmrc`.
    fn npm_prefix(&self) -> Option<PathBuf> {
        let home = self.named("HOME").or(self.named("USERPROFILE"))?;
        let named = ["npm_config_prefix", "NPM_CONFIG_PREFIX"].into_iter().find_map(|name| self.named(name));
        named.or_else(|| prefix_in(&self.files.text(&home.join(".npmrc"))?, &home, self.env))
    }

    fn named(&self, variable: &str) -> Option<PathBuf> {
        (self.env)(variable).map(PathBuf::from).filter(|path| path.is_absolute())
    }

    fn under(&self, variable: &str, rest: &str) -> Option<PathBuf> {
        self.named(variable).map(|folder| folder.join(rest))
    }
}

fn absolute(path: &OsString) -> Vec<PathBuf> {
    std::env::split_paths(path).filter(|folder| folder.is_absolute()).collect()
}

/// `v24.1.0` as numbers.
fn version_of(name: &str) -> Vec<u64> {
    name.trim_start_matches('v').split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

/// The last `prefix=` of an `.npmrc`, with `~` and `${NAME}` for what they stand for.
fn prefix_in(npmrc: &str, home: &Path, env: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let is_prefix = |line: &str| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "prefix").then(|| value.trim().trim_matches(['"', '\'']).to_owned())
    };
    let mut value = npmrc.lines().filter_map(is_prefix).next_back()?;
    while let Some((before, rest)) = value.split_once("${") {
        let (name, after) = rest.split_once('}')?;
        value = format!("{before}{}{after}", env(name)?.to_str()?);
    }
    let path = match value.strip_prefix("~/") {
        Some(rest) => home.join(rest),
        None => PathBuf::from(value),
    };
    path.is_absolute().then_some(path)
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
