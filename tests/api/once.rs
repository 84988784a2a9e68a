//! Requests that are repeated under their `Idempotency-Key`: done once, and answered as the first time.

use reqwest::{Response, StatusCode};
use seamwatch::testing::domain::time::{MINUTE, Time};
use serde_json::{Value, json};

use super::server::{Server, contract, problem, text};
use super::wait::{DEADLINE, eventually};

async fn keyed(server: &Server, path: &str, key: &str, body: &Value) -> Response {
    let request = server.ask(reqwest::Method::POST, &format!("/api/v1{path}"));
    let request = request.header("idempotency-key", key).json(body);
    request.send().await.unwrap()
}

/// Sends it twice; the second answer must be the first, and say so.
async fn twice(server: &Server, path: &str, key: &str, body: &Value) -> Value {
    let first = keyed(server, path, key, body).await;
    assert!(first.status().is_success(), "{path}: {}", first.status());
    assert!(!first.headers().contains_key("idempotency-replayed"));
    let second = keyed(server, path, key, body).await;
    assert_eq!(second.status(), first.status(), "{path}");
    assert_eq!(second.headers()["idempotency-replayed"], "true", "{path}");
    assert_eq!(second.headers().get("etag"), first.headers().get("etag"));
    let (first, second) = (first.text().await.unwrap(), second.text().await.unwrap());
    assert_eq!(second, first, "{path}");
    serde_json::from_str(&first).unwrap_or_default()
}

#[tokio::test]
async fn a_claim_repeated_under_its_key_gives_the_same_leases_and_no_others() {
    let server = Server::open().await;
    for _ in 0..4 {
        server.emit(&contract("research", "writer")).await;
    }
    let one = twice(&server, "/handoffs/claim", "c1", &json!({"agent": "writer"})).await;
    let two = json!({"agent": "writer", "max": 2});
    let two = twice(&server, "/handoffs/claim", "c2", &two).await;
    assert_eq!(two["items"].as_array().unwrap().len(), 2);
    let left = server.get("/handoffs?state=pending").await;
    assert_eq!(left["items"].as_array().unwrap().len(), 1);
    let other = json!({"agent": "editor"});
    let reused = keyed(&server, "/handoffs/claim", "c1", &other).await;
    problem(reused, 422, "idempotency-key-reused").await;
    let done = server.settle(&one, "complete", json!({})).await;
    assert_eq!(done.status(), StatusCode::OK, "the lease is a lease");
}

#[tokio::test]
async fn every_call_under_a_lease_takes_a_key() {
    let server = Server::open().await;
    let body = |work: &Value, more: Value| {
        let mut body = more;
        body["lease_id"] = work["lease_id"].clone();
        body
    };
    let endings = [
        ("reject", json!({"errors": [{"path": "/brief", "keyword": "sense", "message": "none"}]}), "dead_lettered"),
        ("fail", json!({"code": "timeout"}), "retry_wait"),
        ("snooze", json!({"delay_s": 60}), "pending"),
    ];
    for (nth, (call, more, state)) in endings.into_iter().enumerate() {
        server.emit(&contract("research", call)).await;
        let work = server.claim(call).await;
        let path = |call: &str| format!("/handoffs/{}/{call}", text(&work["handoff_id"]));
        for call in ["ack", "heartbeat"].iter().take(nth) {
            twice(&server, &path(call), call, &body(&work, json!({}))).await;
        }
        let ended = twice(&server, &path(call), call, &body(&work, more)).await;
        assert_eq!(ended["state"], state, "{call}");
    }
    server.emit(&contract("research", "writer")).await;
    let work = server.claim("writer").await;
    let path = |work: &Value, call: &str| format!("/handoffs/{}/{call}", text(&work["handoff_id"]));
    let next = json!({"result": 1, "next": [contract("writer", "editor"), contract("writer", "legal")]});
    let done = twice(&server, &path(&work, "complete"), "k", &body(&work, next)).await;
    assert_eq!(done["next"].as_array().unwrap().len(), 2);
    let review = server.claim("editor").await;
    server.settle(&review, "ack", json!({})).await;
    let feedback = body(&review, json!({"feedback": ["Name the source"]}));
    let back = twice(&server, &path(&review, "return"), "k", &feedback).await;
    assert_eq!(back["next"][0]["state"], "pending");
}

