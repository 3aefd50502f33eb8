//! `smartpi gateway`: this app as a device of OpenClaw, and OpenClaw's other devices.
//!
//! Nobody is let in, and nothing is cleared, but by a person at a terminal: an agent has a shell too.

mod rights;
mod service;
mod target;

use desk::Change;
use desk::control::answer::{GatewayDevice, GatewayDevices, Nothing, PairingRequest, ServiceAct};
use desk::control::client::Client;
use desk::control::request::Request;
use desk::failure::FailureCode;
use desk::folders::Folders;
use desk::language::Language;
use desk::view::GatewayState;
use serde_json::json;

use crate::args::{self, Gateway, GatewayArgs, Target};
use crate::bind::now_ms;
use crate::choice::{Unclear, choose};
use crate::columns::columns;
use crate::dashboard;
use crate::devices::ago;
use crate::exit::{Exit, Stop};
use crate::line::Line;
use crate::route;
use crate::terminal::{Terminal, is_allowed, typed};
use crate::words::{self, gateway as say};

/// Shortest beginning of an id that names a device.
const PREFIX: usize = 6;

/// `smartpi gateway ...`.
pub(crate) async fn run(terminal: Terminal, folders: &Folders, args: GatewayArgs) -> Result<(), Stop> {
    let GatewayArgs { target, what } = args;
    let asks = matches!(
        what,
        Gateway::Dashboard
            | Gateway::Devices(args::GatewayDevices::Approve { .. } | args::GatewayDevices::Clear { .. })
    );
    if asks && !terminal.person {
        return Err(Stop::told(Exit::PersonNeeded, "person_needed", say::terminal_needed(terminal.language)));
    }
    let is_own = !matches!(what, Gateway::Status | Gateway::Agents | Gateway::Devices(_));
    if is_own && target != Target::default() {
        return Err(Stop::told(Exit::Usage, "own_connection", say::own_connection(terminal.language)));
    }
    let tell = |act, yes| service::tell(terminal, folders, act, yes);
    match what {
        Gateway::Status => status(terminal, open(terminal, folders, &target).await?).await,
        Gateway::Connect => wish(terminal, folders, true).await,
        Gateway::Disconnect => wish(terminal, folders, false).await,
        Gateway::Agents => route::agents(terminal, open(terminal, folders, &target).await?).await,
        Gateway::Dashboard => dashboard::show(terminal).await,
        Gateway::Start => tell(ServiceAct::Start, true).await,
        Gateway::Stop { yes } => tell(ServiceAct::Stop, yes).await,
        Gateway::Restart { yes } => tell(ServiceAct::Restart, yes).await,
        Gateway::Install { yes } => tell(ServiceAct::Install, yes).await,
        Gateway::Uninstall { yes } => tell(ServiceAct::Uninstall, yes).await,
        Gateway::Devices(what) => {
            let line = open(terminal, folders, &target).await?;
            Desk { terminal, language: terminal.language, line }.run(what).await
        }
    }
}

/// As the options say.
async fn open(terminal: Terminal, folders: &Folders, target: &Target) -> Result<Line, Stop> {
    Ok(match target::open(terminal, folders, target).await? {
        Some(direct) => Line::Own(Box::new(direct)),
        None => Line::App(Box::new(Client::connect(folders).await?)),
    })
}

async fn status(terminal: Terminal, line: Line) -> Result<(), Stop> {
    let is_own = line.own().is_some();
    let (gateway, supervision) = line.view().await?;
    terminal.tell(&gateway)?;
    let language = terminal.language;
    let (url, version) = (gateway.url.as_deref().unwrap_or_default(), gateway.version.as_deref().unwrap_or_default());
    terminal.say(match gateway.state {
        GatewayState::Off => say::off(language),
        GatewayState::Connecting => say::connecting(language, url),
        GatewayState::Online if is_own => say::online_there(language, url, version),
        GatewayState::Online => say::online(language, url, version),
        GatewayState::Waiting => say::waiting(language, url),
        GatewayState::Stuck => say::stuck(language),
    })?;
    if let Some(failure) = &gateway.failure {
        terminal.say(failure.words(language))?;
    }
    if let Some(supervision) = &supervision {
        terminal.say(service::line(language, supervision))?;
    }
    gateway.pending.iter().try_for_each(|request| say_request(terminal, request))
}

async fn wish(terminal: Terminal, folders: &Folders, on: bool) -> Result<(), Stop> {
    let mut client = Client::connect(folders).await?;
    let done: Nothing = client.ask(&Request::GatewayConnect { on }).await?;
    terminal.tell(&done)?;
    terminal.say(if on { say::wished(terminal.language) } else { say::unwished(terminal.language) })
}

