//! Runs that no agent can move.

use super::{Handoff, Run, State};
use crate::domain::id::Edge;

impl Run {
    /// True when something is open and nothing of it waits for an agent: each is a question, a dead letter, addressed to
    /// people, or to be taken over an edge that is paused.
    pub fn waits_for_people(&self, is_paused: impl Fn(&Edge) -> bool) -> bool {
        let by_people = |it: &Handoff| match it.state {
            State::Escalated | State::DeadLettered => true,
            State::Pending | State::RetryWait => it.emission.to.kind.is_people() || is_paused(&it.emission.edge),
            State::Leased | State::Acknowledged => it.emission.to.kind.is_people(),
            State::Completed
            | State::Returned
            | State::Dismissed
            | State::Cancelled
            | State::Failed
            | State::Rejected => false,
        };
        self.handoffs.count(State::is_open) > 0 && self.open().all(by_people)
    }
}
