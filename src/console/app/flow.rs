//! How an act goes: proposed, asked about, confirmed, sent, answered; and how a dismissal waits and is undone.

use super::act::{self, Aim, Draft, Proposal};
use super::layer::{Ask, Dialog, Layer, Press};
use super::line::Line;
use super::msg::Effect;
use super::state::{Pending, State, UNDO_FOR};
use super::toast::Tone;
use crate::domain::link::{ActKind, Fault};
use crate::domain::run::LastChange;
use crate::domain::text::ago;

mod answer;
mod edit;
mod leave;
mod sent;

pub(super) use answer::{answered, mend};
pub use edit::edit_approve;
pub(super) use edit::{edited, pretty};
pub(super) use leave::{interrupt, quit};
pub(super) use sent::Sent;

/// Starts an act. Claiming is taken back as easily as done, so it is not confirmed.
pub fn propose(state: &mut State, proposal: Proposal) -> Vec<Effect> {
    if proposal.aims.is_empty() && proposal.edge.is_none() {
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
        return send(state, &Draft::new(proposal));
    } else {
        confirm(state, Draft::new(proposal));
    }
    Vec::new()
}

fn locked(state: &State, proposal: &Proposal) -> Option<String> {
    let mut sources = proposal.sources().into_iter();
    sources.find_map(|source| state.world.lock(source, proposal.right()))
}

/// Every question is answered: on to the confirmation, or back to the answer that does not fit.
pub(super) fn asked(state: &mut State, mut ask: Ask) -> Vec<Effect> {
    let mut draft = Draft::new(ask.proposal.clone());
    match act::answer(&mut draft, &ask.questions) {
        Ok(()) => confirm(state, draft),
        Err(why) => {
            ask.back();
            ask.error = Some(why);
            state.layers.push(Layer::Ask(ask));
        }
    }
    Vec::new()
}

fn confirm(state: &mut State, draft: Draft) {
    // The one that asked for a reason is replaced by the one that shows it.
    state.layers.pop_if(|it| matches!(it, Layer::Dialog(dialog) if dialog.draft.is_some()));
    let dialog = Dialog::confirm(draft, state.world.now);
    state.layers.push(Layer::Dialog(dialog));
    state.refresh_confirmation();
}

impl State {
    /// Says in an open confirmation what moved since the snapshot was taken.
    pub(super) fn refresh_confirmation(&mut self) {
        let Some(Layer::Dialog(dialog)) = self.layers.last() else {
            return;
        };
        let Some(draft) = &dialog.draft else { return };
        let aims = &draft.proposal.aims;
        let moved: Vec<&Aim> = aims.iter().filter(|aim| self.moved(aim)).collect();
        let arrived = self.view().arrived(&self.world, &draft.proposal);
        let mut news = Vec::new();
        if arrived > 0 {
            news.push(format!("{arrived} arrived since, not included."));
        }
        match (moved.as_slice(), aims.as_slice()) {
            ([], _) => {}
            (_, [one]) => news.push(format!("{}: nothing will be sent.", self.moved_by(one))),
            _ => news.push(format!("{}.", self.skipped(&moved))),
        }
        if let Some(why) = locked(self, &draft.proposal) {
            news.push(format!("Cannot be sent now: {why}."));
        }
        if let Some(Layer::Dialog(dialog)) = self.layers.last_mut() {
            dialog.news = news;
        }
    }

    /// Who was faster.
    fn moved_by(&self, aim: &Aim) -> String {
        let feed = self.world.feed(aim.source);
        let now = feed.and_then(|it| it.live().handoff(&aim.target.handoff));
        let fault =
            Fault::Conflict { found: now.map_or(0, |it| it.version), by: now.and_then(|it| it.last_change.clone()) };
        self.name_person(aim, fault).told(self.world.now)
    }

    /// A conflict with the person who acted since the item was seen, if one did.
    fn name_person(&self, aim: &Aim, fault: Fault) -> Fault {
        let Fault::Conflict { found, by } = fault else {
            return fault;
        };
        Fault::Conflict { found, by: self.person_since(aim).or(by) }
    }

    /// The person who acted since the item was seen.
    fn person_since(&self, aim: &Aim) -> Option<LastChange> {
        let feed = self.world.feed(aim.source)?;
        let known = feed.live().handoff(&aim.target.handoff)?.version;
        let since = known.saturating_sub(aim.target.version) as usize;
        let events = feed.live().recent().iter().rev();
        let of_it = events.filter(|it| it.handoff.as_ref() == Some(&aim.target.handoff));
        LastChange::of_person(of_it.take(since))
    }