struct Desk {
    terminal: Terminal,
    language: Language,
    line: Line,
}

impl Desk {
    async fn run(mut self, what: args::GatewayDevices) -> Result<(), Stop> {
        use args::GatewayDevices as Do;
        match what {
            Do::List => self.list().await,
            Do::Approve { request } => self.approve(&request).await,
            Do::Reject { request } => self.reject(&request).await,
            Do::Remove { device, yes } => self.remove(&device, yes).await,
            Do::Rename { device, name } => self.rename(&device, name).await,
            Do::Rotate { device, role, yes } => self.rotate(&device, role, yes).await,
            Do::Revoke { device, role, yes } => self.revoke(&device, role, yes).await,
            Do::Clear { pending } => self.clear(pending).await,
        }
    }

    async fn devices(&mut self) -> Result<GatewayDevices, Stop> {
        Ok(self.line.devices().await?)
    }

    async fn list(&mut self) -> Result<(), Stop> {
        let devices = self.devices().await?;
        self.terminal.tell(&devices)?;
        let language = self.language;
        if devices.pending.is_empty() {
            self.terminal.say(say::no_requests(language))?;
        } else {
            self.terminal.say(say::requests(language))?;
            devices.pending.iter().try_for_each(|request| say_request(self.terminal, request))?;
        }
        if devices.paired.is_empty() {
            return self.terminal.say(say::no_devices(language));
        }
        self.terminal.say(say::devices(language))?;
        let head = [
            say::head_device(language),
            words::head_state(language),
            words::head_key(language),
            say::head_scopes(language),
        ];
        let now = now_ms();
        let rows = devices.paired.iter().map(|device| {
            let allowed = rights::words(language, &device.roles, &device.scopes);
            [name(device), state(language, device, now), device.device_id.clone(), allowed]
        });
        let table: Vec<[String; 4]> = std::iter::once(head).chain(rows).collect();
        columns(&table).into_iter().try_for_each(|line| self.terminal.say(line))
    }

    async fn approve(&mut self, request_id: &str) -> Result<(), Stop> {
        let (request, held) = self.request(request_id).await?;
        let name = request_name(&request);
        say_request(self.terminal, &request)?;
        if rights::is_full_control(&request) {
            self.terminal.say(words::rights::full_control(self.language))?;
        }
        if held.is_some_and(|held| !rights::may_approve(&request, &held)) {
            self.terminal.say(words::rights::cannot_grant(self.language))?;
        }
        self.terminal.say(words::rights::care(self.language))?;
        if !is_allowed(self.terminal, &say::ask_approve(self.language, &name))? {
            return self.not_done();
        }
        self.line.change(Change::Approve { request_id: request.request_id }).await?;
        self.terminal.say(say::approved(self.language, name))
    }

    async fn reject(&mut self, request_id: &str) -> Result<(), Stop> {
        let (request, _) = self.request(request_id).await?;
        let name = request_name(&request);
        let done = self.line.change(Change::Reject { request_id: request.request_id }).await?;
        self.terminal.tell(&done)?;
        self.terminal.say(say::rejected(self.language, name))
    }

    async fn remove(&mut self, what: &str, yes: bool) -> Result<(), Stop> {
        let device = self.find(what).await?;
        let name = name(&device);
        if !self.agrees(yes, &say::ask_remove(self.language, &name))? {
            return self.not_done();
        }
        self.change(Change::Remove { device_id: device.device_id }, say::removed(self.language, name)).await
    }

    async fn rename(&mut self, what: &str, new: String) -> Result<(), Stop> {
        let device_id = self.find(what).await?.device_id;
        let words = say::renamed(self.language, new.trim());
        self.change(Change::Rename { device_id, name: new }, words).await
    }

    async fn rotate(&mut self, what: &str, role: String, yes: bool) -> Result<(), Stop> {
        let device = self.find(what).await?;
        let name = name(&device);
        if !self.agrees(yes, &say::ask_rotate(self.language, &name, &role))? {
            return self.not_done();
        }
        self.change(Change::Rotate { device_id: device.device_id, role }, say::rotated(self.language, name)).await
    }

    async fn revoke(&mut self, what: &str, role: String, yes: bool) -> Result<(), Stop> {
        let device = self.find(what).await?;
        let name = name(&device);
        if !self.agrees(yes, &say::ask_revoke(self.language, &name, &role))? {
            return self.not_done();
        }
        self.change(Change::Revoke { device_id: device.device_id, role }, say::revoked(self.language, name)).await
    }

