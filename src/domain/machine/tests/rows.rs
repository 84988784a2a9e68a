//! What the table cannot say: guards, counters, and the events of each row.

use super::*;
use crate::domain::contract::PartyKind;
use crate::domain::event::{DeadReason, Fact, Rejection};
use crate::domain::run::Level;

fn names(world: &World) -> Vec<&'static str> {
    world.events.iter().map(|it| it.fact.name()).collect()
}

#[test]
fn verdicts_on_a_run_are_all_kept_and_change_nothing_else() {
    let mut world = World::at(State::Completed);
    let before = world.run.clone();
    world.now = world.now + HOUR;
    world.ask(&Actor::user("dana"), annotate(None, "root cause: writer")).unwrap();
    world.ask(&Actor::user("kim"), annotate(Some("a"), "not the writer: the prompt")).unwrap();
    let said: Vec<_> = world.run.annotations.iter().map(|it| (&*it.by.id, it.annotation.verdict.as_str())).collect();
    assert_eq!(said, [("dana", "root cause: writer"), ("kim", "not the writer: the prompt")]);
    assert_eq!(world.run.annotations_of(&"a".into()).count(), 1);
    assert_eq!(world.run.handoffs, before.handoffs, "no version moved: whoever looks at it can still act");
    assert_eq!(world.run.changed_at, before.changed_at, "it took no longer than it did");
    let refused = |world: &mut World, command| world.ask(&Actor::user("dana"), command).unwrap_err();
    assert!(matches!(refused(&mut world, annotate(None, " ")), Refusal::Invalid(_)));
    assert!(matches!(
        refused(&mut world, annotate(None, &"x".repeat(Annotation::VERDICT_CHARS + 1))),
        Refusal::Invalid(_)
    ));
    assert!(matches!(refused(&mut world, annotate(Some("nobody"), "x")), Refusal::NotFound(_)));
    for _ in 2..Annotation::PER_RUN {
        world.ask(&Actor::user("dana"), annotate(None, "again")).unwrap();
    }
    assert!(matches!(refused(&mut world, annotate(None, "one too many")), Refusal::Invalid(_)));
}

#[test]
fn row_1_and_2_an_approval_stops_it_before_anybody_works() {
    let mut world = World::new();
    world.must(Command::Emit(Box::new(gated("a"))));
    assert_eq!(names(&world), ["handoff.emitted", "escalation.opened"]);
    assert_eq!(world.it("a").state, State::Escalated);
    world.now = world.now + MINUTE;
    let seen = world.seen("a");
    world.ask(&Actor::user("dana"), resolve(seen, Answer::Approve)).unwrap();
    let it = world.it("a");
    assert_eq!((it.state, it.epoch, it.ready_at), (State::Pending, 1, world.now));
    assert_eq!(it.waiting_since, world.now, "a person's time is not the edge's latency");
    assert_eq!(it.resolution.as_ref().map(|it| it.answer), Some(Answer::Approve));
}

#[test]
fn row_2_a_loop_stops_at_a_person() {
    let mut world = World::new();
    world.must(Command::Emit(Box::new(offer("h0", "a", "b"))));
    for nth in 1..12 {
        let (from, to) = if nth % 2 == 0 { ("a", "b") } else { ("b", "a") };
        let mut next = offer(&format!("h{nth}"), from, to);
        let before = format!("h{}", nth - 1);
        next.emission.parent = Some(before.as_str().into());
        world.must(claim(&before));
        world.must(complete(&before, vec![next]));
        if world.run.handoffs.values().any(|it| it.state == State::Escalated) {
            // a, then b a b a b: the sixth owner closes the third full period.
            assert_eq!(nth, 4);
            let opened = world.events.iter().rev().take(2).map(|it| it.fact.name());
            assert_eq!(opened.collect::<Vec<_>>(), ["escalation.opened", "loop.detected"]);
            return;
        }
    }
    panic!("nobody noticed the circle");
}

