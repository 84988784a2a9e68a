//! The one thread that writes: everything that waits goes into one transaction, and so into one sync of the disk.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use tokio::sync::{mpsc, oneshot, watch};

use super::recent::Recent;
use super::rollup::Minute;
use crate::domain::canonical::canonical;
use crate::domain::id::HandoffId;
use crate::domain::run::{Handoff, queue};
use crate::domain::time::Time;
use crate::store::commit::{Change, Commit};
use crate::store::verify::hash as chain;
use crate::store::{CommitError, Position, StoreError, Version};

/// The most commits in one transaction.
const GROUP: usize = 512;

/// A commit, written out by its caller so that the writer has little left to do.
pub(super) struct Job {
    commit: Commit,
    bodies: Vec<Vec<u8>>,
    run: String,
    reply: oneshot::Sender<Result<Position, CommitError>>,
}

impl Job {
    pub(super) fn new(commit: Commit, reply: oneshot::Sender<Result<Position, CommitError>>) -> Self {
        let change = commit.change.as_ref();
        let json = |event| {
            let value = serde_json::to_value(event);
            canonical(&value.expect("an event has string keys only, so JSON can hold it"))
        };
        Self {
            bodies: change.map_or_else(Vec::new, |it| it.events.iter().map(json).collect()),
            run: change.map_or_else(String::new, |it| {
                serde_json::to_string(&it.run).expect("a run has string keys only, so JSON can hold it")
            }),
            commit,
            reply,
        }
    }
}

/// The writer's connection and what it remembers between transactions.
pub(super) struct Writer {
    db: Connection,
    path: PathBuf,
    minute: Minute,
    recent: Arc<Mutex<Recent>>,
    changed: watch::Sender<Position>,
    failing: Arc<Mutex<Option<StoreError>>>,
}

impl Writer {
    pub(super) fn new(
        db: Connection,
        path: &Path,
        recent: Arc<Mutex<Recent>>,
        failing: Arc<Mutex<Option<StoreError>>>,
    ) -> Result<(Self, watch::Receiver<Position>), StoreError> {
        let sql = "SELECT coalesce(max(cursor), 0) FROM events";
        let cursor: i64 = db.query_row(sql, [], |row| row.get(0)).map_err(|why| StoreError::sqlite(path, &why))?;
        let (changed, seen) = watch::channel(cursor as Position);
        let minute = Minute::load(&db)?;
        let path = path.to_owned();
        Ok((Self { db, path, minute, recent, changed, failing }, seen))
    }

