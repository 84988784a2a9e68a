//! How each kind of row is named, searched and shown to people. As JSON a row is what
//! [`report`](crate::domain::report) made.

use std::borrow::Cow;

use serde::Serialize;

use super::event::EventRow;
use crate::cli::table::{
    Column, latency, left, moment, or_dash, p95, rate, right, some, wire_word, words,
};
use crate::domain::report::{
    DeadRow, EdgeRow, FindingRow, InboxRow, PipelineRow, RejectionRow, TaskRow,
};
use crate::domain::text::age;
use crate::domain::time::Time;

/// A row that can be picked, searched and shown.
pub trait Row: Serialize {
    /// What `--filter` may name.
    const FIELDS: &'static [&'static str];
    /// What people see.
    const COLUMNS: &'static [Column];
    /// The text of each field, in the same order.
    fn texts(&self) -> Vec<Cow<'_, str>>;
    /// Whether this is what somebody means by `id`.
    fn is(&self, id: &str) -> bool;
    /// What people see of it, one cell a column.
    fn cells(&self) -> Vec<String>;
}

/// The worst finding, and since when.
fn why(findings: &[FindingRow]) -> String {
    findings
        .first()
        .map_or_else(String::new, |it| match it.since {
            Some(since) => format!("{}, since {}", it.what, moment(since)),
            None => it.what.clone(),
        })
}

impl Row for PipelineRow {
    const FIELDS: &'static [&'static str] = &["pipeline", "health"];
    const COLUMNS: &'static [Column] = &[
        left("PIPELINE"),
        right("OPEN"),
        right("OLDEST"),
        right("P95"),
        right("RETRY"),
        right("VIOLATIONS"),
        right("LOOPS"),
        right("DEAD"),
        right("ASKED"),
        left("HEALTH"),
        words("WHY"),
    ];

    fn texts(&self) -> Vec<Cow<'_, str>> {
        vec![self.pipeline.as_str().into(), self.health.into()]
    }

    fn is(&self, id: &str) -> bool {
        self.pipeline == id
    }

    fn cells(&self) -> Vec<String> {
        let worst = self.edges.iter().find(|it| !it.findings.is_empty());
        vec![
            self.pipeline.clone(),
            some(self.open),
            or_dash(self.oldest_unacknowledged_ms, age),
            p95(self.p95_ms),
            rate(self.retry_rate),
            rate(self.violation_rate),
            some(self.looping),
            some(self.dead),
            some(self.escalated),
            self.health.to_owned(),
            worst.map_or_else(String::new, |it| {
                format!("{}: {}", it.edge, why(&it.findings))
            }),
        ]
    }
}

impl Row for EdgeRow {
    const FIELDS: &'static [&'static str] = &["pipeline", "from", "to", "health", "stage"];
    const COLUMNS: &'static [Column] = &[
        left("PIPELINE"),
        left("EDGE"),
        right("EMITTED"),
        right("ACKED"),
        right("P50"),
        right("P95"),
        right("P99"),
        right("RETRY"),
        right("VIOLATIONS"),
        right("UNACKED"),
        right("OLDEST"),
        right("DEAD"),
        left("HEALTH"),
        words("WHY"),
    ];

    fn texts(&self) -> Vec<Cow<'_, str>> {
        let edge = &self.edge;
        vec![
            (&*edge.pipeline).into(),
            (&*edge.from).into(),
            (&*edge.to).into(),
            self.health.into(),
            self.stage.as_str().into(),
        ]
    }

    fn is(&self, id: &str) -> bool {
        *self.edge.pipeline == *id || self.edge.to_string() == id
    }

    fn cells(&self) -> Vec<String> {
        let count = |kind| self.counts.get(kind).copied().unwrap_or(0);
        let paused = if self.paused { "paused; " } else { "" };
        vec![
            self.edge.pipeline.to_string(),
            self.edge.to_string(),
            some(count("emitted")),
            some(count("acknowledged")),
            latency(self.emit_to_ack_ms.p50),
            p95(self.p95_ms),
            latency(self.emit_to_ack_ms.p99),
            rate(self.retry_rate),
            rate(self.violation_rate),
            some(self.unacknowledged),
            or_dash(self.oldest_unacknowledged_ms, age),
            some(self.dead),
            self.health.to_owned(),
            format!("{paused}{}", why(&self.findings)),
        ]
    }
}

