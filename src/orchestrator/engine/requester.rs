//! The engine in the hands of one caller: who acts, and the idempotency key under which a request is done once.

use std::ops::Deref;
use std::sync::Arc;

use serde_json::{Value, json};

use super::blobs::Kept;
use super::{Engine, Problem};
use crate::domain::bearer::{Bearer, Roles};
use crate::domain::command::{Asked, Command};
use crate::domain::contract::digest;
use crate::domain::event::{Event, Fact};
use crate::domain::id::{Actor, HandoffId, RunId};
use crate::domain::machine::{Folded, decide};
use crate::domain::run::{Handoff, Run};
use crate::domain::time::{DAY, MINUTE, Millis, Time};
use crate::store::{Answered, Commit, CommitError, StoreError, Unreadable, Version};

/// Most times that a request is decided: once more after each conflict, when somebody was faster.
pub(super) const TRIES: u32 = 64;
/// Time for which the answer to a request with an idempotency key is remembered, in milliseconds.
const ANSWERS_KEPT: Millis = DAY;
/// Time for which the answer to a sign of life is remembered.
const SIGN_OF_LIFE_KEPT: Millis = 10 * MINUTE;

/// An idempotency key that was looked up: the same request under it is answered once, the same way, for 24 hours.
#[derive(Clone, Debug, PartialEq)]
pub struct Once {
    /// Scope of the key, made from the caller: two callers may use the same key.
    scope: String,
    /// The caller's key.
    key: String,
    /// Digest of the request: another one under the same key is refused.
    fingerprint: String,
    /// Time for which its answer is remembered, in milliseconds.
    kept: Millis,
    /// The handoffs as the same request left them, when it was done before.
    pub(super) before: Option<Vec<Handoff>>,
}

impl Once {
    /// The same, remembered for as long only as a sign of life matters: there are many of them.
    #[must_use]
    pub fn briefly(self) -> Self {
        Self { kept: SIGN_OF_LIFE_KEPT, ..self }
    }

    /// Whether the same request was done before.
    pub fn is_repeated(&self) -> bool {
        self.before.is_some()
    }

    /// The key of the nth of several things that one request does, each in a transaction of its own. But for the
    /// first, it is not looked up.
    pub(super) fn nth(&self, nth: usize) -> Self {
        match nth {
            0 => self.clone(),
            _ => Self { key: format!("{} {nth}", self.key), before: None, ..self.clone() },
        }
    }
}

/// The plan of one request for a run as it was loaded.
pub(super) struct Plan {
    pub(super) command: Command,
    pub(super) blobs: Vec<Kept>,
}

impl Plan {
    pub(super) fn of(command: Command) -> Self {
        Self { command, blobs: Vec::new() }
    }
}

/// The outcome of a request.
pub(super) enum Done {
    /// The run as it is now and the events of the request; no events when it had been done before.
    Now { run: Arc<Run>, events: Vec<Event> },
    /// It had been done before under the same key: the handoffs as it left them, in the order it came to them.
    Before(Vec<Handoff>),
}

impl Done {
    /// A handoff as the request left it.
    pub(super) fn handoff(&self, id: &HandoffId) -> Result<Handoff, Problem> {
        let found = match self {
            Self::Now { run, .. } => run.handoffs.get(id),
            Self::Before(touched) => touched.iter().find(|it| it.id == *id),
        };
        found.cloned().ok_or_else(|| Problem::NotFound(format!("handoff {id}")))
    }
}

/// The engine as one caller uses it: whatever is done is booked on that actor.
#[derive(Clone)]
pub struct Requester {
    engine: Engine,
    pub(super) by: Actor,
    bearer: Bearer,
    pub(super) once: Option<Once>,
    found: Option<(RunId, Handoff)>,
}

impl Deref for Requester {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.engine
    }
}

impl Requester {
    pub(super) fn new(engine: Engine, by: Actor) -> Self {
        let bearer = Bearer { subject: Arc::clone(&by.id), roles: Roles::All };
        Self { engine, by, bearer, once: None, found: None }
    }

    /// The same caller as somebody of whom more is known than the name.
    #[must_use]
    pub fn bearer(self, bearer: Bearer) -> Self {
        Self { bearer, ..self }
    }

    /// The same caller with the name of another actor.
    pub(super) fn named(self, by: Actor) -> Self {
        Self { by, ..self }
    }

    /// The same caller with an idempotency key; `None` is without one.
    #[must_use]
    pub fn once(self, once: Option<Once>) -> Self {
        Self { once, ..self }
    }

    /// The same caller with a handoff and its run that were looked up just now: they need not be found again.
    #[must_use]
    pub fn given(self, run: RunId, handoff: Handoff) -> Self {
        Self { found: Some((run, handoff)), ..self }
    }

    /// Decides and commits one request; again after each conflict, while others are faster.
    pub(super) async fn transact(
        &self,
        run: &RunId,
        plan: impl Fn(Option<&Run>, Time) -> Result<Plan, Problem> + Send + Sync,
    ) -> Result<Done, Problem> {
        for _ in 0..TRIES {
            if let Some(done) = self.attempt(run, None, &plan).await? {
                return Ok(done);
            }
        }
        Err(Problem::Busy(run.to_string()))
    }

