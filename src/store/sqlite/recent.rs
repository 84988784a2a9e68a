//! Runs as they were last written: what happens to a run mostly happens soon after, and reading one from the
//! file costs more than deciding on it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::id::RunId;
use crate::domain::run::Run;
use crate::store::Version;

/// Number of handoffs that a generation holds; there are two.
const HANDOFFS: usize = 4_096;

/// The latest runs. Only the writer puts them in, in the order they were written, and nobody else writes the
/// file: what is here is what is there.
#[derive(Default)]
pub(super) struct Recent {
    young: HashMap<RunId, (Arc<Run>, Version)>,
    old: HashMap<RunId, (Arc<Run>, Version)>,
    weight: usize,
}

impl Recent {
    /// The run as it was written last; `None` when that is long ago.
    pub(super) fn get(&self, run: &RunId) -> Option<(Arc<Run>, Version)> {
        self.young.get(run).or_else(|| self.old.get(run)).cloned()
    }

    /// Remembers a run; when there are too many, those go that were not written for longest.
    pub(super) fn put(&mut self, run: Run, version: Version) {
        if self.weight >= HANDOFFS {
            self.old = std::mem::take(&mut self.young);
            self.weight = 0;
        }
        self.weight += 1 + run.handoffs.len();
        self.young.insert(run.id.clone(), (Arc::new(run), version));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Time;

    fn run(id: usize) -> Run {
        Run::new(RunId::from(format!("r{id}")), Time::default())
    }

    #[test]
    fn the_latest_are_known_as_last_written_and_the_oldest_are_forgotten() {
        let mut recent = Recent::default();
        recent.put(run(0), 1);
        recent.put(run(0), 2);
        let version = |recent: &Recent, id: usize| Some(recent.get(&run(id).id)?.1);
        assert_eq!(version(&recent, 0), Some(2));
        for id in 1..=HANDOFFS {
            recent.put(run(id), 1);
        }
        // One generation later it is still there, with its latest version, and two later it is not.
        assert_eq!(version(&recent, 0), Some(2));
        for id in 1..=2 * HANDOFFS {
            recent.put(run(id), 2);
        }
        assert_eq!(version(&recent, 0), None);
        assert_eq!(version(&recent, 2 * HANDOFFS), Some(2));
        assert!(recent.young.len() + recent.old.len() <= 2 * HANDOFFS);
    }
}