impl Row for TaskRow {
    const FIELDS: &'static [&'static str] =
        &["trace", "pipeline", "verdict", "state", "path", "title"];
    const COLUMNS: &'static [Column] = &[
        left("TRACE"),
        left("PIPELINE"),
        left("VERDICT"),
        left("SINCE (UTC)"),
        right("HANDOFFS"),
        right("RETRIES"),
        right("OPEN"),
        left("STATE"),
        right("SPENT"),
        words("SIGNAL"),
        words("PATH"),
        words("TITLE"),
    ];

    fn texts(&self) -> Vec<Cow<'_, str>> {
        vec![
            self.trace_id.as_str().into(),
            self.pipeline.as_str().into(),
            self.verdict.word().into(),
            wire_word(&self.state).into(),
            self.path.as_str().into(),
            self.title.as_str().into(),
        ]
    }

    fn is(&self, id: &str) -> bool {
        self.trace_id.as_str() == id
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.trace_id.to_string(),
            self.pipeline.clone(),
            self.verdict.word().to_owned(),
            or_dash(self.since, moment),
            some(self.handoffs),
            some(self.retries),
            some(self.open),
            wire_word(&self.state),
            age(self.spent_ms),
            self.signal.clone(),
            self.path.clone(),
            self.title.clone(),
        ]
    }
}

impl Row for DeadRow {
    const FIELDS: &'static [&'static str] = &[
        "handoff", "trace", "pipeline", "from", "to", "code", "detail", "title", "owner", "prompt",
        "urgency", "group",
    ];
    const COLUMNS: &'static [Column] = &[
        left("HANDOFF"),
        left("EDGE"),
        words("CODE"),
        right("ATTEMPTS"),
        right("DEAD FOR"),
        words("REQUEUE"),
        words("TITLE"),
        words("DETAIL"),
    ];

    fn texts(&self) -> Vec<Cow<'_, str>> {
        let edge = &self.edge;
        vec![
            self.handoff_id.as_str().into(),
            self.trace_id.as_str().into(),
            (&*edge.pipeline).into(),
            (&*edge.from).into(),
            (&*edge.to).into(),
            self.code.as_str().into(),
            self.detail.as_str().into(),
            self.title.as_str().into(),
            self.owner.as_str().into(),
            self.prompt.as_deref().unwrap_or("").into(),
            wire_word(&self.urgency).into(),
            self.group.as_str().into(),
        ]
    }

    fn is(&self, id: &str) -> bool {
        self.handoff_id.as_str() == id || self.trace_id.as_str() == id || self.group == id
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.handoff_id.to_string(),
            self.edge.to_string(),
            self.code.clone(),
            match self.max_attempts {
                0 => self.attempts.to_string(),
                most => format!("{}/{most}", self.attempts),
            },
            age(self.age_ms),
            self.outlook.why().to_owned(),
            self.title.clone(),
            self.detail.clone(),
        ]
    }
}

impl Row for InboxRow {
    const FIELDS: &'static [&'static str] = &[
        "handoff", "trace", "pipeline", "from", "to", "kind", "question", "title", "urgency",
        "owner", "role", "by", "claimed",
    ];
    const COLUMNS: &'static [Column] = &[
        left("HANDOFF"),
        left("EDGE"),
        left("KIND"),
        left("URGENCY"),
        left("ROLE"),
        right("WAITING"),
        left("DUE IN"),
        left("CLAIMED BY"),
        words("QUESTION"),
        words("TITLE"),
    ];

    fn texts(&self) -> Vec<Cow<'_, str>> {
        let edge = &self.edge;
        vec![
            self.handoff_id.as_str().into(),
            self.trace_id.as_str().into(),
            (&*edge.pipeline).into(),
            (&*edge.from).into(),
            (&*edge.to).into(),
            wire_word(&self.kind).into(),
            self.question.as_str().into(),
            self.title.as_str().into(),
            wire_word(&self.urgency).into(),
            self.owner.as_str().into(),
            self.role.as_str().into(),
            self.asked_by.as_str().into(),
            self.claimed_by.as_deref().unwrap_or("").into(),
        ]
    }

    fn is(&self, id: &str) -> bool {
        self.handoff_id.as_str() == id || self.trace_id.as_str() == id
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.handoff_id.to_string(),
            self.edge.to_string(),
            wire_word(&self.kind),
            wire_word(&self.urgency),
            or_dash(Some(&self.role).filter(|it| !it.is_empty()), Clone::clone),
            age(self.waiting_ms),
            match self.due_in_ms {
                _ if self.due_at == Time::NEVER => "-".to_owned(),
                left @ ..0 => format!("overdue {}", age(-left)),
                left => age(left),
            },
            or_dash(self.claimed_by.as_ref(), Clone::clone),
            self.question.clone(),
            self.title.clone(),
        ]
    }
}

