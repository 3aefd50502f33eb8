//! The system's tray as it is drawn, and how it becomes what it shall be. Main thread only.

use std::collections::HashMap;

use desk::tray_menu::{TrayAction, TrayIcon as State, TrayItem, TrayMenu};
use tauri::image::Image;
use tauri::menu::{CheckMenuItem, IsMenuItem, Menu, MenuItem, PredefinedMenuItem, Submenu};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tauri::{AppHandle, Wry};

use crate::icon;
use crate::plan::{self, Edit, Slot, escaped};

/// What the system's tray calls ours; it remembers by it whether the person hid it.
const ID: &str = "smartpi";

/// The drawn tray.
pub(super) struct Drawn {
    app: AppHandle,
    icon: TrayIcon,
    menu: Menu<Wry>,
    lines: Vec<Line>,
    shown: (State, String),
}

/// A line of the system's menu.
struct Line {
    slot: Slot,
    item: TrayItem,
    handle: Handle,
}

enum Handle {
    Separator(PredefinedMenuItem<Wry>),
    Words(MenuItem<Wry>),
    Button(MenuItem<Wry>),
    Check(CheckMenuItem<Wry>),
    Submenu(Submenu<Wry>, Vec<Line>),
}

impl Handle {
    fn as_item(&self) -> &dyn IsMenuItem<Wry> {
        match self {
            Self::Separator(item) => item,
            Self::Words(item) | Self::Button(item) => item,
            Self::Check(item) => item,
            Self::Submenu(item, _) => item,
        }
    }
}

/// A menu whose lines can change: the first level, or a submenu.
trait Level {
    fn put(&self, item: &dyn IsMenuItem<Wry>, at: usize) -> tauri::Result<()>;
    fn take(&self, item: &dyn IsMenuItem<Wry>) -> tauri::Result<()>;
}

impl Level for Menu<Wry> {
    fn put(&self, item: &dyn IsMenuItem<Wry>, at: usize) -> tauri::Result<()> {
        self.insert(item, at)
    }
    fn take(&self, item: &dyn IsMenuItem<Wry>) -> tauri::Result<()> {
        self.remove(item)
    }
}

impl Level for Submenu<Wry> {
    fn put(&self, item: &dyn IsMenuItem<Wry>, at: usize) -> tauri::Result<()> {
        self.insert(item, at)
    }
    fn take(&self, item: &dyn IsMenuItem<Wry>) -> tauri::Result<()> {
        self.remove(item)
    }
}

impl Drawn {
    /// Draws the tray for the first time.
    pub(super) fn new(app: &AppHandle, wanted: &TrayMenu) -> tauri::Result<Self> {
        let menu = Menu::with_id(app, ID)?;
        let mut lines = Vec::new();
        draw(app, &menu, "", &mut lines, &wanted.items)?;
        let icon = TrayIconBuilder::with_id(ID)
            .icon(Image::from_bytes(icon::png(wanted.icon))?)
            .icon_as_template(cfg!(target_os = "macos"))
            .tooltip(&wanted.tooltip)
            // On macOS a click opens the menu, as of every other icon there; on Windows it opens the window.
            .show_menu_on_left_click(!cfg!(windows))
            .menu(&menu)
            .build(app)?;
        Ok(Self { app: app.clone(), icon, menu, lines, shown: (wanted.icon, wanted.tooltip.clone()) })
    }

    /// Changes what has changed.
    pub(super) fn update(&mut self, wanted: &TrayMenu) -> tauri::Result<()> {
        draw(&self.app, &self.menu, "", &mut self.lines, &wanted.items)?;
        if self.shown.0 != wanted.icon {
            let picture = Image::from_bytes(icon::png(wanted.icon))?;
            self.icon.set_icon_with_as_template(Some(picture), cfg!(target_os = "macos"))?;
            self.shown.0 = wanted.icon;
        }
        if self.shown.1 != wanted.tooltip {
            self.icon.set_tooltip(Some(&wanted.tooltip))?;
            self.shown.1.clone_from(&wanted.tooltip);
        }
        Ok(())
    }

    /// Puts every tick back to what is true: a system sets it by itself at a click, whatever the click leads to.
    pub(super) fn restore_ticks(&self) -> tauri::Result<()> {
        restore_ticks(&self.lines)
    }

