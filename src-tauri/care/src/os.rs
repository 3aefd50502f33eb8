//! What only the operating system knows. The same functions on all three; where one cannot look yet, it says so.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod unable;

#[cfg(target_os = "linux")]
pub(crate) use linux::{
    Handle, every_listener, gateways, here, listeners, other_end, process, runtime_folder, services, taken_ports,
};
#[cfg(not(target_os = "linux"))]
pub(crate) use unable::{
    Handle, every_listener, gateways, here, listeners, other_end, process, runtime_folder, services, taken_ports,
};
