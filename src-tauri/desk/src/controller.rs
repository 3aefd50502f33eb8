//! The one loop that owns what the application knows, and what a desktop may tell it.

use tokio::sync::mpsc;

use crate::shell::Page;
use crate::tray_menu::TrayAction;
use crate::view::SecretsView;

/// What a desktop tells the controller.
#[derive(Clone, Debug, PartialEq)]
pub enum ToController {
    /// A line of the tray was clicked.
    Clicked(TrayAction),
    /// A notification was clicked, or the program was started a second time: show this.
    Open(Page),
    /// Whether a tray shows the icon.
    Tray(bool),
    /// The window's process could not stay: it ended, attended or not.
    WindowEnded,
    /// Where secrets are kept.
    Secrets(SecretsView),
    /// The program shall end: the session ends, or the system asks politely.
    Quit,
}

/// How a desktop talks to the controller: cheap to clone, from any thread, never waits.
#[derive(Clone, Debug)]
pub struct Handle {
    to: mpsc::Sender<ToController>,
}

/// What may wait for the controller.
const WAITING: usize = 256;

impl Handle {
    pub(crate) fn channel() -> (Self, mpsc::Receiver<ToController>) {
        let (to, said) = mpsc::channel(WAITING);
        (Self { to }, said)
    }

    /// Tells the controller. Where it has ended, or has more to hear than any person can click, nothing happens.
    pub fn send(&self, said: ToController) {
        if let Err(error) = self.to.try_send(said) {
            tracing::warn!(%error, "the controller does not hear");
        }
    }
}
