//! Extractors: parts of a request that handlers take, with a problem instead of plain text when one is not there.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio_stream::StreamExt;

use super::BODY_LIMIT;
use super::auth::Caller;
use super::listen::Late;
use super::problem::Problem;
use crate::domain::contract::Violation;
use crate::domain::json::{Read, read};
use crate::domain::text::clean;

/// A JSON body. An empty body is `{}`, so that a call without arguments needs none.
pub struct Body<T>(pub T);

/// A body read as JSON with all the checks of the boundary, or what is wrong with it. Whoever reads it first leaves it
/// with the request, for those who come after.
#[derive(Clone)]
pub struct Parsed(pub Result<Read, Violation>);

/// A body that is JSON by its Content-Type, as it came, for content whose every byte matters.
pub struct RawJson(pub Bytes);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Problem> {
        let parsed = request.extensions_mut().remove::<Parsed>();
        let RawJson(bytes) = RawJson::from_request(request, state).await?;
        let Parsed(value) = match parsed {
            Some(parsed) => parsed,
            None if bytes.is_empty() => Parsed(Ok(Read { value: json!({}), rounded: Vec::new() })),
            None => Parsed(read(&bytes)),
        };
        let wrong =
            |why: String| Problem::bad_request(format!("the body is not what this path takes: {}", clean(&why)));
        let Read { value, rounded } = value.map_err(|why| wrong(why.to_string()))?;
        if let Some(first) = rounded.first() {
            return Err(wrong(first.to_string()).with("errors", json!(rounded)));
        }
        serde_json::from_value(value).map(Self).map_err(|why| wrong(why.to_string()))
    }
}

impl<S: Send + Sync> FromRequest<S> for Parsed {
    type Rejection = Problem;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Problem> {
        let parsed = request.extensions_mut().remove();
        let RawJson(bytes) = RawJson::from_request(request, state).await?;
        Ok(parsed.unwrap_or_else(|| Self(read(&bytes))))
    }
}

impl<S: Send + Sync> FromRequest<S> for RawJson {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let json = is_json(&parts.headers);
        let typed = parts.headers.contains_key(header::CONTENT_TYPE);
        let bytes = whole(&parts.headers, body, BODY_LIMIT).await?;
        // A form of a web page has a type, even when it is empty.
        if json || (bytes.is_empty() && !typed) {
            Ok(Self(bytes))
        } else {
            Err(Problem::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE))
        }
    }
}

/// Bytes that are still read of a body that is too large, so that its sender hears why instead of a broken pipe.
const POLITE: usize = 32 * 1024 * 1024;

/// The whole body, if it is at most `limit` bytes long.
///
/// # Errors
/// 415 when it is compressed, 413 when it is longer, 400 when it breaks off, 408 when it comes too slowly, 503 when the server stops meanwhile.
pub async fn whole(headers: &HeaderMap, body: axum::body::Body, limit: usize) -> Result<Bytes, Problem> {
    if headers.get(header::CONTENT_ENCODING).is_some_and(|it| !it.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let why = "bodies are taken as they are, not compressed: send it without Content-Encoding";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", why));
    }
    let too_large = || Problem::of_status(StatusCode::PAYLOAD_TOO_LARGE);
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok()).and_then(|it| it.parse::<usize>().ok());
    let waits = headers.contains_key(header::EXPECT);
    if announced.is_some_and(|it| it > POLITE || (it > limit && waits)) {
        return Err(too_large());
    }
    let mut chunks = body.into_data_stream();
    let mut kept = Vec::with_capacity(announced.unwrap_or(0).min(limit));
    let mut seen = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(broken)?;
        seen += chunk.len();
        if seen <= limit {
            kept.extend_from_slice(&chunk);
        } else if seen > POLITE {
            break;
        }
    }
    if seen > limit { Err(too_large()) } else { Ok(kept.into()) }
}

/// Why no more of a body came.
fn broken(why: axum::Error) -> Problem {
    match why.into_inner().downcast_ref() {
        Some(Late::Slow) => Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "request-timeout",
            "the body comes too slowly: after 10 s it has to come at 64 KiB a second; nothing was changed",
        ),
        Some(Late::Stopping) => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "stopping",
            "the server stops and did not wait for the rest of the body; nothing was changed",
        ),
        None => Problem::bad_request("the body broke off"),
    }
}

/// `application/json`, and what is written `application/…+json`.
fn is_json(headers: &HeaderMap) -> bool {
    let name = headers
        .get(header::CONTENT_TYPE)
        .and_then(|it| it.to_str().ok())
        .and_then(|it| it.split(';').next())
        .map(|it| it.trim().to_ascii_lowercase());
    name.is_some_and(|it| it == "application/json" || (it.starts_with("application/") && it.ends_with("+json")))
}

/// The query string, parsed.
pub struct Ask<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Ask<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Query::from_request_parts(parts, state).await.map(|Query(it)| Self(it)).map_err(|why| {
            let why = why.body_text();
            let what = why.rsplit_once("query string: ").map_or(&*why, |it| it.1);
            Problem::bad_request(format!("in the query string, {}", clean(what)))
        })
    }
}

/// The variable parts of the path.
pub struct Place<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Place<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        <Path<T> as FromRequestParts<S>>::from_request_parts(parts, state)
            .await
            .map(|Path(it)| Self(it))
            .map_err(|why| Problem::bad_request(clean(&why.body_text()).into_owned()))
    }
}

/// The version that the caller saw, from `If-Match: "v<version>"`.
pub struct IfMatch(pub u64);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let Some(text) = parts.headers.get(header::IF_MATCH) else {
            return Err(Problem::new(
                StatusCode::PRECONDITION_REQUIRED,
                "precondition-required",
                "say which version you saw: send its ETag as If-Match, such as If-Match: \"v7\"",
            ));
        };
        text.to_str()
            .ok()
            .and_then(|it| it.trim().trim_matches('"').strip_prefix('v'))
            .and_then(|it| it.parse().ok())
            .map(Self)
            .ok_or_else(|| Problem::bad_request("If-Match must be one ETag of this API, such as \"v7\""))
    }
}

/// The ETag of a version.
pub fn etag(version: u64) -> String {
    format!("\"v{version}\"")
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Problem::of_status(StatusCode::INTERNAL_SERVER_ERROR))
    }
}
