//! The one seam of the console to the outside.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;

use crate::domain::port::{Batch, Capabilities, Control, Cursor, Fault, Found, Outcome, Request, Want};

pub mod address;
pub mod embedded;
pub mod http;
pub mod observer;
pub mod recording;
pub mod supervise;

pub use address::{Address, AddressError, Options, open};
pub use supervise::{Retry, Supervised, supervise};

/// Something to watch and to act on: an orchestrator in this process, one behind HTTP, a recording.
///
/// A source declares what it measures and what it can do; it never guesses, and never stands in for what it
/// does not know.
pub trait Source: Send + Sync {
    /// Capabilities: what it measures and can do, complete after the first batch of a watch.
    fn capabilities(&self) -> Capabilities;

    /// State, then events. From `None`: a snapshot first, then changes without gap or repetition. From
    /// a cursor: the changes after it, or at once a fault when the log does not reach back that far. Ends with
    /// the first fault.
    fn watch(&self, from: Option<Cursor>) -> BoxStream<'static, Result<Batch, Fault>>;

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
