//! What the running service answers to each request of docs/CONTROL.md.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use channel::hub::event::Notice;
use channel::id::{self, DeviceKey};
use channel::service::{ECHO_GATEWAY, Service};
use channel::view::{LinkView, Reach};
use channel::wire::TEXT;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

mod target;

use super::LINK_AWAIT_S;
use super::answer::{
    Address, AddressReach, BindEvent, BindStarted, DeviceCount, DeviceList, DeviceStatus, Hello, Nothing, PendingList,
    Report, ScriptAdded, Sent, Status, Turns,
};
use super::request::Request;
use super::server::{Answers, Events};
use crate::controller::{Desk, Event, Reply, Wish};
use crate::failure::{Failure, FailureCode};
use crate::folders::Folders;
use crate::operator::{Change, Operator};
use crate::plugin::backups;
use crate::repair::Workshop;
use crate::view::{AddressView, View};
use crate::{redact, report, setup, words};

/// Most turns of one answer, and how many where nobody says.
const TURNS: (u32, u32) = (100, 50);
/// Pages that may wait for a window.
const PAGES: usize = 8;

/// Answers from a running service and its controller.
#[derive(Debug)]
pub(crate) struct Verbs {
    pub(crate) service: Service,
    pub(crate) desk: Desk,
    pub(crate) folders: Folders,
    pub(crate) operator: Operator,
    pub(crate) workshop: Workshop,
}

