//! Ids of handoffs that are unique in a run only, told apart.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

use crate::domain::event::{Event, Fact};
use crate::domain::id::{HandoffId, RunId};

/// The ids that stand in several runs.
pub(super) fn shared<'a>(
    handoffs: impl Iterator<Item = (&'a RunId, &'a HandoffId)>,
) -> HashSet<HandoffId, RandomState> {
    let mut runs: HashMap<&HandoffId, &RunId, RandomState> = HashMap::default();
    let mut shared = HashSet::default();
    for (run, id) in handoffs {
        if runs.insert(id, run).is_some_and(|known| known != run) {
            shared.insert(id.clone());
        }
    }
    shared
}

/// Writes the run in front of these ids: `RUN/ID`. An orchestrator, which numbers its events, gives no id twice.
pub(super) fn tell_apart(events: &mut [Event], shared: &HashSet<HandoffId, RandomState>) {
    let mut names: HashMap<(RunId, HandoffId), HandoffId, RandomState> = HashMap::default();
    for event in events.iter_mut().filter(|it| it.seq == 0) {
        let Some(id) = event.handoff.clone().filter(|id| shared.contains(id)) else { continue };
        let name = names.entry((event.run.clone(), id));
        let name = name.or_insert_with_key(|(run, id)| HandoffId::from(format!("{run}/{id}")));
        if let Fact::EscalationOpened(asked) = &mut event.fact {
            name.as_str().clone_into(&mut asked.id);
        }
        event.handoff = Some(name.clone());
    }
}
