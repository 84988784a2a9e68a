//! The figures of one edge in one slice of time.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::histogram::Histogram;
use super::outcomes::Outcomes;
use super::signal::Rate;
use crate::domain::time::{Millis, Time};

/// Kinds of events for the health of an edge: the nine that every source can be reduced to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A producer committed a handoff.
    Emitted,
    /// The target verified the contract and accepted ownership.
    Acknowledged,
    /// The target finished the work.
    Completed,
    /// An attempt ended without success.
    Failed,
    /// Another attempt was granted.
    Retried,
    /// Refused at a schema boundary, or by the agent.
    Rejected,
    /// Parked: automatic processing ended, a person decides.
    DeadLettered,
    /// A person was asked.
    Escalated,
    /// A person answered an escalation.
    Resolved,
}

impl Kind {
    /// All nine, in the order of a handoff's life.
    pub const ALL: [Self; 9] = [
        Self::Emitted,
        Self::Acknowledged,
        Self::Completed,
        Self::Failed,
        Self::Retried,
        Self::Rejected,
        Self::DeadLettered,
        Self::Escalated,
        Self::Resolved,
    ];

    /// The name on the wire and in JSON, such as `dead_lettered`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Emitted => "emitted",
            Self::Acknowledged => "acknowledged",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Retried => "retried",
            Self::Rejected => "rejected",
            Self::DeadLettered => "dead_lettered",
            Self::Escalated => "escalated",
            Self::Resolved => "resolved",
        }
    }
}

/// Number of events of each [`Kind`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u32; Kind::ALL.len()]);

impl Counts {
    /// The number of events of one kind.
    pub const fn get(&self, kind: Kind) -> u32 {
        self.0[kind as usize]
    }

    /// Every kind with its number, zeros included.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, u32)> + '_ {
        Kind::ALL.into_iter().map(|kind| (kind, self.get(kind)))
    }
}

/// Written as a map of the kinds that occurred, such as `{"emitted":3}`.
impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().filter(|(_, count)| *count > 0))
    }
}

impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut counts = Self::default();
        for (kind, count) in std::collections::BTreeMap::<Kind, u32>::deserialize(deserializer)? {
            counts.0[kind as usize] = count;
        }
        Ok(counts)
    }
}

/// The figures of one edge in one slice of time; slices add up and can be taken away again.
///
/// Also the record a store keeps per edge and minute: what did not happen is not written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// Number of events by kind.
    pub counts: Counts,
    /// Acknowledged handoffs beyond those of [`to_ack`](Self::to_ack): one more where no latency could be measured, one
    /// less where a handoff was acknowledged again after a requeue. Nearly always 0.
    #[serde(skip_serializing_if = "is_none_beside")]
    pub acked_beside: i32,
    /// Handoffs that became completed, returned, or dead-lettered for the first time, whatever a requeue made of them later.
    #[serde(skip_serializing_if = "is_zero")]
    pub settled: u32,
    /// Those of [`settled`](Self::settled) that needed attempt 2 or higher, then or after a requeue.
    #[serde(skip_serializing_if = "is_zero")]
    pub settled_retried: u32,
    /// The last of those that settled: whether each needed a retry.
    #[serde(skip_serializing_if = "Outcomes::is_empty")]
    pub latest: Outcomes,
    /// Handoffs that became completed or returned (the strict form of the retry rate).
    #[serde(skip_serializing_if = "is_zero")]
    pub succeeded: u32,
    /// Those of [`succeeded`](Self::succeeded) with attempt 2 or higher.
    #[serde(skip_serializing_if = "is_zero")]
    pub succeeded_retried: u32,
    /// Those of [`Kind::Completed`] that were returned with feedback.
    #[serde(skip_serializing_if = "is_zero")]
    pub returned: u32,
    /// Distinct payloads checked at a boundary.
    #[serde(skip_serializing_if = "is_zero")]
    pub evaluated: u32,
    /// Payloads that a boundary refused, or found wrong and let through.
    #[serde(skip_serializing_if = "is_zero")]
    pub violations: u32,
    /// Those of [`violations`](Self::violations) that an edge which only observes let through.
    #[serde(skip_serializing_if = "is_zero")]
    pub flagged: u32,
    /// Latencies from ready to first acknowledgement, in the slice of the acknowledgement.
    #[serde(skip_serializing_if = "Histogram::is_empty")]
    pub to_ack: Histogram,
    /// Those of which a source recorded that people were asked before; `None` when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<Box<Asked>>,
    /// Waits that ended without an acknowledgement: of handoffs that died and were requeued, in the slice of the requeue.
    #[serde(skip_serializing_if = "Histogram::is_empty")]
    pub unanswered: Histogram,
    /// Times from acknowledgement to completion, in the slice of the completion.
    #[serde(skip_serializing_if = "Histogram::is_empty")]
    pub to_complete: Histogram,
    /// True when a handoff was addressed to people.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub to_people: bool,
    /// Time of the latest acknowledgement; `None` without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_ack: Option<Time>,
}

