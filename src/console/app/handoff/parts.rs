//! The parts of a contract as text.

use crate::domain::brief::completeness;
use crate::domain::contract::{Contract, EffectStatus, SCHEMA_VERSION, Violation};
use crate::domain::key::handoff_key;
use crate::domain::ledger::Ledger;
use crate::domain::report::outlook;
use crate::domain::run::{Handoff, State};
use crate::domain::text::age;

use super::super::dead_letters;
use super::super::doc::{Doc, TextRole, plural, word};
use super::super::world::World;
use super::origin::model;

/// One sentence, next step, definition of done, decisions, constraints, tried, owner, urgency, links: in this
/// order, so that the first screen is enough to decide.
pub(super) fn brief(doc: &mut Doc, contract: &Contract) {
    let brief = &contract.brief;
    doc.paragraph(TextRole::Strong, &brief.title);
    doc.gap();
    doc.field("next step", TextRole::Accent, &brief.next_step);
    for (nth, done) in brief.definition_of_done.iter().enumerate() {
        let (ink, tick) = if done.met { (TextRole::Good, "✓") } else { (TextRole::Text, "○") };
        doc.field(if nth == 0 { "done when" } else { "" }, ink, &format!("{tick} {}", done.item));
    }
    for (name, items) in [("decided", &brief.decisions), ("must stay", &brief.constraints), ("tried", &brief.tried)] {
        said(doc, name, items.as_deref());
    }
    doc.field("owner", TextRole::Text, &format!("{} ({})", brief.owner, word(brief.owner.kind)));
    let urgency = contract.urgency();
    let due = brief.due_at.map(|at| format!(", due {at}")).unwrap_or_default();
    doc.field("urgency", TextRole::Text, &format!("{}{due}", urgency.word()));
    let links = brief.source_links.iter().flatten().map(|link| match &link.label {
        Some(label) => format!("{label}  {}", link.url),
        None => link.url.clone(),
    });
    doc.list("links", TextRole::Text, &links.collect::<Vec<_>>(), "none");
    doc.gap();
    doc.field("goal", TextRole::Text, &brief.goal);
    doc.field("stands", TextRole::Text, &brief.current_state);
    for (name, items) in [
        ("completed", &brief.completed),
        ("key facts", &brief.key_facts),
        ("blockers", &brief.blockers),
        ("approvals", &brief.pending_approvals),
    ] {
        if items.is_some() {
            said(doc, name, items.as_deref());
        }
    }
}

fn said(doc: &mut Doc, name: &str, items: Option<&[String]>) {
    match items {
        Some(items) => doc.list(name, TextRole::Text, items, "none"),
        None => doc.field(name, TextRole::Dim, "not said"),
    }
}

/// What the log knows of a handoff whose contract is not there, and why it is not.
pub(super) fn head(doc: &mut Doc, it: &Handoff, why: &str) {
    let emission = &it.emission;
    let title = if emission.title.is_empty() { it.id.as_str() } else { &emission.title };
    doc.paragraph(TextRole::Strong, title);
    doc.gap();
    doc.field("contract", TextRole::Dim, why);
    if !emission.owner.is_empty() {
        doc.field("owner", TextRole::Text, &emission.owner);
    }
    if !emission.is_observed() {
        doc.field("urgency", TextRole::Text, emission.urgency.word());
    }
}

/// Where the handoff stands now.
pub(super) fn standing(doc: &mut Doc, world: &World, ledger: Option<&Ledger>, it: &Handoff) {
    doc.gap();
    let emission = &it.emission;
    doc.field("edge", TextRole::Text, &format!("{} in {}", emission.edge, emission.edge.pipeline));
    let now = ledger.map_or(it.first_seen(), Ledger::now);
    doc.field(
        "emitted",
        TextRole::Text,
        &format!("{}, {} ago", world.stamp(it.first_seen(), now), age(it.first_seen().age(now))),
    );
    if let (Some(failure), State::DeadLettered | State::RetryWait) = (&it.failure, it.state) {
        let said = match failure.violations.first() {
            Some(first) => format!(": {first}"),
            None if failure.detail.is_empty() => String::new(),
            None => format!(": {}", failure.detail),
        };
        doc.field("failed", TextRole::Bad, &format!("{}{said}", failure.code));
    }
    if let (Some(ledger), State::DeadLettered) = (ledger, it.state) {
        let verdict = outlook(ledger, it);
        doc.field("requeue", dead_letters::ink(&verdict), verdict.why());
    }
    if let Some(last) = &it.last_change {
        let event = last.event.trim_end_matches(".v1").rsplit('.').next().unwrap_or_default().replace('_', " ");
        doc.field("last", TextRole::Dim, &format!("{event} by {} at {}", last.actor.id, world.stamp(last.at, now)));
    }
    let hidden = doc.hidden();
    if hidden > 0 {
        doc.gap();
        doc.paragraph(TextRole::Bad, &format!("{} in this text, shown as marks", plural(hidden, "hidden character")));
    }
}

/// The six fields, each with a tick or what is wrong; then what the receiver found, and what is missing.
pub(super) fn contract(doc: &mut Doc, contract: &Contract, it: &Handoff) {
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
    let unknown = contract.side_effects.iter().filter(|it| it.status == EffectStatus::Unknown).count();
    let declared = plural(contract.side_effects.len(), "declared write");
    tick(
        doc,
        "effects",
        match unknown {
            0 => Ok(declared),
            open => Err(format!("{declared}, {open} with an unknown outcome")),
        },
    );
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
                word(modes.default)
            )),
            both => Err(format!("{} is both to be retried and for a person", both.join(", "))),
        },
    );
    let wrong: &[Violation] = it.failure.as_ref().map_or(&[], |it| &it.violations);
    if !wrong.is_empty() || !it.emission.flags.is_empty() {
        doc.head("WHAT IS WRONG");
        for one in wrong {
            doc.item((TextRole::Bad, "✗"), TextRole::Text, &one.to_string());
        }
        for flag in &it.emission.flags {
            doc.item((TextRole::Warn, "▲"), TextRole::Text, flag);
        }
    }
    let whole = completeness(contract);
    doc.head(&format!("COMPLETENESS {} OF 100", whole.score));
    for missing in &whole.missing {
        let words = format!("{} ({} points): {}", missing.path, missing.points, missing.why);
        doc.item((TextRole::Warn, "○"), TextRole::Text, &words);
    }
    if !it.emission.dropped.is_empty() {
        doc.field("dropped", TextRole::Dim, &format!("{} did not cross the edge", it.emission.dropped.join(", ")));
    }
}
