//! What a desktop's panel is to a tray item: somebody to register at. It notes when the first one did.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use zbus::blocking::{Connection, connection};

const NAME: &str = "org.kde.StatusNotifierWatcher";

/// The watcher of one session bus. Gone when dropped.
#[derive(Debug)]
pub(super) struct TrayWatcher {
    connection: Connection,
    registered: Arc<Registered>,
}

#[derive(Debug, Default)]
struct Registered {
    first: Mutex<Option<Instant>>,
    bell: Condvar,
}

struct Face(Arc<Registered>);

impl TrayWatcher {
    pub(super) fn start(bus: &str) -> zbus::Result<Self> {
        let registered = Arc::new(Registered::default());
        let connection = connection::Builder::address(bus)?
            .serve_at("/StatusNotifierWatcher", Face(registered.clone()))?
            .name(NAME)?
            .build()?;
        Ok(Self { connection, registered })
    }

    /// When the first item registered. `None`: not within `limit`.
    pub(super) fn until_item(&self, limit: Duration) -> Option<Instant> {
        let first = self.registered.first.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.registered.bell.wait_timeout_while(first, limit, |first| first.is_none());
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Whether somebody on the bus has this name.
    pub(super) fn has(&self, name: &'static str) -> anyhow::Result<bool> {
        Ok(zbus::blocking::fdo::DBusProxy::new(&self.connection)?.name_has_owner(name.try_into()?)?)
    }
}

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Face {
    fn register_status_notifier_item(&self, _service: &str) {
        self.0.first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(Instant::now);
        self.0.bell.notify_all();
    }

    fn register_status_notifier_host(&self, _service: &str) {}

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        Vec::new()
    }
}
