//! Starting from a snapshot: what costs by open work costs little, for a store may hold a lot of it.

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::{Ledger, Standing};
use crate::domain::id::Edge;
use crate::domain::port::{Rollup, Snapshot};
use crate::domain::run::{Outline, Run, StoredRun};
use crate::domain::time::{HOUR, MINUTE};

impl Ledger {
    /// Forgets everything and starts from what a source says is so.
    pub fn restore(&mut self, snapshot: Snapshot) {
        *self = Self {
            phase: self.phase,
            keeps_all: self.keeps_all,
            revision: self.revision + 1,
            latest: self.latest + snapshot.recent.len() as u64,
            now: snapshot.at,
            behind: snapshot.clock.map_or(0, |it| (-it.by_ms).max(0)),
            measured: std::mem::take(&mut self.measured),
            ..Self::default()
        };
        self.restore_rollups(snapshot.rollups, snapshot.slices);
        self.restore_open(&snapshot.runs);
        for it in snapshot.violations {
            self.violations.add(it);
        }
        for run in snapshot.runs.iter().filter_map(StoredRun::whole) {
            self.restore_whole(run);
        }
        let records = snapshot.runs.into_iter();
        self.runs = records.map(|it| (it.id().clone(), it)).collect();
        self.recent = snapshot.recent.into();
        self.forget_edges();
        self.advance(snapshot.at);
    }

    fn restore_rollups(&mut self, rollups: Vec<Rollup>, slices: Vec<Rollup>) {
        let now = self.now;
        for Rollup { end, edges } in rollups {
            for (edge, tally) in edges {
                let book = self.book(&edge);
                book.windows.seed(end.min(now), &tally);
                book.changed_at = book.changed_at.max(end.min(now));
                if now - end < HOUR {
                    book.restore_minute(end + -MINUTE, &tally);
                }
            }
        }
        for Rollup { end, edges } in slices {
            for (edge, tally) in edges {
                self.book(&edge).windows.seed_slice(end.min(now), &tally);
            }
        }
    }

    /// Restores the part that every open run has: a home for its handoffs, and a place on their edges.
    fn restore_open(&mut self, records: &[StoredRun]) {
        self.run_by_handoff.reserve(records.len());
        self.current.reserve(records.len());
        let mut crossed: IndexMap<&Edge, Vec<Outline<'_>>, RandomState> = IndexMap::default();
        for record in records {
            for it in record.outlines() {
                self.run_by_handoff.insert(it.id.clone(), record.id().clone());
                crossed.entry(it.edge).or_default().push(it);
            }
            if record.whole().is_none() {
                self.current.insert(record.id().clone());
            }
        }
        for (edge, mut outlines) in crossed {
            outlines.sort_by_key(Outline::first_seen);
            self.book(edge).restore(&outlines);
        }
    }

    /// Restores the part that only runs have that were read whole.
    fn restore_whole(&mut self, run: &Run) {
        for it in run.handoffs.values() {
            self.index(None, Some(it));
            if let Some(failure) = &it.failure {
                let book = self.book(&it.emission.edge);
                book.failed(&failure.code, failure.at);
            }
        }
        if !run.rejections.is_empty() && run.handoffs.is_empty() && run.annotations.is_empty() {
            self.refused.insert(run.id.clone());
        }
        for edge in &run.paused {
            self.paused.insert(edge.clone());
            self.book(edge);
        }
        for (edge, at) in &run.resumed {
            self.resumed(edge, *at);
        }
        self.note_run(Standing::default(), run);
    }
}
