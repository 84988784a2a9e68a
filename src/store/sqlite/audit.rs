//! A look at a whole file: whether everything in it is what its log says. Nothing is written, and one run at a time is in
//! memory, besides the latest version of each payload on each edge.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::{Connection, Row};

use super::file::Looked;
use super::runs;
use crate::domain::contract::digest_of_bytes;
use crate::domain::event::Event;
use crate::domain::health::Tally;
use crate::domain::id::{Edge, HandoffId, RunId};
use crate::domain::machine::evolve;
use crate::domain::run::Run;
use crate::store::commit::payload;
use crate::store::verify::{hash, same};
use crate::store::{Aside, Row as Indexed, StoreError, Unreadable};

/// What was found in a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Number of events in the log.
    pub events: u64,
    /// Number of runs that they are of.
    pub runs: u64,
    /// Number of handoffs in the index.
    pub handoffs: u64,
    /// Number of blobs.
    pub blobs: u64,
    /// Number of records that are not as they were written.
    pub wrong: u64,
    /// The first of them, events before all else; empty when none is.
    pub first: Vec<Unreadable>,
}

/// The most records that are named.
const NAMED: usize = 20;

/// Folds the log of the store at `path` and compares every table with it, whether the store is being served or not.
///
/// # Errors
/// The store cannot be looked at.
pub fn audit(path: &Path) -> Result<Audit, StoreError> {
    let looked = Looked::new(path)?;
    let db = looked.connect()?;
    let mut auditor = Auditor { db: &db, audit: Audit::default(), payloads: HashMap::new() };
    auditor.all().map_err(|why| why.at(path))?;
    Ok(auditor.audit)
}

/// One part of the look.
type Part<Auditor> = fn(&mut Auditor) -> Result<(), StoreError>;

struct Auditor<'a> {
    db: &'a Connection,
    audit: Audit,
    /// The latest version of each payload schema on each edge, and the position of the event that handed it over.
    payloads: HashMap<(Edge, String), (i64, String)>,
}

/// A run as its events tell it, up to one of them.
struct Fold {
    id: String,
    run: Option<Run>,
    events: u64,
    last: Vec<u8>,
    /// Every event so far is as it was written.
    whole: bool,
}

