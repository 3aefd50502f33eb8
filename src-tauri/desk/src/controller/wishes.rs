//! What a person wishes, from wherever.

use std::time::Duration;

use channel::id::DeviceKey;
use serde_json::Value;
use tokio::sync::oneshot;

use super::event::{Event, Wish};
use super::reply::{Reply, value};
use super::{Controller, End, ToController, Topic};
use crate::control::answer::{BindConfirmed, Nothing, Removed, Sent};
use crate::control::request::SettingsChange;
use crate::failure::{Failure, FailureCode};
use crate::page::Page;
use crate::settings::{OtherGateway, SaveError, Settings};
use crate::shell::Shell;
use crate::state::{Did, Window};
use crate::tray_menu::TrayAction;
use crate::{detect_agent, words};

impl<S: Shell> Controller<S> {
    pub(super) fn wish(&mut self, wish: Wish, reply: Reply) {
        match wish {
            Wish::Start => self.intend(true, reply),
            Wish::Stop => self.intend(false, reply),
            Wish::Allow(allow) => self.allow(allow, reply),
            Wish::Change(change) => self.change(change, reply),
            Wish::Mute { device_key, muted } => self.mute(&device_key, muted, reply),
            Wish::Confirm { bind, typed } => self.confirm(bind, typed, reply),
            Wish::Remove(device) => self.remove(device, reply),
            Wish::Open(page) => self.open(page, reply),
            Wish::Installed => self.find_agent(reply),
            Wish::Release(act) => self.lookout.act(act, reply),
            Wish::Gateway(on) => self.wish_gateway(on, reply),
            Wish::GatewayElsewhere(other) => self.choose_gateway(other, reply),
            Wish::Quit => {
                reply.done();
                self.end(End::Asked);
            }
        }
    }

    /// What the desktop says.
    pub(super) fn hear(&mut self, said: ToController) {
        match said {
            ToController::Clicked(action) => self.click(action),
            ToController::Open(page) => self.open(page, Reply::default()),
            ToController::Tray(shown) => self.see_tray(shown),
            ToController::WindowEnded => self.window_ended(),
            ToController::Quit => self.end(End::Asked),
        }
    }

    /// Where no tray shows the icon from the beginning, the window is the only sign of the program.
    fn see_tray(&mut self, shown: bool) {
        // There is a desktop now that can be asked.
        self.state.shown.app.autostart = self.shell.autostart();
        let before = self.state.shown.app.tray.replace(shown);
        if before.is_none() && !shown && self.state.window == Window::Closed {
            self.open(Page::Devices { device_key: None, remove: false }, Reply::default());
        }
    }

    fn click(&mut self, action: TrayAction) {
        let reply = Reply::default();
        let device = |key| Page::Devices { device_key: Some(key), remove: false };
        match action {
            TrayAction::StartService => self.intend(true, reply),
            TrayAction::StopService => self.intend(false, reply),
            TrayAction::Bind => self.open(Page::Bind {}, reply),
            TrayAction::OpenDevice(key) => self.open(device(key), reply),
            TrayAction::MuteDevice(key, muted) => self.mute(&key, muted, reply),
            TrayAction::TestDevice(key) => self.test_device(&key),
            TrayAction::RemoveDevice(key) => self.open(Page::Devices { device_key: Some(key), remove: true }, reply),
            TrayAction::Devices => self.open(Page::Devices { device_key: None, remove: false }, reply),
            TrayAction::PhonePage => {
                if let Some(url) = self.phone_page() {
                    self.shell.open_url(&url);
                }
            }
            TrayAction::Activity => self.open(Page::Activity {}, reply),
            TrayAction::Health => self.open(Page::Health { act: None }, reply),
            TrayAction::GatewayService(act) => self.open(Page::Health { act: Some(act) }, reply),
            TrayAction::Settings => self.open(Page::Settings {}, reply),
            TrayAction::Welcome => self.open(Page::Welcome {}, reply),
            TrayAction::Autostart(on) => {
                let set = self.set_autostart(on);
                // Seen in the menu; where it failed, in the window too.
                self.trouble(Topic::Autostart, set.err());
            }
            TrayAction::Quit => self.end(End::Asked),
        }
    }

    fn set_autostart(&mut self, on: bool) -> Result<(), Failure> {
        let set = self.shell.set_autostart(on);
        self.state.shown.app.autostart = self.shell.autostart();
        set
    }

