//! Acts of agents under a lease: acknowledge, complete, return, fail, reject, snooze (rows 5 to 16).

use serde_json::{Value, json};

use super::admit::{Candidate, OPERATORS, question_to};
use super::blobs::Kept;
use super::requester::{Done, Plan};
use super::revision::shortened;
use super::{Problem, Requester, cut};
use crate::domain::canonical::canonical;
use crate::domain::command::{Command, Held, Refusal};
use crate::domain::contract::{Violation, digest_of_bytes};
use crate::domain::event::{Answer, Cause, Escalation, EscalationKind, Event, Fact};
use crate::domain::id::HandoffId;
use crate::domain::json::exact_numbers;
use crate::domain::run::{Handoff, Run};
use crate::domain::time::Time;
use crate::store::Blob;

/// The outcome of finished work.
#[derive(Clone, Debug, PartialEq)]
pub struct Completed {
    /// The handoff as it ended.
    pub handoff: Handoff,
    /// The handoffs emitted in the same transaction, in order; empty when none follow.
    pub next: Vec<Handoff>,
}

impl Requester {
    /// Row 5: the target has verified the contract and owns the work.
    ///
    /// # Errors
    /// [`Refusal::LeaseLost`] when it is too late.
    pub async fn acknowledge(&self, held: Held) -> Result<Handoff, Problem> {
        self.under_lease(&held, |_, _| Command::Acknowledge(held.clone())).await
    }

    /// Row 6: extends the lease by its length from now.
    ///
    /// # Errors
    /// [`Refusal::LeaseLost`] when it is too late.
    pub async fn heartbeat(&self, held: Held) -> Result<Handoff, Problem> {
        self.under_lease(&held, |_, _| Command::Heartbeat(held.clone())).await
    }

    /// Row 9: the work is done, and this follows: all of it in one transaction, or nothing. Repeating it under
    /// the same lease is answered again.
    ///
    /// # Errors
    /// [`Problem::Invalid`] when any contract in `next` is; their places are in the paths.
    pub async fn complete(&self, held: Held, result: Option<Value>, next: Vec<Value>) -> Result<Completed, Problem> {
        if let Some(before) = self.before() {
            return completed(before, &held.handoff);
        }
        let (run, handoff) = self.find(&held.handoff).await?;
        let result = stored(result)?;
        let candidates = self.follow_ups(&run, &handoff, &next).await?;
        let plan = |_: Option<&Run>, _| {
            Ok(Plan {
                command: Command::Complete {
                    held: held.clone(),
                    result: result.as_ref().map(|it| it.digest.clone()),
                    next: candidates.iter().map(|it| it.handoff.clone()).collect(),
                },
                blobs: blobs(&candidates, result.as_ref()),
            })
        };
        let done = self.transact(&run, plan).await?;
        completed(done, &held.handoff)
    }

    /// Row 10: back to where it came from, with feedback. Without a contract of the agent's own, the revision is
    /// the original with the feedback as what is to be done.
    ///
    /// # Errors
    /// [`Problem::Invalid`] when the agent's contract is.
    pub async fn return_to_source(
        &self,
        held: Held,
        feedback: Vec<String>,
        contract: Option<Value>,
    ) -> Result<Completed, Problem> {
        if let Some(before) = self.before() {
            return completed(before, &held.handoff);
        }
        let feedback = self.told(&held.handoff, shortened(&feedback)).await?;
        let (run, handoff) = self.find(&held.handoff).await?;
        let candidates = self.revision(&run, &handoff, &feedback, contract).await?;
        let plan = |_: Option<&Run>, _| {
            Ok(Plan {
                command: Command::Return {
                    held: held.clone(),
                    feedback: feedback.clone(),
                    revision: Box::new(candidates.handoff.clone()),
                },
                blobs: vec![candidates.blob.clone()],
            })
        };
        let done = self.transact(&run, plan).await?;
        completed(done, &held.handoff)
    }

