//! `smartpi repair`.

use clap::Args;

/// `repair`: without an option it says what could be mended.
#[derive(Clone, Debug, Args)]
pub(crate) struct Repair {
    #[arg(long, conflicts_with_all = ["apply", "undo", "entries"])]
    pub(crate) plan: bool,
    #[arg(long, value_name = "FINGERPRINT", conflicts_with_all = ["undo", "entries"])]
    pub(crate) apply: Option<String>,
    #[arg(long, value_name = "ID")]
    pub(crate) undo: Option<String>,
    #[arg(long, conflicts_with = "undo")]
    pub(crate) entries: bool,
}
