//! `smartpi devices`: see and change what is bound.

use desk::control::answer::{
    AddressReach, DeviceList, DeviceRow, DeviceState, DeviceStatus, Nothing, PendingClaim, PendingList, PendingState,
    Removed, ScriptAdded, Sent, SpeaksFirst, Turn,
};
use desk::control::client::Client;
use desk::control::request::Request;
use desk::failure::FailureCode;
use desk::folders::Folders;
use desk::language::Language;
use serde_json::json;

use crate::args::{Devices, Who};
use crate::bind::now_ms;
use crate::choice::{Unclear, choose};
use crate::columns::columns;
use crate::confirm::{self, Claim, Typed};
use crate::exit::{Exit, Stop};
use crate::route;
use crate::terminal::{Lines, Terminal, is_allowed};
use crate::words;

/// Shortest beginning of a key that names a device.
const PREFIX: usize = 4;

/// `smartpi devices ...`.
pub(crate) async fn run(terminal: Terminal, folders: &Folders, what: Devices) -> Result<(), Stop> {
    if matches!(what, Devices::Approve { .. } | Devices::AddScript { .. }) && !terminal.person {
        return Err(Stop::terminal_needed(terminal.language));
    }
    let mut desk = Desk { terminal, language: terminal.language, client: Client::connect(folders).await? };
    match what {
        Devices::List => desk.list().await,
        Devices::Status { device } => desk.status(&device).await,
        Devices::Rename { device, name } => desk.rename(&device, name).await,
        Devices::Remove { device, yes } => desk.remove(&device, yes).await,
        Devices::Send { device, text } => desk.send(&device, text).await,
        Devices::Test { device } => desk.test(&device).await,
        Devices::Mute { device } => desk.mute(&device, true).await,
        Devices::Unmute { device } => desk.mute(&device, false).await,
        Devices::SpeaksFirst { device, who } => desk.speaks_first(&device, who).await,
        Devices::Route { device, agent, default, yes } => {
            let device = desk.find(&device).await?;
            route::run(desk.terminal, desk.client, &device, route::Wanted::of(agent, default), yes).await
        }
        Devices::AddScript { name } => desk.add_script(name).await,
        Devices::Pending => desk.pending().await,
        Devices::Approve { claim } => desk.approve(claim.as_deref()).await,
        Devices::Reject { claim } => desk.reject(claim.as_deref()).await,
    }
}

struct Desk {
    terminal: Terminal,
    language: Language,
    client: Client,
}

impl Desk {
    async fn list(&mut self) -> Result<(), Stop> {
        let list: DeviceList = self.client.ask(&Request::DevicesList {}).await?;
        self.terminal.tell(&list)?;
        if list.devices.is_empty() {
            return self.terminal.say(words::no_devices(self.language));
        }
        let language = self.language;
        let head = [
            words::head_name(language),
            words::head_state(language),
            words::head_kind(language),
            words::head_waits(language),
            words::head_key(language),
        ];
        let now = now_ms();
        let rows = list.devices.iter().map(|device| {
            [
                device.name.clone(),
                state(language, device, now),
                confirm::kind(language, device.kind),
                device.waiting.to_string(),
                device.device_key.clone(),
            ]
        });
        let table: Vec<[String; 5]> = std::iter::once(head).chain(rows).collect();
        for line in columns(&table) {
            self.terminal.say(line)?;
        }
        Ok(())
    }

    async fn status(&mut self, what: &str) -> Result<(), Stop> {
        let device_key = self.find(what).await?.device_key;
        let status: DeviceStatus = self.client.ask(&Request::DevicesStatus { device_key }).await?;
        self.terminal.tell(&status)?;
        let (language, device) = (self.language, &status.device);
        let now = now_ms();
        let kind = confirm::kind(language, device.kind);
        self.terminal.say(format!("{}  {kind}  {}", device.name, state(language, device, now)))?;
        self.terminal.say(&device.device_key)?;
        self.terminal.say(words::replies_wait(language, device.waiting))?;
        self.terminal.say(speaks_first(language, device.speaks_first, &device.name))?;
        if status.turns.is_empty() {
            return self.terminal.say(words::no_turns(language));
        }
        self.terminal.say(words::recent(language))?;
        for turn in &status.turns {
            self.terminal.say(turn_line(language, turn, now))?;
        }
        Ok(())
    }

