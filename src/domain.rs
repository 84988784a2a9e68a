//! What a handoff is, what may happen to it, and what that means: pure functions and plain data.
//!
//! Nothing here reads a clock, a file or a socket. Read in this order: [`contract`] (what is handed over),
//! [`event`] (what can happen), [`machine`] (what may happen next), [`ledger`] (what a watcher knows),
//! [`health`] (the three signals per edge).
//!
//! Where events and commands are told apart, every match names all of them: a new one does not compile until each
//! of these places knows it.

#[deny(clippy::wildcard_enum_match_arm)]
pub mod accounting;
pub mod brief;
pub(crate) mod canonical;
#[deny(clippy::wildcard_enum_match_arm)]
pub mod command;
pub mod contract;
#[deny(clippy::wildcard_enum_match_arm)]
pub mod event;
pub mod fingerprint;
pub mod health;
pub mod id;
pub mod key;
#[deny(clippy::wildcard_enum_match_arm)]
pub mod ledger;
pub mod loops;
#[deny(clippy::wildcard_enum_match_arm)]
pub mod machine;
pub mod pointer;
pub mod policy;
pub mod port;
pub mod query;
pub mod report;
#[deny(clippy::wildcard_enum_match_arm)]
pub mod run;
pub mod severity;
pub mod text;
pub mod time;
mod wire;
