//! The handoffs of a run. A run may go on for ever, as a patrol does, so nothing here costs by what has ended: a copy shares
//! all but the latest with what it is copied from, and whatever is asked of all of them was noted when they came.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use foldhash::fast::RandomState;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Handoff, State};
use crate::domain::contract::Party;
use crate::domain::event::Emission;
use crate::domain::id::{Edge, HandoffId};
use crate::domain::key::beside;

/// Number of handoffs of a chunk. Fewer are looked through.
const CHUNK: usize = 128;

/// Handoffs in order of emission, found by their ids and keys.
#[derive(Clone, Default)]
pub struct Handoffs {
    /// What came first.
    full: Vec<Chunk>,
    /// What came after it, fewer than [`CHUNK`].
    latest: Vec<Arc<Handoff>>,
    /// Number of handoffs that were emitted, in each state, in the order of [`State::ALL`].
    states: [u32; State::ALL.len()],
}

/// As many handoffs as a chunk has, in order of emission.
#[derive(Clone)]
struct Chunk {
    handoffs: Arc<[Arc<Handoff>]>,
    notes: Arc<Notes>,
}

/// What is asked of all handoffs of a chunk. It follows from their heads.
#[derive(Default)]
struct Notes {
    ids: HashMap<HandoffId, usize, RandomState>,
    /// Only of those that have terms.
    keys: HashMap<Arc<str>, usize, RandomState>,
    /// The latest on each edge.
    edges: HashMap<Edge, usize, RandomState>,
    /// Who hands over or takes over, on the branches of the run (`None`) and on each beside it.
    parties: HashSet<(Option<u64>, Party), RandomState>,
}

impl Handoffs {
    /// Number of handoffs.
    pub fn len(&self) -> usize {
        self.full.len() * CHUNK + self.latest.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.full.is_empty() && self.latest.is_empty()
    }

