//! One row per run: where its work is, and whether it goes round in circles.

use serde::Serialize;

use crate::domain::id::RunId;
use crate::domain::ledger::Ledger;
use crate::domain::loops;
use crate::domain::query::{Filterable, Query};
use crate::domain::run::{Annotated, Handoff, Level, Run, RunState, State};
use crate::domain::severity::Severity;
use crate::domain::text::wire_word;
use crate::domain::time::{Millis, Time};

/// Verdict on a run, worst first: a retry storm counts as much as a ping-pong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskVerdict {
    /// The work goes round in circles.
    Looping,
    /// Three or more retries within ten minutes, and the last one not ten minutes ago (amendment A5).
    RetryStorm,
    /// Revisions without progress: a warning.
    Stalled,
    /// Declared revisions with progress.
    Iterating,
    /// Nothing irregular was found.
    Fine,
}

impl TaskVerdict {
    /// The word used on the wire, such as `retry_storm`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Looping => "looping",
            Self::RetryStorm => "retry_storm",
            Self::Stalled => "stalled",
            Self::Iterating => "iterating",
            Self::Fine => "fine",
        }
    }

    /// Severity of the verdict.
    pub const fn severity(self) -> Severity {
        match self {
            Self::Looping | Self::RetryStorm => Severity::Critical,
            Self::Stalled => Severity::Warning,
            Self::Iterating => Severity::Info,
            Self::Fine => Severity::Quiet,
        }
    }
}

/// A run as a row for screens and JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskRow {
    /// The run, which is its trace.
    pub trace_id: RunId,
    /// Pipeline of its first handoff.
    pub pipeline: String,
    /// Verdict on the run.
    pub verdict: TaskVerdict,
    /// The rule that found it, in words, and those of the verdicts in [`also`](Self::also); empty when fine.
    pub signal: String,
    /// Time since which the verdict holds; null when fine.
    pub since: Option<Time>,
    /// What holds beside the verdict, worst first: a run may go round in circles and storm; empty when nothing does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<AlsoRow>,
    /// Number of handoffs so far.
    pub handoffs: usize,
    /// Number of retries so far.
    pub retries: u32,
    /// Number of handoffs not ended.
    pub open: usize,
    /// State of the run.
    pub state: RunState,
    /// The owners of the work, in order, repeats folded: `writer <> reviewer x4`.
    pub path: String,
    /// Revision cycle of the latest handoff, and the most its edge allows.
    pub cycle: u32,
    /// See [`cycle`](Self::cycle); null when observed.
    pub max_cycles: Option<u32>,
    /// Title of the latest handoff, from its brief.
    pub title: String,
    /// Time of the first event.
    pub started_at: Time,
    /// Time of the latest event.
    pub changed_at: Time,
    /// Verdicts of people, oldest first; empty when there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<Annotated>,
    /// Time between them, or until now while something is open.
    pub spent_ms: Millis,
}

/// A verdict that holds beside a worse one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlsoRow {
    /// The verdict.
    pub verdict: TaskVerdict,
    /// The rule that found it, in words.
    pub signal: String,
    /// Time since which it holds; null when unknown.
    pub since: Option<Time>,
}

impl TaskRow {
    /// Whether it goes on: something is open, or another attempt was granted.
    pub fn goes_on(&self) -> bool {
        matches!(self.state, RunState::Running | RunState::Waiting)
    }

    /// Its place among the rows, the first is the least: the worst verdict, what goes on before what ended, then the latest.
    pub fn place(&self) -> impl Ord + use<> {
        (self.verdict, !self.goes_on(), std::cmp::Reverse(self.changed_at))
    }
}

impl Filterable for TaskRow {
    const FIELDS: &'static [&'static str] = &["trace", "pipeline", "verdict", "state", "signal", "path", "title"];

    fn passes(&self, query: &Query) -> bool {
        let state = wire_word(&self.state);
        let trace = self.trace_id.as_str();
        let verdicts = std::iter::once(self.verdict).chain(self.also.iter().map(|it| it.verdict));
        let verdicts = verdicts.map(TaskVerdict::word).collect::<Vec<_>>().join("\n");
        query.keeps(&[trace, &self.pipeline, &verdicts, &state, &self.signal, &self.path, &self.title])
    }
}

/// Every run with a verdict, worst first: few, however many are open.
pub fn notable(ledger: &Ledger) -> Vec<TaskRow> {
    let runs = ledger.notable().filter_map(|id| ledger.run(id));
    rows(ledger, runs, false)
}

/// Every run that is open or has a verdict, worst first, then the latest; `all` adds the closed ones.
pub fn tasks(ledger: &Ledger, all: bool) -> Vec<TaskRow> {
    if all { rows(ledger, ledger.runs(), true) } else { rows(ledger, ledger.current(), false) }
}

