//! What people are late with on an edge: it is judged by when it was due.

use crate::domain::contract::Urgency;
use crate::domain::health::judge::People;
use crate::domain::ledger::{EdgeStats, Ledger};
use crate::domain::machine::ESCALATION_DUE;
use crate::domain::run::{Handoff, State};
use crate::domain::time::Time;

/// What people are late with on the edge of `book`, and what of it was never due.
pub(super) fn people(ledger: &Ledger, book: &EdgeStats) -> People {
    let present = ledger.present();
    let mut people = People::default();
    for it in book.open.iter().filter_map(|(_, id)| ledger.handoff(id)) {
        let question = it.state == State::Escalated;
        // On the edge that it came over, a question is of another edge, and what is in work is in hand.
        let here = if question { it.emission.edge != book.edge } else { it.is_unacknowledged() };
        if !here {
            continue;
        }
        let now = present.of_wait(it.changed_at());
        let due = if question { asked_until(it) } else { addressed_until(it) };
        match due {
            Some(due) if due < now => people.overdue.push(now - due),
            Some(_) => {}
            None => people.undated.push(asked_at(it).age(now)),
        }
    }
    people
}

fn asked_at(it: &Handoff) -> Time {
    it.escalation.as_ref().map_or(it.waiting_since, |open| open.opened_at)
}

/// When an answer is due; `None` when the source does not say.
fn asked_until(it: &Handoff) -> Option<Time> {
    it.escalation.as_ref().and_then(|open| open.asked.due_at)
}

/// When what is addressed to people is due: at its deadline, else when a question as urgent would be. `None` when it is
/// only observed.
fn addressed_until(it: &Handoff) -> Option<Time> {
    let terms = it.emission.terms.as_ref()?;
    let (usual, critical) = ESCALATION_DUE;
    let long = if it.urgency() == Urgency::Critical { critical } else { usual };
    Some(terms.deadline.unwrap_or(it.waiting_since + long))
}
