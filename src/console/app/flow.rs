//! How an act goes: proposed, asked about, confirmed, sent, answered; and how a dismissal waits and is undone.

use super::act::{self, ActTarget, Form, Proposal};
use super::layer::{Ask, ButtonAction, Dialog, Layer};
use super::line::Line;
use super::msg::Effect;
use super::state::{Pending, State, UNDO_FOR};
use super::toast::Tone;
use crate::domain::port::{ActKind, Fault};
use crate::domain::run::LastChange;
use crate::domain::text::ago;

mod answer;
mod edit;
mod in_flight;
mod leave;

pub(super) use answer::{answered, mend};
pub use edit::edit_approve;
pub(super) use edit::{edited, pretty};
pub(super) use in_flight::InFlight;
pub(super) use leave::{interrupt, quit};

/// Starts an act. Claiming is taken back as easily as done, so it is not confirmed.
pub fn propose(state: &mut State, proposal: Proposal) -> Vec<Effect> {
    if proposal.targets.is_empty() && proposal.edge.is_none() {
        state.say(format!("nothing to {}", proposal.act.verb()), Tone::Plain);
        return Vec::new();
    }
    if let Some(why) = locked(state, &proposal) {
        state.say(why, Tone::Bad);
        return Vec::new();
    }
    let questions = act::questions(&proposal);
    if !questions.is_empty() {
        state.layers.push(Layer::Ask(Ask::new(proposal, questions)));
    } else if matches!(proposal.act, ActKind::Claim | ActKind::Release) {
        return send(state, &Form::new(proposal));
    } else {
        confirm(state, Form::new(proposal));
    }
    Vec::new()
}

fn locked(state: &State, proposal: &Proposal) -> Option<String> {
    let mut sources = proposal.sources().into_iter();
    sources.find_map(|source| state.world.lock(source, proposal.right()))
}

/// Every question is answered: on to the confirmation, or back to the answer that does not fit.
pub(super) fn asked(state: &mut State, mut ask: Ask) -> Vec<Effect> {
    let mut form = Form::new(ask.proposal.clone());
    match act::answer(&mut form, &ask.questions) {
        Ok(()) => confirm(state, form),
        Err(why) => {
            ask.back();
            ask.error = Some(why);
            state.layers.push(Layer::Ask(ask));
        }
    }
    Vec::new()
}

fn confirm(state: &mut State, form: Form) {
    // The one that asked for a reason is replaced by the one that shows it.
    state.layers.pop_if(|it| matches!(it, Layer::Dialog(dialog) if dialog.form.is_some()));
    let dialog = Dialog::confirm(form, state.world.now);
    state.layers.push(Layer::Dialog(dialog));
    state.refresh_confirmation();
}

impl State {
    /// Says in an open confirmation what moved since the snapshot was taken.
    pub(super) fn refresh_confirmation(&mut self) {
        let Some(Layer::Dialog(dialog)) = self.layers.last() else {
            return;
        };
        let Some(form) = &dialog.form else { return };
        let targets = &form.proposal.targets;
        let moved: Vec<&ActTarget> = targets.iter().filter(|target| self.moved(target)).collect();
        let arrived = self.view().arrived(&self.world, &form.proposal);
        let mut news = Vec::new();
        if arrived > 0 {
            news.push(format!("{arrived} arrived since, not included."));
        }
        match (moved.as_slice(), targets.as_slice()) {
            ([], _) => {}
            (_, [one]) => news.push(format!("{}: nothing will be sent.", self.moved_by(one))),
            _ => news.push(format!("{}.", self.skipped(&moved))),
        }
        if let Some(why) = locked(self, &form.proposal) {
            news.push(format!("Cannot be sent now: {why}."));
        }
        if let Some(Layer::Dialog(dialog)) = self.layers.last_mut() {
            dialog.news = news;
        }
    }

    /// Who was faster.
    fn moved_by(&self, target: &ActTarget) -> String {
        let feed = self.world.feed(target.source);
        let now = feed.and_then(|it| it.live().handoff(&target.target.handoff));
        let fault =
            Fault::Conflict { found: now.map_or(0, |it| it.version), by: now.and_then(|it| it.last_change.clone()) };
        self.name_person(target, fault).told(self.world.now)
    }

    /// A conflict with the person who acted since the item was seen, if one did.
    fn name_person(&self, target: &ActTarget, fault: Fault) -> Fault {
        let Fault::Conflict { found, by } = fault else {
            return fault;
        };
        Fault::Conflict { found, by: self.person_since(target).or(by) }
    }

    /// The person who acted since the item was seen.
    fn person_since(&self, target: &ActTarget) -> Option<LastChange> {
        let feed = self.world.feed(target.source)?;
        let known = feed.live().handoff(&target.target.handoff)?.version;
        let since = known.saturating_sub(target.target.version) as usize;
        let events = feed.live().recent().iter().rev();
        let of_it = events.filter(|it| it.handoff.as_ref() == Some(&target.target.handoff));
        LastChange::of_person(of_it.take(since))
    }

