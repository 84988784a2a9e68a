//! Who may write the file: one program alone, or several that know of each other.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::held::{Held, OWNER_ONLY, Refused};
use crate::store::StoreError;

/// The right to write a store: the file itself is locked, and one beside it that names the process. The system frees both
/// if we die.
pub struct Lock {
    /// Path of the store, as it was named.
    store: PathBuf,
    /// Path of the store through every link.
    real: PathBuf,
    /// Whether nobody else has the right.
    exclusive: bool,
    /// The store itself. Let go before the file beside it, so that whoever finds it held finds the process there.
    held: Held,
    _file: File,
    /// Path of the lock file, if it was made for us: there was none.
    made: Option<PathBuf>,
}

/// The path of what SQLite or we keep beside a store.
pub(super) fn beside(real: &Path, end: &str) -> PathBuf {
    let mut path = real.as_os_str().to_owned();
    path.push(end);
    path.into()
}

/// Refuses a place where a store was that is not there any more, while what it had not moved into its file is: SQLite
/// would throw that away. A new file gets its log only after its first tables.
fn not_without_its_file(real: &Path) -> Result<(), StoreError> {
    let wal = beside(real, "-wal");
    let empty = real.metadata().map_or_else(|why| why.kind() == ErrorKind::NotFound, |it| it.len() == 0);
    if empty && wal.exists() { Err(StoreError::Orphan(real.to_owned(), wal)) } else { Ok(()) }
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
    /// Takes it for one program alone, or says who has it.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another program has it, alone or shared; otherwise what is wrong with the place.
    pub fn take(store: &Path) -> Result<Self, StoreError> {
        Self::hold(store, true)
    }

    /// Takes it together with others, unless one has it alone.
    ///
    /// # Errors
    /// As of [`take`](Self::take).
    pub(super) fn share(store: &Path) -> Result<Self, StoreError> {
        Self::hold(store, false)
    }

    fn hold(store: &Path, exclusive: bool) -> Result<Self, StoreError> {
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
        let path = beside(&real, ".lock");
        let made = (!path.exists()).then(|| path.clone());
        let failed = |at: &Path, why: std::io::Error| match why.kind() {
            ErrorKind::StorageFull => StoreError::Full(directory.to_owned()),
            _ => StoreError::NotWritable(at.to_owned(), why.to_string()),
        };
        let mut options = File::options();
        options.create(true).truncate(false).read(true).write(true).mode(OWNER_ONLY);
        let mut file = options.open(&path).map_err(|why| failed(directory, why))?;
        let locked = if exclusive { file.try_lock() } else { file.try_lock_shared() };
        match locked {
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
        let held = not_without_its_file(&real).and_then(|()| {
            Held::take(&real, exclusive).map_err(|why| match why {
                Refused::Here => StoreError::Locked(store.to_owned(), format!("process {}", std::process::id())),
                Refused::Elsewhere => {
                    let who = "another process (by another name of the file, or its .lock was removed)";
                    StoreError::Locked(store.to_owned(), who.to_owned())
                }
                Refused::Failed(why) => failed(store, why),
            })
        });
        let held = held.inspect_err(|_| remove(made.as_deref()))?;
        // Only for the message above; the lock holds without it.
        let _ = file.set_len(0);
        let _ = file.rewind();
        if exclusive {
            let _ = write!(file, "{}", std::process::id());
        }
        Ok(Self { store: store.to_owned(), real, exclusive, held, _file: file, made })
    }

    /// Path of the store.
    pub(super) fn store(&self) -> &Path {
        &self.store
    }

    /// Path of the store through every link.
    pub(super) fn real(&self) -> &Path {
        &self.real
    }

    /// The store itself.
    pub(super) fn held(&self) -> &Held {
        &self.held
    }

    /// Whether nobody else has the right.
    pub(super) fn is_exclusive(&self) -> bool {
        self.exclusive
    }

    /// Beside a file that can never become a store here, nothing of ours stays.
    pub(super) fn refused(&self, why: &StoreError) {
        let never = matches!(why, StoreError::Foreign(..) | StoreError::Newer { .. } | StoreError::Corrupt(..));
        remove(self.made.as_deref().filter(|_| never));
    }
}

/// Removes a lock file that was made for nothing.
fn remove(made: Option<&Path>) {
    if let Some(made) = made {
        // It is in nobody's way if it stays.
        let _ = fs::remove_file(made);
    }
}
