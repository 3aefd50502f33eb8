//! The decisions. (State follows.)

pub mod event;
