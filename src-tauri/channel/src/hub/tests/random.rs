//! Random sequences: devices that come, go, repeat and forget; a plugin that comes, goes and repeats. Judged by what peers saw, not by what the hub believes.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::rig::{Rig, message_id};
use crate::id::DeviceKey;
use crate::wire::device::ToDevice;
use crate::wire::upstream::{Outcome, ToPlugin};

#[derive(Clone, Debug)]
enum Step {
    Say {
        device: u8,
    },
    SayAgain {
        device: u8,
    },
    Leave {
        device: u8,
    },
    Arrive {
        device: u8,
    },
    /// The device takes what came, and may crash before it says so.
    Read {
        device: u8,
        acknowledge: bool,
    },
    Link,
    Unlink,
    Answer {
        repeat: bool,
    },
    Push {
        device: u8,
    },
    Pass {
        ms: u64,
    },
    /// The next write fails: the disk, or the process dies before the commit.
    FailNext,
    /// The next write fails for want of room: devices stay.
    RefuseNext,
}

fn step() -> impl Strategy<Value = Step> {
    let device = 1_u8..4;
    prop_oneof![
        6 => device.clone().prop_map(|device| Step::Say { device }),
        2 => device.clone().prop_map(|device| Step::SayAgain { device }),
        2 => device.clone().prop_map(|device| Step::Leave { device }),
        3 => device.clone().prop_map(|device| Step::Arrive { device }),
        4 => (device.clone(), any::<bool>()).prop_map(|(device, acknowledge)| Step::Read { device, acknowledge }),
        3 => Just(Step::Link),
        1 => Just(Step::Unlink),
        8 => any::<bool>().prop_map(|repeat| Step::Answer { repeat }),
        2 => device.prop_map(|device| Step::Push { device }),
        1 => (1_u64..40_000).prop_map(|ms| Step::Pass { ms }),
        1 => Just(Step::FailNext),
        2 => Just(Step::RefuseNext),
    ]
}

/// What a well-behaved device remembers.
#[derive(Default)]
struct Phone {
    said: u32,
    acknowledged: BTreeSet<String>,
    shown: Vec<(u64, String)>,
    last_n: u64,
    present: bool,
}

#[derive(Default)]
struct World {
    phones: BTreeMap<u8, Phone>,
    keys: BTreeMap<u8, DeviceKey>,
    /// Turns in the order in which the plugin ran them, each once.
    ran: Vec<String>,
    given: Vec<(String, String)>,
    pushes: u32,
}

impl World {
    fn read(&mut self, rig: &mut Rig, number: u8, acknowledge: bool) -> Result<(), TestCaseError> {
        let key = self.keys[&number].clone();
        let phone = self.phones.get_mut(&number).unwrap();
        if !phone.present {
            return Ok(());
        }
        for frame in rig.device_frames(&key) {
            if let ToDevice::Ack { id, .. } = frame {
                phone.acknowledged.insert(id);
            } else if let ToDevice::Reply(reply) = frame {
                prop_assert!(reply.n > phone.last_n, "reply {} came after {}", reply.n, phone.last_n);
                prop_assert!(phone.shown.iter().all(|(_, rid)| *rid != reply.rid), "shown twice: {}", reply.rid);
                phone.shown.push((reply.n, reply.rid));
                phone.last_n = reply.n;
            }
        }
        if acknowledge && phone.last_n > 0 {
            let n = phone.last_n;
            rig.got(&key, n);
        }
        Ok(())
    }

    /// The plugin takes what it was given, runs each turn once, and answers one.
    fn answer(&mut self, rig: &mut Rig, repeat: bool) {
        for frame in rig.plugin_frames() {
            if let ToPlugin::Deliver { turn, device, .. } = frame {
                if !self.ran.contains(&turn) {
                    self.ran.push(turn.clone());
                }
                self.given.push((turn, device));
            }
        }
        if !rig.is_linked() {
            return;
        }
        let Some((turn, _)) = self.given.first().cloned() else { return };
        if !repeat {
            self.given.remove(0);
        }
        let rid = format!("r.{turn}");
        rig.plugin(crate::wire::upstream::FromPlugin::Reply {
            rid,
            turn: turn.clone(),
            text: "answer".into(),
            error: false,
        });
        rig.plugin(crate::wire::upstream::FromPlugin::Done {
            rid: format!("d.{turn}"),
            turn,
            outcome: Outcome::Answered,
            code: None,
            detail: None,
        });
    }

    /// Devices read what was written to them before the close, then are gone.
    fn sent_away(&mut self, rig: &mut Rig) -> Result<(), TestCaseError> {
        for number in 1..4 {
            self.read(rig, number, false)?;
            self.phones.get_mut(&number).unwrap().present = false;
        }
        self.given.clear();
        Ok(())
    }

