//! Observations in wrong order, said twice, cut into batches and cut off give the events of the right input.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use seamwatch::testing::domain::contract::Urgency;
use seamwatch::testing::domain::event::{
    Answer, DeadReason, Emission, Escalation, EscalationKind, Event, Fact, Resolution, Timeout,
};
use seamwatch::testing::domain::health;
use seamwatch::testing::domain::id::{Actor, Edge};
use seamwatch::testing::domain::ledger::Ledger;
use seamwatch::testing::domain::time::{DAY, HOUR, MINUTE, Millis, SECOND, Time};
use seamwatch::testing::source::observer::{Disorder, Observation, Observer, Origin, Window};

/// Largest difference of clocks.
const SKEW: Millis = 400;
/// Time observations are held.
const HOLD: Millis = 5 * SECOND;
/// Latest that one is heard after it happened, so that the hold suffices.
const DELAY: Millis = HOLD - SKEW;

/// One handoff to be: its run, edge and time of emission, then what follows, each so long after what it follows;
/// negative where the clocks differ.
#[derive(Clone, Debug)]
struct Plan {
    run: u8,
    edge: usize,
    emitted: Millis,
    asked: Option<(Millis, Millis)>,
    acknowledged: Option<Millis>,
    ended: Option<(u8, Millis)>,
}

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let time = 0..20 * SECOND;
    let asked = prop::option::weighted(0.2, (0..500_i64, 0..500_i64));
    let acknowledged = prop::option::weighted(0.9, -SKEW..8 * SECOND);
    let ended = prop::option::weighted(0.9, (0..5_u8, -SKEW..8 * SECOND));
    let plan = (0..4_u8, 0..3_usize, time, asked, acknowledged, ended);
    let plan = plan.prop_map(|(run, edge, emitted, asked, acknowledged, ended)| Plan {
        run,
        edge,
        emitted,
        asked,
        acknowledged,
        ended,
    });
    prop::collection::vec(plan, 1..30)
}

/// True place of an event among all: its time, run, handoff and part of the life of that.
type Stands = (Time, u8, usize, usize);

/// What a clock told, and what is true.
#[derive(Clone, Debug)]
struct Fleet {
    seen: Vec<Observation>,
    right: Vec<Event>,
}

fn question() -> Box<Escalation> {
    Box::new(Escalation {
        id: "q".to_owned(),
        kind: EscalationKind::Observed,
        question: "may I?".to_owned(),
        allow: Vec::new(),
        role: None,
        urgency: Urgency::Normal,
        due_at: None,
        on_timeout: Timeout::default(),
        proposed_action: None,
        requested_schema: None,
        context_digest: None,
        required: false,
        asker: None,
        cause: None,
    })
}

/// The fleet of these plans, both lists in the right order.
fn fleet(plans: &[Plan]) -> Fleet {
    let start = Time::from_millis(1_800_000_000_000);
    let mut all: Vec<(Stands, Observation, Event)> = Vec::new();
    for (nth, plan) in plans.iter().enumerate() {
        let (from, to) = [("a", "b"), ("b", "c"), ("c", "a")][plan.edge];
        let edge = Edge::new("p", from, to);
        let mut say = |stage: usize, told: Time, truth: Time, fact: Fact| {
            let event = Event {
                seen: None,
                run: format!("run{}", plan.run).into(),
                seq: 0,
                at: told,
                handoff: Some(format!("{nth:04x}").into()),
                actor: Actor::agent(to),
                fact,
            };
            let right = Event { at: truth, ..event.clone() };
            let place = Some((edge.clone(), nth as u32 + 1));
            let seen = Observation { event, place, origin: Origin::Content, came_from: 1 };
            all.push(((truth, plan.run, nth, stage), seen, right));
        };
        let emitted = start + plan.emitted;
        let emission = Emission { step: nth as u32 + 1, ..Emission::observed(edge.clone(), "do it", emitted) };
        say(0, emitted, emitted, Fact::Emitted(Arc::new(emission)));
        let taken_up = emitted + plan.acknowledged.unwrap_or(0).max(0);
        if let Some((asked, answered)) = plan.asked {
            say(2, emitted + asked, emitted + asked, Fact::EscalationOpened(question()));
            let answer = Resolution { answer: Answer::Respond, note: String::new(), feedback: Vec::new(), value: None };
            let at = emitted + asked + answered;
            say(3, at, at, Fact::EscalationResolved(Box::new(answer)));
        }
        if let Some(later) = plan.acknowledged {
            // Who is asked before answers before it goes on.
            let asked = plan.asked.is_some_and(|(asked, _)| emitted + asked < taken_up);
            let stage = if asked { 4 } else { 1 };
            say(stage, emitted + later, taken_up, Fact::Acknowledged { until: None });
        }
        if let Some((how, later)) = plan.ended {
            let (told, truth) = (taken_up + later, taken_up + later.max(0));
            let code = || "timeout".to_owned();
            let fact = match how {
                0 | 1 => Fact::Completed { emitted: Vec::new(), result: None, note: String::new() },
                2 => Fact::ObservedRejected { code: code() },
                3 => Fact::DeadLettered {
                    code: code(),
                    reason: DeadReason::Observed,
                    detail: String::new(),
                    violations: Vec::new(),
                },
                _ => Fact::ObservedFailed { code: code() },
            };
            say(5, told, truth, fact);
            if how == 4 {
                say(6, truth, truth, Fact::ObservedRetried {});
            }
        }
    }
    all.sort_by_key(|(stands, ..)| *stands);
    let (seen, right) = all.into_iter().map(|(_, seen, right)| (seen, right)).unzip();
    Fleet { seen, right }
}

