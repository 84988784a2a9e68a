//! How an act goes: proposed, asked about, confirmed, sent, answered; and how a dismissal waits and is undone.

use serde_json::Value;

use crate::domain::link::{ActKind, Fault, Found, Outcome, SourceId, Want};
use crate::domain::time::Time;

use super::act::{self, Aim, Draft, Proposal};
use super::layer::{Ask, Dialog, Layer, Press, Results, capital};
use super::msg::{Effect, Reply, Ticket};
use super::state::{Editing, Pending, Sent, State, UNDO_FOR};
use super::toast::Tone;

/// Starts an act. Claiming is taken back as easily as done, so it is not confirmed.
pub(super) fn propose(state: &mut State, proposal: Proposal) -> Vec<Effect> {
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
    sources.find_map(|source| state.world.lock(source, proposal.act))
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
        let moved = aims.iter().filter(|aim| self.moved(aim)).count();
        let arrived = self.view().arrived(&self.world, &draft.proposal);
        let mut news = Vec::new();
        if arrived > 0 {
            news.push(format!("{arrived} arrived since, not included."));
        }
        match (moved, aims.as_slice()) {
            (0, _) => {}
            (_, [one]) => news.push(self.moved_by(one)),
            _ => news.push(format!("{moved} changed since you saw them, skipped.")),
        }
        if let Some(why) = locked(self, &draft.proposal) {
            news.push(format!("Cannot be sent now: {why}."));
        }
        if let Some(Layer::Dialog(dialog)) = self.layers.last_mut() {
            dialog.news = news;
        }
    }

    /// Who was faster, and that nothing will be sent.
    fn moved_by(&self, aim: &Aim) -> String {
        let feed = self.world.feed(aim.source);
        let now = feed.and_then(|it| it.live().handoff(&aim.target.handoff));
        let fault = Fault::Conflict {
            found: now.map_or(0, |it| it.version),
            by: now.and_then(|it| it.last_change.clone()),
        };
        format!(
            "{}: nothing will be sent.",
            act::say(&fault, self.world.now)
        )
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
            effects.extend(leave_when_done(state));
            effects
        }
        Press::DropAndQuit => leave(state),
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
    state.pending.push(Pending {
        ticket,
        draft,
        aims,
        due: state.world.now + UNDO_FOR,
    });
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
    let skipped = draft.proposal.aims.len() - aims.len();
    if skipped > 0 {
        state.say(
            format!("{skipped} changed since you saw them, skipped"),
            Tone::Bad,
        );
        if aims.is_empty() {
            return Vec::new();
        }
    }
    request(state, draft, &aims)
}

fn request(state: &mut State, draft: &Draft, aims: &[Aim]) -> Vec<Effect> {
    let mut effects = Vec::new();
    let key = format!("{}-{}", state.session, state.tickets.draw().0);
    for (source, aims, request) in draft.requests(aims, &state.world.operator, &key) {
        let ticket = state.tickets.draw();
        state.sent.insert(
            ticket,
            Sent {
                draft: draft.clone(),
                aims,
                request: request.clone(),
            },
        );
        effects.push(Effect::Perform(ticket, source, request));
    }
    effects
}

/// An effect answered. What nobody waits for any more is dropped.
pub(super) fn answered(
    state: &mut State,
    ticket: Ticket,
    reply: Result<Reply, Fault>,
) -> Vec<Effect> {
    if let Some(at) = state.pending.iter().position(|it| it.ticket == ticket) {
        let due = state.pending.remove(at);
        return request(state, &due.draft, &due.aims);
    }
    if let Some(sent) = state.sent.remove(&ticket) {
        result(state, &sent, reply);
        return leave_when_done(state);
    }
    if let Some(editing) = state.edits.remove(&ticket) {
        return fetched(state, editing, reply);
    }
    let world = &state.world;
    if let Some(page) = &mut state.page {
        super::screen::Screen::answered(page, world, ticket, &reply);
    }
    for id in super::screen::ScreenId::ALL {
        state.screens.get_mut(*id).answered(world, ticket, &reply);
    }
    Vec::new()
}

