//! What only the operating system knows. The same functions on all three; where one cannot look yet, it says so.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(not(target_os = "linux"))]
mod unable;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
pub(crate) use linux::{
    Handle, every_listener, gateways, here, listeners, other_end, process, runtime_folder, services,
};
#[cfg(target_os = "macos")]
pub(crate) use macos::{every_listener, gateways, here, listeners, other_end, process, services};
#[cfg(not(target_os = "linux"))]
pub(crate) use unable::{Handle, runtime_folder};
#[cfg(windows)]
pub(crate) use windows::{every_listener, gateways, here, listeners, other_end, process, services};
