//! `/openapi.json`: made from the routes themselves, so that it cannot forget one.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value, json};
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
pub async fn document(State(api): State<Api>) -> Answer<Json<Value>> {
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

/// Adds what all paths have in common; where everybody is let in, no path asks for a token.
pub fn complete(mut document: OpenApi, open: bool) -> Value {
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
    if !open {
        components.add_security_scheme("token", SecurityScheme::Http(token));
    }
    let (name, schema) = (ProblemDocument::name(), <ProblemDocument as utoipa::PartialSchema>::schema());
    components.schemas.insert(name.to_string(), schema);
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemDocument::name()))).build();
    let problem =
        ResponseBuilder::new().description("What went wrong").content("application/problem+json", problem).build();
    for operation in operations(&mut document) {
        operation.responses.responses.entry("default".to_owned()).or_insert_with(|| RefOr::T(problem.clone()));
        if open {
            operation.security = None;
        }
    }
    // It is made of maps with names, which JSON can hold.
    let mut document = serde_json::to_value(document).unwrap_or_default();
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            say_forms(path, method, operation);
        }
    }
    document
}

/// Writes into an operation what its parameters look like, and the headers that belong to more than one.
fn say_forms(path: &str, method: &str, operation: &mut Value) {
    let Some(operation) = operation.as_object_mut() else { return };
    let header = |name: &str, what: &str| json!({"name": name, "in": "header", "required": false, "description": what});
    let mut more = Vec::new();
    if method == "post" {
        let what =
            "Drawn for this request: the same again under it is done once and answered the same way, for 24 hours";
        more.push(header("Idempotency-Key", what));
    }
    if path.ends_with("/events") {
        more.push(header("Last-Event-ID", "The cursor to go on after, as `after`; this one is the stronger"));
    }
    let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
    if let Some(parameters) = parameters.as_array_mut() {
        parameters.extend(more);
        for it in parameters {
            let name = it["name"].as_str().unwrap_or_default().to_ascii_lowercase();
            let place = it["in"].as_str().unwrap_or_default().to_owned();
            if let Some(form) = form(&place, &name) {
                it["schema"] = form;
            }
        }
    }
    // A contract and a schema have grammars of their own; here they are objects.
    if let Some(schema) =
        operation.get_mut("requestBody").and_then(|it| it.pointer_mut("/content/application~1json/schema"))
        && schema.as_object().is_some_and(Map::is_empty)
    {
        *schema = json!({"type": "object"});
    }
}

/// The form of a parameter; `None` where any text will do, or its type says it all.
fn form(place: &str, name: &str) -> Option<Value> {
    let text = |pattern: &str| json!({"type": "string", "pattern": pattern});
    let of = |words: &[&str]| json!({"type": "string", "enum": words});
    let number = |least: u32, most: u32| json!({"type": "integer", "minimum": least, "maximum": most});
    Some(match (place, name) {
        ("path", "edge") => text("^[^>]+>[^>]+>[^>]+$"),
        ("query", "edge") => text("^([^>]+>)?[^>]+>[^>]+$"),
        ("path", "sha256") => text("^(sha256:)?[0-9a-f]{64}$"),
        ("path", "version") => text(
            r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z.-]+)?$",
        ),
        ("header", "if-match") => text("^\"v[0-9]{1,19}\"$"),
        ("header", "idempotency-key") => text("^[!-~]{1,255}$"),
        ("header", "last-event-id") => json!({"type": "string"}),
        ("query", "window") => of(&["1m", "5m", "1h", "all"]),
        ("query", "urgency") => of(&["critical", "high", "normal", "low"]),
        ("query", "strictness") => of(&["observe", "standard", "strict"]),
        ("query", "limit") => number(1, 200),
        ("query", "beat_s") => number(1, 15),
        ("query", "wait_s") => number(0, 20),
        ("query", "completeness_min") => number(0, 100),
        _ => return None,
    })
}

fn operations(document: &mut OpenApi) -> impl Iterator<Item = &mut Operation> {
    document.paths.paths.values_mut().flat_map(|it: &mut PathItem| {
        [&mut it.get, &mut it.put, &mut it.post, &mut it.delete, &mut it.patch].into_iter().flatten()
    })
}
