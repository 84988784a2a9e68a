//! What holds after any sequence of commands.

use proptest::prelude::*;

use super::*;
use crate::domain::run::Lease;

/// A command by number, on one of three handoffs, and how much later it is asked.
type Step = (u8, u8, u32);

fn command(world: &World, what: u8, on: u8, nth: usize) -> Command {
    let id = ["a", "b", "c"][usize::from(on % 3)];
    let known = world.run.handoffs.get(&HandoffId::from(id));
    let version = known.map_or(0, |it| it.version);
    let seen = Seen { handoff: id.into(), version };
    let answers = [Answer::Approve, Answer::EditApprove, Answer::Reject, Answer::Respond, Answer::Dismiss];
    let fresh = format!("n{nth}");
    match what % 22 {
        0 | 1 if id == "c" => Command::Emit(Box::new(gated(id))),
        0 | 1 => Command::Emit(Box::new(offer(id, "writer", "editor"))),
        2..=4 => claim(id),
        5 => Command::Acknowledge(held(id)),
        6 => Command::Heartbeat(held(id)),
        7 => complete(id, vec![offer(&fresh, "editor", "writer")]),
        8 => give_back(id, &fresh),
        9 => fail(id, "timeout"),
        10 => fail(id, "policy"),
        11 => fail(id, "unheard_of"),
        12 => Command::Snooze { held: held(id), until: world.now + SECOND },
        13 => Command::Timer(vec![(id.into(), 0.5)]),
        14 => {
            let escalation = Box::new(question(EscalationKind::DeadLetter));
            Command::Escalate { seen, escalation, force: nth.is_multiple_of(2) }
        }
        15 => {
            let mut resolve = resolve(seen, answers[nth % 5]);
            if let Command::Resolve { revision: Some(revision), .. } = &mut resolve {
                **revision = offer(&fresh, "editor", "writer");
            }
            resolve
        }
        16 => Command::Requeue { seen, why: String::new() },
        17 => Command::Amend { seen, head: Box::new(edited()) },
        18 => dismiss(seen),
        19 => Command::CompleteManually { seen, result: None, next: vec![], note: String::new() },
        20 => Command::ClaimEscalation { seen, until: world.now + MINUTE },
        _ if nth.is_multiple_of(9) => Command::Cancel { expect: None, why: String::new() },
        _ => Command::PauseEdge { edge: Edge::new("news", "a", "b"), why: String::new() },
    }
}

/// The state without the ends of leases, which heartbeats move without an event.
fn settled(run: &Run) -> Run {
    let settled = |it: &Handoff| {
        let lease = it.lease.clone().map(|lease| Box::new(Lease { until: None, ..*lease }));
        Handoff { lease, ..it.clone() }
    };
    Run { handoffs: run.handoffs.values().map(settled).collect(), ..run.clone() }
}

proptest! {
    #[test]
    fn the_state_is_the_fold_of_the_events(steps in prop::collection::vec(any::<Step>(), 1..80)) {
        let mut world = World::new();
        for (nth, (what, on, later)) in steps.into_iter().enumerate() {
            world.now = world.now + i64::from(later % 40_000);
            let ended: Vec<_> = world.run.handoffs.values().filter(|it| !it.state.is_open()).cloned().collect();
            let command = command(&world, what, on, nth);
            let _ = world.ask(&Actor::user("dana"), command);
            for it in ended {
                let now = world.run.handoffs.get(&it.id).unwrap();
                prop_assert_eq!(now.state, it.state, "an end is an end");
                prop_assert_eq!(now.ended_at, it.ended_at);
            }
            for it in world.run.handoffs.values() {
                prop_assert_eq!(it.escalation.is_some(), it.state == State::Escalated);
                prop_assert!(!it.state.is_held() || it.lease.is_some());
                let stopped = matches!(it.state, State::Escalated | State::DeadLettered) || !it.state.is_open();
                prop_assert!(stopped || it.lacks_approval().is_none(), "{:?} without its approval", it.state);
                prop_assert!(it.attempt <= it.emission.terms.as_ref().unwrap().max_attempts && it.attempt <= it.attempts_total);
                prop_assert_eq!(it.ended_at.is_some(), !it.state.is_open());
            }
        }
        let mut folded = Run::new("run".into(), Time::from_millis(0));
        for (nth, event) in world.events.iter().enumerate() {
            prop_assert_eq!(event.seq, nth as u64 + 1);
            let text = serde_json::to_string(event).unwrap();
            let event = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(evolve(&mut folded, &event), None);
        }
        folded.started_at = world.run.started_at;
        prop_assert_eq!(settled(&folded), settled(&world.run));
        let blob = serde_json::to_string(&world.run).unwrap();
        prop_assert_eq!(serde_json::from_str::<Run>(&blob).unwrap(), world.run);
    }
}
