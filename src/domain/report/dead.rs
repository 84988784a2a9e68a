//! Dead letters: decisions, not rows. Grouped by what failed, with what a requeue would meet.

use serde::Serialize;

use crate::domain::contract::Urgency;
use crate::domain::event::DeadReason;
use crate::domain::fingerprint::{self, FailureFingerprint};
use crate::domain::id::{Edge, HandoffId, RunId};
use crate::domain::ledger::Ledger;
use crate::domain::run::{Handoff, State};
use crate::domain::time::{MINUTE, Millis, Time};

/// One dead letter.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeadRow {
    /// Which.
    pub handoff_id: HandoffId,
    /// Its run.
    pub trace_id: RunId,
    /// Its edge.
    #[serde(flatten)]
    pub edge: Edge,
    /// What it asks for.
    pub title: String,
    /// How urgent.
    pub urgency: Urgency,
    /// Who owns the outcome.
    pub owner: String,
    /// Error code.
    pub code: String,
    /// What was said about it.
    pub detail: String,
    /// Why no further attempt was made.
    pub reason: Option<DeadReason>,
    /// JSON pointer of the first violation, if it was refused at receipt.
    pub path: Option<String>,
    /// Prompt version that produced it.
    pub prompt: Option<String>,
    /// Attempts in this budget epoch, and the most allowed.
    pub attempts: u32,
    /// See [`attempts`](Self::attempts).
    pub max_attempts: u32,
    /// When it died.
    pub dead_at: Time,
    /// How long ago.
    pub age_ms: Millis,
    /// What a requeue would meet.
    pub outlook: Outlook,
    /// The group it belongs to.
    pub group: String,
    /// Version to compare and set.
    pub version: u64,
}

/// Dead letters that are the same failure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeadGroup {
    /// Fingerprint: edge, error code, schema path and folded message.
    pub id: String,
    /// What failed, in a few words.
    pub title: String,
    /// The edge.
    #[serde(flatten)]
    pub edge: Edge,
    /// Error code.
    pub code: String,
    /// How many.
    pub count: usize,
    /// The first death.
    pub first_at: Time,
    /// The latest death.
    pub last_at: Time,
    /// Deaths in the last ten minutes: is it still going on?
    pub last_10m: usize,
    /// What a requeue would meet: the worst of the group.
    pub outlook: Outlook,
    /// Prompt version, when all share one.
    pub prompt: Option<String>,
    /// The dead letters, oldest first.
    pub items: Vec<DeadRow>,
}

/// What a requeue would meet, judged from the edge since the death. Effects recorded for the handoff are not
/// part of it: nothing records effects yet, so nothing committed is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "verdict", content = "why", rename_all = "snake_case")]
pub enum Outlook {
    /// The cause seems to be gone.
    Likely(String),
    /// Nothing speaks for or against it.
    Open(String),
    /// The same thing would happen again.
    WouldFail(String),
    /// Nothing can be requeued: the source only observes.
    Impossible(String),
}

impl Outlook {
    /// The sentence.
    pub fn why(&self) -> &str {
        match self {
            Self::Likely(why) | Self::Open(why) | Self::WouldFail(why) | Self::Impossible(why) => {
                why
            }
        }
    }
}

/// Every dead letter, grouped; the largest group first, then the latest.
pub fn dead_groups(ledger: &Ledger) -> Vec<DeadGroup> {
    let mut groups: indexmap::IndexMap<String, DeadGroup> = indexmap::IndexMap::new();
    for id in ledger.dead() {
        let Some((run, it)) = ledger.home(id).zip(ledger.handoff(id)) else {
            continue;
        };
        let mark = mark(it);
        let row = row(ledger, &run.id, it, &mark);
        let group = groups.entry(mark.id.clone()).or_insert_with(|| DeadGroup {
            id: mark.id.clone(),
            title: mark.title.clone(),
            edge: row.edge.clone(),
            code: row.code.clone(),
            count: 0,
            first_at: row.dead_at,
            last_at: row.dead_at,
            last_10m: 0,
            outlook: row.outlook.clone(),
            prompt: row.prompt.clone(),
            items: Vec::new(),
        });
        group.count += 1;
        group.first_at = group.first_at.min(row.dead_at);
        group.last_at = group.last_at.max(row.dead_at);
        group.last_10m += usize::from(row.age_ms <= 10 * MINUTE);
        group.outlook = group.outlook.clone().max(row.outlook.clone());
        if group.prompt != row.prompt {
            group.prompt = None;
        }
        group.items.push(row);
    }
    let mut groups: Vec<DeadGroup> = groups.into_values().collect();
    for group in &mut groups {
        group
            .items
            .sort_by(|a, b| (a.dead_at, &a.handoff_id).cmp(&(b.dead_at, &b.handoff_id)));
    }
    groups.sort_by(|a, b| {
        (b.count, b.last_at)
            .cmp(&(a.count, a.last_at))
            .then_with(|| a.id.cmp(&b.id))
    });
    groups
}

