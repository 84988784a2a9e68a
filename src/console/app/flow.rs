//! The steps of an act: proposed, asked about, confirmed, sent, answered; and of a dismissal that waits and is undone.

use super::act::in_flight::items;
use super::act::{self, Form, Proposal};
use super::conflict;
use super::layer::{Ask, Layer};
use super::msg::Effect;
use super::state::State;
use super::toast::Tone;
use crate::domain::port::ActKind;

mod answer;
mod confirm;
mod edit;
mod leave;
mod switch;

pub(super) use answer::{answered, mend};
pub(super) use confirm::pressed;
pub use edit::edit_approve;
pub(super) use edit::edited;
pub(super) use leave::{leave, quit};
pub(super) use switch::{opened, switch};

/// Starts an act. Claiming is taken back as easily as done, so it is not confirmed.
pub fn propose(state: &mut State, proposal: Proposal) -> Vec<Effect> {
    if proposal.targets.is_empty() && proposal.edge.is_none() {
        state.say(format!("nothing to {}", proposal.act.verb()), Tone::Plain);
        return Vec::new();
    }
    if let Some(why) = conflict::locked(&state.world, &proposal) {
        state.say(why, Tone::Bad);
        return Vec::new();
    }
    let questions = act::questions(&proposal);
    if !questions.is_empty() {
        state.layers.push(Layer::Ask(Ask::new(proposal, questions)));
    } else if matches!(proposal.act, ActKind::Claim | ActKind::Release) {
        return confirm::send(state, &Form::new(proposal));
    } else {
        confirm::confirm(state, Form::new(proposal));
    }
    Vec::new()
}

/// Every question is answered: on to the confirmation, or back to the answer that does not fit.
pub(super) fn asked(state: &mut State, mut ask: Ask) -> Vec<Effect> {
    let mut form = Form::new(ask.proposal.clone());
    match act::answer(&mut form, &ask.questions) {
        Ok(()) => confirm::confirm(state, form),
        Err(why) => {
            ask.back();
            ask.error = Some(why);
            state.layers.push(Layer::Ask(ask));
        }
    }
    Vec::new()
}

/// Takes the latest dismissal back.
pub(super) fn undo(state: &mut State) -> Vec<Effect> {
    let Some((count, stop)) = state.acting.take_back() else {
        return Vec::new();
    };
    state.say(format!("not dismissed: {}", items(count)), Tone::Good);
    vec![stop]
}
