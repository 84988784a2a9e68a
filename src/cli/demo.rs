//! `seam demo`: the console on simulated agents.

use anyhow::Context;

use super::serve::{Interrupts, tell};
use super::{Exit, Stop, say, watch};
use crate::demo::{Agents, Host, Story};

/// Flags of `seam demo`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Seed of the simulation: the same seed tells the same story
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    pub seed: u64,
    /// How many seconds of the story pass in one, 0.1 to 100
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    pub speed: f64,
    /// Without the console: print the address and go on until ctrl-c
    #[arg(long)]
    pub headless: bool,
    /// Only the agents, for the orchestrator at this address; until ctrl-c; a token comes from SEAM_TOKEN
    #[arg(long, value_name = "URL")]
    pub agents_only: Option<String>,
    #[command(flatten)]
    look: Look,
}

/// Flags for the look of the console, as for `seam watch`.
#[derive(Clone, Debug, clap::Args)]
struct Look {
    /// Configuration file instead of the one in the configuration directory [env: SEAM_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    /// Theme by name or file [env: SEAM_THEME]
    #[arg(long, value_name = "NAME")]
    theme: Option<String>,
    /// Only ASCII signs, for terminals without UTF-8 [env: SEAM_ASCII]
    #[arg(long)]
    ascii: bool,
    /// Look, but act on nothing [env: SEAM_READONLY]
    #[arg(long)]
    readonly: bool,
}

/// Opens the console on the demonstration.
///
/// # Errors
/// No terminal, or no place for the temporary store.
pub async fn run(args: Args) -> anyhow::Result<Exit> {
    if !(0.1..=100.0).contains(&args.speed) {
        let what = format!("--speed {} is out of range; it may be 0.1 to 100", args.speed);
        return Err(Stop::new(Exit::Usage, what).into());
    }
    let story = Story { seed: args.seed, speed: args.speed };
    if let Some(url) = &args.agents_only {
        return agents_only(url, story).await;
    }
    let host = Host::start().await?;
    let agents = Agents::start(host.url(), None, story).await?;
    let shown = if args.headless {
        let mut interrupts = Interrupts::listen()?;
        tell(&format!("the demonstration runs at {}; ctrl-c ends it", host.url()));
        interrupts.next().await;
        Ok(Exit::Done)
    } else {
        let look = args.look;
        watch::run(watch::Args {
            address: vec![host.url().to_owned()],
            config: look.config,
            theme: look.theme,
            ascii: look.ascii,
            readonly: look.readonly,
            stops: Some(format!("the demonstration at {} is stopped, too, until `fg`", host.url())),
            ..watch::Args::default()
        })
        .await
    };
    drop(agents);
    host.stop().await?;
    shown
}

/// Traffic for an orchestrator that somebody else stops.
async fn agents_only(url: &str, story: Story) -> anyhow::Result<Exit> {
    // Its log outlives this story, and a second one must not repeat the keys of the first.
    let now = crate::clock::now().millis().unsigned_abs();
    let story = Story { seed: story.seed ^ now, ..story };
    let token = std::env::var("SEAM_TOKEN").ok();
    let mut interrupts = Interrupts::listen()?;
    let agents = Agents::start(url, token.as_deref(), story).await?;
    let mut link = agents.link();
    loop {
        tokio::select! {
            changed = link.changed() => changed.context("the agents stopped")?,
            () = interrupts.next() => return Ok(Exit::Done),
        }
        match link.borrow_and_update().as_ref() {
            Some(Ok(())) => say(&format!("agents work at {url}; ctrl-c ends them")),
            Some(Err(why)) => say(&format!("no agent can work at {url} ({why}): waiting for it; ctrl-c ends")),
            None => {}
        }
    }
}
