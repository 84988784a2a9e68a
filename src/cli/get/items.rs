//! Rows of single things: runs, dead letters, questions, refused contracts.

use super::rows::Row;
use crate::cli::table::{Column, id, left, moment, or_dash, right, some, words};
use crate::domain::id::Edge;
use crate::domain::ledger::Ledger;
use crate::domain::report::{DeadRow, InboxRow, RejectionRow, TaskRow};
use crate::domain::text::{age, wire_word};

/// Whether an edge is meant by its own name, or by that of its pipeline.
fn of(edge: &Edge, id: &str) -> bool {
    *edge.pipeline == *id || edge.to_string() == id
}

impl Row for TaskRow {
    const COLUMNS: &'static [Column] = &[
        id("TRACE"),
        left("PIPELINE").spare(5),
        left("VERDICT"),
        left("SINCE (UTC)").spare(8),
        right("HANDOFFS").spare(7),
        right("RETRIES").spare(4),
        right("OPEN").spare(6),
        left("STATE").spare(9),
        right("SPENT"),
        words("SIGNAL"),
        words("PATH"),
        words("TITLE"),
    ];

    fn is(&self, id: &str) -> bool {
        self.trace_id.as_str() == id || self.pipeline == id
    }

    fn cells(&self, _: &Ledger) -> Vec<String> {
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
    const COLUMNS: &'static [Column] = &[
        id("HANDOFF"),
        left("EDGE"),
        words("CODE"),
        right("ATTEMPTS").spare(8),
        right("DEAD FOR"),
        words("REQUEUE"),
        words("TITLE"),
        words("DETAIL").spare(9),
    ];

    fn is(&self, id: &str) -> bool {
        of(&self.edge, id) || self.handoff_id.as_str() == id || self.trace_id.as_str() == id || self.group == id
    }

    fn cells(&self, _: &Ledger) -> Vec<String> {
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
    const COLUMNS: &'static [Column] = &[
        id("HANDOFF"),
        left("EDGE"),
        left("KIND").spare(7),
        left("URGENCY"),
        left("ROLE").spare(8),
        right("WAITING").spare(6),
        left("DUE IN"),
        left("CLAIMED BY"),
        words("QUESTION"),
        words("TITLE").spare(9),
    ];

    fn is(&self, id: &str) -> bool {
        of(&self.edge, id) || self.handoff_id.as_str() == id || self.trace_id.as_str() == id
    }

    fn cells(&self, _: &Ledger) -> Vec<String> {
        vec![
            self.handoff_id.to_string(),
            self.edge.to_string(),
            wire_word(&self.kind),
            wire_word(&self.urgency),
            or_dash(Some(&self.role).filter(|it| !it.is_empty()), Clone::clone),
            age(self.waiting_ms),
            match self.due_in_ms {
                None => "-".to_owned(),
                Some(left @ ..0) => format!("overdue {}", age(-left)),
                Some(left) => age(left),
            },
            or_dash(self.claimed_by.as_ref(), Clone::clone),
            self.question.clone(),
            self.title.clone(),
        ]
    }
}

impl Row for RejectionRow {
    const COLUMNS: &'static [Column] = &[
        left("LAST (UTC)").spare(7),
        right("TIMES"),
        left("EDGE"),
        left("PRODUCER").spare(9),
        left("PROMPT").spare(8),
        id("TRACE"),
        words("WHAT IS WRONG"),
    ];

    fn is(&self, id: &str) -> bool {
        of(&self.edge, id)
            || self.rejection_id == id
            || self.trace_id.as_str() == id
            || self.groups.iter().any(|it| it == id)
    }

    fn cells(&self, _: &Ledger) -> Vec<String> {
        vec![
            moment(self.last_at),
            some(self.count),
            self.edge.to_string(),
            self.producer.clone(),
            or_dash(self.prompt.as_ref(), Clone::clone),
            self.trace_id.to_string(),
            self.wrong(),
        ]
    }
}
