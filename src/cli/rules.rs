//! Settings of an orchestrator, whoever runs it: the policies of edges and the payload schemas. They hold on a
//! store that is opened by its address as they do where it is served.

use std::path::Path;

use anyhow::Context;
use semver::Version;

use super::{Exit, Stop};
use crate::config;
use crate::domain::json;
use crate::domain::text::clean;
use crate::orchestrator::boundary::Registry;
use crate::orchestrator::engine::Settings;
use crate::orchestrator::policy_file;
use crate::source::{self, Address, AddressError, Options, Shared};
use crate::toml_lines::Mistake;

/// Flags for the policies and schemas of a store, as for `seam serve`.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(skip)] // those of every act are called the same
pub struct Flags {
    /// Policies of edges, where the address is a store [env: SEAM_POLICIES]
    #[arg(long, value_name = "FILE")]
    pub policies: Option<String>,
    /// Directory of payload schemas, where the address is a store [env: SEAM_CONTRACTS]
    #[arg(long, value_name = "DIR")]
    pub contracts: Option<String>,
}

/// Opens the source at an address, with the token or the rules that it needs.
///
/// # Errors
/// The token or the rules cannot be read, or the source cannot be opened.
pub async fn open(address: &Address, settings: &config::Settings, mut options: Options) -> anyhow::Result<Shared> {
    match address {
        Address::Http(_) => {
            let settings = settings.clone();
            // A command may take seconds to print it, and the console goes on meanwhile.
            let read = tokio::task::spawn_blocking(move || settings.token()).await;
            options.token = read.context("reading the token broke off")??;
        }
        Address::Embedded(_) => {
            let (policies, contracts) = (&settings.policies.value, &settings.contracts.value);
            options.settings = read(policies.as_deref(), contracts.as_deref())?;
            tokenless(&options.settings, "serve the store with `seam serve --tokens FILE` and open its address")?;
        }
        Address::File(_) => {}
    }
    let opened = source::open(address, &options).await;
    Ok(opened.map_err(|why| {
        let exit = match why {
            AddressError::Failed(_) => Exit::Failed,
            _ => Exit::Usage,
        };
        Stop::new(exit, why.to_string())
    })?)
}

/// Reads the file of policies and the directory of contracts, where they are named.
///
/// # Errors
/// Every mistake of the file or the directory at once.
pub fn read(policies: Option<&Path>, contracts: Option<&Path>) -> anyhow::Result<Settings> {
    let mut settings = Settings::default();
    if let Some(path) = policies {
        let read = policy_file::read(&text(path, "the policies")?);
        settings.policies = read.map_err(|mistakes| wrong("the policies", path, &mistakes))?;
    }
    if let Some(directory) = contracts {
        register(&mut settings.registry, directory)?;
    }
    Ok(settings)
}

/// Whether the policies hold where nobody has a token; `instead` is how they would.
///
/// # Errors
/// They separate duties: by the names that people give themselves, nobody can be told from another.
pub fn tokenless(settings: &Settings, instead: &str) -> anyhow::Result<()> {
    let Some(rule) = settings.policies.separating() else {
        return Ok(());
    };
    let text = format!(
        "the policies cannot be used here: `separation` on the edges from {} to {} of pipeline {} tells people apart by \
         their tokens, and here nobody has one; {instead}, or take `separation` out",
        clean(&rule.from),
        clean(&rule.to),
        clean(&rule.pipeline)
    );
    Err(Stop::new(Exit::Usage, text).into())
}

/// A file with mistakes, as it is told.
pub fn wrong(what: &str, path: &Path, mistakes: &[Mistake]) -> Stop {
    let lines: Vec<String> = mistakes.iter().map(|it| format!("\n  {it}")).collect();
    let text = format!("{what} in {} cannot be used:{}", path.display(), lines.concat());
    Stop::new(Exit::Usage, text)
}

/// Every `NAME-VERSION.json` of a directory, lowest version first; all mistakes at once.
/// Registers the payload schemas in the files of a directory.
///
/// # Errors
/// Every file that holds none, or one that does not fit.
pub fn register(registry: &mut Registry, directory: &Path) -> anyhow::Result<()> {
    let unreadable = |why: std::io::Error| {
        Stop::new(Exit::Usage, format!("cannot read the contracts in {}: {why}", directory.display()))
    };
    let mut files = Vec::new();
    let mut mistakes = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_none_or(|it| it != "json") {
            continue;
        }
        let stem = path.file_stem().and_then(|it| it.to_str()).unwrap_or_default();
        // A name may hold hyphens and so may a pre-release: the version is what begins with a digit and reads as one.
        let named = stem
            .match_indices('-')
            .find_map(|(at, _)| Some((stem[..at].to_owned(), Version::parse(&stem[at + 1..]).ok()?)));
        match named {
            Some((name, version)) => files.push((name, version, path)),
            None => {
                mistakes.push(format!("{}: the name must be NAME-VERSION.json, as in lead-1.0.0.json", path.display()));
            }
        }
    }
    files.sort();
    for (name, version, path) in files {
        let added = text(&path, "the contract").map_err(|why| why.to_string()).and_then(|text| {
            let schema = json::parse(text.as_bytes()).map_err(|why| why.to_string())?;
            registry.put(&name, &version, schema).map_err(|why| why.to_string())
        });
        if let Err(why) = added {
            mistakes.push(format!("{}: {why}", path.display()));
        }
    }
    if mistakes.is_empty() { Ok(()) } else { Err(Stop::new(Exit::Usage, mistakes.join("\n")).into()) }
}

/// A file that was named; `what` it is, for the error.
pub fn text(path: &Path, what: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(path).map_err(|why| {
        let text = format!("cannot read {what} {}: {why}", path.display());
        Stop::new(Exit::Usage, text).into()
    })
}
