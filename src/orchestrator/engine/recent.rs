//! Runs as they were last written: what happens to a run mostly happens soon after, and reading one from the store costs
//! more than deciding on it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::domain::id::RunId;
use crate::domain::run::Run;
use crate::store::Version;

/// Number of handoffs that a generation holds; there are two.
const HANDOFFS: usize = 4_096;

/// The latest runs of a store that only this engine writes; of any other store, none.
pub(super) struct Recent(Option<Mutex<Cache>>);

/// Two generations of runs, each with its version.
#[derive(Default)]
struct Cache {
    young: HashMap<RunId, (Arc<Run>, Version)>,
    old: HashMap<RunId, (Arc<Run>, Version)>,
    weight: usize,
    /// Runs with commits on their way, and how many: what is known of them may be old by now.
    writing: HashMap<RunId, usize>,
}

impl Recent {
    /// Empty. Nothing is kept unless the store is written by nobody else.
    pub(super) fn new(alone: bool) -> Self {
        Self(alone.then(Mutex::default))
    }

    /// The run as it was written last; `None` when that is long ago, or it is being written.
    pub(super) fn get(&self, run: &RunId) -> Option<(Arc<Run>, Version)> {
        let cache = self.0.as_ref()?.lock().ok()?;
        let known = || cache.young.get(run).or_else(|| cache.old.get(run)).cloned();
        if cache.writing.contains_key(run) { None } else { known() }
    }

    /// A commit of the run is on its way: until it is [`written`](Self::written), the store is asked.
    pub(super) fn writing(&self, run: &RunId) {
        if let Some(Ok(mut cache)) = self.0.as_ref().map(Mutex::lock) {
            *cache.writing.entry(run.clone()).or_default() += 1;
        }
    }

    /// A commit of the run is through; `version` is its new one, `None` when it was refused.
    pub(super) fn written(&self, run: &Arc<Run>, version: Option<Version>) {
        if let Some(Ok(mut cache)) = self.0.as_ref().map(Mutex::lock) {
            if let Some(left) = cache.writing.get_mut(&run.id) {
                *left -= 1;
                if *left == 0 {
                    cache.writing.remove(&run.id);
                }
            }
            if let Some(version) = version {
                cache.put(run, version);
            }
        }
    }
}

impl Cache {
    /// Remembers a run; when there are too many, those go that were not written for longest.
    fn put(&mut self, run: &Arc<Run>, version: Version) {
        // Two commits may come here in any order.
        let known = self.young.get(&run.id).or_else(|| self.old.get(&run.id));
        if known.is_some_and(|(_, known)| *known > version) {
            return;
        }
        if self.weight >= HANDOFFS {
            self.old = std::mem::take(&mut self.young);
            self.weight = 0;
        }
        self.weight += 1 + run.handoffs.len();
        self.young.insert(run.id.clone(), (Arc::clone(run), version));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Time;

    fn run(id: usize) -> Arc<Run> {
        Arc::new(Run::new(RunId::from(format!("r{id}")), Time::default()))
    }

    fn put(recent: &Recent, id: usize, version: Version) {
        recent.writing(&run(id).id);
        recent.written(&run(id), Some(version));
    }

    fn version(recent: &Recent, id: usize) -> Option<Version> {
        Some(recent.get(&run(id).id)?.1)
    }

    #[test]
    fn the_latest_are_known_as_last_written_and_the_oldest_are_forgotten() {
        let recent = Recent::new(true);
        put(&recent, 0, 2);
        put(&recent, 0, 1);
        assert_eq!(version(&recent, 0), Some(2));
        for id in 1..=HANDOFFS {
            put(&recent, id, 1);
        }
        // One generation later it is still there, and two later it is not.
        assert_eq!(version(&recent, 0), Some(2));
        for id in 1..=2 * HANDOFFS {
            put(&recent, id, 2);
        }
        assert_eq!(version(&recent, 0), None);
        assert_eq!(version(&recent, 2 * HANDOFFS), Some(2));
        let cache = recent.0.unwrap().into_inner().unwrap();
        assert!(cache.young.len() + cache.old.len() <= 2 * HANDOFFS && cache.writing.is_empty());
    }

    #[test]
    fn while_a_run_is_written_the_store_is_asked() {
        let recent = Recent::new(true);
        put(&recent, 0, 1);
        recent.writing(&run(0).id);
        recent.writing(&run(0).id);
        recent.written(&run(0), Some(2));
        assert_eq!(version(&recent, 0), None, "the other one may be written");
        recent.written(&run(0), None);
        assert_eq!(version(&recent, 0), Some(2));
    }

    #[test]
    fn nothing_is_kept_of_a_store_that_others_write() {
        let recent = Recent::new(false);
        put(&recent, 0, 1);
        assert_eq!(version(&recent, 0), None);
    }
}
