//! Notifications over the session bus: one for each matter, and a click that opens its page.

use std::collections::HashMap;

use desk::controller::{Handle, ToController};
use desk::notices::Announcement;
use desk::page::Page;
use desk::view::NoticeKind;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc::Receiver;
use zbus::proxy;
use zbus::zvariant::Value;

use smartpi_tray::session_bus::{connect, in_time};

#[proxy(
    interface = "org.freedesktop.Notifications",
    default_service = "org.freedesktop.Notifications",
    default_path = "/org/freedesktop/Notifications",
    gen_blocking = false
)]
trait Notifications {
    #[expect(clippy::too_many_arguments, reason = "the interface has them")]
    fn notify(
        &self,
        app_name: &str,
        replaces_id: u32,
        app_icon: &str,
        summary: &str,
        body: &str,
        actions: &[&str],
        hints: HashMap<&str, Value<'_>>,
        expire_timeout: i32,
    ) -> zbus::Result<u32>;
    fn get_capabilities(&self) -> zbus::Result<Vec<String>>;
    #[zbus(signal)]
    fn action_invoked(&self, id: u32, action_key: String);
    #[zbus(signal)]
    fn notification_closed(&self, id: u32, reason: u32);
}

/// What a notification is about: a newer one of the same matter takes its place.
type Matter = (NoticeKind, Option<String>);

/// The notifications that are there.
#[derive(Debug, Default)]
struct Shown(HashMap<u32, (Matter, Page)>);

impl Shown {
    /// The one to replace; 0: none.
    fn earlier(&self, matter: &Matter) -> u32 {
        self.0.iter().find(|(_, (known, _))| known == matter).map_or(0, |(id, _)| *id)
    }

    fn put(&mut self, id: u32, matter: Matter, page: Page) {
        self.0.retain(|_, (known, _)| *known != matter);
        self.0.insert(id, (matter, page));
    }
}

/// Shows what is announced until the process ends. A bus or a daemon that is not there is tried again with the next.
pub(super) async fn show(controller: Handle, mut announcements: Receiver<Announcement>) {
    while let Some(first) = announcements.recv().await {
        if let Err(error) = serve(&controller, first, &mut announcements).await {
            tracing::warn!(%error, "a notification was not shown");
        }
    }
}

async fn serve(
    controller: &Handle,
    first: Announcement,
    announcements: &mut Receiver<Announcement>,
) -> zbus::Result<()> {
    let bus = connect().await?;
    let daemon = in_time(NotificationsProxy::new(&bus)).await?;
    let mut clicks = in_time(daemon.receive_action_invoked()).await?;
    let mut closings = in_time(daemon.receive_notification_closed()).await?;
    let markup = in_time(daemon.get_capabilities()).await?.iter().any(|it| it == "body-markup");
    let mut shown = Shown::default();
    tell(&daemon, markup, &mut shown, first).await?;
    loop {
        tokio::select! {
            announcement = announcements.recv() => match announcement {
                Some(announcement) => tell(&daemon, markup, &mut shown, announcement).await?,
                None => return Ok(()),
            },
            click = clicks.next() => {
                let Some(click) = click else { return Ok(()) };
                open(controller, &shown, &click)?;
            }
            closing = closings.next() => {
                let Some(closing) = closing else { return Ok(()) };
                // What is clicked is closed at once: a click that came before its closing is not looked for in vain.
                while let Some(Some(click)) = clicks.next().now_or_never() {
                    open(controller, &shown, &click)?;
                }
                shown.0.remove(&closing.args()?.id);
            }
        }
    }
}

fn open(controller: &Handle, shown: &Shown, click: &ActionInvoked) -> zbus::Result<()> {
    if let Some((_, page)) = shown.0.get(&click.args()?.id) {
        controller.send(ToController::Open(page.clone()));
    }
    Ok(())
}

async fn tell(
    daemon: &NotificationsProxy<'_>,
    markup: bool,
    shown: &mut Shown,
    announcement: Announcement,
) -> zbus::Result<()> {
    let Announcement { kind, title, body, page, button } = announcement;
    let matter = (kind, device(&page));
    let body = if markup { escaped(&body) } else { body };
    let hints =
        HashMap::from([("desktop-entry", Value::from("com.smartpi.tray")), ("urgency", Value::from(urgency(kind)))]);
    // A click on the notification itself, and on its button: some daemons show only one of the two.
    let actions = ["default", button.as_str(), "open", button.as_str()];
    let call = daemon.notify("SmartPi", shown.earlier(&matter), "smartpi-tray", &title, &body, &actions, hints, -1);
    shown.put(in_time(call).await?, matter, page);
    Ok(())
}

fn device(page: &Page) -> Option<String> {
    match page {
        Page::Devices { device_key, .. } => device_key.clone(),
        Page::Welcome {}
        | Page::Bind {}
        | Page::Activity {}
        | Page::Gateway {}
        | Page::Health { .. }
        | Page::Settings {} => None,
    }
}

/// Low, normal, critical: only what waits for the person stays until it is seen.
fn urgency(kind: NoticeKind) -> u8 {
    match kind {
        NoticeKind::Connected | NoticeKind::Disconnected | NoticeKind::AssistantUp | NoticeKind::NewRelease => 0,
        NoticeKind::Bound
        | NoticeKind::Removed
        | NoticeKind::Trouble
        | NoticeKind::DiskWell
        | NoticeKind::AssistantDown
        | NoticeKind::EntriesGone
        | NoticeKind::Started
        | NoticeKind::Stopped => 1,
        NoticeKind::Confirm | NoticeKind::Pairing => 2,
    }
}

/// A name such as `<b>` is a name.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(key: &str) -> Page {
        Page::Devices { device_key: Some(key.into()), remove: false }
    }

    #[test]
    fn a_newer_one_of_the_same_matter_takes_the_place_of_the_older() {
        let mut shown = Shown::default();
        let matter = |kind, key: &str| (kind, Some(key.to_owned()));
        shown.put(4, matter(NoticeKind::Connected, "a"), of("a"));
        shown.put(5, matter(NoticeKind::Disconnected, "a"), of("a"));
        assert_eq!(shown.earlier(&matter(NoticeKind::Connected, "a")), 4);
        assert_eq!(shown.earlier(&matter(NoticeKind::Connected, "b")), 0);
        // A daemon may give it a new number all the same.
        shown.put(9, matter(NoticeKind::Connected, "a"), of("a"));
        assert_eq!(shown.earlier(&matter(NoticeKind::Connected, "a")), 9);
        assert_eq!(shown.0.len(), 2);
    }

    #[test]
    fn a_name_is_no_markup() {
        assert_eq!(escaped("<b>A & B</b>"), "&lt;b&gt;A &amp; B&lt;/b&gt;");
    }
}
