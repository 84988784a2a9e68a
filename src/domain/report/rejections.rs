//! Contracts that were refused and that nobody has dealt with, the latest first.

use serde::Serialize;

use crate::domain::contract::Violation;
use crate::domain::event::Boundary;
use crate::domain::id::{Edge, RunId};
use crate::domain::ledger::Ledger;
use crate::domain::offence::Offence;
use crate::domain::query::{Filterable, Query};
use crate::domain::run::{Refused, Run};
use crate::domain::time::Time;

/// A refused contract as a row for screens and JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RejectionRow {
    /// Its id: the same producer and body give the same one.
    pub rejection_id: String,
    /// The run it would have belonged to.
    pub trace_id: RunId,
    /// The edge it would have crossed, as far as the contract said.
    #[serde(flatten)]
    pub edge: Edge,
    /// The boundary at which it was refused.
    pub boundary: Boundary,
    /// Name of the producer.
    pub producer: String,
    /// `name@version` of the model, if given.
    pub model: Option<String>,
    /// `name@version` of the prompt, if given.
    pub prompt: Option<String>,
    /// The first violations found, each with its place; at least one.
    pub errors: Vec<Violation>,
    /// Number of violations beyond those; 0 when all are told.
    pub more: u32,
    /// Ids of the groups it counts in, one for each of the errors.
    pub groups: Vec<String>,
    /// Number of times the same body came.
    pub count: u32,
    /// Time at which it came first.
    pub first_at: Time,
    /// Time at which it came last.
    pub last_at: Time,
}

impl RejectionRow {
    /// The violations in one line. Hostile text.
    pub fn wrong(&self) -> String {
        let errors = self.errors.iter().map(ToString::to_string);
        let more = (self.more > 0).then(|| format!("and {} more", self.more));
        errors.chain(more).collect::<Vec<_>>().join("; ")
    }
}

impl Filterable for RejectionRow {
    const FIELDS: &'static [&'static str] =
        &["rejection", "trace", "pipeline", "from", "to", "producer", "model", "prompt", "errors"];

    fn passes(&self, query: &Query) -> bool {
        let Edge { pipeline, from, to } = &self.edge;
        query.keeps(&[
            &self.rejection_id,
            self.trace_id.as_str(),
            pipeline,
            from,
            to,
            &self.producer,
            self.model.as_deref().unwrap_or_default(),
            self.prompt.as_deref().unwrap_or_default(),
            &self.wrong(),
        ])
    }
}

/// Every refused contract in sight, the latest first.
pub fn rejections(ledger: &Ledger) -> Vec<RejectionRow> {
    let of_run = |run: &Run, it: &Refused| RejectionRow {
        rejection_id: it.rejection.id.clone(),
        trace_id: run.id.clone(),
        edge: it.rejection.edge.clone(),
        boundary: it.rejection.boundary,
        producer: it.rejection.producer.clone(),
        model: it.rejection.model.clone(),
        prompt: it.rejection.prompt.clone(),
        errors: it.rejection.errors.clone(),
        more: it.rejection.more,
        groups: Offence::of_rejection(&it.rejection, it.last_at).map(|group| group.id()).collect(),
        count: it.count,
        first_at: it.first_at,
        last_at: it.last_at,
    };
    let mut rows: Vec<RejectionRow> =
        ledger.refusing().flat_map(|run| run.rejections.iter().map(|it| of_run(run, it))).collect();
    rows.sort_by(|a, b| b.last_at.cmp(&a.last_at).then_with(|| a.rejection_id.cmp(&b.rejection_id)));
    rows
}
