//! Whether a run is what its log says: the fold of its events, chained by their hashes.

use rusqlite::Connection;
use serde_json::Value;
use thiserror::Error;

use super::read::load;
use super::writer::chain;
use super::{Store, StoreError};
use crate::domain::canonical::canonical;
use crate::domain::event::Event;
use crate::domain::id::RunId;
use crate::domain::machine::evolve;
use crate::domain::run::Run;

/// A defect found in the stored run.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Broken {
    /// There is no such run.
    #[error("run {0} does not exist")]
    NoRun(RunId),
    /// An event was changed, added or removed after it was written.
    #[error("event {seq} of run {run} was changed after it was written")]
    Chain {
        /// Id of the run.
        run: RunId,
        /// Number of the event within the run.
        seq: i64,
    },
    /// The stored state is not the fold of the events.
    #[error("the stored state of run {0} is not what its events say")]
    State(RunId),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Folds the log of a run, checks the chain of hashes and compares; gives the number of events. The ends of
    /// leases are not compared: heartbeats move them without an event.
    pub async fn verify(&self, run: &RunId) -> Result<u64, Broken> {
        let run = run.clone();
        self.read(move |db| Ok(verify(db, &run))).await?
    }
}

fn verify(db: &Connection, id: &RunId) -> Result<u64, Broken> {
    let stored = load(db, id)?.ok_or_else(|| Broken::NoRun(id.clone()))?.0;
    let sql = "SELECT seq, body, prev_hash, hash FROM events WHERE run = ?1 ORDER BY seq";
    let mut statement = db.prepare_cached(sql).map_err(StoreError::from)?;
    let mut rows = statement.query([id.as_str()]).map_err(StoreError::from)?;
    let mut folded: Option<Run> = None;
    let mut last = Vec::new();
    let mut count = 0;
    while let Some(row) = rows.next().map_err(StoreError::from)? {
        let seq: i64 = row.get(0).map_err(StoreError::from)?;
        let body: String = row.get(1).map_err(StoreError::from)?;
        let previous: Vec<u8> = row.get(2).map_err(StoreError::from)?;
        let hash: Vec<u8> = row.get(3).map_err(StoreError::from)?;
        let broken = || Broken::Chain { run: id.clone(), seq };
        let value: Value = serde_json::from_str(&body).map_err(|_| broken())?;
        count += 1;
        if seq != count || previous != last || chain(&previous, &canonical(&value)) != hash {
            return Err(broken());
        }
        let event: Event = serde_json::from_value(value).map_err(|_| broken())?;
        evolve(folded.get_or_insert_with(|| Run::new(id.clone(), event.at)), &event);
        last = hash;
    }
    let same = folded.is_some_and(|folded| without_lease_ends(folded) == without_lease_ends(stored));
    same.then_some(count as u64).ok_or_else(|| Broken::State(id.clone()))
}

fn without_lease_ends(mut run: Run) -> Run {
    for lease in run.handoffs.values_mut().filter_map(|it| it.lease.as_mut()) {
        lease.until = None;
    }
    run
}
