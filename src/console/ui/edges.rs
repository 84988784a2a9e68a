//! Every edge, worst first.

use super::canvas::Canvas;
use crate::console::app::State;
use crate::console::app::edges::Edges;

/// Draws the screen.
pub fn draw(_screen: &Edges, _state: &State, _canvas: &mut Canvas<'_>) {}
