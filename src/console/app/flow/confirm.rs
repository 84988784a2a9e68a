//! The confirmation of an act, its buttons, and the sending.

use super::leave;
use crate::console::app::act::{self, ActTarget, Form};
use crate::console::app::conflict;
use crate::console::app::layer::{Ask, Dialog, Layer};
use crate::console::app::line::Line;
use crate::console::app::msg::Effect;
use crate::console::app::overlay::ButtonAction;
use crate::console::app::state::State;
use crate::console::app::toast::Tone;
use crate::domain::port::ActKind;

/// Opens the confirmation of a form.
pub(super) fn confirm(state: &mut State, form: Form) {
    // The one that asked for a reason is replaced by the one that shows it.
    state.layers.pop_if(|it| matches!(it, Layer::Dialog(dialog) if dialog.form.is_some()));
    let dialog = Dialog::confirm(form, state.world.now, &state.place.environment);
    state.layers.push(Layer::Dialog(dialog));
    state.refresh_confirmation();
}

/// Does what a button of a dialog says. The dialog is closed; what needs it again puts it back.
pub(in crate::console::app) fn pressed(state: &mut State, dialog: Dialog, press: ButtonAction) -> Vec<Effect> {
    match press {
        ButtonAction::Cancel => {
            // A text that is given up is nothing that still has to be sent.
            for (_, button) in &dialog.buttons {
                if let ButtonAction::EditAgain(ticket) = button {
                    state.acting.edits.remove(ticket);
                }
            }
            Vec::new()
        }
        ButtonAction::Send => {
            let Some(form) = &dialog.form else {
                return Vec::new();
            };
            if let Some(why) = conflict::locked(&state.world, &form.proposal) {
                state.say(why, Tone::Bad);
                state.layers.push(Layer::Dialog(dialog));
                return Vec::new();
            }
            if form.proposal.act == ActKind::Dismiss {
                return hold_back(state, Form::clone(form));
            }
            send(state, form)
        }
        ButtonAction::Explain => {
            let form = dialog.form.as_ref();
            let asked = form.and_then(|it| Some((act::optional(it.proposal.act)?, it)));
            let ask = asked.map(|(question, form)| {
                let mut ask = Ask::new(form.proposal.clone(), vec![question]);
                ask.line = Line::new(&form.words);
                ask
            });
            // Whoever thinks better of it is back at the confirmation.
            state.layers.push(Layer::Dialog(dialog));
            state.layers.extend(ask.map(Layer::Ask));
            Vec::new()
        }
        ButtonAction::EditAgain(ticket) => match state.acting.edits.get(&ticket) {
            Some(editing) => vec![Effect::Edit(ticket, editing.text.clone())],
            None => Vec::new(),
        },
        ButtonAction::SendAndQuit => {
            state.acting.leaving = true;
            let mut effects = state.acting.send_pending(&state.world);
            effects.extend(leave::when_done(state));
            effects
        }
        ButtonAction::DropAndQuit => leave::leave(state),
        ButtonAction::StayHere(ticket) => vec![Effect::Cancel(ticket)],
    }
}

fn hold_back(state: &mut State, form: Form) -> Vec<Effect> {
    let targets = unmoved(state, &form);
    if targets.is_empty() {
        state.say("all of them changed since: nothing to dismiss", Tone::Bad);
        return Vec::new();
    }
    state.acting.hold_back(form, targets, state.world.now)
}

fn unmoved(state: &State, form: &Form) -> Vec<ActTarget> {
    let targets = form.proposal.targets.iter();
    let moved = |target: &&ActTarget| conflict::moved(&state.world, form.proposal.act, target);
    targets.filter(|target| !moved(target)).cloned().collect()
}

/// Sends an act on the items that are as they were seen, and says which are not.
pub(super) fn send(state: &mut State, form: &Form) -> Vec<Effect> {
    let targets = unmoved(state, form);
    let seen = form.proposal.targets.iter();
    let skipped: Vec<&ActTarget> = seen.filter(|target| !targets.contains(target)).collect();
    if !skipped.is_empty() {
        let why = match form.proposal.targets.as_slice() {
            [one] => format!("not {}: {}", form.proposal.act.done(), conflict::moved_by(&state.world, one)),
            _ => conflict::skipped(&state.world, &skipped),
        };
        state.say(why, Tone::Bad);
        if targets.is_empty() {
            return Vec::new();
        }
    }
    state.acting.send(form, &targets, &state.world)
}
