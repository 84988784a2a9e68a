//! What surrounds every request: its id, the caller, and the last word on errors.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Api;
use super::auth::{Caller, Scope};
use super::problem::Problem;
use crate::clock::now;

/// Names one request in answers and logs.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The outermost layer: names the request, turns every error into a problem document with that name, logs it.
pub async fn answer(request: Request, next: Next) -> Response {
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
        let problem = response
            .extensions_mut()
            .remove::<Problem>()
            .unwrap_or_else(|| Problem::of_status(status));
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
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
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
pub async fn admit(
    State((api, scope)): State<(Api, Option<Scope>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let caller: Caller = match api.access.admit(request.headers(), now()) {
        Ok(caller) => caller,
        Err(problem) => return problem.into_response(),
    };
    if let Some(scope) = scope
        && !caller.may(scope)
    {
        return Problem::scope(format!(
            "{} has no token with the scope {}, which this needs",
            caller.subject,
            scope.name()
        ))
        .into_response();
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}
