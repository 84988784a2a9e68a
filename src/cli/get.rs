//! `seam get`: what the screens show, as text or JSON.

use std::borrow::Cow;
use std::collections::VecDeque;

use serde::Serialize;
use serde_json::Value;

use super::look::{Look, look};
use super::table::{room, table};
use super::{Connect, Exit, Output, Stop, json, print, say};
use crate::domain::event::Event;
use crate::domain::health::Window;
use crate::domain::query::Filterable;
use crate::domain::report;
use crate::domain::time::Time;
use crate::source::{Address, Reach};
use choice::Choice;
use event::{Edges, EventRow};
use rows::Row;

mod choice;
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
    #[allow(clippy::missing_docs_in_private_items)]
    pub connect: Connect,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
    /// Window of figures: 1m, 5m, 1h or all [default: 1h, for recordings all]
    #[arg(long, value_name = "WINDOW")]
    pub window: Option<Window>,
    /// State of a recording at this time (RFC 3339) [default: its end]
    #[arg(long, value_name = "TIME", value_parser = Time::parse)]
    pub as_of: Option<Time>,
    /// Only rows with these words, as / on a screen; -word leaves out, field:word looks at one field, field:=word is
    /// all of it, "a: -b" is text as it is
    #[arg(long, value_name = "TEXT", default_value = "", allow_hyphen_values = true)]
    pub filter: String,
    /// At most this many rows; of events the latest [default: all; of the events of a live source 200]
    #[arg(long, value_name = "NUMBER")]
    pub limit: Option<usize>,
    /// Tasks: closed ones without a verdict, too
    #[arg(long)]
    pub all: bool,
}

/// Kind of rows to print.
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
    /// Contracts that were refused, until somebody deals with them or the producer sends a valid one
    Rejections,
}

impl Kind {
    /// The plural noun for sentences, such as `dead letters`.
    const fn plural(self) -> &'static str {
        match self {
            Self::Pipelines => "pipelines",
            Self::Edges => "edges",
            Self::Tasks => "tasks",
            Self::Dead => "dead letters",
            Self::Inbox => "questions in the inbox",
            Self::Events => "events",
            Self::Rejections => "refused contracts that nobody dealt with",
        }
    }
}

/// Events of a live source that are printed when nobody says how many.
const LATEST: usize = 200;

/// Runs `seam get`: prints the chosen rows.
///
/// # Errors
/// The address does not answer or cannot be read, or nothing has an id that was asked for.
pub async fn run(args: Args) -> anyhow::Result<Exit> {
    let address = args.ids.iter().find(|it| Address::parse(it).is_ok());
    if let (Some(address), None) = (address, &args.connect.address) {
        let why = format!("{address} is an address: write -c {address}");
        return Err(Stop::new(Exit::Usage, why).into());
    }
    let look = look(&args.connect, args.as_of).await?;
    let span = args.window.unwrap_or_else(|| look.default_span());
    match args.kind {
        Kind::Pipelines => show(&args, &look, Some(span), report::pipelines(&look.ledger, span, false)),
        Kind::Edges => show(&args, &look, Some(span), report::edges(&look.ledger, span, false)),
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
        Kind::Events => events(&args, &look).await,
        Kind::Rejections => show(&args, &look, None, report::rejections(&look.ledger)),
    }
}

/// Keeps the latest events that were asked for. Only a search reads the log from its beginning.
async fn events(args: &Args, look: &Look) -> anyhow::Result<Exit> {
    let mut choice = Choice::new(args, EventRow::FIELDS)?;
    let most = args.limit.or(look.live.then_some(LATEST));
    // Only a window that was named leaves events out.
    let since = args.window.and_then(Window::length);
    let since = since.map(|length| look.as_of + -length);
    let reach = match (since, most) {
        (Some(since), _) => Reach::Since(since),
        (None, Some(most)) if choice.is_everything() => Reach::Latest(most as u64),
        _ => Reach::All,
    };
    let mut total = 0;
    let (mut edges, mut rows) = (Edges::default(), VecDeque::new());
    let each = async |events: Vec<Event>| {
        if look.live && reach != Reach::All {
            edges.look_up(look, &events).await;
        }
        for event in events.into_iter().filter(|it| !it.fact.is_sighting()) {
            let row = EventRow::new(&mut edges, Cow::Owned(event));
            if since.is_some_and(|it| row.event.at <= it) || !choice.keeps(&row) {
                continue;
            }
            total += 1;
            rows.push_back(row);
            if most.is_some_and(|most| rows.len() > most) {
                rows.pop_front();
            }
        }
        Ok(())
    };
    let before = look.log(reach, each).await?;
    if since.is_none() {
        total += before as usize;
    }
    let rows = Vec::from(rows);
    finish(args, look, args.window, &choice, &rows, total)
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

/// Chooses among all rows of a kind, and prints them.
fn show<T: Row>(args: &Args, look: &Look, window: Option<Window>, mut rows: Vec<T>) -> anyhow::Result<Exit> {
    let mut choice = Choice::new(args, T::FIELDS)?;
    rows.retain(|row| choice.keeps(row));
    let total = rows.len();
    rows.truncate(args.limit.unwrap_or(total));
    finish(args, look, window, &choice, &rows, total)
}

fn finish<T: Row>(
    args: &Args,
    look: &Look,
    window: Option<Window>,
    choice: &Choice<'_>,
    rows: &[T],
    total: usize,
) -> anyhow::Result<Exit> {
    choice.check(look)?;
    match args.output {
        Output::Json => {
            let envelope = Envelope {
                kind: args.kind,
                source: &look.address,
                as_of: look.as_of,
                window: window.map(Window::name),
                total,
                rows,
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
            let cells: Vec<Vec<String>> = rows.iter().map(|row| row.cells(&look.ledger)).collect();
            if total == 0 {
                say(&choice.why_none(look, args.kind.plural()));
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

/// Notes for people on what does not fit into rows: on standard error, so that a pipe stays clean.
fn remarks(look: &Look, left_out: usize) {
    if left_out > 0 {
        let rows = if left_out == 1 { "row" } else { "rows" };
        say(&format!("{left_out} more {rows}; raise --limit to see more"));
    }
    for it in &look.skipped {
        let (count, cause) = (it.count, &it.cause);
        let first = if it.first == 0 { String::new() } else { format!(", first in line {}", it.first) };
        say(&format!("left out {count} x {cause}{first}: {}", it.example));
    }
    if look.shared > 0 {
        let stand = if look.shared == 1 { "id of a handoff stands" } else { "ids of handoffs stand" };
        say(&format!("{} {stand} in several runs: the run is in front of it, RUN/ID", look.shared));
    }
    for (irregular, count) in look.ledger.irregular() {
        say(&format!("irregular: {count} x {}", irregular.words()));
    }
}
