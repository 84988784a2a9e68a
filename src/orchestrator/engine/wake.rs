//! Waking those who wait: agents for work, the sweeper for the next thing that is due.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::id::Edge;
use crate::domain::run::{Handoff, queue};
use crate::domain::time::Time;

/// The agents that wait, and the sweeper.
#[derive(Default)]
pub(in crate::orchestrator) struct Wake {
    lines: Mutex<Lines>,
    sweeper: Notify,
    next: Mutex<Option<Time>>,
}

/// Those who wait and were not woken, by the name of the agent and the number of their ticket: who came first is first.
#[derive(Default)]
struct Lines {
    waiting: HashMap<String, BTreeMap<u64, Arc<Notify>>>,
    /// Number of the latest ticket.
    latest: u64,
}

/// News of a commit for those who wait.
#[derive(Default)]
pub(super) struct News {
    /// The edge of each handoff that can be claimed, now or later.
    claimable: Vec<Edge>,
    /// Time at which the first of them is due; `None` when none is.
    due: Option<Time>,
    everybody: bool,
}

impl News {
    /// The news that these handoffs are, as they are now.
    pub(super) fn of<'a>(handoffs: impl Iterator<Item = &'a Handoff>) -> Self {
        let mut news = Self::default();
        for it in handoffs {
            news.claimable.extend(queue::claimable(it).map(|_| it.emission.edge.clone()));
            news.due = [news.due, queue::due(it)].into_iter().flatten().min();
        }
        news
    }

    /// News that nobody can look at: everybody looks again.
    pub(super) fn unknown() -> Self {
        Self { everybody: true, due: Some(Time::default()), ..Self::default() }
    }
}

impl Wake {
    /// A place among those who wait for work of `agent`, not in the line yet.
    pub(super) fn waiting(&self, agent: &str) -> Waiting<'_> {
        Waiting { wake: self, agent: agent.to_owned(), ticket: 0, news: Arc::default(), owes: false }
    }

    /// For each handoff that can be claimed one of those who wait for it looks, but for those on `paused` edges.
    pub(super) fn tell(&self, news: &News, paused: &[Edge]) {
        let mut lines = self.lines();
        if news.everybody {
            let all = lines.waiting.drain();
            all.flat_map(|(_, line)| line.into_values()).for_each(|it| it.notify_one());
        }
        for edge in news.claimable.iter().filter(|it| !paused.contains(it)) {
            lines.next(&edge.to);
        }
        drop(lines);
        if let (Some(due), Ok(next)) = (news.due, self.next.lock())
            && next.is_none_or(|next| due < next)
        {
            self.sweeper.notify_one();
        }
    }

    /// Everybody who waits for work of `agent` looks.
    pub(super) fn everybody(&self, agent: &str) {
        let line = self.lines().waiting.remove(agent);
        line.into_iter().flat_map(BTreeMap::into_values).for_each(|it| it.notify_one());
    }

    /// Number of those in the line of `agent`.
    #[cfg(test)]
    pub(super) fn in_line(&self, agent: &str) -> usize {
        self.lines().waiting.get(agent).map_or(0, BTreeMap::len)
    }

    /// Number of tickets drawn so far: one more for whoever lines up, also again.
    #[cfg(test)]
    pub(super) fn tickets(&self) -> u64 {
        self.lines().latest
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        // Nothing that is done under it can be half done.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sweeper goes to sleep until `next`; it is woken when something is due sooner.
    pub(in crate::orchestrator) fn sleeping_until(&self, at: Option<Time>) {
        if let Ok(mut next) = self.next.lock() {
            *next = at;
        }
    }

    /// Returns when something is due sooner than the sweeper thought.
    pub(in crate::orchestrator) async fn sooner(&self) {
        self.sweeper.notified().await;
    }
}

impl Lines {
    /// Wakes the first who waits for work of `agent`, if there is one.
    fn next(&mut self, agent: &str) {
        let first = self.waiting.get_mut(agent).and_then(BTreeMap::pop_first);
        if let Some((_, news)) = first {
            news.notify_one();
        }
        self.forget(agent);
    }

    /// Takes one out of the line of `agent`; false when it was not in it.
    fn leave(&mut self, agent: &str, ticket: u64) -> bool {
        let known = self.waiting.get_mut(agent).is_some_and(|line| line.remove(&ticket).is_some());
        self.forget(agent);
        known
    }

