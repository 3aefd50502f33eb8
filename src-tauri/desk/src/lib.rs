//! The SmartPi application without a desktop.
//!
//! It owns the folders, the one lock, the settings, the log, the control socket and the running [`channel`] service; the command line and the tray are thin
//! faces of it.
//!
//! Invariants:
//! - one process owns a data folder; a second one becomes its client;
//! - `service.json` is there while somebody owns the folder, also while the service is stopped; after a crash nobody answers at its `control`;
//! - what the person stopped is started by nobody else;
//! - no control verb is on the TCP port, and no secret or message text is in a log;
//! - a settings file that cannot be read is never reset.
//!
//! Deliberately absent: Tauri, a terminal's questions (the command line asks them), the frames of docs/PROTOCOL.md except for the echo agent.
//! Read first: `docs/CONTROL.md`, then `running.rs`.

pub mod attach;
pub mod backup;
pub mod control;
pub mod controller;
pub mod dashboard;
mod detect_agent;
mod echo;
pub mod failure;
pub mod folders;
pub mod language;
pub mod logs;
pub mod networks;
mod noted;
pub mod notices;
mod operator;
pub mod owner;
pub mod page;
pub mod plugin;
pub mod port_holder;
mod private_file;
pub mod qr;
pub mod redact;
pub mod release;
mod repair;
pub mod report;
pub mod running;
pub mod secrets;
pub mod service_file;
pub mod settings;
pub mod setup;
pub mod shell;
pub mod state;
pub mod tray_menu;
pub mod view;
pub mod words;

pub use operator::{Change, Direct, Way};
