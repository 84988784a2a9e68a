//! Loop verdicts: whether agents hand the same work round in circles (protocol section 5, amendment A5).
//!
//! Judged at emit, from the causal chain: the handoffs that led to this one. A pair may declare its returns
//! as revisions; those are counted against a maximum. Everything else that repeats is not declared, and only looked for
//! since a person last handed the work on: what agents and people say to each other is a conversation.

use std::collections::BTreeSet;

use super::contract::{PartyKind, RelationKind};
use super::event::Emission;
use super::run::{Handoff, Level, Run, Verdict};
use super::time::{MINUTE, Millis, Time};

/// A chain longer than this is a loop, whatever it does, where the edge does not say otherwise.
pub const MAX_HOPS: u32 = 25;
/// Number of handoffs of a chain that are looked at, from the latest back, where its edge does not allow more.
const CHAIN: usize = 64;
/// A fingerprint seen this often is a loop.
const SAME_WORK: usize = 3;
/// This many full periods of an owner sequence are a loop.
const PERIODS: usize = 3;
/// Retries of one task within [`STORM_WINDOW`] that make a retry storm.
const STORM_RETRIES: usize = 3;
/// The window of a retry storm.
const STORM_WINDOW: Millis = 10 * MINUTE;
/// Most retries of one storm that are counted.
pub const STORM_COUNTED: usize = 256;

/// The handoffs that led to one whose parent is `emission.parent`, the latest first: as many as can matter.
fn lineage<'a>(run: &'a Run, emission: &Emission) -> Vec<&'a Handoff> {
    let most = CHAIN.max(max_hops(emission) as usize + 1);
    let mut chain = Vec::new();
    let mut next = emission.parent.as_ref();
    while let Some(handoff) = next.and_then(|id| run.handoffs.get(id)) {
        chain.push(handoff);
        next = handoff.emission.parent.as_ref();
        if chain.len() == most {
            break;
        }
    }
    chain
}

/// The handoff that one follows from which does not say so: the latest that its source received in the same
/// pipeline.
pub fn likely_parent<'a>(run: &'a Run, emission: &Emission) -> Option<&'a Handoff> {
    let own = &emission.edge;
    run.handoffs.latest_on(|it| it.to == own.from && it.pipeline == own.pipeline && !it.is_self())
}

/// Number of the revision cycle of `emission` on its pair: returns so far, itself included.
pub fn cycle(run: &Run, emission: &Emission) -> u32 {
    let edge = &emission.edge;
    let same_pair = |it: &&Handoff| {
        let other = &it.emission.edge;
        it.emission.relation == RelationKind::Revision
            && ((other.from == edge.from && other.to == edge.to) || (other.from == edge.to && other.to == edge.from))
    };
    let before = lineage(run, emission).iter().filter(|it| same_pair(it)).count();
    before as u32 + u32::from(emission.relation == RelationKind::Revision)
}

/// True when it is of an edge declared cyclic, or from a party to itself: a patrol, a poll.
fn is_patrol(emission: &Emission) -> bool {
    emission.edge.is_self() || emission.terms.as_ref().is_some_and(|it| it.cyclic)
}

/// Most handoffs in a row that the edge allows.
fn max_hops(emission: &Emission) -> u32 {
    emission.terms.as_ref().and_then(|it| it.max_hops).unwrap_or(MAX_HOPS)
}

/// True when a person hands it over, or somebody outside. A source that only observes knows names and no kinds: there it
/// is whoever is called `user` or `human`, and names that begin with that and `:`, `/`, or with `human-`.
fn is_of_person(emission: &Emission) -> bool {
    if !emission.is_observed() {
        return matches!(emission.from.kind, PartyKind::Human | PartyKind::Team | PartyKind::External);
    }
    let name = emission.edge.from.as_bytes();
    let (word, rest) = name.split_at(name.iter().position(|it| !it.is_ascii_alphanumeric()).unwrap_or(name.len()));
    let human = word.eq_ignore_ascii_case(b"human");
    (human || word.eq_ignore_ascii_case(b"user"))
        && rest.first().is_none_or(|it| b":/".contains(it) || human && *it == b'-')
}

/// A verdict on a handoff that is about to come, and what a person is asked when it loops.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// The question, as a sentence; the reason is the [signal](Verdict::signal).
    pub question: &'static str,
}

