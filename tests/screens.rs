//! Golden screens: a script of reports and keys, a fixed clock, and the picture that comes of it.
//!
//! The pictures in `screenshots/` are made here, so they cannot go stale: `UPDATE=1 cargo test --test screens`
//! writes them again; without it a difference fails and is shown as text.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests fail like tests

#[path = "screens/acting.rs"]
mod acting;
#[path = "screens/command_line.rs"]
mod command_line;
#[path = "screens/console.rs"]
mod console;
#[path = "screens/contexts.rs"]
mod contexts;
#[path = "screens/dead_letters.rs"]
mod dead_letters;
#[path = "screens/events.rs"]
mod events;
#[path = "screens/foreign.rs"]
mod foreign;
#[path = "screens/frame.rs"]
mod frame;
#[path = "screens/handoff.rs"]
mod handoff;
#[path = "screens/inbox.rs"]
mod inbox;
#[path = "screens/incident.rs"]
mod incident;
#[path = "support/console.rs"]
mod support;
#[path = "screens/svg.rs"]
mod svg;
#[path = "screens/watch.rs"]
mod watch;
