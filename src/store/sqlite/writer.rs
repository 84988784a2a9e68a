//! The one thread that writes: everything that waits goes into one transaction, and so into one sync of the disk.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use tokio::sync::{mpsc, oneshot, watch};

use super::standing::Standing;
use super::{refused, rollup};
use crate::domain::id::HandoffId;
use crate::domain::time::Time;
use crate::store::commit::{Change, Commit, Row};
use crate::store::verify::hash as chain;
use crate::store::{Aside, CommitError, Position, REFUSED_TYPE, StoreError, Unreadable, Version};

/// The most commits in one transaction.
const GROUP: usize = 512;

/// Bytes of a blob from which on a commit is in a transaction of its own, after all that wait meanwhile.
const LARGE: usize = 512 * 1024;

/// Something to do for the writer.
pub(super) enum Job {
    Write(Box<Write>),
    /// Look whether the files are still those that were opened; answered when that is known.
    Look(oneshot::Sender<()>),
}

/// A commit, and who waits for it.
pub(super) struct Write {
    /// Everything to write.
    pub(super) commit: Commit,
    /// Where the position of its last event, or the reason why nothing was written, is waited for.
    pub(super) reply: oneshot::Sender<Result<Position, CommitError>>,
}

impl Write {
    /// Nothing but bytes to keep, and so many that others would notice.
    fn is_large(&self) -> bool {
        self.commit.change.is_none() && self.commit.blobs.iter().any(|it| it.bytes.len() >= LARGE)
    }
}

/// The writer's connection; it remembers nothing between transactions that another writer could change.
pub(super) struct Writer {
    db: Connection,
    path: PathBuf,
    changed: Arc<watch::Sender<Position>>,
    failing: Arc<Mutex<Option<StoreError>>>,
    standing: Arc<Standing>,
    aside: Arc<Aside>,
}

impl Writer {
    pub(super) fn new(
        db: Connection,
        path: &Path,
        changed: Arc<watch::Sender<Position>>,
        failing: Arc<Mutex<Option<StoreError>>>,
        standing: Arc<Standing>,
        aside: Arc<Aside>,
    ) -> Self {
        Self { db, path: path.to_owned(), changed, failing, standing, aside }
    }

    /// Writes until nobody can send any more.
    pub(super) fn run(self, mut inbox: mpsc::UnboundedReceiver<Job>) {
        let mut large = VecDeque::new();
        loop {
            let first = if large.is_empty() { inbox.blocking_recv() } else { inbox.try_recv().ok() };
            if first.is_none() && large.is_empty() {
                break;
            }
            let (mut group, mut looking) = (Vec::new(), Vec::new());
            let mut next = first;
            while let Some(job) = next {
                match job {
                    Job::Write(it) if it.is_large() => large.push_back(*it),
                    Job::Write(it) => group.push(*it),
                    Job::Look(reply) => looking.push(reply),
                }
                next = if group.len() < GROUP { inbox.try_recv().ok() } else { None };
            }
            for group in [group, large.pop_front().into_iter().collect()] {
                if group.is_empty() && looking.is_empty() {
                    continue;
                }
                match self.standing.check(&self.db) {
                    Ok(()) if group.is_empty() => {}
                    Ok(()) => self.write(group),
                    Err(why) => refuse(group, &why.into()),
                }
                for reply in looking.drain(..) {
                    let _ = reply.send(());
                }
            }
        }
        self.standing.close(&self.db);
    }

    fn write(&self, group: Vec<Write>) {
        let done = self.transaction(&group);
        if !self.db.is_autocommit() {
            let _ = self.db.execute_batch("ROLLBACK");
        }
        self.standing.written(&self.db);
        if let Ok(mut failing) = self.failing.lock() {
            *failing = match &done {
                Err(CommitError::Store(why)) => Some(why.clone()),
                Ok(_) | Err(CommitError::Conflict) => None,
            };
        }
        let why = match done {
            Ok(results) => return self.written(group, results),
            Err(why) => why,
        };
        let of_one = matches!(why, CommitError::Conflict | CommitError::Store(StoreError::Corrupt(..)));
        if of_one && group.len() > 1 {
            // One of them met a row of somebody else, or a damaged place of the file: only that one is refused.
            for job in group {
                self.write(vec![job]);
            }
        } else {
            refuse(group, &why);
        }
    }

    /// Makes known what was written.
    fn written(&self, group: Vec<Write>, results: Vec<Result<Position, CommitError>>) {
        reached(&self.changed, results.iter().flatten().copied().max().unwrap_or(0));
        for (job, result) in group.into_iter().zip(results) {
            let _ = job.reply.send(result);
        }
    }

