//! Waking those who wait: agents for work, the sweeper for the next thing that is due.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use crate::domain::run::queue::{claimable, due};
use crate::domain::time::Time;
use crate::store::Commit;

/// The agents that wait, and the sweeper.
#[derive(Default)]
pub(in crate::orchestrator) struct Wake {
    agents: Mutex<HashMap<String, Arc<Notify>>>,
    sweeper: Notify,
    next: Mutex<Option<Time>>,
}

/// News of a commit for those who wait.
pub(super) struct News {
    agents: Vec<String>,
    everybody: bool,
    due: Option<Time>,
}

impl News {
    pub(super) fn of(commit: &Commit) -> Self {
        let control = commit.run().is_some_and(|run| run.id.as_str() == super::CONTROL);
        Self {
            agents: commit
                .touched()
                .filter(|it| claimable(it).is_some())
                .map(|it| it.emission.edge.to.to_string())
                .collect(),
            everybody: control,
            due: commit.touched().filter_map(due).min(),
        }
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
