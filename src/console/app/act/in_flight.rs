//! Acts in flight: held back for an undo, edited, sent chunk after chunk, each answered on its own, and one result
//! of all of them.

use std::collections::HashMap;

use super::{ActTarget, Chunk, Editing, Form};
use crate::console::app::msg::{Effect, Ticket, Tickets};
use crate::console::app::world::World;
use crate::domain::port::{Fault, SourceId};
use crate::domain::time::{Millis, SECOND, Time};

/// Delay of a dismissal before it is sent, in milliseconds: the time to undo it (product section 4).
pub const UNDO_FOR: Millis = 10 * SECOND;

/// Everything that was started and is not over.
#[derive(Debug)]
pub struct Acting {
    /// Hands out the tickets of all effects, those of screens too.
    pub tickets: Tickets,
    /// Bodies being fetched or edited for an approval.
    pub edits: HashMap<Ticket, Editing>,
    /// The user is leaving, once everything sent was answered.
    pub leaving: bool,
    pending: Vec<Pending>,
    in_flight: Vec<InFlight>,
    /// Makes the keys of requests unlike those of any other console.
    session: String,
}

/// A dismissal that is sent when its time is up, unless it is taken back.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    /// The form to send.
    pub form: Form,
    /// The items that were not skipped.
    pub targets: Vec<ActTarget>,
    /// Instant that it is sent at, by the clock of this machine.
    pub due: Time,
    /// Ticket of the timer that ends the wait.
    ticket: Ticket,
}

impl Acting {
    /// Nothing started yet. `session` is drawn at random for each run of the console.
    pub fn new(session: String) -> Self {
        Self {
            tickets: Tickets::default(),
            edits: HashMap::new(),
            leaving: false,
            pending: Vec::new(),
            in_flight: Vec::new(),
            session,
        }
    }

    /// The dismissals that can still be taken back, oldest first.
    pub fn pending(&self) -> &[Pending] {
        &self.pending
    }

    /// Items that those dismissals are about, in all.
    pub fn held_back(&self) -> usize {
        self.pending.iter().map(|it| it.targets.len()).sum()
    }