impl Answers for Verbs {
    async fn answer(&self, request: Request, events: Events) -> Result<Value, Failure> {
        match request {
            Request::Status {} => json(&self.status().await?),
            Request::BindStart { address } => json(&self.start_bind(address).await?),
            Request::BindWatch { bind } => self.watch_bind(&bind, &events).await,
            Request::BindConfirm { bind, code } => {
                self.wish(Wish::Confirm { bind, typed: code.trim().to_owned() }).await
            }
            Request::BindReject { bind } => {
                if self.service.reject_bind(&bind).await? {
                    nothing()
                } else {
                    Err(Failure::bare(FailureCode::BindUnknown))
                }
            }
            Request::DevicesPending {} => {
                json(&PendingList { pending: self.service.pending().await?.into_iter().map(Into::into).collect() })
            }
            Request::DevicesList {} => {
                json(&DeviceList { devices: self.service.devices().await?.into_iter().map(Into::into).collect() })
            }
            Request::DevicesStatus { device_key } => {
                let (device, turns) = known(self.service.device(key(&device_key)?).await?, &device_key)?;
                json(&DeviceStatus { device: device.into(), turns: turns.into_iter().map(Into::into).collect() })
            }
            Request::DevicesRename { device_key, name } => {
                let renamed = self.service.rename(key(&device_key)?, named(&name)?).await?;
                known(renamed.then_some(()), &device_key)?;
                nothing()
            }
            Request::DevicesRemove { device_key } => self.wish(Wish::Remove(key(&device_key)?)).await,
            Request::DevicesAddScript { name } => json(&self.add_script(&name).await?),
            Request::DevicesSend { device_key, text } => {
                if text.is_empty() || text.len() > TEXT {
                    return Err(bad("a text has 1 to 32768 bytes"));
                }
                let (n, online) = known(self.service.send(key(&device_key)?, text).await?, &device_key)?;
                json(&Sent { n, online })
            }
            Request::LinkAwait { timeout_s } => {
                // Since the start the plugin may have been set up for this service.
                self.wish(Wish::Installed).await?;
                json(&self.await_link(timeout_s).await?)
            }
            Request::LinkForget {} => done(self.service.forget_gateway().await.map_err(Failure::from)),
            Request::ViewWatch {} => self.watch_view(&events).await,
            Request::WindowAttend {} => self.attend(&events).await,
            Request::WindowOpen(page) => self.wish(Wish::Open(page)).await,
            Request::ServiceStart {} => self.wish(Wish::Start).await,
            Request::ServiceStop {} => self.wish(Wish::Stop).await,
            Request::NetworkAllow { allow } => self.wish(Wish::Allow(allow)).await,
            Request::ReleasePackage { act } => self.wish(Wish::Release(act)).await,
            Request::SettingsChange(change) => self.wish(Wish::Change(change)).await,
            Request::DevicesMute { device_key, muted } => self.mute(device_key, muted).await,
            Request::DevicesSpeaksFirst { device_key, who } => {
                let set = self.service.speaks_first(key(&device_key)?, who.into()).await?;
                known(set.then_some(()), &device_key).and_then(|()| nothing())
            }
            Request::DevicesRoutePreview { device_key, agent } => {
                let device = self.bound(&device_key).await?;
                json(&self.operator.plan_route(backups(&self.folders.data), &device, agent.as_deref()).await?)
            }
            Request::DevicesRoute { device_key, agent, shown } => {
                let (device, copies) = (self.bound(&device_key).await?, backups(&self.folders.data));
                json(&self.operator.route(copies, &device, agent.as_deref(), shown.as_deref()).await?)
            }
            Request::DevicesTest { device_key } => {
                let text = words::test_message(self.view().app.language).to_owned();
                let (n, online) = known(self.service.send(key(&device_key)?, text).await?, &device_key)?;
                json(&Sent { n, online })
            }
            Request::ActivityTurns { device_key, before_ms, limit } => {
                json(&self.turns(device_key, before_ms, limit).await?)
            }
            Request::SetupLook {} => json(&setup::look(&self.folders).await),
            Request::SetupInstall { command } => self.seen(setup::install(&self.folders, command.into()).await?).await,
            Request::SetupRemoval {} => json(&setup::removal(&self.folders).await?),
            Request::SetupRemove { shown } => self.seen(setup::remove(&self.folders, &shown).await?).await,
            Request::PluginAccounts(act) => json(&setup::accounts(&self.folders, &act).await?),
            Request::ReportMake {} => {
                let view = Arc::clone(&self.fresh_view().await?.borrow());
                let folders = self.folders.clone();
                let text = tokio::task::spawn_blocking(move || report::make(Some(&view), &folders)).await;
                json(&Report { text: text.map_err(|_| Failure::bare(FailureCode::Internal))? })
            }
            Request::GatewayConnect { on } => self.wish(Wish::Gateway(on)).await,
            Request::GatewayLook { url } => json(&self.operator.look_at(&url).await?),
            Request::GatewayChoose(choice) => self.choose_gateway(&choice).await,
            Request::GatewayChooseLocal {} => self.choose_local_gateway().await,
            Request::GatewayService { act } => done(self.workshop.tell_service(act).await),
            Request::GatewayDevices {} => json(&self.operator.devices().await?),
            Request::GatewayAgents {} => {
                let devices: Vec<String> =
                    self.service.devices().await?.iter().map(|device| device.key.to_string()).collect();
                json(&self.operator.agents(&devices).await?)
            }
            Request::GatewayApprove { request_id } => done(self.operator.change(Change::Approve { request_id }).await),
            Request::GatewayReject { request_id } => done(self.operator.change(Change::Reject { request_id }).await),
            Request::GatewayRemove { device_id } => done(self.operator.change(Change::Remove { device_id }).await),
            Request::GatewayRename { device_id, name } => {
                done(self.operator.change(Change::Rename { device_id, name }).await)
            }
            Request::GatewayRotate { device_id, role } => {
                done(self.operator.change(Change::Rotate { device_id, role }).await)
            }
            Request::GatewayRevoke { device_id, role } => {
                done(self.operator.change(Change::Revoke { device_id, role }).await)
            }
            Request::GatewayClear { devices } => json(&self.operator.clear(devices).await?),
            Request::CareLook {} => done(self.workshop.look().await),
            Request::CareRepair { plan } => json(&self.workshop.repair(&plan).await?),
            Request::CareStopWaiting {} => done(self.workshop.stop_waiting()),
            Request::CareUndo { plan } => json(&self.workshop.undo(&plan).await?),
            Request::CareAcknowledge { plan } => done(self.workshop.acknowledge(&plan)),
            Request::EntriesPreview { change } => json(&self.workshop.keeper.preview(change).await?),
            Request::EntriesWrite { change, shown } => json(&self.workshop.keeper.write(change, shown).await?),
            Request::EntriesLeave {} => done(self.workshop.keeper.leave().await),
            Request::CareHistory {} => json(&self.workshop.history()?),
            Request::Quit {} => self.wish(Wish::Quit).await,
        }
    }
}

impl Verbs {
    fn view(&self) -> Arc<View> {
        Arc::clone(&self.desk.view.borrow())
    }

