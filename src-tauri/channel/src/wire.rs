//! The frames of docs/PROTOCOL.md: shapes, limits, codes. Nothing here knows a socket or the store.

pub mod device;
pub mod greeting;
pub mod notice;
pub mod strict;
pub mod upstream;

use std::borrow::Cow;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

/// The one protocol version this build speaks.
pub const VERSION: u32 = 1;
/// Largest frame of an authenticated device, in bytes.
pub const DEVICE_FRAME: usize = 65_536;
/// Largest frame before authentication, in bytes.
pub const GREETING_FRAME: usize = 4_096;
/// Most frames before authentication.
pub const GREETING_FRAMES: u32 = 8;
/// Largest frame on the plugin's link, in bytes.
pub const LINK_FRAME: usize = 131_072;
/// Longest text of a message or reply, in bytes of UTF-8.
pub const TEXT: usize = 32_768;
/// Messages a second of one device, and their burst.
pub const MESSAGE_RATE: (u32, u32) = (20, 40);
/// Messages of one device that may wait for the agent: how many, and how many bytes.
pub const WAITING: (usize, usize) = (1_000, 8 << 20);
/// Replies that may wait for one device: how many, and how many bytes.
pub const REPLIES: (usize, usize) = (1_000, 8 << 20);
/// Replies to one device that may be on their way without a `got`: how many, and how many bytes.
pub const IN_FLIGHT: (usize, usize) = (32, 128 << 10);
/// Most bound devices.
pub const DEVICES: usize = 20_000;
/// Seconds of silence after which a peer is asked, and after which it is gone.
pub const HEARTBEAT_S: (u64, u64) = (30, 45);

/// What went wrong, by number: section 5 of docs/PROTOCOL.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u16)]
pub enum Code {
    /// Binding code unknown, expired or used.
    BindingUnknown = 9001,
    /// The AI did not answer in time; the answer follows.
    NoAnswerYet = 9002,
    /// Not authenticated.
    NotAuthenticated = 9003,
    /// This device was removed, or is not known here.
    Removed = 9004,
    /// Too fast.
    TooFast = 9005,
    /// Text too long or empty.
    TooLong = 9006,
    /// Not understood.
    NotUnderstood = 9007,
    /// Queue full.
    QueueFull = 9008,
    /// The computer cannot store.
    Storage = 9009,
    /// Other protocol version.
    Version = 9010,
    /// Id used before with another text.
    IdReused = 9011,
    /// Older replies expired before they could be delivered.
    Expired = 9012,
    /// Nobody knows what became of the run.
    OutcomeUnknown = 9013,
    /// Not allowed.
    NotAllowed = 9014,
    /// Shutting down or busy.
    Stopping = 9015,
    /// Binding refused or cancelled.
    BindingRefused = 9016,
    /// The assistant is not connected; the message is kept.
    LinkOffline = 9017,
    /// The turn was stopped after ten minutes.
    TurnStopped = 9018,
    /// The assistant reported an error.
    AgentError = 9019,
    /// No agent is set for this device.
    NoAgent = 9020,
    /// Replaced by a newer connection.
    Replaced = 9021,
    /// Another gateway is linked already.
    OtherGateway = 9022,
}

impl Code {
    /// Every code, in order.
    pub const ALL: [Self; 22] = [
        Self::BindingUnknown,
        Self::NoAnswerYet,
        Self::NotAuthenticated,
        Self::Removed,
        Self::TooFast,
        Self::TooLong,
        Self::NotUnderstood,
        Self::QueueFull,
        Self::Storage,
        Self::Version,
        Self::IdReused,
        Self::Expired,
        Self::OutcomeUnknown,
        Self::NotAllowed,
        Self::Stopping,
        Self::BindingRefused,
        Self::LinkOffline,
        Self::TurnStopped,
        Self::AgentError,
        Self::NoAgent,
        Self::Replaced,
        Self::OtherGateway,
    ];

    /// The number on the wire.
    pub fn number(self) -> u16 {
        self as u16
    }

