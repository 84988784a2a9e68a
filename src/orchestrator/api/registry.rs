//! Contracts and their schemas, and bytes that are too large for a contract.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use semver::Version;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::auth::Caller;
use super::blobs::leaving;
use super::extract::{Ask, Body, Place, RawJson, whole};
use super::problem::{Answer, Problem};
use super::wire::{Paging, page};
use super::{Api, BLOB_LIMIT};
use crate::domain::contract::{SCHEMA_VERSION, Strictness, digest_of_bytes};
use crate::domain::port::Scope;
use crate::orchestrator::boundary::{self, CONTRACT_SCHEMA};
use crate::store::Blob;

/// Strictness of the check.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Strictly {
    /// `observe`, `standard` or `strict`; `standard` unless given
    #[serde(default)]
    #[param(value_type = Option<String>)]
    strictness: Strictness,
    /// Least completeness of the brief for `strict`, 0 to 100
    completeness_min: Option<u8>,
}

/// Check a contract without emitting it
///
/// Answers 200 with everything that is wrong, field by field, and how complete the brief is.
#[utoipa::path(post, path = "/contracts/check", tag = "contracts", request_body = ref("#/components/schemas/Contract"), params(Strictly),
    responses((status = 200, description = "a report; `violations` is empty when it would be delivered", body = ref("#/components/schemas/CheckReport"))))]
pub async fn check(State(api): State<Api>, Ask(how): Ask<Strictly>, RawJson(bytes): RawJson) -> Answer {
    let least = how.completeness_min.unwrap_or(80);
    let now = api.engine.now();
    api.engine.refresh_schemas().await?;
    let report = api.engine.registry(|registry| boundary::check(registry, &bytes, how.strictness, least, now));
    Ok(Json(report).into_response())
}

fn version(text: &str) -> Answer<Version> {
    Version::parse(text).map_err(|_| Problem::bad_request("a version is written like 1.2.0"))
}

/// Payload schemas by name and version
#[utoipa::path(get, path = "/contracts", tag = "contracts", params(Paging),
    responses((status = 200, description = "a page", body = ref("#/components/schemas/ContractPage"))))]
pub async fn schemas(State(api): State<Api>, Ask(asked): Ask<Paging>) -> Answer {
    api.engine.refresh_schemas().await?;
    let known: Vec<(String, Version)> = api.engine.registry(|it| {
        let row = |(name, version, _): (&str, &Version, &Value)| (name.to_owned(), version.clone());
        it.list().map(row).collect()
    });
    let (listed, next) =
        page(asked.limit, asked.cursor.as_deref(), known, |(name, version)| format!("{name}@{version}"))?;
    let items: Vec<Value> = listed.iter().map(|(name, version)| json!({ "name": name, "version": version })).collect();
    Ok(Json(json!({ "items": items, "next": next })).into_response())
}

/// Show one payload schema
///
/// The name `contract` is the schema of the handoff contract itself.
#[utoipa::path(get, path = "/contracts/{name}/{version}", tag = "contracts",
    params(("name" = String, Path, description = "payload schema"), ("version" = String, Path, description = "1.2.0")),
    responses((status = 200, description = "the schema", body = ref("#/components/schemas/JsonSchema"),
        content_type = "application/schema+json")))]
pub async fn schema(State(api): State<Api>, Place((name, number)): Place<(String, String)>) -> Answer {
    let json = [(header::CONTENT_TYPE, "application/schema+json")];
    if name == "contract" && number == SCHEMA_VERSION {
        return Ok((json, CONTRACT_SCHEMA).into_response());
    }
    api.engine.refresh_schemas().await?;
    let found = api.engine.get_schema(&name, &version(&number)?);
    let found = found.ok_or_else(|| Problem::not_found(format!("schema {name} {number} does not exist")))?;
    Ok((json, found.to_string()).into_response())
}

/// Register a payload schema
///
/// A change must step its version far enough: 409 otherwise.
#[utoipa::path(put, path = "/contracts/{name}/{version}", tag = "contracts",
    request_body = ref("#/components/schemas/JsonSchema"),
    params(("name" = String, Path, description = "payload schema"), ("version" = String, Path, description = "1.2.0")),
    responses((status = 201, description = "registered"), (status = 200, description = "was there, just the same")))]
