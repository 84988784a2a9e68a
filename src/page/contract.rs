//! The six fields of a contract on a page, and whether each one holds.

use super::origin::model;
use super::quality::quality;
use super::{Doc, TextRole};
use crate::domain::brief::completeness;
use crate::domain::contract::{Contract, EffectStatus, SCHEMA_VERSION, Violation};
use crate::domain::event::Terms;
use crate::domain::key::handoff_key;
use crate::domain::run::Handoff;
use crate::domain::text::{plural, word};

/// The six fields, each with a tick or what is wrong; then what the receiver found, and what is missing.
pub(super) fn fields(doc: &mut Doc, contract: &Contract, it: &Handoff) {
    let tick = |doc: &mut Doc, name: &str, right: Result<String, String>| match right {
        Ok(words) => doc.field(name, TextRole::Text, &format!("✓ {words}")),
        Err(words) => doc.field(name, TextRole::Bad, &format!("✗ {words}")),
    };
    doc.head("SIX FIELDS");
    let version = &contract.schema_version;
    let same = version.split('.').next() == SCHEMA_VERSION.split('.').next();
    tick(
        doc,
        "version",
        if same { Ok(version.clone()) } else { Err(format!("{version}: this program knows {SCHEMA_VERSION}")) },
    );
    let key = contract.idempotency_key.as_str();
    let right = match handoff_key(&contract.trace_id, contract.step, &contract.branch) {
        Ok(computed) if computed.as_str() == key => Ok(key.to_owned()),
        Ok(computed) => Err(format!("{key} is not the key of its trace, step and branch: {}", computed.as_str())),
        Err(why) => Err(why.to_string()),
    };
    tick(doc, "key", right);
    let branch = if contract.branch.is_empty() { String::new() } else { format!(", branch {}", contract.branch) };
    tick(doc, "trace", Ok(format!("{}, step {}{branch}", contract.trace_id.as_str(), contract.step)));
    let made = &contract.provenance;
    let calls = plural(made.tool_calls.len(), "tool call");
    tick(doc, "provenance", Ok(format!("{}, {}, {calls}", made.agent.label(), model(made.model.as_ref()))));
    let terms = it.emission.terms.as_ref();
    let unknown = contract.side_effects.iter().filter(|it| it.status == EffectStatus::Unknown).count();
    let declared = plural(contract.side_effects.len(), "declared write");
    if terms.is_some_and(Terms::hides_effects) {
        doc.field("effects", TextRole::Warn, "▲ not declared: the source does not say whether it wrote anything");
    } else {
        tick(
            doc,
            "effects",
            match unknown {
                0 => Ok(declared),
                open => Err(format!("{declared}, {open} with an unknown outcome")),
            },
        );
    }
    let modes = &contract.failure_modes;
    let both: Vec<&str> = modes.retryable.iter().filter(|it| modes.escalate.contains(it)).map(String::as_str).collect();
    let list = |codes: &[String]| {
        if codes.is_empty() { "nothing".to_owned() } else { codes.join(", ") }
    };
    tick(
        doc,
        "failures",
        match both.as_slice() {
            [] => Ok(format!(
                "retry {}; ask a person for {}; else {}",
                list(&modes.retryable),
                list(&modes.escalate),
                word(&modes.default)
            )),
            both => Err(format!("{} is both to be retried and for a person", both.join(", "))),
        },
    );
    let wrong: &[Violation] = it.failure.as_ref().map_or(&[], |it| &it.violations);
    let (flags, dropped) = terms.map_or((&[][..], &[][..]), |it| (&it.flags, &it.dropped));
    if !wrong.is_empty() || !flags.is_empty() {
        doc.head("WHAT IS WRONG");
        for one in wrong {
            doc.item((TextRole::Bad, "✗"), TextRole::Text, &one.to_string());
        }
        for flag in flags {
            doc.item((TextRole::Warn, "▲"), TextRole::Text, flag);
        }
    }
    if let Some(class) = &contract.classification {
        doc.head("CLASSIFICATION");
        doc.field("level", TextRole::Text, &word(&class.level));
        match &class.regulations {
            Some(named) => doc.field("regulations", TextRole::Text, &said_or_none(named)),
            None => doc.field("regulations", TextRole::Dim, "not said"),
        }
    }
    let whole = completeness(contract);
    doc.head(&format!("BRIEF {} OF 100", whole.score));
    for missing in &whole.missing {
        let words = format!("{} ({} points): {}", missing.path, missing.points, missing.why);
        doc.item((TextRole::Warn, "○"), TextRole::Text, &words);
    }
    quality(doc, contract);
    if !dropped.is_empty() {
        doc.field("dropped", TextRole::Dim, &format!("{} did not cross the edge", dropped.join(", ")));
    }
}

fn said_or_none(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
