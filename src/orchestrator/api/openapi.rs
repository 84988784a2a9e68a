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
use super::agent::Work;
use super::problem::Answer;
use crate::domain::port::Scope;
use crate::orchestrator::boundary::CONTRACT_SCHEMA;

/// What answers are made of, and no part of the API writes itself: state, events, and pages of them.
const SHAPES: &str = include_str!("openapi/shapes.json");
/// The answer to most of what is done to a handoff.
const RECEIPT: &str = "#/components/schemas/Receipt";
/// Rows that the API has in common with the commands, by the page that describes them: their name there, and here.
const ROWS: [(&str, &[(&str, &str)]); 4] = [
    (
        include_str!("../../../docs/schema/edges.json"),
        &[
            ("edge", "EdgeRow"),
            ("counts", "Counts"),
            ("latency", "Latency"),
            ("quantile", "Quantile"),
            ("rate", "Rate"),
            ("finding", "Finding"),
            ("health", "Health"),
            ("time", "Time"),
        ],
    ),
    (include_str!("../../../docs/schema/tasks.json"), &[("task", "TaskRow"), ("time", "Time")]),
    (
        include_str!("../../../docs/schema/inbox.json"),
        &[("inbox", "InboxRow"), ("urgency", "Urgency"), ("time", "Time")],
    ),
    (include_str!("../../../docs/schema/events.json"), &[("event", "Event"), ("skipped", "Skipped"), ("time", "Time")]),
];

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
    responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
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
    for (name, schema) in [
        (ProblemDocument::name(), <ProblemDocument as utoipa::PartialSchema>::schema()),
        (Work::name(), <Work as utoipa::PartialSchema>::schema()),
    ] {
        components.schemas.insert(name.to_string(), schema);
    }
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemDocument::name()))).build();
    let problem =
        ResponseBuilder::new().description("What went wrong").content("application/problem+json", problem).build();
    for operation in operations(&mut document) {
        operation.responses.responses.entry("default".to_owned()).or_insert_with(|| RefOr::T(problem.clone()));
        for (status, answer) in &mut operation.responses.responses {
            if let (true, RefOr::T(answer)) = (status.starts_with(['4', '5']), answer) {
                answer.content.clone_from(&problem.content);
            }
        }
        if open {
            operation.security = None;
        }
    }
    // It is made of maps with names, which JSON can hold.
    let mut document = serde_json::to_value(document).unwrap_or_default();
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        schemas.extend(shapes());
        if let Some(problem) = schemas.get_mut(&*ProblemDocument::name()) {
            problem["additionalProperties"] = true.into();
        }
    }
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            say_forms(path, method, operation);
        }
    }
    document
}

/// The schemas of what answers are made of, by their names in the document.
fn shapes() -> Map<String, Value> {
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default(); // they come with the program
    let mut shapes = Map::new();
    for (page, rows) in ROWS {
        let mut page = read(page);
        for (here, there) in rows {
            let mut shape = page["$defs"][here].take();
            let name = |of: &str| rows.iter().find(|it| it.0 == of).map_or_else(String::new, |it| it.1.to_owned());
            refer(&mut shape, &|of| format!("#/components/schemas/{}", name(of)));
            shapes.insert((*there).to_owned(), shape);
        }
    }
    let mut contract = read(CONTRACT_SCHEMA);
    refer(&mut contract, &|of| format!("#/components/schemas/Contract/$defs/{of}"));
    if let Some(it) = contract.as_object_mut() {
        it.retain(|member, _| member != "$schema" && member != "$id");
    }
    shapes.insert("Contract".to_owned(), contract);
    if let Value::Object(own) = read(SHAPES) {
        shapes.extend(own);
    }
    shapes
}

/// Lets every reference to a definition of its own page lead to where that is in the document.
fn refer(schema: &mut Value, place: &dyn Fn(&str) -> String) {
    match schema {
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), &*member) {
                    ("$ref", Value::String(to)) => {
                        *member = place(to.strip_prefix("#/$defs/").unwrap_or(to)).into();
                    }
                    _ => refer(member, place),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|it| refer(it, place)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
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
        if let Some(page) = operation["responses"].pointer_mut("/200/content/application~1json/schema") {
            *page = json!({"$ref": "#/components/schemas/EventPage"});
        }
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
    for (status, response) in operation.get_mut("responses").and_then(Value::as_object_mut).into_iter().flatten() {
        say_headers(method, status, response);
    }
}

/// Writes into an answer the headers that it has in common with others.
fn say_headers(method: &str, status: &str, response: &mut Value) {
    let is_bytes = response.pointer("/content/application~1octet-stream").is_some();
    let is_receipt = response.pointer("/content/application~1json/schema/$ref").is_some_and(|it| it == RECEIPT);
    let Some(response) = response.as_object_mut() else { return };
    let headers = response.entry("headers").or_insert_with(|| json!({}));
    let mut say = |name: &str, what: &str| {
        headers[name] = json!({"schema": {"type": "string"}, "description": what});
    };
    say("x-request-id", "Names the request in the log of the server");
    if status == "default" || status.starts_with(['4', '5']) {
        say("retry-after", "With 429 and 503: seconds after which to try again");
        say("www-authenticate", "With 401");
        say("allow", "With 405: what the path knows");
    } else if method == "post" {
        say("idempotency-replayed", "`true` when this is the answer of an earlier request");
    }
    if is_bytes {
        say("content-disposition", "`attachment`: they are not to be shown");
        say("content-security-policy", "They are not to run");
    }
    if is_receipt {
        say("etag", "The version, to be sent back as If-Match");
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
