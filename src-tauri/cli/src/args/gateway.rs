//! `smartpi gateway`.

use clap::Subcommand;

/// `gateway`.
#[derive(Debug, Subcommand)]
pub(crate) enum Gateway {
    Status,
    Connect,
    Disconnect,
    Agents,
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
