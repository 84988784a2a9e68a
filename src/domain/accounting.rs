//! The meaning of an event for the figures of an edge (protocol section 5): the one translation that the store's
//! rollups and every watcher's windows share, so that both tell the same numbers.

use super::event::{DeadReason, Event, Fact};
use super::health::{Kind, Tally};
use super::id::Edge;
use super::run::{Handoff, State};
use super::time::{Millis, Time};

/// One entry in the book of an edge, at the time of its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// An event of this kind.
    Count(Kind),
    /// A first acknowledgement.
    Acknowledged {
        /// Time since the latency clock started, in milliseconds.
        latency: Millis,
        /// The same with the time that people were asked, where a source recorded that; else the same.
        raw: Millis,
    },
    /// The first acknowledgement is of a handoff that was acknowledged before it was requeued.
    AcknowledgedAgain,
    /// A first acknowledgement of which no latency is known.
    AcknowledgedUnmeasured,
    /// A wait for an acknowledgement ended without one after that long, in a life before a requeue.
    Unanswered(Millis),
    /// Finished this long after its acknowledgement.
    Worked(Millis),
    /// The first end of a handoff, or of its first life.
    Settled {
        /// The highest attempt it needed.
        attempt: u32,
        /// True when it was completed or returned, false when it became a dead letter.
        succeeded: bool,
    },
    /// A handoff that had settled without a retry needed one after a requeue.
    RetriedLater,
    /// What was completed was sent back.
    Returned,
    /// The handoff is addressed to people.
    ToPeople,
    /// A distinct payload that is wrong was let through.
    Flagged,
    /// A distinct payload met a boundary.
    Evaluated {
        /// True when the contract was refused.
        violated: bool,
    },
    /// A payload that was evaluated at its emission was refused at receipt.
    Violated,
}

impl Entry {
    /// Writes the entry into a tally.
    pub fn enter(self, tally: &mut Tally, at: Time) {
        match self {
            Self::Count(kind) => tally.count(kind),
            Self::Acknowledged { latency, raw } => {
                tally.acknowledge(latency, raw);
                tally.last_ack = tally.last_ack.max(Some(at));
            }
            Self::AcknowledgedAgain => tally.acked_again(),
            Self::AcknowledgedUnmeasured => tally.acked_unmeasured(),
            Self::Unanswered(waited) => tally.unanswered.record(waited),
            Self::Worked(time) => tally.to_complete.record(time),
            Self::Settled { attempt, succeeded } => tally.settle(attempt, succeeded),
            Self::RetriedLater => tally.retry_after_all(),
            Self::Returned => tally.returned += 1,
            Self::ToPeople => tally.to_people = true,
            Self::Flagged => tally.flag(),
            Self::Evaluated { violated } => tally.evaluate(violated),
            Self::Violated => tally.violate(),
        }
    }
}

/// The state of a handoff just before an event, as far as the figures need it; cheap to take.
#[derive(Clone, Debug, PartialEq)]
pub struct Before {
    /// State of the handoff.
    pub state: State,
    /// Time since which it counted in the latency population; `None` when it did not.
    pub waiting: Option<Time>,
    /// Time its age counts from: [`Handoff::first_seen`].
    pub first_seen: Time,
    /// Time since which it waited, or had waited, for its acknowledgement; `None` when its emission was never seen.
    waited_since: Option<Time>,
    emitted_at: Option<Time>,
    acked_at: Option<Time>,
    ended_at: Option<Time>,
    attempt: u32,
    settled: Option<bool>,
    died_at: Option<Time>,
    /// The open question to people.
    pub asked: Option<Asked>,
}

/// An open question to a role, measured as a handoff of its own on the edge `{target}>{role}` (protocol section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The edge from the target of the handoff to the role.
    pub edge: Edge,
    /// Time at which the question was opened.
    pub since: Time,
    /// True when somebody has it in hand, or had: it is acknowledged.
    pub claimed: bool,
}

