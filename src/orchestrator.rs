//! The embedded orchestrator: boundary checks, the engine, the sweeper and the HTTP API.

pub mod api;
pub mod boundary;
pub mod engine;
pub mod policy_file;
pub mod sweeper;
