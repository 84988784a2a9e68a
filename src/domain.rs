//! The domain: the contract of a handoff, its state machine and its figures, as pure functions and plain data.
//!
//! Nothing here reads a clock, a file or a socket. Read in this order: [`contract`] (what is handed over),
//! [`event`] (what can happen), [`machine`] (what may happen next), [`ledger`] (what a watcher knows),
//! [`health`] (the three signals per edge).
//!
//! Matches over events and commands name every variant: a new one does not compile until each of these places
//! knows it.

#[deny(clippy::wildcard_enum_match_arm)]
pub mod accounting;
pub mod bearer;
pub mod brief;
pub(crate) mod canonical;
#[deny(clippy::wildcard_enum_match_arm)]
pub mod command;
pub mod contract;
pub mod environment;
#[deny(clippy::wildcard_enum_match_arm)]
pub mod event;
pub mod fingerprint;
pub mod flow;
pub mod health;
pub mod id;
pub mod json;
pub mod key;
#[deny(clippy::wildcard_enum_match_arm)]
pub mod ledger;
pub mod loops;
#[deny(clippy::wildcard_enum_match_arm)]
pub mod machine;
pub mod mark;
pub mod offence;
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
