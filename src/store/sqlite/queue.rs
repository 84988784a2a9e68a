//! The queue of an agent, at the cost of what is found in it and not of what waits.
//!
//! Whatever has the same head start is served in the order in which it became ready: that is a lane. While no edge of the
//! agent is paused, its lanes are those of all its edges together; else each edge has lanes of its own, and those of a
//! paused one are not looked at.

use std::collections::HashSet;

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use crate::domain::id::{Edge, HandoffId, RunId};
use crate::domain::time::{Present, Time};
use crate::store::{Ready, StoreError};

/// The edge after that of the pipeline `?2` from `?3` on which something waits for the agent `?1`. In two steps: to compare
/// both names at once, SQLite would walk through all that waits on the edge itself.
const EDGES: &str = "SELECT * FROM (SELECT pipeline, source FROM handoffs INDEXED BY handoffs_waiting
    WHERE target = ?1 AND ready IS NOT NULL AND pipeline = ?2 AND source > ?3 ORDER BY source LIMIT 1)
    UNION ALL SELECT * FROM (SELECT pipeline, source FROM handoffs INDEXED BY handoffs_waiting
    WHERE target = ?1 AND ready IS NOT NULL AND pipeline > ?2 ORDER BY pipeline, source LIMIT 1) LIMIT 1";

/// The part of a queue whose lanes are looked at: an index, and what it begins with.
struct Part {
    index: &'static str,
    is: &'static str,
}

/// Everything for the agent `?1`.
const AGENT: Part = Part { index: "handoffs_ready", is: "target = ?1" };
/// What waits for it on one edge, that of the pipeline `?2` from `?3`.
const EDGE: Part = Part { index: "handoffs_waiting", is: "target = ?1 AND pipeline = ?2 AND source = ?3" };

impl Part {
    /// The head start that comes after `?4`.
    fn lanes(&self) -> String {
        self.sql("prio - ready", "prio - ready > ?4 ORDER BY prio - ready LIMIT 1")
    }

    /// What is ready at `?5` in the lane of the head start `?4`, at most `?6`; until `?7` that is only what was timed before
    /// the clock was set back. What is due by then is left out: that happens to it first.
    fn ready(&self) -> String {
        let is = "prio - ready = ?4 AND ready <= ?7 AND (ready <= ?5 OR timed > ?5) AND (due IS NULL OR due > ?5)
            ORDER BY ready, id LIMIT ?6";
        self.sql("run, id, prio", is)
    }

    /// The time at which the next of this lane becomes ready.
    fn next(&self) -> String {
        self.sql("ready", "prio - ready = ?4 AND ready > ?5 ORDER BY ready LIMIT 1")
    }

    fn statements<'db>(&self, db: &'db Connection) -> rusqlite::Result<[CachedStatement<'db>; 3]> {
        let prepare = |sql: String| db.prepare_cached(&sql);
        Ok([prepare(self.lanes())?, prepare(self.ready())?, prepare(self.next())?])
    }

    fn sql(&self, what: &str, is: &str) -> String {
        let Self { index, is: part } = self;
        format!("SELECT {what} FROM handoffs INDEXED BY {index} WHERE {part} AND ready IS NOT NULL AND {is}")
    }
}

/// What was found so far.
struct Look<'a> {
    db: &'a Connection,
    agent: &'a str,
    now: Present,
    n: usize,
    /// Its place in the queue, and what it is.
    found: Vec<(i64, HandoffId, RunId)>,
    /// What is not to be found.
    held: &'a HashSet<HandoffId>,
    next: Option<Time>,
}

/// Handoffs that `agent` may claim now, at most `n`, without those on edges in `paused` and those that are `held`.
pub(super) fn ready(
    db: &Connection,
    agent: &str,
    now: Present,
    n: usize,
    paused: &[Edge],
    held: &HashSet<HandoffId>,
) -> Result<Ready, StoreError> {
    let moment = db.unchecked_transaction()?;
    let mut look = Look { db: &moment, agent, now, n: n + held.len(), found: Vec::new(), held, next: None };
    let paused: Vec<_> = paused.iter().filter(|it| *it.to == *agent).map(|it| (&*it.pipeline, &*it.from)).collect();
    if paused.is_empty() {
        look.at(&AGENT, "", "")?;
    } else {
        let mut edges = moment.prepare_cached(EDGES)?;
        // No name is empty, so every edge comes after this one.
        let (mut pipeline, mut source) = (String::new(), String::new());
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        while let Some(edge) = edges.query_row([agent, &pipeline, &source], row).optional()? {
            (pipeline, source) = edge;
            if !paused.contains(&(&*pipeline, &*source)) {
                look.at(&EDGE, &pipeline, &source)?;
            }
        }
    }
    let Look { mut found, next, .. } = look;
    found.sort_unstable();
    found.truncate(n);
    Ok(Ready { found: found.into_iter().map(|(_, handoff, run)| (run, handoff)).collect(), next })
}

