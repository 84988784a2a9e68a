//! What people do: rows 18 to 25, each against the version they saw.

use json_patch::{Patch, diff};
use serde_json::{Value, json};

use super::agents::{blobs, completed, free, stored};
use super::offer::{OPERATORS, answers, contract_blob, question_to};
use super::{CONTROL, Completed, Done, Engine, Once, Plan, Problem};
use crate::domain::command::{Command, Held, Seen};
use crate::domain::contract::{Contract, Violation};
use crate::domain::event::{Answer, Escalation, EscalationKind, Resolution};
use crate::domain::id::{Actor, HandoffId, RunId};
use crate::domain::link::{Act, Outcome, Request, Target};
use crate::domain::machine::CLAIM_HOLDS;
use crate::domain::run::{Handoff, Run, State};
use crate::domain::time::Time;
use crate::orchestrator::boundary::{Derive, amend};
use crate::store::{Blob, StoreError};

/// An edit of a contract.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// The whole contract as it shall be.
    Whole(Value),
    /// A JSON Patch.
    Patch(Patch),
}

impl Engine {
    /// Does one act to one or many items, each for itself: an item that moved or refuses stops no other.
    /// Repeating the request does nothing more and gives the same results for what succeeded.
    pub async fn perform(&self, request: Request) -> Outcome {
        let by = Actor::user(&request.by);
        let mut items = Vec::new();
        if let Act::PauseEdge(edge) | Act::ResumeEdge(edge) = &request.act {
            let why = request.why.clone();
            let edge = edge.clone();
            let command = if matches!(request.act, Act::PauseEdge(_)) {
                Command::PauseEdge { edge, why }
            } else {
                Command::ResumeEdge { edge, why }
            };
            let once = self.once(&request, "");
            let plan = |_: Option<&Run>, _| Ok(Plan::of(command.clone()));
            let done = self.transact(&CONTROL.into(), &by, Some(&once), plan).await;
            items.push((None, done.map(drop).map_err(Into::into)));
        }
        for on in &request.on {
            let done = self.act(&by, &request, on).await;
            items.push((Some(on.handoff.clone()), done.map(drop).map_err(Into::into)));
        }
        Outcome { items }
    }

    fn once(&self, request: &Request, item: &str) -> Once {
        let scope = format!("act:{}", request.by);
        let key = format!("{} {item}", request.key);
        let what = json!([request.act.kind(), request.why, item]);
        Once::new(&scope, &key, &what)
    }

    async fn act(&self, by: &Actor, request: &Request, on: &Target) -> Result<(), Problem> {
        let once = self.once(request, on.handoff.as_str());
        if self.answered(Some(&once), self.now()).await?.is_some() {
            return Ok(());
        }
        let (command, blobs) = self.command(by, request, on).await?;
        let plan = |_: Option<&Run>, _| {
            Ok(Plan {
                command: command.clone(),
                blobs: blobs.clone(),
                answer: Value::Null,
            })
        };
        self.transact(&on.run, by, Some(&once), plan)
            .await
            .map(drop)
    }

    /// The command that an act on one item is, and the bytes it brings.
    async fn command(
        &self,
        by: &Actor,
        request: &Request,
        on: &Target,
    ) -> Result<(Command, Vec<Blob>), Problem> {
        let seen = Seen {
            handoff: on.handoff.clone(),
            version: on.version,
        };
        let why = request.why.clone();
        let plain = |command| Ok((command, Vec::new()));
        match &request.act {
            Act::Requeue => plain(Command::Requeue { seen, why }),
            Act::Dismiss { reason } => plain(Command::Dismiss {
                seen,
                reason: *reason,
                note: why,
            }),
            Act::Cancel => plain(Command::Cancel { expect: None, why }),
            Act::Escalate { force, role } => {
                let handoff = self.handoff(&on.run, &on.handoff).await?;
                plain(Command::Escalate {
                    escalation: Box::new(self.question(&handoff, why, role)),
                    force: *force,
                    seen,
                })
            }
            Act::Claim => {
                let handoff = self.handoff(&on.run, &on.handoff).await?;
                if handoff.state == State::Escalated {
                    let until = self.now() + CLAIM_HOLDS;
                    plain(Command::ClaimEscalation { seen, until })
                } else {
                    plain(self.taking(&handoff, seen))
                }
            }
            Act::Release => {
                let handoff = self.handoff(&on.run, &on.handoff).await?;
                match (&handoff.lease, handoff.state) {
                    (Some(lease), State::Leased | State::Acknowledged)
                        if *lease.holder == *by.id =>
                    {
                        let held = Held {
                            handoff: on.handoff.clone(),
                            lease: lease.id.clone(),
                        };
                        let until = self.now();
                        plain(Command::Snooze { held, until })
                    }
                    _ => plain(Command::ReleaseEscalation { seen }),
                }
            }
            Act::Resolve {
                answer,
                context_digest,
                edited,
                value,
            } => {
                let resolution = resolution(*answer, why, value.clone());
                let edit = edited.clone().map(Edit::Whole);
                let digest = Some(context_digest.clone()).filter(|it| !it.is_empty());
                self.resolving(by, on, seen, resolution, digest, edit).await
            }
            Act::PauseEdge(edge) => plain(Command::PauseEdge {
                edge: edge.clone(),
                why,
            }),
            Act::ResumeEdge(edge) => plain(Command::ResumeEdge {
                edge: edge.clone(),
                why,
            }),
        }
    }