    async fn clear(&mut self, pending: bool) -> Result<(), Stop> {
        let word = say::clear_word(self.language);
        let question = match self.line.own() {
            _ if pending => say::ask_clear_pending(self.language, &word),
            Some(url) => say::ask_clear_there(self.language, url, &word),
            None => say::ask_clear(self.language, &word),
        };
        if typed(self.terminal, &question)? != word {
            return self.not_done();
        }
        let cleared = self.line.clear(!pending).await?;
        self.terminal.say(say::cleared(self.language, cleared.removed, cleared.rejected))
    }

    async fn change(&mut self, change: Change, words: String) -> Result<(), Stop> {
        let done = self.line.change(change).await?;
        self.terminal.tell(&done)?;
        self.terminal.say(words)
    }

    /// A script that says so, or nobody to ask; else a person's yes.
    fn agrees(&self, yes: bool, question: &str) -> Result<bool, Stop> {
        if yes || !self.terminal.person { Ok(true) } else { is_allowed(self.terminal, question) }
    }

    fn not_done(&self) -> Result<(), Stop> {
        self.terminal.say(words::not_done(self.language))?;
        Err(Stop::Silent(Exit::PersonNeeded))
    }

    /// Exactly the one that was named: never the newest, never the only one. With what we may do ourselves, where that is known.
    async fn request(&mut self, id: &str) -> Result<(PairingRequest, Option<Vec<String>>), Stop> {
        let GatewayDevices { pending, paired, .. } = self.devices().await?;
        let held = paired.into_iter().find(|device| device.ours).map(|device| device.scopes);
        let request = pending.into_iter().find(|request| request.request_id == id).ok_or_else(|| Stop::Told {
            exit: Exit::Failed,
            code: FailureCode::GatewayRequestUnknown.as_str(),
            words: say::no_such_request(self.language, id),
            detail: json!(id),
        })?;
        Ok((request, held))
    }

    async fn find(&mut self, what: &str) -> Result<GatewayDevice, Stop> {
        let paired = self.devices().await?.paired;
        choose(paired, what, PREFIX, id_and_name).map_err(|unclear| match unclear {
            Unclear::None => Stop::Told {
                exit: Exit::Failed,
                code: FailureCode::GatewayDeviceUnknown.as_str(),
                words: say::no_such_device(self.language, what),
                detail: json!(what),
            },
            Unclear::Several => Stop::told(Exit::Usage, "several_devices", say::several_devices(self.language, what)),
        })
    }
}

fn id_and_name(device: &GatewayDevice) -> (&str, Option<&str>) {
    (&device.device_id, device.name.as_deref())
}

fn name(device: &GatewayDevice) -> String {
    device.name.clone().unwrap_or_else(|| device.device_id.chars().take(8).collect())
}

fn request_name(request: &PairingRequest) -> String {
    request.name.clone().unwrap_or_else(|| request.short_id().to_owned())
}

/// Who asks, and in words for what, beside what it has.
fn say_request(terminal: Terminal, request: &PairingRequest) -> Result<(), Stop> {
    let (language, platform) = (terminal.language, request.platform.as_deref().unwrap_or("-"));
    terminal.say(say::request_line(language, &request.request_id, request_name(request), platform))?;
    rights::asked(language, request).into_iter().try_for_each(|line| terminal.say(line))
}

fn state(language: Language, device: &GatewayDevice, now: i64) -> String {
    let state = match (device.connected, device.seen_ms) {
        (Some(true), _) => say::connected(language),
        _ if device.is_revoked() => say::token_revoked(language),
        (_, Some(seen)) => say::seen(language, ago(language, now - seen)),
        (_, None) => say::never(language),
    };
    if device.ours { format!("{state}, {}", say::ours(language)) } else { state }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(id: &str, name: Option<&str>) -> GatewayDevice {
        serde_json::from_value(json!({
            "deviceId": id, "name": name, "platform": null, "clientId": null, "clientMode": null, "roles": ["operator"], "scopes": [],
            "tokens": [], "approvedMs": null, "seenMs": null, "connected": null, "ours": false
        }))
        .unwrap()
    }

    #[test]
    fn a_device_is_found_by_id_name_or_beginning_and_never_guessed() {
        let devices =
            || vec![device("aabbccdd", Some("Phone")), device("aabbcc00", Some("Tablet")), device("ff", Some("Phone"))];
        let chosen = |what| choose(devices(), what, PREFIX, id_and_name).map(|device| device.device_id);
        assert_eq!(chosen("aabbccdd").as_deref(), Ok("aabbccdd"));
        assert_eq!(chosen("Tablet").as_deref(), Ok("aabbcc00"));
        assert_eq!(chosen("aabbcc0").as_deref(), Ok("aabbcc00"));
        assert_eq!(chosen("Phone"), Err(Unclear::Several));
        assert_eq!(chosen("aabbcc"), Err(Unclear::Several));
        assert_eq!(chosen("aabb"), Err(Unclear::None));
    }
}
