//! `/metrics`: the figures of every edge as Prometheus text, computed from the log (protocol sections 5 and 8), and those of
//! the server itself.

use std::fmt::Write;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::Api;
use crate::domain::health::{Kind, Tally, Window};
use crate::domain::id::Edge;
use crate::domain::ledger::{EdgeStats, Ledger};
use crate::domain::report::{self, EdgeRow};
use crate::domain::text::clean;
use crate::domain::time::Millis;

mod itself;

/// Upper bounds of the latency buckets, in milliseconds.
const BUCKETS: [Millis; 18] = [
    1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000, 900_000, 3_600_000,
];

/// Figures of every edge and of the server itself as Prometheus text
#[utoipa::path(get, path = "/metrics", tag = "operations",
    responses((status = 200, description = "Prometheus text format 0.0.4; docs/metrics.md says what each means", body = String)))]
pub async fn metrics(State(api): State<Api>) -> Response {
    // Without it they are not known yet; a store that fails is counted elsewhere.
    let _ = api.blobs.count(&api.engine).await;
    let mut text = render(&*api.present().await);
    text.push_str(&itself::render(&api));
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// One edge: its figures since the store's rollups begin, and how it stands now.
struct Row<'a> {
    book: &'a EdgeStats,
    ever: &'a Tally,
    now: EdgeRow,
}

