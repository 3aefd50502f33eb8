//! Opening a page in the browser and a folder in the file manager: the system decides with what.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, Stdio};

use desk::failure::{Failure, FailureCode};
use url::Url;

/// Opens a web page. Nothing else is ever handed to the system: other schemes start programs.
///
/// # Errors
/// [`FailureCode::BadRequest`] for what is no web page, [`FailureCode::NotOpened`] where the system has nothing to open it with.
pub fn page(url: &str) -> Result<(), Failure> {
    let url = web_page(url).ok_or_else(|| Failure::bare(FailureCode::BadRequest))?;
    start(url.as_str())
}

/// Opens a folder.
///
/// # Errors
/// [`FailureCode::NotOpened`].
pub fn folder(folder: &Path) -> Result<(), Failure> {
    start(folder.as_os_str())
}

/// Opens a package that was found to be ours: the system's installer shows it, or it is one itself.
///
/// # Errors
/// As [`folder`].
pub fn package(file: &Path) -> Result<(), Failure> {
    start(file.as_os_str())
}

fn start(what: impl AsRef<OsStr>) -> Result<(), Failure> {
    let mut tried: std::io::Result<Child> = Err(std::io::ErrorKind::NotFound.into());
    let mut openers = open::commands(what).into_iter();
    while let (Err(_), Some(mut opener)) = (&tried, openers.next()) {
        tried = opener.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    }
    let mut opener = tried.map_err(|error| Failure::caused(FailureCode::NotOpened, &error))?;
    // Some wait as long as the browser lives.
    let waiting = std::thread::Builder::new().name("smartpi-open".to_owned()).spawn(move || opener.wait());
    waiting.map(drop).map_err(|error| Failure::caused(FailureCode::NotStarted, &error))
}

fn web_page(url: &str) -> Option<Url> {
    let url = Url::parse(url).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.host().is_some() && url.username().is_empty()).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_pages_are_opened_and_nothing_else() {
        for url in ["http://127.0.0.1:8765/", "https://example.org/a?b#c", "http://[::1]:8765/"] {
            assert_eq!(web_page(url).unwrap().as_str(), url);
        }
        for url in [
            "",
            "smartpi",
            "/etc/passwd",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "mailto:a@b.c",
            "smb://host/share",
            "http://",
            "http://user:pass@host/",
            "-version",
            "vbscript:x",
        ] {
            assert_eq!(web_page(url), None, "{url}");
        }
    }
}
