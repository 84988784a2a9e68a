//! Acts of people, each against the version that was seen (rows 18 to 25 of protocol section 3).

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::auth::Caller;
use super::extract::{Body, IfMatch, Place, etag};
use super::once::Key;
use super::problem::{Answer, Problem};
use super::wire::{EdgeName, Receipt, receipt};
use crate::domain::command::Seen;
use crate::domain::event::{Annotation, DismissReason};
use crate::domain::id::{Actor, Edge, HandoffId, RunId};
use crate::domain::port::{Act, Target};
use crate::domain::run::Handoff;
use crate::orchestrator::engine::{Edit, Engine, Requester};

/// Routes of the acts of operators.
pub fn of_operators() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(requeue))
        .routes(routes!(dismiss))
        .routes(routes!(escalate))
        .routes(routes!(amend))
        .routes(routes!(complete_manually))
        .routes(routes!(take))
        .routes(routes!(release))
        .routes(routes!(cancel))
        .routes(routes!(pause))
        .routes(routes!(unpause))
        .routes(routes!(dismiss_rejection))
}

/// Routes of the acts of both operators and approvers.
pub fn of_both() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(annotate)).routes(routes!(annotate_run))
}

/// The handoff of the path as the caller saw it.
pub struct Shown {
    api: Api,
    by: Requester,
    seen: Seen,
}

/// The engine as the person who calls uses it, with the key of the request.
pub struct Person(Requester);

impl FromRequestParts<Api> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, api).await?;
        let Key(once) = Key::from_request_parts(parts, api).await?;
        Ok(Self(api.by(&caller, Actor::user(&caller.subject)).once(once)))
    }
}

impl FromRequestParts<Api> for Shown {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let Person(by) = Person::from_request_parts(parts, api).await?;
        let IfMatch(version) = <IfMatch as FromRequestParts<Api>>::from_request_parts(parts, api).await?;
        let Place(id): Place<String> = Place::from_request_parts(parts, api).await?;
        Ok(Self { api: api.clone(), by, seen: Seen { handoff: id.into(), version } })
    }
}

impl Shown {
    /// Does one act to it.
    ///
    /// # Errors
    /// Fails when the engine refuses the act.
    pub async fn act(self, act: Act, why: String) -> Answer {
        let Self { by, seen, .. } = self;
        let (run, _) = by.find(&seen.handoff).await?;
        let on = Target { run, handoff: seen.handoff, seen: seen.version.into() };
        let left = by.act(&act, &why, &on).await?;
        Ok(receipt(&on.run, &left))
    }

    /// The same about the handoff that an escalation of this id asks about; the id of the handoff will do, too.
    #[must_use]
    pub async fn asked(mut self) -> Self {
        self.seen.handoff = asked_about(&self.api, self.seen.handoff).await;
        self
    }
}

/// The handoff that the escalation of this id asks about; else it is the id of the handoff itself.
pub async fn asked_about(api: &Api, id: HandoffId) -> HandoffId {
    let ledger = api.present().await;
    let asks = |handoff: &&HandoffId| {
        let open = ledger.handoff(handoff).and_then(|it| it.escalation.as_ref());
        open.is_some_and(|it| it.asked.id == id.as_str())
    };
    let found = ledger.escalated().find(asks).cloned();
    found.unwrap_or(id)
}

/// The receipt of a handoff as an act left it.
async fn left_as(engine: &Engine, left: Handoff) -> Answer {
    let (run, _) = engine.find(&left.id).await?;
    Ok(receipt(&run, &left))
}

/// A reason in words.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhyBody {
    /// Reason in the person's words; may be empty
    #[serde(default)]
    reason: String,
}

/// Return a dead letter to the queue
#[utoipa::path(post, path = "/handoffs/{handoff_id}/requeue", tag = "operators", request_body = WhyBody,
    params(("handoff_id" = String, Path, description = "handoff"), ("if-match" = String, Header, description = "its ETag")),
    responses((status = 200, description = "pending again", body = Receipt)))]
pub async fn requeue(on: Shown, Body(it): Body<WhyBody>) -> Answer {
    on.act(Act::Requeue, it.reason).await
}

/// The reason to end a handoff unprocessed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DismissBody {
    /// `duplicate`, `obsolete`, `handled_manually`, `wont_fix` or `test_data`
    #[schema(value_type = String)]
    reason: DismissReason,
    /// Note in the person's words; may be empty
    #[serde(default)]
    note: String,
}

