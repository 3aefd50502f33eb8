//! Notifications by Tauri's plugin. It gives each the application's identifier, by which Windows finds the name and the picture of its entry in the Start
//! menu (the installer writes the same one there), and macOS those of the bundle. Both show plain text: a name such as `<b>` is a name.

use desk::notices::Announcement;
use tauri::AppHandle;
use tauri_plugin_notification::NotificationExt;
use tokio::sync::mpsc::Receiver;

/// Shows what is announced until the process ends. No click is waited for: the plugin would keep a thread for every one that is never clicked.
pub(super) async fn show(app: AppHandle, mut announcements: Receiver<Announcement>) {
    while let Some(Announcement { title, body, .. }) = announcements.recv().await {
        if let Err(error) = app.notification().builder().title(title).body(body).show() {
            tracing::warn!(%error, "a notification was not shown");
        }
    }
}
