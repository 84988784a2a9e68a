//! Attempts of the same work under several ids, as sources tell them that only observe (protocol section 5).

use serde::{Deserialize, Serialize};

use super::{Handoff, Run, State};
use crate::domain::id::{Edge, HandoffId};

/// What an observed handoff has to do with attempts of the same work under other ids.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Again {
    /// The handoff that is its next attempt, as far as is known; `None` when none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<HandoffId>,
    /// The end of which attempt its own counts as, and on which edge; `None` when it counts as what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settles: Option<(u32, Edge)>,
}

impl Run {
    /// Most handoffs of a run of which the next attempt is awaited; beyond it the ones that were granted one first are not.
    pub const AWAITED: usize = 256;
}

impl Handoff {
    /// It failed or was refused, and another attempt was granted.
    pub fn is_tried_again(&self) -> bool {
        self.retried && matches!(self.state, State::Failed | State::Rejected)
    }

    /// The attempt that its end counts as, from 1, and the edge that it counts on: where it tries again what another
    /// handoff failed at, the edge of that one.
    pub fn settles(&self) -> (u32, &Edge) {
        let other = self.again.as_ref().and_then(|it| it.settles.as_ref());
        other.map_or((self.attempt, &self.emission.edge), |(attempt, edge)| (*attempt, edge))
    }
}
