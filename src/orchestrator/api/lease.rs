//! What a lease allows: acknowledge, keep it, and end the work (rows 5 to 16 of protocol section 3).

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
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
use crate::domain::time::{SECOND, Time};
use crate::orchestrator::engine::{Completed, Once};

/// A lease, and nothing else.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaseBody {
    /// From the claim
    lease_id: String,
}

/// The handoff of the path, for a caller who speaks for its target.
pub struct Assignment {
    api: Api,
    run: RunId,
    by: Actor,
    handoff: HandoffId,
    once: Option<Once>,
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
        Ok(Self {
            api: api.clone(),
            run,
            by: Actor::agent(target),
            handoff: handoff.id,
            once: Key::from_request_parts(parts, api).await?.0,
        })
    }
}

impl Assignment {
    fn held(&self, lease: String) -> Held {
        Held { handoff: self.handoff.clone(), lease }
    }
}

/// Accept ownership
#[utoipa::path(post, path = "/handoffs/{id}/ack", tag = "handoffs", request_body = LeaseBody,
    params(("id" = String, Path, description = "handoff")),
    responses((status = 200, description = "acknowledged", body = Receipt)))]
pub async fn acknowledge(on: Assignment, Body(it): Body<LeaseBody>) -> Answer {
    let held = on.held(it.lease_id);
    let handoff = on.api.engine.acknowledge(&on.by, held, on.once.as_ref()).await?;
    Ok(receipt(&on.run, &handoff))
}

/// Extend the lease by its length
#[utoipa::path(post, path = "/handoffs/{id}/heartbeat", tag = "handoffs", request_body = LeaseBody,
    params(("id" = String, Path, description = "handoff")),
    responses((status = 200, description = "extended", body = Receipt)))]
pub async fn heartbeat(on: Assignment, Body(it): Body<LeaseBody>) -> Answer {
    let held = on.held(it.lease_id);
    let handoff = on.api.engine.heartbeat(&on.by, held, on.once.as_ref()).await?;
    Ok(receipt(&on.run, &handoff))
}

/// The end of the work.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteBody {
    /// From the claim
    lease_id: String,
    /// What came of it, kept under its digest
    result: Option<Value>,
    /// Contracts of what follows, emitted in the same transaction
    #[serde(default)]
    next: Vec<Value>,
}

fn completed(run: &RunId, done: &Completed) -> Response {
    let next: Vec<Receipt> = done.next.iter().map(|it| Receipt::of(run, it)).collect();
    let tag = [(header::ETAG, etag(done.handoff.version))];
    let body = json!({ "handoff": Receipt::of(run, &done.handoff), "next": next });
    (tag, Json(body)).into_response()
}

/// Finish the work and emit what follows
///
/// All of it happens, or nothing. Repeating it under the same lease gives the same answer.
#[utoipa::path(post, path = "/handoffs/{id}/complete", tag = "handoffs", request_body = CompleteBody,
    params(("id" = String, Path, description = "handoff")),
    responses((status = 200, description = "`{handoff, next}`", body = Value)))]
pub async fn complete(on: Assignment, Body(it): Body<CompleteBody>) -> Answer {
    let held = on.held(it.lease_id);
    let engine = &on.api.engine;
    let done = engine.complete(&on.by, held, it.result, it.next, on.once.as_ref()).await?;
    Ok(completed(&on.run, &done))
}

/// Back to the source.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReturnBody {
    /// From the claim
    lease_id: String,
    /// What the source must change
    feedback: Vec<String>,
    /// The contract of the revision, if it is not the original with the feedback
    contract: Option<Value>,
}

/// Send the work back to its source with feedback
#[utoipa::path(post, path = "/handoffs/{id}/return", tag = "handoffs", request_body = ReturnBody,
    params(("id" = String, Path, description = "handoff")),
    responses((status = 200, description = "`{handoff, next}`: next is the revision", body = Value)))]
pub async fn give_back(on: Assignment, Body(it): Body<ReturnBody>) -> Answer {
    let held = on.held(it.lease_id);
    let engine = &on.api.engine;
    let done = engine.return_to_source(&on.by, held, it.feedback, it.contract, on.once.as_ref()).await?;
    Ok(completed(&on.run, &done))
}

/// How the attempt failed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FailBody {
    /// From the claim
    lease_id: String,
    /// Error code, such as `timeout`: the contract says what follows
    code: String,
    /// In words
    #[serde(default)]
    detail: String,
}

/// Report a failed attempt
///
/// The contract decides: another attempt, a person, or a dead letter. The answer says which.
#[utoipa::path(post, path = "/handoffs/{id}/fail", tag = "handoffs", request_body = FailBody,
    params(("id" = String, Path, description = "handoff")),
    responses((status = 200, description = "what becomes of it", body = Receipt)))]
pub async fn fail(on: Assignment, Body(it): Body<FailBody>) -> Answer {
    let held = on.held(it.lease_id);
    let engine = &on.api.engine;
    let handoff = engine.fail(&on.by, held, &it.code, &it.detail, on.once.as_ref()).await?;
    Ok(receipt(&on.run, &handoff))
}

/// What the target found wrong.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectBody {
    /// From the claim
    lease_id: String,
    /// Everything that is wrong: `{path, keyword, message}`
    #[schema(value_type = Vec<Object>)]
    errors: Vec<Violation>,
}

/// Refuse an invalid contract on receipt: it becomes a dead letter
#[utoipa::path(post, path = "/handoffs/{id}/reject", tag = "handoffs", request_body = RejectBody,
    params(("id" = String, Path, description = "handoff")),
    responses((status = 200, description = "a dead letter now", body = Receipt)))]
pub async fn reject(on: Assignment, Body(it): Body<RejectBody>) -> Answer {
    let held = on.held(it.lease_id);
    let handoff = on.api.engine.reject(&on.by, held, it.errors, on.once.as_ref()).await?;
    Ok(receipt(&on.run, &handoff))
}

/// Until when to put it back; one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SnoozeBody {
    /// From the claim
    lease_id: String,
    /// Not before this time
    #[schema(value_type = Option<String>)]
    until: Option<Time>,
    /// Not before so many seconds from now
    delay_s: Option<u32>,
}

/// Put the work back until later, without spending an attempt
#[utoipa::path(post, path = "/handoffs/{id}/snooze", tag = "handoffs", request_body = SnoozeBody,
    params(("id" = String, Path, description = "handoff")),
    responses((status = 200, description = "pending again", body = Receipt)))]
pub async fn snooze(on: Assignment, Body(it): Body<SnoozeBody>) -> Answer {
    let until = match (it.until, it.delay_s) {
        (Some(until), None) => until,
        (None, Some(seconds)) => on.api.engine.now() + i64::from(seconds) * SECOND,
        _ => return Err(Problem::bad_request("send either until or delay_s")),
    };
    let held = on.held(it.lease_id);
    let handoff = on.api.engine.snooze(&on.by, held, until, on.once.as_ref()).await?;
    Ok(receipt(&on.run, &handoff))
}
