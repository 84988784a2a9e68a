//! Runs: each is a record of what is said of all of it, and one of each handoff. A commit writes those that it changes, and
//! who knew the run before reads those that changed since, so a run that goes on for ever costs what a short one costs.
//! A run of which one of these records cannot be read is not known at all: rules that look at all of it would be wrong.

use std::sync::Arc;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::id::RunId;
use crate::domain::run::{Handoff, Run, StoredRun};
use crate::store::{Aside, StoreError, Unreadable, Version};

/// A run and its version now, read as far as it is not `known` as it was at a version; `None` when there is none.
///
/// # Errors
/// [`StoreError::Unreadable`], too, which names the record.
pub(super) fn load(
    db: &Connection,
    id: &RunId,
    known: Option<(Arc<Run>, Version)>,
    aside: &Aside,
) -> Result<Option<(Arc<Run>, Version)>, StoreError> {
    // All of its records are of one moment, that of the caller if there is one.
    let _moment = db.is_autocommit().then(|| db.unchecked_transaction()).transpose()?;
    let mut statement = db.prepare_cached("SELECT revision, body FROM runs WHERE id = ?1")?;
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)? as Version, bytes(row.get_ref(1)?).to_vec()));
    let Some((version, body)) = statement.query_row([id.as_str()], row).optional()? else {
        return Ok(None);
    };
    let (handoffs, since) = match known.filter(|(_, at)| *at <= version) {
        Some(known) if known.1 == version => return Ok(Some(known)),
        Some((run, at)) => (run.handoffs.clone(), at),
        None => Default::default(),
    };
    let run = serde_json::from_slice(&body).map_err(|why| Unreadable::json("runs", id.as_str(), &why))?;
    aside.mended("runs", id.as_str());
    let mut run = Run { handoffs, ..run };
    for (_, id, body) in changed(db, id.as_str(), since)? {
        let it = Arc::new(handoff(&id, ValueRef::Blob(&body), aside)?);
        if since == 0 { run.handoffs.push(it) } else { run.handoffs.put(it) }
    }
    Ok(Some((Arc::new(run), version)))
}

/// The handoff `id` from its record; one that cannot be read is set aside.
pub(super) fn handoff(id: &str, body: ValueRef<'_>, aside: &Aside) -> Result<Handoff, Unreadable> {
    let read = serde_json::from_slice(bytes(body)).map_err(|why| Unreadable::json("handoffs", id, &why));
    match &read {
        Ok(_) => aside.mended("handoffs", id),
        Err(why) => aside.note(why),
    }
    read
}

/// Most ended runs that are given away because they are notable, and most handoffs that they have together.
const NOTABLE: (i64, usize) = (500, 10_000);

/// A run as its records are.
pub(super) struct Stored {
    id: String,
    body: Vec<u8>,
    handoffs: Vec<Changed>,
}

/// A handoff as its record is: its place, its id and its JSON.
type Changed = (i64, String, Vec<u8>);

impl Stored {
    /// The run for who looks at many.
    ///
    /// # Errors
    /// The record of it that cannot be read.
    pub(super) fn read(self) -> Result<StoredRun, Unreadable> {
        let text = joined(&self.body, &self.handoffs);
        let read = String::from_utf8(text).map(|it| StoredRun::read(it.into()));
        if let Ok(Ok(run)) = read {
            return Ok(run);
        }
        for (_, id, body) in &self.handoffs {
            serde_json::from_slice::<Handoff>(body).map_err(|why| Unreadable::json("handoffs", id, &why))?;
        }
        Err(match read {
            Ok(Err(why)) => Unreadable::json("runs", self.id, &why),
            _ => Unreadable::text("runs", self.id),
        })
    }
}

/// Gives away every open run, the one that changed last at the end.
pub(super) fn each_open(db: &Connection, mut give: impl FnMut(Stored)) -> Result<(), StoreError> {
    let mut statement = db.prepare_cached("SELECT id, body FROM runs WHERE open ORDER BY changed")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id = String::from_utf8_lossy(bytes(row.get_ref(0)?)).into_owned();
        let handoffs = changed(db, &id, 0)?;
        give(Stored { id, body: bytes(row.get_ref(1)?).to_vec(), handoffs });
    }
    Ok(())
}

/// Gives away ended runs that are notable, the worst first and of those the latest: as many as [`NOTABLE`] says.
pub(super) fn each_notable(db: &Connection, mut give: impl FnMut(Stored)) -> Result<(), StoreError> {
    let sql = "SELECT id, body FROM runs WHERE notable ORDER BY notable DESC, changed DESC LIMIT ?1";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([NOTABLE.0])?;
    let mut left = NOTABLE.1;
    while let Some(row) = rows.next()? {
        let id = String::from_utf8_lossy(bytes(row.get_ref(0)?)).into_owned();
        let handoffs = changed(db, &id, 0)?;
        let Some(rest) = left.checked_sub(handoffs.len()) else { break };
        left = rest;
        give(Stored { id, body: bytes(row.get_ref(1)?).to_vec(), handoffs });
    }
    Ok(())
}

/// The handoffs of a run that were written after a version of it, in order of emission.
fn changed(db: &Connection, run: &str, since: Version) -> rusqlite::Result<Vec<Changed>> {
    let sql = "SELECT nth, id, body FROM handoffs WHERE run = ?1 AND revision > ?2";
    let mut statement = db.prepare_cached(sql)?;
    let row = |row: &rusqlite::Row<'_>| {
        let id = String::from_utf8_lossy(bytes(row.get_ref(1)?)).into_owned();
        Ok((row.get(0)?, id, bytes(row.get_ref(2)?).to_vec()))
    };
    let mut found: Vec<_> = statement.query_map(params![run, since as i64], row)?.collect::<Result<_, _>>()?;
    found.sort_unstable_by_key(|(nth, ..)| *nth);
    Ok(found)
}

/// The JSON of a run with its handoffs in it; what is not the record of a run stays as it is.
fn joined(run: &[u8], handoffs: &[Changed]) -> Vec<u8> {
    let Some(rest) = run.strip_suffix(b"}").filter(|_| !handoffs.is_empty()) else {
        return run.to_vec();
    };
    let length = handoffs.iter().map(|(_, id, body)| id.len() + body.len() + 8).sum::<usize>();
    let mut text = Vec::with_capacity(run.len() + length + 16);
    text.extend_from_slice(rest);
    for (nth, (_, id, body)) in handoffs.iter().enumerate() {
        text.extend_from_slice(if nth == 0 { b",\"handoffs\":[[" } else { b",[" });
        text.extend_from_slice(serde_json::Value::from(&**id).to_string().as_bytes());
        text.push(b',');
        text.extend_from_slice(body);
        text.push(b']');
    }
    text.extend_from_slice(b"]}");
    text
}

/// The bytes of a text, whether it is UTF-8 or not; none of what is no text.
fn bytes(of: ValueRef<'_>) -> &[u8] {
    of.as_bytes().unwrap_or_default()
}
