//! Refused contracts: runs that hold nothing else go again, so that a producer that is broken fills no disk; the groups
//! they were counted in stay.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use crate::domain::id::Edge;
use crate::domain::offence::Offence;
use crate::domain::run::Refused;
use crate::domain::time::Time;
use crate::store::REFUSED_TYPE;
use crate::store::commit::Change;

/// Most runs that go with one commit. More than one comes with each, so they grow less, and no request waits for all that
/// an earlier program left.
const GONE_AT_ONCE: i64 = 20;

/// What one transaction adds to the groups, by their keys.
pub(super) type Deltas = BTreeMap<String, Offence>;

/// Adds what one commit says to what others of its transaction do.
pub(super) fn group(deltas: &mut Deltas, more: &[Offence]) {
    for it in more {
        deltas.entry(it.key()).and_modify(|known| known.add(it)).or_insert_with(|| it.clone());
    }
}

/// Lets runs go that hold refused contracts and nothing else: those with a record that `change` keeps now, and those that
/// are too many.
pub(super) fn bound(db: &Connection, change: &Change) -> rusqlite::Result<()> {
    let mut gone: Vec<String> = Vec::new();
    let sql = "SELECT it.run FROM rejections AS it JOIN runs ON runs.id = it.run
               WHERE it.id = ?1 AND it.run <> ?2 AND runs.refused IS NOT NULL";
    for (rejection, _) in change.rejections.iter().filter(|(_, kept)| *kept) {
        let mut moved = db.prepare_cached(sql)?;
        let moved = moved.query_map([rejection, change.run.as_str()], |row| row.get(0))?;
        gone.extend(moved.collect::<Result<Vec<_>, _>>()?);
    }
    let sql = "SELECT count(*) FROM runs WHERE refused IS NOT NULL";
    let all: i64 = db.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    let over = (all - Refused::RUNS as i64).clamp(0, GONE_AT_ONCE);
    let mut first = db.prepare_cached("SELECT id FROM runs WHERE refused IS NOT NULL ORDER BY refused LIMIT ?1")?;
    gone.extend(first.query_map([over], |row| row.get(0))?.collect::<Result<Vec<_>, _>>()?);
    gone.iter().try_for_each(|run| forget(db, run))
}

/// Removes a run whole: its events, its records, and bodies that nobody else keeps.
fn forget(db: &Connection, run: &str) -> rusqlite::Result<()> {
    let sql = "DELETE FROM blobs WHERE media_type = ?2 AND digest IN (SELECT digest FROM bodies WHERE run = ?1)
               AND NOT EXISTS (SELECT 1 FROM bodies WHERE digest = blobs.digest AND run <> ?1)";
    db.prepare_cached(sql)?.execute([run, REFUSED_TYPE])?;
    for sql in [
        "DELETE FROM bodies WHERE run = ?1",
        "DELETE FROM rejections WHERE run = ?1",
        "DELETE FROM events WHERE run = ?1",
        "DELETE FROM runs WHERE id = ?1",
    ] {
        db.prepare_cached(sql)?.execute([run])?;
    }
    Ok(())
}

/// Adds to the groups; beyond those that are kept, the [least worth](Offence::worth) go.
pub(super) fn add(db: &Connection, deltas: &Deltas) -> rusqlite::Result<()> {
    let Some(now) = deltas.values().map(|it| it.last_at).max() else { return Ok(()) };
    let sql = "INSERT INTO offences(key, message, count, first, last) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT DO UPDATE SET count = min(count + excluded.count, 4294967295),
               first = min(first, excluded.first), last = max(last, excluded.last)";
    for (key, it) in deltas {
        let times = (it.first_at.millis(), it.last_at.millis());
        db.prepare_cached(sql)?.execute(params![key, it.message, it.count, times.0, times.1])?;
    }
    let all: i64 = db.prepare_cached("SELECT count(*) FROM offences")?.query_row([], |row| row.get(0))?;
    if all <= Offence::KEPT as i64 {
        return Ok(());
    }
    let mut known = groups(db)?;
    known.sort_by_key(|(_, it)| it.worth(now));
    let mut remove = db.prepare_cached("DELETE FROM offences WHERE key = ?1")?;
    let over = known.len().saturating_sub(Offence::KEPT);
    known.iter().take(over).try_for_each(|(key, _)| remove.execute([key]).map(drop))
}

/// Every group with its key, in the order of their first refusals.
pub(super) fn groups(db: &Connection) -> rusqlite::Result<Vec<(String, Offence)>> {
    let mut statement =
        db.prepare_cached("SELECT key, message, count, first, last FROM offences ORDER BY first, key")?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        // A key that an earlier program wrote in another way is no reason not to start.
        type Key = (String, String, String, String, Option<String>, Option<String>, String, String);
        let key: String = row.get(0)?;
        let Ok(place) = serde_json::from_str::<Key>(&key) else { continue };
        let (pipeline, from, to, producer, model, prompt, path, keyword) = place;
        let group = Offence {
            edge: Edge::new(&pipeline, &from, &to),
            producer,
            model,
            prompt,
            path,
            keyword,
            message: row.get(1)?,
            count: row.get(2)?,
            first_at: Time::from_millis(row.get(3)?),
            last_at: Time::from_millis(row.get(4)?),
        };
        found.push((key, group));
    }
    Ok(found)
}
