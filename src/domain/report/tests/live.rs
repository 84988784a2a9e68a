//! Work of an orchestrator that waits for its time, for an operator or for a person, and what a requeue leaves of figures.

use super::*;
use crate::domain::contract::{Party, PartyKind};
use crate::domain::event::{Answer, DeadReason, Resolution};
use crate::domain::health::Tally;
use crate::domain::ledger::tests::snapshot;
use crate::domain::port::Rollup;
use crate::domain::run::RunState;
use crate::domain::time::HOUR;

/// A handoff with terms on the edge of [`emitted`], changed as wanted.
fn offered(id: &str, seconds: i64, change: impl FnOnce(&mut Emission)) -> Event {
    let terms = Terms { key: id.into(), ack_timeout_ms: 30 * SECOND, max_attempts: 5, ..Terms::default() };
    let seen = Emission::observed(Edge::new("p", "a", "b"), "do it", at(seconds));
    let mut emission = Emission { terms: Some(terms), ..seen };
    change(&mut emission);
    event(id, id, seconds, Fact::Emitted(Arc::new(emission)))
}

fn leased(id: &str, seconds: i64, attempt: u32, resumed: Option<i64>) -> Event {
    let fact = Fact::Leased {
        attempt,
        total: attempt,
        lease: "l".to_owned(),
        holder: "b".to_owned(),
        until: None,
        lease_ms: 60 * SECOND,
        resumed_at: resumed.map(at),
    };
    event(id, id, seconds, fact)
}

fn died(id: &str, seconds: i64) -> Event {
    let (code, reason) = ("timeout".to_owned(), DeadReason::BudgetSpent);
    event(id, id, seconds, Fact::DeadLettered { code, reason, detail: String::new(), violations: Vec::new() })
}

fn requeued(id: &str, seconds: i64) -> Event {
    event(id, id, seconds, Fact::Requeued { reason: "again".into() })
}

fn paused(seconds: i64) -> Event {
    let fact = Fact::EdgePaused { edge: Edge::new("p", "a", "b"), reason: String::new() };
    Event { handoff: None, ..event("switches", "", seconds, fact) }
}

fn resumed(seconds: i64) -> Event {
    let fact = Fact::EdgeResumed { edge: Edge::new("p", "a", "b"), reason: String::new() };
    Event { handoff: None, ..event("switches", "", seconds, fact) }
}

fn row(events: &[Event], now: i64) -> EdgeRow {
    edges(&ledger(events, now), Window::All, false).remove(0)
}

/// Within the error of the histogram.
fn is_about(value: Option<i64>, millis: i64) -> bool {
    value.is_some_and(|it| (it - millis).abs() * 100 <= millis)
}

#[test]
fn what_is_put_back_waits_from_the_end_of_its_snooze() {
    let snoozed = event("h", "h", 2, Fact::Snoozed { until: at(3_600), released: false });
    let mut events = vec![offered("h", 0, |_| ()), leased("h", 1, 1, None), snoozed];
    let rests = row(&events, 3_000);
    assert_eq!((rests.p95_ms.value, rests.p95_ms.n, rests.oldest_unacknowledged_ms), (None, 0, None));
    assert_eq!((rests.unacknowledged, rests.findings.len()), (1, 0));
    let waits = row(&events, 3_610);
    assert_eq!((waits.p50_ms.value, waits.p95_ms.lower_bound), (Some(10 * SECOND), true));
    assert_eq!(row(&events, 3_700).findings[0].signal, Signal::Stall, "and is late like any other");
    events.extend([leased("h", 3_612, 1, None), acknowledged("h", "h", 3_613)]);
    assert!(is_about(row(&events, 3_620).p95_ms.value, 13 * SECOND));
    let scheduled = offered("h", 0, |it| it.ready_at = at(3_600));
    assert_eq!(row(&[scheduled], 3_000).p50_ms.n, 0, "so it is with what is not to begin before a time");
}

