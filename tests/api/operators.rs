//! What people do, each act against what was on their screen.

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use seamwatch::testing::orchestrator::api::Access;
use serde_json::{Value, json};

use super::server::{Server, contract, problem, text};
use super::wait::eventually;

#[tokio::test]
async fn of_two_operators_one_wins_and_the_other_hears_who() {
    let server = Server::open().await;
    let (id, tag) = server.dead_letter().await;
    let path = format!("/handoffs/{id}/requeue");
    problem(server.post(&path, &json!({})).await, 428, "precondition-required").await;

    let racing = ["dana", "kim"].map(|user| server.act(&path, user, &tag).json(&json!({"reason": user})).send());
    let answers = join_all(racing).await.into_iter().map(Result::unwrap);
    let (won, lost): (Vec<_>, Vec<_>) = answers.partition(|it| it.status().is_success());
    assert_eq!((won.len(), lost.len()), (1, 1));
    let found = problem(lost.into_iter().next().unwrap(), 412, "version-conflict").await;
    assert_eq!(found["last_change"]["event"], "handoff.requeued");
    let winner = text(&found["last_change"]["actor"]);
    assert!(["user:dana", "user:kim"].contains(&winner), "{winner}");
    let now = won.into_iter().next().unwrap();
    assert_eq!(now.headers()["etag"], format!("\"v{}\"", found["current"]));
    let tag = now.headers()["etag"].to_str().unwrap().to_owned();
    let found = problem(server.act(&path, "kim", &tag).send().await.unwrap(), 409, "illegal-transition").await;
    assert_eq!(found["state"], "pending");
    assert!(found["allowed"].as_array().unwrap().contains(&json!("dead_lettered")));
}

#[tokio::test]
async fn verdicts_that_contradict_each_other_are_all_kept_with_their_authors() {
    let server = Server::open().await;
    let (id, tag) = server.dead_letter().await;
    let say = |path: String, user: &'static str, body: Value| {
        let asked = server.ask(Method::POST, &format!("/api/v1{path}"));
        asked.header("seam-user", user).header("idempotency-key", format!("{user} {body}")).json(&body).send()
    };
    let by_dana = json!({"verdict": "root cause: writer", "note": "step 7"});
    let first = say(format!("/handoffs/{id}/annotate"), "dana", by_dana.clone()).await.unwrap();
    let first: Value = first.json().await.unwrap();
    let run = text(&first["trace_id"]).to_owned();
    say(format!("/handoffs/{id}/annotate"), "dana", by_dana).await.unwrap();
    let by_kim = json!({"verdict": "root cause: the prompt"});
    let both: Value = say(format!("/runs/{run}/annotate"), "kim", by_kim).await.unwrap().json().await.unwrap();
    assert_eq!(both["annotations"], 2, "a repeated request adds nothing");
    let whole = server.get(&format!("/runs/{run}")).await;
    let kept = whole["run"]["annotations"].as_array().unwrap();
    assert_eq!(kept[0]["handoff"], json!(id));
    assert_eq!(
        (&kept[0]["verdict"], &kept[0]["note"], &kept[0]["by"]),
        (&json!("root cause: writer"), &json!("step 7"), &json!("user:dana"))
    );
    assert_eq!(
        (&kept[1]["verdict"], &kept[1]["by"], &kept[1]["handoff"]),
        (&json!("root cause: the prompt"), &json!("user:kim"), &Value::Null)
    );
    // Whoever had looked at the handoff can still act on it.
    let requeued = server.act(&format!("/handoffs/{id}/requeue"), "kim", &tag).json(&json!({})).send().await.unwrap();
    assert_eq!(requeued.status(), StatusCode::OK);
    let long = json!({"verdict": "x", "note": "y".repeat(100_000)});
    assert!(server.post(&format!("/runs/{run}/annotate"), &long).await.status().is_success());
    let note = server.get(&format!("/runs/{run}")).await["run"]["annotations"][2]["note"].clone();
    assert!(text(&note).chars().count() <= 2_000, "a note is bounded like the words of any act");
    let empty = say(format!("/runs/{run}/annotate"), "kim", json!({"verdict": " "})).await.unwrap();
    assert_eq!(empty.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let nobody = say("/handoffs/nobody/annotate".to_owned(), "kim", json!({"verdict": "x"})).await.unwrap();
    problem(nobody, 404, "not-found").await;
}

