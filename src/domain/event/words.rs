//! The words of an event, the same for every reader: its name, its edge, one sentence, and its tone.

use super::{Event, Fact, Timeout};
use crate::domain::id::{ActorKind, Edge, HandoffId};
use crate::domain::time::Time;

/// Tone in which an event is meant to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Work went on as it should.
    Plain,
    /// Work was completed.
    Good,
    /// A hitch that is dealt with.
    Warning,
    /// Something is lost unless somebody acts.
    Bad,
    /// A person is waited for, or acted.
    Person,
}

impl Fact {
    /// The CloudEvents type without its version suffix, such as `handoff.emitted`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Emitted(_) => "handoff.emitted",
            Self::Sighted(_) => "handoff.sighted",
            Self::Refused(_) => "handoff.rejected",
            Self::RejectionResolved { .. } => "rejection.resolved",
            Self::Duplicate { .. } => "handoff.duplicate",
            Self::Leased { .. } => "handoff.leased",
            Self::Acknowledged { .. } => "handoff.acknowledged",
            Self::Completed { .. } => "handoff.completed",
            Self::Returned { .. } => "handoff.returned",
            Self::RetryScheduled { .. } => "handoff.retry_scheduled",
            Self::DeadLettered { .. } => "handoff.dead_lettered",
            Self::Snoozed { .. } => "handoff.snoozed",
            Self::Requeued { .. } => "handoff.requeued",
            Self::Amended { .. } => "handoff.amended",
            Self::Dismissed { .. } => "handoff.dismissed",
            Self::Cancelled { .. } => "handoff.cancelled",
            Self::EscalationOpened(_) => "escalation.opened",
            Self::EscalationClaimed { .. } => "escalation.claimed",
            Self::EscalationReleased {} => "escalation.released",
            Self::EscalationResolved(_) => "escalation.resolved",
            Self::EscalationExpired { .. } => "escalation.expired",
            Self::LoopDetected { .. } => "loop.detected",
            Self::Annotated(_) => "run.annotated",
            Self::Revealed { .. } => "payload.revealed",
            Self::EdgePaused { .. } => "edge.paused",
            Self::EdgeResumed { .. } => "edge.resumed",
            Self::ObservedFailed { .. } => "observed.failed",
            Self::ObservedRejected { .. } => "observed.rejected",
            Self::ObservedRetried {} => "observed.retried",
        }
    }

    /// Whether nothing happened: the observer says that a handoff is there, and the log of a source has no such line.
    pub const fn is_sighting(&self) -> bool {
        matches!(self, Self::Sighted(_))
    }
}

impl Event {
    /// The edge it is about, where it is about one: it says so itself, or else it is that of its handoff, which the
    /// reader looks up with `of`.
    pub fn edge<'a>(&'a self, of: impl FnOnce(&HandoffId) -> Option<&'a Edge>) -> Option<&'a Edge> {
        match &self.fact {
            Fact::Emitted(it) | Fact::Sighted(it) => Some(&it.edge),
            Fact::Refused(it) => Some(&it.edge),
            Fact::EdgePaused { edge, .. } | Fact::EdgeResumed { edge, .. } => Some(edge),
            Fact::Annotated(it) => of(it.handoff.as_ref()?),
            Fact::RejectionResolved { .. }
            | Fact::Duplicate { .. }
            | Fact::Leased { .. }
            | Fact::Acknowledged { .. }
            | Fact::Completed { .. }
            | Fact::Returned { .. }
            | Fact::RetryScheduled { .. }
            | Fact::DeadLettered { .. }
            | Fact::Snoozed { .. }
            | Fact::Requeued { .. }
            | Fact::Amended { .. }
            | Fact::Dismissed { .. }
            | Fact::Cancelled { .. }
            | Fact::EscalationOpened(_)
            | Fact::EscalationClaimed { .. }
            | Fact::EscalationReleased {}
            | Fact::EscalationResolved(_)
            | Fact::EscalationExpired { .. }
            | Fact::LoopDetected { .. }
            | Fact::Revealed { .. }
            | Fact::ObservedFailed { .. }
            | Fact::ObservedRejected { .. }
            | Fact::ObservedRetried {} => of(self.handoff.as_ref()?),
        }
    }

