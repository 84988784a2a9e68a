//! Context of a screen: takes the effects, jumps, proposals to act and messages that it asks for.

use crate::domain::id::{Edge, HandoffId};
use crate::domain::port::{SourceId, Want};
use crate::domain::text;

use super::act::{ActTarget, Proposal};
use super::msg::{Effect, Ticket, Tickets};
use super::place::{Focus, ScreenId};
use super::world::World;

/// A request of a screen to the frame.
#[derive(Clone, Debug, PartialEq)]
pub enum ScreenRequest {
    /// Open the page of a handoff.
    Open(SourceId, HandoffId),
    /// Open the page of an edge over this screen.
    OpenEdge(SourceId, Edge),
    /// Close the page on top.
    Close,
    /// Go to another screen.
    Go(ScreenId, Focus),
    /// Start acting: reason, confirmation, result.
    Propose(Box<Proposal>),
    /// Fetch the contract, edit it, and propose to approve the edited one.
    EditApprove(Box<ActTarget>),
    /// Say something in the message line.
    Say(String),
}

/// Context that a screen reads from and writes to while it handles one message.
#[derive(Debug)]
pub struct ScreenContext<'a> {
    /// Everything the screens read.
    pub world: &'a World,
    pub(super) tickets: &'a mut Tickets,
    pub(super) effects: Vec<Effect>,
    pub(super) requests: Vec<ScreenRequest>,
}

impl<'a> ScreenContext<'a> {
    pub(super) const fn new(world: &'a World, tickets: &'a mut Tickets) -> Self {
        Self { world, tickets, effects: Vec::new(), requests: Vec::new() }
    }

    /// Rows of half a page, for moving: what is left of the terminal beside the frame.
    pub fn half_page(&self) -> usize {
        usize::from(self.world.size.rows.saturating_sub(6) / 2).max(1)
    }

    /// Fetches a body or a history; the answer comes to [`super::screen::Screen::answered`].
    pub fn fetch(&mut self, source: SourceId, want: Want) -> Ticket {
        let ticket = self.tickets.draw();
        self.effects.push(Effect::Fetch(ticket, source, want));
        ticket
    }

    /// Stops waiting for something fetched.
    pub fn cancel(&mut self, ticket: Ticket) {
        self.effects.push(Effect::Cancel(ticket));
    }

    /// Tries to reach a source again without waiting.
    pub fn retry(&mut self, source: SourceId) {
        self.effects.push(Effect::Retry(source));
    }

    /// Copies text, made harmless: what is pasted into a shell must not be able to run.
    pub fn copy(&mut self, content: &str, what: &str) {
        self.effects.push(Effect::Copy(text::clean_block(content).into_owned()));
        self.say(format!("copied {what}"));
    }

    /// Opens the page of a handoff.
    pub fn open(&mut self, source: SourceId, handoff: HandoffId) {
        self.requests.push(ScreenRequest::Open(source, handoff));
    }

    /// Opens the page of an edge over this screen.
    pub fn open_edge(&mut self, source: SourceId, edge: Edge) {
        self.requests.push(ScreenRequest::OpenEdge(source, edge));
    }

    /// Closes the page on top.
    pub fn close(&mut self) {
        self.requests.push(ScreenRequest::Close);
    }

    /// Goes to another screen.
    pub fn go(&mut self, screen: ScreenId, focus: Focus) {
        self.requests.push(ScreenRequest::Go(screen, focus));
    }

    /// Starts to act: reason, confirmation, result.
    pub fn propose(&mut self, proposal: Proposal) {
        self.requests.push(ScreenRequest::Propose(Box::new(proposal)));
    }

    /// Lets the user edit the contract and approve the edited one.
    pub fn edit_approve(&mut self, target: ActTarget) {
        self.requests.push(ScreenRequest::EditApprove(Box::new(target)));
    }

    /// Says something in the message line.
    pub fn say(&mut self, text: impl Into<String>) {
        self.requests.push(ScreenRequest::Say(text.into()));
    }

    /// Opens a text in the editor, to read; changes to it are thrown away.
    pub fn view(&mut self, text: String) {
        let ticket = self.tickets.draw();
        self.effects.push(Effect::Edit(ticket, text));
    }
}
