//! Rows of the log, as far as they can be read.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::is_damage;
use crate::domain::event::Event;
use crate::store::{Aside, Logged, Position, StoreError, Unreadable};

/// The position of the latest event; 0 when there is none.
pub(super) fn head(db: &Connection) -> rusqlite::Result<Position> {
    let sql = "SELECT coalesce(max(cursor), 0) FROM events";
    let position: i64 = db.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    Ok(position as Position)
}

/// The name of the log.
pub(super) fn log_id(db: &Connection) -> rusqlite::Result<String> {
    db.query_row("SELECT id FROM log", [], |row| row.get(0))
}

/// The events after a position, in order, at most `limit`. Where the file itself is damaged, one place stands for all that
/// cannot be found there.
pub(super) fn tail(
    db: &Connection,
    after: Position,
    limit: usize,
    aside: &Aside,
) -> Result<Vec<(Position, Logged)>, StoreError> {
    let mut found = Vec::new();
    let mut at = after;
    while found.len() < limit {
        let sql = "SELECT cursor, body FROM events WHERE cursor > ?1 ORDER BY cursor LIMIT ?2";
        let mut statement = db.prepare_cached(sql)?;
        let mut rows = statement.query(params![at as i64, (limit - found.len()) as i64])?;
        let broken = loop {
            match rows.next() {
                Ok(Some(row)) => {
                    let (position, event) = logged(row)?;
                    at = position;
                    found.push((position, event));
                }
                Ok(None) => break None,
                Err(why) if is_damage(&why) => break Some(why),
                Err(why) => return Err(why.into()),
            }
        };
        let Some(why) = broken else { break };
        let next = beyond(db, at)?;
        let last = next.map_or_else(|| head(db), |next| Ok(next - 1)).map_err(|_| StoreError::from(why))?;
        if last <= at {
            break;
        }
        let id = if last == at + 1 { last.to_string() } else { format!("{} to {last}", at + 1) };
        found.push((last, Err(Unreadable { table: "events", id, why: "the file is damaged there".to_owned() })));
        at = last;
    }
    note(&found, aside);
    Ok(found)
}

/// The first position after `at` that can be read, though the one after it cannot; `None` when none can.
fn beyond(db: &Connection, at: Position) -> rusqlite::Result<Option<Position>> {
    let head = head(db)?;
    let mut step = 1;
    while at + step <= head {
        let sql = "SELECT cursor, body FROM events WHERE cursor > ?1 ORDER BY cursor LIMIT 1";
        let first = db.prepare_cached(sql)?.query_row([(at + step) as i64], |row| row.get::<_, i64>(0)).optional();
        match first {
            Ok(found) => return Ok(found.map(|it| it as Position)),
            // Few are in one page of the file; where a page of pages is damaged, all of them are gone.
            Err(why) if is_damage(&why) => step += (step / 16).max(1),
            Err(why) => return Err(why),
        }
    }
    Ok(None)
}

/// The readable ones of the events that a query gives as `cursor, body`, in its order.
pub(super) fn events(
    db: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    aside: &Aside,
) -> Result<Vec<Event>, StoreError> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(logged(row)?);
    }
    note(&found, aside);
    Ok(found.into_iter().filter_map(|(_, event)| event.ok()).collect())
}

/// One row of `cursor, body`.
fn logged(row: &Row<'_>) -> rusqlite::Result<(Position, Logged)> {
    let cursor: i64 = row.get(0)?;
    let event = serde_json::from_slice(row.get_ref(1)?.as_bytes().unwrap_or_default());
    let event = event.map_err(|why| Unreadable::json("events", cursor.to_string(), &why));
    Ok((cursor as Position, event))
}

fn note(found: &[(Position, Logged)], aside: &Aside) {
    for (position, event) in found {
        match event {
            Ok(_) => aside.mended("events", &position.to_string()),
            Err(why) => aside.note(why),
        }
    }
}
