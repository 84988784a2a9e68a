//! `seam get`: what the screens show, as text or JSON.

use super::{Connect, Exit, Output};

/// Flags of `seam get`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// What to print
    #[arg(value_enum)]
    pub kind: Kind,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub connect: Connect,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
    /// Window of the rates: 1m, 5m, 1h or all
    #[arg(long, default_value = "1h", value_parser = ["1m", "5m", "1h", "all"])]
    pub window: String,
    /// State of a recording at this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
}

/// What can be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// One row per pipeline
    Pipelines,
    /// One row per edge
    Edges,
    /// One row per run
    Tasks,
    /// Dead letters
    Dead,
    /// Handoffs that wait for a person
    Inbox,
    /// The log
    Events,
}

/// Prints.
///
/// # Errors
/// The address does not answer or cannot be read.
pub async fn run(_args: Args) -> anyhow::Result<Exit> {
    anyhow::bail!("`seam get` is not part of this build")
}