#[test]
fn row_3_the_same_refused_body_is_one_record_until_it_is_mended() {
    let mut world = World::new();
    let rejection = rejection("r");
    world.must(Command::Refuse(vec![rejection.clone()]));
    world.must(Command::Refuse(vec![rejection.clone()]));
    assert_eq!((world.run.rejections.len(), world.run.rejections[0].count), (1, 2));
    let again = |it: &Event| matches!(&it.fact, Fact::Refused(it) if it.again);
    assert_eq!(world.events.iter().map(again).collect::<Vec<_>>(), [false, true]);
    world.must(Command::Emit(Box::new(offer("a", "writer", "editor"))));
    assert!(world.run.rejections.is_empty(), "an accepted emit with its key resolves it");
    for nth in 0..105 {
        world.now = world.now + 1;
        world.must(Command::Refuse(vec![Rejection { id: format!("r{nth}"), key: None, ..rejection.clone() }]));
    }
    let kept = &world.run.rejections;
    let (first, last) = (&kept[0].rejection.id, &kept[99].rejection.id);
    assert_eq!((kept.len(), &**first, &**last), (100, "r5", "r104"));
}

#[test]
fn row_4_nobody_claims_before_it_is_ready_and_attempts_are_counted() {
    let mut world = World::at(State::RetryWait);
    assert!(matches!(world.ask(&Actor::agent("editor"), claim("a")), Err(Refusal::Invalid(_))));
    world.now = world.it("a").ready_at;
    world.must(claim("a"));
    let it = world.it("a");
    assert_eq!((it.attempt, it.attempts_total), (2, 2));
    let until = it.lease.as_ref().unwrap().until;
    assert_eq!(until, Some(world.now + DEFAULT_ACK_TIMEOUT), "capped until it is acknowledged");
}

#[test]
fn row_4_nobody_claims_from_a_paused_edge() {
    let mut world = World::at(State::Pending);
    let Command::Claim { handoff, holder, lease, lease_ms, .. } = claim("a") else { unreachable!() };
    let why =
        world.ask(&Actor::agent("editor"), Command::Claim { handoff, holder, lease, lease_ms, flow: Flow::Paused });
    assert!(why.unwrap_err().to_string().contains("writer>editor in news is paused"));
    assert_eq!(world.it("a").state, State::Pending);
}

#[test]
fn row_4_nothing_is_handed_out_after_its_deadline_to_agents_or_people() {
    for (kind, take) in [(PartyKind::Agent, false), (PartyKind::Human, true)] {
        let mut world = World::new();
        let mut offer = offer("a", "writer", "editor");
        let deadline = Time::from_millis(MINUTE);
        terms(&mut offer.emission).deadline = Some(deadline);
        offer.emission.to.kind = kind;
        world.must(Command::Emit(Box::new(offer)));
        let asked = if take { Command::Take { seen: world.seen("a"), lease: "l".into() } } else { claim("a") };
        let before = world.run.clone();
        world.now = deadline;
        let why = world.ask(&Actor::user("editor"), asked.clone()).unwrap_err();
        assert_eq!(why, Refusal::Expired { handoff: "a".into(), deadline });
        assert_eq!(world.run, before);
        world.now = deadline + -1;
        world.must(asked);
        assert!(world.it("a").state.is_held());
    }
}

#[test]
fn rows_5_and_6_the_lease_is_a_fence() {
    let mut world = World::at(State::Leased);
    world.must(Command::Acknowledge(held("a")));
    let until = |world: &World| world.it("a").lease.as_ref().unwrap().until.unwrap();
    assert_eq!(until(&world), world.now + DEFAULT_LEASE);
    world.now = world.now + 50 * SECOND;
    world.must(Command::Heartbeat(held("a")));
    assert_eq!(until(&world), world.now + DEFAULT_LEASE);
    let other = Held { lease: "somebody's".into(), ..held("a") };
    let lost = world.ask(&Actor::agent("editor"), Command::Acknowledge(other));
    assert!(matches!(lost, Err(Refusal::LeaseLost { .. })));
    world.now = until(&world);
    let late = world.ask(&Actor::agent("editor"), complete("a", vec![]));
    assert!(matches!(late, Err(Refusal::LeaseLost { .. })), "at its very end it has expired");
}

