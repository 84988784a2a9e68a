//! Countdown and claim of a question: both change while it is read.

use crate::domain::event::Timeout;
use crate::domain::report::InboxRow;
use crate::domain::text::age;
use crate::domain::time::MINUTE;
use crate::page::TextRole;

/// The countdown and what the timeout does. It changes every second and is no part of what is decided on.
pub fn clock(row: &InboxRow) -> (TextRole, String) {
    let then = match row.on_timeout {
        Timeout::DeadLetter => "dead letter",
        Timeout::Approve => "approved",
        Timeout::Dismiss => "dismissed",
    };
    match row.due_in_ms {
        None => (TextRole::Dim, "due time not said".to_owned()),
        Some(late @ ..0) => (TextRole::Bad, format!("overdue {}, then: {then}", age(-late))),
        Some(left) => {
            let ink = if left < 10 * MINUTE { TextRole::Warn } else { TextRole::Text };
            (ink, format!("due in {}, then: {then}", age(left)))
        }
    }
}

/// The person who claimed it, in words.
pub fn claimed(row: &InboxRow, operator: &str) -> (TextRole, String) {
    match &row.claimed_by {
        Some(by) if by == operator => (TextRole::Wait, "claimed by you".to_owned()),
        Some(by) => (TextRole::Warn, format!("claimed by {by}")),
        None => (TextRole::Dim, "unclaimed".to_owned()),
    }
}
