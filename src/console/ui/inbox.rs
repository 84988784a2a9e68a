//! What waits for a person.

use super::canvas::Canvas;
use crate::console::app::State;
use crate::console::app::inbox::Inbox;

/// Draws the screen.
pub fn draw(_screen: &Inbox, _state: &State, _canvas: &mut Canvas<'_>) {}
