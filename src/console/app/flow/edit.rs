//! Edit and approve: the contract is fetched, edited, checked, confirmed and sent; nothing typed is lost on the way.

use serde_json::Value;

use super::confirm::confirm;
use crate::console::app::act::in_flight::Editing;
use crate::console::app::act::{ActTarget, Form, Proposal};
use crate::console::app::layer::{Dialog, Layer};
use crate::console::app::msg::{Effect, Reply, Ticket};
use crate::console::app::overlay::ButtonAction;
use crate::console::app::state::State;
use crate::console::app::toast::Tone;
use crate::domain::contract::Masked;
use crate::domain::port::{ActKind, Fault, Found, Given, Want};
use crate::domain::text;

/// Fetches the contract, to be edited.
pub fn edit_approve(state: &mut State, target: ActTarget) -> Vec<Effect> {
    if let Some(why) = state.world.lock(target.source, ActKind::EditApprove) {
        state.say(why, Tone::Bad);
        return Vec::new();
    }
    let want = Want::Contract(target.target.handoff.clone());
    let source = target.source;
    let ticket = state.acting.keep(Editing { target, original: String::new(), text: String::new() });
    vec![Effect::Fetch(ticket, source, want)]
}

pub(super) fn fetched(state: &mut State, mut editing: Editing, reply: Result<Reply, Fault>) -> Vec<Effect> {
    let (value, digest) = match reply {
        Ok(Reply::Found(Found::Contract { value, digest })) => (value, digest),
        Ok(_) => return Vec::new(),
        Err(fault) => {
            let why = fault.told(state.world.now);
            state.say(format!("cannot edit: {why}"), Tone::Bad);
            return Vec::new();
        }
    };
    if !editing.target.digest.is_empty() && digest != editing.target.digest {
        state.say("it changed since you saw it: look at it again first", Tone::Bad);
        return Vec::new();
    }
    editing.target.digest = digest;
    editing.original = pretty(&value);
    editing.text.clone_from(&editing.original);
    let text = editing.original.clone();
    let ticket = state.acting.keep(editing);
    vec![Effect::Edit(ticket, text)]
}

/// A contract as JSON for an editor, masked.
pub(in crate::console::app) fn pretty(contract: &Masked) -> String {
    typed(contract.value())
}

/// JSON as text for an editor. A character that would hide in it, such as a bidi override, is escaped: the editor
/// writes to the same terminal.
pub(super) fn typed(value: &Value) -> String {
    let json = serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string());
    text::escape_json(&json).into_owned()
}

/// The editor was closed. Whatever was typed is kept until it is sent or given up.
pub(in crate::console::app) fn edited(state: &mut State, ticket: Ticket, text: Result<String, String>) -> Vec<Effect> {
    let Some(editing) = state.acting.edits.get_mut(&ticket) else {
        if let Err(why) = text {
            state.say(why, Tone::Bad);
        }
        return Vec::new();
    };
    match text {
        Ok(text) => editing.text = text,
        Err(why) => {
            let has_edits = editing.text != editing.original;
            if has_edits {
                offer_again(state, ticket, vec![why]);
            } else {
                state.acting.edits.remove(&ticket);
                state.say(why, Tone::Bad);
            }
            return Vec::new();
        }
    }
    let original: Option<Value> = serde_json::from_str(&editing.original).ok();
    match serde_json::from_str::<Value>(&editing.text) {
        Err(why) => offer_again(state, ticket, vec![format!("This is not JSON: {why}.")]),
        Ok(value) if original.as_ref() == Some(&value) => {
            state.acting.edits.remove(&ticket);
            state.say("nothing was changed: approve it as it is, or edit it again", Tone::Plain);
        }
        Ok(value) => {
            let target = editing.target.clone();
            let changed = original.map(|it| changes(&it, &value)).unwrap_or_default();
            let original = editing.original.clone();
            state.acting.edits.remove(&ticket);
            let proposal = Proposal::new(ActKind::EditApprove, vec![target]).notes(changed);
            confirm(
                state,
                Form { given: Given { edited: Some(value), ..Given::default() }, original, ..Form::new(proposal) },
            );
        }
    }
    Vec::new()
}

/// The edited contract was refused: the text stays, with every place that is wrong.
pub(super) fn fix(state: &mut State, editing: Editing, wrong: Vec<String>) {
    // Whoever was leaving did not know that there is something to mend.
    state.acting.leaving = false;
    let ticket = state.acting.keep(editing);
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
            ("Give up".to_owned(), ButtonAction::Cancel),
            ("Edit again".to_owned(), ButtonAction::EditAgain(ticket)),
        ],
        focus: 1,
        offset: 0,
        form: None,
    }));
}

pub(super) fn invalid(fault: &Fault) -> Vec<String> {
    match fault {
        Fault::Invalid(all) => all.iter().map(ToString::to_string).collect(),
        other => vec![other.to_string()],
    }
}

/// Changes that an edit made, a line for each place.
fn changes(before: &Value, after: &Value) -> Vec<String> {
    const MAX_CHANGES_SHOWN: usize = 12;
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
    if lines.len() > MAX_CHANGES_SHOWN {
        let more = lines.len() - MAX_CHANGES_SHOWN;
        lines.truncate(MAX_CHANGES_SHOWN);
        lines.push(format!("and {more} more changes"));
    }
    lines
}
