//! The command line: one file per subcommand, and what they share: the connection, the output and the exit.

#![allow(clippy::doc_markdown, rustdoc::bare_urls)] // the comments of flags are their help text, not Markdown

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use thiserror::Error;

use crate::config::{self, Flags, Settings};
use crate::domain::text::{clean_block, escape_json};
use crate::log;
use crate::store;

pub mod act;
pub mod backup;
pub mod check;
pub mod contexts;
pub mod demo;
pub mod export;
pub mod get;
pub mod look;
mod private;
pub mod rules;
pub mod serve;
pub mod show;
pub mod table;
pub mod verify;
pub mod watch;

/// The operations console for AI-agent handoffs.
///
/// Without a command it watches: `seam` opens the console on the default address, `seam ADDRESS` on another.
#[derive(Debug, Parser)]
#[command(
    name = "seam",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_precedence_over_arg = true,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 conflict (it moved since it was seen), 4 refused."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    watch: watch::Args,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Open the console on a running demonstration: simulated agents, then an incident
    Demo(demo::Args),
    /// Open the console on an address (the default command)
    Watch(watch::Args),
    /// Run the orchestrator and its HTTP API
    Serve(serve::Args),
    /// Print pipelines, edges, tasks, dead letters, the inbox or events
    Get(get::Args),
    /// Print everything about one handoff or run
    Show(show::Args),
    #[command(flatten)]
    Act(act::Act),
    /// Hold back what an edge would hand to its receiver
    Pause(act::edge::On),
    /// Let a paused edge flow again
    Resume(act::edge::On),
    /// Be done with refused contracts: one, a group, or all of an edge
    DismissRefused(act::refused::On),
    /// Validate a contract and say what is missing
    Check(check::Args),
    /// Write the event log of an address as a recording
    Export(export::Args),
    /// Copy a whole store, whether it is being served or not
    Backup(backup::Args),
    /// Fold the log of a store and compare everything in it
    Verify(verify::Args),
    /// List the contexts: the named connections of the configuration
    Contexts(contexts::Args),
    /// Print the completions of a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

impl Cli {
    /// Does what was asked.
    ///
    /// # Errors
    /// Whatever stopped it; [`report`] turns it into a message and an exit.
    pub async fn run(self) -> anyhow::Result<Exit> {
        readable_environment()?;
        match self.command {
            None => watch::run(self.watch).await,
            Some(Command::Demo(args)) => demo::run(args).await,
            Some(Command::Watch(args)) => watch::run(args).await,
            Some(Command::Serve(args)) => serve::run(args).await,
            Some(Command::Get(args)) => get::run(args).await,
            Some(Command::Show(args)) => show::run(args).await,
            Some(Command::Act(act)) => act::run(act).await,
            Some(Command::Pause(on)) => act::edge::run(on, true).await,
            Some(Command::Resume(on)) => act::edge::run(on, false).await,
            Some(Command::DismissRefused(on)) => act::refused::run(on).await,
            Some(Command::Check(args)) => check::run(args).await,
            Some(Command::Export(args)) => export::run(args).await,
            Some(Command::Backup(args)) => backup::run(args).await,
            Some(Command::Verify(args)) => verify::run(args).await,
            Some(Command::Contexts(args)) => contexts::run(&args),
            Some(Command::Completions { shell }) => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Self::command(), "seam", &mut script);
                print(&script)?;
                Ok(Exit::Done)
            }
        }
    }
}

/// Whether every variable of ours can be read: one that cannot is a mistake, and not as good as none. What is in it may be
/// a secret, and is not told.
fn readable_environment() -> Result<(), Stop> {
    let unreadable = std::env::vars_os().find_map(|(name, value)| {
        let name = name.into_string().ok().filter(|it| it.starts_with("SEAM_"))?;
        value.to_str().is_none().then_some(name)
    });
    unreadable.map_or(Ok(()), |name| {
        Err(Stop::new(Exit::Usage, format!("what {name} holds is not UTF-8: set it anew, or unset it")))
    })
}

/// The command that somebody who wrote `text` may have meant.
fn command_like(text: &str) -> Option<String> {
    let cli = Cli::command();
    config::nearest(text, cli.get_subcommands().map(clap::Command::get_name)).map(str::to_owned)
}

