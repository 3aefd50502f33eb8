//! What one can ask on the control socket.

use std::net::IpAddr;

use care::supervision::ServiceAct;
use serde::{Deserialize, Serialize};

use super::answer::{AccountsAct, EntryChange, SpeaksFirst};
pub use super::choice::{GatewayChoice, GatewaySecret, SecretKind};
pub use super::exchange::{Answer, AnswerLine, BadLine, Line};
pub use super::settings_change::SettingsChange;
use crate::page::Page;
use crate::release::PackageAct;

/// A request of docs/CONTROL.md.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all_fields = "camelCase")]
pub enum Request {
    /// How the service is.
    #[serde(rename = "status")]
    Status {},
    /// A new binding code.
    #[serde(rename = "bind.start")]
    BindStart {
        /// One of `status.addresses`; absent: the first on the network, else this computer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<IpAddr>,
    },
    /// Follow a code: streams.
    #[serde(rename = "bind.watch")]
    BindWatch {
        /// From `bind.start`.
        bind: String,
    },
    /// Approve a device. Only a person who typed the code may cause this.
    #[serde(rename = "bind.confirm")]
    BindConfirm {
        /// From `bind.start` or `devices.pending`.
        bind: String,
        /// Two digits, or the word `allow`.
        code: String,
    },
    /// Refuse a device.
    #[serde(rename = "bind.reject")]
    BindReject {
        /// From `bind.start` or `devices.pending`.
        bind: String,
    },
    /// Claims that wait for a person.
    #[serde(rename = "devices.pending")]
    DevicesPending {},
    /// All devices.
    #[serde(rename = "devices.list")]
    DevicesList {},
    /// One device and its newest turns.
    #[serde(rename = "devices.status")]
    DevicesStatus {
        /// Which.
        device_key: String,
    },
    /// A new name.
    #[serde(rename = "devices.rename")]
    DevicesRename {
        /// Which.
        device_key: String,
        /// 1 to 32 characters.
        name: String,
    },
    /// End its connection, forget its key and its queue.
    #[serde(rename = "devices.remove")]
    DevicesRemove {
        /// Which.
        device_key: String,
    },
    /// A script becomes a device, and gets a token. Only a person may cause this.
    #[serde(rename = "devices.add_script")]
    DevicesAddScript {
        /// 1 to 32 characters.
        name: String,
    },
    /// A message from the person to the device.
    #[serde(rename = "devices.send")]
    DevicesSend {
        /// Which.
        device_key: String,
        /// 1 to 32,768 bytes.
        text: String,
    },
    /// Wait for the plugin's next hello.
    #[serde(rename = "link.await")]
    LinkAwait {
        /// At most 300.
        timeout_s: u64,
    },
    /// The next gateway that proves the link key is the one.
    #[serde(rename = "link.forget")]
    LinkForget {},
    /// Everything the window shows: streams.
    #[serde(rename = "view.watch")]
    ViewWatch {},
    /// This is the window: streams the pages it shall show.
    #[serde(rename = "window.attend")]
    WindowAttend {},
    /// Open the window, or bring it to the front.
    #[serde(rename = "window.open")]
    WindowOpen(Page),
    /// Start the service, and remember it.
    #[serde(rename = "service.start")]
    ServiceStart {},
    /// Stop the service, and remember it.
    #[serde(rename = "service.stop")]
    ServiceStop {},
    /// May devices of this network connect?
    #[serde(rename = "network.allow")]
    NetworkAllow {
        /// Yes or no.
        allow: bool,
    },
    /// The package of a newer release, or no more of it.
    #[serde(rename = "release.package")]
    ReleasePackage {
        /// What of it.
        act: PackageAct,
    },
    /// Change what the person chose.
    #[serde(rename = "settings.change")]
    SettingsChange(Box<SettingsChange>),
    /// Do not tell a device's coming and going, or do.
    #[serde(rename = "devices.mute")]
    DevicesMute {
        /// Which.
        device_key: String,
        /// Whether it is muted.
        muted: bool,
    },
    /// Who may speak to a device without being asked.
    #[serde(rename = "devices.speaks_first")]
    DevicesSpeaksFirst {
        /// Which.
        device_key: String,
        /// Who.
        who: SpeaksFirst,
    },
    /// What it would change to let an agent answer a device. Changes nothing.
    #[serde(rename = "devices.route_preview")]
    DevicesRoutePreview {
        /// Which.
        device_key: String,
        /// Of `gateway.agents`; null: no choice of the person's.
        agent: Option<String>,
    },
    /// Let an agent answer a device.
    #[serde(rename = "devices.route")]
    DevicesRoute {
        /// Which.
        device_key: String,
        /// Of `gateway.agents`; null: no choice of the person's.
        agent: Option<String>,
        /// Of `devices.route_preview`: only exactly what was shown is done. Absent: whatever it is by now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shown: Option<String>,
    },
    /// A short test message to the device.
    #[serde(rename = "devices.test")]
    DevicesTest {
        /// Which.
        device_key: String,
    },
    /// What devices said and what came back.
    #[serde(rename = "activity.turns")]
    ActivityTurns {
        /// Of one device only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        device_key: Option<String>,
        /// Received before, ms since 1970.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before_ms: Option<i64>,
        /// 1 to 100; absent: 50.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<u32>,
    },
    /// Which OpenClaw is there, and what installing would change.
    #[serde(rename = "setup.look")]
    SetupLook {},
    /// Install the plugin, as the plan said.
    #[serde(rename = "setup.install")]
    SetupInstall {
        /// Of `setup.look`.
        command: String,
    },
    /// What removing the plugin would change. Changes nothing.
    #[serde(rename = "setup.removal")]
    SetupRemoval {},
    /// Remove the plugin and our entries, as they were shown.
    #[serde(rename = "setup.remove")]
    SetupRemove {
        /// Of `setup.removal`: only exactly what was shown is done.
        shown: String,
    },
    /// Ask the command of another vendor's plugin about its devices.
    #[serde(rename = "plugin.accounts")]
    PluginAccounts(AccountsAct),
    /// A text for support, without secrets.
    #[serde(rename = "report.make")]
    ReportMake {},
    /// Be a device of the OpenClaw gateway, or do not any more; remembered.
    #[serde(rename = "gateway.connect")]
    GatewayConnect {
        /// Whether to be one.
        on: bool,
    },
    /// Who answers at an address, before anybody trusts it.
    #[serde(rename = "gateway.look")]
    GatewayLook {
        /// `wss://HOST:PORT`, or `ws:` in a private network.
        url: String,
    },
    /// The gateway of another computer is the one from now on; it is tried first, and remembered. Only a person may cause this.
    #[serde(rename = "gateway.choose")]
    GatewayChoose(Box<GatewayChoice>),
    /// The gateway of this computer is the one again; remembered.
    #[serde(rename = "gateway.choose_local")]
    GatewayChooseLocal {},
    /// Have the service that runs OpenClaw on this computer do something. Only a person may cause this.
    #[serde(rename = "gateway.service")]
    GatewayService {
        /// What.
        act: ServiceAct,
    },
    /// Which devices the gateway knows, and who asks.
    #[serde(rename = "gateway.devices")]
    GatewayDevices {},
    /// Which agents the gateway has, and which of them answers each device.
    #[serde(rename = "gateway.agents")]
    GatewayAgents {},
    /// Let a device in, or give it what it asks for. Only a person may cause this.
    #[serde(rename = "gateway.approve")]
    GatewayApprove {
        /// Of `gateway.devices`.
        request_id: String,
    },
    /// Turn a device away.
    #[serde(rename = "gateway.reject")]
    GatewayReject {
        /// Of `gateway.devices`.
        request_id: String,
    },
    /// Forget a device: its tokens end, its connections close.
    #[serde(rename = "gateway.remove")]
    GatewayRemove {
        /// Which.
        device_id: String,
    },
    /// What the person calls a device of the gateway.
    #[serde(rename = "gateway.rename")]
    GatewayRename {
        /// Which.
        device_id: String,
        /// 1 to 64 characters.
        name: String,
    },
    /// Make a device's token anew: the old one ends, and the device has to come for the new one.
    #[serde(rename = "gateway.rotate")]
    GatewayRotate {
        /// Which.
        device_id: String,
        /// Of which token.
        role: String,
    },
    /// End a device's token.
    #[serde(rename = "gateway.revoke")]
    GatewayRevoke {
        /// Which.
        device_id: String,
        /// Of which token.
        role: String,
    },
    /// Turn everybody away who asks; remove all devices but this app too, where `devices` says so. Only a person may cause this.
    #[serde(rename = "gateway.clear")]
    GatewayClear {
        /// The devices too.
        devices: bool,
    },
    /// Look whether something is wrong.
    #[serde(rename = "care.look")]
    CareLook {},
    /// Carry out a plan of `view.care`. Only a person may cause this.
    #[serde(rename = "care.repair")]
    CareRepair {
        /// Its id.
        plan: String,
    },
    /// Wait no longer for a gateway that was asked to end: the repair ends there, and the gateway goes on.
    #[serde(rename = "care.stop_waiting")]
    CareStopWaiting {},
    /// Put back what a repair put aside. Only a person may cause this.
    #[serde(rename = "care.undo")]
    CareUndo {
        /// The plan's id.
        plan: String,
    },
    /// The person has seen that a repair was interrupted.
    #[serde(rename = "care.acknowledge")]
    CareAcknowledge {
        /// The plan's id.
        plan: String,
    },
    /// What a change of our entries in OpenClaw's configuration would write. Changes nothing.
    #[serde(rename = "care.entries_preview")]
    EntriesPreview {
        /// Which.
        change: EntryChange,
    },
    /// Write that. Only a person may cause this.
    #[serde(rename = "care.entries_write")]
    EntriesWrite {
        /// Which.
        change: EntryChange,
        /// Of `care.entries_preview`: only exactly what was shown is done.
        shown: String,
    },
    /// What is missing of our entries shall stay away.
    #[serde(rename = "care.entries_leave")]
    EntriesLeave {},
    /// What was repaired.
    #[serde(rename = "care.history")]
    CareHistory {},
    /// End the program.
    #[serde(rename = "quit")]
    Quit {},
}

