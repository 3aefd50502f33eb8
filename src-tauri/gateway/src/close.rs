//! How a connection ended.

/// The end of a WebSocket, as this side saw it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Close {
    /// 1000 without a word. A gateway that restarts does so before it answers; so does one that was not asked in time, or in no JSON.
    Quiet,
    /// 1012: it stops or restarts.
    Restart,
    /// 4001: the device was removed, its token was changed or taken back, or the gateway's shared secret is another one. Which of them, the
    /// next answer to the device token says.
    SignedOut {
        /// In the gateway's words, for a log.
        reason: String,
    },
    /// 1008: something that the gateway does not allow.
    Forbidden {
        /// In the gateway's words, for a log.
        reason: String,
    },
    /// 1009: a frame was too large.
    TooLarge,
    /// 1002: it does not speak this protocol.
    Protocol,
    /// The connection broke without a close frame.
    Lost,
    /// Nothing came for [`SILENCE`](crate::SILENCE), or nothing could be sent: it hangs, or is gone without a word.
    Silent,
    /// This side closed.
    Ours,
    /// Another number.
    Other {
        /// Of the close frame.
        code: u16,
        /// In the gateway's words, for a log.
        reason: String,
    },
}

impl Close {
    /// What a close frame says.
    pub fn of_frame(code: u16, reason: &str) -> Self {
        let reason = reason.to_owned();
        match code {
            1000 if reason.is_empty() => Self::Quiet,
            1002 => Self::Protocol,
            1008 => Self::Forbidden { reason },
            1009 => Self::TooLarge,
            1012 => Self::Restart,
            4001 => Self::SignedOut { reason },
            1005 | 1006 => Self::Lost,
            code => Self::Other { code, reason },
        }
    }

    /// Whether the same again may do better in a while.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Quiet | Self::Restart | Self::Lost | Self::Silent | Self::Other { .. } | Self::SignedOut { .. } => {
                true
            }
            Self::Forbidden { .. } | Self::TooLarge | Self::Protocol | Self::Ours => false,
        }
    }
}
