//! The origin of a contract: its provenance, and its writes to the outside.

use super::{Doc, TextRole};
use crate::domain::contract::{CallStatus, Contract, EffectStatus, Maker};
use crate::domain::event::Terms;
use crate::domain::run::Handoff;
use crate::domain::text::{latency, plural, word};

/// The manifest of the source, and what is known beyond it: nothing yet, which is said.
pub(super) fn effects(doc: &mut Doc, contract: &Contract, it: &Handoff) {
    doc.head("WRITTEN BY THE SOURCE BEFORE THIS HANDOFF");
    if it.emission.terms.as_ref().is_some_and(Terms::hides_effects) {
        doc.paragraph(
            TextRole::Warn,
            "Not declared: the source does not say whether it wrote anything to the outside.",
        );
    } else if contract.side_effects.is_empty() {
        doc.paragraph(TextRole::Text, "Nothing: the source declares that it wrote nothing to the outside.");
    }
    for effect in &contract.side_effects {
        let role = match effect.status {
            EffectStatus::Unknown => TextRole::Bad,
            EffectStatus::Committed if !effect.reversible => TextRole::Warn,
            _ => TextRole::Text,
        };
        let words = format!("{} {} {}", effect.system, word(&effect.op), effect.resource);
        doc.field(&format!("{}", effect.seq), role, &format!("{words}: {}", word(&effect.status)));
        let again = match effect.idempotent {
            Some(true) => "doing it again with its key does nothing more",
            Some(false) => "doing it again does it twice",
            None => "not said whether it may be done again",
        };
        doc.field("", TextRole::Dim, again);
        let undo = match (&effect.compensation, effect.reversible) {
            (Some(how), _) => format!("undo: {} ({})", how.action, word(&how.kind)),
            (None, true) => "reversible, but no way to undo it is given".to_owned(),
            (None, false) => "cannot be undone".to_owned(),
        };
        doc.field("", TextRole::Dim, &undo);
        doc.field("", TextRole::Dim, effect.effect_key.as_str());
    }
    doc.head("WRITTEN BY THIS HANDOFF");
    doc.paragraph(
        TextRole::Dim,
        "Not known: no ledger of effects is kept yet, so what earlier attempts wrote is not recorded here.",
    );
}

/// The provenance: model, prompt, tool calls in order.
pub(super) fn provenance(doc: &mut Doc, contract: &Contract) {
    let made = &contract.provenance;
    doc.field("agent", TextRole::Text, &made.agent.label());
    doc.field("model", TextRole::Text, &model(made.model.as_ref()));
    let prompt = made.prompt.as_ref().map_or_else(|| "none: a person or a rule".to_owned(), Maker::label);
    doc.field("prompt", TextRole::Text, &prompt);
    match made.confidence {
        Some(confidence) => doc.field("confidence", TextRole::Text, &format!("{confidence:.2}")),
        None => doc.field("confidence", TextRole::Dim, "not said"),
    }
    if let Some(why) = &made.branch_reason {
        doc.field("because", TextRole::Text, why);
    }
    doc.head(&plural(made.tool_calls.len(), "tool call").to_uppercase());
    for call in &made.tool_calls {
        let sign = match call.status {
            CallStatus::Ok => (TextRole::Good, "✓"),
            CallStatus::Error => (TextRole::Bad, "✗"),
        };
        let took = call.ms.map(|ms| format!("  {}", latency(ms.min(i64::MAX as u64) as i64))).unwrap_or_default();
        let sure = call.confidence.map(|it| format!("  confidence {it:.2}")).unwrap_or_default();
        let id = call.call_id.as_ref().map(|it| format!("  {it}")).unwrap_or_default();
        doc.item(sign, TextRole::Text, &format!("{}. {}{took}{sure}{id}", call.seq, call.name));
    }
}

/// The maker as the log knows it, when the contract is not there.
pub(super) fn maker(doc: &mut Doc, it: &Handoff, why: &str) {
    let emission = &it.emission;
    let known = |value: &Option<String>| value.clone().unwrap_or_else(|| "not known".to_owned());
    doc.field("agent", TextRole::Text, &emission.edge.from);
    doc.field("model", TextRole::Text, &known(&emission.model));
    doc.field("prompt", TextRole::Text, &known(&emission.prompt));
    let confidence = emission.terms.as_ref().and_then(|it| it.confidence).map(|it| format!("{it:.2}"));
    doc.field("confidence", TextRole::Text, &known(&confidence));
    doc.field("tool calls", TextRole::Dim, why);
}

pub(super) fn model(model: Option<&Maker>) -> String {
    model.map_or_else(
        || "no model".to_owned(),
        |it| match &it.provider {
            Some(provider) => format!("{} of {provider}", it.label()),
            None => it.label(),
        },
    )
}