    async fn rename(&mut self, what: &str, name: String) -> Result<(), Stop> {
        let device_key = self.find(what).await?.device_key;
        let request = Request::DevicesRename { device_key, name: name.clone() };
        let done: Nothing = self.client.ask(&request).await?;
        self.terminal.tell(&done)?;
        self.terminal.say(words::renamed(self.language, name.trim()))
    }

    async fn remove(&mut self, what: &str, yes: bool) -> Result<(), Stop> {
        let device = self.find(what).await?;
        if self.terminal.person && !yes && !is_allowed(self.terminal, &words::ask_remove(self.language, &device.name))?
        {
            self.terminal.say(words::not_done(self.language))?;
            return Err(Stop::Silent(Exit::PersonNeeded));
        }
        let lost: Removed = self.client.ask(&Request::DevicesRemove { device_key: device.device_key }).await?;
        self.terminal.tell(&lost)?;
        self.terminal.say(words::removed(self.language, device.name))?;
        if lost.lost_messages + lost.lost_replies > 0 {
            self.terminal.say(words::lost(self.language, lost.lost_messages, lost.lost_replies))?;
        }
        Ok(())
    }

    async fn send(&mut self, what: &str, text: String) -> Result<(), Stop> {
        let DeviceRow { device_key, name, .. } = self.find(what).await?;
        let sent: Sent = self.client.ask(&Request::DevicesSend { device_key, text }).await?;
        self.say_sent(sent, name)
    }

    async fn test(&mut self, what: &str) -> Result<(), Stop> {
        let DeviceRow { device_key, name, .. } = self.find(what).await?;
        let sent: Sent = self.client.ask(&Request::DevicesTest { device_key }).await?;
        self.say_sent(sent, name)
    }

    async fn mute(&mut self, what: &str, muted: bool) -> Result<(), Stop> {
        let DeviceRow { device_key, name, .. } = self.find(what).await?;
        let done: Nothing = self.client.ask(&Request::DevicesMute { device_key, muted }).await?;
        self.terminal.tell(&done)?;
        self.terminal.say(match muted {
            true => words::muted(self.language, name),
            false => words::unmuted(self.language, name),
        })
    }

    async fn speaks_first(&mut self, what: &str, who: Who) -> Result<(), Stop> {
        let DeviceRow { device_key, name, .. } = self.find(what).await?;
        let who = match who {
            Who::Anyone => SpeaksFirst::Anyone,
            Who::Asked => SpeaksFirst::Asked,
            Who::Nobody => SpeaksFirst::Nobody,
        };
        let done: Nothing = self.client.ask(&Request::DevicesSpeaksFirst { device_key, who }).await?;
        self.terminal.tell(&done)?;
        self.terminal.say(speaks_first(self.language, who, &name))
    }

    fn say_sent(&self, sent: Sent, name: String) -> Result<(), Stop> {
        self.terminal.tell(&sent)?;
        self.terminal.say(match sent.online {
            true => words::sent_online(self.language, name),
            false => words::sent_offline(self.language, name),
        })
    }

    async fn add_script(&mut self, name: String) -> Result<(), Stop> {
        if !is_allowed(self.terminal, &words::ask_script(self.language, &name))? {
            self.terminal.say(words::not_done(self.language))?;
            return Err(Stop::Silent(Exit::PersonNeeded));
        }
        let added: ScriptAdded = self.client.ask(&Request::DevicesAddScript { name: name.clone() }).await?;
        let (language, terminal) = (self.language, self.terminal);
        terminal.say(words::script_added(language, name.trim()))?;
        terminal.say(&added.token)?;
        if added.addresses.is_empty() {
            terminal.say(words::script_nowhere(language))?;
        }
        let at = |reach| added.addresses.iter().find(|place| place.reach == reach);
        if let Some(place) = at(AddressReach::Computer) {
            terminal.say(words::script_here(language))?;
            self.say_ways_in(&format!("--token {} --address {}", added.token, place.address))?;
        }
        if let Some(place) = at(AddressReach::Network) {
            terminal.say(words::script_there(language))?;
            // With the equals sign: one hash in 64 begins with a hyphen.
            let options =
                format!("--token {} --address {} --certificate={}", added.token, place.address, added.certificate);
            self.say_ways_in(&options)?;
        }
        terminal.say(words::script_back(language, name.trim()))
    }

