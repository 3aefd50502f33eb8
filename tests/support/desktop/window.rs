//! The application's own window, driven by WebKit's WebDriver: the driver starts the program as a person's click does.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;

use super::{Desktop, LIMIT};
use crate::process::Group;
use crate::webdriver::{Session, connect};

/// One window, with its driver. Both end on drop; the program whose window it is goes on.
#[derive(Debug)]
pub struct Window {
    session: Session,
    _driver: Group,
}

impl Window {
    /// What the program finds in its environment, so that it can be driven.
    pub const AUTOMATED: [(&str, &str); 2] = [("TAURI_AUTOMATION", "true"), ("TAURI_WEBVIEW_AUTOMATION", "true")];

    /// Starts `program` with `arguments` on the desktop, as a window that a driver holds.
    ///
    /// # Errors
    /// WebKitWebDriver is not installed, or the window does not come.
    pub fn open(desktop: &Desktop<'_>, program: &Path, arguments: &[&str]) -> Result<Self> {
        let port = desktop.place().free_port()?;
        let mut command = desktop.command("WebKitWebDriver", "webkit2gtk-driver")?;
        command.arg(format!("--port={port}")).envs(Self::AUTOMATED);
        let driver = desktop.spawn("window", &mut command)?;
        Self::driven(driver, port, |address| desktop.place().connect(address), program, arguments)
    }

    /// As [`Window::open`], by a driver that was just started elsewhere, has [`Window::AUTOMATED`] in its environment and is reached by `dial`.
    ///
    /// # Errors
    /// The window does not come.
    pub fn driven(
        mut driver: Group,
        port: u16,
        dial: impl Fn(SocketAddr) -> io::Result<TcpStream>,
        program: &Path,
        arguments: &[&str],
    ) -> Result<Self> {
        let stream = connect(dial, port, &mut driver)?;
        let wanted = json!({"webkitgtk:browserOptions": {"binary": program, "args": arguments}});
        let session = Session::open(stream, &wanted).context("the window did not open under its driver")?;
        Ok(Self { session, _driver: driver })
    }

    /// Waits until a person sees a page in it.
    ///
    /// # Errors
    /// It shows nothing within 30 s.
    pub fn until_seen(&mut self) -> Result<()> {
        let seen = "document.visibilityState === 'visible'
            && !!document.querySelector('[data-test^=page-]:not([data-test=page-loading])')";
        self.session.wait_for(seen, LIMIT).map(drop)
    }

    /// Waits for the element with this `data-test`, and gives the CSS selector that finds it.
    ///
    /// # Errors
    /// As [`Session::wait_for`].
    pub fn find(&mut self, mark: &str) -> Result<String> {
        let css = marked(mark);
        self.session.wait_for(&format!("!!document.querySelector({})", json!(css)), LIMIT)?;
        Ok(css)
    }

    /// Waits for the element with this `data-test` and clicks it.
    ///
    /// # Errors
    /// As [`Session::click`].
    pub fn press_on(&mut self, mark: &str) -> Result<()> {
        let css = self.find(mark)?;
        self.session.wait_for(&format!("!document.querySelector({})?.disabled", json!(css)), LIMIT)?;
        self.session.click(&css).with_context(|| format!("clicking {mark}"))
    }

    /// Waits for words in the element with this `data-test`, and gives them.
    ///
    /// # Errors
    /// As [`Session::text`].
    pub fn words(&mut self, mark: &str) -> Result<String> {
        self.session.text(&marked(mark), LIMIT)
    }

    /// Whether an element with this `data-test` is there now.
    ///
    /// # Errors
    /// As [`Session::value`].
    pub fn has(&mut self, mark: &str) -> Result<bool> {
        Ok(self.session.value(&format!("!!document.querySelector({})", json!(marked(mark))))? == true)
    }

    /// Saves what the window shows as a PNG file and gives its path.
    ///
    /// # Errors
    /// As [`Session::screenshot`], and a folder that cannot be written.
    pub fn photograph(&mut self, into: &Path) -> Result<PathBuf> {
        if let Some(folder) = into.parent() {
            fs::create_dir_all(folder)?;
        }
        // What is in the page is on the screen two frames later.
        self.session.promise(
            "await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())));",
            &[],
        )?;
        fs::write(into, self.session.screenshot()?)?;
        Ok(into.to_owned())
    }
}

/// The CSS selector of a `data-test`.
#[must_use]
pub(crate) fn marked(mark: &str) -> String {
    format!("[data-test=\"{mark}\"]")
}

impl Deref for Window {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl DerefMut for Window {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.session
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // The driver may be dead already; then its group is killed next.
        let _ = self.session.close();
    }
}
