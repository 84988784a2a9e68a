//! Messages to the console, and effects it asks the outside for: plain data both ways.

use std::time::Duration;

use crate::domain::id::HandoffId;
use crate::domain::port::{Control, Fault, Found, Outcome, Report, Request, SourceId, Want};
use crate::domain::time::{Millis, Time};
use crate::keymap::{Action, Key};

use super::connection::Connection;
use super::place::ScreenId;

/// Names one effect that answers later. An answer whose ticket nobody waits for any more is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Hands out tickets; no two are the same in one run of the console.
#[derive(Debug, Default)]
pub struct Tickets(u64);

impl Tickets {
    /// The next ticket, unlike all before.
    pub const fn draw(&mut self) -> Ticket {
        self.0 += 1;
        Ticket(self.0)
    }
}

/// Everything that can happen to the console.
#[derive(Clone, Debug, PartialEq)]
pub enum Msg {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted. Hostile until cleaned.
    Paste(String),
    /// The mouse was used.
    Mouse(PointerEvent),
    /// The terminal has a new size.
    Resize(Size),
    /// Time passed: the present, by the clock of this machine.
    Tick(Time),
    /// A source sent a report.
    Heard(SourceId, Report),
    /// An effect with a ticket is done.
    Answered(Ticket, Result<Reply, Fault>),
    /// The editor was closed: the text, or why there is none.
    Edited(Ticket, Result<String, String>),
    /// A context is open, and waits for [`Effect::Attach`]; or why it cannot be opened.
    Opened(Ticket, Result<Connection, String>),
    /// The shell has something to tell, such as where a view was saved or that a copy failed.
    Said(String),
}

/// Result of an effect with a ticket.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// The outcome of [`Effect::Perform`].
    Done(Outcome),
    /// The answer to [`Effect::Fetch`].
    Found(Found),
    /// The end of [`Effect::Wait`].
    Waited,
}

/// Everything the console can ask of the outside. Effects are compared in tests and shown before they are sent,
/// so none of them holds a closure.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask a source to act.
    Perform(Ticket, SourceId, Request),
    /// Ask a source for a body or a history.
    Fetch(Ticket, SourceId, Want),
    /// Answer after this many milliseconds.
    Wait(Ticket, Millis),
    /// Stop whatever answers to this ticket.
    Cancel(Ticket),
    /// Put text on the clipboard (OSC 52). It has been cleaned.
    Copy(String),
    /// Open the text in `$EDITOR`.
    Edit(Ticket, String),
    /// Try to reach a source again without waiting.
    Retry(SourceId),
    /// Steer a recording.
    Replay(SourceId, Control),
    /// Open the sources of the context of this name, beside those that are watched.
    Open(Ticket, String),
    /// Watch what was opened last instead of what is watched.
    Attach,
    /// Save this view.
    Save(View),
    /// Go into the background of the shell that started us.
    Suspend,
    /// Take the mouse or give it back.
    Mouse(bool),
    /// Forget what is on the terminal and draw it all again.
    Redraw,
    /// Leave the console.
    Quit,
}

/// Part of a view that is saved: enough to come back to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The screen shown.
    pub screen: ScreenId,
    /// Its filter; empty when none.
    pub filter: String,
}

/// Columns and rows of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Columns of the terminal.
    pub columns: u16,
    /// Rows of the terminal.
    pub rows: u16,
}

impl Default for Size {
    fn default() -> Self {
        Self { columns: 80, rows: 24 }
    }
}

/// An event of the mouse. The target under a cell is what the last frame put there; the shell looks it up.
#[derive(Clone, Debug, PartialEq)]
pub struct PointerEvent {
    /// Column from 0.
    pub x: u16,
    /// Row from 0.
    pub y: u16,
    /// The gesture of the mouse.
    pub kind: Gesture,
    /// The target under the pointer; `None` where nothing can be clicked.
    pub on: Option<HitTarget>,
}

/// Gestures of the mouse that have a meaning here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gesture {
    /// The left button went down.
    Press,
    /// The wheel turned towards the reader.
    WheelDown,
    /// The wheel turned away.
    WheelUp,
}

/// A thing on the screen that can be clicked.
#[derive(Clone, Debug, PartialEq)]
pub enum HitTarget {
    /// The nth row of the main list, in the order drawn. Rows do not move between two frames.
    Row(usize),
    /// The nth badge of the attention strip.
    Badge(usize),
    /// The nth tab of the screen or page.
    Tab(usize),
    /// The nth choice of the layer on top: a button, a line of the palette.
    Choice(usize),
    /// A column title: sort by the nth column.
    Column(usize),
    /// A key of the footer.
    Action(Action),
    /// A handoff named somewhere.
    Handoff(SourceId, HandoffId),
}

/// Converts a span of [`Millis`] for a timer; negative spans are zero.
pub fn duration(millis: Millis) -> Duration {
    Duration::from_millis(millis.max(0).unsigned_abs())
}
