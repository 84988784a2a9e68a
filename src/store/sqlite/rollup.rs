//! Rollups: figures of every edge, minute by minute and hour by hour, one record for all edges each.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::accounting::Entry;
use crate::domain::health::window::minute_end;
use crate::domain::health::{Kind, Tally};
use crate::domain::id::Edge;
use crate::domain::ledger::KEEP_EDGES;
use crate::domain::time::{DAY, HOUR, MINUTE, Millis, Time};
use crate::store::StoreError;

/// Time for which minutes are kept, in milliseconds; hours last, they are few.
const MINUTES_KEPT: Millis = DAY;
/// Edges that go at once when one record has too many.
const EVICTED_AT_ONCE: usize = KEEP_EDGES / 20;

type Edges = BTreeMap<Edge, Tally>;

/// The minute that is being written.
#[derive(Default)]
pub(super) struct Minute {
    end: Time,
    edges: Edges,
    dirty: bool,
}

/// The end of the hour that a minute ending at `end` belongs to.
fn hour_end(end: Time) -> Time {
    Time::from_millis((end.millis() + HOUR - 1).div_euclid(HOUR) * HOUR)
}

impl Minute {
    /// The latest one in the store.
    pub(super) fn load(db: &Connection) -> Result<Self, StoreError> {
        let sql = "SELECT until, body FROM rollups WHERE span = ?1 ORDER BY until DESC LIMIT 1";
        let found = db.query_row(sql, [MINUTE], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)));
        let Some((end, body)) = found.optional()? else {
            return Ok(Self::default());
        };
        Ok(Self { end: Time::from_millis(end), edges: read(&body)?, dirty: false })
    }

    /// Enters what happened at `at`. A clock that went back does not open an old minute again.
    pub(super) fn enter(&mut self, db: &Connection, at: Time, edge: &Edge, entry: Entry) -> Result<(), StoreError> {
        let end = minute_end(at).max(self.end);
        if end > self.end {
            self.close(db)?;
            self.end = end;
        }
        entry.enter(self.edges.entry(edge.clone()).or_default(), at);
        bound(&mut self.edges);
        self.dirty = true;
        Ok(())
    }

    /// Writes it as it stands.
    pub(super) fn save(&mut self, db: &Connection) -> Result<(), StoreError> {
        if std::mem::take(&mut self.dirty) {
            write(db, MINUTE, self.end, &self.edges)?;
        }
        Ok(())
    }

    /// The minute is over: its hour takes it up.
    fn close(&mut self, db: &Connection) -> Result<(), StoreError> {
        if self.edges.is_empty() {
            return Ok(());
        }
        self.save(db)?;
        let hour = hour_end(self.end);
        let sql = "SELECT body FROM rollups WHERE span = ?1 AND until = ?2";
        let known: Option<String> = db.query_row(sql, [HOUR, hour.millis()], |row| row.get(0)).optional()?;
        let mut edges = known.as_deref().map_or(Ok(Edges::new()), read)?;
        for (edge, tally) in std::mem::take(&mut self.edges) {
            edges.entry(edge).or_default().add(&tally);
        }
        bound(&mut edges);
        write(db, HOUR, hour, &edges)?;
        let old = self.end.millis() - MINUTES_KEPT;
        let sql = "DELETE FROM rollups WHERE span = ?1 AND until < ?2";
        db.prepare_cached(sql)?.execute([MINUTE, old])?;
        Ok(())
    }
}

/// Edges are as many as names in contracts, and those can be invented: beyond what watchers keep, those that nothing
/// but refused contracts were on go first, then those that the least happened on. Some go at once, so that this is
/// rare.
fn bound(edges: &mut Edges) {
    if edges.len() <= KEEP_EDGES {
        return;
    }
    let weight = |tally: &Tally| {
        let all: u32 = tally.counts.iter().map(|(_, n)| n).sum();
        (all - tally.counts.get(Kind::Rejected), all)
    };
    let mut light: Vec<_> = edges.iter().map(|(edge, tally)| (weight(tally), edge.clone())).collect();
    light.sort_unstable();
    light.truncate(edges.len() - KEEP_EDGES + EVICTED_AT_ONCE);
    for (_, edge) in light {
        edges.remove(&edge);
    }
}

fn read(body: &str) -> Result<Edges, StoreError> {
    let edges: Vec<(Edge, Tally)> = serde_json::from_str(body)?;
    Ok(edges.into_iter().collect())
}

fn write(db: &Connection, span: Millis, end: Time, edges: &Edges) -> Result<(), StoreError> {
    let body = serde_json::to_string(&edges.iter().collect::<Vec<_>>())?;
    let sql = "INSERT INTO rollups(span, until, body) VALUES (?1, ?2, ?3)
               ON CONFLICT DO UPDATE SET body = excluded.body";
    db.prepare_cached(sql)?.execute(params![span, end.millis(), body])?;
    Ok(())
}

/// The minutes of the last hour or two and, before them, the hours of a day, no slice twice: the end of each and
/// its record.
pub(super) fn recent(db: &Connection, now: Time, mut give: impl FnMut(Time, String)) -> Result<(), StoreError> {
    let hour_ago = now.millis() - HOUR;
    let border = hour_ago.div_euclid(HOUR) * HOUR;
    // The latest minute is part of no hour yet, however long ago it was.
    let sql = "SELECT max(until) FROM rollups WHERE span = ?1";
    let latest: Option<i64> = db.query_row(sql, [MINUTE], |row| row.get(0))?;
    let minutes = latest.map_or(border, |it| border.min(it - 1));
    // Hours first: they are before the minutes. One statement for both would sort the bodies, which are long.
    let sql = "SELECT until, body FROM rollups WHERE span = ?1 AND until > ?2 AND until <= ?3 ORDER BY until";
    let mut statement = db.prepare_cached(sql)?;
    for (span, after, last) in [(HOUR, border - DAY, border), (MINUTE, minutes.max(border - DAY), i64::MAX)] {
        let mut rows = statement.query([span, after, last])?;
        while let Some(row) = rows.next()? {
            give(Time::from_millis(row.get(0)?), row.get(1)?);
        }
    }
    Ok(())
}
