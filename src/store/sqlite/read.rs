//! Queries of a store: runs, queues, timers, the log and stored bytes.

use std::sync::Arc;

use futures_util::future::FutureExt;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;
use tokio::sync::watch;

use super::rows::events;
use super::snapshot::snapshot;
use super::{Sqlite, queue, runs, secret};
use crate::domain::event::Event;
use crate::domain::id::{Edge, HandoffId, RunId};
use crate::domain::port::Snapshot;
use crate::domain::run::{Handoff, Run};
use crate::domain::time::{Present, Time};
use crate::store::{
    Answer, Blob, Commit, CommitError, Due, Filter, Giver, Link, Listed, Position, Ready, Schema, Store, StoreError,
    Version,
};

/// The most rows of one page.
const PAGE: usize = 200;

impl Store for Sqlite {
    fn is_alone(&self) -> bool {
        self.inner.lock.is_exclusive()
    }

    fn watch(&self) -> watch::Receiver<Position> {
        self.inner.changed.clone()
    }

    fn health(&self) -> Option<StoreError> {
        let failing = || self.inner.failing.lock().ok().and_then(|it| it.clone());
        self.inner.standing.wrong().or_else(failing)
    }

    fn secret(&self) -> Answer<'_, [u8; 32]> {
        let inner = Arc::clone(&self.inner);
        let work = move || secret::secret(inner.lock.real());
        async move { tokio::task::spawn_blocking(work).await.unwrap_or(Err(StoreError::Closed)) }.boxed()
    }

    fn commit(&self, commit: Commit) -> Answer<'_, Position, CommitError> {
        self.write(commit).boxed()
    }

    fn load(&self, run: &RunId) -> Answer<'_, Option<(Run, Version)>> {
        let run = run.clone();
        self.read(move |db| {
            let found = runs::load(db, &run, None)?;
            Ok(found.map(|(run, version)| (Arc::unwrap_or_clone(run), version)))
        })
    }

    fn reload(&self, run: Arc<Run>, version: Version) -> Answer<'_, Option<(Arc<Run>, Version)>> {
        self.read(move |db| {
            let id = run.id.clone();
            runs::load(db, &id, Some((run, version)))
        })
    }

    fn ready(&self, agent: &str, now: Present, n: usize, paused: Vec<Edge>) -> Answer<'_, Ready> {
        let agent = agent.to_owned();
        self.read(move |db| queue::ready(db, &agent, now, n, &paused))
    }

    fn due(&self, now: Present, n: usize) -> Answer<'_, Due> {
        let (now, late) = (now.now.millis(), (now.now + now.behind).millis());
        self.read(move |db| {
            // Between `now` and `late` only what was timed before the clock was set back.
            let sql = "SELECT run, id FROM handoffs WHERE due <= ?2
                       AND (due <= ?1 OR (ready IS NULL AND timed > ?1)) ORDER BY due LIMIT ?3";
            let mut statement = db.prepare_cached(sql)?;
            let found = statement.query_map(params![now, late, n as i64], pair)?.collect::<Result<_, _>>()?;
            let sql = "SELECT min(due) FROM handoffs WHERE due > ?1";
            let next: Option<i64> = db.prepare_cached(sql)?.query_row([now], |row| row.get(0))?;
            Ok(Due { found, next: next.map(Time::from_millis) })
        })
    }

    fn latest_change(&self) -> Answer<'_, Option<Time>> {
        self.read(|db| {
            let sql = "SELECT max(changed) FROM runs WHERE open";
            let latest: Option<i64> = db.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
            Ok(latest.map(Time::from_millis))
        })
    }

    fn tail(&self, after: Position, limit: usize) -> Answer<'_, Vec<(Position, Event)>> {
        self.read(move |db| {
            let sql = "SELECT cursor, body FROM events WHERE cursor > ?1 ORDER BY cursor LIMIT ?2";
            events(db, sql, params![after as i64, limit as i64])
        })
    }

    fn run_of(&self, handoff: &HandoffId) -> Answer<'_, Option<RunId>> {
        let id = handoff.as_str().to_owned();
        self.read(move |db| {
            let mut statement = db.prepare_cached("SELECT run FROM handoffs WHERE id = ?1")?;
            let found: Option<String> = statement.query_row([id], |row| row.get(0)).optional()?;
            Ok(found.map(RunId::from))
        })
    }

    fn handoff(&self, id: &HandoffId) -> Answer<'_, Option<(RunId, Handoff)>> {
        let id = id.as_str().to_owned();
        self.read(move |db| {
            let mut statement = db.prepare_cached("SELECT run, body FROM handoffs WHERE id = ?1")?;
            let found = statement.query_row([id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            found.map(|(run, body): (String, String)| Ok((run.into(), serde_json::from_str(&body)?))).transpose()
        })
    }

    fn timeline(&self, run: &RunId) -> Answer<'_, Vec<Event>> {
        let run = run.clone();
        self.read(move |db| timeline(db, &run))
    }

    fn chain(&self, run: &RunId) -> Answer<'_, Vec<Link>> {
        let run = run.clone();
        self.read(move |db| {
            let sql = "SELECT seq, body, prev_hash, hash FROM events WHERE run = ?1 ORDER BY seq";
            let mut statement = db.prepare_cached(sql)?;
            let row = |row: &rusqlite::Row<'_>| {
                let seq: i64 = row.get(0)?;
                Ok(Link { seq: seq as u64, body: row.get(1)?, previous: row.get(2)?, hash: row.get(3)? })
            };
            Ok(statement.query_map([run.as_str()], row)?.collect::<Result<_, _>>()?)
        })
    }

    fn snapshot(&self, now: Time) -> Answer<'_, Snapshot> {
        self.read(move |db| snapshot(db, now))
    }

    fn refused_in(&self, rejection: &str) -> Answer<'_, Option<RunId>> {
        let id = rejection.to_owned();
        self.read(move |db| {
            let sql = "SELECT it.run FROM rejections AS it JOIN runs ON runs.id = it.run WHERE it.id = ?1
                       ORDER BY runs.refused IS NULL, it.run LIMIT 1";
            let mut statement = db.prepare_cached(sql)?;
            let found: Option<String> = statement.query_row([id], |row| row.get(0)).optional()?;
            Ok(found.map(RunId::from))
        })
    }

    fn refusing(&self) -> Answer<'_, Vec<Run>> {
        self.read(|db| {
            let sql = "SELECT body FROM runs WHERE id IN (SELECT run FROM rejections)";
            let mut statement = db.prepare_cached(sql)?;
            let mut rows = statement.query([])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(serde_json::from_str(row.get_ref(0)?.as_str().unwrap_or_default())?);
            }
            Ok(found)
        })
    }

    fn list(&self, filter: Filter, page: Option<String>, limit: usize) -> Answer<'_, Listed> {
        self.read(move |db| list(db, &filter, page.as_deref(), limit.clamp(1, PAGE)))
    }

    fn blob(&self, digest: &str) -> Answer<'_, Option<Blob>> {
        let digest = digest.to_owned();
        self.read(move |db| {
            let sql = "SELECT media_type, bytes FROM blobs WHERE digest = ?1";
            let mut statement = db.prepare_cached(sql)?;
            let blob = statement.query_row([&digest], |row| {
                Ok(Blob { digest: digest.clone(), media_type: row.get(0)?, bytes: row.get(1)? })
            });
            Ok(blob.optional()?)
        })
    }

    fn givers(&self, digest: &str) -> Answer<'_, Vec<Giver>> {
        let digest = digest.to_owned();
        self.read(move |db| {
            let mut statement = db.prepare_cached("SELECT agent FROM givers WHERE digest = ?1")?;
            Ok(statement.query_map([digest], |row| row.get(0))?.collect::<Result<_, _>>()?)
        })
    }

    fn given_bytes(&self) -> Answer<'_, u64> {
        self.read(|db| {
            let sql = "SELECT coalesce(sum(max(length(bytes), 1024)), 0) FROM blobs
                       WHERE digest IN (SELECT digest FROM givers)";
            let bytes: i64 = db.query_row(sql, [], |row| row.get(0))?;
            Ok(bytes as u64)
        })
    }

    fn referring(&self, digest: &str, names: Vec<String>, n: usize) -> Answer<'_, Vec<(RunId, HandoffId)>> {
        let digest = digest.to_owned();
        self.read(move |db| {
            let sql =
                "SELECT it.run, it.id FROM refs JOIN handoffs AS it ON it.id = refs.handoff WHERE refs.digest = ?1
                       AND EXISTS (SELECT 1 FROM handoffs AS other, json_each(?2) AS name
                                   WHERE other.run = it.run AND name.value IN (other.source, other.target))
                       LIMIT ?3";
            let mut statement = db.prepare_cached(sql)?;
            let names = Value::from(names).to_string();
            Ok(statement.query_map(params![digest, names, n as i64], pair)?.collect::<Result<_, _>>()?)
        })
    }

    fn has_edge(&self, edge: &Edge) -> Answer<'_, bool> {
        let edge = edge.clone();
        self.read(move |db| {
            let sql = "SELECT 1 FROM edges WHERE pipeline = ?1 AND source = ?2 AND target = ?3";
            Ok(db.prepare_cached(sql)?.exists([&*edge.pipeline, &*edge.from, &*edge.to])?)
        })
    }

    fn last_payload(&self, edge: &Edge, schema: &str) -> Answer<'_, Option<String>> {
        let (edge, schema) = (edge.clone(), schema.to_owned());
        self.read(move |db| {
            let sql = "SELECT version FROM payloads
                       WHERE pipeline = ?1 AND source = ?2 AND target = ?3 AND schema = ?4";
            let place = [&*edge.pipeline, &*edge.from, &*edge.to, &*schema];
            Ok(db.prepare_cached(sql)?.query_row(place, |row| row.get(0)).optional()?)
        })
    }

    fn has_blob(&self, digest: &str) -> Answer<'_, bool> {
        let digest = digest.to_owned();
        self.read(move |db| Ok(db.prepare_cached("SELECT 1 FROM blobs WHERE digest = ?1")?.exists([digest])?))
    }

    fn answered(&self, scope: &str, key: &str, now: Time) -> Answer<'_, Option<(String, Value)>> {
        let (scope, key) = (scope.to_owned(), key.to_owned());
        self.read(move |db| {
            let sql = "SELECT fingerprint, body FROM http_idem
                       WHERE scope = ?1 AND key = ?2 AND expires >= ?3";
            let mut statement = db.prepare_cached(sql)?;
            let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
            let found = statement.query_row(params![scope, key, now.millis()], row);
            match found.optional()? {
                Some((fingerprint, body)) => Ok(Some((fingerprint, serde_json::from_str(&body)?))),
                None => Ok(None),
            }
        })
    }

    fn schemas(&self, after: u64) -> Answer<'_, Vec<Schema>> {
        self.read(move |db| {
            let sql = "SELECT rowid, name, version, body FROM schemas WHERE rowid > ?1 ORDER BY rowid";
            let mut statement = db.prepare_cached(sql)?;
            let mut rows = statement.query([after as i64])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let number: i64 = row.get(0)?;
                let body = serde_json::from_str(row.get_ref(3)?.as_str().unwrap_or_default())?;
                found.push(Schema { number: number as u64, name: row.get(1)?, version: row.get(2)?, body });
            }
            Ok(found)
        })
    }
}

