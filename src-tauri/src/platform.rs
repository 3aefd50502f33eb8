//! What differs between the systems.

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

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::*;

#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
pub(crate) use macos::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::*;

/// Notifications where the desktop plugin shows them. It tells nothing of clicks: a click only brings the program to the front where the system does that.
#[cfg(not(target_os = "linux"))]
mod plugin;
