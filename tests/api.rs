//! The HTTP API end to end: a real server on a port of its own, spoken to over TCP.

#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot go on has failed

use std::net::SocketAddr;
use std::sync::Once;
use std::time::Duration;

use futures_util::{StreamExt, future::join_all};
use reqwest::{Client, Method, Response, StatusCode};
use seamwatch::domain::policy::Policies;
use seamwatch::orchestrator::api::{self, Access, Scope, auth};
use seamwatch::orchestrator::engine::{Engine, Settings};
use seamwatch::orchestrator::sweeper;
use seamwatch::store::Store;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Nothing here takes longer, even on a busy machine; whatever does has failed.
const PATIENCE: Duration = Duration::from_secs(30);

struct Server {
    address: SocketAddr,
    engine: Engine,
    stop: CancellationToken,
    running: JoinHandle<std::io::Result<()>>,
    client: Client,
}

impl Server {
    async fn start(access: Access, policies: &str) -> Self {
        static TLS: Once = Once::new();
        TLS.call_once(|| {
            rustls::crypto::ring::default_provider()
                .install_default()
                .unwrap();
        });
        let settings = Settings {
            policies: Policies::read(policies).unwrap(),
            ..Settings::default()
        };
        let engine = Engine::open(Store::temporary().unwrap(), settings)
            .await
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        sweeper::start(engine.clone(), stop.clone());
        let running = tokio::spawn(api::serve(engine.clone(), listener, access, stop.clone()));
        let client = Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .unwrap();
        Self {
            address,
            engine,
            stop,
            running,
            client,
        }
    }

    async fn open() -> Self {
        Self::start(Access::Open, "").await
    }

