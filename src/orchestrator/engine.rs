//! Load, decide, commit: the one way anything changes.
//!
//! Every request becomes a [`Command`](crate::domain::command::Command) on one run. The run is loaded,
//! [`decide`](crate::domain::machine::decide) says which events follow, and the store commits them against the
//! version that was loaded; on a conflict, when somebody was faster, all of it is done again. State, events,
//! rollups, contracts and the answer for a repeated request are one transaction.

#[deny(clippy::wildcard_enum_match_arm)]
mod act;
mod admit;
mod emit;
mod lease;
mod look;
#[deny(clippy::wildcard_enum_match_arm)]
mod people;
mod problem;
mod queue;
mod requester;
mod revision;
mod wake;

use std::sync::{Arc, RwLock};

pub use admit::CONTRACT_TYPE;
pub use lease::Completed;
pub use people::Edit;
pub use problem::Problem;
pub use queue::{Claim, Claimed};
pub use requester::{Once, Requester};

use crate::clock;
use crate::domain::id::{Actor, Edge, HandoffId, RunId};
use crate::domain::policy::{EdgePolicy, Policies};
use crate::domain::time::Time;
use crate::orchestrator::boundary::Registry;
use crate::store::{Commit, CommitError, Store, StoreError};
use wake::Wake;

/// The run that keeps which edges are paused. No trace id looks like this.
pub const CONTROL: &str = "control";

/// Settings of an engine.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The policies of the edges.
    pub policies: Policies,
    /// The payload schemas it starts with; those in the store are added.
    pub registry: Registry,
    /// The clock it reads.
    pub now: fn() -> Time,
}

impl Default for Settings {
    fn default() -> Self {
        Self { policies: Policies::default(), registry: Registry::new(), now: clock::now }
    }
}

/// The orchestrator without its doors. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    policies: Policies,
    registry: RwLock<Registry>,
    now: fn() -> Time,
    /// The edges that are paused, and the version of the control run that says so.
    paused: RwLock<(u64, Vec<Edge>)>,
    wake: Wake,
}

impl Engine {
    /// Starts on an open store.
    ///
    /// # Errors
    /// Fails when the store cannot be read, or holds a payload schema that this version refuses.
    pub async fn open(store: Arc<dyn Store>, settings: Settings) -> Result<Self, Problem> {
        let mut registry = settings.registry;
        for (name, version, schema) in store.schemas().await? {
            let version =
                version.parse().map_err(|_| Problem::NotFound(format!("version {version} of schema {name}")))?;
            registry.put(&name, &version, schema)?;
        }
        let control = store.load(&RunId::from(CONTROL)).await?;
        let paused = control.map_or_else(Default::default, |(run, _)| (run.version, run.paused));
        Ok(Self {
            inner: Arc::new(Inner {
                store,
                policies: settings.policies,
                registry: RwLock::new(registry),
                now: settings.now,
                paused: RwLock::new(paused),
                wake: Wake::default(),
            }),
        })
    }

    /// The engine as `actor` uses it, without an idempotency key.
    pub fn by(&self, actor: Actor) -> Requester {
        Requester::new(self.clone(), actor)
    }

    /// The present time by the engine's clock.
    pub fn now(&self) -> Time {
        (self.inner.now)()
    }

    /// The policy of an edge.
    pub fn policy(&self, edge: &Edge) -> &EdgePolicy {
        self.inner.policies.of(edge)
    }

    /// The store, for what needs no decision.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }

    pub(super) fn wake(&self) -> &Wake {
        &self.inner.wake
    }

    /// Commits and tells those who wait. In a task of its own: a caller who goes away takes neither back.
    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let engine = self.clone();
        let work = async move {
            let news = wake::News::of(&commit);
            let paused =
                commit.run().filter(|run| run.id.as_str() == CONTROL).map(|run| (run.version, run.paused.clone()));
            engine.inner.store.commit(commit).await?;
            if let (Some(paused), Ok(mut known)) = (paused, engine.inner.paused.write())
                // Two commits may come here in any order.
                && paused.0 > known.0
            {
                *known = paused;
            }
            engine.inner.wake.tell(&news);
            Ok(())
        };
        tokio::spawn(work).await.unwrap_or(Err(CommitError::Store(StoreError::Closed)))
    }

    /// The run of a handoff.
    async fn run_of(&self, handoff: &HandoffId) -> Result<RunId, Problem> {
        let run = self.inner.store.run_of(handoff).await?;
        run.ok_or_else(|| Problem::NotFound(format!("handoff {handoff}")))
    }
}

/// A fencing token: which attempt, and something nobody can guess by counting.
fn new_lease(attempt: u32) -> String {
    format!("{attempt}.{:016x}", fastrand::u64(..))
}

/// The beginning of a text from outside, at most so many characters.
fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

#[cfg(test)]
mod tests;
