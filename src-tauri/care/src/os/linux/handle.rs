//! A process by a descriptor of the kernel's, which never comes to mean another one.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::seen::Blind;
use crate::target::{Ending, Refused};

/// A process that is held.
#[derive(Debug)]
pub(crate) struct Handle(OwnedFd);

impl Handle {
    /// Takes hold of whoever has this number now. Needs Linux 5.3.
    pub(crate) fn open(pid: u32) -> Result<Self, Refused> {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(Refused::Ended)?;
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(descriptor) => Ok(Self(descriptor)),
            Err(Errno::SRCH) => Err(Refused::Ended),
            Err(Errno::NOSYS) => Err(Refused::Unseen(Blind::Unsupported)),
            Err(error) => Err(Refused::System(error.to_string())),
        }
    }

    pub(crate) fn tell(&self, ending: Ending) -> Result<(), Refused> {
        let signal = match ending {
            Ending::Asked => Signal::TERM,
            Ending::Forced => Signal::KILL,
        };
        match pidfd_send_signal(&self.0, signal) {
            Ok(()) => Ok(()),
            Err(Errno::SRCH) => Err(Refused::Ended),
            Err(error) => Err(Refused::System(error.to_string())),
        }
    }

    /// The descriptor can be read once the process has ended.
    pub(crate) fn ends_within(&self, wait: Duration) -> Result<bool, Refused> {
        let until = Instant::now() + wait;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let limit = Timespec::try_from(left).map_err(|error| Refused::System(error.to_string()))?;
            match poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&limit)) {
                Ok(0) => return Ok(false),
                Ok(_) => return Ok(true),
                Err(Errno::INTR) => {}
                Err(error) => return Err(Refused::System(error.to_string())),
            }
        }
    }
}
