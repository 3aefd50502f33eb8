//! A tray that is a program: it owns `org.kde.StatusNotifierWatcher`, reads the icon and the menu of what registers, and clicks.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use zbus::blocking::connection::Builder;
use zbus::blocking::{Connection, MessageIterator, Proxy, fdo};
use zbus::message::{Header, Type};
use zbus::names::InterfaceName;
use zbus::zvariant::{OwnedObjectPath, Value};

use super::menu::{Layout, MenuItem};
use super::{Desktop, LIMIT};

const ITEM: &str = "org.kde.StatusNotifierItem";
const MENU: &str = "com.canonical.dbusmenu";
/// An application that has not answered a call for so long hangs.
const ANSWER: Duration = Duration::from_secs(20);

/// A tray. It goes away on drop.
#[derive(Debug)]
pub struct TrayHost {
    connection: Connection,
    seen: Arc<Watched>,
}

/// What the icon shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Icon {
    /// `Title` of the item.
    pub title: String,
    /// `Status`: `Active`, `Passive` or `NeedsAttention`.
    pub status: String,
    /// The picture: a PNG file where the item names one, else the pixels that it carries (width, height, ARGB).
    pub picture: Option<Vec<u8>>,
}

/// What has been seen on the bus, and a bell for whoever waits.
#[derive(Debug, Default)]
struct Watched {
    seen: Mutex<Seen>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct Seen {
    /// Rises with everything below.
    events: u64,
    /// Bus name and object path of each registration.
    registered: Vec<(String, String)>,
    /// The item that is there.
    present: Option<(String, String)>,
    layouts: u64,
    properties: u64,
    icons: u64,
}

impl TrayHost {
    /// Puts a tray on the desktop.
    ///
    /// # Errors
    /// The bus is gone, or has a tray.
    pub fn start(desktop: &Desktop<'_>) -> Result<Self> {
        Self::on(desktop.bus().builder()?)
    }

    /// Puts a tray on a bus.
    ///
    /// # Errors
    /// As [`TrayHost::start`].
    pub fn on(bus: Builder<'static>) -> Result<Self> {
        let seen = Arc::new(Watched::default());
        let watcher = Watcher(Arc::clone(&seen));
        let builder = bus.method_timeout(ANSWER).serve_at("/StatusNotifierWatcher", watcher)?;
        let connection = builder.build()?;
        let bus = fdo::DBusProxy::new(&connection)?;
        for rule in [
            format!("type='signal',interface='{MENU}'"),
            format!("type='signal',interface='{ITEM}'"),
            "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'".to_owned(),
        ] {
            bus.add_match_rule(rule.as_str().try_into()?)?;
        }
        let (messages, noted) = (MessageIterator::from(&connection), Arc::clone(&seen));
        std::thread::spawn(move || {
            // Ends with the connection.
            for message in messages.flatten() {
                if message.message_type() == Type::Signal {
                    noted.note(&message);
                }
            }
        });
        // The name last: who sees it may register.
        connection.request_name("org.kde.StatusNotifierWatcher")?;
        Ok(Self { connection, seen })
    }

    /// How often an item registered so far.
    #[must_use]
    pub fn registrations(&self) -> usize {
        self.seen.lock().registered.len()
    }

    /// How often the whole menu was announced to be new (`LayoutUpdated`), and how often properties of single lines (`ItemsPropertiesUpdated`).
    #[must_use]
    pub fn updates(&self) -> (u64, u64) {
        let seen = self.seen.lock();
        (seen.layouts, seen.properties)
    }

    /// How often another picture was announced.
    #[must_use]
    pub fn icon_changes(&self) -> u64 {
        self.seen.lock().icons
    }

    /// Waits until an item is there.
    ///
    /// # Errors
    /// After 30 s.
    pub fn until_item(&self) -> Result<()> {
        self.seen.until(LIMIT, "an item in the tray", |seen| seen.present.is_some())
    }

    /// Waits until the item is gone.
    ///
    /// # Errors
    /// After 30 s.
    pub fn until_gone(&self) -> Result<()> {
        self.seen.until(LIMIT, "a tray without the item", |seen| seen.present.is_none())
    }

    /// The menu as it stands.
    ///
    /// # Errors
    /// No item, or one that does not answer.
    pub fn menu(&self) -> Result<MenuItem> {
        let menu = self.menu_proxy()?;
        // A host says so before it draws; what it is answered does not matter to one that reads everything.
        let _: bool = menu.call("AboutToShow", &(0_i32)).context("AboutToShow")?;
        let (_, layout): (u32, Layout) =
            menu.call("GetLayout", &(0_i32, -1_i32, Vec::<&str>::new())).context("GetLayout")?;
        MenuItem::read(layout)
    }

    /// Waits until the menu is as wanted, and gives it. Looks again whenever the item announces a change, and not in between.
    ///
    /// # Errors
    /// After 30 s, with the menu as it is by then.
    pub fn until(&self, what: &str, wanted: impl Fn(&MenuItem) -> bool) -> Result<MenuItem> {
        let until = Instant::now() + LIMIT;
        self.until_item()?;
        loop {
            let events = self.seen.lock().events;
            let menu = self.menu();
            if let Ok(menu) = &menu
                && wanted(menu)
            {
                return Ok(menu.clone());
            }
            if !self.seen.wait(until, |seen| seen.events != events) {
                let shown = menu.map_or_else(|error| format!("{error:#}"), |menu| menu.drawn());
                bail!("the tray's menu: not {what} after {LIMIT:?}, but\n{shown}");
            }
        }
    }

