//! What a person asks a source to do, and what came of it.

use super::{Act, Fault};
use crate::domain::id::{HandoffId, RunId};

/// One act on one or many items: what is confirmed, sent, logged and audited is this one value.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What it is done to: ids and versions as they were on the screen; empty for an edge.
    pub on: Vec<Target>,
    /// What is done.
    pub act: Act,
    /// Name of the person.
    pub by: String,
    /// Why, in the person's words; may be empty where the act does not need it.
    pub why: String,
    /// Drawn once for this request: repeating it is a no-op.
    pub key: String,
}

/// One item as it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// Its run.
    pub run: RunId,
    /// The handoff.
    pub handoff: HandoffId,
    /// The version on the screen: of the handoff, or of the run for an act on runs.
    pub version: u64,
}

/// What came of a request: one result per item, in the order of [`Request::on`] (one, with no handoff, for
/// an edge).
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The results.
    pub items: Vec<(Option<HandoffId>, Result<(), Fault>)>,
}
