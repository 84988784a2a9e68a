//! A store in one SQLite file.
//!
//! One thread writes and takes everything that is waiting into one transaction; readers have connections of their own.
//! Who has the [`Lock`] has the file alone; else several programs share it, and each looks out for what the others write.
//! Positions are in the order of the commits because SQLite lets one transaction write at a time.

mod audit;
mod backup;
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
mod temporary;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::future::FutureExt;
use rusqlite::Connection;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::{Answer, Aside, Commit, CommitError, Position, StoreError};
pub use audit::{Audit, audit};
pub use backup::backup;
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
    /// Keeps `changed` open where nobody writes; `None` where somebody does, who ends it.
    _tell: Option<Arc<watch::Sender<Position>>>,
    failing: Arc<Mutex<Option<StoreError>>>,
    /// `None` where nothing is written.
    standing: Option<Arc<Standing>>,
    /// Name of the log.
    log: String,
    /// The records that could not be read.
    aside: Arc<Aside>,
    idle: Mutex<Vec<Connection>>,
    readers: Semaphore,
    /// Ends the look-out for what others write, when it is dropped.
    stop: Option<std::sync::mpsc::Sender<()>>,
    // Dropped after the file is closed. Whoever waits for the lock finds all of it done.
    _temporary: Option<temporary::Temporary>,
    place: Place,
}

/// The store, and what it was opened for.
enum Place {
    /// To read and write it.
    Held(Lock),
    /// To look at it.
    Looked(file::Looked),
}

impl Place {
    fn path(&self) -> &Path {
        match self {
            Self::Held(lock) => lock.store(),
            Self::Looked(it) => it.path(),
        }
    }

    fn is_alone(&self) -> bool {
        match self {
            Self::Held(lock) => lock.is_exclusive(),
            Self::Looked(it) => it.is_alone(),
        }
    }

    fn reader(&self) -> Result<Connection, StoreError> {
        match self {
            Self::Held(lock) => file::reader(lock.store()),
            Self::Looked(it) => it.connect(),
        }
    }
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

    /// Opens the store at `path` only to look at it, with no right to write it or its directory, and whoever else has it.
    ///
    /// # Errors
    /// A sentence for people when the file cannot be read, or is of an earlier format.
    pub fn look(path: &Path) -> Result<Self, StoreError> {
        let looked = file::Looked::new(path)?;
        let first = looked.connect().and_then(|db| Ok((rows::head(&db)?, rows::log_id(&db)?)));
        let (position, log) = first.map_err(|why| why.at(path))?;
        let (tell, changed) = watch::channel(position);
        let tell = Arc::new(tell);
        let (mut threads, mut stop) = (Vec::new(), None);
        if !looked.is_alone() {
            let (thread, end) = look_out(looked.connect()?, path, Arc::clone(&tell))?;
            threads.push(thread);
            stop = Some(end);
        }
        Ok(Self {
            inner: Arc::new(Inner {
                jobs: None,
                threads,
                changed,
                _tell: Some(tell),
                failing: Arc::default(),
                standing: None,
                log,
                aside: Arc::default(),
                idle: Mutex::default(),
                readers: Semaphore::new(READERS),
                stop,
                place: Place::Looked(looked),
                _temporary: None,
            }),
        })
    }

    /// A store of its own in the system's temporary directory, removed when it is closed. For demonstrations and tests: a
    /// power cut may lose it.
    ///
    /// # Errors
    /// Fails when the temporary directory cannot be written.
    pub fn temporary() -> Result<Self, StoreError> {
        let temporary = temporary::Temporary::new()?;
        Self::open_as(Lock::take(&temporary.path().join("seam.db"))?, "OFF", Some(temporary))
    }

    fn open_as(lock: Lock, synchronous: &str, temporary: Option<temporary::Temporary>) -> Result<Self, StoreError> {
        let path = lock.store();
        let connection = file::open(path, synchronous).inspect_err(|why| lock.refused(why))?;
        file::narrow(lock.real());
        let position = rows::head(&connection).map_err(|why| StoreError::sqlite(path, &why))?;
        let log = rows::log_id(&connection).map_err(|why| StoreError::sqlite(path, &why))?;
        // Not before something was read: the log and its index are there only then.
        let standing = Standing::new(&lock, &connection);
        let standing = Arc::new(standing.map_err(|why| StoreError::Io(path.to_owned(), why.to_string()))?);
        let (tell, changed) = watch::channel(position);
        let tell = Arc::new(tell);
        let failing = Arc::default();
        let aside = Arc::<Aside>::default();
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let failed = |why: std::io::Error| StoreError::Io(path.to_owned(), why.to_string());
        let (mut threads, mut stop) = (Vec::new(), None);
        if !lock.is_exclusive() {
            let (thread, end) = look_out(file::reader(path)?, path, Arc::clone(&tell))?;
            threads.push(thread);
            stop = Some(end);
        }
        let (jobs, inbox) = mpsc::unbounded_channel();
        let writer =
            Writer::new(connection, path, tell, Arc::clone(&failing), Arc::clone(&standing), Arc::clone(&aside));
        threads.push(thread("store").spawn(move || writer.run(inbox)).map_err(failed)?);
        Ok(Self {
            inner: Arc::new(Inner {
                jobs: Some(jobs),
                threads,
                changed,
                _tell: None,
                failing,
                standing: Some(standing),
                log,
                aside,
                idle: Mutex::default(),
                readers: Semaphore::new(READERS),
                stop,
                place: Place::Held(lock),
                _temporary: temporary,
            }),
        })
    }

    /// Path of the database file.
    pub fn path(&self) -> &Path {
        self.inner.place.path()
    }

    /// Hands a commit to the writer and waits until it is durable.
    async fn write(&self, commit: Commit) -> Result<Position, CommitError> {
        if let Place::Looked(it) = &self.inner.place {
            return Err(StoreError::OnlyLooked(it.path().to_owned()).into());
        }
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
        let standing = self.inner.standing.as_ref()?;
        if standing.is_suspect() {
            let (reply, answer) = oneshot::channel();
            self.give(Job::Look(reply));
            // Without a writer nothing more is known.
            let _ = answer.await;
        }
        standing.wrong()
    }

    /// Runs `query` on a connection of its own, off the async threads. A record that it fails for is set aside.
    fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection, &Aside) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<'_, T> {
        self.reading(query).boxed()
    }

    async fn reading<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection, &Aside) -> Result<T, StoreError> + Send + 'static,
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
                (None, None) => inner.place.reader()?,
            };
            let found = query(&connection, &inner.aside).map_err(|why| why.at(inner.place.path()));
            if let Err(StoreError::Unreadable(it)) = &found {
                inner.aside.note(it);
            }
            if let Ok(mut idle) = inner.idle.lock() {
                idle.push(connection);
            }
            found
        };
        tokio::task::spawn_blocking(work).await.unwrap_or(Err(StoreError::Closed))
    }
}

/// Starts looking out for what others write; ends when the other end of the channel is dropped.
fn look_out(
    reader: Connection,
    path: &Path,
    tell: Arc<watch::Sender<Position>>,
) -> Result<(JoinHandle<()>, std::sync::mpsc::Sender<()>), StoreError> {
    let (end, stopped) = std::sync::mpsc::channel();
    let at = path.to_owned();
    let watching = move || others::look_out(&reader, &at, &tell, &stopped);
    let thread = std::thread::Builder::new().name("store-others".to_owned()).spawn(watching);
    Ok((thread.map_err(|why| StoreError::Io(path.to_owned(), why.to_string()))?, end))
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
