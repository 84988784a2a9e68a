//! `seam verify`: whether everything in a store is what its log says.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;

use super::{Exit, Stop, print, say};
use crate::domain::text::count;
use crate::source::at_home;
use crate::store::{Audit, audit};

/// Flags of `seam verify`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The store, whether it is being served or not: sqlite:PATH
    #[arg(env = "SEAM_STORE", default_value = "sqlite:seamwatch.db", value_name = "STORE")]
    pub store: String,
}

/// Folds the log and compares everything in the store with it.
///
/// # Errors
/// The store cannot be looked at.
pub async fn run(args: Args) -> anyhow::Result<Exit> {
    let path = store(&args.store)?;
    let began = Instant::now();
    let found = tokio::task::spawn_blocking(move || audit(&path)).await.context("verifying broke off")??;
    let report = report(&found);
    if found.wrong == 0 {
        print(format!("ok: {report} in {:.1} s\n", began.elapsed().as_secs_f64()).as_bytes())?;
        return Ok(Exit::Done);
    }
    print(report.as_bytes())?;
    say(&format!("{}: {} wrong", args.store, records(found.wrong)));
    Ok(Exit::Failed)
}

/// The file of a store that was named, with `sqlite:` before it or without.
///
/// # Errors
/// It is no file of a store that is there.
pub(super) fn store(text: &str) -> Result<PathBuf, Stop> {
    let path = at_home(text.strip_prefix("sqlite:").unwrap_or(text)).map_err(|why| Stop::new(Exit::Usage, why))?;
    if text.contains("://") {
        let why =
            format!("{text} is no file: name the store itself, as in sqlite:seamwatch.db, on the machine it is on");
        return Err(Stop::new(Exit::Usage, why));
    }
    if !path.exists() {
        let why = format!("there is no store at {}: name one, as in sqlite:seamwatch.db", path.display());
        return Err(Stop::new(Exit::Failed, why));
    }
    Ok(path)
}

/// What there is, or, a line each, what is wrong.
pub(super) fn report(found: &Audit) -> String {
    let Audit { events, runs, handoffs, blobs, wrong, first } = found;
    if *wrong == 0 {
        let [events, runs, handoffs, blobs] = [events, runs, handoffs, blobs].map(|it| count(*it));
        return format!(
            "everything is as the log says (events {events}, runs {runs}, handoffs {handoffs}, blobs {blobs})"
        );
    }
    let mut lines: String = first.iter().fold(String::new(), |mut lines, it| {
        let _ = writeln!(lines, "{it}");
        lines
    });
    if let Some(more @ 1..) = wrong.checked_sub(first.len() as u64) {
        let _ = writeln!(lines, "and {} more", count(more));
    }
    lines
}

/// A number of records, in words that go on with what they are.
pub(super) fn records(number: u64) -> String {
    if number == 1 { "1 record is".to_owned() } else { format!("{} records are", count(number)) }
}