impl Look<'_> {
    /// Looks at every lane of one part.
    fn at(&mut self, part: &Part, pipeline: &str, source: &str) -> Result<(), StoreError> {
        let (now, n) = (self.now.now.millis(), self.n as i64);
        let until = (self.now.now + self.now.behind).millis();
        let [mut lanes, mut ready, mut next] = part.statements(self.db)?;
        let mut lane = i64::MIN;
        let first = |row: &rusqlite::Row<'_>| row.get(0);
        while let Some(found) = lanes.query_row(params![self.agent, pipeline, source, lane], first).optional()? {
            lane = found;
            let mut rows = ready.query(params![self.agent, pipeline, source, lane, now, n, until])?;
            while let Some(row) = rows.next()? {
                let (run, handoff): (String, String) = (row.get(0)?, row.get(1)?);
                let handoff = HandoffId::from(handoff);
                if !self.held.contains(&handoff) {
                    self.found.push((row.get(2)?, handoff, run.into()));
                }
            }
            let later = next.query_row(params![self.agent, pipeline, source, lane, now], first).optional()?;
            self.next = [self.next, later.map(Time::from_millis)].into_iter().flatten().min();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;
    use crate::store::Sqlite;

    /// A store in which `many` wait for the writer on each of three edges: one that is paused, one on which nothing is
    /// ready before 1,000, and one on which all is ready.
    fn waiting(many: usize) -> (Sqlite, Connection) {
        let store = Sqlite::temporary().unwrap();
        let db = Connection::open(store.path()).unwrap();
        let sql = "WITH RECURSIVE nth(n) AS (VALUES(1) UNION ALL SELECT n + 1 FROM nth WHERE n < ?1)
            INSERT INTO handoffs(id, run, key, pipeline, source, target, state, emitted, ready, prio, open)
            SELECT pipeline || n, 'r', pipeline || n, pipeline, 'desk', 'writer', '', 0, ready + n, ready + n - lead, 1
            FROM nth, (SELECT 'a paused' AS pipeline, 0 AS ready, 0 AS lead
                UNION ALL SELECT 'later', 1000000, 60 UNION ALL SELECT 'soon', 0, 60)";
        db.execute(sql, [many as i64]).unwrap();
        (store, db)
    }

    /// What is found, and the steps that SQLite took.
    fn look(db: &Connection, paused: &[Edge]) -> (Ready, i32) {
        let found = ready(db, "writer", Time::from_millis(500_000).into(), 3, paused, &HashSet::new()).unwrap();
        let each = |part: &Part| [part.lanes(), part.ready(), part.next()];
        let all = [EDGES.to_owned()].into_iter().chain(each(&AGENT)).chain(each(&EDGE));
        let steps = all.map(|sql| db.prepare_cached(&sql).unwrap().reset_status(StatementStatus::VmStep));
        (found, steps.sum())
    }

    #[test]
    fn a_look_costs_by_what_it_finds() {
        let paused = [Edge::new("a paused", "desk", "writer"), Edge::new("soon", "desk", "editor")];
        let [few, many] = [10, 5_000].map(|many| {
            let (_store, db) = waiting(many);
            [look(&db, &[]), look(&db, &paused)]
        });
        for (few, many) in few.iter().zip(&many) {
            assert_eq!(few.0, many.0);
            assert_eq!(few.1, many.1, "steps");
        }
        let ids = |it: &Ready| it.found.iter().map(|(_, id)| id.to_string()).collect::<Vec<_>>();
        assert_eq!(ids(&many[0].0), ["soon1", "soon2", "soon3"], "the head start counts");
        assert_eq!(ids(&many[1].0), ids(&many[0].0));
        assert_eq!(many[1].0.next, Some(Time::from_millis(1_000_001)));
        let all = ["a paused", "later", "soon"].map(|it| Edge::new(it, "desk", "writer"));
        assert_eq!(look(&waiting(10).1, &all).0, Ready::default());
    }
}