    /// The handoff it speaks of, be it that nothing happened to it.
    pub const fn about(&self) -> Option<&HandoffId> {
        match (&self.handoff, &self.fact) {
            (None, Fact::Annotated(it)) => it.handoff.as_ref(),
            (handoff, _) => handoff.as_ref(),
        }
    }

    /// The event in a few words, without its name, its handoff and its actor; empty when the name says all.
    /// Holds hostile text: whoever prints it cleans it.
    pub fn sentence(&self) -> String {
        let clock = |at: &Time| at.utc().format("%H:%M:%S").to_string();
        match &self.fact {
            Fact::Emitted(it) | Fact::Sighted(it) => it.title.clone(),
            Fact::Refused(it) => {
                let first = it.errors.first().map(ToString::to_string).unwrap_or_default();
                let more = match it.errors.len() {
                    0 | 1 => String::new(),
                    many => format!(" and {} more", many - 1),
                };
                let prompt = it.prompt.as_ref().map_or(String::new(), |it| format!(" · prompt {it}"));
                format!("{first}{more}{prompt}")
            }
            Fact::RejectionResolved { why, .. } if why.is_empty() => "a corrected contract came".to_owned(),
            Fact::RejectionResolved { why, .. } => why.clone(),
            Fact::Duplicate { .. } => "the same key with other content; the first one stays".to_owned(),
            Fact::Leased { holder, attempt, .. } => format!("attempt {attempt} by {holder}"),
            Fact::Acknowledged { .. } => "accepted".to_owned(),
            Fact::Completed { emitted, note, .. } => match emitted.len() {
                0 => note.clone(),
                many => pair(&format!("and handed on {many}"), note),
            },
            Fact::Returned { feedback, .. } => feedback.join("; "),
            Fact::RetryScheduled { attempt, code, detail, ready_at } => {
                format!("attempt {attempt} failed: {}, next at {}", pair(code, detail), clock(ready_at))
            }
            Fact::DeadLettered { code, detail, violations, .. } => {
                let first = violations.first().map(|it| format!(" · {it}")).unwrap_or_default();
                format!("{}{first}", pair(code, detail))
            }
            Fact::Snoozed { released: true, .. } => "put back".to_owned(),
            Fact::Snoozed { until, .. } | Fact::EscalationClaimed { until } => format!("until {}", clock(until)),
            Fact::Requeued { reason } | Fact::Cancelled { reason } => reason.clone(),
            Fact::Amended { rev, .. } => format!("revision {rev}"),
            Fact::Dismissed { reason, note } => pair(&reason.word().replace('_', " "), note),
            Fact::EscalationOpened(it) => match &it.role {
                Some(role) => format!("asks {role}: {}", it.question),
                None => it.question.clone(),
            },
            Fact::EscalationReleased {} | Fact::ObservedRetried {} => String::new(),
            Fact::EscalationResolved(it) => pair(it.answer.word(), &it.note),
            Fact::EscalationExpired { outcome } => match outcome {
                Timeout::DeadLetter => "nobody answered: dead letter",
                Timeout::Approve => "nobody answered: approved",
                Timeout::Dismiss => "nobody answered: dismissed",
            }
            .to_owned(),
            Fact::LoopDetected { signal } => signal.clone(),
            Fact::Annotated(it) => pair(&it.verdict, &it.note),
            Fact::Revealed { .. } => "was shown what is masked".to_owned(),
            Fact::EdgePaused { edge, reason } | Fact::EdgeResumed { edge, reason } => pair(&edge.to_string(), reason),
            Fact::ObservedFailed { code } | Fact::ObservedRejected { code } => code.clone(),
        }
    }

    /// The tone in which it is meant to be read; whatever a person did has a tone of its own.
    pub fn tone(&self) -> Tone {
        if self.actor.kind == ActorKind::User {
            return Tone::Person;
        }
        match &self.fact {
            Fact::DeadLettered { .. } | Fact::Refused(_) | Fact::LoopDetected { .. } => Tone::Bad,
            Fact::RetryScheduled { .. }
            | Fact::Returned { .. }
            | Fact::Duplicate { .. }
            | Fact::ObservedFailed { .. }
            | Fact::ObservedRejected { .. }
            | Fact::ObservedRetried {} => Tone::Warning,
            Fact::EscalationOpened(_)
            | Fact::EscalationExpired { .. }
            | Fact::EdgePaused { .. }
            | Fact::Annotated(_)
            | Fact::Revealed { .. } => Tone::Person,
            Fact::Completed { .. } | Fact::RejectionResolved { .. } => Tone::Good,
            Fact::Emitted(_)
            | Fact::Sighted(_)
            | Fact::Leased { .. }
            | Fact::Acknowledged { .. }
            | Fact::Snoozed { .. }
            | Fact::Requeued { .. }
            | Fact::Amended { .. }
            | Fact::Dismissed { .. }
            | Fact::Cancelled { .. }
            | Fact::EscalationClaimed { .. }
            | Fact::EscalationReleased {}
            | Fact::EscalationResolved(_)
            | Fact::EdgeResumed { .. } => Tone::Plain,
        }
    }
}

