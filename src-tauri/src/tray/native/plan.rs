//! What changes between the menu that is drawn and the one that shall be: pure, so that it is tested without a desktop.
//!
//! A line keeps its place in the system's menu as long as it means the same; a host then sees a changed word, not a new menu that closes under the pointer.

use std::collections::HashSet;

use desk::tray_menu::{TrayAction, TrayItem};

/// What makes a line the same line: also its id in the system's menu.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Slot(pub(super) String);

/// What to do to a menu, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    /// Take the line at this place away.
    Remove(usize),
    /// Put a new line at this place.
    Insert(usize, Slot, TrayItem),
    /// The line at this place says something else; a submenu's lines are edited by themselves.
    Update(usize, TrayItem),
}

/// The slots of one level, in order. Each is there once.
pub(super) fn slots(items: &[TrayItem]) -> Vec<Slot> {
    let mut taken = HashSet::new();
    let named = items.iter().map(|item| {
        let name = name(item);
        // Lines without a meaning of their own are told apart by their number.
        let slot = (0..).map(|n| if n == 0 { name.clone() } else { format!("{name}-{n}") });
        let mut free = slot.filter(|slot| !taken.contains(slot));
        let slot = free.next().expect("a number is free");
        taken.insert(slot.clone());
        Slot(slot)
    });
    named.collect()
}

/// What turns `drawn` (its lines and their slots) into `wanted`.
pub(super) fn edits(drawn: &[(Slot, TrayItem)], wanted: &[TrayItem]) -> Vec<Edit> {
    let slots = slots(wanted);
    let kept = longest_common(drawn, &slots);
    let mut edits = Vec::new();
    for at in (0..drawn.len()).rev() {
        if !kept.iter().any(|(old, _)| *old == at) {
            edits.push(Edit::Remove(at));
        }
    }
    for (at, (slot, item)) in slots.into_iter().zip(wanted).enumerate() {
        match kept.iter().find(|(_, new)| *new == at) {
            Some((old, _)) if drawn[*old].1 == *item => {}
            Some(_) => edits.push(Edit::Update(at, item.clone())),
            None => edits.push(Edit::Insert(at, slot, item.clone())),
        }
    }
    edits
}

/// The places (old, new) of the lines that stay: the most that keep their order. A slot names the shape, too.
fn longest_common(drawn: &[(Slot, TrayItem)], slots: &[Slot]) -> Vec<(usize, usize)> {
    let stays = |old: usize, new: usize| drawn[old].0 == slots[new];
    let mut longest = vec![vec![0_usize; slots.len() + 1]; drawn.len() + 1];
    for old in (0..drawn.len()).rev() {
        for new in (0..slots.len()).rev() {
            longest[old][new] = if stays(old, new) {
                longest[old + 1][new + 1] + 1
            } else {
                longest[old + 1][new].max(longest[old][new + 1])
            };
        }
    }
    let (mut old, mut new, mut kept) = (0, 0, Vec::new());
    while old < drawn.len() && new < slots.len() {
        if stays(old, new) {
            kept.push((old, new));
            (old, new) = (old + 1, new + 1);
        } else if longest[old + 1][new] >= longest[old][new + 1] {
            old += 1;
        } else {
            new += 1;
        }
    }
    kept
}

/// The shape and the meaning of a line: what a click on it does, without the direction it switches to.
fn name(item: &TrayItem) -> String {
    match item {
        TrayItem::Separator => "separator".to_owned(),
        TrayItem::Words(_) => "words".to_owned(),
        TrayItem::Button { action, .. } => format!("button:{}", meaning(action)),
        TrayItem::Check { action, .. } => format!("check:{}", meaning(action)),
        TrayItem::Submenu { id, .. } => format!("submenu:{id}"),
    }
}

fn meaning(action: &TrayAction) -> String {
    match action {
        // One line that changes its direction.
        TrayAction::StartService | TrayAction::StopService => "service".to_owned(),
        TrayAction::Bind => "bind".to_owned(),
        TrayAction::Welcome => "welcome".to_owned(),
        TrayAction::OpenDevice(key) => format!("open:{key}"),
        TrayAction::MuteDevice(key, _) => format!("mute:{key}"),
        TrayAction::TestDevice(key) => format!("test:{key}"),
        TrayAction::RemoveDevice(key) => format!("remove:{key}"),
        TrayAction::Devices => "devices".to_owned(),
        TrayAction::PhonePage => "phone".to_owned(),
        TrayAction::Activity => "activity".to_owned(),
        TrayAction::Health => "health".to_owned(),
        TrayAction::GatewayService(act) => format!("gateway:{act:?}"),
        TrayAction::Settings => "settings".to_owned(),
        TrayAction::Autostart(_) => "autostart".to_owned(),
        TrayAction::Quit => "quit".to_owned(),
    }
}

