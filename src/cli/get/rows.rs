//! Columns, search and ids of each kind of row, for people. As JSON a row is what
//! [`report`](crate::domain::report) made.

use serde::Serialize;

use crate::cli::table::{Column, if_measured, left, moment, or_dash, quantile, rate, right, some, words};
use crate::domain::health::Kind;
use crate::domain::ledger::Ledger;
use crate::domain::query::Filterable;
use crate::domain::report::{EdgeRow, PipelineRow, reasons};
use crate::domain::text::age;

/// A row that can be picked, searched and shown.
pub trait Row: Serialize + Filterable {
    /// The columns of the table for people.
    const COLUMNS: &'static [Column];
    /// Whether `id`, as somebody typed it, means this row.
    fn is(&self, id: &str) -> bool;
    /// Cells of the table for people, one a column; `ledger` is the one the row was made from.
    fn cells(&self, ledger: &Ledger) -> Vec<String>;
}

/// Reasons for the attention it asks for, in the words of the screens; empty when it asks for none.
fn why(ledger: &Ledger, it: &EdgeRow) -> String {
    reasons(ledger, it, &|at| format!("since {}", moment(at))).join("; ")
}

impl Row for PipelineRow {
    const COLUMNS: &'static [Column] = &[
        left("PIPELINE"),
        right("OPEN"),
        right("OLDEST").spare(3),
        right("P95"),
        right("RETRY"),
        right("VIOLATIONS").spare(5),
        right("LOOPS"),
        right("DEAD"),
        right("ASKED").spare(8),
        left("HEALTH"),
        words("WHY"),
    ];

    fn is(&self, id: &str) -> bool {
        self.pipeline == id
    }

    fn cells(&self, ledger: &Ledger) -> Vec<String> {
        let mut edges = self.edges.iter();
        let worst = edges.find_map(|it| Some((&it.edge, why(ledger, it))).filter(|(_, why)| !why.is_empty()));
        vec![
            self.pipeline.clone(),
            some(self.open),
            or_dash(self.oldest_unacknowledged_ms, age),
            if_measured(self.measured.latency, quantile(self.p95_ms)),
            if_measured(self.measured.retries, rate(self.retry_rate)),
            if_measured(self.measured.violations, rate(self.violation_rate)),
            some(self.looping),
            some(self.dead),
            some(self.escalated),
            self.health.to_owned(),
            worst.map_or_else(String::new, |(edge, why)| format!("{edge}: {why}")),
        ]
    }
}

impl Row for EdgeRow {
    const COLUMNS: &'static [Column] = &[
        left("PIPELINE").spare(4),
        left("EDGE"),
        right("EMITTED").spare(6),
        right("ACKED").spare(7),
        right("P50").spare(10),
        right("P95"),
        right("P99").spare(9),
        right("RETRY"),
        right("VIOLATIONS").spare(5),
        right("UNACKED"),
        right("OLDEST").spare(3),
        right("DEAD"),
        left("HEALTH"),
        words("WHY"),
    ];

    fn is(&self, id: &str) -> bool {
        *self.edge.pipeline == *id || self.edge.to_string() == id
    }

    fn cells(&self, ledger: &Ledger) -> Vec<String> {
        vec![
            self.edge.pipeline.to_string(),
            self.edge.to_string(),
            some(self.counts.get(Kind::Emitted.name()).copied().unwrap_or(0)),
            some(self.acked),
            if_measured(self.measured.latency, quantile(self.p50_ms)),
            if_measured(self.measured.latency, quantile(self.p95_ms)),
            if_measured(self.measured.latency, quantile(self.p99_ms)),
            if_measured(self.measured.retries, rate(self.retry_rate)),
            if_measured(self.measured.violations, rate(self.violation_rate)),
            some(self.unacknowledged),
            or_dash(self.oldest_unacknowledged_ms, age),
            some(self.dead),
            self.health.to_owned(),
            why(ledger, self),
        ]
    }
}
