//! Questions to people: take one in hand, put it back, decide (row 19 of protocol section 3).

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::extract::Body;
use super::operate::Shown;
use super::problem::Answer;
use super::wire::Receipt;
use crate::domain::event::Answer as Decision;
use crate::domain::port::Act;

/// Take an escalation in hand for 15 minutes
#[utoipa::path(post, path = "/escalations/{id}/claim", tag = "escalations",
    params(("id" = String, Path, description = "escalation, or its handoff"),
        ("if-match" = String, Header, description = "ETag of the handoff")),
    responses((status = 200, description = "in hand", body = Receipt)))]
pub async fn claim_escalation(on: Shown) -> Answer {
    on.asked().await.act(Act::Claim, String::new()).await
}

/// Put an escalation back
#[utoipa::path(post, path = "/escalations/{id}/release", tag = "escalations",
    params(("id" = String, Path, description = "escalation, or its handoff"),
        ("if-match" = String, Header, description = "ETag of the handoff")),
    responses((status = 200, description = "put back", body = Receipt)))]
pub async fn release_escalation(on: Shown) -> Answer {
    on.asked().await.act(Act::Release, String::new()).await
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
#[utoipa::path(post, path = "/escalations/{id}/resolve", tag = "escalations", request_body = ResolveBody,
    params(("id" = String, Path, description = "escalation, or its handoff"),
        ("if-match" = String, Header, description = "ETag of the handoff")),
    responses((status = 200, description = "what becomes of the handoff", body = Receipt)))]
pub async fn resolve(on: Shown, Body(it): Body<ResolveBody>) -> Answer {
    let value = if it.answer == Decision::EditApprove { it.edited } else { it.value };
    let what = Act::Resolve { answer: it.answer, context_digest: it.context_digest, value };
    on.asked().await.act(what, it.note).await
}
