//! What agents do: emit, claim, acknowledge, and everything under a lease (rows 1 to 16).

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::offer::{
    OPERATORS, Offered, answers, party, placed, question_to, rejection, relation_kind,
};
use super::{Done, Engine, Plan, Problem};
use crate::domain::command::{Command, Held, Refusal};
use crate::domain::contract::{Relation, RelationKind, Violation, canonical, digest};
use crate::domain::event::{Escalation, EscalationKind, Fact, Resolution};
use crate::domain::id::{Actor, HandoffId, RunId};
use crate::domain::key::{TraceId, check_branch, check_step, next_position};
use crate::domain::machine::DEFAULT_LEASE;
use crate::domain::run::{Handoff, Run, State};
use crate::domain::time::{Millis, Time};
use crate::orchestrator::boundary::Derive;
use crate::store::Blob;

/// An idempotency key: the same request under it is answered once, the same way, for 24 hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// Whose keys: two callers may use the same one.
    pub scope: String,
    /// The caller's key.
    pub key: String,
    /// Digest of the request: another one under the same key is refused.
    pub fingerprint: String,
}

impl Once {
    /// A key of `scope` for `request`.
    pub fn new(scope: &str, key: &str, request: &Value) -> Self {
        Self {
            scope: scope.to_owned(),
            key: key.to_owned(),
            fingerprint: digest(request),
        }
    }
}

/// What became of an emitted contract.
#[derive(Clone, Debug, PartialEq)]
pub struct Emitted {
    /// Its run.
    pub run: RunId,
    /// The handoff.
    pub handoff: Handoff,
    /// It had been emitted before.
    pub replayed: bool,
}

/// What an agent asks for when it looks for work.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Whose queue.
    pub agent: String,
    /// At most this many, `1..=10`.
    pub max: usize,
    /// How long to wait for the first one.
    pub wait: Duration,
    /// How long the lease lasts once acknowledged, in milliseconds; `None` is a minute.
    pub lease_ms: Option<Millis>,
    /// Who works: the process, for people who look for it.
    pub holder: String,
}

/// Work, under a lease.
#[derive(Clone, Debug, PartialEq)]
pub struct Claimed {
    /// The handoff; its lease says until when.
    pub handoff: Handoff,
    /// The contract as the target may see it: without its source, unless the edge exposes it.
    pub contract: Value,
    /// The fencing token: name it in everything that follows.
    pub lease_id: String,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// What a person decided since the last attempt.
    pub resolution: Option<Resolution>,
}

/// What became of finished work.
#[derive(Clone, Debug, PartialEq)]
pub struct Completed {
    /// The handoff as it ended.
    pub handoff: Handoff,
    /// What was emitted in the same transaction, in order.
    pub next: Vec<Handoff>,
}