impl Request {
    /// Every `do` of this version.
    pub const KNOWN: [&'static str; 58] = [
        "status",
        "bind.start",
        "bind.watch",
        "bind.confirm",
        "bind.reject",
        "devices.pending",
        "devices.list",
        "devices.status",
        "devices.rename",
        "devices.remove",
        "devices.add_script",
        "devices.send",
        "link.await",
        "link.forget",
        "view.watch",
        "window.attend",
        "window.open",
        "service.start",
        "service.stop",
        "network.allow",
        "release.package",
        "settings.change",
        "devices.mute",
        "devices.speaks_first",
        "devices.route_preview",
        "devices.route",
        "devices.test",
        "activity.turns",
        "setup.look",
        "setup.install",
        "setup.removal",
        "setup.remove",
        "plugin.accounts",
        "report.make",
        "gateway.connect",
        "gateway.look",
        "gateway.choose",
        "gateway.choose_local",
        "gateway.service",
        "gateway.devices",
        "gateway.agents",
        "gateway.approve",
        "gateway.reject",
        "gateway.remove",
        "gateway.rename",
        "gateway.rotate",
        "gateway.revoke",
        "gateway.clear",
        "care.look",
        "care.repair",
        "care.stop_waiting",
        "care.undo",
        "care.acknowledge",
        "care.entries_preview",
        "care.entries_write",
        "care.entries_leave",
        "care.history",
        "quit",
    ];
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_request_of_the_page_is_read_and_written_back() {
        let page = [
            json!({"id":1,"do":"status"}),
            json!({"id":2,"do":"bind.start"}),
            json!({"id":3,"do":"bind.start","address":"192.168.1.7"}),
            json!({"id":4,"do":"bind.watch","bind":"x"}),
            json!({"id":5,"do":"bind.confirm","bind":"x","code":"07"}),
            json!({"id":6,"do":"bind.reject","bind":"x"}),
            json!({"id":7,"do":"devices.pending"}),
            json!({"id":8,"do":"devices.list"}),
            json!({"id":9,"do":"devices.status","deviceKey":"k"}),
            json!({"id":10,"do":"devices.rename","deviceKey":"k","name":"n"}),
            json!({"id":11,"do":"devices.remove","deviceKey":"k"}),
            json!({"id":12,"do":"devices.send","deviceKey":"k","text":"t"}),
            json!({"id":13,"do":"link.await","timeoutS":5}),
            json!({"id":14,"do":"link.forget"}),
            json!({"id":15,"do":"view.watch"}),
            json!({"id":16,"do":"window.attend"}),
            json!({"id":17,"do":"window.open","page":"devices","deviceKey":"k","remove":true}),
            json!({"id":18,"do":"service.start"}),
            json!({"id":19,"do":"service.stop"}),
            json!({"id":20,"do":"network.allow","allow":true}),
            json!({"id":21,"do":"settings.change","language":null,"port":8766}),
            json!({"id":22,"do":"devices.mute","deviceKey":"k","muted":true}),
            json!({"id":23,"do":"devices.test","deviceKey":"k"}),
            json!({"id":28,"do":"devices.speaks_first","deviceKey":"k","who":"asked"}),
            json!({"id":29,"do":"devices.add_script","name":"Cron"}),
            json!({"id":24,"do":"activity.turns","beforeMs":5,"limit":9}),
            json!({"id":25,"do":"setup.look"}),
            json!({"id":26,"do":"setup.install","command":"/usr/bin/openclaw"}),
            json!({"id":58,"do":"setup.removal"}),
            json!({"id":59,"do":"setup.remove","shown":"s"}),
            json!({"id":60,"do":"plugin.accounts","act":"list"}),
            json!({"id":62,"do":"release.package","act":"fetch"}),
            json!({"id":61,"do":"plugin.accounts","act":"remove","device":"b1"}),
            json!({"id":27,"do":"quit"}),
            json!({"id":32,"do":"report.make"}),
            json!({"id":33,"do":"gateway.connect","on":true}),
            json!({"id":50,"do":"gateway.look","url":"wss://10.0.0.2"}),
            json!({"id":51,"do":"gateway.choose","url":"wss://10.0.0.2","tlsFingerprint":"ab","secret":{"kind":"token","text":"t"},"readable":false}),
            json!({"id":52,"do":"gateway.choose_local"}),
            json!({"id":56,"do":"gateway.service","act":"restart"}),
            json!({"id":34,"do":"gateway.devices"}),
            json!({"id":35,"do":"gateway.approve","requestId":"r"}),
            json!({"id":36,"do":"gateway.reject","requestId":"r"}),
            json!({"id":37,"do":"gateway.remove","deviceId":"d"}),
            json!({"id":38,"do":"gateway.rename","deviceId":"d","name":"n"}),
            json!({"id":39,"do":"gateway.rotate","deviceId":"d","role":"operator"}),
            json!({"id":40,"do":"gateway.revoke","deviceId":"d","role":"operator"}),
            json!({"id":41,"do":"gateway.clear","devices":false}),
            json!({"id":42,"do":"care.look"}),
            json!({"id":43,"do":"care.repair","plan":"p"}),
            json!({"id":56,"do":"care.stop_waiting"}),
            json!({"id":44,"do":"care.undo","plan":"p"}),
            json!({"id":45,"do":"care.acknowledge","plan":"p"}),
            json!({"id":46,"do":"care.history"}),
            json!({"id":47,"do":"gateway.agents"}),
            json!({"id":48,"do":"devices.route_preview","deviceKey":"k","agent":"kitchen"}),
            json!({"id":49,"do":"devices.route","deviceKey":"k","agent":null,"shown":"s"}),
            json!({"id":53,"do":"care.entries_preview","change":"putBack"}),
            json!({"id":54,"do":"care.entries_write","change":"writeChannel","shown":"s"}),
            json!({"id":55,"do":"care.entries_leave"}),
        ];
        for line in &page {
            let read = Line::decode(line.to_string().as_bytes()).unwrap();
            assert_eq!(serde_json::to_value(&read).unwrap(), *line);
        }
        for verb in Request::KNOWN {
            assert!(page.iter().any(|line| line["do"] == verb), "{verb}");
        }
    }
}
