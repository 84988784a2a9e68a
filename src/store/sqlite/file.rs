//! The file itself: whose it is, who may write it, and what is in it.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::domain::event::Fact;
use crate::domain::run::State;
use crate::store::StoreError;

/// `SEAM` in ASCII, in the header of every store.
const APPLICATION: i64 = 0x5345_414D;
/// The version of the tables below.
const VERSION: i64 = 1;
/// Time a statement waits for a lock that SQLite itself takes for moments.
const BUSY: Duration = Duration::from_secs(5);

/// The tables and indexes of a new file. Words of the protocol stand in two of its indexes.
fn schema() -> String {
    let refused = Fact::REFUSED;
    let ends = State::ENDS.map(|it| format!("'{}'", it.word())).join(", ");
    format!(
        "
CREATE TABLE runs(id TEXT PRIMARY KEY, revision INTEGER NOT NULL, hash BLOB NOT NULL, open INTEGER NOT NULL,
  changed INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX runs_open ON runs(changed) WHERE open;
CREATE TABLE events(cursor INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL, seq INTEGER NOT NULL, handoff TEXT,
  type TEXT NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL, prev_hash BLOB NOT NULL, hash BLOB NOT NULL,
  UNIQUE(run, seq)) STRICT;
CREATE INDEX events_refused ON events(at) WHERE type = '{refused}';
CREATE TABLE handoffs(id TEXT PRIMARY KEY, run TEXT NOT NULL, key TEXT NOT NULL UNIQUE, pipeline TEXT NOT NULL,
  source TEXT NOT NULL, target TEXT NOT NULL, state TEXT NOT NULL, emitted INTEGER NOT NULL, ready INTEGER,
  prio INTEGER, due INTEGER) STRICT;
CREATE INDEX handoffs_ready ON handoffs(target, prio, id) WHERE ready IS NOT NULL;
CREATE INDEX handoffs_due ON handoffs(due) WHERE due IS NOT NULL;
CREATE INDEX handoffs_emitted ON handoffs(emitted, id);
CREATE INDEX handoffs_state ON handoffs(state, emitted, id)
  WHERE state NOT IN ({ends});
CREATE TABLE rollups(span INTEGER NOT NULL, until INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY(span, until)) STRICT;
CREATE TABLE blobs(digest TEXT PRIMARY KEY, media_type TEXT NOT NULL, bytes BLOB NOT NULL) STRICT;
CREATE TABLE schemas(name TEXT NOT NULL, version TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY(name, version)) STRICT;
CREATE TABLE http_idem(scope TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, body TEXT NOT NULL,
  expires INTEGER NOT NULL, PRIMARY KEY(scope, key)) STRICT;
CREATE INDEX http_idem_expires ON http_idem(expires);
"
    )
}

/// Opens or makes the file for writing.
pub(super) fn open(path: &Path, synchronous: &str) -> Result<Connection, StoreError> {
    let failed = |why: &rusqlite::Error| StoreError::sqlite(path, why);
    let connection = Connection::open(path).map_err(|why| failed(&why))?;
    connection.busy_timeout(BUSY).map_err(|why| failed(&why))?;
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let tables = number("SELECT count(*) FROM sqlite_schema").map_err(|why| failed(&why))?;
    let application = number("PRAGMA application_id").map_err(|why| failed(&why))?;
    let version = number("PRAGMA user_version").map_err(|why| failed(&why))?;
    let fresh = tables == 0 && application == 0 && version == 0;
    if !fresh && application != APPLICATION {
        let whose = if application == 0 {
            format!("it has {tables} tables that are not ours")
        } else {
            format!("its application id is {application:#x}")
        };
        return Err(StoreError::Foreign(path.to_owned(), whose));
    }
    if version > VERSION {
        return Err(StoreError::Newer { path: path.to_owned(), found: version, known: VERSION });
    }
    let setup = format!("PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous};");
    connection.execute_batch(&setup).map_err(|why| failed(&why))?;
    if fresh {
        let make = format!(
            "BEGIN IMMEDIATE; {} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT;",
            schema()
        );
        connection.execute_batch(&make).map_err(|why| failed(&why))?;
    }
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Opens the file for reading; it exists.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|why| StoreError::sqlite(path, &why))?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// The right to write a store: a locked file beside it, which the system frees if we die.
pub(super) struct Lock {
    _file: File,
    /// Path of the lock file, if it was made for us: there was none.
    made: Option<PathBuf>,
}

/// The file itself, through every link on the way, be it that it is not there yet.
fn resolved(store: &Path) -> PathBuf {
    /// As many links as a kernel follows.
    const LINKS: usize = 40;
    let mut at = store.to_owned();
    for _ in 0..LINKS {
        let Ok(to) = at.read_link() else { break };
        at = at.parent().map_or(to.clone(), |parent| parent.join(&to));
    }
    let whole = at.canonicalize().ok();
    let beside = || Some(at.parent()?.canonicalize().ok()?.join(at.file_name()?));
    whole.or_else(beside).unwrap_or(at)
}

impl Lock {
    /// Takes it, or says who has it.
    pub(super) fn take(store: &Path) -> Result<Self, StoreError> {
        // Beside the file itself, wherever a link to it lies: else two could write it by two names.
        let real = resolved(store);
        let directory = match real.parent() {
            Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
            Some(parent) => parent,
            None => Path::new("."),
        };
        if !directory.is_dir() {
            return Err(StoreError::NoDirectory(directory.to_owned()));
        }
        if store.is_dir() {
            let why = "it is a directory".to_owned();
            return Err(StoreError::NotWritable(store.to_owned(), why));
        }
        let mut path = real.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        let made = (!path.exists()).then(|| path.clone());
        let mut options = File::options();
        options.create(true).truncate(false).read(true).write(true);
        let mut file = options.open(&path).map_err(|why| match why.kind() {
            ErrorKind::StorageFull => StoreError::Full(directory.to_owned()),
            _ => StoreError::NotWritable(directory.to_owned(), why.to_string()),
        })?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                let holder = match holder.trim() {
                    "" => "another process".to_owned(),
                    id => format!("process {id}"),
                };
                return Err(StoreError::Locked(store.to_owned(), holder));
            }
            Err(TryLockError::Error(why)) => {
                return Err(StoreError::Io(path, why.to_string()));
            }
        }
        // Only for the message above; the lock holds without it.
        let _ = file.set_len(0);
        let _ = file.rewind();
        let _ = write!(file, "{}", std::process::id());
        Ok(Self { _file: file, made })
    }

    /// Beside a file that can never become a store here, nothing of ours stays.
    pub(super) fn refused(&self, why: &StoreError) {
        let never = matches!(why, StoreError::Foreign(..) | StoreError::Newer { .. } | StoreError::Corrupt(..));
        if let Some(made) = self.made.as_ref().filter(|_| never) {
            // It is in nobody's way if it stays.
            let _ = fs::remove_file(made);
        }
    }
}

/// A directory that is removed when it is dropped.
pub(super) struct Temporary(PathBuf);

impl Temporary {
    pub(super) fn new() -> Result<Self, StoreError> {
        let path = std::env::temp_dir().join(format!("seam-{}", uuid::Uuid::now_v7().simple()));
        fs::create_dir(&path).map_err(|why| StoreError::NotWritable(std::env::temp_dir(), why.to_string()))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
