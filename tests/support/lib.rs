//! Rigs and fakes.

pub mod model;
pub mod openclaw;

pub mod axe;
pub mod binaries;
pub mod browser;
pub mod channel_service;
pub mod connect_proxy;
pub mod control;
pub mod desktop;
pub mod fast_agent;
pub mod gauge;
pub mod history;
pub mod intruder;
pub mod lab;
pub mod machine;
pub mod operator;
pub mod page;
pub mod phone;
pub mod preload;
pub mod process;
pub mod program;
pub mod qr;
pub mod relay;
pub mod releases;
pub mod siege;
pub mod simulated;
pub mod small_disk;
pub mod sniffer;
pub mod terminal;
pub mod tray_app;
pub mod wait;
pub mod webdriver;
