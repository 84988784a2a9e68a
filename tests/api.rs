//! The HTTP API end to end: a real server on a port of its own, spoken to over TCP.

#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot go on has failed

#[path = "api/access.rs"]
mod access;
#[path = "api/agents.rs"]
mod agents;
#[path = "api/approvals.rs"]
mod approvals;
#[path = "api/asked.rs"]
mod asked;
#[path = "api/contracts.rs"]
mod contracts;
#[path = "api/damage.rs"]
mod damage;
#[path = "api/events.rs"]
mod events;
#[path = "api/limits.rs"]
mod limits;
#[path = "api/metrics.rs"]
mod metrics;
#[path = "api/once.rs"]
mod once;
#[path = "api/operators.rs"]
mod operators;
#[path = "api/requests.rs"]
mod requests;
#[path = "api/server.rs"]
mod server;
#[path = "support/wait.rs"]
mod wait;
