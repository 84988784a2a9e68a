//! The HTTP API as an agent uses it (protocol section 7). Nothing else of the orchestrator is known here.

use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::agent::{End, Job};
use super::weather::Open;
use crate::source::http;

/// Longest wait of a claim for work, in seconds.
const WAIT_S: u64 = 20;
/// Length of a lease, in seconds; a heartbeat comes every third of it.
pub(super) const LEASE_S: u64 = 60;

/// A connection of one orchestrator's agents.
#[derive(Clone, Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
}

/// Work under a lease.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// Id of the handoff.
    pub(super) handoff: String,
    /// Id of the lease, which every call under it names.
    pub(super) lease: String,
    /// The work as the claim delivered it.
    pub(super) job: Job,
}

impl Client {
    /// For the orchestrator at `url`, such as `http://127.0.0.1:7600`.
    pub(super) fn new(url: &str, token: Option<&str>) -> anyhow::Result<Self> {
        let mut headers = reqwest::header::HeaderMap::new();
        if let Some(token) = token {
            headers.insert(reqwest::header::AUTHORIZATION, format!("Bearer {token}").parse()?);
        }
        let client = http::client(url).default_headers(headers).timeout(Duration::from_secs(WAIT_S + 15));
        let http = http::build(client).map_err(anyhow::Error::msg)?;
        Ok(Self { http, base: format!("{}/api/v1", url.trim_end_matches('/')) })
    }

    async fn post(&self, path: &str, body: &Value) -> reqwest::Result<Response> {
        self.http.post(format!("{}/{path}", self.base)).json(body).send().await
    }

    /// Registers a payload schema; one that is there already is as good.
    pub(super) async fn register(&self, name: &str, schema: &'static str) -> reqwest::Result<()> {
        let url = format!("{}/contracts/{name}/1.0.0", self.base);
        let request = self.http.put(url).header("content-type", "application/json").body(schema);
        request.send().await.map(drop)
    }

    /// Starts a run. A refusal is for people to look at, not for the agent.
    pub(super) async fn emit(&self, contract: &Value) -> reqwest::Result<StatusCode> {
        Ok(self.post("handoffs", contract).await?.status())
    }

    /// Waits for work, at most `max` handoffs of it.
    pub(super) async fn claim(&self, agent: &str, max: usize) -> reqwest::Result<Vec<Held>> {
        let wish = json!({"agent": agent, "max": max.min(10), "wait_s": WAIT_S, "lease_s": LEASE_S});
        let response = self.post("handoffs/claim", &wish).await?.error_for_status()?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(Vec::new());
        }
        let answer: Value = response.json().await?;
        let claimed = answer["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(claimed.iter().filter_map(held).collect())
    }

    async fn under_lease(&self, held: &Held, call: &str, more: Value) -> reqwest::Result<()> {
        let mut body = more;
        body["lease_id"] = held.lease.clone().into();
        let response = self.post(&format!("handoffs/{}/{call}", held.handoff), &body).await?;
        response.error_for_status().map(drop)
    }

    /// Takes over the work.
    pub(super) async fn acknowledge(&self, held: &Held) -> reqwest::Result<()> {
        self.under_lease(held, "ack", json!({})).await
    }

    /// Sends the heartbeat that keeps the lease.
    pub(super) async fn heartbeat(&self, held: &Held) -> reqwest::Result<()> {
        self.under_lease(held, "heartbeat", json!({})).await
    }

    /// Ends the work.
    pub(super) async fn end(&self, held: &Held, end: End) -> reqwest::Result<()> {
        match end {
            End::Complete(next) => self.under_lease(held, "complete", json!({"next": next})).await,
            End::Return(feedback) => self.under_lease(held, "return", json!({"feedback": feedback})).await,
            End::Fail(code, detail) => self.under_lease(held, "fail", json!({"code": code, "detail": detail})).await,
            End::Reject(path, message) => {
                let error = json!({"path": path, "keyword": "required", "message": message});
                self.under_lease(held, "reject", json!({"errors": [error]})).await
            }
        }
    }

    /// Counts of what is open, as far as a page of each list tells.
    pub(super) async fn open(&self) -> reqwest::Result<Open> {
        Ok(Open {
            dead: self.count(&[("state", "dead_lettered")]).await?,
            waiting: self.count(&[("state", "escalated")]).await?,
            to_review: self.count(&[("state", "pending"), ("edge", "writer>reviewer")]).await?,
        })
    }

    async fn count(&self, filter: &[(&str, &str)]) -> reqwest::Result<usize> {
        let request = self.http.get(format!("{}/handoffs", self.base)).query(filter);
        let answer: Value = request.send().await?.error_for_status()?.json().await?;
        Ok(answer["items"].as_array().map_or(0, Vec::len))
    }
}

fn held(claimed: &Value) -> Option<Held> {
    Some(Held {
        handoff: claimed["handoff_id"].as_str()?.to_owned(),
        lease: claimed["lease_id"].as_str()?.to_owned(),
        job: Job {
            contract: claimed["contract"].clone(),
            attempt: claimed["attempt"].as_u64().unwrap_or(1),
            epoch: claimed["epoch"].as_u64().unwrap_or_default(),
            resolution: Some(claimed["resolution"].clone()).filter(|it| !it.is_null()),
        },
    })
}
