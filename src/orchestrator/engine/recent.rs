//! Runs as they were last written: what happens to a run mostly happens soon after, and reading one from the store costs
//! more than deciding on it.

use std::collections::{HashMap, hash_map};
use std::sync::{Arc, Mutex};

use crate::domain::id::RunId;
use crate::domain::run::Run;
use crate::store::Version;

/// Number of handoffs of a run that has many.
const MANY: usize = 512;
/// Number of handoffs that a generation holds, of runs that have few and of those that have many. Those would leave no room
/// for others, and cost the most to read: they are kept apart.
const ROOM: (usize, usize) = (4_096, 32_768);

/// The latest runs. What is known of one is all there is only as long as nobody else writes the store.
pub(super) struct Recent {
    alone: bool,
    cache: Mutex<Cache>,
}

/// A run as it was at a version.
#[derive(Clone)]
pub(super) struct Known {
    /// The run.
    pub(super) run: Arc<Run>,
    /// Its version.
    pub(super) version: Version,
    /// Whether it is as it was; else the store has to be asked what changed.
    pub(super) sure: bool,
}

#[derive(Default)]
struct Cache {
    few: Generations,
    many: Generations,
    /// Runs with commits on their way, and how many: what is known of them may be old by now.
    writing: HashMap<RunId, usize>,
}

/// Two generations of runs.
#[derive(Default)]
struct Generations {
    young: HashMap<RunId, Known>,
    old: HashMap<RunId, Known>,
    /// Those that are forgotten, but not freed yet: thousands at once would stop everybody for a time that is felt.
    forgotten: Option<hash_map::IntoIter<RunId, Known>>,
    /// Number of runs in `young` and of their handoffs.
    weight: usize,
}

impl Recent {
    /// Empty; `alone` when the store is written by nobody else.
    pub(super) fn new(alone: bool) -> Self {
        Self { alone, cache: Mutex::default() }
    }

    /// The run as it was last; `None` when that is long ago.
    pub(super) fn get(&self, run: &RunId) -> Option<Known> {
        let cache = self.cache.lock().ok()?;
        let known = cache.get(run)?.clone();
        let sure = known.sure && self.alone && !cache.writing.contains_key(run);
        Some(Known { sure, ..known })
    }

    /// A commit of the run is on its way: until it is [`written`](Self::written), the store is asked.
    pub(super) fn writing(&self, run: &RunId) {
        if let Ok(mut cache) = self.cache.lock() {
            *cache.writing.entry(run.clone()).or_default() += 1;
        }
    }

    /// A commit of the run is through; `version` is its new one, `None` when it was refused: then something else may be
    /// known here than is stored.
    pub(super) fn written(&self, run: &Arc<Run>, version: Option<Version>) {
        if let Ok(mut cache) = self.cache.lock() {
            if let Some(left) = cache.writing.get_mut(&run.id) {
                *left -= 1;
                if *left == 0 {
                    cache.writing.remove(&run.id);
                }
            }
            match version {
                Some(version) => cache.put(run, version),
                None => cache.doubt(&run.id),
            }
        }
    }

    /// A run was read at this version. One with few handoffs is read as fast as it is kept, and is not.
    pub(super) fn read(&self, run: &Arc<Run>, version: Version) {
        if let Ok(mut cache) = self.cache.lock()
            && (run.handoffs.len() >= MANY || cache.get(&run.id).is_some())
        {
            cache.put(run, version);
        }
    }
}

impl Cache {
    fn get(&self, run: &RunId) -> Option<&Known> {
        self.many.get(run).or_else(|| self.few.get(run))
    }

    /// Remembers a run; when there are too many, those go that were not written for longest.
    fn put(&mut self, run: &Arc<Run>, version: Version) {
        // Two commits may come here in any order.
        if self.get(&run.id).is_some_and(|known| known.version > version) {
            return;
        }
        let known = Known { run: Arc::clone(run), version, sure: true };
        if run.handoffs.len() < MANY {
            self.few.put(known, ROOM.0);
        } else {
            self.few.remove(&run.id);
            self.many.put(known, ROOM.1);
        }
    }

    fn doubt(&mut self, run: &RunId) {
        for of in [&mut self.few, &mut self.many] {
            if let Some(known) = of.young.get_mut(run).or_else(|| of.old.get_mut(run)) {
                known.sure = false;
            }
        }
    }
}

impl Generations {
    fn get(&self, run: &RunId) -> Option<&Known> {
        self.young.get(run).or_else(|| self.old.get(run))
    }

    fn put(&mut self, known: Known, room: usize) {
        if self.weight >= room {
            let old = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
            self.forgotten = Some(old.into_iter());
            self.weight = 0;
        }
        self.free(2 * weight(&known));
        let id = known.run.id.clone();
        self.remove(&id);
        self.weight += weight(&known);
        self.young.insert(id, known);
    }

