use std::sync::Arc;

use super::*;
use crate::domain::contract::Urgency;
use crate::domain::event::{
    Answer, Boundary, DeadReason, Emission, Escalation, EscalationKind, Fact, Rejection, Resolution, Terms, Timeout,
};
use crate::domain::health::{Kind, Tally, Window};
use crate::domain::id::Actor;
use crate::domain::port::{Rollup, Snapshot};
use crate::domain::report;
use crate::domain::time::{ClockStep, SECOND};

/// The edge of [`emitted`].
pub(in crate::domain) fn edge() -> Edge {
    Edge::new("p", "a", "b")
}

/// So many seconds after a fixed present.
pub(in crate::domain) fn at(seconds: i64) -> Time {
    Time::from_millis(1_700_000_000_000 + seconds * SECOND)
}

pub(in crate::domain) fn event(run: &str, handoff: &str, seconds: i64, fact: Fact) -> Event {
    Event {
        seen: None,
        run: run.into(),
        seq: 0,
        at: at(seconds),
        handoff: Some(handoff.into()),
        actor: Actor::agent("a"),
        fact,
    }
}

pub(in crate::domain) fn emitted(run: &str, handoff: &str, seconds: i64) -> Event {
    emitted_on(edge(), run, handoff, seconds)
}

pub(in crate::domain) fn emitted_on(edge: Edge, run: &str, handoff: &str, seconds: i64) -> Event {
    let emission = Emission::observed(edge, "do it", at(seconds));
    event(run, handoff, seconds, Fact::Emitted(Arc::new(emission)))
}

pub(in crate::domain) fn acknowledged(run: &str, handoff: &str, seconds: i64) -> Event {
    event(run, handoff, seconds, Fact::Acknowledged { until: None })
}

pub(in crate::domain) fn completed(run: &str, handoff: &str, seconds: i64) -> Event {
    let fact = Fact::Completed { emitted: Vec::new(), result: None, note: String::new() };
    event(run, handoff, seconds, fact)
}

pub(in crate::domain) fn dead(run: &str, handoff: &str, seconds: i64) -> Event {
    let fact = Fact::DeadLettered {
        code: "timeout".to_owned(),
        reason: DeadReason::Observed,
        detail: String::new(),
        violations: Vec::new(),
    };
    event(run, handoff, seconds, fact)
}

/// People of this role are asked about a handoff.
pub(in crate::domain) fn asked(run: &str, handoff: &str, seconds: i64, role: &str) -> Event {
    asked_until(run, handoff, seconds, role, (Urgency::Normal, Some(at(9_999))))
}

pub(in crate::domain) fn asked_until(
    run: &str,
    handoff: &str,
    seconds: i64,
    role: &str,
    (urgency, due_at): (Urgency, Option<Time>),
) -> Event {
    let question = Escalation {
        id: format!("e-{handoff}"),
        kind: EscalationKind::Approval,
        question: "go?".to_owned(),
        role: Some(role.to_owned()).filter(|it| !it.is_empty()),
        due_at,
        on_timeout: Timeout::default(),
        allow: Vec::new(),
        context_digest: None,
        required: false,
        asker: None,
        cause: None,
        urgency,
        proposed_action: None,
        requested_schema: None,
    };
    event(run, handoff, seconds, Fact::EscalationOpened(Box::new(question)))
}

/// What comes of these events, at the time of the last.
pub(in crate::domain) fn ledger(events: &[Event]) -> Ledger {
    let mut ledger = Ledger::default();
    for event in events {
        ledger.apply(event);
    }
    ledger.advance(ledger.now());
    ledger
}

/// What a source with these runs would say at `seconds`.
pub(in crate::domain) fn snapshot(ledger: &Ledger, seconds: i64, rollups: Vec<Rollup>) -> Snapshot {
    let open = ledger.runs().filter(|run| run.is_open());
    let stored = open.map(|run| serde_json::to_string(run).unwrap().into());
    Snapshot {
        at: at(seconds),
        cursor: 7.into(),
        runs: stored.map(|it| StoredRun::read(it).unwrap()).collect(),
        rollups,
        slices: Vec::new(),
        recent: ledger.recent().iter().cloned().collect(),
        violations: ledger.violations().groups().cloned().collect(),
        clock: None,
        skipped: Vec::new(),
    }
}