    /// Keeps the settings: in the file, then in force.
    pub(super) fn save(&mut self, settings: Settings) -> Result<(), Failure> {
        let saved = settings.save(&self.folders.settings_file()).map_err(|error| match error {
            SaveError::Range(key) => Failure::with(FailureCode::BadRequest, format!("{key} is out of range")),
            error @ SaveError::Write { .. } => error.into(),
        });
        self.trouble(Topic::Settings, saved.clone().err().filter(|failure| failure.code != FailureCode::BadRequest));
        saved?;
        self.settings = settings;
        self.lookout.want(self.settings.look_for_releases);
        self.state.see_settings(&self.settings, self.system);
        Ok(())
    }

    fn change(&mut self, change: Box<SettingsChange>, reply: Reply) {
        if let Some(key) = changed(&self.settings, &change).out_of_range() {
            return reply.fail(Failure::with(FailureCode::BadRequest, format!("{key} is out of range")));
        }
        match change.port {
            Some(_) if self.listening.is_choosing() => reply.fail(Failure::bare(FailureCode::TooMany)),
            // The one it has, or has been given for this run, is merely remembered.
            Some(port) if self.listening.shall_run() && port != self.state.shown.service.port => {
                self.choose_port(port, change, reply);
            }
            Some(port) if self.listening.shall_run() && self.is_failed() => self.choose_port(port, change, reply),
            Some(port) => {
                self.listening.set_port(port);
                self.change_now(&change, reply);
            }
            None => self.change_now(&change, reply),
        }
    }

    fn is_failed(&self) -> bool {
        self.state.shown.service.failure.is_some()
    }

    /// Everything of a change but listening on another port.
    pub(super) fn change_now(&mut self, change: &SettingsChange, reply: Reply) {
        match change.secrets_in_file {
            Some(in_file) if in_file != self.settings.secrets_in_file => self.move_secrets(in_file, change, reply),
            Some(_) | None => self.change_rest(change, reply),
        }
    }

    /// Secrets are moved first: a choice is saved only where they are.
    fn move_secrets(&mut self, in_file: bool, change: &SettingsChange, reply: Reply) {
        let (vault, reports, change) = (self.vault.clone(), self.reports.clone(), Box::new(change.clone()));
        self.work.spawn(async move {
            let save = async move {
                let (saved, is_saved) = oneshot::channel();
                let ended = |_| Failure::bare(FailureCode::Stopping);
                reports.send(Event::Rest { change, reply: Reply::to(saved) }).await.map_err(|_| ended(()))?;
                is_saved.await.map_err(|_| ended(()))?.map(drop)
            };
            let result = vault.switch(in_file, save).await.and_then(|()| value(&Nothing {}));
            Event::Done { result, reply }
        });
    }

    pub(super) fn change_rest(&mut self, change: &SettingsChange, reply: Reply) {
        if let Some(on) = change.autostart
            && let Err(failure) = self.set_autostart(on)
        {
            return reply.fail(failure);
        }
        let before = (self.settings.keep_text_days, self.settings.answer_after_s);
        if let Err(failure) = self.save(changed(&self.settings, change)) {
            return reply.fail(failure);
        }
        let now = (self.settings.keep_text_days, self.settings.answer_after_s);
        if now == before {
            return reply.done();
        }
        let service = self.service.clone();
        self.work.spawn(async move {
            let changed = service.change(now.0, Duration::from_secs(now.1)).await;
            Event::Done { result: changed.map_err(Failure::from).and_then(|()| value(&Nothing {})), reply }
        });
    }

    fn mute(&mut self, device_key: &str, muted: bool, reply: Reply) {
        if !self.state.shown.devices.iter().any(|device| device.device_key == device_key)
            && !self.settings.muted.contains(device_key)
        {
            return reply.fail(Failure::with(FailureCode::DeviceUnknown, device_key));
        }
        let mut settings = self.settings.clone();
        if muted {
            settings.muted.insert(device_key.to_owned());
        } else {
            settings.muted.remove(device_key);
        }
        match self.save(settings) {
            Ok(()) => reply.done(),
            Err(failure) => reply.fail(failure),
        }
    }

    /// What the confirmation changes is read when it is known whether a person did it: nothing that a person did is told as news.
    fn confirm(&mut self, bind: String, typed: String, reply: Reply) {
        self.confirming += 1;
        let service = self.service.clone();
        self.work.spawn(async move {
            let result = service.confirm_bind(&bind, &typed).await;
            Event::Confirmed { result: result.map(|device| device.to_string()).map_err(Failure::from), reply }
        });
    }