    /// Rows 11 to 13: the attempt failed; what follows stands in the contract.
    ///
    /// # Errors
    /// [`Refusal::LeaseLost`] when it is too late.
    pub async fn fail(&self, held: Held, code: &str, detail: &str) -> Result<Handoff, Problem> {
        let (code, detail) = (cut(code.trim(), 64), self.told_one(&held.handoff, cut(detail, 2_000)).await?);
        if code.is_empty() {
            let why = "a failure needs a code, such as timeout".to_owned();
            return Err(Refusal::Invalid(why).into());
        }
        let jitter = fastrand::f64();
        let question = match detail.trim() {
            "" => format!("{} failed with {code}. What shall become of it?", self.by.id),
            said => format!("{} failed with {code}: {said}", self.by.id),
        };
        let cause = Cause { code: code.clone(), detail: detail.clone() };
        self.under_lease(&held, |handoff, now| {
            let urgency = handoff.urgency();
            let kind = EscalationKind::Failure;
            // Whoever asks by failing can be told: the answer comes with the next claim.
            let mut allow = handoff.emission.answers(kind);
            allow.insert(1, Answer::Respond);
            Command::Fail {
                held: held.clone(),
                code: code.clone(),
                detail: detail.clone(),
                escalation: Box::new(Escalation {
                    allow,
                    cause: Some(cause.clone()),
                    context_digest: handoff.digest().map(str::to_owned),
                    ..question_to(kind, question.clone(), OPERATORS, urgency, now)
                }),
                jitter,
            }
        })
        .await
    }

    /// Row 14: the target found the contract invalid; trying again cannot help.
    ///
    /// # Errors
    /// [`Refusal::LeaseLost`] when it is too late.
    pub async fn reject(&self, held: Held, errors: Vec<Violation>) -> Result<Handoff, Problem> {
        let (_, handoff) = self.find(&held.handoff).await?;
        let mut errors: Vec<Violation> = errors.into_iter().take(50).collect();
        self.hidden(&handoff).await?.cover(&mut errors);
        self.under_lease(&held, |_, _| Command::Reject { held: held.clone(), errors: errors.clone() }).await
    }

    /// Row 16: put back until later without spending an attempt.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] beyond the limits; [`Refusal::LeaseLost`] when it is too late.
    pub async fn snooze(&self, held: Held, until: Time) -> Result<Handoff, Problem> {
        self.under_lease(&held, |_, _| Command::Snooze { held: held.clone(), until }).await
    }

    async fn under_lease(
        &self,
        held: &Held,
        command: impl Fn(&Handoff, Time) -> Command + Send + Sync,
    ) -> Result<Handoff, Problem> {
        let (run, _) = self.find(&held.handoff).await?;
        let unknown = || Refusal::NotFound(format!("handoff {}", held.handoff));
        let plan = |known: Option<&Run>, now| {
            let handoff = known.and_then(|run| run.handoffs.get(&held.handoff)).ok_or_else(unknown)?;
            Ok(Plan::of(command(handoff, now)))
        };
        self.transact(&run, plan).await?.handoff(&held.handoff)
    }
}

/// A result as bytes.
///
/// # Errors
/// Every number in it that its bytes could not say.
pub(super) fn stored(result: Option<Value>) -> Result<Option<Kept>, Problem> {
    let Some(result) = result else { return Ok(None) };
    let mut result = json!({ "result": result });
    let mut found = Vec::new();
    exact_numbers(&mut result, &mut found);
    if !found.is_empty() {
        return Err(Problem::invalid(found, None));
    }
    let bytes = canonical(&result["result"]);
    Ok(Some(Blob { digest: digest_of_bytes(&bytes), media_type: "application/json".to_owned(), bytes }.into()))
}

pub(super) fn blobs(candidates: &[Candidate], result: Option<&Kept>) -> Vec<Kept> {
    candidates.iter().map(|it| &it.blob).chain(result).cloned().collect()
}

/// The handoff as it ended, and what its run emitted after it.
fn completed(done: Done, id: &HandoffId) -> Result<Completed, Problem> {
    let handoff = done.handoff(id)?;
    let next = match done {
        Done::Before(touched) => touched.into_iter().filter(|it| it.id != *id).collect(),
        Done::Now { run, events } => {
            let emitted = |it: &&Event| matches!(it.fact, Fact::Emitted(_));
            let handoff = |it: &Event| run.handoffs.get(it.handoff.as_ref()?).cloned();
            let child = |it: &&Handoff| it.emission.parent.as_ref() == Some(id);
            if events.is_empty() {
                run.handoffs.values().filter(child).cloned().collect()
            } else {
                events.iter().filter(emitted).filter_map(handoff).collect()
            }
        }
    };
    Ok(Completed { handoff, next })
}
