//! What the application asks of a desktop.

use crate::failure::{Failure, FailureCode};
use crate::notices::Announcement;
use crate::page::Page;
use crate::tray_menu::TrayMenu;

/// A desktop. Every method returns at once; what cannot be done is logged, or comes back as an event.
pub trait Shell: Send + 'static {
    /// Whether there is one at all. False for a server: then nothing else is ever called but [`Shell::quit`].
    fn is_desktop(&self) -> bool {
        true
    }
    /// Draws the tray: only called when the menu has changed.
    fn show_tray(&mut self, menu: &TrayMenu);
    /// Tells the person.
    fn notify(&mut self, announcement: &Announcement);
    /// Starts the window's process. The controller calls it only when none is there.
    ///
    /// # Errors
    /// It cannot be started.
    fn open_window(&mut self, page: &Page) -> Result<(), Failure>;
    /// Opens a URL in the browser.
    fn open_url(&mut self, url: &str);
    /// Whether the program starts at login. `None`: cannot.
    fn autostart(&self) -> Option<bool>;
    /// Makes the program start at login, or not.
    ///
    /// # Errors
    /// The system refuses.
    fn set_autostart(&mut self, on: bool) -> Result<(), Failure>;
    /// Ends the desktop's own loop: everything of ours has stopped.
    fn quit(&mut self);
}

/// No desktop: a server, or a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoDesktop;

impl Shell for NoDesktop {
    fn is_desktop(&self) -> bool {
        false
    }
    fn show_tray(&mut self, _menu: &TrayMenu) {}
    fn notify(&mut self, _announcement: &Announcement) {}
    fn open_window(&mut self, _page: &Page) -> Result<(), Failure> {
        Err(Failure::bare(FailureCode::NoDesktop))
    }
    fn open_url(&mut self, _url: &str) {}
    fn autostart(&self) -> Option<bool> {
        None
    }
    fn set_autostart(&mut self, _on: bool) -> Result<(), Failure> {
        Err(Failure::bare(FailureCode::NoDesktop))
    }
    fn quit(&mut self) {}
}
