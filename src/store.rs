//! The store of runs: the log, the state folded from it, and an index for queues and timers.
//!
//! A [`Store`] knows runs, events, index rows, timers, blobs, answers, payload schemas and rollups; it knows no rule of
//! the protocol, so a new rule needs no new table: what an index row or a rollup says was worked out by whoever made the
//! [`Commit`]. The run is the aggregate: a commit names the version it was decided on and is refused if the run moved,
//! and state, events, index and rollups change in one transaction or not at all.
//!
//! [`Sqlite`] keeps all of it in one file.

mod aside;
mod commit;
mod error;
mod part;
mod query;
mod sqlite;
mod verify;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::watch;

pub use aside::{Aside, Unreadable};
pub use commit::{Answered, Blob, Commit, Giver, NewSchema, REFUSED_TYPE, Row, Version};
pub use error::{CommitError, StoreError};
pub use part::Part;
pub use query::{Due, Filter, Link, Listed, Ready, Schema};
pub use sqlite::{Audit, Lock, Sqlite, audit, backup, none_open};
pub use verify::Broken;

use crate::domain::event::Event;
use crate::domain::id::{Edge, HandoffId, RunId};
use crate::domain::port::Snapshot;
use crate::domain::run::{Handoff, Run};
use crate::domain::time::{Present, Time};

/// Position of an event in the log of a store; 0 is before the first.
pub type Position = u64;

/// An event of the log, if it can be read.
pub type Logged = Result<Event, Unreadable>;

/// What comes of asking a store, once it is there.
pub type Answer<'a, T, E = StoreError> = BoxFuture<'a, Result<T, E>>;

/// A store, as the engine calls it.
///
/// # Positions
/// Every event has a position, which grows in the order of the commits: the events of one commit follow each other, and
/// what was committed later has the higher ones. A reader of [`tail`](Self::tail) who has seen a position never finds a
/// lower one afterwards, whoever wrote it: a store with several writers must not let a later commit become visible before
/// an earlier one (a counter that each commit takes under a lock will do; a sequence that is drawn before the commit will
/// not). Numbers may be left out, so positions are compared and never subtracted.
///
/// # Errors
/// Every question fails with a [`StoreError`] when the store cannot be used.
pub trait Store: Send + Sync {
    /// Whether nobody but the holder of this handle writes the store, for as long as the handle lives. Only then may what
    /// was read be kept; else others may have changed it since.
    fn is_alone(&self) -> bool;

    /// The position of the latest event, whoever wrote it, kept up to date: wait on it instead of polling. Of what was
    /// written by this handle it tells at once, of the rest within moments, and never before it can be read. It ends when
    /// the store is closed.
    fn watch(&self) -> watch::Receiver<Position>;

    /// Name of the log of this store, which nothing else has but a copy of it.
    fn log_id(&self) -> &str;

    /// Why commits are not written: the store is not what was opened, by the latest read or commit, or the latest commit
    /// failed. `None` when they are.
    fn health(&self) -> Option<StoreError>;

    /// A secret of the store, the same for whoever opens it, made when it is first asked for. It is not in what is kept.
    fn secret(&self) -> Answer<'_, [u8; 32]>;
    /// The records that could not be read so far. Where several are asked for, they are left out and noted here, and what
    /// is asked of one of them alone fails with [`StoreError::Unreadable`].
    fn aside(&self) -> &Aside;

    /// Writes everything in `commit`, or nothing. Durable when it returns. The position of its last event; 0 when it has
    /// none.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] when the run, or another that it was decided by, moved since it was loaded; otherwise why the store cannot be used.
    fn commit(&self, commit: Commit) -> Answer<'_, Position, CommitError>;

    /// A run and the version to commit against; `None` when there is none.
    fn load(&self, run: &RunId) -> Answer<'_, Option<(Run, Version)>>;

    /// The same for who knows the run as it was at a version: only what changed since is read.
    fn reload(&self, run: Arc<Run>, version: Version) -> Answer<'_, Option<(Arc<Run>, Version)>>;

    /// The same as the readable events of the run tell it, for when its record cannot be read.
    fn refolded(&self, run: &RunId) -> Answer<'_, Option<(Run, Version)>>;

    /// The run of a handoff; `None` when it is not known.
    fn run_of(&self, handoff: &HandoffId) -> Answer<'_, Option<RunId>>;