#[test]
fn row_9_finishing_acknowledges_and_emits_in_one_go_or_not_at_all() {
    let mut world = World::at(State::Leased);
    let next = vec![offer("b", "editor", "legal"), offer("c", "editor", "press")];
    world.must(complete("a", next.clone()));
    assert_eq!(names(&world)[2..], ["handoff.acknowledged", "handoff.completed", "handoff.emitted", "handoff.emitted"]);
    let again = world.ask(&Actor::agent("editor"), complete("a", next));
    assert_eq!(again, Ok(0), "the same answer, nothing new");

    let mut world = World::at(State::Leased);
    let before = world.run.clone();
    let taken = world.ask(&Actor::agent("editor"), complete("a", vec![offer("a", "editor", "legal")]));
    assert!(matches!(taken, Err(Refusal::PlaceTaken { .. })), "its place is taken");
    assert_eq!(world.run, before);
}

#[test]
fn nobody_comes_into_a_run_it_takes_no_part_in_but_beside_it() {
    let mut world = World::at(State::Leased);
    let before = world.run.clone();
    let emit = |world: &mut World, new: &NewHandoff| {
        world.ask(&Actor::agent("any"), Command::Emit(Box::new(new.clone()))).map(drop)
    };
    let mut foreign = offer("b", "evil", "editor");
    for branch in ["", "0", "7.1"] {
        foreign.emission.branch = branch.into();
        assert!(matches!(emit(&mut world, &foreign), Err(Refusal::Stranger { .. })), "on branch {branch:?}");
    }
    let taken = NewHandoff { emission: emission("evil", "editor", "a"), ..offer("b", "evil", "editor") };
    assert!(matches!(emit(&mut world, &taken), Err(Refusal::Stranger { .. })), "nothing is told of the key");
    assert_eq!(world.run, before);

    foreign.emission.branch = peer_branch("evil", "editor", "").into();
    assert_eq!(emit(&mut world, &foreign), Ok(()));
    let is = |name: &'static str| move |it: &Party| it.id == name;
    let (own, peers) = (world.it("a").clone(), world.it("b").clone());
    assert!(!world.run.takes_part(is("evil")) && !world.run.shows(&own, is("evil")));
    assert!(world.run.shows(&peers, is("evil")) && world.run.shows(&peers, is("writer")));
    foreign = offer("c", "evil", "editor");
    assert!(matches!(emit(&mut world, &foreign), Err(Refusal::Stranger { .. })), "it takes no part by that");
    let joined = offer("c", "editor", "legal");
    assert_eq!(emit(&mut world, &joined), Ok(()), "who was handed something takes part");
}

#[test]
fn a_key_that_other_work_has_is_no_repeat() {
    let mut world = World::at(State::Pending);
    let emit = |world: &mut World, new: Emission| {
        world.ask(&Actor::agent("any"), Command::Emit(Box::new(NewHandoff { emission: new, ..offer("b", "", "") })))
    };
    let staged = Emission { stage: Some("other".into()), ..emission("writer", "editor", "a") };
    for other in [emission("editor", "writer", "a"), emission("writer", "legal", "a"), staged] {
        assert!(matches!(emit(&mut world, other), Err(Refusal::PlaceTaken { .. })));
    }
    assert_eq!(names(&world), ["handoff.emitted"], "and nothing is noted on the handoff that has it");
    assert_eq!(emit(&mut world, emission("writer", "editor", "a")), Ok(0));
}

#[test]
fn row_10_a_return_needs_words() {
    let mut world = World::at(State::Acknowledged);
    let Command::Return { held, revision, .. } = give_back("a", "b") else { unreachable!() };
    let mute = Command::Return { held, feedback: vec![" ".into()], revision };
    assert!(matches!(world.ask(&Actor::agent("editor"), mute), Err(Refusal::Invalid(_))));
    world.must(give_back("a", "b"));
    assert_eq!((world.it("b").emission.cycle, world.it("b").state), (1, State::Pending));
}