/// One dead letter; `None` when it is not one.
pub fn dead_row(ledger: &Ledger, id: &HandoffId) -> Option<DeadRow> {
    let (run, it) = ledger.home(id).zip(ledger.handoff(id))?;
    (it.state == State::DeadLettered).then(|| row(ledger, &run.id, it, &mark(it)))
}

fn mark(it: &Handoff) -> FailureFingerprint {
    let failure = it.failure.as_ref();
    let violation = failure.and_then(|it| it.violations.first());
    let message = violation.map_or_else(|| failure.map_or("", |it| &it.detail), |it| &it.message);
    fingerprint::failure(
        &it.emission.edge.to_string(),
        failure.map_or("unknown", |it| &it.code),
        violation.map_or("", |it| &it.path),
        message,
    )
}

fn row(ledger: &Ledger, run: &RunId, it: &Handoff, mark: &FailureFingerprint) -> DeadRow {
    let failure = it.failure.as_ref();
    let dead_at = failure.map_or(it.born(), |it| it.at);
    DeadRow {
        handoff_id: it.id.clone(),
        trace_id: run.clone(),
        edge: it.emission.edge.clone(),
        title: it.emission.title.clone(),
        urgency: it.emission.urgency,
        owner: it.emission.owner.to_string(),
        code: failure.map_or_else(|| "unknown".to_owned(), |it| it.code.clone()),
        detail: failure.map(|it| it.detail.clone()).unwrap_or_default(),
        reason: failure.and_then(|it| it.dead),
        path: failure
            .and_then(|it| it.violations.first())
            .map(|it| it.path.clone()),
        prompt: it.emission.prompt.clone(),
        attempts: it.attempt,
        max_attempts: it.emission.max_attempts,
        dead_at,
        age_ms: dead_at.age(ledger.now()),
        outlook: outlook(ledger, it),
        group: mark.id.clone(),
        version: it.version,
    }
}

/// What a requeue of `it` would meet.
pub fn outlook(ledger: &Ledger, it: &Handoff) -> Outlook {
    if it.emission.is_observed() {
        return Outlook::Impossible("this source only watches".to_owned());
    }
    let failure = it.failure.as_ref();
    let reason = failure.and_then(|it| it.dead);
    match reason {
        Some(DeadReason::SchemaViolation) => {
            return Outlook::WouldFail(
                "would fail again: the contract is still invalid".to_owned(),
            );
        }
        Some(DeadReason::NotRetryable) => {
            return Outlook::WouldFail(
                "would likely fail again: its contract says not to retry this".to_owned(),
            );
        }
        _ => {}
    }
    if it
        .emission
        .deadline
        .is_some_and(|deadline| deadline <= ledger.now())
    {
        return Outlook::WouldFail("would expire again: its deadline has passed".to_owned());
    }
    let died = failure.map_or(it.born(), |it| it.at);
    let book = ledger.edge(&it.emission.edge);
    let worked = book
        .and_then(|it| it.last_completed)
        .is_some_and(|at| at > died);
    let failed = book
        .and_then(|it| it.last_failed)
        .is_some_and(|at| at > died);
    match (worked, failed) {
        (true, false) => Outlook::Likely("likely to pass: others completed here since".to_owned()),
        (true, true) => {
            Outlook::Open("may pass: others here completed and failed since".to_owned())
        }
        (false, true) => {
            Outlook::WouldFail("would likely fail again: others failed here since".to_owned())
        }
        (false, false) => Outlook::Open("not known: nothing finished here since".to_owned()),
    }
}