/// Acknowledgements that people were asked before, twice: as a record has them, and as latency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// Times from emission to acknowledgement.
    pub raw: Histogram,
    /// The same without the time that people were asked: a part of [`Tally::to_ack`].
    pub latency: Histogram,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_none_beside(count: &i32) -> bool {
    *count == 0
}

impl Tally {
    /// Counts one event of a kind.
    pub fn count(&mut self, kind: Kind) {
        self.counts.0[kind as usize] = self.counts.0[kind as usize].saturating_add(1);
    }

    /// Number of handoffs that were acknowledged, each once however often it was.
    pub fn acked(&self) -> u64 {
        self.to_ack.len().saturating_add_signed(self.acked_beside.into())
    }

    /// Counts an acknowledged handoff of which no latency is known.
    pub fn acked_unmeasured(&mut self) {
        self.acked_beside = self.acked_beside.saturating_add(1);
    }

    /// Counts no handoff more: the latency that is recorded beside is of one that was acknowledged in an earlier life.
    pub fn acked_again(&mut self) {
        self.acked_beside = self.acked_beside.saturating_sub(1);
    }

    /// Counts a handoff that settled: completed or returned when `succeeded`, else dead-lettered. `attempt` is the highest
    /// it needed, 1 when it was the first.
    pub fn settle(&mut self, attempt: u32, succeeded: bool) {
        let retried = u32::from(attempt >= 2);
        self.latest.push(retried > 0);
        self.settled = self.settled.saturating_add(1);
        self.settled_retried = self.settled_retried.saturating_add(retried);
        if succeeded {
            self.succeeded = self.succeeded.saturating_add(1);
            self.succeeded_retried = self.succeeded_retried.saturating_add(retried);
        }
    }

    /// Counts a first acknowledgement: its latency, and that with the time that people were asked.
    pub fn acknowledge(&mut self, latency: Millis, raw: Millis) {
        self.to_ack.record(latency);
        if raw != latency {
            let asked = self.asked.get_or_insert_default();
            asked.raw.record(raw);
            asked.latency.record(latency);
        }
    }

