//! T13 of docs/THREATS.md: a plugin that proved the link key and then keeps no rule. What it may do is the service's to say, frame by frame.

use std::cell::Cell;

use super::replies;
use super::rig::Rig;
use crate::hub::LINK_WINDOW;
use crate::wire::upstream::{FromPlugin, Outcome, ToPlugin};
use crate::wire::{self, Code};

/// What the hub looks at before it believes a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// Whether the frame comes from the link that is the link now.
    Link,
    /// Whether the words fit into a device's frame.
    Size,
    /// How many turns it has that it did not accept.
    Window,
}

thread_local! {
    static UNCHECKED: Cell<Option<Check>> = const { Cell::new(None) };
}

/// Whether this is not looked at: what the product must never do.
pub(crate) fn unchecked(check: Check) -> bool {
    UNCHECKED.get() == Some(check)
}

/// Everything that it tries; the first thing that it gets.
fn attack() -> Result<(), String> {
    let held = |holds: bool, what: &str| if holds { Ok(()) } else { Err(what.to_owned()) };
    let mut rig = Rig::new();
    let (mine, other) = (rig.bound_device(1), rig.bound_device(2));
    rig.link();
    let first = rig.link_session();
    rig.say(&mine, 1, "one");
    let turn = rig.turn(&mine, 1);
    rig.link();
    rig.device_frames(&mine);
    rig.plugin_frames();

    // The link that was replaced goes on talking.
    let reply = |rid: &str, turn: &str, text: &str| {
        let (rid, turn, text) = (rid.to_owned(), turn.to_owned(), text.to_owned());
        FromPlugin::Reply { rid, turn, text, error: false }
    };
    rig.plugin_on(first, reply("old", &turn, "words of the old one"));
    let (outcome, code, detail) = (Outcome::Aborted, None, None);
    rig.plugin_on(first, FromPlugin::Done { rid: "end".into(), turn: turn.clone(), outcome, code, detail });
    rig.plugin_on(first, FromPlugin::Accepted { turn: turn.clone() });
    held(rig.device_frames(&mine).is_empty(), "a link that was replaced is believed")?;

    // Words that no device can take.
    for (rid, text) in [("long", "x".repeat(wire::TEXT + 1)), ("wide", "\u{1}".repeat(wire::TEXT))] {
        rig.push(&mine, rid, &text);
        let refused = [ToPlugin::Refused { rid: rid.into(), code: Code::TooLong }];
        held(rig.plugin_frames() == refused, "words that do not fit are taken")?;
        held(replies(&rig.device_frames(&mine)).is_empty(), "words that do not fit are sent")?;
    }

    // Turns and devices that are not there; an id that was used, for somebody else.
    for (rid, turn) in [("t1", rig.turn(&other, 9)), ("t2", rig.turn(&rig.key(77), 1)), ("t3", "nonsense".into())] {
        rig.plugin(reply(rid, &turn, "words"));
        rig.plugin(FromPlugin::Partial { turn: turn.clone(), text: "words".into() });
        rig.plugin(FromPlugin::Accepted { turn });
    }
    rig.push(&mine, "once", "first");
    rig.push(&other, "once", "again, to another one");
    held(replies(&rig.device_frames(&other)).is_empty(), "a device hears what is not its own")?;
    let heard = replies(&rig.device_frames(&mine));
    held(heard.len() == 1 && heard[0].1 == "first", "a device hears what is not its own")?;

    // It takes turns and accepts none.
    let crowd: Vec<_> = (10..).take(LINK_WINDOW + 3).map(|seed| rig.bound_device(seed)).collect();
    crowd.iter().for_each(|device| rig.say(device, 1, "words"));
    let given = rig.plugin_frames().iter().filter(|frame| matches!(frame, ToPlugin::Deliver { .. })).count();
    held(given < LINK_WINDOW, "it is given more than its window")?;
    held(rig.is_linked(), "it was sent away, and tried nothing")
}

#[test]
fn a_plugin_that_keeps_no_rule_gets_nothing() {
    assert_eq!(attack(), Ok(()));
}

/// The twins that must fail: a hub that leaves one check out.
#[test]
fn a_hub_that_leaves_a_check_out_is_caught() {
    for (check, caught) in [
        (Check::Link, "a link that was replaced is believed"),
        (Check::Size, "words that do not fit are taken"),
        (Check::Window, "it is given more than its window"),
    ] {
        UNCHECKED.set(Some(check));
        let outcome = attack();
        UNCHECKED.set(None);
        assert_eq!(outcome, Err(caught.to_owned()), "{check:?}");
    }
}
