//! `seam serve`: the orchestrator and its HTTP API.

use super::Exit;

/// Flags of `seam serve`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where the state is kept: sqlite:PATH
    #[arg(long, default_value = "sqlite:seamwatch.db", value_name = "STORE")]
    pub store: String,
    /// Address to listen on; anything but loopback needs --tokens
    #[arg(long, default_value = "127.0.0.1:7600", value_name = "HOST:PORT")]
    pub listen: String,
    /// Tokens that are let in; without it everybody on loopback is
    #[arg(long, value_name = "FILE")]
    pub tokens: Option<std::path::PathBuf>,
    /// Policies of edges: strictness, attempts, approvals
    #[arg(long, value_name = "FILE")]
    pub policies: Option<std::path::PathBuf>,
    /// Directory of payload schemas, NAME-VERSION.json
    #[arg(long, value_name = "DIR")]
    pub contracts: Option<std::path::PathBuf>,
}

/// Serves until it is told to stop.
///
/// # Errors
/// The store, a file or the address is wrong or in use.
pub async fn run(_args: Args) -> anyhow::Result<Exit> {
    anyhow::bail!("`seam serve` is not part of this build")
}