#[test]
fn rows_11_to_15_the_budget_ends_in_a_dead_letter() {
    let mut world = World::at(State::RetryWait);
    assert_eq!(world.it("a").ready_at, world.now + SECOND, "one second, full jitter");
    world.now = world.it("a").ready_at;
    world.must(claim("a"));
    world.now = world.now + 2 * MINUTE;
    world.must(Command::Timer(vec![("a".into(), 1.0)]));
    let failure = world.it("a").failure.clone().unwrap();
    assert_eq!((&*failure.code, failure.dead), ("lease_expired", Some(DeadReason::BudgetSpent)));
    let nothing = world.ask(&Actor::system("sweeper"), Command::Timer(vec![("a".into(), 1.0)]));
    assert_eq!(nothing, Ok(0), "sweeping again does nothing");
    let seen = world.seen("a");
    world.must(Command::Requeue { seen, why: "fixed".into() });
    let it = world.it("a");
    assert_eq!((it.epoch, it.attempt, it.attempts_total), (1, 0, 2));
    assert_eq!(it.waiting_since, world.now, "the latency clock starts again");
}

#[test]
fn what_began_before_the_clock_was_set_back_lasts_as_long_as_it_was_meant_to() {
    let timer = || Command::Timer(vec![("a".into(), 1.0)]);
    let sweep = |world: &mut World| world.ask(&Actor::system("sweeper"), timer());
    // An hour is taken off the clock, and `on` milliseconds have passed since.
    let set_back = |world: &mut World, on: Millis| {
        let began = world.it("a").changed_at();
        (world.now, world.behind) = (began + -HOUR + on, HOUR);
    };
    let mut world = World::at(State::Pending);
    set_back(&mut world, 0);
    world.must(claim("a"));
    assert_eq!(
        world.it("a").lease.as_ref().unwrap().until,
        Some(world.now + DEFAULT_ACK_TIMEOUT),
        "by the clock as it is"
    );

    let mut world = World::at(State::RetryWait);
    set_back(&mut world, SECOND - 1);
    assert!(world.ask(&Actor::agent("editor"), claim("a")).is_err(), "the backoff is a second");
    set_back(&mut world, SECOND);
    world.must(claim("a"));

    let mut world = World::at(State::Acknowledged);
    let lease_ms = world.it("a").lease.as_ref().unwrap().lease_ms;
    set_back(&mut world, lease_ms - 1);
    assert_eq!(sweep(&mut world), Ok(0));
    world.must(Command::Heartbeat(held("a")));
    set_back(&mut world, lease_ms);
    assert_eq!(sweep(&mut world), Ok(0), "a heartbeat holds it");
    set_back(&mut world, 2 * lease_ms);
    assert!(world.ask(&Actor::agent("editor"), Command::Heartbeat(held("a"))).is_err(), "too late");
    assert_eq!(sweep(&mut world), Ok(1));

    let mut world = World::new();
    let mut new = offer("a", "writer", "editor");
    terms(&mut new.emission).deadline = Some(world.now + MINUTE);
    world.must(Command::Emit(Box::new(new)));
    set_back(&mut world, 2 * MINUTE);
    assert_eq!(sweep(&mut world), Ok(0), "a deadline is a time that somebody named");
}

#[test]
fn row_16_a_snooze_costs_no_attempt_and_has_limits() {
    let mut world = World::at(State::Leased);
    let far = Command::Snooze { held: held("a"), until: world.now + MAX_SNOOZE + 1 };
    assert!(matches!(world.ask(&Actor::agent("editor"), far), Err(Refusal::Invalid(_))));
    for _ in 0..MAX_SNOOZES {
        world.must(Command::Snooze { held: held("a"), until: world.now });
        assert_eq!(world.it("a").attempt, 0);
        world.must(claim("a"));
    }
    let once_more = Command::Snooze { held: held("a"), until: world.now };
    assert!(matches!(world.ask(&Actor::agent("editor"), once_more), Err(Refusal::Invalid(_))));
}

