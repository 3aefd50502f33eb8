//! The pictures of the tray's states.

use desk::tray_menu::TrayIcon as State;

use crate::platform::{self, Bar};

/// The pictures of a state, twice as large as a bar shows them: every bar makes a picture smaller well, none makes it larger well.
macro_rules! picture {
    ($state:literal) => {
        match platform::bar() {
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
pub(super) fn png(state: State) -> &'static [u8] {
    match state {
        State::Stopped => picture!("stopped"),
        State::Running => picture!("running"),
        State::Talking => picture!("talking"),
        State::Attention => picture!("attention"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_picture_can_be_drawn_and_is_its_own() {
        let states = [State::Stopped, State::Running, State::Talking, State::Attention];
        let pictures = states.map(|state| tauri::image::Image::from_bytes(png(state)).unwrap());
        for (n, picture) in pictures.iter().enumerate() {
            assert_eq!((picture.width(), picture.height()), (44, 44));
            assert!(pictures[..n].iter().all(|other| other.rgba() != picture.rgba()));
        }
    }
}