impl Engine {
    /// Rows 1 to 3. What the contract leaves out is derived; a refused contract is kept as a rejection.
    ///
    /// # Errors
    /// [`Problem::Invalid`] with every violation; [`Refusal::IdempotencyMismatch`] when its key is taken by other
    /// content.
    pub async fn emit(
        &self,
        by: &Actor,
        body: Value,
        once: Option<Once>,
    ) -> Result<Emitted, Problem> {
        let now = self.now();
        if let Some(before) = self.answered(once.as_ref(), now).await? {
            return self.emitted_before(&before).await;
        }
        let trace = body.get("trace_id").and_then(Value::as_str);
        let trace = trace
            .and_then(|it| TraceId::parse(it).ok())
            .unwrap_or_else(new_trace);
        let step = body.get("step").and_then(Value::as_u64).unwrap_or(0);
        let step = u32::try_from(step)
            .ok()
            .filter(|it| check_step(*it).is_ok())
            .unwrap_or(0);
        let branch = body
            .get("branch")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let branch = if check_branch(branch).is_ok() {
            branch
        } else {
            ""
        };
        let default = if step == 0 {
            RelationKind::Initial
        } else {
            RelationKind::Forward
        };
        let kind = relation_kind(&body, &ANY).unwrap_or(default);
        let producer = party(by, body.get("source"));
        let derive = Derive::new(
            producer,
            trace.clone(),
            step,
            branch,
            Relation::plain(kind),
            now,
        );
        let offered = match self.offer(&body, derive) {
            Ok(offered) => offered,
            Err(violations) => {
                let rejection = self.refuse(by, &body, &violations, None).await?;
                return Err(Problem::invalid(violations, Some(rejection)));
            }
        };
        let run = RunId::from(trace.as_str());
        let emission = &offered.offer.emission;
        let plan = |known: Option<&Run>, _| {
            let taken = known.and_then(|run| by_key(run, &emission.key));
            let id = taken.map_or(&offered.offer.id, |it| &it.id);
            Ok(Plan {
                answer: json!({"run": run, "handoff": id}),
                blobs: if taken.is_none() {
                    vec![offered.blob.clone()]
                } else {
                    Vec::new()
                },
                command: Command::Emit(Box::new(offered.offer.clone())),
            })
        };
        let now = match self.transact(&run, by, once.as_ref(), plan).await? {
            Done::Before(before) => return self.emitted_before(&before).await,
            Done::Now { run, .. } => run,
        };
        let Some(handoff) = by_key(&now, &emission.key).cloned() else {
            return Err(Problem::NotFound(format!("handoff {}", offered.offer.id)));
        };
        if handoff.emission.digest != emission.digest {
            return Err(mismatch(&handoff, &offered).into());
        }
        let replayed = handoff.id != offered.offer.id;
        Ok(Emitted {
            run,
            handoff,
            replayed,
        })
    }

    async fn emitted_before(&self, answer: &Value) -> Result<Emitted, Problem> {
        let id = answer
            .get("handoff")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let (run, handoff) = self.find(&HandoffId::from(id)).await?;
        Ok(Emitted {
            run,
            handoff,
            replayed: true,
        })
    }

    /// Row 3: keeps the record of a refused contract; gives its id.
    async fn refuse(
        &self,
        by: &Actor,
        body: &Value,
        violations: &[Violation],
        run: Option<&RunId>,
    ) -> Result<String, Problem> {
        let (run, rejection) = rejection(by, body, violations, run);
        let id = rejection.id.clone();
        let plan = |_: Option<&Run>, _| Ok(Plan::of(Command::Refuse(Box::new(rejection.clone()))));
        self.transact(&run, by, None, plan).await?;
        Ok(id)
    }

