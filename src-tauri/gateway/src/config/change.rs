//! The changes that we make, and nothing else: a closed set, each with the paths that it may touch.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::ID;
use super::difference::{Entry, Path, at, changed_paths, entries, is_with_us_at_the_end};
use super::document::{Document, DocumentError};
use super::routing;
use super::watch::Ours;

/// One change of OpenClaw's configuration.
#[derive(Clone, PartialEq, Eq)]
pub enum Change {
    /// Switches our channel on and tells it where the link key is. Its other keys stay.
    Channel {
        /// Absolute path of the link key's file.
        link_key: String,
    },
    /// Switches our plugin on.
    Plugin,
    /// Adds us to `plugins.allow` where that has entries. Making a list where there is none would switch every other plugin off.
    Allow,
    /// Puts back of our entries what is not there: a newer one of somebody's stays as it is.
    Restore {
        /// As they were.
        ours: Ours,
    },
    /// Lets an agent answer a device; `None`: the default one again. The agent must be one that the configuration knows.
    Route {
        /// The device's key.
        device: String,
        /// The agent's id.
        agent: Option<String>,
    },
    /// Removes our channel, our plugin's entry, us from `plugins.allow`, and the routes of devices. A person's own bindings stay.
    Remove {
        /// Objects and lists that we made ([`Edited::made`]): they go too, where they are empty by now.
        made: Vec<Path>,
    },
    /// Sets `gateway.auth.token`, where nothing is configured.
    Token {
        /// What clients must know.
        token: Zeroizing<String>,
    },
}

impl std::fmt::Debug for Change {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Channel { link_key } => formatter.debug_struct("Channel").field("link_key", link_key).finish(),
            Self::Plugin => formatter.write_str("Plugin"),
            Self::Allow => formatter.write_str("Allow"),
            Self::Restore { ours } => formatter.debug_struct("Restore").field("ours", ours).finish(),
            Self::Route { device, agent } => {
                formatter.debug_struct("Route").field("device", device).field("agent", agent).finish()
            }
            Self::Remove { made } => formatter.debug_struct("Remove").field("made", made).finish(),
            Self::Token { .. } => formatter.write_str("Token"),
        }
    }
}

impl Change {
    /// What an installation changes.
    pub fn install(link_key: impl Into<String>) -> [Self; 3] {
        [Self::Channel { link_key: link_key.into() }, Self::Plugin, Self::Allow]
    }
}

/// Why a change is not made. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text cannot be edited without a guess.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A password, a token or another way to sign in is configured already.
    #[error("the gateway's authentication is configured already")]
    TokenThere,
    /// OpenClaw refuses a whole configuration for a route to an agent that it does not know.
    #[error("OpenClaw has no agent {0}")]
    UnknownAgent(String),
    /// A person's own binding decides for this device.
    #[error("a binding of this device is written by hand")]
    RouteByHand,
    /// Our own check: the edit would touch more than it may.
    #[error("the change would also touch {}", .0.join(", "))]
    Foreign(Vec<String>),
    /// Our own check: the edit would lose comments or much of the text.
    #[error("the change would lose what a person wrote")]
    Loses,
}

/// A text with the changes made.
#[derive(Clone, PartialEq, Eq)]
pub struct Edited {
    /// The new text.
    pub text: String,
    /// Every path that changed.
    pub changed: BTreeSet<Path>,
    /// The same, for showing.
    pub entries: Vec<Entry>,
    /// Objects and lists that were not there before. Keep them for [`Change::Remove`].
    pub made: Vec<Path>,
}

impl std::fmt::Debug for Edited {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Edited").field("entries", &self.entries).finish_non_exhaustive()
    }
}

/// Makes changes in a text of configuration: comments, order, format and every other value stay as they are.
///
/// # Errors
/// See [`EditError`].
pub fn edit(text: &str, changes: &[Change]) -> Result<Edited, EditError> {
    edit_with(text, changes, write)
}

/// What changes would do to a configuration that is known by its meaning only.
///
/// # Errors
/// See [`EditError`].
pub fn preview(config: &Value, changes: &[Change]) -> Result<Vec<Entry>, EditError> {
    edit(&config.to_string(), changes).map(|edited| edited.entries)
}