    async fn resolving(
        &self,
        by: &Actor,
        on: &Target,
        seen: Seen,
        resolution: Resolution,
        context_digest: Option<String>,
        edit: Option<Edit>,
    ) -> Result<(Command, Vec<Blob>), Problem> {
        let handoff = self.handoff(&on.run, &on.handoff).await?;
        let mut blobs = Vec::new();
        let mut edited = None;
        let mut revision = None;
        match resolution.answer {
            Answer::EditApprove => {
                if let Some(edit) = edit {
                    let blob = self.edited(&handoff, edit).await?;
                    edited = Some(blob.digest.clone());
                    blobs.push(blob);
                }
            }
            Answer::Reject => {
                let feedback = &resolution.feedback;
                let offered = self.revision(by, &on.run, &handoff, feedback, None).await?;
                blobs.push(offered.blob);
                revision = Some(Box::new(offered.offer));
            }
            Answer::Approve | Answer::Respond | Answer::Dismiss => {}
        }
        let command = Command::Resolve {
            seen,
            resolution,
            context_digest,
            edited,
            revision,
        };
        Ok((command, blobs))
    }

    /// Row 22: a person edits the contract of a dead letter or an escalated handoff.
    ///
    /// # Errors
    /// [`Problem::Invalid`] when the edited contract is, or the edit touches the record of what happened.
    pub async fn amend(&self, by: &Actor, seen: Seen, edit: Edit) -> Result<Handoff, Problem> {
        let (run, handoff) = self.find(&seen.handoff).await?;
        let blob = self.edited(&handoff, edit).await?;
        let command = Command::Amend {
            seen: seen.clone(),
            digest: blob.digest.clone(),
        };
        self.once_on(&run, by, &seen.handoff, command, vec![blob])
            .await
    }

    /// A person takes a handoff addressed to people: claim and acknowledge, without expiry.
    ///
    /// # Errors
    /// When it is addressed to an agent, or moved.
    pub async fn take(&self, by: &Actor, seen: Seen) -> Result<Handoff, Problem> {
        let (run, handoff) = self.find(&seen.handoff).await?;
        let command = self.taking(&handoff, seen);
        self.once_on(&run, by, &handoff.id, command, Vec::new())
            .await
    }

    /// A person puts back what was taken.
    ///
    /// # Errors
    /// When somebody else has it.
    pub async fn release(&self, by: &Actor, held: Held) -> Result<Handoff, Problem> {
        self.snooze(by, held, self.now()).await
    }

    /// Row 24: a person did it, and this follows.
    ///
    /// # Errors
    /// [`Problem::Invalid`] when any contract in `next` is.
    pub async fn complete_manually(
        &self,
        by: &Actor,
        seen: Seen,
        result: Option<Value>,
        next: Vec<Value>,
        note: &str,
    ) -> Result<Completed, Problem> {
        let (run, handoff) = self.find(&seen.handoff).await?;
        let offered = self.follow_ups(by, &run, &handoff, &next).await?;
        let result = result.as_ref().map(stored);
        let plan = |known: Option<&Run>, _| {
            free(known, &offered)?;
            Ok(Plan {
                command: Command::CompleteManually {
                    seen: seen.clone(),
                    result: result.as_ref().map(|it| it.digest.clone()),
                    next: offered.iter().map(|it| it.offer.clone()).collect(),
                    note: note.to_owned(),
                },
                blobs: blobs(&offered, result.as_ref()),
                answer: Value::Null,
            })
        };
        let done = self.transact(&run, by, None, plan).await?;
        completed(done, &seen.handoff)
    }

