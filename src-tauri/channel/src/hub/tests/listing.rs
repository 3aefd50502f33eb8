//! The list of devices, and that who reads it again when told is never behind.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::rig::Rig;
use crate::agent::{Agent, ECHO_GATEWAY};
use crate::hub::event::{Command, Event, Notice};
use crate::id::DeviceKey;
use crate::view::{Device, Reach};
use crate::wire::upstream::{FromPlugin, Outcome};

fn reach(rig: &mut Rig, device: &DeviceKey, unsure: bool) {
    let session = rig.session(device);
    rig.event(Event::DeviceReach { session, unsure });
}

fn rename(rig: &mut Rig, device: &DeviceKey, name: &str) {
    let (device, name) = (device.clone(), name.to_owned());
    rig.ask(|reply| Command::Rename { device, name, reply });
}

#[test]
fn a_device_is_online_since_it_came_and_offline_since_it_went() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    let came = rig.now.wall;
    rig.pass(40_000);
    let online = rig.truth()[0].clone();
    assert_eq!((online.reach, online.since_ms), (Reach::Online, came));
    rig.arrive(&device, 0);
    assert_eq!(rig.truth()[0].since_ms, came, "a newer connection of a device that was there");
    reach(&mut rig, &device, true);
    assert_eq!((rig.truth()[0].reach, rig.truth()[0].since_ms), (Reach::Unsure, came));
    reach(&mut rig, &device, false);
    assert_eq!(rig.truth()[0].reach, Reach::Online);
    rig.leave(&device);
    let went = rig.now.wall;
    rig.pass(3_600_000);
    let offline = rig.truth()[0].clone();
    assert_eq!((offline.reach, offline.since_ms, offline.last_seen_ms), (Reach::Offline, went, went));
    rig.arrive(&device, 0);
    assert_eq!(rig.truth()[0].since_ms, rig.now.wall);
    // The reach of a session that is over counts for nothing.
    rig.leave(&device);
    reach(&mut rig, &device, true);
    assert_eq!(rig.truth()[0].reach, Reach::Offline);
    rig.arrive(&device, 0);
    rig.pass(10_000);
    rig.ask(|reply| Command::Stop { reply });
    let stopped = rig.now.wall;
    rig.pass(10_000);
    assert_eq!(rig.truth()[0].since_ms, stopped, "until the service stopped it was there");
}

#[test]
fn a_device_talks_while_the_plugin_has_its_message() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    rig.bound_device(2);
    let talking = |rig: &Rig| rig.truth().iter().map(|device| device.talking).collect::<Vec<_>>();
    rig.say(&device, 1, "one");
    assert_eq!(talking(&rig), [false, false], "nobody listens yet");
    rig.link();
    assert_eq!(talking(&rig), [true, false]);
    rig.reply(&device, 1, "r1", "ONE");
    assert_eq!(talking(&rig), [true, false], "more may come");
    rig.unlink();
    assert_eq!(talking(&rig), [false, false]);
    rig.link();
    rig.leave(&device);
    assert_eq!(talking(&rig), [true, false], "the answer comes, whoever left");
    rig.done(&device, 1, Outcome::Answered);
    assert_eq!(talking(&rig), [false, false]);
}

#[test]
fn a_flood_is_told_once_until_somebody_looks() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    rig.link();
    rig.read();
    rig.notices();
    let flood = |rig: &mut Rig, from: u32| {
        for index in from..from + 1_000 {
            rig.say(&device, index, "x");
            rig.reply(&device, index, &format!("r{index}"), "X");
            rig.done(&device, index, Outcome::Answered);
        }
        rig.notices()
    };
    assert_eq!(flood(&mut rig, 0), [Notice::Devices]);
    assert_eq!(flood(&mut rig, 1_000), []);
    rig.read();
    assert_eq!(flood(&mut rig, 2_000), [Notice::Devices]);
    rig.ask(|reply| Command::DeviceStatus { device: device.clone(), reply });
    assert_eq!(flood(&mut rig, 3_000), [Notice::Devices]);
    rig.read();
    rig.ask(|reply| Command::Link { reply });
    rig.say(&device, 0, "x");
    assert_eq!(rig.notices(), [], "a repeated message changes nothing");
}

#[derive(Clone, Debug)]
enum Step {
    Say {
        device: u8,
    },
    Leave {
        device: u8,
    },
    Arrive {
        device: u8,
    },
    Reach {
        device: u8,
        unsure: bool,
    },
    Rename {
        device: u8,
    },
    Remove {
        device: u8,
    },
    Bind {
        device: u8,
    },
    Send {
        device: u8,
    },
    Got {
        device: u8,
    },
    Link,
    Unlink,
    Agent {
        echo: bool,
    },
    Answer {
        device: u8,
        done: bool,
    },
    Push {
        device: u8,
    },
    Pass {
        ms: u64,
    },
    FailNext,
    /// The observer that was told reads.
    Look,
    /// Somebody else reads.
    OtherLooks,
}

