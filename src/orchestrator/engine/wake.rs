//! Waking those who wait: agents for work, the sweeper for the next thing that is due.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use crate::domain::id::RunId;
use crate::domain::time::Time;
use crate::store::Row;

/// The agents that wait, and the sweeper.
#[derive(Default)]
pub(in crate::orchestrator) struct Wake {
    agents: Mutex<HashMap<String, Arc<Notify>>>,
    sweeper: Notify,
    next: Mutex<Option<Time>>,
}

/// News of a commit for those who wait.
#[derive(Default)]
pub(super) struct News {
    agents: Vec<String>,
    everybody: bool,
    due: Option<Time>,
}

impl News {
    /// The news that `run` brings with these of its handoffs.
    pub(super) fn of<'a>(run: &RunId, rows: impl Iterator<Item = &'a Row>) -> Self {
        let mut news = Self { everybody: run.as_str() == super::CONTROL, ..Self::default() };
        for row in rows {
            news.agents.extend(row.ready.is_some().then(|| row.edge.to.to_string()));
            news.due = [news.due, row.due].into_iter().flatten().min();
        }
        news
    }

    /// News that nobody can look at: everybody looks again.
    pub(super) fn unknown() -> Self {
        Self { everybody: true, due: Some(Time::default()), ..Self::default() }
    }
}

impl Wake {
    /// The signal on which `agent` waits.
    pub(super) fn agent(&self, agent: &str) -> Arc<Notify> {
        let Ok(mut agents) = self.agents.lock() else {
            return Arc::default();
        };
        // Names come from outside: forget those nobody waits under.
        if agents.len() > 1_000 {
            agents.retain(|_, notify| Arc::strong_count(notify) > 1);
        }
        Arc::clone(agents.entry(agent.to_owned()).or_default())
    }

    pub(super) fn tell(&self, news: &News) {
        if let Ok(agents) = self.agents.lock() {
            if news.everybody {
                agents.values().for_each(|notify| notify.notify_waiters());
            }
            for agent in &news.agents {
                if let Some(notify) = agents.get(agent) {
                    notify.notify_waiters();
                }
            }
        }
        if let (Some(due), Ok(next)) = (news.due, self.next.lock())
            && next.is_none_or(|next| due < next)
        {
            self.sweeper.notify_one();
        }
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
