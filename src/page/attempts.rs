//! The state of a handoff, and its attempts.

use super::{Doc, Subject, TextRole};
use crate::domain::run::State;
use crate::domain::text::{age, plural};

impl Subject<'_> {
    /// The state of the handoff as it is now, with its edge and times.
    pub(super) fn standing(&self, doc: &mut Doc) {
        doc.gap();
        let (it, now, stamp) = (self.it, self.now, self.stamp);
        let edge = &it.emission.edge;
        doc.field("edge", TextRole::Text, &format!("{edge} in {}", edge.pipeline));
        let first = it.first_seen();
        doc.field("emitted", TextRole::Text, &format!("{}, {} ago", stamp(first), age(first.age(now))));
        if let (Some(failure), State::DeadLettered | State::RetryWait) = (&it.failure, it.state) {
            let said = match failure.violations.first() {
                Some(first) => format!(": {first}"),
                None if failure.detail.is_empty() => String::new(),
                None => format!(": {}", failure.detail),
            };
            doc.field("failed", TextRole::Bad, &format!("{}{said}", failure.code));
        }
        self.requeue(doc);
        if let Some(last) = &it.last_change {
            let event = last.event.trim_end_matches(".v1").rsplit('.').next().unwrap_or_default().replace('_', " ");
            doc.field("last", TextRole::Dim, &format!("{event} by {} at {}", last.actor.id, stamp(last.at)));
        }
        doc.note_hidden();
    }

    /// The number of attempts, the failure of the last one, and the holder of the lease.
    pub fn attempts(&self, doc: &mut Doc) {
        let (it, now, stamp) = (self.it, self.now, self.stamp);
        let spent = match &it.emission.terms {
            Some(terms) => format!("{} of {}", it.attempt, terms.max_attempts),
            None => plural(it.attempts_total as usize, "attempt"),
        };
        let before = match it.attempts_total.saturating_sub(it.attempt) {
            0 => String::new(),
            before => format!(", {} before the last requeue or approval", plural(before as usize, "attempt")),
        };
        doc.field("attempts", TextRole::Text, &format!("{spent}{before}"));
        if let Some(failure) = &it.failure {
            let (at, ago) = (stamp(failure.at), age(failure.at.age(now)));
            doc.field("last error", TextRole::Bad, &format!("{} at {at}, {ago} ago", failure.code));
            if !failure.detail.is_empty() {
                doc.field("", TextRole::Text, &failure.detail);
            }
            for wrong in &failure.violations {
                doc.field("violation", TextRole::Text, &wrong.to_string());
            }
        }
        // The last lease is kept for the record; nobody holds what has ended.
        if let Some(lease) = it.lease.as_ref().filter(|_| it.state.is_open()) {
            let until = lease.until.map_or_else(|| "without end".to_owned(), |at| format!("until {}", stamp(at)));
            doc.field("held by", TextRole::Accent, &format!("{} {until}", lease.holder));
        }
    }
}
