//! The errors of a store, in words a person can act on.

use std::path::PathBuf;

use thiserror::Error;

use super::Unreadable;

/// Reason why the store could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StoreError {
    /// The directory is not there.
    #[error("{0}: the directory does not exist; create it, or name another file")]
    NoDirectory(PathBuf),
    /// There is no right to write the file.
    #[error("{0}: this place cannot be written ({1}); change its permissions, or name another file")]
    NotWritable(PathBuf, String),
    /// Another process holds the lock on the file.
    #[error(
        "{0} is in use by {1}; if that is `seam serve`, name the address it listens on instead, such as http://127.0.0.1:7600; otherwise stop it, or name another file"
    )]
    Locked(PathBuf, String),
    /// The file is not there, or empty, but its write-ahead log is: the store and the log.
    #[error(
        "{0} is not there, or empty, but beside it is {1}, where a store keeps what is not in its file yet; put the file back, or remove {1} to begin anew"
    )]
    Orphan(PathBuf, PathBuf),
    /// The file is another program's database.
    #[error("{0} is a database of another program ({1}); nothing was changed, name another file")]
    Foreign(PathBuf, String),
    /// The file is no database, or a damaged one.
    #[error("{0} is not a Seamwatch store, or it is damaged ({1}); restore it from a copy, or name another file")]
    Corrupt(PathBuf, String),
    /// Written by a later version of this program.
    #[error(
        "{path} was made by a newer Seamwatch (store version {found}, this one reads up to {known}); update Seamwatch, or name another file"
    )]
    Newer {
        /// Path of the database file.
        path: PathBuf,
        /// Store version of the file.
        found: i64,
        /// The latest version this program knows.
        known: i64,
    },
    /// Of an earlier format, or empty, and only looked at.
    #[error(
        "{path} is of an earlier format ({found}, this program looks at {known}): `seam serve` brings it to the present one where it can be written"
    )]
    Older {
        /// Path of the database file.
        path: PathBuf,
        /// Store version of the file; 0 for an empty one.
        found: i64,
        /// The version this program knows.
        known: i64,
    },
    /// A file of the open store is not at its place any more: which, and what became of it.
    #[error(
        "{0} {1} while it was in use, so nothing more is written: put the same file back, and it goes on; else take the log out with `seam export` first, as only this program still has it, and then start anew"
    )]
    Misplaced(PathBuf, &'static str),
    /// Another program wrote over the open store.
    #[error(
        "{0} was written over by another program while it was in use, so nothing more is written or read; stop this program, and start it again on what is there now"
    )]
    Overwritten(PathBuf),
    /// Somebody wants to write a store that was opened only to look at it.
    #[error("{0} was opened only to look at it, because it cannot be written here; nothing was changed")]
    OnlyLooked(PathBuf),
    /// The file to write is there already.
    #[error("{0} is there already: choose another name, or say --force")]
    Taken(PathBuf),
    /// A store that was not closed, at a place where it cannot be opened only to be read.
    #[error(
        "{0} was not closed, and its latest changes are in {1}, which cannot be read where nothing can be written ({2}); copy both to a place that can be written, and name the copy"
    )]
    NotClosed(PathBuf, PathBuf, String),
    /// No room is left on the disk.
    #[error("{0}: the disk is full; nothing was lost, make room and try again")]
    Full(PathBuf),
    /// The system refused an operation on the file.
    #[error("{0}: {1}")]
    Io(PathBuf, String),
    /// A stored record cannot be read. All others can.
    #[error("the store holds a record this program cannot read: {0}; `seam verify` tells all there are")]
    Unreadable(Unreadable),
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
}

/// Reason why a commit changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CommitError {
    /// The run moved since it was loaded, or the same request was answered meanwhile: load and decide again.
    #[error("the run changed meanwhile")]
    Conflict,
    /// The store could not be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Unreadable> for StoreError {
    fn from(it: Unreadable) -> Self {
        Self::Unreadable(it)
    }
}
