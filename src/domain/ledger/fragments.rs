//! Runs that are known in part only: one that closed before the watch began, or was let go since, and goes on.

use std::sync::Arc;

use super::{Ledger, Standing};
use crate::domain::accounting::Before;
use crate::domain::event::Event;
use crate::domain::id::RunId;
use crate::domain::machine::{Irregularity, evolve};
use crate::domain::run::Run;

impl Ledger {
    /// Runs whose earlier events are missing, in order of id: their path and their verdict are not to be trusted.
    /// A source that keeps histories has the rest, for [`complete`](Self::complete).
    pub fn fragments(&self) -> impl ExactSizeIterator<Item = &RunId> {
        self.fragments.keys()
    }

    /// Makes a fragment whole with the events that its source stored, oldest first. Figures count each event when it
    /// is heard, so what is stored beyond that is left for then, and what was before it stays with the past. When
    /// events are still missing nothing changes.
    pub fn complete(&mut self, id: &RunId, stored: &[Event]) {
        let (Some(kept), Some(first)) = (self.runs.get_mut(id), stored.first()) else {
            return;
        };
        let kept = Arc::clone(kept.unpack());
        let mut whole = Run::new(id.clone(), first.at);
        // The answer may be older than what was heard since it was asked for.
        let heard = self.recent.iter().filter(|it| it.run == *id);
        let events = stored.iter().chain(heard);
        let mut gaps = 0;
        for event in events.filter(|it| it.seq <= kept.version) {
            gaps += u32::from(evolve(&mut whole, event) == Some(Irregularity::Gap));
        }
        if gaps > 0 || whole.version < kept.version {
            return;
        }
        let Some(mended) = self.fragments.remove(id) else {
            return;
        };
        self.revision += 1;
        if let Some(gaps) = self.irregular.get_mut(&Irregularity::Gap) {
            *gaps = gaps.saturating_sub(mended);
        }
        self.irregular.retain(|_, count| *count > 0);
        for it in whole.handoffs.values() {
            self.run_by_handoff.insert(it.id.clone(), id.clone());
            let before = kept.handoffs.get(&it.id).map(Before::of);
            self.index(before.as_ref(), Some(it));
        }
        self.note_run(Standing::of(&kept), &whole);
        self.runs.insert(id.clone(), whole.into());
        self.forget();
    }
}