fn result(state: &mut State, sent: &Sent, reply: Result<Reply, Fault>) {
    let now = state.world.now;
    let act = sent.draft.proposal.act;
    if let (ActKind::EditApprove, Some(edited), Some(aim)) =
        (act, &sent.draft.edited, sent.aims.first())
        && let Some(fault @ Fault::Invalid(_)) = first_fault(&reply)
    {
        let text = pretty(edited);
        return fix(state, aim.clone(), text, invalid(fault));
    }
    let outcome = match reply {
        Ok(Reply::Done(outcome)) => outcome,
        Ok(_) => return,
        Err(fault) => {
            let why = act::say(&fault, now);
            state.say(format!("not {}: {why}", act.done()), Tone::Bad);
            return;
        }
    };
    match outcome.items.as_slice() {
        [(_, Ok(()))] => {
            let what = match (&sent.draft.proposal.edge, sent.aims.first()) {
                (Some((_, edge)), _) => edge.to_string(),
                (None, Some(aim)) => aim.label.clone(),
                (None, None) => items(1),
            };
            state.say(format!("{} {what}", act.done()), Tone::Good);
        }
        [(_, Err(fault))] => {
            let why = act::say(fault, now);
            state.say(format!("not {}: {why}", act.done()), Tone::Bad);
        }
        all if all.iter().all(|(_, it)| it.is_ok()) => {
            state.say(format!("{} {}", act.done(), items(all.len())), Tone::Good);
        }
        _ => state
            .layers
            .push(Layer::Results(results(sent, &outcome, now))),
    }
}

fn first_fault(reply: &Result<Reply, Fault>) -> Option<&Fault> {
    match reply {
        Err(fault) => Some(fault),
        Ok(Reply::Done(outcome)) => outcome.items.iter().find_map(|(_, it)| it.as_ref().err()),
        Ok(_) => None,
    }
}

/// Failures first: they are what is left to do.
fn results(sent: &Sent, outcome: &Outcome, now: Time) -> Results {
    let label = |nth: usize| {
        sent.aims
            .get(nth)
            .map_or_else(String::new, |it| it.label.clone())
    };
    let items = outcome.items.iter().enumerate();
    let mut items: Vec<_> = items
        .map(|(nth, (_, it))| {
            (
                label(nth),
                it.as_ref().copied().map_err(|fault| act::say(fault, now)),
            )
        })
        .collect();
    let done = items.iter().filter(|(_, it)| it.is_ok()).count();
    let title = format!(
        "{} {done} of {}",
        sent.draft.proposal.act.done(),
        items.len()
    );
    items.sort_by_key(|(_, it)| it.is_ok());
    Results {
        title: capital(&title),
        items,
        offset: 0,
    }
}

/// Fetches the contract, to be edited.
pub(super) fn edit_approve(state: &mut State, aim: Aim) -> Vec<Effect> {
    if let Some(why) = state.world.lock(aim.source, ActKind::EditApprove) {
        state.say(why, Tone::Bad);
        return Vec::new();
    }
    let ticket = state.tickets.draw();
    let want = Want::Contract(aim.target.handoff.clone());
    let source: SourceId = aim.source;
    state.edits.insert(
        ticket,
        Editing {
            aim,
            original: String::new(),
            text: String::new(),
        },
    );
    vec![Effect::Fetch(ticket, source, want)]
}

fn fetched(state: &mut State, mut editing: Editing, reply: Result<Reply, Fault>) -> Vec<Effect> {
    let (value, digest) = match reply {
        Ok(Reply::Found(Found::Contract { value, digest })) => (value, digest),
        Ok(_) => return Vec::new(),
        Err(fault) => {
            let why = act::say(&fault, state.world.now);
            state.say(format!("cannot edit: {why}"), Tone::Bad);
            return Vec::new();
        }
    };
    if !editing.aim.digest.is_empty() && digest != editing.aim.digest {
        state.say(
            "it changed since you saw it: look at it again first",
            Tone::Bad,
        );
        return Vec::new();
    }
    editing.aim.digest = digest;
    editing.original = pretty(&value);
    editing.text.clone_from(&editing.original);
    let text = editing.original.clone();
    let ticket = state.tickets.draw();
    state.edits.insert(ticket, editing);
    vec![Effect::Edit(ticket, text)]
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}

