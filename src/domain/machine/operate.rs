//! Acts of operators on a handoff, a run or an edge: rows 21 to 25.

use super::log::Log;
use super::{MAX_LEASE, emit};
use crate::domain::command::{NewHandoff, Refusal, Seen};
use crate::domain::event::{Annotation, DismissReason, Emission, Fact};
use crate::domain::id::Edge;
use crate::domain::port::ActKind;
use crate::domain::run::State;

const AMENDABLE: &[State] = &[State::DeadLettered, State::Escalated];
const COMPLETABLE: &[State] = &[State::DeadLettered, State::Escalated];
/// The same for the person who took it.
const COMPLETABLE_BY_HOLDER: &[State] = &[State::DeadLettered, State::Escalated, State::Acknowledged];
const TAKABLE: &[State] = &[State::Pending, State::RetryWait];

pub(super) fn requeue(log: &mut Log, seen: &Seen, why: &str) -> Result<(), Refusal> {
    log.can(seen, ActKind::Requeue, false)?;
    log.say(Some(&seen.handoff), Fact::Requeued { reason: why.to_owned() });
    Ok(())
}

pub(super) fn amend(log: &mut Log, seen: &Seen, head: &Emission) -> Result<(), Refusal> {
    let rev = log.seen(seen, "amended", AMENDABLE)?.rev;
    log.amend(&seen.handoff, rev, head)
}

pub(super) fn dismiss(log: &mut Log, seen: &Seen, reason: DismissReason, note: &str) -> Result<(), Refusal> {
    log.can(seen, ActKind::Dismiss, false)?;
    log.say(Some(&seen.handoff), Fact::Dismissed { reason, note: note.to_owned() });
    Ok(())
}

/// A person may finish what waits for people, and what is theirs because they took it.
pub(super) fn complete(
    log: &mut Log,
    seen: &Seen,
    result: Option<String>,
    next: &[NewHandoff],
    note: &str,
) -> Result<(), Refusal> {
    let theirs = log.find(&seen.handoff).is_ok_and(|it| {
        let holder = it.lease.as_ref().map(|lease| lease.holder.as_str());
        it.emission.to.kind.is_people() && holder == Some(&*log.by.id)
    });
    let it = log.seen(seen, "completed by hand", if theirs { COMPLETABLE_BY_HOLDER } else { COMPLETABLE })?;
    // Its follow-ups run as if it had been let through.
    log.may_pass(it)?;
    emit::completed(log, &seen.handoff, result, next, note.to_owned())
}

pub(super) fn take(log: &mut Log, seen: &Seen, lease: &str) -> Result<(), Refusal> {
    let it = log.seen(seen, "taken", TAKABLE)?;
    if !it.emission.to.kind.is_people() {
        return Err(Refusal::Invalid(format!(
            "{} is addressed to agent {}; only what is addressed to people can be taken by one",
            seen.handoff, it.emission.to.id
        )));
    }
    log.in_time(it)?;
    let fact = Fact::Leased {
        attempt: it.attempt + 1,
        total: it.attempts_total + 1,
        lease: lease.to_owned(),
        holder: log.by.id.to_string(),
        until: None,
        lease_ms: MAX_LEASE,
        resumed_at: None,
    };
    log.say(Some(&seen.handoff), fact);
    log.say(Some(&seen.handoff), Fact::Acknowledged { until: None });
    Ok(())
}

pub(super) fn dismiss_rejections(log: &mut Log, rejections: &[String], why: &str) -> Result<(), Refusal> {
    let kept = &log.made.run.rejections;
    let known: Vec<_> = rejections.iter().filter(|id| kept.iter().any(|it| it.rejection.id == **id)).collect();
    if known.is_empty() {
        return Err(Refusal::NotFound(format!("rejection {}", rejections.join(", "))));
    }
    for rejection in known {
        log.say(None, Fact::RejectionResolved { rejection: rejection.clone(), why: why.to_owned() });
    }
    Ok(())
}

pub(super) fn cancel(log: &mut Log, expect: Option<u64>, why: &str) -> Result<(), Refusal> {
    if log.made.run.version == 0 {
        return Err(Refusal::NotFound(format!("run {}", log.made.run.id)));
    }
    if expect.is_some_and(|it| it != log.made.run.version) {
        return Err(Refusal::VersionConflict { current: log.made.run.version, last_change: None });
    }
    let open: Vec<_> = log.made.run.open().map(|it| it.id.clone()).collect();
    if open.is_empty() {
        return Err(Refusal::Invalid(format!("run {} has nothing open to cancel", log.made.run.id)));
    }
    for id in open {
        log.say(Some(&id), Fact::Cancelled { reason: why.to_owned() });
    }
    Ok(())
}

/// Says something of the run, or of a handoff of it, whatever state they are in.
pub(super) fn annotate(log: &mut Log, annotation: &Annotation) -> Result<(), Refusal> {
    if log.made.run.version == 0 {
        return Err(Refusal::NotFound(format!("run {}", log.made.run.id)));
    }
    if let Some(handoff) = &annotation.handoff {
        log.find(handoff)?;
    }
    let wrong = match annotation.verdict.trim().chars().count() {
        0 => "an annotation needs a verdict: say in a few words what it was".to_owned(),
        length if length > Annotation::VERDICT_CHARS => {
            format!("a verdict has at most {} characters; the rest belongs in the note", Annotation::VERDICT_CHARS)
        }
        _ if log.made.run.annotations.len() >= Annotation::PER_RUN => {
            format!("run {} has {} annotations, and no room for more", log.made.run.id, Annotation::PER_RUN)
        }
        _ => {
            log.say(None, Fact::Annotated(annotation.clone()));
            return Ok(());
        }
    };
    Err(Refusal::Invalid(wrong))
}

pub(super) fn pause(log: &mut Log, edge: &Edge, why: &str) {
    if !log.made.run.paused.contains(edge) {
        log.say(None, Fact::EdgePaused { edge: edge.clone(), reason: why.to_owned() });
    }
}

pub(super) fn resume(log: &mut Log, edge: &Edge, why: &str) {
    if log.made.run.paused.contains(edge) {
        log.say(None, Fact::EdgeResumed { edge: edge.clone(), reason: why.to_owned() });
    }
}
