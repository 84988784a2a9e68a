//! Acts of people as requests: one POST per item, each with the version that was seen and a key of its own.

use futures_util::stream::{self, StreamExt};
use reqwest::header::{HeaderName, HeaderValue, IF_MATCH};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answer::{ANSWER, Limit};
use super::{Http, REQUEST_TIMEOUT, REQUESTS_IN_PARALLEL};
use crate::domain::id::HandoffId;
use crate::domain::key::hashed;
use crate::domain::port::{Fault, Outcome, Request, SeenToken, Target};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Name of the person who acts, where the server knows nobody by token.
const SEAM_USER: HeaderName = HeaderName::from_static("seam-user");

/// One POST of an act.
#[derive(Debug, PartialEq)]
struct Call {
    /// The handoff it acts on; `None` for an edge.
    handoff: Option<HandoffId>,
    /// Parts of the path below `/api/v1`.
    path: Vec<String>,
    /// The version that was seen, for `If-Match`; `None` for an edge.
    seen: Option<SeenToken>,
    body: Value,
}

pub(super) async fn perform(http: Http, request: Request) -> Result<Outcome, Fault> {
    let sending = calls(&request).into_iter().map(|call| {
        let (http, by, key) = (&http, request.by.as_str(), request.key.as_str());
        async move {
            let done = send(http, &call, by, key).await;
            (call.handoff, done)
        }
    });
    // In the order of the request, a few at a time.
    let sent: Vec<_> = stream::iter(sending).buffered(REQUESTS_IN_PARALLEL).collect().await;
    let mut outcome = Outcome::default();
    for (handoff, done) in sent {
        let done = done.map(|said| outcome.note = outcome.note.take().or(said));
        outcome.items.push((handoff, done));
    }
    Ok(outcome)
}

/// Sends one; gives what the server says besides, if anything.
async fn send(http: &Http, call: &Call, by: &str, key: &str) -> Result<Option<String>, Fault> {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    // The same item of the same request always has the same key, and any text in it is a fit header.
    let key = hashed("rq1_", format!("{key}\n{}", path.join("\n")).as_bytes());
    let mut post = http.ask(Method::POST, &path).timeout(REQUEST_TIMEOUT).header(IDEMPOTENCY_KEY, key).json(&call.body);
    if let Some(seen) = &call.seen {
        post = post.header(IF_MATCH, format!("\"v{seen}\""));
    }
    if let Ok(by) = HeaderValue::from_bytes(by.as_bytes()) {
        post = post.header(SEAM_USER, by);
    }
    let response = http.send(post).await?;
    if response.status() == StatusCode::NO_CONTENT {
        return Ok(None);
    }
    let said = http.server.json::<Value>(response, ANSWER).await?;
    Ok(said.get("note").and_then(Value::as_str).map(str::to_owned))
}

/// Asks by a POST for what only a person is told, and only in answer to it.
pub(super) async fn post<T: DeserializeOwned>(http: &Http, path: &[&str], by: &str, limit: Limit) -> Result<T, Fault> {
    let mut post = http.ask(Method::POST, path).timeout(REQUEST_TIMEOUT).json(&json!({}));
    if let Ok(by) = HeaderValue::from_bytes(by.as_bytes()) {
        post = post.header(SEAM_USER, by);
    }
    let response = http.send(post).await?;
    http.server.json(response, limit).await
}

/// The calls that a request is made of, in the order of its targets.
fn calls(request: &Request) -> Vec<Call> {
    let ((group, verb), body) = request.act.call(&request.why);
    let call = |handoff: Option<HandoffId>, id: String, seen| Call {
        handoff,
        path: vec![group.to_owned(), id, verb.to_owned()],
        seen,
        body: body.clone(),
    };
    if let Some(named) = request.act.named() {
        return vec![call(None, named, None)];
    }
    let of_run = request.act.on_run();
    let each = |it: &Target| {
        let id = if of_run { it.run.to_string() } else { it.handoff.to_string() };
        call(Some(it.handoff.clone()), id, Some(it.seen.clone()))
    };
    request.on.iter().map(each).collect()
}
