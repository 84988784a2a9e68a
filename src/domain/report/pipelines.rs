//! One row per pipeline: its edges together, the worst of them in front.

use indexmap::IndexMap;
use serde::Serialize;

use super::edges::{EdgeRow, LatencyMs, RateOf, edges};
use crate::domain::health::{Health, Histogram, Measures, Quantile, Rate, Window};
use crate::domain::ledger::Ledger;
use crate::domain::query::{Filterable, Query};
use crate::domain::time::Millis;

/// One pipeline over the window of its edge rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PipelineRow {
    /// Name of the pipeline.
    pub pipeline: String,
    /// Events in the window by kind: always all nine.
    pub counts: IndexMap<&'static str, u32>,
    /// Acknowledged handoffs of every edge together.
    pub emit_to_ack_ms: LatencyMs,
    /// Number of handoffs not ended.
    pub open: usize,
    /// Age of the oldest unacknowledged handoff, in milliseconds; null when there is none.
    pub oldest_unacknowledged_ms: Option<Millis>,
    /// The P50 of the edge where it is highest, in milliseconds.
    pub p50_ms: Quantile,
    /// The P95 of the slowest edge, in milliseconds.
    pub p95_ms: Quantile,
    /// The P99 of the edge where it is highest, in milliseconds.
    pub p99_ms: Quantile,
    /// Retry rate over all edges.
    pub retry_rate: RateOf,
    /// Retries per emitted handoff, over all edges.
    pub retries_per_emit: RateOf,
    /// Violation rate over all edges.
    pub violation_rate: RateOf,
    /// Number of runs with a loop verdict.
    pub looping: u32,
    /// Number of dead letters.
    pub dead: u32,
    /// Number of handoffs that wait for a person.
    pub escalated: u32,
    /// Health of the worst edge, as one word.
    pub health: &'static str,
    /// What is measured of at least one of its edges. In JSON `not_measured`, as of an edge.
    #[serde(rename = "not_measured", skip_serializing_if = "Measures::is_all")]
    pub measured: Measures,
    /// Rows of its edges, worst first.
    pub edges: Vec<EdgeRow>,
    /// The same as `health`, for sorting and colours.
    #[serde(skip)]
    pub level: Health,
}

/// A pipeline is its edges: it passes when one of them does.
impl Filterable for PipelineRow {
    const FIELDS: &'static [&'static str] = EdgeRow::FIELDS;

    fn passes(&self, query: &Query) -> bool {
        self.edges.iter().any(|edge| query.matches(edge))
    }
}

/// Every pipeline over `span`, worst first; `stale` as for [`edges`](super::edges()).
pub fn pipelines(ledger: &Ledger, span: Window, stale: bool) -> Vec<PipelineRow> {
    pipelines_of(ledger, span, edges(ledger, span, stale))
}

/// The same from rows of edges over `span` that were made already.
pub fn pipelines_of(ledger: &Ledger, span: Window, edges: Vec<EdgeRow>) -> Vec<PipelineRow> {
    let mut grouped: IndexMap<String, Vec<EdgeRow>> = IndexMap::new();
    for row in edges {
        let name = row.edge.pipeline.to_string();
        grouped.entry(name).or_default().push(row);
    }
    let mut rows: Vec<PipelineRow> =
        grouped.into_iter().map(|(name, edges)| pipeline(ledger, span, name, edges)).collect();
    rows.sort_by(|a, b| {
        let key = |row: &PipelineRow| (row.level, row.dead > 0, row.oldest_unacknowledged_ms, row.open);
        key(b).cmp(&key(a)).then_with(|| a.pipeline.cmp(&b.pipeline))
    });
    rows
}

fn pipeline(ledger: &Ledger, span: Window, name: String, edges: Vec<EdgeRow>) -> PipelineRow {
    let mut acked = Histogram::default();
    let mut counts: IndexMap<&'static str, u32> = IndexMap::new();
    // What people are asked is no work of its own. How soon they answer, or take up what is addressed to them, says nothing
    // about how fast it flows.
    let handoffs = || edges.iter().filter(|it| !it.questions);
    let between_agents = || edges.iter().filter(|it| !it.people);
    for row in between_agents() {
        if let Some(book) = ledger.edge(&row.edge) {
            acked.add(&book.windows.total(span).emit_to_ack());
        }
    }
    for row in handoffs() {
        for (kind, n) in &row.counts {
            *counts.entry(*kind).or_default() += n;
        }
    }
    let level = edges.iter().map(EdgeRow::attention).max().unwrap_or(Health::NoData);
    let rate = |of: fn(&EdgeRow) -> RateOf| {
        let (k, n) = handoffs().map(of).fold((0, 0), |(k, n), it| (k + it.k, n + it.n));
        RateOf::from(Rate { k, n })
    };
    let highest = |of: fn(&EdgeRow) -> Quantile| between_agents().map(of).max_by_key(|it| it.value).unwrap_or_default();
    PipelineRow {
        pipeline: name,
        counts,
        emit_to_ack_ms: LatencyMs::of(&acked),
        open: handoffs().map(|it| it.open).sum(),
        oldest_unacknowledged_ms: between_agents().filter_map(|it| it.oldest_unacknowledged_ms).max(),
        p50_ms: highest(|it| it.p50_ms),
        p95_ms: highest(|it| it.p95_ms),
        p99_ms: highest(|it| it.p99_ms),
        retry_rate: rate(|it| it.retry_rate),
        retries_per_emit: rate(|it| it.retries_per_emit),
        violation_rate: rate(|it| it.violation_rate),
        looping: edges.iter().map(|it| it.looping).sum(),
        dead: edges.iter().map(|it| it.dead).sum(),
        escalated: edges.iter().map(|it| it.escalated).sum(),
        health: level.word(),
        measured: edges.iter().map(|it| it.measured).reduce(Measures::or).unwrap_or_default(),
        edges,
        level,
    }
}