    /// True while something that was sent is not answered.
    pub const fn owes_answers(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// The act that is begun and not over, in words, and what ends it; `None` when there is none.
    pub fn unfinished(&self) -> Option<String> {
        let held_back = self.held_back();
        if held_back > 0 {
            let dismissal = items(held_back);
            return Some(format!("the dismissal of {dismissal} was not sent yet; take it back, or wait until it is"));
        }
        if self.owes_answers() {
            return Some("what was sent is not answered yet".to_owned());
        }
        (!self.edits.is_empty()).then(|| "a contract is being edited; send it, or give it up".to_owned())
    }

    /// Lets a dismissal wait, so that it can be taken back: there is no undo once it is sent.
    pub fn hold_back(&mut self, form: Form, targets: Vec<ActTarget>, now: Time) -> Vec<Effect> {
        let ticket = self.tickets.draw();
        self.pending.push(Pending { ticket, form, targets, due: now + UNDO_FOR });
        vec![Effect::Wait(ticket, UNDO_FOR)]
    }

    /// Takes the latest dismissal back: of how many items it was, and how its timer is stopped.
    pub fn take_back(&mut self) -> Option<(usize, Effect)> {
        let last = self.pending.pop()?;
        Some((last.targets.len(), Effect::Cancel(last.ticket)))
    }

    /// Sends the dismissal whose timer this is; `None` when it is no such timer.
    pub fn send_due(&mut self, timer: Ticket, world: &World) -> Option<Vec<Effect>> {
        let at = self.pending.iter().position(|it| it.ticket == timer)?;
        let due = self.pending.remove(at);
        Some(self.send(&due.form, &due.targets, world))
    }

    /// Sends every dismissal that waits, now.
    pub fn send_pending(&mut self, world: &World) -> Vec<Effect> {
        let mut effects = Vec::new();
        for it in std::mem::take(&mut self.pending) {
            effects.push(Effect::Cancel(it.ticket));
            effects.extend(self.send(&it.form, &it.targets, world));
        }
        effects
    }

    /// Sends an act on these items, in your name at each source.
    pub fn send(&mut self, form: &Form, targets: &[ActTarget], world: &World) -> Vec<Effect> {
        let key = format!("{}-{}", self.session, self.tickets.draw().0);
        self.go_on(InFlight::new(form.clone(), form.chunks(targets, |source| world.you(source), &key))).0
    }

    /// The act whose chunk was answered, and that chunk. Go on with it by [`Acting::go_on`].
    pub fn answered(&mut self, ticket: Ticket) -> Option<(InFlight, Chunk)> {
        let at = self.in_flight.iter().position(|it| it.waits_for(ticket))?;
        let mut sent = self.in_flight.swap_remove(at);
        let chunk = sent.take(ticket)?;
        Some((sent, chunk))
    }

    /// Asks for the next chunks of an act. The act comes back when it is over.
    pub fn go_on(&mut self, mut sent: InFlight) -> (Vec<Effect>, Option<InFlight>) {
        let effects = sent.go_on(&mut self.tickets);
        if sent.is_over() {
            return (effects, Some(sent));
        }
        self.in_flight.push(sent);
        (effects, None)
    }

    /// Keeps what is being edited until it is sent or given up.
    pub fn keep(&mut self, editing: Editing) -> Ticket {
        let ticket = self.tickets.draw();
        self.edits.insert(ticket, editing);
        ticket
    }

    /// Warning of the acts that leaving now would lose or leave unknown, in words; `None` when there are none.
    pub fn farewell(&self) -> Option<String> {
        let (mut unanswered, mut unsent) = (0, Vec::new());
        for it in &self.in_flight {
            let (asked, waiting) = it.open();
            unanswered += asked;
            if waiting > 0 {
                let act = it.form.proposal.act.done();
                unsent.push(format!("{} were not {act}: not sent yet", items(waiting)));
            }
        }
        let mut words = Vec::new();
        let held_back = self.held_back();
        if held_back > 0 {
            words.push(format!("the dismissal of {} was not sent", items(held_back)));
        }
        if unanswered > 0 {
            words.push(format!(
                "{unanswered} act{} sent without an answer: look again before you repeat",
                if unanswered == 1 { " was" } else { "s were" }
            ));
        }
        words.extend(unsent);
        (!words.is_empty()).then(|| words.join("; "))
    }
}

/// Count and noun: `1 handoff`, `4 handoffs`.
pub fn items(count: usize) -> String {
    format!("{count} handoff{}", if count == 1 { "" } else { "s" })
}

/// An act in flight: sent in chunks, not answered in full.
#[derive(Clone, Debug, PartialEq)]
pub struct InFlight {
    /// The form that was sent.
    pub form: Form,
    /// Chunks that were sent and not answered; never two of one source, so that each has all of its time.
    asked: Vec<(Ticket, Chunk)>,
    /// Chunks that were not sent yet, in order.
    waiting: Vec<Chunk>,
    /// Results so far, one for each item. An act on an edge has no item.
    pub done: Vec<(Option<ActTarget>, Result<(), Fault>)>,
    /// What a source said of it besides, in words; `None` when none said anything.
    pub note: Option<String>,
}

impl InFlight {
    const fn new(form: Form, chunks: Vec<Chunk>) -> Self {
        Self { form, asked: Vec::new(), waiting: chunks, done: Vec::new(), note: None }
    }

    /// Asks every source that owes no answer for its next chunk.
    fn go_on(&mut self, tickets: &mut Tickets) -> Vec<Effect> {
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

    fn waits_for(&self, ticket: Ticket) -> bool {
        self.asked.iter().any(|(it, _)| *it == ticket)
    }

    /// The chunk that was answered.
    fn take(&mut self, ticket: Ticket) -> Option<Chunk> {
        let at = self.asked.iter().position(|(it, _)| *it == ticket)?;
        Some(self.asked.swap_remove(at).1)
    }

    /// A chunk came to nothing as a whole. What waits for the same source is not sent after it: a source that does
    /// not answer would not answer a hundred times.
    pub fn give_up(&mut self, chunk: Chunk, fault: &Fault) {
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

    /// True when everything was answered.
    pub const fn is_over(&self) -> bool {
        self.asked.is_empty() && self.waiting.is_empty()
    }

    /// Acts that were sent and not answered, and acts that were not sent.
    fn open(&self) -> (usize, usize) {
        let acts = |it: &Chunk| it.request.on.len().max(1);
        (self.asked.iter().map(|(_, it)| acts(it)).sum(), self.waiting.iter().map(acts).sum())
    }
}
