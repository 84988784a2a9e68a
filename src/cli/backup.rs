//! `seam backup`: a copy of a whole store.

use std::path::PathBuf;

use anyhow::Context;

use super::verify::{records, report, store};
use super::{Exit, print, say};
use crate::source::at_home;
use crate::store::backup;

/// Flags of `seam backup`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where to write the copy
    #[arg(value_parser = at_home)]
    pub file: PathBuf,
    /// The store, whether it is being served or not: sqlite:PATH
    #[arg(env = "SEAM_STORE", default_value = "sqlite:seamwatch.db", value_name = "STORE")]
    pub store: String,
    /// Write over a file that is there
    #[arg(long)]
    pub force: bool,
}

/// Copies the store as of now, and looks through the copy.
///
/// # Errors
/// The store cannot be read, or the copy not be written.
pub async fn run(args: Args) -> anyhow::Result<Exit> {
    let (path, file) = (store(&args.store)?, args.file.clone());
    let copied = tokio::task::spawn_blocking(move || backup(&path, &file, args.force)).await;
    let found = copied.context("copying broke off")??;
    let (file, report) = (args.file.display(), report(&found));
    if found.wrong == 0 {
        say(&format!("{file} is a copy of {}: {report}", args.store));
        return Ok(Exit::Done);
    }
    print(report.as_bytes())?;
    say(&format!(
        "{file} is a copy of {}, in which {} wrong, as they are in the store",
        args.store,
        records(found.wrong)
    ));
    Ok(Exit::Failed)
}