impl Asked {
    /// The question open on a handoff; `None` when there is none or no role is named.
    pub fn of(it: &Handoff) -> Option<Self> {
        let open = it.escalation.as_ref()?;
        let edge = &it.emission.edge;
        open.asked.role.as_ref().map(|role| Self {
            edge: Edge::new(&edge.pipeline, &edge.to, role),
            since: open.opened_at,
            claimed: open.ever_claimed,
        })
    }
}

impl Before {
    /// Time its age counted from while it was open; `None` when it was not.
    pub fn open_since(&self) -> Option<Time> {
        (self.emitted_at.is_some() && self.state.is_open()).then_some(self.first_seen)
    }

    /// The state before an event of a handoff that is about to change.
    pub fn of(it: &Handoff) -> Self {
        Self {
            state: it.state,
            waiting: it.is_unacknowledged().then_some(it.waiting_since),
            first_seen: it.first_seen(),
            waited_since: it.emitted_at.map(|_| it.waiting_since),
            emitted_at: it.emitted_at,
            acked_at: it.acked_at,
            ended_at: it.ended_at,
            attempt: it.attempt,
            settled: it.settled,
            died_at: it.failure.as_ref().filter(|_| it.state == State::DeadLettered).map(|it| it.at),
            asked: Asked::of(it),
        }
    }
}

/// Hands each entry of `event` to `enter` with its edge, given its handoff before and after it was folded in.
///
/// An escalation with a role is measured as the edge `{target}>{role}` too: opened is emitted, claimed is
/// acknowledged, resolved is completed (protocol section 3). Who answers without claiming acknowledges by that.
pub fn entries(event: &Event, before: Option<&Before>, after: Option<&Handoff>, enter: impl FnMut(&Edge, Entry)) {
    let mut book = Book { edge: after.map(|it| &it.emission.edge), enter };
    let asked = before.and_then(|it| it.asked.as_ref());
    match &event.fact {
        Fact::Emitted(emission) => {
            book.count(Kind::Emitted);
            if emission.to.kind.is_people() {
                book.add(Entry::ToPeople);
            }
            if let Some(terms) = &emission.terms {
                let flagged = terms.violations().next().is_some();
                book.add(if flagged { Entry::Flagged } else { Entry::Evaluated { violated: false } });
            }
            // An observed acknowledgement may stand before its emission in a record.
            if let (Some(it), None) = (after, before.and_then(|it| it.emitted_at))
                && book.latency(it)
            {
                book.add(Entry::AcknowledgedAgain);
            }
        }
        Fact::Refused(rejection) => {
            book.edge = Some(&rejection.edge);
            book.count(Kind::Rejected);
            if !rejection.again {
                book.add(Entry::Evaluated { violated: true });
            }
        }
        Fact::Acknowledged { .. } => {
            book.count(Kind::Acknowledged);
            if let (Some(it), None) = (after, before.and_then(|it| it.acked_at)) {
                if it.acked_before {
                    book.add(Entry::AcknowledgedAgain);
                }
                if !book.latency(it) {
                    book.add(Entry::AcknowledgedUnmeasured);
                }
            }
        }
        Fact::Completed { .. } | Fact::Returned { .. } => {
            book.count(Kind::Completed);
            if matches!(event.fact, Fact::Returned { .. }) {
                book.add(Entry::Returned);
            }
            book.settled(before, after, true);
            let began = before.and_then(|it| it.acked_at);
            if let Some(began) = began.filter(|_| !had_ended(before, after)) {
                book.add(Entry::Worked(event.at - began));
            }
        }
        Fact::RetryScheduled { .. } => {
            book.count(Kind::Failed);
            book.count(Kind::Retried);
        }
        Fact::DeadLettered { reason, .. } => {
            match reason {
                DeadReason::BudgetSpent | DeadReason::NotRetryable => book.count(Kind::Failed),
                DeadReason::SchemaViolation => {
                    book.count(Kind::Rejected);
                    book.add(Entry::Violated);
                }
                DeadReason::Expired
                | DeadReason::ReferenceGone
                | DeadReason::EscalationTimeout
                | DeadReason::EscalatedTooOften
                | DeadReason::Observed => {}
            }
            book.count(Kind::DeadLettered);
            book.settled(before, after, false);
        }
        Fact::EscalationOpened(_) => {
            book.count(Kind::Escalated);
            if let Some(asked) = after.and_then(Asked::of) {
                (book.enter)(&asked.edge, Entry::Count(Kind::Emitted));
            }
        }
        Fact::EscalationClaimed { .. } => {
            if let Some(asked) = asked {
                book.taken(asked, event.at);
            }
        }
        Fact::EscalationResolved(_) => {
            book.count(Kind::Resolved);
            if let Some(asked) = asked {
                book.taken(asked, event.at);
                let settled = Entry::Settled { attempt: 1, succeeded: true };
                for entry in [Entry::Count(Kind::Completed), settled] {
                    (book.enter)(&asked.edge, entry);
                }
            }
        }
        Fact::Requeued { .. } => {
            // Its clock starts anew: what it waited until then would be gone.
            if let Some(before) = before.filter(|it| it.acked_at.is_none())
                && let Some(since) = before.waited_since
            {
                book.add(Entry::Unanswered(before.died_at.unwrap_or(event.at) - since));
            }
        }
        Fact::ObservedFailed { .. } => book.count(Kind::Failed),
        Fact::ObservedRejected { .. } => book.count(Kind::Rejected),
        Fact::ObservedRetried {} => book.count(Kind::Retried),
        Fact::Sighted(_)
        | Fact::RejectionResolved { .. }
        | Fact::Duplicate { .. }
        | Fact::Leased { .. }
        | Fact::Snoozed { .. }
        | Fact::Amended { .. }
        | Fact::Dismissed { .. }
        | Fact::Cancelled { .. }
        | Fact::EscalationReleased {}
        | Fact::EscalationExpired { .. }
        | Fact::LoopDetected { .. }
        | Fact::EdgePaused { .. }
        | Fact::Annotated(_)
        | Fact::Revealed { .. }
        | Fact::EdgeResumed { .. } => {}
    }
}

