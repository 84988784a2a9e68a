//! Load, decide, commit: the one way anything changes.
//!
//! Every request becomes a [`Command`](crate::domain::command::Command) on one run. The run is loaded,
//! [`decide`](crate::domain::machine::decide) says which events follow, and the store commits them against the
//! version that was loaded; on a conflict, when somebody was faster, all of it is done again. State, events,
//! rollups, contracts and the answer for a repeated request are one transaction.

#[deny(clippy::wildcard_enum_match_arm)]
mod act;
mod admit;
mod blobs;
mod classified;
mod clock;
mod emit;
mod hidden;
mod ids;
mod lease;
mod look;
mod others;
mod pauses;
#[deny(clippy::wildcard_enum_match_arm)]
mod people;
mod problem;
mod queue;
mod recent;
mod refuse;
mod requester;
mod revision;
mod wake;

use std::sync::{Arc, OnceLock, RwLock};

use tokio::sync::watch;

pub use hidden::{sourceless, sourceless_event, without_source};
pub use lease::Completed;
pub use people::Edit;
pub use problem::Problem;
pub use queue::{Claim, Claimed};
pub use requester::{Once, Requester};

use crate::domain::id::{Actor, Edge, HandoffId, RunId};
use crate::domain::policy::{EdgePolicy, Policies};
use crate::domain::run::Run;
use crate::domain::time::{ClockStep, Present, Time};
use crate::orchestrator::boundary::{HashKey, Registry};
use crate::store::{Commit, CommitError, Store, StoreError, Version};
use clock::Clock;
use pauses::Pauses;
use recent::Recent;
use refuse::Refusals;
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
        Self { policies: Policies::default(), registry: Registry::new(), now: crate::clock::now }
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
    registry: RwLock<Registered>,
    clock: Clock,
    /// The key of redactions by hash; empty until a contract asks for one.
    hash_key: OnceLock<HashKey>,
    /// The edges that are paused, as far as this engine knows.
    paused: RwLock<Arc<Pauses>>,
    recent: Recent,
    refusals: Refusals,
    wake: Wake,
}

/// The payload schemas that are known.
struct Registered {
    registry: Registry,
    /// Number of the latest one that came from the store; 0 when none did.
    latest: u64,
}

impl Engine {
    /// Starts on an open store. Where others write it too, their commits are noticed until the engine is dropped.
    ///
    /// # Errors
    /// Fails when the store cannot be read, or holds a payload schema that this version refuses.
    pub async fn open(store: Arc<dyn Store>, settings: Settings) -> Result<Self, Problem> {
        let changed = store.watch();
        let after = *changed.borrow();
        let control = store.load(&RunId::from(CONTROL)).await?;
        let paused = Pauses::of(control.as_ref().map(|(run, version)| (run, *version)));
        let alone = store.is_alone();
        let engine = Self {
            inner: Arc::new(Inner {
                store,
                policies: settings.policies,
                registry: RwLock::new(Registered { registry: settings.registry, latest: 0 }),
                clock: Clock::new(settings.now),
                hash_key: OnceLock::new(),
                paused: RwLock::new(Arc::new(paused)),
                recent: Recent::new(alone),
                refusals: Refusals::default(),
                wake: Wake::default(),
            }),
        };
        if let Some(latest) = engine.inner.store.latest_change().await? {
            engine.inner.clock.resume(latest);
        }
        engine.learn_schemas().await?;
        if !alone {
            tokio::spawn(others::follow(Arc::downgrade(&engine.inner), changed, after));
        }
        Ok(engine)
    }

    /// The engine as `actor` uses it, without an idempotency key: every role is theirs until a
    /// [`bearer`](Requester::bearer) is named.
    pub fn by(&self, actor: Actor) -> Requester {
        Requester::new(self.clone(), actor)
    }

    /// The present time by the engine's clock.
    pub fn now(&self) -> Time {
        self.present().now
    }

    /// The same for what waits, also where the clock was set back since it began to.
    pub fn present(&self) -> Present {
        self.inner.clock.present()
    }

    /// The latest jump of the clock by a minute or more, `None` before the first; waits for the next. Whoever keeps
    /// figures by time begins anew then.
    pub fn clock_steps(&self) -> watch::Receiver<Option<ClockStep>> {
        self.inner.clock.steps()
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

    /// A run and the version to commit against.
    async fn load(&self, run: &RunId) -> Result<Option<(Arc<Run>, Version)>, StoreError> {
        let Inner { store, recent, .. } = &*self.inner;
        let found = match recent.get(run) {
            Some(known) if known.sure => return Ok(Some((known.run, known.version))),
            Some(known) => store.reload(known.run, known.version).await?,
            None => store.load(run).await?.map(|(run, version)| (Arc::new(run), version)),
        };
        if let Some((run, version)) = &found {
            recent.read(run, *version);
        }
        Ok(found)
    }

    /// Commits what leaves `run` at `version`, and tells those who wait. In a task of its own: a caller who goes away
    /// takes neither back.
    async fn commit(&self, commit: Commit, run: Arc<Run>, version: Version) -> Result<(), CommitError> {
        let engine = self.clone();
        let work = async move {
            let Inner { store, recent, wake, .. } = &*engine.inner;
            let changed = commit.change.iter().flat_map(|it| &it.index);
            let news = wake::News::of(changed.filter_map(|it| run.handoffs.get(&it.id)));
            recent.writing(&run.id);
            // The store may let go of a run that holds refused contracts only, and most are never heard of again.
            let stays = commit.change.as_ref().is_none_or(|it| !it.refused);
            let done = store.commit(commit).await;
            recent.written(&run, (done.is_ok() && stays).then_some(version));
            done?;
            if run.id.as_str() == CONTROL {
                engine.switched(&run, version);
            }
            // Only now is it asked what is paused: a resumption that is not known here yet wakes everybody when it is.
            wake.tell(&news, &engine.known_pauses().edges);
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

/// The beginning of a text from outside, at most so many characters.
fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

#[cfg(test)]
mod tests;
