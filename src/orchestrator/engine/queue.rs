//! Claims: agents take work, and wait for it if there is none (row 4).

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use super::hidden::without_source;
use super::ids::new_lease;
use super::pauses::Pauses;
use super::requester::{Done, Plan, TRIES};
use super::{Problem, Requester, cut};
use crate::domain::command::{Command, Refusal};
use crate::domain::contract::Strictness;
use crate::domain::event::Resolution;
use crate::domain::flow::Flow;
use crate::domain::id::{Actor, HandoffId, RunId};
use crate::domain::machine::DEFAULT_LEASE;
use crate::domain::run::{Handoff, Run, queue};
use crate::domain::time::{Millis, SECOND};

/// Most looks of a claimer in a row when each ended in a conflict: others were faster with all that it found.
const LOOKS: u32 = 64;

/// A claim: the amount of work an agent asks for, and how it will hold it.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// At most this many, `1..=10`.
    pub max: usize,
    /// Time to wait for the first one; zero does not wait.
    pub wait: Duration,
    /// Length of the lease once acknowledged, in milliseconds; `None` is a minute.
    pub lease_ms: Option<Millis>,
    /// Name of the process that works, for people who look for it.
    pub holder: String,
}

/// Work, under a lease.
#[derive(Clone, Debug, PartialEq)]
pub struct Claimed {
    /// The handoff; its lease says until when.
    pub handoff: Handoff,
    /// The contract as the target may see it: without what tells its source, unless the edge exposes it.
    pub contract: Value,
    /// The fencing token: name it in everything that follows.
    pub lease_id: String,
    /// Number of this attempt in the budget epoch, from 1.
    pub attempt: u32,
    /// The latest decision of a person, made since the last attempt; `None` without one.
    pub resolution: Option<Resolution>,
}

impl Requester {
    /// Row 4: work for the agent that asks, the most urgent first; waits for it if there is none. Empty when the wait was in
    /// vain. Paused edges give nothing.
    ///
    /// # Errors
    /// Fails when the store cannot be used.
    pub async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, Problem> {
        let until = Instant::now() + claim.wait;
        let mut waiting = self.wake().waiting(&self.by.id);
        let mut steps = self.clock_steps();
        let max = claim.max.clamp(1, 10);
        let before = self.claimed_before(max).await?;
        if !before.is_empty() {
            return Ok(before);
        }
        let mut outrun = 0;
        loop {
            if !claim.wait.is_zero() {
                waiting.line_up();
            }
            let store = &self.inner.store;
            let pauses = if store.is_alone() { self.known_pauses() } else { self.pauses().await? };
            let now = self.present();
            // More than asked for: others look at the same queue.
            let ready = store.ready(&self.by.id, now, max + 16, pauses.edges.clone()).await?;
            let mut claimed = Vec::new();
            for (run, handoff) in &ready.found {
                let once = self.once.as_ref().map(|it| it.nth(claimed.len()));
                match self.clone().once(once).claim_one(&claim, &pauses, run, handoff).await {
                    Ok(work) => claimed.extend(work),
                    Err(why) if claimed.is_empty() => return Err(why),
                    // What was claimed already must reach the agent, or it lies there until its lease ends.
                    Err(_) => break,
                }
                if claimed.len() == max {
                    break;
                }
            }
            waiting.looked(ready.next.is_some());
            if !claimed.is_empty() {
                return Ok(claimed);
            }
            // Others took all of it. There may be more behind, and no news will come of that.
            if !ready.found.is_empty() && outrun < LOOKS {
                outrun += 1;
                tokio::task::yield_now().await;
                continue;
            }
            outrun = 0;
            if Instant::now() >= until {
                return Ok(claimed);
            }
            let soon = ready.next.map_or(until, |next| {
                // What was timed before the clock was set back is ready sooner than it says.
                let wait = if now.behind > 0 { (next - now.now).min(SECOND) } else { next - now.now };
                Instant::now() + Duration::from_millis(u64::try_from(wait).unwrap_or_default())
            });
            tokio::select! {
                () = waiting.news() => {}
                Ok(()) = steps.changed() => {}
                () = sleep_until(soon.min(until)) => {}
            }
        }
    }

    /// Claims one handoff; `None` when somebody else has it by now, its edge was paused, its deadline passed, or a record
    /// that it needs cannot be read: no attempt is spent on what could not be handed out.
    pub(super) async fn claim_one(
        &self,
        claim: &Claim,
        pauses: &Arc<Pauses>,
        run: &RunId,
        handoff: &HandoffId,
    ) -> Result<Option<Claimed>, Problem> {
        let (digest, contract) = match self.deliverable(run, handoff).await {
            Ok(Some(deliverable)) => deliverable,
            Ok(None) => return Ok(None),
            Err(Problem::Store(why)) if self.set_aside(run, std::slice::from_ref(handoff), &why) => return Ok(None),
            Err(why) => return Err(why),
        };
        let claimed = match self.leased(claim, Arc::clone(pauses), run, handoff).await {
            Ok(Some(Done::Now { run, .. })) => run.handoffs.get(handoff).cloned(),
            // A conflict with the same request, which was given up on its way and was faster.
            Ok(Some(Done::Before(claimed))) => claimed.into_iter().next(),
            Err(Problem::Refused(Refusal::Expired { .. })) => {
                // It is a dead letter at once; if that fails, it is the sweeper's.
                let _ = self.timer(run, std::slice::from_ref(handoff)).await;
                None
            }
            Ok(None) | Err(Problem::Refused(_)) => None,
            Err(why) => return Err(why),
        };
        match claimed {
            Some(handoff) if handoff.digest() == Some(&*digest) => Ok(Some(self.for_target(handoff, contract))),
            Some(handoff) => self.as_seen_by_its_target(handoff).await.map(Some),
            None => Ok(None),
        }
    }

