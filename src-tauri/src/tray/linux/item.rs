//! The item in the tray: a StatusNotifierItem with its menu, as data. Hosts draw it; nothing of a toolkit is loaded here.

use std::sync::Arc;

use desk::controller::ToController;
use desk::tray_menu::{TrayAction, TrayIcon, TrayItem, TrayMenu};
use ksni::menu::{CheckmarkItem, StandardItem, SubMenu};
use ksni::{Icon, MenuItem, ToolTip, Tray, TrayMethods};
use tokio::sync::{Notify, watch};

use crate::desktop::Stage;
use crate::icon;

/// What the tray shows, and whom it tells of clicks.
struct Item {
    stage: Stage,
    menu: TrayMenu,
}

/// Shows each menu that comes until it is over. Where there is no session bus it only waits.
pub(super) async fn show(stage: Stage, to_show: watch::Receiver<Option<TrayMenu>>, over: Arc<Notify>) {
    tokio::select! {
        () = keep_shown(stage, to_show) => {}
        () = over.notified() => {}
    }
}

async fn keep_shown(stage: Stage, mut to_show: watch::Receiver<Option<TrayMenu>>) {
    let Some(menu) = next(&mut to_show).await else { return };
    // A panel may come after us.
    match (Item { stage, menu }).assume_sni_available(true).spawn().await {
        Ok(item) => {
            while let Some(menu) = next(&mut to_show).await {
                item.update(|item| item.menu = menu).await;
            }
        }
        Err(error) => {
            tracing::warn!(%error, "there is no tray");
            std::future::pending().await
        }
    }
}

/// The newest menu, once it is another one. `None`: nobody has more to show.
async fn next(to_show: &mut watch::Receiver<Option<TrayMenu>>) -> Option<TrayMenu> {
    loop {
        to_show.changed().await.ok()?;
        if let Some(menu) = to_show.borrow_and_update().clone() {
            return Some(menu);
        }
    }
}

impl Tray for Item {
    /// A click opens the menu, as of every other icon there.
    const MENU_ON_ACTIVATE: bool = true;

    fn id(&self) -> String {
        "smartpi".into()
    }

    fn title(&self) -> String {
        "SmartPi".into()
    }

    fn icon_pixmap(&self) -> Vec<Icon> {
        vec![picture(self.menu.icon)]
    }

    fn tool_tip(&self) -> ToolTip {
        ToolTip { title: self.menu.tooltip.clone(), ..ToolTip::default() }
    }

    fn menu(&self) -> Vec<MenuItem<Self>> {
        lines(&self.menu.items)
    }
}

fn lines(items: &[TrayItem]) -> Vec<MenuItem<Item>> {
    items.iter().map(line).collect()
}

fn line(item: &TrayItem) -> MenuItem<Item> {
    match item {
        TrayItem::Separator => MenuItem::Separator,
        TrayItem::Words(words) => {
            StandardItem { label: escaped(words), enabled: false, ..StandardItem::default() }.into()
        }
        TrayItem::Button { action, words } => {
            StandardItem { label: escaped(words), activate: clicked(action), ..StandardItem::default() }.into()
        }
        TrayItem::Check { action, words, on } => {
            CheckmarkItem { label: escaped(words), checked: *on, activate: clicked(action), ..CheckmarkItem::default() }
                .into()
        }
        TrayItem::Submenu { id: _, words, items } => {
            SubMenu { label: escaped(words), submenu: lines(items), ..SubMenu::default() }.into()
        }
    }
}

fn clicked(action: &TrayAction) -> Box<dyn Fn(&mut Item) + Send> {
    let action = action.clone();
    Box::new(move |item| item.stage.tell(ToController::Clicked(action.clone())))
}

/// Words as a menu takes them: a single `_` would underline the next letter.
fn escaped(words: &str) -> String {
    words.replace('_', "__")
}

/// The picture as the bus carries it: ARGB, rows from the top.
fn picture(state: TrayIcon) -> Icon {
    let mut picture = image::load_from_memory_with_format(icon::png(state), image::ImageFormat::Png)
        .expect("a test decodes every picture that is built in")
        .into_rgba8();
    for pixel in picture.pixels_mut() {
        pixel.0.rotate_right(1);
    }
    let size = |pixels: u32| i32::try_from(pixels).expect("some dozen pixels");
    Icon { width: size(picture.width()), height: size(picture.height()), data: picture.into_raw() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_a_picture_of_its_own_carried_alpha_first() {
        let states = [TrayIcon::Stopped, TrayIcon::Running, TrayIcon::Talking, TrayIcon::Attention];
        assert!((0..4).all(|n| states[..n].iter().all(|other| picture(*other).data != picture(states[n]).data)));
        for state in states {
            let carried = picture(state);
            let drawn = image::load_from_memory(icon::png(state)).unwrap().into_rgba8();
            assert_eq!((carried.width, carried.height), (44, 44));
            for (argb, rgba) in carried.data.chunks_exact(4).zip(drawn.pixels()) {
                assert_eq!([argb[1], argb[2], argb[3], argb[0]], rgba.0);
            }
        }
    }

    #[test]
    fn no_letter_of_a_name_is_underlined() {
        assert_eq!(escaped("my_lamp & co"), "my__lamp & co");
    }
}
