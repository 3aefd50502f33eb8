//! Homes as package managers leave them, on a real file system.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

struct Home {
    temp: tempfile::TempDir,
    env: Vec<(String, OsString)>,
    shell: Option<Shell>,
    system: System,
}

impl Home {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(temp.path()).unwrap();
        let env = vec![("HOME".to_owned(), root.into_os_string()), ("PATH".to_owned(), "/nowhere/bin".into())];
        Self { temp, env, shell: None, system: System::Linux }
    }

    fn root(&self) -> PathBuf {
        fs::canonicalize(self.temp.path()).unwrap()
    }

    fn program(&self, path: &str) -> PathBuf {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    fn around<T>(&self, work: impl FnOnce(&Computer<'_>) -> T) -> T {
        let env = |name: &str| self.env.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        work(&Computer { system: self.system, env: &env, files: &Disk, shell: self.shell.as_ref() })
    }

    /// Those of this home: the machine of the test may have one of its own.
    fn found(&self) -> Vec<(String, FoundBy)> {
        let root = self.root();
        let all = self.around(|computer| computer.search());
        let here = all.into_iter().filter_map(|found| {
            let path = found.command.strip_prefix(&root).ok()?;
            Some((path.to_str().unwrap().to_owned(), found.by))
        });
        here.collect()
    }
}

fn split(path: OsString) -> Vec<PathBuf> {
    std::env::split_paths(&path).collect()
}

fn list(expected: &[(&str, FoundBy)]) -> Vec<(String, FoundBy)> {
    expected.iter().map(|(path, by)| ((*path).to_owned(), *by)).collect()
}

#[test]
fn every_package_manager_is_known() {
    for (path, by) in [
        (".nvm/versions/node/v24.1.0/bin/openclaw", FoundBy::Nvm),
        (".local/share/fnm/aliases/default/bin/openclaw", FoundBy::UsualPlace),
        (".local/share/fnm/node-versions/v22.1.0/installation/bin/openclaw", FoundBy::UsualPlace),
        (".npm-global/bin/openclaw", FoundBy::Npm),
        (".volta/bin/openclaw", FoundBy::Volta),
        (".local/share/pnpm/openclaw", FoundBy::UsualPlace),
        (".asdf/shims/openclaw", FoundBy::UsualPlace),
        (".local/share/mise/shims/openclaw", FoundBy::UsualPlace),
        (".bun/bin/openclaw", FoundBy::UsualPlace),
        (".local/bin/openclaw", FoundBy::UsualPlace),
    ] {
        let home = Home::new();
        assert_eq!(home.found(), list(&[]));
        home.program(path);
        assert_eq!(home.found(), list(&[(path, by)]));
    }
}

#[test]
fn folders_that_a_person_moved_are_found_by_their_variables() {
    for (variable, folder, path, by) in [
        ("NVM_DIR", "n", "n/versions/node/v24.1.0/bin/openclaw", FoundBy::Nvm),
        ("VOLTA_HOME", "v", "v/bin/openclaw", FoundBy::Volta),
        ("PNPM_HOME", "p", "p/openclaw", FoundBy::UsualPlace),
        ("FNM_DIR", "f", "f/aliases/default/bin/openclaw", FoundBy::UsualPlace),
        ("NPM_CONFIG_PREFIX", "g", "g/bin/openclaw", FoundBy::Npm),
    ] {
        let home = Home::new();
        let at = home.root().join(folder);
        let home = home.with(variable, at);
        home.program(path);
        assert_eq!(home.found(), list(&[(path, by)]), "{variable}");
    }
}

#[test]
fn the_npm_prefix_is_read_and_not_asked_for() {
    let home = Home::new();
    home.program("mine/bin/openclaw");
    for npmrc in ["prefix=~/mine", "a=b\n prefix = \"${HOME}/mine\" \n", "prefix=/else\nprefix=${HOME}/mine"] {
        fs::write(home.root().join(".npmrc"), npmrc).unwrap();
        assert_eq!(home.found(), list(&[("mine/bin/openclaw", FoundBy::Npm)]), "{npmrc}");
    }
    for npmrc in ["prefix=${NOT_SET}/mine", "prefix=mine", "# prefix=~/mine", "prefix=${HOME"] {
        fs::write(home.root().join(".npmrc"), npmrc).unwrap();
        assert_eq!(home.found(), list(&[]), "{npmrc}");
    }
}

#[test]
fn the_newest_of_nvm_comes_first_and_no_program_counts_twice() {
    let home = Home::new();
    home.program(".nvm/versions/node/v9.2.0/bin/openclaw");
    let newest = home.program(".nvm/versions/node/v24.15.0/bin/openclaw");
    home.program(".nvm/versions/node/v24.9.0/bin/openclaw");
    fs::create_dir_all(home.root().join(".local/bin")).unwrap();
    symlink(&newest, home.root().join(".local/bin/openclaw")).unwrap();
    let expected = list(&[
        (".nvm/versions/node/v24.15.0/bin/openclaw", FoundBy::Nvm),
        (".nvm/versions/node/v24.9.0/bin/openclaw", FoundBy::Nvm),
        (".nvm/versions/node/v9.2.0/bin/openclaw", FoundBy::Nvm),
    ]);
    assert_eq!(home.found(), expected);
}

#[test]
fn the_shells_own_comes_first_as_it_was_found() {
    let mut home = Home::new();
    let package = home.program(".nvm/versions/node/v22.1.0/lib/node_modules/openclaw/openclaw.mjs");
    let bin = home.root().join(".nvm/versions/node/v22.1.0/bin");
    fs::create_dir_all(&bin).unwrap();
    symlink(&package, bin.join("openclaw")).unwrap();
    home.program(".nvm/versions/node/v24.1.0/bin/openclaw");
    home.shell = Some(Shell { command: Some(bin.join("openclaw")), path: bin.clone().into_os_string() });
    let expected = list(&[
        (".nvm/versions/node/v22.1.0/bin/openclaw", FoundBy::LoginShell),
        (".nvm/versions/node/v24.1.0/bin/openclaw", FoundBy::Nvm),
    ]);
    assert_eq!(home.found(), expected, "a link stays a link: node is beside it");
    // On our own PATH there is nothing to tell about a shell.
    let home = home.with("PATH", bin);
    assert_eq!(home.found()[0].1, FoundBy::Path);
    // One that is a function or an alias for something else is nothing to start.
    let mut home = Home::new();
    home.shell = Some(Shell { command: Some(home.root().join("gone")), path: OsString::new() });
    assert_eq!(home.found(), list(&[]));
}

#[test]
fn what_is_no_program_is_not_found() {
    let home = Home::new();
    let path = home.program(".volta/bin/openclaw");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::create_dir_all(home.root().join(".bun/bin/openclaw")).unwrap();
    assert_eq!(home.found(), list(&[]));
}

#[test]
fn other_systems_have_other_places() {
    let mut home = Home::new().with("PATH", "relative");
    home.system = System::MacOs;
    let folders = |home: &Home| -> Vec<PathBuf> {
        home.around(|around| around.usual_folders().into_iter().map(|(folder, _)| folder).collect())
    };
    let mac = folders(&home);
    assert!(mac.contains(&"/opt/homebrew/bin".into()) && mac.contains(&home.root().join("Library/pnpm")), "{mac:?}");
    assert!(split(home.around(|computer| computer.search_path())).iter().all(|folder| folder.is_absolute()));
    home.system = System::Windows;
    let home = home.with("APPDATA", "/appdata").with("LOCALAPPDATA", "/local");
    let windows = folders(&home);
    assert!(windows.contains(&"/appdata/npm".into()) && windows.contains(&"/local/Volta/bin".into()), "{windows:?}");
    let commands = home.around(|around| around.commands_in(Path::new("/appdata/npm"), FoundBy::Npm));
    assert_eq!(commands[0].command, Path::new("/appdata/npm/openclaw.cmd"));
}

#[test]
fn the_path_for_a_command_begins_as_the_persons_own() {
    let mut home = Home::new();
    home.shell = Some(Shell { command: None, path: "/shell/bin:/usr/bin".into() });
    let path = split(home.around(|computer| computer.search_path()));
    assert_eq!(&path[..3], [Path::new("/shell/bin"), Path::new("/usr/bin"), Path::new("/nowhere/bin")]);
    assert_eq!(path.iter().filter(|folder| *folder == Path::new("/usr/bin")).count(), 1);
    assert!(path.contains(&home.root().join(".volta/bin")));
}
