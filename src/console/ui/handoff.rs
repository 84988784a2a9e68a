//! The page of one handoff.

use super::canvas::Canvas;
use crate::console::app::State;
use crate::console::app::handoff::Handoff;

/// Draws the page.
pub fn draw(_page: &Handoff, _state: &State, _canvas: &mut Canvas<'_>) {}
