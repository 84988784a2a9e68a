//! The transition table of protocol section 3 as data, and what must hold after any sequence of commands.

mod any;
mod gate;
mod rows;
mod separation;
mod table;

use std::sync::Arc;

use super::*;
use crate::domain::bearer::{Bearer, Roles};
use crate::domain::command::{Asked, Command, Held, NewHandoff, Refusal, Seen};
use crate::domain::contract::{FailureAction, Party, RelationKind, Urgency};
use crate::domain::event::{
    Annotation, Answer, Approval, Boundary, Emission, Escalation, EscalationKind, Event, Rejection, Resolution, Terms,
    Timeout,
};
use crate::domain::flow::Flow;
use crate::domain::id::{Actor, Edge};
use crate::domain::key::peer_branch;
use crate::domain::run::{Handoff, State};
use crate::domain::time::Present;

/// A run, the commands it was given and the events that followed.
pub(crate) struct World {
    pub(crate) run: Run,
    pub(crate) events: Vec<Event>,
    pub(crate) now: Time,
    /// By how much the clock was set back.
    behind: Millis,
}

impl World {
    pub(crate) fn new() -> Self {
        let now = Time::from_millis(0);
        Self { run: Run::new("run".into(), now), events: Vec::new(), now, behind: 0 }
    }

    /// One handoff `a` from writer to editor, in `state`.
    pub(crate) fn at(state: State) -> Self {
        let mut world = Self::new();
        world.must(Command::Emit(Box::new(offer("a", "writer", "editor"))));
        let commands = match state {
            State::Pending => vec![],
            State::Leased => vec![claim("a")],
            State::Acknowledged => vec![claim("a"), Command::Acknowledge(held("a"))],
            State::RetryWait => vec![claim("a"), fail("a", "timeout")],
            State::Escalated => vec![claim("a"), fail("a", "policy")],
            State::DeadLettered => vec![claim("a"), fail("a", "broken")],
            State::Completed => vec![claim("a"), complete("a", vec![])],
            State::Returned => vec![claim("a"), Command::Acknowledge(held("a")), give_back("a", "b")],
            State::Dismissed => vec![dismiss(Seen { handoff: "a".into(), version: 1 })],
            State::Cancelled => vec![Command::Cancel { expect: None, why: "stop".into() }],
            State::Failed | State::Rejected => unreachable!("observed only"),
        };
        for command in commands {
            world.must(command);
        }
        assert_eq!(world.it("a").state, state);
        world
    }

    pub(crate) fn it(&self, id: &str) -> &Handoff {
        self.run.handoffs.get(&id.into()).unwrap()
    }

    /// Changes a handoff behind the back of the machine.
    fn change(&mut self, id: &str, change: impl FnOnce(&mut Handoff)) {
        self.run.handoffs.change(&id.into(), change).unwrap();
    }

    pub(crate) fn seen(&self, id: &str) -> Seen {
        Seen { handoff: id.into(), version: self.it(id).version }
    }

    /// Decides and folds; everything stays as it is when the command is refused.
    pub(crate) fn ask(&mut self, by: &Actor, command: Command) -> Result<usize, Refusal> {
        self.ask_as(by, Roles::All, command)
    }

    /// The same with some roles only.
    fn ask_as(&mut self, by: &Actor, roles: Roles, command: Command) -> Result<usize, Refusal> {
        self.ask_by(by, Bearer { subject: by.id.clone(), roles }, command)
    }

    fn ask_by(&mut self, by: &Actor, bearer: Bearer, command: Command) -> Result<usize, Refusal> {
        let asked = Asked { run: self.run.id.clone(), by: by.clone(), bearer, command };
        let made = decide(Some(&Arc::new(self.run.clone())), &asked, Present { now: self.now, behind: self.behind })?;
        for event in &made.events {
            assert_eq!(evolve(&mut self.run, event), None, "an irregular event of our own: {event:?}");
        }
        // Only a heartbeat changes something without an event.
        assert!(made.events.is_empty() || self.run == *made.run, "its events are what it comes to");
        self.run = Run::clone(&made.run);
        let count = made.events.len();
        self.events.extend(made.events);
        Ok(count)
    }

    pub(crate) fn must(&mut self, command: Command) {
        let told = format!("{command:?}");
        self.ask(&Actor::agent("editor"), command).unwrap_or_else(|why| panic!("{told}: {why}"));
    }
}

