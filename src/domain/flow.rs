//! Whether anything goes over an edge, or a person holds it up.

use super::time::Time;

/// Whether anything goes over an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// A person paused it.
    Paused,
    /// It flows, since that time when it was paused lately.
    Since(Option<Time>),
}

impl Flow {
    /// Time since which it flows again; `None` when it is paused, or was not lately.
    pub const fn since(self) -> Option<Time> {
        match self {
            Self::Paused => None,
            Self::Since(at) => at,
        }
    }
}

impl Default for Flow {
    fn default() -> Self {
        Self::Since(None)
    }
}
