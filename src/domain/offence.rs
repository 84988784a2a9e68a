//! Refused contracts by producer, model, prompt version, edge and place in the contract, so that
//! "prompt v18 began this at 02:51" is one glance. Every refusal counts here, also when its record has gone.

use serde::{Deserialize, Serialize};

use super::contract::Violation;
use super::event::{Event, Fact, Rejection};
use super::id::Edge;
use super::key::hashed;
use super::run::Handoff;
use super::time::{DAY, Time};

/// One group: the same thing wrong at the same place, from the same producer, model and prompt version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offence {
    /// The edge it would have crossed, or crossed before the receiver refused it.
    pub edge: Edge,
    /// Name of the producer of the refused contracts.
    pub producer: String,
    /// `name@version` of the model.
    pub model: Option<String>,
    /// `name@version` of the prompt.
    pub prompt: Option<String>,
    /// JSON pointer into the contract.
    pub path: String,
    /// The rule that was broken.
    pub keyword: String,
    /// The rule in words, as first told.
    pub message: String,
    /// Number of refusals in the group, from 1; the same body counts each time it came.
    pub count: u32,
    /// Time of the first refusal.
    pub first_at: Time,
    /// Time of the latest refusal.
    pub last_at: Time,
}

impl Offence {
    /// Most groups kept. Who invents names makes groups without end.
    pub const KEPT: usize = 500;

    /// What tells groups apart, as JSON: pipeline, from, to, producer, model, prompt, path, keyword.
    pub fn key(&self) -> String {
        let Edge { pipeline, from, to } = &self.edge;
        let of = (pipeline, from, to, &self.producer, &self.model, &self.prompt, &self.path, &self.keyword);
        serde_json::to_string(&of).unwrap_or_default() // of texts, which JSON can hold
    }

    /// Its id, for who deals with all of the group: the same group has the same one everywhere.
    pub fn id(&self) -> String {
        hashed("rg1_", self.key().as_bytes())
    }

    /// Adds what was refused besides.
    pub fn add(&mut self, more: &Self) {
        self.count = self.count.saturating_add(more.count);
        self.first_at = self.first_at.min(more.first_at);
        self.last_at = self.last_at.max(more.last_at);
    }

    /// Order in which groups give way to others at `now`, the smallest first: what nobody did for a day, then what was
    /// done least, and of that the stalest. So a flood of invented names does not wash away what keeps happening.
    pub fn worth(&self, now: Time) -> (bool, u32, Time) {
        (self.last_at.age(now) <= DAY, self.count, self.last_at)
    }

    /// The groups that a refused contract counts in, each with that one refusal at `at`.
    pub fn of_rejection(it: &Rejection, at: Time) -> impl Iterator<Item = Self> {
        it.errors.iter().map(move |violation| Self {
            edge: it.edge.clone(),
            producer: it.producer.clone(),
            model: it.model.clone(),
            prompt: it.prompt.clone(),
            ..Self::at(violation, at)
        })
    }

    /// What `event` says was refused, each violation in its group; empty for any other event. `handoff` is the one that it
    /// is about, which a receiver may have refused.
    pub fn of(event: &Event, handoff: Option<&Handoff>) -> Vec<Self> {
        if let Fact::Refused(it) = &event.fact {
            return Self::of_rejection(it, event.at).collect();
        }
        let (Fact::DeadLettered { violations, .. }, Some(it)) = (&event.fact, handoff) else {
            return Vec::new();
        };
        let emission = &it.emission;
        let group = |violation: &Violation| Self {
            edge: emission.edge.clone(),
            producer: emission.from.id.clone(),
            model: emission.model.clone(),
            prompt: emission.prompt.clone(),
            ..Self::at(violation, event.at)
        };
        violations.iter().map(group).collect()
    }

    /// One violation, of nobody yet.
    fn at(violation: &Violation, at: Time) -> Self {
        Self {
            edge: Edge::new("", "", ""),
            producer: String::new(),
            model: None,
            prompt: None,
            path: violation.path.clone(),
            keyword: violation.keyword.clone(),
            message: violation.message.clone(),
            count: 1,
            first_at: at,
            last_at: at,
        }
    }
}
