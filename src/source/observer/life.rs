//! The life of one handoff within one millisecond: an attempt that is tried again is acknowledged and ends anew.

use std::collections::{BTreeMap, VecDeque};

use super::order::{Held, Stage};

/// How far the attempt of a handoff went that is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Life {
    /// Its target accepted it.
    acknowledged: bool,
    /// People are asked, and have not answered.
    asked: bool,
    /// It ended.
    ended: bool,
}

impl Life {
    /// Takes note of what happened next.
    pub(super) const fn go_on(&mut self, stage: Stage) {
        match stage {
            Stage::Emitted | Stage::After => {}
            Stage::Acknowledged => self.acknowledged = true,
            Stage::Waiting => self.asked = true,
            Stage::Answered => self.asked = false,
            Stage::Failed | Stage::Ended => self.ended = true,
            Stage::Retried => (self.acknowledged, self.ended) = (false, false),
        }
    }

    /// Whether this may happen next.
    const fn allows(self, stage: Stage) -> bool {
        match stage {
            Stage::Emitted | Stage::Retried | Stage::After => true,
            Stage::Acknowledged => !(self.acknowledged || self.ended),
            Stage::Waiting => !(self.asked || self.ended),
            Stage::Answered => self.asked,
            Stage::Failed | Stage::Ended => !self.ended,
        }
    }

    /// Rank of a stage among those that are left, the next one lowest: what may happen, then what may not. An answer
    /// that is waited for comes before all but the emission.
    fn rank(self, stage: Stage) -> (bool, bool, Stage) {
        (!self.allows(stage), !matches!(stage, Stage::Emitted | Stage::Answered), stage)
    }

    /// Puts what happened to the handoff in one millisecond, sorted by stage, in the order of its life.
    pub(super) fn order(mut self, held: &mut Vec<Held>) {
        let mut left: BTreeMap<Stage, VecDeque<Held>> = BTreeMap::new();
        for it in held.drain(..) {
            left.entry(Stage::of(&it.of.event.fact)).or_default().push_back(it);
        }
        while let Some(stage) = left.keys().copied().min_by_key(|stage| self.rank(*stage)) {
            self.go_on(stage);
            let next = left.get_mut(&stage).and_then(VecDeque::pop_front);
            held.extend(next);
            left.retain(|_, it| !it.is_empty());
        }
    }
}
