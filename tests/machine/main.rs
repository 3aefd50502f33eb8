//! Stories on a booted machine: real systemd, a real user with a manager of its own, the real OpenClaw installed as its own service, and SmartPi beside it.
//!
//! One boot each, in the order in which a machine would see it. In every story SmartPi says what is wrong and which process or service it is, a person
//! reads the plan and agrees to it, and one healthy gateway is there that lets us in. At a terminal the person runs our command line; at a desk they have the
//! real tray app, its window and a device, which must be answered afterwards. A story that names another process or service fails.

mod choices;
mod desk;
mod device;
mod failures;
mod lifecycle;
mod newcomer;
mod orders;
mod owner;
mod package;
mod person;
mod services;
mod shared;
mod stage;
mod strays;
mod trace;

use anyhow::{Result, ensure};
use person::Person::AtTerminal;
use stage::{
    SECOND, UNIT, a_look_changes_nothing, all_well, begin, begin_at_desk, configure, install, property, ready,
    systemctl,
};
use support::lab::Lab;
use support::machine::Machine;

/// The two that hurt most, in `make test`.
#[test]
fn a_war_and_a_stray_are_ended_by_one_click_each() -> Result<()> {
    let (machine, mut person) = begin_at_desk()?;
    services::war(&machine, &mut person)?;
    person.photographed("stray");
    strays::a_stray(&machine, &mut person)
}

#[test]
fn whose_gateway_it_is_is_told() -> Result<()> {
    let machine = begin()?;
    // A second profile on a port of its own is nobody's fault.
    configure(&machine, ".openclaw-b", 18_790)?;
    install(&machine, Some("b"), 18_790)?;
    ready(&machine, 18_790)?;
    all_well(&machine)?;
    systemctl(&machine, &["disable", "--now", SECOND])?;

    systemctl(&machine, &["stop", UNIT])?;
    a_look_changes_nothing(&machine)?;
    ensure!(property(&machine, UNIT, "ActiveState")? == "inactive", "a look woke the gateway");
    strays::foreign(&machine)?;
    strays::contained(&machine)
}

#[test]
fn a_stray_is_ended_at_a_terminal_and_one_that_does_not_end_is_taken_away_by_a_second_consent() -> Result<()> {
    let machine = begin()?;
    strays::a_stray(&machine, &mut AtTerminal)?;
    strays::a_stubborn_stray(&machine, &mut AtTerminal)?;
    strays::orphan(&machine, &mut AtTerminal)
}

#[test]
fn a_war_stays_over_and_a_step_that_fails_is_undone() -> Result<()> {
    let (mut machine, mut person) = begin_at_desk()?;
    services::a_war_that_is_over_stays_over(&mut machine, &mut person)?;
    services::a_step_that_fails(&machine, &mut AtTerminal)
}

#[test]
fn what_is_wrong_is_mended_by_one_click_each() -> Result<()> {
    let (machine, mut person) = begin_at_desk()?;
    strays::hung(&machine, &mut person)?;
    systemctl(&machine, &["stop", UNIT])?;
    strays::copy(&machine, &mut person)?;
    services::dead_path(&machine, &mut person)?;
    services::crash_loop(&machine, &mut person)?;
    services::off(&machine, &mut person)?;
    services::another_token(&machine, &mut person)?;

    services::legacy_name(&machine, &mut AtTerminal)?;
    services::two_scopes(&machine)?;
    services::another_port(&machine, &mut AtTerminal)
}

#[test]
fn a_service_of_an_older_release_is_told_before_it_fails() -> Result<()> {
    services::older_release(&begin()?, &mut AtTerminal)
}

#[test]
fn openclaws_service_does_what_a_person_says() -> Result<()> {
    let machine = begin()?;
    orders::obeyed(&machine)?;
    orders::held(&machine)
}

#[test]
fn a_gateway_that_would_not_come_back_is_told_before_it_restarts() -> Result<()> {
    strays::inherited(&begin()?)
}

#[test]
fn what_a_person_chooses_instead_is_done_and_lasts() -> Result<()> {
    choices::the_copy_stays(&begin()?)
}

#[test]
fn a_second_gateway_moves_to_another_port_and_both_live() -> Result<()> {
    choices::the_second_moves(&mut begin()?)
}

#[test]
fn two_on_one_state_a_baked_in_token_and_pm2_are_told() -> Result<()> {
    let machine = begin()?;
    shared::a_token_in_the_service(&machine)?;
    shared::a_gateway_of_pm2(&machine)?;
    // The last: what the earlier release leaves, the present one does not start with where its native parts are not built.
    shared::two_versions_on_one_state(&machine)
}

#[test]
fn a_restart_and_a_definition_that_fail_leave_everything_as_it_was() -> Result<()> {
    let machine = begin()?;
    failures::restart(&machine)?;
    failures::definition(&machine)
}

#[test]
fn a_package_lives() -> Result<()> {
    let lab = Lab::new();
    lifecycle::from_the_first_package_to_the_last(&Machine::clean(&lab.computer)?)
}

#[test]
fn a_newcomer_talks_in_three_minutes() -> Result<()> {
    newcomer::talks_in_three_minutes()
}
