//! What needs an approval is let through by nothing else, whatever way leads to the queue.

use super::*;
use crate::domain::event::Fact;

/// A handoff `a` whose approval editors are asked for.
fn asked() -> World {
    let mut world = World::new();
    world.must(Command::Emit(Box::new(gated("a"))));
    world
}

fn approved() -> World {
    let mut world = asked();
    answer(&mut world, Answer::Approve);
    world
}

/// Nobody said anything in time.
fn timed_out() -> World {
    let mut world = asked();
    wait(&mut world);
    world
}

/// It was approved, and a person may do with it as with any dead letter.
fn dead() -> World {
    let mut world = approved();
    world.must(claim("a"));
    world.must(fail("a", "broken"));
    world
}

/// It was approved, and its target asked a person.
fn failed() -> World {
    let mut world = approved();
    world.must(claim("a"));
    world.must(fail("a", "policy"));
    world
}

/// The agents went round in circles, which is asked about instead.
fn circles() -> World {
    let mut world = World::new();
    let mut first = offer("z", "writer", "editor");
    first.emission.work = Some("wf1_same".into());
    world.must(Command::Emit(Box::new(first)));
    for (id, before) in [("y", "z"), ("a", "y")] {
        let mut next = gated(id);
        next.emission.work = Some("wf1_same".into());
        next.emission.parent = Some(before.into());
        world.must(Command::Emit(Box::new(next)));
    }
    let open = world.it("a").escalation.as_ref().expect("a person is asked");
    assert_eq!(open.asked.kind, EscalationKind::Loop);
    world
}

fn answer(world: &mut World, answer: Answer) {
    let seen = world.seen("a");
    world.ask(&Actor::user("erin"), resolve(seen, answer)).unwrap();
}

fn amend(world: &mut World) {
    let seen = world.seen("a");
    world.ask(&Actor::user("olga"), Command::Amend { seen, head: Box::new(edited()) }).unwrap();
}

fn requeue(world: &mut World) {
    let seen = world.seen("a");
    world.ask(&Actor::user("olga"), Command::Requeue { seen, why: "again".into() }).unwrap();
}

fn take_away(world: &mut World) {
    let seen = world.seen("a");
    let escalation = Box::new(question(EscalationKind::Approval));
    world.ask(&Actor::user("olga"), Command::Escalate { seen, escalation, force: true }).unwrap();
}

fn wait(world: &mut World) {
    world.now = world.it("a").escalation.as_ref().expect("asked").asked.due_at.expect("due");
    world.must(Command::Timer(vec![("a".into(), 1.0)]));
}

/// Something that somebody does.
type Deed = fn(&mut World);

#[test]
fn every_way_to_the_queue_leads_through_the_gate() {
    use State::{DeadLettered, Escalated, Pending};
    let yes: Deed = |world| answer(world, Answer::Approve);
    let edit_and_yes: Deed = |world| answer(world, Answer::EditApprove);
    let reply: Deed = |world| answer(world, Answer::Respond);
    let held: Deed = |world| world.must(claim("a"));
    let late: Deed = |world| world.now = world.now + MINUTE;
    let retried: Deed = |world| world.must(fail("a", "timeout"));
    // How it came so far, what is done, its state then, and whether editors are asked.
    let ways: &[(&str, World, &[Deed], State, bool)] = &[
        ("asked", asked(), &[], Escalated, true),
        ("said yes", asked(), &[yes], Pending, false),
        ("edited and said yes", asked(), &[edit_and_yes], Pending, false),
        ("edited by another, then said yes", asked(), &[amend, yes], Pending, false),
        ("nobody answered", timed_out(), &[], DeadLettered, false),
        ("requeued after a timeout", timed_out(), &[requeue], Escalated, true),
        ("requeued after a timeout, then yes", timed_out(), &[requeue, yes], Pending, false),
        ("asked about by an operator after a timeout", timed_out(), &[take_away, yes], Escalated, true),
        ("answered in words after a timeout", timed_out(), &[take_away, reply], Escalated, true),
        ("requeued after a yes", dead(), &[requeue], Pending, false),
        ("amended after a yes", dead(), &[amend, requeue], Escalated, true),
        ("amended after a yes, and approved", dead(), &[amend, requeue, yes], Pending, false),
        ("retried after a yes", approved(), &[held, retried, late, requeue], Pending, false),
        ("taken away with force", approved(), &[held, take_away, yes], Pending, false),
        ("taken away with force and amended", approved(), &[held, take_away, amend, yes], Escalated, true),
        ("amended while free", approved(), &[take_away, amend, reply], Escalated, true),
        ("failed and answered", failed(), &[reply], Pending, false),
        ("failed and edited by who answers", failed(), &[edit_and_yes], Escalated, true),
        ("a circle that may go on", circles(), &[yes], Escalated, true),
        ("a circle that may go on, and approved", circles(), &[yes, yes], Pending, false),
    ];
    for (way, world, deeds, state, asked) in ways {
        let mut world = World { run: world.run.clone(), events: world.events.clone(), now: world.now, behind: 0 };
        deeds.iter().for_each(|deed| deed(&mut world));
        let it = world.it("a");
        let open = it.escalation.as_ref().filter(|open| open.asked.required);
        assert_eq!((it.state, open.is_some()), (*state, *asked), "{way}");
        assert_eq!(it.lacks_approval().is_none(), *state == Pending, "{way}");
        if let Some(open) = open {
            assert_eq!(
                (open.asked.role.as_deref(), open.asked.context_digest.as_deref()),
                (Some("editors"), it.digest())
            );
            assert_eq!(open.asked.due_at, Some(world.now + HOUR), "{way}: the whole time");
            assert!(matches!(world.ask(&Actor::agent("editor"), claim("a")), Err(Refusal::IllegalTransition { .. })));
        }
    }
}

