use super::*;
use crate::domain::health::{self, Tally};
use crate::domain::id::Actor;
use crate::domain::ledger::Ledger;
use crate::domain::machine::Irregularity;
use crate::domain::time::{DAY, SECOND};

const WINDOW: Window = Window::Live { hold: 5 * SECOND, skew: SECOND, memory: 1_000 };

fn edge() -> Edge {
    Edge::new("p", "a", "b")
}

/// Everything these events say of the edge.
fn tally(events: &[Event]) -> Tally {
    ledger(events).edge(&edge()).unwrap().windows.total(health::Window::All).clone()
}

/// A fact of handoff `id` in run `r`, so many milliseconds after a fixed present.
fn seen(id: &str, millis: i64, fact: Fact) -> Observation {
    let event = Event {
        seen: None,
        run: "r".into(),
        seq: 0,
        at: at(millis),
        handoff: Some(id.into()),
        actor: Actor::agent("a"),
        fact,
    };
    Observation { event, place: Some((edge(), 1)), origin: Origin::Content, came_from: 1 }
}

fn emitted(id: &str, millis: i64) -> Observation {
    seen(id, millis, Fact::Emitted(Arc::new(observed(&edge(), 1, "do it", at(millis)))))
}

fn acknowledged(id: &str, millis: i64) -> Observation {
    seen(id, millis, Fact::Acknowledged { until: None })
}

fn completed(id: &str, millis: i64) -> Observation {
    seen(id, millis, Fact::Completed { emitted: Vec::new(), result: None, note: String::new() })
}

fn at(millis: i64) -> Time {
    Time::from_millis(1_800_000_000_000 + millis)
}

fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(|it| it.fact.name()).collect()
}

fn causes(observer: &Observer) -> Vec<(String, u64)> {
    observer.skipped().into_iter().map(|it| (it.cause, it.count)).collect()
}

fn ledger(events: &[Event]) -> Ledger {
    let mut ledger = Ledger::new(0);
    for event in events {
        ledger.apply(event);
    }
    ledger.advance(at(DAY));
    ledger
}

#[test]
fn nothing_is_handed_on_before_its_time() {
    let mut observer = Observer::new(WINDOW);
    observer.take(emitted("h", 0), at(100));
    assert!(observer.ready(at(5_099)).is_empty());
    observer.take(acknowledged("h", 300), at(400));
    assert_eq!(names(&observer.ready(at(5_100))), ["handoff.emitted"], "its successor waits its own time");
    assert_eq!(names(&observer.ready(at(5_400))), ["handoff.acknowledged"]);
    assert_eq!(observer.held(), 0);
    assert!(observer.finish().is_empty());
}

#[test]
fn a_span_told_at_its_end_is_not_late() {
    let mut observer = Observer::new(WINDOW);
    observer.take(emitted("h", 0), at(1_000));
    let mut events = observer.ready(at(60_000));
    observer.take(completed("h", 300_000), at(301_000));
    observer.take(acknowledged("h", 20), at(301_000));
    events.extend(observer.ready(at(400_000)));
    assert_eq!(names(&events), ["handoff.emitted", "handoff.acknowledged", "handoff.completed"]);
    assert_eq!(observer.disorder(), Disorder::default());
    assert!(ledger(&events).irregular().is_empty());
    assert_eq!(tally(&events).to_ack.len(), 1);
}

