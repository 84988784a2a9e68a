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
    let cycle = |work: &Value| (work["contract"]["relation"]["cycle"].clone(), work["max_cycles"].clone());
    assert_eq!(cycle(&work), (json!(0), json!(3)), "how often it went back, and how often it may");
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
    assert_eq!(cycle(&server.claim("writer").await), (json!(1), json!(3)));

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

#[tokio::test]
async fn refused_contracts_come_in_pages_and_are_dismissed_by_group_and_by_edge() {
    let server = Server::open().await;
    for nth in 0..5 {
        let mut wrong = contract("research", "writer");
        wrong["brief"]["next_step"] = json!(format!("Do it in way {nth}"));
        wrong.as_object_mut().unwrap().remove(if nth < 3 { "failure_modes" } else { "provenance" });
        problem(server.post("/handoffs", &wrong).await, 422, "contract-invalid").await;
    }
    let (mut ids, mut page) = (Vec::new(), "/rejections?limit=2".to_owned());
    let first = server.get(&page).await;
    let groups = first["groups"].as_array().unwrap().clone();
    loop {
        let listed = server.get(&page).await;
        ids.extend(listed["items"].as_array().unwrap().iter().map(|it| text(&it["id"]).to_owned()));
        assert_eq!(listed["groups"].as_array().unwrap().is_empty(), page.contains("cursor"));
        let Some(next) = listed["next"].as_str() else { break };
        page = format!("/rejections?limit=2&cursor={next}");
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 5, "each once");
    for wrong in ["limit=0", "limit=201", "cursor=x", "page=2"] {
        let answer = server.ask(Method::GET, &format!("/api/v1/rejections?{wrong}")).send().await.unwrap();
        problem(answer, 400, "bad-request").await;
    }
    let left = async || server.get("/rejections").await["items"].as_array().unwrap().len();
    let group = groups.iter().find(|it| it["path"] == "/failure_modes").unwrap();
    assert_eq!(group["count"], 3);
    let path = format!("/rejections/{}/dismiss", text(&group["id"]));
    assert_eq!(server.post(&path, &json!({"reason": "mended"})).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(left().await, 2);
    problem(server.post(&path, &json!({})).await, 404, "not-found").await;
    let edge = &group["edge"];
    let edge = [&edge["pipeline"], &edge["from"], &edge["to"]].map(text).join("%3E");
    let done = server.post(&format!("/rejections/{edge}/dismiss"), &json!({"reason": "mended"})).await;
    assert_eq!((done.status(), left().await), (StatusCode::NO_CONTENT, 0));
    let groups = server.get("/rejections").await["groups"].clone();
    assert!(groups.as_array().unwrap().iter().any(|it| it["count"] == 3), "what is counted stays");
}
