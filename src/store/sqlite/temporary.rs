//! The place of a store that goes with its program.

use std::fs::{self, DirBuilder, File, Metadata};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::store::StoreError;

/// What every name of such a directory begins with; 32 hexadecimal digits follow.
const PREFIX: &str = "seam-";
/// The file in it that is locked as long as its program lives.
const ALIVE: &str = "alive";

/// A directory that is removed when it is dropped. One whose program was killed is removed by the next that needs one.
pub(super) struct Temporary {
    /// The directory.
    path: PathBuf,
    _alive: File,
}

impl Temporary {
    /// A new one in the directory of the system for temporary files.
    pub(super) fn new() -> Result<Self, StoreError> {
        Self::new_in(&std::env::temp_dir())
    }

    fn new_in(parent: &Path) -> Result<Self, StoreError> {
        let path = parent.join(format!("{PREFIX}{}", uuid::Uuid::now_v7().simple()));
        let made = DirBuilder::new().mode(0o700).create(&path).and_then(|()| alive(&path));
        let alive = made.map_err(|why| StoreError::NotWritable(parent.to_owned(), why.to_string()))?;
        if let Ok(ours) = path.metadata() {
            remove_left(parent, &ours);
        }
        Ok(Self { path, _alive: alive })
    }

    /// The directory.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// The file that says that somebody lives there: it is locked before it has its name, so that it is never seen unlocked
/// while somebody does.
fn alive(directory: &Path) -> std::io::Result<File> {
    let unnamed = directory.join("unnamed");
    let file = File::create_new(&unnamed)?;
    file.lock()?;
    fs::rename(unnamed, directory.join(ALIVE))?;
    Ok(file)
}

/// Removes the directories beside `ours`, of the same user, whose programs ended without removing them.
fn remove_left(parent: &Path, ours: &Metadata) {
    let Ok(beside) = parent.read_dir() else { return };
    for entry in beside.flatten() {
        let name = entry.file_name();
        let named = name.to_str().and_then(|it| it.strip_prefix(PREFIX));
        let is_such = named.is_some_and(|it| it.len() == 32 && it.bytes().all(|it| it.is_ascii_hexdigit()));
        // Not followed if it is a link.
        let is_ours = |it: Metadata| it.is_dir() && it.uid() == ours.uid();
        if !is_such || !entry.metadata().is_ok_and(is_ours) {
            continue;
        }
        let path = entry.path();
        if File::open(path.join(ALIVE)).is_ok_and(|it| it.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_program_left_is_removed_by_the_next_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let place = |name: &str| parent.path().join(name);
        let left = place(&format!("seam-{}", "a".repeat(32)));
        for path in [&left, &place("seam-notes"), &place(&format!("seam-{}", "b".repeat(32)))] {
            fs::create_dir(path).unwrap();
        }
        for path in [&left, &place("seam-notes")] {
            fs::write(path.join(ALIVE), "").unwrap();
            fs::write(path.join("seam.db"), "a store").unwrap();
        }
        let one = Temporary::new_in(parent.path()).unwrap();
        assert!(!left.exists(), "nobody lives there");
        assert!(place("seam-notes").exists(), "not a name of ours");
        assert!(place(&format!("seam-{}", "b".repeat(32))).exists(), "nobody says that its program has ended");
        let other = Temporary::new_in(parent.path()).unwrap();
        assert!(one.path().exists(), "its program lives");
        drop(one);
        assert!(other.path().exists());
        assert_eq!(parent.path().read_dir().unwrap().count(), 3);
    }
}