/// End a handoff unprocessed
#[utoipa::path(post, path = "/handoffs/{handoff_id}/dismiss", tag = "operators", request_body = DismissBody,
    params(("handoff_id" = String, Path, description = "handoff"), ("if-match" = String, Header, description = "its ETag")),
    responses((status = 200, description = "dismissed", body = Receipt)))]
pub async fn dismiss(on: Shown, Body(it): Body<DismissBody>) -> Answer {
    let what = Act::Dismiss { reason: it.reason };
    on.act(what, it.note).await
}

/// The question to put to a person, and the role to ask.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EscalateBody {
    /// The question, in the person's words
    #[serde(default)]
    reason: String,
    /// The role that is asked; `operators` unless given
    #[serde(default)]
    role: String,
    /// True to take it away from the agent that works on it
    #[serde(default)]
    force: bool,
}

/// Ask a person about a handoff
#[utoipa::path(post, path = "/handoffs/{handoff_id}/escalate", tag = "operators", request_body = EscalateBody,
    params(("handoff_id" = String, Path, description = "handoff"), ("if-match" = String, Header, description = "its ETag")),
    responses((status = 200, description = "escalated", body = Receipt)))]
pub async fn escalate(on: Shown, Body(it): Body<EscalateBody>) -> Answer {
    let what = Act::Escalate { force: it.force, role: it.role };
    on.act(what, it.reason).await
}

/// An edit: one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AmendBody {
    /// The whole contract as it shall be
    contract: Option<Value>,
    /// JSON Patch (RFC 6902) to apply to the contract
    #[schema(value_type = Option<Vec<Object>>)]
    patch: Option<json_patch::Patch>,
}

/// Edit the contract of a dead letter or an escalated handoff
#[utoipa::path(post, path = "/handoffs/{handoff_id}/amend", tag = "operators", request_body = AmendBody,
    params(("handoff_id" = String, Path, description = "handoff"), ("if-match" = String, Header, description = "its ETag")),
    responses((status = 200, description = "edited", body = Receipt)))]
pub async fn amend(on: Shown, Body(it): Body<AmendBody>) -> Answer {
    let edit = match (it.contract, it.patch) {
        (Some(whole), None) => Edit::Whole(whole),
        (None, Some(patch)) => Edit::Patch(patch),
        _ => return Err(Problem::bad_request("send either contract or patch")),
    };
    left_as(&on.by, on.by.amend(on.seen, edit).await?).await
}

/// The result of work that a person did.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ManualBody {
    /// Result of the work, kept under its digest
    result: Option<Value>,
    /// Contracts of the follow-ups, emitted in the same transaction
    #[serde(default)]
    next: Vec<Value>,
    /// Note in the person's words; may be empty
    #[serde(default)]
    note: String,
}

/// Finish a dead letter, an escalated handoff or one you took by hand
#[utoipa::path(post, path = "/handoffs/{handoff_id}/complete-manually", tag = "operators", request_body = ManualBody,
    params(("handoff_id" = String, Path, description = "handoff"), ("if-match" = String, Header, description = "its ETag")),
    responses((status = 200, description = "completed", body = Receipt)))]
pub async fn complete_manually(on: Shown, Body(it): Body<ManualBody>) -> Answer {
    left_as(&on.by, on.by.complete_manually(on.seen, it.result, it.next, &it.note).await?).await
}

/// Take a handoff that is addressed to people
#[utoipa::path(post, path = "/handoffs/{handoff_id}/take", tag = "operators",
    params(("handoff_id" = String, Path, description = "handoff"), ("if-match" = String, Header, description = "its ETag")),
    responses((status = 200, description = "acknowledged, without expiry", body = Receipt)))]
pub async fn take(on: Shown) -> Answer {
    left_as(&on.by, on.by.take(on.seen).await?).await
}

/// Put back what was taken
#[utoipa::path(post, path = "/handoffs/{handoff_id}/release", tag = "operators",
    params(("handoff_id" = String, Path, description = "handoff"), ("if-match" = String, Header, description = "its ETag")),
    responses((status = 200, description = "pending again", body = Receipt)))]
pub async fn release(on: Shown) -> Answer {
    on.act(Act::Release, String::new()).await
}

/// Cancel a run: everything open in it ends
#[utoipa::path(post, path = "/runs/{trace_id}/cancel", tag = "runs", request_body = WhyBody,
    params(("trace_id" = String, Path, description = "run"), ("if-match" = String, Header, description = "ETag of the run")),
    responses((status = 200, description = "cancelled", body = ref("#/components/schemas/RunReceipt"), headers(("etag" = String)))))]