fn timeline(db: &Connection, run: &RunId) -> Result<Vec<Event>, StoreError> {
    let sql = "SELECT cursor, body FROM events WHERE run = ?1 ORDER BY seq";
    let found = events(db, sql, [run.as_str()])?;
    Ok(found.into_iter().map(|(_, event)| event).collect())
}

fn pair(row: &rusqlite::Row<'_>) -> rusqlite::Result<(RunId, HandoffId)> {
    let (run, handoff): (String, String) = (row.get(0)?, row.get(1)?);
    Ok((run.into(), handoff.into()))
}

fn list(db: &Connection, filter: &Filter, page: Option<&str>, limit: usize) -> Result<Listed, StoreError> {
    let mut wanted = vec!["1".to_owned()];
    let mut values: Vec<String> = Vec::new();
    if !filter.states.is_empty() {
        // The words are ours, not the caller's.
        let words: Vec<_> = filter.states.iter().map(|it| format!("'{}'", it.word())).collect();
        wanted.push(format!("state IN ({})", words.join(", ")));
        if filter.states.iter().all(|it| it.is_open()) {
            // True of all of them; by this SQLite knows that the index of open ones will do.
            wanted.push("open".to_owned());
        }
    }
    let run = filter.run.as_ref().map(|it| it.as_str().to_owned());
    let named = [
        ("run", run),
        ("pipeline", filter.pipeline.clone()),
        ("source", filter.from.clone()),
        ("target", filter.to.clone()),
    ];
    for (column, value) in named {
        if let Some(value) = value {
            values.push(value);
            wanted.push(format!("{column} = ?{}", values.len()));
        }
    }
    if let Some((emitted, id)) = page.and_then(|page| page.split_once('.')) {
        let emitted: i64 = emitted.parse().unwrap_or(i64::MAX);
        values.push(id.to_owned());
        wanted.push(format!("(emitted, id) < ({emitted}, ?{})", values.len()));
    }
    let sql = format!(
        "SELECT run, id, emitted, body FROM handoffs WHERE {} ORDER BY emitted DESC, id DESC LIMIT {}",
        wanted.join(" AND "),
        limit + 1
    );
    let mut statement = db.prepare_cached(&sql)?;
    let row = |row: &rusqlite::Row<'_>| Ok((pair(row)?, row.get::<_, i64>(2)?, row.get::<_, String>(3)?));
    let rows = statement.query_map(rusqlite::params_from_iter(values), row)?;
    let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|((_, id), emitted, _)| format!("{emitted}.{id}"));
    let found = rows.into_iter().map(|((run, _), _, body)| Ok((run, serde_json::from_str(&body)?)));
    Ok(Listed { found: found.collect::<Result<_, StoreError>>()?, next })
}
