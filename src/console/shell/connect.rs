//! The sources that are watched, and those of another context while they are opened.

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::SavedViews;
use crate::console::app::{Connection, Ticket};
use crate::domain::port::{Report, SourceId};
use crate::source::{Retry, Shared, Supervised, supervise};

/// Reports that may wait before the sources are slowed down.
const WAITING: usize = 64;

/// Sources that are open, and what goes with them.
pub struct Opened {
    /// What the console knows of them.
    pub connection: Connection,
    /// The sources, in the order of their names in `connection`.
    pub sources: Vec<Shared>,
    /// What is to be told of them at once.
    pub notes: Vec<String>,
    /// What stops with the console, as a sentence; `None` when nothing does.
    pub stops: Option<String>,
    /// The view to come back to.
    pub saved_views: SavedViews,
}

/// Opens the context of a name; the error is a sentence for people.
pub type Opener = Box<dyn Fn(String) -> BoxFuture<'static, Result<Opened, String>> + Send>;

/// Sources that are watched, for as long as this lives.
pub(super) struct Watch {
    reports: mpsc::Receiver<(SourceId, Report)>,
    /// One for each source.
    retries: Vec<Retry>,
    /// They end with this.
    _tasks: Vec<AbortOnDropHandle<()>>,
}

impl Watch {
    /// Watches sources, which are numbered in this order.
    pub(super) fn start(sources: &[Shared]) -> Self {
        let (tell, reports) = mpsc::channel(WAITING);
        let (mut retries, mut tasks) = (Vec::new(), Vec::new());
        for (nth, source) in (0..).zip(sources) {
            let link = supervise(source.clone());
            retries.push(link.retry());
            tasks.push(AbortOnDropHandle::new(tokio::spawn(forward(SourceId(nth), link, tell.clone()))));
        }
        Self { reports, retries, _tasks: tasks }
    }

    /// Handles that end the wait of each source for its next try.
    pub(super) fn retries(&self) -> Vec<Retry> {
        self.retries.clone()
    }

    /// The next report; `None` when no source is left.
    pub(super) async fn next(&mut self) -> Option<(SourceId, Report)> {
        self.reports.recv().await
    }

    /// A report that is there already.
    pub(super) fn ready(&mut self) -> Option<(SourceId, Report)> {
        self.reports.try_recv().ok()
    }
}

async fn forward(id: SourceId, mut watched: Supervised, reports: mpsc::Sender<(SourceId, Report)>) {
    while let Some(report) = watched.next().await {
        if reports.send((id, report)).await.is_err() {
            return;
        }
    }
}

type Answer = (Ticket, Result<Opened, String>);

/// A context that is being opened; at most one.
pub(super) struct Opening {
    opener: Opener,
    running: Option<(Ticket, AbortOnDropHandle<()>)>,
    tell: mpsc::UnboundedSender<Answer>,
    answers: mpsc::UnboundedReceiver<Answer>,
    /// What was opened last, until it is taken.
    opened: Option<Opened>,
}

impl Opening {
    pub(super) fn new(opener: Opener) -> Self {
        let (tell, answers) = mpsc::unbounded_channel();
        Self { opener, running: None, tell, answers, opened: None }
    }

    /// Opens a context. One that is still being opened is given up.
    pub(super) fn start(&mut self, ticket: Ticket, name: String) {
        let (work, tell) = ((self.opener)(name), self.tell.clone());
        let task = tokio::spawn(async move {
            // Nobody listens any more when the console is closed.
            let _ = tell.send((ticket, work.await));
        });
        self.opened = None;
        self.running = Some((ticket, AbortOnDropHandle::new(task)));
    }

    /// Gives up what is being opened by this ticket; what is open already is closed.
    pub(super) fn cancel(&mut self, ticket: Ticket) {
        if self.running.take_if(|it| it.0 == ticket).is_some() {
            self.opened = None;
        }
    }

    /// The next answer, for the console; what was opened is kept for [`Opening::take`].
    pub(super) async fn next(&mut self) -> (Ticket, Result<Connection, String>) {
        let Some((ticket, opened)) = self.answers.recv().await else {
            // Cannot happen while `tell` lives, and it lives as long as this.
            return std::future::pending().await;
        };
        let answer = match opened {
            Ok(opened) => {
                let connection = opened.connection.clone();
                // Whoever gave it up takes nothing.
                self.opened = self.running.as_ref().is_some_and(|it| it.0 == ticket).then_some(opened);
                Ok(connection)
            }
            Err(why) => Err(why),
        };
        (ticket, answer)
    }

    /// What was opened last.
    pub(super) fn take(&mut self) -> Option<Opened> {
        self.running = None;
        self.opened.take()
    }
}
