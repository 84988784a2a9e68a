//! The acts: `seam requeue|escalate|dismiss|approve|reject|respond ID…`.

use super::{Connect, Exit, Output};

/// What every act needs.
#[derive(Clone, Debug, clap::Args)]
pub struct On {
    /// Ids of handoffs
    #[arg(required = true)]
    pub ids: Vec<String>,
    /// Why, in your words
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub connect: Connect,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// The acts.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Act {
    /// Return dead letters to the queue
    Requeue(On),
    /// Ask a person
    Escalate {
        #[command(flatten)]
        #[allow(missing_docs)]
        on: On,
        /// Whom to ask
        #[arg(long, default_value = "operators")]
        role: String,
        /// Take it away from the agent that works on it
        #[arg(long)]
        force: bool,
    },
    /// End handoffs unprocessed
    Dismiss {
        #[command(flatten)]
        #[allow(missing_docs)]
        on: On,
        /// Which sort of reason
        #[arg(long = "as", default_value = "obsolete", value_parser = ["obsolete", "duplicate", "handled_manually", "wont_fix", "test_data"])]
        sort: String,
    },
    /// Let an escalated handoff go ahead
    Approve {
        #[command(flatten)]
        #[allow(missing_docs)]
        on: On,
        /// The edited contract to go ahead with
        #[arg(long, value_name = "FILE")]
        edited: Option<String>,
    },
    /// Send an escalated handoff back to its source with feedback
    Reject(On),
    /// Answer the question of an agent
    Respond {
        #[command(flatten)]
        #[allow(missing_docs)]
        on: On,
        /// The answer as JSON
        #[arg(long, value_name = "JSON")]
        value: String,
    },
}

/// Does it.
///
/// # Errors
/// The address does not answer.
pub async fn run(_act: Act) -> anyhow::Result<Exit> {
    anyhow::bail!("acts are not part of this build")
}
