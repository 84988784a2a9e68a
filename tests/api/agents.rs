//! What agents do: emit, claim, acknowledge, complete; and what is refused.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::server::{Server, contract, problem, text};
use super::wait::eventually;

#[tokio::test]
async fn a_handoff_lives_from_emit_to_complete() {
    let server = Server::open().await;
    let mut first = contract("research", "writer");
    first["trace_id"] = "4bf92f3577b34da6a3ce929d0e0e4736".into();
    let emitted = server.emit(&first).await;
    let id = text(&emitted["handoff_id"]);
    assert_eq!(emitted["state"], "pending");

    let again = server.post("/handoffs", &first).await;
    assert_eq!(again.status(), StatusCode::OK);
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(again.json::<Value>().await.unwrap()["handoff_id"], id);
    let mut other = first.clone();
    other["brief"]["goal"] = "Publish two articles".into();
    let found = problem(server.post("/handoffs", &other).await, 409, "idempotency-mismatch").await;
    assert_eq!(found["handoff_id"], id);

    let work = server.claim("writer").await;
    assert_eq!((&work["handoff_id"], &work["attempt"]), (&json!(id), &json!(1)));
    assert_eq!(work["contract"]["brief"]["title"], "Write the pricing article");
    assert!(work["contract"].get("source").is_none(), "the worker does not see who handed over");
    for call in ["ack", "ack", "heartbeat"] {
        assert_eq!(server.settle(&work, call, json!({})).await.status(), StatusCode::OK, "{call}");
    }
    let next = contract("writer", "reviewer");
    let done = server.settle(&work, "complete", json!({"result": {"words": 1200}, "next": [next]})).await;
    let done: Value = done.json().await.unwrap();
    assert_eq!(done["handoff"]["state"], "completed");
    assert_eq!(done["next"][0]["step"], 1);
    let repeated = server.settle(&work, "complete", json!({"result": {"words": 1200}, "next": [next]})).await;
    assert_eq!(repeated.json::<Value>().await.unwrap(), done, "the same answer, and nothing twice");

    let review = server.claim("reviewer").await;
    assert_eq!(review["handoff_id"], done["next"][0]["handoff_id"]);
    server.settle(&review, "ack", json!({})).await;
    let back = server.settle(&review, "return", json!({"feedback": ["Vendor C has no source"]})).await;
    let back: Value = back.json().await.unwrap();
    assert_eq!(back["handoff"]["state"], "returned");
    let lost = server.settle(&work, "heartbeat", json!({})).await;
    problem(lost, 409, "lease-lost").await;

    let run = server.get("/runs/4bf92f3577b34da6a3ce929d0e0e4736").await;
    assert_eq!(run["run"]["handoffs"].as_array().unwrap().len(), 3);
    assert_eq!(run["state"], "running");
    let timeline = server.get(&format!("/handoffs/{id}/timeline")).await;
    let types: Vec<&str> = timeline["events"].as_array().unwrap().iter().map(|it| text(&it["type"])).collect();
    let life = [
        "handoff.emitted.v1",
        "handoff.duplicate.v1",
        "handoff.leased.v1",
        "handoff.acknowledged.v1",
        "handoff.completed.v1",
    ];
    assert_eq!(types, life);
    let stored = server.get(&format!("/handoffs/{id}/payload")).await;
    assert_eq!(stored["contract"]["source"]["id"], "research");
    let rows = server.get("/edges?window=1h").await;
    let row = rows["items"].as_array().unwrap().iter().find(|it| it["from"] == "research").unwrap();
    assert_eq!((&row["counts"]["emitted"], &row["emit_to_ack_ms"]["n"]), (&json!(1), &json!(1)));
    let edge = server.get("/edges/launch%3Eresearch%3Ewriter/metrics?window=1h").await;
    assert_eq!(edge["edge"]["counts"], row["counts"]);
    let figures = server.ask(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    let expected = "handoff_completed_total{pipeline=\"launch\",from=\"research\",to=\"writer\"} 1";
    assert!(figures.lines().any(|it| it == expected), "{figures}");
}

#[tokio::test]
async fn a_contract_without_failure_modes_is_refused_with_the_path_and_kept_in_sight() {
    let server = Server::open().await;
    let mut wrong = contract("research", "writer");
    wrong.as_object_mut().unwrap().remove("failure_modes");
    let found = problem(server.post("/handoffs", &wrong).await, 422, "contract-invalid").await;
    assert_eq!(found["errors"][0]["path"], "/failure_modes");
    let id = text(&found["rejection_id"]);
    let listed = eventually("the refusal is listed", || async {
        let listed = server.get("/rejections").await;
        (!listed["items"].as_array().unwrap().is_empty()).then_some(listed)
    })
    .await;
    assert_eq!(listed["items"][0]["producer"], "research");
    assert_eq!(listed["groups"][0]["path"], "/failure_modes");
    let report: Value = server.post("/contracts/check", &wrong).await.json().await.unwrap();
    assert_eq!(report["violations"][0]["path"], "/failure_modes");
    let done = server.post(&format!("/rejections/{id}/dismiss"), &json!({"reason": "told them"})).await;
    assert_eq!(done.status(), StatusCode::NO_CONTENT);
    let again = server.post(&format!("/rejections/{id}/dismiss"), &json!({})).await;
    problem(again, 404, "not-found").await;
}
