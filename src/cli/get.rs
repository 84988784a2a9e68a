//! `seam get`: what the screens show, as text or JSON.

use serde::Serialize;
use serde_json::Value;

use super::look::{Look, look};
use super::table::{room, table};
use super::{Connect, Exit, Output, Stop, json, print, say};
use crate::domain::health::Span;
use crate::domain::query::Query;
use crate::domain::report;
use crate::domain::time::Time;
use event::EventRow;
use rows::Row;

pub mod event;
mod items;
mod rows;

/// Flags of `seam get`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// What to print
    #[arg(value_enum)]
    pub kind: Kind,
    /// Only these: a pipeline, an edge as FROM>TO, a handoff, a trace
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub connect: Connect,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
    /// Window of figures: 1m, 5m, 1h or all [default: 1h, for recordings all]
    #[arg(long, value_name = "WINDOW")]
    pub window: Option<Span>,
    /// State of a recording at this time (RFC 3339) [default: its end]
    #[arg(long, value_name = "TIME", value_parser = Time::parse)]
    pub as_of: Option<Time>,
    /// Only rows with these words; -word leaves out, field:word looks at one field
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        allow_hyphen_values = true
    )]
    pub filter: String,
    /// At most this many rows; of events the latest
    #[arg(long, value_name = "NUMBER")]
    pub limit: Option<usize>,
    /// Tasks: closed ones without a verdict, too
    #[arg(long)]
    pub all: bool,
}

/// What can be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One row per pipeline
    Pipelines,
    /// One row per edge
    Edges,
    /// One row per run that is open or goes round in circles
    Tasks,
    /// Dead letters
    Dead,
    /// Handoffs that wait for a person
    Inbox,
    /// The log
    Events,
    /// Contracts that were refused
    Rejections,
}

/// Prints.
///
/// # Errors
/// The address does not answer or cannot be read, or nothing has an id that was asked for.
pub async fn run(args: Args) -> anyhow::Result<Exit> {
    let look = look(&args.connect, args.as_of).await?;
    let span = args.window.unwrap_or_else(|| look.default_span());
    match args.kind {
        Kind::Pipelines => show(
            &args,
            &look,
            Some(span),
            report::pipelines(&look.ledger, span, false),
        ),
        Kind::Edges => show(
            &args,
            &look,
            Some(span),
            report::edges(&look.ledger, span, false),
        ),
        Kind::Tasks => {
            let all = args.all || !args.ids.is_empty();
            show(&args, &look, None, report::tasks(&look.ledger, all))
        }
        Kind::Dead => {
            let groups = report::dead_groups(&look.ledger);
            let rows = groups.into_iter().flat_map(|group| group.items).collect();
            show(&args, &look, None, rows)
        }
        Kind::Inbox => show(&args, &look, None, report::inbox(&look.ledger)),
        Kind::Events => {
            let row = |event| EventRow::new(&look.ledger, event);
            show(&args, &look, None, look.events.iter().map(row).collect())
        }
        Kind::Rejections => show(&args, &look, None, report::rejections(&look.ledger)),
    }
}

/// Everything around the rows of one kind.
#[derive(Serialize)]
struct Envelope<'a, T> {
    kind: Kind,
    source: &'a str,
    as_of: Time,
    window: Option<&'static str>,
    /// Rows before the limit.
    total: usize,
    rows: &'a [T],
    open: super::look::Open,
    irregular: Value,
    skipped: Value,
}

fn show<T: Row>(
    args: &Args,
    look: &Look,
    window: Option<Span>,
    rows: Vec<T>,
) -> anyhow::Result<Exit> {
    let mut rows = chosen(args, rows)?;
    let total = rows.len();
    if let Some(limit) = args.limit {
        let cut = total.saturating_sub(limit);
        if args.kind == Kind::Events {
            rows.drain(..cut);
        } else {
            rows.truncate(limit);
        }
    }
    match args.output {
        Output::Json => {
            let envelope = Envelope {
                kind: args.kind,
                source: &look.address,
                as_of: look.as_of,
                window: window.map(Span::name),
                total,
                rows: &rows,
                open: look.open(),
                irregular: serde_json::to_value(look.ledger.irregular())?,
                skipped: serde_json::to_value(&look.skipped)?,
            };
            print(json(&envelope, true)?.as_bytes())?;
        }
        Output::Jsonl => {
            let lines: Result<String, _> = rows.iter().map(|row| json(row, false)).collect();
            print(lines?.as_bytes())?;
        }
        Output::Text => {
            let cells: Vec<Vec<String>> = rows.iter().map(Row::cells).collect();
            if cells.is_empty() {
                say(&format!("nothing to show as of {}", look.as_of));
            } else {
                print(table(T::COLUMNS, &cells, room()).as_bytes())?;
            }
        }
    }
    if args.output != Output::Json {
        remarks(look, total - rows.len());
    }
    Ok(Exit::Done)
}

/// The rows that were asked for, by id and filter.
fn chosen<T: Row>(args: &Args, mut rows: Vec<T>) -> anyhow::Result<Vec<T>> {
    let usage = |why| Stop::new(Exit::Usage, format!("--filter: {why}"));
    let query = Query::parse(&args.filter, T::FIELDS).map_err(usage)?;
    if !args.ids.is_empty() {
        for id in &args.ids {
            if !rows.iter().any(|row| row.is(id)) {
                anyhow::bail!("nothing here has the id {id}");
            }
        }
        rows.retain(|row| args.ids.iter().any(|id| row.is(id)));
    }
    if !query.is_empty() {
        rows.retain(|row| {
            let texts = row.texts();
            let whole: Vec<&str> = texts.iter().map(|text| &**text).collect();
            query.keeps(&whole, |name| {
                let at = T::FIELDS.iter().position(|field| *field == name);
                at.and_then(|at| whole.get(at)).copied().unwrap_or("")
            })
        });
    }
    Ok(rows)
}

/// What does not fit into rows, for people: on standard error, so that a pipe stays clean.
fn remarks(look: &Look, left_out: usize) {
    if left_out > 0 {
        say(&format!("{left_out} more rows; raise --limit to see them"));
    }
    for it in &look.skipped {
        let (count, cause) = (it.count, &it.cause);
        say(&format!(
            "left out {count} x {cause}, first in line {}: {}",
            it.first, it.example
        ));
    }
    for (odd, count) in look.ledger.irregular() {
        say(&format!("irregular: {count} x {}", odd.words()));
    }
}
