//! The devices in the tray's menu.

use jiff::Zoned;

use super::{TrayAction, TrayItem, button};
use crate::control::answer::DeviceState;
use crate::language::Language;
use crate::view::DeviceView;
use crate::words::{comma, moment, name, tray as words};

/// How many devices the menu lists.
pub(super) const LISTED: usize = 20;

pub(super) fn submenu(devices: &[DeviceView], language: Language, now: &Zoned) -> TrayItem {
    let mut items: Vec<TrayItem> = devices.iter().take(LISTED).map(|device| of_device(device, language, now)).collect();
    if devices.is_empty() {
        items.push(TrayItem::Words(words::no_devices(language)));
    }
    if devices.len() > LISTED {
        items.extend([TrayItem::Separator, button(TrayAction::Devices, words::more(language))]);
    }
    TrayItem::Submenu { id: "devices".into(), words: words::devices(language), items }
}

fn of_device(device: &DeviceView, language: Language, now: &Zoned) -> TrayItem {
    let key = || device.device_key.clone();
    let mut items = vec![TrayItem::Words(in_full(device, language, now))];
    items.extend(waiting(device, language).map(TrayItem::Words));
    items.extend([
        TrayItem::Separator,
        button(TrayAction::OpenDevice(key()), words::open(language)),
        TrayItem::Check {
            action: TrayAction::MuteDevice(key(), !device.muted),
            words: words::mute(language),
            on: device.muted,
        },
        button(TrayAction::TestDevice(key()), words::test(language)),
        TrayItem::Separator,
        button(TrayAction::RemoveDevice(key()), words::remove(language)),
    ]);
    TrayItem::Submenu {
        id: format!("device:{}", device.device_key),
        words: words::device(language, name(language, &device.name), in_short(device, language, now)),
        items,
    }
}

/// "offline since 14:02, 3 messages wait"
fn in_short(device: &DeviceView, language: Language, now: &Zoned) -> String {
    let state = match device.state {
        DeviceState::Online | DeviceState::Unsure if device.talking => words::talking(language),
        DeviceState::Online => words::online(language),
        DeviceState::Unsure => words::unsure(language),
        DeviceState::Offline if device.since_ms == 0 => words::never(language),
        DeviceState::Offline => words::offline(language, moment::since(language, device.since_ms, now)),
    };
    match waiting(device, language) {
        Some(waiting) => [state, waiting].join(&comma(language)),
        None => state,
    }
}

fn in_full(device: &DeviceView, language: Language, now: &Zoned) -> String {
    let since = || moment::since(language, device.since_ms, now);
    match device.state {
        DeviceState::Online => words::online_since(language, since()),
        DeviceState::Unsure => words::unsure_since(language, moment::moment(language, device.last_seen_ms, now)),
        DeviceState::Offline if device.since_ms == 0 => words::never_connected(language),
        DeviceState::Offline => words::offline_since(language, since()),
    }
}

fn waiting(device: &DeviceView, language: Language) -> Option<String> {
    match device.waiting {
        0 => None,
        1 => Some(words::waits(language)),
        many => Some(words::wait(language, many)),
    }
}
