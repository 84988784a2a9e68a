//! The card of one question: what is to be decided first, in the reader's words; what will really happen; what
//! the clock does.

use crate::domain::contract::{Contract, EffectStatus};
use crate::domain::event::Timeout;
use crate::domain::report::InboxRow;
use crate::domain::text::age;

use super::super::doc::{Doc, TextRole, plural, word};
use super::super::triage::call;

/// The whole text that a decision is bound to.
pub fn card(row: &InboxRow, contract: Result<&Contract, &str>, width: usize) -> Doc {
    let mut doc = Doc::new(width);
    doc.paragraph(TextRole::Strong, &row.question);
    doc.gap();
    match &row.proposed_action {
        Some(action) => doc.field("will run", TextRole::Warn, &call(action)),
        None => doc.field("will run", TextRole::Dim, "the handoff goes on to its target; no single action was named"),
    }
    match contract {
        Ok(contract) => body(&mut doc, contract),
        Err(why) => doc.field("contract", TextRole::Dim, why),
    }
    doc.field("asked by", TextRole::Text, &asked(row));
    doc.field("handoff", TextRole::Dim, &format!("{} on {} in {}", row.handoff_id, row.edge, row.edge.pipeline));
    let hidden = doc.hidden();
    if hidden > 0 {
        doc.gap();
        doc.paragraph(TextRole::Bad, &format!("{} in this text, shown as marks", plural(hidden, "hidden character")));
    }
    doc
}

fn asked(row: &InboxRow) -> String {
    format!("{}, of {} ({})", row.asked_by, row.role, word(row.kind))
}

fn body(doc: &mut Doc, contract: &Contract) {
    let brief = &contract.brief;
    if let Some(reason) = &brief.escalation_reason {
        doc.field("because", TextRole::Text, reason);
    }
    doc.field("task", TextRole::Text, &brief.title);
    doc.field("next step", TextRole::Text, &brief.next_step);
    let list = |items: &Option<Vec<String>>| items.clone();
    for (name, items) in
        [("must stay", list(&brief.constraints)), ("tried", list(&brief.tried)), ("decided", list(&brief.decisions))]
    {
        match items {
            Some(items) => doc.list(name, TextRole::Text, &items, "nothing"),
            None => doc.field(name, TextRole::Dim, "not said"),
        }
    }
    for (nth, done) in brief.definition_of_done.iter().enumerate() {
        let (ink, tick) = if done.met { (TextRole::Good, "✓") } else { (TextRole::Text, "○") };
        doc.field(if nth == 0 { "done when" } else { "" }, ink, &format!("{tick} {}", done.item));
    }
    doc.field("stands", TextRole::Text, &brief.current_state);
    effects(doc, contract);
    let made = &contract.provenance;
    let confidence = made.confidence.map_or_else(|| "not said".to_owned(), |it| format!("{it:.2}"));
    let model = made.model.as_ref().map_or_else(|| "no model".to_owned(), |it| format!("model {}", it.label()));
    let prompt = made.prompt.as_ref().map_or_else(|| "no prompt".to_owned(), |it| format!("prompt {}", it.label()));
    doc.field("confidence", TextRole::Text, &format!("{confidence}   {model}   {prompt}"));
    let links = brief.source_links.iter().flatten();
    let links: Vec<String> = links
        .map(|link| match &link.label {
            Some(label) => format!("{label}  {}", link.url),
            None => link.url.clone(),
        })
        .collect();
    doc.list("sources", TextRole::Text, &links, "none");
}

/// What was written to the outside before this question: it stays whatever is answered.
fn effects(doc: &mut Doc, contract: &Contract) {
    for (nth, effect) in contract.side_effects.iter().enumerate() {
        let undo = if effect.reversible { "reversible" } else { "not reversible" };
        let ink = match effect.status {
            EffectStatus::Unknown => TextRole::Bad,
            _ if !effect.reversible => TextRole::Warn,
            _ => TextRole::Text,
        };
        let words =
            format!("{} {} {}  {}, {undo}", effect.system, word(effect.op), effect.resource, word(effect.status));
        doc.field(if nth == 0 { "already ran" } else { "" }, ink, &words);
    }
}

/// The countdown and what the timeout does. It changes every second and is no part of what is decided on.
pub fn clock(row: &InboxRow) -> (TextRole, String) {
    let then = match row.on_timeout {
        Timeout::DeadLetter => "dead letter",
        Timeout::Approve => "approved",
        Timeout::Dismiss => "dismissed",
    };
    if row.due_in_ms < 0 {
        let late = age(-row.due_in_ms);
        return (TextRole::Bad, format!("overdue {late}, then: {then}"));
    }
    let ink = if row.due_in_ms < 10 * crate::domain::time::MINUTE { TextRole::Warn } else { TextRole::Text };
    (ink, format!("due in {}, then: {then}", age(row.due_in_ms)))
}

/// Who has it in hand.
pub fn claimed(row: &InboxRow, operator: &str) -> (TextRole, String) {
    match &row.claimed_by {
        Some(by) if by == operator => (TextRole::Wait, "claimed by you".to_owned()),
        Some(by) => (TextRole::Warn, format!("claimed by {by}")),
        None => (TextRole::Dim, "unclaimed".to_owned()),
    }
}