    fn step(&mut self, rig: &mut Rig, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Say { device } => {
                let phone = self.phones.get_mut(&device).unwrap();
                phone.said += 1;
                if phone.present {
                    rig.say(&self.keys[&device], phone.said, "words");
                }
            }
            Step::SayAgain { device } => {
                let phone = &self.phones[&device];
                for index in 1..=phone.said {
                    if phone.present && !phone.acknowledged.contains(&message_id(index)) {
                        rig.say(&self.keys[&device], index, "words");
                    }
                }
            }
            Step::Leave { device } => {
                let phone = self.phones.get_mut(&device).unwrap();
                if std::mem::take(&mut phone.present) {
                    rig.leave(&self.keys[&device]);
                }
            }
            Step::Arrive { device } => {
                let phone = self.phones.get_mut(&device).unwrap();
                phone.present = true;
                let last_n = phone.last_n;
                rig.arrive(&self.keys[&device], last_n);
            }
            Step::Read { device, acknowledge } => self.read(rig, device, acknowledge)?,
            Step::Link => rig.link(),
            Step::Unlink => rig.unlink(),
            Step::Answer { repeat } => self.answer(rig, repeat),
            Step::Push { device } => {
                if rig.is_linked() {
                    self.pushes += 1;
                    let rid = format!("p{}", self.pushes);
                    rig.push(&self.keys[&device], &rid, "push");
                }
            }
            Step::Pass { ms } => rig.pass(ms),
            Step::FailNext => (rig.fail_next, rig.rewinds) = (true, false),
            Step::RefuseNext => (rig.fail_next, rig.rewinds) = (true, true),
        }
        if std::mem::take(&mut rig.link_sent_away) {
            self.given.clear();
        }
        if std::mem::take(&mut rig.all_sent_away) {
            self.sent_away(rig)?;
        }
        for number in 1..4 {
            if self.phones[&number].present && rig.closed(&self.keys[&number]).is_some() {
                self.read(rig, number, false)?;
                self.phones.get_mut(&number).unwrap().present = false;
            }
        }
        Ok(())
    }
}

/// Runs the steps, then heals everything and judges.
fn judge(steps: Vec<Step>, effects_first: bool) -> Result<(), TestCaseError> {
    let mut rig = Rig::new();
    let mut world = World::default();
    for number in 1..4 {
        world.keys.insert(number, rig.bound_device(number));
        world.phones.insert(number, Phone { present: true, ..Phone::default() });
    }
    rig.effects_first = effects_first;
    for step in steps {
        world.step(&mut rig, step)?;
    }
    rig.fail_next = false;
    rig.link();
    for number in 1..4 {
        world.step(&mut rig, Step::Arrive { device: number })?;
        world.step(&mut rig, Step::Read { device: number, acknowledge: true })?;
        world.step(&mut rig, Step::SayAgain { device: number })?;
    }
    for _ in 0..150 {
        world.answer(&mut rig, false);
        for number in 1..4 {
            world.read(&mut rig, number, true)?;
        }
    }
    for (number, phone) in &world.phones {
        let key = &world.keys[number];
        let all: Vec<String> = (1..=phone.said).map(message_id).collect();
        let acknowledged: Vec<String> = phone.acknowledged.iter().cloned().collect();
        prop_assert_eq!(acknowledged, all.clone(), "every message is acknowledged in the end");
        let ours = format!("{key}.");
        let ran: Vec<&str> = world.ran.iter().filter_map(|turn| turn.strip_prefix(&ours)).collect();
        let shown: Vec<&str> =
            phone.shown.iter().filter_map(|(_, rid)| rid.strip_prefix("r.")?.strip_prefix(&ours)).collect();
        prop_assert_eq!(&shown, &ran, "answered in the order in which they were run, each once");
        let mut sorted = ran;
        sorted.sort_unstable();
        prop_assert_eq!(sorted, all, "each is run, and once");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_each_acknowledged_message_is_run_once_in_order_and_each_answer_shown_once(
        steps in proptest::collection::vec(step(), 1..120)
    ) {
        judge(steps, false)?;
    }
}

#[test]
fn a_hub_that_tells_before_the_commit_is_caught() {
    let steps =
        || vec![Step::Link, Step::FailNext, Step::Say { device: 1 }, Step::Read { device: 1, acknowledge: true }];
    assert!(judge(steps(), true).is_err(), "acknowledged, then lost");
    assert!(judge(steps(), false).is_ok());
    let without_room =
        || vec![Step::Link, Step::RefuseNext, Step::Say { device: 1 }, Step::Read { device: 1, acknowledge: true }];
    assert!(judge(without_room(), true).is_err(), "acknowledged without room, then lost");
    assert!(judge(without_room(), false).is_ok());
}
