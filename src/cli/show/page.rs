//! The handoff page and the run page for people: what has to be decided first, the raw facts last.

use super::{HandoffPage, RunPage};
use crate::cli::get::event::EventRow;
use crate::cli::table::{id, left, moment, or_dash, right, room, table, words};
use crate::domain::health::Measures;
use crate::domain::port::{Body, Format};
use crate::domain::report::TaskRow;
use crate::domain::run::Handoff;
use crate::domain::text::{age, latency, plural, word};
use crate::page::{Doc, Shown, Subject, TextRole, annotations, raw};

/// An event as cells.
pub fn line(row: &EventRow<'_>) -> Vec<String> {
    vec![
        moment(row.event.at),
        row.event.fact.name().to_owned(),
        or_dash(row.edge.as_ref(), ToString::to_string),
        row.event.actor.to_string(),
        row.detail.clone(),
    ]
}

/// An empty page as wide as the terminal, or as its lines are long.
fn empty() -> Doc {
    Doc::new(room().unwrap_or(usize::MAX))
}

fn log(doc: &mut Doc, lines: &[Vec<String>]) {
    let columns = [left("TIME (UTC)"), left("EVENT"), left("EDGE"), left("BY").spare(8), words("DETAIL")];
    doc.head("WHAT HAPPENED");
    doc.paragraph(TextRole::Text, table(&columns, lines, room()).trim_end());
}

/// A handoff: the parts of its page on the screen, one below the other.
pub fn handoff(page: &HandoffPage<'_>, body: Option<&Body>, it: &Handoff, events: &[Vec<String>]) -> String {
    let mut doc = empty();
    let row = &page.handoff;
    let state = format!("{} ({}, version {})", row.handoff_id, word(&row.state), row.version);
    doc.field("handoff", TextRole::Text, &state);
    doc.field("trace", TextRole::Text, &format!("{}, step {}", row.trace_id, row.step));
    if let Some(by) = page.inbox.as_ref().and_then(|it| it.claimed_by.as_ref()) {
        doc.field("claimed by", TextRole::Wait, by);
    }
    verdict(&mut doc, &page.task);
    let missing = page.contract_missing.clone().unwrap_or_default();
    let parts = body.map(Body::parts);
    let shown = body.zip(parts.as_ref()).map_or(Shown::Missing(&missing), |(body, parts)| Shown::of(body, parts));
    let subject = Subject {
        it,
        body: shown,
        question: page.inbox.as_ref(),
        annotations: &page.task.annotations,
        outlook: page.dead.as_ref().map(|it| it.outlook.clone()),
        now: page.as_of,
        stamp: &moment,
    };
    doc.gap();
    subject.brief(&mut doc);
    if shown.contract().is_ok() {
        subject.contract(&mut doc);
        subject.effects(&mut doc);
    }
    doc.head("PROVENANCE");
    subject.provenance(&mut doc);
    doc.head("ATTEMPTS");
    let took = row.emit_to_ack_ms.map(|it| format!(", after {}", latency(it))).unwrap_or_default();
    doc.field("accepted", TextRole::Text, &(or_dash(row.acknowledged_at, moment) + &took));
    doc.field("ended", TextRole::Text, &or_dash(row.ended_at, moment));
    subject.attempts(&mut doc);
    log(&mut doc, events);
    if let Some(body) = body.filter(|it| it.format == Format::Contract) {
        doc.head("CONTRACT");
        raw(&mut doc, body);
    }
    doc.to_string()
}

fn verdict(doc: &mut Doc, task: &TaskRow) {
    if let Some(since) = task.since {
        let verdict = word(&task.verdict);
        doc.field("run", TextRole::Warn, &format!("{verdict}, {}, since {}", task.signal, moment(since)));
    }
}

/// The text page of a run; `measured` is what its source measures everywhere, `events` are the cells of its log, one row
/// each.
pub fn run(page: &RunPage<'_>, measured: Measures, events: &[Vec<String>]) -> String {
    let task = &page.task;
    let mut doc = empty();
    doc.field("trace", TextRole::Text, &format!("{} in {}", task.trace_id, task.pipeline));
    let state = format!("{}, {} open of {}", word(&task.state), task.open, plural(task.handoffs, "handoff"));
    doc.field("state", TextRole::Text, &state);
    verdict(&mut doc, task);
    annotations(&mut doc, &task.annotations, None, &moment);
    doc.field("path", TextRole::Text, &task.path);
    match task.retries {
        0 if !measured.retries => doc.field("retries", TextRole::Dim, "not measured"),
        count => doc.field("retries", TextRole::Text, &count.to_string()),
    }
    doc.field("spent", TextRole::Text, &age(task.spent_ms));
    let columns = [
        right("STEP"),
        id("HANDOFF"),
        left("EDGE"),
        left("STATE"),
        right("ATTEMPTS").spare(8),
        right("ACK").spare(7),
        words("TITLE"),
    ];
    let rows: Vec<Vec<String>> = page
        .handoffs
        .iter()
        .map(|it| {
            vec![
                it.step.to_string(),
                it.handoff_id.to_string(),
                it.edge.to_string(),
                it.state.word().to_owned(),
                it.attempts.to_string(),
                or_dash(it.emit_to_ack_ms, latency),
                it.title.clone(),
            ]
        })
        .collect();
    doc.head("HANDOFFS");
    doc.paragraph(TextRole::Text, table(&columns, &rows, room()).trim_end());
    log(&mut doc, events);
    doc.to_string()
}
