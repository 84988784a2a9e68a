//! One row of the edges, and by which column they are sorted.

use std::cmp::Ordering;

use crate::domain::health::Quantile;
use crate::domain::port::SourceId;
use crate::domain::report::{EdgeRow, RateOf};
use crate::domain::severity::Severity;
use crate::domain::time::Millis;

/// One row: an edge, where it is, and how bad it is.
#[derive(Clone, Debug)]
pub struct Row {
    /// The source that has it.
    pub source: SourceId,
    /// Its numbers over the window of the screen.
    pub row: EdgeRow,
    /// Its severity by its findings; the worst is sorted first by default.
    pub severity: Severity,
}

/// A column of the list, in the order drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::missing_docs_in_private_items)] // the variants are named after their columns
pub enum By {
    Edge,
    Pipeline,
    Count,
    P50,
    P95,
    P99,
    Retries,
    Violations,
    Unacknowledged,
    Oldest,
    Dead,
    Trend,
    Worst,
}

impl By {
    /// Every column, in the order drawn.
    pub const ALL: [Self; 13] = [
        Self::Edge,
        Self::Pipeline,
        Self::Count,
        Self::P50,
        Self::P95,
        Self::P99,
        Self::Retries,
        Self::Violations,
        Self::Unacknowledged,
        Self::Oldest,
        Self::Dead,
        Self::Trend,
        Self::Worst,
    ];

    /// The column after this one, round and round. The trend is not sorted by.
    #[must_use]
    pub fn next(self) -> Self {
        let mut others = Self::ALL.into_iter().cycle().skip(self as usize + 1);
        others.find(|it| *it != Self::Trend).unwrap_or(self)
    }

    /// The larger or worse one first; names in the order of letters. What is not known comes last.
    pub fn compare(self, a: &Row, b: &Row) -> Ordering {
        let (x, y) = (&a.row, &b.row);
        match self {
            Self::Edge => x.edge.to_string().cmp(&y.edge.to_string()),
            Self::Pipeline => x.edge.pipeline.cmp(&y.edge.pipeline),
            Self::Count => y.acked.cmp(&x.acked),
            Self::P50 => height(y.p50_ms).cmp(&height(x.p50_ms)),
            Self::P95 => height(y.p95_ms).cmp(&height(x.p95_ms)),
            Self::P99 => height(y.p99_ms).cmp(&height(x.p99_ms)),
            Self::Retries => by_rate(y.retry_rate, x.retry_rate),
            Self::Violations => by_rate(y.violation_rate, x.violation_rate),
            Self::Unacknowledged => y.unacknowledged.cmp(&x.unacknowledged),
            Self::Oldest => y.oldest_unacknowledged_ms.cmp(&x.oldest_unacknowledged_ms),
            Self::Dead => y.dead.cmp(&x.dead),
            Self::Trend | Self::Worst => {
                // Among edges that nothing is wrong with these numbers are noise: they stand still, by name.
                let pressing = |row: &Row| {
                    let it = &row.row;
                    let bad = row.severity >= Severity::Warning;
                    bad.then_some((it.dead > 0, it.oldest_unacknowledged_ms, it.open))
                };
                let key = |row: &Row| (!row.row.people, row.severity, pressing(row));
                key(b).cmp(&key(a))
            }
        }
    }
}

/// Of two that read the same the one that may be more is higher.
fn height(of: Quantile) -> (Option<Millis>, bool) {
    (of.value, of.lower_bound)
}

fn by_rate(a: RateOf, b: RateOf) -> Ordering {
    let order = a.value.unwrap_or(-1.0).total_cmp(&b.value.unwrap_or(-1.0));
    order.then_with(|| a.n.cmp(&b.n))
}
