//! The snapshot from which a console starts, read on one core and parsed on all.

use rusqlite::Connection;

use super::rows::{head, tail};
use super::runs::Stored;
use super::{parallel, refused, rollup, runs};
use crate::domain::port::{Cursor, Rollup, Snapshot};
use crate::domain::run::StoredRun;
use crate::domain::time::Time;
use crate::store::{Aside, StoreError};

/// Number of the latest events a snapshot shows.
const RECENT: u64 = 200;
/// Runs that one thread parses before it asks for more.
const PART: usize = 250;

/// Open work, ended runs that are notable, and rollups, all of one moment; what cannot be read is left out and set aside.
pub(super) fn snapshot(db: &Connection, now: Time, log: &str, aside: &Aside) -> Result<Snapshot, StoreError> {
    let moment = db.unchecked_transaction()?;
    let cursor = head(&moment)?;
    let recent = tail(&moment, cursor.saturating_sub(RECENT), RECENT as usize, aside)?;
    let mut snapshot = Snapshot {
        at: now,
        cursor: Cursor::in_log(cursor, log),
        runs: Vec::new(),
        rollups: Vec::new(),
        slices: Vec::new(),
        recent: recent.into_iter().filter_map(|(_, event)| event.ok()).collect(),
        violations: refused::groups(&moment)?.into_iter().map(|(_, group)| group).collect(),
        clock: None,
        skipped: Vec::new(),
    };
    for part in parallel::spread(|give| parts(&moment, now, give), |it| Ok(Part::parse(it, aside)))? {
        snapshot.rollups.extend(part.rollups);
        snapshot.slices.extend(part.slices);
        snapshot.runs.extend(part.runs);
    }
    snapshot.skipped = aside.skipped();
    Ok(snapshot)
}

/// Some of the records of a snapshot: as they are in the file, then parsed.
struct Part<Rollups, Runs> {
    rollups: Rollups,
    slices: Rollups,
    runs: Runs,
}

/// A rollup is one text for all of its edges.
type Raw = Part<Vec<(Time, String)>, Vec<Stored>>;

impl Raw {
    fn parse(self, aside: &Aside) -> Part<Vec<Rollup>, Vec<StoredRun>> {
        let rollup = |(end, lines): (Time, String)| Rollup { end, edges: rollup::read(end, &lines, aside) };
        let run = |it: Stored| it.read().inspect_err(|why| aside.note(why)).ok();
        let all = |some: Vec<(Time, String)>| some.into_iter().map(rollup).collect();
        let (rollups, slices) = (all(self.rollups), all(self.slices));
        Part { rollups, slices, runs: self.runs.into_iter().filter_map(run).collect() }
    }
}

/// Gives away every record of a snapshot, rollups first, in parts that are worth another thread.
fn parts(db: &Connection, now: Time, give: &mut dyn FnMut(Raw)) -> Result<(), StoreError> {
    rollup::recent(db, now, |end, lines| {
        give(Part { rollups: vec![(end, lines)], slices: Vec::new(), runs: Vec::new() });
    })?;
    rollup::slices(db, now, |end, lines| {
        give(Part { rollups: Vec::new(), slices: vec![(end, lines)], runs: Vec::new() });
    })?;
    let mut runs = Vec::with_capacity(PART);
    let mut each = |run| {
        runs.push(run);
        if runs.len() == PART {
            let runs = std::mem::replace(&mut runs, Vec::with_capacity(PART));
            give(Part { rollups: Vec::new(), slices: Vec::new(), runs });
        }
    };
    runs::each_notable(db, &mut each)?;
    runs::each_open(db, &mut each)?;
    give(Part { rollups: Vec::new(), slices: Vec::new(), runs });
    Ok(())
}
