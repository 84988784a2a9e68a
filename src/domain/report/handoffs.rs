//! One row per handoff: where it stands and how it got there.

use serde::Serialize;

use crate::domain::contract::Urgency;
use crate::domain::id::{Edge, HandoffId, RunId};
use crate::domain::run::{Handoff, LastChange, Run, State};
use crate::domain::time::Time;

/// One handoff.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HandoffRow {
    /// Which.
    pub handoff_id: HandoffId,
    /// Its run.
    pub trace_id: RunId,
    /// Its edge.
    #[serde(flatten)]
    pub edge: Edge,
    /// Named position in the pipeline; empty when observed.
    pub stage: String,
    /// Hop counter along its chain.
    pub step: u32,
    /// Where it stands.
    pub state: State,
    /// Version to compare and set.
    pub version: u64,
    /// What it asks for.
    pub title: String,
    /// How urgent.
    pub urgency: Urgency,
    /// Who owns the outcome.
    pub owner: String,
    /// Attempts in this budget epoch, and the most allowed; 0 allowed means unknown.
    pub attempts: u32,
    /// See [`attempts`](Self::attempts).
    pub max_attempts: u32,
    /// Who holds it.
    pub holder: Option<String>,
    /// When it was emitted; null when that was never seen.
    pub emitted_at: Option<Time>,
    /// First acknowledgement.
    pub acknowledged_at: Option<Time>,
    /// First end.
    pub ended_at: Option<Time>,
    /// From the start of the latency clock to the first acknowledgement.
    pub emit_to_ack_ms: Option<i64>,
    /// Error code of the latest failure.
    pub code: Option<String>,
    /// What was said about it.
    pub detail: Option<String>,
    /// `name@version` of the model that produced it.
    pub model: Option<String>,
    /// `name@version` of the prompt that produced it.
    pub prompt: Option<String>,
    /// Completeness of its brief, 0 to 100.
    pub completeness: Option<u8>,
    /// The producer's confidence, 0 to 1.
    pub confidence: Option<f64>,
    /// Digest of the contract as it stands; empty when observed.
    pub digest: String,
    /// Who changed it last, how and when.
    pub last_change: Option<LastChange>,
}

/// Every handoff of a run, in order of emission.
pub fn handoffs(run: &Run) -> Vec<HandoffRow> {
    let each = |it| handoff_row(&run.id, it);
    run.handoffs.values().map(each).collect()
}

/// One handoff.
pub fn handoff_row(run: &RunId, it: &Handoff) -> HandoffRow {
    let emission = &it.emission;
    let failure = it.failure.as_ref();
    let seen_both = it.acked_at.filter(|at| it.emitted_at.is_some() && *at >= it.waiting_since);
    HandoffRow {
        handoff_id: it.id.clone(),
        trace_id: run.clone(),
        edge: emission.edge.clone(),
        stage: emission.stage.to_string(),
        step: emission.step,
        state: it.state,
        version: it.version,
        title: emission.title.clone(),
        urgency: emission.urgency,
        owner: emission.owner.to_string(),
        attempts: it.attempt,
        max_attempts: emission.max_attempts,
        holder: it.lease.as_ref().map(|it| it.holder.clone()),
        emitted_at: it.emitted_at,
        acknowledged_at: it.acked_at,
        ended_at: it.ended_at,
        emit_to_ack_ms: seen_both.map(|at| at - it.waiting_since),
        code: failure.map(|it| it.code.clone()),
        detail: failure.map(|it| it.detail.clone()),
        model: emission.model.clone(),
        prompt: emission.prompt.clone(),
        completeness: emission.completeness,
        confidence: emission.confidence,
        digest: it.digest().to_owned(),
        last_change: it.last_change.clone(),
    }
}
