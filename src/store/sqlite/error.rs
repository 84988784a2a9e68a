//! The errors of SQLite, in words a person can act on.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::store::StoreError;

impl StoreError {
    /// The error that an SQLite error on `path` stands for.
    pub(super) fn sqlite(path: &Path, why: &rusqlite::Error) -> Self {
        let path = path.to_owned();
        match why.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full(path),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(path, why.to_string()),
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                Self::NotWritable(path, why.to_string())
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Self::Locked(path, "another program".to_owned())
            }
            _ => Self::Io(path, why.to_string()),
        }
    }
}

/// Whether the file itself is damaged at one place: what lies elsewhere in it may be as it was.
pub(super) fn is_damage(why: &rusqlite::Error) -> bool {
    why.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt)
}

impl From<rusqlite::Error> for StoreError {
    fn from(why: rusqlite::Error) -> Self {
        Self::sqlite(Path::new("the store"), &why)
    }
}

impl StoreError {
    /// The same with the path of the store, which a query does not know.
    pub(super) fn at(mut self, store: &Path) -> Self {
        if let Self::NotWritable(path, _)
        | Self::Locked(path, _)
        | Self::Corrupt(path, _)
        | Self::Full(path)
        | Self::Io(path, _) = &mut self
        {
            store.clone_into(path);
        }
        self
    }
}
