//! Leaving: never with something half sent and nothing said about it.

use super::items;
use crate::console::app::layer::{ButtonAction, Dialog, Layer};
use crate::console::app::msg::Effect;
use crate::console::app::state::State;
use crate::console::app::toast::Tone;

/// Leaves, unless a dismissal waits: then the user says what becomes of it.
pub(in crate::console::app) fn quit(state: &mut State) -> Vec<Effect> {
    if state.pending.is_empty() && state.in_flight.is_empty() {
        return leave(state);
    }
    let waiting: usize = state.pending.iter().map(|it| it.targets.len()).sum();
    if waiting == 0 {
        state.leaving = true;
        state.say("leaving when what was sent is answered; ctrl-c leaves now", Tone::Plain);
        return Vec::new();
    }
    state.layers.push(Layer::Dialog(Dialog {
        title: "leave Seamwatch".to_owned(),
        body: vec![format!("The dismissal of {} was not sent yet: it still can be taken back.", items(waiting))],
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

/// `ctrl-c`: leaves at once, and says on the way out what was not done.
pub(in crate::console::app) fn interrupt(state: &mut State) -> Vec<Effect> {
    leave(state)
}

pub(super) fn leave(state: &mut State) -> Vec<Effect> {
    let waiting: usize = state.pending.iter().map(|it| it.targets.len()).sum();
    let (mut unanswered, mut unsent) = (0, Vec::new());
    for it in &state.in_flight {
        let (asked, waiting) = it.open();
        unanswered += asked;
        if waiting > 0 {
            let act = it.form.proposal.act.done();
            unsent.push(format!("{} were not {act}: not sent yet", items(waiting)));
        }
    }
    let mut words = Vec::new();
    if waiting > 0 {
        words.push(format!("the dismissal of {} was not sent", items(waiting)));
    }
    if unanswered > 0 {
        words.push(format!(
            "{unanswered} act{} sent without an answer: look again before you repeat",
            if unanswered == 1 { " was" } else { "s were" }
        ));
    }
    words.extend(unsent);
    state.farewell = (!words.is_empty()).then(|| words.join("; "));
    vec![Effect::Quit]
}

pub(super) fn when_done(state: &mut State) -> Vec<Effect> {
    if state.leaving && state.in_flight.is_empty() {
        return leave(state);
    }
    Vec::new()
}
