//! The message line: what just happened, for a few seconds.

use crate::domain::time::{Millis, SECOND, Time};

/// How long a message stays.
const STAYS: Millis = 6 * SECOND;
/// How long it stays at least, whatever the user does.
const READ: Millis = 2 * SECOND;
/// How many are kept; older ones go first.
pub(super) const MAX_TOASTS: usize = 3;

/// What just happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// In words.
    pub text: String,
    /// Good news, bad news, or none.
    pub tone: Tone,
    /// When it came.
    since: Time,
    /// When it goes.
    until: Time,
}

/// How a message is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Just so you know.
    Plain,
    /// It worked.
    Good,
    /// It did not.
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
