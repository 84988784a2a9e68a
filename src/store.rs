//! The store of runs: one SQLite file with the log, the state folded from it, and an index for queues and timers.
//!
//! A store knows runs, events, queues and timers; it knows no rule of the protocol, so a new rule needs no new
//! table. The run is the aggregate: a commit names the version it was decided on and is refused if the run
//! moved, and state, events, index and rollups change in one transaction or not at all.
//!
//! One thread writes and takes everything that is waiting into one transaction; readers have connections of
//! their own. There is one implementation, so there is no trait; what is public here is what one would have.

mod commit;
mod error;
mod file;
mod parallel;
mod read;
mod recent;
mod rollup;
mod snapshot;
mod verify;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

pub use commit::{Answered, Blob, Commit, Version};
pub use error::{CommitError, StoreError};
pub use read::Filter;

use recent::Recent;
use writer::{Job, Writer};

/// Position in the log of a store: that of an event, from 1; 0 is before the first.
pub type Position = u64;

/// Connections that read at the same time.
const READERS: usize = 4;

/// A store that is open. Cheap to clone; the file is closed when the last clone is dropped.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    jobs: Option<mpsc::UnboundedSender<Job>>,
    writer: Option<JoinHandle<()>>,
    changed: watch::Receiver<Position>,
    recent: Arc<Mutex<Recent>>,
    failing: Arc<Mutex<Option<StoreError>>>,
    idle: Mutex<Vec<Connection>>,
    readers: Semaphore,
    // Dropped last: the lock is given back, or the directory removed, after the file is closed.
    _lock: file::Lock,
    _temporary: Option<file::Temporary>,
}

impl Store {
    /// Opens the store at `path`, or makes one if there is no file.
    ///
    /// # Errors
    /// A sentence for people when the file cannot be used; the file is not touched then.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_as(path, "FULL", None)
    }

    /// A store of its own in the system's temporary directory, removed when the last clone is dropped. For
    /// demonstrations and tests: a power cut may lose it.
    ///
    /// # Errors
    /// Fails when the temporary directory cannot be written.
    pub fn temporary() -> Result<Self, StoreError> {
        let temporary = file::Temporary::new()?;
        Self::open_as(&temporary.path().join("seam.db"), "OFF", Some(temporary))
    }

    fn open_as(path: &Path, synchronous: &'static str, temporary: Option<file::Temporary>) -> Result<Self, StoreError> {
        let lock = file::Lock::take(path)?;
        let connection = file::open(path, synchronous).inspect_err(|why| lock.refused(why))?;
        let (jobs, inbox) = mpsc::unbounded_channel();
        let (recent, failing) = (Arc::default(), Arc::default());
        let (writer, changed) = Writer::new(connection, path, Arc::clone(&recent), Arc::clone(&failing))?;
        let writer = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer.run(inbox))
            .map_err(|why| StoreError::Io(path.to_owned(), why.to_string()))?;
        Ok(Self {
            inner: Arc::new(Inner {
                path: path.to_owned(),
                jobs: Some(jobs),
                writer: Some(writer),
                changed,
                recent,
                failing,
                idle: Mutex::default(),
                readers: Semaphore::new(READERS),
                _lock: lock,
                _temporary: temporary,
            }),
        })
    }

    /// Path of the database file.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// The position of the latest event, kept up to date: wait on it instead of polling.
    pub fn changed(&self) -> watch::Receiver<Position> {
        self.inner.changed.clone()
    }

    /// The error that kept the latest transaction from being written; `None` when it was.
    pub fn failing(&self) -> Option<StoreError> {
        self.inner.failing.lock().ok().and_then(|it| it.clone())
    }

    /// Writes everything in `commit`, or nothing. Durable when it returns.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] when the run moved since it was loaded; otherwise what is wrong with the file.
    pub async fn commit(&self, commit: Commit) -> Result<Position, CommitError> {
        let (reply, answer) = oneshot::channel();
        let job = Job::new(commit, reply);
        let sent = self.inner.jobs.as_ref().map(|jobs| jobs.send(job).is_ok());
        if sent != Some(true) {
            return Err(CommitError::Store(StoreError::Closed));
        }
        answer.await.unwrap_or(Err(CommitError::Store(StoreError::Closed)))
    }

    /// Runs `query` on a connection of its own, off the async threads.
    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let _permit = self.inner.readers.acquire().await.map_err(|_| StoreError::Closed)?;
        let inner = Arc::clone(&self.inner);
        let work = move || {
            let idle = inner.idle.lock().ok().and_then(|mut idle| idle.pop());
            let connection = match idle {
                Some(connection) => connection,
                None => file::reader(&inner.path)?,
            };
            let found = query(&connection).map_err(|why| why.at(&inner.path));
            if let Ok(mut idle) = inner.idle.lock() {
                idle.push(connection);
            }
            found
        };
        tokio::task::spawn_blocking(work).await.unwrap_or(Err(StoreError::Closed))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.jobs = None;
        if let Ok(idle) = self.idle.get_mut() {
            idle.clear();
        }
        if let Some(writer) = self.writer.take() {
            // It ends when its inbox is closed and empty; what was accepted is written.
            let _ = writer.join();
        }
    }
}

#[cfg(test)]
mod tests;
