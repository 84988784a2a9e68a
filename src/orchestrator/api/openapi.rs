//! `/openapi.json`: made from the routes themselves, so that it cannot forget one.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, ContentBuilder, Info, License, OpenApi, PathItem, Ref, RefOr, ResponseBuilder};

use super::Api;
use super::problem::Answer;
use crate::domain::port::Scope;

/// RFC 9457 problem document, with more members by type: `errors`, `state`, `allowed`, `current`, `last_change`, …
#[derive(Serialize, ToSchema)]
#[allow(dead_code)] // describes what `Problem::body` writes
struct ProblemDocument {
    /// `urn:seamwatch:problem:` and a name such as `contract-invalid`
    r#type: String,
    /// The name in words
    title: String,
    /// HTTP status code
    status: u16,
    /// The problem in a sentence: the event, its object, and the next step
    detail: String,
    /// Path of the request
    instance: String,
    /// The same as the header x-request-id; names the request in the log of the server
    request_id: String,
    /// With contract-invalid: everything that is wrong, each with the JSON pointer of its place
    errors: Option<Vec<Value>>,
    /// With version-conflict: the version now
    current: Option<u64>,
    /// With version-conflict: the change that won, with author, event and time
    last_change: Option<Value>,
    /// With illegal-transition: the state of the handoff
    state: Option<String>,
    /// With illegal-transition: the states in which the act is allowed
    allowed: Option<Vec<String>>,
}

/// This OpenAPI document
#[utoipa::path(get, path = "/openapi.json", tag = "operations",
    responses((status = 200, description = "OpenAPI 3.1", body = Value)))]
pub async fn document(State(api): State<Api>) -> Answer<Json<OpenApi>> {
    let missing = || super::Problem::of_status(StatusCode::INTERNAL_SERVER_ERROR);
    api.document.get().cloned().map(Json).ok_or_else(missing)
}

/// Writes into every operation of a group which scope it needs.
pub fn secure(document: &mut OpenApi, scopes: &[Scope]) {
    let all = || vec![Scope::ALL.map(Scope::name).to_vec()];
    let any_of = if scopes.is_empty() { all() } else { scopes.iter().map(|it| vec![it.name()]).collect() };
    for operation in operations(document) {
        let requirements = any_of.iter().map(|it| SecurityRequirement::new("token", it.clone()));
        operation.security = Some(requirements.collect());
    }
}

/// Adds what all paths have in common.
pub fn complete(mut document: OpenApi) -> OpenApi {
    let mut info = Info::new("Seamwatch orchestrator", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "Handoffs between AI agents: emit, claim, acknowledge, settle; watch and act. Errors are RFC 9457 problem \
         documents. Bodies take 256 KiB, blobs 16 MiB. Every POST takes an Idempotency-Key: the same \
         request under it is done once and answered as the first time, for 24 hours."
            .to_owned(),
    );
    info.license = Some(License::new("Apache-2.0"));
    document.info = info;
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("hft_…")
        .description(Some("Not needed when the server listens on loopback without a token file"))
        .build();
    let components = document.components.get_or_insert_with(Components::new);
    components.add_security_scheme("token", SecurityScheme::Http(token));
    let (name, schema) = (ProblemDocument::name(), <ProblemDocument as utoipa::PartialSchema>::schema());
    components.schemas.insert(name.to_string(), schema);
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemDocument::name()))).build();
    let problem =
        ResponseBuilder::new().description("What went wrong").content("application/problem+json", problem).build();
    for operation in operations(&mut document) {
        operation.responses.responses.entry("default".to_owned()).or_insert_with(|| RefOr::T(problem.clone()));
    }
    document
}

fn operations(document: &mut OpenApi) -> impl Iterator<Item = &mut Operation> {
    document.paths.paths.values_mut().flat_map(|it: &mut PathItem| {
        [&mut it.get, &mut it.put, &mut it.post, &mut it.delete, &mut it.patch].into_iter().flatten()
    })
}
