//! Stories on a booted machine: real systemd, a real user with a manager of its own, the real OpenClaw installed as its own service, and our command line beside it.
//!
//! One boot each, in the order in which a machine would see it. In every story our command line says what is wrong and which process or service it is, a person
//! reads the plan in a terminal and agrees to it, and one healthy gateway is there that lets us in. A story that names another process or service fails.

mod orders;
mod person;
mod services;
mod stage;
mod strays;
mod trace;

use anyhow::{Result, ensure};
use stage::{SECOND, UNIT, a_look_changes_nothing, all_well, begin, configure, install, property, ready, systemctl};

/// The two that hurt most, in `make test`.
#[test]
fn a_war_and_a_stray_are_ended_by_a_consent_each() -> Result<()> {
    let machine = begin()?;
    services::war(&machine)?;
    strays::a_stray(&machine)
}

#[test]
fn whose_gateway_it_is_is_told_and_mended() -> Result<()> {
    let machine = begin()?;
    strays::hung(&machine)?;

    // A second profile on a port of its own is nobody's fault.
    configure(&machine, ".openclaw-b", 18_790)?;
    install(&machine, Some("b"), 18_790)?;
    ready(&machine, 18_790)?;
    all_well(&machine)?;
    systemctl(&machine, &["disable", "--now", SECOND])?;

    systemctl(&machine, &["stop", UNIT])?;
    a_look_changes_nothing(&machine)?;
    ensure!(property(&machine, UNIT, "ActiveState")? == "inactive", "a look woke the gateway");
    strays::copy(&machine)?;
    strays::foreign(&machine)?;
    strays::contained(&machine)
}

#[test]
fn a_gateway_that_does_not_end_is_taken_away_by_a_second_consent() -> Result<()> {
    let machine = begin()?;
    strays::a_stubborn_stray(&machine)?;
    strays::orphan(&machine)
}

#[test]
fn a_war_stays_over_and_a_step_that_fails_is_undone() -> Result<()> {
    let mut machine = begin()?;
    services::a_war_that_is_over_stays_over(&mut machine)?;
    services::a_step_that_fails(&machine)
}

#[test]
fn what_is_wrong_with_a_service_is_told_and_mended() -> Result<()> {
    let machine = begin()?;
    services::dead_path(&machine)?;
    services::crash_loop(&machine)?;
    services::legacy_name(&machine)?;
    services::off(&machine)?;
    services::two_scopes(&machine)?;
    services::another_port(&machine)
}

#[test]
fn openclaws_service_does_what_a_person_says() -> Result<()> {
    let machine = begin()?;
    orders::obeyed(&machine)?;
    orders::held(&machine)
}
