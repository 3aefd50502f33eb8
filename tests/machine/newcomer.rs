//! Somebody who has never heard of SmartPi, at a clean Debian 12 with a panel and a phone in the hand: from the file they fetched to an answer, without a terminal.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use image::RgbImage;
use support::browser::{Engine, pictures};
use support::lab::Lab;
use support::machine::Machine;
use support::phone::Phone;
use support::{qr, wait};

use crate::owner::Owner;
use crate::package::{Packages, done, install};
use crate::stage::SOON;

const PATIENCE: Duration = Duration::from_secs(180);
/// Places in the panel's menu.
const MENU: (u32, u32) = (40, 16);
const ACCESSORIES: (u32, u32) = (45, 77);
const ENTRY: (u32, u32) = (145, 77);
/// The colour of the button that is meant to be pressed.
const ACCENT: [u8; 3] = [0x2f, 0x5b, 0xd0];
const WORDS: &str = "Is the kettle on?";

pub(crate) fn talks_in_three_minutes() -> Result<()> {
    let lab = Lab::new();
    let packages = Packages::make(&["0.1.0"])?;
    let machine = Machine::clean(&lab.computer)?;
    let owner = Owner::sits_at(&machine)?;
    let began = Instant::now();
    done(&install(&machine, &packages.of("0.1.0")?)?)?;
    owner.clicks(MENU)?;
    owner.sees()?;
    owner.clicks(ACCESSORIES)?;
    let menu = owner.sees()?;
    ensure!(button(&menu)?.is_none(), "a screen without our window shows a button of ours");
    keep("1-menu", &menu)?;
    owner.clicks(ENTRY)?;
    owner.until_in_panel()?;
    let hello = presses(&owner, None, "2-welcome")?;
    let echo = presses(&owner, Some(hello), "3-echo")?;
    presses(&owner, Some(echo), "4-network")?;

    let mut url = None;
    wait::until(SOON, "a code on the screen", || {
        // Its ring moves.
        let seen = owner.looks()?;
        url = qr::read_png(&seen).ok();
        keep("5-code", &seen)?;
        Ok(url.as_ref().is_some_and(|url| url.starts_with("http://192.168.77.1:8765/b#")))
    })?;
    let mut phone = Phone::open(Engine::Chromium, &lab.phone)?;
    phone.scan(&url.context("just read")?)?;
    phone.agree()?;
    let digits = phone.code()?;
    keep("6-digits", &phone.browser().session().screenshot()?)?;
    wait::until(SOON, "the question for the digits", || {
        let asked = machine.smartpi(&["status"])?;
        Ok(asked["pending"].as_array().is_some_and(|all| !all.is_empty()) && qr::read_png(&owner.looks()?).is_err())
    })?;
    owner.sees()?;
    owner.types(&digits)?;
    presses(&owner, None, "7-question")?;
    phone.until_connection("connected")?;
    phone.say(WORDS)?;
    phone.until_answer(&format!("Echo agent (no AI): {WORDS}"))?;
    let took = began.elapsed();
    keep("8-answer", &phone.browser().session().screenshot()?)?;
    #[allow(clippy::print_stdout, reason = "this is what is measured")]
    {
        println!("from the package to an answer: {} s", took.as_secs());
    }
    ensure!(took < PATIENCE, "it took {took:?}");
    Ok(())
}

/// Waits for the coloured button that is elsewhere than the last one, photographs it and presses it.
fn presses(owner: &Owner<'_>, last: Option<(u32, u32)>, name: &str) -> Result<(u32, u32)> {
    let mut place = None;
    wait::until(SOON, name, || {
        let seen = owner.sees()?;
        place = button(&seen)?.filter(|place| Some(*place) != last);
        if place.is_some() {
            keep(name, &seen)?;
        }
        Ok(place.is_some())
    })?;
    let place = place.context("just found")?;
    owner.clicks(place)?;
    Ok(place)
}

fn keep(name: &str, png: &[u8]) -> Result<()> {
    Ok(fs::write(pictures()?.join(format!("newcomer-{name}.png")), png)?)
}

/// The middle of the widest thing in that colour; a button is wider than our icon.
fn button(png: &[u8]) -> Result<Option<(u32, u32)>> {
    const WIDTH: u32 = 90;
    let seen: RgbImage = image::load_from_memory(png)?.into_rgb8();
    let is_accent = |x: u32, y: u32| seen.get_pixel(x, y).0 == ACCENT;
    let mut widest = (0, 0, 0);
    for y in 0..seen.height() {
        let mut run = 0;
        for x in 0..seen.width() {
            run = if is_accent(x, y) { run + 1 } else { 0 };
            if run > widest.0 {
                widest = (run, x, y);
            }
        }
    }
    let (width, right, top) = widest;
    let left = right.saturating_sub(width) + 6;
    let height = (top..seen.height()).take_while(|y| is_accent(left, *y)).count();
    let height = u32::try_from(height)?;
    Ok((width >= WIDTH).then_some((right - width / 2, top + height / 2)))
}