#[tokio::test]
async fn an_act_repeated_under_its_key_is_done_once() {
    let server = Server::open().await;
    let (id, tag) = server.dead_letter().await;
    let path = format!("/handoffs/{id}/requeue");
    let send = |reason: &str| {
        let request = server.act(&path, "dana", &tag).header("idempotency-key", "k1");
        request.json(&json!({"reason": reason})).send()
    };
    let first = send("quota raised").await.unwrap();
    assert_eq!(first.status(), StatusCode::OK);
    let second = send("quota raised").await.unwrap();
    assert_eq!(second.status(), StatusCode::OK);
    let requeued = second.headers()["etag"].to_str().unwrap().to_owned();
    problem(send("another reason").await.unwrap(), 422, "idempotency-key-reused").await;
    let dismiss = |reason: &str| {
        let request = server.act(&format!("/handoffs/{id}/dismiss"), "dana", &requeued).header("idempotency-key", "k2");
        request.json(&json!({"reason": reason})).send()
    };
    assert_eq!(dismiss("obsolete").await.unwrap().status(), StatusCode::OK);
    problem(dismiss("duplicate").await.unwrap(), 422, "idempotency-key-reused").await;
    let (by_hand, tag) = server.dead_letter().await;
    let finish = |note: &str| {
        let request =
            server.act(&format!("/handoffs/{by_hand}/complete-manually"), "dana", &tag).header("idempotency-key", "k3");
        request.json(&json!({"note": note})).send()
    };
    for _ in 0..2 {
        let done = finish("called them").await.unwrap();
        assert_eq!(done.status(), StatusCode::OK);
        assert_eq!(done.json::<Value>().await.unwrap()["state"], "completed");
    }
    problem(finish("did not").await.unwrap(), 422, "idempotency-key-reused").await;
    let timeline = server.get(&format!("/handoffs/{id}/timeline")).await;
    let events = timeline["events"].as_array().unwrap();
    assert_eq!(events.iter().filter(|it| it["type"] == "handoff.requeued.v1").count(), 1);
}

#[tokio::test]
async fn an_approval_is_bound_to_what_was_shown() {
    let policy = "[[edge]]\nto = \"writer\"\napproval = { role = \"editors\", question = \"May this go?\" }\n";
    let server = Server::start(Access::Open, policy).await;
    let emitted = server.emit(&contract("research", "writer")).await;
    assert_eq!(emitted["state"], "escalated");
    let row = eventually("a person is asked", || async {
        server.get("/escalations?role=editors").await["items"].get(0).cloned()
    })
    .await;
    let id = text(&row["handoff_id"]);
    let tag = format!("\"v{}\"", row["version"]);
    let path = format!("/escalations/{id}/resolve");
    let moved = json!({"answer": "approve", "context_digest": "sha256:0"});
    let response = server.act(&path, "dana", &tag).json(&moved).send().await.unwrap();
    problem(response, 412, "version-conflict").await;
    let answer = json!({"answer": "respond", "context_digest": row["context_digest"], "value": 1});
    let response = server.act(&path, "dana", &tag).json(&answer).send().await.unwrap();
    let found = problem(response, 422, "resolution-not-allowed").await;
    assert!(found["allow"].as_array().unwrap().contains(&json!("approve")));

    let response = server.act(&format!("/escalations/{id}/claim"), "dana", &tag).send().await.unwrap();
    let tag = response.headers()["etag"].to_str().unwrap().to_owned();
    let answer = json!({"answer": "approve", "context_digest": row["context_digest"], "note": "fine"});
    let response = server.act(&path, "dana", &tag).json(&answer).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let work = server.claim("writer").await;
    assert_eq!(work["resolution"]["note"], "fine");
}

