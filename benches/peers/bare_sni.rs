//! The limit of a tray item: the icon's D-Bus face alone, without a menu and without a toolkit. Ends with the bus.

use anyhow::Context;
use zbus::blocking::{MessageIterator, Proxy, connection};

const WATCHER: &str = "org.kde.StatusNotifierWatcher";

struct Item;

#[zbus::interface(name = "org.kde.StatusNotifierItem")]
impl Item {
    fn activate(&self, _x: i32, _y: i32) {}

    #[zbus(property)]
    fn category(&self) -> &'static str {
        "ApplicationStatus"
    }

    #[zbus(property)]
    fn id(&self) -> &'static str {
        "bare-sni"
    }

    #[zbus(property)]
    fn title(&self) -> &'static str {
        "bare-sni"
    }

    #[zbus(property)]
    fn status(&self) -> &'static str {
        "Active"
    }

    #[zbus(property)]
    fn icon_name(&self) -> &'static str {
        "network-idle"
    }
}

fn main() -> anyhow::Result<()> {
    let connection = connection::Builder::session()?.serve_at("/StatusNotifierItem", Item)?.build()?;
    let name = connection.unique_name().context("the bus gave no name")?.to_string();
    let watcher = Proxy::new(&connection, WATCHER, "/StatusNotifierWatcher", WATCHER)?;
    watcher.call::<_, _, ()>("RegisterStatusNotifierItem", &(name,))?;
    MessageIterator::from(&connection).for_each(drop);
    Ok(())
}
