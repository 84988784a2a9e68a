//! Files that only the user reads: what they hold was told to the user, and not to everybody on this machine.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Rights of a file that only its owner reads and writes.
const OWNER_ONLY: u32 = 0o600;

/// Opens a file for the user only, or makes it; one that was there is narrowed, where its disk knows rights.
///
/// # Errors
/// It cannot be opened with these options.
pub(super) fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let file = options.create(true).mode(OWNER_ONLY).open(path)?;
    let _ = file.set_permissions(Permissions::from_mode(OWNER_ONLY));
    Ok(file)
}
