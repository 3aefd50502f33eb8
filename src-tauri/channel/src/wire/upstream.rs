//! Frames between the plugin and the service.

use serde::{Deserialize, Serialize};

use super::device::{Bye, ErrFrame, Stage};
use super::{Blob, Code, FrameError, Versions, strict};

/// First frame of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkAuth {
    /// Protocol version.
    pub v: u32,
    /// The plugin's nonce.
    pub cn: Blob<32>,
    /// Random id of the gateway, 32 hex characters.
    pub gateway: String,
    /// Version of the plugin.
    pub plugin: String,
    /// Version of the gateway.
    pub host: String,
    /// Proof of the link key.
    pub mac: Blob<32>,
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// With an answer.
    Answered,
    /// Without words.
    Silent,
    /// With an error.
    Failed,
    /// Stopped by `abort`.
    Aborted,
    /// The gateway had run it before, and nobody kept the answer.
    Duplicate,
}

impl Outcome {
    /// The word on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Silent => "silent",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
            Self::Duplicate => "duplicate",
        }
    }
}

/// From the plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum FromPlugin {
    /// Proves the link key.
    Auth(LinkAuth),
    /// A turn was taken.
    Accepted {
        /// Turn.
        turn: String,
    },
    /// What the assistant does.
    Progress {
        /// Turn.
        turn: String,
        /// Stage.
        stage: Stage,
    },
    /// The answer so far.
    Partial {
        /// Turn.
        turn: String,
        /// Snapshot.
        text: String,
    },
    /// A piece of the answer.
    Reply {
        /// Id.
        rid: String,
        /// Turn.
        turn: String,
        /// Words.
        text: String,
        /// The words tell of an error.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        error: bool,
    },
    /// The agent speaks first.
    Push {
        /// Id.
        rid: String,
        /// Device.
        to: String,
        /// Words.
        text: String,
        /// Who asked: `agent:ID` or `terminal`.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        by: Option<String>,
        /// The turn in which it was asked.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        re_turn: Option<String>,
    },
    /// The turn is over.
    Done {
        /// Id.
        rid: String,
        /// Turn.
        turn: String,
        /// How.
        outcome: Outcome,
        /// For a failure.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        code: Option<Code>,
        /// Words for a person.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        detail: Option<String>,
    },
    /// Are you there?
    Ping {
        /// Echoed in `pong`.
        c: u64,
    },
    /// Yes.
    Pong {
        /// From `ping`.
        c: u64,
    },
    /// The plugin closes.
    Bye {
        /// Why.
        code: u16,
    },
}

impl FromPlugin {
    /// The types a plugin may send.
    pub const KNOWN: [&'static str; 10] =
        ["auth", "accepted", "progress", "partial", "reply", "push", "done", "ping", "pong", "bye"];

    /// Reads a frame.
    ///
    /// # Errors
    /// See [`FrameError`].
    pub fn decode(text: &str) -> Result<Self, FrameError> {
        strict::decode(text, &Self::KNOWN)
    }
}

/// To the plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ToPlugin {
    /// First frame.
    Hello {
        /// Versions.
        v: Versions,
        /// The service's nonce.
        sn: Blob<32>,
        /// Name of the store.
        epoch: String,
        /// Heartbeat, seconds.
        hb: u64,
    },
    /// The link is open.
    Ready {
        /// Count of links; fences older ones.
        r#gen: u64,
        /// Proof of the link key.
        mac: Blob<32>,
    },
    /// A device came or went.
    Presence {
        /// Device.
        device: String,
        /// Its name.
        name: String,
        /// Came.
        online: bool,
    },
    /// Run this message.
    Deliver {
        /// Turn.
        turn: String,
        /// Device.
        device: String,
        /// Its name.
        name: String,
        /// Words.
        text: String,
        /// When it was received, ms since 1970.
        ts: i64,
    },
    /// On disk.
    Stored {
        /// Id.
        rid: String,
    },
    /// Never will be.
    Refused {
        /// Id.
        rid: String,
        /// Why.
        code: Code,
    },
    /// A 9002 went to the device.
    Slow {
        /// Turn.
        turn: String,
        /// Device.
        device: String,
        /// Seconds.
        after_s: u64,
    },
    /// Stop this run.
    Abort {
        /// Turn.
        turn: String,
    },
    /// Something is wrong.
    Err(ErrFrame),
    /// Are you there?
    Ping {
        /// Echoed in `pong`.
        c: u64,
    },
    /// Yes.
    Pong {
        /// From `ping`.
        c: u64,
    },
    /// The service closes.
    Bye(Bye),
}

impl ToPlugin {
    /// The types a service may send.
    pub const KNOWN: [&'static str; 12] =
        ["hello", "ready", "presence", "deliver", "stored", "refused", "slow", "abort", "err", "ping", "pong", "bye"];

    /// Reads a frame: what a plugin does with one.
    ///
    /// # Errors
    /// See [`FrameError`].
    pub fn decode(text: &str) -> Result<Self, FrameError> {
        strict::decode(text, &Self::KNOWN)
    }
}
