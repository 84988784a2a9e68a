//! Work that comes in and goes out: emit and claim (rows 1 to 4 of protocol section 3).

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Api;
use super::auth::Caller;
use super::events::busy;
use super::extract::{Body, Parsed, etag};
use super::once::{Key, REPLAYED};
use super::problem::{Answer, Problem};
use super::wire::{Receipt, check_name};
use crate::domain::contract::{Party, PartyKind, Violation};
use crate::domain::event::Resolution;
use crate::domain::id::Actor;
use crate::domain::time::{SECOND, Time};
use crate::orchestrator::engine::{Claim, Claimed};

/// Longest wait for work, in seconds.
const LONGEST_WAIT: u64 = 20;

/// Emit a handoff
///
/// The body is a handoff contract. What can be derived may be left out: `schema_version`, `trace_id`, `step`,
/// `branch`, `idempotency_key`, `source`, `relation`, `side_effects`.
#[utoipa::path(post, path = "/handoffs", tag = "handoffs",
    request_body(content = ref("#/components/schemas/Contract"), description = "a contract: GET /api/v1/contracts/contract/1.0.0 is its schema"),
    responses(
        (status = 201, description = "emitted", body = Receipt, headers(("location" = String), ("etag" = String))),
        (status = 200, description = "emitted before: Idempotency-Replayed is true", body = Receipt, headers(("location" = String)))))]
pub async fn emit(State(api): State<Api>, caller: Caller, Key(once): Key, Parsed(contract): Parsed) -> Answer {
    let contract = contract.map_err(|why| unreadable(&why))?;
    let by = producer(&caller, &contract.value)?;
    let emitted = api.by(&caller, by).once(once).emit_read(contract).await?;
    let receipt = Receipt::of(&emitted.run, &emitted.handoff);
    let location = format!("/api/v1/handoffs/{}", emitted.handoff.id);
    let tag = etag(emitted.handoff.version);
    let mut response = ([(header::LOCATION, location), (header::ETAG, tag)], Json(receipt)).into_response();
    if emitted.replayed {
        let headers = response.headers_mut();
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    } else {
        *response.status_mut() = StatusCode::CREATED;
    }
    Ok(response)
}

fn unreadable(why: &Violation) -> Problem {
    Problem::bad_request(why.to_string()).with("errors", json!([why]))
}

/// The producer: the agent of the token, or the party the contract names where the token, or none, is enough for it.
fn producer(caller: &Caller, contract: &Value) -> Answer<Actor> {
    let text = |path| contract.pointer(path).and_then(Value::as_str);
    let named = text("/source/id");
    let mismatch = |detail: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "source-mismatch", detail);
    let kind = match text("/source/kind") {
        Some("system") => PartyKind::System,
        Some("external") => PartyKind::External,
        _ => PartyKind::Agent,
    };
    match named.or_else(|| caller.only_agent()).or_else(|| text("/provenance/agent/name")) {
        Some(name) if !caller.is_party(&Party { kind, id: name.to_owned() }) => Err(mismatch(format!(
            "this token may not emit as {} {name:?}; it may as {}",
            text("/source/kind").unwrap_or("agent"),
            caller.agents().iter().map(String::as_str).collect::<Vec<_>>().join(", ")
        ))),
        Some(name) => Ok(match text("/source/kind") {
            Some("human" | "team") if caller.agents().is_empty() => Actor::user(name),
            _ => Actor::agent(name),
        }),
        None => {
            let what = "say who emits: {\"kind\": \"agent\", \"id\": \"...\"}";
            let why = Violation::new("/source", "required", what);
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "contract-invalid", why.to_string())
                .with("errors", json!([why])))
        }
    }
}

/// The queue to claim from, the most to take, and the time to wait for it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimBody {
    /// Name of the agent whose queue it is; may be left out when the token speaks for one agent
    agent: Option<String>,
    /// At most this many, 1 to 10; the answer is then `{items}`. Without it the answer is one claim
    max: Option<usize>,
    /// Seconds to wait for work, up to 20
    #[serde(default)]
    wait_s: u64,
    /// Seconds the lease lasts once acknowledged, 1 to 3600; 60 unless given
    lease_s: Option<u32>,
    /// Name of the process that works, for people who look for it
    holder: Option<String>,
}

