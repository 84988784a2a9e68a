//! Names of things. Selection, commands and events speak of ids, never of row numbers.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::wire;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(#[serde(deserialize_with = "wire::shared")] Arc<str>);

        impl $name {
            /// The id as text, exactly as its source wrote it: clean it before it is shown.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// One handoff: the unit of work and of the queue.
    HandoffId
);
id!(
    /// One run: 32 lower-case hex digits (W3C trace id) from an orchestrator, anything from a recording.
    RunId
);

/// An ordered pair of parties inside a pipeline: the seam that is watched. Shown as `from>to`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Edge {
    /// Name of the pipeline, without version.
    #[serde(deserialize_with = "wire::name")]
    pub pipeline: Arc<str>,
    /// Id of the party that hands over.
    #[serde(deserialize_with = "wire::name")]
    pub from: Arc<str>,
    /// Id of the party that takes over.
    #[serde(deserialize_with = "wire::name")]
    pub to: Arc<str>,
}

impl Edge {
    /// An edge from its three names.
    pub fn new(pipeline: &str, from: &str, to: &str) -> Self {
        Self { pipeline: pipeline.into(), from: from.into(), to: to.into() }
    }

    /// A party handing to itself: a patrol or a poll, never a loop between two agents.
    pub fn is_self(&self) -> bool {
        self.from == self.to
    }
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}>{}", self.from, self.to)
    }
}

/// The author of an act or event. On the wire `user:dana`, `agent:writer`, `system:sweeper`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Actor {
    /// Kind of actor.
    pub kind: ActorKind,
    /// Its name within its kind.
    pub id: Arc<str>,
}

/// Kind of actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// A program that does the work.
    Agent,
    /// A person: an operator or an approver.
    User,
    /// The orchestrator itself: sweeper, timers.
    System,
}

impl Actor {
    /// An agent by name.
    pub fn agent(id: &str) -> Self {
        Self { kind: ActorKind::Agent, id: id.into() }
    }

    /// A person by name.
    pub fn user(id: &str) -> Self {
        Self { kind: ActorKind::User, id: id.into() }
    }

    /// A part of the orchestrator.
    pub fn system(id: &str) -> Self {
        Self { kind: ActorKind::System, id: id.into() }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ActorKind::Agent => "agent",
            ActorKind::User => "user",
            ActorKind::System => "system",
        };
        write!(f, "{kind}:{}", self.id)
    }
}

impl Serialize for Actor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Actor {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        wire::text(deserializer, |text| {
            let (kind, id) = text.split_once(':').unwrap_or(("agent", text));
            Ok(match kind {
                "user" => Self::user(id),
                "system" => Self::system(id),
                _ => Self::agent(id),
            })
        })
    }
}
