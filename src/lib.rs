//! Seamwatch: the operations console for AI-agent handoffs.
//!
//! This page is the map of the house. Data flows one way: the outside speaks to a [`source`], a source
//! yields [`domain::event`]s, the pure [`domain`] folds them, the [`console`] draws the fold. A key becomes
//! a request, the request goes out through the same source, and comes back as an event.
//!
//! ```text
//!  agents ──HTTP──► orchestrator ──► store (SQLite)                         recordings
//!                       │  decide / evolve (domain)  ▲                          │
//!                       ▼                            │ requests                 ▼
//!                    source ◄────────────────────────┴─────────────────────► source
//!                       │ Batch { events }
//!                       ▼
//!          console: app (Msg -> Effects, pure) ──► ui (draw) ──► shell (terminal, effects, clock)
//! ```
//!
//! The walls, enforced by `tests/shape.rs`:
//!
//! | part | may use |
//! |---|---|
//! | [`domain`] | nothing of ours; no I/O, no clock, no randomness, no async |
//! | [`store`] | `domain` |
//! | [`orchestrator`] | `domain`, `store`, `toml_lines`, the clock, the log |
//! | [`source`] | `domain`, `orchestrator`, `store`, the clock |
//! | [`page`] | `domain`; pure |
//! | [`console::app`] | `domain`, `page`, `keymap`; pure |
//! | [`console::ui`] | `console::app`, `domain`, `page`, `theme`, `keymap` |
//! | [`console::shell`] | the only part that sees both `source` and `console::app` |
//!
//! # The way of the key `R`
//!
//! ```text
//!  1  console::shell::input          bytes of the terminal become Msg::Key
//!  2  console::app::keys             the keymap says Action::Act(Requeue); only what the screen binds now goes on
//!  3  app::dead_letters              the screen makes a Proposal: ids and states as they were seen
//!  4  app::flow::propose             questions (layer::Ask), then the confirmation (layer::Dialog)
//!  5  app::flow::confirm             y: what moved since is left out (app::conflict)
//!  6  app::act::in_flight            the form becomes chunks, each Effect::Perform with a ticket
//!  7  console::shell::tasks          one task a chunk: source.perform(Request)
//!  8  source::http | embedded        a POST an item with If-Match, or the engine itself
//!  9  orchestrator::engine::act      Act becomes Command; load, domain::machine::decide, commit if nothing moved
//! 10  store::sqlite                  state, events and index in one transaction, several commits together
//! 11  source.watch                   the event comes back by the log, to every console
//! 12  domain::ledger                 folds it; the row is gone at the next draw, the answer says what became of it
//! ```
//!
//! # The way of a posted handoff
//!
//! ```text
//!  1  orchestrator::api::listen      a connection, with limits on time and size
//!  2  api::frame                     who is it, and may they (auth, scopes of the route)
//!  3  api::once                      the Idempotency-Key: domain::json reads the body once, an answer given before is given again
//!  4  api::agent::emit               the handler
//!  5  engine::emit                   place in the run, for those who take part or are peers: first step, follow-up, revision
//!  6  boundary::check, derive        the contract is completed, validated and hashed; what is refused becomes a record
//!  7  engine::admit                  the head for the log, and what to ask a person first
//!  8  engine::requester::transact    load the run, decide, commit if nothing moved, else again
//!  9  domain::machine::decide        handoff.emitted, and by machine::gate escalation.opened when it needs an approval
//! 10  store::sqlite                  one transaction; whoever waits for work is woken (engine::wake)
//! 11  api::watcher                   reads the log once for all readers and folds it
//! 12  api::events                    server-sent events to every console, each from its own cursor
//! ```
//!
//! # The way of what is only observed
//!
//! ```text
//!  1  source::recording::line        a line (`docs/recordings.md`) becomes an Observation: a fact, with the ids and times of its source
//!  2  source::observer               put in order, said once, its handoff introduced; what cannot be used is counted
//!  3  source::recording::player      the events go out in batches, at the speed of the replay
//!  4  domain::ledger                 folds them like those of an orchestrator; what nobody measures is not judged
//! ```
//!
//! # Where to start reading
//!
//! [`domain::machine`] (what may happen to a handoff), [`domain::port`] (what passes between a console and a source; the
//! acts of people are one table in it), [`domain::ledger`] (what the console knows), [`store::Store`] (what the engine asks
//! of a store), [`orchestrator::engine`] (load, decide, commit), [`console::app`] (keys in, effects out).
//!
//! The parts are private, so that the compiler names what nobody uses; `testing` lists what tests and benchmarks take.

pub(crate) mod cli;
pub(crate) mod clock;
pub(crate) mod config;
pub(crate) mod console;
pub(crate) mod demo;
pub(crate) mod domain;
pub(crate) mod keymap;
pub(crate) mod log;
pub(crate) mod orchestrator;
pub(crate) mod page;
pub(crate) mod source;
pub(crate) mod store;
pub(crate) mod theme;
pub(crate) mod toml_lines;

#[doc(hidden)]
pub mod testing;

pub use cli::{Cli, close, report};
