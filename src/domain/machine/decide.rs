//! The events that follow from a command. Each kind of command is one function; they stand with their rows of the
//! transition table in `emit.rs`, `lease.rs`, `timer.rs`, `escalate.rs` and `operate.rs`.

use std::sync::Arc;

use super::log::Log;
use super::{Folded, emit, escalate, lease, operate, timer};
use crate::domain::command::{Asked, Command, Refusal};
use crate::domain::run::Run;
use crate::domain::time::Present;

/// What follows from `asked` at `now`: the events, and the run with them; nothing when it was done before (repeating is a
/// no-op). Whatever the command was, what needs an approval that it does not have is not left free.
///
/// # Errors
/// Fails when nothing may change; [`Refusal`] says why.
pub fn decide(run: Option<&Arc<Run>>, asked: &Asked, now: impl Into<Present>) -> Result<Folded, Refusal> {
    let mut log = Log::new(run, asked, now.into());
    match &asked.command {
        Command::Emit(new) => emit::emit(&mut log, new)?,
        Command::Refuse(rejections) => emit::refuse(&mut log, rejections),
        Command::Claim { handoff, holder, lease, lease_ms, flow } => {
            lease::claim(&mut log, handoff, holder, lease, *lease_ms, *flow)?;
        }
        Command::Withhold { handoff, detail } => lease::withhold(&mut log, handoff, detail)?,
        Command::Acknowledge(held) => lease::acknowledge(&mut log, held)?,
        Command::Heartbeat(held) => lease::heartbeat(&mut log, held)?,
        Command::Complete { held, result, next } => lease::complete(&mut log, held, result.clone(), next)?,
        Command::Return { held, feedback, revision } => lease::give_back(&mut log, held, feedback, revision)?,
        Command::Fail { held, code, detail, escalation, jitter } => {
            lease::fail(&mut log, held, code, detail, escalation, *jitter)?;
        }
        Command::Reject { held, errors } => lease::reject(&mut log, held, errors)?,
        Command::Snooze { held, until } => lease::snooze(&mut log, held, *until)?,
        Command::Timer(due) => {
            for (handoff, jitter) in due {
                timer::timer(&mut log, handoff, *jitter)?;
            }
        }
        Command::Annotate(annotation) => operate::annotate(&mut log, annotation)?,
        Command::Escalate { seen, escalation, force } => escalate::escalate(&mut log, seen, escalation, *force)?,
        Command::ClaimEscalation { seen, until } => escalate::claim(&mut log, seen, *until)?,
        Command::Release { seen } => escalate::release(&mut log, seen)?,
        Command::Reveal { handoff, digest, masked } => escalate::reveal(&mut log, handoff, digest, *masked)?,
        Command::Resolve { seen, resolution, context_digest, edited, revision } => {
            escalate::resolve(
                &mut log,
                seen,
                resolution,
                context_digest.as_deref(),
                edited.as_deref(),
                revision.as_deref(),
            )?;
        }
        Command::Requeue { seen, why } => operate::requeue(&mut log, seen, why)?,
        Command::Amend { seen, head } => operate::amend(&mut log, seen, head)?,
        Command::Dismiss { seen, reason, note } => operate::dismiss(&mut log, seen, *reason, note)?,
        Command::CompleteManually { seen, result, next, note } => {
            operate::complete(&mut log, seen, result.clone(), next, note)?;
        }
        Command::Take { seen, lease } => operate::take(&mut log, seen, lease)?,
        Command::DismissRejections { rejections, why } => operate::dismiss_rejections(&mut log, rejections, why)?,
        Command::Cancel { expect, why } => operate::cancel(&mut log, *expect, why)?,
        Command::PauseEdge { edge, why } => operate::pause(&mut log, edge, why),
        Command::ResumeEdge { edge, why } => operate::resume(&mut log, edge, why),
    }
    log.close_gates();
    Ok(log.made)
}
