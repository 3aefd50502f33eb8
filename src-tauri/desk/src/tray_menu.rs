//! The tray as data: what its icon shows and what its menu says. The shell draws it and decides nothing.
//!
//! Words hold names that people gave: a shell whose system reads `_` or `&` as a mnemonic escapes them.

mod devices;
mod gateway;
#[cfg(test)]
pub(crate) mod sample;
mod status;
#[cfg(test)]
mod tests;

use care::supervision::ServiceAct;
use channel::wire::device::Confirm;
use jiff::Zoned;

use crate::control::answer::{DeviceState, PendingClaim};
use crate::language::Language;
use crate::state::State;
use crate::view::{DeviceView, Phase};
use crate::words::{name, tray as words};

/// The whole tray.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrayMenu {
    /// State of the service.
    pub icon: TrayIcon,
    /// The product's name and the first line of the menu, for systems that show a tooltip.
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
    /// Open the page that says whether everything works, and what is wrong.
    Health,
    /// Open the window and ask whether the service that runs OpenClaw shall do this.
    GatewayService(ServiceAct),
    /// Open the settings page.
    Settings,
    /// Open the first-run pages, which connect the assistant.
    Welcome,
    /// Start the program at login, or not.
    Autostart(bool),
    /// End the program.
    Quit,
}

/// The tray for this state. `now` carries the person's time zone: ages are said as times of day, so that the words hold until [`stale_at_ms`].
pub fn tray_menu(state: &State, now: &Zoned) -> TrayMenu {
    let view = &state.shown;
    let language = view.app.language;
    let first = status::first_line(view, language, now);
    let mut items = vec![TrayItem::Words(first.clone())];
    items.extend(status::more_lines(view, language, now));
    items.extend([TrayItem::Separator, start_or_stop(view.service.phase, language), TrayItem::Separator]);
    items.push(button(TrayAction::Bind, bind_words(&view.pending, language)));
    items.push(devices::submenu(&view.devices, language, now));
    items.push(match view.service.phase {
        Phase::Running => button(TrayAction::PhonePage, words::phone_page(language)),
        Phase::Stopped | Phase::Starting | Phase::Stopping | Phase::Failed => {
            TrayItem::Words(words::phone_page(language))
        }
    });
    items.push(TrayItem::Separator);
    items.push(button(TrayAction::Activity, words::activity(language)));
    items.push(button(TrayAction::Health, status::health_line(view, language)));
    items.extend(view.care.service.as_ref().map(|service| gateway::submenu(service, view.care.acting, language)));
    if let Some(newer) = view.release.as_ref().and_then(|release| release.newer.as_ref()) {
        items.push(button(TrayAction::Settings, words::new_release(language, &newer.version)));
    }
    items.push(button(TrayAction::Settings, words::settings(language)));
    items.extend(view.app.autostart.map(|on| TrayItem::Check {
        action: TrayAction::Autostart(!on),
        words: words::autostart(language),
        on,
    }));
    items.extend([TrayItem::Separator, button(TrayAction::Quit, quit_words(&view.devices, language))]);
    TrayMenu { icon: status::icon(view), tooltip: words::tooltip(language, first), items }
}

/// When the words of the tray change although nothing happened: at the next midnight, ms since 1970. Redraw then.
pub fn stale_at_ms(now: &Zoned) -> i64 {
    now.tomorrow().and_then(|day| day.start_of_day()).map_or(i64::MAX, |day| day.timestamp().as_millisecond())
}

fn button(action: TrayAction, words: String) -> TrayItem {
    TrayItem::Button { action, words }
}

fn start_or_stop(phase: Phase, language: Language) -> TrayItem {
    match phase {
        Phase::Running | Phase::Starting => button(TrayAction::StopService, words::stop(language)),
        Phase::Stopped | Phase::Failed => button(TrayAction::StartService, words::start(language)),
        // It cannot be started before it has said goodbye.
        Phase::Stopping => TrayItem::Words(words::start(language)),
    }
}

fn bind_words(pending: &[PendingClaim], language: Language) -> String {
    match pending {
        [] => words::bind(language),
        [one] => match one.how {
            Confirm::Code => words::bind_code(language, name(language, &one.name)),
            Confirm::Allow => words::bind_allow(language, name(language, &one.name)),
        },
        many => words::bind_many(language, many.len()),
    }
}

fn quit_words(devices: &[DeviceView], language: Language) -> String {
    match devices.iter().filter(|device| device.state != DeviceState::Offline).count() {
        0 => words::quit(language),
        1 => words::quit_one(language),
        many => words::quit_many(language, many),
    }
}