#[test]
fn an_event_seen_before_changes_nothing() {
    let mut first = emitted("r", "h", 0);
    first.seq = 1;
    let ledger = ledger(&[first.clone(), first]);
    let book = ledger.edge(&edge()).unwrap();
    assert_eq!(book.windows.total(Window::All).counts.get(Kind::Emitted), 1);
    assert_eq!(ledger.irregular()[&Irregularity::Duplicate], 1);
    assert_eq!(ledger.recent().len(), 1);
}

#[test]
fn what_comes_twice_is_known_by_its_number_and_without_one_only_an_emission_is() {
    let story = [emitted("r", "h", 0), acknowledged("r", "h", 1), completed("r", "h", 2)];
    let numbered = story.clone().into_iter().zip(1..).map(|(event, seq)| Event { seq, ..event });
    let twice = |story: &[Event]| ledger(&[story, story].concat());
    let counts = |ledger: &Ledger| {
        let counts = ledger.edge(&edge()).unwrap().windows.total(Window::All).counts;
        [Kind::Emitted, Kind::Acknowledged, Kind::Completed].map(|kind| counts.get(kind))
    };
    let ours = twice(&numbered.collect::<Vec<_>>());
    assert_eq!(counts(&ours), [1, 1, 1]);
    assert_eq!(*ours.irregular(), BTreeMap::from([(Irregularity::Duplicate, 3)]));
    let observed = twice(&story);
    assert_eq!(counts(&observed), [1, 2, 2], "the source has to leave them out");
    let irregular = [Irregularity::Duplicate, Irregularity::LateAcknowledgement, Irregularity::SecondEnd];
    assert_eq!(*observed.irregular(), BTreeMap::from(irregular.map(|it| (it, 1))));
}

#[test]
fn an_acknowledgement_of_a_handoff_that_nobody_named_is_lost_and_counted() {
    let ledger = ledger(&[acknowledged("r", "h", 5), emitted("r", "h", 9)]);
    assert_eq!(*ledger.irregular(), BTreeMap::from([(Irregularity::NeverEmitted, 1)]));
    let it = ledger.handoff(&"h".into()).unwrap();
    assert_eq!((it.state, it.acked_at), (State::Pending, None), "its emission does not bring it back");
    let book = ledger.edge(&edge()).unwrap();
    assert_eq!(book.windows.total(Window::All).counts.get(Kind::Acknowledged), 0);
    assert_eq!(ledger.recent().len(), 2, "the log shows it");
}

#[test]
fn an_acknowledgement_before_its_emission_is_no_sample() {
    let sighted = Emission::observed(edge(), "", at(5));
    let early = event("r", "h", 5, Fact::Sighted(Arc::new(sighted)));
    let ledger = ledger(&[early, acknowledged("r", "h", 5), emitted("r", "h", 9)]);
    let it = ledger.handoff(&"h".into()).unwrap();
    assert_eq!((it.emitted_at, it.acked_at), (Some(at(9)), Some(at(5))));
    assert_eq!(
        *ledger.irregular(),
        BTreeMap::from([(Irregularity::EmittedLate, 1)]),
        "never emitted was said too early"
    );
    assert_eq!(ledger.recent().len(), 2, "nobody recorded the sighting");
    let book = ledger.edge(&edge()).unwrap();
    assert_eq!(book.waiting(), 0);
    assert_eq!(book.windows.total(Window::All).to_ack.len(), 0);
}

#[test]
fn the_sets_follow_the_states() {
    let mut ledger = ledger(&[emitted("r", "h1", 0), emitted("r", "h2", 1)]);
    let counts = |ledger: &Ledger| {
        let book = ledger.edge(&edge()).unwrap();
        (book.open.len(), book.waiting(), book.dead)
    };
    assert_eq!(counts(&ledger), (2, 2, 0));
    ledger.apply(&acknowledged("r", "h1", 2));
    assert_eq!(counts(&ledger), (2, 1, 0));
    ledger.apply(&dead("r", "h1", 3));
    assert_eq!(counts(&ledger), (2, 1, 1), "a dead letter is open");
    ledger.apply(&completed("r", "h2", 4));
    assert_eq!(counts(&ledger), (1, 0, 1));
    let book = ledger.edge(&edge()).unwrap();
    assert_eq!(book.codes["timeout"], 1);
    assert_eq!((book.last_completed, book.last_failed), (Some(at(4)), Some(at(3))));
}