    /// The view as things are now: a server reads the service for those who look only.
    async fn fresh_view(&self) -> Result<watch::Receiver<Arc<View>>, Failure> {
        let view = self.desk.view.subscribe();
        let (fresh, is_fresh) = oneshot::channel();
        self.tell(Event::Watched(fresh)).await?;
        is_fresh.await.map_err(|_| Failure::bare(FailureCode::Stopping))?;
        Ok(view)
    }

    /// What the controller does, and its answer.
    async fn wish(&self, wish: Wish) -> Result<Value, Failure> {
        let (reply, answer) = oneshot::channel();
        self.tell(Event::Asked(wish, Reply::to(reply))).await?;
        answer.await.unwrap_or_else(|_| Err(Failure::bare(FailureCode::Stopping)))
    }

    /// What was done to the plugin, once the controller looked at it again.
    async fn seen(&self, done: impl Serialize) -> Result<Value, Failure> {
        self.wish(Wish::Installed).await?;
        json(&done)
    }

    async fn tell(&self, event: Event) -> Result<(), Failure> {
        self.desk.events.send(event).await.map_err(|_| Failure::bare(FailureCode::Stopping))
    }

    async fn status(&self) -> Result<Status, Failure> {
        let devices = self.service.devices().await?;
        let view = self.view();
        Ok(Status {
            version: view.app.version.clone(),
            pid: std::process::id(),
            port: view.service.port,
            name: view.service.name.clone(),
            agent: view.assistant.kind,
            addresses: view.network.addresses.iter().map(address).collect(),
            link: self.service.link().await?.into(),
            devices: DeviceCount {
                bound: devices.len(),
                online: devices.iter().filter(|device| device.reach != Reach::Offline).count(),
            },
            data_dir: view.app.data_dir.clone(),
        })
    }

    /// The network's best address where there is one: a phone cannot reach the loopback.
    async fn start_bind(&self, address: Option<IpAddr>) -> Result<BindStarted, Failure> {
        let best = || self.view().network.addresses.first().and_then(|address| address.ip.parse().ok());
        let address = address.or_else(best).ok_or_else(|| Failure::bare(FailureCode::NoAddress))?;
        let ticket = self.service.issue_ticket(address).await?;
        // From here on nobody writes it down.
        for secret in ticket.url.split(['#', '.']).filter(|part| part.len() >= 16).chain([ticket.code.as_str()]) {
            redact::here().learn_passing(secret.as_bytes());
            if let Ok(bytes) = data_encoding::BASE64URL_NOPAD.decode(secret.as_bytes()) {
                redact::here().learn_passing(&bytes);
            }
        }
        self.tell(Event::CodeShown { until_ms: ticket.expires_ms }).await?;
        Ok(BindStarted {
            bind: ticket.bind,
            url: ticket.url,
            typed_code: ticket.code.to_string(),
            expires_ms: ticket.expires_ms,
            reach: reach(address),
        })
    }

    async fn add_script(&self, name: &str) -> Result<ScriptAdded, Failure> {
        let (device, token) = self.service.add_script(named(name)?).await?;
        redact::here().learn_passing(token.as_bytes());
        Ok(ScriptAdded {
            device_key: device.to_string(),
            token: token.to_string(),
            addresses: self.view().network.addresses.iter().map(Into::into).collect(),
            certificate: self.service.certificate().chan.pin().map_or_else(String::new, |pin| pin.encode()),
        })
    }

    /// The key of a device that is bound.
    async fn bound(&self, device_key: &str) -> Result<String, Failure> {
        let device = key(device_key)?;
        known(self.service.device(device.clone()).await?, device_key)?;
        Ok(device.to_string())
    }

    async fn mute(&self, device_key: String, muted: bool) -> Result<Value, Failure> {
        let device = key(&device_key)?;
        known(self.service.device(device).await?, &device_key)?;
        self.wish(Wish::Mute { device_key, muted }).await
    }

    async fn turns(
        &self,
        device_key: Option<String>,
        before_ms: Option<i64>,
        limit: Option<u32>,
    ) -> Result<Turns, Failure> {
        let limit = limit.unwrap_or(TURNS.1);
        if !(1..=TURNS.0).contains(&limit) {
            return Err(bad("limit is 1 to 100"));
        }
        let device = device_key.as_deref().map(key).transpose()?;
        if let (Some(device), Some(named)) = (&device, &device_key) {
            known(self.service.device(device.clone()).await?, named)?;
        }
        let limit = usize::try_from(limit).unwrap_or(1);
        Ok(self.service.turns(device, before_ms, limit).await?.into())
    }

