mod live;

use std::sync::Arc;

use super::*;
use crate::domain::contract::Urgency;
use crate::domain::event::{Emission, Event, Fact, Terms};
use crate::domain::health::{Signal, Window};
use crate::domain::id::Edge;
use crate::domain::ledger::tests::{acknowledged, asked, asked_until, at, completed, dead, emitted, emitted_on, event};
use crate::domain::ledger::{self, Ledger};
use crate::domain::time::{MINUTE, SECOND};

mod observed;

fn hop(pipeline: &str, (from, to): (&str, &str), run: &str, id: &str, seconds: i64) -> Event {
    emitted_on(Edge::new(pipeline, from, to), run, id, seconds)
}

fn ledger(events: &[Event], now: i64) -> Ledger {
    let mut ledger = ledger::tests::ledger(events);
    ledger.advance(at(now));
    ledger
}

#[test]
fn an_edge_says_what_is_acknowledged_and_what_waits() {
    let ledger = ledger(&[emitted("r1", "h1", 0), acknowledged("r1", "h1", 2), emitted("r2", "h2", 10)], 70);
    let rows = edges(&ledger, Window::All, false);
    let row = &rows[0];
    assert_eq!((row.counts["emitted"], row.counts["acknowledged"]), (2, 1));
    assert_eq!((row.counts.len(), row.counts["rejected"]), (9, 0));
    assert_eq!(row.emit_to_ack_ms.n, 1);
    assert_eq!((row.p95_ms.value, row.p95_ms.lower_bound, row.p95_ms.n), (Some(60 * SECOND), true, 2));
    assert_eq!((row.open, row.unacknowledged), (2, 1));
    assert_eq!(row.oldest_unacknowledged_ms, Some(60 * SECOND));
    assert_eq!(row.oldest_unacknowledged, Some("h2".into()));
    assert_eq!(row.retry_rate.value, None, "nothing settled is no rate, not 0");
    assert_eq!(row.retries_per_emit.value, Some(0.0));
}

#[test]
fn people_who_are_asked_come_after_the_agents() {
    let question = asked("r1", "h1", 1, "operators");
    let ledger = ledger(&[emitted("r1", "h1", 0), question], 70);
    let rows = edges(&ledger, Window::All, false);
    let names: Vec<_> = rows.iter().map(|it| (it.edge.to_string(), it.people)).collect();
    assert_eq!(names, [("a>b".to_owned(), false), ("b>operators".to_owned(), true)]);
    let people = &rows[1];
    assert!(people.questions);
    assert_eq!((people.open, people.unacknowledged), (1, 1));
    assert_eq!(people.oldest_unacknowledged, Some("h1".into()));
    let p95 = people.p95_ms;
    assert_eq!((p95.value, p95.lower_bound), (Some(69 * SECOND), true));
    let pipeline = &pipelines(&ledger, Window::All, false)[0];
    assert_eq!((pipeline.counts["emitted"], pipeline.open), (1, 1));
    assert_eq!((pipeline.escalated, pipeline.oldest_unacknowledged_ms), (1, None));
}

#[test]
fn stale_figures_call_nothing_healthy() {
    let ledger = ledger(&[emitted("r", "h", 0), acknowledged("r", "h", 1)], 2);
    let word = |stale| edges(&ledger, Window::All, stale)[0].health;
    assert_ne!(word(true), "healthy");
    assert_ne!(word(true), word(false));
}

#[test]
fn a_pipeline_adds_up_its_edges() {
    let events = [
        hop("p", ("a", "b"), "r", "h1", 0),
        acknowledged("r", "h1", 1),
        hop("p", ("b", "c"), "r", "h2", 2),
        acknowledged("r", "h2", 12),
        hop("q", ("a", "b"), "s", "h3", 3),
        event("s", "h3", 4, Fact::ObservedRetried {}),
    ];
    let ledger = ledger(&events, 20);
    let rows = pipelines(&ledger, Window::All, false);
    let p = rows.iter().find(|it| it.pipeline == "p").unwrap();
    assert_eq!((p.edges.len(), p.counts["emitted"], p.open), (2, 2, 2));
    assert_eq!(p.emit_to_ack_ms.n, 2);
    let (p50, p95) = (p.emit_to_ack_ms.p50.unwrap(), p.emit_to_ack_ms.p95.unwrap());
    assert!((p50 - 1_000).abs() <= 10 && (p95 - 10_000).abs() <= 100, "{p50} {p95}");
    let q = rows.iter().find(|it| it.pipeline == "q").unwrap();
    assert_eq!(q.retries_per_emit.value, Some(1.0));
    assert_eq!(q.oldest_unacknowledged_ms, Some(17 * SECOND));
}

#[test]
fn three_retries_within_ten_minutes_are_a_storm_since_the_third() {
    let retry = |seconds| event("r", "h", seconds, Fact::ObservedRetried {});
    let storm = [emitted("r", "h", 0), retry(0), retry(300), retry(600)];
    let ledger_of = |events: &[Event]| tasks(&ledger(events, 700), true).remove(0);
    let row = ledger_of(&storm);
    assert_eq!((row.verdict, row.since, row.retries), (TaskVerdict::RetryStorm, Some(at(600)), 3));
    let slow = [emitted("r", "h", 0), retry(0), retry(300), retry(601)];
    assert_eq!(ledger_of(&slow).verdict, TaskVerdict::Fine);
}

