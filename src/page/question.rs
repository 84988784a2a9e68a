//! The question to a person: first the question itself, in the reader's words, then the action that will really run.

use super::brief::{done_when, links, said};
use super::quality::in_short;
use super::{Doc, Shown, TextRole};
use crate::domain::contract::{Contract, EffectStatus};
use crate::domain::report::InboxRow;
use crate::domain::text::word;

/// The whole text that a decision is bound to.
pub fn question(doc: &mut Doc, row: &InboxRow, shown: Shown<'_>) {
    doc.paragraph(TextRole::Strong, &row.question);
    doc.gap();
    match &row.proposed_action {
        Some(action) => doc.field("will run", TextRole::Warn, &call(action)),
        None => doc.field("will run", TextRole::Dim, "the handoff goes on to its target; no single action was named"),
    }
    match shown.contract() {
        Ok(contract) => body(doc, contract, row),
        Err(why) => doc.field("contract", TextRole::Dim, why),
    }
    let of = if row.role.is_empty() { String::new() } else { format!(", of {}", row.role) };
    let asked = format!("{}{of} ({})", row.asked_by, word(&row.kind));
    doc.field("asked by", TextRole::Text, &asked);
    doc.field("handoff", TextRole::Dim, &format!("{} on {} in {}", row.handoff_id, row.edge, row.edge.pipeline));
    shown.as_it_is(doc);
    doc.note_hidden();
}

/// A proposed action as a call: its name, then its arguments.
pub fn call(action: &serde_json::Value) -> String {
    match (action.get("name").and_then(serde_json::Value::as_str), action.get("args")) {
        (Some(name), Some(args)) => format!("{name} {args}"),
        (Some(name), None) => name.to_owned(),
        _ => action.to_string(),
    }
}

fn body(doc: &mut Doc, contract: &Contract, row: &InboxRow) {
    let brief = &contract.brief;
    if let Some(reason) = &brief.escalation_reason {
        doc.field("because", TextRole::Text, reason);
    }
    doc.field("task", TextRole::Text, &brief.title);
    doc.field("next step", TextRole::Text, &brief.next_step);
    for (name, items) in [("must stay", &brief.constraints), ("tried", &brief.tried), ("decided", &brief.decisions)] {
        said(doc, name, items.as_deref(), "nothing");
    }
    done_when(doc, brief);
    doc.field("stands", TextRole::Text, &brief.current_state);
    effects(doc, contract, row);
    let made = &contract.provenance;
    let confidence = made.confidence.map_or_else(|| "not said".to_owned(), |it| format!("{it:.2}"));
    let model = made.model.as_ref().map_or_else(|| "no model".to_owned(), |it| format!("model {}", it.label()));
    let prompt = made.prompt.as_ref().map_or_else(|| "no prompt".to_owned(), |it| format!("prompt {}", it.label()));
    doc.field("confidence", TextRole::Text, &format!("{confidence}   {model}   {prompt}"));
    if let Some((role, words)) = in_short(contract) {
        doc.field("quality", role, &words);
    }
    links(doc, "sources", brief);
}

/// The writes to the outside before this question: they stay whatever is answered.
fn effects(doc: &mut Doc, contract: &Contract, row: &InboxRow) {
    if row.hides_effects {
        doc.field("already ran", TextRole::Warn, "not declared: the source does not say whether it wrote anything");
    }
    for (nth, effect) in contract.side_effects.iter().enumerate() {
        let undo = if effect.reversible { "reversible" } else { "not reversible" };
        let role = match effect.status {
            EffectStatus::Unknown => TextRole::Bad,
            _ if !effect.reversible => TextRole::Warn,
            _ => TextRole::Text,
        };
        let words =
            format!("{} {} {}  {}, {undo}", effect.system, word(&effect.op), effect.resource, word(&effect.status));
        doc.field(if nth == 0 { "already ran" } else { "" }, role, &words);
    }
}
