//! `Idempotency-Key` (protocol section 7): under one key a request is done once, at any time by one caller only, and
//! answered the same way for 24 hours.
//!
//! Answers are remembered by the engine in the transaction of the act itself, so no crash comes between, and of two
//! servers on one store that get the same request at the same time one does it and the other gives its answer. That a
//! request is refused while the same is being done is a courtesy of this server only.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use serde_json::json;

use super::auth::Caller;
use super::extract::{Parsed, whole};
use super::problem::{Answer, Problem};
use super::{Api, BODY_LIMIT};
use crate::domain::json::read;
use crate::orchestrator::engine::Once;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer tells of what an earlier request did.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The key of this request, if it has one.
pub struct Key(pub Option<Once>);

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Ok(Self(parts.extensions.get().cloned()))
    }
}

/// The keys whose requests are being worked on.
#[derive(Default)]
pub struct Running(Mutex<HashSet<(String, String)>>);

/// One of them, until it is dropped: with the answer, or with a caller who went away.
struct Turn<'a>(&'a Running, (String, String));

impl Running {
    fn enter(&self, caller: &str, key: &str) -> Option<Turn<'_>> {
        let its = (caller.to_owned(), key.to_owned());
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.insert(its.clone()).then(|| Turn(self, its))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut running = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.remove(&self.1);
    }
}

/// Hands a POST with a key to its handler as a [`Once`], unless the same is being done, or another one was.
pub async fn keyed(
    State(api): State<Api>,
    caller: Caller,
    places: RawPathParams,
    request: Request,
    next: Next,
) -> Answer {
    let (mut parts, body) = request.into_parts();
    let Some(key) = parts.headers.get(KEY).filter(|_| parts.method == Method::POST) else {
        return Ok(next.run(Request::from_parts(parts, body)).await);
    };
    let key = key
        .to_str()
        .ok()
        .filter(|it| (1..=255).contains(&it.len()))
        .ok_or_else(|| Problem::bad_request("Idempotency-Key must be 1 to 255 visible ASCII characters"))?;
    // One key may go to many items: each has it for itself.
    let key = places.iter().fold(key.to_owned(), |key, (_, item)| format!("{key} {item}"));
    let body = whole(&parts.headers, body, BODY_LIMIT).await?;
    let seen = parts.headers.get(header::IF_MATCH).map(HeaderValue::as_bytes);
    let Some(_turn) = api.running.enter(&caller.subject, &key) else {
        return Err(Problem {
            retry_after: Some(1),
            ..Problem::new(
                StatusCode::CONFLICT,
                "request-in-progress",
                "a request with this Idempotency-Key is still running; wait for its answer, or repeat it then",
            )
        });
    };
    // What is no JSON is refused by its handler.
    let parsed = Parsed(read(&body));
    let said = json!([parts.uri.path(), seen, parsed.0.as_ref().ok().map(|it| &it.value)]);
    let mut once = api.engine.once(&caller.subject, &key, &said).await?;
    if parts.uri.path().ends_with("/heartbeat") {
        once = once.briefly();
    }
    let repeated = once.is_repeated();
    parts.extensions.insert(once);
    if !body.is_empty() {
        parts.extensions.insert(parsed);
    }
    let mut response = next.run(Request::from_parts(parts, body.into())).await;
    if repeated && response.status().is_success() {
        let headers = response.headers_mut();
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}
