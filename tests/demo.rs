//! The story of the demonstration, played fast against a real orchestrator, watched and steered over HTTP.

#![allow(clippy::unwrap_used, clippy::panic)] // a helper of a test stops where it went wrong, like the test itself

use reqwest::{Client, StatusCode};
use seamwatch::testing::demo::{Agents, Host, Story};
use serde_json::{Value, json};

#[path = "support/wait.rs"]
mod wait;
use wait::eventually;

struct Stage {
    http: Client,
    base: String,
}

impl Stage {
    async fn get(&self, path: &str) -> Value {
        let answer = self.http.get(format!("{}/{path}", self.base)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.json().await.unwrap()
    }

    async fn items(&self, path: &str) -> Vec<Value> {
        self.get(path).await["items"].as_array().unwrap().clone()
    }

    /// An act of a person on what was seen.
    async fn act(&self, path: &str, seen: &Value, body: Value) -> (StatusCode, Value) {
        let url = format!("{}/{path}", self.base);
        let version = format!("\"v{}\"", seen["version"]);
        let request = self.http.post(url).header("if-match", version).header("seam-user", "dana");
        let answer = request.json(&body).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    async fn escalated(&self, edge: &str) -> Vec<Value> {
        self.items(&format!("handoffs?state=escalated&limit=200&edge={edge}")).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_holds_what_it_promises() {
    let host = Host::start().await.unwrap();
    let story = Story { seed: 1, speed: 10.0 };
    let agents = Agents::start(host.url(), None, story).await.unwrap();
    let stage = &Stage { http: Client::new(), base: format!("{}/api/v1", host.url()) };

    let refused = eventually("prompt 18 is refused", || async {
        let groups = stage.get("rejections").await["groups"].as_array()?.clone();
        groups.into_iter().find(|it| it["producer"] == "research")
    })
    .await;
    assert_eq!(refused["prompt"], "research-brief@18");
    assert_eq!(refused["path"], "/working_memory/payload/fields/confidence");
    assert_eq!(refused["edge"]["to"], "writer");

    eventually("both sorts of circles end at a person", || async {
        let mut signals = String::new();
        for edge in ["reviewer>writer", "writer>reviewer"] {
            for it in stage.escalated(edge).await {
                signals += it["escalation"]["question"].as_str()?;
            }
        }
        (signals.contains("revision 4 of at most 3") && signals.contains("handed over 3 times")).then_some(())
    })
    .await;
    for verdict in ["retry_storm", "stalled"] {
        eventually(verdict, || async {
            let runs = stage.items("runs?limit=200").await;
            runs.iter().any(|it| it["verdict"] == verdict).then_some(())
        })
        .await;
    }

    requeue(stage).await;
    approve(stage).await;
    edit(stage).await;
    reject(stage).await;

    drop(agents);
    let kept = host.directory().unwrap().to_owned();
    assert!(kept.exists());
    host.stop().await.unwrap();
    assert!(!kept.exists(), "{} is left behind", kept.display());
}

/// A lead that the CRM did not take goes through once a person has put it back.
async fn requeue(stage: &Stage) {
    let dead = eventually("the CRM leaves dead letters", || async {
        stage.items("handoffs?state=dead_lettered&edge=sales%3Ecrm").await.into_iter().next()
    })
    .await;
    assert_eq!(dead["failure"]["code"], "timeout");
    let id = dead["id"].as_str().unwrap();
    let body = json!({"reason": "the CRM is back"});
    let (status, answer) = stage.act(&format!("handoffs/{id}/requeue"), &dead, body.clone()).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    // Who acts on what is no longer there is told so.
    let (status, answer) = stage.act(&format!("handoffs/{id}/requeue"), &dead, body).await;
    assert_eq!(status, StatusCode::PRECONDITION_FAILED, "{answer}");
    eventually("the requeued lead is entered", || async {
        let now = stage.get(&format!("handoffs/{id}")).await;
        (now["state"] == "completed" && now["epoch"] == 1).then_some(())
    })
    .await;
}

async fn waiting(stage: &Stage, edge: &str) -> Value {
    eventually("an approval waits", || async { stage.escalated(edge).await.into_iter().next() }).await
}

fn resolution(seen: &Value) -> String {
    format!("escalations/{}/resolve", seen["escalation"]["id"].as_str().unwrap())
}

async fn approve(stage: &Stage) {
    let asked = waiting(stage, "doc-writer%3Eadvisories").await;
    assert_eq!(asked["emission"]["urgency"], "critical");
    assert_eq!(asked["escalation"]["proposed_action"]["name"], "advisory.publish");
    let (status, answer) = stage.act(&resolution(&asked), &asked, json!({"answer": "approve"})).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let id = asked["id"].as_str().unwrap();
    eventually("what was approved is done", || async {
        (stage.get(&format!("handoffs/{id}")).await["state"] == "completed").then_some(())
    })
    .await;
}

/// The field takes whole cents; whoever writes euros is told where.
async fn edit(stage: &Stage) {
    let asked = waiting(stage, "billing%3Epayments").await;
    let id = asked["id"].as_str().unwrap();
    let mut contract = stage.get(&format!("handoffs/{id}/payload")).await["contract"].take();
    let path = "/working_memory/payload/fields/amount_cents";
    *contract.pointer_mut(path).unwrap() = json!(19.5);
    let body = json!({"answer": "edit_approve", "edited": contract});
    let (status, answer) = stage.act(&resolution(&asked), &asked, body).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer["errors"][0]["path"], path, "{answer}");
    *contract.pointer_mut(path).unwrap() = json!(1_950);
    let body = json!({"answer": "edit_approve", "edited": contract});
    let (status, answer) = stage.act(&resolution(&asked), &asked, body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

/// Feedback reaches the agent that asked, which answers with something else.
async fn reject(stage: &Stage) {
    let asked = waiting(stage, "sales%3Equoting").await;
    let before = asked["id"].as_str().unwrap();
    let first = stage.get(&format!("handoffs/{before}/payload")).await;
    let body = json!({"answer": "reject", "note": "Too much for a first contract"});
    let (status, answer) = stage.act(&resolution(&asked), &asked, body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let run = asked["trace_id"].as_str().unwrap();
    let again = eventually("the quote comes again", || async {
        let escalated = stage.items(&format!("handoffs?state=escalated&run={run}")).await;
        escalated.into_iter().find(|it| it["id"] != before)
    })
    .await;
    let second = stage.get(&format!("handoffs/{}/payload", again["id"].as_str().unwrap())).await;
    assert_eq!(second["contract"]["brief"]["decisions"][0], "Changed on request: Too much for a first contract");
    let discount = |it: &Value| it["contract"]["working_memory"]["payload"]["fields"]["discount_percent"].as_u64();
    assert!(discount(&second) < discount(&first));
    let revision = stage.items(&format!("handoffs?run={run}&edge=quoting%3Esales")).await;
    assert_eq!(revision[0]["emission"]["relation"], "revision");
    assert_eq!(revision[0]["state"], "completed");
}