    pub(super) fn confirmed(&mut self, result: Result<String, Failure>, reply: Reply) {
        self.confirming = self.confirming.saturating_sub(1);
        if let Ok(device_key) = &result {
            tracing::info!(deviceKey = %device_key, "a person approved a device");
            let now_ms = self.now_ms();
            self.state.did(Did::Bound(device_key.clone()), now_ms);
        }
        self.read_soon();
        reply.send(result.and_then(|device_key| value(&BindConfirmed { device_key })));
    }

    fn remove(&mut self, device: DeviceKey, reply: Reply) {
        let now_ms = self.now_ms();
        self.state.did(Did::Removed(device.to_string()), now_ms);
        let service = self.service.clone();
        self.work.spawn(async move {
            let result = match service.remove(device.clone()).await {
                Ok(Some(lost)) => {
                    tracing::info!(deviceKey = %device, "a device was removed");
                    value(&Removed::from(lost))
                }
                Ok(None) => Err(Failure::with(FailureCode::DeviceUnknown, device.to_string())),
                Err(stopped) => Err(stopped.into()),
            };
            Event::Done { result, reply }
        });
    }

    fn test_device(&mut self, device_key: &str) {
        let Some(device) = DeviceKey::parse(device_key) else { return };
        let service = self.service.clone();
        let text = words::test_message(self.state.shown.app.language).to_owned();
        self.work.spawn(async move {
            Event::Tested(match service.send(device.clone(), text).await {
                Ok(Some((n, online))) => value(&Sent { n, online }),
                Ok(None) => Err(Failure::with(FailureCode::DeviceUnknown, device.to_string())),
                Err(stopped) => Err(stopped.into()),
            })
        });
    }

    /// A click's test message: the device itself shows that it came.
    pub(super) fn tested(&mut self, result: Result<Value, Failure>) {
        Reply::default().send(result);
    }

    /// Remembered first: what is not saved is not done.
    fn wish_gateway(&mut self, on: bool, reply: Reply) {
        let mut settings = self.settings.clone();
        settings.gateway = on;
        match self.save(settings) {
            Ok(()) => {
                self.operator.wish(on);
                reply.done();
            }
            Err(failure) => reply.fail(failure),
        }
    }

    /// Remembered first, too. Whoever chooses another computer's gateway wishes a connection to it.
    fn choose_gateway(&mut self, other: Option<OtherGateway>, reply: Reply) {
        let mut settings = self.settings.clone();
        let begins = other.is_some() && !settings.gateway;
        settings.gateway |= begins;
        settings.gateway_elsewhere.clone_from(&other);
        if let Err(failure) = self.save(settings) {
            return reply.fail(failure);
        }
        let operator = self.operator.clone();
        self.work.spawn(async move {
            operator.aim_at(other).await;
            if begins {
                operator.wish(true);
            }
            Event::Done { result: value(&Nothing {}), reply }
        });
    }

    /// Looks up again who answers, after an install.
    fn find_agent(&mut self, reply: Reply) {
        if self.agent_fixed {
            return reply.done();
        }
        let link_key = self.folders.link_key();
        let now = self.agent;
        self.work.spawn(async move {
            let found = tokio::task::spawn_blocking(move || detect_agent::of_user(&link_key)).await;
            Event::AgentFound { agent: found.unwrap_or(now), reply }
        });
    }
}

fn changed(settings: &Settings, change: &SettingsChange) -> Settings {
    let mut changed = settings.clone();
    let SettingsChange {
        language,
        port,
        keep_text_days,
        answer_after_s,
        quiet,
        welcomed,
        secrets_in_file,
        look_for_releases,
        autostart: _,
    } = change;
    changed.language = language.unwrap_or(changed.language);
    changed.port = port.unwrap_or(changed.port);
    changed.keep_text_days = keep_text_days.unwrap_or(changed.keep_text_days);
    changed.answer_after_s = answer_after_s.unwrap_or(changed.answer_after_s);
    changed.quiet = quiet.unwrap_or(changed.quiet);
    changed.welcomed = welcomed.unwrap_or(changed.welcomed);
    changed.look_for_releases = look_for_releases.unwrap_or(changed.look_for_releases);
    changed.secrets_in_file = secrets_in_file.unwrap_or(changed.secrets_in_file);
    changed
}