pub async fn put_schema(
    State(api): State<Api>,
    Place((name, number)): Place<(String, String)>,
    Body(schema): Body<Value>,
) -> Answer {
    let added = api.engine.put_schema(&name, &version(&number)?, schema).await?;
    Ok(if added { StatusCode::CREATED } else { StatusCode::OK }.into_response())
}

/// The digest in a path, with or without `sha256:` before it.
fn digest(text: &str) -> Answer<String> {
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    let lower = |it: u8| it.is_ascii_digit() || (b'a'..=b'f').contains(&it);
    if hex.len() == 64 && hex.bytes().all(lower) {
        Ok(format!("sha256:{hex}"))
    } else {
        Err(Problem::bad_request("a blob is named by its SHA-256: 64 lower-case hex digits"))
    }
}

/// Keep bytes under their digest, at most 16 MiB
#[utoipa::path(put, path = "/blobs/{sha256}", tag = "blobs", request_body = Vec<u8>,
    params(("sha256" = String, Path, description = "digest of the bytes")),
    responses((status = 201, description = "kept", body = ref("#/components/schemas/BlobReceipt"))))]
pub async fn put_blob(State(api): State<Api>, caller: Caller, Place(name): Place<String>, request: Request) -> Answer {
    let digest = digest(&name)?;
    let (parts, body) = request.into_parts();
    let announced = parts.headers.get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse().ok());
    let _room = api.blobs.coming(announced.unwrap_or(BLOB_LIMIT)).await?;
    let bytes: Bytes = whole(&parts.headers, body, BLOB_LIMIT).await?;
    // Hashing the largest takes long enough for others to notice.
    let hashed = tokio::task::spawn_blocking(move || (digest_of_bytes(&bytes), bytes)).await;
    let (found, bytes) = hashed.map_err(|_| Problem::of_status(StatusCode::INTERNAL_SERVER_ERROR))?;
    if found != digest {
        let what = "the bytes have another digest than the path says; nothing was kept";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "digest-mismatch", what));
    }
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let kind = kind.unwrap_or("application/octet-stream").to_owned();
    let size = bytes.len();
    let known = api.engine.blob_given(&digest).await?;
    let reserved = if known { None } else { Some(api.blobs.reserve(&api.engine, size).await?) };
    let blob = Blob { digest: digest.clone(), media_type: kind, bytes: bytes.into() };
    if let Err(why) = api.engine.blob_put(blob, caller.names()).await {
        if let Some(reserved) = reserved {
            reserved.give_back();
        }
        return Err(why.into());
    }
    let body = json!({ "uri": format!("blob:{digest}"), "digest": digest, "size": size });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// Read bytes by their digest
///
/// Those that the caller gave, and those that a handoff refers to which it may look at. Contracts and results are not among
/// them.
#[utoipa::path(get, path = "/blobs/{sha256}", tag = "blobs",
    params(("sha256" = String, Path, description = "digest of the bytes")),
    responses((status = 200, description = "the bytes, to be saved and not to be shown", body = Vec<u8>)))]
pub async fn blob(State(api): State<Api>, caller: Caller, Place(name): Place<String>) -> Answer {
    let digest = digest(&name)?;
    let everything = !caller.is_authenticated() || caller.may(Scope::Operator);
    let may = if everything {
        api.engine.blob_given(&digest).await?
    } else {
        api.engine.blob_for(&digest, caller.names(), |it| caller.is_party(it)).await?
    };
    if !may {
        // Whether there is one is not told either.
        return Err(Problem::not_found(format!("there is no blob {name} that may be read here")));
    }
    let room = api.blobs.going().await?;
    let blob = api.engine.blob_get(&digest).await?;
    let headers = [
        (header::CONTENT_TYPE, blob.media_type),
        // Bytes from agents must not run as a page of this server.
        (header::CONTENT_DISPOSITION, "attachment".to_owned()),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
    ];
    Ok((headers, leaving(blob.bytes, room)).into_response())
}
