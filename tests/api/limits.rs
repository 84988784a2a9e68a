//! What a server takes at once, and what it says to those who want more.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use seamwatch::testing::domain::contract::digest_of_bytes;
use seamwatch::testing::domain::port::Scope;
use seamwatch::testing::orchestrator::api::{Access, Limits, auth};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::server::{Server, contract, problem};
use super::wait::{DEADLINE, eventually};

/// Reads until the other end closes, or until `so_far` is there.
async fn heard(stream: &mut TcpStream, so_far: &str) -> String {
    let mut said = Vec::new();
    let reading = async {
        let mut chunk = [0; 1_024];
        while !String::from_utf8_lossy(&said).contains(so_far) || so_far.is_empty() {
            match stream.read(&mut chunk).await {
                Ok(0) | Err(_) => break,
                Ok(n) => said.extend_from_slice(&chunk[..n]),
            }
        }
    };
    tokio::time::timeout(DEADLINE, reading).await.unwrap();
    String::from_utf8(said).unwrap()
}

async fn connected(server: &Server, first: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(first.as_bytes()).await.unwrap();
    stream
}

const SLOW: &str = "POST /api/v1/handoffs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{";

#[tokio::test]
async fn connections_that_send_nothing_or_half_a_body_are_in_nobodys_way() {
    for first in ["", "GET /healthz HT", SLOW] {
        let server = Server::limited(Limits { connections: 8, ..Limits::default() }).await;
        let mut idle = Vec::new();
        for _ in 0..30 {
            idle.push(connected(&server, first).await);
        }
        server.emit(&contract("research", "writer")).await;
        assert_eq!(heard(&mut idle[0], "").await, "", "{first}: the oldest gave way");
        assert!(server.figure("seam_connections_closed_total").await >= 22, "{first}");
        assert!(server.figure("seam_connections").await <= 8, "{first}");
    }
}

