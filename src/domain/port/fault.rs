//! Faults: reasons why a source did not do as it was asked.

use std::fmt;

use thiserror::Error;

use crate::domain::contract::Violation;
use crate::domain::mark::SeenToken;
use crate::domain::run::LastChange;
use crate::domain::text::ago;
use crate::domain::time::Time;

/// Reason why a source did not do as it was asked.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Fault {
    /// It may work later: the link is down, the server is busy.
    #[error("{0}")]
    Transient(String),
    /// The rights of the person or the token do not allow it.
    #[error("{0}")]
    Denied(String),
    /// A conflict: the item changed since it was seen.
    #[error("{}", Moved(found, by))]
    Conflict {
        /// The state of the item now; empty when unknown.
        found: SeenToken,
        /// The change that won the conflict: its author, event and time; `None` when unknown.
        by: Option<LastChange>,
    },
    /// Allowed by nobody: the state, the effects or the question forbid it.
    #[error("{0}")]
    Refused(String),
    /// The request or contract is invalid; every violation with its place.
    #[error("{}", Listed(.0))]
    Invalid(Vec<Violation>),
    /// This source cannot do that at all.
    #[error("{0}")]
    Unsupported(String),
    /// The answer is not one this program understands: wrong address, wrong program, wrong version.
    #[error("{0}")]
    Malformed(String),
}

impl Fault {
    /// The sentence for the person who asked: after a conflict, the loser of the race is told who won, and how long
    /// before `now`.
    pub fn told(&self, now: Time) -> String {
        match self {
            Self::Conflict { by: Some(by), .. } => {
                let (who, ago) = (&by.actor.id, ago(by.at.age(now)));
                format!("{who} {} this {ago}", by.done())
            }
            other => other.to_string(),
        }
    }
}

struct Moved<'a>(&'a SeenToken, &'a Option<LastChange>);

impl fmt::Display for Moved<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(by) => {
                let at = by.at.utc().format("%H:%M:%S UTC");
                write!(f, "{} {} this at {at}", by.actor.id, by.done())
            }
            None => match (self.0.as_str(), self.0.number()) {
                ("", _) => f.write_str("it changed since you saw it"),
                (_, Some(version)) => write!(f, "it changed since you saw it (now version {version})"),
                (token, None) => write!(f, "it changed since you saw it (now {token})"),
            },
        }
    }
}

struct Listed<'a>(&'a [Violation]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, it) in self.0.iter().enumerate() {
            if nth > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{it}")?;
        }
        Ok(())
    }
}
