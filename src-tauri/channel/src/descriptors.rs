//! Room for the sockets of many devices. Systems let a process begin with 256 or 1,024 open files and allow it many more.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// 20,000 devices, the sockets that have not proved themselves, and the service's own files.
const WANTED: u64 = 24_576;
/// macOS refuses more than this where it names no limit.
const MODEST: u64 = 10_240;

/// Raises the limit of open files as far as the system lets it, to what the service can ever need. Never lowers it.
pub(crate) fn make_room() {
    let now = getrlimit(Resource::Nofile);
    let raised = [WANTED, MODEST].into_iter().find(|wanted| {
        let wanted = now.maximum.map_or(*wanted, |most| most.min(*wanted));
        let enough = now.current.is_none_or(|current| current >= wanted);
        enough || setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: now.maximum }).is_ok()
    });
    if raised.is_none() {
        tracing::warn!(?now, "the limit of open files stays: fewer devices can be connected");
    }
}