/// Judges `emission` as the next handoff of `run`. Patrols have no loop verdict.
pub fn judge(run: &Run, emission: &Emission) -> Judged {
    let circles = "The agents hand this work round in circles. Shall it go on?";
    let judged = |level, signal| Judged { verdict: Verdict::of(level, signal), question: circles };
    if is_patrol(emission) {
        return judged(Level::Fine, String::new());
    }
    let chain: Vec<&Emission> = std::iter::once(emission)
        .chain(lineage(run, emission).into_iter().map(|it| &*it.emission))
        .filter(|it| !is_patrol(it))
        .collect();
    let since_person = chain.iter().position(|it| is_of_person(it)).map_or(chain.len(), |place| place + 1);
    let among_agents = &chain[..since_person];
    let cycle = cycle(run, emission);
    let work = emission.work.as_ref();
    let same_work = work.map_or(0, |_| among_agents.iter().filter(|it| it.work.as_ref() == work).count());
    let revision = emission.relation == RelationKind::Revision;
    let most = emission.terms.as_ref().map(|it| it.max_cycles);
    let (hops, max_hops) = (among_agents.len(), max_hops(emission));
    if let Some(most) = most.filter(|most| revision && cycle > *most) {
        judged(Level::Looping, format!("revision {cycle} of at most {most}"))
    } else if same_work >= SAME_WORK {
        judged(Level::Looping, format!("the same work was handed over {same_work} times"))
    } else if let Some(period) = period(among_agents) {
        judged(Level::Looping, format!("{period}, {PERIODS} times over"))
    } else if hops > max_hops as usize {
        let question = "This work is handed on and on without coming to an end. Shall it go on?";
        Judged { question, ..judged(Level::Looping, format!("{hops} hops, at most {max_hops}")) }
    } else if same_work == 2 {
        judged(Level::Stalled, "the same work was handed over twice".to_owned())
    } else if without_progress(&chain) {
        judged(Level::Stalled, "two revisions without fewer open issues".to_owned())
    } else if revision {
        let of = most.map(|most| format!(" of {most}")).unwrap_or_default();
        judged(Level::Iterating, format!("revision {cycle}{of}"))
    } else {
        judged(Level::Fine, String::new())
    }
}

/// An owner sequence that repeats with period 2 to 5 for three full periods, with no declared revision in
/// it: written as `writer > reviewer`. Whoever is handed new work each time, as by a supervisor, is in no circle.
fn period(chain: &[&Emission]) -> Option<String> {
    // Owners, the latest first; the source of the oldest handoff owned the work before it.
    let mut owners: Vec<&str> = chain.iter().map(|it| &*it.edge.to).collect();
    owners.extend(chain.last().map(|it| &*it.edge.from));
    (2..=5).find_map(|period| {
        let span = period * PERIODS;
        let tail = owners.get(..span)?;
        let declared = chain.iter().take(span).any(|it| it.relation == RelationKind::Revision);
        let repeats = tail.iter().zip(&tail[period..]).all(|(a, b)| a == b);
        let several = tail[..period].iter().any(|it| *it != tail[0]);
        let given = chain.iter().step_by(period).take(PERIODS).map(|it| it.work.as_ref());
        let known: Option<BTreeSet<_>> = given.collect();
        let new_each_time = known.is_some_and(|it| it.len() == PERIODS);
        (repeats && several && !declared && !new_each_time)
            .then(|| tail[..period].iter().rev().copied().collect::<Vec<_>>().join(" > "))
    })
}

/// The last two revisions brought no new minimum of open issues.
fn without_progress(chain: &[&Emission]) -> bool {
    let revisions = chain.iter().filter(|it| it.relation == RelationKind::Revision);
    let issues: Vec<u32> = revisions.filter_map(|it| it.terms.as_ref()?.open_issues).collect();
    let [last, before, earlier @ ..] = issues.as_slice() else {
        return false;
    };
    earlier.iter().min().is_some_and(|least| last >= least && before >= least)
}

/// Notes a retry at `at`: enough of them within the window, and the run has a storm from then on.
pub fn note_retry(run: &mut Run, at: Time) {
    run.retried += 1;
    if run.retries.last().is_some_and(|last| is_over(*last, at)) {
        run.storm_since = None;
    }
    let place = run.retries.partition_point(|it| *it <= at);
    run.retries.insert(place, at);
    let newest = run.retries.last().copied().unwrap_or(at);
    run.retries.retain(|it| newest - *it <= STORM_WINDOW);
    // A run may retry all day.
    run.retries.drain(..run.retries.len().saturating_sub(STORM_COUNTED));
    if run.retries.len() >= STORM_RETRIES && run.storm_since.is_none() {
        run.storm_since = Some(at);
    }
}