#[test]
fn silence_that_means_yes_is_one_for_what_was_asked_about() {
    let mut world = World::new();
    let mut offer = gated("a");
    terms(&mut offer.emission).approval.as_mut().unwrap().on_timeout = Timeout::Approve;
    world.must(Command::Emit(Box::new(offer)));
    world.now = world.now + (HOUR - 1);
    amend(&mut world);
    world.now = world.now + 1;
    world.must(Command::Timer(vec![("a".into(), 1.0)]));
    assert_eq!(world.it("a").state, State::Escalated, "what was edited is looked at as long as what was emitted");
    wait(&mut world);
    assert_eq!((world.it("a").state, world.it("a").approved.as_deref()), (State::Pending, Some("sha256:edited")));
}

#[test]
fn an_edit_changes_what_is_said_to_run_and_not_who_is_asked() {
    let mut world = asked();
    let mut head = edited();
    terms(&mut head).approval = Some(Box::new(Approval {
        role: "interns".into(),
        question: "Never mind?".into(),
        due_ms: 1,
        on_timeout: Timeout::Approve,
        proposed_action: Some(serde_json::json!({"name": "mail"})),
    }));
    let seen = world.seen("a");
    world.ask(&Actor::user("olga"), Command::Amend { seen, head: Box::new(head) }).unwrap();
    let open = &world.it("a").escalation.as_ref().unwrap().asked;
    assert_eq!(
        (open.role.as_deref(), &*open.question, open.on_timeout),
        (Some("editors"), "May it go?", Timeout::DeadLetter)
    );
    assert_eq!(open.proposed_action, Some(serde_json::json!({"name": "mail"})));
    let needed = world.it("a").lacks_approval().unwrap();
    assert_eq!((&*needed.role, needed.due_ms), ("editors", HOUR));
}

#[test]
fn the_approval_is_asked_for_however_often_people_were_asked_before() {
    let mut world = timed_out();
    for _ in 0..=MAX_ESCALATIONS {
        requeue(&mut world);
        assert_eq!(world.it("a").state, State::Escalated);
        wait(&mut world);
    }
    let ids: std::collections::HashSet<_> = world
        .events
        .iter()
        .filter_map(|it| {
            let Fact::EscalationOpened(asked) = &it.fact else { return None };
            Some(&asked.id)
        })
        .collect();
    assert_eq!(ids.len(), 2 + MAX_ESCALATIONS as usize, "each question has a name of its own");
}

#[test]
fn who_finishes_by_hand_what_nobody_approved_has_to_be_an_approver_of_it() {
    let editors = || Roles::Only(["editors".to_owned()].into());
    let by_hand = |world: &mut World, roles| {
        let next = vec![offer("b", "editor", "press")];
        let command = Command::CompleteManually { seen: world.seen("a"), result: None, next, note: String::new() };
        world.ask_as(&Actor::user("olga"), roles, command)
    };
    let others = || Roles::Only(["operators".to_owned()].into());
    for mut world in [asked(), timed_out(), circles()] {
        for roles in [Roles::NONE, others()] {
            let refused = Refusal::RoleNeeded { who: "olga".into(), role: "editors".into() };
            assert_eq!(by_hand(&mut world, roles), Err(refused));
        }
        by_hand(&mut world, editors()).unwrap();
        assert_eq!((world.it("a").state, world.it("b").state), (State::Completed, State::Pending));
    }
    let mut world = dead();
    by_hand(&mut world, Roles::NONE).expect("it was approved as it stands");
    let mut world = dead();
    amend(&mut world);
    assert!(by_hand(&mut world, Roles::NONE).is_err(), "and then it was edited");
}
