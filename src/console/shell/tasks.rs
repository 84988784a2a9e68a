//! Effects that take time: each is a task with a ticket, and cancelling is dropping the task.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::console::app::msg::{Effect, Reply, Ticket, duration};
use crate::domain::port::{Fault, SourceId};
use crate::source::{Retry, Shared};

/// How long a source may take to answer. What was asked may have been done all the same.
const ANSWER: Duration = Duration::from_secs(30);

type Answer = Result<Reply, Fault>;

/// The effects on their way.
pub(super) struct Tasks {
    sources: Vec<Shared>,
    /// One for each source.
    retries: Vec<Retry>,
    running: HashMap<Ticket, AbortOnDropHandle<()>>,
    tell: mpsc::UnboundedSender<(Ticket, Answer)>,
    answers: mpsc::UnboundedReceiver<(Ticket, Answer)>,
}

impl Tasks {
    pub(super) fn new(sources: Vec<Shared>, retries: Vec<Retry>) -> Self {
        let (tell, answers) = mpsc::unbounded_channel();
        Self { sources, retries, running: HashMap::new(), tell, answers }
    }

    /// Starts an effect. What can be said about it at once is for the user.
    pub(super) fn start(&mut self, effect: Effect) -> Option<String> {
        match effect {
            Effect::Perform(ticket, id, request) => {
                let source = self.source(id)?;
                self.spawn(ticket, async move {
                    let late = "no answer within 30 s, so it is not known whether it was done; doing it again is safe";
                    within(source.perform(request), late).await.map(Reply::Done)
                });
            }
            Effect::Fetch(ticket, id, want) => {
                let source = self.source(id)?;
                self.spawn(ticket, async move {
                    within(source.fetch(want), "no answer within 30 s").await.map(Reply::Found)
                });
            }
            Effect::Wait(ticket, millis) => self.spawn(ticket, async move {
                tokio::time::sleep(duration(millis)).await;
                Ok(Reply::Waited)
            }),
            Effect::Cancel(ticket) => drop(self.running.remove(&ticket)),
            Effect::Retry(id) => self.retries.get(usize::from(id.0))?.now(),
            Effect::Replay(id, control) => {
                return self.source(id)?.control(control).err().map(|why| why.to_string());
            }
            // The shell itself does the rest.
            _ => {}
        }
        None
    }

    fn source(&self, id: SourceId) -> Option<Shared> {
        self.sources.get(usize::from(id.0)).cloned()
    }

    fn spawn(&mut self, ticket: Ticket, work: impl Future<Output = Answer> + Send + 'static) {
        let tell = self.tell.clone();
        let task = tokio::spawn(async move {
            let work = AbortOnDropHandle::new(tokio::spawn(work));
            let answer = work
                .await
                .unwrap_or_else(|_| Err(Fault::Transient("the source failed inside; the log says how".to_owned())));
            // Nobody listens any more when the console is closed.
            let _ = tell.send((ticket, answer));
        });
        self.running.insert(ticket, AbortOnDropHandle::new(task));
    }

    /// The next answer.
    pub(super) async fn next(&mut self) -> (Ticket, Answer) {
        match self.answers.recv().await {
            Some((ticket, answer)) => {
                self.running.remove(&ticket);
                (ticket, answer)
            }
            // Cannot happen while `tell` lives, and it lives as long as this.
            None => std::future::pending().await,
        }
    }

    /// An answer that is there already.
    pub(super) fn ready(&mut self) -> Option<(Ticket, Answer)> {
        let (ticket, answer) = self.answers.try_recv().ok()?;
        self.running.remove(&ticket);
        Some((ticket, answer))
    }
}

async fn within<T>(work: impl Future<Output = Result<T, Fault>>, late: &str) -> Result<T, Fault> {
    let answer = tokio::time::timeout(ANSWER, work).await;
    answer.unwrap_or_else(|_| Err(Fault::Transient(late.to_owned())))
}
