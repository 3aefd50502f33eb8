//! Whether anybody shows a tray: GNOME as delivered does not.

use std::time::Duration;

use desk::controller::{Handle, ToController};
use futures_util::StreamExt;
use tokio::time::sleep;
use zbus::fdo::{DBusProxy, PropertiesProxy};
use zbus::names::InterfaceName;
use zbus::{Connection, MatchRule, MessageStream};

use smartpi_tray::session_bus::{connect, in_time};

const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const PATH: &str = "/StatusNotifierWatcher";
/// At login the panel may come after us; one that restarts is gone for a moment.
const GRACE: Duration = Duration::from_secs(5);

/// Tells the controller, now and whenever it changes.
pub(super) async fn follow(controller: Handle) {
    if let Err(error) = watch(&controller).await {
        tracing::warn!(%error, "without the session bus there is no tray");
        controller.send(ToController::Tray(false));
    }
}

async fn watch(controller: &Handle) -> zbus::Result<()> {
    let bus = connect().await?;
    let names = in_time(DBusProxy::new(&bus)).await?;
    let mut owners = in_time(names.receive_name_owner_changed_with_args(&[(0, WATCHER)])).await?;
    let of_watcher = MatchRule::builder().msg_type(zbus::message::Type::Signal).interface(WATCHER)?.path(PATH)?.build();
    let mut hosts = in_time(MessageStream::for_match_rule(of_watcher, &bus, Some(8))).await?;
    let mut told = None;
    loop {
        let shown = is_shown(&bus, &names).await;
        if told != Some(shown) {
            if !shown {
                let changed = tokio::select! {
                    owner = owners.next() => owner.is_some(),
                    host = hosts.next() => host.is_some(),
                    () = sleep(GRACE) => false,
                };
                if changed {
                    continue;
                }
            }
            told = Some(shown);
            tracing::info!(shown, "tray");
            controller.send(ToController::Tray(shown));
        }
        let more = tokio::select! {
            owner = owners.next() => owner.is_some(),
            host = hosts.next() => host.is_some(),
        };
        if !more {
            tracing::info!("the session bus is gone, and the session with it");
            controller.send(ToController::Quit);
            return Ok(());
        }
    }
}

/// Asks only a watcher that is there: a question would start one that is not.
async fn is_shown(bus: &Connection, names: &DBusProxy<'_>) -> bool {
    let name = zbus::names::BusName::from_static_str(WATCHER).expect("it is a name");
    if !matches!(in_time(async { Ok(names.name_has_owner(name).await?) }).await, Ok(true)) {
        return false;
    }
    let asked = in_time(async {
        let properties = PropertiesProxy::builder(bus).destination(WATCHER)?.path(PATH)?.build().await?;
        let interface = InterfaceName::from_static_str(WATCHER).expect("it is a name");
        Ok(properties.get(interface, "IsStatusNotifierHostRegistered").await?)
    });
    match asked.await.map(bool::try_from) {
        Ok(Ok(shown)) => shown,
        // A watcher that does not say so is still one.
        Ok(Err(_)) | Err(_) => true,
    }
}
