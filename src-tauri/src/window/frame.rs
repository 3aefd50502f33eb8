//! The window itself: how large it is, when it is shown, and what it may show.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tauri::webview::{NewWindowResponse, PageLoadEvent};
use tauri::window::Color;
use tauri::{AppHandle, Manager, Theme, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder, WindowEvent};

/// Its one name: the capability grants the commands to it alone.
const MAIN: &str = "main";
/// How long a page that has loaded may take to say that it has painted. A page that is broken is shown as it is.
const PAINT: Duration = Duration::from_secs(3);
/// The page's ground.
const LIGHT: Color = Color(0xf5, 0xf6, 0xf8, 0xff);
/// The same on a dark desktop.
const DARK: Color = Color(0x10, 0x13, 0x18, 0xff);
/// Without the entry fields a menu of "Reload" and "Back" makes no sense.
const NO_MENU: &str = "addEventListener('contextmenu',e=>{if(!e.target.closest?.('input,textarea,[data-selectable]'))e.preventDefault()})";

/// A size in logical pixels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Size {
    width: f64,
    height: f64,
}

impl Size {
    const FIRST: Self = Self { width: 900.0, height: 640.0 };
    const LEAST: Self = Self { width: 360.0, height: 480.0 };

    /// The last size; what no screen can hold, and what cannot be read, is forgotten.
    fn load(file: &Path) -> Self {
        let read = std::fs::read(file).ok().and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        read.filter(Self::is_sane).unwrap_or(Self::FIRST)
    }

    fn is_sane(&self) -> bool {
        let between = |value: f64, least: f64| (least..=16_000.0).contains(&value);
        between(self.width, Self::LEAST.width) && between(self.height, Self::LEAST.height)
    }
}

/// Makes the window; it stays hidden until its page has painted. `file` keeps its size.
pub(super) fn open(app: &AppHandle, file: PathBuf) -> tauri::Result<()> {
    let size = Size::load(&file);
    let mut builder = WebviewWindowBuilder::new(app, MAIN, WebviewUrl::App("index.html".into()))
        .title("SmartPi")
        .inner_size(size.width, size.height)
        .min_inner_size(Size::LEAST.width, Size::LEAST.height)
        .visible(false)
        .incognito(!is_driven())
        .devtools(cfg!(debug_assertions))
        .on_navigation(is_ours)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .on_page_load(|window, load| {
            if load.event() == PageLoadEvent::Finished {
                tauri::async_runtime::spawn(async move {
                    tokio::time::sleep(PAINT).await;
                    present(&window);
                });
            }
        });
    if !cfg!(debug_assertions) {
        builder = builder.initialization_script(NO_MENU);
    }
    let window = builder.build()?;
    remember_size(&window, file);
    Ok(())
}

/// Whether a WebDriver holds this process: it can only hold a webview of the shared context, and one that keeps nothing has a context of its own.
fn is_driven() -> bool {
    std::env::var("TAURI_WEBVIEW_AUTOMATION").as_deref() == Ok("true")
}

/// Shows the window, where it is not shown yet.
pub(super) fn present(window: &WebviewWindow) {
    if !window.is_visible().unwrap_or(false) {
        // What fails here fails because the window is gone. No web view paints before it is shown: until it has, its ground is there.
        let dark = matches!(window.theme(), Ok(Theme::Dark));
        let _ = window.set_background_color(Some(if dark { DARK } else { LIGHT }));
        let _ = window.show();
        let _ = window.set_focus();
    }
}

/// Brings a window that is shown to the front.
pub(super) fn to_front(app: &AppHandle) {
    let Some(window) = app.get_webview_window(MAIN) else { return };
    if window.is_visible().unwrap_or(false) {
        // What fails here fails because the window is gone.
        let _ = window.unminimize();
        let _ = window.set_focus();
    }
}

fn remember_size(window: &WebviewWindow, file: PathBuf) {
    let of = window.clone();
    window.on_window_event(move |event| {
        if !matches!(event, WindowEvent::CloseRequested { .. }) || of.is_maximized().unwrap_or(true) {
            return;
        }
        if let (Ok(size), Ok(scale)) = (of.inner_size(), of.scale_factor()) {
            let size = size.to_logical::<f64>(scale);
            let size = Size { width: size.width, height: size.height };
            // A size that is not remembered is no trouble worth telling.
            let _ = serde_json::to_vec(&size).map(|bytes| std::fs::write(&file, bytes));
        }
    });
}

/// Whether a URL is of the files that this binary carries.
fn is_ours(url: &Url) -> bool {
    match url.scheme() {
        "tauri" => url.host_str() == Some("localhost"),
        // How the same files are reached on Windows.
        "http" | "https" => cfg!(windows) && url.host_str() == Some("tauri.localhost"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_goes_nowhere_else() {
        let ours = |url: &str| is_ours(&Url::parse(url).unwrap());
        assert!(ours("tauri://localhost/index.html"));
        assert_eq!(ours("http://tauri.localhost/index.html"), cfg!(windows));
        for url in [
            "https://example.org/",
            "http://127.0.0.1:8765/",
            "tauri://evil/",
            "file:///etc/passwd",
            "data:text/html,x",
            "about:blank",
            "javascript:1",
        ] {
            assert!(!ours(url), "{url}");
        }
    }

    #[test]
    fn the_ground_before_the_page_is_the_ground_of_the_page() {
        let page = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/ui/src/styles/tone.css"));
        let grounds: Vec<_> = page.lines().filter_map(|line| line.trim().strip_prefix("--ground: ")).collect();
        let written = |Color(red, green, blue, _)| format!("#{red:02x}{green:02x}{blue:02x};");
        assert_eq!(grounds, [written(LIGHT), written(DARK)]);
    }

    #[test]
    fn a_size_is_remembered_and_nonsense_is_not() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("window.json");
        assert_eq!(Size::load(&file), Size::FIRST);
        for (text, size) in [
            (r#"{"width":500,"height":700}"#, Size { width: 500.0, height: 700.0 }),
            (r#"{"width":1,"height":700}"#, Size::FIRST),
            (r#"{"width":1e9,"height":700}"#, Size::FIRST),
            ("x", Size::FIRST),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(Size::load(&file), size, "{text}");
        }
    }
}
