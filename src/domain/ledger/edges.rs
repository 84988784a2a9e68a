//! The books of edges: made when an edge is first heard of, and given up when too many are idle.

use super::{EdgeStats, Ledger};
use crate::domain::id::Edge;

/// Edges kept (protocol section 5). Names of pipelines come out of contracts, also out of refused ones: without an
/// end, whoever invents names fills the memory.
pub const KEEP_EDGES: usize = 2_000;
/// Edges that go at once when there are too many, so that looking for them is rare.
const EVICTED_AT_ONCE: usize = KEEP_EDGES / 20;

impl Ledger {
    pub(super) fn book(&mut self, edge: &Edge) -> &mut EdgeStats {
        let place = self.place(edge);
        &mut self.edges[place]
    }

    /// Index of an edge's figures; it holds until an edge is removed.
    pub(super) fn place(&mut self, edge: &Edge) -> usize {
        self.edges.get_index_of(edge).unwrap_or_else(|| {
            let mut book = EdgeStats::new(edge.clone(), self.phase);
            // What is over by now is then put where it belongs at once and not counted out again, step by step.
            book.windows.advance(self.now);
            self.edges.insert_full(edge.clone(), book).0
        })
    }

    /// Beyond the cap, gives up those that changed longest ago. An edge that is paused, or that something is open on,
    /// stays however many there are.
    pub(super) fn forget_edges(&mut self) {
        if self.edges.len() <= KEEP_EDGES || self.keeps_all {
            return;
        }
        let Self { edges, paused, .. } = self;
        let idle = |book: &EdgeStats| book.open.is_empty() && !paused.contains(&book.edge);
        let idle = edges.values().filter(|book| idle(book));
        let mut idle: Vec<_> = idle.map(|it| (it.changed_at, it.edge.clone())).collect();
        idle.sort_unstable();
        idle.truncate(edges.len() - KEEP_EDGES + EVICTED_AT_ONCE);
        edges.retain(|_, book| {
            let it = (book.changed_at, &book.edge);
            idle.binary_search_by(|(at, edge)| (*at, edge).cmp(&it)).is_err()
        });
    }
}