#[test]
fn an_emission_after_its_sighting_heals_the_figures() {
    let mut observer = Observer::new(WINDOW);
    observer.take(acknowledged("h", 2_500), at(2_500));
    let mut events = observer.ready(at(10_000));
    observer.take(emitted("h", 0), at(11_000));
    observer.take(completed("h", 9_000), at(11_000));
    events.extend(observer.finish());
    assert_eq!(names(&events), ["handoff.sighted", "handoff.acknowledged", "handoff.emitted", "handoff.completed"]);
    assert_eq!(observer.disorder(), Disorder { late: 1, skewed: 0 });
    let orderly = [emitted("h", 0), acknowledged("h", 2_500), completed("h", 9_000)].map(|it| it.event);
    // Its latency is known, but booked at the time of the emission.
    let last_ack = Some(at(2_500));
    assert_eq!(Tally { last_ack, ..tally(&events) }, tally(&orderly));
    assert_eq!(tally(&orderly).to_ack.len(), 1);
    let (healed, right) = (ledger(&events), ledger(&orderly));
    let (one, other) = (healed.handoff(&"h".into()).unwrap(), right.handoff(&"h".into()).unwrap());
    assert_eq!((one.state, one.emitted_at, one.acked_at), (other.state, other.emitted_at, other.acked_at));
    assert_eq!(one.emission, other.emission);
    assert_eq!(healed.irregular().iter().collect::<Vec<_>>(), [(&Irregularity::EmittedLate, &1)]);
    assert!(right.irregular().is_empty());
}

#[test]
fn an_acknowledgement_after_the_window_is_counted_and_handed_on() {
    let mut observer = Observer::new(WINDOW);
    observer.take(emitted("h", 0), at(0));
    observer.take(completed("h", 3_000), at(3_000));
    let mut events = observer.ready(at(8_000));
    observer.take(acknowledged("h", 1_000), at(9_000));
    events.extend(observer.ready(at(14_000)));
    assert_eq!(names(&events), ["handoff.emitted", "handoff.completed", "handoff.acknowledged"]);
    assert_eq!(observer.disorder(), Disorder { late: 1, skewed: 0 });
    let irregular = ledger(&events).irregular().clone();
    let kinds = [Irregularity::EndedUnacknowledged, Irregularity::LateAcknowledgement];
    assert_eq!(irregular.into_keys().collect::<Vec<_>>(), kinds);
}

#[test]
fn clocks_that_differ_a_little_give_no_negative_latency() {
    let mut observer = Observer::new(WINDOW);
    for it in [acknowledged("h", -900), emitted("h", 0), completed("h", -1_000)] {
        observer.take(it, at(10));
    }
    let events = observer.finish();
    assert_eq!(names(&events), ["handoff.emitted", "handoff.acknowledged", "handoff.completed"]);
    assert!(events.iter().all(|it| it.at == at(0)));
    assert_eq!(observer.disorder(), Disorder { late: 0, skewed: 2 });
    let figures = tally(&events);
    assert_eq!((figures.to_ack.len(), figures.to_complete.len()), (1, 1));
}

#[test]
fn what_no_difference_of_clocks_explains_stays_as_it_was_told() {
    let mut observer = Observer::new(WINDOW);
    for it in [acknowledged("h", -1_001), emitted("h", 0)] {
        observer.take(it, at(10));
    }
    let events = observer.finish();
    assert_eq!(names(&events), ["handoff.sighted", "handoff.acknowledged", "handoff.emitted"]);
    assert_eq!(observer.disorder(), Disorder::default());
    assert!(tally(&events).to_ack.is_empty(), "that is no latency");
}

#[test]
fn the_origin_knows_its_observations_better_than_their_content() {
    let from = |origin: &str, it: Observation| Observation { origin: Origin::Id(origin.into()), ..it };
    let mut observer = Observer::new(WINDOW);
    observer.take(from("checkpoint 1", emitted("h", 0)), at(10));
    observer.take(from("checkpoint 1", emitted("h", 3)), at(20));
    observer.take(from("checkpoint 1", acknowledged("h", 3)), at(20));
    let failed = || seen("h", 5, Fact::ObservedRetried {});
    observer.take(from("span 1", failed()), at(20));
    observer.take(from("span 2", failed()), at(20));
    observer.take(failed(), at(20));
    observer.take(failed(), at(20));
    assert_eq!(causes(&observer), [("duplicate".to_owned(), 2)]);
    assert_eq!(observer.skipped()[0].example, "`handoff.emitted` at 2027-01-15T08:00:00.003Z a second time");
    assert_eq!(observer.finish().len(), 5);
}

