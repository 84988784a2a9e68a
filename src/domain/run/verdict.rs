//! Verdict on the way a run went; [`loops`](crate::domain::loops) judges it.

use serde::{Deserialize, Serialize};

use crate::domain::time::Time;

/// Verdict on the way a run went so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Level of the verdict: fine to looping.
    pub level: Level,
    /// The rule that found it, in words; empty when fine.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub signal: String,
    /// Time at which the run first reached this level; `None` when fine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
}

/// Level of a verdict. Ordered: the best first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// No repetition was found.
    #[default]
    Fine,
    /// Declared revisions that make progress.
    Iterating,
    /// Revisions without progress: a warning.
    Stalled,
    /// A circle: stopped and shown to a person.
    Looping,
}

impl Level {
    /// The word used on the wire, such as `stalled`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Iterating => "iterating",
            Self::Stalled => "stalled",
            Self::Looping => "looping",
        }
    }
}

impl Verdict {
    /// True when nothing irregular was found.
    pub fn is_fine(&self) -> bool {
        self.level == Level::Fine
    }

    pub(in crate::domain) fn of(level: Level, signal: String) -> Self {
        Self { level, signal, since: None }
    }

    /// The verdict of a run after `later` was judged at `at`: the worse one stays, with the time it began.
    #[must_use]
    pub fn then(&self, later: &Self, at: Time) -> Self {
        match later.level.cmp(&self.level) {
            std::cmp::Ordering::Less => self.clone(),
            std::cmp::Ordering::Equal if self.is_fine() => self.clone(),
            std::cmp::Ordering::Equal => Self { since: self.since.or(Some(at)), ..later.clone() },
            std::cmp::Ordering::Greater => Self { since: Some(at), ..later.clone() },
        }
    }
}