    /// Row 4: work for an agent, the most urgent first; waits for it if there is none. Empty when the wait was in
    /// vain. Paused edges give nothing.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, Problem> {
        let until = Instant::now() + claim.wait;
        let waiting = self.wake().agent(&claim.agent);
        let max = claim.max.clamp(1, 10);
        loop {
            let news = waiting.notified();
            tokio::pin!(news);
            news.as_mut().enable();
            let paused = self
                .inner
                .paused
                .read()
                .map(|it| it.clone())
                .unwrap_or_default();
            let now = self.now();
            let store = &self.inner.store;
            // More than asked for: others look at the same queue.
            let ready = store.ready(&claim.agent, now, max + 16, paused).await?;
            let mut claimed = Vec::new();
            for (run, handoff) in &ready.found {
                claimed.extend(self.claim_one(&claim, run, handoff).await?);
                if claimed.len() == max {
                    break;
                }
            }
            if !claimed.is_empty() || Instant::now() >= until {
                return Ok(claimed);
            }
            let soon = ready.next.map_or(until, |next| {
                let wait = u64::try_from(next - now).unwrap_or_default();
                Instant::now() + Duration::from_millis(wait)
            });
            tokio::select! {
                () = news => {}
                () = sleep_until(soon.min(until)) => {}
            }
        }
    }

    /// Claims one handoff; `None` when somebody else has it by now.
    async fn claim_one(
        &self,
        claim: &Claim,
        run: &RunId,
        handoff: &HandoffId,
    ) -> Result<Option<Claimed>, Problem> {
        let by = Actor::agent(&claim.agent);
        let plan = |known: Option<&Run>, _| {
            let total = known
                .and_then(|run| run.handoffs.get(handoff))
                .map_or(0, |it| it.attempts_total);
            Ok(Plan::of(Command::Claim {
                handoff: handoff.clone(),
                holder: claim.holder.clone(),
                lease: new_lease(total + 1),
                lease_ms: claim.lease_ms.unwrap_or(DEFAULT_LEASE),
            }))
        };
        let now = match self.transact(run, &by, None, plan).await {
            Ok(Done::Now { run, .. }) => run,
            Ok(Done::Before(_)) | Err(Problem::Refused(_) | Problem::Busy(_)) => return Ok(None),
            Err(why) => return Err(why),
        };
        let Some(handoff) = now.handoffs.get(handoff).cloned() else {
            return Ok(None);
        };
        let mut contract = self.body(handoff.digest()).await?;
        if !self.policy(&handoff.emission.edge).expose_source
            && let Some(members) = contract.as_object_mut()
        {
            members.remove("source");
        }
        Ok(Some(Claimed {
            lease_id: handoff
                .lease
                .as_ref()
                .map_or_else(String::new, |it| it.id.clone()),
            attempt: handoff.attempt,
            resolution: handoff.resolution.clone(),
            contract,
            handoff,
        }))
    }

    /// Row 5: the target has verified the contract and owns the work.
    ///
    /// # Errors
    /// [`Refusal::LeaseLost`] when it is too late.
    pub async fn acknowledge(&self, by: &Actor, held: Held) -> Result<Handoff, Problem> {
        self.under_lease(by, &held, |_, _| Command::Acknowledge(held.clone()))
            .await
    }

    /// Row 6: extends the lease by its length from now.
    ///
    /// # Errors
    /// [`Refusal::LeaseLost`] when it is too late.
    pub async fn heartbeat(&self, by: &Actor, held: Held) -> Result<Handoff, Problem> {
        self.under_lease(by, &held, |_, _| Command::Heartbeat(held.clone()))
            .await
    }

    /// Row 9: the work is done, and this follows: all of it in one transaction, or nothing. Repeating it under
    /// the same lease is answered again.
    ///
    /// # Errors
    /// [`Problem::Invalid`] when any contract in `next` is; their places are in the paths.
    pub async fn complete(
        &self,
        by: &Actor,
        held: Held,
        result: Option<Value>,
        next: Vec<Value>,
    ) -> Result<Completed, Problem> {
        let (run, handoff) = self.find(&held.handoff).await?;
        let offered = self.follow_ups(by, &run, &handoff, &next).await?;
        let result = result.as_ref().map(stored);
        let plan = |known: Option<&Run>, _| {
            let done = known
                .and_then(|run| run.handoffs.get(&held.handoff))
                .is_some_and(|it| it.state == State::Completed);
            if !done {
                free(known, &offered)?;
            }
            Ok(Plan {
                command: Command::Complete {
                    held: held.clone(),
                    result: result.as_ref().map(|it| it.digest.clone()),
                    next: offered.iter().map(|it| it.offer.clone()).collect(),
                },
                blobs: blobs(&offered, result.as_ref()),
                answer: Value::Null,
            })
        };
        let done = self.transact(&run, by, None, plan).await?;
        completed(done, &held.handoff)
    }

    /// What follows from `handoff`, admitted at its place in the run.
    pub(super) async fn follow_ups(
        &self,
        by: &Actor,
        run: &RunId,
        handoff: &Handoff,
        next: &[Value],
    ) -> Result<Vec<Offered>, Problem> {
        let now = self.now();
        let mut offered = Vec::new();
        let mut wrong = Vec::new();
        let mut record = None;
        let emission = &handoff.emission;
        let trace =
            TraceId::parse(run.as_str()).map_err(|why| Refusal::Invalid(why.to_string()))?;
        for (nth, body) in next.iter().enumerate() {
            let (step, branch) = next_position(emission.step, &emission.branch, nth, next.len())
                .map_err(|why| Refusal::Invalid(why.to_string()))?;
            let default = if next.len() > 1 {
                RelationKind::FanOut
            } else {
                RelationKind::Forward
            };
            let kind = relation_kind(body, &FOLLOWING).unwrap_or(default);
            let relation = Relation {
                of: Some(handoff.id.to_string()),
                ..Relation::plain(kind)
            };
            let derive = Derive::new(
                emission.to.clone(),
                trace.clone(),
                step,
                branch,
                relation,
                now,
            );
            match self.offer(body, derive) {
                Ok(it) => offered.push(it),
                Err(violations) => {
                    let producer = Actor::agent(&emission.to.id);
                    let by = if next.is_empty() { by } else { &producer };
                    let id = self.refuse(by, body, &violations, Some(run)).await?;
                    record.get_or_insert(id);
                    wrong.extend(placed(violations, nth));
                }
            }
        }
        if wrong.is_empty() {
            Ok(offered)
        } else {
            Err(Problem::invalid(wrong, record))
        }
    }

    /// Row 10: back to where it came from, with feedback. Without a contract of the agent's own, the revision is
    /// the original with the feedback as what is to be done.
    ///
    /// # Errors
    /// [`Problem::Invalid`] when the agent's contract is.
    pub async fn return_to_source(
        &self,
        by: &Actor,
        held: Held,
        feedback: Vec<String>,
        contract: Option<Value>,
    ) -> Result<Completed, Problem> {
        let (run, handoff) = self.find(&held.handoff).await?;
        let offered = self
            .revision(by, &run, &handoff, &feedback, contract)
            .await?;
        let plan = |known: Option<&Run>, _| {
            free(known, std::slice::from_ref(&offered))?;
            Ok(Plan {
                command: Command::Return {
                    held: held.clone(),
                    feedback: feedback.clone(),
                    revision: Box::new(offered.offer.clone()),
                },
                blobs: vec![offered.blob.clone()],
                answer: Value::Null,
            })
        };
        let done = self.transact(&run, by, None, plan).await?;
        completed(done, &held.handoff)
    }

    /// Rows 11 to 13: the attempt failed; what follows stands in the contract.
    ///
    /// # Errors
    /// [`Refusal::LeaseLost`] when it is too late.
    pub async fn fail(
        &self,
        by: &Actor,
        held: Held,
        code: &str,
        detail: &str,
    ) -> Result<Handoff, Problem> {
        let jitter = fastrand::f64();
        let question = format!("{} failed with {code}. What shall become of it?", by.id);
        self.under_lease(by, &held, |handoff, now| {
            let urgency = handoff.emission.urgency;
            let kind = EscalationKind::Failure;
            Command::Fail {
                held: held.clone(),
                code: code.to_owned(),
                detail: detail.to_owned(),
                escalation: Box::new(Escalation {
                    allow: answers(kind, &handoff.emission.from),
                    context_digest: handoff.digest().to_owned(),
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
    pub async fn reject(
        &self,
        by: &Actor,
        held: Held,
        errors: Vec<Violation>,
    ) -> Result<Handoff, Problem> {
        self.under_lease(by, &held, |_, _| Command::Reject {
            held: held.clone(),
            errors: errors.clone(),
        })
        .await
    }

    /// Row 16: put back until later without spending an attempt.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] beyond the limits; [`Refusal::LeaseLost`] when it is too late.
    pub async fn snooze(&self, by: &Actor, held: Held, until: Time) -> Result<Handoff, Problem> {
        self.under_lease(by, &held, |_, _| Command::Snooze {
            held: held.clone(),
            until,
        })
        .await
    }

    async fn under_lease(
        &self,
        by: &Actor,
        held: &Held,
        command: impl Fn(&Handoff, Time) -> Command + Send + Sync,
    ) -> Result<Handoff, Problem> {
        let run = self.run_of(&held.handoff).await?;
        let unknown = || Refusal::NotFound(format!("handoff {}", held.handoff));
        let plan = |known: Option<&Run>, now| {
            let handoff = known
                .and_then(|run| run.handoffs.get(&held.handoff))
                .ok_or_else(unknown)?;
            Ok(Plan::of(command(handoff, now)))
        };
        let done = self.transact(&run, by, None, plan).await?;
        Ok(completed(done, &held.handoff)?.handoff)
    }
}

/// What a producer may call its handoff.
const ANY: [RelationKind; 7] = [
    RelationKind::Initial,
    RelationKind::Forward,
    RelationKind::Revision,
    RelationKind::Delegate,
    RelationKind::FanOut,
    RelationKind::FanIn,
    RelationKind::Escalation,
];

/// What may follow from finished work. A revision is a return, which is a call of its own.
const FOLLOWING: [RelationKind; 5] = [
    RelationKind::Forward,
    RelationKind::Delegate,
    RelationKind::FanOut,
    RelationKind::FanIn,
    RelationKind::Escalation,
];

fn by_key<'a>(run: &'a Run, key: &str) -> Option<&'a Handoff> {
    run.handoffs.values().find(|it| *it.emission.key == *key)
}

fn mismatch(taken: &Handoff, offered: &Offered) -> Refusal {
    Refusal::IdempotencyMismatch {
        key: taken.emission.key.to_string(),
        handoff: taken.id.clone(),
        existing: taken.emission.digest.to_string(),
        received: offered.blob.digest.clone(),
    }
}

/// Refuses follow-ups whose place in the run is taken.
pub(super) fn free(run: Option<&Run>, offered: &[Offered]) -> Result<(), Problem> {
    let taken = offered.iter().find_map(|it| {
        let known = by_key(run?, &it.offer.emission.key)?;
        Some(mismatch(known, it))
    });
    taken.map_or(Ok(()), |why| Err(why.into()))
}

/// A result as bytes.
pub(super) fn stored(result: &Value) -> Blob {
    Blob {
        digest: digest(result),
        media_type: "application/json".to_owned(),
        bytes: canonical(result),
    }
}

pub(super) fn blobs(offered: &[Offered], result: Option<&Blob>) -> Vec<Blob> {
    offered
        .iter()
        .map(|it| &it.blob)
        .chain(result)
        .cloned()
        .collect()
}

/// The handoff as it ended, and what its run emitted after it.
pub(super) fn completed(done: Done, id: &HandoffId) -> Result<Completed, Problem> {
    let Done::Now { run, events } = done else {
        return Err(Problem::NotFound(format!("handoff {id}")));
    };
    let handoff = run.handoffs.get(id).cloned();
    let handoff = handoff.ok_or_else(|| Problem::NotFound(format!("handoff {id}")))?;
    let fresh = events
        .iter()
        .filter(|it| matches!(it.fact, Fact::Emitted(_)));
    let mut next: Vec<Handoff> = fresh
        .filter_map(|it| run.handoffs.get(it.handoff.as_ref()?).cloned())
        .collect();
    if events.is_empty() {
        let children = run
            .handoffs
            .values()
            .filter(|it| it.emission.parent.as_ref() == Some(id));
        next = children.cloned().collect();
    }
    Ok(Completed { handoff, next })
}

fn new_trace() -> TraceId {
    loop {
        if let Ok(trace) = TraceId::parse(&format!("{:032x}", fastrand::u128(..))) {
            return trace;
        }
    }
}

fn new_lease(attempt: u32) -> String {
    format!("{attempt}.{:016x}", fastrand::u64(..))
}
