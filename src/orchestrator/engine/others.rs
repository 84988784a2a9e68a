//! Other engines on the same store: what they commit wakes those who wait here.

use std::collections::BTreeMap;
use std::sync::Weak;

use tokio::sync::watch;

use super::wake::News;
use super::{CONTROL, Engine, Inner};
use crate::domain::event::Event;
use crate::domain::id::{HandoffId, RunId};
use crate::store::{Position, StoreError};

/// Events read from the log at once.
const PAGE: usize = 500;

/// Follows the log after a position, until the engine is dropped.
pub(super) async fn follow(engine: Weak<Inner>, mut changed: watch::Receiver<Position>, mut after: Position) {
    while changed.changed().await.is_ok() {
        let Some(inner) = engine.upgrade() else { return };
        let engine = Engine { inner };
        if let Err(why) = engine.catch_up(&mut after).await {
            tracing::warn!("reading what others wrote: {why}; everybody who waits looks again");
            engine.wake().tell(&News::unknown(), &[]);
        }
    }
}

impl Engine {
    /// Tells those who wait of every event after a position, and moves it on.
    async fn catch_up(&self, after: &mut Position) -> Result<(), StoreError> {
        loop {
            let found = self.inner.store.tail(*after, PAGE).await?;
            let Some((last, _)) = found.last() else { return Ok(()) };
            let last = *last;
            let mut changed: BTreeMap<RunId, Vec<HandoffId>> = BTreeMap::new();
            for Event { run, handoff, .. } in found.into_iter().filter_map(|(_, event)| event.ok()) {
                changed.entry(run).or_default().extend(handoff);
            }
            for (run, handoffs) in changed {
                let known = match self.load(&run).await {
                    // Whoever looks finds the others.
                    Err(StoreError::Unreadable(_)) => None,
                    found => found?,
                };
                if let (CONTROL, Some((control, version))) = (run.as_str(), &known) {
                    self.switched(control, *version);
                }
                let it = known.iter().flat_map(|(run, _)| handoffs.iter().filter_map(|id| run.handoffs.get(id)));
                self.wake().tell(&News::of(it), &self.known_pauses().edges);
            }
            *after = last;
        }
    }
}