#[test]
fn a_question_waits_until_somebody_takes_it_up() {
    let answer = |handoff: &str, seconds| {
        let resolution = Resolution { answer: Answer::Approve, note: String::new(), feedback: Vec::new(), value: None };
        event("r", handoff, seconds, Fact::EscalationResolved(Box::new(resolution)))
    };
    let mut ledger = ledger(&[
        emitted("r", "h1", 0),
        asked("r", "h1", 1, "editors"),
        emitted("r", "h2", 2),
        asked("r", "h2", 3, "editors"),
    ]);
    let people = Edge::new("p", "b", "editors");
    let stands = |ledger: &mut Ledger| {
        ledger.advance(ledger.now());
        let book = ledger.edge(&people).unwrap();
        let ever = book.windows.total(Window::All);
        assert!(book.asks_people(ever));
        let acked = ever.counts.get(Kind::Acknowledged);
        assert_eq!(u64::from(acked), ever.to_ack.len());
        (book.open.len(), book.waiting(), acked)
    };
    assert_eq!(stands(&mut ledger), (2, 2, 0));
    let mut later = Ledger::default();
    later.restore(snapshot(&ledger, 4, Vec::new()));
    assert_eq!(stands(&mut later), (2, 2, 0), "a snapshot tells the same");
    ledger.apply(&event("r", "h1", 5, Fact::EscalationClaimed { until: at(99) }));
    assert_eq!(stands(&mut ledger), (2, 1, 1));
    ledger.apply(&answer("h1", 6));
    assert_eq!(stands(&mut ledger), (1, 1, 1));
    ledger.apply(&answer("h2", 9));
    assert_eq!(stands(&mut ledger), (0, 0, 2), "who answers has taken it up");
}

#[test]
fn ages_grow_without_events() {
    let mut ledger = ledger(&[emitted("r", "h", 0)]);
    ledger.advance(at(90));
    let book = ledger.edge(&edge()).unwrap();
    assert_eq!(ledger.waits(book).ages, [90 * SECOND]);
    assert!(book.windows.total(Window::OneMinute).is_empty());
    assert_eq!(book.windows.total(Window::All).counts.get(Kind::Emitted), 1);
}

#[test]
fn ages_are_true_after_the_clock_of_the_source_was_set_back() {
    let scheduled = Emission { ready_at: at(900), ..Emission::observed(edge(), "not before that", at(5)) };
    let scheduled = event("s", "scheduled", 5, Fact::Emitted(Arc::new(scheduled)));
    let told = snapshot(&ledger(&[emitted("r", "h", 3_600), scheduled]), 10, Vec::new());
    let oldest = |by_seconds: i64| {
        let clock = Some(ClockStep { at: at(8), by_ms: by_seconds * SECOND });
        let mut ledger = Ledger::default();
        ledger.restore(Snapshot { clock, ..told.clone() });
        assert_eq!(ledger.now(), at(10));
        let row = report::edges(&ledger, Window::OneHour, false).remove(0);
        (row.unacknowledged, row.oldest_unacknowledged_ms, row.oldest_unacknowledged.map(|it| it.to_string()))
    };
    assert_eq!(oldest(-3_600), (2, Some(10 * SECOND), Some("h".to_owned())));
    assert_eq!(oldest(3_600), (2, None, None), "what is to come does not wait yet");
}

