//! `seam export`: the event log as a recording that `file:` addresses read.

use super::{Connect, Exit};

/// Flags of `seam export`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where to write: `.ndjson`, or `.ndjson.gz` for a compressed one; standard output when absent
    pub file: Option<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub connect: Connect,
}

/// Writes.
///
/// # Errors
/// The address does not answer, or the file cannot be written.
pub async fn run(_args: Args) -> anyhow::Result<Exit> {
    anyhow::bail!("`seam export` is not part of this build")
}
