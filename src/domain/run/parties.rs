//! Who takes part in a run, and what of it is shown to whom.
//!
//! A peer comes in from outside on a branch beside the run. It takes no part by that, nor does whom it hands to: they are
//! shown what is on that branch and nothing else.

use std::sync::Arc;

use super::{Handoff, Run};
use crate::domain::contract::Party;
use crate::domain::event::Emission;
use crate::domain::key::{TraceId, beside, check_branch, handoff_key, own_branch};

impl Run {
    /// Whether somebody who `is` these parties hands over or takes over on the run's own branches.
    pub fn takes_part(&self, is: impl Fn(&Party) -> bool) -> bool {
        self.handoffs.meets(None, is)
    }

    /// Whether a handoff of the run is shown to who `is` these parties.
    pub fn shows(&self, handoff: &Handoff, is: impl Fn(&Party) -> bool) -> bool {
        let side = beside(&handoff.emission.branch);
        self.takes_part(&is) || side.is_some() && self.handoffs.meets(side, &is)
    }

    /// Whether a handoff may come into the run: it is the first, its source takes part, or it comes in beside the run.
    pub fn lets_in(&self, new: &Emission) -> bool {
        self.handoffs.is_empty() || beside(&new.branch).is_some() || self.takes_part(|it| it.id == new.from.id)
    }

    /// The branch for what follows from a handoff: that of its place by the step rules or, where other work has come there
    /// before, one of its own below it. So nobody who takes part keeps another from going on.
    pub fn branch_for(&self, step: u32, branch: String, from: &Party, to: &str, stage: &str) -> String {
        let key = TraceId::parse(self.id.as_str()).and_then(|trace| handoff_key(&trace, step, &branch));
        let there = key.ok().and_then(|key| self.handoffs.by_key(key.as_str())).map(|it| &it.emission);
        let same =
            |it: &Arc<Emission>| it.from == *from && it.to.id == to && it.stage.as_deref().unwrap_or_default() == stage;
        if there.is_none_or(same) {
            return branch;
        }
        let own = own_branch(&branch, &from.id, to, stage);
        if check_branch(&own).is_ok() { own } else { branch }
    }
}
