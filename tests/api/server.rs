//! A server on a port of its own, and the words that every test speaks to it with.

use std::net::SocketAddr;
use std::sync::{Arc, Once};

use reqwest::{Client, Method, Response, StatusCode};
use seamwatch::testing::orchestrator::api::{self, Access, Limits};
use seamwatch::testing::orchestrator::engine::{Engine, Settings};
use seamwatch::testing::orchestrator::policy_file;
use seamwatch::testing::orchestrator::sweeper;
use seamwatch::testing::store::Sqlite;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::asked::Asked;
use super::wait::DEADLINE;

pub struct Server {
    pub address: SocketAddr,
    pub engine: Engine,
    pub stop: CancellationToken,
    pub running: JoinHandle<std::io::Result<()>>,
    pub client: Client,
}

impl Server {
    pub async fn start(access: Access, policies: &str) -> Self {
        let settings = Settings { policies: policy_file::read(policies).unwrap(), ..Settings::default() };
        Self::of(Self::engine(settings).await, access).await
    }

    pub async fn engine(settings: Settings) -> Engine {
        Engine::open(Arc::new(Sqlite::temporary().unwrap()), settings).await.unwrap()
    }

    /// An open one with a store of its own that takes no more than this at once.
    pub async fn limited(limits: Limits) -> Self {
        Self::within(limits, Self::engine(Settings::default()).await, Access::Open).await
    }

    /// A figure of the server itself.
    pub async fn figure(&self, name: &str) -> u64 {
        let text = self.ask(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
        let line = text.lines().find(|it| it.split(' ').next() == Some(name));
        line.and_then(|it| it.split(' ').next_back()).unwrap_or_else(|| panic!("{name}: {text}")).parse().unwrap()
    }

    /// A server on what another one left.
    pub async fn of(engine: Engine, access: Access) -> Self {
        Self::within(Limits::default(), engine, access).await
    }

    /// One that takes no more than this at once.
    pub async fn within(limits: Limits, engine: Engine, access: Access) -> Self {
        static TLS: Once = Once::new();
        TLS.call_once(|| {
            rustls::crypto::ring::default_provider().install_default().unwrap();
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        sweeper::start(engine.clone(), stop.clone());
        let running = tokio::spawn(api::serve_within(limits, engine.clone(), listener, access, stop.clone(), || ()));
        let client = Client::builder().no_proxy().timeout(DEADLINE).build().unwrap();
        Self { address, engine, stop, running, client }
    }

    pub async fn open() -> Self {
        Self::start(Access::Open, "").await
    }

    pub fn ask(&self, method: Method, path: &str) -> Asked {
        Asked(self.client.request(method, format!("http://{}{path}", self.address)))
    }

    pub async fn get(&self, path: &str) -> Value {
        let response = self.ask(Method::GET, &format!("/api/v1{path}")).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    pub async fn post(&self, path: &str, body: &Value) -> Response {
        self.ask(Method::POST, &format!("/api/v1{path}")).json(body).send().await.unwrap()
    }

    pub async fn emit(&self, contract: &Value) -> Value {
        let response = self.post("/handoffs", contract).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        response.json().await.unwrap()
    }

    pub async fn claim(&self, agent: &str) -> Value {
        let response = self.post("/handoffs/claim", &json!({"agent": agent, "wait_s": 10})).await;
        assert_eq!(response.status(), StatusCode::OK, "work for {agent}");
        response.json().await.unwrap()
    }

    pub async fn settle(&self, work: &Value, call: &str, mut body: Value) -> Response {
        body["lease_id"] = work["lease_id"].clone();
        self.post(&format!("/handoffs/{}/{call}", text(&work["handoff_id"])), &body).await
    }

    /// A dead letter and its ETag.
    pub async fn dead_letter(&self) -> (String, String) {
        let mut contract = contract("research", "writer");
        contract["failure_modes"]["default"] = "dead_letter".into();
        self.emit(&contract).await;
        let work = self.claim("writer").await;
        let response = self.settle(&work, "fail", json!({"code": "broken", "detail": "no more"})).await;
        let tag = response.headers()["etag"].to_str().unwrap().to_owned();
        let receipt: Value = response.json().await.unwrap();
        assert_eq!(receipt["state"], "dead_lettered");
        (text(&work["handoff_id"]).to_owned(), tag)
    }

    pub fn act(&self, path: &str, user: &str, tag: &str) -> Asked {
        self.ask(Method::POST, &format!("/api/v1{path}")).header("if-match", tag).header("seam-user", user)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

pub async fn problem(response: Response, status: u16, kind: &str) -> Value {
    let found = response.status();
    let content = response.headers()["content-type"].to_str().unwrap().to_owned();
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let body: Value = response.json().await.unwrap();
    assert_eq!((found.as_u16(), content.as_str()), (status, "application/problem+json"), "{body}");
    assert_eq!(body["type"], format!("urn:seamwatch:problem:{kind}"), "{body}");
    assert_eq!((&body["status"], &body["request_id"]), (&json!(status), &json!(id)));
    assert!(body["title"].is_string() && body["detail"].is_string() && body["instance"].is_string());
    body
}

/// The least a producer has to say.
pub fn contract(from: &str, to: &str) -> Value {
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
