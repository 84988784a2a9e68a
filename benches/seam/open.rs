//! Goals 12 to 14: opening a large store, writing to one, and from a commit to the screen.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use rusqlite::{Connection, params};
use rustix::fs::{Advice, fadvise};
use seamwatch::testing::domain::accounting::Entry;
use seamwatch::testing::domain::event::{Event, Fact};
use seamwatch::testing::domain::health::{Kind, Tally};
use seamwatch::testing::domain::id::{Actor, Edge};
use seamwatch::testing::domain::ledger::Ledger;
use seamwatch::testing::domain::machine::{Folded, evolve};
use seamwatch::testing::domain::port::{Batch, Report};
use seamwatch::testing::domain::run::{Handoffs, Run};
use seamwatch::testing::domain::time::{HOUR, MINUTE, Time};
use seamwatch::testing::orchestrator::engine::{Engine, Settings};
use seamwatch::testing::source::Source;
use seamwatch::testing::source::embedded::Embedded;
use seamwatch::testing::store::{Commit, Lock, Sqlite, Store};
use tokio::runtime::Runtime;

use super::measure::{Figure, Goal, median, quantile, rate, span};
use super::stage::{Stage, completed, edge, emission, event, leased, present};

/// One frame of the console.
const FRAME: f64 = 0.033;

/// From this many handoffs on, a store of a quarter as many is opened too.
const GROWTH_FROM: usize = 1_000_000;

/// Goal 12: open work and rollups on the screen, however long the log is. A million handoffs are a file of 4 GB.
pub fn large(handoffs: usize, open: usize) {
    let place = tempfile::tempdir().expect("a directory for the stores");
    let path = place.path().join("seam.db");
    build(&path, handoffs, open);
    let runtime = runtime();
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        ours.push(to_the_screen(&runtime, &path, open));
        bare.push(by_hand(&path, open));
    }
    let (ours, bare) = (median(&mut ours), median(&mut bare));
    let what = format!("open {handoffs} handoffs, {} events, {open} open", handoffs * 4 - open * 2);
    Figure {
        goal: 12,
        what: format!("{what}: / bare reads"),
        ours: span(ours),
        bare: span(bare),
        ratio: ours / bare,
        wanted: Goal::AtMost(2.0),
    }
    .print();
    let replayed = replay(&path);
    Figure {
        goal: 12,
        what: format!("{what}: / replay"),
        ours: span(ours),
        bare: span(replayed),
        ratio: ours / replayed,
        wanted: Goal::AtMost(0.2),
    }
    .print();
    if handoffs < GROWTH_FROM {
        return;
    }
    let shorter = place.path().join("shorter.db");
    build(&shorter, handoffs / 4, open);
    let (mut long, mut short) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        long.push(to_the_screen(&runtime, &path, open));
        short.push(to_the_screen(&runtime, &shorter, open));
    }
    let (long, short) = (median(&mut long), median(&mut short));
    Figure {
        goal: 12,
        what: format!("{what}: / {} handoffs", handoffs / 4),
        ours: span(long),
        bare: span(short),
        ratio: long / short,
        wanted: Goal::AtMost(1.3),
    }
    .print();
}

/// The store of this file, which nobody else opens.
pub fn alone(path: &Path) -> Sqlite {
    Lock::take(path).and_then(Sqlite::alone).expect("a place for a store that nobody else has open")
}

/// Takes the file out of the system's memory, so that it has to come from the disk.
fn cool(path: &Path) {
    let file = File::open(path).expect("the store that was just built");
    file.sync_all().expect("the disk has room");
    fadvise(&file, 0, None, Advice::DontNeed).expect("it is a file");
}

fn runtime() -> Runtime {
    Runtime::new().expect("threads for the runtime")
}

/// From the file to a frame that shows what is open.
fn to_the_screen(runtime: &Runtime, path: &Path, open: usize) -> f64 {
    cool(path);
    let start = Instant::now();
    let (taken, stage) = runtime.block_on(async {
        let store = alone(path);
        let settings = Settings { now: present, ..Settings::default() };
        let engine = Engine::open(Arc::new(store), settings).await;
        let source = Embedded::new(engine.expect("the store that was just built"));
        let mut stage = Stage::new(Vec::new());
        let first = source.watch(None).next().await;
        let batch = first.expect("a watch begins").expect("with a snapshot");
        stage.pass(present().millis());
        stage.hear(Report::Batch(batch));
        stage.frame();
        (start.elapsed().as_secs_f64(), stage)
    });
    let shown: usize = stage.state.world.feeds[0].figures().edges.iter().map(|it| it.open).sum();
    assert_eq!(shown, open, "everything open is on the screen");
    taken
}

