//! Rollups: figures of every edge, minute by minute, hour by hour and, of the last minutes, every 5 seconds, one row for
//! each edge.
//!
//! What a commit adds is added in its transaction to what the row says then, so that writers in several programs add up.

use std::collections::BTreeMap;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};
use serde::Serialize;

use crate::domain::health::window::{SLICE, minute_end};
use crate::domain::health::{Kind, Tally};
use crate::domain::id::Edge;
use crate::domain::ledger::KEEP_EDGES;
use crate::domain::time::{DAY, HOUR, MINUTE, Millis, Time};
use crate::store::{Aside, StoreError, Unreadable};

/// Time for which minutes are kept, in milliseconds; hours last, they are few.
const MINUTES_KEPT: Millis = DAY;
/// Time for which slices are kept, in milliseconds: a little more than the windows that are made of them.
const SLICES_KEPT: Millis = 6 * MINUTE;
/// The longest window that is made of slices, in milliseconds.
const SHORT: Millis = 5 * MINUTE;
/// Number of the latest minutes, or slices, in which anything happened that are kept at least.
const LATEST_KEPT: i64 = 180;
/// Time by which the end of a minute may be ahead of now, in milliseconds: it has not ended, and clocks differ.
const AHEAD: Millis = 2 * MINUTE;
/// Edges that go at once when one slice has too many.
const EVICTED_AT_ONCE: usize = KEEP_EDGES / 20;

/// What one transaction adds: of each edge in each slice, named by its end.
pub(super) type Deltas<'a> = BTreeMap<(Time, &'a Edge), Tally>;

/// The end of the hour that a minute ending at `end` belongs to.
fn hour_end(end: Time) -> Time {
    Time::from_millis((end.millis() + HOUR - 1).div_euclid(HOUR) * HOUR)
}

/// Adds what happened, each to its own slice and minute, also where that is over: clocks of writers differ, and are set
/// back.
pub(super) fn add(db: &Connection, deltas: Deltas<'_>) -> Result<(), StoreError> {
    if deltas.is_empty() {
        return Ok(());
    }
    let mut minutes: Deltas<'_> = BTreeMap::new();
    let mut slice: Option<Slice<'_>> = None;
    for ((end, edge), tally) in deltas {
        minutes.entry((minute_end(end), edge)).or_default().add(&tally);
        if let Some(mut before) = slice.take_if(|it| it.end != end) {
            before.bound()?;
        }
        if slice.is_none() && !is_there(db, SLICE, end)? {
            forget(db, SLICE, end.millis() - SLICES_KEPT)?;
        }
        slice.get_or_insert_with(|| Slice::new(db, SLICE, end)).add(&json(edge), &tally)?;
    }
    slice.map_or(Ok(()), |mut it| it.bound())?;
    add_minutes(db, minutes)
}

fn is_there(db: &Connection, span: Millis, end: Time) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM rollups WHERE span = ?1 AND until = ?2";
    Ok(db.prepare_cached(sql)?.exists([span, end.millis()])?)
}

/// Adds the same to minutes and hours.
fn add_minutes(db: &Connection, deltas: Deltas<'_>) -> Result<(), StoreError> {
    let sql = "SELECT max(until) FROM rollups WHERE span = ?1";
    let latest: Option<i64> = db.prepare_cached(sql)?.query_row([MINUTE], |row| row.get(0))?;
    let mut latest = latest.map(Time::from_millis);
    let (mut begun, mut slices) = (None, Vec::new());
    for ((end, edge), tally) in deltas {
        if begun.replace(end) != Some(end) {
            slices.iter_mut().try_for_each(Slice::bound)?;
            slices = taking(db, end, &mut latest)?;
        }
        let edge = json(edge);
        slices.iter_mut().try_for_each(|slice| slice.add(&edge, &tally))?;
    }
    slices.iter_mut().try_for_each(Slice::bound)
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("an edge and its figures have string keys only, so JSON can hold them")
}

fn tally(body: ValueRef<'_>) -> Option<Tally> {
    serde_json::from_slice(body.as_bytes().ok()?).ok()
}

