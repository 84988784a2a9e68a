//! Noticing what other programs write into a file that is shared.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::watch;

use super::rows::head;
use super::writer::reached;
use crate::store::{Position, StoreError};

/// Time between two looks: one read of memory that the programs share.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Looks whether the file changed and tells how far the log has grown, until the other end of `stopped` is dropped.
pub(super) fn look_out(db: &Connection, path: &Path, changed: &watch::Sender<Position>, stopped: &Receiver<()>) {
    let mut seen = None;
    let mut look = || -> rusqlite::Result<()> {
        let version: i64 = db.query_row("PRAGMA data_version", [], |row| row.get(0))?;
        if seen != Some(version) {
            reached(changed, head(db)?);
            seen = Some(version);
        }
        Ok(())
    };
    while stopped.recv_timeout(BETWEEN_LOOKS) == Err(RecvTimeoutError::Timeout) {
        if let Err(why) = look() {
            tracing::warn!("looking for what others wrote: {}; trying again", StoreError::sqlite(path, &why));
        }
    }
}
