//! Runs that hold refused contracts and nothing else: only the latest of them are kept, as in the store of an orchestrator.

use super::Ledger;
use crate::domain::event::{Event, Fact};
use crate::domain::id::RunId;
use crate::domain::run::{Refused, Run};

impl Ledger {
    /// Whether the run that `event` begins is another one than the one known under this id: its source gave that one up.
    pub(super) fn is_begun_anew(&self, event: &Event) -> bool {
        let known = || self.run(&event.run).is_some_and(|it| it.version > 0 && it.started_at != event.at);
        event.seq == 1 && matches!(event.fact, Fact::Refused(_)) && self.refused.contains(&event.run) && known()
    }

    /// Puts the run of `event` behind the others or takes it out, and lets those go that are too many, and the one that a
    /// record moved here from.
    pub(super) fn note_refused(&mut self, event: &Event, run: &Run) {
        self.refused.shift_remove(&run.id);
        if !run.is_refused(&event.fact) {
            return;
        }
        self.refused.insert(run.id.clone());
        if self.keeps_all {
            return;
        }
        if let Fact::Refused(it) = &event.fact
            && it.before > 0
        {
            let keeps =
                |id: &RunId| self.run(id).is_some_and(|run| run.rejections.iter().any(|of| of.rejection.id == it.id));
            if let Some(moved) = self.refused.iter().find(|id| **id != run.id && keeps(id)).cloned() {
                self.give_up(&moved);
            }
        }
        while self.refused.len() > Refused::RUNS
            && let Some(first) = self.refused.first().cloned()
        {
            self.give_up(&first);
        }
    }

    /// Forgets a run, and every index of it.
    pub(super) fn give_up(&mut self, id: &RunId) {
        self.refused.shift_remove(id);
        self.refusing.remove(id);
        self.notable.remove(id);
        self.current.remove(id);
        self.fragments.remove(id);
        self.closed.take(id);
        if let Some(record) = self.runs.remove(id) {
            for handoff in record.run().handoffs.keys() {
                self.run_by_handoff.remove(handoff);
            }
        }
    }
}
