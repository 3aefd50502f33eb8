//! Frames between a device and the service.

use serde::{Deserialize, Serialize};

pub use super::greeting::{Announce, Auth, Bind, Confirm, Token};
pub use super::notice::{Bye, ErrFrame};
use super::{Blob, Code, Der, FrameError, Versions, strict};

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A phone's browser.
    Phone,
    /// A voice box.
    Speaker,
    /// A microcontroller board.
    Board,
    /// A program.
    Script,
    /// Anything else.
    Other,
}

impl Kind {
    /// The word on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Speaker => "speaker",
            Self::Board => "board",
            Self::Script => "script",
            Self::Other => "other",
        }
    }

    /// Reads the word. `None` for another one.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Phone, Self::Speaker, Self::Board, Self::Script, Self::Other]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// From a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum FromDevice {
    /// Wants to be bound.
    Bind(Bind),
    /// The person can see or hear the code.
    BindShown {},
    /// Asks by itself to be bound.
    Announce(Announce),
    /// Names the nonce that it committed itself to.
    AnnounceReveal {
        /// The device's nonce.
        cn: Blob<32>,
    },
    /// Is bound, and proves it.
    Auth(Auth),
    /// Is a script that is bound, and says its token.
    Token(Token),
    /// A message of the person.
    Msg {
        /// Message id.
        id: String,
        /// What the person said.
        text: String,
    },
    /// Every reply up to `n` is safe at the device.
    Got {
        /// Highest contiguous reply.
        n: u64,
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
    /// The device closes.
    Bye {
        /// Why.
        code: u16,
    },
}

impl FromDevice {
    /// The types a device may send.
    pub const KNOWN: [&'static str; 11] =
        ["bind", "bind_shown", "announce", "announce_reveal", "auth", "token", "msg", "got", "ping", "pong", "bye"];

    /// Reads a frame.
    ///
    /// # Errors
    /// See [`FrameError`].
    pub fn decode(text: &str) -> Result<Self, FrameError> {
        strict::decode(text, &Self::KNOWN)
    }
}

/// What a device needs to know of the service's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Largest frame, bytes.
    pub frame: usize,
    /// Longest text, bytes.
    pub text: usize,
    /// Messages a second.
    pub messages_per_s: u32,
    /// And their burst.
    pub burst: u32,
    /// Messages that may wait.
    pub waiting: usize,
}

impl Limits {
    /// What this build allows.
    pub const OURS: Self = Self {
        frame: super::DEVICE_FRAME,
        text: super::TEXT,
        messages_per_s: super::MESSAGE_RATE.0,
        burst: super::MESSAGE_RATE.1,
        waiting: super::WAITING.0,
    };
}

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnState {
    /// Waits for earlier ones or for the assistant's link.
    Queued,
    /// Went to the assistant.
    Sent,
    /// The assistant works on it.
    Running,
    /// Over.
    Done,
    /// Over, with an error.
    Failed,
}

/// What the assistant is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The model works.
    Thinking,
    /// A tool works.
    Tool,
    /// Text is coming.
    Writing,
}

/// Whether a message is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stored {
    /// New, and now on disk.
    Stored,
    /// On disk before.
    Dup,
}

/// Whether the store is the one the device remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resume {
    /// It is.
    Ok,
    /// It is another one: start at 0.
    Reset,
}

/// Whether something is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// It is.
    Online,
    /// It is not.
    Offline,
}

/// To a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ToDevice {
    /// First frame of every connection.
    Hello {
        /// Versions.
        v: Versions,
        /// The service's nonce.
        sn: Blob<32>,
        /// The service's public key.
        spk: Blob<32>,
        /// The service's name.
        name: String,
        /// Name of its store.
        epoch: String,
        /// Heartbeat, seconds.
        hb: u64,
        /// Limits.
        limits: Limits,
    },
    /// The code is right; the person must confirm.
    BindWait {
        /// Proof of the secret.
        mac: Blob<32>,
        /// Proof of the service key.
        sig: Blob<64>,
        /// Time to confirm.
        expires_s: u64,
    },
    /// The answer to `announce`.
    AnnounceWait {
        /// The service's nonce for the code, made after `announce` came.
        an: Blob<32>,
        /// Proof of the service key.
        sig: Blob<64>,
        /// Time to confirm.
        expires_s: u64,
    },
    /// The person confirmed.
    BindOk {
        /// Name of the device from now on.
        device_key: String,
        /// The certificate to trust alone from now on; on TLS only.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        cert: Option<Der>,
    },
    /// The session is open.
    Ready {
        /// The device.
        device_key: String,
        /// Its name.
        name: String,
        /// Name of the store.
        epoch: String,
        /// Highest reply ever made for it.
        n: u64,
        /// Whether `last_n` counts.
        resume: Resume,
        /// The assistant's link.
        link: LinkState,
        /// Seconds until a 9002.
        answer_s: u64,
        /// Proof of the service key.
        sig: Blob<64>,
    },
    /// The message is on disk.
    Ack {
        /// Message.
        id: String,
        /// New or not.
        st: Stored,
    },
    /// Progress.
    Turn {
        /// Message.
        re: String,
        /// Where it stands.
        s: TurnState,
        /// What happens.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        stage: Option<Stage>,
    },
    /// The answer so far.
    Partial {
        /// Message.
        re: String,
        /// Snapshot.
        text: String,
    },
    /// A piece of an answer, or the assistant speaking first.
    Reply(Reply),
    /// The assistant's link changed.
    Link {
        /// State.
        s: LinkState,
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

impl ToDevice {
    /// The types a service may send.
    pub const KNOWN: [&'static str; 14] = [
        "hello",
        "bind_wait",
        "announce_wait",
        "bind_ok",
        "ready",
        "ack",
        "turn",
        "partial",
        "reply",
        "link",
        "err",
        "ping",
        "pong",
        "bye",
    ];

    /// Reads a frame: what a device does with one.
    ///
    /// # Errors
    /// See [`FrameError`].
    pub fn decode(text: &str) -> Result<Self, FrameError> {
        strict::decode(text, &Self::KNOWN)
    }
}

/// A stored reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Count for this device.
    pub n: u64,
    /// Id.
    pub rid: String,
    /// The message it answers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub re: Option<String>,
    /// Words.
    pub text: String,
    /// A 9002 went before.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub late: bool,
    /// It tells of an error.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<Code>,
    /// Who says it, where it is more than the answer of the device's agent: `agent:ID`, `terminal`, `user`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<String>,
}
