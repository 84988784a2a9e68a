//! A copy of a whole store as of one moment, while others may read and write it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::audit::{Audit, audit};
use super::error::is_damage;
use super::file::Looked;
use super::held::{Inode, OWNER_ONLY};
use super::lock::beside;
use crate::store::StoreError;

/// Copies the store at `path` into the file `to`, for its owner only, and looks through the copy. It is written beside its
/// place and moved there when it is whole; nothing is left of one that fails.
///
/// # Errors
/// The store cannot be read, the copy cannot be written, or there is a file already and it is not to be replaced by
/// `force`.
pub fn backup(path: &Path, to: &Path, force: bool) -> Result<Audit, StoreError> {
    let failed = |why: io::Error| match why.kind() {
        io::ErrorKind::StorageFull => StoreError::Full(to.to_owned()),
        _ => StoreError::NotWritable(to.to_owned(), why.to_string()),
    };
    let inode = |path: &Path| path.metadata().ok().map(|it| Inode::of(&it));
    if inode(to).is_some() && inode(to) == inode(path) {
        return Err(StoreError::NotWritable(to.to_owned(), "it is the store itself".to_owned()));
    }
    if !force && to.exists() {
        return Err(StoreError::Taken(to.to_owned()));
    }
    let looked = Looked::new(path)?;
    let db = looked.connect()?;
    let part = Part(beside(to, ".part"));
    // Of a copy that was killed.
    let _ = fs::remove_file(&part.0);
    File::options().write(true).create_new(true).mode(OWNER_ONLY).open(&part.0).map_err(failed)?;
    let name = part.0.to_str().ok_or_else(|| failed(io::Error::other("its name is no UTF-8")))?;
    db.execute("VACUUM INTO ?1", [name]).map_err(|why| {
        let of = if is_damage(&why) { path } else { to };
        StoreError::sqlite(of, &why)
    })?;
    let found = audit(&part.0)?;
    File::open(&part.0).and_then(|it| it.sync_all()).map_err(failed)?;
    fs::rename(&part.0, to).map_err(failed)?;
    Ok(found)
}

/// A file that is removed when it is dropped, unless it was moved to its place.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
