//! Notes taken of an event for those who watch, beside the figures of its edge and the state of its handoff.

use super::Ledger;
use crate::domain::event::{Event, Fact};
use crate::domain::id::Edge;
use crate::domain::offence::Offence;
use crate::domain::run::Handoff;
use crate::domain::time::Time;

impl Ledger {
    /// An edge flows again since a time. One that nothing ever crossed is not made known by that.
    pub(super) fn resumed(&mut self, edge: &Edge, at: Time) {
        if let Some(book) = self.edges.get_mut(edge) {
            book.resumed_at = book.resumed_at.max(Some(at));
        }
    }

    /// Takes note of `event`; `handoff` is the one that it is about, as it stands now.
    pub(super) fn note(&mut self, event: &Event, handoff: Option<&Handoff>) {
        let at = event.at;
        for it in Offence::of(event, handoff) {
            self.violations.add(it);
        }
        let place = handoff.map(|it| self.place(&it.emission.edge));
        let known = handoff.zip(place.map(|place| &mut self.edges[place]));
        let known = known.map(|(it, book)| {
            book.changed_at = book.changed_at.max(at);
            (it, book)
        });
        match &event.fact {
            Fact::Emitted(_) | Fact::Sighted(_) => {
                if let Some((it, book)) = known {
                    book.crossed(&it.outline());
                }
            }
            Fact::Completed { .. } | Fact::Returned { .. } => {
                if let Some((_, book)) = known {
                    book.completed(at);
                }
            }
            Fact::RetryScheduled { code, .. }
            | Fact::DeadLettered { code, .. }
            | Fact::ObservedFailed { code }
            | Fact::ObservedRejected { code } => {
                if let Some((_, book)) = known {
                    book.failed(code, at);
                }
            }
            Fact::EdgePaused { edge, .. } => {
                self.paused.insert(edge.clone());
                // Also one that nothing ever crossed: whoever looks at the edges sees that it is paused.
                self.book(edge);
            }
            Fact::EdgeResumed { edge, .. } => {
                self.paused.remove(edge);
                self.resumed(edge, at);
            }
            Fact::Refused(_)
            | Fact::RejectionResolved { .. }
            | Fact::Duplicate { .. }
            | Fact::Leased { .. }
            | Fact::Acknowledged { .. }
            | Fact::Snoozed { .. }
            | Fact::Requeued { .. }
            | Fact::Amended { .. }
            | Fact::Dismissed { .. }
            | Fact::Cancelled { .. }
            | Fact::EscalationOpened(_)
            | Fact::EscalationClaimed { .. }
            | Fact::EscalationReleased {}
            | Fact::EscalationResolved(_)
            | Fact::EscalationExpired { .. }
            | Fact::LoopDetected { .. }
            | Fact::Annotated(_)
            | Fact::Revealed { .. }
            | Fact::ObservedRetried {} => {}
        }
    }
}
