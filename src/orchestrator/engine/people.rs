//! Acts of people beside those of a console: edit, take, complete by hand, cancel (rows 18 to 25).

use std::sync::Arc;

use json_patch::Patch;
use serde_json::Value;

use super::admit::{OPERATORS, contract_blob, emission, proposal, question_to};
use super::blobs::Kept;
use super::ids::new_lease;
use super::lease::{blobs, stored};
use super::requester::{Done, Plan};
use super::{Engine, Problem, Requester, cut};
use crate::domain::command::{Command, Seen};
use crate::domain::contract::{Contract, SIDE_EFFECTS_UNDECLARED, Violation};
use crate::domain::event::{Annotation, Answer, Approval, Emission, Escalation, EscalationKind};
use crate::domain::id::{Actor, HandoffId, RunId};
use crate::domain::run::{Handoff, Run, State};
use crate::orchestrator::boundary::{Derive, amend, uncovered, unmasked_diff};
use crate::store::StoreError;

/// An edit of a contract.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// The whole contract as it shall be; what is masked in it stays as it is.
    Whole(Value),
    /// A JSON Patch (RFC 6902) to apply to the contract.
    Patch(Patch),
}

impl Requester {
    /// Row 22: a person edits the contract of a dead letter or an escalated handoff.
    ///
    /// # Errors
    /// [`Problem::Invalid`] when the edited contract is, or the edit touches the record of what happened.
    pub async fn amend(&self, seen: Seen, edit: Edit) -> Result<Handoff, Problem> {
        if let Some(before) = self.before() {
            return before.handoff(&seen.handoff);
        }
        let (run, handoff) = self.find(&seen.handoff).await?;
        let (blob, head) = self.edited(&handoff, edit).await?;
        let command = Command::Amend { seen: seen.clone(), head };
        self.once_on(&run, &seen.handoff, command, vec![blob]).await
    }

    /// A person takes a handoff addressed to people: claim and acknowledge, without expiry.
    ///
    /// # Errors
    /// Fails when it is addressed to an agent, or changed since it was seen.
    pub async fn take(&self, seen: Seen) -> Result<Handoff, Problem> {
        let (run, handoff) = self.find(&seen.handoff).await?;
        let command = taking(&handoff, seen);
        self.once_on(&run, &handoff.id, command, Vec::new()).await
    }

    /// Row 24: a person did it, and this follows.
    ///
    /// # Errors
    /// [`Problem::Invalid`] when any contract in `next` is.
    pub async fn complete_manually(
        &self,
        seen: Seen,
        result: Option<Value>,
        next: Vec<Value>,
        note: &str,
    ) -> Result<Handoff, Problem> {
        if let Some(before) = self.before() {
            return before.handoff(&seen.handoff);
        }
        let (run, handoff) = self.find(&seen.handoff).await?;
        let result = stored(result)?;
        let candidates = self.follow_ups(&run, &handoff, &next).await?;
        let note = self.told_one(&seen.handoff, cut(note, 2_000)).await?;
        let command = Command::CompleteManually {
            seen,
            result: result.as_ref().map(|it| it.digest.clone()),
            next: candidates.iter().map(|it| it.handoff.clone()).collect(),
            note,
        };
        let blobs = blobs(&candidates, result.as_ref());
        self.once_on(&run, &handoff.id, command, blobs).await
    }

    /// Row 25: ends everything open in a run. `seen` is its version on the screen.
    ///
    /// # Errors
    /// Fails when nothing is open, or the run changed since it was seen.
    pub async fn cancel(&self, run: &RunId, seen: u64, why: &str) -> Result<Run, Problem> {
        self.on_run(run, Command::Cancel { expect: Some(seen), why: why.to_owned() }).await
    }

    /// A person says what they make of a run, or of one of its handoffs.
    ///
    /// # Errors
    /// Fails when there is no such run or handoff, or the verdict is empty or too long.
    pub async fn annotate(&self, run: &RunId, annotation: Annotation) -> Result<Run, Problem> {
        let note = cut(&annotation.note, 2_000);
        let annotation = self.told_annotation(Annotation { note, ..annotation }).await?;
        self.on_run(run, Command::Annotate(annotation)).await
    }

    /// An annotation as the log may tell it.
    pub(super) async fn told_annotation(&self, annotation: Annotation) -> Result<Annotation, Problem> {
        let Some(handoff) = &annotation.handoff else { return Ok(annotation) };
        let note = self.told_one(handoff, annotation.note).await?;
        Ok(Annotation { verdict: self.told_one(handoff, annotation.verdict).await?, note, handoff: annotation.handoff })
    }