#[test]
fn times_that_no_clock_told_are_left_out() {
    let mut observer = Observer::new(WINDOW);
    observer.take(emitted("ahead", HOUR), at(0));
    observer.take(emitted("nearly", HOUR - 1), at(0));
    observer.take(emitted("1970", -1_800_000_000_000), at(0));
    observer.take(emitted("long ago", -365 * DAY), at(0));
    let left_out = ["time is more than a year away from most others", "time is an hour or more ahead"];
    assert_eq!(causes(&observer), left_out.map(|it| (it.to_owned(), 1)));
    assert_eq!(observer.held(), 2);
}

#[test]
fn ids_that_nobody_can_mean_are_left_out() {
    let mut observer = Observer::new(WINDOW);
    observer.take(emitted("", 0), at(0));
    observer.take(emitted(&"x".repeat(MAX_ID + 1), 0), at(0));
    let unnamed = Observation { place: Some((Edge::new("p", "", "b"), 1)), ..emitted("h", 0) };
    observer.take(unnamed, at(0));
    observer.take(emitted(&"x".repeat(MAX_ID), 0), at(0));
    assert_eq!(causes(&observer), [(Cause::BadId.words().to_owned(), 3)]);
    assert_eq!(observer.held(), 1);
}

/// These kinds in a file, all at one millisecond after `before`, in the order they come out again.
fn ordered(before: &[&str], kinds: &[&str]) -> Vec<&'static str> {
    let told = |at: i64, nth: usize, kind: &str| {
        let fact = match kind {
            "emitted" => return Observation { origin: Origin::Line(nth as u64), ..emitted("h", at) },
            "acknowledged" => Fact::Acknowledged { until: None },
            "completed" => Fact::Completed { emitted: Vec::new(), result: None, note: String::new() },
            "failed" => Fact::ObservedFailed { code: String::new() },
            "retried" => Fact::ObservedRetried {},
            "resolved" => Fact::EscalationExpired { outcome: crate::domain::event::Timeout::Approve },
            "escalated" => Fact::EscalationReleased {},
            other => panic!("{other}"),
        };
        Observation { origin: Origin::Line(nth as u64), ..seen("h", at, fact) }
    };
    let mut observer = Observer::new(Window::Whole);
    for (nth, kind) in kinds.iter().enumerate() {
        observer.take(told(1_000, nth + 100, kind), at(0));
    }
    for (nth, kind) in before.iter().enumerate() {
        observer.take(told(nth as i64, nth, kind), at(0));
    }
    let events = observer.finish();
    let said = events.iter().skip(before.len()).map(|it| match it.fact.name() {
        "handoff.emitted" => "emitted",
        "handoff.acknowledged" => "acknowledged",
        "handoff.completed" => "completed",
        "observed.failed" => "failed",
        "observed.retried" => "retried",
        "escalation.expired" => "resolved",
        "escalation.released" => "escalated",
        other => panic!("{other}"),
    });
    said.collect()
}

#[test]
fn one_millisecond_is_the_life_of_a_handoff_in_whatever_order_it_is_told() {
    let lives: [(&[&str], &[&str]); 12] = [
        (&[], &["emitted", "acknowledged", "completed"]),
        (&[], &["emitted", "acknowledged", "failed", "retried", "acknowledged", "completed"]),
        (&[], &["emitted", "acknowledged", "retried", "completed"]),
        (&[], &["emitted", "acknowledged", "failed", "retried", "failed", "retried", "completed"]),
        (&[], &["emitted", "acknowledged", "escalated", "resolved", "completed"]),
        (&["emitted"], &["acknowledged", "retried", "acknowledged"]),
        (&["emitted", "acknowledged"], &["failed", "retried", "acknowledged", "completed"]),
        (&["emitted", "acknowledged", "failed"], &["retried", "acknowledged", "completed"]),
        (&["emitted", "escalated"], &["resolved", "acknowledged", "completed"]),
        (&["emitted", "escalated"], &["acknowledged", "completed"]),
        (&["emitted", "acknowledged", "retried"], &["acknowledged", "completed"]),
        // What no life allows stands after what one does.
        (&["emitted"], &["acknowledged", "completed", "acknowledged", "completed"]),
    ];
    for (before, life) in lives {
        let mut told: Vec<&str> = life.to_vec();
        for _ in 0..life.len() {
            told.rotate_left(1);
            assert_eq!(ordered(before, &told), life, "after {before:?}");
            let reversed: Vec<&str> = told.iter().rev().copied().collect();
            assert_eq!(ordered(before, &reversed), life, "after {before:?}");
        }
    }
}

