//! The pictures of the tray's states.

use desk::tray_menu::TrayIcon as State;

use super::system;

/// The ground that the tray's icon lies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(dead_code, reason = "each system has only some of them")]
pub(crate) enum Bar {
    /// Light: the icon is drawn dark.
    Light,
    /// Dark: the icon is drawn light.
    Dark,
    /// Nobody knows: the icon is drawn in a colour that shows on both.
    Any,
    /// The system colours the icon itself, from its shape.
    Template,
}

/// The pictures of a state, twice as large as a bar shows them: every bar makes a picture smaller well, none makes it larger well.
macro_rules! picture {
    ($state:literal) => {
        match system::bar() {
            Bar::Light => include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/icons/tray/", $state, "-light@2x.png")),
            Bar::Dark => include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/icons/tray/", $state, "-dark@2x.png")),
            Bar::Any => include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/icons/tray/", $state, "-any@2x.png")),
            Bar::Template => {
                include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/icons/tray/", $state, "-template@2x.png"))
            }
        }
    };
}

/// The PNG for a state, on the bar that this system has.
pub(crate) fn png(state: State) -> &'static [u8] {
    match state {
        State::Stopped => picture!("stopped"),
        State::Running => picture!("running"),
        State::Talking => picture!("talking"),
        State::Attention => picture!("attention"),
    }
}