impl Auditor<'_> {
    fn all(&mut self) -> Result<(), StoreError> {
        // All of it as of one moment, whoever writes meanwhile.
        let moment = self.db.unchecked_transaction()?;
        for part in [Self::file, Self::log, Self::strays, Self::versions, Self::contents] as [Part<Self>; 5] {
            match part(self) {
                Err(StoreError::Corrupt(_, why)) => self.wrong("file", "", why),
                done => done?,
            }
        }
        Ok(moment.finish()?)
    }

    fn wrong(&mut self, table: &'static str, id: impl Into<String>, why: impl Into<String>) {
        self.audit.wrong += 1;
        if self.audit.first.len() < NAMED {
            self.audit.first.push(Unreadable { table, id: id.into(), why: why.into() });
        }
    }

    /// The pages of the file, as SQLite keeps them.
    fn file(&mut self) -> Result<(), StoreError> {
        let mut check = self.db.prepare("PRAGMA quick_check(20)")?;
        let found = check.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
        for why in found.into_iter().filter(|it| it != "ok") {
            self.wrong("file", "", why.replace('\n', " "));
        }
        Ok(())
    }

    /// Every run by its events.
    fn log(&mut self) -> Result<(), StoreError> {
        let sql = "SELECT cursor, run, seq, handoff, type, at, body, prev_hash, hash FROM events
                   ORDER BY run, seq";
        let mut statement = self.db.prepare(sql)?;
        let mut rows = statement.query([])?;
        let mut fold: Option<Fold> = None;
        while let Some(row) = rows.next()? {
            let id = text(row, 1)?;
            if let Some(ended) = fold.take_if(|it| it.id != id) {
                self.run(ended)?;
            }
            let fold = fold.get_or_insert_with(|| Fold { id, run: None, events: 0, last: Vec::new(), whole: true });
            self.audit.events += 1;
            fold.events += 1;
            let cursor: i64 = row.get(0)?;
            match fold.add(row)? {
                Ok(event) => {
                    if let Some((edge, schema, version)) = payload(&event) {
                        let latest = self.payloads.entry((edge, schema)).or_default();
                        *latest = std::mem::take(latest).max((cursor, version));
                    }
                }
                Err(why) => {
                    fold.whole = false;
                    let seq: i64 = row.get(2)?;
                    let id = format!("{cursor} (event {seq} of run {})", fold.id);
                    self.wrong("events", id, why);
                }
            }
            fold.last = row.get(8)?;
        }
        fold.map_or(Ok(()), |it| self.run(it))
    }

    /// The records of a run, by the fold of its events.
    fn run(&mut self, fold: Fold) -> Result<(), StoreError> {
        self.audit.runs += 1;
        let id = RunId::from(fold.id.as_str());
        let (stored, _) = match runs::load(self.db, &id, None, &Aside::default()) {
            Ok(Some(stored)) => stored,
            Ok(None) => {
                self.wrong("runs", fold.id, "it has events and is not there");
                return Ok(());
            }
            Err(StoreError::Unreadable(it)) => {
                self.wrong(it.table, it.id, it.why);
                return Ok(());
            }
            Err(why) => return Err(why),
        };
        let sql = "SELECT hash, open, changed, notable FROM runs WHERE id = ?1";
        type Columns = (Vec<u8>, bool, i64, u8);
        let columns = |row: &Row<'_>| -> rusqlite::Result<Columns> { row.try_into() };
        let columns = self.db.prepare_cached(sql)?.query_row([&fold.id], columns)?;
        let open = stored.is_open();
        let notable = if open { 0 } else { stored.notable() };
        if columns != (fold.last, open, stored.changed_at.millis(), notable) {
            self.wrong("runs", &fold.id, "its columns are not what it says itself");
        } else if fold.whole && !fold.run.is_some_and(|folded| same(folded, Run::clone(&stored))) {
            self.wrong("runs", &fold.id, "it is not what its events say");
        }
        self.index(&stored)?;
        self.rejections(&stored)
    }

    /// The rows for queues, timers and lists.
    fn index(&mut self, run: &Run) -> Result<(), StoreError> {
        let sql = "SELECT id, key, pipeline, source, target, state, emitted, ready, prio, due, open,
                   timed, nth, body FROM handoffs WHERE run = ?1";
        let mut statement = self.db.prepare_cached(sql)?;
        let mut rows = statement.query([run.id.as_str()])?;
        let mut found = 0;
        while let Some(row) = rows.next()? {
            self.audit.handoffs += 1;
            found += 1;
            let id = text(row, 0)?;
            let known = HandoffId::from(id.as_str());
            let handoff = run.handoffs.get(&known);
            let indexed = run.handoffs.place(&known).zip(handoff).map(|(nth, it)| Indexed::of(nth, it));
            if !indexed.map_or(Ok(false), |it| is_written(&it, row))? {
                self.wrong("handoffs", &id, format!("its columns are not what run {} says", run.id));
            }
            let Some(digest) = handoff.and_then(|it| it.digest()) else { continue };
            if !self.db.prepare_cached("SELECT 1 FROM blobs WHERE digest = ?1")?.exists([digest])? {
                self.wrong("blobs", digest, format!("it is the contract of handoff {id}, and is not there"));
            }
        }
        if found != run.handoffs.len() {
            let why = format!("{found} of the {} handoffs of run {} are there", run.handoffs.len(), run.id);
            self.wrong("handoffs", "", why);
        }
        Ok(())
    }

    fn rejections(&mut self, run: &Run) -> Result<(), StoreError> {
        let mut statement = self.db.prepare_cached("SELECT id FROM rejections WHERE run = ?1 ORDER BY id")?;
        let rows = statement.query_map([run.id.as_str()], |row| row.get::<_, String>(0))?;
        let found = rows.collect::<Result<Vec<_>, _>>()?;
        let mut kept: Vec<&str> = run.rejections.iter().map(|it| it.rejection.id.as_str()).collect();
        kept.sort_unstable();
        kept.dedup();
        if found != kept {
            self.wrong("rejections", "", format!("they are not those that run {} keeps", run.id));
        }
        Ok(())
    }

    /// What belongs to nothing in the log.
    fn strays(&mut self) -> Result<(), StoreError> {
        let strays: [(&'static str, &str, &str); 3] = [
            ("runs", "SELECT id FROM runs WHERE id NOT IN (SELECT run FROM events)", "it has no events"),
            ("handoffs", "SELECT id FROM handoffs WHERE run NOT IN (SELECT id FROM runs)", "its run is not there"),
            (
                "edges",
                "SELECT pipeline || '>' || source || '>' || target FROM
                 (SELECT pipeline, source, target FROM handoffs EXCEPT SELECT pipeline, source, target FROM edges)",
                "it has handoffs and is not there",
            ),
        ];
        for (table, sql, why) in strays {
            let mut statement = self.db.prepare(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                self.wrong(table, row.get::<_, String>(0)?, why);
            }
        }
        Ok(())
    }

    /// The versions of payloads that were handed over last. One that was before the table was need not be in it.
    fn versions(&mut self) -> Result<(), StoreError> {
        let mut statement = self.db.prepare("SELECT pipeline, source, target, schema, version FROM payloads")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let place = (Edge::new(&text(row, 0)?, &text(row, 1)?, &text(row, 2)?), text(row, 3)?);
            let version = text(row, 4)?;
            if self.payloads.get(&place).is_none_or(|(_, latest)| *latest != version) {
                let (edge, schema) = place;
                let id = format!("{}>{}>{} {schema}", edge.pipeline, edge.from, edge.to);
                self.wrong("payloads", id, "it is not the version that was handed over last");
            }
        }
        Ok(())
    }

    /// Records that no event tells of: whether each can be read, and bytes are those of their digest.
    fn contents(&mut self) -> Result<(), StoreError> {
        let mut statement = self.db.prepare("SELECT digest, bytes FROM blobs")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            self.audit.blobs += 1;
            let digest = text(row, 0)?;
            if digest_of_bytes(row.get_ref(1)?.as_bytes().unwrap_or_default()) != digest {
                self.wrong("blobs", digest, "its bytes are not those that it is named by");
            }
        }
        self.json::<Tally>("rollups", "SELECT span || ' ' || until || ' ' || edge, body FROM rollups")?;
        self.json::<serde_json::Value>("schemas", "SELECT name || ' ' || version, body FROM schemas")?;
        self.json::<serde_json::Value>("http_idem", "SELECT scope || ' ' || key, body FROM http_idem")
    }

    fn json<T: serde::de::DeserializeOwned>(&mut self, table: &'static str, sql: &str) -> Result<(), StoreError> {
        let mut statement = self.db.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let read = serde_json::from_slice::<T>(row.get_ref(1)?.as_bytes().unwrap_or_default());
            if let Err(why) = read {
                let Unreadable { table, id, why } = Unreadable::json(table, text(row, 0)?, &why);
                self.wrong(table, id, why);
            }
        }
        Ok(())
    }
}

