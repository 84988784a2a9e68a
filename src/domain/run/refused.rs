//! Refused contracts, as a run remembers them.

use serde::{Deserialize, Serialize};

use super::Run;
use crate::domain::event::{Fact, Rejection};
use crate::domain::time::{DAY, Millis, Time};

/// A refused contract as the run remembers it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    /// The refusal, with the violations found.
    pub rejection: Rejection,
    /// Number of times the same body came.
    pub count: u32,
    /// Time at which it came first.
    pub first_at: Time,
    /// Time at which it came last.
    pub last_at: Time,
}

impl Refused {
    /// Most refusals a run keeps in sight, and most times that they came: what comes then is kept in a run of its own.
    pub const KEPT: usize = 100;
    /// Most runs that are kept of those that hold [nothing else](Run::is_refused); the ones that something was refused in
    /// last. The others go whole, with their events.
    pub const RUNS: usize = 1_000;
    /// Time after which nobody deals with a refused contract any more, in milliseconds.
    pub const AGE: Millis = DAY;
}

impl Run {
    /// Number of refusals in it that it keeps in sight, the same body each time it came.
    pub fn refusals(&self) -> u32 {
        let here = self.rejections.iter().map(|it| it.count.saturating_sub(it.rejection.before));
        here.fold(0, u32::saturating_add)
    }

    /// Whether it holds refused contracts and nothing else, judged by its latest event. That it is about a refusal tells
    /// such a run, when all of them are dealt with, from an empty one.
    pub fn is_refused(&self, latest: &Fact) -> bool {
        let refusal = matches!(latest, Fact::Refused(_) | Fact::RejectionResolved { .. });
        refusal && self.handoffs.is_empty() && self.annotations.is_empty()
    }
}