    /// The code of a number. `None` for a number of another version.
    pub fn of(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.number() == number)
    }

    /// What a person is told, in English and in Chinese.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::BindingUnknown => {
                ("This code is no longer valid. Ask for a new QR code.", "此二维码已失效，请重新获取。")
            }
            Self::NoAnswerYet => {
                ("The assistant has not answered yet. The answer will follow.", "助手还没有回答，答案稍后会送到。")
            }
            Self::NotAuthenticated => {
                ("This device could not prove who it is. Try again.", "设备身份验证失败，请重试。")
            }
            Self::Removed => (
                "This device was removed. Bind it again with a new QR code.",
                "此设备已被移除，请扫描新的二维码重新绑定。",
            ),
            Self::TooFast => ("Too many messages. Wait a moment.", "消息太快，请稍等。"),
            Self::TooLong => ("The message is empty or too long.", "消息为空或太长。"),
            Self::NotUnderstood => {
                ("The service did not understand this. Update the app.", "服务无法理解此请求，请更新应用。")
            }
            Self::QueueFull => ("Too many messages are waiting. Try again later.", "等待的消息太多，请稍后再试。"),
            Self::Storage => {
                ("The computer cannot save messages. Check its disk space.", "电脑无法保存消息，请检查磁盘空间。")
            }
            Self::Version => {
                ("This app and the service have different versions. Update both.", "应用与服务版本不一致，请更新。")
            }
            Self::IdReused => ("This message was sent before with other words.", "该消息编号已用于其他内容。"),
            Self::Expired => {
                ("Some older answers expired before they could be delivered.", "部分较早的回答已过期，未能送达。")
            }
            Self::OutcomeUnknown => (
                "The assistant stopped in the middle. It is not known whether it finished. Ask again if you need to.",
                "助手中途停止，无法确定是否完成。如有需要请重新提问。",
            ),
            Self::NotAllowed => ("This is not allowed.", "不允许此操作。"),
            Self::Stopping => ("The service is stopping. The device will reconnect.", "服务正在停止，设备会自动重连。"),
            Self::BindingRefused => {
                ("The binding was refused or cancelled. Ask for a new QR code.", "绑定被拒绝或取消，请重新获取二维码。")
            }
            Self::LinkOffline => ("The assistant is not connected. Your message is kept.", "助手未连接，消息已保存。"),
            Self::TurnStopped => (
                "The assistant did not finish within 10 minutes and was stopped. Ask again if you need to.",
                "助手 10 分钟内未完成，已停止。如有需要请重新提问。",
            ),
            Self::AgentError => ("The assistant reported an error.", "助手报告了一个错误。"),
            Self::NoAgent => (
                "No agent is set for this device. Choose one in the OpenClaw settings.",
                "此设备尚未指定智能体，请在 OpenClaw 设置中选择。",
            ),
            Self::Replaced => ("This device connected again elsewhere.", "此设备已在别处重新连接。"),
            Self::OtherGateway => {
                ("Another OpenClaw gateway is linked to this service.", "此服务已连接另一个 OpenClaw 网关。")
            }
        }
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(self.number())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u16::deserialize(deserializer)?;
        Self::of(number).ok_or_else(|| de::Error::custom("unknown code"))
    }
}

/// Why a WebSocket is closed: the number in its close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Close {
    /// Done.
    Normal = 1000,
    /// A frame was too big.
    TooBig = 1009,
    /// The service stops or restarts.
    Restarting = 1012,
    /// No authentication in time.
    AuthTimeout = 4001,
    /// Refused.
    Refused = 4003,
    /// The device was removed.
    Removed = 4004,
    /// Too fast.
    TooFast = 4005,
    /// Not the protocol.
    Protocol = 4007,
    /// A newer connection took over.
    Replaced = 4010,
    /// Took too little for too long.
    TooSlow = 4011,
    /// Silent for too long.
    Silent = 4012,
}

/// Bytes that travel as base64url without padding.
#[derive(Clone, PartialEq, Eq)]
pub struct Blob<const N: usize>(pub [u8; N]);

impl<const N: usize> std::fmt::Debug for Blob<N> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Blob<{N}>")
    }
}

impl<const N: usize> Blob<N> {
    /// The characters on the wire.
    pub fn encode(&self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }

    /// Reads the one form of N bytes. `None` for other lengths, padding or stray bits.
    pub fn parse(text: &str) -> Option<Self> {
        BASE64URL_NOPAD.decode(text.as_bytes()).ok()?.try_into().ok().map(Self)
    }
}

impl<const N: usize> Serialize for Blob<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.encode())
    }
}

impl<'de, const N: usize> Deserialize<'de> for Blob<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("not base64url of the right length"))
    }
}

/// Largest certificate on the wire, in bytes of DER.
const CERTIFICATE: usize = 2_048;

/// A certificate in DER; travels as base64url without padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Der(pub Vec<u8>);

impl Serialize for Der {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Der {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let der = BASE64URL_NOPAD.decode(text.as_bytes()).ok().filter(|der| (1..=CERTIFICATE).contains(&der.len()));
        der.map(Self).ok_or_else(|| de::Error::custom("not base64url of a certificate"))
    }
}

/// Words that no log may show: zeroed when dropped, and `Debug` tells nothing of them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hidden(pub Zeroizing<String>);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Hidden")
    }
}

/// The versions a service speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// Oldest.
    pub min: u32,
    /// Newest.
    pub max: u32,
}

impl Versions {
    /// What this build speaks.
    pub const OURS: Self = Self { min: VERSION, max: VERSION };
}

/// Why a frame was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A well-formed frame of a type this version does not know: answered, the socket kept.
    #[error("unknown frame type")]
    Unknown(String),
    /// Not a frame: answered, the socket closed.
    #[error("malformed frame: {0}")]
    Malformed(String),
}

/// Writes a frame. Every frame type of this module can be written, so there is no error.
pub fn encode(frame: &impl Serialize) -> String {
    serde_json::to_string(frame).expect("frames have string keys and finite numbers")
}

#[cfg(test)]
mod tests;
