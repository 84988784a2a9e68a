//! The trait of a screen.

use crate::domain::port::Fault;
use crate::keymap::Action;

use super::act::Proposal;
use super::binding::Binding;
use super::msg::{Reply, Ticket};
use super::place::Focus;
use super::screen_context::ScreenContext;
use super::world::World;

/// One screen, or the page of a handoff. Everything it knows comes from the [`World`]; what it wants done goes
/// to the [`ScreenContext`].
pub trait Screen {
    /// Takes in what is new and makes the rows. Called before every draw and before [`Screen::show`], never by a key
    /// or a click: what these open or close is arranged from what was taken in last, so that nothing that came since
    /// moves a row between the draw and the key pressed on it. Only another order or filter makes all rows anew.
    /// Cheap when nothing changed: cache by ledger revision, sort and filter.
    fn refresh(&mut self, world: &World);

    /// Fetches what is under the cursor and not known yet. Called after [`Screen::refresh`], before the draw.
    fn look(&mut self, _cx: &mut ScreenContext<'_>) {}

    /// Actions possible here now, the most useful first. Footer, help and palette show this list, and only
    /// actions in it reach [`Screen::act`].
    fn bindings(&self, world: &World) -> Vec<Binding>;

    /// Does one of the offered actions.
    fn act(&mut self, cx: &mut ScreenContext<'_>, action: Action);

    /// A click on the nth row of the main list as drawn; a second click on the same row opens it.
    fn click(&mut self, _cx: &mut ScreenContext<'_>, _row: usize) {}

    /// A click on the nth tab.
    fn tab(&mut self, _cx: &mut ScreenContext<'_>, _nth: usize) {}

    /// A click on the title of the nth column.
    fn column(&mut self, _cx: &mut ScreenContext<'_>, _nth: usize) {}

    /// Shows the rows that somebody jumped to from a badge, the palette or another screen.
    fn show(&mut self, _world: &World, _focus: &Focus) {}

    /// The filter in force; empty when none. `None` when this screen cannot be filtered.
    fn filter(&self) -> Option<&str> {
        None
    }

    /// Sets the filter, with every key typed into the prompt. The error is shown under it.
    fn set_filter(&mut self, _world: &World, _text: &str) -> Result<(), String> {
        Ok(())
    }

    /// The answer to something this screen fetched.
    fn answered(&mut self, _world: &World, _ticket: Ticket, _reply: &Result<Reply, Fault>) {}

    /// Number of rows that match the scope of a proposal now and were not there when it was made: "9 arrived since".
    fn arrived(&self, _world: &World, _proposal: &Proposal) -> usize {
        0
    }
}
