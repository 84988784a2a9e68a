//! `seam check`: is this a valid contract, and what would make it better?

use super::{Exit, Output};

/// Flags of `seam check`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// A contract as JSON; `-` reads standard input
    pub file: String,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// Checks.
///
/// # Errors
/// The file cannot be read.
pub async fn run(_args: Args) -> anyhow::Result<Exit> {
    anyhow::bail!("`seam check` is not part of this build")
}
