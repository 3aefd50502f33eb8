//! What is wrong with the OpenClaw of this computer, and the shortest way to mend it.
//!
//! A survey gathers facts and changes nothing; findings say what they mean, each with its evidence; a plan says what would be done, and what undoes it; the
//! journal keeps what was done.
//!
//! Invariants:
//! - what cannot be seen is a state of its own, and nothing is done upon it;
//! - findings and plans are values made from values: no clock, no file, no process is looked at while they are made;
//! - no secret is in any value of this crate: where two copies must be compared, their fingerprints are.
//!
//! Deliberately absent: the gateway's protocol (`gateway`), asking the person (`desk`).

mod fingerprint;
mod os;
mod seen;

pub mod allowance;
pub mod apply;
pub mod chain;
pub mod duplicates;
pub mod finding;
pub mod journal;
pub mod plan;
pub mod supervision;
pub mod survey;
pub mod target;
pub mod token;
pub mod who;

pub use fingerprint::Fingerprint;
pub use seen::{Blind, Seen};
