//! The mouse: it does nothing that a key cannot do.

use super::layers::{pick, scroll_by};
use super::{jump, perform, with_view};
use crate::console::app::flow;
use crate::console::app::layer::{ButtonAction, Layer};
use crate::console::app::msg::{Effect, Gesture, HitTarget, PointerEvent};
use crate::console::app::state::State;
use crate::keymap::Action;

/// Lines that one turn of the wheel moves.
const WHEEL: usize = 3;

pub(in crate::console::app) fn mouse(state: &mut State, pointer: &PointerEvent) -> Vec<Effect> {
    let action = match pointer.kind {
        Gesture::WheelDown => Action::Down,
        Gesture::WheelUp => Action::Up,
        Gesture::Press => return press(state, pointer.on.clone()),
    };
    let last = state.layers.last().map_or(0, |it| state.last_offset(it));
    if let Some(layer) = state.layers.last_mut() {
        let offset = match layer {
            Layer::Dialog(it) => &mut it.offset,
            Layer::Help(offset) => offset,
            Layer::Results(it) => &mut it.offset,
            Layer::Palette(it) => {
                it.step(action == Action::Down);
                return Vec::new();
            }
            Layer::Ask(_) | Layer::Filter { .. } => return Vec::new(),
        };
        (0..WHEEL).for_each(|_| scroll_by(offset, action, last));
        return Vec::new();
    }
    (0..WHEEL).flat_map(|_| perform(state, action)).collect()
}

fn press(state: &mut State, on: Option<HitTarget>) -> Vec<Effect> {
    match (state.layers.pop(), on) {
        (Some(Layer::Dialog(dialog)), Some(HitTarget::Choice(nth))) if nth < dialog.buttons.len() => {
            let chosen = dialog.buttons.get(nth).map_or(ButtonAction::Cancel, |it| it.1);
            flow::pressed(state, dialog, chosen)
        }
        (Some(Layer::Palette(mut palette)), Some(HitTarget::Choice(nth))) => {
            palette.at = nth;
            pick(state, palette.picked().cloned())
        }
        (Some(Layer::Ask(mut ask)), Some(HitTarget::Choice(nth))) => {
            ask.chosen = nth;
            if ask.go_on() {
                return flow::asked(state, ask);
            }
            state.layers.push(Layer::Ask(ask));
            Vec::new()
        }
        // A click beside a layer does not reach what lies under it.
        (Some(layer), _) => {
            state.layers.push(layer);
            Vec::new()
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
        (None, Some(HitTarget::Choice(_)) | None) => Vec::new(),
    }
}