    /// Times from emission to first acknowledgement as they were recorded, with the time that people were asked.
    pub fn emit_to_ack(&self) -> Cow<'_, Histogram> {
        let Some(asked) = &self.asked else { return Cow::Borrowed(&self.to_ack) };
        let mut all = self.to_ack.clone();
        all.subtract(&asked.latency);
        all.add(&asked.raw);
        Cow::Owned(all)
    }

    /// Counts one distinct payload that met a schema boundary.
    pub fn evaluate(&mut self, violated: bool) {
        self.evaluated = self.evaluated.saturating_add(1);
        self.violations = self.violations.saturating_add(u32::from(violated));
    }

    /// Counts a handoff as retried that had settled without and was requeued.
    pub fn retry_after_all(&mut self) {
        self.settled_retried = self.settled_retried.saturating_add(1);
    }

    /// Counts a distinct payload that is wrong and was let through.
    pub fn flag(&mut self) {
        self.evaluate(true);
        self.flagged = self.flagged.saturating_add(1);
    }

    /// Counts a payload as refused at receipt that was counted as a distinct one at its emission.
    pub fn violate(&mut self) {
        self.violations = self.violations.saturating_add(1);
    }

    /// True when nothing at all happened.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Retried handoffs among the settled ones (protocol section 5).
    pub fn retry_rate(&self) -> Rate {
        // Settled before the window began, and needed a retry in it after a requeue: it is one of those, too.
        Rate { k: self.settled_retried, n: self.settled.max(self.settled_retried) }
    }

    /// Refused payloads among the checked ones.
    pub fn violation_rate(&self) -> Rate {
        Rate {
            k: self.violations,
            // Emitted before the window began, and refused in it: checked in it, too.
            n: self.evaluated.max(self.violations),
        }
    }

    /// The retry rate of the last few that settled, at most [`Outcomes::MOST`].
    pub fn latest_retry_rate(&self) -> Rate {
        self.latest.last(self.settled).rate()
    }

    /// Adds another slice, a later one; [`last_ack`](Self::last_ack) becomes the later one.
    pub fn add(&mut self, other: &Self) {
        self.each_count(other, u32::saturating_add);
        self.acked_beside = self.acked_beside.saturating_add(other.acked_beside);
        self.latest.append(other.latest);
        self.unanswered.add(&other.unanswered);
        self.to_ack.add(&other.to_ack);
        if let Some(theirs) = &other.asked {
            let asked = self.asked.get_or_insert_default();
            asked.raw.add(&theirs.raw);
            asked.latency.add(&theirs.latency);
        }
        self.to_complete.add(&other.to_complete);
        self.to_people |= other.to_people;
        self.last_ack = self.last_ack.max(other.last_ack);
    }

    /// Takes away a slice that was added before; [`last_ack`](Self::last_ack), [`latest`](Self::latest) and
    /// [`to_people`](Self::to_people) stay, they are no sums.
    pub fn subtract(&mut self, other: &Self) {
        self.each_count(other, u32::saturating_sub);
        self.acked_beside = self.acked_beside.saturating_sub(other.acked_beside);
        self.unanswered.subtract(&other.unanswered);
        self.to_ack.subtract(&other.to_ack);
        if let (Some(asked), Some(theirs)) = (&mut self.asked, &other.asked) {
            asked.raw.subtract(&theirs.raw);
            asked.latency.subtract(&theirs.latency);
            self.asked.take_if(|it| it.raw.is_empty());
        }
        self.to_complete.subtract(&other.to_complete);
    }

    fn each_count(&mut self, other: &Self, combine: fn(u32, u32) -> u32) {
        for (mine, theirs) in self.counts.0.iter_mut().zip(other.counts.0) {
            *mine = combine(*mine, theirs);
        }
        self.settled = combine(self.settled, other.settled);
        self.settled_retried = combine(self.settled_retried, other.settled_retried);
        self.succeeded = combine(self.succeeded, other.succeeded);
        self.succeeded_retried = combine(self.succeeded_retried, other.succeeded_retried);
        self.returned = combine(self.returned, other.returned);
        self.evaluated = combine(self.evaluated, other.evaluated);
        self.flagged = combine(self.flagged, other.flagged);
        self.violations = combine(self.violations, other.violations);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy() -> Tally {
        let mut tally = Tally { last_ack: Some(Time::from_millis(60_000)), ..Tally::default() };
        tally.count(Kind::Emitted);
        tally.count(Kind::DeadLettered);
        tally.settle(1, true);
        tally.settle(3, true);
        tally.settle(5, false);
        tally.evaluate(true);
        tally.evaluate(false);
        tally.to_ack.record(250);
        tally.to_complete.record(9_000);
        tally
    }

    #[test]
    fn retries_are_counted_among_settled_and_refusals_among_checked() {
        let tally = busy();
        assert_eq!(tally.retry_rate(), Rate { k: 2, n: 3 });
        assert_eq!((tally.succeeded_retried, tally.succeeded), (1, 2));
        assert_eq!(tally.violation_rate(), Rate { k: 1, n: 2 });
    }

    #[test]
    fn a_payload_refused_at_receipt_is_one_payload() {
        let mut tally = Tally::default();
        tally.evaluate(false);
        tally.violate();
        assert_eq!(tally.violation_rate(), Rate { k: 1, n: 1 });
        let mut later = Tally::default();
        later.violate();
        assert_eq!(later.violation_rate(), Rate { k: 1, n: 1 });
    }

    #[test]
    fn a_handoff_that_is_acknowledged_again_is_one_handoff() {
        let mut tally = Tally::default();
        (0..3).for_each(|_| tally.to_ack.record(5));
        tally.acked_again();
        assert_eq!(tally.acked(), 2);
        (0..2).for_each(|_| tally.acked_unmeasured());
        assert_eq!(tally.acked(), 4);
    }

    #[test]
    fn what_needs_a_retry_after_a_requeue_is_counted_among_what_settled() {
        let mut tally = Tally::default();
        tally.retry_after_all();
        assert_eq!(tally.retry_rate(), Rate { k: 1, n: 1 });
        tally.settle(1, false);
        tally.settle(1, true);
        assert_eq!(tally.retry_rate(), Rate { k: 1, n: 2 });
    }

    #[test]
    fn what_is_let_through_is_wrong_all_the_same() {
        let mut tally = Tally::default();
        tally.flag();
        tally.evaluate(false);
        assert_eq!((tally.violation_rate(), tally.flagged), (Rate { k: 1, n: 2 }, 1));
    }

    #[test]
    fn names_are_what_serde_writes() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{}\"", kind.name()));
        }
    }

    #[test]
    fn storage_writes_only_what_happened_and_reads_it_back() {
        let text = serde_json::to_string(&busy()).unwrap();
        assert!(text.starts_with(r#"{"counts":{"emitted":1,"dead_lettered":1},"settled":3"#), "{text}");
        assert_eq!(serde_json::from_str::<Tally>(&text).unwrap(), busy());
        assert_eq!(serde_json::to_string(&Tally::default()).unwrap(), r#"{"counts":{}}"#);
    }

    #[test]
    fn a_slice_can_be_added_and_taken_away() {
        let mut total = busy();
        total.add(&busy());
        assert_eq!((total.settled, total.counts.get(Kind::Emitted), total.to_ack.len()), (6, 2, 2));
        total.subtract(&busy());
        total.latest = busy().latest;
        assert_eq!(total, busy());
    }
}
