//! The pictures of the tray's states.

use desk::tray_menu::TrayIcon as State;

use crate::platform::{self, Bar};

macro_rules! picture {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/icons/tray/", $name, ".png")).as_slice()
    };
}

/// The PNG for a state, on the bar that this system has.
pub(super) fn png(state: State) -> &'static [u8] {
    match (state, platform::bar()) {
        (State::Stopped, Bar::Light) => picture!("stopped-light"),
        (State::Stopped, Bar::Dark) => picture!("stopped-dark"),
        (State::Running, Bar::Light) => picture!("running-light"),
        (State::Running, Bar::Dark) => picture!("running-dark"),
        (State::Talking, Bar::Light) => picture!("talking-light"),
        (State::Talking, Bar::Dark) => picture!("talking-dark"),
        (State::Attention, Bar::Light) => picture!("attention-light"),
        (State::Attention, Bar::Dark) => picture!("attention-dark"),
    }
}