    /// Every handoff, in order of emission.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Handoff> + Clone {
        let full = self.full.iter().flat_map(|it| it.handoffs.iter());
        full.chain(&self.latest).map(|it| &**it)
    }

    /// Their ids, in order of emission.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &HandoffId> {
        self.values().map(|it| &it.id)
    }

    /// The first one; `None` when there is none.
    pub fn first(&self) -> Option<&Handoff> {
        self.values().next()
    }

    /// The last one; `None` when there is none.
    pub fn last(&self) -> Option<&Handoff> {
        self.values().next_back()
    }

    /// The handoff with this id; `None` when it is not among them.
    pub fn get(&self, id: &HandoffId) -> Option<&Handoff> {
        Some(&**self.at(self.place(id)?))
    }

    /// The place of a handoff in order of emission, from 0; `None` when it is not among them.
    pub fn place(&self, id: &HandoffId) -> Option<usize> {
        self.find(|it| it.id == *id, |notes| notes.ids.get(id))
    }

    /// The handoff whose contract has this key; `None` while the key is free.
    pub fn by_key(&self, key: &str) -> Option<&Handoff> {
        let same = |it: &Handoff| it.emission.terms.as_ref().is_some_and(|it| *it.key == *key);
        Some(&**self.at(self.find(same, |notes| notes.keys.get(key))?))
    }

    /// The latest handoff on an edge that is `wanted`; `None` when there is none.
    pub fn latest_on(&self, wanted: impl Fn(&Edge) -> bool) -> Option<&Handoff> {
        let of_latest = self.latest.iter().rev().find(|it| wanted(&it.emission.edge));
        let of_chunk = |chunk: &'_ Chunk| {
            let edges = chunk.notes.edges.iter().filter(|(edge, _)| wanted(edge));
            edges.map(|(_, place)| *place).max()
        };
        let mut full = self.full.iter().rev();
        let found = of_latest.or_else(|| full.find_map(|it| it.handoffs.get(of_chunk(it)?)));
        found.map(|it| &**it)
    }

    /// Whether one of these parties hands over or takes over on a branch beside the run, or on its own branches (`None`).
    pub fn meets(&self, side: Option<u64>, is: impl Fn(&Party) -> bool) -> bool {
        let mut latest = self.latest.iter().flat_map(|it| parties(&it.emission));
        let mut full = self.full.iter().flat_map(|it| &it.notes.parties);
        latest.any(|it| it.0 == side && is(it.1)) || full.any(|it| it.0 == side && is(&it.1))
    }

    /// Number of handoffs that were emitted and are in states that are `wanted`.
    pub fn count(&self, wanted: impl Fn(State) -> bool) -> usize {
        let states = State::ALL.iter().zip(&self.states);
        states.filter(|(state, _)| wanted(**state)).map(|(_, count)| *count as usize).sum()
    }

    /// Adds the handoff that was emitted last. Its id is new.
    pub fn push(&mut self, it: Arc<Handoff>) {
        self.states[it.state as usize] += u32::from(it.emitted_at.is_some());
        self.latest.push(it);
        if self.latest.len() == CHUNK {
            self.full.push(Chunk::of(std::mem::take(&mut self.latest).into()));
        }
    }

    /// Changes a handoff; what `change` gives, `None` when there is no such handoff.
    pub fn change<T>(&mut self, id: &HandoffId, change: impl FnOnce(&mut Handoff) -> T) -> Option<T> {
        let place = self.place(id)?;
        let chunk = place / CHUNK;
        let handoffs = match self.full.get_mut(chunk) {
            Some(full) => Arc::make_mut(&mut full.handoffs),
            None => &mut self.latest,
        };
        let it = Arc::make_mut(handoffs.get_mut(place % CHUNK)?);
        let counted = |it: &Handoff| (it.state as usize, u32::from(it.emitted_at.is_some()));
        let (before, head) = (counted(it), Arc::clone(&it.emission));
        let done = change(it);
        let (now, same_head) = (counted(it), Arc::ptr_eq(&head, &it.emission));
        self.states[before.0] -= before.1;
        self.states[now.0] += now.1;
        if let Some(full) = self.full.get_mut(chunk).filter(|_| !same_head) {
            *full = Chunk::of(Arc::clone(&full.handoffs));
        }
        Some(done)
    }

    /// Puts a handoff as it is now in the place of what it was; one that is new comes last.
    pub fn put(&mut self, new: Arc<Handoff>) {
        let id = new.id.clone();
        let mut new = Some(new);
        self.change(&id, |it| new.take().map(|new| *it = Arc::unwrap_or_clone(new)));
        if let Some(new) = new {
            self.push(new);
        }
    }

    fn at(&self, place: usize) -> &Arc<Handoff> {
        let chunk = self.full.get(place / CHUNK).map_or(&*self.latest, |it| &it.handoffs);
        &chunk[place % CHUNK]
    }

    /// The place of the handoff that `is` it, or that the notes of its chunk name; what came last is what is asked for most.
    fn find(&self, is: impl Fn(&Handoff) -> bool, noted: impl Fn(&Notes) -> Option<&usize>) -> Option<usize> {
        if let Some(place) = self.latest.iter().rposition(|it| is(it)) {
            return Some(self.full.len() * CHUNK + place);
        }
        let mut full = self.full.iter().enumerate().rev();
        full.find_map(|(nth, it)| Some(nth * CHUNK + noted(&it.notes)?))
    }
}

impl Chunk {
    fn of(handoffs: Arc<[Arc<Handoff>]>) -> Self {
        let mut notes = Notes::default();
        for (place, it) in handoffs.iter().enumerate() {
            let head = &it.emission;
            notes.ids.insert(it.id.clone(), place);
            notes.keys.extend(head.terms.as_ref().map(|it| (Arc::clone(&it.key), place)));
            notes.edges.insert(head.edge.clone(), place);
            notes.parties.extend(parties(head).map(|(side, party)| (side, party.clone())));
        }
        Self { handoffs, notes: Arc::new(notes) }
    }
}

/// Who hands over and who takes over, and on which branch beside the run; `None` on its own branches.
fn parties(of: &Emission) -> [(Option<u64>, &Party); 2] {
    let side = beside(&of.branch);
    [(side, &of.from), (side, &of.to)]
}

impl FromIterator<Handoff> for Handoffs {
    fn from_iter<T: IntoIterator<Item = Handoff>>(handoffs: T) -> Self {
        let mut all = Self::default();
        handoffs.into_iter().for_each(|it| all.push(Arc::new(it)));
        all
    }
}

impl PartialEq for Handoffs {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.values().eq(other.values())
    }
}

impl fmt::Debug for Handoffs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values()).finish()
    }
}

/// Pairs of an id and its handoff, which says it, too.
impl Serialize for Handoffs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.values().map(|it| (&it.id, it)))
    }
}

