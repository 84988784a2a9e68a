//! Dead letters: decisions, not rows. Grouped by what failed, with what a requeue would meet.

use serde::Serialize;

use crate::domain::contract::Urgency;
use crate::domain::event::DeadReason;
use crate::domain::id::{Edge, HandoffId, RunId};
use crate::domain::ledger::{DeadBook, Ledger, died_at};
use crate::domain::query::{Filterable, Query};
use crate::domain::run::{Handoff, Run};
use crate::domain::time::{MINUTE, Millis, Time};

/// A dead letter as a row for screens and JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeadRow {
    /// Id of the handoff.
    pub handoff_id: HandoffId,
    /// Id of its run.
    pub trace_id: RunId,
    /// The edge it was on.
    #[serde(flatten)]
    pub edge: Edge,
    /// Title of the work, from the brief.
    pub title: String,
    /// Urgency of the work.
    pub urgency: Urgency,
    /// Name of the owner of the outcome; empty when observed.
    pub owner: String,
    /// Error code of the last failure; `unknown` when none was given.
    pub code: String,
    /// The agent's account of the failure. Hostile text; may be empty.
    pub detail: String,
    /// Reason for making no further attempt; null when unknown.
    pub reason: Option<DeadReason>,
    /// JSON pointer of the first violation, if it was refused at receipt.
    pub path: Option<String>,
    /// Prompt version that produced it.
    pub prompt: Option<String>,
    /// Attempts in this budget epoch, and the most allowed.
    pub attempts: u32,
    /// See [`attempts`](Self::attempts).
    pub max_attempts: u32,
    /// Time of death.
    pub dead_at: Time,
    /// Time since the death, in milliseconds.
    pub age_ms: Millis,
    /// Outlook for a requeue.
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
    /// The failure in a few words. Hostile text.
    pub title: String,
    /// The edge they were on.
    #[serde(flatten)]
    pub edge: Edge,
    /// Error code they share.
    pub code: String,
    /// Number of dead letters in the group, at least 1.
    pub count: usize,
    /// Time of the first death.
    pub first_at: Time,
    /// Time of the latest death.
    pub last_at: Time,
    /// Deaths in the last ten minutes: is it still going on?
    pub last_10m: usize,
    /// Outlook for a requeue: the worst of the group.
    pub outlook: Outlook,
    /// Prompt version, when all share one.
    pub prompt: Option<String>,
    /// The dead letters, oldest first.
    pub items: Vec<DeadRow>,
}

/// Outlook for a requeue, judged from the edge since the death. Effects recorded for the handoff are not
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
    /// The verdict in two or three words: what [`why`](Self::why) says before it gives the reason.
    pub fn word(&self) -> &str {
        let why = self.why();
        why.split_once(':').map_or(why, |(word, _)| word)
    }

    /// The verdict with its reason, as a sentence.
    pub fn why(&self) -> &str {
        match self {
            Self::Likely(why) | Self::Open(why) | Self::WouldFail(why) | Self::Impossible(why) => why,
        }
    }
}

/// Every dead letter, grouped; the largest group first, then the latest.
pub fn dead_groups(ledger: &Ledger) -> Vec<DeadGroup> {
    let mut groups = dead_heads(ledger);
    for group in &mut groups {
        let items = ledger.dead().group(&group.id).map(|it| &it.items);
        let ids = items.into_iter().flatten();
        group.items = ids.filter_map(|(_, id)| dead_row(ledger, id)).collect();
    }
    groups
}

/// The same without the items: costs by groups, however many dead letters there are.
pub fn dead_heads(ledger: &Ledger) -> Vec<DeadGroup> {
    let mut groups: Vec<DeadGroup> = ledger.dead().groups().filter_map(|it| head(ledger, it)).collect();
    groups.sort_by(|a, b| (b.count, b.last_at).cmp(&(a.count, a.last_at)).then_with(|| a.id.cmp(&b.id)));
    groups
}