    /// Frees forgotten runs of this weight or a little more: twice what comes in, so that all are gone in good time.
    fn free(&mut self, mut weight: usize) {
        while weight > 0
            && let Some((_, gone)) = self.forgotten.as_mut().and_then(Iterator::next)
        {
            weight = weight.saturating_sub(self::weight(&gone));
        }
    }

    fn remove(&mut self, run: &RunId) {
        self.old.remove(run);
        self.weight -= self.young.remove(run).map_or(0, |it| weight(&it));
    }
}

fn weight(of: &Known) -> usize {
    1 + of.run.handoffs.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::machine::tests::handed;
    use crate::domain::run::Handoff;
    use crate::domain::time::Time;

    fn run(id: usize) -> Arc<Run> {
        Arc::new(Run::new(RunId::from(format!("r{id}")), Time::default()))
    }

    fn put(recent: &Recent, id: usize, version: Version) {
        recent.writing(&run(id).id);
        recent.written(&run(id), Some(version));
    }

    fn version(recent: &Recent, id: usize) -> Option<Version> {
        Some(recent.get(&run(id).id)?.version)
    }

    #[test]
    fn the_latest_are_known_as_last_written_and_the_oldest_are_forgotten() {
        let recent = Recent::new(true);
        put(&recent, 0, 2);
        put(&recent, 0, 1);
        assert_eq!(version(&recent, 0), Some(2));
        for id in 1..=ROOM.0 {
            put(&recent, id, 1);
        }
        // One generation later it is still there, and two later it is not.
        assert_eq!(version(&recent, 0), Some(2));
        for id in 1..=2 * ROOM.0 {
            put(&recent, id, 2);
        }
        assert_eq!(version(&recent, 0), None);
        assert_eq!(version(&recent, 2 * ROOM.0), Some(2));
        let cache = recent.cache.into_inner().unwrap();
        assert!(cache.few.young.len() + cache.few.old.len() <= 2 * ROOM.0 && cache.writing.is_empty());
    }

    #[test]
    fn what_is_forgotten_is_freed_little_by_little() {
        let recent = Recent::new(true);
        let left = || recent.cache.lock().unwrap().few.forgotten.as_ref().map_or(0, ExactSizeIterator::len);
        let (mut most, mut before) = (0, 0);
        for id in 0..4 * ROOM.0 {
            put(&recent, id, 1);
            let left = left();
            assert!(before == 0 || before - left == 2, "{before} were left, and then {left}");
            (most, before) = (most.max(left), left);
        }
        assert!(most > ROOM.0 - 3, "{most}");
    }

    fn sure(recent: &Recent, id: usize) -> bool {
        recent.get(&run(id).id).is_some_and(|it| it.sure)
    }

    #[test]
    fn while_a_run_is_written_and_when_that_is_refused_the_store_is_asked() {
        let recent = Recent::new(true);
        put(&recent, 0, 1);
        assert!(sure(&recent, 0));
        recent.writing(&run(0).id);
        recent.writing(&run(0).id);
        recent.written(&run(0), Some(2));
        assert!(!sure(&recent, 0), "the other one may be written");
        recent.written(&run(0), None);
        assert!(!sure(&recent, 0), "somebody else wrote it, or it is not known whether it was written");
        assert_eq!(version(&recent, 0), Some(2));
        recent.read(&run(0), 3);
        assert!(sure(&recent, 0));
        assert_eq!(version(&recent, 0), Some(3));
    }

    #[test]
    fn nothing_is_sure_of_a_store_that_others_write() {
        let recent = Recent::new(false);
        put(&recent, 0, 1);
        assert_eq!((version(&recent, 0), sure(&recent, 0)), (Some(1), false));
    }

    #[test]
    fn a_long_run_stays_and_leaves_the_others_their_room() {
        let recent = Recent::new(true);
        let one = handed("h", "writer", "editor");
        let nth = |nth: usize| Handoff { id: format!("h{nth}").as_str().into(), ..one.clone() };
        let long =
            |id: usize, length| Arc::new(Run { handoffs: (0..length).map(nth).collect(), ..Run::clone(&run(id)) });
        put(&recent, 1, 1);
        recent.read(&run(2), 1);
        assert_eq!(version(&recent, 2), None, "one with few handoffs that was only read is not kept");
        for version in 1..=20 {
            let grown = long(0, MANY - 10 + version);
            recent.writing(&grown.id);
            recent.written(&grown, Some(version as Version));
        }
        recent.read(&long(3, ROOM.1 + 1), 1);
        assert_eq!((version(&recent, 0), version(&recent, 1), version(&recent, 3)), (Some(20), Some(1), Some(1)));
        recent.read(&long(3, ROOM.1 + 2), 2);
        assert_eq!((version(&recent, 0), version(&recent, 3)), (Some(20), Some(2)));
        let cache = recent.cache.into_inner().unwrap();
        assert_eq!((cache.few.weight, cache.many.weight), (1, ROOM.1 + 3));
        assert_eq!((cache.few.young.len(), cache.many.young.len(), cache.many.old.len()), (1, 1, 1));
    }
}
