//! Real browsers, the size of a phone, inside a network namespace.
//!
//! Needs the programs `chromium` and `chromedriver` (packages of the same names), and for [`Engine::WebKit`] `WebKitWebDriver`, its
//! MiniBrowser and `Xvfb` (packages webkit2gtk-driver, xvfb). A missing one fails the story; nothing is skipped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::desktop::Display;
use crate::lab::Namespace;
use crate::process::{Group, installed};
use crate::webdriver::{Session, connect};

/// Width and height of the page in CSS pixels: a common phone, upright.
pub const PHONE: (u32, u32) = (390, 844);

/// Which browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Chromium, headless, with touch and the phone's window size.
    Chromium,
    /// WebKitGTK's MiniBrowser on a virtual display: the nearest to Safari that Linux has.
    WebKit,
}

/// One running browser with one tab. Closed on drop.
#[derive(Debug)]
pub struct Browser {
    engine: Engine,
    session: Session,
    // In this order: the driver goes before the display it draws on, and both before their folder.
    _driver: Group,
    _display: Option<Display>,
    _home: TempDir,
}

impl Browser {
    /// Starts a fresh browser of its own profile in `place`.
    ///
    /// # Errors
    /// A program that is not installed, and a driver that does not come up within 30 s.
    pub fn open(engine: Engine, place: &Namespace) -> Result<Self> {
        Self::open_with(engine, place, &[])
    }

