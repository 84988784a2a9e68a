//! The closed runs that are kept, and the order in which they go.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use crate::domain::id::RunId;
use crate::domain::run::Run;

/// Closed runs in the order in which they closed.
#[derive(Clone, Debug, Default)]
pub(super) struct Closed {
    order: BTreeMap<u64, RunId>,
    /// The place of each in that order, and how many handoffs it has.
    places: HashMap<RunId, (u64, usize), RandomState>,
    handoffs: usize,
    closings: u64,
}

impl Closed {
    /// Puts a run that just closed behind all others.
    pub(super) fn put(&mut self, run: &Run) {
        self.take(&run.id);
        // One that never had a handoff takes room too: a contract refused and dealt with, a stray event.
        let handoffs = run.handoffs.len().max(1);
        self.closings += 1;
        self.order.insert(self.closings, run.id.clone());
        self.places.insert(run.id.clone(), (self.closings, handoffs));
        self.handoffs += handoffs;
    }

    /// Takes a run out, if it is there.
    pub(super) fn take(&mut self, id: &RunId) {
        if let Some((place, handoffs)) = self.places.remove(id) {
            self.order.remove(&place);
            self.handoffs -= handoffs;
        }
    }

    /// Takes out the run that closed first, if there are more than `keep` handoffs.
    pub(super) fn beyond(&mut self, keep: usize) -> Option<RunId> {
        let (_, id) = self.order.first_key_value()?;
        let id = (self.handoffs > keep).then(|| id.clone())?;
        self.take(&id);
        Some(id)
    }

    /// Number of handoffs they have together.
    #[cfg(test)]
    pub(super) fn handoffs(&self) -> usize {
        assert_eq!(self.order.len(), self.places.len());
        self.handoffs
    }
}