fn head(ledger: &Ledger, book: &DeadBook) -> Option<DeadGroup> {
    let (first_at, last_at) = book.span()?;
    let prompt = match book.prompts.len() {
        1 => book.prompts.keys().next().cloned().flatten(),
        _ => None,
    };
    Some(DeadGroup {
        id: book.id.to_string(),
        title: book.title.clone(),
        edge: book.edge.clone(),
        code: book.code.clone(),
        count: book.items.len(),
        first_at,
        last_at,
        last_10m: book.since(ledger.now() + -10 * MINUTE).count(),
        outlook: worst(ledger, book),
        prompt,
        items: Vec::new(),
    })
}

/// The row of one dead letter; `None` when it is not one.
pub fn dead_row(ledger: &Ledger, id: &HandoffId) -> Option<DeadRow> {
    let group = ledger.dead().group_of(id)?;
    let run = ledger.run_of(id)?;
    let it = run.handoffs.get(id)?;
    let failure = it.failure.as_ref();
    let dead_at = died_at(it);
    let text = DeadText::of(run, it, &group.id);
    Some(DeadRow {
        handoff_id: it.id.clone(),
        trace_id: run.id.clone(),
        edge: it.emission.edge.clone(),
        title: text.title.to_owned(),
        urgency: text.urgency,
        owner: text.owner.to_owned(),
        code: text.code.to_owned(),
        detail: text.detail.to_owned(),
        reason: failure.and_then(|it| it.dead),
        path: text.path.map(ToOwned::to_owned),
        prompt: text.prompt.map(ToOwned::to_owned),
        attempts: it.attempt,
        max_attempts: it.emission.terms.as_ref().map_or(0, |it| it.max_attempts),
        dead_at,
        age_ms: ledger.present().age(dead_at),
        outlook: outlook(ledger, it),
        group: text.group.to_owned(),
        version: it.version,
    })
}

/// The texts of a dead letter that a filter reads. It borrows: a filter goes over a million of them.
#[derive(Clone, Copy, Debug)]
pub struct DeadText<'a> {
    handoff: &'a HandoffId,
    trace: &'a RunId,
    edge: &'a Edge,
    code: &'a str,
    detail: &'a str,
    path: Option<&'a str>,
    title: &'a str,
    owner: &'a str,
    prompt: Option<&'a str>,
    urgency: Urgency,
    group: &'a str,
}

/// The texts of one dead letter of a group; `None` when it is not known.
pub fn dead_text<'a>(ledger: &'a Ledger, group: &'a DeadBook, id: &HandoffId) -> Option<DeadText<'a>> {
    let run = ledger.run_of(id)?;
    Some(DeadText::of(run, run.handoffs.get(id)?, &group.id))
}

impl<'a> DeadText<'a> {
    fn of(run: &'a Run, it: &'a Handoff, group: &'a str) -> Self {
        let failure = it.failure.as_ref();
        let terms = it.emission.terms.as_ref();
        Self {
            handoff: &it.id,
            trace: &run.id,
            edge: &it.emission.edge,
            code: failure.map_or("unknown", |it| &it.code),
            detail: failure.map_or("", |it| &it.detail),
            path: failure.and_then(|it| it.violations.first()).map(|it| it.path.as_str()),
            title: &it.emission.title,
            owner: terms.map_or("", |it| &it.owner),
            prompt: it.emission.prompt.as_deref(),
            urgency: it.urgency(),
            group,
        }
    }
}

impl Filterable for DeadText<'_> {
    const FIELDS: &'static [&'static str] = &[
        "handoff", "trace", "pipeline", "from", "to", "code", "detail", "path", "title", "owner", "prompt", "urgency",
        "group",
    ];

    fn passes(&self, query: &Query) -> bool {
        query.keeps(&[
            self.handoff.as_str(),
            self.trace.as_str(),
            &self.edge.pipeline,
            &self.edge.from,
            &self.edge.to,
            self.code,
            self.detail,
            self.path.unwrap_or_default(),
            self.title,
            self.owner,
            self.prompt.unwrap_or_default(),
            self.urgency.word(),
            self.group,
        ])
    }
}