/// How a fleet is heard.
#[derive(Clone, Debug)]
struct Hearing {
    /// Difference of our clock to those of the fleet.
    offset: Millis,
    /// Delay of each observation.
    delays: Vec<Millis>,
    /// Those that are heard again, and how much later.
    again: Vec<(prop::sample::Index, Millis)>,
    /// After which of those heard events are fetched, and where in the time until the next.
    fetches: Vec<(bool, f64)>,
    /// Part of the fleet that is heard at all, from its beginning.
    part: f64,
}

fn hearing() -> impl Strategy<Value = Hearing> {
    let again = prop::collection::vec((any::<prop::sample::Index>(), 0..20 * HOLD), 0..60);
    let fetches = prop::collection::vec((any::<bool>(), 0.0..1.0), 1..100);
    let part = prop_oneof![Just(1.0), 0.1..1.0];
    (-HOUR / 2..30 * DAY, prop::collection::vec(0..=DELAY, 1..200), again, fetches, part)
        .prop_map(|(offset, delays, again, fetches, part)| Hearing { offset, delays, again, fetches, part })
}

impl Hearing {
    /// The first part of it.
    fn cut<'a, T>(&self, all: &'a [T]) -> &'a [T] {
        &all[..(all.len() as f64 * self.part).ceil() as usize]
    }

    /// When what is heard, in that order.
    fn arrivals(&self, seen: &[Observation]) -> Vec<(Time, Observation)> {
        let delays = self.delays.iter().cycle();
        let once = seen.iter().zip(delays).map(|(it, delay)| (it.event.at + self.offset + *delay, it.clone()));
        let mut all: Vec<_> = once.collect();
        for (which, later) in &self.again {
            let (heard, it) = all[which.index(seen.len())].clone();
            all.push((heard + *later, it));
        }
        all.sort_by_key(|(heard, _)| *heard);
        all
    }

    /// The events that an observer makes of it.
    fn observe(&self, observer: &mut Observer, seen: &[Observation]) -> Vec<Event> {
        let arrivals = self.arrivals(seen);
        let mut events = Vec::new();
        for (nth, (heard, it)) in arrivals.iter().enumerate() {
            observer.take(it.clone(), *heard);
            let (fetches, part) = self.fetches[nth % self.fetches.len()];
            if fetches {
                let next = arrivals.get(nth + 1).map_or(*heard + 2 * HOLD, |(next, _)| *next);
                events.extend(observer.ready(*heard + ((next - *heard) as f64 * part) as Millis));
            }
        }
        events.extend(observer.finish());
        events
    }
}

fn live() -> Observer {
    Observer::new(Window::Live { hold: HOLD, skew: SKEW, memory: 1_000_000 })
}

/// The figures of the edges and the runs that these events make.
fn figures(events: &[Event]) -> BTreeMap<String, String> {
    let mut ledger = Ledger::new(0);
    for event in events {
        ledger.apply(event);
    }
    // What the last seconds hold counts once they are over.
    ledger.advance(ledger.now() + MINUTE);
    let edges = ledger.edges().map(|it| {
        let figures = (it.windows.total(health::Window::All), &it.open, it.dead, it.escalated, &it.codes);
        (it.edge.to_string(), format!("{figures:?} {:?} {:?}", it.last_completed, it.last_failed))
    });
    let runs = ledger.runs().map(|it| (it.id.to_string(), format!("{it:?}")));
    let irregular = ("irregular".to_owned(), format!("{:?}", ledger.irregular()));
    edges.chain(runs).chain([irregular]).collect()
}

