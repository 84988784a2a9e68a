//! The lock on a file itself: by its inode, so that every name of it, be it a link or a mount, is the same file.
//!
//! It is a `flock`, which on Linux has nothing to do with the POSIX locks that SQLite takes on the same file; elsewhere the
//! two are in each other's way, and only the file beside the store is locked. POSIX locks of a process end when it closes
//! any descriptor of the file. So one descriptor serves everybody here who shares a file, it is closed after the last of
//! their connections, and a file that is held here already is not opened only to be refused.

use std::fs::{File, Metadata, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The files that are held in this process.
static HELD: Mutex<Vec<Entry>> = Mutex::new(Vec::new());
/// Told whenever a file is let go.
static LET_GO: Condvar = Condvar::new();

/// Rights of a file that only its owner reads and writes.
pub(super) const OWNER_ONLY: u32 = 0o600;

/// Device and inode: what a file is, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Inode(u64, u64);

impl Inode {
    /// The one that a file is found at.
    pub(super) fn of(it: &Metadata) -> Self {
        Self(it.dev(), it.ino())
    }
}

struct Entry {
    inode: Inode,
    exclusive: bool,
    /// Number of [`Held`] on it, from 1.
    holders: usize,
    file: Arc<File>,
}

/// A file that is held, alone or with others.
pub(super) struct Held(Inode);

/// Reason why a file is not held.
pub(super) enum Refused {
    /// This process holds it.
    Here,
    /// Another process holds it.
    Elsewhere,
    /// It cannot be opened, made or locked.
    Failed(io::Error),
}

fn held() -> MutexGuard<'static, Vec<Entry>> {
    // Nothing that could be half done is done under it.
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Held {
    /// Takes the file at `path`, which is made if it is not there, empty and for its owner only.
    ///
    /// # Errors
    /// See [`Refused`].
    pub(super) fn take(path: &Path, exclusive: bool) -> Result<Self, Refused> {
        let mut all = held();
        let inode = path.metadata().ok().map(|it| Inode::of(&it));
        if let Some(it) = all.iter_mut().find(|it| Some(it.inode) == inode) {
            if exclusive || it.exclusive {
                return Err(Refused::Here);
            }
            it.holders += 1;
            return Ok(Self(it.inode));
        }
        let mut options = File::options();
        let file = options.create(true).truncate(false).read(true).write(true).mode(OWNER_ONLY).open(path);
        let file = file.map_err(Refused::Failed)?;
        if cfg!(target_os = "linux") {
            let locked = if exclusive { file.try_lock() } else { file.try_lock_shared() };
            locked.map_err(|why| match why {
                TryLockError::WouldBlock => Refused::Elsewhere,
                TryLockError::Error(why) => Refused::Failed(why),
            })?;
        }
        let inode = Inode::of(&file.metadata().map_err(Refused::Failed)?);
        all.push(Entry { inode, exclusive, holders: 1, file: Arc::new(file) });
        Ok(Self(inode))
    }

    /// Takes the file at `path` only to look at it, as long as it lasts; `None` when somebody may be writing it, here or
    /// elsewhere.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(super) fn look(path: &Path) -> io::Result<Option<Self>> {
        let mut all = held();
        let inode = Inode::of(&path.metadata()?);
        if all.iter().any(|it| it.inode == inode) {
            return Ok(None);
        }
        let file = File::open(path)?;
        if cfg!(target_os = "linux") && file.try_lock_shared().is_err() {
            return Ok(None);
        }
        all.push(Entry { inode, exclusive: false, holders: 1, file: Arc::new(file) });
        Ok(Some(Self(inode)))
    }

    /// What the file is.
    pub(super) fn inode(&self) -> Inode {
        self.0
    }

    /// The file, open, to look at. Whoever has it drops it before this.
    pub(super) fn file(&self) -> Arc<File> {
        let all = held();
        let found = all.iter().find(|it| it.inode == self.0);
        Arc::clone(&found.expect("an entry lives as long as its holders").file)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut all = held();
        if let Some(nth) = all.iter().position(|it| it.inode == self.0) {
            all[nth].holders -= 1;
            if all[nth].holders == 0 {
                // Closes it, and so gives it back, before anybody here can ask for it again.
                all.swap_remove(nth);
            }
        }
        LET_GO.notify_all();
    }
}

/// Waits until this process holds no file any more, at most so long; gives whether that is so.
pub(super) fn none_left(limit: Duration) -> bool {
    let waited = LET_GO.wait_timeout_while(held(), limit, |all| !all.is_empty());
    waited.unwrap_or_else(PoisonError::into_inner).0.is_empty()
}