    /// The present view, then each newer one; what comes while the asker is slow is one change.
    async fn watch_view(&self, events: &Events) -> Result<Value, Failure> {
        let mut view = self.fresh_view().await?;
        loop {
            let shown = Arc::clone(&view.borrow_and_update());
            events.send(json(&*shown)?).await?;
            view.changed().await.map_err(|_| Failure::bare(FailureCode::Stopping))?;
        }
    }

    /// The asker is the window until its socket closes: then this is dropped, and with it the seat.
    async fn attend(&self, events: &Events) -> Result<Value, Failure> {
        let (pages, mut shown) = mpsc::channel(PAGES);
        let (reply, answer) = oneshot::channel();
        self.tell(Event::Attends { pages, reply }).await?;
        answer.await.unwrap_or_else(|_| Err(Failure::bare(FailureCode::Stopping)))?;
        while let Some(page) = shown.recv().await {
            events.send(json(&page)?).await?;
        }
        Err(Failure::bare(FailureCode::Stopping))
    }

    async fn watch_bind(&self, bind: &str, events: &Events) -> Result<Value, Failure> {
        let watched = self.service.watch_bind(bind).await?;
        let mut progress = watched.ok_or_else(|| Failure::bare(FailureCode::BindUnknown))?;
        loop {
            let event = BindEvent::from(&*progress.borrow_and_update());
            events.send(json(&event)?).await?;
            if event.is_last() {
                return nothing();
            }
            progress.changed().await.map_err(|_| Failure::bare(FailureCode::Stopping))?;
        }
    }

    /// Only a plugin that says hello from now on counts: one that was there before proves nothing about an install.
    async fn await_link(&self, timeout_s: u64) -> Result<Hello, Failure> {
        if timeout_s > LINK_AWAIT_S {
            return Err(bad("timeoutS is at most 300"));
        }
        let mut notices = self.service.notices();
        let before = self.service.link().await?;
        // A plugin hears `ready` a moment before its own news is out: whoever asks in between must not take that for another plugin.
        let is_later = |link: &LinkView| link.online && (link.since_ms, before.online) != (before.since_ms, true);
        let hello = async {
            loop {
                match notices.recv().await {
                    Ok(Notice::LinkUp(link)) if is_later(&link) => {
                        if let Some(hello) = hello(link) {
                            return Ok(hello);
                        }
                    }
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => {
                        let link = self.service.link().await?;
                        if is_later(&link) {
                            return hello(link).ok_or_else(|| Failure::bare(FailureCode::Timeout));
                        }
                    }
                    Err(RecvError::Closed) => return Err(Failure::bare(FailureCode::Stopping)),
                }
            }
        };
        timeout(Duration::from_secs(timeout_s), hello)
            .await
            .unwrap_or_else(|_| Err(Failure::bare(FailureCode::Timeout)))
    }
}

/// `None` for the echo agent: it is no plugin.
fn hello(link: LinkView) -> Option<Hello> {
    let gateway = link.gateway.filter(|gateway| gateway != ECHO_GATEWAY)?;
    Some(Hello { gateway, plugin: link.plugin.unwrap_or_default(), host: link.host.unwrap_or_default() })
}

fn address(address: &AddressView) -> Address {
    Address { url: address.url.clone(), reach: address.reach, interface: address.interface.clone() }
}

fn reach(ip: IpAddr) -> AddressReach {
    if ip.is_loopback() { AddressReach::Computer } else { AddressReach::Network }
}

fn key(text: &str) -> Result<DeviceKey, Failure> {
    DeviceKey::parse(text).ok_or_else(|| Failure::with(FailureCode::DeviceUnknown, text))
}

fn known<T>(found: Option<T>, device: &str) -> Result<T, Failure> {
    found.ok_or_else(|| Failure::with(FailureCode::DeviceUnknown, device))
}

fn named(name: &str) -> Result<String, Failure> {
    id::clean_name(name).ok_or_else(|| bad("a name has 1 to 32 characters, none a control character"))
}

fn bad(detail: &str) -> Failure {
    Failure::with(FailureCode::BadRequest, detail)
}

fn done(result: Result<(), Failure>) -> Result<Value, Failure> {
    result.and_then(|()| nothing())
}

fn nothing() -> Result<Value, Failure> {
    json(&Nothing {})
}

fn json(answer: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(answer).map_err(|error| Failure::caused(FailureCode::AnswerUnreadable, &error))
}
