//! Whether a run is what its log says: the fold of its events, chained by their hashes.

use serde_json::Value;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{Link, Store, StoreError};
use crate::domain::canonical::canonical;
use crate::domain::event::Event;
use crate::domain::id::RunId;
use crate::domain::machine::evolve;
use crate::domain::run::{Handoff, Run};
use crate::domain::time::Time;

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
        seq: u64,
    },
    /// The stored state is not the fold of the events.
    #[error("the stored state of run {0} is not what its events say")]
    State(RunId),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// `SHA-256(previous LF body)`, the body as RFC 8785 bytes (protocol section 4).
pub(super) fn hash(previous: &[u8], body: &[u8]) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(previous);
    hash.update(b"\n");
    hash.update(body);
    hash.finalize().to_vec()
}

/// See [`Store::verify`].
pub(super) async fn verify<S: Store + ?Sized>(store: &S, id: RunId) -> Result<u64, Broken> {
    let stored = store.load(&id).await?.ok_or_else(|| Broken::NoRun(id.clone()))?.0;
    let mut folded: Option<Run> = None;
    let mut last = Vec::new();
    let mut count = 0;
    for Link { seq, body, previous, hash: own } in store.chain(&id).await? {
        let broken = || Broken::Chain { run: id.clone(), seq };
        let value: Value = serde_json::from_str(&body).map_err(|_| broken())?;
        count += 1;
        if seq != count || previous != last || hash(&previous, &canonical(&value)) != own {
            return Err(broken());
        }
        let event: Event = serde_json::from_value(value).map_err(|_| broken())?;
        evolve(folded.get_or_insert_with(|| Run::new(id.clone(), event.at)), &event);
        last = own;
    }
    let same = folded.is_some_and(|folded| same(folded, stored));
    same.then_some(count).ok_or(Broken::State(id))
}

/// Whether the stored run is the fold of its events, as far as it is [compared].
pub(super) fn same(folded: Run, stored: Run) -> bool {
    compared(folded) == compared(stored)
}

/// A run without what no event tells, the ends of leases, and what it remembers for figures alone: that is as the program
/// took it down that wrote the record.
fn compared(run: Run) -> Run {
    let each = |mut it: Handoff| {
        if let Some(lease) = &mut it.lease {
            lease.until = None;
        }
        Handoff { waiting_since: Time::default(), acked_before: false, repeated: false, settled: None, ..it }
    };
    Run { handoffs: run.handoffs.values().cloned().map(each).collect(), resumed: Vec::new(), ..run }
}
