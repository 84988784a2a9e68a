//! Details of the group or the dead letter under the cursor, for the pane beside the list.

use crate::domain::event::DeadReason;
use crate::domain::id::HandoffId;
use crate::domain::ledger::Ledger;
use crate::domain::report::{DeadGroup, dead_row};
use crate::domain::text::{age, count, plural};
use crate::domain::time::MINUTE;
use crate::page::{Doc, TextRole, outlook_role};

use super::super::world::World;
use super::{DeadLetters, Row};

/// The text of the pane, at a width.
pub fn details(screen: &DeadLetters, world: &World, width: usize) -> Doc {
    let mut doc = Doc::new(width);
    match screen.list.selected() {
        Some(Row::Group(id)) => {
            if let Some(((head, count), feed)) = screen.group(id).zip(world.feed(id.0)) {
                group(&mut doc, world, feed.ledger(), head, count);
            }
        }
        Some(Row::Item(source, id)) => {
            if let Some(feed) = world.feed(*source) {
                item(&mut doc, world, feed.ledger(), id);
            }
        }
        None => {}
    }
    doc
}

/// Growth of a group in words: whether handoffs still die of the same cause.
pub fn growth(head: &DeadGroup, ledger: &Ledger) -> (TextRole, String) {
    let quiet = head.last_at.age(ledger.now());
    let lately = head.last_10m;
    if quiet < 2 * MINUTE {
        let many = count(lately as u64);
        (TextRole::Warn, format!("still happening: {many} in 10 min"))
    } else {
        let before = match lately {
            0 => String::new(),
            some => format!(", {} in 10 min", count(some as u64)),
        };
        (TextRole::Dim, format!("quiet for {}{before}", age(quiet)))
    }
}

fn group(doc: &mut Doc, world: &World, ledger: &Ledger, head: &DeadGroup, matching: usize) {
    let now = ledger.now();
    doc.paragraph(TextRole::Strong, &head.title);
    doc.field("requeue", outlook_role(&head.outlook), head.outlook.why());
    let matching = match matching {
        all if all == head.count => String::new(),
        some => format!(", {} match the filter", count(some as u64)),
    };
    let pipeline = &head.edge.pipeline;
    doc.field("edge", TextRole::Text, &format!("{} in {pipeline}", head.edge));
    doc.field("dead", TextRole::Text, &format!("{}{matching}", plural(head.count, "handoff")));
    let (tone, growth) = growth(head, ledger);
    doc.field("pulse", tone, &growth);
    let (first, last) = (world.stamp(head.first_at, now), world.stamp(head.last_at, now));
    doc.field("first, last", TextRole::Text, &format!("{first}, {last}"));
    let Some(book) = ledger.dead().group(&head.id) else {
        return;
    };
    let mut prompts: Vec<_> = book.prompts.iter().collect();
    prompts.sort_by(|a, b| b.1.cmp(a.1));
    for (nth, (prompt, count)) in prompts.into_iter().take(4).enumerate() {
        let prompt = prompt.as_deref().unwrap_or("no prompt named");
        doc.field(if nth == 0 { "prompt" } else { "" }, TextRole::Text, &format!("{prompt} in {count}"));
    }
    for (nth, (why, count)) in book.reasons.iter().enumerate() {
        let why = why.map_or("not said", reason);
        doc.field(if nth == 0 { "why dead" } else { "" }, TextRole::Text, &format!("{why} in {count}"));
    }
}

fn item(doc: &mut Doc, world: &World, ledger: &Ledger, id: &HandoffId) {
    let Some(row) = dead_row(ledger, id) else {
        return;
    };
    doc.paragraph(TextRole::Strong, if row.title.is_empty() { id.as_str() } else { &row.title });
    doc.field("requeue", outlook_role(&row.outlook), row.outlook.why());
    let place = row.path.as_deref().map(|path| format!(" at {path}")).unwrap_or_default();
    doc.field("failed", TextRole::Bad, &format!("{}{place}", row.code));
    if !row.detail.is_empty() {
        doc.field("said", TextRole::Text, &row.detail);
    }
    if let Some(first) = ledger.handoff(id).and_then(|it| it.failure.as_ref()?.violations.first()) {
        doc.field("violation", TextRole::Text, &first.to_string());
    }
    doc.field("why dead", TextRole::Text, row.reason.map_or("not said", reason));
    let attempts = match row.max_attempts {
        0 => plural(row.attempts as usize, "attempt"),
        most => format!("{} of {most}", row.attempts),
    };
    doc.field("attempts", TextRole::Text, &attempts);
    let (at, ago) = (world.stamp(row.dead_at, ledger.now()), age(row.age_ms));
    doc.field(
        "died",
        if row.age_ms < 10 * MINUTE { TextRole::Warn } else { TextRole::Text },
        &format!("{at}, {ago} ago"),
    );
    if let Some(prompt) = &row.prompt {
        doc.field("prompt", TextRole::Text, prompt);
    }
    let owner = if row.owner.is_empty() { "not said" } else { &row.owner };
    doc.field("owner", TextRole::Text, &format!("{owner}, urgency {}", row.urgency.word()));
    doc.field("edge", TextRole::Text, &format!("{} in {}", row.edge, row.edge.pipeline));
    doc.field("handoff", TextRole::Dim, id.as_str());
    doc.field("trace", TextRole::Dim, row.trace_id.as_str());
}

/// The reason that no further attempt was made, for people.
pub const fn reason(reason: DeadReason) -> &'static str {
    match reason {
        DeadReason::BudgetSpent => "every attempt was spent",
        DeadReason::NotRetryable => "its contract says not to retry this error",
        DeadReason::SchemaViolation => "the receiver found the contract invalid",
        DeadReason::Expired => "its deadline passed",
        DeadReason::ReferenceGone => "what its contract refers to is gone",
        DeadReason::EscalationTimeout => "nobody answered the question in time",
        DeadReason::EscalatedTooOften => "it was escalated five times",
        DeadReason::Observed => "the source says so and gives no reason",
    }
}
