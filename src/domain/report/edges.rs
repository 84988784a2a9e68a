//! One row per edge: the three signals, what is open, and what is wrong since when.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::Serialize;

use super::people::people;
use crate::domain::health::signal::ENOUGH;
use crate::domain::health::{
    Facts, Guard, Health, Histogram, Kind, Latency, Measures, Population, Quantile, Rate, Signal, Window, judge,
};
use crate::domain::id::{Edge, HandoffId};
use crate::domain::ledger::{EdgeStats, Ledger, Waits};
use crate::domain::query::{Filterable, Query};
use crate::domain::run::Level;
use crate::domain::severity::Severity;
use crate::domain::time::{Millis, Time};

/// One edge over one window.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EdgeRow {
    /// Pipeline, source and target.
    #[serde(flatten)]
    pub edge: Edge,
    /// Events in the window by kind: always all nine, in the order of a handoff's life.
    pub counts: IndexMap<&'static str, u32>,
    /// Latency of acknowledged handoffs only, in milliseconds; of what is only observed with the time that people were asked.
    pub emit_to_ack_ms: LatencyMs,
    /// Number of handoffs acknowledged in the window, each once however often it was.
    #[serde(skip)]
    pub acked: u64,
    /// The median of protocol section 5, in milliseconds: what waits counts at its current age.
    pub p50_ms: Quantile,
    /// The 95th percentile of the same.
    pub p95_ms: Quantile,
    /// The 99th percentile of the same.
    pub p99_ms: Quantile,
    /// Rate of retried handoffs among those settled.
    pub retry_rate: RateOf,
    /// Retries per emitted handoff, which can exceed 1: what can be said of a source that counts no attempts.
    pub retries_per_emit: RateOf,
    /// Rate of refused contracts among those checked.
    pub violation_rate: RateOf,
    /// Handoffs emitted and not ended, dead letters and escalated ones included; where people are asked, open questions.
    pub open: usize,
    /// Emitted, not acknowledged, not ended, in automatic processing; where people are asked, not taken up.
    pub unacknowledged: usize,
    /// Age of the oldest of those whose time has come; null when there is none.
    pub oldest_unacknowledged_ms: Option<Millis>,
    /// Id of that one; null when there is none.
    pub oldest_unacknowledged: Option<HandoffId>,
    /// Number of dead letters.
    pub dead: u32,
    /// Number of handoffs that wait for a person.
    pub escalated: u32,
    /// Open runs that go round in circles and whose latest handoff crossed this edge.
    pub looping: u32,
    /// True while the edge is paused by a person.
    pub paused: bool,
    /// People answer here, not an agent: it counts escalations to a role, or handoffs to a human or a team. The figures
    /// read the same, the pace does not, so these edges come after those between agents.
    pub people: bool,
    /// What it counts are questions, not handoffs.
    #[serde(skip)]
    pub questions: bool,
    /// One word; see [`Health`]: that of the worst finding, `critical` with looping tasks, at least `warning` with
    /// dead letters or while paused.
    pub health: &'static str,
    /// The findings in words, worst first; empty when there are none.
    pub findings: Vec<FindingRow>,
    /// Time of the last acknowledgement ever seen; null when there was none.
    pub last_acknowledged_at: Option<Time>,
    /// Named position in the pipeline; empty when observed.
    pub stage: String,
    /// What is measured of it. In JSON `not_measured`, the names of what is not; absent when all is.
    #[serde(rename = "not_measured", skip_serializing_if = "Measures::is_all")]
    pub measured: Measures,
    /// The same as `health`, for sorting and colours.
    #[serde(skip)]
    pub level: Health,
}

/// A finding about an edge, for screens and JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FindingRow {
    /// The rule that says so.
    pub signal: Signal,
    /// The finding in words.
    pub what: String,
    /// Time of its beginning; null when unknown.
    pub since: Option<Time>,
    /// True when it began more than an hour ago, and nobody can say when.
    #[serde(skip)]
    pub lasting: bool,
    /// True when the finding is critical: it needs somebody now rather than today.
    pub critical: bool,
    /// False while it may be chance: a threshold is passed, not yet with confidence.
    pub certain: bool,
}

/// Quantiles of acknowledged handoffs; null without samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LatencyMs {
    /// Number of samples.
    pub n: u64,
    /// Median, in milliseconds.
    pub p50: Option<Millis>,
    /// 95th percentile, nearest rank, within 1 %.
    pub p95: Option<Millis>,
    /// 99th percentile, nearest rank, within 1 %.
    pub p99: Option<Millis>,
}

impl LatencyMs {
    pub(super) fn of(acked: &Histogram) -> Self {
        let Latency { n, p50, p95, p99 } = Latency::of(acked);
        Self { n, p50, p95, p99 }
    }
}

/// A rate with its sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RateOf {
    /// `k / n`; null when `n` is 0.
    pub value: Option<f64>,
    /// Number of hits, such as handoffs retried or contracts refused.
    pub k: u32,
    /// Number of samples in all.
    pub n: u32,
    /// `no_data`, `insufficient` (n below 20 and k below 3) or `enough`.
    pub guard: &'static str,
}

impl From<Rate> for RateOf {
    fn from(rate: Rate) -> Self {
        let guard = match rate.guard() {
            Guard::NoData => "no_data",
            Guard::Insufficient => "insufficient",
            Guard::Enough => "enough",
        };
        Self { value: rate.value(), k: rate.k, n: rate.n, guard }
    }
}

impl RateOf {
    /// So few samples that a percentage would pretend.
    pub fn is_of_few(&self) -> bool {
        u64::from(self.n) < ENOUGH
    }
}