/// The slices that take up what happened in the minute that ends at `end`. Its hour takes up the whole minute when a later
/// one begins; what comes after that, it gets by itself.
fn taking<'a>(db: &'a Connection, end: Time, latest: &mut Option<Time>) -> Result<Vec<Slice<'a>>, StoreError> {
    let minute = Slice::new(db, MINUTE, end);
    match *latest {
        Some(latest) if end < latest => {
            if !is_there(db, MINUTE, end)? {
                forget(db, MINUTE, end.millis() - MINUTES_KEPT)?;
            }
            return Ok(vec![minute, Slice::new(db, HOUR, hour_end(end))]);
        }
        Some(over) if over < end => close(db, over, end)?,
        _ => {}
    }
    *latest = Some(end);
    Ok(vec![minute])
}

/// The minute that ended at `end` is over, and another one begins: its hour takes it up.
fn close(db: &Connection, end: Time, next: Time) -> Result<(), StoreError> {
    let mut hour = Slice::new(db, HOUR, hour_end(end));
    let mut statement = db.prepare_cached("SELECT edge, body FROM rollups WHERE span = ?1 AND until = ?2")?;
    let mut rows = statement.query([MINUTE, end.millis()])?;
    while let Some(row) = rows.next()? {
        // One that cannot be read is set aside by who reads it; the hour goes without it.
        if let Some(tally) = tally(row.get_ref(1)?) {
            hour.add(row.get_ref(0)?.as_str().unwrap_or_default(), &tally)?;
        }
    }
    hour.bound()?;
    forget(db, MINUTE, next.millis() - MINUTES_KEPT)
}

/// Lets go of the minutes, or slices, that ended before a time, when a new one begins. The latest ones stay however old they
/// are by then: the clock may be wrong, and when it is put right they are what happened lately.
fn forget(db: &Connection, span: Millis, ended: i64) -> Result<(), StoreError> {
    let sql = "WITH RECURSIVE latest(until, nth) AS (
          SELECT max(until), 1 FROM rollups WHERE span = ?1
          UNION ALL SELECT (SELECT max(until) FROM rollups WHERE span = ?1 AND until < latest.until), nth + 1
          FROM latest WHERE nth < ?3 AND until IS NOT NULL)
        DELETE FROM rollups WHERE span = ?1 AND until < min(?2, (SELECT until FROM latest WHERE nth = ?3))";
    db.prepare_cached(sql)?.execute([span, ended, LATEST_KEPT])?;
    Ok(())
}

/// A minute, an hour or a shorter slice that is being added to.
struct Slice<'a> {
    db: &'a Connection,
    span: Millis,
    end: Time,
    /// Whether it got another edge.
    wider: bool,
}

impl<'a> Slice<'a> {
    fn new(db: &'a Connection, span: Millis, end: Time) -> Self {
        Self { db, span, end, wider: false }
    }

    /// Adds to one edge, which is written as JSON.
    fn add(&mut self, edge: &str, more: &Tally) -> Result<(), StoreError> {
        let slice = (self.span, self.end.millis());
        let sql = "SELECT rowid, body FROM rollups WHERE span = ?1 AND until = ?2 AND edge = ?3";
        let mut statement = self.db.prepare_cached(sql)?;
        let mut rows = statement.query(params![slice.0, slice.1, edge])?;
        if let Some(row) = rows.next()? {
            let place: i64 = row.get(0)?;
            // One that cannot be read begins anew: the figures of this edge and minute are of the rest.
            let mut tally = tally(row.get_ref(1)?).unwrap_or_default();
            tally.add(more);
            let sql = "UPDATE rollups SET body = ?2 WHERE rowid = ?1";
            self.db.prepare_cached(sql)?.execute(params![place, json(&tally)])?;
        } else {
            self.wider = true;
            let sql = "INSERT INTO rollups(span, until, edge, body) VALUES (?1, ?2, ?3, ?4)";
            self.db.prepare_cached(sql)?.execute(params![slice.0, slice.1, edge, json(more)])?;
        }
        Ok(())
    }

