//! The change to another context: refused while something is unfinished, opened beside what is watched, and only then
//! changed.

use crate::console::app::connection::Connection;
use crate::console::app::layer::{Dialog, Layer};
use crate::console::app::msg::{Effect, Ticket};
use crate::console::app::overlay::ButtonAction;
use crate::console::app::state::State;
use crate::console::app::toast::Tone;

/// Opens a context. Its dialog has the keys until it is open, so that nothing is begun that the change would end.
pub(in crate::console::app) fn switch(state: &mut State, name: &str) -> Vec<Effect> {
    if state.place.context.as_deref() == Some(name) {
        state.say(format!("this is the context {name}"), Tone::Plain);
        return Vec::new();
    }
    if let Some(why) = state.acting.unfinished() {
        state.say(format!("still on {}: {why}", state.place.title), Tone::Bad);
        return Vec::new();
    }
    let ticket = state.acting.tickets.draw();
    state.layers.push(Layer::Dialog(Dialog {
        title: format!("context {name}"),
        body: vec!["It is being opened; until then nothing changes here.".to_owned()],
        news: Vec::new(),
        buttons: vec![("Stay here".to_owned(), ButtonAction::StayHere(ticket))],
        focus: 0,
        offset: 0,
        form: None,
    }));
    vec![Effect::Open(ticket, name.to_owned())]
}

/// A context is open, or cannot be. Whoever stayed here meanwhile hears no more of it.
pub(in crate::console::app) fn opened(
    state: &mut State,
    ticket: Ticket,
    opened: Result<Connection, String>,
) -> Vec<Effect> {
    let stay = ButtonAction::StayHere(ticket);
    let waits = |it: &Layer| matches!(it, Layer::Dialog(dialog) if dialog.buttons.iter().any(|it| it.1 == stay));
    let Some(at) = state.layers.iter().position(waits) else {
        return Vec::new();
    };
    state.layers.remove(at);
    match opened {
        Ok(connection) => {
            state.connect(connection);
            vec![Effect::Attach]
        }
        Err(why) => {
            state.layers.push(Layer::Dialog(Dialog {
                title: format!("still on {}", state.place.title),
                body: why.lines().map(str::to_owned).collect(),
                news: Vec::new(),
                buttons: vec![("Go on here".to_owned(), ButtonAction::Cancel)],
                focus: 0,
                offset: 0,
                form: None,
            }));
            Vec::new()
        }
    }
}
