//! Keys, clicks and pasted text for the layer on top.

use super::perform::{go, perform, set_filter};
use crate::console::app::flow;
use crate::console::app::layer::Layer;
use crate::console::app::msg::Effect;
use crate::console::app::overlay::{Outcome, Pick};
use crate::console::app::state::State;
use crate::console::app::toast::Tone;

/// Does what came of a key or a click on the layer on top.
pub(super) fn settle(state: &mut State, outcome: Outcome) -> Vec<Effect> {
    if let Outcome::Filter(text) = outcome {
        let wrong = set_filter(state, &text).err();
        if let Some(Layer::Filter(it)) = state.layers.last_mut() {
            it.error = wrong;
        }
        return Vec::new();
    }
    let closed = if outcome == Outcome::Stay { None } else { state.layers.pop() };
    match outcome {
        Outcome::Asked => {
            if let Some(Layer::Ask(ask)) = closed {
                return flow::asked(state, ask);
            }
        }
        Outcome::Press(button) => {
            if let Some(Layer::Dialog(dialog)) = closed {
                return flow::pressed(state, dialog, button);
            }
        }
        Outcome::Pick(Pick::Act(action)) => return perform(state, action),
        Outcome::Pick(Pick::Go(screen, focus)) => go(state, screen, &focus),
        Outcome::Pick(Pick::Switch(name)) => return flow::switch(state, &name),
        // It was in force before, so it is not wrong.
        Outcome::Unfilter(before) => _ = set_filter(state, &before),
        Outcome::Stay | Outcome::Close | Outcome::Filter(_) => {}
    }
    Vec::new()
}

/// Pasted text goes where text is typed, and nowhere else: a paste never presses a key.
pub(in crate::console::app) fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    if let Some(outcome) = state.layers.last_mut().and_then(|it| it.overlay_mut().paste(text)) {
        return settle(state, outcome);
    }
    state.say("nothing here takes pasted text", Tone::Plain);
    Vec::new()
}
