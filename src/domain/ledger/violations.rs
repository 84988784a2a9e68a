//! The groups of refused contracts that a watcher knows.

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use crate::domain::id::Edge;
use crate::domain::offence::Offence;

/// Everything that was refused, grouped.
#[derive(Clone, Debug, Default)]
pub struct Violations {
    /// By what tells them apart.
    groups: IndexMap<String, Offence, RandomState>,
}

impl Violations {
    /// Every group, in order of appearance.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = &Offence> {
        self.groups.values()
    }

    /// The groups of one edge, the latest first.
    pub fn on(&self, edge: &Edge) -> Vec<&Offence> {
        let mut found: Vec<_> = self.groups.values().filter(|it| it.edge == *edge).collect();
        found.sort_by_key(|it| std::cmp::Reverse(it.last_at));
        found
    }

    /// Takes up what was refused.
    pub(super) fn add(&mut self, it: Offence) {
        let key = it.key();
        if let Some(group) = self.groups.get_mut(&key) {
            return group.add(&it);
        }
        if self.groups.len() >= Offence::KEPT {
            let least = self.groups.iter().min_by_key(|(_, other)| other.worth(it.last_at)).map(|(key, _)| key.clone());
            least.and_then(|key| self.groups.shift_remove(&key));
        }
        self.groups.insert(key, it);
    }
}
