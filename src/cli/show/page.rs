//! The handoff page and the run page for people: what has to be decided first, the raw facts last.

use serde_json::Value;

use super::{HandoffPage, RunPage};
use crate::cli::get::event::EventRow;
use crate::cli::table::{id, left, moment, or_dash, right, room, table, words};
use crate::domain::contract::{Contract, Maker};
use crate::domain::report::TaskRow;
use crate::domain::text::{age, clean, clean_block, latency, wire_word};

/// Lines of a page: a name and what there is to say, or a part of its own.
#[derive(Default)]
struct Page(String);

impl Page {
    /// One named line; nothing when there is nothing to say.
    fn say(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.0 += &clean(&format!("{name:<12} {text}"));
            self.0.push('\n');
        }
    }

    fn list(&mut self, name: &str, items: Option<&[String]>) {
        let Some(items) = items else { return };
        if items.is_empty() {
            self.say(name, "none");
        }
        for (nth, item) in items.iter().enumerate() {
            self.say(if nth == 0 { name } else { "" }, item);
        }
    }

    fn part(&mut self, title: &str, block: &str) {
        self.0.push('\n');
        self.0 += &clean(title);
        self.0.push('\n');
        self.0 += &clean_block(block);
    }
}

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

fn log(lines: &[Vec<String>]) -> String {
    let columns = [left("TIME (UTC)"), left("EVENT"), left("EDGE"), left("BY").spare(8), words("DETAIL")];
    table(&columns, lines, room())
}

/// A handoff.
pub fn handoff(page: &HandoffPage<'_>, events: &[Vec<String>]) -> String {
    let it = &page.handoff;
    let mut out = Page::default();
    let budget = match it.max_attempts {
        0 => String::new(),
        most => format!(", attempt {} of {most}", it.attempts),
    };
    let state = format!("{} ({}, version {}{budget})", it.handoff_id, it.state.word(), it.version);
    out.say("handoff", &state);
    out.say("edge", &format!("{} in {}", it.edge, it.edge.pipeline));
    out.say("trace", &format!("{}, step {}", it.trace_id, it.step));
    if let Some(asked) = &page.inbox {
        out.say("question", &asked.question);
        out.say("asked by", &format!("{}, {} ago", asked.asked_by, age(asked.waiting_ms)));
        out.say("claimed by", asked.claimed_by.as_deref().unwrap_or(""));
    }
    if let Some(dead) = &page.dead {
        let sep = if dead.detail.is_empty() { "" } else { ": " };
        let text = format!("for {}, {}{sep}{}", age(dead.age_ms), dead.code, dead.detail);
        out.say("dead", &text);
        out.say("requeue", dead.outlook.why());
    } else {
        out.say("last error", it.code.as_deref().unwrap_or(""));
    }
    verdict(&mut out, &page.task);
    let contract: Option<Contract> = page.contract.as_ref().and_then(|it| serde_json::from_value(it.clone()).ok());
    match &contract {
        Some(contract) => brief(&mut out, contract),
        None => out.say("title", &it.title),
    }
    out.say("emitted", &or_dash(it.emitted_at, moment));
    let took = it.emit_to_ack_ms.map(|it| format!(", after {}", latency(it)));
    let acked = or_dash(it.acknowledged_at, moment) + &took.unwrap_or_default();
    out.say("acknowledged", &acked);
    out.say("ended", &or_dash(it.ended_at, moment));
    out.part("timeline", &log(events));
    if let Some(contract) = &contract {
        six(&mut out, contract);
    }
    if let Some(value) = &page.contract {
        let memory = value.pointer("/working_memory").unwrap_or(&Value::Null);
        let memory = serde_json::to_string_pretty(memory).unwrap_or_default();
        out.part("working memory", &format!("{memory}\n"));
    } else if let Some(why) = &page.contract_missing {
        out.part(&format!("contract: {why}"), "");
    }
    out.0
}

fn verdict(out: &mut Page, task: &TaskRow) {
    if let Some(since) = task.since {
        let verdict = task.verdict.word();
        out.say("run", &format!("{verdict}, {}, since {}", task.signal, moment(since)));
    }
}

/// What the receiver reads first.
fn brief(out: &mut Page, contract: &Contract) {
    let brief = &contract.brief;
    out.say("title", &brief.title);
    out.say("goal", &brief.goal);
    out.say("now", &brief.current_state);
    out.say("next step", &brief.next_step);
    for (nth, done) in brief.definition_of_done.iter().enumerate() {
        let sign = if done.met { "[x]" } else { "[ ]" };
        let name = if nth == 0 { "done when" } else { "" };
        out.say(name, &format!("{sign} {}", done.item));
    }
    out.list("decided", brief.decisions.as_deref());
    out.list("keep", brief.constraints.as_deref());
    out.list("tried", brief.tried.as_deref());
    out.say("owner", &brief.owner.to_string());
    out.say("urgency", &wire_word(&contract.urgency()));
    for link in brief.source_links.iter().flatten() {
        let label = link.label.as_deref().unwrap_or("");
        out.say("source", format!("{label} {}", link.url).trim_start());
    }
}

/// The six fields, each in a line.
fn six(out: &mut Page, contract: &Contract) {
    let made = &contract.provenance;
    let label = |it: Option<&Maker>| it.map_or_else(|| "none".to_owned(), Maker::label);
    let sure = made.confidence.map(|it| format!(", confidence {it}"));
    let listed = |items: &[String]| match items {
        [] => "nothing".to_owned(),
        items => items.join(", "),
    };
    let effect = |it: &crate::domain::contract::SideEffect| {
        let (op, status) = (wire_word(&it.op), wire_word(&it.status));
        format!("{} {op} {} ({status})", it.system, it.resource)
    };
    let effects: Vec<String> = contract.side_effects.iter().map(effect).collect();
    let modes = &contract.failure_modes;
    let rows = [
        ("schema_version", contract.schema_version.clone()),
        ("idempotency_key", contract.idempotency_key.to_string()),
        ("trace_id", contract.trace_id.to_string()),
        (
            "provenance",
            format!(
                "{}, model {}, prompt {}, {} tool calls{}",
                made.agent.label(),
                label(made.model.as_ref()),
                label(made.prompt.as_ref()),
                made.tool_calls.len(),
                sure.unwrap_or_default()
            ),
        ),
        ("side_effects", listed(&effects)),
        (
            "failure_modes",
            format!(
                "retry {}; ask a person on {}; else {}",
                listed(&modes.retryable),
                listed(&modes.escalate),
                wire_word(&modes.default)
            ),
        ),
    ];
    let lines: Vec<String> =
        rows.iter().map(|(name, text)| clean(&format!("  {name:<16} {text}")).into_owned()).collect();
    out.part("contract", &(lines.join("\n") + "\n"));
}

/// A run.
pub fn run(page: &RunPage<'_>, events: &[Vec<String>]) -> String {
    let task = &page.task;
    let mut out = Page::default();
    out.say("trace", &format!("{} in {}", task.trace_id, task.pipeline));
    let state = wire_word(&task.state);
    out.say("state", &format!("{state}, {} open of {}", task.open, task.handoffs));
    verdict(&mut out, task);
    out.say("path", &task.path);
    out.say("retries", &task.retries.to_string());
    out.say("spent", &age(task.spent_ms));
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
    out.part("handoffs", &table(&columns, &rows, room()));
    out.part("timeline", &log(events));
    out.0
}
