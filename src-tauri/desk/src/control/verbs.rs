//! What the running service answers to each request of docs/CONTROL.md.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use channel::address::LanAddress;
use channel::hub::event::Notice;
use channel::id::{self, DeviceKey};
use channel::service::{Agent, ECHO_GATEWAY, Service};
use channel::view::{LinkView, Reach};
use channel::wire::TEXT;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use super::LINK_AWAIT_S;
use super::answer::{
    Address, AddressReach, AgentWord, BindConfirmed, BindEvent, BindStarted, DeviceCount, DeviceList, DeviceStatus,
    Hello, Nothing, PendingList, Removed, Sent, Status,
};
use super::request::Request;
use super::server::{Answers, Events};
use crate::failure::{Failure, FailureCode};

/// What does not change while the service runs.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// Name that devices see.
    pub(crate) name: String,
    /// Who answers.
    pub(crate) agent: Agent,
    /// TCP port.
    pub(crate) port: u16,
    /// The network addresses among those that are listened on; the others are this computer's own.
    pub(crate) lan: Vec<LanAddress>,
    /// Data folder.
    pub(crate) data: PathBuf,
}

/// Answers from a running service.
#[derive(Debug)]
pub(crate) struct Verbs {
    pub(crate) service: Service,
    pub(crate) facts: Facts,
}

impl Answers for Verbs {
    async fn answer(&self, request: Request, events: Events) -> Result<Value, Failure> {
        match request {
            Request::Status {} => json(&self.status().await?),
            Request::BindStart { address } => json(&self.start_bind(address).await?),
            Request::BindWatch { bind } => self.watch_bind(&bind, &events).await,
            Request::BindConfirm { bind, code } => {
                let device = self.service.confirm_bind(&bind, code.trim()).await?;
                tracing::info!(deviceKey = %device, "a person approved a device");
                json(&BindConfirmed { device_key: device.to_string() })
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
                let name = id::clean_name(&name)
                    .ok_or_else(|| bad("a name has 1 to 32 characters, none a control character"))?;
                let renamed = self.service.rename(key(&device_key)?, name).await?;
                known(renamed.then_some(()), &device_key)?;
                nothing()
            }
            Request::DevicesRemove { device_key } => {
                let lost = known(self.service.remove(key(&device_key)?).await?, &device_key)?;
                tracing::info!(deviceKey = %device_key, "a device was removed");
                json(&Removed::from(lost))
            }
            Request::DevicesSend { device_key, text } => {
                if text.is_empty() || text.len() > TEXT {
                    return Err(bad("a text has 1 to 32768 bytes"));
                }
                let (n, online) = known(self.service.send(key(&device_key)?, text).await?, &device_key)?;
                json(&Sent { n, online })
            }
            Request::LinkAwait { timeout_s } => json(&self.await_link(timeout_s).await?),
            Request::LinkForget {} => {
                self.service.forget_gateway().await?;
                nothing()
            }
            Request::ViewWatch {}
            | Request::WindowAttend {}
            | Request::WindowOpen(_)
            | Request::ServiceStart {}
            | Request::ServiceStop {}
            | Request::NetworkAllow { .. }
            | Request::SettingsChange(_)
            | Request::DevicesMute { .. }
            | Request::DevicesTest { .. }
            | Request::ActivityTurns { .. }
            | Request::SetupLook {}
            | Request::SetupInstall { .. }
            | Request::Quit {} => Err(Failure::bare(FailureCode::UnknownRequest)),
        }
    }
}

impl Verbs {
    async fn status(&self) -> Result<Status, Failure> {
        let devices = self.service.devices().await?;
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            port: self.facts.port,
            name: self.facts.name.clone(),
            agent: match self.facts.agent {
                Agent::Gateway => AgentWord::Gateway,
                Agent::Echo => AgentWord::Echo,
            },
            addresses: self.service.addresses().iter().map(|address| self.address(*address)).collect(),
            link: self.service.link().await?.into(),
            devices: DeviceCount {
                bound: devices.len(),
                online: devices.iter().filter(|device| device.reach != Reach::Offline).count(),
            },
            data_dir: self.facts.data.display().to_string(),
        })
    }

    fn address(&self, address: SocketAddr) -> Address {
        let interface = self.facts.lan.iter().find(|lan| lan.ip == address.ip()).map(|lan| lan.interface.clone());
        Address {
            url: format!("http://{address}/"),
            reach: reach(address.ip()),
            interface: interface.unwrap_or_default(),
        }
    }

    /// The network's best address where there is one: a phone cannot reach the loopback.
    async fn start_bind(&self, address: Option<IpAddr>) -> Result<BindStarted, Failure> {
        let listening: Vec<IpAddr> = self.service.addresses().iter().map(SocketAddr::ip).collect();
        let best = || {
            self.facts
                .lan
                .iter()
                .map(|lan| lan.ip)
                .find(|ip| listening.contains(ip))
                .or_else(|| listening.first().copied())
        };
        let address = address.or_else(best).ok_or_else(|| Failure::bare(FailureCode::NoAddress))?;
        let ticket = self.service.issue_ticket(address).await?;
        Ok(BindStarted { bind: ticket.bind, url: ticket.url, expires_ms: ticket.expires_ms, reach: reach(address) })
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
        let hello = async {
            loop {
                match notices.recv().await {
                    Ok(Notice::LinkUp(link)) => {
                        if let Some(hello) = hello(link) {
                            return Ok(hello);
                        }
                    }
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => {
                        let link = self.service.link().await?;
                        if link.online && (link.since_ms, before.online) != (before.since_ms, true) {
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

fn reach(ip: IpAddr) -> AddressReach {
    if ip.is_loopback() { AddressReach::Computer } else { AddressReach::Network }
}

fn key(text: &str) -> Result<DeviceKey, Failure> {
    DeviceKey::parse(text).ok_or_else(|| Failure::with(FailureCode::DeviceUnknown, text))
}

fn known<T>(found: Option<T>, device: &str) -> Result<T, Failure> {
    found.ok_or_else(|| Failure::with(FailureCode::DeviceUnknown, device))
}

fn bad(detail: &str) -> Failure {
    Failure::with(FailureCode::BadRequest, detail)
}

fn nothing() -> Result<Value, Failure> {
    json(&Nothing {})
}

fn json(answer: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(answer).map_err(|error| Failure::caused(FailureCode::AnswerUnreadable, &error))
}