#[test]
fn nothing_waits_on_a_paused_edge_and_what_did_waits_anew() {
    let mut events = vec![offered("h", 0, |_| ()), paused(5)];
    let ledger_then = ledger(&events, 4_000);
    let held = edges(&ledger_then, Window::All, false).remove(0);
    assert_eq!((held.p95_ms.n, held.findings.len(), held.unacknowledged), (0, 0, 1));
    assert_eq!(held.oldest_unacknowledged_ms, Some(4_000 * SECOND), "how long it is held up is told");
    assert_eq!(reasons(&ledger_then, &held, &|_| String::new()), ["paused"]);
    events.push(resumed(5_000));
    let flows = |ledger: &Ledger| {
        let row = edges(ledger, Window::All, false).remove(0);
        (row.p95_ms.value, row.oldest_unacknowledged_ms, row.findings.len())
    };
    let after = ledger(&events, 5_010);
    assert_eq!(flows(&after), (Some(10 * SECOND), Some(10 * SECOND), 0));
    let mut restored = Ledger::new(0);
    restored.restore(snapshot(&after, 5_010, Vec::new()));
    assert_eq!(flows(&restored), flows(&after), "also for who comes later");
    events.extend([leased("h", 5_011, 1, Some(5_000)), acknowledged("h", "h", 5_012)]);
    assert!(is_about(row(&events, 5_020).p95_ms.value, 12 * SECOND));
}

#[test]
fn an_edge_to_people_is_late_when_something_was_due() {
    let to = |kind, urgency, deadline: Option<i64>| {
        offered("h", 0, |it| {
            it.to = Party { kind, ..Party::agent("b") };
            let terms = it.terms.as_mut().unwrap();
            (terms.urgency, terms.deadline) = (urgency, deadline.map(at));
        })
    };
    let hours = |hours: i64| hours * HOUR / SECOND;
    let events = [to(PartyKind::Human, Urgency::Normal, None)];
    let calm = row(&events, hours(23));
    assert_eq!((calm.people, calm.questions, calm.findings.len()), (true, false, 0));
    assert_eq!(calm.health, "too few");
    let pipeline = pipelines(&ledger(&events, hours(23)), Window::All, false).remove(0);
    assert_eq!((pipeline.p95_ms.value, pipeline.oldest_unacknowledged_ms), (None, None));
    assert_eq!((pipeline.open, pipeline.counts["emitted"]), (1, 1), "the work is the pipeline's");
    let late = row(&events, hours(25));
    assert_eq!((late.health, &*late.findings[0].what), ("critical", "1 overdue for 1h"));
    let urgent = [to(PartyKind::Team, Urgency::Critical, None)];
    assert_eq!(row(&urgent, hours(2)).findings[0].signal, Signal::Overdue);
    let named = [to(PartyKind::Human, Urgency::Normal, Some(hours(30)))];
    assert_eq!(row(&named, hours(29)).findings, []);
    assert_eq!(row(&[to(PartyKind::Agent, Urgency::Normal, None)], 60).findings[0].signal, Signal::Stall);
    let taken = [to(PartyKind::Human, Urgency::Normal, None), leased("h", 9, 1, None), acknowledged("h", "h", 9)];
    assert_eq!(row(&taken, hours(90)).findings, [], "it is in hand");
}

#[test]
fn a_question_is_late_when_it_was_due() {
    let ask = |due| asked_until("r", "h", 1, "operators", (Urgency::Normal, due));
    let people = |due: Option<i64>, now| {
        let ledger = ledger(&[emitted("r", "h", 0), ask(due.map(at))], now);
        let rows = edges(&ledger, Window::All, false);
        rows.into_iter().find(|it| it.questions).unwrap()
    };
    assert_eq!(people(Some(9_000), 8_000).findings, [], "two hours are not long for people");
    assert_eq!(people(Some(9_000), 9_060).findings[0].what, "1 overdue for 1m");
    let undated = people(None, 8_000);
    assert_eq!(undated.findings[0].what, "1 waiting, none acknowledged for 2h13m");
    assert!(!undated.findings[0].critical, "nobody said when it was due");
}