/// A figure of every edge: its name without what all have, its meaning, and its value.
type Family<T> = (&'static str, &'static str, fn(&Row<'_>) -> T);

impl Row<'_> {
    fn count(&self, kind: Kind) -> u64 {
        self.ever.counts.get(kind).into()
    }
}

/// Counters begin with what the store's rollups still hold and only grow while the server runs; after a restart they
/// may be smaller, which Prometheus takes for the reset that it is.
fn render(ledger: &Ledger) -> String {
    let rows = report::edges(ledger, Window::All, false).into_iter();
    let mut rows: Vec<Row<'_>> = rows
        .filter_map(|now| {
            let book = ledger.edge(&now.edge)?;
            Some(Row { book, ever: book.windows.total(Window::All), now })
        })
        .collect();
    // The worst first is for people.
    rows.sort_by(|one, other| one.book.edge.cmp(&other.book.edge));
    let counters: [Family<u64>; 15] = [
        ("emitted", "Handoffs committed by their producer", |it| it.count(Kind::Emitted)),
        ("acknowledged", "Handoffs whose target accepted ownership, each once", |it| it.ever.acked()),
        ("completed", "Handoffs whose work is finished, without those that were returned", |it| {
            it.count(Kind::Completed).saturating_sub(it.ever.returned.into())
        }),
        ("returned", "Handoffs that went back to their source with feedback", |it| it.ever.returned.into()),
        ("settled", "Handoffs that were completed, returned or dead for the first time", |it| it.ever.settled.into()),
        ("settled_retried", "Handoffs that settled and needed a second attempt", |it| it.ever.settled_retried.into()),
        ("failed", "Attempts that ended without success; contracts refused on receipt are violations", |it| {
            it.count(Kind::Failed)
        }),
        ("retried", "Attempts granted after a failure", |it| it.count(Kind::Retried)),
        ("checked", "Distinct contracts checked at a boundary", |it| it.ever.violation_rate().n.into()),
        ("wrong", "Distinct contracts that were refused, or let through by an edge that only observes", |it| {
            it.ever.violations.into()
        }),
        ("violations", "Contracts refused at a boundary, each time they came", |it| it.count(Kind::Rejected)),
        ("flagged", "Distinct contracts that an edge which only observes let through", |it| it.ever.flagged.into()),
        ("dead_letters", "Handoffs parked for a person", |it| it.count(Kind::DeadLettered)),
        ("escalated", "Questions to people", |it| it.count(Kind::Escalated)),
        ("resolved", "Answers by people", |it| it.count(Kind::Resolved)),
    ];
    let gauges: [Family<f64>; 8] = [
        ("open", "Handoffs that are not ended", |it| it.now.open as f64),
        ("unacknowledged", "Open handoffs that wait for acknowledgement, or for the time of that", |it| {
            it.now.unacknowledged as f64
        }),
        ("oldest_unacknowledged_seconds", "Age of the handoff that waits longest for acknowledgement, or 0", |it| {
            it.now.oldest_unacknowledged_ms.unwrap_or_default() as f64 / 1_000.0
        }),
        ("dead", "Dead letters now", |it| it.now.dead.into()),
        ("waiting_for_people", "Escalated handoffs now", |it| it.now.escalated.into()),
        ("looping", "Tasks that go round in circles and whose latest handoff crossed the edge", |it| {
            it.now.looping.into()
        }),
        ("paused", "1 while a person keeps the edge paused, else 0", |it| it.now.paused.into()),
        ("people", "1 where people take over or answer, 0 where an agent does", |it| it.now.people.into()),
    ];
    let mut text = String::new();
    for (name, help, value) in counters {
        family(&mut text, &format!("handoff_{name}_total"), "counter", help, &rows, |it| value(it).to_string());
    }
    for (name, help, value) in gauges {
        family(&mut text, &format!("handoff_{name}"), "gauge", help, &rows, |it| value(it).to_string());
    }
    latency(&mut text, &rows);
    text
}

fn family(text: &mut String, name: &str, kind: &str, help: &str, rows: &[Row<'_>], value: impl Fn(&Row<'_>) -> String) {
    push(text, format_args!("# HELP {name} {help}.\n# TYPE {name} {kind}"));
    for row in rows {
        push(text, format_args!("{name}{{{}}} {}", labels(&row.book.edge), value(row)));
    }
}

fn latency(text: &mut String, rows: &[Row<'_>]) {
    let name = "handoff_ack_duration_seconds";
    push(text, format_args!("# HELP {name} Time from ready to first acknowledgement.\n# TYPE {name} histogram"));
    for row in rows {
        let acked = &row.ever.to_ack;
        let labels = labels(&row.book.edge);
        for bound in BUCKETS {
            let seconds = bound as f64 / 1_000.0;
            push(text, format_args!("{name}_bucket{{{labels},le=\"{seconds}\"}} {}", acked.up_to(bound)));
        }
        // Of none it is 0; the sum of no floats would be -0.
        let sum = acked.bars().iter().fold(0.0, |sum, &(at, n)| sum + at as f64 / 1_000.0 * f64::from(n));
        let n = acked.len();
        push(text, format_args!("{name}_bucket{{{labels},le=\"+Inf\"}} {n}"));
        push(text, format_args!("{name}_sum{{{labels}}} {sum}"));
        push(text, format_args!("{name}_count{{{labels}}} {n}"));
    }
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    let _ = writeln!(text, "{line}"); // writing to a String cannot fail
}

fn labels(edge: &Edge) -> String {
    let pair = |name: &str, value: &str| format!("{name}=\"{}\"", escape(value));
    [pair("pipeline", &edge.pipeline), pair("from", &edge.from), pair("to", &edge.to)].join(",")
}

/// The three characters that the text format reserves in a label value; everything hidden is made visible first.
fn escape(value: &str) -> String {
    clean(value).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::event::{Emission, Event, Fact};
    use crate::domain::id::{Actor, HandoffId, RunId};
    use crate::domain::time::Time;

    #[test]
    fn names_that_would_break_the_format_are_escaped() {
        let at = Time::from_millis(1_700_000_000_000);
        let edge = Edge::new("a\"} 1\nfake_total 9", "b\\", "c");
        let mut ledger = Ledger::new(0);
        ledger.apply(&Event {
            seen: None,
            run: RunId::from("r"),
            seq: 1,
            at,
            handoff: Some(HandoffId::from("h")),
            actor: Actor::agent("x"),
            fact: Fact::Emitted(Arc::new(Emission::observed(edge, "t", at))),
        });
        ledger.advance(at);
        let text = render(&ledger);
        assert!(!text.lines().any(|line| line.starts_with("fake_total")), "{text}");
        let sum = text.lines().find(|it| it.starts_with("handoff_ack_duration_seconds_sum{")).unwrap();
        assert!(sum.ends_with("} 0"), "nothing was acknowledged: {sum}");
        let line = text.lines().find(|it| it.starts_with("handoff_emitted_total{")).unwrap();
        assert!(line.contains("pipeline=\"a\\\"} 1⏎fake_total 9\",from=\"b\\\\\",to=\"c\"} 1"), "{line}");
    }
}
