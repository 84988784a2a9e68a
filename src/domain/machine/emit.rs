//! Emission: handoffs come into a run or are refused, and finished work emits the next: rows 1 to 3, 9 and 10.

use std::sync::Arc;

use super::log::Log;
use crate::domain::command::{NewHandoff, Refusal, agreed};
use crate::domain::event::{Emission, Fact, Rejection};
use crate::domain::id::HandoffId;
use crate::domain::loops;
use crate::domain::run::{Level, Refused};

pub(super) fn emit(log: &mut Log, new: &NewHandoff) -> Result<(), Refusal> {
    let terms = agreed(&new.id, &new.emission)?;
    if !log.made.run.lets_in(&new.emission) {
        let who = new.emission.from.id.clone();
        return Err(Refusal::Stranger { who, run: log.made.run.id.clone() });
    }
    if log.made.run.cancelled_at.is_some() {
        return Err(Refusal::Invalid(format!("run {} was cancelled; start a new one", log.made.run.id)));
    }
    if let Some((known, its)) = log.made.run.by_key(&terms.key) {
        if !same_work(&known.emission, &new.emission) {
            return Err(taken(&new.emission));
        }
        if its.digest != terms.digest {
            let (id, existing) = (known.id.clone(), its.digest.to_string());
            let received = terms.digest.to_string();
            log.say(Some(&id), Fact::Duplicate { existing, received });
        }
        return Ok(());
    }
    let mut emission = new.emission.clone();
    let emitter = &log.bearer.subject;
    if let Some(terms) = emission.terms.as_mut().filter(|it| it.separation) {
        terms.emitter = Some(Arc::clone(emitter));
    }
    // An agent that hands on without saying what it follows from does not escape the loop verdict.
    if emission.parent.is_none() && emission.step > 0 {
        let before = loops::likely_parent(&log.made.run, &emission);
        emission.parent = before.map(|it| it.id.clone());
    }
    emission.cycle = loops::cycle(&log.made.run, &emission);
    let judged = loops::judge(&log.made.run, &emission);
    let verdict = judged.verdict;
    let looping = verdict.level == Level::Looping;
    let resolved = log.made.run.rejections.iter().find(|it| it.rejection.key.as_deref() == Some(&*terms.key));
    if let Some(rejection) = resolved.map(|it| it.rejection.id.clone()) {
        log.say(None, Fact::RejectionResolved { rejection, why: String::new() });
    }
    log.say(Some(&new.id), Fact::Emitted(Arc::new(emission)));
    if looping {
        log.say(Some(&new.id), Fact::LoopDetected { signal: verdict.signal.clone() });
        let mut asked = new.on_loop.clone();
        asked.question = format!("{} ({})", judged.question, verdict.signal);
        log.say(Some(&new.id), Fact::EscalationOpened(Box::new(asked)));
    }
    Ok(())
}

/// Keeps the records of contracts that were refused.
pub(super) fn refuse(log: &mut Log, rejections: &[Rejection]) {
    for it in rejections {
        let same = |known: &Refused| known.rejection.id == it.id;
        let again = it.again || log.made.run.rejections.iter().any(same);
        log.say(None, Fact::Refused(Box::new(Rejection { again, ..it.clone() })));
    }
}

/// Work is done, and these follow from it.
pub(super) fn completed(
    log: &mut Log,
    id: &HandoffId,
    result: Option<String>,
    next: &[NewHandoff],
    note: String,
) -> Result<(), Refusal> {
    let emitted = next.iter().map(|it| it.id.clone()).collect();
    log.say(Some(id), Fact::Completed { emitted, result, note });
    next.iter().try_for_each(|new| follow(log, new))
}

/// Work goes back upstream, as this revision.
pub(super) fn returned(
    log: &mut Log,
    id: &HandoffId,
    feedback: &[String],
    revision: &NewHandoff,
) -> Result<(), Refusal> {
    log.say(Some(id), Fact::Returned { feedback: feedback.to_vec(), emitted: revision.id.clone() });
    follow(log, revision)
}

/// Emits what follows from finished work: its place in the run has to be free.
fn follow(log: &mut Log, new: &NewHandoff) -> Result<(), Refusal> {
    let terms = agreed(&new.id, &new.emission)?;
    match log.made.run.by_key(&terms.key) {
        Some((known, _)) if !same_work(&known.emission, &new.emission) => Err(taken(&new.emission)),
        Some((known, its)) => Err(Refusal::IdempotencyMismatch {
            key: terms.key.to_string(),
            handoff: known.id.clone(),
            existing: its.digest.to_string(),
            received: terms.digest.to_string(),
        }),
        None => emit(log, new),
    }
}

/// Whether both are the same work of the same source, in other words perhaps.
fn same_work(one: &Emission, other: &Emission) -> bool {
    (&one.from, &one.to, &one.stage) == (&other.from, &other.to, &other.stage)
}

fn taken(wanted: &Emission) -> Refusal {
    Refusal::PlaceTaken { step: wanted.step, branch: wanted.branch.to_string() }
}