fn step() -> impl Strategy<Value = Step> {
    let device = 1_u8..4;
    prop_oneof![
        5 => device.clone().prop_map(|device| Step::Say { device }),
        2 => device.clone().prop_map(|device| Step::Leave { device }),
        3 => device.clone().prop_map(|device| Step::Arrive { device }),
        2 => (device.clone(), any::<bool>()).prop_map(|(device, unsure)| Step::Reach { device, unsure }),
        1 => device.clone().prop_map(|device| Step::Rename { device }),
        1 => device.clone().prop_map(|device| Step::Remove { device }),
        1 => device.clone().prop_map(|device| Step::Bind { device }),
        1 => device.clone().prop_map(|device| Step::Send { device }),
        3 => device.clone().prop_map(|device| Step::Got { device }),
        3 => Just(Step::Link),
        1 => Just(Step::Unlink),
        1 => any::<bool>().prop_map(|echo| Step::Agent { echo }),
        5 => (device.clone(), any::<bool>()).prop_map(|(device, done)| Step::Answer { device, done }),
        2 => device.prop_map(|device| Step::Push { device }),
        1 => (1_u64..2_000_000).prop_map(|ms| Step::Pass { ms }),
        1 => Just(Step::FailNext),
        12 => Just(Step::Look),
        2 => Just(Step::OtherLooks),
    ]
}

/// What does not change by itself.
fn still(mut devices: Vec<Device>) -> Vec<Device> {
    for device in &mut devices {
        if device.reach != Reach::Offline {
            device.last_seen_ms = 0;
        }
    }
    devices
}

#[derive(Default)]
struct Observer {
    told: bool,
    list: Vec<Device>,
    said: u32,
    rids: u32,
    echo: bool,
}

impl Observer {
    fn step(&mut self, rig: &mut Rig, step: &Step, keys: &[DeviceKey]) {
        let key = |device: u8| keys[usize::from(device) - 1].clone();
        match *step {
            Step::Say { device } => {
                self.said += 1;
                rig.say(&key(device), self.said, "words");
            }
            Step::Leave { device } => rig.leave(&key(device)),
            Step::Arrive { device } => rig.arrive(&key(device), 0),
            Step::Reach { device, unsure } => reach(rig, &key(device), unsure),
            Step::Rename { device } => rename(rig, &key(device), &format!("n{}", self.said)),
            Step::Remove { device } => drop(rig.remove(&key(device))),
            Step::Bind { device } => drop(rig.bound_device(device)),
            Step::Send { device } => {
                let device = key(device);
                rig.ask(|reply| Command::Send { device, text: "hi".into(), reply });
            }
            Step::Got { device } => rig.got(&key(device), u64::MAX),
            Step::Link => drop(rig.link_as(if self.echo { ECHO_GATEWAY } else { "g" })),
            Step::Unlink => rig.unlink(),
            Step::Agent { echo } => {
                self.echo = echo;
                rig.set_agent(if echo { Agent::Echo } else { Agent::Gateway });
            }
            Step::Answer { device, done } => {
                self.rids += 1;
                let open = rig.hub.store.next_turns(&key(device), 1).unwrap();
                let Some(turn) = open.first().map(|turn| turn.id.to_string()) else { return };
                let rid = format!("r{}", self.rids);
                rig.plugin(match done {
                    true => FromPlugin::Done { rid, turn, outcome: Outcome::Failed, code: None, detail: None },
                    false => FromPlugin::Reply { rid, turn, text: "answer".into(), error: false },
                });
            }
            Step::Push { device } => {
                self.rids += 1;
                rig.push(&key(device), &format!("p{}", self.rids), "push");
            }
            Step::Pass { ms } => rig.pass(ms),
            Step::FailNext => rig.fail_next = true,
            Step::Look => {
                if std::mem::take(&mut self.told) {
                    self.list = rig.read();
                }
            }
            Step::OtherLooks => drop(rig.read()),
        }
    }
}

/// `deaf`: a hub that believes nobody ever looks.
fn judge(steps: &[Step], deaf: bool) -> Result<(), TestCaseError> {
    let mut rig = Rig::new();
    let keys: Vec<DeviceKey> = (1..4).map(|seed| rig.bound_device(seed)).collect();
    let mut observer = Observer { list: rig.read(), ..Observer::default() };
    rig.notices();
    for step in steps {
        // A commit that fails gives no answer, so commands have none to fail.
        if !matches!(
            step,
            Step::Say { .. } | Step::Leave { .. } | Step::Got { .. } | Step::Push { .. } | Step::Answer { .. }
        ) {
            rig.fail_next = false;
        }
        observer.step(&mut rig, step, &keys);
        rig.hub.list.unread |= deaf;
        observer.told |= rig.notices().contains(&Notice::Devices);
        if !observer.told {
            prop_assert_eq!(still(observer.list.clone()), still(rig.truth()), "behind after {:?}", step);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn who_reads_the_list_again_when_told_is_never_behind(steps in proptest::collection::vec(step(), 1..120)) {
        judge(&steps, false)?;
    }
}

#[test]
fn a_hub_that_tells_only_once_is_caught() {
    let steps = [Step::Leave { device: 1 }, Step::Look, Step::Arrive { device: 1 }];
    assert!(judge(&steps, true).is_err());
    assert!(judge(&steps, false).is_ok());
}
