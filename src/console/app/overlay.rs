//! Overlays: each thing that lies over a screen takes keys, is clicked and gives its hints, in a file of its own.

use super::msg::Ticket;
use super::place::{Focus, ScreenId};
use crate::keymap::{Action, Context, Key};

/// Lines that one turn of the wheel moves.
const LINES_PER_WHEEL: usize = 3;
/// Lines that half a page moves here.
const LINES_PER_HALF_PAGE: usize = 10;

/// Something that lies over the screen and has the keys.
pub trait Overlay {
    /// Context that its keys are looked up in.
    fn context(&self) -> Context;

    /// Hints of the footer for its keys; `scrolls` when not all of it is seen.
    fn hints(&self, scrolls: bool) -> Vec<Hint>;

    /// Takes a key, and what it is bound to in [`Overlay::context`].
    fn key(&mut self, key: Key, action: Option<Action>) -> Outcome;

    /// A click on the nth choice.
    fn click(&mut self, _nth: usize) -> Outcome {
        Outcome::Stay
    }

    /// Takes pasted text, which never presses a key; `None` when no text is typed here.
    fn paste(&mut self, _text: &str) -> Option<Outcome> {
        None
    }

    /// Lines scrolled away above the window; `None` when it does not scroll.
    fn offset(&mut self) -> Option<&mut usize> {
        None
    }

    /// The wheel was turned.
    fn wheel(&mut self, down: bool) {
        if let Some(offset) = self.offset() {
            *offset = if down { *offset + LINES_PER_WHEEL } else { offset.saturating_sub(LINES_PER_WHEEL) };
        }
    }

    /// Scrolls if that is what the action means. Too far is corrected by [`super::State::drawn`].
    fn scroll(&mut self, action: Option<Action>) {
        if let (Some(offset), Some(action)) = (self.offset(), action) {
            *offset = match action {
                Action::Down => *offset + 1,
                Action::HalfPageDown => *offset + LINES_PER_HALF_PAGE,
                Action::Up => offset.saturating_sub(1),
                Action::HalfPageUp => offset.saturating_sub(LINES_PER_HALF_PAGE),
                _ => *offset,
            };
        }
    }
}

/// Outcome of a key or a click on a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It stays open.
    Stay,
    /// It is closed without a result.
    Close,
    /// It is closed: the last question was answered.
    Asked,
    /// It is closed by this button.
    Press(ButtonAction),
    /// It is closed, and this is done.
    Pick(Pick),
    /// It stays, and the rows are filtered by this text.
    Filter(String),
    /// It is closed, and the rows are filtered by this text as before.
    Unfilter(String),
}

/// Keys of a layer with a word for the footer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// The first key of each action in the keymap.
    Keys(&'static [Action], &'static str),
    /// Keys of a line being typed, as they are typed, with a word for them.
    Typed(&'static str, &'static str),
}

/// Action of a button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ButtonAction {
    /// Close the dialog and do nothing.
    Cancel,
    /// Send the form.
    Send,
    /// Ask for words to add to the form, then confirm it again.
    Explain,
    /// Open the editor again with the text as it was.
    EditAgain(Ticket),
    /// Send the dismissals that wait, then leave.
    SendAndQuit,
    /// Leave; the dismissals that wait are not sent.
    DropAndQuit,
    /// Stop opening a context.
    StayHere(Ticket),
}

/// Action of an entry of the palette.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// Does the action, as its key would.
    Act(Action),
    /// Goes to a screen, and to the rows or the item there.
    Go(ScreenId, Focus),
    /// Opens the context of this name.
    Switch(String),
}