    /// What a click on each line does, by the line's id.
    pub(super) fn actions(&self) -> HashMap<String, TrayAction> {
        let mut actions = HashMap::new();
        collect(&self.lines, &mut actions);
        actions
    }
}

fn draw(
    app: &AppHandle,
    level: &dyn Level,
    path: &str,
    lines: &mut Vec<Line>,
    wanted: &[TrayItem],
) -> tauri::Result<()> {
    let drawn: Vec<_> = lines.iter().map(|line| (line.slot.clone(), line.item.clone())).collect();
    for edit in plan::edits(&drawn, wanted) {
        match edit {
            Edit::Remove(at) => level.take(lines.remove(at).handle.as_item())?,
            Edit::Insert(at, slot, item) => {
                let line = Line::new(app, path, slot, item)?;
                level.put(line.handle.as_item(), at)?;
                lines.insert(at, line);
            }
            Edit::Update(at, item) => lines[at].update(app, path, item)?,
        }
    }
    Ok(())
}

impl Line {
    fn new(app: &AppHandle, path: &str, slot: Slot, item: TrayItem) -> tauri::Result<Self> {
        let id = format!("{path}{}", slot.0);
        let handle = match &item {
            TrayItem::Separator => Handle::Separator(PredefinedMenuItem::separator(app)?),
            TrayItem::Words(words) => Handle::Words(MenuItem::with_id(app, id, escaped(words), false, None::<&str>)?),
            TrayItem::Button { words, .. } => {
                Handle::Button(MenuItem::with_id(app, id, escaped(words), true, None::<&str>)?)
            }
            TrayItem::Check { words, on, .. } => {
                Handle::Check(CheckMenuItem::with_id(app, id, escaped(words), true, *on, None::<&str>)?)
            }
            TrayItem::Submenu { words, items, .. } => {
                let menu = Submenu::with_id(app, &id, escaped(words), true)?;
                let mut lines = Vec::new();
                draw(app, &menu, &format!("{id}/"), &mut lines, items)?;
                Handle::Submenu(menu, lines)
            }
        };
        Ok(Self { slot, item, handle })
    }

    /// The new item has the shape of the old one: the plan takes another for another line.
    fn update(&mut self, app: &AppHandle, path: &str, item: TrayItem) -> tauri::Result<()> {
        match (&mut self.handle, &item) {
            (Handle::Words(handle), TrayItem::Words(words))
            | (Handle::Button(handle), TrayItem::Button { words, .. }) => handle.set_text(escaped(words))?,
            (Handle::Check(handle), TrayItem::Check { words, on, .. }) => {
                handle.set_text(escaped(words))?;
                handle.set_checked(*on)?;
            }
            (Handle::Submenu(handle, lines), TrayItem::Submenu { words, items, .. }) => {
                handle.set_text(escaped(words))?;
                let handle = handle.clone();
                draw(app, &handle, &format!("{path}{}/", self.slot.0), lines, items)?;
            }
            (
                Handle::Separator(_) | Handle::Words(_) | Handle::Button(_) | Handle::Check(_) | Handle::Submenu(..),
                _,
            ) => {}
        }
        self.item = item;
        Ok(())
    }

    fn id(&self) -> String {
        self.handle.as_item().id().0.clone()
    }
}

fn restore_ticks(lines: &[Line]) -> tauri::Result<()> {
    for line in lines {
        match (&line.handle, &line.item) {
            (Handle::Check(handle), TrayItem::Check { on, .. }) => handle.set_checked(*on)?,
            (Handle::Submenu(_, lines), _) => restore_ticks(lines)?,
            (Handle::Separator(_) | Handle::Words(_) | Handle::Button(_) | Handle::Check(_), _) => {}
        }
    }
    Ok(())
}

fn collect(lines: &[Line], actions: &mut HashMap<String, TrayAction>) {
    for line in lines {
        match (&line.handle, &line.item) {
            (Handle::Submenu(_, lines), _) => collect(lines, actions),
            (_, TrayItem::Button { action, .. } | TrayItem::Check { action, .. }) => {
                actions.insert(line.id(), action.clone());
            }
            (_, TrayItem::Separator | TrayItem::Words(_) | TrayItem::Submenu { .. }) => {}
        }
    }
}
