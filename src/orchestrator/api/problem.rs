//! Errors as the API tells them: RFC 9457 `application/problem+json` (error table of protocol section 7).

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::domain::text::escape_json;

/// A problem with one request. Path and request id are filled in by the outermost layer.
#[derive(Clone, Debug)]
pub struct Problem {
    /// HTTP status code.
    pub status: StatusCode,
    /// The last part of the type, such as `contract-invalid`.
    pub kind: &'static str,
    /// The problem in a sentence: the event, its object, and the next step.
    pub detail: String,
    /// The extra members of the error table.
    pub more: Map<String, Value>,
    /// Seconds after which trying again makes sense.
    pub retry_after: Option<u32>,
}

/// Result of a handler.
pub type Answer<T = Response> = Result<T, Problem>;

impl Problem {
    /// A problem without extra members.
    pub fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self { status, kind, detail: detail.into(), more: Map::new(), retry_after: None }
    }

    /// The request makes no sense as written: 400.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", detail)
    }

    /// Nothing has this name: 404.
    pub fn not_found(what: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", what)
    }

    /// The rights of the caller do not allow it: 403.
    pub fn scope(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "scope", detail)
    }

    /// The same with one more member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// The problem that a bare status stands for, for answers made by layers and the router.
    pub fn of_status(status: StatusCode) -> Self {
        let (kind, detail) = match status {
            StatusCode::NOT_FOUND => ("not-found", "there is nothing at this path; GET /openapi.json lists every path"),
            StatusCode::METHOD_NOT_ALLOWED => {
                ("method-not-allowed", "this path does not know this method; see the Allow header")
            }
            StatusCode::PAYLOAD_TOO_LARGE => (
                "too-large",
                "the body is larger than this path takes: 256 KiB, blobs 16 MiB; put large content into a blob and refer to it",
            ),
            StatusCode::REQUEST_TIMEOUT => {
                ("request-timeout", "the request took too long to arrive or to answer; try again")
            }
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                ("unsupported-media-type", "send JSON with Content-Type: application/json")
            }
            _ if status.is_client_error() => ("bad-request", "the request cannot be understood"),
            _ => (
                "internal",
                "the server made a mistake; nothing was changed that is not in the log; its own log has the details under this request id",
            ),
        };
        Self::new(status, kind, detail)
    }

    /// The body, complete.
    pub fn body(&self, instance: &str, request_id: &str) -> Value {
        let mut members = json!({
            "type": format!("urn:seamwatch:problem:{}", self.kind),
            "title": self.kind.replace('-', " "),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "instance": instance,
            "request_id": request_id,
        });
        if let Some(object) = members.as_object_mut() {
            object.extend(self.more.clone());
        }
        members
    }

    /// The whole answer, as a problem document.
    pub fn render(&self, instance: &str, request_id: &str) -> Response {
        // It tells what was sent, and is read in terminals.
        let body = self.body(instance, request_id).to_string();
        let mut response = Response::new(Body::from(escape_json(&body).into_owned()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Leaves the problem in the extensions; the outermost layer, which knows path and request id, writes it.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
