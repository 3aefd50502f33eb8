//! `smartpi gateway`.

use clap::{Args, Subcommand};

/// `gateway`, and which one.
#[derive(Debug, Args)]
pub(crate) struct GatewayArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(subcommand)]
    pub(crate) what: Gateway,
}

/// As `openclaw devices` has them: one command speaks to that gateway by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct Target {
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) url: Option<String>,
    // base64url: one token in 64 begins with a hyphen; a hyphen alone reads it from elsewhere.
    #[arg(long, global = true, value_name = "TOKEN", allow_hyphen_values = true)]
    pub(crate) token: Option<String>,
    #[arg(long, global = true, value_name = "PASSWORD", allow_hyphen_values = true)]
    pub(crate) password: Option<String>,
    #[arg(long, global = true, value_name = "MS", value_parser = clap::value_parser!(u64).range(100..=600_000))]
    pub(crate) timeout: Option<u64>,
    #[arg(long, global = true, value_name = "SHA256")]
    pub(crate) tls_fingerprint: Option<String>,
    #[arg(long, global = true)]
    pub(crate) unencrypted: bool,
}

/// `gateway`.
#[derive(Debug, Subcommand)]
pub(crate) enum Gateway {
    Status,
    Connect,
    Disconnect,
    Agents,
    Start,
    Stop {
        #[arg(long)]
        yes: bool,
    },
    Restart {
        #[arg(long)]
        yes: bool,
    },
    Install {
        #[arg(long)]
        yes: bool,
    },
    Uninstall {
        #[arg(long)]
        yes: bool,
    },
    Dashboard,
    #[command(subcommand)]
    Devices(GatewayDevices),
}

/// `gateway devices`: the words of `openclaw devices`.
#[derive(Debug, Subcommand)]
pub(crate) enum GatewayDevices {
    List,
    Approve {
        request: String,
    },
    Reject {
        request: String,
    },
    Remove {
        device: String,
        #[arg(long)]
        yes: bool,
    },
    Rename {
        device: String,
        name: String,
    },
    Rotate {
        device: String,
        #[arg(long, value_name = "ROLE")]
        role: String,
        #[arg(long)]
        yes: bool,
    },
    Revoke {
        device: String,
        #[arg(long, value_name = "ROLE")]
        role: String,
        #[arg(long)]
        yes: bool,
    },
    Clear {
        #[arg(long)]
        pending: bool,
    },
}
