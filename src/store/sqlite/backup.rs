//! A copy of a whole store as of one moment, while others may read and write it.

use std::io;
use std::path::Path;

use super::audit::{Audit, audit};
use super::error::is_damage;
use super::file::Looked;
use super::held::Inode;
use crate::store::StoreError;
use crate::store::part::{Part, refused};

/// Copies the store at `path` into the file `to`, for its owner only, and looks through the copy. It is written beside its
/// place and moved there when it is whole; nothing is left of one that fails.
///
/// # Errors
/// The store cannot be read, the copy cannot be written, or there is a file already and it is not to be replaced by
/// `force`.
pub fn backup(path: &Path, to: &Path, force: bool) -> Result<Audit, StoreError> {
    let inode = |path: &Path| path.metadata().ok().map(|it| Inode::of(&it));
    if inode(to).is_some() && inode(to) == inode(path) {
        return Err(StoreError::NotWritable(to.to_owned(), "it is the store itself".to_owned()));
    }
    let (part, file) = Part::new(to, force)?;
    let looked = Looked::new(path)?;
    let db = looked.connect()?;
    let failed = |why: io::Error| refused(to, &why);
    let name = part.path().to_str().ok_or_else(|| failed(io::Error::other("its name is no UTF-8")))?;
    db.execute("VACUUM INTO ?1", [name]).map_err(|why| {
        let of = if is_damage(&why) { path } else { to };
        StoreError::sqlite(of, &why)
    })?;
    let found = audit(part.path())?;
    file.sync_all().map_err(failed)?;
    part.keep()?;
    Ok(found)
}
