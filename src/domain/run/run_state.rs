//! The state of a run, and what of it is worth to remember after its end.

use serde::{Deserialize, Serialize};

use super::{Level, Run, State};

/// State of a run, derived from its handoffs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Work is going on or waits for an agent, or the next attempt of what failed last was granted and not seen yet.
    Running,
    /// Open handoffs exist and every one is escalated or a dead letter; told of a task, also addressed to people, or held up
    /// by a pause.
    Waiting,
    /// None open; the last one ended well.
    Completed,
    /// None open; something was dismissed, or the last one failed or was refused.
    Failed,
    /// A person cancelled it.
    Cancelled,
}

impl Run {
    /// How much what was found in it, a loop verdict or a retry storm, is worth to remember: 0 for nothing to 3 for the worst.
    pub fn notable(&self) -> u8 {
        match self.verdict.level {
            Level::Looping => 3,
            _ if self.storm_since.is_some() => 3,
            Level::Stalled => 2,
            Level::Iterating => 1,
            Level::Fine => 0,
        }
    }

    /// State of the run.
    pub fn state(&self) -> RunState {
        if self.cancelled_at.is_some() {
            return RunState::Cancelled;
        }
        let open = self.handoffs.count(State::is_open);
        if open > 0 {
            let waiting = self.handoffs.count(|it| matches!(it, State::Escalated | State::DeadLettered));
            return if waiting == open { RunState::Waiting } else { RunState::Running };
        }
        if self.handoffs.count(|it| it == State::Dismissed) > 0 {
            return RunState::Failed;
        }
        // What failed on the way was tried again, or was not needed: the last attempt tells.
        match self.handoffs.values().rev().find(|it| it.emitted_at.is_some()).or(self.handoffs.last()) {
            Some(last) if last.is_tried_again() => RunState::Running,
            Some(last) if matches!(last.state, State::Failed | State::Rejected) => RunState::Failed,
            _ => RunState::Completed,
        }
    }
}
