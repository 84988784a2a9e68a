//! Whether the files of an open store are still those that were opened: people remove, move and restore files while a
//! program runs, and what is written into a file that nobody finds any more is lost.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::held::Inode;
use super::lock::{Lock, beside};
use crate::store::StoreError;

/// Length of the header of a database file, in bytes: it tells the number of its pages and of its changes.
const HEADER: usize = 100;

/// The files of one open store, and what is known of them.
pub(super) struct Standing {
    /// The database, its write-ahead log and the index of that, with what was opened there.
    places: Vec<(PathBuf, Inode)>,
    /// The database file.
    file: Arc<File>,
    /// As the writer left the file. `None` where others write it, too: a change tells nothing then.
    left: Option<Mutex<Left>>,
    /// What is wrong; `None` when nothing is.
    wrong: Mutex<Option<StoreError>>,
}

/// The database file between two transactions.
#[derive(PartialEq, Eq)]
struct Left {
    seen: Seen,
    /// The first bytes of it.
    header: [u8; HEADER],
    /// Frames in the write-ahead log, and how many of them are in the database: these grow when another program writes, or
    /// moves some, as a program that makes copies does.
    frames: (i64, i64),
}

/// What tells of a change at little cost: time in seconds and nanoseconds, size in bytes.
type Seen = (i64, i64, u64);

fn seen(file: &File) -> io::Result<Seen> {
    let it = file.metadata()?;
    Ok((it.mtime(), it.mtime_nsec(), it.size()))
}

impl Left {
    fn now(file: &File, db: &Connection) -> io::Result<Self> {
        let mut header = [0; HEADER];
        // A file that has become shorter than that is told by its size.
        file.read_at(&mut header, 0)?;
        let frames = db
            .prepare_cached("PRAGMA wal_checkpoint(NOOP)")
            .and_then(|mut it| it.query_row([], |row| Ok((row.get(1)?, row.get(2)?))));
        Ok(Self { seen: seen(file)?, header, frames: frames.map_err(io::Error::other)? })
    }

    /// Whether somebody wrote over the file to come from this to `now`. A new time alone is no change, and what another
    /// program does by way of SQLite changes the frames.
    fn was_written_over(&self, now: &Self) -> bool {
        self.frames == now.frames && (self.header != now.header || self.seen.2 != now.seen.2)
    }
}

fn locked<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Standing {
    /// The files as they were just opened by `db`, which has read from them.
    ///
    /// # Errors
    /// One of them cannot be found already.
    pub(super) fn new(lock: &Lock, db: &Connection) -> io::Result<Self> {
        let real = lock.real();
        let mut places = vec![(lock.store().to_owned(), lock.held().inode())];
        for end in ["-wal", "-shm"] {
            let path = beside(real, end);
            let inode = Inode::of(&path.metadata()?);
            places.push((path, inode));
        }
        let file = lock.held().file();
        let left = if lock.is_exclusive() { Some(Mutex::new(Left::now(&file, db)?)) } else { None };
        Ok(Self { places, file, left, wrong: Mutex::default() })
    }

    /// What was found wrong by the latest [`check`](Self::check).
    pub(super) fn wrong(&self) -> Option<StoreError> {
        locked(&self.wrong).clone()
    }

    /// Whether a [`check`](Self::check) is worth its while. Costs little, and may be so for the moment of a transaction.
    pub(super) fn is_suspect(&self) -> bool {
        let changed = |left: &Mutex<Left>| seen(&self.file).ok() != Some(locked(left).seen);
        self.wrong().is_some() || self.misplaced().is_some() || self.left.as_ref().is_some_and(changed)
    }

    /// Looks at the files, and says so when they are not what they were, or are again. For the writer, between two
    /// transactions on `db`.
    ///
    /// # Errors
    /// [`StoreError::Misplaced`] or [`StoreError::Overwritten`].
    pub(super) fn check(&self, db: &Connection) -> Result<(), StoreError> {
        let found = self.misplaced().or_else(|| self.overwritten(db));
        let before = std::mem::replace(&mut *locked(&self.wrong), found.clone());
        if before != found {
            if let Some(why) = &found {
                tracing::error!("{why}");
            } else {
                tracing::warn!("{} is the file that was opened again: it goes on", self.store().display());
            }
            if let Some(StoreError::Misplaced(..)) = &found {
                // Into the file that was opened, wherever that is now: else the log would be taken for that of another file
                // in its place. What cannot be moved stays in the log.
                let _ = db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
                self.written(db);
            }
        }
        found.map_or(Ok(()), Err)
    }

    /// Closes well: all is in the one file then, if that is still the one that was opened.
    pub(super) fn close(&self, db: &Connection) {
        let found = self.check(db);
        if found.is_err() {
            // What has the names of our files may belong to another store.
            let _ = db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        }
        if matches!(found, Err(StoreError::Overwritten(_))) && self.file.metadata().is_ok_and(|it| it.len() == 0) {
            // Nothing is in its place, and the next start refuses to make a new store beside the log.
            return;
        }
        if let Err(StoreError::Overwritten(..)) = found {
            let wal = &self.places[1].0;
            let aside = beside(wal, "-aside");
            // SQLite would write it into what was put in the place of the file.
            match fs::rename(wal, &aside) {
                Ok(()) => tracing::warn!(
                    "{} does not belong to the file any more: it is {} now",
                    wal.display(),
                    aside.display()
                ),
                Err(why) => tracing::error!("{} does not belong to the file any more, remove it: {why}", wal.display()),
            }
        } else if let Err(why) = db.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);") {
            tracing::warn!("closing: {}", StoreError::sqlite(self.store(), &why));
        }
    }

    /// Keeps what the files are after a transaction of the writer.
    pub(super) fn written(&self, db: &Connection) {
        if let (Some(left), Ok(now)) = (&self.left, Left::now(&self.file, db)) {
            *locked(left) = now;
        }
    }

    fn store(&self) -> &Path {
        &self.places[0].0
    }

    /// The first of the files that is gone, or is another one.
    fn misplaced(&self) -> Option<StoreError> {
        self.places.iter().find_map(|(path, opened)| {
            let what = match path.metadata() {
                Ok(it) if Inode::of(&it) == *opened => return None,
                Ok(_) => "was replaced by another file",
                Err(why) if why.kind() == io::ErrorKind::NotFound => "was removed or moved away",
                // It may be there: a directory on the way cannot be entered.
                Err(_) => "cannot be found any more",
            };
            Some(StoreError::Misplaced(path.clone(), what))
        })
    }

    fn overwritten(&self, db: &Connection) -> Option<StoreError> {
        let left = self.left.as_ref()?;
        let mut left = locked(left);
        if seen(&self.file).ok() == Some(left.seen) {
            return None;
        }
        match Left::now(&self.file, db) {
            Ok(now) if !left.was_written_over(&now) => {
                *left = now;
                None
            }
            Ok(_) => Some(StoreError::Overwritten(self.store().to_owned())),
            // What SQLite has to say of it, it says at the next transaction.
            Err(_) => None,
        }
    }
}
