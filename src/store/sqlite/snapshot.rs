//! The snapshot from which a console starts, read on one core and parsed on all.

use rusqlite::Connection;

use super::rows::{events, head};
use super::{parallel, refused, rollup, runs};
use crate::domain::port::{Rollup, Snapshot};
use crate::domain::run::StoredRun;
use crate::domain::time::Time;
use crate::store::StoreError;

/// Number of the latest events a snapshot shows.
const RECENT: i64 = 200;
/// Runs that one thread parses before it asks for more.
const PART: usize = 250;

/// Open work and rollups, all of one moment.
pub(super) fn snapshot(db: &Connection, now: Time) -> Result<Snapshot, StoreError> {
    let moment = db.unchecked_transaction()?;
    let cursor = head(&moment)?;
    let sql = "SELECT cursor, body FROM events WHERE cursor > ?1 ORDER BY cursor";
    let recent = events(&moment, sql, [cursor as i64 - RECENT])?;
    let mut snapshot = Snapshot {
        at: now,
        cursor: cursor.into(),
        runs: Vec::new(),
        rollups: Vec::new(),
        recent: recent.into_iter().map(|(_, event)| event).collect(),
        violations: refused::groups(&moment)?.into_iter().map(|(_, group)| group).collect(),
        clock: None,
    };
    for part in parallel::spread(|give| parts(&moment, now, give), Part::parse)? {
        snapshot.rollups.extend(part.rollups);
        snapshot.runs.extend(part.runs);
    }
    Ok(snapshot)
}

/// Some of the records of a snapshot: as they are in the file, then parsed.
struct Part<Rollups, Runs> {
    rollups: Rollups,
    runs: Runs,
}

/// A rollup is one text for all of its edges.
type Raw = Part<Vec<(Time, String)>, Vec<Box<str>>>;

impl Raw {
    fn parse(self) -> Result<Part<Vec<Rollup>, Vec<StoredRun>>, StoreError> {
        let rollup = |(end, body): (Time, String)| {
            let edges = serde_json::from_str(&body)?;
            Ok(Rollup { end, edges })
        };
        let rollups = self.rollups.into_iter().map(rollup);
        let runs = self.runs.into_iter().map(StoredRun::read);
        Ok(Part { rollups: rollups.collect::<Result<_, StoreError>>()?, runs: runs.collect::<Result<_, _>>()? })
    }
}

/// Gives away every record of a snapshot, rollups first, in parts that are worth another thread.
fn parts(db: &Connection, now: Time, give: &mut dyn FnMut(Raw)) -> Result<(), StoreError> {
    rollup::recent(db, now, |end, body| {
        give(Part { rollups: vec![(end, body)], runs: Vec::new() });
    })?;
    let mut runs = Vec::with_capacity(PART);
    runs::each_open(db, |run| {
        runs.push(run);
        if runs.len() == PART {
            give(Part { rollups: Vec::new(), runs: std::mem::replace(&mut runs, Vec::with_capacity(PART)) });
        }
    })?;
    give(Part { rollups: Vec::new(), runs });
    Ok(())
}
