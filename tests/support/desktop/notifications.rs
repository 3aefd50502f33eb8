//! A notification daemon that remembers everything and shows nothing.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use zbus::blocking::Connection;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::OwnedValue;

use super::{Desktop, LIMIT};

const PATH: &str = "/org/freedesktop/Notifications";
const NAME: &str = "org.freedesktop.Notifications";

/// Owner of `org.freedesktop.Notifications`. It goes away on drop.
#[derive(Debug)]
pub struct NotificationDaemon {
    connection: Connection,
    told: Arc<Told>,
}

/// One call of `Notify`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The number that it was given.
    pub id: u32,
    /// The one that it replaces, or 0.
    pub replaces: u32,
    /// Who says it.
    pub app: String,
    /// Name of its picture.
    pub icon: String,
    /// First line.
    pub summary: String,
    /// The rest.
    pub body: String,
    /// Key and label of each action.
    pub actions: Vec<(String, String)>,
    /// Its hints, as text.
    pub hints: HashMap<String, String>,
    /// Whether it was taken back, or closed by a click.
    pub closed: bool,
}

impl Notification {
    /// Whether a click on it says something to the application.
    #[must_use]
    pub fn has_action(&self, key: &str) -> bool {
        self.actions.iter().any(|(known, _)| known == key)
    }
}

#[derive(Debug, Default)]
struct Told {
    all: Mutex<All>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct All {
    notifications: Vec<Notification>,
    /// How many of them a story has taken with [`NotificationDaemon::next`].
    taken: usize,
}

impl NotificationDaemon {
    /// Starts one on the desktop.
    ///
    /// # Errors
    /// The bus is gone, or has one.
    pub fn start(desktop: &Desktop<'_>) -> Result<Self> {
        let told = Arc::new(Told::default());
        let builder = desktop.bus().builder()?.serve_at(PATH, Daemon(Arc::clone(&told)))?.name(NAME)?;
        Ok(Self { connection: builder.build()?, told })
    }

    /// Waits for the next notification that was not taken yet, whatever it says, and takes it.
    ///
    /// # Errors
    /// After 30 s.
    pub fn next(&self) -> Result<Notification> {
        self.until("another notification", |_| true)
    }

    /// Waits for a notification like this, and takes it with all that came before it.
    ///
    /// # Errors
    /// After 30 s, with those that came instead.
    pub fn until(&self, what: &str, wanted: impl Fn(&Notification) -> bool) -> Result<Notification> {
        let until = Instant::now() + LIMIT;
        let mut all = self.told.lock();
        loop {
            let fresh = &all.notifications[all.taken..];
            if let Some(found) = fresh.iter().position(&wanted) {
                let notification = fresh[found].clone();
                all.taken += found + 1;
                return Ok(notification);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!("no notification with {what} after {LIMIT:?}, but {fresh:#?}");
            }
            all = self.told.bell.wait_timeout(all, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Everything that was told so far, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Notification> {
        self.told.lock().notifications.clone()
    }

    /// What was told and not taken yet.
    #[must_use]
    pub fn untaken(&self) -> Vec<Notification> {
        let all = self.told.lock();
        all.notifications[all.taken..].to_vec()
    }

    /// Waits whether anything is told within `limit`: where nothing is to come, only time can show it.
    ///
    /// # Errors
    /// Something came.
    pub fn stays_silent(&self, limit: Duration) -> Result<()> {
        let all = self.told.lock();
        let taken = all.taken;
        let waited = self.told.bell.wait_timeout_while(all, limit, |all| all.notifications.len() == taken);
        let all = waited.unwrap_or_else(PoisonError::into_inner).0;
        match all.notifications.get(taken..) {
            None | Some([]) => Ok(()),
            Some(told) => bail!("it was told {told:#?}"),
        }
    }

    /// Clicks an action of a notification, as a person does; the notification goes away. `default` is a click on the notification itself.
    ///
    /// # Errors
    /// A notification that is closed, or an action that it does not have.
    pub fn click(&self, id: u32, action: &str) -> Result<()> {
        {
            let mut all = self.told.lock();
            let found = all.notifications.iter_mut().find(|told| told.id == id && !told.closed);
            let notification = found.with_context(|| format!("no open notification {id}"))?;
            if !notification.has_action(action) {
                bail!("nobody hears {action:?} of {notification:?}");
            }
            notification.closed = true;
        }
        // Nobody clicks what is not shown yet: the application has been given its number.
        self.connection.call_method(Some(NAME), PATH, Some(NAME), "GetServerInformation", &())?;
        self.connection.emit_signal(None::<&str>, PATH, NAME, "ActionInvoked", &(id, action))?;
        // Reason 2: dismissed by the person.
        self.connection.emit_signal(None::<&str>, PATH, NAME, "NotificationClosed", &(id, 2_u32))?;
        Ok(())
    }
}

impl Drop for NotificationDaemon {
    fn drop(&mut self) {
        // The bus may be gone already.
        let _ = self.connection.clone().close();
    }
}

impl Told {
    fn lock(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The D-Bus face.
struct Daemon(Arc<Told>);

// One call after the other: who is answered now was told everything before.
#[zbus::interface(name = "org.freedesktop.Notifications", spawn = false)]
impl Daemon {
    fn get_capabilities(&self) -> Vec<&'static str> {
        vec!["actions", "body", "persistence"]
    }

    fn get_server_information(&self) -> (&'static str, &'static str, &'static str, &'static str) {
        ("smartpi-scenarios", "SmartPi", "1", "1.2")
    }

    #[allow(clippy::too_many_arguments, reason = "the specification has that many")]
    fn notify(
        &self,
        app: String,
        replaces: u32,
        icon: String,
        summary: String,
        body: String,
        actions: Vec<String>,
        hints: HashMap<String, OwnedValue>,
        _timeout_ms: i32,
    ) -> u32 {
        let mut all = self.0.lock();
        // A replaced one keeps its number.
        let highest = all.notifications.iter().map(|told| told.id).max().unwrap_or(0);
        let id = if replaces == 0 { highest + 1 } else { replaces };
        let actions = actions.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
        let hints = hints.into_iter().map(|(key, value)| (key, format!("{:?}", *value))).collect();
        let told = Notification { id, replaces, app, icon, summary, body, actions, hints, closed: false };
        all.notifications.push(told);
        self.0.bell.notify_all();
        id
    }

    async fn close_notification(
        &self,
        id: u32,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> zbus::fdo::Result<()> {
        let open = |all: &mut All| {
            all.notifications.iter_mut().filter(|told| told.id == id).fold(false, |any, told| {
                let was_open = !told.closed;
                told.closed = true;
                any || was_open
            })
        };
        if open(&mut self.0.lock()) {
            // Reason 3: closed by a call.
            Self::notification_closed(&emitter, id, 3).await?;
        }
        Ok(())
    }

    #[zbus(signal)]
    async fn notification_closed(emitter: &SignalEmitter<'_>, id: u32, reason: u32) -> zbus::Result<()>;
}
