//! What is asked of a store, and how it answers.

use crate::domain::id::{HandoffId, RunId};
use crate::domain::run::{Handoff, State};
use crate::domain::time::Time;

/// The handoffs an agent may claim now, and the time to look again if they are not enough.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ready {
    /// Run and handoff, the most urgent first.
    pub found: Vec<(RunId, HandoffId)>,
    /// Time at which the next one becomes ready; `None` when none is known.
    pub next: Option<Time>,
}

/// The handoffs that something is due to happen to by itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Due {
    /// Run and handoff, the most overdue first.
    pub found: Vec<(RunId, HandoffId)>,
    /// Time at which the next one is due after those that are by now; `None` when none is.
    pub next: Option<Time>,
}

/// Filter on the handoffs to list; an empty or `None` member matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The states they are in.
    pub states: Vec<State>,
    /// The run they belong to.
    pub run: Option<RunId>,
    /// The pipeline they belong to.
    pub pipeline: Option<String>,
    /// Name of the source that handed over.
    pub from: Option<String>,
    /// Name of the target that they were handed to.
    pub to: Option<String>,
}

/// One page of a list, the latest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listed {
    /// Run and handoff, the latest first.
    pub found: Vec<(RunId, Handoff)>,
    /// Token of the next page; `None` on the last one. Opaque.
    pub next: Option<String>,
}

/// A stored payload schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    /// Its number in the order of registration, from 1.
    pub number: u64,
    /// Its name.
    pub name: String,
    /// Its version, as in `1.2.0`.
    pub version: String,
    /// The schema itself; `None` when it cannot be read.
    pub body: Option<serde_json::Value>,
}

/// One event in the chain of its run, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Number of the event within the run, from 1.
    pub seq: u64,
    /// The event as JSON.
    pub body: String,
    /// Hash of the event before it; empty for the first.
    pub previous: Vec<u8>,
    /// Its own hash, which covers the one before it.
    pub hash: Vec<u8>,
}
