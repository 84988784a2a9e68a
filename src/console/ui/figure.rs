//! The numbers of reports as cells: `-` for no data, `2/7` for too little, `≥` for a lower bound, never 0 for
//! unknown (protocol section 5).

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::part;
use crate::console::app::feed::Feed;
use crate::domain::health::{Quantile, Signal};
use crate::domain::report::{self, EdgeRow, RateOf};
use crate::domain::severity::Severity;
use crate::domain::text;
use crate::theme::{Role, Theme};

/// A text and how it looks.
pub(super) type Cell = (Role, String);

/// Not measured by this source.
const NOT_MEASURED: &str = "n/m";

/// The cell of a fact, or `n/m` where it is not measured: that is neither 0 nor well.
pub(super) fn if_measured(measured: bool, cell: Cell) -> Cell {
    if measured { cell } else { (Role::Dim, NOT_MEASURED.to_owned()) }
}

/// A cell without data: a dim dash.
pub(super) fn none() -> Cell {
    (Role::Dim, "-".to_owned())
}

/// Role of a severity: the one place that gives it a colour, beside that of the badges.
pub(super) const fn role(severity: Severity) -> Role {
    match severity {
        Severity::Critical => Role::Critical,
        Severity::Warning => Role::Warning,
        Severity::Info => Role::Info,
        Severity::Fine => Role::Healthy,
        Severity::Quiet => Role::Dim,
    }
}

/// Role of a number that these signals judge: coloured only when they found something.
pub(super) fn judged(row: &EdgeRow, signals: &[Signal]) -> Role {
    let found = row.findings.iter().filter(|it| signals.contains(&it.signal));
    found.map(report::FindingRow::severity).max().map_or(Role::Text, role)
}

/// The signals that judge the latency.
pub(super) const SLOW: [Signal; 4] = [Signal::Stall, Signal::Overdue, Signal::Drift, Signal::Limit];

/// The P95 of an edge; `n/m` is not measured.
pub(super) fn p95(row: &EdgeRow) -> Cell {
    let cell = quantile_text(row.p95_ms).map_or_else(none, |text| (judged(row, &SLOW), text));
    if_measured(row.measured.latency, cell)
}

/// A percentile in words, `≥41s` when it is a lower bound.
pub(super) fn quantile_text(of: Quantile) -> Option<String> {
    let bound = if of.lower_bound { "≥" } else { "" };
    of.value.map(|value| format!("{bound}{}", text::latency(value)))
}

/// A percentile that no rule judges; `n/m` is not measured.
pub(super) fn quantile(row: &EdgeRow, of: Quantile) -> Cell {
    let cell = quantile_text(of).map_or_else(none, |text| (Role::Text, text));
    if_measured(row.measured.latency, cell)
}

/// A rate: nothing without data, `k/n` of few, else per cent; coloured where the samples are enough to judge.
pub(super) fn rate(rate: RateOf, role: Role) -> Cell {
    let role = if rate.guard == "enough" { role } else { Role::Text };
    match rate.value {
        None => none(),
        Some(_) if rate.is_of_few() => (role, format!("{}/{}", rate.k, rate.n)),
        Some(_) if rate.k == 0 => (Role::Text, "0".to_owned()),
        Some(value) => (role, text::percent(value)),
    }
}

/// A rate with the size of its sample: `4.1% of 612`.
pub(super) fn rate_of(of: RateOf, role: Role) -> Cell {
    let (role, text) = rate(of, role);
    let sample = if of.is_of_few() { String::new() } else { format!(" of {}", text::count(u64::from(of.n))) };
    (role, text + &sample)
}

/// A count; zero is a dim dash.
pub(super) fn count(count: u64, role: Role) -> Cell {
    if count == 0 { none() } else { (role, text::count(count)) }
}

/// The age of the oldest handoff that waits; coloured when the edge is called slow.
pub(super) fn oldest(row: &EdgeRow) -> Cell {
    match row.oldest_unacknowledged_ms {
        Some(age) => (judged(row, &[Signal::Stall, Signal::Overdue]), text::age(age)),
        None => none(),
    }
}

/// The last hour of an edge, against what would be critical.
pub(super) fn trend(feed: &Feed, row: &EdgeRow, area: Rect, buffer: &mut Buffer, theme: &Theme) {
    if !row.measured.latency {
        return;
    }
    let ledger = feed.ledger();
    let Some(book) = ledger.edge(&row.edge) else {
        return;
    };
    let trend = report::trend(ledger, book);
    let values: Vec<Option<u64>> = trend.p95_ms.iter().map(|it| it.map(i64::unsigned_abs)).collect();
    let role = match judged(row, &SLOW) {
        Role::Text => Role::Bar,
        bad => bad,
    };
    part::trend::trend(&values, trend.alarm_ms.unsigned_abs(), area, buffer, theme, role);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_respect_the_sample_guard() {
        let of = |k, n, guard| RateOf { value: (n > 0).then(|| f64::from(k) / f64::from(n)), k, n, guard };
        let cell = |it| rate(it, Role::Critical);
        assert_eq!(cell(of(0, 0, "no_data")), (Role::Dim, "-".to_owned()));
        assert_eq!(cell(of(2, 7, "insufficient")), (Role::Text, "2/7".to_owned()));
        assert_eq!(cell(of(10, 19, "enough")), (Role::Critical, "10/19".to_owned()));
        assert_eq!(cell(of(0, 50, "enough")), (Role::Text, "0".to_owned()));
        assert_eq!(cell(of(25, 612, "enough")), (Role::Critical, "4.1%".to_owned()));
        assert_eq!(rate_of(of(25, 612, "enough"), Role::Text).1, "4.1% of 612");
    }

    #[test]
    fn what_is_not_measured_is_no_number() {
        assert_eq!(if_measured(false, (Role::Critical, "0".to_owned())), (Role::Dim, "n/m".to_owned()));
    }

    #[test]
    fn a_bound_is_shown_as_one() {
        let p95 = |value, lower_bound| quantile_text(Quantile { value, lower_bound, n: 3 });
        assert_eq!(p95(Some(46_000), true).unwrap(), "≥46s");
        assert_eq!(p95(Some(1_900), false).unwrap(), "1.9s");
        assert_eq!(p95(None, false), None);
    }
}
