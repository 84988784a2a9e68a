//! Requests of every kind: junk, blobs, the document that names them all, and a server that stops.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use seamwatch::testing::orchestrator::api::Access;
use seamwatch::testing::orchestrator::engine::{Engine, Settings};
use seamwatch::testing::store::Sqlite;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::events::listen;
use super::server::{Server, contract, problem, text};
use super::wait::DEADLINE;

#[tokio::test]
async fn junk_is_answered_with_problems() {
    let server = Server::open().await;
    let path = "/api/v1/handoffs/%E2%80%AEevil";
    let answer = server.ask(Method::GET, path).send().await.unwrap();
    let said = answer.text().await.unwrap();
    assert!(!said.contains('\u{202e}'), "{said}");
    let said: Value = serde_json::from_str(&said).unwrap();
    assert!(said["detail"].as_str().unwrap().contains("\u{202e}evil"), "escaped, not lost: {said}");
    let send = |body: &'static str, kind: &'static str| {
        server.ask(Method::POST, "/api/v1/handoffs").header("content-type", kind).body(body).send()
    };
    problem(send("{", "application/json").await.unwrap(), 400, "bad-request").await;
    problem(send("{\"a\":1,\"a\":2}", "application/json").await.unwrap(), 400, "bad-request").await;
    problem(send("{}", "text/plain").await.unwrap(), 415, "unsupported-media-type").await;
    problem(server.post("/handoffs/claim", &json!({"agent": "x", "wiat_s": 3})).await, 400, "bad-request").await;
    for name in ["", "\u{1b}[31m", &"x".repeat(257)] {
        let claim = json!({ "agent": name });
        let claim = server.post("/handoffs/claim", &claim).await;
        problem(claim, 400, "bad-request").await;
    }
    let pause = server.post("/edges/%3E%3E/pause", &json!({})).await;
    problem(pause, 400, "bad-request").await;
    let junk = server.ask(Method::GET, "/api/v1/events").header("last-event-id", b"\xff".as_slice());
    problem(junk.send().await.unwrap(), 400, "bad-request").await;
    problem(server.post("/handoffs/claim", &json!({"agent": "x", "max": 11})).await, 400, "bad-request").await;
    for path in [
        "/handoffs?limit=201",
        "/handoffs?limit=x",
        "/handoffs?state=lost",
        "/edges?window=9m",
        "/events?after=x",
        "/events?after=9223372036854775808",
        "/handoffs?cursor=x",
        "/handoffs?cursor=x.y",
        "/handoffs?edge=%3E",
        "/runs?nope=1",
    ] {
        let response = server.ask(Method::GET, &format!("/api/v1{path}")).send().await.unwrap();
        problem(response, 400, "bad-request").await;
    }
    let nowhere = server.ask(Method::GET, "/api/v2").send().await.unwrap();
    problem(nowhere, 404, "not-found").await;
    let missing = server.ask(Method::GET, "/api/v1/handoffs/none").send().await.unwrap();
    problem(missing, 404, "not-found").await;
    let wrong = server.ask(Method::DELETE, "/api/v1/handoffs").send().await.unwrap();
    assert!(wrong.headers().contains_key("allow"));
    problem(wrong, 405, "method-not-allowed").await;
    let huge = server.ask(Method::POST, "/api/v1/handoffs").header("content-type", "application/json");
    let huge = huge.body(vec![b' '; 10 * 1024 * 1024]).send().await.unwrap();
    problem(huge, 413, "too-large").await;
}

#[tokio::test]
async fn blobs_are_kept_under_their_own_digest_only() {
    let server = Server::open().await;
    let put =
        |digest: String, bytes: Vec<u8>| server.ask(Method::PUT, &format!("/api/v1/blobs/{digest}")).body(bytes).send();
    let bytes = vec![7; 3 * 1024 * 1024];
    let digest = seamwatch::testing::domain::contract::digest_of_bytes(&bytes);
    assert_eq!(put(digest.clone(), bytes.clone()).await.unwrap().status(), StatusCode::CREATED);
    let found = server.ask(Method::GET, &format!("/api/v1/blobs/{digest}")).send().await.unwrap();
    assert_eq!(found.headers()["content-disposition"], "attachment");
    assert_eq!(found.bytes().await.unwrap(), bytes);
    problem(put(digest, vec![8]).await.unwrap(), 422, "digest-mismatch").await;
    problem(put("x".repeat(64), vec![]).await.unwrap(), 400, "bad-request").await;
}

#[tokio::test]
async fn a_contract_is_no_blob_that_every_agent_may_read() {
    let server = Server::open().await;
    let emitted = server.emit(&contract("research", "writer")).await;
    let payload = server.get(&format!("/handoffs/{}/payload", text(&emitted["handoff_id"]))).await;
    let digest = text(&payload["digest"]).to_owned();
    let found = server.ask(Method::GET, &format!("/api/v1/blobs/{digest}")).send().await.unwrap();
    problem(found, 404, "not-found").await;
}

#[tokio::test]
async fn the_document_has_every_path_and_every_path_is_there() {
    let server = Server::start(Access::Tokens(Vec::new()), "").await;
    let document: Value = server.ask(Method::GET, "/openapi.json").send().await.unwrap().json().await.unwrap();
    let mut operations = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations += 1;
            assert!(operation["summary"].is_string(), "{method} {path} says what it does");
            assert!(operation["responses"]["default"].is_object(), "{method} {path} may fail");
            let method: Method = method.to_uppercase().parse().unwrap();
            let asked = path.replace(['{', '}'], "");
            let response = server.ask(method.clone(), &asked).send().await.unwrap();
            let expected = if operation.get("security").is_some() { 401 } else { 200 };
            assert_eq!(response.status().as_u16(), expected, "{method} {path}");
        }
    }
    let sources = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/orchestrator/api")).unwrap();
    let written: usize = sources
        .map(|file| file.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| std::fs::read_to_string(path).unwrap())
        .map(|text| text.matches("#[utoipa::path(").count())
        .sum();
    assert_eq!(operations, written, "every handler is a path");
}

