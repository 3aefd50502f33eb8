//! The devices of another vendor's plugin, through that plugin's own command: `openclaw <command> accounts …`. What it says is shown as it is.
//!
//! Nothing is read out of its words and nothing is kept: only the plugin itself knows its devices.

use std::path::Path;

use serde_json::Value;

use super::facts;
use super::foreign::Standing;
use super::install::Request;
use super::openclaw::{OpenClaw, Said};
use crate::control::answer::{Accounts, AccountsAct};
use crate::failure::{Failure, FailureCode};

/// What a plugin says of itself.
const MANIFEST: &str = "openclaw.plugin.json";
/// Longest name of a command, and of a device.
const NAME: usize = 128;
/// Most of what a command printed that is shown, in characters; a list of a thousand devices fits.
const WORDS: usize = 100_000;

/// Asks the command of the plugin that has our id and is not ours. Takes seconds, on a busy computer a minute. Asking the person before something is bound or
/// removed is the caller's: this is the yes.
///
/// # Errors
/// `openclaw_not_found`, `plugin_accounts_unknown` (no such plugin, or it names no command), `bad_request` (no name of a device), `openclaw_failed` (it does not
/// run, or does not end). A command that says no is no error: its words are the answer.
pub async fn accounts(request: &Request, act: &AccountsAct) -> Result<Accounts, Failure> {
    let openclaw = OpenClaw::find(request.openclaw.as_deref(), request.path.as_deref()).await;
    let openclaw = openclaw.map_err(|error| Failure::caused(FailureCode::OpenClawNotFound, &error))?;
    let Some(Standing::Foreign { at, package, .. }) = facts::standing(&openclaw.places, &request.folders.data) else {
        return Err(Failure::with(FailureCode::PluginAccountsUnknown, "no plugin of another vendor is there"));
    };
    let command = command_of(&at)
        .ok_or_else(|| Failure::with(FailureCode::PluginAccountsUnknown, at.join(MANIFEST).display().to_string()))?;
    let words = words(&command, act)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let said = openclaw.say(&words).await.map_err(|error| Failure::caused(FailureCode::OpenClawFailed, &error))?;
    Ok(Accounts {
        package: package.unwrap_or_else(|| at.display().to_string()),
        command: format!("openclaw {}", words.join(" ")),
        done: said.done,
        text: shown(&said),
    })
}

/// The first command that its manifest names: a plain word, which no shell and no parser takes for something else.
fn command_of(folder: &Path) -> Option<String> {
    let manifest: Value = serde_json::from_slice(&std::fs::read(folder.join(MANIFEST)).ok()?).ok()?;
    let name = manifest["cliCommands"].as_array()?.first()?["name"].as_str()?;
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    (plain && !name.is_empty() && !name.starts_with('-') && name.len() <= NAME).then(|| name.to_owned())
}

fn words(command: &str, act: &AccountsAct) -> Result<Vec<String>, Failure> {
    let (word, device) = match act {
        AccountsAct::List => ("list", None),
        AccountsAct::Bind => ("bind", None),
        AccountsAct::Status { device } => ("status", Some(device)),
        AccountsAct::Remove { device } => ("remove", Some(device)),
    };
    if let Some(device) = device.filter(|device| !names_a_device(device)) {
        return Err(Failure::with(FailureCode::BadRequest, format!("{device:?} is no name of a device")));
    }
    Ok([command, "accounts", word].into_iter().chain(device.map(String::as_str)).map(str::to_owned).collect())
}

/// One word that no command takes for a flag, in letters of any language.
fn names_a_device(word: &str) -> bool {
    let plain = word.chars().all(|letter| letter.is_alphanumeric() || "._:@-".contains(letter));
    plain && !word.is_empty() && !word.starts_with('-') && word.len() <= NAME
}

/// What it printed, and why not where it failed; without what would steer a terminal. Colours it was asked not to use.
fn shown(said: &Said) -> String {
    let all = if said.done { said.out.clone() } else { format!("{}\n{}", said.out, said.err) };
    let kept = all.chars().filter(|letter| !letter.is_control() || matches!(letter, '\n' | '\t'));
    kept.take(WORDS).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(text: &str) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(MANIFEST), text).unwrap();
        command_of(folder.path())
    }

    #[test]
    fn the_manifest_names_the_command() {
        assert_eq!(manifest(r#"{"cliCommands":[{"name":"smartpi"},{"name":"other"}]}"#).as_deref(), Some("smartpi"));
        for none in ["{}", r#"{"cliCommands":[]}"#, r#"{"cliCommands":[{"name":"--force"}]}"#, "{", "[]"] {
            assert_eq!(manifest(none), None, "{none}");
        }
        for odd in ["a b", "a;b", "$x", "", "a\\nb", "Über", "%PATH%"] {
            assert_eq!(manifest(&format!(r#"{{"cliCommands":[{{"name":"{odd}"}}]}}"#)), None, "{odd}");
        }
    }

    #[test]
    fn a_device_is_one_word_that_is_no_flag() {
        let line = |device: &str| words("smartpi", &AccountsAct::Remove { device: device.into() });
        assert_eq!(line("b1").unwrap(), ["smartpi", "accounts", "remove", "b1"]);
        assert_eq!(line("厨房:01").unwrap()[3], "厨房:01");
        for bad in ["", "-y", "--all", "a b", "a\nb", "a&b", "\"", "%TEMP%", &"x".repeat(129)] {
            assert_eq!(line(bad).unwrap_err().code, FailureCode::BadRequest, "{bad:?}");
        }
        assert_eq!(words("smartpi", &AccountsAct::List).unwrap(), ["smartpi", "accounts", "list"]);
    }

    #[test]
    fn its_words_are_shown_and_its_trouble_only_where_it_failed() {
        let said = |done| Said { done, out: "kitchen\tb1\u{7}\r\n".into(), err: "warning\n".into() };
        assert_eq!(shown(&said(true)), "kitchen\tb1");
        assert_eq!(shown(&said(false)), "kitchen\tb1\n\nwarning");
    }
}