    /// Edges are as many as names in contracts, and those can be invented: beyond what watchers keep, those that nothing
    /// but refused contracts were on go first, then those that the least happened on. Some go at once, so that this is
    /// rare.
    fn bound(&mut self) -> Result<(), StoreError> {
        if !std::mem::take(&mut self.wider) {
            return Ok(());
        }
        let slice = params![self.span, self.end.millis()];
        let sql = "SELECT count(*) FROM rollups WHERE span = ?1 AND until = ?2";
        let edges: i64 = self.db.prepare_cached(sql)?.query_row(slice, |row| row.get(0))?;
        let Some(over) = (edges as usize).checked_sub(KEEP_EDGES).filter(|it| *it > 0) else { return Ok(()) };
        let mut statement = self.db.prepare_cached("SELECT edge, body FROM rollups WHERE span = ?1 AND until = ?2")?;
        let mut rows = statement.query(slice)?;
        let mut light = Vec::with_capacity(edges as usize);
        while let Some(row) = rows.next()? {
            let tally = tally(row.get_ref(1)?).unwrap_or_default();
            let all: u32 = tally.counts.iter().map(|(_, n)| n).sum();
            light.push((all - tally.counts.get(Kind::Rejected), all, row.get::<_, String>(0)?));
        }
        light.sort_unstable();
        light.truncate(over + EVICTED_AT_ONCE);
        let sql = "DELETE FROM rollups WHERE span = ?1 AND until = ?2 AND edge = ?3";
        for (_, _, edge) in light {
            self.db.prepare_cached(sql)?.execute(params![self.span, self.end.millis(), edge])?;
        }
        Ok(())
    }
}

/// The minutes of the last hour or two and, before them, the hours of a day, no slice twice: the end of each and
/// its edges with their figures, a line of JSON for each. What is dated later than now is left out, but for a little by
/// which the clock of another writer may be ahead.
pub(super) fn recent(db: &Connection, now: Time, mut give: impl FnMut(Time, String)) -> Result<(), StoreError> {
    let hour_ago = now.millis() - HOUR;
    let border = hour_ago.div_euclid(HOUR) * HOUR;
    // The latest minute is part of no hour yet, however long ago it was.
    let sql = "SELECT max(until) FROM rollups WHERE span = ?1";
    let latest: Option<i64> = db.prepare_cached(sql)?.query_row([MINUTE], |row| row.get(0))?;
    let minutes = latest.map_or(border, |it| border.min(it - 1));
    // Hours first: they are before the minutes.
    each(db, [HOUR, border - DAY, border], &mut give)?;
    each(db, [MINUTE, minutes.max(border - DAY), now.millis() + AHEAD], &mut give)
}

/// The slices of the last five minutes, as [`recent`] gives minutes.
pub(super) fn slices(db: &Connection, now: Time, mut give: impl FnMut(Time, String)) -> Result<(), StoreError> {
    each(db, [SLICE, now.millis() - SHORT, now.millis() + AHEAD], &mut give)
}

/// The slices of one span that end after a time and until another: one statement for several spans would sort the bodies,
/// which are long.
fn each(db: &Connection, which: [i64; 3], give: &mut impl FnMut(Time, String)) -> Result<(), StoreError> {
    let sql =
        "SELECT until, edge, body FROM rollups WHERE span = ?1 AND until > ?2 AND until <= ?3 ORDER BY until, edge";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(which)?;
    let mut slice: Option<(Time, String)> = None;
    while let Some(row) = rows.next()? {
        let end = Time::from_millis(row.get(0)?);
        if let Some((of, edges)) = slice.take_if(|(of, _)| *of != end) {
            give(of, edges);
        }
        let (_, edges) = slice.get_or_insert_with(|| (end, String::new()));
        edges.push('[');
        edges.push_str(&row.get_ref(1)?.as_bytes().map(String::from_utf8_lossy).unwrap_or_default());
        edges.push(',');
        edges.push_str(&row.get_ref(2)?.as_bytes().map(String::from_utf8_lossy).unwrap_or_default());
        edges.push_str("]\n");
    }
    if let Some((of, edges)) = slice {
        give(of, edges);
    }
    Ok(())
}

/// The figures of the edges of a slice from its lines; what cannot be read is left out and set aside.
pub(super) fn read(end: Time, lines: &str, aside: &Aside) -> Vec<(Edge, Tally)> {
    if let Ok(all) = serde_json::Deserializer::from_str(lines).into_iter().collect() {
        return all;
    }
    let line = |(nth, line): (usize, &str)| {
        let read = serde_json::from_str(line);
        let id = || format!("{end} line {}", nth + 1);
        read.inspect_err(|why| aside.note(&Unreadable::json("rollups", id(), why))).ok()
    };
    lines.lines().enumerate().filter_map(line).collect()
}