#[test]
fn of_one_millisecond_what_follows_from_an_attempt_comes_after_it() {
    let attempt = |step: u32, it: Observation| Observation { place: Some((edge(), step)), ..it };
    let emission = |step: u32, id: &str, millis: i64| {
        let fact = Fact::Emitted(Arc::new(observed(&edge(), step, "", at(millis))));
        attempt(step, seen(id, millis, fact))
    };
    // The ids are against the order; where no step tells, the handoff that was emitted first does.
    for (one, two) in [(1, 2), (0, 0)] {
        let mut told = [
            emission(two, "a", 5),
            attempt(one, seen("b", 5, Fact::ObservedRetried {})),
            attempt(one, seen("b", 5, Fact::ObservedFailed { code: String::new() })),
            emission(one, "b", 0),
        ];
        for _ in 0..told.len() {
            told.rotate_left(1);
            let mut observer = Observer::new(Window::Whole);
            for it in told.clone() {
                observer.take(it, at(0));
            }
            let expected = ["handoff.emitted", "observed.failed", "observed.retried", "handoff.emitted"];
            assert_eq!(names(&observer.finish()), expected);
        }
    }
}

#[test]
fn of_one_millisecond_without_steps_the_handoff_that_led_to_the_other_comes_first() {
    let handoff = |id: &str, from: &str, to: &str| {
        let edge = Edge::new("p", from, to);
        let fact = Fact::Emitted(Arc::new(observed(&edge, 0, "", at(0))));
        let emission = Observation { place: Some((edge.clone(), 0)), ..seen(id, 0, fact) };
        [emission, Observation { place: Some((edge, 0)), ..completed(id, 0) }]
    };
    let mut told =
        [handoff("4", "user", "a"), handoff("3", "a", "b"), handoff("1", "b", "c"), handoff("2", "b", "a")].concat();
    for _ in 0..told.len() {
        told.rotate_left(3);
        let mut observer = Observer::new(Window::Whole);
        for it in told.clone() {
            observer.take(it, at(0));
        }
        let events = observer.finish();
        let ids: Vec<&str> = events.iter().filter_map(|it| Some(it.handoff.as_ref()?.as_str())).collect();
        assert_eq!(ids, ["4", "4", "3", "3", "1", "1", "2", "2"]);
        assert_eq!(names(&events[..2]), ["handoff.emitted", "handoff.completed"]);
    }
}

#[test]
fn a_season_is_kept_and_a_wrong_clock_is_not() {
    let part = |name: &str, many: usize, millis: i64| -> Vec<Observation> {
        (0..many).map(|nth| emitted(&format!("{name}{nth}"), millis + nth as i64)).collect()
    };
    let kept = |parts: &[Vec<Observation>]| {
        let mut observer = Observer::new(Window::Whole);
        for (nth, it) in parts.concat().into_iter().enumerate() {
            observer.take(Observation { came_from: nth as u64 + 1, ..it }, at(0));
        }
        (observer.finish().len(), observer.skipped().first().map(|it| (it.count, it.first)))
    };
    const YEAR: i64 = 367 * DAY;
    assert_eq!(kept(&[part("a", 11, 0), part("b", 10, -YEAR)]), (21, None));
    assert_eq!(kept(&[part("a", 11, 0), part("b", 9, -YEAR)]), (11, Some((9, 12))), "too few");
    assert_eq!(kept(&[part("b", 10, 5 * YEAR), part("a", 101, 0)]), (101, Some((10, 1))), "no tenth of it");
    assert_eq!(kept(&[part("a", 100, 0), part("b", 100, 20 * YEAR)]), (100, Some((100, 1))), "no season is so far");
    assert_eq!(kept(&[part("a", 11, 0), part("b", 10, -YEAR), part("c", 10, -2 * YEAR)]), (31, None));
    let few = [part("a", 1, 0), part("late", 1, 7_000 * YEAR), part("b", 1, 1), part("early", 1, -50 * YEAR)];
    assert_eq!(kept(&few), (2, Some((2, 2))), "the first is the first of the file, not of time");
}

