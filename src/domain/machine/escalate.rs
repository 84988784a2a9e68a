//! Asking people and what they answer: rows 2, 13, 18 and 19.

use super::MAX_ESCALATIONS;
use super::decide::Log;
use super::operate::amended;
use crate::domain::command::{Command, NewHandoff, Refusal, Seen};
use crate::domain::event::{Answer, DeadReason, DismissReason, Emission, Escalation, Fact, Resolution, Timeout};
use crate::domain::id::HandoffId;
use crate::domain::run::{Handoff, State};

const ESCALATED: &[State] = &[State::Escalated];

/// Decides a command about an escalation; commands that are none have been dealt with before.
pub(super) fn decide(log: &mut Log, command: &Command) -> Result<(), Refusal> {
    match command {
        Command::Escalate { seen, escalation, force } => {
            const FREE: &[State] = &[State::Pending, State::RetryWait, State::DeadLettered];
            const FORCED: &[State] =
                &[State::Pending, State::RetryWait, State::DeadLettered, State::Leased, State::Acknowledged];
            log.seen(seen, "escalated", if *force { FORCED } else { FREE })?;
            log.escalate(&seen.handoff, (**escalation).clone(), "escalated_too_often", "");
        }
        Command::ClaimEscalation { seen, until } => {
            log.seen(seen, "claimed", ESCALATED)?;
            log.say(Some(&seen.handoff), Fact::EscalationClaimed { until: *until });
        }
        Command::ReleaseEscalation { seen } => {
            log.seen(seen, "released", ESCALATED)?;
            log.say(Some(&seen.handoff), Fact::EscalationReleased {});
        }
        Command::Resolve { seen, resolution, context_digest, edited, revision } => {
            let it = log.seen(seen, "decided on", ESCALATED)?.clone();
            may_decide(log, &it, resolution, context_digest.as_deref())?;
            resolve(log, &it, seen, resolution, edited.as_deref(), revision.as_deref())?;
        }
        _ => {}
    }
    Ok(())
}

fn may_decide(log: &Log, it: &Handoff, resolution: &Resolution, shown: Option<&str>) -> Result<(), Refusal> {
    let Some(open) = &it.escalation else {
        return Err(Refusal::NotFound(format!("an open escalation of {}", it.id)));
    };
    if !open.asked.allow.contains(&resolution.answer) {
        return Err(Refusal::AnswerNotAllowed { allow: open.asked.allow.clone() });
    }
    if shown.is_some_and(|shown| shown != it.digest()) {
        return Err(Refusal::ContextMoved);
    }
    let own = it.emission.from.id == *log.by.id || it.hands.contains(&log.by);
    if it.emission.separation && own {
        return Err(Refusal::SelfApproval { who: log.by.id.to_string() });
    }
    Ok(())
}

fn resolve(
    log: &mut Log,
    it: &Handoff,
    seen: &Seen,
    resolution: &Resolution,
    edited: Option<&Emission>,
    revision: Option<&NewHandoff>,
) -> Result<(), Refusal> {
    let id = Some(&seen.handoff);
    let decided = Fact::EscalationResolved(Box::new(resolution.clone()));
    match resolution.answer {
        Answer::Approve => log.say(id, decided),
        Answer::EditApprove => {
            let head = edited.ok_or_else(|| Refusal::Invalid("edit and approve needs the edit".to_owned()))?;
            log.say(id, amended(it.rev + 1, head));
            log.say(id, decided);
        }
        Answer::Respond => {
            if resolution.value.is_none() {
                return Err(Refusal::Invalid("an answer needs a value".to_owned()));
            }
            log.say(id, decided);
        }
        Answer::Reject => {
            let revision = revision.ok_or_else(|| {
                Refusal::Invalid(format!("{} cannot be sent back: its source takes no revisions", it.id))
            })?;
            if resolution.feedback.iter().all(|it| it.trim().is_empty()) {
                return Err(Refusal::Invalid("a rejection needs feedback: say what has to change".to_owned()));
            }
            log.say(id, decided);
            let feedback = resolution.feedback.clone();
            log.say(id, Fact::Returned { feedback, emitted: revision.id.clone() });
            log.follow(revision)?;
        }
        Answer::Dismiss => {
            log.say(id, decided);
            let note = resolution.note.clone();
            log.say(id, Fact::Dismissed { reason: DismissReason::WontFix, note });
        }
    }
    Ok(())
}

/// The question was not answered in time: does what it said it would.
pub(super) fn time_out(log: &mut Log, it: &Handoff) {
    let Some(open) = &it.escalation else { return };
    let outcome = open.asked.on_timeout;
    log.say(Some(&it.id), Fact::EscalationExpired { outcome });
    match outcome {
        Timeout::Approve => {}
        Timeout::DeadLetter => {
            log.park(&it.id, "escalation_timeout", DeadReason::EscalationTimeout, "nobody answered in time");
        }
        Timeout::Dismiss => {
            let note = "nobody answered in time".to_owned();
            log.say(Some(&it.id), Fact::Dismissed { reason: DismissReason::Obsolete, note });
        }
    }
}

impl Log {
    /// Opens a question, unless this handoff has had its share of them.
    pub(super) fn escalate(&mut self, id: &HandoffId, asked: Escalation, code: &str, detail: &str) {
        let before = self.run.handoffs.get(id).map_or(0, |it| it.escalations);
        if before >= MAX_ESCALATIONS {
            self.park(id, code, DeadReason::EscalatedTooOften, detail);
        } else {
            self.say(Some(id), Fact::EscalationOpened(Box::new(asked)));
        }
    }
}
