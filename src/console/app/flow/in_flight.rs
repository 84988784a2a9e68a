//! An act on its way: chunk after chunk, each answered on its own, and one result of all of them.

use crate::console::app::act::{ActTarget, Chunk, Form};
use crate::console::app::msg::{Effect, Ticket};
use crate::console::app::screen_context::Tickets;
use crate::domain::port::{Fault, SourceId};

/// An act on its way.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::console::app) struct InFlight {
    pub(super) form: Form,
    /// What is asked now; never two of one source, so that each has all of its time.
    asked: Vec<(Ticket, Chunk)>,
    /// What is not asked yet, in order.
    waiting: Vec<Chunk>,
    /// What came of each item so far. An act on an edge has no item.
    pub(super) done: Vec<(Option<ActTarget>, Result<(), Fault>)>,
}

impl InFlight {
    pub(super) const fn new(form: Form, chunks: Vec<Chunk>) -> Self {
        Self { form, asked: Vec::new(), waiting: chunks, done: Vec::new() }
    }

    /// Asks every source that owes no answer for its next chunk.
    pub(super) fn go_on(&mut self, tickets: &mut Tickets) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut left = Vec::new();
        for chunk in std::mem::take(&mut self.waiting) {
            if self.is_busy(chunk.source) {
                left.push(chunk);
                continue;
            }
            let ticket = tickets.draw();
            let request = chunk.request.clone();
            effects.push(Effect::Perform(ticket, chunk.source, request));
            self.asked.push((ticket, chunk));
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

    /// The chunk that was answered.
    pub(super) fn take(&mut self, ticket: Ticket) -> Option<Chunk> {
        let at = self.asked.iter().position(|(it, _)| *it == ticket)?;
        Some(self.asked.swap_remove(at).1)
    }

    /// A chunk came to nothing as a whole. What waits for the same source is not sent after it: a source that does
    /// not answer would not answer a hundred times.
    pub(super) fn give_up(&mut self, chunk: Chunk, fault: &Fault) {
        let unsent = Fault::Transient("not sent, because those before it failed".to_owned());
        let waiting = std::mem::take(&mut self.waiting);
        let (unsent_now, waiting) = waiting.into_iter().partition(|it| it.source == chunk.source);
        self.waiting = waiting;
        let mut fail = |chunk: Chunk, fault: &Fault| {
            let targets = chunk.targets.into_iter();
            self.done.extend(targets.map(|target| (Some(target), Err(fault.clone()))));
        };
        fail(chunk, fault);
        let unsent_now: Vec<Chunk> = unsent_now;
        for chunk in unsent_now {
            fail(chunk, &unsent);
        }
    }

    /// Everything was answered.
    pub(super) const fn is_over(&self) -> bool {
        self.asked.is_empty() && self.waiting.is_empty()
    }

    /// How many acts were sent and not answered, and how many were not sent.
    pub(super) fn open(&self) -> (usize, usize) {
        let acts = |it: &Chunk| it.request.on.len().max(1);
        (self.asked.iter().map(|(_, it)| acts(it)).sum(), self.waiting.iter().map(acts).sum())
    }
}
