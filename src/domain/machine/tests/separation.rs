//! Where duties are separated, nobody decides on what is their own, under whatever name they made it so.

use super::*;

fn separated(mut offer: NewHandoff) -> Command {
    terms(&mut offer.emission).separation = true;
    Command::Emit(Box::new(offer))
}

/// Dana acts under this name.
fn dana(world: &mut World, name: &Actor, command: Command) -> Result<usize, Refusal> {
    world.ask_by(name, Bearer { subject: "dana".into(), roles: Roles::All }, command)
}

/// A handoff `a` that Dana emitted as the agent writer, or else somebody else, and whose approval is asked for.
fn asked(emitter: &str) -> World {
    let mut world = World::new();
    let bearer = Bearer { subject: emitter.into(), roles: Roles::NONE };
    world.ask_by(&Actor::agent("writer"), bearer, separated(gated("a"))).unwrap();
    world
}

/// The same, which nobody answered in time.
fn timed_out(emitter: &str) -> World {
    let mut world = asked(emitter);
    world.now = world.now + HOUR;
    world.must(Command::Timer(vec![("a".into(), 1.0)]));
    world
}

/// The same without an approval, under a lease of the agent editor.
fn held() -> World {
    let mut world = World::new();
    let bearer = Bearer { subject: "writer-bot".into(), roles: Roles::NONE };
    world.ask_by(&Actor::agent("writer"), bearer, separated(offer("a", "writer", "editor"))).unwrap();
    world.must(claim("a"));
    world
}

fn by_hand(world: &World) -> Command {
    let next = vec![offer("b", "editor", "press")];
    Command::CompleteManually { seen: world.seen("a"), result: None, next, note: String::new() }
}

fn force(world: &World) -> Command {
    let escalation = Box::new(question(EscalationKind::Approval));
    Command::Escalate { seen: world.seen("a"), escalation, force: true }
}

#[test]
fn nobody_decides_on_what_they_made_under_any_name() {
    let user = Actor::user("dana");
    let emitted = asked("dana");
    let mut edited_it = asked("writer-bot");
    let amend = Command::Amend { seen: edited_it.seen("a"), head: Box::new(edited()) };
    dana(&mut edited_it, &user, amend).unwrap();
    let mut requeued = timed_out("writer-bot");
    let requeue = Command::Requeue { seen: requeued.seen("a"), why: String::new() };
    dana(&mut requeued, &user, requeue).unwrap();
    let mut escalated = held();
    let ask = force(&escalated);
    dana(&mut escalated, &user, ask).unwrap();
    let mut failed = held();
    dana(&mut failed, &Actor::agent("editor"), fail("a", "policy")).unwrap();
    for (way, mut world) in [
        ("emitted", emitted),
        ("edited", edited_it),
        ("requeued", requeued),
        ("escalated", escalated),
        ("failed as its agent", failed),
    ] {
        for answer in [Answer::Approve, Answer::EditApprove, Answer::Reject, Answer::Respond, Answer::Dismiss] {
            let resolve = resolve(world.seen("a"), answer);
            let own = dana(&mut world, &user, resolve);
            assert!(matches!(own, Err(Refusal::SelfApproval { .. })), "{way}, {answer:?}: {own:?}");
        }
        let look =
            Command::Reveal { handoff: "a".into(), digest: world.it("a").digest().unwrap().to_owned(), masked: true };
        let own = dana(&mut world, &user, look.clone());
        assert!(matches!(own, Err(Refusal::SelfApproval { .. })), "{way}, shown what is masked: {own:?}");
        let before = world.it("a").clone();
        assert_eq!(world.ask(&Actor::user("writer"), look), Ok(1), "{way}");
        assert_eq!(*world.it("a"), before, "nothing moves by it");
        let hands = by_hand(&world);
        let own = dana(&mut world, &user, hands);
        assert!(matches!(own, Err(Refusal::SelfApproval { .. })), "{way}, completed by hand: {own:?}");
        // The writer is a name here, and nobody's subject.
        let approve = resolve(world.seen("a"), Answer::Approve);
        world.ask(&Actor::user("writer"), approve).unwrap_or_else(|why| panic!("{way}: {why}"));
    }
}

#[test]
fn nobody_approves_what_they_edit_in_the_same_breath() {
    let mut world = asked("writer-bot");
    let allowed = &world.it("a").escalation.as_ref().unwrap().asked.allow;
    assert!(!allowed.contains(&Answer::EditApprove), "it is not offered");
    let seen = world.seen("a");
    let both = dana(&mut world, &Actor::user("dana"), resolve(seen, Answer::EditApprove));
    assert_eq!(both, Err(Refusal::SelfApproval { who: "dana".into(), deed: "would edit" }));
}

#[test]
fn an_answer_that_leads_to_the_approval_is_no_hand_in_it() {
    let mut world = timed_out("writer-bot");
    let ask = force(&world);
    world.ask(&Actor::user("olga"), ask).unwrap();
    let yes = resolve(world.seen("a"), Answer::Approve);
    dana(&mut world, &Actor::user("dana"), yes).unwrap();
    assert_eq!(world.it("a").state, State::Escalated, "now the editors are asked");
    let yes = resolve(world.seen("a"), Answer::Approve);
    dana(&mut world, &Actor::user("dana"), yes).unwrap();
    assert_eq!(world.it("a").state, State::Pending);
}

#[test]
fn what_comes_of_work_that_was_finished_by_hand_is_of_who_finished_it() {
    let mut world = World::at(State::DeadLettered);
    let mut next = gated("b");
    terms(&mut next.emission).separation = true;
    let seen = world.seen("a");
    let finish = Command::CompleteManually { seen, result: None, next: vec![next], note: String::new() };
    dana(&mut world, &Actor::user("dana"), finish).unwrap();
    let own = resolve(world.seen("b"), Answer::Approve);
    assert!(matches!(dana(&mut world, &Actor::user("dana"), own), Err(Refusal::SelfApproval { .. })));
}

#[test]
fn where_duties_are_not_separated_everybody_decides_and_nobody_is_kept() {
    let mut world = World::new();
    dana(&mut world, &Actor::agent("writer"), Command::Emit(Box::new(gated("a")))).unwrap();
    let amend = Command::Amend { seen: world.seen("a"), head: Box::new(edited()) };
    dana(&mut world, &Actor::user("dana"), amend).unwrap();
    let it = world.it("a");
    assert_eq!((it.hands.len(), it.emission.terms.as_ref().unwrap().emitter.is_none()), (0, true));
    let yes = resolve(world.seen("a"), Answer::EditApprove);
    dana(&mut world, &Actor::user("dana"), yes).unwrap();
    assert_eq!(world.it("a").state, State::Pending);
}