    async fn on_run(&self, run: &RunId, command: Command) -> Result<Run, Problem> {
        let plan = |_: Option<&Run>, _| Ok(Plan::of(command.clone()));
        match self.transact(run, plan).await? {
            Done::Now { run, .. } => Ok(Arc::unwrap_or_clone(run)),
            Done::Before(_) => self.run(run).await,
        }
    }

    async fn once_on(
        &self,
        run: &RunId,
        handoff: &HandoffId,
        command: Command,
        blobs: Vec<Kept>,
    ) -> Result<Handoff, Problem> {
        let plan = |_: Option<&Run>, _| Ok(Plan { command: command.clone(), blobs: blobs.clone() });
        self.transact(run, plan).await?.handoff(handoff)
    }
}

impl Engine {
    /// Does whatever is due on these handoffs of a run now, all of it or nothing; false when nothing is.
    pub(in crate::orchestrator) async fn timer(&self, run: &RunId, due: &[HandoffId]) -> Result<bool, Problem> {
        let command = Command::Timer(due.iter().map(|it| (it.clone(), fastrand::f64())).collect());
        let plan = |_: Option<&Run>, _| Ok(Plan::of(command.clone()));
        let done = self.by(Actor::system("sweeper")).transact(run, plan).await?;
        Ok(matches!(done, Done::Now { events, .. } if !events.is_empty()))
    }

    pub(super) async fn handoff(&self, run: &RunId, handoff: &HandoffId) -> Result<Handoff, Problem> {
        let found = self.run(run).await?.handoffs.get(handoff).cloned();
        found.ok_or_else(|| Problem::NotFound(format!("handoff {handoff}")))
    }

    pub(super) fn question(&self, handoff: &Handoff, why: &str, role: &str) -> Escalation {
        let question = match why.trim() {
            "" => "Please look at this".to_owned(),
            why => why.to_owned(),
        };
        let role = if role.trim().is_empty() { OPERATORS } else { role };
        let kind =
            if handoff.state == State::DeadLettered { EscalationKind::DeadLetter } else { EscalationKind::Approval };
        // The question is in somebody's own words, so the answer may be, too.
        let mut allow = handoff.emission.answers(kind);
        allow.insert(1, Answer::Respond);
        Escalation {
            allow,
            context_digest: handoff.digest().map(str::to_owned),
            ..question_to(kind, question, role, handoff.urgency(), self.now())
        }
    }

    /// The edited contract, admitted again at its place, and its head.
    pub(super) async fn edited(&self, handoff: &Handoff, edit: Edit) -> Result<(Kept, Box<Emission>), Problem> {
        let original = self.contract_of(handoff).await?;
        let invalid = |violations: Vec<Violation>| Problem::invalid(violations, None);
        let patch = match edit {
            Edit::Patch(patch) => patch,
            Edit::Whole(edited) => unmasked_diff(&original, edited).map_err(invalid)?,
        };
        let edited = amend(&original, &patch).map_err(invalid)?;
        let shown = uncovered(&original, &patch, &edited);
        if !shown.is_empty() {
            return Err(invalid(shown));
        }
        let contract: Contract = serde_json::from_value(original).map_err(StoreError::from)?;
        let policy = self.policy(&handoff.emission.edge);
        let mut derive = Derive::new(
            contract.source,
            contract.trace_id,
            contract.step,
            contract.branch,
            contract.relation,
            self.now(),
        );
        derive.strictness = policy.strictness;
        derive.completeness_min = policy.completeness_min;
        derive.consumer.clone_from(&policy.consumer);
        derive.volatile.clone_from(&policy.volatile);
        self.prepare(&edited).await?;
        let derive = self.after_the_last(&edited, derive).await?;
        let admitted = self.admit(&edited, &derive).map_err(invalid)?;
        let mut head = emission(&admitted, policy, derive.now);
        // It needs what it was emitted with, whatever the policy says by now; what will run is that of the edit.
        let before = handoff.emission.terms.as_ref();
        if let (Some(before), Some(terms)) = (before, &mut head.terms) {
            // An edit declares nothing in the place of the source.
            let undeclared = before.flags.iter().filter(|it| *it == SIDE_EFFECTS_UNDECLARED);
            terms.flags.extend(undeclared.cloned());
        }
        let needed = before.and_then(|it| it.approval.as_deref());
        if let (Some(needed), Some(terms)) = (needed, &mut head.terms) {
            terms.approval = Some(Box::new(Approval { proposed_action: proposal(&admitted), ..needed.clone() }));
        }
        Ok((contract_blob(&admitted), Box::new(head)))
    }
}

/// A person's claim of `handoff`.
pub(super) fn taking(handoff: &Handoff, seen: Seen) -> Command {
    let lease = new_lease(handoff.attempts_total + 1);
    Command::Take { seen, lease }
}