/// Work under a lease.
#[derive(Serialize, ToSchema)]
pub struct Work {
    /// Id of the handoff
    handoff_id: String,
    /// Id of its run, which is its trace
    trace_id: String,
    /// Fencing token: send it with everything that follows
    lease_id: String,
    /// Acknowledge or heartbeat before this
    #[schema(value_type = Option<String>)]
    lease_until: Option<Time>,
    /// Number of this attempt in the budget epoch, from 1
    attempt: u32,
    /// Attempts allowed before it becomes a dead letter
    max_attempts: u32,
    /// Budget epoch: one more with every requeue or approval
    epoch: u32,
    /// Revisions on this pair of agents above which it is a loop; `relation.cycle` of the contract is how many there were
    max_cycles: u32,
    /// The contract, without its source unless the edge exposes it
    #[schema(value_type = Object)]
    contract: Value,
    /// The latest decision of a person, made since the last attempt
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    resolution: Option<Resolution>,
}

impl Work {
    fn of(it: Claimed) -> Self {
        let trace_id = it.contract.get("trace_id").and_then(Value::as_str).unwrap_or_default();
        Self {
            handoff_id: it.handoff.id.to_string(),
            trace_id: trace_id.to_owned(),
            lease_id: it.lease_id,
            lease_until: it.handoff.lease.as_ref().and_then(|it| it.until),
            attempt: it.attempt,
            max_attempts: it.handoff.emission.terms.as_ref().map_or(0, |it| it.max_attempts),
            epoch: it.handoff.epoch,
            max_cycles: it.handoff.emission.terms.as_ref().map_or(0, |it| it.max_cycles),
            contract: it.contract,
            resolution: it.resolution,
        }
    }
}

/// Claim work
///
/// Waits up to `wait_s` for it. Acknowledge at once: until then the lease is short.
#[utoipa::path(post, path = "/handoffs/claim", tag = "handoffs", request_body = ClaimBody,
    responses((status = 200, description = "work; `{items}` when `max` is given", body = ref("#/components/schemas/Claimed")),
        (status = 204, description = "nothing to do")))]
pub async fn claim(State(api): State<Api>, caller: Caller, Key(once): Key, Body(asked): Body<ClaimBody>) -> Answer {
    let agent = asked.agent.or_else(|| caller.only_agent().map(str::to_owned));
    let agent = agent.ok_or_else(|| Problem::bad_request("say whose work: {\"agent\": \"...\"}"))?;
    if !caller.is_agent(&agent) {
        return Err(Problem::scope(format!("this token may not claim for {agent:?}; {}", caller.claims_for())));
    }
    check_name("agent", &agent)?;
    if asked.max.is_some_and(|it| !(1..=10).contains(&it)) {
        return Err(Problem::bad_request("max must be 1 to 10"));
    }
    if asked.wait_s > LONGEST_WAIT || asked.lease_s.is_some_and(|it| !(1..=3_600).contains(&it)) {
        return Err(Problem::bad_request("wait_s must be 0 to 20 and lease_s 1 to 3600"));
    }
    let (waits, share) = (&api.traffic.waits, caller.is_authenticated());
    let held = if asked.wait_s > 0 { waits.enter(&caller.subject, share) } else { None };
    // Who may not wait is given what is there.
    let refused = asked.wait_s > 0 && held.is_none();
    let claim = Claim {
        holder: asked.holder.unwrap_or_else(|| agent.clone()),
        max: asked.max.unwrap_or(1),
        wait: if refused { Duration::ZERO } else { Duration::from_secs(asked.wait_s) },
        lease_ms: asked.lease_s.map(|it| i64::from(it) * SECOND),
    };
    // A server that stops lets those who wait go; the claim itself is one commit and is not cut in two.
    let agent = api.by(&caller, Actor::agent(&agent)).once(once);
    let claimed = api.stop.run_until_cancelled(agent.claim(claim)).await.unwrap_or(Ok(Vec::new()))?;
    drop(held);
    let mut work: Vec<Work> = claimed.into_iter().map(Work::of).collect();
    if work.is_empty() && refused {
        return Err(busy("requests that wait", waits.limit()));
    }
    Ok(match (asked.max, work.is_empty()) {
        (_, true) => StatusCode::NO_CONTENT.into_response(),
        (Some(_), _) => Json(json!({ "items": work })).into_response(),
        (None, _) => Json(work.remove(0)).into_response(),
    })
}
