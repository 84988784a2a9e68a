//! From a key, a paste or a click to what it does: the layer on top first, then the view.

use super::flow;
use super::msg::Effect;
use super::state::State;
use super::toast::Tone;
use crate::keymap::{Action, Code, Key};

mod entries;
mod layers;
mod perform;
mod pointer;
mod replay;

pub(super) use layers::paste;
pub(super) use pointer::mouse;

pub(super) fn key(state: &mut State, key: Key) -> Vec<Effect> {
    state.toasts.go_on(state.world.now);
    let action = state.keymap.action(key, state.context());
    if action == Some(Action::Interrupt) {
        return flow::leave(state);
    }
    if let Some(layer) = state.layers.last_mut() {
        let outcome = layer.overlay_mut().key(key, action);
        return layers::settle(state, outcome);
    }
    if let Some(action) = action {
        return perform::perform(state, action);
    }
    if matches!(key.code, Code::Char(_)) {
        state.say(format!("{key} does nothing{}", perform::where_keys_are(state)), Tone::Plain);
    }
    Vec::new()
}
