//! Why a source did not do what it was asked.

use std::fmt;

use thiserror::Error;

use crate::domain::contract::Violation;
use crate::domain::run::LastChange;
use crate::domain::text::ago;
use crate::domain::time::Time;

/// Why a source did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Fault {
    /// It may work later: the link is down, the server is busy.
    #[error("{0}")]
    Transient(String),
    /// Not with these rights.
    #[error("{0}")]
    Denied(String),
    /// It moved since it was seen.
    #[error("{}", Moved(found, by))]
    Conflict {
        /// Its version now.
        found: u64,
        /// Who moved it, how and when.
        by: Option<LastChange>,
    },
    /// Allowed by nobody: the state, the effects or the question forbid it.
    #[error("{0}")]
    Refused(String),
    /// What was sent is wrong, with every place.
    #[error("{}", Listed(.0))]
    Invalid(Vec<Violation>),
    /// This source cannot do that at all.
    #[error("{0}")]
    Unsupported(String),
    /// What came is not what this program understands: wrong address, wrong program, wrong version.
    #[error("{0}")]
    Malformed(String),
}

impl Fault {
    /// The sentence for the person who asked: the loser of a race is told who won, and how long before `now`.
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

struct Moved<'a>(&'a u64, &'a Option<LastChange>);

impl fmt::Display for Moved<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(by) => {
                let at = by.at.utc().format("%H:%M:%S UTC");
                write!(f, "{} {} this at {at}", by.actor.id, by.done())
            }
            None => write!(f, "it changed since you saw it (now version {})", self.0),
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