pub(crate) fn emission(from: &str, to: &str, key: &str) -> Emission {
    let terms = Terms {
        key: key.into(),
        digest: format!("sha256:{key}").into(),
        max_attempts: 2,
        retryable: vec!["timeout".into()],
        escalate: vec!["policy".into()],
        default: FailureAction::DeadLetter,
        ack_timeout_ms: DEFAULT_ACK_TIMEOUT,
        max_cycles: DEFAULT_CYCLES,
        ..Terms::default()
    };
    let seen = Emission::observed(Edge::new("news", from, to), "Write it", Time::from_millis(0));
    Emission { terms: Some(terms), ..seen }
}

/// The terms of a head that has some.
pub(crate) fn terms(of: &mut Emission) -> &mut Terms {
    of.terms.as_mut().unwrap()
}

pub(crate) fn offer(id: &str, from: &str, to: &str) -> NewHandoff {
    NewHandoff { id: id.into(), emission: emission(from, to, id), on_loop: question(EscalationKind::Loop) }
}

/// A handoff as it is when it is emitted.
pub(crate) fn handed(id: &str, from: &str, to: &str) -> Handoff {
    let mut world = World::new();
    world.must(Command::Emit(Box::new(offer(id, from, to))));
    world.it(id).clone()
}

/// The same on an edge that asks editors first.
pub(crate) fn gated(id: &str) -> NewHandoff {
    let mut offer = offer(id, "writer", "editor");
    terms(&mut offer.emission).approval = Some(Box::new(Approval {
        role: "editors".into(),
        question: "May it go?".into(),
        due_ms: HOUR,
        on_timeout: Timeout::DeadLetter,
        proposed_action: None,
    }));
    offer
}

/// A contract of writer that was refused; it would have had the key `a`.
pub(crate) fn rejection(id: &str) -> Rejection {
    Rejection {
        id: id.into(),
        boundary: Boundary::Emit,
        edge: Edge::new("news", "writer", "editor"),
        producer: "writer".into(),
        model: None,
        prompt: None,
        key: Some("a".into()),
        digest: "sha256:bad".into(),
        again: false,
        before: 0,
        first_at: None,
        more: 0,
        errors: vec![],
    }
}

/// The head after an edit.
pub(crate) fn edited() -> Emission {
    let mut edited = Emission { title: "Edited".into(), ..emission("writer", "editor", "a") };
    terms(&mut edited).digest = "sha256:edited".into();
    edited
}

pub(crate) fn question(kind: EscalationKind) -> Escalation {
    Escalation {
        id: "question".into(),
        kind,
        question: "What now?".into(),
        allow: vec![Answer::Approve, Answer::EditApprove, Answer::Reject, Answer::Respond, Answer::Dismiss],
        role: Some("operators".into()),
        urgency: Urgency::Normal,
        due_at: Some(Time::from_millis(HOUR)),
        on_timeout: Timeout::DeadLetter,
        proposed_action: None,
        requested_schema: None,
        context_digest: None,
        required: false,
        asker: None,
        cause: None,
    }
}

pub(crate) fn held(id: &str) -> Held {
    Held { handoff: id.into(), lease: format!("lease of {id}") }
}

pub(crate) fn claim(id: &str) -> Command {
    Command::Claim {
        handoff: id.into(),
        holder: "editor-1".into(),
        lease: format!("lease of {id}"),
        lease_ms: DEFAULT_LEASE,
        flow: Flow::default(),
    }
}

pub(crate) fn fail(id: &str, code: &str) -> Command {
    Command::Fail {
        held: held(id),
        code: code.into(),
        detail: String::new(),
        escalation: Box::new(question(EscalationKind::Failure)),
        jitter: 1.0,
    }
}

pub(crate) fn complete(id: &str, next: Vec<NewHandoff>) -> Command {
    Command::Complete { held: held(id), result: None, next }
}

pub(crate) fn give_back(id: &str, revision: &str) -> Command {
    let mut offer = offer(revision, "editor", "writer");
    offer.emission.relation = RelationKind::Revision;
    offer.emission.parent = Some(id.into());
    Command::Return { held: held(id), feedback: vec!["No source".into()], revision: Box::new(offer) }
}

fn annotate(handoff: Option<&str>, verdict: &str) -> Command {
    Command::Annotate(Annotation { handoff: handoff.map(Into::into), verdict: verdict.into(), note: String::new() })
}

pub(crate) fn dismiss(seen: Seen) -> Command {
    Command::Dismiss { seen, reason: crate::domain::event::DismissReason::Obsolete, note: String::new() }
}

pub(crate) fn resolve(seen: Seen, answer: Answer) -> Command {
    let revision = Box::new(offer("b", "editor", "writer"));
    Command::Resolve {
        seen,
        resolution: Resolution {
            answer,
            note: String::new(),
            feedback: vec!["No source".into()],
            value: Some(true.into()),
        },
        context_digest: None,
        edited: Some(Box::new(edited())),
        revision: Some(revision),
    }
}