pub async fn cancel(
    Person(by): Person,
    IfMatch(version): IfMatch,
    Place(id): Place<String>,
    Body(it): Body<WhyBody>,
) -> Answer {
    let run = by.cancel(&RunId::from(id), version, &it.reason).await?;
    let body = json!({ "trace_id": run.id, "state": run.state(), "version": run.version });
    Ok(([(header::ETAG, etag(run.version))], Json(body)).into_response())
}

/// A verdict on a handoff or a run.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnnotateBody {
    /// The verdict in a few words
    verdict: String,
    /// Reason in the person's words; may be empty
    #[serde(default)]
    note: String,
}

/// Say what you make of a handoff
///
/// It moves nothing and needs no If-Match. Verdicts may contradict each other: all are kept.
#[utoipa::path(post, path = "/handoffs/{handoff_id}/annotate", tag = "operators", request_body = AnnotateBody,
    params(("handoff_id" = String, Path, description = "handoff")),
    responses((status = 200, description = "kept", body = ref("#/components/schemas/Annotated"))))]
pub async fn annotate(Person(by): Person, Place(id): Place<String>, Body(it): Body<AnnotateBody>) -> Answer {
    let id = HandoffId::from(id);
    let (run, _) = by.find(&id).await?;
    annotated(&by, &run, Some(id), it).await
}

/// Say what you make of a run
#[utoipa::path(post, path = "/runs/{trace_id}/annotate", tag = "runs", request_body = AnnotateBody,
    params(("trace_id" = String, Path, description = "run")),
    responses((status = 200, description = "kept", body = ref("#/components/schemas/Annotated"))))]
pub async fn annotate_run(Person(by): Person, Place(id): Place<String>, Body(it): Body<AnnotateBody>) -> Answer {
    annotated(&by, &id.into(), None, it).await
}

async fn annotated(by: &Requester, run: &RunId, handoff: Option<HandoffId>, it: AnnotateBody) -> Answer {
    let annotation = Annotation { handoff, verdict: it.verdict.trim().to_owned(), note: it.note };
    let run = by.annotate(run, annotation).await?;
    Ok(Json(json!({ "trace_id": run.id, "annotations": run.annotations.len() })).into_response())
}

async fn switch(by: &Requester, edge: &str, paused: bool, why: &str) -> Answer {
    let edge: Edge = edge.parse::<EdgeName>()?.exact()?;
    let mut body = json!({ "edge": edge, "paused": paused });
    if let Some(note) = by.switch(&edge, paused, why).await? {
        body["note"] = note.into();
    }
    Ok(Json(body).into_response())
}

/// Stop an edge: agents get nothing from it until it is unpaused
#[utoipa::path(post, path = "/edges/{edge}/pause", tag = "edges", request_body = WhyBody,
    params(("edge" = String, Path, description = "`pipeline>from>to`, percent-encoded")),
    responses((status = 200, description = "switched", body = ref("#/components/schemas/Switched"))))]
pub async fn pause(Person(by): Person, Place(edge): Place<String>, Body(it): Body<WhyBody>) -> Answer {
    switch(&by, &edge, true, &it.reason).await
}

/// Let an edge flow again
#[utoipa::path(post, path = "/edges/{edge}/unpause", tag = "edges", request_body = WhyBody,
    params(("edge" = String, Path, description = "`pipeline>from>to`, percent-encoded")),
    responses((status = 200, description = "switched", body = ref("#/components/schemas/Switched"))))]
pub async fn unpause(Person(by): Person, Place(edge): Place<String>, Body(it): Body<WhyBody>) -> Answer {
    switch(&by, &edge, false, &it.reason).await
}

/// Be done with refused contracts
///
/// One record, all of a group, or all of an edge, as they are kept at that moment.
#[utoipa::path(post, path = "/rejections/{rejection_id}/dismiss", tag = "rejections", request_body = WhyBody,
    params(("rejection_id" = String, Path, description = "`id` of an item or of a group, or `pipeline>from>to`, percent-encoded")),
    responses((status = 204, description = "resolved")))]
pub async fn dismiss_rejection(Person(by): Person, Place(id): Place<String>, Body(it): Body<WhyBody>) -> Answer {
    by.dismiss_refused(&id, &it.reason).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