    /// A handoff and its run, of which nothing else is read; `None` when it is not known.
    fn handoff(&self, id: &HandoffId) -> Answer<'_, Option<(RunId, Handoff)>>;

    /// An open run that keeps the record of a refused contract, first one that holds nothing else; `None` when none does.
    fn refused_in(&self, rejection: &str) -> Answer<'_, Option<RunId>>;

    /// The runs that keep records of refused contracts, without their handoffs, in no order.
    fn refusing(&self) -> Answer<'_, Vec<Run>>;

    /// Handoffs that `agent` may claim now, at most `n`, leaving out the edges in `paused`, those that are
    /// [`held`](Aside::held), and what is due by then: that happens first. Agents ask again and again, so it must cost by
    /// what it finds: not by what waits on paused edges or for a later time.
    fn ready(&self, agent: &str, now: Present, n: usize, paused: Vec<Edge>) -> Answer<'_, Ready>;

    /// Handoffs that are due now, at most `n`, leaving out those that are [`held`](Aside::held).
    fn due(&self, now: Present, n: usize) -> Answer<'_, Due>;

    /// The latest time at which a run changed in which something is open; `None` when nothing is.
    fn latest_change(&self) -> Answer<'_, Option<Time>>;

    /// One page of handoffs, the latest first. `page` is [`Listed::next`] of the page before; at most 200.
    fn list(&self, filter: Filter, page: Option<String>, limit: usize) -> Answer<'_, Listed>;

    /// Events after a position, in order, at most `limit`; one that cannot be read keeps its place.
    fn tail(&self, after: Position, limit: usize) -> Answer<'_, Vec<(Position, Logged)>>;

    /// Every event of a run that can be read, oldest first; none when there is no such run.
    fn timeline(&self, run: &RunId) -> Answer<'_, Vec<Event>>;

    /// The chain of hashes over the events of a run, oldest first; none when there is no such run.
    fn chain(&self, run: &RunId) -> Answer<'_, Vec<Link>>;

    /// Open work, the latest ended runs with a loop verdict or a retry storm, and rollups, all of one moment, as far as they
    /// can be read.
    fn snapshot(&self, now: Time) -> Answer<'_, Snapshot>;

    /// The bytes with this digest, and no others; `None` when they are not kept.
    fn blob(&self, digest: &str) -> Answer<'_, Option<Blob>>;

    /// Whether the bytes with this digest are kept.
    fn has_blob(&self, digest: &str) -> Answer<'_, bool>;

    /// Who gave the bytes with this digest to be kept; empty when they are not kept, or nobody outside gave them.
    fn givers(&self, digest: &str) -> Answer<'_, Vec<Giver>>;

    /// Bytes of everything that somebody outside gave to be kept, each counted as 1 KiB at least.
    fn given_bytes(&self) -> Answer<'_, u64>;

    /// Handoffs that refer to the bytes with this digest, each with its run, of the runs in which one of `names` hands over
    /// or takes over; at most `n`.
    fn referring(&self, digest: &str, names: Vec<String>, n: usize) -> Answer<'_, Vec<(RunId, HandoffId)>>;

    /// Whether a handoff was ever on this edge.
    fn has_edge(&self, edge: &Edge) -> Answer<'_, bool>;

    /// The version of a payload schema of this name that was last handed over on an edge; `None` when none was.
    fn last_payload(&self, edge: &Edge, schema: &str) -> Answer<'_, Option<String>>;

    /// The answer remembered for a key, and before it the fingerprint of its request; `None` when there is none, or it
    /// has expired at `now`.
    fn answered(&self, scope: &str, key: &str, now: Time) -> Answer<'_, Option<(String, serde_json::Value)>>;

    /// The payload schemas that were registered after the one of this number, in order; all of them after 0.
    fn schemas(&self, after: u64) -> Answer<'_, Vec<Schema>>;

    /// Folds the log of a run, checks the chain of hashes and compares; gives the number of events. The ends of
    /// leases are not compared: heartbeats move them without an event.
    ///
    /// # Errors
    /// [`Broken`] says what is not as it was written.
    fn verify<'a>(&'a self, run: &RunId) -> Answer<'a, u64, Broken> {
        let run = run.clone();
        Box::pin(async move { verify::verify(self, run).await })
    }
}

#[cfg(test)]
pub(crate) mod tests;
