//! An act on its way: portion after portion, each answered on its own, and one result of all of them.

use crate::console::app::act::{Aim, Draft, Portion};
use crate::console::app::desk::Tickets;
use crate::console::app::msg::{Effect, Ticket};
use crate::domain::link::{Fault, SourceId};

/// An act on its way.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::console::app) struct Sent {
    pub(super) draft: Draft,
    /// What is asked now; never two of one source, so that each has all of its time.
    asked: Vec<(Ticket, Portion)>,
    /// What is not asked yet, in order.
    waiting: Vec<Portion>,
    /// What came of each item so far. An act on an edge has no item.
    pub(super) done: Vec<(Option<Aim>, Result<(), Fault>)>,
}

impl Sent {
    pub(super) const fn new(draft: Draft, portions: Vec<Portion>) -> Self {
        Self { draft, asked: Vec::new(), waiting: portions, done: Vec::new() }
    }

    /// Asks every source that owes no answer for its next portion.
    pub(super) fn go_on(&mut self, tickets: &mut Tickets) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut left = Vec::new();
        for portion in std::mem::take(&mut self.waiting) {
            if self.is_busy(portion.source) {
                left.push(portion);
                continue;
            }
            let ticket = tickets.draw();
            let request = portion.request.clone();
            effects.push(Effect::Perform(ticket, portion.source, request));
            self.asked.push((ticket, portion));
        }
        self.waiting = left;
        effects
    }

    fn is_busy(&self, source: SourceId) -> bool {
        self.asked.iter().any(|(_, it)| it.source == source)
    }

    pub(super) fn waits_for(&self, ticket: Ticket) -> bool {
        self.asked.iter().any(|(it, _)| *it == ticket)
    }

    /// The portion that was answered.
    pub(super) fn take(&mut self, ticket: Ticket) -> Option<Portion> {
        let at = self.asked.iter().position(|(it, _)| *it == ticket)?;
        Some(self.asked.swap_remove(at).1)
    }

    /// A portion came to nothing as a whole. What waits for the same source is not sent after it: a source that does
    /// not answer would not answer a hundred times.
    pub(super) fn give_up(&mut self, portion: Portion, fault: &Fault) {
        let unsent = Fault::Transient("not sent, because those before it failed".to_owned());
        let waiting = std::mem::take(&mut self.waiting);
        let (unsent_now, waiting) = waiting.into_iter().partition(|it| it.source == portion.source);
        self.waiting = waiting;
        let mut fail = |portion: Portion, fault: &Fault| {
            let aims = portion.aims.into_iter();
            self.done.extend(aims.map(|aim| (Some(aim), Err(fault.clone()))));
        };
        fail(portion, fault);
        let unsent_now: Vec<Portion> = unsent_now;
        for portion in unsent_now {
            fail(portion, &unsent);
        }
    }

    /// Everything was answered.
    pub(super) const fn is_over(&self) -> bool {
        self.asked.is_empty() && self.waiting.is_empty()
    }

    /// How many acts were sent and not answered, and how many were not sent.
    pub(super) fn open(&self) -> (usize, usize) {
        let acts = |it: &Portion| it.request.on.len().max(1);
        (self.asked.iter().map(|(_, it)| acts(it)).sum(), self.waiting.iter().map(acts).sum())
    }
}