/// The editor was closed. Whatever was typed is kept until it is sent or given up.
pub(super) fn edited(
    state: &mut State,
    ticket: Ticket,
    text: Result<String, String>,
) -> Vec<Effect> {
    let Some(editing) = state.edits.get_mut(&ticket) else {
        if let Err(why) = text {
            state.say(why, Tone::Bad);
        }
        return Vec::new();
    };
    match text {
        Ok(text) => editing.text = text,
        Err(why) => {
            let lost_nothing = editing.text != editing.original;
            if lost_nothing {
                offer_again(state, ticket, vec![why]);
            } else {
                state.edits.remove(&ticket);
                state.say(why, Tone::Bad);
            }
            return Vec::new();
        }
    }
    let original: Option<Value> = serde_json::from_str(&editing.original).ok();
    match serde_json::from_str::<Value>(&editing.text) {
        Err(why) => offer_again(state, ticket, vec![format!("This is not JSON: {why}.")]),
        Ok(value) if original.as_ref() == Some(&value) => {
            state.edits.remove(&ticket);
            state.say(
                "nothing was changed: approve it as it is, or edit it again",
                Tone::Plain,
            );
        }
        Ok(value) => {
            let aim = editing.aim.clone();
            let changed = original.map(|it| changes(&it, &value)).unwrap_or_default();
            state.edits.remove(&ticket);
            let proposal = Proposal::new(ActKind::EditApprove, vec![aim]).notes(changed);
            confirm(
                state,
                Draft {
                    edited: Some(value),
                    ..Draft::new(proposal)
                },
            );
        }
    }
    Vec::new()
}

/// The edited contract was refused: the text stays, with every place that is wrong.
fn fix(state: &mut State, aim: Aim, text: String, wrong: Vec<String>) {
    let ticket = state.tickets.draw();
    state.edits.insert(
        ticket,
        Editing {
            aim,
            original: String::new(),
            text,
        },
    );
    offer_again(state, ticket, wrong);
}

fn offer_again(state: &mut State, ticket: Ticket, wrong: Vec<String>) {
    let mut body = vec!["Not approved. Nothing was sent on, and your text is kept.".to_owned()];
    body.extend(wrong);
    state.layers.push(Layer::Dialog(Dialog {
        title: "the edited contract is not valid".to_owned(),
        body,
        news: Vec::new(),
        buttons: vec![
            ("Give up".to_owned(), Press::Cancel),
            ("Edit again".to_owned(), Press::EditAgain(ticket)),
        ],
        focus: 1,
        offset: 0,
        draft: None,
    }));
}

fn invalid(fault: &Fault) -> Vec<String> {
    match fault {
        Fault::Invalid(all) => all.iter().map(ToString::to_string).collect(),
        other => vec![other.to_string()],
    }
}

/// What an edit changed, a line for each place.
fn changes(before: &Value, after: &Value) -> Vec<String> {
    const MOST: usize = 12;
    let patch = json_patch::diff(before, after);
    let mut lines: Vec<String> = patch
        .0
        .iter()
        .map(|step| match step {
            json_patch::PatchOperation::Add(it) => format!("+ {} {}", it.path, it.value),
            json_patch::PatchOperation::Remove(it) => format!("- {}", it.path),
            json_patch::PatchOperation::Replace(it) => format!("~ {} {}", it.path, it.value),
            other => format!("{other:?}"),
        })
        .collect();
    if lines.len() > MOST {
        let more = lines.len() - MOST;
        lines.truncate(MOST);
        lines.push(format!("and {more} more changes"));
    }
    lines
}

/// Leaves, unless a dismissal waits: then the user says what becomes of it.
pub(super) fn quit(state: &mut State) -> Vec<Effect> {
    if state.pending.is_empty() && state.sent.is_empty() {
        return leave(state);
    }
    let waiting: usize = state.pending.iter().map(|it| it.aims.len()).sum();
    if waiting == 0 {
        state.leaving = true;
        state.say(
            "leaving when what was sent is answered; ctrl-c leaves now",
            Tone::Plain,
        );
        return Vec::new();
    }
    state.layers.push(Layer::Dialog(Dialog {
        title: "leave Seamwatch".to_owned(),
        body: vec![format!(
            "The dismissal of {} was not sent yet: it still can be taken back.",
            items(waiting)
        )],
        news: Vec::new(),
        buttons: vec![
            ("Stay".to_owned(), Press::Cancel),
            ("Send it and leave".to_owned(), Press::SendAndQuit),
            ("Leave without".to_owned(), Press::DropAndQuit),
        ],
        focus: 0,
        offset: 0,
        draft: None,
    }));
    Vec::new()
}

/// `ctrl-c`: leaves at once, and says on the way out what was not done.
pub(super) fn interrupt(state: &mut State) -> Vec<Effect> {
    leave(state)
}

fn leave(state: &mut State) -> Vec<Effect> {
    let waiting: usize = state.pending.iter().map(|it| it.aims.len()).sum();
    let unanswered: usize = state
        .sent
        .values()
        .map(|it| it.request.on.len().max(1))
        .sum();
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
    state.farewell = (!words.is_empty()).then(|| words.join("; "));
    vec![Effect::Quit]
}

fn leave_when_done(state: &mut State) -> Vec<Effect> {
    if state.leaving && state.sent.is_empty() {
        return leave(state);
    }
    Vec::new()
}