    /// How many of several moved, and who moved them when one person did.
    fn skipped(&self, moved: &[&ActTarget]) -> String {
        let text = format!("{} changed since you saw them, skipped", moved.len());
        let people: Vec<_> = moved.iter().map(|target| self.person_since(target)).collect();
        let mut known = people.iter().flatten();
        let Some(one) = known.next() else {
            return text;
        };
        if known.any(|it| it.actor != one.actor || it.event != one.event) {
            return text;
        }
        let count = people.iter().flatten().count();
        let them = match count == moved.len() {
            true if count == 1 => "it".to_owned(),
            true => "them".to_owned(),
            false => format!("{count} of them"),
        };
        let ago = ago(one.at.age(self.world.now));
        format!("{text}: {} {} {them} {ago}", one.actor.id, one.done())
    }

    /// True when the item is known to have another version than was seen.
    fn moved(&self, target: &ActTarget) -> bool {
        let feed = self.world.feed(target.source);
        let now = feed.and_then(|it| it.live().handoff(&target.target.handoff));
        now.is_some_and(|it| it.version != target.target.version)
    }
}

pub(super) fn pressed(state: &mut State, dialog: Dialog, press: ButtonAction) -> Vec<Effect> {
    match press {
        ButtonAction::Cancel => Vec::new(),
        ButtonAction::Send => {
            let Some(form) = &dialog.form else {
                return Vec::new();
            };
            if let Some(why) = locked(state, &form.proposal) {
                state.say(why, Tone::Bad);
                state.layers.push(Layer::Dialog(dialog));
                return Vec::new();
            }
            let form = form.clone();
            if form.proposal.act == ActKind::Dismiss {
                return hold_back(state, form);
            }
            send(state, &form)
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
        ButtonAction::EditAgain(ticket) => match state.edits.get(&ticket) {
            Some(editing) => vec![Effect::Edit(ticket, editing.text.clone())],
            None => Vec::new(),
        },
        ButtonAction::SendAndQuit => {
            state.leaving = true;
            let pending = std::mem::take(&mut state.pending);
            let mut effects = Vec::new();
            for it in pending {
                effects.push(Effect::Cancel(it.ticket));
                effects.extend(request(state, &it.form, &it.targets));
            }
            effects.extend(leave::when_done(state));
            effects
        }
        ButtonAction::DropAndQuit => leave::leave(state),
    }
}

/// A dismissal waits, so that it can be taken back: there is no undo once it is sent.
fn hold_back(state: &mut State, form: Form) -> Vec<Effect> {
    let targets = unmoved(state, &form);
    if targets.is_empty() {
        state.say("all of them changed since: nothing to dismiss", Tone::Bad);
        return Vec::new();
    }
    let ticket = state.tickets.draw();
    state.pending.push(Pending { ticket, form, targets, due: state.world.now + UNDO_FOR });
    vec![Effect::Wait(ticket, UNDO_FOR)]
}

/// Takes the latest dismissal back.
pub(super) fn undo(state: &mut State) -> Vec<Effect> {
    let Some(last) = state.pending.pop() else {
        return Vec::new();
    };
    let count = last.targets.len();
    state.say(format!("not dismissed: {}", items(count)), Tone::Good);
    vec![Effect::Cancel(last.ticket)]
}

fn items(count: usize) -> String {
    format!("{count} handoff{}", if count == 1 { "" } else { "s" })
}

fn unmoved(state: &State, form: &Form) -> Vec<ActTarget> {
    let targets = form.proposal.targets.iter();
    targets.filter(|target| !state.moved(target)).cloned().collect()
}

fn send(state: &mut State, form: &Form) -> Vec<Effect> {
    let targets = unmoved(state, form);
    let seen = form.proposal.targets.iter();
    let skipped: Vec<&ActTarget> = seen.filter(|target| !targets.contains(target)).collect();
    if !skipped.is_empty() {
        let why = match form.proposal.targets.as_slice() {
            [one] => format!("not {}: {}", form.proposal.act.done(), state.moved_by(one)),
            _ => state.skipped(&skipped),
        };
        state.say(why, Tone::Bad);
        if targets.is_empty() {
            return Vec::new();
        }
    }
    request(state, form, &targets)
}

fn request(state: &mut State, form: &Form, targets: &[ActTarget]) -> Vec<Effect> {
    let key = format!("{}-{}", state.session, state.tickets.draw().0);
    let chunks = form.chunks(targets, |source| state.world.you(source), &key);
    let mut sent = InFlight::new(form.clone(), chunks);
    let effects = sent.go_on(&mut state.tickets);
    state.in_flight.push(sent);
    effects
}
