//! The figures of sources that only observe, from stories as a record tells them.

use std::collections::BTreeMap;

use super::ledger;
use crate::domain::event::{Answer, Emission, Event, Fact, Resolution};
use crate::domain::health::Window;
use crate::domain::id::Edge;
use crate::domain::ledger::Ledger;
use crate::domain::ledger::tests::{acknowledged, asked, at, completed, dead, emitted_on, event};
use crate::domain::machine::Irregularity;
use crate::domain::report::{self, EdgeRow, TaskRow, TaskVerdict};
use crate::domain::run::{RunState, State};
use crate::domain::time::{DAY, SECOND};

/// One line: the second, the kind, the handoff and its edge, as `a>b`.
type Line<'a> = (i64, &'a str, &'a str, &'a str);

/// What comes of these lines of run `r`, ten seconds after the last.
fn told(lines: &[Line<'_>]) -> Ledger {
    let last = lines.last().map_or(0, |it| it.0);
    told_until(lines, last + 10)
}

fn told_until(lines: &[Line<'_>], now: i64) -> Ledger {
    ledger(&lines.iter().flat_map(|it| events("r", *it)).collect::<Vec<_>>(), now)
}

fn events(run: &str, (seconds, kind, id, edge): Line<'_>) -> Vec<Event> {
    let (from, to) = edge.split_once('>').unwrap();
    let edge = Edge::new("p", from, to);
    let code = "timeout".to_owned();
    let answer = Resolution { answer: Answer::Respond, note: String::new(), feedback: Vec::new(), value: None };
    vec![match kind {
        "emitted" => emitted_on(edge, run, id, seconds),
        "sighted" => event(run, id, seconds, Fact::Sighted(Emission::observed(edge, "", at(seconds)).into())),
        "acknowledged" => acknowledged(run, id, seconds),
        "completed" => completed(run, id, seconds),
        "dead_lettered" => dead(run, id, seconds),
        "failed" => event(run, id, seconds, Fact::ObservedFailed { code }),
        "rejected" => event(run, id, seconds, Fact::ObservedRejected { code }),
        "retried" => event(run, id, seconds, Fact::ObservedRetried {}),
        "escalated" => asked(run, id, seconds, ""),
        "resolved" => event(run, id, seconds, Fact::EscalationResolved(Box::new(answer))),
        other => panic!("`{other}` is no kind"),
    }]
}

fn row(ledger: &Ledger, edge: &str) -> EdgeRow {
    let rows = report::edges(ledger, Window::All, false);
    rows.into_iter().find(|it| it.edge.to_string() == edge).unwrap()
}

/// Handoffs that needed a second attempt, and those that settled.
fn retries(ledger: &Ledger, edge: &str) -> (u32, u32) {
    let rate = row(ledger, edge).retry_rate;
    (rate.k, rate.n)
}

fn task(ledger: &Ledger) -> TaskRow {
    report::task_row(ledger, ledger.run(&"r".into()).unwrap(), ledger.now())
}

fn irregular(lines: &[Line<'_>]) -> Vec<Irregularity> {
    told(lines).irregular().keys().copied().collect()
}

#[test]
fn what_is_retried_under_its_own_id_and_then_done_needed_a_second_attempt() {
    let ids: Vec<String> = (0..25).map(|nth| format!("h{nth}")).collect();
    let each = |(nth, id): (usize, &'_ String)| {
        ["emitted", "acknowledged", "retried", "completed"].map(|kind| (10 * nth as i64, kind, id.clone()))
    };
    let lines: Vec<_> = ids.iter().enumerate().flat_map(each).collect();
    let lines: Vec<Line<'_>> = lines.iter().map(|(at, kind, id)| (*at, *kind, id.as_str(), "a>b")).collect();
    let ledger = told(&lines);
    assert_eq!(retries(&ledger, "a>b"), (25, 25));
    assert!(ledger.irregular().is_empty());
}

#[test]
fn what_failed_and_is_done_under_the_same_id_is_completed_at_its_second_attempt() {
    let ledger = told(&[
        (0, "emitted", "h", "a>b"),
        (1, "acknowledged", "h", "a>b"),
        (2, "failed", "h", "a>b"),
        (2, "retried", "h", "a>b"),
        (3, "acknowledged", "h", "a>b"),
        (5, "completed", "h", "a>b"),
    ]);
    assert_eq!((retries(&ledger, "a>b"), task(&ledger).state), ((1, 1), RunState::Completed));
    let it = ledger.handoff(&"h".into()).unwrap();
    assert_eq!((it.attempt, it.ended_at, it.acked_at), (2, Some(at(5)), Some(at(1))));
    assert!(ledger.irregular().is_empty());
    let dead = told(&[(0, "emitted", "h", "a>b"), (1, "failed", "h", "a>b"), (2, "retried", "h", "a>b")]);
    assert_eq!((task(&dead).state, row(&dead, "a>b").open), (RunState::Running, 0), "its next attempt is awaited");
}

#[test]
fn a_second_attempt_under_an_id_of_its_own_settles_once_on_the_edge_of_the_first() {
    let mut lines = vec![
        (0, "emitted", "h1", "a>nux"),
        (1, "failed", "h1", "a>nux"),
        (2, "retried", "h1", "a>nux"),
        (2, "emitted", "h2", "a>max"),
        (3, "acknowledged", "h2", "a>max"),
        (4, "completed", "h2", "a>max"),
    ];
    let ledger = told(&lines);
    assert_eq!([retries(&ledger, "a>nux"), retries(&ledger, "a>max")], [(1, 1), (0, 0)]);
    assert_eq!(ledger.handoff(&"h2".into()).unwrap().attempt, 2);
    assert_eq!(row(&ledger, "a>max").counts["completed"], 1, "what happened stays where it did");
    // The next work of the same source is no attempt of it.
    lines.extend([(6, "emitted", "h3", "a>nux"), (7, "completed", "h3", "a>nux")]);
    assert_eq!(retries(&told(&lines), "a>nux"), (1, 2));
}

#[test]
fn each_attempt_is_one_of_the_attempt_before() {
    let ledger = told(&[
        (0, "emitted", "h1", "a>nux"),
        (1, "failed", "h1", "a>nux"),
        (2, "retried", "h1", "a>nux"),
        (3, "emitted", "h2", "a>max"),
        (4, "rejected", "h2", "a>max"),
        (5, "retried", "h2", "a>max"),
        (6, "emitted", "other", "b>nux"),
        (7, "emitted", "h3", "a>joe"),
        (8, "dead_lettered", "h3", "a>joe"),
    ]);
    let of = |edge| retries(&ledger, edge);
    assert_eq!(["a>nux", "a>max", "a>joe", "b>nux"].map(of), [(0, 0), (1, 1), (0, 0), (0, 0)]);
    assert_eq!(ledger.handoff(&"h3".into()).unwrap().attempt, 3);
    assert_eq!(ledger.handoff(&"other".into()).unwrap().attempt, 1, "another source tries nothing again");
}

#[test]
fn those_that_failed_together_are_each_tried_again_on_their_edge() {
    let ledger = told(&[
        (0, "emitted", "h1", "a>x"),
        (0, "emitted", "h2", "a>y"),
        (1, "failed", "h1", "a>x"),
        (1, "failed", "h2", "a>y"),
        (2, "retried", "h1", "a>x"),
        (2, "retried", "h2", "a>y"),
        (3, "emitted", "h3", "a>y"),
        (3, "emitted", "h4", "a>x"),
        (4, "completed", "h3", "a>y"),
    ]);
    assert_eq!((retries(&ledger, "a>x"), retries(&ledger, "a>y")), ((0, 0), (1, 1)));
}

#[test]
fn a_retry_is_never_booked_on_other_work() {
    // Retried while open: it goes on under its own id, whatever else its source hands over.
    let open = [(0, "emitted", "h", "a>b"), (1, "acknowledged", "h", "a>b"), (2, "retried", "h", "a>b")];
    // Failed first: it may go on under another id, until its own is heard of again.
    let failed = [(0, "emitted", "h", "a>b"), (1, "failed", "h", "a>b"), (2, "retried", "h", "a>b")];
    let own = [(20, "acknowledged", "h", "a>b"), (30, "completed", "h", "a>b")];
    for first in [open, failed] {
        for (emitted, done) in [(3, 4), (3, 25), (3, 40), (25, 26), (25, 40), (40, 50)] {
            let other = [(emitted, "emitted", "o", "a>c"), (done, "completed", "o", "a>c")];
            let mut lines = [&first[..], &own, &other].concat();
            lines.sort_by_key(|it| it.0);
            let ledger = told(&lines);
            let of = [retries(&ledger, "a>b"), retries(&ledger, "a>c")];
            assert_eq!(of, [(1, 1), (0, 1)], "{lines:?}");
        }
    }
}

#[test]
fn what_was_never_emitted_or_has_ended_is_not_tried_again() {
    let work = |id| [(8, "emitted", id, "a>b"), (9, "completed", id, "a>b")];
    let never = [&[(0, "sighted", "ghost", "a>llm"), (0, "retried", "ghost", "a>llm")][..], &work("h")].concat();
    assert_eq!(retries(&told(&never), "a>b"), (0, 1));
    let done = [(0, "emitted", "h1", "a>b"), (1, "acknowledged", "h1", "a>b"), (2, "completed", "h1", "a>b")];
    let reopened = [&done[..], &[(3, "retried", "h1", "a>b")], &work("h2")].concat();
    assert_eq!(retries(&told(&reopened), "a>b"), (0, 2));
}

#[test]
fn a_task_is_what_its_last_attempt_is() {
    let first = [(0, "emitted", "h1", "a>b"), (1, "failed", "h1", "a>b")];
    let state = |more: &[Line<'_>]| task(&told(&[&first[..], more].concat())).state;
    assert_eq!(state(&[]), RunState::Failed);
    assert_eq!(state(&[(2, "retried", "h1", "a>b")]), RunState::Running);
    assert_eq!(state(&[(2, "emitted", "h2", "a>c"), (3, "completed", "h2", "a>c")]), RunState::Completed);
    assert_eq!(state(&[(2, "emitted", "h2", "a>b"), (3, "rejected", "h2", "a>b")]), RunState::Failed);
    assert_eq!(state(&[(2, "emitted", "h2", "a>b"), (3, "dead_lettered", "h2", "a>b")]), RunState::Waiting);
}

#[test]
fn the_first_end_counts_for_a_dead_letter_too() {
    for second in ["dead_lettered", "failed", "completed"] {
        let lines = [(0, "emitted", "h", "a>b"), (1, "dead_lettered", "h", "a>b"), (600, second, "h", "a>b")];
        let mut events: Vec<_> = lines.into_iter().flat_map(|it| events("r", it)).collect();
        let Fact::DeadLettered { code, .. } = &mut events[1].fact else { panic!("it is a dead letter") };
        *code = "first".to_owned();
        let row = report::dead_row(&ledger(&events, 700), &"h".into()).unwrap();
        assert_eq!((row.dead_at, row.age_ms, row.code.as_str()), (at(1), 699 * SECOND, "first"), "{second}");
    }
}

#[test]
fn open_is_what_was_emitted() {
    let ledger = told(&[
        (0, "emitted", "h", "a>b"),
        (1, "acknowledged", "h", "a>b"),
        (2, "completed", "h", "a>b"),
        (5, "sighted", "g1", "a>b"),
        (5, "retried", "g1", "a>b"),
        (6, "sighted", "g2", "a>b"),
        (6, "acknowledged", "g2", "a>b"),
    ]);
    let task = task(&ledger);
    assert_eq!((row(&ledger, "a>b").open, task.open, task.state), (0, 0, RunState::Completed));
    assert_eq!(report::tasks(&ledger, false), [], "nobody waits for it");
    let emitted = told(&[(5, "sighted", "g", "a>b"), (5, "acknowledged", "g", "a>b"), (6, "emitted", "g", "a>b")]);
    assert_eq!(row(&emitted, "a>b").open, 1, "its emission came late");
}

#[test]
fn orders_that_the_protocol_does_not_allow_are_irregular() {
    use Irregularity::{
        AcknowledgedWhileAsked, AnsweredUnasked, AskedAfterEnd, AskedTwice, EndedUnacknowledged, LateAcknowledgement,
        RetriedAfterEnd, SecondAcknowledgement, SecondEnd,
    };
    let cases: [(&[&str], &[Irregularity]); 15] = [
        (&["acknowledged", "completed"], &[]),
        (&["acknowledged", "escalated", "resolved", "completed"], &[]),
        (&["acknowledged", "escalated", "resolved", "acknowledged", "completed"], &[]),
        (&["acknowledged", "failed", "retried", "acknowledged", "completed"], &[]),
        (&["acknowledged", "retried", "acknowledged", "completed"], &[]),
        (&["acknowledged", "acknowledged", "completed"], &[SecondAcknowledgement]),
        (&["escalated", "acknowledged", "completed"], &[AcknowledgedWhileAsked]),
        (&["escalated", "acknowledged", "resolved", "completed"], &[AcknowledgedWhileAsked]),
        (&["acknowledged", "resolved", "completed"], &[AnsweredUnasked]),
        (&["acknowledged", "dead_lettered", "resolved"], &[AnsweredUnasked]),
        (&["acknowledged", "completed", "escalated"], &[AskedAfterEnd]),
        (&["escalated", "escalated", "resolved", "acknowledged"], &[AskedTwice]),
        (&["acknowledged", "completed", "retried"], &[RetriedAfterEnd]),
        (&["failed", "acknowledged"], &[EndedUnacknowledged, LateAcknowledgement]),
        (
            &["acknowledged", "dead_lettered", "retried", "acknowledged", "completed"],
            &[SecondEnd, LateAcknowledgement, RetriedAfterEnd],
        ),
    ];
    for (kinds, odd) in cases {
        let after = kinds.iter().zip(1..).map(|(kind, nth)| (nth, *kind, "h", "a>b"));
        let lines: Vec<_> = std::iter::once((0, "emitted", "h", "a>b")).chain(after).collect();
        assert_eq!(irregular(&lines), odd, "{kinds:?}");
    }
}

#[test]
fn who_acknowledges_what_a_person_is_asked_about_has_taken_it_up() {
    let mut lines = vec![(0, "emitted", "h", "a>b"), (10, "escalated", "h", "a>b"), (20, "acknowledged", "h", "a>b")];
    let taken = told(&lines);
    let questions = report::inbox(&taken);
    assert_eq!(questions.iter().map(|it| it.claimed_by.as_deref()).collect::<Vec<_>>(), [Some("a")]);
    let row = row(&taken, "a>b");
    assert_eq!((row.escalated, row.unacknowledged, row.emit_to_ack_ms.n), (1, 0, 1));
    for (end, state) in [("resolved", State::Acknowledged), ("completed", State::Completed), ("failed", State::Failed)]
    {
        lines.truncate(3);
        lines.push((30, end, "h", "a>b"));
        let ledger = told(&lines);
        assert_eq!((report::inbox(&ledger).len(), ledger.handoff(&"h".into()).unwrap().state), (0, state));
    }
}

#[test]
fn time_with_people_is_in_what_was_recorded_and_not_in_the_latency() {
    let lines = [
        (0, "emitted", "h", "a>b"),
        (10, "escalated", "h", "a>b"),
        (100, "resolved", "h", "a>b"),
        (110, "acknowledged", "h", "a>b"),
    ];
    let near = |found: Option<i64>, seconds: i64| {
        let found = found.unwrap();
        assert!((found - seconds * SECOND).abs() * 100 <= seconds * SECOND, "{found} ms instead of {seconds} s");
    };
    let done = told_until(&lines, 120);
    let row_at = row(&done, "a>b");
    near(row_at.emit_to_ack_ms.p50, 110);
    near(row_at.p95_ms.value, 20);
    near(report::pipelines(&done, Window::All, false)[0].emit_to_ack_ms.p50, 110);
    let run = done.run(&"r".into()).unwrap();
    assert_eq!(report::handoffs(run)[0].emit_to_ack_ms, Some(110 * SECOND));
    let waiting = row(&told_until(&lines[..3], 105), "a>b");
    assert_eq!(waiting.oldest_unacknowledged_ms, Some(15 * SECOND));
    // Whoever takes up the question waits no longer for it.
    let taken = told_until(&[lines[0], lines[1], (30, "acknowledged", "h", "a>b")], 120);
    near(row(&taken, "a>b").emit_to_ack_ms.p50, 30);
    near(row(&taken, "a>b").p95_ms.value, 10);
}

#[test]
fn what_took_longer_than_is_told_apart_is_a_lower_bound() {
    let p95 = |days: i64| {
        let until = days * DAY / SECOND;
        row(&told(&[(0, "emitted", "h", "a>b"), (until, "acknowledged", "h", "a>b")]), "a>b").p95_ms
    };
    assert_eq!((p95(100).lower_bound, p95(365).lower_bound), (false, true));
    assert!(p95(365).value.unwrap() < 365 * DAY);
}

#[test]
fn a_storm_ends_ten_minutes_after_its_last_retry_and_the_one_that_goes_on_is_first() {
    let start = |run, at, id| [(at, "emitted"), (at + 1, "failed")].map(|(at, kind)| (run, (at, kind, id, "a>b")));
    let retry = |run, at, id| (run, (at, "retried", id, "a>b"));
    let mut lines: Vec<_> = start("old", 0, "o").into_iter().collect();
    lines.extend([10, 20, 30].map(|at| retry("old", at, "o")));
    lines.push(("old", (40, "dead_lettered", "o", "a>b")));
    lines.extend(start("now", 5_000, "n"));
    lines.extend((0..200).map(|nth| retry("now", 5_010 + 30 * nth, "n")));
    let last = 5_010 + 30 * 199;
    let rows = |now| {
        let told = lines.iter().filter(|it| it.1.0 <= now).flat_map(|(run, line)| events(run, *line));
        let rows = report::tasks(&ledger(&told.collect::<Vec<_>>(), now), true);
        rows.into_iter().map(|it| (it.trace_id.to_string(), it.verdict, it.state, it.signal)).collect::<Vec<_>>()
    };
    let found = rows(last);
    assert_eq!((found[0].0.as_str(), found[0].1, found[0].2), ("now", TaskVerdict::RetryStorm, RunState::Running));
    assert_eq!(found[0].3, "21 retries within 10 minutes", "not all 200");
    assert_eq!((found[1].1, found[1].3.as_str()), (TaskVerdict::Fine, ""), "it is over");
    let verdict = |now| rows(now)[0].1;
    assert_eq!([629, 630].map(verdict), [TaskVerdict::RetryStorm, TaskVerdict::Fine]);
    assert_eq!([last + 599, last + 600].map(verdict), [TaskVerdict::RetryStorm, TaskVerdict::Fine]);
}

#[test]
fn a_run_that_goes_round_in_circles_and_storms_says_both() {
    let hops: Vec<String> = (0..6).map(|nth| format!("h{nth}")).collect();
    let mut lines: Vec<Line<'_>> = Vec::new();
    for (id, nth) in hops.iter().zip(0..) {
        lines.push((nth, "emitted", id, if nth % 2 == 0 { "a>b" } else { "b>a" }));
    }
    lines.extend([(10, "failed", "h5", "b>a"), (11, "retried", "h5", "b>a")]);
    lines.extend([(12, "retried", "h5", "b>a"), (13, "retried", "h5", "b>a")]);
    let row = task(&told(&lines));
    assert_eq!((row.verdict, row.since), (TaskVerdict::Looping, Some(at(4))));
    let also: Vec<_> = row.also.iter().map(|it| (it.verdict, it.since)).collect();
    assert_eq!(also, [(TaskVerdict::RetryStorm, Some(at(13)))]);
    assert_eq!(row.signal, "b > a, 3 times over; 3 retries within 10 minutes");
    assert_eq!(*told(&lines).irregular(), BTreeMap::from([(Irregularity::EndedUnacknowledged, 1)]));
}

#[test]
fn what_an_agent_and_its_user_say_to_each_other_is_no_loop() {
    let verdict = |user: &str| {
        let edges = [format!("{user}>main"), format!("main>{user}")];
        let ids: Vec<String> = (0..30).map(|nth| format!("h{nth}")).collect();
        let lines: Vec<Line<'_>> = ids
            .iter()
            .enumerate()
            .map(|(nth, id)| (nth as i64, "emitted", id.as_str(), edges[nth % 2].as_str()))
            .collect();
        task(&told(&lines)).verdict
    };
    for person in ["user", "User", "human", "human-7f", "user:ann", "human/bob"] {
        assert_eq!(verdict(person), TaskVerdict::Fine, "{person}");
    }
    for agent in ["boss", "user_proxy", "user-proxy", "username", "superuser"] {
        assert_eq!(verdict(agent), TaskVerdict::Looping, "{agent}");
    }
}
