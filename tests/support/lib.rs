//! Rigs and fakes.

pub mod model;
pub mod openclaw;

pub mod browser;
pub mod lab;
pub mod page;
pub mod webdriver;
pub mod binaries;
pub mod control;
pub mod fast_agent;
pub mod history;
pub mod wait;
pub mod channel_service;
pub mod phone;
pub mod terminal;
pub mod qr;