#[tokio::test]
async fn a_paused_edge_gives_nothing_until_it_flows_again() {
    let server = Server::open().await;
    let edge = "/edges/launch%3Eresearch%3Ewriter";
    let pause = async || -> Value {
        server.post(&format!("{edge}/pause"), &json!({"reason": "incident"})).await.json().await.unwrap()
    };
    let paused = pause().await;
    assert_eq!(paused["paused"], true);
    assert_eq!(paused["note"], "no handoff was ever seen on research>writer in launch: check the names");
    let listed = server.get("/edges").await["items"][0].clone();
    assert_eq!((&listed["pipeline"], &listed["paused"]), (&json!("launch"), &json!(true)));
    server.emit(&contract("research", "writer")).await;
    assert_eq!(pause().await["note"], Value::Null, "now one was");
    let nothing = server.post("/handoffs/claim", &json!({"agent": "writer"})).await;
    assert_eq!(nothing.status(), StatusCode::NO_CONTENT);
    let waiting = server.claim("writer");
    let (path, nothing) = (format!("{edge}/unpause"), json!({}));
    let flowing = server.post(&path, &nothing);
    let (work, answer) = tokio::join!(waiting, flowing);
    assert_eq!((work["attempt"].clone(), answer.status()), (json!(1), StatusCode::OK));
}

#[tokio::test]
async fn pages_of_runs_go_on_although_the_last_one_seen_is_closed() {
    let server = Server::open().await;
    for _ in 0..3 {
        server.emit(&contract("research", "writer")).await;
    }
    let all = server.get("/runs").await;
    let ids: Vec<&str> = all["items"].as_array().unwrap().iter().map(|it| text(&it["trace_id"])).collect();
    let first = server.get("/runs?limit=1").await;
    assert_eq!(first["items"][0]["trace_id"], ids[0]);
    let run = server.get(&format!("/runs/{}", ids[0])).await;
    let tag = format!("\"v{}\"", run["run"]["version"]);
    let path = format!("/runs/{}/cancel", ids[0]);
    let bare = server.post(&path, &json!({})).await;
    problem(bare, 428, "precondition-required").await;
    let stale = server.act(&path, "dana", "\"v99\"").send().await.unwrap();
    problem(stale, 412, "version-conflict").await;
    let ended = server.act(&path, "dana", &tag).send().await.unwrap();
    assert_eq!(ended.status(), StatusCode::OK);
    let gone = eventually("only two runs are left", || async {
        let open = server.get("/runs").await;
        (open["items"].as_array().unwrap().len() == 2).then_some(())
    });
    gone.await;
    let next = text(&first["next"]);
    let second = server.get(&format!("/runs?limit=1&cursor={next}")).await;
    assert_eq!(second["items"][0]["trace_id"], ids[1]);
    let bad = server.ask(Method::GET, "/api/v1/runs?cursor=x");
    problem(bad.send().await.unwrap(), 400, "bad-request").await;
}

#[tokio::test]
async fn a_run_that_goes_on_after_a_restart_is_told_whole() {
    let before = Server::open().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let mut contract = contract("research", "writer");
    contract["trace_id"] = trace.into();
    before.emit(&contract).await;
    let work = before.claim("writer").await;
    before.settle(&work, "ack", json!({})).await;
    before.settle(&work, "complete", json!({})).await;
    let after = Server::of(before.engine.clone(), Access::Open).await;
    contract["step"] = 1.into();
    after.emit(&contract).await;
    let row = eventually("both handoffs are told", || async {
        let runs = after.get("/runs").await;
        let row = runs["items"].as_array().unwrap().first().cloned();
        row.filter(|it| it["handoffs"] == 2)
    });
    let row = row.await;
    assert_eq!((&row["trace_id"], &row["open"]), (&json!(trace), &json!(1)));
}
