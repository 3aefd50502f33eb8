//! Who may answer.

/// Which upstream may link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agent {
    /// The OpenClaw plugin.
    Gateway,
    /// The built-in echo.
    Echo,
}

/// The gateway id of the built-in echo agent: never pinned, refused where the agent is the gateway.
pub const ECHO_GATEWAY: &str = "echo0000000000000000000000000000";
