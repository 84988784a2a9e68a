//! The pipelines and their edges.

use super::canvas::Canvas;
use crate::console::app::State;
use crate::console::app::pipelines::Pipelines;

/// Draws the screen.
pub fn draw(_screen: &Pipelines, _state: &State, _canvas: &mut Canvas<'_>) {}