impl EdgeRow {
    /// The health as [`health`](Self::health) tells it; a stale edge stays unknown.
    pub fn attention(&self) -> Health {
        match (self.level, self.severity()) {
            (Health::Unknown, _) => Health::Unknown,
            (_, Severity::Critical) => Health::Critical,
            (_, Severity::Warning) => Health::Warning,
            (_, Severity::Info) => Health::Uncertain,
            (level, _) => level,
        }
    }

    /// Severity of the edge. The last findings count also when the source is gone and they are stale.
    pub fn severity(&self) -> Severity {
        let handoffs = if self.looping > 0 {
            Severity::Critical
        } else if self.dead > 0 || self.paused {
            Severity::Warning
        } else {
            self.level.severity()
        };
        self.findings.iter().map(FindingRow::severity).fold(handoffs, Severity::max)
    }

    /// The word for it where there is no room for a reason.
    pub fn word(&self) -> &'static str {
        match self.severity() {
            Severity::Critical => Health::Critical.word(),
            Severity::Warning => Health::Warning.word(),
            Severity::Info => Health::Uncertain.word(),
            _ if self.people => "people",
            _ => self.health,
        }
    }
}

impl FindingRow {
    /// Severity of the finding: warning or critical, or less while it may be chance.
    pub const fn severity(&self) -> Severity {
        match (self.critical, self.certain) {
            (true, _) => Severity::Critical,
            (false, true) => Severity::Warning,
            (false, false) => Severity::Info,
        }
    }
}

/// Filters read the health as JSON says it and as a screen does.
impl Filterable for EdgeRow {
    const FIELDS: &'static [&'static str] = &["pipeline", "from", "to", "edge", "stage", "health"];

    fn passes(&self, query: &Query) -> bool {
        let Edge { pipeline, from, to } = &self.edge;
        let health = format!("{}\n{}", self.health, self.word());
        query.keeps(&[pipeline, from, to, &self.edge.to_string(), &self.stage, &health])
    }
}

/// Every edge over `span`, those between agents before those to people, worst first: health, then oldest
/// unacknowledged, then name. `stale` when the source is not connected, so that nothing is called healthy.
pub fn edges(ledger: &Ledger, span: Window, stale: bool) -> Vec<EdgeRow> {
    let mut looping: BTreeMap<&Edge, u32> = BTreeMap::new();
    for run in ledger
        .notable()
        .filter_map(|id| ledger.run(id))
        .filter(|run| run.is_open() && run.verdict.level == Level::Looping)
    {
        if let Some(last) = run.handoffs.last() {
            *looping.entry(&last.emission.edge).or_default() += 1;
        }
    }
    let mut rows: Vec<EdgeRow> = ledger
        .edges()
        .map(|book| {
            let mut row = edge_row(ledger, book, span, stale);
            row.looping = looping.get(&book.edge).copied().unwrap_or(0);
            row.health = row.attention().word();
            row
        })
        .collect();
    rows.sort_by(|a, b| {
        let key = |row: &EdgeRow| (!row.people, row.level, row.dead > 0, row.oldest_unacknowledged_ms, row.open);
        key(b).cmp(&key(a)).then_with(|| a.edge.cmp(&b.edge))
    });
    rows
}

/// One edge over `span`. The ledger must have been advanced to its present; `looping` is left at 0, it is
/// known to [`edges`] only.
pub fn edge_row(ledger: &Ledger, book: &EdgeStats, span: Window, stale: bool) -> EdgeRow {
    let tally = book.windows.total(span);
    let ever = book.windows.total(Window::All);
    let Waits { ages, oldest } = ledger.waits(book);
    let measured = ledger.measured().on(&book.edge);
    let people = book.is_people(ever).then(|| people(ledger, book));
    let facts = Facts {
        windows: &book.windows,
        open_ages: &ages,
        people: people.as_ref(),
        ack_timeout: book.ack_timeout,
        p95_max: book.p95_max,
        stale,
        measured,
    };
    let (level, findings) = judge(&facts);
    let population = Population::of(tally, ages.iter().copied());
    EdgeRow {
        edge: book.edge.clone(),
        counts: tally.counts.iter().map(|(kind, n)| (kind.name(), n)).collect(),
        emit_to_ack_ms: LatencyMs::of(&tally.emit_to_ack()),
        acked: tally.acked(),
        p50_ms: population.quantile(0.5),
        p95_ms: population.quantile(0.95),
        p99_ms: population.quantile(0.99),
        retry_rate: tally.retry_rate().into(),
        retries_per_emit: RateOf::from(Rate { k: tally.counts.get(Kind::Retried), n: tally.counts.get(Kind::Emitted) }),
        violation_rate: tally.violation_rate().into(),
        open: book.open.len(),
        unacknowledged: book.waiting(),
        oldest_unacknowledged_ms: oldest.map(|(age, _)| age),
        oldest_unacknowledged: oldest.map(|(_, id)| id.clone()),
        dead: book.dead,
        escalated: book.escalated,
        looping: 0,
        paused: ledger.paused().contains(&book.edge),
        people: people.is_some(),
        questions: book.asks_people(ever),
        health: level.word(),
        findings: findings
            .into_iter()
            .map(|it| FindingRow {
                signal: it.signal,
                what: it.reason,
                since: it.since,
                lasting: it.lasting,
                critical: it.severity == Severity::Critical,
                certain: it.severity >= Severity::Warning,
            })
            .collect(),
        last_acknowledged_at: ever.last_ack,
        stage: book.stage.as_deref().unwrap_or_default().to_owned(),
        measured,
        level,
    }
}
