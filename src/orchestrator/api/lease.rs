//! What a lease allows: acknowledge, keep it, and end the work (rows 5 to 16 of protocol section 3).

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Api;
use super::auth::Caller;
use super::extract::{Body, Place, etag};
use super::problem::{Answer, Problem};
use super::wire::Receipt;
use crate::domain::command::Held;
use crate::domain::contract::Violation;
use crate::domain::id::{Actor, HandoffId, RunId};
use crate::domain::run::Handoff;
use crate::domain::time::{SECOND, Time};
use crate::orchestrator::engine::Completed;

/// A lease, and nothing else.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaseBody {
    /// From the claim
    lease_id: String,
}

/// Who holds the lease, and on what: the caller must speak for the target of the handoff.
async fn held(
    api: &Api,
    caller: &Caller,
    id: String,
    lease: String,
) -> Answer<(RunId, Actor, Held)> {
    let id = HandoffId::from(id);
    let (run, handoff) = api.engine.find(&id).await?;
    let target = &handoff.emission.edge.to;
    if !caller.is_agent(target) {
        return Err(Problem::scope(
            "this token does not speak for the target of this handoff",
        ));
    }
    let held = Held { handoff: id, lease };
    Ok((run, Actor::agent(target), held))
}

fn receipt(run: &RunId, handoff: &Handoff) -> Response {
    let tag = [(header::ETAG, etag(handoff.version))];
    (tag, Json(Receipt::of(run, handoff))).into_response()
}

/// Accept ownership
#[utoipa::path(post, path = "/handoffs/{id}/ack", tag = "handoffs", request_body = LeaseBody,
    params(("id" = String, Path, description = "handoff")),
    responses((status = 200, description = "acknowledged", body = Receipt)))]
pub async fn acknowledge(
    State(api): State<Api>,
    caller: Caller,
    Place(id): Place<String>,
    Body(it): Body<LeaseBody>,
) -> Answer {
    let (run, by, held) = held(&api, &caller, id, it.lease_id).await?;
    Ok(receipt(&run, &api.engine.acknowledge(&by, held).await?))
}

/// Extend the lease by its length
#[utoipa::path(post, path = "/handoffs/{id}/heartbeat", tag = "handoffs", request_body = LeaseBody,
    params(("id" = String, Path, description = "handoff")),
    responses((status = 200, description = "extended", body = Receipt)))]
pub async fn heartbeat(
    State(api): State<Api>,
    caller: Caller,
    Place(id): Place<String>,
    Body(it): Body<LeaseBody>,
) -> Answer {
    let (run, by, held) = held(&api, &caller, id, it.lease_id).await?;
    Ok(receipt(&run, &api.engine.heartbeat(&by, held).await?))
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
pub async fn complete(
    State(api): State<Api>,
    caller: Caller,
    Place(id): Place<String>,
    Body(it): Body<CompleteBody>,
) -> Answer {
    let (run, by, held) = held(&api, &caller, id, it.lease_id).await?;
    let done = api.engine.complete(&by, held, it.result, it.next).await?;
    Ok(completed(&run, &done))
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
pub async fn give_back(
    State(api): State<Api>,
    caller: Caller,
    Place(id): Place<String>,
    Body(it): Body<ReturnBody>,
) -> Answer {
    let (run, by, held) = held(&api, &caller, id, it.lease_id).await?;
    let done = api
        .engine
        .return_to_source(&by, held, it.feedback, it.contract)
        .await?;
    Ok(completed(&run, &done))
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
pub async fn fail(
    State(api): State<Api>,
    caller: Caller,
    Place(id): Place<String>,
    Body(it): Body<FailBody>,
) -> Answer {
    let (run, by, held) = held(&api, &caller, id, it.lease_id).await?;
    Ok(receipt(
        &run,
        &api.engine.fail(&by, held, &it.code, &it.detail).await?,
    ))
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
pub async fn reject(
    State(api): State<Api>,
    caller: Caller,
    Place(id): Place<String>,
    Body(it): Body<RejectBody>,
) -> Answer {
    let (run, by, held) = held(&api, &caller, id, it.lease_id).await?;
    Ok(receipt(
        &run,
        &api.engine.reject(&by, held, it.errors).await?,
    ))
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
pub async fn snooze(
    State(api): State<Api>,
    caller: Caller,
    Place(id): Place<String>,
    Body(it): Body<SnoozeBody>,
) -> Answer {
    let until = match (it.until, it.delay_s) {
        (Some(until), None) => until,
        (None, Some(seconds)) => api.engine.now() + i64::from(seconds) * SECOND,
        _ => return Err(Problem::bad_request("send either until or delay_s")),
    };
    let (run, by, held) = held(&api, &caller, id, it.lease_id).await?;
    Ok(receipt(&run, &api.engine.snooze(&by, held, until).await?))
}
