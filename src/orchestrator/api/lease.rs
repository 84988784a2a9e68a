//! Acts under a lease: acknowledge, extend it, and end the work (rows 5 to 16 of protocol section 3).

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Api;
use super::auth::Caller;
use super::extract::{Body, Place, etag};
use super::once::Key;
use super::problem::{Answer, Problem};
use super::wire::{Receipt, receipt};
use crate::domain::command::Held;
use crate::domain::contract::Violation;
use crate::domain::id::{Actor, HandoffId, RunId};
use crate::domain::run::Handoff;
use crate::domain::time::{SECOND, Time};
use crate::orchestrator::engine::{self, Completed, Requester};

/// A lease by its id.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaseBody {
    /// Id of the lease, from the claim
    lease_id: String,
}

/// The handoff of the path, for a caller who speaks for its target.
pub struct Assignment {
    by: Requester,
    run: RunId,
    handoff: HandoffId,
    /// The handoff as it was before the call.
    handoff_seen: Handoff,
}

impl FromRequestParts<Api> for Assignment {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, api).await?;
        let Place(id): Place<String> = Place::from_request_parts(parts, api).await?;
        let (run, handoff) = api.engine.find(&id.into()).await?;
        let target = &handoff.emission.edge.to;
        if !caller.is_agent(target) {
            return Err(Problem::scope("this token does not speak for the target of this handoff"));
        }
        let Key(once) = Key::from_request_parts(parts, api).await?;
        let by = api.by(&caller, Actor::agent(target)).once(once);
        let (id, seen) = (handoff.id.clone(), handoff.clone());
        Ok(Self { run: run.clone(), handoff: id, handoff_seen: seen, by: by.given(run, handoff) })
    }
}

impl Assignment {
    fn held(&self, lease: String) -> Held {
        Held { handoff: self.handoff.clone(), lease }
    }

    /// The answer when the work goes on, waits or has failed: the handoff as it was left.
    fn left(&self, done: Result<Handoff, engine::Problem>) -> Answer {
        Ok(receipt(&self.run, &done?))
    }

    /// What is wrong, with the work that its sender still has: nothing changed by a contract that was refused.
    fn still_held(&self, why: engine::Problem) -> Problem {
        let refused = matches!(why, engine::Problem::Invalid { .. });
        let problem = Problem::from(why);
        let lease = self.handoff_seen.lease.as_ref().filter(|_| refused);
        let Some(lease) = lease else { return problem };
        let until = lease.until.map_or_else(|| "for as long as you like".to_owned(), |it| format!("until {it}"));
        let detail = format!("{}. Nothing changed: you still hold the handoff, {until}; send it again", problem.detail);
        Problem { detail, ..problem }
            .with("state", self.handoff_seen.state.word())
            .with("lease_until", json!(lease.until))
    }

    /// The answer when the work has ended: the handoff, and what was emitted with it.
    fn ended(&self, done: Result<Completed, engine::Problem>) -> Answer {
        let done = done.map_err(|why| self.still_held(why))?;
        let next: Vec<Receipt> = done.next.iter().map(|it| Receipt::of(&self.run, it)).collect();
        let tag = [(header::ETAG, etag(done.handoff.version))];
        let body = json!({ "handoff": Receipt::of(&self.run, &done.handoff), "next": next });
        Ok((tag, Json(body)).into_response())
    }
}

/// Accept ownership
#[utoipa::path(post, path = "/handoffs/{handoff_id}/ack", tag = "handoffs", request_body = LeaseBody,
    params(("handoff_id" = String, Path, description = "handoff")),
    responses((status = 200, description = "acknowledged", body = Receipt)))]
pub async fn acknowledge(on: Assignment, Body(it): Body<LeaseBody>) -> Answer {
    on.left(on.by.acknowledge(on.held(it.lease_id)).await)
}

/// Extend the lease by its length
#[utoipa::path(post, path = "/handoffs/{handoff_id}/heartbeat", tag = "handoffs", request_body = LeaseBody,
    params(("handoff_id" = String, Path, description = "handoff")),
    responses((status = 200, description = "extended", body = Receipt)))]
pub async fn heartbeat(on: Assignment, Body(it): Body<LeaseBody>) -> Answer {
    on.left(on.by.heartbeat(on.held(it.lease_id)).await)
}