fn count(observer: &Observer, cause: &str) -> u64 {
    observer.skipped().iter().find(|it| it.cause == cause).map_or(0, |it| it.count)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn wrong_order_repetition_and_cuts_do_not_matter(plans in plans(), hearing in hearing()) {
        let Fleet { seen, right } = fleet(&plans);
        let (seen, right) = (hearing.cut(&seen), hearing.cut(&right));
        let mut observer = live();
        let events = hearing.observe(&mut observer, seen);
        prop_assert_eq!(figures(&events), figures(right));
        prop_assert_eq!(&events, right);
        let skewed = seen.iter().zip(right).filter(|(it, right)| it.event.at != right.at).count() as u64;
        prop_assert_eq!(observer.disorder(), Disorder { late: 0, skewed });
        prop_assert_eq!(count(&observer, "duplicate"), hearing.again.len() as u64);
    }

    #[test]
    fn what_is_lost_is_lost_the_same_way(
        plans in plans(), hearing in hearing(), lost in prop::collection::vec(any::<bool>(), 1..50),
    ) {
        let Fleet { mut seen, .. } = fleet(&plans);
        let mut lost = lost.iter().cycle();
        seen.retain(|_| lost.next() == Some(&false));
        prop_assume!(!seen.is_empty());
        let mut orderly = live();
        for it in &seen {
            orderly.take(it.clone(), it.event.at);
        }
        let mut observer = live();
        let events = hearing.observe(&mut observer, &seen);
        prop_assert_eq!(events, orderly.finish());
        prop_assert_eq!(observer.disorder(), orderly.disorder());
    }

    #[test]
    fn a_file_is_put_in_order_whole(plans in plans(), hearing in hearing()) {
        // A file has no other clock: here every time is another.
        let Fleet { mut seen, .. } = fleet(&plans);
        for (nth, it) in seen.iter_mut().enumerate() {
            it.event.at = Time::from_millis(nth as i64 * 7);
        }
        let right: Vec<Event> = hearing.cut(&seen).iter().map(|it| it.event.clone()).collect();
        let mut observer = Observer::new(Window::Whole);
        let events = hearing.observe(&mut observer, hearing.cut(&seen));
        prop_assert_eq!(figures(&events), figures(&right));
        prop_assert_eq!(events, right);
    }

    #[test]
    fn a_window_that_is_too_small_loses_nothing_and_says_so(plans in plans(), hearing in hearing()) {
        let Fleet { seen, .. } = fleet(&plans);
        let late = Hearing { delays: hearing.delays.iter().map(|it| it * 20).collect(), ..hearing };
        let mut observer = live();
        let events = late.observe(&mut observer, &seen);
        let told = |it: &&Event| !matches!(it.fact, Fact::Sighted(_));
        prop_assert_eq!(events.iter().filter(told).count(), seen.len());
        let mut reached: BTreeMap<String, Time> = BTreeMap::new();
        let mut backwards = 0;
        for event in events.iter().filter(told) {
            let known = reached.entry(format!("{:?}", event.handoff)).or_insert(event.at);
            backwards += u64::from(event.at < *known);
            *known = event.at.max(*known);
        }
        prop_assert!(observer.disorder().late >= backwards, "{} < {backwards}", observer.disorder().late);
    }
}

#[test]
fn the_tests_above_see_disorder() {
    // A window without any hold hands on what comes as it comes: the same input, in order and not.
    let plan = Plan { run: 0, edge: 0, emitted: 0, asked: None, acknowledged: Some(900), ended: Some((0, 900)) };
    let Fleet { mut seen, right } = fleet(&[plan]);
    let mut observer = Observer::new(Window::Live { hold: 0, skew: 0, memory: 100 });
    seen.reverse();
    let heard = right[2].at + MINUTE;
    let mut events = Vec::new();
    for it in seen {
        observer.take(it, heard);
        events.extend(observer.ready(heard));
    }
    let names: Vec<&str> = events.iter().map(|it| it.fact.name()).collect();
    assert_eq!(names, ["handoff.sighted", "handoff.completed", "handoff.acknowledged", "handoff.emitted"]);
    assert_eq!(observer.disorder(), Disorder { late: 2, skewed: 0 });
    assert_ne!(figures(&events), figures(&right));
}
