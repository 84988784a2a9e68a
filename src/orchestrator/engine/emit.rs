//! Emission: a contract is emitted, or follows from finished work, or is refused (rows 1 to 3 and 9).

use serde_json::Value;

use super::admit::{Candidate, party, placed, relation_kind};
use super::ids::new_trace;
use super::requester::{Done, Plan};
use super::{Problem, Requester};
use crate::domain::command::{Command, Refusal, agreed};
use crate::domain::contract::{Relation, RelationKind, Strictness, Violation};
use crate::domain::id::RunId;
use crate::domain::json::Read;
use crate::domain::key::{TraceId, beside, check_branch, check_step, next_position, peer_branch};
use crate::domain::run::{Handoff, Run};
use crate::orchestrator::boundary::{Derive, with_rounded};

/// The outcome of an accepted emit.
#[derive(Clone, Debug, PartialEq)]
pub struct Emitted {
    /// Id of the run.
    pub run: RunId,
    /// The handoff that the contract became.
    pub handoff: Handoff,
    /// True when it had been emitted before under the same key.
    pub replayed: bool,
}

impl Requester {
    /// Rows 1 to 3. What the contract leaves out is derived; a refused contract is kept as a rejection.
    ///
    /// # Errors
    /// [`Problem::Invalid`] with every violation; [`Refusal::IdempotencyMismatch`] when the same work was emitted in other
    /// words, [`Refusal::PlaceTaken`] when its key belongs to other work, [`Refusal::Stranger`] when its source takes no
    /// part in the run and is no peer.
    pub async fn emit(&self, body: Value) -> Result<Emitted, Problem> {
        self.emit_read(Read { value: body, rounded: Vec::new() }).await
    }

    /// The same for a contract that came as text: what its reader could not keep is wrong with it, too.
    ///
    /// # Errors
    /// As for [`emit`](Self::emit).
    pub async fn emit_read(&self, Read { value: body, rounded }: Read) -> Result<Emitted, Problem> {
        let now = self.now();
        if let Some(Done::Before(before)) = self.before() {
            return self.emitted_before(before).await;
        }
        let trace = body.get("trace_id").and_then(Value::as_str);
        let trace = trace.and_then(|it| TraceId::parse(it).ok()).unwrap_or_else(new_trace);
        let step = body.get("step").and_then(Value::as_u64).unwrap_or(0);
        let step = u32::try_from(step).ok().filter(|it| check_step(*it).is_ok()).unwrap_or(0);
        let branch = body.get("branch").and_then(Value::as_str).unwrap_or_default();
        // Beside a run comes whom the server sends there, and nobody else.
        let usable = check_branch(branch).is_ok() && beside(branch).is_none();
        let branch = if usable { branch } else { "" }.to_owned();
        let (branch, body) = self.place(&trace, branch, body).await?;
        let default = if step == 0 { RelationKind::Initial } else { RelationKind::Forward };
        let kind = relation_kind(&body, &ANY).unwrap_or(default);
        let producer = party(&self.by, body.get("source"));
        let derive = Derive::new(producer, trace.clone(), step, branch, Relation::plain(kind), now);
        let candidates = match self.checked(&body, derive).await? {
            Ok(candidates) if rounded.is_empty() => candidates,
            found => {
                let wrong = [(body, with_rounded(found.err().unwrap_or_default(), rounded))];
                let rejection = self.refuse(&self.by.id, &wrong, None).await?;
                let [(_, violations)] = wrong;
                return Err(Problem::invalid(violations, Some(rejection)));
            }
        };
        let run = RunId::from(trace.as_str());
        let terms = agreed(&candidates.handoff.id, &candidates.handoff.emission)?;
        let plan = |known: Option<&Run>, _| {
            let taken = known.and_then(|run| run.by_key(&terms.key));
            Ok(Plan {
                blobs: if taken.is_none() { vec![candidates.blob.clone()] } else { Vec::new() },
                command: Command::Emit(Box::new(candidates.handoff.clone())),
            })
        };
        let now = match self.transact(&run, plan).await? {
            Done::Before(before) => return self.emitted_before(before).await,
            Done::Now { run, .. } => run,
        };
        let Some((handoff, its)) = now.by_key(&terms.key) else {
            return Err(Problem::NotFound(format!("handoff {}", candidates.handoff.id)));
        };
        if its.digest != terms.digest {
            return Err(Refusal::IdempotencyMismatch {
                key: terms.key.to_string(),
                existing: its.digest.to_string(),
                handoff: handoff.id.clone(),
                received: terms.digest.to_string(),
            }
            .into());
        }
        let replayed = handoff.id != candidates.handoff.id;
        let handoff = handoff.clone();
        Ok(Emitted { run, handoff, replayed })
    }