/// The end of the work, with its result.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteBody {
    /// Id of the lease, from the claim
    lease_id: String,
    /// Result of the work, kept under its digest
    result: Option<Value>,
    /// Contracts of what follows, emitted in the same transaction
    #[serde(default)]
    next: Vec<Value>,
}

/// Finish the work and emit what follows
///
/// All of it happens, or nothing. Repeating it under the same lease gives the same answer.
#[utoipa::path(post, path = "/handoffs/{handoff_id}/complete", tag = "handoffs", request_body = CompleteBody,
    params(("handoff_id" = String, Path, description = "handoff")),
    responses((status = 200, description = "ended", body = ref("#/components/schemas/Ended"), headers(("etag" = String)))))]
pub async fn complete(on: Assignment, Body(it): Body<CompleteBody>) -> Answer {
    on.ended(on.by.complete(on.held(it.lease_id), it.result, it.next).await)
}

/// A return of the work to its source, with feedback.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReturnBody {
    /// Id of the lease, from the claim
    lease_id: String,
    /// The changes the source must make, one per item
    feedback: Vec<String>,
    /// The contract of the revision, if it is not the original with the feedback
    contract: Option<Value>,
}

/// Send the work back to its source with feedback
#[utoipa::path(post, path = "/handoffs/{handoff_id}/return", tag = "handoffs", request_body = ReturnBody,
    params(("handoff_id" = String, Path, description = "handoff")),
    responses((status = 200, description = "ended; next is the revision", body = ref("#/components/schemas/Ended"), headers(("etag" = String)))))]
pub async fn give_back(on: Assignment, Body(it): Body<ReturnBody>) -> Answer {
    on.ended(on.by.return_to_source(on.held(it.lease_id), it.feedback, it.contract).await)
}

/// The failure of an attempt.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FailBody {
    /// Id of the lease, from the claim
    lease_id: String,
    /// Error code, such as `timeout`: the contract says what follows
    code: String,
    /// The failure in words; may be empty
    #[serde(default)]
    detail: String,
}

/// Report a failed attempt
///
/// The contract decides: another attempt, a person, or a dead letter. The answer says which.
#[utoipa::path(post, path = "/handoffs/{handoff_id}/fail", tag = "handoffs", request_body = FailBody,
    params(("handoff_id" = String, Path, description = "handoff")),
    responses((status = 200, description = "what becomes of it", body = Receipt)))]
pub async fn fail(on: Assignment, Body(it): Body<FailBody>) -> Answer {
    on.left(on.by.fail(on.held(it.lease_id), &it.code, &it.detail).await)
}

/// The violations the target found in the contract.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectBody {
    /// Id of the lease, from the claim
    lease_id: String,
    /// The violations found: `{path, keyword, message}`
    #[schema(value_type = Vec<Object>)]
    errors: Vec<Violation>,
}

/// Refuse an invalid contract on receipt: it becomes a dead letter
#[utoipa::path(post, path = "/handoffs/{handoff_id}/reject", tag = "handoffs", request_body = RejectBody,
    params(("handoff_id" = String, Path, description = "handoff")),
    responses((status = 200, description = "a dead letter now", body = Receipt)))]
pub async fn reject(on: Assignment, Body(it): Body<RejectBody>) -> Answer {
    on.left(on.by.reject(on.held(it.lease_id), it.errors).await)
}

/// The time to put the work back until, as one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SnoozeBody {
    /// Id of the lease, from the claim
    lease_id: String,
    /// Time before which it cannot be claimed
    #[schema(value_type = Option<String>)]
    until: Option<Time>,
    /// Seconds from now before which it cannot be claimed
    delay_s: Option<u32>,
}

/// Put the work back until later, without spending an attempt
#[utoipa::path(post, path = "/handoffs/{handoff_id}/snooze", tag = "handoffs", request_body = SnoozeBody,
    params(("handoff_id" = String, Path, description = "handoff")),
    responses((status = 200, description = "pending again", body = Receipt)))]
pub async fn snooze(on: Assignment, Body(it): Body<SnoozeBody>) -> Answer {
    let until = match (it.until, it.delay_s) {
        (Some(until), None) => until,
        (None, Some(seconds)) => on.by.now() + i64::from(seconds) * SECOND,
        _ => return Err(Problem::bad_request("send either until or delay_s")),
    };
    on.left(on.by.snooze(on.held(it.lease_id), until).await)
}