    /// Decides and commits once, `besides` by another run at its version; `None` when somebody was faster.
    pub(super) async fn attempt(
        &self,
        run: &RunId,
        besides: Option<(RunId, Version)>,
        plan: &(impl Fn(Option<&Run>, Time) -> Result<Plan, Problem> + Send + Sync),
    ) -> Result<Option<Done>, Problem> {
        if let Some(before) = self.before() {
            return Ok(Some(before));
        }
        // The same request may have been done since its key was looked up.
        if let Some(once) = &self.once
            && let Some(before) = self.answered(once, self.now()).await?
        {
            return Ok(Some(Done::Before(before)));
        }
        let loaded = self.load(run).await?;
        // Not before: whoever wrote the run meanwhile would have been later than this.
        let present = self.present();
        let now = present.now;
        let known = loaded.as_ref().map(|(run, _)| run);
        let Plan { command, blobs } = plan(known.map(|it| &**it), now)?;
        let asked = Asked { run: run.clone(), by: self.by.clone(), bearer: self.bearer.clone(), command };
        let made = decide(known, &asked, present)?;
        let answered = || {
            self.once.as_ref().map(|once| Answered {
                scope: once.scope.clone(),
                key: once.key.clone(),
                fingerprint: once.fingerprint.clone(),
                body: touched(&made),
                at: now,
                expires: now + once.kept,
            })
        };
        if made.is_nothing() {
            // An edge that stood as it was asked for may be moved by others before the request is repeated: that must not move
            // it again.
            let switches = matches!(asked.command, Command::PauseEdge { .. } | Command::ResumeEdge { .. });
            if let Some(answered) = answered().filter(|_| switches) {
                let remember = Commit { answered: Some(answered), ..Commit::default() };
                match self.inner.store.commit(remember).await {
                    Ok(_) => {}
                    Err(CommitError::Conflict) => return Ok(None),
                    Err(CommitError::Store(why)) => return Err(why.into()),
                }
            }
            return Ok(Some(Done::Now { run: made.run, events: made.events }));
        }
        let version = loaded.map_or(0, |(_, version)| version);
        let mut commit = Commit::of(&made, version);
        commit.besides = besides;
        commit.references = references(&made, &blobs);
        commit.blobs = blobs.into_iter().map(|it| it.blob).collect();
        // What is refused with a trace in the log is refused again when it is repeated.
        let refused = |it: &Event| matches!(it.fact, Fact::Duplicate { .. });
        commit.answered = answered().filter(|_| !made.events.iter().any(refused));
        match self.commit(commit, Arc::clone(&made.run), version + 1).await {
            Ok(()) => Ok(Some(Done::Now { run: made.run, events: made.events })),
            Err(CommitError::Conflict) => {
                tokio::task::yield_now().await;
                Ok(None)
            }
            Err(CommitError::Store(why)) => Err(why.into()),
        }
    }

    /// The outcome of the same request before, as far as it was known when its key was looked up.
    pub(super) fn before(&self) -> Option<Done> {
        Some(Done::Before(self.once.as_ref()?.before.clone()?))
    }

    /// A handoff and its run, looked up unless the caller was [`given`](Self::given) it.
    pub(super) async fn find(&self, handoff: &HandoffId) -> Result<(RunId, Handoff), Problem> {
        match &self.found {
            Some(found) if found.1.id == *handoff => Ok(found.clone()),
            _ => self.engine.find(handoff).await,
        }
    }
}

impl Engine {
    /// Looks up a key of `scope` for `request`.
    ///
    /// # Errors
    /// [`Problem::KeyReused`] when it came with another request.
    pub async fn once(&self, scope: &str, key: &str, request: &Value) -> Result<Once, Problem> {
        let mut once = Once {
            scope: scope.to_owned(),
            key: key.to_owned(),
            fingerprint: digest(request),
            kept: ANSWERS_KEPT,
            before: None,
        };
        once.before = self.answered(&once, self.now()).await?;
        Ok(once)
    }

    pub(super) async fn answered(&self, once: &Once, now: Time) -> Result<Option<Vec<Handoff>>, Problem> {
        match self.inner.store.answered(&once.scope, &once.key, now).await? {
            Some((fingerprint, body)) if fingerprint == once.fingerprint => {
                let id = || format!("{} {}", once.scope, once.key);
                let read = serde_json::from_value(body);
                Ok(read.map_err(|why| StoreError::from(Unreadable::json("http_idem", id(), &why)))?)
            }
            Some(_) => Err(Problem::KeyReused(once.key.clone())),
            None => Ok(None),
        }
    }
}

/// Digests of bytes, each with a handoff that refers to them by the contract it has now.
fn references(made: &Folded, blobs: &[Kept]) -> Vec<(String, HandoffId)> {
    let touched = made.touched.iter().filter_map(|id| made.run.handoffs.get(id));
    let refers = |it: &Handoff| blobs.iter().find(|kept| it.digest() == Some(&kept.digest)).map(|it| &it.refers);
    let pairs = touched.filter_map(|it| Some((it, refers(it)?)));
    pairs.flat_map(|(it, refers)| refers.iter().map(|digest| (digest.clone(), it.id.clone()))).collect()
}

/// The handoffs as they were left, in the order the events came to them.
fn touched(made: &Folded) -> Value {
    let mut left: Vec<&Handoff> = made.touched.iter().filter_map(|id| made.run.handoffs.get(id)).collect();
    left.sort_by_key(|it| made.events.iter().position(|event| event.handoff.as_ref() == Some(&it.id)));
    json!(left)
}
