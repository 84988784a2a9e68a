//! Refusals of the engine as HTTP problems (error table of protocol section 7).

use axum::http::StatusCode as Status;
use serde_json::json;

use super::problem::Problem;
use crate::domain::command::Refusal;
use crate::domain::contract::{SCHEMA_VERSION, Violation};
use crate::orchestrator::boundary::PutError;
use crate::orchestrator::engine;
use crate::store::StoreError;

/// Most violations that one answer tells: a small request can have very many.
const ERRORS: usize = 200;

impl From<engine::Problem> for Problem {
    fn from(why: engine::Problem) -> Self {
        let detail = why.to_string();
        let simple = |status, kind| Self::new(status, kind, detail.clone());
        match why {
            engine::Problem::Refused(refusal) => refused(refusal, detail),
            engine::Problem::Invalid { violations, rejection } => invalid(&violations, rejection),
            engine::Problem::KeyReused(_) => simple(Status::UNPROCESSABLE_ENTITY, "idempotency-key-reused"),
            engine::Problem::NotFound(_) => simple(Status::NOT_FOUND, "not-found"),
            engine::Problem::TooLarge { .. } => simple(Status::PAYLOAD_TOO_LARGE, "too-large"),
            engine::Problem::Schema(PutError::Invalid(_)) => simple(Status::UNPROCESSABLE_ENTITY, "schema-invalid"),
            engine::Problem::Schema(PutError::Conflict(_)) => simple(Status::CONFLICT, "schema-conflict"),
            // Trying again does not help before somebody mends it.
            engine::Problem::Store(StoreError::Unreadable(_)) => {
                simple(Status::INTERNAL_SERVER_ERROR, "record-unreadable")
            }
            engine::Problem::Busy(_) | engine::Problem::Store(_) => {
                Self { retry_after: Some(1), ..simple(Status::SERVICE_UNAVAILABLE, "store-unavailable") }
            }
        }
    }
}

fn refused(refusal: Refusal, detail: String) -> Problem {
    let with = |status, kind| Problem::new(status, kind, detail);
    match refusal {
        Refusal::NotFound(_) => with(Status::NOT_FOUND, "not-found"),
        Refusal::LeaseLost { state, .. } => with(Status::CONFLICT, "lease-lost").with("state", state),
        Refusal::IllegalTransition { state, allowed, .. } => with(Status::CONFLICT, "illegal-transition")
            .with("state", state.word())
            .with("allowed", allowed.iter().map(|it| it.word()).collect::<Vec<_>>()),
        Refusal::VersionConflict { current, last_change } => with(Status::PRECONDITION_FAILED, "version-conflict")
            .with("current", current)
            .with("last_change", json!(last_change)),
        Refusal::ContextMoved => with(Status::PRECONDITION_FAILED, "version-conflict"),
        Refusal::AnswerNotAllowed { allow } => {
            with(Status::UNPROCESSABLE_ENTITY, "resolution-not-allowed").with("allow", json!(allow))
        }
        Refusal::RoleNeeded { role, .. } => with(Status::FORBIDDEN, "scope").with("role", role),
        Refusal::SelfApproval { .. } => with(Status::FORBIDDEN, "self-approval"),
        Refusal::Stranger { .. } => with(Status::FORBIDDEN, "scope"),
        Refusal::PlaceTaken { .. } => with(Status::CONFLICT, "place-taken"),
        Refusal::IdempotencyMismatch { handoff, existing, received, .. } => {
            with(Status::CONFLICT, "idempotency-mismatch")
                .with("handoff_id", handoff.as_str())
                .with("existing", existing)
                .with("received", received)
        }
        Refusal::Expired { .. } => with(Status::CONFLICT, "expired"),
        Refusal::Invalid(_) => with(Status::UNPROCESSABLE_ENTITY, "invalid-request"),
    }
}

fn invalid(violations: &[Violation], rejection: Option<String>) -> Problem {
    let foreign = violations.iter().any(|it| it.keyword == "unsupported-schema-version");
    let kind = if foreign { "unsupported-schema-version" } else { "contract-invalid" };
    let detail = match violations {
        [] => "it is invalid".to_owned(),
        [one] => one.to_string(),
        [first, rest @ ..] if violations.len() <= ERRORS => format!("{first}; and {} more, all in errors", rest.len()),
        [first, rest @ ..] => format!("{first}; and {} more, the first {ERRORS} in errors", rest.len()),
    };
    let told = violations.get(..ERRORS).unwrap_or(violations);
    let mut problem = Problem::new(Status::UNPROCESSABLE_ENTITY, kind, detail).with("errors", json!(told));
    if let Some(id) = rejection {
        problem = problem.with("rejection_id", id);
    }
    if foreign {
        problem = problem.with("supported", json!([SCHEMA_VERSION]));
    }
    problem
}
