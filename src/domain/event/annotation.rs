//! Annotations: people's verdicts on a run, which may contradict each other; all of them are kept.

use serde::{Deserialize, Serialize};

use crate::domain::id::HandoffId;

/// A person's verdict on a run, or on one of its handoffs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotation {
    /// The handoff it is about; `None` when it is about the whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handoff: Option<HandoffId>,
    /// The verdict in a few words, such as `root cause: writer`; never empty, at most [`Annotation::VERDICT_CHARS`] characters.
    pub verdict: String,
    /// Reason, in the person's words; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl Annotation {
    /// The most characters of a verdict.
    pub const VERDICT_CHARS: usize = 120;
    /// The most annotations of one run.
    pub const PER_RUN: usize = 200;
}