#[tokio::test]
async fn whoever_comes_while_all_are_busy_is_told_so() {
    let server = Server::limited(Limits { connections: 2, ..Limits::default() }).await;
    let stream = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n";
    let mut streams = [connected(&server, stream).await, connected(&server, stream).await];
    for it in &mut streams {
        assert!(heard(it, "retry: 2000").await.contains("200 OK"));
    }
    let told = heard(&mut connected(&server, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await, "").await;
    assert!(told.starts_with("HTTP/1.1 503 ") && told.contains("Retry-After: 1"), "{told}");
    assert!(told.contains("urn:seamwatch:problem:too-many"), "{told}");
}

#[tokio::test]
async fn a_connection_has_little_time_for_its_first_request_and_more_for_the_next() {
    let server = Server::limited(Limits { first_head: Duration::from_millis(200), ..Limits::default() }).await;
    let ask = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut spoke = connected(&server, ask).await;
    assert!(heard(&mut spoke, "}").await.starts_with("HTTP/1.1 200 "));
    let mut silent = connected(&server, "GET").await;
    assert_eq!(heard(&mut silent, "").await, "");
    spoke.write_all(ask.as_bytes()).await.unwrap();
    assert!(heard(&mut spoke, "}").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn streams_and_requests_that_wait_have_limits_of_their_own() {
    let server = Server::limited(Limits { streams: 2, waits: 1, ..Limits::default() }).await;
    let listen = || server.ask(Method::GET, "/api/v1/events").header("accept", "text/event-stream").send();
    let streams = [listen().await.unwrap(), listen().await.unwrap()];
    assert!(streams.iter().all(|it| it.status() == StatusCode::OK));
    let third = listen().await.unwrap();
    assert_eq!(third.headers()["retry-after"], "5");
    problem(third, 429, "too-many").await;
    drop(streams);
    eventually("a stream again", || async { listen().await.ok().filter(|it| it.status() == StatusCode::OK) }).await;

    let wait = json!({"agent": "writer", "wait_s": 20});
    let waiting = server.post("/handoffs/claim", &wait);
    let more = async {
        eventually("one waits", || async { (server.figure("seam_waiting_requests").await > 0).then_some(()) }).await;
        let other = json!({"agent": "editor", "wait_s": 20});
        problem(server.post("/handoffs/claim", &other).await, 429, "too-many").await;
        let page = server.ask(Method::GET, "/api/v1/events?wait_s=20&types=handoff.dismissed").send().await.unwrap();
        problem(page, 429, "too-many").await;
        server.emit(&contract("research", "editor")).await;
        let given = server.post("/handoffs/claim", &other).await;
        assert_eq!(given.status(), StatusCode::OK, "what is there needs no waiting");
        server.emit(&contract("research", "writer")).await;
    };
    let (work, ()) = tokio::join!(waiting, more);
    assert_eq!(work.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_token_makes_so_many_requests_a_second() {
    let [ci, dana] = ["ci", "dana"].map(|name| auth::new_token(name, &[Scope::Viewer], &[]));
    let file = format!("{}rate = 1\n{}", ci.1, dana.1);
    let server = Server::start(Access::read(&file).unwrap(), "").await;
    let me = |token: &str| server.ask(Method::GET, "/api/v1/me").bearer_auth(token).send();
    let mut told = None;
    for _ in 0..100 {
        let answer = me(&ci.0).await.unwrap();
        if answer.status() != StatusCode::OK {
            told = Some(answer);
            break;
        }
    }
    let told = told.expect("a hundred requests take less than a hundred seconds");
    let after: u32 = told.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=2).contains(&after), "{after}");
    problem(told, 429, "rate-limited").await;
    assert_eq!(me(&dana.0).await.unwrap().status(), StatusCode::OK, "others are not held back");
}

#[tokio::test]
async fn what_is_compressed_or_a_form_is_not_taken() {
    let server = Server::open().await;
    let pause = || server.ask(Method::POST, "/api/v1/edges/p%3Ea%3Eb/pause");
    for (name, value) in [("content-encoding", "gzip"), ("content-type", "application/x-www-form-urlencoded")] {
        let told = problem(pause().header(name, value).send().await.unwrap(), 415, "unsupported-media-type").await;
        assert!(!told["detail"].as_str().unwrap().is_empty());
    }
    assert_eq!(pause().header("content-encoding", "identity").send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_body_that_is_half_there_does_not_hold_up_a_stop() {
    let mut server = Server::open().await;
    let head = SLOW.replace("\r\n\r\n{", "\r\nExpect: 100-continue\r\n\r\n");
    let mut half = connected(&server, &head).await;
    assert!(heard(&mut half, "\r\n\r\n").await.starts_with("HTTP/1.1 100 "));
    half.write_all(b"{").await.unwrap();
    server.stop.cancel();
    let told = heard(&mut half, "").await;
    assert!(told.starts_with("HTTP/1.1 503 ") && told.contains("problem:stopping"), "{told}");
    let ended = tokio::time::timeout(DEADLINE, &mut server.running).await.unwrap();
    ended.unwrap().unwrap();
}

#[tokio::test]
async fn blobs_have_a_quota_and_the_same_bytes_count_once() {
    let server = Server::limited(Limits { blobs: 3 * 1_024, ..Limits::default() }).await;
    let put = |bytes: Vec<u8>| {
        let path = format!("/api/v1/blobs/{}", digest_of_bytes(&bytes));
        server.ask(Method::PUT, &path).body(bytes).send()
    };
    for bytes in [b"a".to_vec(), b"a".to_vec(), vec![7; 2_048]] {
        assert_eq!(put(bytes).await.unwrap().status(), StatusCode::CREATED);
    }
    let told = problem(put(b"b".to_vec()).await.unwrap(), 507, "storage-full").await;
    assert!(told["detail"].as_str().unwrap().contains("--blobs"), "{told}");
    assert_eq!(put(b"a".to_vec()).await.unwrap().status(), StatusCode::CREATED, "it is there already");
    assert_eq!(server.figure("seam_blob_bytes").await, 3_072);
    assert_eq!(server.figure("seam_blobs_refused_total").await, 1);
    // What is kept is counted anew by the next server.
    let after =
        Server::within(Limits { blobs: 3 * 1_024, ..Limits::default() }, server.engine.clone(), Access::Open).await;
    assert_eq!(after.figure("seam_blob_bytes").await, 3_072);
}

#[tokio::test]
async fn many_large_blobs_come_and_go_within_bounds_and_hold_nobody_else_up() {
    let server = Server::open().await;
    let blobs: Vec<Vec<u8>> = (0..24).map(|n| vec![n; 4 << 20]).collect();
    let exchange = blobs.iter().map(|bytes| async {
        let path = format!("/api/v1/blobs/{}", digest_of_bytes(bytes));
        let put = server.ask(Method::PUT, &path).body(bytes.clone()).send().await.unwrap();
        assert_eq!(put.status(), StatusCode::CREATED);
        let got = server.ask(Method::GET, &path).send().await.unwrap().bytes().await.unwrap();
        assert!(got == *bytes);
    });
    let emits = async {
        for _ in 0..5 {
            server.emit(&contract("research", "writer")).await;
        }
    };
    tokio::join!(futures_util::future::join_all(exchange), emits);
    eventually("all has gone", || async { (server.figure("seam_blob_bytes_in_flight").await == 0).then_some(()) })
        .await;
}
