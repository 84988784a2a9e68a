//! How handoffs come into a run, and what finished work emits: rows 1, 2 and 9.

use std::sync::Arc;

use super::decide::Log;
use crate::domain::command::{Held, NewHandoff, Refusal};
use crate::domain::event::Fact;
use crate::domain::id::HandoffId;
use crate::domain::loops;
use crate::domain::run::{Handoff, State};

impl Log {
    pub(super) fn emit(&mut self, offer: &NewHandoff) -> Result<(), Refusal> {
        let mut emission = offer.emission.clone();
        if self.run.cancelled_at.is_some() {
            return Err(Refusal::Invalid(format!("run {} was cancelled; start a new one", self.run.id)));
        }
        let known = self.run.handoffs.values().find(|it| it.emission.key == emission.key);
        if let Some(known) = known {
            if known.emission.digest != emission.digest {
                let (id, existing) = (known.id.clone(), known.emission.digest.to_string());
                let received = emission.digest.to_string();
                self.say(Some(&id), Fact::Duplicate { existing, received });
            }
            return Ok(());
        }
        // An agent that hands on without saying what it follows from does not escape the loop verdict.
        if emission.parent.is_none() && emission.step > 0 {
            let before = loops::likely_parent(&self.run, &emission);
            emission.parent = before.map(|it| it.id.clone());
        }
        emission.cycle = loops::cycle(&self.run, &emission);
        let verdict = loops::judge(&self.run, &emission);
        let looping = verdict.level == loops::Level::Looping;
        let resolved = self.run.rejections.iter().find(|it| it.rejection.key.as_deref() == Some(&*emission.key));
        if let Some(rejection) = resolved.map(|it| it.rejection.id.clone()) {
            self.say(None, Fact::RejectionResolved { rejection, why: String::new() });
        }
        self.say(Some(&offer.id), Fact::Emitted(Arc::new(emission)));
        if looping {
            self.say(Some(&offer.id), Fact::LoopDetected { signal: verdict.signal.clone() });
            let mut asked = offer.on_loop.clone();
            asked.question = format!("{} ({})", asked.question, verdict.signal);
            self.say(Some(&offer.id), Fact::EscalationOpened(Box::new(asked)));
        } else if let Some(asked) = &offer.approval {
            self.say(Some(&offer.id), Fact::EscalationOpened(Box::new(asked.clone())));
        }
        Ok(())
    }

    /// Emits what follows from finished work: its place in the run has to be free.
    pub(super) fn follow(&mut self, offer: &NewHandoff) -> Result<(), Refusal> {
        let key = &offer.emission.key;
        let taken = self.run.handoffs.values().find(|it| it.emission.key == *key);
        match taken {
            Some(known) => Err(Refusal::IdempotencyMismatch {
                key: key.to_string(),
                handoff: known.id.clone(),
                existing: known.emission.digest.to_string(),
                received: offer.emission.digest.to_string(),
            }),
            None => self.emit(offer),
        }
    }

    pub(super) fn complete(&mut self, held: &Held, result: Option<String>, next: &[NewHandoff]) -> Result<(), Refusal> {
        self.find(&held.handoff)?;
        if self.repeated(held, State::Completed) {
            return Ok(());
        }
        // A claim that was never acknowledged is, by finishing the work.
        self.acknowledge(held)?;
        self.completed(&held.handoff, result, next, String::new())
    }

    pub(super) fn completed(
        &mut self,
        id: &HandoffId,
        result: Option<String>,
        next: &[NewHandoff],
        note: String,
    ) -> Result<(), Refusal> {
        let emitted = next.iter().map(|it| it.id.clone()).collect();
        self.say(Some(id), Fact::Completed { emitted, result, note });
        next.iter().try_for_each(|offer| self.follow(offer))
    }

    /// This very holder ended it that way before: its first answer was lost.
    pub(super) fn repeated(&self, held: &Held, end: State) -> bool {
        let known = self.run.handoffs.get(&held.handoff);
        let same = |it: &Handoff| it.lease.as_ref().is_some_and(|it| it.id == held.lease);
        known.is_some_and(|it| it.state == end && same(it))
    }
}
