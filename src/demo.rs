//! Simulated agents: clients of the real HTTP API, and of nothing else.
//!
//! Four pipelines run healthy at first. Then, within a minute, a prompt version drops a required field, a
//! reviewer slows down and sends some drafts round in circles, the CRM stops answering, one task is tried again
//! and again, and people are asked for approvals. `weather` says when what goes wrong, `agent` what each
//! agent does about it, `crew` does it over HTTP.
//!
//! Words of the demo:
//!
//! - Story: the whole play, told by a seed and a speed. Its time is in seconds of the story, from 0.
//! - Role: an agent that works on handoffs. Its hands are the handoffs it works on at once.
//! - Spring: the start of a pipeline's runs: the agent that emits their first handoffs, and how often it does.
//! - Twist: the trouble that a run is made to get into, such as a declined card; `Plain` is none.
//! - Weather: the circumstances at an instant of the story: faults that are on, and how much is open already.
//! - Job and plan: a handoff as a claim delivers it, and what its agent will do with it and how long it takes.
//! - Crew: the tasks that carry plans out over HTTP: claims, heartbeats, results and the starts of runs.

mod agent;
mod client;
mod crew;
mod draft;
mod host;
mod weather;
mod words;

use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use agent::{article, code, lead, support};
pub use host::Host;

use client::Client;
use crew::Crew;

/// The policies of the edges of the story, as `seam serve --policies` reads them.
pub const POLICIES: &str = include_str!("demo/policies.toml");

/// Payload schemas that the agents register before they start.
const SCHEMAS: [(&str, &str); 2] =
    [("quote", include_str!("demo/schema/quote.json")), ("refund", include_str!("demo/schema/refund.json"))];

/// The story to play.
#[derive(Clone, Copy, Debug)]
pub struct Story {
    /// The same seed tells the same story.
    pub seed: u64,
    /// Seconds of the story in one second, above 0.
    pub speed: f64,
}

/// The way to the orchestrator: not known yet, or whether it answers and why not.
pub type Link = Option<Result<(), String>>;

/// Agents at work. They stop when this is dropped.
#[derive(Debug)]
pub struct Agents {
    _tasks: JoinSet<()>,
    link: watch::Receiver<Link>,
}

impl Agents {
    /// Sends the agents of `story` to the orchestrator at `url`, such as `http://127.0.0.1:7600`.
    ///
    /// An orchestrator that is not there is waited for; one that goes away, too.
    ///
    /// # Errors
    /// The token cannot be sent.
    pub async fn start(url: &str, token: Option<&str>, story: Story) -> anyhow::Result<Self> {
        let client = Client::new(url, token)?;
        let (tell, link) = watch::channel(None);
        let crew = Arc::new(Crew {
            client,
            seed: story.seed,
            speed: story.speed,
            began: Instant::now(),
            open: Mutex::default(),
            link: tell,
        });
        crew.register().await;
        let mut tasks = JoinSet::new();
        let springs = [article::SPRING, support::SPRING, code::SPRING, lead::SPRING];
        for (place, spring) in (1..).zip(springs) {
            tasks.spawn(Arc::clone(&crew).flow(place, spring));
        }
        let roles = article::ROLES.into_iter().chain(support::ROLES).chain(code::ROLES).chain(lead::ROLES);
        for role in roles {
            tasks.spawn(Arc::clone(&crew).work(role));
        }
        tasks.spawn(crew.supervise());
        Ok(Self { _tasks: tasks, link })
    }

    /// The way to the orchestrator, as it changes.
    pub fn link(&self) -> watch::Receiver<Link> {
        self.link.clone()
    }
}
