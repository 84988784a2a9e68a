//! The gate: nobody begins with what needs an approval before its contract, as it stands, has one: row 2, and whatever
//! else leads to the queue.

use super::log::Log;
use crate::domain::command::Refusal;
use crate::domain::event::{Escalation, EscalationKind, Fact};
use crate::domain::id::HandoffId;
use crate::domain::run::{Handoff, State};
use crate::domain::time::Time;

impl Log {
    /// Asks for the approval of everything that this decision left free to be claimed without the one it needs.
    pub(super) fn close_gates(&mut self) {
        let free = |it: &&Handoff| matches!(it.state, State::Pending | State::RetryWait);
        let touched = self.made.touched.iter().filter_map(|id| self.made.run.handoffs.get(id));
        let asked: Vec<(HandoffId, Escalation)> =
            touched.filter(free).filter_map(|it| Some((it.id.clone(), question(it, self.now)?))).collect();
        for (id, asked) in asked {
            self.say(Some(&id), Fact::EscalationOpened(Box::new(asked)));
        }
    }

    /// Whether the one who asks may let through what lacks its approval: what that one could say yes to.
    ///
    /// # Errors
    /// [`Refusal::RoleNeeded`] when the role is another.
    pub(super) fn may_pass(&self, it: &Handoff) -> Result<(), Refusal> {
        it.lacks_approval().map_or(Ok(()), |needed| self.has_role(&needed.role))
    }

    /// Whether the one who asks has `role`.
    ///
    /// # Errors
    /// [`Refusal::RoleNeeded`] when not.
    pub(super) fn has_role(&self, role: &str) -> Result<(), Refusal> {
        if self.bearer.roles.include(role) {
            return Ok(());
        }
        Err(Refusal::RoleNeeded { who: self.by.id.to_string(), role: role.to_owned() })
    }
}

/// The question that `it` has to wait for now; `None` when its target may begin.
fn question(it: &Handoff, now: Time) -> Option<Escalation> {
    let needed = it.lacks_approval()?;
    Some(Escalation {
        // One a version at most, so no two have the same name.
        id: format!("{}.{}", it.id, it.version),
        kind: EscalationKind::Approval,
        question: needed.question.clone(),
        allow: it.emission.answers(EscalationKind::Approval),
        role: Some(needed.role.clone()),
        urgency: it.urgency(),
        due_at: Some(now + needed.due_ms),
        on_timeout: needed.on_timeout,
        proposed_action: needed.proposed_action.clone(),
        requested_schema: None,
        context_digest: it.digest().map(str::to_owned),
        required: true,
    })
}