/// Nothing but the bytes: the rows of open work and the records of the last minutes.
fn by_hand(path: &Path, open: usize) -> f64 {
    cool(path);
    let start = Instant::now();
    let db = Connection::open(path).expect("the store that was just built");
    let mut bytes = 0;
    let mut rows = 0;
    let open_runs = "SELECT runs.body || handoffs.body FROM runs JOIN handoffs ON handoffs.run = runs.id
                     WHERE runs.open ORDER BY runs.changed";
    for sql in [open_runs, "SELECT body FROM rollups ORDER BY until"] {
        let mut statement = db.prepare(sql).expect("the tables are there");
        let mut found = statement.query([]).expect("they can be read");
        while let Some(row) = found.next().expect("they can be read") {
            bytes += row.get::<_, String>(0).expect("it is text").len();
            rows += 1;
        }
    }
    assert!(rows > open && bytes > 0);
    start.elapsed().as_secs_f64()
}

/// Without a snapshot: every event again.
fn replay(path: &Path) -> f64 {
    cool(path);
    let start = Instant::now();
    let db = Connection::open(path).expect("the store that was just built");
    let mut ledger = Ledger::new(0);
    let mut statement = db.prepare("SELECT body FROM events ORDER BY cursor").expect("the table is there");
    let mut found = statement.query([]).expect("it can be read");
    while let Some(row) = found.next().expect("it can be read") {
        let body = row.get_ref(0).expect("it has a body");
        let event: Event = serde_json::from_str(body.as_str().expect("it is text")).expect("it was written so");
        ledger.apply(&event);
    }
    assert!(ledger.folded() > 0);
    start.elapsed().as_secs_f64()
}

/// Writes a store of its shape without going through the orchestrator, which would take too long: one run of one
/// handoff each, completed but for the last `open` ones, and what the edges did in the last hours.
fn build(path: &Path, handoffs: usize, open: usize) {
    drop(alone(path));
    let mut db = Connection::open(path).expect("the new store");
    db.execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY;").expect("nobody else has it open");
    let begin = present() + -(HOUR * 2);
    let templates: Vec<(Run, Vec<Event>)> = (0..48).map(|nth| life(edge(nth), begin)).collect();
    let written = |run: &Run, events: &[Event]| {
        let rest = Run { handoffs: Handoffs::default(), ..run.clone() };
        let run = [serde_json::to_string(&rest), serde_json::to_string(&run.handoffs.first())];
        let run = run.map(|it| it.expect("it is JSON"));
        let events = events.iter().map(|it| (it.fact.name(), serde_json::to_string(it).expect("it is JSON")));
        (run, events.collect::<Vec<_>>())
    };
    let closed: Vec<_> = templates.iter().map(|(run, events)| written(run, events)).collect();
    let opened: Vec<_> = templates
        .iter()
        .map(|(_, events)| {
            let events = &events[..2];
            written(&folded(events), events)
        })
        .collect();
    let write = db.transaction().expect("nobody else writes");
    {
        let mut runs = write
            .prepare("INSERT INTO runs(id, revision, hash, open, changed, body) VALUES (?1, 4, ?2, ?3, ?4, ?5)")
            .expect("the table is there");
        let mut log = write
            .prepare("INSERT INTO events(run, seq, handoff, type, at, body, prev_hash, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)")
            .expect("the table is there");
        let mut index = write
            .prepare("INSERT INTO handoffs(id, run, key, pipeline, source, target, state, emitted, open, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")
            .expect("the table is there");
        let hash = [7_u8; 32];
        for nth in 0..handoffs {
            let is_open = nth >= handoffs - open;
            let life = if is_open { &opened } else { &closed };
            let (run, events) = &life[nth % life.len()];
            let number = format!("{nth:08}");
            let (id, handoff) = (format!("run-{number}"), format!("h-{number}"));
            let at = begin.millis() + nth as i64;
            let [run, body] = [&run[0], &run[1]].map(|it| it.replace("00000000", &number));
            let state = if is_open { "leased" } else { "completed" };
            let edge = edge(nth % life.len());
            runs.execute(params![id, hash, is_open, at, run]).expect("a run fits");
            index
                .execute(params![
                    handoff,
                    id,
                    number,
                    &*edge.pipeline,
                    &*edge.from,
                    &*edge.to,
                    state,
                    at,
                    is_open,
                    body
                ])
                .expect("a handoff fits");
            for (seq, (name, body)) in (1_i64..).zip(events) {
                let body = body.replace("00000000", &number);
                log.execute(params![id, seq, handoff, name, at, body, hash]).expect("an event fits");
            }
        }
        let mut rollups = write
            .prepare("INSERT INTO rollups(span, until, edge, body) VALUES (?1, ?2, ?3, ?4)")
            .expect("the table is there");
        let slice = slice();
        let mut add = |span: i64, nth: i64| {
            let end = present().millis().div_euclid(span) * span - nth * span;
            for (edge, body) in &slice {
                rollups.execute(params![span, end, edge, body]).expect("a rollup fits");
            }
        };
        (2..24).for_each(|nth| add(HOUR, nth));
        (0..120).rev().for_each(|nth| add(MINUTE, nth));
    }
    write.commit().expect("the disk has room");
    db.execute_batch("PRAGMA journal_mode = WAL;").expect("as it was");
}

