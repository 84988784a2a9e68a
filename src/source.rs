//! The one seam of the console to the outside.

use std::sync::Arc;

use futures_util::future::{self, BoxFuture, FutureExt};
use futures_util::stream::{BoxStream, StreamExt};

use crate::domain::port::{
    Batch, Begin, Capabilities, Control, Cursor, Fault, Found, Outcome, Request, Snapshot, Want,
};

pub mod address;
pub mod embedded;
pub mod http;
pub mod log;
pub mod observer;
pub mod recording;
pub mod supervise;

pub use address::{Address, AddressError, Options, Purpose, at_home, open};
pub use log::{Log, Reach};
pub use supervise::{Retry, Supervised, supervise};

/// Something to watch and to act on: an orchestrator in this process, one behind HTTP, a recording.
///
/// A source declares what it measures and what it can do; it never guesses, and never stands in for what it
/// does not know.
pub trait Source: Send + Sync {
    /// Capabilities: what it measures and can do, as far as it knows after the first batch of a watch. Changes after
    /// that come with the watch: [`Batch::Capabilities`].
    fn capabilities(&self) -> Capabilities;

    /// A beginning, then events without gap or repetition. From `None` it begins fresh. From a cursor it resumes, or
    /// begins fresh where it cannot: when its log does not reach back that far, or is another one by now. Ends with the
    /// first fault; what can be resumed after it can be resumed however long it took.
    fn watch(&self, from: Option<Cursor>) -> BoxStream<'static, Result<Batch, Fault>>;

    /// The state as it is now, for who looks once.
    fn snapshot(&self) -> BoxFuture<'static, Result<Snapshot, Fault>> {
        let mut watch = self.watch(None);
        async move {
            while let Some(batch) = watch.next().await {
                if let Batch::Begin(Begin::Fresh(snapshot)) = batch? {
                    return Ok(*snapshot);
                }
            }
            Err(Fault::Transient("the connection ended before it said anything; try again".to_owned()))
        }
        .boxed()
    }

    /// Reads the log back from `until`, a cursor that this source gave.
    fn log(&self, reach: Reach, until: Cursor) -> BoxFuture<'static, Result<Log, Fault>> {
        let _ = (reach, until);
        let why = "this source keeps no log: it tells what happens while it is watched";
        future::ready(Err(Fault::Unsupported(why.to_owned()))).boxed()
    }

    /// Fetches a contract or a history that somebody looks at: only then.
    fn fetch(&self, want: Want) -> BoxFuture<'static, Result<Found, Fault>>;

    /// Does what a person asked, item by item. A fault of the whole request means that nothing is known to
    /// have been done; repeating the same request is safe.
    fn perform(&self, request: Request) -> BoxFuture<'static, Result<Outcome, Fault>>;

    /// Steers a replay.
    ///
    /// # Errors
    /// [`Fault::Unsupported`] where time is real.
    fn control(&self, control: Control) -> Result<(), Fault> {
        let _ = control;
        Err(Fault::Unsupported("this source is live: only a recording can be paused, moved or sped up".to_owned()))
    }
}

/// A source shared by the console and its supervisor.
pub type Shared = Arc<dyn Source>;
