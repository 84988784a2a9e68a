//! Commits: everything that one transaction writes, or nothing of it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::domain::accounting::{self, Before, Entry};
use crate::domain::event::Event;
use crate::domain::id::{Edge, HandoffId, RunId};
use crate::domain::machine::evolve;
use crate::domain::run::Run;
use crate::domain::time::Time;

/// Number of times a run was written: a commit compares and sets it, and a conflict is a number that moved. A heartbeat
/// counts, though it is no event. 0 before the first.
pub type Version = u64;

/// Everything one transaction writes.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    pub(super) change: Option<Change>,
    /// Bytes to keep; those that are there already are left alone.
    pub blobs: Vec<Blob>,
    /// The answer to remember for a repeated request.
    pub answered: Option<Answered>,
    /// A payload schema to keep: name, version, schema.
    pub schema: Option<(String, String, Value)>,
}

/// The new state of one run.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) run: Run,
    pub(super) expect: Version,
    pub(super) events: Vec<Event>,
    pub(super) touched: BTreeSet<HandoffId>,
    pub(super) book: Vec<(Time, Edge, Entry)>,
}

/// Bytes that are kept under their digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// Media type of the bytes, such as `application/json`.
    pub media_type: String,
    /// The bytes themselves.
    pub bytes: Vec<u8>,
}

/// The answer to a request that may be repeated under the same key.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// Scope of the key, made from the caller: two callers may use the same key.
    pub scope: String,
    /// The idempotency key the caller gave.
    pub key: String,
    /// Digest of the request.
    pub fingerprint: String,
    /// The answer as it was given the first time.
    pub body: Value,
    /// Time at which it was given.
    pub at: Time,
    /// Time until which it is remembered.
    pub expires: Time,
}

impl Commit {
    /// Writes only what is added to it.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Folds `events` into the run as it was loaded; `None` when there was none.
    pub fn of(run: RunId, loaded: Option<(Run, Version)>, events: Vec<Event>) -> Self {
        let at = events.first().map_or_else(Time::default, |it| it.at);
        let (mut run, expect) = loaded.unwrap_or_else(|| (Run::new(run, at), 0));
        let mut touched = BTreeSet::new();
        let mut book = Vec::new();
        for event in &events {
            let id = event.handoff.as_ref();
            let before = id.and_then(|id| run.handoffs.get(id)).map(Before::of);
            evolve(&mut run, event);
            let after = id.and_then(|id| run.handoffs.get(id));
            accounting::entries(event, before.as_ref(), after, |edge, entry| {
                book.push((event.at, edge.clone(), entry));
            });
            touched.extend(id.cloned());
        }
        let change = Change { run, expect, events, touched, book };
        Self { change: Some(change), ..Self::default() }
    }

    /// A change of state without an event: a lease that was extended.
    pub fn quietly(run: Run, expect: Version, touched: HandoffId) -> Self {
        let change = Change { run, expect, events: Vec::new(), touched: BTreeSet::from([touched]), book: Vec::new() };
        Self { change: Some(change), ..Self::default() }
    }

    /// The run as it will be.
    pub fn run(&self) -> Option<&Run> {
        self.change.as_ref().map(|it| &it.run)
    }

    /// The handoffs that change.
    pub fn touched(&self) -> impl Iterator<Item = &crate::domain::run::Handoff> {
        self.change.iter().flat_map(|it| it.touched.iter().filter_map(|id| it.run.handoffs.get(id)))
    }
}