impl<'de> Deserialize<'de> for Handoffs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pairs = Vec::<(HandoffId, Handoff)>::deserialize(deserializer)?;
        Ok(pairs.into_iter().map(|(id, it)| Handoff { id, ..it }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::machine::tests::handed;

    /// A patrol of two guards, one handoff after the other.
    fn patrol(length: usize) -> Handoffs {
        (0..length).map(nth).collect()
    }

    fn nth(nth: usize) -> Handoff {
        let guards = if nth.is_multiple_of(2) { ("ann", "ben") } else { ("ben", "ann") };
        handed(&format!("h{nth}"), guards.0, guards.1)
    }

    #[test]
    fn a_long_run_answers_as_a_short_one_does() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK + 7] {
            let all = patrol(length);
            assert_eq!((all.len(), all.is_empty()), (length, length == 0));
            let ids: Vec<_> = all.keys().map(HandoffId::to_string).collect();
            assert_eq!(ids, (0..length).map(|nth| format!("h{nth}")).collect::<Vec<_>>(), "in order of emission");
            for (nth, it) in all.values().enumerate() {
                assert_eq!(
                    (all.place(&it.id), all.get(&it.id), all.by_key(it.id.as_str())),
                    (Some(nth), Some(it), Some(it))
                );
            }
            assert_eq!((all.get(&"none".into()), all.by_key("none")), (None, None));
            assert_eq!(all.first(), all.values().next());
            assert_eq!(all.last(), all.values().last());
            let to_ann = all.values().rev().find(|it| &*it.emission.edge.to == "ann");
            assert_eq!(all.latest_on(|edge| &*edge.to == "ann"), to_ann);
            assert_eq!(all.latest_on(|edge| &*edge.to == "eve"), None);
            assert_eq!(all.meets(None, |it| it.id == "ben"), length > 0);
            assert!(!all.meets(None, |it| it.id == "eve") && !all.meets(Some(1), |it| it.id == "ben"));
            assert_eq!((all.count(State::is_open), all.count(|it| !it.is_open())), (length, 0));
            let again: Handoffs = serde_json::from_str(&serde_json::to_string(&all).unwrap()).unwrap();
            assert_eq!(again, all);
        }
    }

    #[test]
    fn a_change_is_found_again_and_leaves_what_was_copied_before() {
        let mut all = patrol(2 * CHUNK + 1);
        let before = all.clone();
        for id in ["h3", "h256"] {
            let id = id.into();
            let done = all.change(&id, |it| {
                it.state = State::Completed;
                let terms = Arc::make_mut(&mut it.emission).terms.as_mut().unwrap();
                terms.key = format!("new {id}").into();
                7
            });
            assert_eq!(done, Some(7));
            assert_eq!(all.by_key(&format!("new {id}")), all.get(&id));
            assert_eq!((all.by_key(id.as_str()), before.by_key(id.as_str())), (None, before.get(&id)));
        }
        assert_eq!((all.count(State::is_open), all.count(|it| it == State::Completed)), (2 * CHUNK - 1, 2));
        assert_eq!(before.count(State::is_open), 2 * CHUNK + 1);
        assert_eq!(all.change(&"none".into(), |_| ()), None);
        let (fourth, new) = (before.get(&"h3".into()).unwrap(), nth(3_000));
        all.put(Arc::new(fourth.clone()));
        all.put(Arc::new(new.clone()));
        assert_eq!((all.get(&fourth.id), all.last(), all.len()), (Some(fourth), Some(&new), 2 * CHUNK + 2));
    }

    #[test]
    fn a_copy_shares_all_but_what_changes() {
        let mut all = patrol(20 * CHUNK);
        let before = all.clone();
        all.change(&"h300".into(), |it| it.state = State::Completed);
        all.push(Arc::new(nth(3_000)));
        let shared =
            all.full.iter().zip(&before.full).filter(|(one, other)| Arc::ptr_eq(&one.handoffs, &other.handoffs));
        assert_eq!(shared.count(), 19, "one chunk is another one now");
        let of = |of: &Handoffs| of.full.iter().flat_map(|it| it.handoffs.to_vec()).collect::<Vec<_>>();
        let (one, other) = (of(&all), of(&before));
        let copied = one.iter().zip(&other).filter(|(one, other)| !Arc::ptr_eq(one, other));
        assert_eq!(copied.count(), 1, "and one handoff in it");
    }
}