impl Filterable for DeadRow {
    const FIELDS: &'static [&'static str] = DeadText::FIELDS;

    fn passes(&self, query: &Query) -> bool {
        let text = DeadText {
            handoff: &self.handoff_id,
            trace: &self.trace_id,
            edge: &self.edge,
            code: &self.code,
            detail: &self.detail,
            path: self.path.as_deref(),
            title: &self.title,
            owner: &self.owner,
            prompt: self.prompt.as_deref(),
            urgency: self.urgency,
            group: &self.group,
        };
        text.passes(query)
    }
}

/// Outlook for a requeue of `it`.
pub fn outlook(ledger: &Ledger, it: &Handoff) -> Outlook {
    let Some(terms) = &it.emission.terms else {
        return outlook_of_watched();
    };
    let reason = it.failure.as_ref().and_then(|it| it.dead);
    if let Some(why) = hopeless(reason, terms.deadline, ledger.now()) {
        return Outlook::WouldFail(why.to_owned());
    }
    let (worked, failed) = since(ledger, &it.emission.edge);
    let died = died_at(it);
    seen(worked > Some(died), failed > Some(died))
}

/// The worst that [`outlook`] says of any in the group, without asking for each.
fn worst(ledger: &Ledger, book: &DeadBook) -> Outlook {
    let first = book.items.first().and_then(|(_, id)| ledger.handoff(id));
    if first.is_some_and(|it| it.emission.is_observed()) {
        return outlook_of_watched();
    }
    let due = book.deadlines.first().map(|(at, _)| *at);
    let mut reasons = book.reasons.keys();
    if let Some(why) = reasons.find_map(|reason| hopeless(*reason, due, ledger.now())) {
        return Outlook::WouldFail(why.to_owned());
    }
    let (worked, failed) = since(ledger, &book.edge);
    // What died after the last success and before the last failure has the worst outlook, then what has seen
    // neither or both.
    let after_success = book.since(worked.unwrap_or_default()).next();
    if after_success.is_some_and(|(died, _)| failed > Some(*died)) {
        return seen(false, true);
    }
    if after_success.is_some() {
        return seen(false, false);
    }
    let oldest = book.items.first().map(|(at, _)| *at);
    seen(true, failed > oldest)
}

/// Times of the last completion and of the last failure on the edge; `None` when there was none.
fn since(ledger: &Ledger, edge: &Edge) -> (Option<Time>, Option<Time>) {
    let book = ledger.edge(edge);
    (book.and_then(|it| it.last_completed), book.and_then(|it| it.last_failed))
}

fn outlook_of_watched() -> Outlook {
    Outlook::Impossible("watched only: this source takes no requeue".to_owned())
}

/// Reason why no success of others could help; `None` when one could.
fn hopeless(reason: Option<DeadReason>, due: Option<Time>, now: Time) -> Option<&'static str> {
    match reason {
        Some(DeadReason::SchemaViolation) => Some("would fail again: the contract is still invalid"),
        Some(DeadReason::NotRetryable) => Some("likely to fail: its contract says not to retry this"),
        Some(DeadReason::ReferenceGone) => Some("would fail again: what its contract refers to is gone"),
        _ if due.is_some_and(|due| due <= now) => Some("would expire: its deadline has passed"),
        _ => None,
    }
}

