//! `seam watch`: the console.

use super::Exit;

/// Flags of `seam watch`.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Args {
    /// What to watch: http(s)://HOST:PORT, sqlite:PATH or file:RECORDING [env: SEAM_ADDRESS]
    #[arg(value_name = "ADDRESS")]
    pub address: Vec<String>,
    /// Configuration file instead of the one in the configuration directory [env: SEAM_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<String>,
    /// Theme by name or file [env: SEAM_THEME]
    #[arg(long, value_name = "NAME")]
    pub theme: Option<String>,
    /// Only ASCII signs, for terminals without UTF-8 [env: SEAM_ASCII]
    #[arg(long)]
    pub ascii: bool,
    /// Look, but act on nothing [env: SEAM_READONLY]
    #[arg(long)]
    pub readonly: bool,
    /// Speed of a replay: 1, 60 or max
    #[arg(long, value_name = "SPEED")]
    pub speed: Option<String>,
}

/// Opens the console.
///
/// # Errors
/// The address or a configuration file is wrong, or there is no terminal.
pub async fn run(_args: Args) -> anyhow::Result<Exit> {
    anyhow::bail!("the console is not part of this build")
}