#[test]
fn row_18_five_questions_are_enough() {
    let mut world = World::at(State::DeadLettered);
    for _ in 0..MAX_ESCALATIONS {
        let seen = world.seen("a");
        let escalation = Box::new(question(EscalationKind::DeadLetter));
        world.must(Command::Escalate { seen, escalation, force: false });
        assert_eq!(world.it("a").state, State::Escalated);
        let seen = world.seen("a");
        world.must(resolve(seen, Answer::Approve));
    }
    let seen = world.seen("a");
    let escalation = Box::new(question(EscalationKind::DeadLetter));
    world.must(Command::Escalate { seen, escalation, force: false });
    let dead = world.it("a").failure.as_ref().unwrap().dead;
    assert_eq!(dead, Some(DeadReason::EscalatedTooOften));
}

#[test]
fn row_19_a_decision_is_bound_to_what_was_shown_and_to_who_decides() {
    let mut world = World::at(State::Escalated);
    let Command::Resolve { seen, resolution, edited, revision, .. } = resolve(world.seen("a"), Answer::Approve) else {
        unreachable!()
    };
    let shown = |digest: &str| Command::Resolve {
        seen: seen.clone(),
        resolution: resolution.clone(),
        context_digest: Some(digest.into()),
        edited: edited.clone(),
        revision: revision.clone(),
    };
    let dana = Actor::user("dana");
    assert_eq!(world.ask(&dana, shown("sha256:old")), Err(Refusal::ContextMoved));
    world.change("a", |it| terms(Arc::make_mut(&mut it.emission)).separation = true);
    let own = world.ask(&Actor::user("writer"), shown("sha256:a"));
    assert!(matches!(own, Err(Refusal::SelfApproval { .. })));
    it_allows(&mut world, vec![Answer::Dismiss]);
    let not_offered = world.ask(&dana, shown("sha256:a"));
    assert_eq!(not_offered, Err(Refusal::AnswerNotAllowed { allow: vec![Answer::Dismiss] }));
    it_allows(&mut world, vec![Answer::Approve]);
    assert_eq!(world.ask(&dana, shown("sha256:a")), Ok(1));
}

fn it_allows(world: &mut World, allow: Vec<Answer>) {
    world.change("a", |it| it.escalation.as_mut().unwrap().asked.allow = allow);
}

#[test]
fn the_slower_of_two_people_learns_who_was_faster() {
    let mut world = World::at(State::DeadLettered);
    let seen = world.seen("a");
    world.ask(&Actor::user("dana"), Command::Requeue { seen: seen.clone(), why: String::new() }).unwrap();
    let late = world.ask(&Actor::user("kim"), dismiss(seen)).unwrap_err();
    let Refusal::VersionConflict { last_change: Some(change), .. } = late else { panic!("{late}") };
    assert_eq!((&*change.actor.id, &*change.event), ("dana", "handoff.requeued"));
}

#[test]
fn nothing_enters_a_cancelled_run() {
    let mut world = World::at(State::Cancelled);
    let late = world.ask(&Actor::agent("writer"), Command::Emit(Box::new(offer("b", "writer", "editor"))));
    assert!(matches!(late, Err(Refusal::Invalid(_))));
}

#[test]
fn the_same_key_with_other_words_changes_nothing_but_is_noted() {
    let mut world = World::at(State::Pending);
    let mut same = offer("other id", "writer", "editor");
    same.emission = emission("writer", "editor", "a");
    assert_eq!(world.ask(&Actor::agent("writer"), Command::Emit(Box::new(same.clone()))), Ok(0));
    terms(&mut same.emission).digest = "sha256:other".into();
    assert_eq!(world.ask(&Actor::agent("writer"), Command::Emit(Box::new(same))), Ok(1));
    assert_eq!(names(&world), ["handoff.emitted", "handoff.duplicate"]);
    assert_eq!(world.run.handoffs.len(), 1);
}

