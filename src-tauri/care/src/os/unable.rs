//! Where processes cannot be held yet, nor services told anything: nobody is.

use std::path::PathBuf;
use std::time::Duration;

use crate::seen::Blind;
use crate::target::{Ending, Refused};

/// Nobody.
#[derive(Debug)]
pub(crate) enum Handle {}

impl Handle {
    pub(crate) fn open(_pid: u32) -> Result<Self, Refused> {
        Err(Refused::Unseen(Blind::Unsupported))
    }

    pub(crate) fn tell(&self, _ending: Ending) -> Result<(), Refused> {
        match *self {}
    }

    pub(crate) fn ends_within(&self, _wait: Duration) -> Result<bool, Refused> {
        match *self {}
    }
}

/// There is none.
pub(crate) fn runtime_folder() -> Option<PathBuf> {
    None
}