    /// As [`Browser::open`], with more command line flags for the browser.
    ///
    /// # Errors
    /// As [`Browser::open`].
    pub fn open_with(engine: Engine, place: &Namespace, flags: &[&str]) -> Result<Self> {
        let home = TempDir::with_prefix("smartpi-browser-")?;
        let display = match engine {
            Engine::Chromium => None,
            Engine::WebKit => Some(Display::start(
                |server| {
                    let mut command = place.command(server);
                    command.stderr(Stdio::null());
                    command
                },
                PHONE,
            )?),
        };
        let port = place.free_port()?;
        let driver = match engine {
            Engine::Chromium => installed("chromedriver", "chromium-driver")?,
            Engine::WebKit => installed("WebKitWebDriver", "webkit2gtk-driver")?,
        };
        let mut command = place.command(driver);
        command.arg(format!("--port={port}"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        for (variable, folder) in [
            ("HOME", "home"),
            ("TMPDIR", "tmp"),
            ("XDG_RUNTIME_DIR", "run"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_DATA_HOME", "data"),
            ("XDG_CACHE_HOME", "cache"),
        ] {
            fs::create_dir(home.path().join(folder))?;
            command.env(variable, home.path().join(folder));
        }
        command.env("NO_AT_BRIDGE", "1").env("GSETTINGS_BACKEND", "memory").env("LIBGL_ALWAYS_SOFTWARE", "1");
        if let Some(display) = &display {
            command.env("DISPLAY", display.name());
        }
        let mut driver = Group::start(&mut command)?;
        let stream = connect(|address| place.connect(address), port, &mut driver)?;
        let wanted = match engine {
            Engine::Chromium => chromium(home.path(), flags)?,
            Engine::WebKit => webkit(flags)?,
        };
        let mut session = Session::open(stream, &wanted).with_context(|| format!("cannot open {engine:?}"))?;
        if engine == Engine::WebKit {
            session.post("/window/rect", &json!({"x": 0, "y": 0, "width": PHONE.0, "height": PHONE.1}))?;
        }
        Ok(Self { engine, session, _driver: driver, _display: display, _home: home })
    }

    /// Which browser this is.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// The session, for what this type has no name for.
    pub fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Opens a page and waits until it has loaded.
    ///
    /// # Errors
    /// As [`Session::go`].
    pub fn go(&mut self, url: &str) -> Result<()> {
        self.session.go(url).with_context(|| format!("{:?} cannot open {url}", self.engine))
    }

    /// As [`Session::value`].
    ///
    /// # Errors
    /// As there.
    pub fn value(&mut self, expression: &str) -> Result<Value> {
        self.session.value(expression)
    }

    /// As [`Session::wait_for`].
    ///
    /// # Errors
    /// As there.
    pub fn wait_for(&mut self, expression: &str, limit: Duration) -> Result<Value> {
        self.session.wait_for(expression, limit).with_context(|| format!("{:?}", self.engine))
    }

    /// As [`Session::text`].
    ///
    /// # Errors
    /// As there.
    pub fn text(&mut self, css: &str, limit: Duration) -> Result<String> {
        self.session.text(css, limit).with_context(|| format!("{:?}", self.engine))
    }

    /// Saves what the window shows as `target/screenshots/<name>-<engine>.png` and gives that path.
    ///
    /// # Errors
    /// As [`Session::screenshot`], and a folder that cannot be written.
    pub fn screenshot(&mut self, name: &str) -> Result<PathBuf> {
        let engine = match self.engine {
            Engine::Chromium => "chromium",
            Engine::WebKit => "webkit",
        };
        let path = target_pictures()?.join(format!("{name}-{engine}.png"));
        fs::write(&path, self.session.screenshot()?)?;
        Ok(path)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver may be dead already; then its group is killed next.
        let _ = self.session.close();
    }
}

fn chromium(home: &Path, flags: &[&str]) -> Result<Value> {
    let profile = home.join("profile");
    let mut arguments: Vec<String> = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    .map(str::to_owned)
    .into();
    arguments.push(format!("--window-size={},{}", PHONE.0, PHONE.1));
    arguments.push(format!("--user-data-dir={}", profile.display()));
    arguments.extend(flags.iter().map(ToString::to_string));
    Ok(json!({
        "browserName": "chrome",
        "goog:loggingPrefs": {"browser": "ALL"},
        "goog:chromeOptions": {
            "binary": installed("chromium", "chromium")?,
            "args": arguments,
            "mobileEmulation": {"deviceMetrics": {"width": PHONE.0, "height": PHONE.1, "pixelRatio": 2.0, "touch": true}},
        },
    }))
}

/// WebKitGTK's own small browser.
///
/// # Errors
/// It is not installed.
pub fn mini_browser() -> Result<PathBuf> {
    let browser = ["4.1", "4.0", "6.0"].iter().flat_map(|version| {
        ["/usr/lib/x86_64-linux-gnu/webkit2gtk-", "/usr/lib/aarch64-linux-gnu/webkit2gtk-", "/usr/libexec/webkit2gtk-"]
            .map(|stem| PathBuf::from(format!("{stem}{version}/MiniBrowser")))
    });
    let browser = browser.into_iter().find(|path| path.exists());
    browser.context("WebKitGTK's MiniBrowser is not installed (package webkit2gtk-driver brings it)")
}

fn webkit(flags: &[&str]) -> Result<Value> {
    let mut arguments = vec!["--automation", "--full-screen"];
    arguments.extend(flags);
    Ok(json!({
        "browserName": "MiniBrowser",
        "webkitgtk:browserOptions": {"binary": mini_browser()?, "args": arguments},
    }))
}

/// The `target` folder that this test was built into.
///
/// # Errors
/// A test that lies elsewhere.
pub fn target_folder() -> Result<PathBuf> {
    let executable = std::env::current_exe()?;
    let folder = executable.ancestors().nth(3).map(Path::to_owned);
    let folder = folder.with_context(|| format!("{} is not in a target folder", executable.display()))?;
    ensure!(
        folder.join("debug").exists() || folder.join("release").exists(),
        "{} is no target folder",
        folder.display()
    );
    Ok(folder)
}

/// Where pictures for people to look at go: `$SMARTPI_SCREENSHOTS`, else `target/screenshots`.
///
/// # Errors
/// A folder that cannot be made.
pub fn pictures() -> Result<PathBuf> {
    let Some(folder) = std::env::var_os("SMARTPI_SCREENSHOTS").map(PathBuf::from) else { return target_pictures() };
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn target_pictures() -> Result<PathBuf> {
    let folder = target_folder()?.join("screenshots");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::lab::Lab;
    use crate::page::PageServer;

    const LIMIT: Duration = Duration::from_secs(10);
    const PAGE: &str =
        "<!doctype html><meta name=viewport content='width=device-width,initial-scale=1'><p id=seen>你好</p>
        <input id=field><button id=go onclick='seen.textContent = field.value + innerWidth'>go</button>";

    fn rig_works(engine: Engine) {
        let lab = Lab::new();
        let listener = lab.computer.listen((Lab::COMPUTER, 8080).into()).unwrap();
        let server = PageServer::serve(listener, BTreeMap::from([("/", PAGE.to_owned())])).unwrap();
        let mut browser = Browser::open(engine, &lab.phone).unwrap();
        browser.go(&format!("http://{}/", server.address())).unwrap();
        assert_eq!(browser.text("#seen", LIMIT).unwrap(), "你好");
        assert_eq!(browser.value("isSecureContext").unwrap(), false);
        browser.session().type_into("#field", "词 ").unwrap();
        browser.session().click("#go").unwrap();
        assert_eq!(browser.text("#seen", LIMIT).unwrap(), "词 390");
        browser.session().script("nobody.knows()", &[]).unwrap_err();
        browser.wait_for("document.querySelector('#nobody')", Duration::from_millis(200)).unwrap_err();
        // A browser may hold a spare socket from before the cut, on which it would wait for long.
        let fetch = "return (await fetch('/', { signal: AbortSignal.timeout(2000) })).status";
        lab.cut();
        let fetched = browser.session().promise(fetch, &[]).unwrap();
        assert!(fetched["rejected"].is_string(), "the cable is cut, and yet: {fetched}");
        lab.heal();
        crate::wait::until(LIMIT, "the page again", || Ok(browser.session().promise(fetch, &[])? == 200)).unwrap();
        assert!(fs::read(browser.screenshot("rig").unwrap()).unwrap().starts_with(b"\x89PNG"));
        assert_eq!(server.asked()[0], "GET / HTTP/1.1");
    }

    #[test]
    fn chromium_opens_a_page_across_the_cable() {
        rig_works(Engine::Chromium);
    }

    #[test]
    fn webkit_opens_a_page_across_the_cable() {
        rig_works(Engine::WebKit);
    }
}