fn life(edge: Edge, at: Time) -> (Run, Vec<Event>) {
    let actor = Actor::agent("writer");
    let facts = [
        Fact::Emitted(Arc::new(emission(edge, 0, at))),
        leased(1, at + MINUTE),
        Fact::Acknowledged { until: None },
        completed(),
    ];
    let events: Vec<Event> =
        (1..).zip(facts).map(|(seq, fact)| event(0, seq, 0, at + seq as i64, &actor, fact)).collect();
    (folded(&events), events)
}

fn folded(events: &[Event]) -> Run {
    let mut run = Run::new(events[0].run.clone(), events[0].at);
    for event in events {
        evolve(&mut run, event);
    }
    run
}

/// What 48 edges did in a minute of some ninety handoffs each: the edge and its figures, both as JSON.
fn slice() -> Vec<(String, String)> {
    let tally = |nth: i64| {
        let mut tally = Tally::default();
        for at in 0..90 {
            for kind in [Kind::Emitted, Kind::Acknowledged, Kind::Completed] {
                Entry::Count(kind).enter(&mut tally, present());
            }
            let latency = 300 + nth * 17 + at * at;
            Entry::Acknowledged { latency, raw: latency }.enter(&mut tally, present());
            Entry::Worked(3_000 + at * 40).enter(&mut tally, present());
        }
        tally
    };
    let json = |nth| (serde_json::to_string(&edge(nth)), serde_json::to_string(&tally(nth as i64)));
    let made = (0..48).map(json).map(|(edge, tally)| (edge.expect("it is JSON"), tally.expect("it is JSON")));
    made.collect()
}

/// A run of one emitted handoff, ready to commit.
fn emitted(nth: usize) -> Commit {
    let actor = Actor::agent("research");
    let at = present();
    let head = emission(edge(nth), nth, at);
    let event = event(nth, 1, nth, at, &actor, Fact::Emitted(Arc::new(head)));
    let mut made = Folded::onto(Arc::new(Run::new(event.run.clone(), at)));
    made.fold(event);
    Commit::of(&made, 0)
}

/// Goal 14: from the answer to a commit to the drawn text, against a bare wake-up and read.
pub fn to_screen() {
    let place = tempfile::tempdir().expect("a directory for the store");
    let path = place.path().join("seam.db");
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    runtime().block_on(async {
        let store = Arc::new(alone(&path));
        let engine = Engine::open(store.clone(), Settings::default()).await;
        let source = Embedded::new(engine.expect("a new store"));
        let mut stage = Stage::new(Vec::new());
        stage.keys("6");
        let mut watch = source.watch(None);
        watch.next().await;
        for nth in 0..400 {
            let mut changed = store.watch();
            let after = *changed.borrow_and_update();
            let (committing, job) = (store.clone(), emitted(nth));
            let commit = tokio::spawn(async move {
                committing.commit(job).await.expect("it is new");
                Instant::now()
            });
            if nth % 2 == 0 {
                let batch = watch.next().await.expect("it goes on").expect("it goes on");
                stage.hear(Report::Batch(batch));
                stage.frame();
                let seen = Instant::now();
                let acknowledged = commit.await.expect("it was written");
                ours.push(late(acknowledged, seen));
                assert!(stage.shows(&format!("Work order {nth} ")), "it is drawn");
            } else {
                changed.changed().await.expect("the store is open");
                read_after(&path, after);
                let seen = Instant::now();
                let acknowledged = commit.await.expect("it was written");
                bare.push(late(acknowledged, seen));
                // The watch of ours takes it in before the next turn.
                let batch = watch.next().await.expect("it goes on").expect("it goes on");
                let is_events = matches!(batch, Batch::Events { .. });
                stage.hear(Report::Batch(batch));
                assert!(is_events, "a sign of life takes longer than this");
            }
        }
    });
    let (ours, bare) = (quantile(&mut ours, 0.99), quantile(&mut bare, 0.99));
    Figure {
        goal: 14,
        what: "acknowledged to drawn p99 / (1 frame + 2 bare wake-ups)".to_owned(),
        ours: span(ours),
        bare: span(bare),
        ratio: ours / (FRAME + 2.0 * bare),
        wanted: Goal::AtMost(1.0),
    }
    .print();
}

