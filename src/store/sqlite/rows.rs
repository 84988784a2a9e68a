//! Rows of the log.

use rusqlite::Connection;

use crate::domain::event::Event;
use crate::store::{Position, StoreError};

/// The position of the latest event; 0 when there is none.
pub(super) fn head(db: &Connection) -> rusqlite::Result<Position> {
    let sql = "SELECT coalesce(max(cursor), 0) FROM events";
    let position: i64 = db.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    Ok(position as Position)
}

/// The events that a query gives as `cursor, body`, each with its position.
pub(super) fn events(
    db: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<(Position, Event)>, StoreError> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let cursor: i64 = row.get(0)?;
        let body = row.get_ref(1)?.as_str().unwrap_or_default();
        found.push((cursor as Position, serde_json::from_str(body)?));
    }
    Ok(found)
}
