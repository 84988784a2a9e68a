//! Handoffs that wait for a person, the most urgent first.

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::domain::contract::Urgency;
use crate::domain::event::{Answer, EscalationKind, Timeout};
use crate::domain::id::{Edge, HandoffId, RunId};
use crate::domain::ledger::Ledger;
use crate::domain::query::{Filterable, Query};
use crate::domain::run::Handoff;
use crate::domain::text::wire_word;
use crate::domain::time::{DAY, Millis, Time};

/// One open question.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InboxRow {
    /// The handoff that waits.
    pub handoff_id: HandoffId,
    /// Its run.
    pub trace_id: RunId,
    /// Its edge.
    #[serde(flatten)]
    pub edge: Edge,
    /// What sort of question.
    pub kind: EscalationKind,
    /// The question.
    pub question: String,
    /// What the handoff asks for.
    pub title: String,
    /// How urgent.
    pub urgency: Urgency,
    /// Who owns the outcome.
    pub owner: String,
    /// Which role is asked.
    pub role: String,
    /// Who asks.
    pub asked_by: String,
    /// Since when.
    pub opened_at: Time,
    /// For how long.
    pub waiting_ms: Millis,
    /// When the timeout acts; [`Time::NEVER`], in JSON null, when the source does not say.
    #[serde(serialize_with = "unless_never")]
    pub due_at: Time,
    /// Time left; negative when overdue; in JSON null when nothing is due.
    #[serde(serialize_with = "unless_ages")]
    pub due_in_ms: Millis,
    /// What the timeout does.
    pub on_timeout: Timeout,
    /// Who has it in hand.
    pub claimed_by: Option<String>,
    /// Which answers are allowed.
    pub allow: Vec<Answer>,
    /// What will really run on approval, if the producer said so.
    pub proposed_action: Option<Value>,
    /// What an answer has to look like: a flat JSON Schema object, if one was given.
    pub requested_schema: Option<Value>,
    /// Version to compare and set.
    pub version: u64,
    /// Digest of the contract a decision is bound to.
    pub context_digest: String,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes references
fn unless_never<S: Serializer>(at: &Time, to: S) -> Result<S::Ok, S::Error> {
    Some(at).filter(|at| **at != Time::NEVER).serialize(to)
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes references
fn unless_ages<S: Serializer>(left: &Millis, to: S) -> Result<S::Ok, S::Error> {
    const AGES: Millis = 1_000 * 365 * DAY;
    Some(left).filter(|left| **left < AGES).serialize(to)
}

impl Filterable for InboxRow {
    const FIELDS: &'static [&'static str] = &[
        "handoff", "trace", "pipeline", "from", "to", "kind", "question", "title", "urgency", "owner", "role", "by",
        "claimed",
    ];

    fn passes(&self, query: &Query) -> bool {
        let Edge { pipeline, from, to } = &self.edge;
        query.keeps(&[
            self.handoff_id.as_str(),
            self.trace_id.as_str(),
            pipeline,
            from,
            to,
            &wire_word(&self.kind),
            &self.question,
            &self.title,
            self.urgency.word(),
            &self.owner,
            &self.role,
            &self.asked_by,
            self.claimed_by.as_deref().unwrap_or_default(),
        ])
    }
}

/// Every open question: overdue first, then by urgency, then by what is due next.
pub fn inbox(ledger: &Ledger) -> Vec<InboxRow> {
    let mut rows: Vec<InboxRow> = ledger
        .escalated()
        .filter_map(|id| Some((ledger.run_of(id)?, ledger.handoff(id)?)))
        .filter_map(|(run, it)| inbox_row(&run.id, it, ledger.now()))
        .collect();
    rows.sort_by(|a, b| {
        let key = |row: &InboxRow| (row.due_in_ms >= 0, row.urgency, row.due_at);
        key(a).cmp(&key(b)).then_with(|| a.handoff_id.cmp(&b.handoff_id))
    });
    rows
}

/// One open question as of `now`; `None` when the handoff waits for nobody.
pub fn inbox_row(run: &RunId, it: &Handoff, now: Time) -> Option<InboxRow> {
    let open = it.escalation.as_ref()?;
    let claimed = open.claimed.as_ref().filter(|(_, until)| *until > now);
    Some(InboxRow {
        handoff_id: it.id.clone(),
        trace_id: run.clone(),
        edge: it.emission.edge.clone(),
        kind: open.asked.kind,
        question: open.asked.question.clone(),
        title: it.emission.title.clone(),
        urgency: open.asked.urgency,
        owner: it.emission.owner.to_string(),
        role: open.asked.role.clone(),
        asked_by: open.by.id.to_string(),
        opened_at: open.opened_at,
        waiting_ms: open.opened_at.age(now),
        due_at: open.asked.due_at,
        due_in_ms: open.asked.due_at - now,
        on_timeout: open.asked.on_timeout,
        claimed_by: claimed.map(|(actor, _)| actor.id.to_string()),
        allow: open.asked.allow.clone(),
        proposed_action: open.asked.proposed_action.clone(),
        requested_schema: open.asked.requested_schema.clone(),
        version: it.version,
        context_digest: it.digest().to_owned(),
    })
}