/// Exit code of the program, an interface for scripts (`seam --help` lists them).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: it did not work: the address does not answer, a file cannot be read, an item failed.
    Failed,
    /// 2: the command makes no sense as written, or a configuration file is wrong.
    Usage,
    /// 3: a conflict: it moved since it was seen; somebody else was faster.
    Conflict,
    /// 4: refused: by the state, by the rights, or because an edit makes the contract invalid.
    Refused,
}

impl Exit {
    /// The exit code that a shell sees, 0 to 4.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Conflict => 3,
            Self::Refused => 4,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// An error that knows its exit; every other error ends in [`Exit::Failed`].
#[derive(Debug, Error)]
#[error("{message}")]
pub struct Stop {
    exit: Exit,
    message: String,
}

impl Stop {
    /// A message for a person, and how the program ends.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }
}

/// Says on standard error what went wrong, made harmless, and gives the exit it ends in.
pub fn report(why: &anyhow::Error) -> Exit {
    say(&format!("{why:#}"));
    match why.downcast_ref::<Stop>() {
        Some(it) => it.exit,
        None if why.is::<config::Wrong>() => Exit::Usage,
        None => Exit::Failed,
    }
}

/// Waits until the stores that were opened are closed, and the last words written: what was written is then in one file each. Call it when nothing uses
/// them any more. One that does not close in time is said: it is whole, but part of it is in its `-wal`.
pub fn close() {
    /// The longest that a large log may take to be moved into its file.
    const CLOSING: Duration = Duration::from_secs(30);
    if !store::none_open(CLOSING) {
        say("the store did not close in time: nothing is lost, but part of it is still in the file that ends in -wal");
    }
    log::flush();
}

/// Writes to standard output; a reader that went away, such as `head`, is no error.
///
/// # Errors
/// Any other failure to write, such as a full disk.
pub fn print(bytes: &[u8]) -> anyhow::Result<()> {
    use std::io::{ErrorKind, Write};
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(why) if why.kind() != ErrorKind::BrokenPipe => {
            Err(anyhow::Error::new(why).context("cannot write the output"))
        }
        _ => Ok(()),
    }
}

/// Says something to a person beside the output, made harmless.
pub fn say(text: &str) {
    log::say(&format!("seam: {}", clean_block(text)));
}

/// A value as one JSON document with its line end, harmless to a terminal; `pretty` over many lines.
///
/// # Errors
/// A value that JSON cannot hold.
pub fn json(value: &impl serde::Serialize, pretty: bool) -> anyhow::Result<String> {
    let mut text = if pretty { serde_json::to_string_pretty(value)? } else { serde_json::to_string(value)? };
    text.push('\n');
    Ok(escape_json(&text).into_owned())
}

/// Address and identity of a command that reads or acts.
#[derive(Clone, Debug, Default, Args)]
pub struct Connect {
    /// Address: http(s)://HOST:PORT, sqlite:PATH or file:RECORDING [env: SEAM_ADDRESS]
    #[arg(short = 'c', long = "connect", value_name = "ADDRESS")]
    pub address: Option<String>,
    /// Context: a named connection of the configuration; `seam contexts` lists them [env: SEAM_CONTEXT]
    #[arg(short = 'x', long, value_name = "NAME")]
    pub context: Option<String>,
    /// Configuration file instead of the one in the configuration directory [env: SEAM_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<String>,
    #[command(flatten)]
    #[allow(clippy::missing_docs_in_private_items)]
    pub rules: rules::Flags,
}

impl Connect {
    /// The settings with these flags on top.
    ///
    /// # Errors
    /// Every mistake of the configuration file at once.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        let flags = Flags {
            addresses: self.address.iter().cloned().collect(),
            context: self.context.clone(),
            config: self.config.clone(),
            policies: self.rules.policies.clone(),
            contracts: self.rules.contracts.clone(),
            ..Flags::default()
        };
        Ok(Settings::load(flags)?)
    }
}

/// Format of what a command prints on standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// A table for people
    #[default]
    Text,
    /// One JSON document
    Json,
    /// One JSON object per line
    Jsonl,
}
