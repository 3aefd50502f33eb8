//! A first run in a home like a person's.

use super::*;

#[test]
fn a_linux_in_windows_is_told_from_dockers() {
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    assert!(lists_a_linux(&utf16("Ubuntu\r\ndocker-desktop\r\n")));
    assert!(!lists_a_linux(&utf16("docker-desktop\r\ndocker-desktop-data\r\n")));
    assert!(!lists_a_linux(&utf16("\r\n")));
}

#[cfg(unix)]
mod unix {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::control::answer::{FoundBy, PluginState};

    fn program(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// nvm's layout: `node` is in the folder of the command and nowhere else, and the command is a script for it.
    fn nvm(home: &Path) -> Found {
        let bin = home.join(".nvm/versions/node/v24.1.0/bin");
        let node = r#"#!/bin/sh
shift
case "$*" in
  --version) echo "OpenClaw 2026.9.6 (test)" ;;
  "config file") echo "CONFIG" ;;
  "plugins list --json") echo '{"plugins":[]}' ;;
  *) exit 64 ;;
esac
"#;
        let config = home.join("openclaw.json");
        fs::write(&config, "{ gateway: { port: 1 } } // mine").unwrap();
        let name = "node-of-this-test";
        program(&bin.join(name), &node.replace("CONFIG", config.to_str().unwrap()));
        program(&bin.join("openclaw"), &format!("#!/usr/bin/env {name}\n"));
        Found { command: bin.join("openclaw"), by: FoundBy::Nvm }
    }

    #[tokio::test]
    async fn a_script_finds_the_node_beside_it() {
        let temp = tempfile::tempdir().unwrap();
        let home = fs::canonicalize(temp.path()).unwrap();
        let folders = Folders::under(home.join("smartpi"));
        folders.create().unwrap();
        let found = nvm(&home);
        let said = describe(&folders, found.clone(), None).await;
        assert_eq!(said.failure, None);
        assert_eq!((said.version.as_deref(), said.by), (Some("2026.9.6"), FoundBy::Nvm));
        let plan = said.plan.unwrap();
        assert_eq!((plan.plugin, plan.refusal, plan.comments_lost), (PluginState::Absent, None, true));
        assert_eq!(plan.config, home.join("openclaw.json").display().to_string());
        assert_eq!(plan.changes.len(), 3);
        assert!(!home.join("smartpi/backups").exists() && !home.join("smartpi/plugin.json").exists());
        // The twin: by another way than its own folder it does not run.
        let elsewhere = home.join("elsewhere/openclaw");
        program(&elsewhere, &fs::read_to_string(&found.command).unwrap());
        let said = describe(&folders, Found { command: elsewhere.clone(), by: FoundBy::UsualPlace }, None).await;
        assert_eq!(said.failure.map(|failure| failure.code), Some(FailureCode::OpenClawFailed));
        // Unless the person's shell knows where.
        let bin = found.command.parent().unwrap();
        let path = std::env::join_paths([bin, Path::new("/usr/bin"), Path::new("/bin")]).unwrap();
        let shell = Shell { command: None, path };
        let said = describe(&folders, Found { command: elsewhere, by: FoundBy::UsualPlace }, Some(&shell)).await;
        assert_eq!(said.failure, None);
    }

    #[tokio::test]
    async fn what_is_gone_is_told() {
        let temp = tempfile::tempdir().unwrap();
        let folders = Folders::under(temp.path().join("smartpi"));
        let gone = Found { command: temp.path().join("openclaw"), by: FoundBy::UsualPlace };
        let said = describe(&folders, gone.clone(), None).await;
        assert_eq!(said.failure.map(|failure| failure.code), Some(FailureCode::OpenClawNotFound));
        let failure = install(&folders, gone.command).await.unwrap_err();
        assert_eq!(failure.code, FailureCode::NotRunning);
    }
}
