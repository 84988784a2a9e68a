//! Paused edges: one run keeps them, and whoever decides by them is bound to its version.

use std::sync::{Arc, PoisonError};

use super::{CONTROL, Engine, Problem};
use crate::domain::flow::Flow;
use crate::domain::id::{Edge, RunId};
use crate::domain::run::Run;
use crate::domain::time::Time;
use crate::store::Version;

/// The edges that are paused, as they were at one time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Pauses {
    /// Version of the control run that says so; 0 when nothing was ever paused.
    version: Version,
    /// The edges; empty when none is paused.
    pub(super) edges: Vec<Edge>,
    /// The edges that flow again, each with the time since which it does.
    resumed: Vec<(Edge, Time)>,
}

impl Pauses {
    /// As the control run says, if there is one.
    pub(super) fn of(control: Option<(&Run, Version)>) -> Self {
        control.map_or_else(Self::default, |(run, version)| Self {
            version,
            edges: run.paused.clone(),
            resumed: run.resumed.clone(),
        })
    }

    /// Whether anything goes over an edge.
    pub(super) fn flow(&self, edge: &Edge) -> Flow {
        if self.edges.contains(edge) {
            return Flow::Paused;
        }
        Flow::Since(self.resumed.iter().find(|(it, _)| it == edge).map(|(_, at)| *at))
    }

    /// What a commit that was decided by this is bound to.
    pub(super) fn bond(&self) -> (RunId, Version) {
        (CONTROL.into(), self.version)
    }
}

impl Engine {
    /// The edges that are paused.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    pub async fn paused(&self) -> Result<Vec<Edge>, Problem> {
        Ok(self.pauses().await?.edges.clone())
    }

    /// The same as the store says now, with the version that says so.
    pub(super) async fn pauses(&self) -> Result<Arc<Pauses>, Problem> {
        let control = self.load(&RunId::from(CONTROL)).await?;
        Ok(Arc::new(Pauses::of(control.as_ref().map(|(run, version)| (&**run, *version)))))
    }

    /// The same as far as this engine knows: while a commit is on its way, and where others write the store, that may be old.
    pub(super) fn known_pauses(&self) -> Arc<Pauses> {
        Arc::clone(&self.inner.paused.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The control run was written: whoever waits for work from an edge that flows again looks.
    pub(super) fn switched(&self, control: &Run, version: Version) {
        let mut known = self.inner.paused.write().unwrap_or_else(PoisonError::into_inner);
        // Two commits may come here in any order.
        if version > known.version {
            let before = std::mem::replace(&mut *known, Arc::new(Pauses::of(Some((control, version)))));
            drop(known);
            let resumed = before.edges.iter().filter(|it| !control.paused.contains(it));
            resumed.for_each(|it| self.wake().everybody(&it.to));
        }
    }
}
