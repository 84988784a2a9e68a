//! What is measured of an edge. A fact that nobody measures is not 0 and not well: it is not known.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::domain::id::Edge;

/// Facts that the figures of an edge are made of, each true where it is measured. As JSON the names of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measures {
    /// Acknowledgements are seen, so latency is.
    pub latency: bool,
    /// Attempts are seen, so the retry rate is.
    pub retries: bool,
    /// Refused contracts are seen, and those that were not.
    pub violations: bool,
}

impl Measures {
    /// Everything is measured.
    pub const ALL: Self = Self { latency: true, retries: true, violations: true };

    /// Names of the facts that are not measured; empty when all are.
    pub fn missing(self) -> Vec<&'static str> {
        let all = [("latency", self.latency), ("retries", self.retries), ("violations", self.violations)];
        all.into_iter().filter(|it| !it.1).map(|it| it.0).collect()
    }

    /// True when there is nothing that is not measured.
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde passes references
    pub fn is_all(&self) -> bool {
        *self == Self::ALL
    }

    /// What at least one of the two measures.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            latency: self.latency || other.latency,
            retries: self.retries || other.retries,
            violations: self.violations || other.violations,
        }
    }
}

impl Default for Measures {
    fn default() -> Self {
        Self::ALL
    }
}

impl Serialize for Measures {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.missing().serialize(to)
    }
}

/// What a source measures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// On every edge that is not named.
    pub everywhere: Measures,
    /// The edges on which it measures something else.
    pub edges: BTreeMap<Edge, Measures>,
}

impl Measured {
    /// What is measured of an edge.
    pub fn on(&self, edge: &Edge) -> Measures {
        self.edges.get(edge).copied().unwrap_or(self.everywhere)
    }
}
