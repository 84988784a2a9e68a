//! A store in one SQLite file.
//!
//! One thread writes and takes everything that is waiting into one transaction; readers have connections of their own.
//! Who has the [`Lock`] has the file alone; else several programs share it, and each looks out for what the others write.
//! Positions are in the order of the commits because SQLite lets one transaction write at a time.

mod error;
mod file;
mod held;
mod lock;
mod others;
mod parallel;
mod queue;
mod read;
mod refused;
mod rollup;
mod rows;
mod runs;
mod secret;
mod snapshot;
mod standing;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::future::FutureExt;
use rusqlite::Connection;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::{Answer, Commit, CommitError, Position, StoreError};
pub use lock::Lock;
use standing::Standing;
use writer::{Job, Write, Writer};

/// Waits until every store that this process has opened is closed and given back, at most so long; gives whether that is
/// so. They close when the last who uses them lets go, which is in the background: a program that ends waits for it here.
pub fn none_open(limit: Duration) -> bool {
    held::none_left(limit)
}

/// Connections that read at the same time.
const READERS: usize = 4;

/// A store that is open; closed when it is dropped and nothing is read from it any more.
pub struct Sqlite {
    inner: Arc<Inner>,
}

struct Inner {
    jobs: Option<mpsc::UnboundedSender<Job>>,
    /// Those that read, and last the writer.
    threads: Vec<JoinHandle<()>>,
    changed: watch::Receiver<Position>,
    failing: Arc<Mutex<Option<StoreError>>>,
    standing: Arc<Standing>,
    idle: Mutex<Vec<Connection>>,
    readers: Semaphore,
    /// Ends the look-out for what others write, when it is dropped.
    stop: Option<std::sync::mpsc::Sender<()>>,
    // Dropped after the file is closed. Whoever waits for the lock finds all of it done.
    _temporary: Option<file::Temporary>,
    lock: Lock,
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
        file::narrow(lock.real());
        let position = rows::head(&connection).map_err(|why| StoreError::sqlite(path, &why))?;
        // Not before something was read: the log and its index are there only then.
        let standing = Standing::new(&lock, &connection);
        let standing = Arc::new(standing.map_err(|why| StoreError::Io(path.to_owned(), why.to_string()))?);
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
        let writer = Writer::new(connection, path, tell, Arc::clone(&failing), Arc::clone(&standing));
        threads.push(thread("store").spawn(move || writer.run(inbox)).map_err(failed)?);
        Ok(Self {
            inner: Arc::new(Inner {
                jobs: Some(jobs),
                threads,
                changed,
                failing,
                standing,
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
        self.give(Job::Write(Box::new(Write { commit, reply })));
        answer.await.unwrap_or(Err(CommitError::Store(StoreError::Closed)))
    }

    /// Hands a job to the writer; without one, whoever waits for the answer learns that it will not come.
    fn give(&self, job: Job) {
        if let Some(jobs) = &self.inner.jobs {
            let _ = jobs.send(job);
        }
    }

    /// Why the files cannot be used: they are looked at now. `None` when they can.
    async fn wrong(&self) -> Option<StoreError> {
        let standing = &self.inner.standing;
        if standing.is_suspect() {
            let (reply, answer) = oneshot::channel();
            self.give(Job::Look(reply));
            // Without a writer nothing more is known.
            let _ = answer.await;
        }
        standing.wrong()
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
        let wrong = self.wrong().await;
        if let Some(why @ StoreError::Overwritten(..)) = wrong {
            return Err(why);
        }
        let inner = Arc::clone(&self.inner);
        let work = move || {
            let idle = inner.idle.lock().ok().and_then(|mut idle| idle.pop());
            let connection = match (idle, wrong) {
                (Some(connection), _) => connection,
                // At the path is not what the others read.
                (None, Some(why)) => return Err(why),
                (None, None) => file::reader(inner.lock.store())?,
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
        // First: the log is removed by the last connection that closes, if that one may write.
        if let Ok(idle) = self.idle.get_mut() {
            idle.clear();
        }
        self.stop = None;
        let writer = self.threads.pop();
        for reader in self.threads.drain(..) {
            let _ = reader.join();
        }
        self.jobs = None;
        if let Some(writer) = writer {
            // It ends when its inbox is closed and empty; what was accepted is written.
            let _ = writer.join();
        }
    }
}

#[cfg(test)]
mod tests;
