//! The mouse: it does nothing that a key cannot do.

use super::layers;
use super::perform::{jump, perform, with_view};
use crate::console::app::msg::{Effect, Gesture, HitTarget, PointerEvent};
use crate::console::app::state::State;
use crate::keymap::Action;

/// Rows that one turn of the wheel moves.
const ROWS_PER_WHEEL: usize = 3;

pub(in crate::console::app) fn mouse(state: &mut State, pointer: &PointerEvent) -> Vec<Effect> {
    let action = match pointer.kind {
        Gesture::WheelDown => Action::Down,
        Gesture::WheelUp => Action::Up,
        Gesture::Press => return press(state, pointer.on.clone()),
    };
    if let Some(layer) = state.layers.last_mut() {
        layer.overlay_mut().wheel(action == Action::Down);
        return Vec::new();
    }
    (0..ROWS_PER_WHEEL).flat_map(|_| perform(state, action)).collect()
}

fn press(state: &mut State, on: Option<HitTarget>) -> Vec<Effect> {
    match (state.layers.last_mut(), on) {
        (Some(layer), Some(HitTarget::Choice(nth))) => {
            let outcome = layer.overlay_mut().click(nth);
            layers::settle(state, outcome)
        }
        (None, Some(HitTarget::Row(row))) => with_view(state, |view, cx| view.click(cx, row)),
        (None, Some(HitTarget::Tab(nth))) => with_view(state, |view, cx| view.tab(cx, nth)),
        (None, Some(HitTarget::Column(nth))) => with_view(state, |view, cx| view.column(cx, nth)),
        (None, Some(HitTarget::Badge(nth))) => {
            jump(state, nth);
            Vec::new()
        }
        (None, Some(HitTarget::Action(action))) => perform(state, action),
        (None, Some(HitTarget::Handoff(source, id))) => with_view(state, |_, cx| cx.open(source, id)),
        // A click beside a layer does not reach what lies under it.
        (Some(_), _) | (None, Some(HitTarget::Choice(_)) | None) => Vec::new(),
    }
}