/// Whether a handoff had ended before an event: not where the event is of another attempt under the same id.
fn had_ended(before: Option<&Before>, after: Option<&Handoff>) -> bool {
    let attempt = after.map(|it| it.attempt);
    before.is_some_and(|it| it.ended_at.is_some() && Some(it.attempt) == attempt)
}

struct Book<'a, F> {
    edge: Option<&'a Edge>,
    enter: F,
}

impl<F: FnMut(&Edge, Entry)> Book<'_, F> {
    fn add(&mut self, entry: Entry) {
        if let Some(edge) = self.edge {
            (self.enter)(edge, entry);
        }
    }

    fn count(&mut self, kind: Kind) {
        self.add(Entry::Count(kind));
    }

    /// A record may show an acknowledgement before its emission: that is no latency, and `false`.
    fn latency(&mut self, it: &Handoff) -> bool {
        let measured = it.latency().zip(it.emit_to_ack());
        if let Some((latency, raw)) = measured {
            self.add(Entry::Acknowledged { latency, raw });
        }
        measured.is_some()
    }

    /// The first end settles it, in whatever life; a second end of an observed handoff does not.
    fn settled(&mut self, before: Option<&Before>, after: Option<&Handoff>, succeeded: bool) {
        let Some(it) = after.filter(|_| !had_ended(before, after)) else { return };
        match before.and_then(|it| it.settled) {
            None => {
                let (attempt, edge) = it.settles();
                let attempt = if it.repeated { attempt.max(2) } else { attempt };
                (self.enter)(edge, Entry::Settled { attempt, succeeded });
            }
            Some(false) if it.repeated => self.add(Entry::RetriedLater),
            Some(_) => {}
        }
    }

    /// A person took up a question: the first time is its acknowledgement.
    fn taken(&mut self, asked: &Asked, at: Time) {
        if !asked.claimed {
            let latency = at - asked.since;
            let taken = Entry::Acknowledged { latency, raw: latency };
            for entry in [Entry::Count(Kind::Acknowledged), taken] {
                (self.enter)(&asked.edge, entry);
            }
        }
    }
}
