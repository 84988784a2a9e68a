//! A store in one SQLite file.
//!
//! One thread writes and takes everything that is waiting into one transaction; readers have connections of their own.
//! Who has the [`Lock`] has the file alone; else several programs share it, and each looks out for what the others write.
//! Positions are in the order of the commits because SQLite lets one transaction write at a time.

mod error;
mod file;
mod lock;
mod others;
mod parallel;
mod queue;
mod read;
mod rollup;
mod rows;
mod snapshot;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use futures_util::future::FutureExt;
use rusqlite::Connection;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::{Answer, Commit, CommitError, Position, StoreError};
pub use lock::Lock;
use writer::{Job, Writer};

/// Connections that read at the same time.
const READERS: usize = 4;

/// A store that is open; closed when it is dropped and nothing is read from it any more.
pub struct Sqlite {
    inner: Arc<Inner>,
}

struct Inner {
    jobs: Option<mpsc::UnboundedSender<Job>>,
    threads: Vec<JoinHandle<()>>,
    changed: watch::Receiver<Position>,
    failing: Arc<Mutex<Option<StoreError>>>,
    idle: Mutex<Vec<Connection>>,
    readers: Semaphore,
    /// Ends the look-out for what others write, when it is dropped.
    stop: Option<std::sync::mpsc::Sender<()>>,
    // Dropped last: the lock is given back, or the directory removed, after the file is closed.
    lock: Lock,
    _temporary: Option<file::Temporary>,
}

impl Sqlite {
    /// Opens the store at `path`, or makes one if there is no file, together with others who do the same.
    ///
    /// # Errors
    /// A sentence for people when the file cannot be used, or one program has it alone; the file is not touched then.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_as(Lock::share(path)?, "FULL", None)
    }

    /// Opens the store that `lock` is of, or makes one if there is no file, and shares it with nobody.
    ///
    /// # Errors
    /// A sentence for people when the file cannot be used; the file is not touched then.
    pub fn alone(lock: Lock) -> Result<Self, StoreError> {
        Self::open_as(lock, "FULL", None)
    }

    /// A store of its own in the system's temporary directory, removed when it is closed. For demonstrations and tests: a
    /// power cut may lose it.
    ///
    /// # Errors
    /// Fails when the temporary directory cannot be written.
    pub fn temporary() -> Result<Self, StoreError> {
        let temporary = file::Temporary::new()?;
        Self::open_as(Lock::take(&temporary.path().join("seam.db"))?, "OFF", Some(temporary))
    }

    fn open_as(lock: Lock, synchronous: &str, temporary: Option<file::Temporary>) -> Result<Self, StoreError> {
        let path = lock.store();
        let connection = file::open(path, synchronous).inspect_err(|why| lock.refused(why))?;
        let position = rows::head(&connection).map_err(|why| StoreError::sqlite(path, &why))?;
        let (tell, changed) = watch::channel(position);
        let tell = Arc::new(tell);
        let failing = Arc::default();
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let failed = |why: std::io::Error| StoreError::Io(path.to_owned(), why.to_string());
        let (mut threads, mut stop) = (Vec::new(), None);
        if !lock.is_exclusive() {
            let reader = file::reader(path)?;
            let (sender, stopped) = std::sync::mpsc::channel();
            let (path, tell) = (path.to_owned(), Arc::clone(&tell));
            let watching = move || others::look_out(&reader, &path, &tell, &stopped);
            threads.push(thread("store-others").spawn(watching).map_err(failed)?);
            stop = Some(sender);
        }
        let (jobs, inbox) = mpsc::unbounded_channel();
        let writer = Writer::new(connection, path, tell, Arc::clone(&failing));
        threads.push(thread("store").spawn(move || writer.run(inbox)).map_err(failed)?);
        Ok(Self {
            inner: Arc::new(Inner {
                jobs: Some(jobs),
                threads,
                changed,
                failing,
                idle: Mutex::default(),
                readers: Semaphore::new(READERS),
                stop,
                lock,
                _temporary: temporary,
            }),
        })
    }

    /// Path of the database file.
    pub fn path(&self) -> &Path {
        self.inner.lock.store()
    }

    /// Hands a commit to the writer and waits until it is durable.
    async fn write(&self, commit: Commit) -> Result<Position, CommitError> {
        let (reply, answer) = oneshot::channel();
        let job = Job { commit, reply };
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
                None => file::reader(inner.lock.store())?,
            };
            let found = query(&connection).map_err(|why| why.at(inner.lock.store()));
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
        self.stop = None;
        if let Ok(idle) = self.idle.get_mut() {
            idle.clear();
        }
        for thread in self.threads.drain(..) {
            // The writer ends when its inbox is closed and empty; what was accepted is written.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
