//! The window's pages, by name: what the tray, a notification and the command line lead to.

use care::supervision::ServiceAct;

/// A page of the window.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, specta::Type)]
#[serde(tag = "page", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum Page {
    /// The first-run pages.
    Welcome {},
    /// The devices; one of them opened, and the question of removing it asked.
    Devices {
        /// Which.
        #[serde(default)]
        device_key: Option<String>,
        /// Ask whether to remove it.
        #[serde(default)]
        remove: bool,
    },
    /// A new binding code, or the claim that waits.
    Bind {},
    /// What happened.
    Activity {},
    /// This app as a device of the OpenClaw gateway, and the gateway's other devices.
    Gateway {},
    /// What is wrong, and what can be mended; the question about the service that runs OpenClaw asked.
    Health {
        /// What to ask about.
        #[serde(default)]
        act: Option<ServiceAct>,
    },
    /// The settings.
    Settings {},
}
