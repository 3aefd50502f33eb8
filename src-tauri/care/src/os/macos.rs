//! macOS: the sockets of the processes that this user may look into, beside the kernel's own list of all ports, which names no process; and what launchd starts.

// Its paths are those of unix.
#[cfg(not(windows))]
mod agent;
#[cfg(target_os = "macos")]
mod launchd;
mod pcblist;

#[cfg(target_os = "macos")]
pub(crate) use launchd::services;
#[cfg(target_os = "macos")]
pub(crate) use looking::System;

#[cfg(target_os = "macos")]
mod looking {
    use std::collections::BTreeSet;
    use std::ffi::{CStr, c_void};
    use std::net::{Ipv4Addr, SocketAddr};
    use std::ptr;

    use super::pcblist;
    use crate::os::processes::Identity;
    use crate::os::sockets::{Socket, Sockets, State};
    use crate::seen::{Blind, Seen};

    /// The list may grow between the question for its size and the one for itself.
    const TRIES: usize = 8;

    /// This macOS.
    pub(crate) struct System;

    impl Sockets for System {
        fn all(&self) -> Result<Vec<Socket>, Blind> {
            let taken = pcblist::listening(&value(c"net.inet.tcp.pcblist_n")?)?;
            let held = listeners::get_all().map_err(|_| Blind::Unreadable)?;
            let held = held.into_iter().filter(|held| {
                held.protocol == listeners::Protocol::TCP && held.state == listeners::SocketState::Listen
            });
            let mut all: Vec<Socket> = held
                .map(|held| Socket {
                    local: held.socket,
                    state: State::Listening,
                    owners: Seen::Known(vec![held.process.pid]),
                })
                .collect();
            let seen: BTreeSet<u16> = all.iter().map(|socket| socket.local.port()).collect();
            // Of another user's process, which this one may not look into: at which address it listens is not told here.
            all.extend(taken.into_iter().filter(|port| !seen.contains(port)).map(|port| Socket {
                local: SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
                state: State::Listening,
                owners: Seen::Hidden(Blind::NotPermitted),
            }));
            Ok(all)
        }

        fn tells_peers(&self) -> bool {
            false
        }
    }

    impl Identity for System {
        /// Seconds since 1970, as OpenClaw writes it into its lock (`getDarwinProcessStartTime` of its dist).
        fn started(&self, _pid: u32, seconds: u64) -> Result<u64, Blind> {
            if seconds == 0 { Err(Blind::NotPermitted) } else { Ok(seconds) }
        }

        fn user(&self, user: &sysinfo::Uid) -> u32 {
            **user
        }

        fn boot(&self) -> Result<String, Blind> {
            let text = value(c"kern.bootsessionuuid")?;
            let text = std::str::from_utf8(&text).map_err(|_| Blind::Unreadable)?.trim_end_matches('\0');
            if text.is_empty() { Err(Blind::Unreadable) } else { Ok(text.to_owned()) }
        }
    }

    /// What the kernel says by this name.
    #[expect(unsafe_code, reason = "the system fills the room that it is told the size of")]
    fn value(name: &CStr) -> Result<Vec<u8>, Blind> {
        let refused = || Blind::from(std::io::Error::last_os_error().kind());
        for _ in 0..TRIES {
            let mut bytes = 0_usize;
            // SAFETY: without room it tells the size alone.
            let told =
                unsafe { libc::sysctlbyname(name.as_ptr(), ptr::null_mut(), &raw mut bytes, ptr::null_mut(), 0) };
            if told != 0 {
                return Err(refused());
            }
            bytes = bytes.saturating_add(bytes / 8);
            let mut room = vec![0_u8; bytes];
            let into: *mut c_void = room.as_mut_ptr().cast();
            // SAFETY: `room` has `bytes` bytes, and no more are written.
            let told = unsafe { libc::sysctlbyname(name.as_ptr(), into, &raw mut bytes, ptr::null_mut(), 0) };
            if told == 0 {
                room.truncate(bytes);
                return Ok(room);
            }
            if std::io::Error::last_os_error().raw_os_error() != Some(libc::ENOMEM) {
                return Err(refused());
            }
        }
        Err(Blind::Changing)
    }
}
