//! Whatever devices do, what was told is true.

use super::*;
use crate::control::answer::DeviceState;
use crate::tray_menu::sample;
use proptest::prelude::*;
use std::collections::HashMap;

const DEVICES: usize = 4;
const T0: i64 = 1_000_000_000;

#[derive(Clone, Debug)]
enum Input {
    Flip(usize),
    Mute(usize),
    Gather(i64),
    Pass(i64),
}

fn inputs() -> impl Strategy<Value = Vec<Input>> {
    let input = prop_oneof![
        4 => (0..DEVICES).prop_map(Input::Flip),
        1 => (0..DEVICES).prop_map(Input::Mute),
        1 => (0..40_000_i64).prop_map(Input::Gather),
        4 => (0..15_000_i64).prop_map(Input::Pass),
    ];
    proptest::collection::vec(input, 0..60)
}

/// What stands between the announcer and the test: the announcer itself, or a twin with a fault.
trait Tells {
    fn step(&mut self, before: &State, after: &State, now_ms: i64) -> Step;
}

impl Tells for Announcer {
    fn step(&mut self, before: &State, after: &State, now_ms: i64) -> Step {
        Announcer::step(self, before, after, now_ms)
    }
}

/// Tells every change at once.
struct Hasty;

impl Tells for Hasty {
    fn step(&mut self, before: &State, after: &State, now_ms: i64) -> Step {
        let changed = before.shown.devices.iter().zip(&after.shown.devices).filter(|(old, new)| old.state != new.state);
        let rows = changed
            .map(|(_, device)| {
                let kind =
                    if device.state == DeviceState::Online { NoticeKind::Connected } else { NoticeKind::Disconnected };
                let about =
                    vec![About { key: Some(device.device_key.clone()), name: device.name.clone(), muted: false }];
                Event { about, ..Event::new(kind, now_ms) }.row(0)
            })
            .collect();
        Step { rows, ..Step::default() }
    }
}

/// Waits, and then tells what was, not what is.
#[derive(Default)]
struct Stale(Announcer, Vec<NoticeView>);

impl Tells for Stale {
    fn step(&mut self, before: &State, after: &State, now_ms: i64) -> Step {
        let mut step = self.0.step(before, after, now_ms);
        std::mem::swap(&mut self.1, &mut step.rows);
        step
    }
}

/// Replays the inputs and follows what a person was told.
fn check(teller: &mut impl Tells, inputs: &[Input]) -> Result<(), String> {
    let mut state = sample::state(T0);
    state.shown.devices = (0..DEVICES).map(|n| sample::device(&format!("d{n}"), DeviceState::Offline, 0)).collect();
    let mut now_ms = T0;
    let mut changed_ms = [T0 - 1_000_000; DEVICES];
    let mut told: HashMap<String, DeviceState> = HashMap::new();
    let mut wake_ms = teller.step(&state, &state, now_ms).wake_ms;
    let quiet_time = Input::Pass(200_000);
    for input in inputs.iter().chain([&quiet_time]) {
        let mut after = state.clone();
        let mut end_ms = now_ms;
        match input {
            Input::Flip(n) => {
                let device = &mut after.shown.devices[*n];
                device.state = match device.state {
                    DeviceState::Online | DeviceState::Unsure => DeviceState::Offline,
                    DeviceState::Offline => DeviceState::Online,
                };
                changed_ms[*n] = now_ms;
            }
            Input::Mute(n) => {
                let device = &mut after.shown.devices[*n];
                device.muted = !device.muted;
                // Who does this sees the state beside it.
                told.remove(&device.device_key);
            }
            Input::Gather(ms) => after.gather_until_ms = now_ms + ms,
            Input::Pass(ms) => end_ms = now_ms + ms,
        }
        loop {
            let step = teller.step(&state, &after, now_ms);
            state = after.clone();
            wake_ms = step.wake_ms;
            for row in step.rows {
                let claim =
                    [(NoticeKind::Connected, DeviceState::Online), (NoticeKind::Disconnected, DeviceState::Offline)]
                        .into_iter()
                        .find_map(|(kind, claim)| (kind == row.kind).then_some(claim))
                        .ok_or_else(|| format!("{:?} was told", row.kind))?;
                for (n, device) in
                    state.shown.devices.iter().enumerate().filter(|(_, device)| row.names.contains(&device.name))
                {
                    if device.state != claim {
                        return Err(format!("{} was told {claim:?} and is not", device.name));
                    }
                    if now_ms - changed_ms[n] < SETTLE_MS {
                        return Err(format!("{} was told after {} ms", device.name, now_ms - changed_ms[n]));
                    }
                    if now_ms < state.gather_until_ms {
                        return Err("told while gathering".into());
                    }
                    if told.insert(device.device_key.clone(), claim) == Some(claim) {
                        return Err(format!("{} was told {claim:?} twice", device.name));
                    }
                }
            }
            match wake_ms.filter(|wake_ms| *wake_ms <= end_ms) {
                Some(at_ms) if at_ms <= now_ms => return Err("a timer that is due already".into()),
                Some(at_ms) => now_ms = at_ms,
                None => break,
            }
        }
        now_ms = end_ms;
    }
    for device in &state.shown.devices {
        if told.get(&device.device_key).is_some_and(|told| *told != device.state) {
            return Err(format!("{} was told otherwise in the end", device.name));
        }
    }
    match wake_ms {
        None => Ok(()),
        Some(_) => Err("a timer without anything pending".into()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_told_is_true_and_lasts(inputs in inputs()) {
        prop_assert_eq!(check(&mut Announcer::default(), &inputs), Ok(()));
    }
}

#[test]
fn twins_with_a_fault_are_caught() {
    let drop = [Input::Flip(0), Input::Pass(3_000), Input::Flip(0), Input::Pass(20_000)];
    assert!(check(&mut Hasty, &drop).is_err());
    let stay = [Input::Flip(0), Input::Pass(20_000), Input::Flip(0), Input::Flip(1), Input::Pass(20_000)];
    assert!(check(&mut Stale::default(), &stay).is_err());
    assert_eq!(check(&mut Announcer::default(), &stay), Ok(()));
}