#[test]
fn a_snapshot_tells_what_the_events_before_it_told() {
    let before = ledger(&[
        emitted("r1", "h1", 0),
        acknowledged("r1", "h1", 2),
        emitted("r2", "h2", 10),
        dead("r2", "h2", 20),
        emitted("r3", "h3", 30),
        completed("r3", "h3", 31),
    ]);
    let mut minute = Tally::default();
    minute.count(Kind::Completed);
    minute.count(Kind::DeadLettered);
    let rollups = vec![Rollup { end: at(60), edges: vec![(edge(), minute)] }];
    let mut after = Ledger::default();
    after.restore(snapshot(&before, 40, rollups));
    let book = after.edge(&edge()).unwrap();
    assert_eq!((book.open.len(), book.dead, book.waiting()), (2, 1, 0));
    assert_eq!(book.codes["timeout"], 1);
    assert_eq!(book.last_failed, Some(at(20)), "its own death, to the second");
    assert_eq!(book.last_completed, Some(at(0)), "the minute, from its beginning");
    let recent: Vec<&str> = book.recent.iter().map(HandoffId::as_str).collect();
    assert_eq!(recent, ["h1", "h2"], "in order of emission");
    assert_eq!(book.windows.total(Window::OneHour).counts.get(Kind::Completed), 1);
    assert_eq!((after.now(), after.dead().len()), (at(40), 1));
    assert!(after.handoff(&"h3".into()).is_none(), "what is over is not told");
    let revision = after.revision();
    after.restore(snapshot(&Ledger::default(), 50, Vec::new()));
    assert!(after.revision() > revision);
    assert_eq!(after.edges().len(), 0);
}

#[test]
fn a_run_that_closes_often_counts_once() {
    let mut events = vec![emitted("old", "o", 0), completed("old", "o", 1)];
    for nth in 0..500 {
        let id = format!("h{nth}");
        events.push(emitted("busy", &id, 2 + nth));
        events.push(completed("busy", &id, 2 + nth));
    }
    let ledger = ledger(&events);
    assert_eq!(ledger.closed.handoffs(), 501);
    assert!(ledger.handoff(&"o".into()).is_some());
}

#[test]
fn the_runs_that_closed_first_go_first_and_open_ones_stay() {
    let mut ledger = Ledger::default();
    ledger.apply(&emitted("open", "open", 0));
    for nth in 0..=KEEP_CLOSED {
        let (run, handoff) = (format!("r{nth}"), format!("h{nth}"));
        ledger.apply(&emitted(&run, &handoff, 1));
        ledger.apply(&completed(&run, &handoff, 1));
    }
    assert_eq!(ledger.runs().count(), KEEP_CLOSED + 1);
    assert!(ledger.handoff(&"open".into()).is_some());
    assert!(ledger.run_of(&"h0".into()).is_none());
    assert!(ledger.run_of(&"h1".into()).is_some());
    assert_eq!(ledger.recent().len(), KEEP_EVENTS);
}

#[test]
fn runs_that_never_had_a_handoff_go_too() {
    let mut ledger = Ledger::default();
    for nth in 0..=KEEP_CLOSED {
        let run = format!("r{nth}");
        ledger.apply(&completed(&run, "nobody emitted it", 1));
    }
    assert_eq!(ledger.runs().count(), KEEP_CLOSED);
    assert!(ledger.run(&"r0".into()).is_none());
}

/// A run of three handoffs with their numbers; the first two are over when the third begins.
fn history() -> Vec<Event> {
    let mut events = vec![
        emitted("r", "h1", 0),
        acknowledged("r", "h1", 1),
        completed("r", "h1", 2),
        emitted("r", "h2", 3),
        completed("r", "h2", 4),
        emitted("r", "h3", 5),
        acknowledged("r", "h3", 6),
        emitted("r", "h4", 7),
    ];
    for (event, seq) in events.iter_mut().zip(1..) {
        event.seq = seq;
    }
    events
}

#[test]
fn a_run_that_goes_on_after_it_closed_is_made_whole() {
    let all = history();
    let (past, present) = all.split_at(5);
    let mut partly = ledger(&present[..2]);
    assert_eq!(partly.fragments().collect::<Vec<_>>(), [&"r".into()]);
    assert_eq!(partly.irregular()[&Irregularity::Gap], 1);
    let run = RunId::from("r");
    partly.complete(&run, &past[..3]);
    assert_eq!(partly.fragments().len(), 1, "events are still missing");

    // The answer is as old as the question: what came since is here, and what it tells beyond is still to come.
    let revision = partly.revision();
    partly.complete(&run, past);
    assert!(partly.revision() > revision);
    assert_eq!(partly.fragments().len(), 0);
    assert!(partly.irregular().is_empty(), "nothing was amiss");
    assert_eq!(partly.run(&run), ledger(&all[..7]).run(&run));
    assert!(partly.run_of(&"h1".into()).is_some());
    let mut newer = ledger(&present[..1]);
    newer.complete(&run, &all);
    newer.apply(&all[6]);
    newer.advance(at(6));
    for ledger in [&partly, &newer] {
        let book = ledger.edge(&edge()).unwrap();
        let counts = &book.windows.total(Window::All).counts;
        assert_eq!((counts.get(Kind::Emitted), counts.get(Kind::Acknowledged)), (1, 1));
        assert_eq!((book.open.len(), book.waiting()), (1, 0));
    }
    newer.apply(&all[7]);
    assert_eq!(newer.run(&run), ledger(&all).run(&run));
}