fn late(acknowledged: Instant, seen: Instant) -> f64 {
    seen.saturating_duration_since(acknowledged).as_secs_f64()
}

fn read_after(path: &Path, after: u64) {
    let db = Connection::open(path).expect("the store is there");
    let sql = "SELECT count(body) FROM events WHERE cursor > ?1";
    let found: i64 = db.query_row(sql, [after as i64], |row| row.get(0)).expect("it can be read");
    assert!(found > 0, "it woke up for something");
}

/// Goal 13: commits of 64 callers, each with one on the way, against the same rows written in transactions of 64.
pub fn commits() {
    const CALLERS: usize = 64;
    const EACH: usize = 8;
    const ROUNDS: usize = 8;
    let place = tempfile::tempdir().expect("a directory for the store");
    let (ours, bare) = (place.path().join("ours.db"), place.path().join("bare.db"));
    drop(alone(&bare));
    let mut db = Connection::open(&bare).expect("the new store");
    db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;").expect("a new store");
    let (mut fast, mut raw) = (Duration::ZERO, Duration::ZERO);
    runtime().block_on(async {
        let store = Arc::new(alone(&ours));
        for round in 0..ROUNDS {
            let start = Instant::now();
            let callers = (0..CALLERS).map(|caller| {
                let store = store.clone();
                tokio::spawn(async move {
                    for nth in 0..EACH {
                        let nth = (round * EACH + nth) * CALLERS + caller;
                        store.commit(emitted(nth)).await.expect("it is new");
                    }
                })
            });
            for caller in futures_util::future::join_all(callers).await {
                caller.expect("all of its commits are written");
            }
            fast += start.elapsed();
            let start = Instant::now();
            for nth in 0..EACH {
                group(&mut db, (round * EACH + nth) * CALLERS, CALLERS);
            }
            raw += start.elapsed();
        }
    });
    let many = (ROUNDS * EACH * CALLERS) as f64;
    let (fast, raw) = (many / fast.as_secs_f64(), many / raw.as_secs_f64());
    Figure {
        goal: 13,
        what: "durable commits, 64 callers".to_owned(),
        ours: rate(fast),
        bare: rate(raw),
        ratio: fast / raw,
        wanted: Goal::AtLeast(0.7),
    }
    .print();
}

fn group(db: &mut Connection, first: usize, many: usize) {
    let write = db.transaction().expect("nobody else writes");
    for nth in first..first + many {
        let body = "x".repeat(1_000);
        let (id, hash) = (format!("{nth:08}"), [7_u8; 32]);
        let insert = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
            let mut statement = write.prepare_cached(sql).expect("the table is there");
            statement.execute(values).expect("it is new");
        };
        insert(
            "INSERT INTO events(run, seq, handoff, type, at, body, prev_hash, hash) VALUES (?1, 1, ?1, 'handoff.emitted', 0, ?2, ?3, ?3)",
            &[&id, &body, &hash],
        );
        insert(
            "INSERT INTO runs(id, revision, hash, open, changed, body) VALUES (?1, 1, ?2, 1, 0, ?3)",
            &[&id, &hash, &body],
        );
        insert(
            "INSERT INTO handoffs(id, run, key, pipeline, source, target, state, emitted) VALUES (?1, ?1, ?1, 'p', 'a', 'b', 'emitted', 0)",
            &[&id],
        );
    }
    write.commit().expect("the disk has room");
}
