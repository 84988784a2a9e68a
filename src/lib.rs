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
//! | [`orchestrator`] | `domain`, `store` |
//! | [`source`] | `domain`, `orchestrator` |
//! | [`page`] | `domain`; pure |
//! | [`console::app`] | `domain`, `page`, `keymap`; pure |
//! | [`console::ui`] | `console::app`, `domain`, `page`, `theme`, `keymap` |
//! | [`console::shell`] | the only part that sees both `source` and `console::app` |
//!
//! Where to start reading: [`domain::machine`] (what may happen to a handoff), [`domain::ledger`] (what the
//! console knows), [`orchestrator::engine`] (load, decide, commit), [`console::app`] (keys in, effects out).

pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
pub mod demo;
pub mod domain;
pub mod keymap;
pub mod orchestrator;
pub mod page;
pub mod source;
pub mod store;
pub mod theme;
pub mod toml_lines;
