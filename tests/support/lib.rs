//! Rigs and fakes.

pub mod model;
pub mod openclaw;

pub mod browser;
pub mod lab;
pub mod page;
pub mod webdriver;