/// Words as a menu takes them: `&` would underline the next letter.
pub(super) fn escaped(words: &str) -> String {
    words.replace('&', "&&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn button(action: TrayAction, words: &str) -> TrayItem {
        TrayItem::Button { action, words: words.into() }
    }

    fn device(key: &str, words: &str) -> TrayItem {
        let items = vec![button(TrayAction::OpenDevice(key.into()), "Open")];
        TrayItem::Submenu { id: key.into(), words: words.into(), items }
    }

    fn drawn(items: &[TrayItem]) -> Vec<(Slot, TrayItem)> {
        slots(items).into_iter().zip(items.iter().cloned()).collect()
    }

    /// What a system's menu is after the edits.
    fn apply(mut menu: Vec<(Slot, TrayItem)>, edits: Vec<Edit>) -> Vec<(Slot, TrayItem)> {
        for edit in edits {
            match edit {
                Edit::Remove(at) => drop(menu.remove(at)),
                Edit::Insert(at, slot, item) => menu.insert(at, (slot, item)),
                Edit::Update(at, item) => menu[at].1 = item,
            }
        }
        menu
    }

    #[test]
    fn the_same_menu_needs_no_edit() {
        let menu = [TrayItem::Words("a".into()), TrayItem::Separator, device("k", "Phone"), TrayItem::Separator];
        assert_eq!(edits(&drawn(&menu), &menu), []);
    }

    #[test]
    fn a_word_changes_in_place_and_start_becomes_stop() {
        let before = [TrayItem::Words("Stopped".into()), button(TrayAction::StartService, "Start")];
        let after = [TrayItem::Words("Running".into()), button(TrayAction::StopService, "Stop")];
        let expected = [Edit::Update(0, after[0].clone()), Edit::Update(1, after[1].clone())];
        assert_eq!(edits(&drawn(&before), &after), expected);
    }

    #[test]
    fn a_new_device_is_put_where_it_belongs_and_the_others_stay() {
        let before = [device("a", "A"), device("c", "C")];
        let after = [device("a", "A"), device("b", "B"), device("c", "C")];
        assert_eq!(edits(&drawn(&before), &after), [Edit::Insert(1, Slot("submenu:b".into()), after[1].clone())]);
        assert_eq!(edits(&drawn(&after), &before), [Edit::Remove(1)]);
    }

    #[test]
    fn a_submenu_that_says_something_else_is_renamed() {
        let (before, after) = ([device("a", "A: online")], [device("a", "A: offline")]);
        assert_eq!(edits(&drawn(&before), &after), [Edit::Update(0, after[0].clone())]);
    }

    #[test]
    fn any_menu_becomes_any_other_and_every_slot_is_there_once() {
        let all = [
            TrayItem::Words("w".into()),
            TrayItem::Separator,
            device("a", "A"),
            device("b", "B"),
            TrayItem::Check { action: TrayAction::Autostart(true), words: "Login".into(), on: false },
            TrayItem::Separator,
            TrayItem::Words("v".into()),
            button(TrayAction::Quit, "Quit"),
        ];
        // Every choice of lines, forwards and backwards.
        let choices: Vec<Vec<TrayItem>> = (0..1_u32 << all.len())
            .step_by(5)
            .flat_map(|mask| {
                let some: Vec<_> =
                    all.iter().enumerate().filter(|(n, _)| mask >> n & 1 == 1).map(|(_, item)| item.clone()).collect();
                [some.iter().rev().cloned().collect(), some]
            })
            .collect();
        for before in &choices {
            for after in &choices {
                let menu = apply(drawn(before), edits(&drawn(before), after));
                assert_eq!(menu.iter().map(|(_, item)| item.clone()).collect::<Vec<_>>(), *after);
                let ids: HashSet<_> = menu.iter().map(|(slot, _)| slot).collect();
                assert_eq!(ids.len(), menu.len(), "{before:?} -> {after:?}");
            }
        }
    }

    #[test]
    fn words_are_shown_as_they_are() {
        assert_eq!(escaped("Tom & Li's _box"), "Tom && Li's _box");
    }
}
