//! A store in one SQLite file.
//!
//! One thread writes and takes everything that is waiting into one transaction; readers have connections of
//! their own.

mod error;
mod file;
mod parallel;
mod read;
mod recent;
mod rollup;
mod snapshot;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use futures_util::future::FutureExt;
use rusqlite::Connection;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::{Answer, Commit, CommitError, Position, StoreError};
use recent::Recent;
use writer::{Job, Writer};

/// Connections that read at the same time.
const READERS: usize = 4;

/// A store that is open; closed when it is dropped and nothing is read from it any more.
pub struct Sqlite {
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

impl Sqlite {
    /// Opens the store at `path`, or makes one if there is no file.
    ///
    /// # Errors
    /// A sentence for people when the file cannot be used; the file is not touched then.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_as(path, "FULL", None)
    }

    /// A store of its own in the system's temporary directory, removed when it is closed. For
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

    /// Hands a commit to the writer and waits until it is durable.
    async fn write(&self, commit: Commit) -> Result<Position, CommitError> {
        let (reply, answer) = oneshot::channel();
        let job = Job::new(commit, reply);
        let sent = self.inner.jobs.as_ref().map(|jobs| jobs.send(job).is_ok());
        if sent != Some(true) {
            return Err(CommitError::Store(StoreError::Closed));
        }
        answer.await.unwrap_or(Err(CommitError::Store(StoreError::Closed)))
    }

    /// Runs `query` on a connection of its own, off the async threads.
    fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<'_, T> {
        self.reading(query).boxed()
    }

    async fn reading<T: Send + 'static>(
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
