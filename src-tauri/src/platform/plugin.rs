//! Notifications through Tauri's plugin. NOT proven on a real macOS or Windows. The plugin has no click event there, so a click opens nothing of ours.

use desk::notices::Announcement;
use tauri::AppHandle;
use tauri_plugin_notification::NotificationExt;
use tokio::sync::mpsc::Receiver;

/// Shows what is announced until the process ends.
pub(super) async fn show(app: AppHandle, mut announcements: Receiver<Announcement>) {
    while let Some(Announcement { title, body, .. }) = announcements.recv().await {
        if let Err(error) = app.notification().builder().title(title).body(body).show() {
            tracing::warn!(%error, "a notification was not shown");
        }
    }
}