    /// All of the group in one transaction. A commit on a version that has moved is refused before anything of it
    /// is written, which takes only that one out.
    ///
    /// # Errors
    /// Nothing of the group stays: [`CommitError::Conflict`] when one of several was half written.
    fn transaction(&self, group: &[Write]) -> Result<Vec<Result<Position, CommitError>>, CommitError> {
        let path = self.path.clone();
        let failed = |why: rusqlite::Error| StoreError::sqlite(&path, &why);
        self.db.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
        let mut results = Vec::with_capacity(group.len());
        let mut tallies: rollup::Deltas<'_> = BTreeMap::new();
        let mut offences: refused::Deltas = BTreeMap::new();
        for job in group {
            let result = match self.apply(&job.commit) {
                Ok(written) => written.ok_or(CommitError::Conflict),
                Err(why) if is_taken(&why) => return Err(CommitError::Conflict),
                Err(why) => return Err(failed(why).into()),
            };
            if let (Ok(_), Some(change)) = (&result, &job.commit.change) {
                for (end, edge, tally) in &change.tallies {
                    tallies.entry((*end, edge)).or_default().add(tally);
                }
                refused::group(&mut offences, &change.offences);
            }
            results.push(result);
        }
        self.figures(tallies).map_err(|why| why.at(&path))?;
        refused::add(&self.db, &offences).map_err(failed)?;
        self.db.execute_batch("COMMIT").map_err(failed)?;
        Ok(results)
    }

    /// Adds what happened to the figures. Where the file is damaged they go without it: nobody's work waits for figures.
    fn figures(&self, tallies: rollup::Deltas<'_>) -> Result<(), StoreError> {
        self.db.execute_batch("SAVEPOINT figures")?;
        match rollup::add(&self.db, tallies) {
            Err(StoreError::Corrupt(_, why)) => {
                let id = "of the present minute".to_owned();
                self.aside.note(&Unreadable { table: "rollups", id, why });
                self.db.execute_batch("ROLLBACK TO figures; RELEASE figures")?;
                Ok(())
            }
            Ok(()) => Ok(self.db.execute_batch("RELEASE figures")?),
            Err(why) => Err(why),
        }
    }

