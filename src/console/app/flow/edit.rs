//! Edit and approve: the body is fetched, edited, checked, confirmed and sent; nothing typed is lost on the way.

use std::collections::HashSet;

use serde_json::Value;

use super::confirm::confirm;
use crate::console::app::act::{ActTarget, Editing, Form, Proposal};
use crate::console::app::body::editable;
use crate::console::app::layer::{Dialog, Layer};
use crate::console::app::msg::{Effect, Reply, Ticket};
use crate::console::app::overlay::ButtonAction;
use crate::console::app::state::State;
use crate::console::app::toast::Tone;
use crate::domain::contract::Violation;
use crate::domain::json;
use crate::domain::port::{ActKind, Fault, Format, Found, Given, Want};

/// Fetches the body, to be edited.
pub fn edit_approve(state: &mut State, target: ActTarget) -> Vec<Effect> {
    if let Some(why) = state.world.lock(target.source, ActKind::EditApprove) {
        state.say(why, Tone::Bad);
        return Vec::new();
    }
    let want = Want::Body(target.target.handoff.clone());
    let source = target.source;
    let ticket =
        state.acting.keep(Editing { target, format: Format::Contract, original: String::new(), text: String::new() });
    vec![Effect::Fetch(ticket, source, want)]
}

pub(super) fn fetched(state: &mut State, mut editing: Editing, reply: Result<Reply, Fault>) -> Vec<Effect> {
    let body = match reply {
        Ok(Reply::Found(Found::Body(body))) => body,
        Ok(_) => return Vec::new(),
        Err(fault) => {
            let why = fault.told(state.world.now);
            state.say(format!("cannot edit: {why}"), Tone::Bad);
            return Vec::new();
        }
    };
    if !editing.target.digest.is_empty() && body.digest != editing.target.digest {
        state.say("it changed since you saw it: look at it again first", Tone::Bad);
        return Vec::new();
    }
    editing.original = editable(&body);
    editing.format = body.format;
    editing.target.digest = body.digest;
    editing.text.clone_from(&editing.original);
    let text = editing.original.clone();
    let ticket = state.acting.keep(editing);
    vec![Effect::Edit(ticket, text)]
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
    match value_of(editing.format, &editing.text) {
        Err(why) => offer_again(state, ticket, vec![unreadable(&why)]),
        Ok(value) => {
            let original = value_of(editing.format, &editing.original).ok();
            let Some(editing) = state.acting.edits.remove(&ticket).filter(|_| original.as_ref() != Some(&value)) else {
                state.say("nothing was changed: approve it as it is, or edit it again", Tone::Plain);
                return Vec::new();
            };
            let changed = original.map(|it| changes(&it, &value)).unwrap_or_default();
            let proposal = Proposal::new(ActKind::EditApprove, vec![editing.target.clone()]).notes(changed);
            let given = Given { value: Some(value), ..Given::default() };
            confirm(state, Form { given, edited: Some(editing), ..Form::new(proposal) });
        }
    }
    Vec::new()
}

/// The body that an edited file is: JSON, or the text itself.
fn value_of(format: Format, text: &str) -> Result<Value, Violation> {
    match format {
        Format::Text => Ok(text.into()),
        Format::Contract | Format::Json => json::parse(text.as_bytes()),
    }
}

/// What is wrong with a text that was to be JSON, in a sentence of its own.
fn unreadable(why: &Violation) -> String {
    match why.keyword.as_str() {
        "json" => format!("{}.", why.message.replacen("this", "This", 1)),
        _ => format!("{why}."),
    }
}

/// The edited body was refused: the text stays, with every place that is wrong.
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

/// Changes that an edit made, a line for each place, or for each line of a text.
fn changes(before: &Value, after: &Value) -> Vec<String> {
    const MAX_CHANGES_SHOWN: usize = 12;
    let mut lines = match (before, after) {
        (Value::String(before), Value::String(after)) => changed_lines(before, after),
        _ => changed_places(before, after),
    };
    if lines.len() > MAX_CHANGES_SHOWN {
        let more = lines.len() - MAX_CHANGES_SHOWN;
        lines.truncate(MAX_CHANGES_SHOWN);
        lines.push(format!("and {more} more changes"));
    }
    lines
}

fn changed_lines(before: &str, after: &str) -> Vec<String> {
    let only_in = |one: &'_ str, other: &str, sign: &str| {
        let known: HashSet<&str> = other.lines().collect();
        let new = one.lines().filter(|line| !known.contains(line));
        new.map(|line| format!("{sign} {line}")).collect::<Vec<_>>()
    };
    [only_in(before, after, "-"), only_in(after, before, "+")].concat()
}

fn changed_places(before: &Value, after: &Value) -> Vec<String> {
    let patch = json_patch::diff(before, after);
    let lines = patch.0.iter().map(|step| match step {
        json_patch::PatchOperation::Add(it) => format!("+ {} {}", it.path, it.value),
        json_patch::PatchOperation::Remove(it) => format!("- {}", it.path),
        json_patch::PatchOperation::Replace(it) => format!("~ {} {}", it.path, it.value),
        other => format!("{other:?}"),
    });
    lines.collect()
}
