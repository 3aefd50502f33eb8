//! Dark or light, as the desktop's settings portal says. GTK alone does not know it on GNOME.

use gtk::gio::{self, DBusCallFlags, DBusSignalFlags};
use gtk::glib::{self, MainContext, ToVariant, Variant};
use tauri::{AppHandle, Theme};

const PORTAL: &str = "org.freedesktop.portal.Desktop";
const PATH: &str = "/org/freedesktop/portal/desktop";
const SETTINGS: &str = "org.freedesktop.portal.Settings";
const APPEARANCE: &str = "org.freedesktop.appearance";
const SCHEME: &str = "color-scheme";
/// How long the portal may take to answer, ms. Nothing waits for it.
const PATIENCE_MS: i32 = 5_000;

/// Gives the window the desktop's colours, now and whenever they change. Where the desktop does not say, GTK's own are kept. To be called on the main thread.
pub(super) fn follow(app: AppHandle) {
    MainContext::default().spawn_local(async move {
        if let Err(error) = watch(app).await {
            tracing::debug!(%error, "the desktop does not say its colours");
        }
    });
}

async fn watch(app: AppHandle) -> Result<(), glib::Error> {
    let bus = gio::bus_get_future(gio::BusType::Session).await?;
    let changing = app.clone();
    // For as long as this process lives.
    let _ = bus.signal_subscribe(
        Some(PORTAL),
        Some(SETTINGS),
        Some("SettingChanged"),
        Some(PATH),
        Some(APPEARANCE),
        DBusSignalFlags::NONE,
        move |_, _, _, _, _, change| {
            if change.n_children() == 3 && change.child_value(1).str() == Some(SCHEME) {
                changing.set_theme(theme(&change.child_value(2)));
            }
        },
    );
    let asked = (APPEARANCE, SCHEME).to_variant();
    let answer = bus
        .call_future(Some(PORTAL), PATH, SETTINGS, "Read", Some(&asked), None, DBusCallFlags::NONE, PATIENCE_MS)
        .await?;
    if let Some(theme) = answer.try_child_value(0).as_ref().and_then(theme) {
        app.set_theme(Some(theme));
    }
    Ok(())
}

/// 1: dark, 2: light, 0: no wish. It comes wrapped once or twice.
fn theme(value: &Variant) -> Option<Theme> {
    match value.as_variant() {
        Some(inner) => theme(&inner),
        None => match value.get::<u32>() {
            Some(1) => Some(Theme::Dark),
            Some(2) => Some(Theme::Light),
            Some(_) | None => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wish_is_read_however_it_is_wrapped() {
        let wrapped = |n: u32| Variant::from_variant(&n.to_variant());
        assert_eq!(theme(&1_u32.to_variant()), Some(Theme::Dark));
        assert_eq!(theme(&wrapped(2)), Some(Theme::Light));
        assert_eq!(theme(&Variant::from_variant(&wrapped(1))), Some(Theme::Dark));
        assert_eq!(theme(&wrapped(0)), None);
        assert_eq!(theme(&"dark".to_variant()), None);
    }
}