/// A refused contract that names a pipeline of its own.
fn refused(nth: usize, seconds: i64) -> Event {
    let rejection = Rejection {
        id: format!("rj{nth}"),
        boundary: Boundary::Emit,
        edge: Edge::new(&format!("invented-{nth}"), "a", "b"),
        producer: "a".to_owned(),
        model: None,
        prompt: None,
        key: None,
        digest: String::new(),
        again: false,
        before: 0,
        first_at: None,
        more: 0,
        errors: Vec::new(),
    };
    Event { handoff: None, ..event("junk", "", seconds, Fact::Refused(Box::new(rejection))) }
}

#[test]
fn names_that_somebody_invents_do_not_fill_the_memory() {
    let waits = Edge::new("q", "a", "b");
    let emission = Emission::observed(waits.clone(), "do it", at(0));
    let mut ledger =
        ledger(&[event("w", "w", 0, Fact::Emitted(Arc::new(emission))), emitted("r", "h", 1), completed("r", "h", 2)]);
    for nth in 0..2 * KEEP_EDGES {
        ledger.apply(&refused(nth, 3 + nth as i64));
        assert!(ledger.edges().len() <= KEEP_EDGES);
    }
    assert!(ledger.edges().len() > KEEP_EDGES / 2, "no more than needed");
    assert!(ledger.edge(&waits).is_some(), "work is open on it");
    assert!(ledger.edge(&edge()).is_none(), "it was idle for longest");
    let latest = refused(2 * KEEP_EDGES - 1, 0);
    let Fact::Refused(latest) = latest.fact else { unreachable!() };
    assert!(ledger.edge(&latest.edge).is_some());

    let counted = |edge: Edge| {
        let mut tally = Tally::default();
        tally.count(Kind::Rejected);
        (edge, tally)
    };
    let invented = |nth| counted(Edge::new(&format!("invented-{nth}"), "a", "b"));
    let rollups = vec![
        Rollup { end: at(60), edges: (0..3_000).map(invented).collect() },
        Rollup { end: at(120), edges: vec![counted(edge())] },
    ];
    ledger.restore(snapshot(&ledger.clone(), 130, rollups));
    assert!(ledger.edges().len() <= KEEP_EDGES);
    assert!(ledger.edge(&waits).is_some());
    assert!(ledger.edge(&edge()).is_some(), "it changed last");
}

#[test]
fn the_deadline_of_a_dead_letter_follows_an_edit() {
    let head = |deadline| {
        let terms = Terms { key: "hk1_h".into(), deadline, ..Terms::default() };
        Arc::new(Emission { terms: Some(terms), ..Emission::observed(edge(), "do it", at(0)) })
    };
    let mut ledger = ledger(&[event("r", "h", 0, Fact::Emitted(head(None))), dead("r", "h", 1)]);
    let due = |ledger: &Ledger| {
        let group = ledger.dead().group_of(&"h".into()).unwrap();
        group.deadlines.iter().map(|it| it.0).collect::<Vec<_>>()
    };
    assert_eq!(due(&ledger), []);
    for (nth, deadline) in [(2, 50), (3, 90)] {
        let head = Some(head(Some(at(deadline))));
        let amended = Fact::Amended { rev: nth as u32, digest: "sha256:1".to_owned(), head };
        ledger.apply(&event("r", "h", nth, amended));
        assert_eq!(due(&ledger), [at(deadline)], "and not the one before");
    }
    let requeued = Fact::Requeued { reason: String::new() };
    ledger.apply(&event("r", "h", 4, requeued));
    assert!(ledger.dead().is_empty());
}
