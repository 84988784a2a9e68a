//! The states of a handoff.

use serde::{Deserialize, Serialize};

/// State of a handoff (protocol section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waiting to be claimed.
    Pending,
    /// Claimed, not yet accepted.
    Leased,
    /// Accepted by the target, which works on it.
    Acknowledged,
    /// Waiting for the next attempt until its backoff is over.
    RetryWait,
    /// Waiting for a person to answer.
    Escalated,
    /// Parked: a person decides.
    DeadLettered,
    /// Done. Terminal.
    Completed,
    /// Sent back upstream. Terminal.
    Returned,
    /// Ended unprocessed by a person. Terminal.
    Dismissed,
    /// Ended because its run was cancelled. Terminal.
    Cancelled,
    /// Observed only: the attempt failed. Terminal.
    Failed,
    /// Observed only: the receiver refused it. Terminal.
    Rejected,
}

impl State {
    /// Every state, in the order of the variants.
    pub const ALL: [Self; 12] = [
        Self::Pending,
        Self::Leased,
        Self::Acknowledged,
        Self::RetryWait,
        Self::Escalated,
        Self::DeadLettered,
        Self::Completed,
        Self::Returned,
        Self::Dismissed,
        Self::Cancelled,
        Self::Failed,
        Self::Rejected,
    ];

    /// The states in which a handoff of an orchestrator ends; observed ones end in others, too.
    pub const ENDS: [Self; 4] = [Self::Completed, Self::Returned, Self::Dismissed, Self::Cancelled];

    /// Neither done nor given up: somebody still owes something. Dead letters are open.
    pub const fn is_open(self) -> bool {
        matches!(
            self,
            Self::Pending | Self::Leased | Self::Acknowledged | Self::RetryWait | Self::Escalated | Self::DeadLettered
        )
    }

    /// Held by somebody under a lease.
    pub const fn is_held(self) -> bool {
        matches!(self, Self::Leased | Self::Acknowledged)
    }

    /// The wire word, such as `dead_lettered`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Leased => "leased",
            Self::Acknowledged => "acknowledged",
            Self::RetryWait => "retry_wait",
            Self::Escalated => "escalated",
            Self::DeadLettered => "dead_lettered",
            Self::Completed => "completed",
            Self::Returned => "returned",
            Self::Dismissed => "dismissed",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
        }
    }
}
