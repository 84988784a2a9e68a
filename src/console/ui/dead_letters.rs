//! The dead letters by what failed.

use super::canvas::Canvas;
use crate::console::app::State;
use crate::console::app::dead_letters::DeadLetters;

/// Draws the screen.
pub fn draw(_screen: &DeadLetters, _state: &State, _canvas: &mut Canvas<'_>) {}
