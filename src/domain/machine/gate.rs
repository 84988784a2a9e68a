//! The gate: nobody begins with what needs an approval before its contract, as it stands, has one: row 2, and whatever
//! else leads to the queue.

use super::log::Log;
use crate::domain::command::Refusal;
use crate::domain::event::{Escalation, EscalationKind, Fact};
use crate::domain::id::{Actor, HandoffId};
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

    /// Whether the one who asks may end what lacks its approval, or what a person is asked about, as if it had been
    /// decided on.
    ///
    /// # Errors
    /// [`Refusal::RoleNeeded`] or [`Refusal::SelfApproval`] when that one could not say yes.
    pub(super) fn may_pass(&self, it: &Handoff) -> Result<(), Refusal> {
        let needed = it.lacks_approval();
        if let Some(needed) = needed {
            self.has_role(&needed.role)?;
        }
        if needed.is_some() || it.escalation.is_some() { self.is_impartial(it) } else { Ok(()) }
    }

    /// Whether the one who asks had no hand in it, where duties are separated.
    ///
    /// # Errors
    /// [`Refusal::SelfApproval`] otherwise.
    pub(super) fn is_impartial(&self, it: &Handoff) -> Result<(), Refusal> {
        let subject = &self.bearer.subject;
        // What was emitted before subjects were kept is known by the name of its source only.
        let emitter = it.emission.terms.as_ref().and_then(|it| it.emitter.as_deref());
        let own = *emitter.unwrap_or(&it.emission.from.id) == **subject;
        if it.separates() && (own || it.hands.contains(&Actor::user(subject))) {
            return Err(self.own("emitted, edited, requeued or escalated"));
        }
        Ok(())
    }

    /// The refusal of a decision on what is one's own by this deed.
    pub(super) fn own(&self, deed: &'static str) -> Refusal {
        Refusal::SelfApproval { who: self.bearer.subject.to_string(), deed }
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
        asker: None,
        cause: None,
    })
}
