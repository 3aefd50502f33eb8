//! What only the operating system knows. The same functions on all three; where one cannot look yet, it says so.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
pub(crate) use linux::{here, listeners, other_end, process};
#[cfg(target_os = "macos")]
pub(crate) use macos::{here, listeners, other_end, process};
#[cfg(windows)]
pub(crate) use windows::{here, listeners, other_end, process};
