//! Asking people and what they answer: rows 18 and 19.

use super::emit;
use super::log::Log;
use crate::domain::command::{NewHandoff, Refusal, Seen};
use crate::domain::event::{Answer, DismissReason, Emission, Escalation, Fact, Resolution};
use crate::domain::id::HandoffId;
use crate::domain::port::ActKind;
use crate::domain::run::{Handoff, OpenEscalation, State};
use crate::domain::time::Time;

pub(super) fn escalate(log: &mut Log, seen: &Seen, asked: &Escalation, force: bool) -> Result<(), Refusal> {
    log.can(seen, ActKind::Escalate, force)?;
    log.escalate(&seen.handoff, asked.clone(), "escalated_too_often", "");
    Ok(())
}

pub(super) fn claim(log: &mut Log, seen: &Seen, until: Time) -> Result<(), Refusal> {
    is_asked(log, log.can(seen, ActKind::Claim, false)?)?;
    log.say(Some(&seen.handoff), Fact::EscalationClaimed { until });
    Ok(())
}

/// What is shown for a decision is said first.
pub(super) fn reveal(log: &mut Log, id: &HandoffId, digest: &str, masked: bool) -> Result<(), Refusal> {
    let it = log.find(id)?;
    let (what, allowed) = (ActKind::Reveal.done(), ActKind::Reveal.states(false));
    if !allowed.contains(&it.state) {
        return Err(Refusal::IllegalTransition { what, state: it.state, allowed });
    }
    is_asked(log, it)?;
    log.is_impartial(it)?;
    if it.digest() != Some(digest) {
        return Err(Refusal::ContextMoved);
    }
    if !masked {
        return Err(Refusal::Invalid(format!("nothing of {id} is masked: what is shown is all of it")));
    }
    log.say(Some(id), Fact::Revealed { digest: digest.to_owned() });
    Ok(())
}

pub(super) fn release(log: &mut Log, seen: &Seen) -> Result<(), Refusal> {
    let it = log.find(&seen.handoff)?;
    // Taken by a person, that is: what an agent has its lease is asked for.
    let taken = it.lease.as_ref().filter(|lease| lease.until.is_none() && *lease.holder == *log.by.id);
    if taken.is_some() && it.state.is_held() {
        log.seen(seen, ActKind::Release.done(), &[State::Leased, State::Acknowledged])?;
        log.say(Some(&seen.handoff), Fact::Snoozed { until: log.now, released: true });
        return Ok(());
    }
    is_asked(log, log.can(seen, ActKind::Release, false)?)?;
    log.say(Some(&seen.handoff), Fact::EscalationReleased {});
    Ok(())
}

pub(super) fn resolve(
    log: &mut Log,
    seen: &Seen,
    resolution: &Resolution,
    shown: Option<&str>,
    edited: Option<&Emission>,
    revision: Option<&NewHandoff>,
) -> Result<(), Refusal> {
    let it = log.seen(seen, "decided on", ActKind::Approve.states(false))?;
    may_decide(log, it, resolution, shown)?;
    let (id, rev) = (&seen.handoff, it.rev);
    let decided = Fact::EscalationResolved(Box::new(resolution.clone()));
    match resolution.answer {
        Answer::Approve => log.say(Some(id), decided),
        Answer::EditApprove => {
            let head = edited.ok_or_else(|| Refusal::Invalid("edit and approve needs the edit".to_owned()))?;
            log.amend(id, rev, head)?;
            log.say(Some(id), decided);
        }
        Answer::Respond => {
            if resolution.value.is_none() {
                return Err(Refusal::Invalid("an answer needs a value".to_owned()));
            }
            log.say(Some(id), decided);
        }
        Answer::Reject => {
            let revision = revision
                .ok_or_else(|| Refusal::Invalid(format!("{id} cannot be sent back: its source takes no revisions")))?;
            if resolution.feedback.iter().all(|it| it.trim().is_empty()) {
                return Err(Refusal::Invalid("a rejection needs feedback: say what has to change".to_owned()));
            }
            log.say(Some(id), decided);
            emit::returned(log, id, &resolution.feedback, revision)?;
        }
        Answer::Dismiss => {
            log.say(Some(id), decided);
            let note = resolution.note.clone();
            log.say(Some(id), Fact::Dismissed { reason: DismissReason::WontFix, note });
        }
    }
    Ok(())
}

/// The open question, if the one who acts has the role that it is put to.
fn is_asked<'a>(log: &Log, it: &'a Handoff) -> Result<&'a OpenEscalation, Refusal> {
    let Some(open) = &it.escalation else {
        return Err(Refusal::NotFound(format!("an open escalation of {}", it.id)));
    };
    if let Some(role) = &open.asked.role {
        log.has_role(role)?;
    }
    Ok(open)
}

fn may_decide(log: &Log, it: &Handoff, resolution: &Resolution, shown: Option<&str>) -> Result<(), Refusal> {
    let open = is_asked(log, it)?;
    log.is_impartial(it)?;
    if it.separates() && resolution.answer == Answer::EditApprove {
        return Err(log.own("would edit"));
    }
    if !open.asked.allow.contains(&resolution.answer) {
        return Err(Refusal::AnswerNotAllowed { allow: open.asked.allow.clone() });
    }
    if shown.is_some() && shown != it.digest() {
        return Err(Refusal::ContextMoved);
    }
    Ok(())
}