/// The check is the same for every writer, so that it can be shown to catch a bad one.
pub(super) fn edit_with(
    text: &str,
    changes: &[Change],
    write: impl Fn(&mut Document, &Change) -> Result<(), EditError>,
) -> Result<Edited, EditError> {
    let before = Document::parse(text)?;
    let mut now = before.clone();
    for change in changes {
        write(&mut now, change)?;
    }
    let changed = changed_paths(before.value(), now.value());
    check(&before, &now, changes, &changed)?;
    Ok(Edited {
        made: made(before.value(), now.value()),
        entries: entries(before.value(), now.value()),
        text: now.into_text(),
        changed,
    })
}

fn check(before: &Document, now: &Document, changes: &[Change], changed: &BTreeSet<Path>) -> Result<(), EditError> {
    let may = |path: &Path| changes.iter().any(|change| allows(change, path, before.value(), now.value()));
    let foreign: Vec<String> = changed.iter().filter(|path| !may(path)).map(|path| path.join(".")).collect();
    if !foreign.is_empty() {
        return Err(EditError::Foreign(foreign));
    }
    let removes = changes.iter().any(|change| match change {
        Change::Remove { .. } | Change::Route { .. } => true,
        Change::Channel { .. } | Change::Plugin | Change::Allow | Change::Restore { .. } | Change::Token { .. } => {
            false
        }
    });
    let (comments, kept) = (before.comments(), now.comments());
    // A comment inside an entry of ours goes with it.
    let lost = if removes { !is_part(&kept, &comments) } else { comments != kept };
    let small = !removes && now.text().len() * 10 < before.text().len() * 9;
    if lost || small { Err(EditError::Loses) } else { Ok(()) }
}

/// Whether everything of `part` is in `whole`, in order.
fn is_part(part: &[String], whole: &[String]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|wanted| whole.any(|there| there == wanted))
}

/// Whether a change explains that this path differs.
fn allows(change: &Change, path: &Path, before: &Value, now: &Value) -> bool {
    let keys: Vec<&str> = path.iter().map(String::as_str).collect();
    match change {
        Change::Channel { .. } => matches!(keys[..], ["channels", ID, "enabled" | "linkKeyFile"]),
        Change::Plugin => keys == ["plugins", "entries", ID, "enabled"],
        Change::Allow => is_allowing(&keys, before, now),
        Change::Restore { .. } => match keys[..] {
            ["channels", ID, ..] => before["channels"].get(ID).is_none(),
            ["plugins", "entries", ID, ..] => before["plugins"]["entries"].get(ID).is_none(),
            _ => is_allowing(&keys, before, now),
        },
        Change::Route { .. } => keys == ["bindings"] && routing::others(before) == routing::others(now),
        Change::Remove { made } => match keys[..] {
            ["channels", ID, ..] | ["plugins", "entries", ID, ..] => true,
            ["plugins", "allow"] => without_us(&before["plugins"]["allow"]) == without_us(&now["plugins"]["allow"]),
            ["bindings"] => routing::others(before) == routing::others(now),
            _ => made.contains(path) && at(now, path).is_none(),
        },
        Change::Token { .. } => matches!(keys[..], ["gateway", "auth", "mode" | "token"]),
    }
}

fn is_allowing(keys: &[&str], before: &Value, now: &Value) -> bool {
    keys == ["plugins", "allow"] && is_with_us_at_the_end(&before["plugins"]["allow"], &now["plugins"]["allow"])
}

fn without_us(list: &Value) -> Vec<&Value> {
    list.as_array().into_iter().flatten().filter(|id| *id != ID).collect()
}

fn write(document: &mut Document, change: &Change) -> Result<(), EditError> {
    match change {
        Change::Channel { link_key } => {
            if document.value()["channels"].get(ID).is_none() {
                let channel = json!({ "enabled": true, "linkKeyFile": link_key });
                return Ok(document.set(&["channels", ID], &channel)?);
            }
            document.set(&["channels", ID, "enabled"], &json!(true))?;
            document.set(&["channels", ID, "linkKeyFile"], &json!(link_key))?;
        }
        Change::Plugin => document.set(&["plugins", "entries", ID, "enabled"], &json!(true))?,
        Change::Allow => allow(document)?,
        Change::Restore { ours } => restore(document, ours)?,
        Change::Route { device, agent } => route(document, device, agent.as_deref())?,
        Change::Remove { made } => remove(document, made)?,
        Change::Token { token } => {
            let auth = &document.value()["gateway"]["auth"];
            let is_open = auth["mode"].is_null() || auth["mode"] == "token";
            if !is_open || !auth["token"].is_null() || !auth["password"].is_null() {
                return Err(EditError::TokenThere);
            }
            document.set(&["gateway", "auth", "mode"], &json!("token"))?;
            document.set(&["gateway", "auth", "token"], &json!(token.as_str()))?;
        }
    }
    Ok(())
}