    /// Row 25: ends everything open in a run. `expect` is the run version that was seen.
    ///
    /// # Errors
    /// When nothing is open, or the run moved.
    pub async fn cancel(
        &self,
        by: &Actor,
        run: &RunId,
        expect: Option<u64>,
        why: &str,
    ) -> Result<Run, Problem> {
        let why = why.to_owned();
        let plan = |_: Option<&Run>, _| {
            Ok(Plan::of(Command::Cancel {
                expect,
                why: why.clone(),
            }))
        };
        match self.transact(run, by, None, plan).await? {
            Done::Now { run, .. } => Ok(*run),
            Done::Before(_) => self.run(run).await,
        }
    }

    /// A person is done with the record of a refused contract.
    ///
    /// # Errors
    /// [`Problem::NotFound`] when it is unknown or resolved.
    pub async fn dismiss_rejection(
        &self,
        by: &Actor,
        rejection: &str,
        why: &str,
    ) -> Result<(), Problem> {
        let known = self.rejections().await?;
        let found = known
            .into_iter()
            .find(|(_, it)| it.rejection.id == rejection);
        let (run, _) = found.ok_or_else(|| Problem::NotFound(format!("rejection {rejection}")))?;
        let command = Command::DismissRejection {
            rejection: rejection.to_owned(),
            why: why.to_owned(),
        };
        let plan = |_: Option<&Run>, _| Ok(Plan::of(command.clone()));
        self.transact(&run, by, None, plan).await.map(drop)
    }

    /// Whatever is due on a handoff now; nothing when it has been done.
    pub(in crate::orchestrator) async fn timer(
        &self,
        run: &RunId,
        handoff: &HandoffId,
    ) -> Result<(), Problem> {
        let command = Command::Timer {
            handoff: handoff.clone(),
            jitter: fastrand::f64(),
        };
        let plan = |_: Option<&Run>, _: Time| Ok(Plan::of(command.clone()));
        let by = Actor::system("sweeper");
        self.transact(run, &by, None, plan).await.map(drop)
    }

    async fn once_on(
        &self,
        run: &RunId,
        by: &Actor,
        handoff: &HandoffId,
        command: Command,
        blobs: Vec<Blob>,
    ) -> Result<Handoff, Problem> {
        let plan = |_: Option<&Run>, _| {
            Ok(Plan {
                command: command.clone(),
                blobs: blobs.clone(),
                answer: Value::Null,
            })
        };
        let done = self.transact(run, by, None, plan).await?;
        Ok(completed(done, handoff)?.handoff)
    }

    async fn handoff(&self, run: &RunId, handoff: &HandoffId) -> Result<Handoff, Problem> {
        let found = self.run(run).await?.handoffs.get(handoff).cloned();
        found.ok_or_else(|| Problem::NotFound(format!("handoff {handoff}")))
    }

    fn taking(&self, handoff: &Handoff, seen: Seen) -> Command {
        let lease = format!("{}.{:016x}", handoff.attempts_total + 1, fastrand::u64(..));
        Command::Take { seen, lease }
    }

    fn question(&self, handoff: &Handoff, why: String, role: &str) -> Escalation {
        let emission = &handoff.emission;
        let question = match why.trim() {
            "" => "Please look at this".to_owned(),
            why => why.to_owned(),
        };
        let role = if role.trim().is_empty() {
            OPERATORS
        } else {
            role
        };
        let kind = EscalationKind::DeadLetter;
        Escalation {
            allow: answers(kind, &emission.from),
            context_digest: handoff.digest().to_owned(),
            ..question_to(kind, question, role, emission.urgency, self.now())
        }
    }

    /// The edited contract, admitted again at its place.
    async fn edited(&self, handoff: &Handoff, edit: Edit) -> Result<Blob, Problem> {
        let original = self.body(handoff.digest()).await?;
        let patch = match edit {
            Edit::Patch(patch) => patch,
            Edit::Whole(edited) => diff(&original, &edited),
        };
        let invalid = |violations: Vec<Violation>| Problem::invalid(violations, None);
        let edited = amend(&original, &patch).map_err(invalid)?;
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
        Ok(contract_blob(
            &self.admit(&edited, &derive).map_err(invalid)?,
        ))
    }
}

/// A decision with the person's words where they belong: what the source must change, or a note.
fn resolution(answer: Answer, why: String, value: Option<Value>) -> Resolution {
    let mut resolution = Resolution {
        answer,
        note: String::new(),
        feedback: Vec::new(),
        value,
    };
    if answer == Answer::Reject {
        let lines = why.lines().map(str::trim).filter(|it| !it.is_empty());
        resolution.feedback = lines.map(str::to_owned).collect();
    } else {
        resolution.note = why;
    }
    resolution
}
