//! Simulated agents: clients of the real HTTP API.
