//! The message line: what just happened, for a few seconds.

use crate::domain::time::{Millis, SECOND, Time};

/// Time that a message stays, in milliseconds.
const STAYS: Millis = 6 * SECOND;
/// Shortest time that it stays, in milliseconds, whatever the user does.
const READ: Millis = 2 * SECOND;
/// Most messages kept; older ones go first.
pub(super) const MAX_TOASTS: usize = 3;

/// A message of the message line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// The message in words.
    pub text: String,
    /// Whether it is good news, bad news, or neither.
    pub tone: Tone,
    /// Instant that it was shown at.
    since: Time,
    /// Instant that it expires at.
    until: Time,
}

/// Tone of a message, which gives the colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Neither good nor bad: just so you know.
    Plain,
    /// An act or a request worked.
    Good,
    /// An act or a request failed.
    Bad,
}

/// The messages on screen, oldest first.
#[derive(Debug, Default)]
pub struct Toasts(Vec<Toast>);

impl Toasts {
    /// Shows a message from `now` on. The same message again takes the place of the old one.
    pub fn show(&mut self, text: impl Into<String>, tone: Tone, now: Time) {
        let text = text.into();
        self.0.retain(|it| it.text != text);
        // Bad news is read twice.
        let stays = if tone == Tone::Bad { 2 * STAYS } else { STAYS };
        self.0.push(Toast { text, tone, since: now, until: now + stays });
        let extra = self.0.len().saturating_sub(MAX_TOASTS);
        self.0.drain(..extra);
    }

    /// Takes away what was shown long enough.
    pub fn expire(&mut self, now: Time) {
        self.0.retain(|it| it.until > now);
    }

    /// Takes away what could be read: the user went on, and it may lie over what is looked at next.
    pub fn go_on(&mut self, now: Time) {
        self.0.retain(|it| it.since + READ > now);
    }

    /// The messages, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Toast> {
        self.0.iter()
    }
}