#[tokio::test]
async fn the_document_says_the_forms_of_what_is_sent() {
    let server = Server::open().await;
    let document: Value = server.ask(Method::GET, "/openapi.json").send().await.unwrap().json().await.unwrap();
    let mut seen = std::collections::BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation.get("security").is_none(), "{method} {path}: nobody needs a token here");
            let no_parameters = Vec::new();
            let parameters = operation["parameters"].as_array().unwrap_or(&no_parameters);
            for it in parameters {
                seen.insert((text(&it["in"]).to_owned(), text(&it["name"]).to_ascii_lowercase()), it["schema"].clone());
            }
            let keyed = parameters.iter().any(|it| it["name"] == "Idempotency-Key");
            assert_eq!(keyed, method == "post", "{method} {path}");
        }
    }
    let form = |place: &str, name: &str| seen[&(place.to_owned(), name.to_owned())].clone();
    assert_eq!(form("header", "if-match")["pattern"], "^\"v[0-9]{1,19}\"$");
    assert_eq!(form("path", "sha256")["pattern"], "^(sha256:)?[0-9a-f]{64}$");
    assert_eq!(form("query", "window")["enum"], json!(["1m", "5m", "1h", "all"]));
    assert_eq!(form("query", "limit")["maximum"], 200);
    assert!(form("path", "edge")["pattern"].is_string() && form("path", "version")["pattern"].is_string());
    assert_eq!(form("header", "last-event-id")["type"], "string");
    let emit = &document["paths"]["/api/v1/handoffs"]["post"]["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(emit["$ref"], "#/components/schemas/Contract");
}

#[tokio::test]
async fn a_stopping_server_ends_what_waits_and_takes_nothing_new() {
    let mut server = Server::open().await;
    let request = server.ask(Method::GET, "/api/v1/events").header("accept", "text/event-stream");
    let stream = request.send().await.unwrap();
    // A claim that is certainly in flight: the server asks for its body.
    let body = r#"{"agent":"a","wait_s":20}"#;
    let mut claim = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST /api/v1/handoffs/claim HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nexpect: 100-continue\r\n\r\n",
        body.len()
    );
    claim.write_all(head.as_bytes()).await.unwrap();
    let mut go = [0; 25];
    claim.read_exact(&mut go).await.unwrap();
    assert_eq!(&go, b"HTTP/1.1 100 Continue\r\n\r\n");
    claim.write_all(body.as_bytes()).await.unwrap();
    server.stop.cancel();
    let running = std::mem::replace(&mut server.running, tokio::spawn(async { Ok(()) }));
    tokio::time::timeout(DEADLINE, running).await.expect("it ends").unwrap().unwrap();
    let mut answer = String::new();
    claim.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    assert!(listen(stream, |_| false).await.is_empty(), "the stream ended");
    assert!(server.ask(Method::GET, "/healthz").send().await.unwrap_err().is_connect());
}

#[tokio::test]
async fn a_server_whose_store_is_gone_takes_nothing_until_it_is_back() {
    let store = Sqlite::temporary().unwrap();
    let path = store.path().to_owned();
    let away = path.with_extension("away");
    let engine = Engine::open(Arc::new(store), Settings::default()).await.unwrap();
    let server = Server::of(engine, Access::Open).await;
    let health = || async {
        let asked = server.ask(Method::GET, "/healthz");
        asked.send().await.unwrap()
    };
    let contract = contract("research", "writer");
    let made = server.emit(&contract).await;
    std::fs::rename(&path, &away).unwrap();
    // Nobody has written anything yet.
    let why = problem(health().await, 503, "store-unavailable").await;
    assert!(why["detail"].as_str().unwrap().contains("removed"), "{why}");
    problem(server.post("/handoffs", &contract).await, 503, "store-unavailable").await;
    let asked = server
        .ask(Method::GET, &format!("/api/v1/handoffs/{}", made["handoff_id"].as_str().unwrap()))
        .send()
        .await
        .unwrap();
    assert_eq!(asked.status(), StatusCode::OK, "what is known can still be taken out");
    std::fs::rename(&away, &path).unwrap();
    assert_eq!(health().await.status(), StatusCode::OK);
    server.emit(&contract).await;
}

#[tokio::test]
async fn a_server_whose_store_takes_nothing_says_so() {
    let store = Sqlite::temporary().unwrap();
    let path = store.path().to_owned();
    let engine = Engine::open(Arc::new(store), Settings::default()).await.unwrap();
    let server = Server::of(engine, Access::Open).await;
    let health = || async {
        let asked = server.ask(Method::GET, "/healthz");
        asked.send().await.unwrap()
    };
    assert_eq!(health().await.status(), StatusCode::OK);
    let db = rusqlite::Connection::open(path).unwrap();
    db.execute_batch("ALTER TABLE events RENAME TO elsewhere").unwrap();
    let contract = contract("research", "writer");
    let refused = server.post("/handoffs", &contract).await;
    problem(refused, 503, "store-unavailable").await;
    db.execute_batch("ALTER TABLE elsewhere RENAME TO events").unwrap();
    problem(health().await, 503, "store-unavailable").await;
    server.emit(&contract).await;
    assert_eq!(health().await.status(), StatusCode::OK);
}
