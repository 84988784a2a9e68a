//! Questions to people: take one in hand, put it back, decide (row 19 of protocol section 3).

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Api;
use super::auth::Caller;
use super::extract::{Body, Place};
use super::operate::{Shown, asked_about};
use super::problem::Answer;
use super::wire::Receipt;
use crate::domain::event::Answer as Decision;
use crate::domain::id::Actor;
use crate::domain::port::Act;

/// Take an escalation in hand for 15 minutes
#[utoipa::path(post, path = "/escalations/{handoff_id}/claim", tag = "escalations",
    params(("handoff_id" = String, Path, description = "escalation, or its handoff"),
        ("if-match" = String, Header, description = "ETag of the handoff")),
    responses((status = 200, description = "in hand", body = Receipt)))]
pub async fn claim_escalation(on: Shown) -> Answer {
    on.asked().await.act(Act::Claim, String::new()).await
}

/// Put an escalation back
#[utoipa::path(post, path = "/escalations/{handoff_id}/release", tag = "escalations",
    params(("handoff_id" = String, Path, description = "escalation, or its handoff"),
        ("if-match" = String, Header, description = "ETag of the handoff")),
    responses((status = 200, description = "put back", body = Receipt)))]
pub async fn release_escalation(on: Shown) -> Answer {
    on.asked().await.act(Act::Release, String::new()).await
}

/// Show what is masked in the contract under decision
///
/// Only to who may decide on it. The log tells who was shown it (`payload.revealed`), not what. It moves nothing and needs no
/// If-Match; each call is told anew, also under the same Idempotency-Key.
#[utoipa::path(post, path = "/escalations/{handoff_id}/reveal", tag = "escalations",
    params(("handoff_id" = String, Path, description = "escalation, or its handoff")),
    responses((status = 200, description = "shown", body = ref("#/components/schemas/Revealed"))))]
pub async fn reveal(State(api): State<Api>, caller: Caller, Place(id): Place<String>) -> Answer {
    let id = asked_about(&api, id.into()).await;
    let revealed = api.by(&caller, Actor::user(&caller.subject)).reveal(&id).await?;
    let body = json!({ "handoff_id": id, "digest": revealed.digest, "values": revealed.values });
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

/// A decision on an escalation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveBody {
    /// `approve`, `edit_approve`, `reject`, `respond` or `dismiss`
    #[schema(value_type = String)]
    answer: Decision,
    /// The person's words; for `reject` what the source must change, one point a line
    #[serde(default)]
    note: String,
    /// Digest of the contract that was shown: the decision is refused if it moved
    #[serde(default)]
    context_digest: String,
    /// The whole edited contract, for `edit_approve`
    edited: Option<Value>,
    /// The answer, for `respond`
    value: Option<Value>,
}

/// Decide on an escalation
#[utoipa::path(post, path = "/escalations/{handoff_id}/resolve", tag = "escalations", request_body = ResolveBody,
    params(("handoff_id" = String, Path, description = "escalation, or its handoff"),
        ("if-match" = String, Header, description = "ETag of the handoff")),
    responses((status = 200, description = "what becomes of the handoff", body = Receipt)))]
pub async fn resolve(on: Shown, Body(it): Body<ResolveBody>) -> Answer {
    let value = if it.answer == Decision::EditApprove { it.edited } else { it.value };
    let what = Act::Resolve { answer: it.answer, context_digest: it.context_digest, value };
    on.asked().await.act(what, it.note).await
}