#[test]
fn a_requeue_moves_no_rate_and_hides_no_wait() {
    let mut events = vec![offered("h", 0, |_| ()), died("h", 3), requeued("h", 60)];
    events.extend([leased("h", 61, 1, None), acknowledged("h", "h", 61), completed("h", "h", 70)]);
    let once = row(&events, 80);
    assert_eq!((once.retry_rate.k, once.retry_rate.n), (0, 1), "it is one handoff");
    assert!(once.emit_to_ack_ms.n == 1 && is_about(once.emit_to_ack_ms.p95, SECOND));
    assert!(once.p99_ms.n == 2 && once.p99_ms.lower_bound && is_about(once.p99_ms.value, 3 * SECOND), "{once:?}");

    // Those that needed a second attempt and died: a redrive of them all succeeds at once.
    let mut events = Vec::new();
    for nth in 0..4 {
        let id = format!("h{nth}");
        events.extend([offered(&id, 0, |_| ()), leased(&id, 1, 1, None), acknowledged(&id, &id, 2)]);
        events.extend([leased(&id, 3, 2, None), died(&id, 4), requeued(&id, 5), leased(&id, 6, 1, None)]);
        events.extend([acknowledged(&id, &id, 7), completed(&id, &id, 8)]);
    }
    let redriven = row(&events, 9);
    assert_eq!((redriven.retry_rate.k, redriven.retry_rate.n), (4, 4));
    assert_eq!((redriven.acked, redriven.counts["acknowledged"]), (4, 8), "handoffs, and events");

    // And one that needs its second attempt only after the requeue.
    let mut events = vec![offered("h", 0, |_| ()), died("h", 3), requeued("h", 4), leased("h", 5, 1, None)];
    events.extend([leased("h", 6, 2, None), acknowledged("h", "h", 7), completed("h", "h", 8)]);
    assert_eq!((row(&events, 9).retry_rate.k, row(&events, 9).retry_rate.n), (1, 1));
}

#[test]
fn an_approval_in_between_does_not_hide_that_it_needed_a_retry() {
    let answer = Resolution { answer: Answer::Approve, note: String::new(), feedback: Vec::new(), value: None };
    let mut events = vec![offered("h", 0, |_| ()), leased("h", 1, 1, None), leased("h", 3, 2, None)];
    events.extend([asked("h", "h", 4, "operators"), event("h", "h", 5, Fact::EscalationResolved(Box::new(answer)))]);
    events.extend([leased("h", 6, 1, None), acknowledged("h", "h", 7), completed("h", "h", 8)]);
    let ledger = ledger(&events, 9);
    let rows = edges(&ledger, Window::All, false);
    let row = rows.iter().find(|it| !it.people).unwrap();
    assert_eq!((row.retry_rate.k, row.retry_rate.n), (1, 1));
}

#[test]
fn what_an_observing_edge_flags_is_a_violation_and_other_flags_are_none() {
    let flagged = |id: &str, flags: &[&str]| {
        offered(id, 0, |it| it.terms.as_mut().unwrap().flags = flags.iter().map(|it| (*it).to_owned()).collect())
    };
    let events = [flagged("h1", &["/brief/title minLength", "summary_size"]), flagged("h2", &["summary_size"])];
    let row = row(&events, 1);
    assert_eq!((row.violation_rate.k, row.violation_rate.n), (1, 2));
    assert_eq!(row.findings[0].what, "1 payload flagged in 1h");
}

#[test]
fn a_task_that_only_people_can_move_is_not_in_work() {
    let state = |events: &[Event]| tasks(&ledger(events, 60), true).remove(0).state;
    let offer = || offered("h", 0, |_| ());
    assert_eq!(state(&[offer()]), RunState::Running);
    assert_eq!(state(&[offer(), died("h", 1)]), RunState::Waiting);
    assert_eq!(state(&[offer(), paused(1)]), RunState::Waiting);
    assert_eq!(state(&[offer(), paused(1), resumed(2)]), RunState::Running);
    assert_eq!(state(&[offer(), leased("h", 1, 1, None), paused(2)]), RunState::Running, "what was leased goes on");
    let to_person = offered("h", 0, |it| it.to = Party { kind: PartyKind::Human, ..Party::agent("b") });
    assert_eq!(state(&[to_person]), RunState::Waiting);
}

#[test]
fn figures_of_an_edge_to_people_stay_theirs_after_a_restart() {
    let mut tally = Tally::default();
    tally.evaluate(false);
    tally.to_people = true;
    tally.to_ack.record(5 * HOUR);
    let rollups = vec![Rollup { end: at(60), edges: vec![(Edge::new("p", "a", "b"), tally)] }];
    let mut restored = Ledger::new(0);
    restored.restore(snapshot(&Ledger::new(0), 70, rollups));
    let pipeline = pipelines(&restored, Window::OneHour, false).remove(0);
    assert!(pipeline.edges[0].people);
    assert_eq!((pipeline.p95_ms.value, pipeline.emit_to_ack_ms.n), (None, 0));
}