#[test]
fn a_ping_pong_is_a_loop_and_a_patrol_is_none() {
    let mut events = Vec::new();
    for nth in 0..6 {
        let pair = if nth % 2 == 0 { ("a", "b") } else { ("b", "a") };
        events.push(hop("p", pair, "pingpong", &format!("x{nth}"), nth));
        events.push(hop("p", ("w", "w"), "patrol", &format!("y{nth}"), nth));
    }
    let rows = tasks(&ledger(&events, 10), true);
    assert_eq!((rows[0].trace_id.as_str(), rows[0].verdict), ("pingpong", TaskVerdict::Looping));
    assert_eq!(rows[0].path, "a <> b x3");
    events.push(hop("p", ("a", "b"), "pingpong", "x6", 6));
    assert_eq!(tasks(&ledger(&events, 10), true)[0].path, "a <> b x3 > b", "seven handoffs");
    assert_eq!((rows[1].trace_id.as_str(), rows[1].verdict), ("patrol", TaskVerdict::Fine));
    assert_eq!(rows[1].path, "w > w x6");
}

#[test]
fn closed_tasks_without_a_verdict_are_shown_on_demand_only() {
    let ledger = ledger(&[emitted("r", "h", 0), completed("r", "h", 5)], 100);
    assert!(tasks(&ledger, false).is_empty());
    let row = tasks(&ledger, true).remove(0);
    assert_eq!((row.open, row.spent_ms, row.since), (0, 5 * SECOND, None));
}

#[test]
fn long_paths_lose_their_middle() {
    let names: Vec<String> = (0..12).map(|nth| format!("n{nth}")).collect();
    let events: Vec<Event> = names
        .windows(2)
        .zip(0..)
        .map(|(pair, nth)| hop("p", (&pair[0], &pair[1]), "r", &format!("h{nth}"), nth))
        .collect();
    let row = tasks(&ledger(&events, 20), true).remove(0);
    assert_eq!(row.path, "n0 > n1 > n2 > n3 > … > n8 > n9 > n10 > n11");
}

#[test]
fn the_inbox_puts_overdue_first_then_the_urgent() {
    let events = [
        emitted("r1", "calm", 0),
        asked_until("r1", "calm", 1, "editors", (Urgency::Normal, Some(at(100)))),
        emitted("r2", "urgent", 0),
        asked_until("r2", "urgent", 1, "editors", (Urgency::Critical, Some(at(500)))),
        emitted("r3", "late", 0),
        asked_until("r3", "late", 1, "editors", (Urgency::Low, Some(at(10)))),
        emitted("r4", "never", 0),
        asked_until("r4", "never", 1, "editors", (Urgency::Low, None)),
    ];
    let rows = inbox(&ledger(&events, 31));
    let ids: Vec<&str> = rows.iter().map(|it| it.handoff_id.as_str()).collect();
    assert_eq!(ids, ["late", "urgent", "calm", "never"]);
    assert_eq!((rows[0].due_in_ms, rows[0].waiting_ms), (Some(-21 * SECOND), 30 * SECOND));
    let never = serde_json::to_value(&rows[3]).unwrap();
    assert!(never["due_at"].is_null() && never["due_in_ms"].is_null());
    assert_eq!(serde_json::to_value(&rows[2]).unwrap()["due_in_ms"], 69 * SECOND);
}

#[test]
fn a_watched_dead_letter_cannot_be_requeued() {
    let ledger = ledger(&[emitted("r", "h", 0), dead("r", "h", 60)], 120);
    let row = dead_row(&ledger, &"h".into()).unwrap();
    assert_eq!((row.code.as_str(), row.age_ms), ("timeout", MINUTE));
    assert!(matches!(row.outlook, Outlook::Impossible(_)));
    let handoff = handoff_row(&"r".into(), ledger.handoff(&"h".into()).unwrap());
    assert_eq!((handoff.ended_at, handoff.acknowledged_at), (Some(at(60)), None));
    assert_eq!(handoff.emit_to_ack_ms, None);
}

#[test]
fn an_edge_is_held_to_the_limit_of_its_policy() {
    let seen = |limit: Option<i64>| {
        let mut ledger = Ledger::new(0);
        for nth in 0..40 {
            let (run, id) = (format!("r-{nth}"), format!("h-{nth}"));
            let terms = Terms { key: id.as_str().into(), p95_max_ms: limit, ..Terms::default() };
            let seen = Emission::observed(Edge::new("p", "a", "b"), "do it", at(nth));
            let emission = Emission { terms: Some(terms), ..seen };
            ledger.apply(&event(&run, &id, nth, Fact::Emitted(Arc::new(emission))));
            ledger.apply(&acknowledged(&run, &id, nth + 5));
        }
        ledger.advance(at(50));
        edges(&ledger, Window::OneHour, false).remove(0)
    };
    assert!(seen(Some(6 * SECOND)).findings.is_empty());
    let slow = seen(Some(4 * SECOND));
    assert_eq!(slow.findings[0].signal, Signal::Limit);
    assert!(slow.findings[0].what.contains("limit 4.0s"), "{slow:?}");
}
