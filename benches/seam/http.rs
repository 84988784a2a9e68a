//! Goal 17: handoffs that come in over HTTP, against a handler that only reads JSON and answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use futures_util::future::join_all;
use seamwatch::testing::orchestrator::api::{self, Access};
use seamwatch::testing::orchestrator::engine::{Engine, Settings};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use super::measure::{Figure, Goal, median, rate};
use super::open::alone;

/// Connections that are kept open, each with one request on the way.
const CONNECTIONS: usize = 32;
/// Requests of one connection in one round.
const REQUESTS: usize = 40;

/// One contract per request, stored durably before the answer.
pub fn ingest() {
    let place = tempfile::tempdir().expect("a directory for the store");
    let servers = Runtime::new().expect("threads for the servers");
    let clients = Builder::new_current_thread().enable_all().build();
    let clients = clients.expect("a thread for the clients");
    let stop = CancellationToken::new();
    let (ours, bare) = servers.block_on(async {
        let store = alone(&place.path().join("seam.db"));
        let engine = Engine::open(Arc::new(store), Settings::default()).await;
        let engine = engine.expect("a new store");
        let (listener, ours) = listen().await;
        tokio::spawn(api::serve(engine, listener, Access::Open, stop.clone()));
        let (listener, bare) = listen().await;
        let router = Router::new().route("/api/v1/handoffs", post(answer));
        tokio::spawn(axum::serve(listener, router).into_future());
        (ours, bare)
    });
    let (mut fast, mut raw) = (Vec::new(), Vec::new());
    for _ in 0..7 {
        fast.push(clients.block_on(round(ours)));
        raw.push(clients.block_on(round(bare)));
    }
    stop.cancel();
    let (fast, raw) = (median(&mut fast), median(&mut raw));
    Figure {
        goal: 17,
        what: "handoffs by POST, 32 connections".to_owned(),
        ours: rate(fast),
        bare: rate(raw),
        ratio: fast / raw,
        wanted: Goal::AtLeast(0.6),
    }
    .print();
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it listens");
    (listener, address)
}

/// The least a server of this does.
async fn answer(Json(contract): Json<Value>) -> (StatusCode, Json<Value>) {
    let trace = contract.get("trace_id").cloned();
    (StatusCode::CREATED, Json(json!({ "trace_id": trace })))
}

/// Requests a second.
async fn round(server: SocketAddr) -> f64 {
    let request = request();
    let start = Instant::now();
    join_all((0..CONNECTIONS).map(|_| connection(server, &request))).await;
    (CONNECTIONS * REQUESTS) as f64 / start.elapsed().as_secs_f64()
}

async fn connection(server: SocketAddr, request: &[u8]) {
    let stream = TcpStream::connect(server).await.expect("it listens");
    stream.set_nodelay(true).expect("it is open");
    let mut stream = BufReader::new(stream);
    let (mut line, mut body) = (String::new(), Vec::new());
    for _ in 0..REQUESTS {
        stream.write_all(request).await.expect("it is open");
        let mut length = 0;
        let mut status = String::new();
        loop {
            line.clear();
            stream.read_line(&mut line).await.expect("it answers");
            if status.is_empty() {
                status.clone_from(&line);
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().expect("it is a number");
            }
            if line.trim().is_empty() {
                break;
            }
        }
        body.resize(length, 0);
        stream.read_exact(&mut body).await.expect("it answers");
        let said = String::from_utf8_lossy(&body);
        assert!(status.contains(" 201 "), "{status}{said}");
    }
}

/// The example, without what would make a second one a repetition of the first.
fn request() -> Vec<u8> {
    let mut contract: Value =
        serde_json::from_str(include_str!("../../examples/contract.json")).expect("the example is JSON");
    let members = contract.as_object_mut().expect("it is an object");
    for name in ["trace_id", "traceparent", "idempotency_key", "relation", "step"] {
        members.remove(name);
    }
    let memory = members.get_mut("working_memory").and_then(Value::as_object_mut);
    memory.expect("it has a memory").remove("refs");
    let body = contract.to_string();
    let head = "POST /api/v1/handoffs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json";
    format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
