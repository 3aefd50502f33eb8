//! Windows: the table of TCP connections, which names the process of each, the moment when a process was made, and what starts at a login.

mod launch;
#[cfg(windows)]
mod login;
mod shortcut;
mod table;
mod task;

#[cfg(windows)]
pub(crate) use login::services;
#[cfg(windows)]
pub(crate) use looking::System;

#[cfg(windows)]
mod looking {
    use sha2::{Digest, Sha256};
    use windows_sys::Win32::Foundation::{
        CloseHandle, ERROR_ACCESS_DENIED, ERROR_INSUFFICIENT_BUFFER, ERROR_NOT_SUPPORTED, FILETIME, GetLastError,
        NO_ERROR,
    };
    use windows_sys::Win32::NetworkManagement::IpHelper::{GetExtendedTcpTable, TCP_TABLE_OWNER_PID_ALL};
    use windows_sys::Win32::Networking::WinSock::{AF_INET, AF_INET6};
    use windows_sys::Win32::System::Threading::{GetProcessTimes, OpenProcess, PROCESS_QUERY_LIMITED_INFORMATION};

    use super::table;
    use crate::os::processes::Identity;
    use crate::os::sockets::{Socket, Sockets};
    use crate::seen::Blind;

    /// The table may grow between the question for its size and the one for itself.
    const TRIES: usize = 8;

    /// This Windows.
    pub(crate) struct System;

    impl Sockets for System {
        fn all(&self) -> Result<Vec<Socket>, Blind> {
            let mut all = table::four(&table_of(AF_INET)?)?;
            all.extend(table::six(&table_of(AF_INET6)?)?);
            Ok(all)
        }

        fn tells_peers(&self) -> bool {
            true
        }
    }

    impl Identity for System {
        /// ms since 1970, as OpenClaw writes it into its lock (`loadNativeProcessStartTime` of its dist).
        fn started(&self, pid: u32, _seconds: u64) -> Result<u64, Blind> {
            let ticks = created(pid)?;
            (ticks / 10_000).checked_sub(EPOCH_MS).ok_or(Blind::Unreadable)
        }

        /// A number for the whole identifier of a user: its last part alone may be another domain's.
        fn user(&self, user: &sysinfo::Uid) -> u32 {
            let digest = Sha256::digest(user.to_string());
            u32::from_le_bytes([digest[0], digest[1], digest[2], digest[3]])
        }

        /// A start is a moment of the calendar here, and means the same whenever the computer started.
        fn boot(&self) -> Result<String, Blind> {
            Ok("calendar".into())
        }
    }

    /// 1601 to 1970, ms.
    const EPOCH_MS: u64 = 11_644_473_600_000;

    /// A table of the system's, as 32-bit numbers; empty where the family is not there.
    #[expect(unsafe_code, reason = "the system fills the room that it is told the size of")]
    fn table_of(family: u16) -> Result<Vec<u32>, Blind> {
        let mut bytes = 0_u32;
        for _ in 0..TRIES {
            let mut room = vec![0_u32; bytes.div_ceil(4) as usize];
            // SAFETY: `room` has at least `bytes` bytes, and no more are written.
            let code = unsafe {
                GetExtendedTcpTable(
                    room.as_mut_ptr().cast(),
                    &raw mut bytes,
                    0,
                    u32::from(family),
                    TCP_TABLE_OWNER_PID_ALL,
                    0,
                )
            };
            match code {
                NO_ERROR => return Ok(room),
                ERROR_INSUFFICIENT_BUFFER => bytes = bytes.saturating_add(4096),
                ERROR_NOT_SUPPORTED => return Ok(Vec::new()),
                ERROR_ACCESS_DENIED => return Err(Blind::NotPermitted),
                _ => return Err(Blind::Unreadable),
            }
        }
        Err(Blind::Changing)
    }

    /// When a process was made, in 100 ns since 1601.
    #[expect(unsafe_code, reason = "a handle is opened, asked and closed")]
    fn created(pid: u32) -> Result<u64, Blind> {
        // SAFETY: takes numbers and gives a handle or null.
        let handle = unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, pid) };
        if handle.is_null() {
            // SAFETY: reads a number of this thread.
            let why = unsafe { GetLastError() };
            return Err(if why == ERROR_ACCESS_DENIED { Blind::NotPermitted } else { Blind::Changing });
        }
        let mut times = [FILETIME::default(); 4];
        let [created, ended, kernel, user] = &mut times;
        // SAFETY: the handle is open, and there is room for the four.
        let told = unsafe { GetProcessTimes(handle, created, ended, kernel, user) };
        // SAFETY: the handle is open, and not used again.
        unsafe { CloseHandle(handle) };
        if told == 0 {
            return Err(Blind::Unreadable);
        }
        Ok((u64::from(times[0].dwHighDateTime) << 32) | u64::from(times[0].dwLowDateTime))
    }
}