    /// How many of several moved, and who moved them when one person did.
    fn skipped(&self, moved: &[&Aim]) -> String {
        let text = format!("{} changed since you saw them, skipped", moved.len());
        let people: Vec<_> = moved.iter().map(|aim| self.person_since(aim)).collect();
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
    fn moved(&self, aim: &Aim) -> bool {
        let feed = self.world.feed(aim.source);
        let now = feed.and_then(|it| it.live().handoff(&aim.target.handoff));
        now.is_some_and(|it| it.version != aim.target.version)
    }
}

pub(super) fn pressed(state: &mut State, dialog: Dialog, press: Press) -> Vec<Effect> {
    match press {
        Press::Cancel => Vec::new(),
        Press::Send => {
            let Some(draft) = &dialog.draft else {
                return Vec::new();
            };
            if let Some(why) = locked(state, &draft.proposal) {
                state.say(why, Tone::Bad);
                state.layers.push(Layer::Dialog(dialog));
                return Vec::new();
            }
            let draft = draft.clone();
            if draft.proposal.act == ActKind::Dismiss {
                return hold_back(state, draft);
            }
            send(state, &draft)
        }
        Press::Explain => {
            let draft = dialog.draft.as_ref();
            let asked = draft.and_then(|it| Some((act::optional(it.proposal.act)?, it)));
            let ask = asked.map(|(question, draft)| {
                let mut ask = Ask::new(draft.proposal.clone(), vec![question]);
                ask.line = Line::new(&draft.words);
                ask
            });
            // Whoever thinks better of it is back at the confirmation.
            state.layers.push(Layer::Dialog(dialog));
            state.layers.extend(ask.map(Layer::Ask));
            Vec::new()
        }
        Press::EditAgain(ticket) => match state.edits.get(&ticket) {
            Some(editing) => vec![Effect::Edit(ticket, editing.text.clone())],
            None => Vec::new(),
        },
        Press::SendAndQuit => {
            state.leaving = true;
            let pending = std::mem::take(&mut state.pending);
            let mut effects = Vec::new();
            for it in pending {
                effects.push(Effect::Cancel(it.ticket));
                effects.extend(request(state, &it.draft, &it.aims));
            }
            effects.extend(leave::when_done(state));
            effects
        }
        Press::DropAndQuit => leave::leave(state),
    }
}

/// A dismissal waits, so that it can be taken back: there is no undo once it is sent.
fn hold_back(state: &mut State, draft: Draft) -> Vec<Effect> {
    let aims = unmoved(state, &draft);
    if aims.is_empty() {
        state.say("all of them changed since: nothing to dismiss", Tone::Bad);
        return Vec::new();
    }
    let ticket = state.tickets.draw();
    state.pending.push(Pending { ticket, draft, aims, due: state.world.now + UNDO_FOR });
    vec![Effect::Wait(ticket, UNDO_FOR)]
}

/// Takes the latest dismissal back.
pub(super) fn undo(state: &mut State) -> Vec<Effect> {
    let Some(last) = state.pending.pop() else {
        return Vec::new();
    };
    let count = last.aims.len();
    state.say(format!("not dismissed: {}", items(count)), Tone::Good);
    vec![Effect::Cancel(last.ticket)]
}

fn items(count: usize) -> String {
    format!("{count} handoff{}", if count == 1 { "" } else { "s" })
}

fn unmoved(state: &State, draft: &Draft) -> Vec<Aim> {
    let aims = draft.proposal.aims.iter();
    aims.filter(|aim| !state.moved(aim)).cloned().collect()
}

fn send(state: &mut State, draft: &Draft) -> Vec<Effect> {
    let aims = unmoved(state, draft);
    let seen = draft.proposal.aims.iter();
    let skipped: Vec<&Aim> = seen.filter(|aim| !aims.contains(aim)).collect();
    if !skipped.is_empty() {
        let why = match draft.proposal.aims.as_slice() {
            [one] => format!("not {}: {}", draft.proposal.act.done(), state.moved_by(one)),
            _ => state.skipped(&skipped),
        };
        state.say(why, Tone::Bad);
        if aims.is_empty() {
            return Vec::new();
        }
    }
    request(state, draft, &aims)
}

fn request(state: &mut State, draft: &Draft, aims: &[Aim]) -> Vec<Effect> {
    let key = format!("{}-{}", state.session, state.tickets.draw().0);
    let portions = draft.portions(aims, &state.world.operator, &key);
    let mut sent = Sent::new(draft.clone(), portions);
    let effects = sent.go_on(&mut state.tickets);
    state.sent.push(sent);
    effects
}