#[test]
fn a_heartbeat_does_not_outlast_the_ack_timeout() {
    let mut world = World::new();
    world.must(Command::Emit(Box::new(offer("a", "writer", "editor"))));
    let Command::Claim { handoff, holder, lease, .. } = claim("a") else { unreachable!() };
    world.must(Command::Claim { handoff, holder, lease, lease_ms: MAX_LEASE, flow: Flow::default() });
    let until = |world: &World| world.it("a").lease.as_ref().unwrap().until.unwrap();
    let limit = world.now + DEFAULT_ACK_TIMEOUT;
    assert_eq!(until(&world), limit);
    world.now = world.now + DEFAULT_ACK_TIMEOUT / 2;
    world.must(Command::Heartbeat(held("a")));
    assert_eq!(until(&world), limit, "never accepted");
    world.must(Command::Acknowledge(held("a")));
    world.must(Command::Heartbeat(held("a")));
    assert_eq!(until(&world), world.now + MAX_LEASE);
}

#[test]
fn an_unanswered_question_leaves_the_attempts_that_led_to_it() {
    let mut world = World::at(State::Escalated);
    assert_eq!((world.it("a").attempt, world.it("a").epoch), (1, 0));
    world.now = world.it("a").escalation.as_ref().unwrap().asked.due_at.unwrap();
    world.must(Command::Timer(vec![("a".into(), 1.0)]));
    let dead = world.it("a");
    assert_eq!(dead.state, State::DeadLettered);
    assert_eq!((dead.attempt, dead.epoch), (1, 0));
}

#[test]
fn work_that_goes_round_is_seen_though_nobody_says_what_it_follows_from() {
    let mut world = World::new();
    let mut verdicts = Vec::new();
    for nth in 0..8 {
        let (from, to) = if nth % 2 == 0 { ("writer", "editor") } else { ("editor", "writer") };
        let mut next = offer(&format!("h{nth}"), from, to);
        next.emission.step = nth;
        world.must(Command::Emit(Box::new(next)));
        verdicts.push(world.run.verdict.level);
    }
    assert_eq!(verdicts[0], Level::Fine);
    assert_eq!(verdicts[7], Level::Looping);
}

#[test]
fn row_22_an_edit_changes_the_head_and_nothing_that_happened() {
    let mut world = World::at(State::DeadLettered);
    let before = world.it("a").clone();
    let mut head = Box::new(Emission { title: "Edited".into(), ..emission("somebody", "else", "other") });
    terms(&mut head).digest = "sha256:edited".into();
    terms(&mut head).deadline = Some(world.now + HOUR);
    terms(&mut head).ack_timeout_ms = 7;
    let amend = Command::Amend { seen: world.seen("a"), head };
    world.ask(&Actor::user("dana"), amend).unwrap();
    let (it, was) = (&world.it("a").emission, &before.emission);
    assert_eq!((it.title.as_str(), &it.edge, &it.from, &it.to), ("Edited", &was.edge, &was.from, &was.to));
    let (it, was) = (it.terms.as_ref().unwrap(), was.terms.as_ref().unwrap());
    assert_eq!((it.ack_timeout_ms, it.deadline), (7, Some(world.now + HOUR)));
    assert_eq!((&it.key, &it.digest), (&was.key, &was.digest));
    assert_eq!(world.it("a").digest(), Some("sha256:edited"));

    // Logs of before say the digest only.
    let old = r#"{"type":"handoff.amended.v1","data":{"rev":2,"digest":"sha256:old"}}"#;
    let fact: Fact = serde_json::from_str(old).unwrap();
    let event = Event {
        seen: None,
        run: world.run.id.clone(),
        seq: world.run.version + 1,
        at: world.now,
        handoff: Some("a".into()),
        actor: Actor::user("dana"),
        fact,
    };
    assert_eq!(evolve(&mut world.run, &event), None);
    assert_eq!(world.it("a").emission.title, "Edited");
    assert_eq!(world.it("a").digest(), Some("sha256:old"));
}
