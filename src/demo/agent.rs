//! Simulated agents: each is a pure function from the handoff it holds to its plan for it.
//!
//! Nothing here speaks HTTP or reads a clock; [`super::crew`] carries the plans out.

pub(super) mod article;
pub(super) mod code;
pub(super) mod lead;
pub(super) mod support;

use fastrand::Rng;
use serde_json::{Value, json};

use super::draft::{Draft, Route};
use super::weather::Weather;
use crate::domain::key::HandoffKey;

/// An agent of the demo: its name, its hands and its way to decide.
pub(super) struct Role {
    /// Its name, which handoffs are addressed to.
    pub(super) name: &'static str,
    /// Hands: handoffs it works on at once, at least 1.
    pub(super) hands: usize,
    /// Gives the plan for one handoff.
    pub(super) decide: fn(&Job, &Weather) -> Plan,
}

/// A spring: the agent that starts the runs of a pipeline, and how often.
pub(super) struct Spring {
    /// The agent that starts them.
    pub(super) agent: &'static str,
    /// Seconds of the story between two runs in steady traffic.
    pub(super) every: f64,
    /// Runs that are not like the others: the time of the first one, the seconds from one to the next, and the
    /// twist.
    pub(super) twists: &'static [(f64, f64, Twist)],
    /// Writes the first contract of a run.
    pub(super) write: fn(Twist, &mut Rng, &Weather) -> Value,
}

/// A twist: the trouble that a run will get into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Twist {
    /// No trouble: an ordinary run.
    Plain,
    /// Two rules contradict each other; every revision is worded anew.
    Circles,
    /// Two rules contradict each other; the writer sends the same draft again.
    SameDraft,
    /// The writer waits for figures, revisions make no progress meanwhile.
    Stalled,
    /// The card of the customer is declined.
    CardDeclined,
    /// A refund or quote that a person has to allow.
    Approval,
    /// An approval whose obvious edit is not valid.
    Trap,
    /// A tool limits the account, so one task is tried again and again.
    Storm,
    /// A security advisory: critical, and soon due.
    Advisory,
}

/// A handoff as a claim delivers it.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// The contract as JSON, as the claim delivered it.
    pub(super) contract: Value,
    /// Attempt within the budget, from 1.
    pub(super) attempt: u64,
    /// Times that a person gave it a new budget, from 0.
    pub(super) epoch: u64,
    /// The decision of a person; `None` if nobody was asked.
    pub(super) resolution: Option<Value>,
}

impl Job {
    /// Randomness of this step of this run, the same whenever it is asked.
    pub(super) fn rng(&self) -> Rng {
        Rng::with_seed(self.seed() ^ (self.step() + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ self.attempt)
    }

    /// The randomness the first contract of this run was written with, so that names stay the same along it.
    pub(super) fn first_rng(&self) -> Rng {
        Rng::with_seed(self.seed())
    }

    fn seed(&self) -> u64 {
        let trace = self.contract["trace_id"].as_str().unwrap_or_default();
        trace.get(..16).and_then(|run| u64::from_str_radix(run, 16).ok()).unwrap_or_default()
    }

    /// Hops since the start of the run.
    pub(super) fn step(&self) -> u64 {
        self.contract["step"].as_u64().unwrap_or_default()
    }

    /// The key of this handoff, from which keys of effects are computed.
    pub(super) fn key(&self) -> Option<HandoffKey> {
        HandoffKey::parse(self.contract["idempotency_key"].as_str()?).ok()
    }

    /// A text of the brief; empty when absent.
    pub(super) fn brief(&self, member: &str) -> String {
        self.contract["brief"][member].as_str().unwrap_or_default().to_owned()
    }

    /// A list of texts of the brief.
    pub(super) fn list(&self, member: &str) -> Vec<String> {
        texts(&self.contract["brief"][member])
    }

    /// The payload fields of the contract.
    pub(super) fn fields(&self) -> &Value {
        &self.contract["working_memory"]["payload"]["fields"]
    }

    /// Changes that the receiver asked for when it sent the work back; empty on the first try.
    pub(super) fn feedback(&self) -> Vec<String> {
        texts(&self.contract["relation"]["feedback"])
    }

    /// Whether it was handed back.
    pub(super) fn is_revision(&self) -> bool {
        self.contract["relation"]["type"] == "revision"
    }

    /// Whether a person let it go ahead.
    pub(super) fn is_approved(&self) -> bool {
        self.resolution
            .as_ref()
            .and_then(|it| it["answer"].as_str())
            .is_some_and(|it| it == "approve" || it == "edit_approve")
    }

    /// Open issues the source declares.
    pub(super) fn open_issues(&self) -> u64 {
        self.contract["quality"]["open_issues"].as_u64().unwrap_or_default()
    }

    /// Whether any constraint begins like this.
    pub(super) fn is_bound_by(&self, beginning: &str) -> bool {
        self.list("constraints").iter().any(|it| it.starts_with(beginning))
    }
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect()
}

/// Plan of an agent for one handoff. Times are seconds of the story.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Time to read the contract before it is acknowledged.
    pub(super) read: f64,
    /// Time to work after that.
    pub(super) work: f64,
    /// The end of the work.
    pub(super) end: End,
}

/// End of the work on a handoff.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// Done; this is handed on.
    Complete(Vec<Value>),
    /// Back to the source, with what has to change.
    Return(Vec<String>),
    /// It did not work: error code and words.
    Fail(&'static str, String),
    /// The contract is of no use: pointer and what is wrong there.
    Reject(&'static str, &'static str),
}

impl Plan {
    /// A plan of usual duration.
    pub(super) fn usual(rng: &mut Rng, end: End) -> Self {
        Self { read: 0.1 + rng.f64() * 0.5, work: 0.4 + rng.f64() * 1.4, end }
    }

    /// Done, and handed on to the next agent.
    pub(super) fn on(next: Draft, job: &Job, rng: &mut Rng) -> Self {
        let next = next.value(rng, job.key().as_ref());
        Self::usual(rng, End::Complete(vec![next]))
    }

    /// Done, and the last of the run.
    pub(super) fn done(rng: &mut Rng) -> Self {
        Self::usual(rng, End::Complete(Vec::new()))
    }

    /// Now and then a tool fails once, as they do.
    pub(super) fn or_hiccup(self, job: &Job, rng: &mut Rng) -> Self {
        if job.attempt == 1 && job.epoch == 0 && rng.u8(..) == 0 {
            let end = End::Fail("timeout", "no answer within 10 s".to_owned());
            Self { end, ..self }
        } else {
            self
        }
    }
}

/// The draft with an answer to every point of feedback, if `job` was handed back.
pub(super) fn changed(mut draft: Draft, job: &Job) -> Draft {
    for feedback in job.feedback() {
        draft.decisions.insert(0, format!("Changed on request: {feedback}"));
    }
    if job.is_revision() {
        draft.completed.push("Answered the feedback of the last round".to_owned());
    }
    draft
}

/// The action that a person is asked to approve, as it will really run.
pub(super) fn proposal(name: &str, args: &Value) -> Value {
    json!({"handoff.proposed_action": {"name": name, "args": args}})
}

/// A route within one pipeline.
pub(super) const fn route(
    pipeline: (&'static str, &'static str),
    stage: &'static str,
    output: &'static str,
    to: &'static str,
) -> Route {
    Route { pipeline, stage, output, to }
}

#[cfg(test)]
mod tests;