    fn ask(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method, format!("http://{}{path}", self.address))
    }

    async fn get(&self, path: &str) -> Value {
        let response = self
            .ask(Method::GET, &format!("/api/v1{path}"))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> Response {
        self.ask(Method::POST, &format!("/api/v1{path}"))
            .json(body)
            .send()
            .await
            .unwrap()
    }

    async fn emit(&self, contract: &Value) -> Value {
        let response = self.post("/handoffs", contract).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        response.json().await.unwrap()
    }

    async fn claim(&self, agent: &str) -> Value {
        let response = self
            .post("/handoffs/claim", &json!({"agent": agent, "wait_s": 10}))
            .await;
        assert_eq!(response.status(), StatusCode::OK, "work for {agent}");
        response.json().await.unwrap()
    }

    async fn settle(&self, work: &Value, call: &str, mut body: Value) -> Response {
        body["lease_id"] = work["lease_id"].clone();
        self.post(
            &format!("/handoffs/{}/{call}", text(&work["handoff_id"])),
            &body,
        )
        .await
    }

    /// A dead letter and its ETag.
    async fn dead_letter(&self) -> (String, String) {
        let mut contract = contract("research", "writer");
        contract["failure_modes"]["default"] = "dead_letter".into();
        self.emit(&contract).await;
        let work = self.claim("writer").await;
        let response = self
            .settle(
                &work,
                "fail",
                json!({"code": "broken", "detail": "no more"}),
            )
            .await;
        let tag = response.headers()["etag"].to_str().unwrap().to_owned();
        let receipt: Value = response.json().await.unwrap();
        assert_eq!(receipt["state"], "dead_lettered");
        (text(&work["handoff_id"]).to_owned(), tag)
    }

    fn act(&self, path: &str, user: &str, tag: &str) -> reqwest::RequestBuilder {
        self.ask(Method::POST, &format!("/api/v1{path}"))
            .header("if-match", tag)
            .header("seam-user", user)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

async fn problem(response: Response, status: u16, kind: &str) -> Value {
    let found = response.status();
    let content = response.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    let id = response.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        (found.as_u16(), content.as_str()),
        (status, "application/problem+json"),
        "{body}"
    );
    assert_eq!(
        body["type"],
        format!("urn:seamwatch:problem:{kind}"),
        "{body}"
    );
    assert_eq!(
        (&body["status"], &body["request_id"]),
        (&json!(status), &json!(id))
    );
    assert!(
        body["title"].is_string() && body["detail"].is_string() && body["instance"].is_string()
    );
    body
}

/// The least a producer has to say.
fn contract(from: &str, to: &str) -> Value {
    json!({
        "source": {"kind": "agent", "id": from},
        "target": {"kind": "agent", "id": to},
        "pipeline": {"name": "launch", "version": "1.0.0", "stage": "draft", "output": "article"},
        "brief": {
            "title": "Write the pricing article", "goal": "Publish one article", "current_state": "Research finished",
            "next_step": "Write it", "owner": {"kind": "agent", "id": to},
            "definition_of_done": [{"item": "All vendors covered", "met": false}],
        },
        "working_memory": {"summary": {"decision": "List prices", "inputs_used": [], "open_questions": [], "text": "…"}},
        "provenance": {"model": null, "prompt": null, "tool_calls": [], "confidence": null},
        "failure_modes": {"retryable": ["timeout"], "escalate": ["policy"], "default": "retry"},
    })
}

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
    let found = problem(
        server.post("/handoffs", &other).await,
        409,
        "idempotency-mismatch",
    )
    .await;
    assert_eq!(found["handoff_id"], id);

    let work = server.claim("writer").await;
    assert_eq!(
        (&work["handoff_id"], &work["attempt"]),
        (&json!(id), &json!(1))
    );
    assert_eq!(
        work["contract"]["brief"]["title"],
        "Write the pricing article"
    );
    assert!(
        work["contract"].get("source").is_none(),
        "the worker does not see who handed over"
    );
    for call in ["ack", "ack", "heartbeat"] {
        assert_eq!(
            server.settle(&work, call, json!({})).await.status(),
            StatusCode::OK,
            "{call}"
        );
    }
    let next = contract("writer", "reviewer");
    let done = server
        .settle(
            &work,
            "complete",
            json!({"result": {"words": 1200}, "next": [next]}),
        )
        .await;
    let done: Value = done.json().await.unwrap();
    assert_eq!(done["handoff"]["state"], "completed");
    assert_eq!(done["next"][0]["step"], 1);
    let repeated = server
        .settle(
            &work,
            "complete",
            json!({"result": {"words": 1200}, "next": [next]}),
        )
        .await;
    assert_eq!(
        repeated.json::<Value>().await.unwrap(),
        done,
        "the same answer, and nothing twice"
    );

    let review = server.claim("reviewer").await;
    assert_eq!(review["handoff_id"], done["next"][0]["handoff_id"]);
    server.settle(&review, "ack", json!({})).await;
    let back = server
        .settle(
            &review,
            "return",
            json!({"feedback": ["Vendor C has no source"]}),
        )
        .await;
    let back: Value = back.json().await.unwrap();
    assert_eq!(back["handoff"]["state"], "returned");
    let lost = server.settle(&work, "heartbeat", json!({})).await;
    problem(lost, 409, "lease-lost").await;

    let run = server.get("/runs/4bf92f3577b34da6a3ce929d0e0e4736").await;
    assert_eq!(run["run"]["handoffs"].as_array().unwrap().len(), 3);
    assert_eq!(run["state"], "running");
    let timeline = server.get(&format!("/handoffs/{id}/timeline")).await;
    let types: Vec<&str> = timeline["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| text(&it["type"]))
        .collect();
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
    let row = rows["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["from"] == "research")
        .unwrap();
    assert_eq!(
        (&row["counts"]["emitted"], &row["emit_to_ack_ms"]["n"]),
        (&json!(1), &json!(1))
    );
    let edge = server
        .get("/edges/launch%3Eresearch%3Ewriter/metrics?window=1h")
        .await;
    assert_eq!(edge["edge"]["counts"], row["counts"]);
    let figures = server
        .ask(Method::GET, "/metrics")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let expected = "handoff_completed_total{pipeline=\"launch\",from=\"research\",to=\"writer\"} 1";
    assert!(figures.lines().any(|it| it == expected), "{figures}");
}

#[tokio::test]
async fn a_contract_without_failure_modes_is_refused_with_the_path_and_kept_in_sight() {
    let server = Server::open().await;
    let mut wrong = contract("research", "writer");
    wrong.as_object_mut().unwrap().remove("failure_modes");
    let found = problem(
        server.post("/handoffs", &wrong).await,
        422,
        "contract-invalid",
    )
    .await;
    assert_eq!(found["errors"][0]["path"], "/failure_modes");
    let id = text(&found["rejection_id"]);
    let listed = eventually(|| async {
        let listed = server.get("/rejections").await;
        (!listed["items"].as_array().unwrap().is_empty()).then_some(listed)
    })
    .await;
    assert_eq!(listed["items"][0]["producer"], "research");
    assert_eq!(listed["groups"][0]["path"], "/failure_modes");
    let report: Value = server
        .post("/contracts/check", &wrong)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(report["violations"][0]["path"], "/failure_modes");
    let done = server
        .post(
            &format!("/rejections/{id}/dismiss"),
            &json!({"reason": "told them"}),
        )
        .await;
    assert_eq!(done.status(), StatusCode::NO_CONTENT);
    let again = server
        .post(&format!("/rejections/{id}/dismiss"), &json!({}))
        .await;
    problem(again, 404, "not-found").await;
}

#[tokio::test]
async fn of_two_operators_one_wins_and_the_other_hears_who() {
    let server = Server::open().await;
    let (id, tag) = server.dead_letter().await;
    let path = format!("/handoffs/{id}/requeue");
    problem(
        server.post(&path, &json!({})).await,
        428,
        "precondition-required",
    )
    .await;

    let racing = ["dana", "kim"].map(|user| {
        server
            .act(&path, user, &tag)
            .json(&json!({"reason": user}))
            .send()
    });
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
    let found = problem(
        server.act(&path, "kim", &tag).send().await.unwrap(),
        409,
        "illegal-transition",
    )
    .await;
    assert_eq!(found["state"], "pending");
    assert!(
        found["allowed"]
            .as_array()
            .unwrap()
            .contains(&json!("dead_lettered"))
    );
}

#[tokio::test]
async fn an_act_repeated_under_its_key_is_done_once() {
    let server = Server::open().await;
    let (id, tag) = server.dead_letter().await;
    let path = format!("/handoffs/{id}/requeue");
    let send = |reason: &str| {
        let request = server
            .act(&path, "dana", &tag)
            .header("idempotency-key", "k1");
        request.json(&json!({"reason": reason})).send()
    };
    let first = send("quota raised").await.unwrap();
    assert_eq!(first.status(), StatusCode::OK);
    let second = send("quota raised").await.unwrap();
    assert_eq!(second.status(), StatusCode::OK);
    let requeued = second.headers()["etag"].to_str().unwrap().to_owned();
    problem(
        send("another reason").await.unwrap(),
        422,
        "idempotency-key-reused",
    )
    .await;
    let dismiss = |reason: &str| {
        let request = server
            .act(&format!("/handoffs/{id}/dismiss"), "dana", &requeued)
            .header("idempotency-key", "k2");
        request.json(&json!({"reason": reason})).send()
    };
    assert_eq!(dismiss("obsolete").await.unwrap().status(), StatusCode::OK);
    problem(
        dismiss("duplicate").await.unwrap(),
        422,
        "idempotency-key-reused",
    )
    .await;
    let timeline = server.get(&format!("/handoffs/{id}/timeline")).await;
    let events = timeline["events"].as_array().unwrap();
    assert_eq!(
        events
            .iter()
            .filter(|it| it["type"] == "handoff.requeued.v1")
            .count(),
        1
    );
}

#[tokio::test]
async fn an_approval_is_bound_to_what_was_shown() {
    let policy = "[[edge]]\nto = \"writer\"\napproval = { role = \"editors\", question = \"May this go?\" }\n";
    let server = Server::start(Access::Open, policy).await;
    let emitted = server.emit(&contract("research", "writer")).await;
    assert_eq!(emitted["state"], "escalated");
    let row = eventually(|| async {
        server.get("/escalations?role=editors").await["items"]
            .get(0)
            .cloned()
    })
    .await;
    let id = text(&row["handoff_id"]);
    let tag = format!("\"v{}\"", row["version"]);
    let path = format!("/escalations/{id}/resolve");
    let moved = json!({"answer": "approve", "context_digest": "sha256:0"});
    let response = server
        .act(&path, "dana", &tag)
        .json(&moved)
        .send()
        .await
        .unwrap();
    problem(response, 412, "version-conflict").await;
    let answer = json!({"answer": "respond", "context_digest": row["context_digest"], "value": 1});
    let response = server
        .act(&path, "dana", &tag)
        .json(&answer)
        .send()
        .await
        .unwrap();
    let found = problem(response, 422, "resolution-not-allowed").await;
    assert!(
        found["allow"]
            .as_array()
            .unwrap()
            .contains(&json!("approve"))
    );

    let response = server
        .act(&format!("/escalations/{id}/claim"), "dana", &tag)
        .send()
        .await
        .unwrap();
    let tag = response.headers()["etag"].to_str().unwrap().to_owned();
    let answer =
        json!({"answer": "approve", "context_digest": row["context_digest"], "note": "fine"});
    let response = server
        .act(&path, "dana", &tag)
        .json(&answer)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let work = server.claim("writer").await;
    assert_eq!(work["resolution"]["note"], "fine");
}

#[tokio::test]
async fn a_paused_edge_gives_nothing_until_it_flows_again() {
    let server = Server::open().await;
    let edge = "/edges/launch%3Eresearch%3Ewriter";
    let paused: Value = server
        .post(&format!("{edge}/pause"), &json!({"reason": "incident"}))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(paused["paused"], true);
    server.emit(&contract("research", "writer")).await;
    let nothing = server
        .post("/handoffs/claim", &json!({"agent": "writer"}))
        .await;
    assert_eq!(nothing.status(), StatusCode::NO_CONTENT);
    let waiting = server.claim("writer");
    let (path, nothing) = (format!("{edge}/unpause"), json!({}));
    let flowing = server.post(&path, &nothing);
    let (work, answer) = tokio::join!(waiting, flowing);
    assert_eq!(
        (work["attempt"].clone(), answer.status()),
        (json!(1), StatusCode::OK)
    );
}

async fn eventually<T, F: Future<Output = Option<T>>>(look: impl Fn() -> F) -> T {
    let found = tokio::time::timeout(PATIENCE, async {
        loop {
            match look().await {
                Some(found) => return found,
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    });
    found.await.expect("it happens")
}

/// Reads server-sent events as `(id, event, data)` until `enough` says so.
async fn listen(
    response: Response,
    mut enough: impl FnMut(&[(String, String, Value)]) -> bool,
) -> Vec<(String, String, Value)> {
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut bytes = response.bytes_stream();
    let (mut rest, mut heard) = (String::new(), Vec::new());
    tokio::time::timeout(PATIENCE, async {
        while !enough(&heard) {
            let Some(chunk) = bytes.next().await else {
                break;
            };
            rest.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
            while let Some((block, after)) = rest.split_once("\n\n") {
                let field = |name: &str| {
                    let line = block.lines().find_map(|it| it.strip_prefix(name));
                    line.map(|it| it.trim_start_matches(": ").to_owned())
                };
                if let Some(event) = field("event") {
                    let data = serde_json::from_str(&field("data").unwrap()).unwrap();
                    heard.push((field("id").unwrap_or_default(), event, data));
                }
                rest = after.to_string();
            }
        }
    })
    .await
    .expect("enough is said in time");
    heard
}

#[tokio::test]
async fn a_stream_resumed_loses_nothing_and_repeats_nothing() {
    let server = Server::open().await;
    let emitting = async {
        for _ in 0..300 {
            server.emit(&contract("research", "writer")).await;
        }
    };
    let listening = async {
        let (mut ids, mut last) = (Vec::<u64>::new(), None::<String>);
        while ids.len() < 300 {
            let mut request = server
                .ask(Method::GET, "/api/v1/events?after=0")
                .header("accept", "text/event-stream");
            if let Some(id) = &last {
                request = request.header("last-event-id", id);
            }
            let wanted = (300 - ids.len()).min(37);
            let heard = listen(request.send().await.unwrap(), |it| it.len() >= wanted).await;
            // What the last chunk brought beyond `wanted` is dropped, as a client that dies would.
            ids.extend(
                heard
                    .iter()
                    .take(wanted)
                    .map(|(id, ..)| id.parse::<u64>().unwrap()),
            );
            last = ids.last().map(u64::to_string);
        }
        ids
    };
    let ((), ids) = tokio::join!(emitting, listening);
    assert_eq!(ids, (1..=300).collect::<Vec<u64>>());
}

#[tokio::test]
async fn a_stream_can_be_filtered_and_gives_signs_of_life() {
    let server = Server::open().await;
    let path =
        "/api/v1/events?after=0&edge=launch%3Ewriter%3Ereviewer&types=handoff.emitted&beat_s=1";
    let request = server
        .ask(Method::GET, path)
        .header("accept", "text/event-stream");
    let response = request.send().await.unwrap();
    server.emit(&contract("research", "writer")).await;
    server.emit(&contract("writer", "reviewer")).await;
    server.claim("reviewer").await;
    let alive = |it: &[(String, String, Value)]| it.last().is_some_and(|it| it.1 == "stream.alive");
    let heard = listen(response, alive).await;
    let types: Vec<&str> = heard
        .iter()
        .map(|it| it.1.as_str())
        .filter(|it| *it != "stream.alive")
        .collect();
    assert_eq!(types, ["handoff.emitted.v1"]);
    assert_eq!(heard[0].2["data"]["edge"]["from"], "writer");
    let page = server.get("/events?types=handoff.leased&limit=10").await;
    assert_eq!(
        (
            page["events"].as_array().unwrap().len(),
            text(&page["next"])
        ),
        (1, "3")
    );
}

#[tokio::test]
async fn a_cursor_of_another_store_is_told_as_a_gap() {
    let server = Server::open().await;
    server.emit(&contract("research", "writer")).await;
    let request = server
        .ask(Method::GET, "/api/v1/events?after=900")
        .header("accept", "text/event-stream");
    let heard = listen(request.send().await.unwrap(), |it| !it.is_empty()).await;
    assert_eq!(
        (heard[0].1.as_str(), &heard[0].2["oldest"]),
        ("stream.gap", &json!("1"))
    );
    let snapshot = server.get("/snapshot").await;
    assert_eq!(snapshot["runs"].as_array().unwrap().len(), 1);
    assert_eq!(snapshot["cursor"], 1);
}

#[tokio::test]
async fn a_listener_that_does_not_read_is_sent_away() {
    let server = Server::open().await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut listener = socket.connect(server.address).await.unwrap();
    let head = "GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\nconnection: close\r\n\r\n";
    listener.write_all(head.as_bytes()).await.unwrap();
    let mut first = [0; 15];
    listener.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    let mut fat = contract("research", "writer");
    let codes = |sort: &str| {
        (0..64)
            .map(|nth| format!("{sort}{nth:0>50}"))
            .collect::<Vec<_>>()
    };
    fat["failure_modes"]["retryable"] = json!(codes("r"));
    fat["failure_modes"]["escalate"] = json!(codes("e"));
    let by = seamwatch::domain::id::Actor::agent("research");
    // Far more than the shared buffer and the buffers of both sockets together.
    for _ in 0..1_800 {
        server.engine.emit(&by, fat.clone(), None).await.unwrap();
    }
    let mut told = String::new();
    let reading = listener.read_to_string(&mut told);
    tokio::time::timeout(PATIENCE, reading)
        .await
        .expect("it is sent away")
        .unwrap();
    let lines: Vec<&str> = told.lines().filter(|it| !it.is_empty()).collect();
    let types: Vec<&str> = lines
        .iter()
        .filter_map(|it| it.strip_prefix("event: "))
        .collect();
    assert_eq!(types.last(), Some(&"stream.overflow"));
    let ids: Vec<u64> = lines
        .iter()
        .filter_map(|it| it.strip_prefix("id: ")?.parse().ok())
        .collect();
    let whole: Vec<u64> = (1..=ids.len() as u64).collect();
    assert_eq!(ids, whole, "nothing is missing until it was sent away");
}

#[tokio::test]
async fn junk_is_answered_with_problems() {
    let server = Server::open().await;
    let send = |body: &'static str, kind: &'static str| {
        server
            .ask(Method::POST, "/api/v1/handoffs")
            .header("content-type", kind)
            .body(body)
            .send()
    };
    problem(
        send("{", "application/json").await.unwrap(),
        400,
        "bad-request",
    )
    .await;
    problem(
        send("{\"a\":1,\"a\":2}", "application/json").await.unwrap(),
        400,
        "bad-request",
    )
    .await;
    problem(
        send("{}", "text/plain").await.unwrap(),
        415,
        "unsupported-media-type",
    )
    .await;
    problem(
        server
            .post("/handoffs/claim", &json!({"agent": "x", "wiat_s": 3}))
            .await,
        400,
        "bad-request",
    )
    .await;
    problem(
        server
            .post("/handoffs/claim", &json!({"agent": "x", "max": 11}))
            .await,
        400,
        "bad-request",
    )
    .await;
    for path in [
        "/handoffs?limit=201",
        "/handoffs?limit=x",
        "/handoffs?state=lost",
        "/edges?window=9m",
        "/events?after=x",
        "/runs?nope=1",
    ] {
        let response = server
            .ask(Method::GET, &format!("/api/v1{path}"))
            .send()
            .await
            .unwrap();
        problem(response, 400, "bad-request").await;
    }
    let nowhere = server.ask(Method::GET, "/api/v2").send().await.unwrap();
    problem(nowhere, 404, "not-found").await;
    let missing = server
        .ask(Method::GET, "/api/v1/handoffs/none")
        .send()
        .await
        .unwrap();
    problem(missing, 404, "not-found").await;
    let wrong = server
        .ask(Method::DELETE, "/api/v1/handoffs")
        .send()
        .await
        .unwrap();
    assert!(wrong.headers().contains_key("allow"));
    problem(wrong, 405, "method-not-allowed").await;
    let huge = server
        .ask(Method::POST, "/api/v1/handoffs")
        .header("content-type", "application/json");
    let huge = huge
        .body(vec![b' '; 10 * 1024 * 1024])
        .send()
        .await
        .unwrap();
    problem(huge, 413, "too-large").await;
}

#[tokio::test]
async fn blobs_are_kept_under_their_own_digest_only() {
    let server = Server::open().await;
    let put = |digest: String, bytes: Vec<u8>| {
        server
            .ask(Method::PUT, &format!("/api/v1/blobs/{digest}"))
            .body(bytes)
            .send()
    };
    let bytes = vec![7; 3 * 1024 * 1024];
    let digest = seamwatch::domain::contract::digest_of_bytes(&bytes);
    assert_eq!(
        put(digest.clone(), bytes.clone()).await.unwrap().status(),
        StatusCode::CREATED
    );
    let found = server
        .ask(Method::GET, &format!("/api/v1/blobs/{digest}"))
        .send()
        .await
        .unwrap();
    assert_eq!(found.headers()["content-disposition"], "attachment");
    assert_eq!(found.bytes().await.unwrap(), bytes);
    problem(put(digest, vec![8]).await.unwrap(), 422, "digest-mismatch").await;
    problem(
        put("x".repeat(64), vec![]).await.unwrap(),
        400,
        "bad-request",
    )
    .await;
}

#[tokio::test]
async fn pages_of_runs_go_on_although_the_last_one_seen_is_closed() {
    let server = Server::open().await;
    for _ in 0..3 {
        server.emit(&contract("research", "writer")).await;
    }
    let all = server.get("/runs").await;
    let ids: Vec<&str> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| text(&it["trace_id"]))
        .collect();
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
    let gone = eventually(|| async {
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
async fn tokens_allow_what_they_say_and_nothing_else() {
    let grants: [(&str, &[Scope], &[&str]); 3] = [
        ("viewer", &[Scope::Viewer], &[]),
        ("dana", &[Scope::Operator], &[]),
        ("ci", &[Scope::Agent], &["research"]),
    ];
    let tokens = grants.map(|(name, scopes, agents)| {
        let agents: Vec<String> = agents.iter().map(|it| (*it).to_owned()).collect();
        auth::new_token(name, scopes, &agents)
    });
    let file: String = tokens.iter().map(|(_, lines)| lines.as_str()).collect();
    let server = Server::start(Access::read(&file).unwrap(), "").await;
    let [viewer, dana, ci] = tokens.map(|(secret, _)| secret);
    let send = |method: Method, path: &str, token: &str, body: Value| {
        server
            .ask(method, &format!("/api/v1{path}"))
            .bearer_auth(token)
            .json(&body)
            .send()
    };
    let bare = server
        .ask(Method::GET, "/api/v1/edges")
        .send()
        .await
        .unwrap();
    assert_eq!(bare.headers()["www-authenticate"], "Bearer");
    problem(bare, 401, "unauthorized").await;
    problem(
        send(Method::GET, "/edges", "hft_guess", json!({}))
            .await
            .unwrap(),
        401,
        "unauthorized",
    )
    .await;
    problem(
        send(Method::GET, "/edges", &ci, json!({})).await.unwrap(),
        403,
        "scope",
    )
    .await;
    problem(
        send(
            Method::POST,
            "/handoffs",
            &dana,
            contract("research", "writer"),
        )
        .await
        .unwrap(),
        403,
        "scope",
    )
    .await;
    let foreign = send(Method::POST, "/handoffs", &ci, contract("editor", "writer"))
        .await
        .unwrap();
    problem(foreign, 422, "source-mismatch").await;
    let mut unsigned = contract("research", "writer");
    unsigned.as_object_mut().unwrap().remove("source");
    let emitted = send(Method::POST, "/handoffs", &ci, unsigned)
        .await
        .unwrap();
    assert_eq!(
        emitted.status(),
        StatusCode::CREATED,
        "the source is that of the token"
    );
    let id = text(&emitted.json::<Value>().await.unwrap()["handoff_id"]).to_owned();
    let work = send(
        Method::POST,
        "/handoffs/claim",
        &ci,
        json!({"agent": "writer"}),
    )
    .await
    .unwrap();
    problem(work, 403, "scope").await;
    let stored = send(
        Method::GET,
        &format!("/handoffs/{id}/payload"),
        &ci,
        json!({}),
    )
    .await
    .unwrap();
    assert_eq!(
        stored.json::<Value>().await.unwrap()["contract"]["source"]["id"],
        "research"
    );
    let path = format!("/handoffs/{id}/dismiss");
    let body = json!({"reason": "obsolete", "note": "x"});
    problem(
        send(Method::POST, &path, &viewer, body.clone())
            .await
            .unwrap(),
        403,
        "scope",
    )
    .await;
    let done = server
        .act(&path, "somebody else", "\"v1\"")
        .bearer_auth(&dana)
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(done.status(), StatusCode::OK);
    let seen = send(Method::GET, &format!("/handoffs/{id}"), &viewer, json!({}))
        .await
        .unwrap();
    assert_eq!(
        seen.json::<Value>().await.unwrap()["last_change"]["actor"],
        "user:dana"
    );
    let me: Value = send(Method::GET, "/me", &viewer, json!({}))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        (&me["subject"], &me["acts"]),
        (&json!("viewer"), &json!([]))
    );
    let health = server.ask(Method::GET, "/healthz").send().await.unwrap();
    assert_eq!(health.status(), StatusCode::OK, "needs no token");
}

#[tokio::test]
async fn what_an_approver_may_not_read_outlives_the_edit() {
    let grants: [(&str, &[Scope], &[&str]); 4] = [
        ("dana", &[Scope::Approver], &[]),
        ("research", &[Scope::Agent], &["research"]),
        ("writer", &[Scope::Agent], &["writer"]),
        ("guest", &[Scope::Viewer, Scope::Agent], &["guest"]),
    ];
    let tokens = grants.map(|(name, scopes, agents)| {
        let agents: Vec<String> = agents.iter().map(|it| (*it).to_owned()).collect();
        auth::new_token(name, scopes, &agents)
    });
    let file: String = tokens.iter().map(|(_, lines)| lines.as_str()).collect();
    let policy = "[[edge]]\nto = \"writer\"\napproval = { role = \"editors\" }\n";
    let server = Server::start(Access::read(&file).unwrap(), policy).await;
    let [dana, research, writer, guest] = tokens.map(|(secret, _)| secret);
    let mut secret = contract("research", "writer");
    secret["classification"] = json!({"level": "internal", "regulations": [], "fields": {"/brief/goal": "restricted"}, "redactions": []});
    let send = |method: Method, path: String, token: &str| {
        server
            .ask(method, &format!("/api/v1{path}"))
            .bearer_auth(token)
    };
    let emitted = send(Method::POST, "/handoffs".to_owned(), &research)
        .json(&secret)
        .send()
        .await
        .unwrap();
    let emitted: Value = emitted.json().await.unwrap();
    let id = text(&emitted["handoff_id"]);
    let mut shown = Vec::new();
    for token in [&dana, &guest, &writer] {
        let payload = send(Method::GET, format!("/handoffs/{id}/payload"), token);
        shown.push(payload.send().await.unwrap().json::<Value>().await.unwrap());
    }
    let goals: Vec<&str> = shown
        .iter()
        .map(|it| text(&it["contract"]["brief"]["goal"]))
        .collect();
    assert_eq!(goals, ["[masked]", "[masked]", "Publish one article"]);
    let mut edited = shown[0]["contract"].clone();
    edited["brief"]["next_step"] = json!("Write 800 words");
    let resolved = send(Method::POST, format!("/escalations/{id}/resolve"), &dana)
        .header("if-match", format!("\"v{}\"", emitted["version"]))
        .json(&json!({"answer": "edit_approve", "context_digest": shown[0]["digest"], "edited": edited}))
        .send()
        .await
        .unwrap();
    let status = resolved.status();
    assert_eq!(status, StatusCode::OK, "{}", resolved.text().await.unwrap());
    let work = send(Method::POST, "/handoffs/claim".to_owned(), &writer)
        .json(&json!({"agent": "writer"}))
        .send()
        .await
        .unwrap();
    let work: Value = work.json().await.unwrap();
    let brief = &work["contract"]["brief"];
    assert_eq!(
        (text(&brief["goal"]), text(&brief["next_step"])),
        ("Publish one article", "Write 800 words")
    );
}

#[tokio::test]
async fn without_tokens_a_page_of_another_site_is_not_served() {
    let server = Server::open().await;
    let rebound = server
        .ask(Method::GET, "/api/v1/snapshot")
        .header("host", "rebound.example")
        .send()
        .await
        .unwrap();
    problem(rebound, 403, "scope").await;
    let foreign = server
        .ask(Method::GET, "/api/v1/snapshot")
        .header("origin", "https://evil.example")
        .send()
        .await
        .unwrap();
    problem(foreign, 403, "scope").await;
}

#[tokio::test]
async fn the_document_has_every_path_and_every_path_is_there() {
    let server = Server::start(Access::Tokens(Vec::new()), "").await;
    let document: Value = server
        .ask(Method::GET, "/openapi.json")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let mut operations = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations += 1;
            assert!(
                operation["summary"].is_string(),
                "{method} {path} says what it does"
            );
            assert!(
                operation["responses"]["default"].is_object(),
                "{method} {path} may fail"
            );
            let method: Method = method.to_uppercase().parse().unwrap();
            let asked = path.replace(['{', '}'], "");
            let response = server.ask(method.clone(), &asked).send().await.unwrap();
            let expected = if operation.get("security").is_some() {
                401
            } else {
                200
            };
            assert_eq!(response.status().as_u16(), expected, "{method} {path}");
        }
    }
    let sources =
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/orchestrator/api")).unwrap();
    let written: usize = sources
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .map(|text| text.matches("#[utoipa::path(").count())
        .sum();
    assert_eq!(operations, written, "every handler is a path");
    let refs = document.to_string();
    for name in refs
        .split("#/components/schemas/")
        .skip(1)
        .filter_map(|it| it.split('"').next())
    {
        assert!(
            document["components"]["schemas"][name].is_object(),
            "{name} is described"
        );
    }
}

#[tokio::test]
async fn a_stopping_server_ends_what_waits_and_takes_nothing_new() {
    let mut server = Server::open().await;
    let request = server
        .ask(Method::GET, "/api/v1/events")
        .header("accept", "text/event-stream");
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
    tokio::time::timeout(PATIENCE, running)
        .await
        .expect("it ends")
        .unwrap()
        .unwrap();
    let mut answer = String::new();
    claim.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    assert!(
        listen(stream, |_| false).await.is_empty(),
        "the stream ended"
    );
    assert!(
        server
            .ask(Method::GET, "/healthz")
            .send()
            .await
            .unwrap_err()
            .is_connect()
    );
}
