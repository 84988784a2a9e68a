//! Handoffs that wait for a person, the most urgent first.

use serde::Serialize;
use serde_json::Value;

use crate::domain::contract::Urgency;
use crate::domain::event::{Answer, EscalationKind, Terms, Timeout};
use crate::domain::id::{Edge, HandoffId, RunId};
use crate::domain::ledger::Ledger;
use crate::domain::mark::SeenToken;
use crate::domain::query::{Filterable, Query};
use crate::domain::run::Handoff;
use crate::domain::text::wire_word;
use crate::domain::time::{Millis, Present, Time};

/// An open question as a row for screens and JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InboxRow {
    /// The handoff that waits.
    pub handoff_id: HandoffId,
    /// Id of its run.
    pub trace_id: RunId,
    /// The edge it crosses.
    #[serde(flatten)]
    pub edge: Edge,
    /// Kind of question.
    pub kind: EscalationKind,
    /// The question itself. Hostile text when an agent wrote it.
    pub question: String,
    /// Title of the work, from the brief.
    pub title: String,
    /// Urgency of the answer.
    pub urgency: Urgency,
    /// Name of the owner of the outcome; empty when observed.
    pub owner: String,
    /// The role that is asked; empty when none is named.
    pub role: String,
    /// Name of the agent or person who asks.
    pub asked_by: String,
    /// Time at which it was opened.
    pub opened_at: Time,
    /// Time it has been open, in milliseconds.
    pub waiting_ms: Millis,
    /// Time at which the timeout acts; null when the source does not say.
    pub due_at: Option<Time>,
    /// Time left, in milliseconds; negative when overdue; null when nothing is due.
    pub due_in_ms: Option<Millis>,
    /// The answer given by the timeout when nobody answers; means nothing when nothing is due.
    pub on_timeout: Timeout,
    /// Name of the person who claimed it; null when nobody has.
    pub claimed_by: Option<String>,
    /// The answers that are allowed.
    pub allow: Vec<Answer>,
    /// The action that will really run on approval; null when the producer did not say.
    pub proposed_action: Option<Value>,
    /// The form of an answer: a flat JSON Schema object, if one was given.
    pub requested_schema: Option<Value>,
    /// Version to compare and set.
    pub version: u64,
    /// The state it was seen in, for an answer.
    #[serde(skip)]
    pub seen: SeenToken,
    /// Whether the source left out what it wrote to the outside.
    #[serde(rename = "side_effects_undeclared", skip_serializing_if = "std::ops::Not::not")]
    pub hides_effects: bool,
    /// Digest of the body a decision is bound to; empty when the source gives it with the body only.
    pub context_digest: String,
}

impl InboxRow {
    /// True when the time for an answer is over.
    pub fn is_overdue(&self) -> bool {
        self.due_in_ms.is_some_and(|left| left < 0)
    }

    /// Its place among the questions, the first is the least: overdue, then by urgency, then by what is due next.
    pub fn place(&self) -> impl Ord + use<> {
        (!self.is_overdue(), self.urgency, self.due_at.is_none(), self.due_at)
    }
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

/// Every open question, in the order of their [places](InboxRow::place).
pub fn inbox(ledger: &Ledger) -> Vec<InboxRow> {
    let mut rows: Vec<InboxRow> = ledger
        .escalated()
        .filter_map(|id| Some((ledger.run_of(id)?, ledger.handoff(id)?)))
        .filter_map(|(run, it)| inbox_row(&run.id, it, ledger.present()))
        .collect();
    rows.sort_by(|a, b| a.place().cmp(&b.place()).then_with(|| a.handoff_id.cmp(&b.handoff_id)));
    rows
}

/// The row of one open question as of `now`; `None` when the handoff waits for nobody.
pub fn inbox_row(run: &RunId, it: &Handoff, now: impl Into<Present>) -> Option<InboxRow> {
    let open = it.escalation.as_ref()?;
    let present = now.into();
    let now = present.of_wait(it.changed_at());
    let claimed = open.claimed.as_ref().filter(|(_, until)| *until > now);
    Some(InboxRow {
        handoff_id: it.id.clone(),
        trace_id: run.clone(),
        edge: it.emission.edge.clone(),
        kind: open.asked.kind,
        question: open.asked.question.clone(),
        title: it.emission.title.clone(),
        urgency: open.asked.urgency,
        owner: it.emission.terms.as_ref().map_or_else(String::new, |it| it.owner.to_string()),
        role: open.asked.role.clone().unwrap_or_default(),
        asked_by: open.by.id.to_string(),
        opened_at: open.opened_at,
        waiting_ms: open.opened_at.age(now),
        due_at: open.asked.due_at,
        due_in_ms: open.asked.due_at.map(|due| due - now),
        on_timeout: open.asked.on_timeout,
        claimed_by: claimed.map(|(actor, _)| actor.id.to_string()),
        allow: open.asked.allow.clone(),
        proposed_action: open.asked.proposed_action.clone(),
        requested_schema: open.asked.requested_schema.clone(),
        version: it.version,
        seen: it.seen(),
        hides_effects: it.emission.terms.as_ref().is_some_and(Terms::hides_effects),
        context_digest: it.bound_digest().unwrap_or_default().to_owned(),
    })
}
