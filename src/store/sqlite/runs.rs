//! Runs: each is a record of what is said of all of it, and one of each handoff. A commit writes those that it changes, and
//! who knew the run before reads those that changed since, so a run that goes on for ever costs what a short one costs.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::id::RunId;
use crate::domain::run::Run;
use crate::store::{StoreError, Version};

/// A run and its version now, read as far as it is not `known` as it was at a version; `None` when there is none.
pub(super) fn load(
    db: &Connection,
    id: &RunId,
    known: Option<(Arc<Run>, Version)>,
) -> Result<Option<(Arc<Run>, Version)>, StoreError> {
    // Both records are of one moment.
    let moment = db.unchecked_transaction()?;
    let mut statement = moment.prepare_cached("SELECT revision, body FROM runs WHERE id = ?1")?;
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)? as Version, row.get::<_, String>(1)?));
    let Some((version, body)) = statement.query_row([id.as_str()], row).optional()? else {
        return Ok(None);
    };
    let (handoffs, since) = match known.filter(|(_, at)| *at <= version) {
        Some(known) if known.1 == version => return Ok(Some(known)),
        Some((run, at)) => (run.handoffs.clone(), at),
        None => Default::default(),
    };
    let mut run = Run { handoffs, ..serde_json::from_str(&body)? };
    for (_, _, body) in changed(&moment, id.as_str(), since)? {
        let it = Arc::new(serde_json::from_str(&body)?);
        if since == 0 { run.handoffs.push(it) } else { run.handoffs.put(it) }
    }
    Ok(Some((Arc::new(run), version)))
}

/// Gives away every open run as JSON, the one that changed last at the end.
pub(super) fn each_open(db: &Connection, mut give: impl FnMut(Box<str>)) -> Result<(), StoreError> {
    let mut statement = db.prepare_cached("SELECT id, body FROM runs WHERE open ORDER BY changed")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let run = row.get_ref(0)?.as_str().unwrap_or_default();
        let handoffs = changed(db, run, 0)?;
        give(joined(row.get_ref(1)?.as_str().unwrap_or_default(), &handoffs)?);
    }
    Ok(())
}

/// The handoffs of a run that were written after a version of it, in order of emission: place, id and JSON of each.
fn changed(db: &Connection, run: &str, since: Version) -> rusqlite::Result<Vec<(i64, String, String)>> {
    let sql = "SELECT nth, id, body FROM handoffs WHERE run = ?1 AND revision > ?2";
    let mut statement = db.prepare_cached(sql)?;
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let mut found: Vec<_> = statement.query_map(params![run, since as i64], row)?.collect::<Result<_, _>>()?;
    found.sort_unstable_by_key(|(nth, ..)| *nth);
    Ok(found)
}

/// The JSON of a run with its handoffs in it; what is not the record of a run stays as it is.
fn joined(run: &str, handoffs: &[(i64, String, String)]) -> Result<Box<str>, StoreError> {
    let Some(rest) = run.strip_suffix('}').filter(|_| !handoffs.is_empty()) else {
        return Ok(run.into());
    };
    let length = handoffs.iter().map(|(_, id, body)| id.len() + body.len() + 8).sum::<usize>();
    let mut text = String::with_capacity(run.len() + length + 16);
    text.push_str(rest);
    for (nth, (_, id, body)) in handoffs.iter().enumerate() {
        text.push_str(if nth == 0 { ",\"handoffs\":[[" } else { ",[" });
        text.push_str(&serde_json::to_string(id)?);
        text.push(',');
        text.push_str(body);
        text.push(']');
    }
    text.push_str("]}");
    Ok(text.into())
}
