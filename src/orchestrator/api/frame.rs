//! The frame around every request: its id, the caller, and the last word on errors.

use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Api;
use super::auth::Caller;
use super::problem::Problem;
use crate::clock::now;
use crate::domain::port::Scope;

/// Names one request in answers and logs.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The outermost layer: names the request, turns every error into a problem document with that name, logs it.
pub async fn answer(State(api): State<Api>, request: Request, next: Next) -> Response {
    let id = request
        .headers()
        .get(&REQUEST_ID)
        .and_then(|it| it.to_str().ok())
        .filter(|it| (1..=64).contains(&it.len()) && it.bytes().all(|byte| byte.is_ascii_graphic()))
        .map_or_else(|| uuid::Uuid::now_v7().simple().to_string(), str::to_owned);
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        let problem = response.extensions_mut().remove::<Problem>().unwrap_or_else(|| Problem::of_status(status));
        if problem.kind == "store-unavailable" {
            api.store_errors.fetch_add(1, Ordering::Relaxed);
        }
        if status.is_server_error() {
            tracing::error!(request = id, %method, path, %status, detail = problem.detail, "request failed");
        } else {
            tracing::debug!(request = id, %method, path, %status, detail = problem.detail, "request refused");
        }
        let allow = response.headers_mut().remove(header::ALLOW);
        response = problem.render(&path, &id);
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    } else {
        tracing::debug!(request = id, %method, path, %status, "request answered");
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[allow(clippy::needless_pass_by_value)] // the signature that CatchPanicLayer wants
/// A panic in a handler is a defect, not the end of the server: it becomes a 500 and a line in the log.
pub fn caught(panic: Box<dyn std::any::Any + Send>) -> Response {
    let what = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(what, "a handler panicked");
    Problem::of_status(StatusCode::INTERNAL_SERVER_ERROR).into_response()
}

/// Lets in who holds the scope, and hands the [`Caller`] to the handler.
pub async fn admit(State((api, scopes)): State<(Api, &'static [Scope])>, mut request: Request, next: Next) -> Response {
    let caller: Caller = match api.access.admit(request.headers(), now()) {
        Ok(caller) => caller,
        Err(problem) => {
            let path = request.uri().path();
            tracing::warn!(path, why = problem.detail, "a caller was not let in");
            return problem.into_response();
        }
    };
    if let Err(seconds) = api.rates.take(&caller.subject, caller.rate, Instant::now()) {
        let why = format!(
            "{} makes more than {} requests a second; wait as long as Retry-After says",
            caller.subject, caller.rate
        );
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate-limited", why);
        return Problem { retry_after: Some(seconds), ..problem }.into_response();
    }
    if !scopes.is_empty() && !scopes.iter().any(|it| caller.may(*it)) {
        let names: Vec<&str> = scopes.iter().map(|it| it.name()).collect();
        let why = format!("{} has no token with the scope {}, which this needs", caller.subject, names.join(" or "));
        return Problem::scope(why).into_response();
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}