fn rows<'a>(ledger: &Ledger, runs: impl Iterator<Item = &'a Run>, all: bool) -> Vec<TaskRow> {
    let mut rows: Vec<TaskRow> = runs
        .filter(|run| !run.handoffs.is_empty())
        // Most runs are closed and fine: they are left out before a row is made of them.
        .filter(|run| {
            let notable = || run.verdict.level > Level::Fine || loops::storm(run, ledger.now()).is_some();
            all || run.handoffs.count(State::is_open) > 0 || notable()
        })
        .map(|run| task_row(ledger, run, ledger.now()))
        .collect();
    rows.sort_by(|a, b| a.place().cmp(&b.place()).then_with(|| a.trace_id.cmp(&b.trace_id)));
    rows
}

/// The row of one run as of `now`; `ledger` knows which edges are paused.
pub fn task_row(ledger: &Ledger, run: &Run, now: Time) -> TaskRow {
    let mut also = verdicts(run, now);
    let signal = also.iter().map(|it| it.signal.as_str()).collect::<Vec<_>>().join("; ");
    let (verdict, since) = also.first().map_or((TaskVerdict::Fine, None), |worst| (worst.verdict, worst.since));
    also.drain(..also.len().min(1));
    let last = run.handoffs.last();
    let open = run.handoffs.count(State::is_open);
    let until = if open > 0 { now.max(run.changed_at) } else { run.changed_at };
    TaskRow {
        trace_id: run.id.clone(),
        pipeline: run.pipeline().to_owned(),
        verdict,
        signal,
        since,
        also,
        handoffs: run.handoffs.len(),
        retries: run.retried,
        open,
        state: match run.state() {
            RunState::Running if run.waits_for_people(|edge| ledger.paused().contains(edge)) => RunState::Waiting,
            state => state,
        },
        path: path(run),
        cycle: last.map_or(0, |it| it.emission.cycle),
        max_cycles: last.and_then(|it| it.emission.terms.as_ref()).map(|it| it.max_cycles),
        title: last.map(|it| it.emission.title.clone()).unwrap_or_default(),
        started_at: run.started_at,
        changed_at: run.changed_at,
        annotations: run.annotations.clone(),
        spent_ms: until - run.started_at,
    }
}

/// Every verdict that holds of a run at `now`, worst first; none when it is fine.
fn verdicts(run: &Run, now: Time) -> Vec<AlsoRow> {
    let way = match run.verdict.level {
        Level::Looping => Some(TaskVerdict::Looping),
        Level::Stalled => Some(TaskVerdict::Stalled),
        Level::Iterating => Some(TaskVerdict::Iterating),
        Level::Fine => None,
    };
    let way = way.map(|verdict| AlsoRow { verdict, signal: run.verdict.signal.clone(), since: run.verdict.since });
    let storm = loops::storm(run, now);
    let storm = storm.map(|(since, signal)| AlsoRow { verdict: TaskVerdict::RetryStorm, signal, since: Some(since) });
    let mut all: Vec<AlsoRow> = way.into_iter().chain(storm).collect();
    all.sort_by_key(|it| it.verdict);
    all
}

/// Longest path shown before its middle is left out.
const PATH_PARTS: usize = 8;

/// The owners of the work, in order: `research > writer <> reviewer x4` says that writer and reviewer handed it to
/// each other four times, there and back.
pub fn path(run: &Run) -> String {
    let steps: Vec<&Handoff> = run.handoffs.values().collect();
    let mut parts: Vec<String> = Vec::new();
    let mut at = 0;
    while let Some(it) = steps.get(at) {
        let (from, to) = (&it.emission.edge.from, &it.emission.edge.to);
        let alternates = |nth: usize, it: &Handoff| {
            let edge = &it.emission.edge;
            if nth.is_multiple_of(2) {
                edge.from == *from && edge.to == *to
            } else {
                edge.from == *to && edge.to == *from
            }
        };
        let there_and_back = steps.iter().skip(at).enumerate().take_while(|(nth, it)| alternates(*nth, it)).count();
        let repeats =
            steps.iter().skip(at).take_while(|it| it.emission.edge.from == *from && it.emission.edge.to == *to);
        let repeats = repeats.count();
        if parts.is_empty() {
            parts.push(from.to_string());
        }
        let circles = there_and_back / 2;
        if circles > 1 && from != to {
            parts.push(format!("<> {to} x{circles}"));
            at += 2 * circles;
        } else {
            let times = if repeats > 1 { format!(" x{repeats}") } else { String::new() };
            parts.push(format!("> {to}{times}"));
            at += repeats;
        }
    }
    if parts.len() > PATH_PARTS {
        let tail = parts.split_off(parts.len() - PATH_PARTS / 2);
        parts.truncate(PATH_PARTS / 2);
        parts.push("> …".to_owned());
        parts.extend(tail);
    }
    parts.join(" ")
}