/// `first: second`, or the one that is not empty.
fn pair(first: &str, second: &str) -> String {
    let between = if first.is_empty() || second.is_empty() { "" } else { ": " };
    format!("{first}{between}{second}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Actor;
    use crate::domain::machine::tests::{question, rejection};

    fn event(actor: Actor, fact: &str) -> Event {
        let fact = serde_json::from_str(fact).unwrap();
        Event { seen: None, run: "r".into(), seq: 1, at: Time::default(), handoff: Some("h".into()), actor, fact }
    }

    #[test]
    fn a_sentence_says_what_the_name_does_not_and_nothing_stands_before_an_empty_colon() {
        let told = |name: &str, data: &str| {
            let fact = format!(r#"{{"type":"{name}.v1","data":{data}}}"#);
            let event = event(Actor::agent("editor"), &fact);
            assert_eq!(event.fact.name(), name);
            event.sentence()
        };
        let table = [
            ("handoff.completed", r#"{"note":"by hand"}"#, "by hand"),
            ("handoff.completed", r#"{"emitted":["b","c"]}"#, "and handed on 2"),
            ("handoff.completed", r#"{"emitted":["b"],"note":"by hand"}"#, "and handed on 1: by hand"),
            ("handoff.dead_lettered", r#"{"code":"","reason":"observed","detail":"gone"}"#, "gone"),
            ("handoff.dead_lettered", r#"{"code":"timeout","reason":"budget_spent"}"#, "timeout"),
            ("handoff.dismissed", r#"{"reason":"wont_fix","note":"no budget"}"#, "wont fix: no budget"),
            ("escalation.resolved", r#"{"answer":"edit_approve","note":"ok"}"#, "edit_approve: ok"),
            ("escalation.expired", r#"{"outcome":"dead_letter"}"#, "nobody answered: dead letter"),
            ("rejection.resolved", r#"{"rejection":"r"}"#, "a corrected contract came"),
            ("observed.retried", "{}", ""),
        ];
        for (name, data, expected) in table {
            assert_eq!(told(name, data), expected, "{name} {data}");
        }
        let retry = r#"{"attempt":1,"code":"timeout","detail":"slow","ready_at":"2026-03-01T03:11:16Z"}"#;
        assert_eq!(told("handoff.retry_scheduled", retry), "attempt 1 failed: timeout: slow, next at 03:11:16");
    }

    #[test]
    fn a_question_names_whom_it_asks_where_that_is_known() {
        let mut event = event(Actor::agent("editor"), r#"{"type":"escalation.released.v1","data":{}}"#);
        let mut asked = question(super::super::EscalationKind::Approval);
        event.fact = Fact::EscalationOpened(Box::new(asked.clone()));
        assert_eq!((event.sentence().as_str(), event.tone()), ("asks operators: What now?", Tone::Person));
        asked.role = None;
        event.fact = Fact::EscalationOpened(Box::new(asked));
        assert_eq!(event.sentence(), "What now?");
    }

    #[test]
    fn an_edge_is_its_own_or_that_of_its_handoff() {
        let known = Edge::new("news", "a", "b");
        let released = r#"{"type":"escalation.released.v1","data":{}}"#;
        let mut event = event(Actor::user("dana"), released);
        let of = |id: &HandoffId| (id.as_str() == "h").then_some(&known);
        assert_eq!((event.edge(of), event.edge(|_| None)), (Some(&known), None));
        assert_eq!(event.tone(), Tone::Person, "a person did it");
        event.fact = Fact::Refused(Box::new(rejection("r")));
        assert_eq!(event.edge(|_| None), Some(&Edge::new("news", "writer", "editor")));
    }
}