#[tokio::test]
async fn a_rejection_is_dismissed_once_under_a_key() {
    let server = Server::open().await;
    let mut wrong = contract("research", "writer");
    wrong.as_object_mut().unwrap().remove("failure_modes");
    let refused = server.post("/handoffs", &wrong).await;
    let refused = problem(refused, 422, "contract-invalid").await;
    let path = format!("/rejections/{}/dismiss", text(&refused["rejection_id"]));
    twice(&server, &path, "k", &json!({"reason": "told them"})).await;
}

#[tokio::test]
async fn what_was_refused_is_refused_again() {
    let server = Server::open().await;
    let mut first = contract("research", "writer");
    first["trace_id"] = "4bf92f3577b34da6a3ce929d0e0e4736".into();
    server.emit(&first).await;
    first["brief"]["goal"] = "Publish two articles".into();
    for _ in 0..2 {
        let other = keyed(&server, "/handoffs", "k", &first).await;
        problem(other, 409, "idempotency-mismatch").await;
    }
}

#[tokio::test]
async fn while_a_request_runs_its_key_is_taken() {
    let server = Server::open().await;
    let claim = |wait: u64| {
        let body = json!({"agent": "writer", "wait_s": wait});
        let server = &server;
        async move { keyed(server, "/handoffs/claim", "k", &body).await }
    };
    // Either may come first; then the other is refused and tries again.
    let first = async {
        loop {
            let answer = claim(20).await;
            if answer.status() != StatusCode::CONFLICT {
                return answer;
            }
        }
    };
    let second = async {
        let refused = eventually("the second claim is refused", || async {
            let answer = claim(0).await;
            (answer.status() == StatusCode::CONFLICT).then_some(answer)
        });
        let refused = refused.await;
        assert_eq!(refused.headers()["retry-after"], "1");
        problem(refused, 409, "request-in-progress").await;
        server.emit(&contract("research", "writer")).await;
    };
    let both = async { tokio::join!(first, second) };
    let (first, ()) = tokio::time::timeout(DEADLINE, both).await.unwrap();
    assert_eq!(first.status(), StatusCode::OK);
    let lease = first.json::<Value>().await.unwrap()["lease_id"].clone();
    let again = claim(20).await.json::<Value>().await.unwrap();
    assert_eq!(again["lease_id"], lease);
}

#[tokio::test]
async fn the_answer_to_a_sign_of_life_is_kept_for_ten_minutes_only() {
    let server = Server::open().await;
    server.emit(&contract("research", "writer")).await;
    let work = server.claim("writer").await;
    let (id, lease) = (text(&work["handoff_id"]), json!({"lease_id": work["lease_id"]}));
    for (call, minutes) in [("ack", 24 * 60), ("heartbeat", 10)] {
        twice(&server, &format!("/handoffs/{id}/{call}"), call, &lease).await;
        let key = format!("{call} {id}");
        let known = |at: Time| {
            let (engine, key) = (server.engine.clone(), key.clone());
            async move { engine.store().answered("anonymous", &key, at).await.unwrap().is_some() }
        };
        let now = server.engine.now();
        assert!(known(now + (minutes - 1) * MINUTE).await, "{call}");
        assert!(!known(now + (minutes + 1) * MINUTE).await, "{call}");
    }
}

#[tokio::test]
async fn a_pause_that_found_the_edge_paused_is_done_all_the_same() {
    let server = Server::open().await;
    let (edge, why) = ("/edges/launch%3Eresearch%3Ewriter", json!({"reason": "looking"}));
    keyed(&server, &format!("{edge}/pause"), "p1", &why).await;
    assert_eq!(keyed(&server, &format!("{edge}/pause"), "p2", &why).await.status(), StatusCode::OK);
    server.post(&format!("{edge}/unpause"), &why).await;
    let again = keyed(&server, &format!("{edge}/pause"), "p2", &why).await;
    assert_eq!((again.status(), again.headers().contains_key("idempotency-replayed")), (StatusCode::OK, true));
    server.emit(&contract("research", "writer")).await;
    server.claim("writer").await;
}
