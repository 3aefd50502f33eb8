//! libFuzzer around the target that `FUZZ_TARGET` names; built and run by `.ci/fuzz`.

#![no_main]

use std::sync::LazyLock;

use channel::fuzz::{TARGETS, Target};
use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let wanted = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.iter().find(|(name, _)| *name == wanted);
    found.unwrap_or_else(|| panic!("FUZZ_TARGET must name one of {:?}", TARGETS.map(|(name, _)| name))).1
});

fuzz_target!(|bytes: &[u8]| TARGET(bytes));