    /// Names come from outside: a line that nobody is in is not kept.
    fn forget(&mut self, agent: &str) {
        if self.waiting.get(agent).is_some_and(BTreeMap::is_empty) {
            self.waiting.remove(agent);
        }
    }
}

/// One who waits for work. News of a handoff wake only one, so who goes with news that came to nothing, or knows of
/// something that will be ready later, lets the next in the line look.
pub(super) struct Waiting<'a> {
    wake: &'a Wake,
    agent: String,
    /// Number of its ticket; 0 when it never was in the line.
    ticket: u64,
    news: Arc<Notify>,
    /// Whether somebody else must look when it goes.
    owes: bool,
}

impl Waiting<'_> {
    /// Is in the line from here on. What comes later wakes it; what came before it has to look for now.
    pub(super) fn line_up(&mut self) {
        let mut lines = self.wake.lines();
        let line = lines.waiting.get(&self.agent);
        if self.ticket > 0 && line.is_some_and(|line| line.contains_key(&self.ticket)) {
            return;
        }
        self.owes |= self.ticket > 0;
        lines.latest += 1;
        (self.ticket, self.news) = (lines.latest, Arc::default());
        lines.waiting.entry(self.agent.clone()).or_default().insert(self.ticket, Arc::clone(&self.news));
    }

    /// It has looked, and dealt with what there was; there is more `later`.
    pub(super) fn looked(&mut self, later: bool) {
        self.owes = later;
    }

    /// Returns when something came since it lined up.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.ticket > 0 {
            let mut lines = self.wake.lines();
            let woken = !lines.leave(&self.agent, self.ticket);
            if woken || self.owes {
                lines.next(&self.agent);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    /// News of one handoff from desk to writer.
    fn one() -> News {
        News { claimable: vec![Edge::new("news", "desk", "writer")], ..News::default() }
    }

    fn woken(who: &Waiting<'_>) -> bool {
        who.news().now_or_never().is_some()
    }

    fn two(wake: &Wake) -> [Waiting<'_>; 2] {
        let mut both = [wake.waiting("writer"), wake.waiting("writer")];
        for it in &mut both {
            it.line_up();
            it.looked(false);
        }
        both
    }

    #[test]
    fn each_handoff_wakes_one_and_none_on_a_paused_edge() {
        let wake = Wake::default();
        let [a, b] = two(&wake);
        wake.tell(&one(), &[Edge::new("news", "desk", "writer")]);
        assert_eq!((woken(&a), woken(&b)), (false, false), "it is paused");
        wake.tell(&one(), &[Edge::new("news", "desk", "editor")]);
        assert_eq!((woken(&a), woken(&b)), (true, false));
        wake.tell(&one(), &[]);
        assert_eq!((woken(&a), woken(&b)), (false, true));
        wake.tell(&one(), &[]);
        drop((a, b));
        assert_eq!(wake.in_line("writer"), 0);
        assert!(wake.lines().waiting.is_empty(), "names are forgotten");
    }

    #[test]
    fn who_goes_with_news_unserved_wakes_the_next() {
        let wake = Wake::default();
        let [a, b] = two(&wake);
        wake.tell(&one(), &[]);
        drop(a);
        assert!(woken(&b), "it went before it looked");

        let [mut a, b] = two(&wake);
        wake.tell(&one(), &[]);
        a.line_up();
        drop(a);
        assert!(woken(&b), "it went while it looked");

        let [mut a, b] = two(&wake);
        a.looked(true);
        drop(a);
        assert!(woken(&b), "it knew of something later");

        let [mut a, b] = two(&wake);
        wake.tell(&one(), &[]);
        a.line_up();
        a.looked(false);
        drop(a);
        assert!(!woken(&b), "it dealt with it");

        let [a, b] = two(&wake);
        drop(a);
        assert!(!woken(&b), "it had no news");
        drop((wake.waiting("writer"), b));
    }

    #[test]
    fn all_are_woken_when_their_edge_flows_again_or_nobody_knows_what_came() {
        let wake = Wake::default();
        let [a, b] = two(&wake);
        wake.everybody("editor");
        assert_eq!((woken(&a), woken(&b)), (false, false));
        wake.everybody("writer");
        assert_eq!((woken(&a), woken(&b)), (true, true));
        drop((a, b));
        let [a, b] = two(&wake);
        wake.tell(&News::unknown(), &[]);
        assert_eq!((woken(&a), woken(&b)), (true, true));
    }
}
