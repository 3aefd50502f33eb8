//! Dark or light, as the desktop's settings portal says. GTK alone does not know it on GNOME.

use futures_util::StreamExt;
use tauri::{AppHandle, Theme};
use zbus::proxy;
use zbus::zvariant::{OwnedValue, Value};

use smartpi_tray::session_bus::{connect, in_time};

const APPEARANCE: &str = "org.freedesktop.appearance";
const SCHEME: &str = "color-scheme";

#[proxy(
    interface = "org.freedesktop.portal.Settings",
    default_service = "org.freedesktop.portal.Desktop",
    default_path = "/org/freedesktop/portal/desktop",
    gen_blocking = false
)]
trait Settings {
    fn read(&self, namespace: &str, key: &str) -> zbus::Result<OwnedValue>;
    #[zbus(signal)]
    fn setting_changed(&self, namespace: String, key: String, value: Value<'_>);
}

/// Gives the window the desktop's colours, now and whenever they change. Where the desktop does not say, GTK's own are kept.
pub(super) async fn follow(app: AppHandle) {
    if let Err(error) = watch(&app).await {
        tracing::debug!(%error, "the desktop does not say its colours");
    }
}

async fn watch(app: &AppHandle) -> zbus::Result<()> {
    let bus = connect().await?;
    let portal = in_time(SettingsProxy::new(&bus)).await?;
    let mut changes = in_time(portal.receive_setting_changed_with_args(&[(0, APPEARANCE), (1, SCHEME)])).await?;
    if let Some(theme) = theme(&Value::from(in_time(portal.read(APPEARANCE, SCHEME)).await?)) {
        app.set_theme(Some(theme));
    }
    while let Some(change) = changes.next().await {
        app.set_theme(theme(change.args()?.value()));
    }
    Ok(())
}

/// 1: dark, 2: light, 0: no wish. It comes wrapped once or twice.
fn theme(value: &Value<'_>) -> Option<Theme> {
    if let Value::Value(inner) = value {
        return theme(inner);
    }
    match value.downcast_ref::<u32>() {
        Ok(1) => Some(Theme::Dark),
        Ok(2) => Some(Theme::Light),
        Ok(_) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wish_is_read_however_it_is_wrapped() {
        let wrapped = |n: u32| Value::Value(Box::new(Value::U32(n)));
        assert_eq!(theme(&Value::U32(1)), Some(Theme::Dark));
        assert_eq!(theme(&wrapped(2)), Some(Theme::Light));
        assert_eq!(theme(&wrapped(0)), None);
        assert_eq!(theme(&Value::from("dark")), None);
    }
}