    /// Lines to run as they are: our own device, and the one that others begin with.
    fn say_ways_in(&self, options: &str) -> Result<(), Stop> {
        self.terminal.say(format!("  smartpi simulate {options}"))?;
        self.terminal.say(format!("  python3 docs/examples/device.py {options}"))
    }

    async fn pending(&mut self) -> Result<(), Stop> {
        let list: PendingList = self.client.ask(&Request::DevicesPending {}).await?;
        self.terminal.tell(&list)?;
        if list.pending.is_empty() {
            return self.terminal.say(words::none_pending(self.language));
        }
        list.pending.iter().try_for_each(|claim| self.terminal.say(claim_line(self.language, claim)))
    }

    async fn approve(&mut self, claim: Option<&str>) -> Result<(), Stop> {
        let PendingClaim { bind, name, how, .. } = self.find_claim(claim).await?;
        let claim = Claim { bind, name, how };
        let mut lines = Lines::open();
        loop {
            confirm::ask(self.terminal, &claim)?;
            let Some(line) = lines.next().await else {
                self.terminal.say("")?;
                return Err(Stop::Silent(Exit::PersonNeeded));
            };
            match confirm::take(self.terminal, &mut self.client, &claim, &line).await? {
                Typed::Approved => return self.terminal.say(words::bound(self.language, claim.name)),
                Typed::Wrong => {}
                Typed::Rejected => {
                    self.terminal.say(words::rejected(self.language))?;
                    return Err(Stop::Silent(Exit::PersonNeeded));
                }
                Typed::Over => {
                    self.terminal.say(words::rejected(self.language))?;
                    return Err(Stop::Silent(Exit::Failed));
                }
            }
        }
    }

    async fn reject(&mut self, claim: Option<&str>) -> Result<(), Stop> {
        let bind = self.find_claim(claim).await?.bind;
        let done: Nothing = self.client.ask(&Request::BindReject { bind }).await?;
        self.terminal.tell(&done)?;
        self.terminal.say(words::rejected(self.language))
    }

    /// The one claim that waits, or the one that was named.
    async fn find_claim(&mut self, named: Option<&str>) -> Result<PendingClaim, Stop> {
        let PendingList { mut pending } = self.client.ask(&Request::DevicesPending {}).await?;
        if let Some(named) = named {
            pending.retain(|claim| claim.bind == named || claim.name == named);
        }
        let language = self.language;
        match (pending.len(), named) {
            (1, _) => Ok(pending.remove(0)),
            (0, None) => Err(Stop::failed("none_pending", words::none_pending(language), json!(null))),
            (0, Some(_)) => Err(Stop::failed("bind_unknown", words::no_such_claim(language), json!(null))),
            _ => {
                let lines: Vec<String> = pending.iter().map(|claim| claim_line(language, claim)).collect();
                let words = format!("{}\n{}", words::several_pending(language), lines.join("\n"));
                Err(Stop::told(Exit::Usage, "several_pending", words))
            }
        }
    }

    async fn find(&mut self, what: &str) -> Result<DeviceRow, Stop> {
        find(&mut self.client, self.language, what).await
    }
}

/// A device by its key, the beginning of its key, or its name.
pub(crate) async fn find(client: &mut Client, language: Language, what: &str) -> Result<DeviceRow, Stop> {
    let list: DeviceList = client.ask(&Request::DevicesList {}).await?;
    choose(list.devices, what, PREFIX, key_and_name).map_err(|unclear| match unclear {
        Unclear::None => Stop::Told {
            exit: Exit::Failed,
            code: FailureCode::DeviceUnknown.as_str(),
            words: words::no_such_device(language, what),
            detail: what.into(),
        },
        Unclear::Several => Stop::told(Exit::Usage, "several_devices", words::several_devices(language, what)),
    })
}

fn key_and_name(device: &DeviceRow) -> (&str, Option<&str>) {
    (&device.device_key, Some(&device.name))
}

