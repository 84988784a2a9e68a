//! `seam show`: everything about one handoff or run.

use super::{Connect, Exit, Output};

/// Flags of `seam show`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Id of a handoff or a run
    pub id: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub connect: Connect,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// Prints.
///
/// # Errors
/// Nothing has this id, or the address does not answer.
pub async fn run(_args: Args) -> anyhow::Result<Exit> {
    anyhow::bail!("`seam show` is not part of this build")
}
