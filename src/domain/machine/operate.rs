//! What operators may do to a handoff, a run or an edge: rows 18 and 21 to 25.

use std::sync::Arc;

use super::decide::Log;
use crate::domain::command::{Command, Refusal, Seen};
use crate::domain::event::{Emission, Fact};
use crate::domain::run::{Handoff, State};

/// Decides an operator's command; false when it is none.
pub(super) fn decide(log: &mut Log, command: &Command) -> Result<bool, Refusal> {
    match command {
        Command::Requeue { seen, why } => {
            log.seen(seen, "requeued", &[State::DeadLettered, State::RetryWait])?;
            log.say(Some(&seen.handoff), Fact::Requeued { reason: why.clone() });
        }
        Command::Amend { seen, head } => {
            let it = log.seen(seen, "amended", &[State::DeadLettered, State::Escalated])?;
            let rev = it.rev + 1;
            log.say(Some(&seen.handoff), amended(rev, head));
        }
        Command::Dismiss { seen, reason, note } => {
            const FREE: &[State] = &[State::DeadLettered, State::Escalated, State::Pending, State::RetryWait];
            log.seen(seen, "dismissed", FREE)?;
            let fact = Fact::Dismissed { reason: *reason, note: note.clone() };
            log.say(Some(&seen.handoff), fact);
        }
        Command::CompleteManually { seen, result, next, note } => {
            by_hand(log, seen)?;
            log.completed(&seen.handoff, result.clone(), next, note.clone())?;
        }
        Command::Take { seen, lease } => {
            let it = log.seen(seen, "taken", &[State::Pending, State::RetryWait])?;
            if !it.emission.to.kind.is_people() {
                return Err(Refusal::Invalid(format!(
                    "{} is addressed to agent {}; only what is addressed to people can be taken by one",
                    seen.handoff, it.emission.to.id
                )));
            }
            let fact = Fact::Leased {
                attempt: it.attempt + 1,
                total: it.attempts_total + 1,
                lease: lease.clone(),
                holder: log.by.id.to_string(),
                until: None,
                lease_ms: super::MAX_LEASE,
            };
            log.say(Some(&seen.handoff), fact);
            log.say(Some(&seen.handoff), Fact::Acknowledged { until: None });
        }
        Command::DismissRejection { rejection, why } => {
            if !log.run.rejections.iter().any(|it| it.rejection.id == *rejection) {
                return Err(Refusal::NotFound(format!("rejection {rejection}")));
            }
            let fact = Fact::RejectionResolved { rejection: rejection.clone(), why: why.clone() };
            log.say(None, fact);
        }
        Command::Cancel { expect, why } => cancel(log, *expect, why)?,
        Command::PauseEdge { edge, why } => {
            if !log.run.paused.contains(edge) {
                log.say(None, Fact::EdgePaused { edge: edge.clone(), reason: why.clone() });
            }
        }
        Command::ResumeEdge { edge, why } => {
            if log.run.paused.contains(edge) {
                log.say(None, Fact::EdgeResumed { edge: edge.clone(), reason: why.clone() });
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// A contract was edited to one with this head.
pub(super) fn amended(rev: u32, head: &Emission) -> Fact {
    Fact::Amended { rev, digest: head.digest.to_string(), head: Some(Arc::new(head.clone())) }
}

fn cancel(log: &mut Log, expect: Option<u64>, why: &str) -> Result<(), Refusal> {
    if log.run.version == 0 {
        return Err(Refusal::NotFound(format!("run {}", log.run.id)));
    }
    if expect.is_some_and(|it| it != log.run.version) {
        return Err(Refusal::VersionConflict { current: log.run.version, last_change: None });
    }
    let open: Vec<_> = log.run.open().map(|it| it.id.clone()).collect();
    if open.is_empty() {
        return Err(Refusal::Invalid(format!("run {} has nothing open to cancel", log.run.id)));
    }
    for id in open {
        log.say(Some(&id), Fact::Cancelled { reason: why.to_owned() });
    }
    Ok(())
}

/// A person may finish what waits for people, and what is theirs because they took it.
fn by_hand(log: &Log, seen: &Seen) -> Result<(), Refusal> {
    let theirs = log.find(&seen.handoff).is_ok_and(|it| {
        let holder = it.lease.as_ref().map(|lease| lease.holder.as_str());
        it.emission.to.kind.is_people() && holder == Some(&*log.by.id)
    });
    let allowed: &'static [State] = if theirs {
        &[State::DeadLettered, State::Escalated, State::Acknowledged]
    } else {
        &[State::DeadLettered, State::Escalated]
    };
    log.seen(seen, "completed by hand", allowed).map(drop)
}

impl Log {
    /// The handoff as a person saw it: unmoved since, and in one of `allowed`.
    pub(super) fn seen(&self, seen: &Seen, what: &'static str, allowed: &'static [State]) -> Result<&Handoff, Refusal> {
        let handoff = self.find(&seen.handoff)?;
        if handoff.version != seen.version {
            let last_change = handoff.last_change.clone();
            return Err(Refusal::VersionConflict { current: handoff.version, last_change });
        }
        if allowed.contains(&handoff.state) {
            Ok(handoff)
        } else {
            Err(Refusal::IllegalTransition { what, state: handoff.state, allowed })
        }
    }
}
