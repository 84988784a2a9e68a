//! `seam demo`: the console on simulated agents.

use super::Exit;

/// Flags of `seam demo`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Seed of the simulation: the same seed tells the same story
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    pub seed: u64,
    /// How many seconds of the story pass in one
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    pub speed: f64,
}

/// Opens the console on the demonstration.
///
/// # Errors
/// No terminal, or no place for the temporary store.
pub async fn run(_args: Args) -> anyhow::Result<Exit> {
    anyhow::bail!("the demonstration is not part of this build")
}