    /// Writes one commit; `None`, and nothing written, when its run or the one it was decided by moved, its schema does not
    /// follow the latest, or its key was answered before.
    fn apply(&self, commit: &Commit) -> rusqlite::Result<Option<Position>> {
        let db = &self.db;
        let mut hash = Vec::new();
        if let Some(it) = &commit.change {
            let mut found = db.prepare_cached("SELECT revision, hash FROM runs WHERE id = ?1")?;
            let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get(1)?));
            let known = found.query_row([it.run.as_str()], row).optional()?;
            let revision;
            (revision, hash) = known.unwrap_or_default();
            if revision as Version != it.expect {
                return Ok(None);
            }
        }
        if let Some((run, expect)) = &commit.besides {
            let mut found = db.prepare_cached("SELECT revision FROM runs WHERE id = ?1")?;
            let known = found.query_row([run.as_str()], |row| row.get::<_, i64>(0)).optional()?;
            if known.unwrap_or_default() as Version != *expect {
                return Ok(None);
            }
        }
        if let Some(it) = &commit.schema {
            let sql = "SELECT coalesce(max(rowid), 0) FROM schemas";
            let latest: i64 = db.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
            if latest as u64 != it.after {
                return Ok(None);
            }
        }
        if let Some(it) = &commit.answered {
            // More than one comes with each, so they grow less, and no request waits for a whole day of them.
            let sql = "DELETE FROM http_idem WHERE rowid IN
                       (SELECT rowid FROM http_idem WHERE expires < ?1 ORDER BY expires LIMIT 10)";
            let now = it.at.millis();
            db.prepare_cached(sql)?.execute([now])?;
            let sql = "INSERT INTO http_idem(scope, key, fingerprint, body, expires) VALUES (?1, ?2, ?3, ?4, ?5)
                       ON CONFLICT DO UPDATE SET fingerprint = excluded.fingerprint, body = excluded.body,
                       expires = excluded.expires WHERE http_idem.expires < ?6";
            let body = it.body.to_string();
            let expires = it.expires.millis();
            let values = params![it.scope, it.key, it.fingerprint, body, expires, now];
            if db.prepare_cached(sql)?.execute(values)? == 0 {
                return Ok(None);
            }
        }
        for blob in &commit.blobs {
            // What was there as the body of a refused contract, and would go with it, is kept from now on.
            let sql = "INSERT INTO blobs(digest, media_type, bytes) VALUES (?1, ?2, ?3)
                       ON CONFLICT DO UPDATE SET media_type = excluded.media_type WHERE media_type = ?4";
            db.prepare_cached(sql)?.execute(params![blob.digest, blob.media_type, blob.bytes, REFUSED_TYPE])?;
        }
        if let Some(it) = &commit.change {
            for blob in commit.blobs.iter().filter(|it| it.media_type == REFUSED_TYPE) {
                let sql = "INSERT INTO bodies(run, digest) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
                db.prepare_cached(sql)?.execute([it.run.as_str(), &blob.digest])?;
            }
        }
        for (digest, agent) in &commit.givers {
            let sql = "INSERT INTO givers(digest, agent) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            db.prepare_cached(sql)?.execute([digest, agent])?;
        }
        for (digest, handoff) in &commit.references {
            let sql = "INSERT INTO refs(digest, handoff) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            db.prepare_cached(sql)?.execute([digest, handoff.as_str()])?;
        }
        if let Some(it) = &commit.schema {
            // One of this name that is there already cannot be read: nobody knew it.
            let sql = "INSERT OR REPLACE INTO schemas(rowid, name, version, body)
                       VALUES ((SELECT coalesce(max(rowid), 0) + 1 FROM schemas), ?1, ?2, ?3)";
            db.prepare_cached(sql)?.execute(params![it.name, it.version, it.body.to_string()])?;
        }
        match &commit.change {
            Some(change) => self.change(change, hash).map(Some),
            None => Ok(Some(0)),
        }
    }

    /// Writes events, run and index; `hash` ends the chain so far.
    fn change(&self, it: &Change, mut hash: Vec<u8>) -> rusqlite::Result<Position> {
        let db = &self.db;
        let id = it.run.as_str();
        let mut cursor = 0;
        let sql = "INSERT INTO events(run, seq, handoff, type, at, body, prev_hash, hash)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let mut insert = db.prepare_cached(sql)?;
        for event in &it.events {
            let next = chain(&hash, event.body.as_bytes());
            insert.execute(params![
                id,
                event.seq as i64,
                event.handoff.as_ref().map(HandoffId::as_str),
                event.name,
                event.at.millis(),
                event.body,
                hash,
                next
            ])?;
            hash = next;
            cursor = db.last_insert_rowid() as Position;
        }
        let sql = "INSERT INTO runs(id, revision, hash, open, changed, body, refused, notable)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                   ON CONFLICT DO UPDATE SET revision = excluded.revision, hash = excluded.hash,
                   open = excluded.open, changed = excluded.changed, body = excluded.body,
                   refused = excluded.refused, notable = excluded.notable";
        db.prepare_cached(sql)?.execute(params![
            id,
            it.expect as i64 + 1,
            hash,
            it.open,
            it.changed.millis(),
            it.body,
            it.refused.then_some(cursor as i64),
            it.notable
        ])?;
        for row in &it.index {
            self.index(it, row)?;
        }
        for (edge, schema, version) in &it.payloads {
            let sql = "INSERT INTO payloads(pipeline, source, target, schema, version) VALUES (?1, ?2, ?3, ?4, ?5)
                       ON CONFLICT DO UPDATE SET version = excluded.version WHERE version <> excluded.version";
            db.prepare_cached(sql)?.execute([&*edge.pipeline, &*edge.from, &*edge.to, schema, version])?;
        }
        for (rejection, kept) in &it.rejections {
            let sql = if *kept {
                "INSERT INTO rejections(id, run) VALUES (?1, ?2) ON CONFLICT DO NOTHING"
            } else {
                "DELETE FROM rejections WHERE id = ?1 AND run = ?2"
            };
            db.prepare_cached(sql)?.execute([rejection, id])?;
        }
        if it.refused {
            refused::bound(db, it)?;
        }
        Ok(cursor)
    }

    fn index(&self, of: &Change, it: &Row) -> rusqlite::Result<()> {
        let sql = "INSERT INTO handoffs(id, run, key, pipeline, source, target, state, emitted, ready, prio, due,
                   open, timed, nth, revision, body)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
                   ON CONFLICT(id) DO UPDATE SET state = excluded.state, ready = excluded.ready,
                   prio = excluded.prio, due = excluded.due, open = excluded.open, timed = excluded.timed,
                   revision = excluded.revision, body = excluded.body WHERE run = excluded.run";
        let edge = &it.edge;
        let written = self.db.prepare_cached(sql)?.execute(params![
            it.id.as_str(),
            of.run.as_str(),
            it.key,
            &*edge.pipeline,
            &*edge.from,
            &*edge.to,
            it.state.word(),
            it.emitted.millis(),
            it.ready.map(Time::millis),
            it.place.map(Time::millis),
            it.due.map(Time::millis),
            it.open,
            it.timed.map(Time::millis),
            it.nth as i64,
            of.expect as i64 + 1,
            it.body
        ])?;
        let sql = "INSERT INTO edges(pipeline, source, target) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        self.db.prepare_cached(sql)?.execute([&*edge.pipeline, &*edge.from, &*edge.to])?;
        match written {
            1 => Ok(()),
            // The id belongs to another run.
            none => Err(rusqlite::Error::StatementChangedRows(none)),
        }
    }
}

/// Tells everybody of a group why nothing was written.
fn refuse(group: Vec<Write>, why: &CommitError) {
    for it in group {
        // Who went away is not told.
        let _ = it.reply.send(Err(why.clone()));
    }
}

/// Tells those who watch that the log has grown to `position`.
pub(super) fn reached(changed: &watch::Sender<Position>, position: Position) {
    changed.send_if_modified(|known| {
        let grown = position > *known;
        *known = position.max(*known);
        grown
    });
}

/// Whether a row that must be new, or of the same run, is there already.
fn is_taken(why: &rusqlite::Error) -> bool {
    matches!(why, rusqlite::Error::StatementChangedRows(_))
        || why.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}
