//! Rows for people and for JSON: what the screens show and `seam get` prints, made from a
//! [`Ledger`](super::ledger::Ledger).
//!
//! One place makes the numbers, so that a screen, a script and an alert never disagree. Names and units are
//! an interface: milliseconds end in `_ms`, rates come with their `n`, what is unknown is absent or null,
//! never 0. Text in rows is as its source wrote it: clean it where it is shown.

mod dead;
mod edges;
mod events;
mod handoffs;
mod inbox;
mod people;
mod pipelines;
mod reasons;
mod rejections;
mod tasks;
mod trend;

pub use dead::{DeadGroup, DeadRow, Outlook, dead_groups, dead_heads, dead_row, dead_text, outlook};
pub use edges::{EdgeRow, FindingRow, RateOf, edge_row, edges};
pub use events::EventText;
pub use handoffs::{HandoffRow, handoff_row, handoffs};
pub use inbox::{InboxRow, inbox, inbox_row};
pub use pipelines::{PipelineRow, pipelines, pipelines_of};
pub use reasons::{reasons, version};
pub use rejections::{RejectionRow, rejections};
pub use tasks::{TaskRow, TaskVerdict, notable, task_row, tasks};
pub use trend::trend;

#[cfg(test)]
mod tests;