fn claim_line(language: Language, claim: &PendingClaim) -> String {
    let kind = confirm::kind(language, claim.kind);
    match claim.state {
        PendingState::Confirming => words::pending_confirming(language, &claim.name, kind, &claim.address, &claim.bind),
        PendingState::Scanned => words::pending_scanned(language, &claim.name, kind, &claim.address, &claim.bind),
    }
}

fn speaks_first(language: Language, who: SpeaksFirst, name: &str) -> String {
    match who {
        SpeaksFirst::Anyone => words::speaks_anyone(language, name),
        SpeaksFirst::Asked => words::speaks_asked(language, name),
        SpeaksFirst::Nobody => words::speaks_nobody(language, name),
    }
}

fn state(language: Language, device: &DeviceRow, now: i64) -> String {
    match device.state {
        DeviceState::Online => words::state_online(language),
        DeviceState::Unsure => words::state_unsure(language),
        DeviceState::Offline if device.last_seen_ms == 0 => words::state_never(language),
        DeviceState::Offline => words::state_offline(language, ago(language, now - device.last_seen_ms)),
    }
}

pub(crate) fn turn_line(language: Language, turn: &Turn, now: i64) -> String {
    let since = ago(language, now - turn.received_ms);
    let took = turn.final_ms.or(turn.sent_ms).map(|end| seconds(end - turn.received_ms));
    match (turn.outcome.as_deref(), took) {
        (Some("answered"), Some(took)) if turn.late => words::turn_late(language, since, took),
        (Some("answered"), Some(took)) => words::turn_answered(language, since, took),
        (Some(outcome), _) => words::turn_ended(language, since, outcome),
        (None, _) if turn.delivered_ms.is_some() => words::turn_working(language, since),
        (None, _) => words::turn_waiting(language, since),
    }
}

fn seconds(ms: i64) -> String {
    format!("{}.{} s", ms.max(0) / 1_000, ms.max(0) % 1_000 / 100)
}

pub(crate) fn ago(language: Language, ms: i64) -> String {
    match ms / 1_000 {
        ..=4 => words::seen_now(language),
        s @ 5..=119 => words::seen_seconds(language, s),
        s @ 120..=7_199 => words::seen_minutes(language, s / 60),
        s @ 7_200..=172_799 => words::seen_hours(language, s / 3_600),
        s => words::seen_days(language, s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(key: &str, name: &str) -> DeviceRow {
        serde_json::from_value(json!({
            "deviceKey": key, "name": name, "kind": "phone", "state": "offline", "lastSeenMs": 0, "waiting": 0, "boundAtMs": 0, "speaksFirst": "anyone"
        }))
        .unwrap()
    }

    #[test]
    fn a_device_is_named_without_guessing() {
        let devices = || {
            vec![
                device("abcd1", "Kitchen"),
                device("abcd2", "Study"),
                device("xyzw1", "Study"),
                device("pqrs1", "abcd1"),
            ]
        };
        let chosen = |what| choose(devices(), what, PREFIX, key_and_name).map(|device| device.device_key);
        assert_eq!(chosen("abcd1").as_deref(), Ok("abcd1"), "a whole key wins over a name");
        assert_eq!(chosen("Kitchen").as_deref(), Ok("abcd1"));
        assert_eq!(chosen("xyzw").as_deref(), Ok("xyzw1"));
        assert_eq!(chosen("xyz"), Err(Unclear::None), "too short");
        assert_eq!(chosen("abcd"), Err(Unclear::Several));
        assert_eq!(chosen("Study"), Err(Unclear::Several));
        assert_eq!(chosen(""), Err(Unclear::None));
    }

    #[test]
    fn times_are_told_in_one_unit() {
        let told = |seconds: i64| ago(Language::En, seconds * 1_000);
        assert_eq!([told(-3), told(4), told(8), told(119)], ["just now", "just now", "8 s ago", "119 s ago"]);
        assert_eq!(
            [told(120), told(7_199), told(7_200), told(172_800)],
            ["2 min ago", "119 min ago", "2 h ago", "2 days ago"]
        );
        assert_eq!(seconds(1_249), "1.2 s");
    }
}
