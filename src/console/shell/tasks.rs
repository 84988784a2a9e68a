//! Effects that take time: each is a task with a ticket, and cancelling is dropping the task.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::console::app::msg::{Reply, Ticket, duration};
use crate::domain::port::{Control, Fault, Request, SourceId, Want};
use crate::domain::time::Millis;
use crate::source::{Retry, Shared};

/// Longest time that a source may take to answer. The act may have been done all the same.
const ANSWER: Duration = Duration::from_secs(30);

type Answer = Result<Reply, Fault>;

/// The effects in flight.
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

    /// Goes over to other sources. Whatever the old ones were asked is dropped.
    pub(super) fn attach(&mut self, sources: Vec<Shared>, retries: Vec<Retry>) {
        self.running.clear();
        (self.sources, self.retries) = (sources, retries);
    }

    /// Asks a source to act.
    pub(super) fn perform(&mut self, ticket: Ticket, id: SourceId, request: Request) {
        let late = "no answer within 30 s, so it is not known whether it was done; doing it again is safe";
        if let Some(source) = self.source(id) {
            self.spawn(ticket, async move { within(source.perform(request), late).await.map(Reply::Done) });
        }
    }

    /// Asks a source for a body or a history.
    pub(super) fn fetch(&mut self, ticket: Ticket, id: SourceId, want: Want) {
        let late = "no answer within 30 s";
        if let Some(source) = self.source(id) {
            self.spawn(ticket, async move { within(source.fetch(want), late).await.map(Reply::Found) });
        }
    }

    /// Answers after this many milliseconds.
    pub(super) fn wait(&mut self, ticket: Ticket, millis: Millis) {
        self.spawn(ticket, async move {
            tokio::time::sleep(duration(millis)).await;
            Ok(Reply::Waited)
        });
    }

    /// Stops whatever answers to this ticket.
    pub(super) fn cancel(&mut self, ticket: Ticket) {
        self.running.remove(&ticket);
    }

    /// Tries to reach a source again without waiting.
    pub(super) fn retry(&self, id: SourceId) {
        if let Some(retry) = self.retries.get(usize::from(id.0)) {
            retry.now();
        }
    }

    /// Steers a recording; says why that cannot be.
    pub(super) fn replay(&self, id: SourceId, control: Control) -> Option<String> {
        self.source(id)?.control(control).err().map(|why| why.to_string())
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
