//! The tray as data: what its icon shows and what its menu says. The shell draws it and decides nothing.

use jiff::Zoned;

use crate::language::Language;
use crate::state::State;
use crate::words;

/// The whole tray.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrayMenu {
    /// State of the service.
    pub icon: TrayIcon,
    /// The first line of the menu once more, for systems that show a tooltip.
    pub tooltip: String,
    /// From top to bottom.
    pub items: Vec<TrayItem>,
}

/// What the icon shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrayIcon {
    /// The service is stopped.
    Stopped,
    /// It runs.
    Running,
    /// A device is being answered.
    Talking,
    /// Something needs the person.
    Attention,
}

/// One line of the menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrayItem {
    /// A line between groups.
    Separator,
    /// Words that cannot be clicked.
    Words(String),
    /// Can be clicked.
    Button {
        /// What it does.
        action: TrayAction,
        /// What it says.
        words: String,
    },
    /// On or off.
    Check {
        /// What a click does.
        action: TrayAction,
        /// What it says.
        words: String,
        /// Whether it is on.
        on: bool,
    },
    /// Opens more lines.
    Submenu {
        /// What stays the same while words and lines change.
        id: String,
        /// What it says.
        words: String,
        /// Its lines.
        items: Vec<TrayItem>,
    },
}

/// What a click in the tray asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TrayAction {
    /// Start the service.
    StartService,
    /// Stop it, and keep it stopped.
    StopService,
    /// Open the window to bind a device.
    Bind,
    /// Open the window at a device.
    OpenDevice(String),
    /// Tell (or do not tell) its coming and going.
    MuteDevice(String, bool),
    /// Send it a short test message.
    TestDevice(String),
    /// Open the window and ask whether to remove it.
    RemoveDevice(String),
    /// Open the devices page.
    Devices,
    /// Open the phone page in the browser.
    PhonePage,
    /// Open the activity page.
    Activity,
    /// Open the settings page.
    Settings,
    /// Open the first-run pages, which connect the assistant.
    Welcome,
    /// Start the program at login, or not.
    Autostart(bool),
    /// End the program.
    Quit,
}

/// The tray for this state. `now` carries the person's time zone: ages are said as times of day.
///
/// Words hold names that people gave: a shell whose system reads `_` or `&` as a mnemonic escapes them.
pub fn tray_menu(state: &State, now: &Zoned) -> TrayMenu {
    let _ = now;
    let language = Language::from(state.shown.app.language);
    let first = words::tray::quit(language);
    TrayMenu {
        icon: TrayIcon::Running,
        tooltip: first.clone(),
        items: vec![TrayItem::Button { action: TrayAction::Quit, words: first }],
    }
}

/// When the words of the tray change although nothing happened: at the next midnight, ms since 1970. Redraw then.
pub fn stale_at_ms(now: &Zoned) -> i64 {
    now.tomorrow().and_then(|day| day.start_of_day()).map_or(i64::MAX, |day| day.timestamp().as_millisecond())
}