fn allow(document: &mut Document) -> Result<(), EditError> {
    let list = document.value()["plugins"]["allow"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !list.is_empty() && !list.iter().any(|id| id == ID) {
        document.append(&["plugins", "allow"], &json!(ID))?;
    }
    Ok(())
}

fn restore(document: &mut Document, ours: &Ours) -> Result<(), EditError> {
    let places: [(&[&str], _); 2] = [(&["channels", ID], &ours.channel), (&["plugins", "entries", ID], &ours.plugin)];
    for (path, kept) in places {
        if let Some(kept) = kept
            && at(document.value(), path).is_none()
        {
            document.set(path, kept)?;
        }
    }
    if ours.allowed == Some(true) { allow(document) } else { Ok(()) }
}

fn route(document: &mut Document, device: &str, agent: Option<&str>) -> Result<(), EditError> {
    if let Some(agent) = agent
        && !routing::knows(document.value(), agent)
    {
        return Err(EditError::UnknownAgent(agent.to_owned()));
    }
    let bindings = document.value()["bindings"].as_array().map(Vec::as_slice).unwrap_or_default();
    if bindings.iter().any(|binding| routing::is_by_hand_for(binding, device)) {
        return Err(EditError::RouteByHand);
    }
    let ours: Vec<usize> = routing::indexes(bindings, |binding| routing::device_of(binding) == Some(device));
    let wanted = agent.map(|agent| routing::binding(device, agent));
    // The first one that matches wins: one is enough.
    let spare = if wanted.is_some() { ours.get(1..).unwrap_or_default() } else { &ours };
    for index in spare.iter().rev() {
        document.remove_element(&["bindings"], *index)?;
    }
    match (wanted, ours.first()) {
        (Some(wanted), Some(index)) => document.replace_element(&["bindings"], *index, &wanted)?,
        (Some(wanted), None) => document.append(&["bindings"], &wanted)?,
        (None, _) => {}
    }
    Ok(())
}

fn remove(document: &mut Document, made: &[Path]) -> Result<(), EditError> {
    // The plugin's channel goes first: a channel without its plugin is an error to OpenClaw.
    document.remove(&["channels", ID])?;
    let bindings = document.value()["bindings"].as_array().map(Vec::as_slice).unwrap_or_default();
    for index in routing::indexes(bindings, |binding| routing::device_of(binding).is_some()).into_iter().rev() {
        document.remove_element(&["bindings"], index)?;
    }
    let allow = document.value()["plugins"]["allow"].as_array().map(Vec::as_slice).unwrap_or_default();
    // An empty list allows every plugin: a person who allowed us alone did not ask for that.
    if allow.iter().any(|id| id != ID) {
        for index in routing::indexes(allow, |id| id == ID).into_iter().rev() {
            document.remove_element(&["plugins", "allow"], index)?;
        }
    }
    document.remove(&["plugins", "entries", ID])?;
    let mut made: Vec<&Path> = made.iter().collect();
    made.sort_by_key(|path| std::cmp::Reverse(path.len()));
    for path in made {
        let is_empty = match at(document.value(), path) {
            Some(Value::Object(map)) => map.is_empty(),
            Some(Value::Array(list)) => list.is_empty(),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => false,
        };
        if is_empty {
            let keys: Vec<&str> = path.iter().map(String::as_str).collect();
            document.remove(&keys)?;
        }
    }
    Ok(())
}

/// Objects and lists on the way to our entries that only `after` has.
fn made(before: &Value, after: &Value) -> Vec<Path> {
    let ways: [&[&str]; 4] = [&["channels"], &["plugins"], &["plugins", "entries"], &["bindings"]];
    let new = ways.into_iter().filter(|way| at(before, way).is_none() && at(after, way).is_some());
    new.map(|way| way.iter().map(|key| (*key).to_owned()).collect()).collect()
}
