//! `seam contexts`: the named connections of the configuration.

use serde::Serialize;

use super::table::{Column, left, room, table, words};
use super::{Connect, Exit, Output, json, print, say};
use crate::config::{Context, Settings};

/// Flags of `seam contexts`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Context to mark as the current one [env: SEAM_CONTEXT]
    #[arg(short = 'x', long, value_name = "NAME")]
    pub context: Option<String>,
    /// Configuration file instead of the one in the configuration directory [env: SEAM_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<String>,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// One context as JSON.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    /// It is the one in force.
    current: bool,
    /// Word for the environment; null where there is none.
    environment: Option<String>,
    color: &'static str,
    addresses: &'a [String],
    read_only: bool,
    /// Filter that the screens begin with; null for none.
    filter: Option<&'a str>,
    /// Setting that says where the token comes from; null where there is none.
    token: Option<&'static str>,
    /// Place of that setting; null where there is none.
    token_origin: Option<String>,
    /// Place of the context.
    origin: String,
}

/// All of them as one JSON document.
#[derive(Serialize)]
struct Document<'a> {
    kind: &'static str,
    /// Name of the one in force; null when there is none.
    current: Option<&'a str>,
    rows: &'a [Row<'a>],
}

const COLUMNS: &[Column] = &[
    left(""),
    left("NAME"),
    left("ENVIRONMENT"),
    left("READ-ONLY").spare(1),
    left("TOKEN").spare(2),
    words("ADDRESSES"),
];

/// Prints the contexts, in the order of the file.
///
/// # Errors
/// Every mistake of the configuration file at once.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let flags = Connect { context: args.context.clone(), config: args.config.clone(), ..Connect::default() };
    let settings = flags.settings()?;
    let rows: Vec<Row<'_>> = settings.contexts.iter().map(|it| row(&settings, it)).collect();
    let text = match args.output {
        Output::Json => json(&Document { kind: "contexts", current: current(&settings), rows: &rows }, true)?,
        Output::Jsonl => rows.iter().map(|row| json(row, false)).collect::<Result<_, _>>()?,
        Output::Text if rows.is_empty() => {
            say(&format!("no contexts: {} has no table [contexts.NAME]", settings.path.display()));
            return Ok(Exit::Done);
        }
        Output::Text => table(COLUMNS, &rows.iter().map(cells).collect::<Vec<_>>(), room()),
    };
    print(text.as_bytes())?;
    Ok(Exit::Done)
}

fn current(settings: &Settings) -> Option<&str> {
    settings.context.as_ref().map(|it| it.value.name.as_str())
}

fn row<'a>(settings: &'a Settings, it: &'a Context) -> Row<'a> {
    let environment = settings.environment_of(Some(it));
    let token = settings.token_of(it);
    Row {
        name: &it.name,
        current: current(settings) == Some(&it.name),
        environment: Some(environment.word().to_owned()).filter(|it| !it.is_empty()),
        color: environment.color().name(),
        addresses: &it.addresses.value,
        read_only: it.read_only.value,
        filter: it.filter.as_ref().map(|filter| filter.value.as_str()),
        token: token.map(|(kind, _)| kind),
        token_origin: token.map(|(_, origin)| origin.to_string()),
        origin: it.origin.to_string(),
    }
}

fn cells(row: &Row<'_>) -> Vec<String> {
    let text = |it: Option<&str>| it.unwrap_or("-").to_owned();
    vec![
        if row.current { "*" } else { "" }.to_owned(),
        row.name.to_owned(),
        text(row.environment.as_deref()),
        if row.read_only { "yes" } else { "no" }.to_owned(),
        text(row.token),
        row.addresses.join(" "),
    ]
}
