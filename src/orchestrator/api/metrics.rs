//! `/metrics`: the figures of every edge as Prometheus text, computed from the log (protocol sections 5 and 8), and those of
//! the server itself.

use std::fmt::Write;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::Api;
use crate::domain::health::{Histogram, Kind, Window};
use crate::domain::id::Edge;
use crate::domain::ledger::{EdgeStats, Ledger};
use crate::domain::text::clean;
use crate::domain::time::Millis;

mod itself;

/// Upper bounds of the latency buckets, in milliseconds.
const BUCKETS: [Millis; 14] =
    [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000, 900_000, 3_600_000];

/// Figures of every edge and of the server itself as Prometheus text
#[utoipa::path(get, path = "/metrics", tag = "operations",
    responses((status = 200, description = "Prometheus text format 0.0.4", body = String)))]
pub async fn metrics(State(api): State<Api>) -> Response {
    // Without it they are not known yet; a store that fails is counted elsewhere.
    let _ = api.blobs.count(&api.engine).await;
    let mut text = render(&*api.present().await);
    text.push_str(&itself::render(&api));
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// Counters begin with what the store's rollups still hold and only grow while the server runs; after a restart they
/// may be smaller, which Prometheus takes for the reset that it is.
fn render(ledger: &Ledger) -> String {
    let mut text = String::new();
    let total = |book: &EdgeStats, kind| u64::from(book.windows.total(Window::All).counts.get(kind));
    let counters: [(&str, &str, Kind); 9] = [
        ("emitted", "Handoffs committed by their producer", Kind::Emitted),
        ("acknowledged", "Handoffs whose target accepted ownership", Kind::Acknowledged),
        ("completed", "Handoffs whose work is finished: completed, or returned with feedback", Kind::Completed),
        ("failed", "Attempts that ended without success; contracts refused on receipt are violations", Kind::Failed),
        ("retried", "Attempts granted after a failure", Kind::Retried),
        ("violations", "Contracts refused at a schema boundary", Kind::Rejected),
        ("dead_letters", "Handoffs parked for a person", Kind::DeadLettered),
        ("escalated", "Questions to people", Kind::Escalated),
        ("resolved", "Answers by people", Kind::Resolved),
    ];
    for (name, help, kind) in counters {
        family(&mut text, &format!("handoff_{name}_total"), "counter", help, ledger, |it| total(it, kind));
    }
    family(&mut text, "handoff_open", "gauge", "Handoffs that are not ended", ledger, |it| it.open.len() as u64);
    family(&mut text, "handoff_unacknowledged", "gauge", "Open handoffs that wait for acknowledgement", ledger, |it| {
        it.waiting() as u64
    });
    family(&mut text, "handoff_dead", "gauge", "Dead letters now", ledger, |it| u64::from(it.dead));
    family(&mut text, "handoff_waiting_for_people", "gauge", "Escalated handoffs now", ledger, |it| {
        u64::from(it.escalated)
    });
    latency(&mut text, ledger);
    text
}

fn family(text: &mut String, name: &str, kind: &str, help: &str, ledger: &Ledger, value: impl Fn(&EdgeStats) -> u64) {
    let mut lines = format!("# HELP {name} {help}.\n# TYPE {name} {kind}\n");
    for book in ledger.edges() {
        push(&mut lines, format_args!("{name}{{{}}} {}", labels(&book.edge), value(book)));
    }
    text.push_str(&lines);
}

fn latency(text: &mut String, ledger: &Ledger) {
    let name = "handoff_ack_duration_seconds";
    push(text, format_args!("# HELP {name} Time from emit to first acknowledgement.\n# TYPE {name} histogram"));
    for book in ledger.edges() {
        let acked: &Histogram = &book.windows.total(Window::All).to_ack;
        let labels = labels(&book.edge);
        for bound in BUCKETS {
            let seconds = bound as f64 / 1_000.0;
            push(text, format_args!("{name}_bucket{{{labels},le=\"{seconds}\"}} {}", acked.up_to(bound)));
        }
        let sum: f64 = acked.bars().iter().map(|&(at, n)| at as f64 / 1_000.0 * f64::from(n)).sum();
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
        let line = text.lines().find(|it| it.starts_with("handoff_emitted_total{")).unwrap();
        assert!(line.contains("pipeline=\"a\\\"} 1⏎fake_total 9\",from=\"b\\\\\",to=\"c\"} 1"), "{line}");
    }
}
