//! What waits for its acknowledgement on an edge, and for how long: the one answer for figures, trends and alarms.

use super::{EdgeStats, Ledger};
use crate::domain::id::HandoffId;
use crate::domain::time::{Millis, Time};

/// The handoffs that wait for their acknowledgement and could be taken: their time has come, also after a snooze. What an
/// operator holds up waits for nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waits<'a> {
    /// How long each waits that counts, in milliseconds, in order of when it began; none while the edge is paused.
    pub ages: Vec<Millis>,
    /// The one that waits longest, also on an edge that is paused; of those of the same age the first.
    pub oldest: Option<(Millis, &'a HandoffId)>,
}

impl Ledger {
    /// What waits on an edge now. On an edge that was paused it waits since it flows again. What seems to wait since a time
    /// that is still to come does so since before the clock of the source was set back, unless its time has not come.
    pub fn waits<'a>(&self, book: &'a EdgeStats) -> Waits<'a> {
        // People take what is addressed to them also while the edge is paused.
        let agents = !book.is_people(book.windows.total(crate::domain::health::Window::All));
        let resumed = book.resumed_at.filter(|_| agents);
        let all: Vec<(Millis, &HandoffId)> = book
            .waiting_since()
            .filter_map(|(since, id)| Some((self.waited(resumed.map_or(*since, |at| at.max(*since)), id)?, id)))
            .collect();
        let oldest = all.iter().rev().max_by_key(|(age, _)| *age).copied();
        let held = agents && self.paused.contains(&book.edge);
        let ages = if held { Vec::new() } else { all.into_iter().map(|(age, _)| age).collect() };
        Waits { ages, oldest }
    }

    /// How long a handoff has waited since a time; `None` when that has not come.
    fn waited(&self, since: Time, id: &HandoffId) -> Option<Millis> {
        let present = self.present();
        let ahead = present.behind > 0 && since > present.now;
        let before = || self.handoff(id).is_some_and(|it| it.changed_at() > present.now);
        let now = if ahead && before() { present.now + present.behind } else { present.now };
        (since <= now).then(|| since.age(now))
    }
}