impl Row for RejectionRow {
    const FIELDS: &'static [&'static str] = &[
        "rejection",
        "trace",
        "pipeline",
        "from",
        "to",
        "producer",
        "model",
        "prompt",
        "errors",
    ];
    const COLUMNS: &'static [Column] = &[
        left("LAST (UTC)"),
        right("TIMES"),
        left("EDGE"),
        left("PRODUCER"),
        left("PROMPT"),
        left("TRACE"),
        words("WHAT IS WRONG"),
    ];

    fn texts(&self) -> Vec<Cow<'_, str>> {
        let edge = &self.edge;
        vec![
            self.rejection_id.as_str().into(),
            self.trace_id.as_str().into(),
            (&*edge.pipeline).into(),
            (&*edge.from).into(),
            (&*edge.to).into(),
            self.producer.as_str().into(),
            self.model.as_deref().unwrap_or("").into(),
            self.prompt.as_deref().unwrap_or("").into(),
            errors(self).into(),
        ]
    }

    fn is(&self, id: &str) -> bool {
        self.rejection_id == id || self.trace_id.as_str() == id
    }

    fn cells(&self) -> Vec<String> {
        vec![
            moment(self.last_at),
            some(self.count),
            self.edge.to_string(),
            self.producer.clone(),
            or_dash(self.prompt.as_ref(), Clone::clone),
            self.trace_id.to_string(),
            errors(self),
        ]
    }
}

fn errors(row: &RejectionRow) -> String {
    let all: Vec<String> = row.errors.iter().map(ToString::to_string).collect();
    all.join("; ")
}

impl Row for EventRow<'_> {
    const FIELDS: &'static [&'static str] = &[
        "type", "trace", "handoff", "pipeline", "from", "to", "actor", "detail",
    ];
    const COLUMNS: &'static [Column] = &[
        left("TIME (UTC)"),
        left("EVENT"),
        left("EDGE"),
        left("HANDOFF"),
        left("BY"),
        words("DETAIL"),
    ];

    fn texts(&self) -> Vec<Cow<'_, str>> {
        let edge = self.edge.as_ref();
        vec![
            self.event.fact.name().into(),
            self.event.run.as_str().into(),
            self.event
                .handoff
                .as_ref()
                .map_or("", |it| it.as_str())
                .into(),
            edge.map_or("", |it| &it.pipeline).into(),
            edge.map_or("", |it| &it.from).into(),
            edge.map_or("", |it| &it.to).into(),
            self.event.actor.to_string().into(),
            self.detail.as_str().into(),
        ]
    }

    fn is(&self, id: &str) -> bool {
        let of_edge =
            |edge: &crate::domain::id::Edge| *edge.pipeline == *id || edge.to_string() == id;
        self.event.run.as_str() == id
            || self
                .event
                .handoff
                .as_ref()
                .is_some_and(|it| it.as_str() == id)
            || self.edge.as_ref().is_some_and(of_edge)
    }

    fn cells(&self) -> Vec<String> {
        let at = self.event.at.utc();
        vec![
            at.format("%Y-%m-%d %H:%M:%S%.3f").to_string(),
            self.event.fact.name().to_owned(),
            or_dash(self.edge.as_ref(), ToString::to_string),
            or_dash(self.event.handoff.as_ref(), ToString::to_string),
            self.event.actor.to_string(),
            self.detail.clone(),
        ]
    }
}