impl Fold {
    /// The next event, or what is wrong with it.
    fn add(&mut self, row: &Row<'_>) -> rusqlite::Result<Result<Event, &'static str>> {
        let body = row.get_ref(6)?.as_bytes().unwrap_or_default();
        let (seq, previous, own): (i64, Vec<u8>, Vec<u8>) = (row.get(2)?, row.get(7)?, row.get(8)?);
        if seq != self.events as i64 || previous != self.last {
            self.events = seq as u64;
            return Ok(Err("it does not follow the one before it"));
        }
        if hash(&previous, body) != own {
            return Ok(Err("it was changed after it was written"));
        }
        let Ok(event) = serde_json::from_slice::<Event>(body) else {
            return Ok(Err("it is none that this program knows"));
        };
        let handoff: Option<String> = row.get(3)?;
        let (name, at): (String, i64) = (row.get(4)?, row.get(5)?);
        let is = (event.handoff.as_ref().map(HandoffId::as_str), event.fact.name(), event.at.millis(), event.seq);
        if is != (handoff.as_deref(), &name, at, seq as u64) || event.run.as_str() != self.id {
            return Ok(Err("its columns are not what it says itself"));
        }
        let id = || RunId::from(self.id.as_str());
        evolve(self.run.get_or_insert_with(|| Run::new(id(), event.at)), &event);
        Ok(Ok(event))
    }
}

/// The text of a column, with marks in the place of what is no UTF-8.
fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(String::from_utf8_lossy(row.get_ref(column)?.as_bytes().unwrap_or_default()).into_owned())
}

/// Whether a row of the index says what it should.
fn is_written(it: &Indexed, row: &Row<'_>) -> rusqlite::Result<bool> {
    let edge = &it.edge;
    let texts: [(usize, &str); 6] =
        [(1, &it.key), (2, &edge.pipeline), (3, &edge.from), (4, &edge.to), (5, it.state.word()), (13, &it.body)];
    for (column, text) in texts {
        if row.get_ref(column)?.as_bytes().unwrap_or_default() != text.as_bytes() {
            return Ok(false);
        }
    }
    let times: [(usize, Option<_>); 5] =
        [(6, Some(it.emitted)), (7, it.ready), (8, it.place), (9, it.due), (11, it.timed)];
    for (column, time) in times {
        if row.get::<_, Option<i64>>(column)? != time.map(crate::domain::time::Time::millis) {
            return Ok(false);
        }
    }
    Ok(row.get::<_, bool>(10)? == it.open && row.get::<_, i64>(12)? == it.nth as i64)
}