/// The retry storm that goes on in a run at `now`: the time of its third retry, and in words how many there were in the ten
/// minutes up to the latest. `None` without one, and from ten minutes after its last retry on.
pub fn storm(run: &Run, now: Time) -> Option<(Time, String)> {
    let since = run.storm_since?;
    let goes_on = run.retries.last().is_some_and(|last| !is_over(*last, now));
    let more = if run.retries.len() == STORM_COUNTED { "or more " } else { "" };
    goes_on.then(|| (since, format!("{} {more}retries within 10 minutes", run.retries.len())))
}

fn is_over(last: Time, now: Time) -> bool {
    now - last >= STORM_WINDOW
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::machine::tests::{World, claim, complete, offer, terms};

    /// Hands work from party to party, each handoff the child of the one before; gives the verdicts.
    fn walk(hops: &[(&str, &str)], change: impl Fn(usize, &mut Emission)) -> Vec<Level> {
        let mut world = World::new();
        let mut levels = Vec::new();
        for (nth, (from, to)) in hops.iter().enumerate() {
            let mut next = offer(&format!("h{nth}"), from, to);
            change(nth, &mut next.emission);
            if nth > 0 {
                next.emission.parent = Some(format!("h{}", nth - 1).as_str().into());
            }
            levels.push(judge(&world.run, &next.emission).verdict.level);
            // Judged, then handed over whatever the verdict, so that the walk goes on.
            let emission = Emission { cycle: cycle(&world.run, &next.emission), ..next.emission };
            let id = next.id;
            let event = crate::domain::event::Event {
                seen: None,
                run: world.run.id.clone(),
                seq: world.run.version + 1,
                at: world.now,
                handoff: Some(id.clone()),
                actor: crate::domain::id::Actor::agent(from),
                fact: crate::domain::event::Fact::Emitted(Arc::new(emission)),
            };
            crate::domain::machine::evolve(&mut world.run, &event);
            world.must(claim(id.as_str()));
            world.must(complete(id.as_str(), vec![]));
        }
        levels
    }

    fn reviews(issues: &[u32]) -> Vec<Level> {
        let there = ("writer", "editor");
        let back = ("editor", "writer");
        let hops: Vec<_> = (0..2 * issues.len()).map(|nth| if nth % 2 == 0 { there } else { back }).collect();
        let levels = walk(&hops, |nth, it| {
            it.work = Some(format!("draft {nth}").into());
            if nth % 2 == 1 {
                it.relation = RelationKind::Revision;
                terms(it).open_issues = issues.get(nth / 2).copied();
            }
        });
        levels.into_iter().skip(1).step_by(2).collect()
    }

    #[test]
    fn three_improving_reviews_iterate_and_the_fourth_return_loops() {
        use Level::{Iterating, Looping};
        assert_eq!(reviews(&[5, 3, 1, 0]), [Iterating, Iterating, Iterating, Looping]);
    }

    #[test]
    fn two_reviews_without_progress_stall() {
        assert_eq!(reviews(&[3, 3, 4]).last(), Some(&Level::Stalled));
    }

    #[test]
    fn an_undeclared_circle_loops_when_its_third_period_is_full() {
        let hops = [("a", "b"), ("b", "a"), ("a", "b"), ("b", "a"), ("a", "b")];
        let levels = walk(&hops, |_, _| {});
        // a b a b a b: the sixth owner.
        assert_eq!(levels.iter().position(|it| *it == Level::Looping), Some(4));
        let three = [("a", "b"), ("b", "c"), ("c", "a"), ("a", "b"), ("b", "c"), ("c", "a"), ("a", "b"), ("b", "c")];
        let levels = walk(&three, |_, _| {});
        assert_eq!(levels.iter().position(|it| *it == Level::Looping), Some(7));
    }

    #[test]
    fn the_same_draft_three_times_loops() {
        let hops = [("writer", "editor"), ("editor", "legal"), ("legal", "press"), ("press", "web")];
        let levels = walk(&hops, |_, it| it.work = Some("the same".into()));
        assert_eq!(levels[..3], [Level::Fine, Level::Stalled, Level::Looping]);
    }

    #[test]
    fn a_long_pipeline_and_a_few_returns_to_one_agent_are_fine() {
        let stages = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
        let hops: Vec<_> = stages.windows(2).map(|it| (it[0], it[1])).collect();
        assert!(walk(&hops, |_, _| {}).iter().all(|it| *it == Level::Fine));
        let hub = [("boss", "a"), ("a", "boss"), ("boss", "b"), ("b", "boss"), ("boss", "c"), ("c", "boss")];
        assert!(walk(&hub, |_, _| {}).iter().all(|it| *it == Level::Fine));
    }

    #[test]
    fn more_than_25_hops_loop_and_a_declared_patrol_never_does() {
        let names: Vec<String> = (0..28).map(|nth| format!("agent {nth}")).collect();
        let hops: Vec<_> = names.windows(2).map(|it| (it[0].as_str(), it[1].as_str())).collect();
        let levels = walk(&hops, |_, _| {});
        assert_eq!(levels.iter().position(|it| *it == Level::Looping), Some(MAX_HOPS as usize));
        let patrol = [("a", "b"), ("b", "a")].repeat(20);
        assert!(walk(&patrol, |_, it| terms(it).cyclic = true).iter().all(|it| *it == Level::Fine));
    }

    #[test]
    fn a_supervisor_who_gives_new_work_each_time_is_in_no_circle() {
        let hops = [("boss", "ann"), ("ann", "boss")].repeat(4);
        let jobs = |work: fn(usize) -> String| walk(&hops, |nth, it| it.work = Some(work(nth).into()));
        let fine = jobs(|nth| format!("job {nth}"));
        assert!(fine.iter().all(|it| *it == Level::Fine), "{fine:?}");
        let same = jobs(|nth| if nth % 2 == 0 { "the same".to_owned() } else { format!("no {nth}") });
        assert_eq!(same.iter().position(|it| *it == Level::Looping), Some(4), "the same job a third time");
        let stuck = jobs(|nth| format!("job {}", nth.min(3)));
        assert_eq!(stuck.iter().position(|it| *it == Level::Looping), Some(5), "the latest job comes again and again");
    }

    #[test]
    fn what_a_person_hands_on_begins_anew() {
        let hops = [("ann", "bot"), ("bot", "ann")].repeat(20);
        for kind in [PartyKind::Human, PartyKind::Team, PartyKind::External] {
            let levels = walk(&hops, |nth, it| {
                let person = if nth % 2 == 0 { &mut it.from } else { &mut it.to };
                person.kind = kind;
            });
            assert!(levels.iter().all(|it| *it == Level::Fine), "{kind:?}: {levels:?}");
        }
        let returned = walk(&hops, |nth, it| {
            if nth % 2 == 0 {
                it.from.kind = PartyKind::Human;
                it.relation = if nth > 0 { RelationKind::Revision } else { it.relation };
            }
        });
        assert_eq!(returned.iter().position(|it| *it == Level::Looping), Some(8), "a fourth return of at most three");
    }

    #[test]
    fn an_edge_says_how_many_hops_it_allows() {
        let names: Vec<String> = (0..110).map(|nth| format!("agent {nth}")).collect();
        let hops: Vec<_> = names.windows(2).map(|it| (it[0].as_str(), it[1].as_str())).collect();
        for most in [1, 30, 100] {
            let levels = walk(&hops, |_, it| terms(it).max_hops = Some(most));
            assert_eq!(levels.iter().position(|it| *it == Level::Looping), Some(most as usize));
        }
    }

    #[test]
    fn a_storm_begins_with_its_third_retry_and_is_over_ten_minutes_after_its_last() {
        let mut run = World::new().run;
        let at = |minutes| Time::from_millis(minutes * MINUTE);
        let note = |run: &mut Run, minutes: &[i64]| minutes.iter().for_each(|it| note_retry(run, at(*it)));
        note(&mut run, &[0, 8, 11]);
        assert_eq!(storm(&run, at(11)), None, "three within eleven minutes are none");
        note(&mut run, &[17]);
        assert_eq!(storm(&run, at(17)), Some((at(17), "3 retries within 10 minutes".to_owned())));
        note(&mut run, &[20, 21]);
        let (since, signal) = storm(&run, at(30)).unwrap();
        assert_eq!(
            (since, signal.as_str()),
            (at(17), "4 retries within 10 minutes"),
            "of ten minutes, not of all time"
        );
        assert_eq!(storm(&run, at(31)), None);
        note(&mut run, &[90]);
        assert_eq!((storm(&run, at(90)), run.retried), (None, 7), "one alone is none");
        note(&mut run, &[91, 92]);
        assert_eq!(storm(&run, at(92)).map(|it| it.0), Some(at(92)), "another one");
        (0..1_000).for_each(|_| note_retry(&mut run, at(93)));
        assert_eq!((run.retried, run.retries.len()), (1_009, STORM_COUNTED));
        assert!(storm(&run, at(93)).unwrap().1.starts_with("256 or more retries"));
    }
}