    /// The digest and the contract of a handoff that can be claimed; `None` when it cannot be any more. What refers to bytes
    /// that are gone becomes a dead letter instead of being handed out in vain.
    async fn deliverable(&self, run: &RunId, handoff: &HandoffId) -> Result<Option<(String, Value)>, Problem> {
        let known = self.load(run).await?;
        let known = known.as_ref().and_then(|(run, _)| run.handoffs.get(handoff));
        let Some(known) = known.filter(|it| queue::claimable(it).is_some()) else { return Ok(None) };
        let contract = self.contract_of(known).await?;
        let demands = self.policy(&known.emission.edge).strictness != Strictness::Observe;
        if let Some(gone) = if demands { self.gone(&contract).await? } else { None } {
            let detail = format!("{gone} is not stored here any more: put it again, or edit the contract");
            let command = Command::Withhold { handoff: handoff.clone(), detail };
            let withheld = self.by(Actor::system("boundary")).transact(run, |_, _| Ok(Plan::of(command.clone()))).await;
            return match withheld {
                // Somebody was faster with it.
                Ok(_) | Err(Problem::Refused(_)) => Ok(None),
                Err(why) => Err(why),
            };
        }
        Ok(Some((known.digest().unwrap_or_default().to_owned(), contract)))
    }

    /// The first bytes that a contract refers to in this store and that are not there; `None` when all are.
    async fn gone(&self, contract: &Value) -> Result<Option<String>, Problem> {
        let refs = contract.pointer("/working_memory/refs").and_then(Value::as_array);
        let uris = refs.into_iter().flatten().filter_map(|it| it.get("uri")?.as_str());
        for uri in uris {
            if let Some(digest) = uri.strip_prefix("blob:")
                && !self.inner.store.has_blob(digest).await?
            {
                return Ok(Some(uri.to_owned()));
            }
        }
        Ok(None)
    }

    /// Leases one handoff. The lease is bound to what is paused: it is not written after an edge was paused, whoever did
    /// that. `None` when all of it is changing too fast.
    pub(super) async fn leased(
        &self,
        claim: &Claim,
        mut pauses: Arc<Pauses>,
        run: &RunId,
        handoff: &HandoffId,
    ) -> Result<Option<Done>, Problem> {
        for _ in 0..TRIES {
            let plan = |known: Option<&Run>, _| {
                let known = known.and_then(|run| run.handoffs.get(handoff));
                Ok(Plan::of(Command::Claim {
                    handoff: handoff.clone(),
                    holder: cut(&claim.holder, 128),
                    lease: new_lease(known.map_or(0, |it| it.attempts_total) + 1),
                    lease_ms: claim.lease_ms.unwrap_or(DEFAULT_LEASE),
                    flow: known.map_or_else(Flow::default, |it| pauses.flow(&it.emission.edge)),
                }))
            };
            if let Some(done) = self.attempt(run, Some(pauses.bond()), &plan).await? {
                return Ok(Some(done));
            }
            pauses = self.pauses().await?;
        }
        Ok(None)
    }

    /// The work that the same claim was given before under its key, at most `max`.
    async fn claimed_before(&self, max: usize) -> Result<Vec<Claimed>, Problem> {
        let mut claimed = Vec::new();
        let Some(once) = &self.once else { return Ok(claimed) };
        for nth in 0..max {
            let before = match nth {
                0 => once.before.clone(),
                _ => self.answered(&once.nth(nth), self.now()).await?,
            };
            let Some(handoff) = before.and_then(|it| it.into_iter().next()) else { break };
            claimed.push(self.as_seen_by_its_target(handoff).await?);
        }
        Ok(claimed)
    }

    async fn as_seen_by_its_target(&self, handoff: Handoff) -> Result<Claimed, Problem> {
        let contract = self.contract_of(&handoff).await?;
        Ok(self.for_target(handoff, contract))
    }

    fn for_target(&self, handoff: Handoff, mut contract: Value) -> Claimed {
        if self.hides_source(&handoff) {
            without_source(&mut contract);
        }
        // The producer may have left it out, or counted otherwise.
        if let Some(relation) = contract.get_mut("relation").and_then(Value::as_object_mut) {
            relation.insert("cycle".to_owned(), handoff.emission.cycle.into());
        }
        Claimed {
            lease_id: handoff.lease.as_ref().map_or_else(String::new, |it| it.id.clone()),
            attempt: handoff.attempt,
            resolution: handoff.resolution.as_deref().cloned(),
            contract,
            handoff,
        }
    }
}
