//! `seam check`: is this a valid contract, and what would make it better?

use std::io::Read;
use std::path::PathBuf;

use anyhow::Context;
use serde::Serialize;

use super::{Exit, Output, Stop, json, print, rules};
use crate::clock;
use crate::domain::contract::Strictness;
use crate::domain::text::clean;
use crate::orchestrator::boundary::{self, Flag, Registry, Report};
use crate::source::at_home;

/// Flags of `seam check`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// A contract as JSON; `-` reads standard input
    pub file: String,
    /// Check as a strict edge would, with this completeness (0 to 100) as the least
    #[arg(long, value_name = "LEAST", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub strict: Option<u8>,
    /// Payload schemas beside the built-in ones, each in a file NAME-VERSION.json
    #[arg(long, value_name = "DIR", value_parser = at_home)]
    pub contracts: Option<PathBuf>,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// More than any contract may have, so that a wrong file is not read to its end.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// Runs `seam check`: validates the contract and prints every violation.
///
/// # Errors
/// The file cannot be read.
#[allow(clippy::unused_async)] // every command is called the same way
pub async fn run(args: Args) -> anyhow::Result<Exit> {
    let text = read(&args.file)?;
    let (strictness, least) = match args.strict {
        Some(least) => (Strictness::Strict, least),
        None => (Strictness::Standard, 0),
    };
    let mut registry = Registry::new();
    if let Some(directory) = &args.contracts {
        rules::register(&mut registry, directory)?;
    }
    let report = boundary::check(&registry, &text, strictness, least, clock::now());
    let valid = report.violations.is_empty();
    match args.output {
        Output::Text => print(words(&args.file, &report).as_bytes())?,
        output => {
            #[derive(Serialize)]
            struct Checked<'a> {
                kind: &'static str,
                file: &'a str,
                valid: bool,
                #[serde(flatten)]
                report: &'a Report,
            }
            let checked = Checked { kind: "check", file: &args.file, valid, report: &report };
            print(json(&checked, output == Output::Json)?.as_bytes())?;
        }
    }
    Ok(if valid { Exit::Done } else { Exit::Failed })
}

/// The bytes of a file, or of standard input for `-`.
pub(super) fn read(file: &str) -> anyhow::Result<Vec<u8>> {
    let mut text = Vec::new();
    let read = if file == "-" {
        std::io::stdin().lock().take(MAX_FILE_BYTES + 1).read_to_end(&mut text)
    } else {
        let path = at_home(file).map_err(|why| Stop::new(Exit::Usage, why))?;
        std::fs::File::open(path).and_then(|it| it.take(MAX_FILE_BYTES + 1).read_to_end(&mut text))
    };
    read.with_context(|| format!("cannot read {file}"))?;
    if text.len() as u64 > MAX_FILE_BYTES {
        let why = format!("{file} is larger than {} MiB: that is no contract", MAX_FILE_BYTES >> 20);
        return Err(Stop::new(Exit::Failed, why).into());
    }
    Ok(text)
}

/// The report for people.
fn words(file: &str, report: &Report) -> String {
    let mut lines = Vec::new();
    let verdict = match report.violations.len() {
        0 => "valid".to_owned(),
        1 => "invalid: 1 violation".to_owned(),
        several => format!("invalid: {several} violations"),
    };
    lines.push(format!("{file}: {verdict}"));
    for it in &report.violations {
        let path = if it.path.is_empty() { "/" } else { &it.path };
        lines.push(format!("  ✕ {path}  {} ({})", it.message, it.keyword));
    }
    lines.push(String::new());
    lines.push("the six fields".to_owned());
    for it in &report.six {
        let sign = match (it.fine, it.undeclared) {
            (true, true) => "▲",
            (true, false) => "✓",
            (false, _) => "✕",
        };
        lines.push(format!("  {sign} {:<16} {}", it.name, it.note));
    }
    lines.push(String::new());
    match &report.completeness {
        Some(it) => {
            lines.push(format!("brief {} of 100", it.score));
            for part in &it.missing {
                lines.push(format!("  -{:<3} {}: {}", part.points, part.path, part.why));
            }
        }
        None => lines.push("brief: too broken to tell".to_owned()),
    }
    for flag in &report.flags {
        lines.push(match flag {
            Flag::SummarySize => "note: the summary is outside 200 to 500 tokens".to_owned(),
            Flag::UnregisteredPayload => {
                "note: the payload's fields were not checked, as nobody gave its schema: --contracts DIR does"
                    .to_owned()
            }
            Flag::PayloadMajorChanged => {
                "note: the payload is of another major version than the one before it".to_owned()
            }
            Flag::SideEffectsUndeclared => {
                "note: side_effects are not declared; nobody can tell later what was written, so say [] for nothing"
                    .to_owned()
            }
        });
    }
    lines.push(String::new());
    lines.push("not looked at".to_owned());
    for it in &report.unseen {
        lines.push(format!("  ○ {it}"));
    }
    let mut text = String::new();
    for line in lines {
        text += clean(&line).trim_end();
        text.push('\n');
    }
    text
}
