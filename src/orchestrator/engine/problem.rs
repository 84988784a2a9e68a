//! Problems: reasons why the engine did not do as it was asked, before anybody speaks of HTTP or screens.

use thiserror::Error;

use crate::domain::command::Refusal;
use crate::domain::contract::Violation;
use crate::domain::port::Fault;
use crate::orchestrator::boundary::PutError;
use crate::store::{CommitError, StoreError};

/// Reason why nothing changed.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Problem {
    /// The state machine refuses the command.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A contract, or something else that was sent, is wrong, with every place.
    #[error("{}", listed(violations))]
    Invalid {
        /// The violations found; at least one.
        violations: Vec<Violation>,
        /// The record that is kept of it, if it was a contract.
        rejection: Option<String>,
    },
    /// The caller's idempotency key came before, with another request.
    #[error("idempotency key {0} was used for another request; draw a new one")]
    KeyReused(String),
    /// The thing that was named does not exist.
    #[error("{0} does not exist")]
    NotFound(String),
    /// More bytes than accepted.
    #[error("{what} is {bytes} bytes, {limit} at most")]
    TooLarge {
        /// Name of the thing that is too large.
        what: String,
        /// Its size in bytes.
        bytes: usize,
        /// The largest size accepted, in bytes.
        limit: usize,
    },
    /// A payload schema was not registered.
    #[error(transparent)]
    Schema(#[from] PutError),
    /// Conflict after conflict: the run is changing faster than this request could follow.
    #[error("run {0} is changing too fast; try again")]
    Busy(String),
    /// The store cannot be used now.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CommitError> for Problem {
    fn from(why: CommitError) -> Self {
        match why {
            CommitError::Conflict => Self::Busy(String::new()),
            CommitError::Store(why) => Self::Store(why),
        }
    }
}

impl From<Problem> for Fault {
    fn from(why: Problem) -> Self {
        match why {
            Problem::Refused(Refusal::VersionConflict { current, last_change }) => {
                Self::Conflict { found: current.into(), by: last_change }
            }
            Problem::Refused(Refusal::SelfApproval { .. } | Refusal::RoleNeeded { .. } | Refusal::Stranger { .. }) => {
                Self::Denied(why.to_string())
            }
            Problem::Invalid { violations, .. } => Self::Invalid(violations),
            Problem::Busy(_) | Problem::Store(_) => Self::Transient(why.to_string()),
            other => Self::Refused(other.to_string()),
        }
    }
}

fn listed(violations: &[Violation]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
