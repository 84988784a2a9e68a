//! Queues and due times: the order in which handoffs are served, and their timeouts (protocol sections 3 and 6).

use super::{Handoff, State};
use crate::domain::contract::Urgency;
use crate::domain::time::{HOUR, MINUTE, Millis, Time};

impl Handoff {
    /// Time of the latest change: whatever it waits for was timed then. The epoch when that is not known.
    pub fn changed_at(&self) -> Time {
        self.last_change.as_ref().map(|it| it.at).unwrap_or_default()
    }
}

/// From when an agent may claim it; `None` when none may, as it is in hand, has ended or is addressed to people.
pub fn claimable(it: &Handoff) -> Option<Time> {
    let free = matches!(it.state, State::Pending | State::RetryWait);
    (free && !it.emission.to.kind.is_people()).then_some(it.ready_at)
}

/// Its place in the queue of its target, the earliest first: urgent work sooner, but nothing starves. `None` when it
/// is in no queue.
pub fn place(it: &Handoff) -> Option<Time> {
    claimable(it).map(|ready| ready + -head_start(it.urgency()))
}

/// Head start of urgent work in the queue, in milliseconds; negative for later.
const fn head_start(urgency: Urgency) -> Millis {
    match urgency {
        Urgency::Critical => HOUR,
        Urgency::High => 10 * MINUTE,
        Urgency::Normal => 0,
        Urgency::Low => -10 * MINUTE,
    }
}

/// Time at which something happens to it by itself: its lease ends, its deadline passes or what it refers to is gone, its
/// question times out.
/// `None` when it waits for somebody, however long.
pub fn due(it: &Handoff) -> Option<Time> {
    match it.state {
        State::Leased | State::Acknowledged => it.lease.as_ref().and_then(|lease| lease.until),
        State::Pending | State::RetryWait => {
            let terms = it.emission.terms.as_ref()?;
            terms.deadline.into_iter().chain(terms.refs_until).min()
        }
        State::Escalated => it.escalation.as_ref().and_then(|open| open.asked.due_at),
        State::DeadLettered
        | State::Completed
        | State::Returned
        | State::Dismissed
        | State::Cancelled
        | State::Failed
        | State::Rejected => None,
    }
}

/// Time at which the wait began that ends when an agent may claim it or, once it is in no queue, when it is due. `None`
/// when that end is a time which somebody named.
pub fn timed_at(it: &Handoff) -> Option<Time> {
    let free = matches!(it.state, State::Pending | State::RetryWait);
    (claimable(it).is_some() || (!free && due(it).is_some())).then(|| it.changed_at())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::contract::PartyKind;
    use crate::domain::machine::tests::{World, terms};
    use std::sync::Arc;

    #[test]
    fn what_is_free_is_in_the_queue_of_an_agent_and_never_of_a_person() {
        for state in State::ALL.into_iter().filter(|it| !matches!(it, State::Failed | State::Rejected)) {
            let mut it = World::at(state).it("a").clone();
            let free = matches!(state, State::Pending | State::RetryWait);
            assert_eq!(claimable(&it), free.then_some(it.ready_at), "{state:?}");
            assert_eq!(place(&it), claimable(&it), "{state:?}: neither urgent nor not");
            Arc::make_mut(&mut it.emission).to.kind = PartyKind::Team;
            assert_eq!((claimable(&it), place(&it)), (None, None), "{state:?}");
        }
    }

    #[test]
    fn the_urgent_are_ahead_and_nobody_starves() {
        let mut it = World::at(State::Pending).it("a").clone();
        it.ready_at = Time::from_millis(2 * HOUR);
        let mut place_of = |urgency| {
            terms(Arc::make_mut(&mut it.emission)).urgency = urgency;
            place(&it).unwrap().millis() / MINUTE
        };
        let places = [Urgency::Critical, Urgency::High, Urgency::Normal, Urgency::Low].map(&mut place_of);
        assert_eq!(places, [60, 110, 120, 130]);
    }

    #[test]
    fn leases_deadlines_and_questions_run_out() {
        let due_in = |state| {
            let mut it = World::at(state).it("a").clone();
            terms(Arc::make_mut(&mut it.emission)).deadline = Some(Time::from_millis(7));
            (due(&it), it)
        };
        for state in [State::Pending, State::RetryWait] {
            assert_eq!(due_in(state).0, Some(Time::from_millis(7)), "{state:?}");
        }
        let mut it = due_in(State::Pending).1;
        terms(Arc::make_mut(&mut it.emission)).refs_until = Some(Time::from_millis(5));
        assert_eq!(due(&it), Some(Time::from_millis(5)), "what it refers to is gone before");
        for state in [State::Leased, State::Acknowledged] {
            let (due, it) = due_in(state);
            assert!(due.is_some() && due == it.lease.unwrap().until, "{state:?}");
        }
        let (due, it) = due_in(State::Escalated);
        assert!(due.is_some() && due == it.escalation.unwrap().asked.due_at);
        for state in State::ENDS.into_iter().chain([State::DeadLettered]) {
            assert_eq!(due_in(state).0, None, "{state:?}");
        }
    }
}
