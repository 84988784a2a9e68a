//! Leaving: never with something half sent and nothing said about it.

use crate::console::app::act::in_flight::items;
use crate::console::app::layer::{Dialog, Layer};
use crate::console::app::msg::Effect;
use crate::console::app::overlay::ButtonAction;
use crate::console::app::state::State;
use crate::console::app::toast::Tone;

/// Leaves, unless a dismissal waits: then the user says what becomes of it.
pub(in crate::console::app) fn quit(state: &mut State) -> Vec<Effect> {
    let waiting = state.acting.held_back();
    if waiting == 0 {
        if !state.acting.owes_answers() {
            return leave(state);
        }
        state.acting.leaving = true;
        state.say("leaving when what was sent is answered; ctrl-c leaves now", Tone::Plain);
        return Vec::new();
    }
    state.layers.push(Layer::Dialog(Dialog {
        title: "leave Seamwatch".to_owned(),
        body: vec![format!(
            "The {} was not sent yet: it still can be taken back.",
            state.place.environment.says(&format!("dismissal of {}", items(waiting)))
        )],
        news: Vec::new(),
        buttons: vec![
            ("Stay".to_owned(), ButtonAction::Cancel),
            ("Send it and leave".to_owned(), ButtonAction::SendAndQuit),
            ("Leave without".to_owned(), ButtonAction::DropAndQuit),
        ],
        focus: 0,
        offset: 0,
        form: None,
    }));
    Vec::new()
}

/// Leaves at once, and says on the way out what was not done.
pub(in crate::console::app) fn leave(state: &mut State) -> Vec<Effect> {
    state.farewell = state.acting.farewell();
    vec![Effect::Quit]
}

/// Leaves if that waited for the answer that was the last one.
pub(super) fn when_done(state: &mut State) -> Vec<Effect> {
    if state.acting.leaving && !state.acting.owes_answers() {
        return leave(state);
    }
    Vec::new()
}
