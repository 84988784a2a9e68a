//! Reading without changing anything, and payload schemas.

use std::sync::{Arc, PoisonError};

use semver::Version;
use serde_json::Value;
use tokio::sync::watch;

use super::{Engine, Problem, Registered};
use crate::domain::event::Event;
use crate::domain::id::{HandoffId, RunId};
use crate::domain::port::Snapshot;
use crate::domain::run::{Handoff, Run};
use crate::orchestrator::boundary::Registry;
use crate::store::{Commit, CommitError, Filter, Listed, Logged, NewSchema, Position, Schema, StoreError, Unreadable};

/// A page of a list of handoffs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The handoffs, the latest first, each with its run.
    pub items: Vec<(RunId, Handoff)>,
    /// Token to ask for the next page with; `None` on the last one.
    pub next: Option<String>,
}

impl Engine {
    /// Open work and rollups: what a console needs to start.
    ///
    /// # Errors
    /// Fails when the store cannot be read; so in all that follows.
    pub async fn snapshot(&self) -> Result<Snapshot, Problem> {
        let snapshot = self.inner.store.snapshot(self.now()).await?;
        Ok(Snapshot { clock: *self.clock_steps().borrow(), ..snapshot })
    }

    /// Events after a position, in order, each with its own.
    pub async fn tail(&self, after: Position, limit: usize) -> Result<Vec<(Position, Logged)>, Problem> {
        Ok(self.inner.store.tail(after, limit).await?)
    }

    /// The position of the latest event: wait for it to change, then read [`tail`](Self::tail).
    pub fn changed(&self) -> watch::Receiver<Position> {
        self.inner.store.watch()
    }

    /// The position of the latest event. Another engine may have given `after` away a moment before its event is told of
    /// here: then the log itself is asked.
    pub async fn head(&self, after: Position) -> Result<Position, Problem> {
        let told = *self.changed().borrow();
        if after <= told || self.inner.store.is_alone() {
            return Ok(told);
        }
        let found = self.tail(after.saturating_sub(1), 1).await?;
        Ok(found.last().map_or(told, |(position, _)| *position))
    }

    /// A handoff and its run.
    pub async fn find(&self, handoff: &HandoffId) -> Result<(RunId, Handoff), Problem> {
        let found = self.inner.store.handoff(handoff).await?;
        found.ok_or_else(|| Problem::NotFound(format!("handoff {handoff}")))
    }

    /// The run with this id.
    pub async fn run(&self, run: &RunId) -> Result<Run, Problem> {
        let found = self.load(run).await?;
        let found = found.map(|(run, _)| Arc::unwrap_or_clone(run));
        found.ok_or_else(|| Problem::NotFound(format!("run {run}")))
    }

    /// A run as it stands and its events, oldest first.
    pub async fn timeline(&self, run: &RunId) -> Result<(Run, Vec<Event>), Problem> {
        let found = self.run(run).await?;
        Ok((found, self.inner.store.timeline(run).await?))
    }

    /// The contract of a handoff as it stands, and the digest that a decision is bound to.
    pub async fn contract(&self, handoff: &HandoffId) -> Result<(Value, String), Problem> {
        let (_, found) = self.find(handoff).await?;
        let contract = self.contract_of(&found).await?;
        Ok((contract, found.digest().unwrap_or_default().to_owned()))
    }

    /// Handoffs, the latest first, without those that cannot be read. `page` is [`Page::next`] of the page before.
    pub async fn list(&self, filter: Filter, page: Option<String>, limit: usize) -> Result<Page, Problem> {
        let Listed { found: items, next } = self.inner.store.list(filter, page, limit).await?;
        Ok(Page { items, next })
    }

    /// Registers a payload schema; `false` when exactly this one was registered before.
    ///
    /// # Errors
    /// [`Problem::Schema`] when it is no usable schema or its version does not fit.
    pub async fn put_schema(&self, name: &str, version: &Version, schema: Value) -> Result<bool, Problem> {
        loop {
            let (mut registry, after) = self.registered(|it| (it.registry.clone(), it.latest));
            if !registry.put(name, version, schema.clone())? {
                return Ok(false);
            }
            let mut commit = Commit::nothing();
            let (name, version) = (name.to_owned(), version.to_string());
            commit.schema = Some(NewSchema { name, version, body: schema.clone(), after });
            let done = self.inner.store.commit(commit).await;
            self.learn_schemas().await?;
            match done {
                Ok(_) => return Ok(true),
                // Another one was registered meanwhile: it has to fit that one, too.
                Err(CommitError::Conflict) => {}
                Err(CommitError::Store(why)) => return Err(why.into()),
            }
        }
    }

    /// Takes up the payload schemas that came into the store since the last time. One that this version refuses is set
    /// aside.
    pub(super) async fn learn_schemas(&self) -> Result<(), Problem> {
        let after = self.registered(|it| it.latest);
        for Schema { number, name, version, body } in self.inner.store.schemas(after).await? {
            let mut known = self.inner.registry.write().unwrap_or_else(PoisonError::into_inner);
            if number > known.latest {
                let parsed = version.parse::<Version>().map_err(|why| why.to_string());
                let put = |body| known.registry.put(&name, &parsed?, body).map_err(|why| why.to_string());
                if let Some(Err(why)) = body.map(put) {
                    let id = format!("{name} {version}");
                    self.inner.store.aside().note(&Unreadable { table: "schemas", id, why });
                }
                known.latest = number;
            }
        }
        Ok(())
    }

    /// The same where others may have registered some; to be called before payload schemas are looked at.
    pub async fn refresh_schemas(&self) -> Result<(), Problem> {
        if self.inner.store.is_alone() { Ok(()) } else { self.learn_schemas().await }
    }

    /// The payload schema of this name and version; `None` when it is not registered.
    pub fn get_schema(&self, name: &str, version: &Version) -> Option<Value> {
        self.registry(|it| it.get(name, version).cloned())
    }

    /// Looks at the registered payload schemas.
    pub fn registry<T>(&self, look: impl FnOnce(&Registry) -> T) -> T {
        self.registered(|it| look(&it.registry))
    }

    fn registered<T>(&self, look: impl FnOnce(&Registered) -> T) -> T {
        // A panic elsewhere while it was held cannot leave half a schema.
        look(&self.inner.registry.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The contract of a handoff as it stands.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`], too, when it is not there any more.
    pub(super) async fn contract_of(&self, handoff: &Handoff) -> Result<Value, Problem> {
        let none = || Problem::NotFound(format!("the contract of handoff {}", handoff.id));
        let digest = handoff.digest().ok_or_else(none)?;
        let missing = || {
            let why = format!("it is the contract of handoff {}, and is not there", handoff.id);
            StoreError::from(Unreadable { table: "blobs", id: digest.to_owned(), why })
        };
        let blob = self.inner.store.blob(digest).await?.ok_or_else(missing)?;
        let read = serde_json::from_slice(&blob.bytes);
        Ok(read.map_err(|why| StoreError::from(Unreadable::json("blobs", digest, &why)))?)
    }
}

/// What was found, or `None` when it is set aside: a list goes on without it.
pub fn readable<T>(found: Result<T, Problem>) -> Result<Option<T>, Problem> {
    match found {
        Err(Problem::Store(StoreError::Unreadable(_))) => Ok(None),
        found => found.map(Some),
    }
}
