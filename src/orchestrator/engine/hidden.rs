//! The source of a handoff, kept from its target where the policy of the edge does not expose it (protocol section 2).

use std::sync::Arc;

use serde_json::Value;

use super::Engine;
use crate::domain::event::{Emission, Event, Fact};
use crate::domain::id::{Actor, ActorKind, Edge};
use crate::domain::run::{Handoff, LastChange};

/// What stands in the place of a name that is kept back.
const HIDDEN: &str = "hidden";

impl Engine {
    /// Whether the target of this handoff is not to know who handed over.
    pub fn hides_source(&self, it: &Handoff) -> bool {
        !self.policy(&it.emission.edge).expose_source
    }
}

/// Takes out of a contract what tells who handed over: the source, the agent that made it, and the handoff it follows.
pub fn without_source(contract: &mut Value) {
    for (parent, name) in [("", "source"), ("/provenance", "agent"), ("/relation", "of")] {
        if let Some(members) = contract.pointer_mut(parent).and_then(Value::as_object_mut) {
            members.remove(name);
        }
    }
}

/// The handoff without its source.
#[must_use]
pub fn sourceless(it: &Handoff) -> Handoff {
    let source = &it.emission.edge.from;
    let last_change = it.last_change.clone().map(|it| LastChange { actor: unnamed(it.actor, source), ..it });
    Handoff { emission: Arc::new(headless(&it.emission)), last_change, ..it.clone() }
}

/// An event of the handoff without its source.
#[must_use]
pub fn sourceless_event(event: Event, it: &Handoff) -> Event {
    let fact = match event.fact {
        Fact::Emitted(head) => Fact::Emitted(Arc::new(headless(&head))),
        Fact::Amended { rev, digest, head } => {
            Fact::Amended { rev, digest, head: head.map(|it| Arc::new(headless(&it))) }
        }
        other => other,
    };
    Event { actor: unnamed(event.actor, &it.emission.edge.from), fact, ..event }
}

fn headless(head: &Emission) -> Emission {
    let Edge { pipeline, to, .. } = &head.edge;
    let mut head = Emission { edge: Edge::new(pipeline, HIDDEN, to), parent: None, ..head.clone() };
    HIDDEN.clone_into(&mut head.from.id);
    head
}

fn unnamed(actor: Actor, source: &str) -> Actor {
    if actor.kind == ActorKind::Agent && *actor.id == *source { Actor::agent(HIDDEN) } else { actor }
}