fn seen(worked: bool, failed: bool) -> Outlook {
    match (worked, failed) {
        (true, false) => Outlook::Likely("likely to pass: others completed on this edge since".to_owned()),
        (true, true) => Outlook::Open("may pass: since then some on this edge completed, some failed".to_owned()),
        (false, true) => Outlook::WouldFail("likely to fail: others failed on this edge since".to_owned()),
        (false, false) => Outlook::Open("not known: nothing ended on this edge since".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use std::mem::discriminant;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::event::{Event, Fact};
    use crate::domain::id::Actor;
    use crate::domain::machine::tests::{emission, terms};

    const EDGES: [(&str, &str); 2] = [("sales", "crm"), ("writer", "reviewer")];
    const REASONS: [DeadReason; 3] = [DeadReason::BudgetSpent, DeadReason::NotRetryable, DeadReason::SchemaViolation];

    /// What happens to one of a few handoffs: it dies (again), is requeued, or completes.
    fn fact(what: usize) -> Fact {
        match what {
            0..6 => Fact::DeadLettered {
                code: "timeout".to_owned(),
                reason: REASONS[what % 3 * usize::from(what > 3)],
                detail: format!("crm did not answer in {what}00 ms"),
                violations: Vec::new(),
            },
            6..8 => Fact::Requeued { reason: String::new() },
            _ => Fact::Completed { emitted: Vec::new(), result: None, note: String::new() },
        }
    }

    fn ledger(steps: &[(usize, usize)]) -> Ledger {
        let mut ledger = Ledger::new(0);
        let mut tell = |nth: usize, seq: u64, at: i64, fact| {
            ledger.apply(&Event {
                seen: None,
                run: format!("run-{nth}").into(),
                seq,
                at: Time::from_millis(at),
                handoff: Some(format!("h-{nth}").into()),
                actor: Actor::agent("crm"),
                fact,
            });
        };
        for nth in 0..8 {
            let (from, to) = EDGES[nth % 2];
            let mut emission = emission(from, to, "hk1_x");
            emission.prompt = (nth > 3).then(|| "v18".to_owned());
            terms(&mut emission).deadline = (nth == 7).then(|| Time::from_millis(1_000_000));
            tell(nth, 1, 0, Fact::Emitted(Arc::new(emission)));
        }
        let mut seqs = [1; 8];
        for (at, &(nth, what)) in (1..).zip(steps) {
            seqs[nth] += 1;
            tell(nth, seqs[nth], at * 20_000, fact(what));
        }
        ledger
    }

    proptest! {
        #[test]
        fn heads_say_what_counting_would(steps in proptest::collection::vec((0usize..8, 0usize..9), 0..60)) {
            let ledger = ledger(&steps);
            let groups = dead_groups(&ledger);
            let all: usize = groups.iter().map(|it| it.items.len()).sum();
            prop_assert_eq!(all, ledger.dead().len());
            let dead = ledger.runs().flat_map(|run| run.handoffs.values());
            prop_assert_eq!(all, dead.filter(|it| it.state == crate::domain::run::State::DeadLettered).count());
            for group in groups {
                let items = &group.items;
                prop_assert_eq!(group.count, items.len());
                prop_assert_eq!(Some(group.first_at), items.iter().map(|it| it.dead_at).min());
                prop_assert_eq!(Some(group.last_at), items.iter().map(|it| it.dead_at).max());
                prop_assert_eq!(group.last_10m, items.iter().filter(|it| it.age_ms <= 10 * MINUTE).count());
                let worst = items.iter().map(|it| &it.outlook).max().unwrap();
                prop_assert_eq!(discriminant(&group.outlook), discriminant(worst));
                let one = items.iter().all(|it| it.prompt == items[0].prompt);
                prop_assert_eq!(&group.prompt, if one { &items[0].prompt } else { &None });
                prop_assert!(items.is_sorted_by_key(|it| (it.dead_at, it.handoff_id.clone())));
                prop_assert!(items.iter().all(|it| it.group == group.id && it.edge == group.edge));
            }
        }
    }

    #[test]
    fn the_same_failure_is_one_group_until_the_last_is_gone() {
        let mut steps = vec![(0, 0), (2, 1), (1, 0)];
        let ledger_before = ledger(&steps);
        let groups = dead_groups(&ledger_before);
        assert_eq!(groups.len(), 2, "two edges");
        assert_eq!((groups[0].count, groups[1].count), (2, 1));
        assert!(groups[0].title.starts_with("timeout: crm did not answer"));
        steps.push((1, 6));
        let after = ledger(&steps);
        assert_eq!(dead_heads(&after).len(), 1);
        assert!(after.dead().revision() > ledger_before.dead().revision());
    }
}