    /// Writes until nobody can send any more.
    pub(super) fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Job>) {
        while let Some(first) = inbox.blocking_recv() {
            let mut group = vec![first];
            while group.len() < GROUP
                && let Ok(next) = inbox.try_recv()
            {
                group.push(next);
            }
            self.write(group);
        }
        let _ = self.db.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);");
    }

    fn write(&mut self, group: Vec<Job>) {
        let done = self.transaction(&group);
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
        if !self.db.is_autocommit() {
            let _ = self.db.execute_batch("ROLLBACK");
        }
        // What was entered in memory was not written.
        self.minute = Minute::load(&self.db).unwrap_or_default();
        if why == CommitError::Conflict && group.len() > 1 {
            // One of them met a row of somebody else: only that one is refused.
            for job in group {
                self.write(vec![job]);
            }
        } else {
            for job in group {
                let _ = job.reply.send(Err(why.clone()));
            }
        }
    }

    /// Makes known what was written: the runs before the position, so that nobody who is told reads an older one.
    fn written(&self, group: Vec<Job>, results: Vec<Result<Position, CommitError>>) {
        let latest = results.iter().flatten().copied().max().unwrap_or(0);
        let mut replies = Vec::with_capacity(group.len());
        if let Ok(mut recent) = self.recent.lock() {
            for (job, result) in group.into_iter().zip(results) {
                if let (Ok(_), Some(change)) = (&result, job.commit.change) {
                    recent.put(change.run, change.expect + 1);
                }
                replies.push((job.reply, result));
            }
        }
        self.changed.send_if_modified(|cursor| {
            let moved = latest > *cursor;
            *cursor = latest.max(*cursor);
            moved
        });
        for (reply, result) in replies {
            let _ = reply.send(result);
        }
    }

    /// All of the group in one transaction. A commit on a version that has moved is refused before anything of it
    /// is written, which takes only that one out.
    ///
    /// # Errors
    /// Nothing of the group stays: [`CommitError::Conflict`] when one of several was half written.
    fn transaction(&mut self, group: &[Job]) -> Result<Vec<Result<Position, CommitError>>, CommitError> {
        let path = self.path.clone();
        let failed = |why: rusqlite::Error| StoreError::sqlite(&path, &why);
        self.db.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
        let mut results = Vec::with_capacity(group.len());
        for job in group {
            let result = match self.apply(job) {
                Ok(written) => written.ok_or(CommitError::Conflict),
                Err(why) if is_taken(&why) => return Err(CommitError::Conflict),
                Err(why) => return Err(failed(why).into()),
            };
            if let (Ok(_), Some(change)) = (&result, &job.commit.change) {
                for (at, edge, entry) in &change.book {
                    self.minute.enter(&self.db, *at, edge, *entry)?;
                }
            }
            results.push(result);
        }
        self.minute.save(&self.db)?;
        self.db.execute_batch("COMMIT").map_err(failed)?;
        Ok(results)
    }

    /// Writes one commit; `None`, and nothing written, when its run moved or its key was answered before.
    fn apply(&self, job: &Job) -> rusqlite::Result<Option<Position>> {
        let db = &self.db;
        let mut hash = Vec::new();
        if let Some(it) = &job.commit.change {
            let mut found = db.prepare_cached("SELECT revision, hash FROM runs WHERE id = ?1")?;
            let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get(1)?));
            let known = found.query_row([it.run.id.as_str()], row).optional()?;
            let revision;
            (revision, hash) = known.unwrap_or_default();
            if revision as Version != it.expect {
                return Ok(None);
            }
        }
        if let Some(it) = &job.commit.answered {
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
        for blob in &job.commit.blobs {
            let sql = "INSERT INTO blobs(digest, media_type, bytes) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
            db.prepare_cached(sql)?.execute(params![blob.digest, blob.media_type, blob.bytes])?;
        }
        if let Some((name, version, schema)) = &job.commit.schema {
            let sql = "INSERT INTO schemas(name, version, body) VALUES (?1, ?2, ?3)
                       ON CONFLICT DO UPDATE SET body = excluded.body";
            db.prepare_cached(sql)?.execute(params![name, version, schema.to_string()])?;
        }
        match &job.commit.change {
            Some(change) => self.change(change, job, hash).map(Some),
            None => Ok(Some(0)),
        }
    }

    /// Writes events, run and index; `hash` ends the chain so far.
    fn change(&self, it: &Change, job: &Job, mut hash: Vec<u8>) -> rusqlite::Result<Position> {
        let db = &self.db;
        let id = it.run.id.as_str();
        let mut cursor = 0;
        let sql = "INSERT INTO events(run, seq, handoff, type, at, body, prev_hash, hash)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let mut insert = db.prepare_cached(sql)?;
        for (event, body) in it.events.iter().zip(&job.bodies) {
            let next = chain(&hash, body);
            insert.execute(params![
                id,
                event.seq as i64,
                event.handoff.as_ref().map(HandoffId::as_str),
                event.fact.name(),
                event.at.millis(),
                String::from_utf8_lossy(body),
                hash,
                next
            ])?;
            hash = next;
            cursor = db.last_insert_rowid() as Position;
        }
        let sql = "INSERT INTO runs(id, revision, hash, open, changed, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                   ON CONFLICT DO UPDATE SET revision = excluded.revision, hash = excluded.hash,
                   open = excluded.open, changed = excluded.changed, body = excluded.body";
        db.prepare_cached(sql)?.execute(params![
            id,
            it.expect as i64 + 1,
            hash,
            it.run.is_open(),
            it.run.changed_at.millis(),
            job.run
        ])?;
        for handoff in it.touched.iter().filter_map(|id| it.run.handoffs.get(id)) {
            self.index(id, handoff)?;
        }
        Ok(cursor)
    }

    fn index(&self, run: &str, it: &Handoff) -> rusqlite::Result<()> {
        let sql = "INSERT INTO handoffs(id, run, key, pipeline, source, target, state, emitted, ready, prio, due)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
                   ON CONFLICT(id) DO UPDATE SET state = excluded.state, ready = excluded.ready,
                   prio = excluded.prio, due = excluded.due WHERE run = excluded.run";
        let edge = &it.emission.edge;
        let written = self.db.prepare_cached(sql)?.execute(params![
            it.id.as_str(),
            run,
            it.emission.terms.as_ref().map(|it| &*it.key).unwrap_or_default(),
            &*edge.pipeline,
            &*edge.from,
            &*edge.to,
            it.state.word(),
            it.emitted_at.map_or(0, Time::millis),
            queue::claimable(it).map(Time::millis),
            queue::place(it).map(Time::millis),
            queue::due(it).map(Time::millis)
        ])?;
        match written {
            1 => Ok(()),
            // The id belongs to another run.
            none => Err(rusqlite::Error::StatementChangedRows(none)),
        }
    }
}

/// Whether a row that must be new, or of the same run, is there already.
fn is_taken(why: &rusqlite::Error) -> bool {
    matches!(why, rusqlite::Error::StatementChangedRows(_))
        || why.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}
