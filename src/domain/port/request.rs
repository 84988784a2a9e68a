//! Requests of a person to a source, and their outcomes.

use super::{Act, Fault, SeenToken};
use crate::domain::id::{HandoffId, RunId};

/// One act on one or many items: what is confirmed, sent, logged and audited is this one value.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The items it is done to: ids and states as they were on the screen; empty for an edge.
    pub on: Vec<Target>,
    /// The act itself.
    pub act: Act,
    /// Name of the person.
    pub by: String,
    /// Reason in the person's words; may be empty where the act does not need it.
    pub why: String,
    /// Drawn once for this request: repeating it is a no-op.
    pub key: String,
}

/// One item as it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// The run of the handoff.
    pub run: RunId,
    /// Id of the handoff.
    pub handoff: HandoffId,
    /// The state on the screen: of the handoff, or of the run for an act on runs.
    pub seen: SeenToken,
}

/// Outcome of a request: one result per item, in the order of [`Request::on`] (one, with no handoff, for
/// an edge).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The result of each item; the id is `None` for an edge.
    pub items: Vec<(Option<HandoffId>, Result<(), Fault>)>,
    /// What the source says of it besides, in a sentence without its end; `None` when there is nothing to say.
    pub note: Option<String>,
}