#[test]
fn an_id_of_several_runs_has_the_run_in_front_of_it() {
    let mut observer = Observer::new(Window::Whole);
    let of = |run: &str, it: Observation| Observation { event: Event { run: run.into(), ..it.event }, ..it };
    for it in [of("r1", emitted("7", 0)), of("r2", emitted("7", 0)), of("r2", acknowledged("7", 1)), emitted("8", 2)] {
        observer.take(it, at(0));
    }
    let events = observer.finish();
    let ids: Vec<&str> = events.iter().filter_map(|it| Some(it.handoff.as_ref()?.as_str())).collect();
    assert_eq!(ids, ["r1/7", "r2/7", "r2/7", "8"]);
    assert_eq!(observer.shared(), 1);
    assert_eq!(tally(&events).counts.get(health::Kind::Emitted), 3);
    assert_eq!(ledger(&events).edge(&edge()).unwrap().open.len(), 3);
}

#[test]
fn a_handoff_is_introduced_in_every_run_that_names_it() {
    let other = |mut it: Observation| {
        it.event.run = "other".into();
        it
    };
    let mut observer = Observer::new(Window::Whole);
    for it in [emitted("h", 0), acknowledged("h", 1), other(acknowledged("h", 2)), other(completed("h", 3))] {
        observer.take(it, at(0));
    }
    let expected =
        ["handoff.emitted", "handoff.acknowledged", "handoff.sighted", "handoff.acknowledged", "handoff.completed"];
    assert_eq!(names(&observer.finish()), expected);
}

#[test]
fn memory_is_bounded_and_nothing_is_said_twice_beyond_it() {
    let mut observer = Observer::new(Window::Live { hold: 0, skew: 0, memory: 100 });
    let mut events = 0;
    for nth in 0..10_000 {
        observer.take(emitted(&format!("h{nth}"), nth), at(nth));
        observer.take(acknowledged(&format!("h{nth}"), nth), at(nth));
        events += observer.ready(at(nth)).len();
        assert!(observer.memory.len() <= 100);
    }
    assert_eq!(events, 20_000);
    for nth in 0..10_000 {
        observer.take(acknowledged(&format!("h{nth}"), nth), at(10_000));
    }
    assert!(observer.finish().is_empty());
    let causes = causes(&observer);
    assert_eq!(causes[0].0, "duplicate");
    assert!(causes[0].1 >= 25, "the latest are known again: {causes:?}");
    assert_eq!((causes[1].0.as_str(), causes[0].1 + causes[1].1), ("older than what is remembered", 10_000));
}

#[test]
fn one_handoff_does_not_fill_the_memory() {
    let mut observer = Observer::new(Window::Live { hold: 0, skew: 0, memory: 100 });
    for nth in 0..1_000 {
        observer.take(seen("endless", nth, Fact::ObservedRetried {}), at(nth));
        assert!(observer.memory.len() <= 100);
    }
    let events = observer.finish();
    let told = events.iter().filter(|it| !matches!(it.fact, Fact::Sighted(_)));
    assert_eq!(told.count(), 1_000, "all of it is handed on");
    assert_eq!(tally(&events).counts.get(health::Kind::Retried), 1_000);
    observer.take(seen("endless", 1, Fact::ObservedRetried {}), at(2_000));
    observer.take(seen("endless", 999, Fact::ObservedRetried {}), at(2_000));
    assert!(observer.finish().is_empty());
}
