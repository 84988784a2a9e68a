//! The tasks, looping and stalled first.

use super::canvas::Canvas;
use crate::console::app::State;
use crate::console::app::tasks::Tasks;

/// Draws the screen.
pub fn draw(_screen: &Tasks, _state: &State, _canvas: &mut Canvas<'_>) {}
