//! The connections.

use super::canvas::Canvas;
use crate::console::app::State;
use crate::console::app::sources::Sources;

/// Draws the screen.
pub fn draw(_screen: &Sources, _state: &State, _canvas: &mut Canvas<'_>) {}
