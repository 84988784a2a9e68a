//! The frame around every request: its id, the caller, and the last word on errors.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
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
use crate::domain::time::{Millis, SECOND, Time};

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

/// Counts callers who were not let in, so that those who try keys fill no disk with lines about it.
#[derive(Default)]
pub struct Refusals(Mutex<(Option<Time>, u64)>);

/// Least time from one line about refused callers to the next, in milliseconds.
const BETWEEN_LINES: Millis = 10 * SECOND;

impl Refusals {
    /// Counts one at `now`; how many were counted since the last line, when it is time for another.
    fn tell(&self, now: Time) -> Option<u64> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, count) = &mut *known;
        // A clock that went back is no reason to be silent for long.
        if last.is_some_and(|last| (0..BETWEEN_LINES).contains(&(now - last))) {
            *count += 1;
            return None;
        }
        *last = Some(now);
        Some(std::mem::take(count))
    }
}

/// Lets in who holds the scope, and hands the [`Caller`] to the handler.
pub async fn admit(State((api, scopes)): State<(Api, &'static [Scope])>, mut request: Request, next: Next) -> Response {
    let now = now();
    let caller: Caller = match api.access.admit(request.headers(), now) {
        Ok(caller) => caller,
        Err(problem) => {
            if let Some(before) = api.refusals.tell(now) {
                let path = request.uri().path();
                tracing::warn!(path, before, why = problem.detail, "a caller was not let in");
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_refused_callers_one_line_tells_and_counts() {
        let refusals = Refusals::default();
        let at = |seconds: i64| Time::from_millis(seconds * SECOND);
        assert_eq!(refusals.tell(at(100)), Some(0), "the first at once");
        assert_eq!(refusals.tell(at(100)), None);
        assert_eq!(refusals.tell(at(109)), None);
        assert_eq!(refusals.tell(at(110)), Some(2));
        assert_eq!(refusals.tell(at(50)), Some(0), "the clock went back");
    }
}
