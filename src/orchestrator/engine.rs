//! Load, decide, commit: the one way anything changes.
//!
//! Every request becomes a [`Command`] on one run. The run is loaded,
//! [`decide`] says which events follow, and the store commits them against the version that was loaded; if
//! somebody was faster, all of it is done again. State, events, rollups, contracts and the answer for a repeated
//! request are one transaction.

mod act;
mod admit;
mod emit;
mod lease;
mod look;
mod people;
mod problem;
mod queue;
mod revision;
mod wake;

use std::sync::{Arc, RwLock};

use serde_json::{Value, json};

pub use emit::{Emitted, Once};
pub use lease::Completed;
pub use look::Page;
pub use people::Edit;
pub use problem::Problem;
pub use queue::{Claim, Claimed};

use crate::clock;
use crate::domain::command::{Asked, Command};
use crate::domain::event::{Event, Fact};
use crate::domain::id::{Actor, Edge, HandoffId, RunId};
use crate::domain::machine::{decide, extend_lease};
use crate::domain::policy::{EdgePolicy, Policies};
use crate::domain::run::{Handoff, Run};
use crate::domain::time::{DAY, Millis, Time};
use crate::orchestrator::boundary::Registry;
use crate::store::{Answered, Blob, Commit, CommitError, Store, StoreError};
use wake::Wake;

/// The run that keeps which edges are paused. No trace id looks like this.
pub const CONTROL: &str = "control";
/// How often a request is decided again because somebody was faster.
const TRIES: u32 = 64;
/// How long the answer to a request with an idempotency key is remembered.
const ANSWERS_KEPT: Millis = DAY;

/// How an engine is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What each edge demands.
    pub policies: Policies,
    /// The payload schemas it starts with; those in the store are added.
    pub registry: Registry,
    /// Where it gets the time from.
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
    store: Store,
    policies: Policies,
    registry: RwLock<Registry>,
    now: fn() -> Time,
    /// The edges that are paused, and the version of the control run that says so.
    paused: RwLock<(u64, Vec<Edge>)>,
    wake: Wake,
}

/// What one request wants of a run as it was loaded.
struct Plan {
    command: Command,
    blobs: Vec<Blob>,
}

impl Plan {
    fn of(command: Command) -> Self {
        Self { command, blobs: Vec::new() }
    }
}

/// What came of a request.
enum Done {
    /// The run as it is now and what happened to it; nothing when it had been done before.
    Now { run: Box<Run>, events: Vec<Event> },
    /// It had been done before under the same key: the handoffs as it left them, in the order it came to them.
    Before(Vec<Handoff>),
}

impl Done {
    /// A handoff as the request left it.
    fn handoff(&self, id: &HandoffId) -> Result<Handoff, Problem> {
        let found = match self {
            Self::Now { run, .. } => run.handoffs.get(id),
            Self::Before(touched) => touched.iter().find(|it| it.id == *id),
        };
        found.cloned().ok_or_else(|| Problem::NotFound(format!("handoff {id}")))
    }
}

impl Engine {
    /// Starts on an open store.
    ///
    /// # Errors
    /// When the store cannot be read, or holds a payload schema that this version refuses.
    pub async fn open(store: Store, settings: Settings) -> Result<Self, Problem> {
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

    /// The present.
    pub fn now(&self) -> Time {
        (self.inner.now)()
    }

    /// What an edge demands.
    pub fn policy(&self, edge: &Edge) -> &EdgePolicy {
        self.inner.policies.of(edge)
    }

    /// The store, for what needs no decision.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    pub(super) fn wake(&self) -> &Wake {
        &self.inner.wake
    }

    /// Decides and commits one request; again and again while others are faster.
    async fn transact(
        &self,
        run: &RunId,
        by: &Actor,
        once: Option<&Once>,
        plan: impl Fn(Option<&Run>, Time) -> Result<Plan, Problem> + Send,
    ) -> Result<Done, Problem> {
        for _ in 0..TRIES {
            let now = self.now();
            if let Some(before) = self.answered(once, now).await? {
                return Ok(Done::Before(before));
            }
            let loaded = self.inner.store.load(run).await?;
            let known = loaded.as_ref().map(|(run, _)| run);
            let Plan { command, blobs } = plan(known, now)?;
            let asked = Asked { run: run.clone(), by: by.clone(), command };
            let events = decide(known, &asked, now)?;
            let mut commit = match (&asked.command, loaded) {
                (Command::Heartbeat(held), Some((mut run, version))) => {
                    extend_lease(&mut run, &held.handoff, now);
                    Commit::quietly(run, version, held.handoff.clone())
                }
                (_, Some((run, _))) if events.is_empty() => {
                    let run = Box::new(run);
                    return Ok(Done::Now { run, events });
                }
                (_, loaded) => Commit::of(run.clone(), loaded, events.clone()),
            };
            commit.blobs = blobs;
            // What is refused with a trace in the log is refused again when it is repeated.
            let refused = |it: &Event| matches!(it.fact, Fact::Duplicate { .. });
            commit.answered = once.filter(|_| !events.iter().any(refused)).map(|once| Answered {
                scope: once.scope.clone(),
                key: once.key.clone(),
                fingerprint: once.fingerprint.clone(),
                body: touched(&commit, &events),
                at: now,
                expires: now + ANSWERS_KEPT,
            });
            let Some(run) = commit.run().cloned() else {
                continue;
            };
            match self.commit(commit).await {
                Ok(()) => {
                    let run = Box::new(run);
                    return Ok(Done::Now { run, events });
                }
                Err(CommitError::Conflict) => tokio::task::yield_now().await,
                Err(CommitError::Store(why)) => return Err(why.into()),
            }
        }
        Err(Problem::Busy(run.to_string()))
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

    /// Whether this very request was done before under its key.
    ///
    /// # Errors
    /// [`Problem::KeyReused`] when its key came with another request.
    pub async fn done_before(&self, once: &Once) -> Result<bool, Problem> {
        let before = self.answered(Some(once), self.now()).await?;
        Ok(before.is_some())
    }

    /// The handoffs as the same request left them, when it was done before.
    async fn answered(&self, once: Option<&Once>, now: Time) -> Result<Option<Vec<Handoff>>, Problem> {
        let Some(once) = once else { return Ok(None) };
        match self.inner.store.answered(&once.scope, &once.key, now).await? {
            Some((fingerprint, body)) if fingerprint == once.fingerprint => {
                Ok(serde_json::from_value(body).map_err(StoreError::from)?)
            }
            Some(_) => Err(Problem::KeyReused(once.key.clone())),
            None => Ok(None),
        }
    }

    /// The run of a handoff.
    async fn run_of(&self, handoff: &HandoffId) -> Result<RunId, Problem> {
        let run = self.inner.store.find(handoff).await?;
        run.ok_or_else(|| Problem::NotFound(format!("handoff {handoff}")))
    }
}

/// The handoffs that a commit leaves changed, in the order its events came to them.
fn touched(commit: &Commit, events: &[Event]) -> Value {
    let mut left: Vec<&Handoff> = commit.touched().collect();
    left.sort_by_key(|it| events.iter().position(|event| event.handoff.as_ref() == Some(&it.id)));
    json!(left)
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