    /// Clicks the line at the end of this path of labels ([`MenuItem::find`]), once it is there and can be clicked.
    ///
    /// # Errors
    /// No such line within 30 s.
    pub fn click(&self, path: &[&str]) -> Result<()> {
        let clickable = |menu: &MenuItem| menu.find(path).is_some_and(|item| item.enabled);
        let menu = self.until(&format!("with {path:?} to click"), clickable)?;
        let id = menu.find(path).context("the line went away")?.id;
        self.menu_proxy()?
            .call::<_, _, ()>("Event", &(id, "clicked", Value::from(""), 0_u32))
            .with_context(|| format!("clicking {path:?}"))
    }

    /// What the icon shows now.
    ///
    /// # Errors
    /// No item, or one that does not answer.
    pub fn icon(&self) -> Result<Icon> {
        let (name, path) = self.item()?;
        let properties = fdo::PropertiesProxy::builder(&self.connection).destination(name)?.path(path)?.build()?;
        let all = properties.get_all(InterfaceName::from_static_str(ITEM)?)?;
        let text = |key: &str| {
            let value = all.get(key).and_then(|value| value.try_clone().ok());
            value.and_then(|value| String::try_from(value).ok()).unwrap_or_default()
        };
        let (name, folder) = (text("IconName"), PathBuf::from(text("IconThemePath")));
        let file = [PathBuf::from(&name), folder.join(&name), folder.join(format!("{name}.png"))];
        let png = file.iter().filter(|file| file.is_absolute()).find_map(|file| read_png(file));
        let carried = all.get("IconPixmap").and_then(|value| value.try_clone().ok());
        let carried = carried.and_then(|value| Vec::<(i32, i32, Vec<u8>)>::try_from(value).ok()).unwrap_or_default();
        let carried = carried
            .into_iter()
            .next()
            .map(|(width, height, argb)| [&width.to_be_bytes()[..], &height.to_be_bytes(), &argb].concat());
        Ok(Icon { title: text("Title"), status: text("Status"), picture: png.or(carried) })
    }

    fn item(&self) -> Result<(String, String)> {
        self.seen.lock().present.clone().context("no item is in the tray")
    }

    fn menu_proxy(&self) -> Result<Proxy<'static>> {
        let (name, path) = self.item()?;
        let item = Proxy::new(&self.connection, name.clone(), path, ITEM)?;
        let menu: OwnedObjectPath = item.get_property("Menu").context("the item names no menu")?;
        ensure!(menu.as_str() != "/", "the item has no menu");
        Ok(Proxy::new(&self.connection, name, menu, MENU)?)
    }
}

impl Drop for TrayHost {
    fn drop(&mut self) {
        // The bus may be gone already.
        let _ = self.connection.clone().close();
    }
}

impl Watched {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Seen)) {
        let mut seen = self.lock();
        change(&mut seen);
        seen.events += 1;
        self.bell.notify_all();
    }

    /// Waits for a state until then, and tells whether it came.
    fn wait(&self, until: Instant, wanted: impl Fn(&Seen) -> bool) -> bool {
        let left = until.saturating_duration_since(Instant::now());
        let waited = self.bell.wait_timeout_while(self.lock(), left, |seen| !wanted(seen));
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    fn until(&self, limit: Duration, what: &str, wanted: impl Fn(&Seen) -> bool) -> Result<()> {
        ensure!(self.wait(Instant::now() + limit, wanted), "still not after {limit:?}: {what}");
        Ok(())
    }

    fn note(&self, signal: &zbus::Message) {
        let header = signal.header();
        let member = header.member().map(|member| member.as_str().to_owned()).unwrap_or_default();
        match member.as_str() {
            "LayoutUpdated" => self.change(|seen| seen.layouts += 1),
            "ItemsPropertiesUpdated" => self.change(|seen| seen.properties += 1),
            "NewIcon" => self.change(|seen| seen.icons += 1),
            "NameOwnerChanged" => {
                let Ok((name, _, owner)) = signal.body().deserialize::<(String, String, String)>() else { return };
                if owner.is_empty() {
                    self.change(|seen| seen.present = seen.present.take().filter(|(present, _)| *present != name));
                }
            }
            _ => {}
        }
    }
}

/// The D-Bus face of the tray.
struct Watcher(Arc<Watched>);

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    #[allow(clippy::needless_pass_by_value, reason = "the interface macro hands the header over by value")]
    fn register_status_notifier_item(&self, service: &str, #[zbus(header)] header: Header<'_>) {
        let sender = header.sender().map(ToString::to_string).unwrap_or_default();
        // libappindicator gives its object, KDE's library its bus name.
        let item = if service.starts_with('/') {
            (sender, service.to_owned())
        } else {
            (service.to_owned(), "/StatusNotifierItem".to_owned())
        };
        self.0.change(|seen| {
            seen.registered.push(item.clone());
            seen.present = Some(item);
        });
    }

    fn register_status_notifier_host(&self, _service: &str) {}

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        self.0.lock().present.iter().map(|(name, path)| format!("{name}{path}")).collect()
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }
}

fn read_png(file: &Path) -> Option<Vec<u8>> {
    std::fs::read(file).ok().filter(|bytes| bytes.starts_with(b"\x89PNG"))
}