    /// The branch on which a contract comes into the run of a trace, and the contract, which says so if it is not the one it
    /// asks for: a peer comes in beside the run.
    ///
    /// # Errors
    /// [`Refusal::Stranger`] when its source may not; nothing is kept of it then.
    async fn place(&self, trace: &TraceId, branch: String, mut body: Value) -> Result<(String, Value), Problem> {
        let run = RunId::from(trace.as_str());
        let Some((known, _)) = self.load(&run).await?.filter(|(known, _)| !known.handoffs.is_empty()) else {
            return Ok((branch, body));
        };
        let who = &self.by.id;
        if known.takes_part(|it| *it.id == **who) {
            return Ok((branch, body));
        }
        if !self.inner.policies.is_peer(known.pipeline(), who) {
            return Err(Refusal::Stranger { who: who.to_string(), run }.into());
        }
        let name = |path| body.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let branch = peer_branch(who, name("/target/id"), name("/pipeline/stage"));
        if let Some(members) = body.as_object_mut() {
            members.entry("branch").or_insert_with(|| branch.as_str().into());
        }
        Ok((branch, body))
    }

    async fn emitted_before(&self, before: Vec<Handoff>) -> Result<Emitted, Problem> {
        let unknown = || Problem::NotFound("the handoff of this idempotency key".to_owned());
        let handoff = before.into_iter().next().ok_or_else(unknown)?;
        Ok(Emitted { run: self.run_of(&handoff.id).await?, handoff, replayed: true })
    }

    /// Admits a contract, and looks whether what it refers to in this store is there.
    pub(super) async fn checked(
        &self,
        body: &Value,
        derive: Derive,
    ) -> Result<Result<Candidate, Vec<Violation>>, Problem> {
        self.prepare(body).await?;
        let derive = self.after_the_last(body, derive).await?;
        let mut candidate = match self.candidate(body, derive) {
            Ok(candidate) => candidate,
            Err(violations) => return Ok(Err(violations)),
        };
        let refs = body.pointer("/working_memory/refs").and_then(Value::as_array);
        let mut missing = Vec::new();
        for (nth, it) in refs.into_iter().flatten().enumerate() {
            let uri = it.get("uri").and_then(Value::as_str).unwrap_or_default();
            let Some(digest) = uri.strip_prefix("blob:") else {
                continue;
            };
            if !self.may_refer(digest, &candidate.handoff.emission.from).await? {
                // To the producer, what it may not read is not there.
                let message = "this blob is not stored here: put it first, then refer to it";
                missing.push(Violation::new(format!("/working_memory/refs/{nth}/uri"), "ref_missing", message));
                candidate.blob.refers.retain(|it| it != digest);
            }
        }
        let observed = self.policy(&candidate.handoff.emission.edge).strictness == Strictness::Observe;
        Ok(if missing.is_empty() || observed { Ok(candidate) } else { Err(missing) })
    }

    /// The follow-ups of `handoff`, admitted at their places in the run.
    pub(super) async fn follow_ups(
        &self,
        run: &RunId,
        handoff: &Handoff,
        next: &[Value],
    ) -> Result<Vec<Candidate>, Problem> {
        let now = self.now();
        if next.len() > NEXT_MAX {
            let message = format!("{} contracts; at most {NEXT_MAX} follow from one handoff", next.len());
            return Err(Problem::invalid(vec![Violation::new("/next", "maxItems", message)], None));
        }
        let mut candidates = Vec::new();
        let (mut refused, mut wrong) = (Vec::new(), Vec::new());
        let emission = &handoff.emission;
        let trace = TraceId::parse(run.as_str()).map_err(|why| Refusal::Invalid(why.to_string()))?;
        let known = self.load(run).await?;
        for (nth, body) in next.iter().enumerate() {
            let (step, branch) = next_position(emission.step, &emission.branch, nth, next.len())
                .map_err(|why| Refusal::Invalid(why.to_string()))?;
            let name = |path| body.pointer(path).and_then(Value::as_str).unwrap_or_default();
            let branch = match &known {
                Some((known, _)) => {
                    known.branch_for(step, branch, &emission.to, name("/target/id"), name("/pipeline/stage"))
                }
                None => branch,
            };
            let default = if next.len() > 1 { RelationKind::FanOut } else { RelationKind::Forward };
            let kind = relation_kind(body, &FOLLOWING).unwrap_or(default);
            let relation = Relation { of: Some(handoff.id.to_string()), ..Relation::plain(kind) };
            let body = self.inheriting(handoff, body).await?;
            let derive = Derive::new(emission.to.clone(), trace.clone(), step, branch, relation, now);
            match self.checked(&body, derive).await? {
                Ok(it) => candidates.push(it),
                Err(violations) => {
                    wrong.extend(placed(violations.clone(), nth));
                    refused.push((body, violations));
                }
            }
        }
        if refused.is_empty() {
            return Ok(candidates);
        }
        let record = self.refuse(&emission.to.id, &refused, Some(run)).await?;
        Err(Problem::invalid(wrong, Some(record)))
    }
}

/// Most contracts that follow from one handoff.
const NEXT_MAX: usize = 100;

/// Relations that a producer may claim for its handoff.
const ANY: [RelationKind; 7] = [
    RelationKind::Initial,
    RelationKind::Forward,
    RelationKind::Revision,
    RelationKind::Delegate,
    RelationKind::FanOut,
    RelationKind::FanIn,
    RelationKind::Escalation,
];

/// Relations of a follow-up to the finished work. A revision is a return, which is a call of its own.
const FOLLOWING: [RelationKind; 5] = [
    RelationKind::Forward,
    RelationKind::Delegate,
    RelationKind::FanOut,
    RelationKind::FanIn,
    RelationKind::Escalation,
];
