//! One row per handoff: where it stands and how it got there.

use serde::Serialize;

use crate::domain::contract::Urgency;
use crate::domain::id::{Edge, HandoffId, RunId};
use crate::domain::run::{Handoff, LastChange, Run, State};
use crate::domain::time::Time;

/// A handoff as a row for screens and JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HandoffRow {
    /// Id of the handoff.
    pub handoff_id: HandoffId,
    /// Id of its run.
    pub trace_id: RunId,
    /// The edge it crosses.
    #[serde(flatten)]
    pub edge: Edge,
    /// Named position in the pipeline; empty when observed.
    pub stage: String,
    /// Hop counter along its chain.
    pub step: u32,
    /// State of the handoff.
    pub state: State,
    /// Version to compare and set.
    pub version: u64,
    /// Title of the work, from the brief.
    pub title: String,
    /// Urgency of the work.
    pub urgency: Urgency,
    /// Name of the owner of the outcome; empty when observed.
    pub owner: String,
    /// Attempts in this budget epoch, and the most allowed; 0 allowed means unknown.
    pub attempts: u32,
    /// See [`attempts`](Self::attempts).
    pub max_attempts: u32,
    /// Name of the holder of its lease; null when nobody holds it.
    pub holder: Option<String>,
    /// Time of its emission; null when that was never seen.
    pub emitted_at: Option<Time>,
    /// Time of the first acknowledgement; null before it.
    pub acknowledged_at: Option<Time>,
    /// Time of the first end; null while it is open.
    pub ended_at: Option<Time>,
    /// Milliseconds from the start of the latency clock to the first acknowledgement, of what is only observed with the time
    /// that people were asked; null unless both were seen.
    pub emit_to_ack_ms: Option<i64>,
    /// Error code of the latest failure; null without one.
    pub code: Option<String>,
    /// The agent's account of the latest failure; null without one. Hostile text.
    pub detail: Option<String>,
    /// `name@version` of the model that produced it.
    pub model: Option<String>,
    /// `name@version` of the prompt that produced it.
    pub prompt: Option<String>,
    /// Completeness of its brief, 0 to 100.
    pub completeness: Option<u8>,
    /// The producer's confidence, 0 to 1.
    pub confidence: Option<f64>,
    /// Quality flags, such as `side_effects_undeclared`, and what an observing edge let through; empty when observed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// Digest of the contract as it stands; empty when observed.
    pub digest: String,
    /// The latest change: its author, event and time; null when unknown.
    pub last_change: Option<LastChange>,
}

/// Every handoff of a run, in order of emission.
pub fn handoffs(run: &Run) -> Vec<HandoffRow> {
    let each = |it| handoff_row(&run.id, it);
    run.handoffs.values().map(each).collect()
}

/// The row of one handoff of `run`.
pub fn handoff_row(run: &RunId, it: &Handoff) -> HandoffRow {
    let emission = &it.emission;
    let terms = emission.terms.as_ref();
    let failure = it.failure.as_ref();
    HandoffRow {
        handoff_id: it.id.clone(),
        trace_id: run.clone(),
        edge: emission.edge.clone(),
        stage: emission.stage.as_deref().unwrap_or_default().to_owned(),
        step: emission.step,
        state: it.state,
        version: it.version,
        title: emission.title.clone(),
        urgency: it.urgency(),
        owner: terms.map_or_else(String::new, |it| it.owner.to_string()),
        attempts: it.attempt,
        max_attempts: terms.map_or(0, |it| it.max_attempts),
        holder: it.lease.as_ref().map(|it| it.holder.clone()),
        emitted_at: it.emitted_at,
        acknowledged_at: it.acked_at,
        ended_at: it.ended_at,
        emit_to_ack_ms: it.emit_to_ack(),
        code: failure.map(|it| it.code.clone()),
        detail: failure.map(|it| it.detail.clone()),
        model: emission.model.clone(),
        prompt: emission.prompt.clone(),
        completeness: terms.and_then(|it| it.completeness),
        confidence: terms.and_then(|it| it.confidence),
        flags: terms.map_or_else(Vec::new, |it| it.flags.clone()),
        digest: it.digest().unwrap_or_default().to_owned(),
        last_change: it.last_change.clone(),
    }
}
