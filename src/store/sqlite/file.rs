//! The file itself: whose it is, who may write it, and what is in it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::held::{Held, OWNER_ONLY};
use super::lock::beside;
use super::secret;
use crate::store::StoreError;

/// `SEAM` in ASCII, in the header of every store.
const APPLICATION: i64 = 0x5345_414D;
/// The format of the tables below. A change of them is a new number, and a way from the one before it in `UPGRADES`.
const FORMAT: i64 = 2;
/// The way from each earlier format to the next, the first of them from format 1.
const UPGRADES: [&str; FORMAT as usize - 1] = [
    // One row for each edge instead of one for all of them, refused contracts that are found by their ids, queues that
    // are found by the edge and by when they are ready, handoffs in rows of their own, groups of refused contracts, the
    // payload versions of each edge, a name of the log, and indexes by what a commit says instead of by words of the
    // protocol; these are the words as they were then.
    "
ALTER TABLE handoffs ADD COLUMN open INTEGER NOT NULL DEFAULT 0;
ALTER TABLE handoffs ADD COLUMN timed INTEGER;
UPDATE handoffs SET open = 1 WHERE state NOT IN ('completed', 'returned', 'dismissed', 'cancelled');
DROP INDEX IF EXISTS handoffs_state;
CREATE INDEX handoffs_open ON handoffs(state, emitted, id) WHERE open;
DROP INDEX IF EXISTS handoffs_ready;
CREATE INDEX handoffs_ready ON handoffs(target, prio - ready, ready, id) WHERE ready IS NOT NULL;
CREATE INDEX handoffs_waiting ON handoffs(target, pipeline, source, prio - ready, ready, id) WHERE ready IS NOT NULL;
CREATE TABLE edges(pipeline TEXT NOT NULL, source TEXT NOT NULL, target TEXT NOT NULL,
  PRIMARY KEY(pipeline, source, target)) STRICT, WITHOUT ROWID;
INSERT INTO edges(pipeline, source, target) SELECT DISTINCT pipeline, source, target FROM handoffs;
CREATE TABLE payloads(pipeline TEXT NOT NULL, source TEXT NOT NULL, target TEXT NOT NULL, schema TEXT NOT NULL,
  version TEXT NOT NULL, PRIMARY KEY(pipeline, source, target, schema)) STRICT, WITHOUT ROWID;
DROP INDEX IF EXISTS events_refused;
ALTER TABLE runs ADD COLUMN refused INTEGER;
UPDATE runs SET refused = (SELECT max(cursor) FROM events WHERE run = runs.id AND type = 'handoff.rejected')
  WHERE NOT EXISTS (SELECT 1 FROM handoffs WHERE run = runs.id);
CREATE INDEX runs_refused ON runs(refused) WHERE refused IS NOT NULL;
ALTER TABLE runs ADD COLUMN notable INTEGER NOT NULL DEFAULT 0;
UPDATE runs SET notable = CASE
    WHEN body ->> '$.verdict.level' = 'looping' OR body ->> '$.storm_since' IS NOT NULL THEN 3
    WHEN body ->> '$.verdict.level' = 'stalled' THEN 2 WHEN body ->> '$.verdict.level' = 'iterating' THEN 1 ELSE 0 END
  WHERE NOT open AND json_valid(body);
CREATE INDEX runs_notable ON runs(notable, changed) WHERE notable;
CREATE TABLE offences(key TEXT PRIMARY KEY, message TEXT NOT NULL, count INTEGER NOT NULL, first INTEGER NOT NULL,
  last INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO offences(key, message, count, first, last)
  SELECT json_array(json_extract(of.body, '$.data.edge.pipeline'), json_extract(of.body, '$.data.edge.from'),
    json_extract(of.body, '$.data.edge.to'), json_extract(of.body, '$.data.producer'),
    json_extract(of.body, '$.data.model'), json_extract(of.body, '$.data.prompt'),
    json_extract(it.value, '$.path'), json_extract(it.value, '$.keyword')),
    json_extract(it.value, '$.message'), count(*), min(of.at), max(of.at)
  FROM events AS of, json_each(iif(json_valid(of.body), of.body, '{}'), '$.data.errors') AS it
  WHERE of.type = 'handoff.rejected' GROUP BY 1 ORDER BY 5 DESC LIMIT 500;
CREATE TABLE bodies(run TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY(run, digest)) STRICT, WITHOUT ROWID;
CREATE INDEX bodies_digest ON bodies(digest);
ALTER TABLE rollups RENAME TO slices;
CREATE TABLE rollups(span INTEGER NOT NULL, until INTEGER NOT NULL, edge TEXT NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY(span, until, edge)) STRICT;
INSERT INTO rollups(span, until, edge, body)
  SELECT span, until, json_extract(it.value, '$[0]'), json_extract(it.value, '$[1]')
  FROM slices, json_each(slices.body) AS it ORDER BY span, until;
DROP TABLE slices;
CREATE TABLE log(id TEXT NOT NULL) STRICT;
INSERT INTO log(id) VALUES (lower(hex(randomblob(8))));
CREATE TABLE rejections(id TEXT NOT NULL, run TEXT NOT NULL, PRIMARY KEY(id, run)) STRICT, WITHOUT ROWID;
INSERT INTO rejections(id, run)
  SELECT DISTINCT json_extract(it.value, '$.rejection.id'), runs.id
  FROM runs, json_each(runs.body, '$.rejections') AS it WHERE runs.open;
CREATE INDEX rejections_run ON rejections(run);
UPDATE handoffs SET timed = CAST(round(1000 * unixepoch(it.at, 'subsec')) AS INTEGER) FROM (
  SELECT json_extract(each.value, '$[1].id') AS id, json_extract(each.value, '$[1].last_change.at') AS at
  FROM runs, json_each(runs.body, '$.handoffs') AS each WHERE runs.open) AS it
  WHERE handoffs.id = it.id AND (ready IS NOT NULL OR due IS NOT NULL)
  AND (ready IS NOT NULL OR state NOT IN ('pending', 'retry_wait'));
ALTER TABLE handoffs ADD COLUMN nth INTEGER NOT NULL DEFAULT 0;
ALTER TABLE handoffs ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
ALTER TABLE handoffs ADD COLUMN body TEXT NOT NULL DEFAULT '';
CREATE INDEX handoffs_run ON handoffs(run, revision);
CREATE TABLE givers(digest TEXT NOT NULL, agent TEXT NOT NULL, PRIMARY KEY(digest, agent)) STRICT, WITHOUT ROWID;
INSERT INTO givers(digest, agent)
  SELECT digest, '' FROM blobs WHERE media_type <> 'application/vnd.handoff+json;v=1' AND digest NOT IN
    (SELECT coalesce(json_extract(iif(json_valid(body), body, '{}'), '$.data.result'), '') FROM events
     WHERE type = 'handoff.completed');
CREATE TABLE refs(digest TEXT NOT NULL, handoff TEXT NOT NULL, PRIMARY KEY(digest, handoff)) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO refs(digest, handoff)
  SELECT substr(json_extract(ref.value, '$.uri'), 6), json_extract(it.value, '$[1].id')
  FROM runs, json_each(runs.body, '$.handoffs') AS it
  JOIN blobs ON blobs.digest =
    coalesce(json_extract(it.value, '$[1].amended'), json_extract(it.value, '$[1].emission.digest')),
  json_each(iif(json_valid(CAST(blobs.bytes AS TEXT)), CAST(blobs.bytes AS TEXT), '{}'), '$.working_memory.refs') AS ref
  WHERE json_extract(ref.value, '$.uri') LIKE 'blob:%';
WITH told AS MATERIALIZED (
  SELECT it.key AS nth, json_extract(it.value, '$[0]') AS id, json_extract(it.value, '$[1]') AS body
  FROM runs, json_each(runs.body, '$.handoffs') AS it)
  UPDATE handoffs SET nth = told.nth, body = told.body FROM told WHERE handoffs.id = +told.id;
UPDATE runs SET body = json_remove(body, '$.handoffs');
UPDATE runs SET body = json_set(body, '$.retries',
    (SELECT json_group_array(it.value) FROM json_each(runs.body, '$.retries') AS it
     WHERE it.key >= json_array_length(runs.body, '$.retries') - 3))
  WHERE json_array_length(body, '$.retries') > 3;
",
];
/// Time a statement waits for a lock that SQLite itself takes for moments.
const BUSY: Duration = Duration::from_secs(5);

/// The tables and indexes of a new file. No word of the protocol stands in them.
const TABLES: &str = "
CREATE TABLE runs(id TEXT PRIMARY KEY, revision INTEGER NOT NULL, hash BLOB NOT NULL, open INTEGER NOT NULL,
  changed INTEGER NOT NULL, body TEXT NOT NULL, refused INTEGER, notable INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX runs_open ON runs(changed) WHERE open;
CREATE INDEX runs_refused ON runs(refused) WHERE refused IS NOT NULL;
CREATE INDEX runs_notable ON runs(notable, changed) WHERE notable;
CREATE TABLE events(cursor INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL, seq INTEGER NOT NULL, handoff TEXT,
  type TEXT NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL, prev_hash BLOB NOT NULL, hash BLOB NOT NULL,
  UNIQUE(run, seq)) STRICT;
CREATE TABLE handoffs(id TEXT PRIMARY KEY, run TEXT NOT NULL, key TEXT NOT NULL UNIQUE, pipeline TEXT NOT NULL,
  source TEXT NOT NULL, target TEXT NOT NULL, state TEXT NOT NULL, emitted INTEGER NOT NULL, ready INTEGER,
  prio INTEGER, due INTEGER, open INTEGER NOT NULL DEFAULT 0, timed INTEGER, nth INTEGER NOT NULL DEFAULT 0,
  revision INTEGER NOT NULL DEFAULT 1, body TEXT NOT NULL DEFAULT '') STRICT;
CREATE INDEX handoffs_ready ON handoffs(target, prio - ready, ready, id) WHERE ready IS NOT NULL;
CREATE INDEX handoffs_waiting ON handoffs(target, pipeline, source, prio - ready, ready, id) WHERE ready IS NOT NULL;
CREATE INDEX handoffs_due ON handoffs(due) WHERE due IS NOT NULL;
CREATE INDEX handoffs_run ON handoffs(run, revision);
CREATE INDEX handoffs_emitted ON handoffs(emitted, id);
CREATE INDEX handoffs_open ON handoffs(state, emitted, id) WHERE open;
CREATE TABLE edges(pipeline TEXT NOT NULL, source TEXT NOT NULL, target TEXT NOT NULL,
  PRIMARY KEY(pipeline, source, target)) STRICT, WITHOUT ROWID;
CREATE TABLE payloads(pipeline TEXT NOT NULL, source TEXT NOT NULL, target TEXT NOT NULL, schema TEXT NOT NULL,
  version TEXT NOT NULL, PRIMARY KEY(pipeline, source, target, schema)) STRICT, WITHOUT ROWID;
CREATE TABLE rollups(span INTEGER NOT NULL, until INTEGER NOT NULL, edge TEXT NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY(span, until, edge)) STRICT;
CREATE TABLE rejections(id TEXT NOT NULL, run TEXT NOT NULL, PRIMARY KEY(id, run)) STRICT, WITHOUT ROWID;
CREATE INDEX rejections_run ON rejections(run);
CREATE TABLE offences(key TEXT PRIMARY KEY, message TEXT NOT NULL, count INTEGER NOT NULL, first INTEGER NOT NULL,
  last INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE bodies(run TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY(run, digest)) STRICT, WITHOUT ROWID;
CREATE INDEX bodies_digest ON bodies(digest);
CREATE TABLE blobs(digest TEXT PRIMARY KEY, media_type TEXT NOT NULL, bytes BLOB NOT NULL) STRICT;
CREATE TABLE givers(digest TEXT NOT NULL, agent TEXT NOT NULL, PRIMARY KEY(digest, agent)) STRICT, WITHOUT ROWID;
CREATE TABLE refs(digest TEXT NOT NULL, handoff TEXT NOT NULL, PRIMARY KEY(digest, handoff)) STRICT, WITHOUT ROWID;
CREATE TABLE schemas(name TEXT NOT NULL, version TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY(name, version)) STRICT;
CREATE TABLE http_idem(scope TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, body TEXT NOT NULL,
  expires INTEGER NOT NULL, PRIMARY KEY(scope, key)) STRICT;
CREATE INDEX http_idem_expires ON http_idem(expires);
CREATE TABLE log(id TEXT NOT NULL) STRICT;
INSERT INTO log(id) VALUES (lower(hex(randomblob(8))));
";

/// Opens or makes the file for writing, and brings an older one to the present format.
pub(super) fn open(path: &Path, synchronous: &str) -> Result<Connection, StoreError> {
    let failed = |why: rusqlite::Error| StoreError::sqlite(path, &why);
    let mut connection = Connection::open(path).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    if format_of(&connection, path)? < FORMAT {
        // Others may be about to do the same: who comes second finds it done.
        let change = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let found = format_of(&change, path)?;
        if found == 0 {
            change.execute_batch(TABLES).map_err(failed)?;
            change.pragma_update(None, "application_id", APPLICATION).map_err(failed)?;
        } else {
            for upgrade in UPGRADES.iter().skip(found as usize - 1) {
                change.execute_batch(upgrade).map_err(failed)?;
            }
        }
        change.pragma_update(None, "user_version", FORMAT).map_err(failed)?;
        change.commit().map_err(failed)?;
        if (1..FORMAT).contains(&found) {
            tracing::warn!(
                "{}: brought from store format {found} to {FORMAT}; an older Seamwatch does not read it any more",
                path.display()
            );
        }
    }
    let setup = format!("PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous};");
    connection.execute_batch(&setup).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// The format of a store that this program can use; 0 for a file that is still empty.
fn format_of(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    let number = |sql: &str| {
        let found = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        found.map_err(|why| StoreError::sqlite(path, &why))
    };
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let application = number("PRAGMA application_id")?;
    let format = number("PRAGMA user_version")?;
    if tables == 0 && application == 0 && format == 0 {
        return Ok(0);
    }
    if application != APPLICATION {
        let whose = if application == 0 {
            format!("it has {tables} tables that are not ours")
        } else {
            format!("its application id is {application:#x}")
        };
        return Err(StoreError::Foreign(path.to_owned(), whose));
    }
    if format > FORMAT {
        return Err(StoreError::Newer { path: path.to_owned(), found: format, known: FORMAT });
    }
    Ok(format)
}

/// Leaves a store to its owner: it holds contracts and answers as they are, unmasked. SQLite makes its own files with the
/// rights of the store, and a new one has these rights; what was made before, or opened up, is narrowed, and that is said.
pub(super) fn narrow(real: &Path) {
    for path in ["", "-wal", "-shm", ".lock", secret::END].map(|end| beside(real, end)) {
        let Ok(now) = path.metadata().map(|it| it.permissions().mode() & 0o777) else { continue };
        let mode = now & OWNER_ONLY;
        if mode == now {
            continue;
        }
        let narrowed = fs::set_permissions(&path, Permissions::from_mode(mode));
        let path = path.display();
        match narrowed {
            Ok(()) => {
                tracing::warn!("{path} was open to other users of this machine ({now:o}); only its owner reads it now");
            }
            Err(why) => {
                tracing::warn!(
                    "{path} is open to other users of this machine ({now:o}), which cannot be changed: {why}"
                );
            }
        }
    }
}

/// Opens the file for reading; it exists.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|why| StoreError::sqlite(path, &why))?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// A store that is only looked at, whoever else has it: that needs no place to write.
pub(super) struct Looked {
    /// Path of the store, as it was named.
    path: PathBuf,
    /// How SQLite is told to open it.
    uri: String,
    /// Keeps others from writing what is looked at; `None` where somebody does, by way of SQLite. To be dropped after the
    /// connections.
    held: Option<Held>,
}

impl Looked {
    /// Finds out how the file can be looked at. One that nobody has open, and that was closed well, is taken as it is, as
    /// nothing changes it meanwhile; else SQLite has to see what is in its log.
    ///
    /// # Errors
    /// It cannot be read, or is no store of the present format.
    pub(super) fn new(path: &Path) -> Result<Self, StoreError> {
        let failed = |why: std::io::Error| StoreError::Io(path.to_owned(), why.to_string());
        let real = path.canonicalize().map_err(failed)?;
        let held = Held::look(&real).map_err(failed)?;
        let wal = beside(&real, "-wal");
        let empty = wal.metadata().map_or(true, |it| it.len() == 0);
        let closed = held.is_some() && empty && !beside(&real, "-shm").exists();
        let name = real.to_str().ok_or_else(|| failed(std::io::Error::other("its path is no UTF-8")))?;
        let name = name.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
        let uri = format!("file:{name}{}", if closed { "?immutable=1" } else { "" });
        let looked = Self { path: path.to_owned(), uri, held };
        let format = looked.connect().and_then(|db| format_of(&db, path)).map_err(|why| match why {
            StoreError::NotWritable(path, why) if !closed => StoreError::NotClosed(path, wal, why),
            why => why,
        })?;
        if format < FORMAT {
            return Err(StoreError::Older { path: path.to_owned(), found: format, known: FORMAT });
        }
        Ok(looked)
    }

    /// A connection to look with.
    pub(super) fn connect(&self) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let opened = Connection::open_with_flags(&self.uri, flags).and_then(|connection| {
            connection.busy_timeout(BUSY)?;
            connection.set_prepared_statement_cache_capacity(64);
            Ok(connection)
        });
        opened.map_err(|why| StoreError::sqlite(&self.path, &why))
    }

    /// Path of the store.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether nobody writes it meanwhile.
    pub(super) const fn is_alone(&self) -> bool {
        self.held.is_some()
    }
}
