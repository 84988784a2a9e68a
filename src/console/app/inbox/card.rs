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
    if row.due_in_ms < 0 {
        let late = age(-row.due_in_ms);
        return (TextRole::Bad, format!("overdue {late}, then: {then}"));
    }
    let ink = if row.due_in_ms < 10 * MINUTE { TextRole::Warn } else { TextRole::Text };
    (ink, format!("due in {}, then: {then}", age(row.due_in_ms)))
}

/// The person who claimed it, in words.
pub fn claimed(row: &InboxRow, operator: &str) -> (TextRole, String) {
    match &row.claimed_by {
        Some(by) if by == operator => (TextRole::Wait, "claimed by you".to_owned()),
        Some(by) => (TextRole::Warn, format!("claimed by {by}")),
        None => (TextRole::Dim, "unclaimed".to_owned()),
    }
}
