//! Questions to people: take one in hand, put it back, decide (row 19 of protocol section 3).

use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Api;
use super::auth::Caller;
use super::extract::{Body, IfMatch, Key, Place};
use super::operate::act;
use super::problem::Answer;
use super::wire::Receipt;
use crate::domain::event::Answer as Decision;
use crate::domain::id::HandoffId;
use crate::domain::link::Act;

/// The handoff that an escalation is about; the id of the handoff itself will do, too.
async fn about(api: &Api, id: String) -> HandoffId {
    let ledger = api.present().await;
    let asks = |handoff: &&HandoffId| {
        let open = ledger
            .handoff(handoff)
            .and_then(|it| it.escalation.as_ref());
        open.is_some_and(|it| it.asked.id == id)
    };
    let found = ledger.escalated().find(asks).cloned();
    found.unwrap_or_else(|| id.into())
}

/// Take an escalation in hand for 15 minutes
#[utoipa::path(post, path = "/escalations/{id}/claim", tag = "escalations",
    params(("id" = String, Path, description = "escalation, or its handoff"),
        ("if-match" = String, Header, description = "ETag of the handoff")),
    responses((status = 200, description = "in hand", body = Receipt)))]
pub async fn claim_escalation(
    State(api): State<Api>,
    caller: Caller,
    key: Key,
    IfMatch(version): IfMatch,
    Place(id): Place<String>,
) -> Answer {
    let id = about(&api, id).await;
    act(&api, caller, key, id, version, Act::Claim, String::new()).await
}

/// Put an escalation back
#[utoipa::path(post, path = "/escalations/{id}/release", tag = "escalations",
    params(("id" = String, Path, description = "escalation, or its handoff"),
        ("if-match" = String, Header, description = "ETag of the handoff")),
    responses((status = 200, description = "put back", body = Receipt)))]
pub async fn release_escalation(
    State(api): State<Api>,
    caller: Caller,
    key: Key,
    IfMatch(version): IfMatch,
    Place(id): Place<String>,
) -> Answer {
    let id = about(&api, id).await;
    act(&api, caller, key, id, version, Act::Release, String::new()).await
}

/// A decision.
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
pub async fn resolve(
    State(api): State<Api>,
    caller: Caller,
    key: Key,
    IfMatch(version): IfMatch,
    Place(id): Place<String>,
    Body(it): Body<ResolveBody>,
) -> Answer {
    let what = Act::Resolve {
        answer: it.answer,
        context_digest: it.context_digest,
        edited: it.edited,
        value: it.value,
    };
    let id = about(&api, id).await;
    act(&api, caller, key, id, version, what, it.note).await
}
