//! Rigs and fakes.

pub mod model;
pub mod openclaw;

pub mod binaries;
pub mod browser;
pub mod channel_service;
pub mod control;
pub mod fast_agent;
pub mod history;
pub mod lab;
pub mod page;
pub mod phone;
pub mod qr;
pub mod terminal;
pub mod wait;
pub mod webdriver;
