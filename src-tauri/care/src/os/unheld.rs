//! macOS and Windows: no process is held there, so none is told to end. A plan for that is never made either: it needs the process's environment, which is not
//! read on these systems.

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
