use std::fs;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use serde_json::json;

use super::*;
use crate::domain::event::{Boundary, Emission, Event, Fact, Rejection};
use crate::domain::health::Kind;
use crate::domain::id::{Actor, Edge, RunId};
use crate::domain::ledger::KEEP_EDGES;
use crate::domain::machine::tests::{emission, terms};
use crate::domain::run::{Run, State};
use crate::domain::time::{HOUR, MINUTE, Time};

fn at(millis: i64) -> Time {
    Time::from_millis(1_800_000_000_000 + millis)
}

fn event(run: &str, seq: u64, at: Time, handoff: &str, fact: Fact) -> Event {
    Event { run: run.into(), seq, at, handoff: Some(handoff.into()), actor: Actor::agent("writer"), fact }
}

fn emitted(run: &str, handoff: &str, to: &str, now: Time) -> Event {
    let head = Emission { ready_at: now, ..emission("writer", to, handoff) };
    event(run, 1, now, handoff, Fact::Emitted(Arc::new(head)))
}

/// A run with one handoff, as it is first committed.
fn first(run: &str, handoff: &str, now: Time) -> Commit {
    Commit::of(run.into(), None, vec![emitted(run, handoff, "editor", now)])
}

async fn next(store: &Sqlite, run: &str, handoff: &str, now: Time, fact: Fact) -> Commit {
    let (state, version) = store.load(&run.into()).await.unwrap().unwrap();
    let event = event(run, state.version + 1, now, handoff, fact);
    Commit::of(run.into(), Some((state, version)), vec![event])
}

fn requeued() -> Fact {
    Fact::Requeued { reason: "again".into() }
}

#[tokio::test]
async fn what_is_committed_is_there_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seam.db");
    let store = Sqlite::open(&path).unwrap();
    assert_eq!(store.load(&"r".into()).await, Ok(None));
    let mut commit = first("r", "h", at(0));
    commit.blobs.push(Blob { digest: "sha256:x".into(), media_type: "text/plain".into(), bytes: b"hi".to_vec() });
    assert_eq!(store.commit(commit).await, Ok(1));
    assert_eq!(store.commit(next(&store, "r", "h", at(5), requeued()).await).await, Ok(2));
    let before = store.load(&"r".into()).await.unwrap();
    drop(store);
    let store = Sqlite::open(&path).unwrap();
    assert_eq!(*store.watch().borrow(), 2);
    assert_eq!(store.load(&"r".into()).await.unwrap(), before);
    assert_eq!(store.verify(&"r".into()).await, Ok(2));
    assert_eq!(store.blob("sha256:x").await.unwrap().unwrap().bytes, b"hi");
    assert_eq!(store.run_of(&"h".into()).await.unwrap(), Some(RunId::from("r")));
    let tail = store.tail(1, 10).await.unwrap();
    assert_eq!((tail[0].0, tail[0].1.fact.name()), (2, "handoff.requeued"));
}

#[tokio::test]
async fn a_commit_on_an_old_version_changes_nothing() {
    let store = Sqlite::temporary().unwrap();
    store.commit(first("r", "h", at(0))).await.unwrap();
    let mut late = next(&store, "r", "h", at(1), requeued()).await;
    late.blobs.push(Blob { digest: "sha256:late".into(), media_type: String::new(), bytes: vec![] });
    store.commit(next(&store, "r", "h", at(1), requeued()).await).await.unwrap();
    assert_eq!(store.commit(late).await, Err(CommitError::Conflict));
    assert_eq!(store.blob("sha256:late").await, Ok(None), "nothing of it");
    assert_eq!(store.commit(first("r", "h2", at(2))).await, Err(CommitError::Conflict));
    assert_eq!(store.commit(first("other", "h", at(2))).await, Err(CommitError::Conflict), "the id is taken");
    assert_eq!(store.load(&"other".into()).await, Ok(None));
}

#[tokio::test]
async fn one_conflict_in_a_group_does_not_sink_the_others() {
    let store = Arc::new(Sqlite::temporary().unwrap());
    store.commit(first("r", "h", at(0))).await.unwrap();
    let mut commits = Vec::new();
    for nth in 0..200 {
        // Every other one fights for the same run.
        let commit = if nth % 2 == 0 {
            next(&store, "r", "h", at(1), requeued()).await
        } else {
            first(&format!("run {nth}"), &format!("handoff {nth}"), at(1))
        };
        commits.push(commit);
    }
    // This one is refused only when half of it is written: the id belongs to another run.
    commits.insert(100, first("third", "h", at(1)));
    let racing: Vec<_> = commits
        .into_iter()
        .map(|commit| {
            let store = store.clone();
            tokio::spawn(async move { store.commit(commit).await })
        })
        .collect();
    let mut cursors = Vec::new();
    let mut conflicts = 0;
    for one in racing {
        match one.await.unwrap() {
            Ok(cursor) => cursors.push(cursor),
            Err(CommitError::Conflict) => conflicts += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((cursors.len(), conflicts), (101, 100));
    cursors.sort_unstable();
    cursors.dedup();
    assert_eq!(cursors.len(), 101, "every event has a place of its own");
    assert_eq!(store.tail(0, 1_000).await.unwrap().len(), 102);
    assert_eq!(store.load(&"r".into()).await.unwrap().unwrap().0.version, 2);
    let counted: u32 = emitted_in(&store, at(MINUTE)).await;
    assert_eq!(counted, 101, "what was refused is in no rollup");
}

async fn emitted_in(store: &Sqlite, now: Time) -> u32 {
    let rollups = store.snapshot(now).await.unwrap().rollups;
    let tallies = rollups.iter().flat_map(|it| &it.edges);
    tallies.map(|(_, tally)| tally.counts.get(Kind::Emitted)).sum()
}

#[tokio::test]
async fn names_that_somebody_invents_do_not_fill_the_rollups() {
    let store = Sqlite::temporary().unwrap();
    let mut events = vec![emitted("r", "h", "editor", at(0))];
    for nth in 0..KEEP_EDGES + 500 {
        let rejection = Rejection {
            id: format!("rj{nth}"),
            boundary: Boundary::Emit,
            edge: Edge::new(&format!("invented-{nth}"), "writer", "editor"),
            producer: "writer".into(),
            model: None,
            prompt: None,
            key: None,
            digest: String::new(),
            again: false,
            errors: Vec::new(),
        };
        let seq = nth as u64 + 2;
        events.push(event("r", seq, at(0), "h", Fact::Refused(Box::new(rejection))));
    }
    let commit = Commit::of("r".into(), None, events);
    store.commit(commit).await.unwrap();
    // The minute, and the hour it became part of.
    store.commit(first("s", "i", at(HOUR))).await.unwrap();
    for now in [at(HOUR), at(3 * HOUR)] {
        let rollups = store.snapshot(now).await.unwrap().rollups;
        let edges = &rollups[0].edges;
        assert!((KEEP_EDGES / 2..=KEEP_EDGES).contains(&edges.len()));
        assert_eq!(emitted_in(&store, now).await, 2, "what was work stays");
    }
}

#[tokio::test]
async fn the_queue_serves_the_urgent_first_and_starves_nobody() {
    use crate::domain::contract::Urgency;
    let store = Sqlite::temporary().unwrap();
    let add = async |id: &str, urgency, ready: Time| {
        let mut head = Emission { ready_at: ready, ..emission("writer", "editor", id) };
        terms(&mut head).urgency = urgency;
        let fact = Fact::Emitted(Arc::new(head));
        let commit = Commit::of(id.into(), None, vec![event(id, 1, at(0), id, fact)]);
        store.commit(commit).await.unwrap();
    };
    add("normal", Urgency::Normal, at(0)).await;
    add("low", Urgency::Low, at(0)).await;
    add("high", Urgency::High, at(MINUTE)).await;
    add("critical", Urgency::Critical, at(MINUTE)).await;
    add("later", Urgency::Critical, at(HOUR)).await;
    let ids = async |n, paused| {
        let ready = store.ready("editor", at(2 * MINUTE), n, paused).await.unwrap();
        ready.found.iter().map(|(_, id)| id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids(10, vec![]).await, ["critical", "high", "normal", "low"]);
    assert_eq!(ids(2, vec![]).await, ["critical", "high"]);
    assert_eq!(ids(9, vec![Edge::new("news", "writer", "editor")]).await, [""; 0]);
    let ready = store.ready("editor", at(2 * MINUTE), 10, vec![]).await.unwrap();
    assert_eq!(ready.next, Some(at(HOUR)));
    assert_eq!(store.ready("nobody", at(HOUR), 9, vec![]).await.unwrap(), Ready::default());
}

#[tokio::test]
async fn rollups_give_the_last_hours_without_counting_anything_twice() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seam.db");
    let mut store = Sqlite::open(&path).unwrap();
    // One handoff every 20 minutes for five hours, with a restart in between.
    for nth in 0..15 {
        let id = format!("h{nth}");
        store.commit(first(&id, &id, at(nth * 20 * MINUTE + 1))).await.unwrap();
        if nth == 7 {
            drop(store);
            store = Sqlite::open(&path).unwrap();
        }
    }
    for minutes in [281, 290, 300, 310, 359] {
        assert_eq!(emitted_in(&store, at(minutes * MINUTE)).await, 15, "{minutes} minutes on");
    }
    let now = at(290 * MINUTE);
    let rollups = store.snapshot(now).await.unwrap().rollups;
    let hour_ago = at(230 * MINUTE);
    let fine = rollups.iter().filter(|it| it.end > hour_ago).count();
    assert_eq!(fine, 3, "240, 260 and 280 minutes on, each a minute of its own");
}

#[tokio::test]
async fn a_changed_record_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seam.db");
    let tampered = async |sql: &str| {
        let _ = fs::remove_file(&path);
        let store = Sqlite::open(&path).unwrap();
        store.commit(first("r", "h", at(0))).await.unwrap();
        store.commit(next(&store, "r", "h", at(1), requeued()).await).await.unwrap();
        assert_eq!(store.verify(&"r".into()).await, Ok(2));
        drop(store);
        let direct = Connection::open(&path).unwrap();
        assert_eq!(direct.execute(sql, []).unwrap(), 1);
        drop(direct);
        Sqlite::open(&path).unwrap().verify(&"r".into()).await
    };
    let chain = |seq| Err(Broken::Chain { run: "r".into(), seq });
    let sql = "UPDATE events SET body = replace(body, 'again', 'never') WHERE seq = 2";
    assert_eq!(tampered(sql).await, chain(2));
    assert_eq!(tampered("DELETE FROM events WHERE seq = 1").await, chain(2));
    let state = Err(Broken::State("r".into()));
    assert_eq!(tampered("DELETE FROM events WHERE seq = 2").await, state);
    let sql = "UPDATE runs SET body = replace(body, 'pending', 'completed')";
    assert_eq!(tampered(sql).await, state);
    assert_eq!(Sqlite::temporary().unwrap().verify(&"none".into()).await, Err(Broken::NoRun("none".into())));
}

#[tokio::test]
async fn lists_come_in_pages_and_filters_narrow_them() {
    let store = Sqlite::temporary().unwrap();
    for nth in 0..7 {
        let id = format!("h{nth}");
        store.commit(first(&id, &id, at(nth / 2))).await.unwrap();
    }
    let mut found = Vec::new();
    let mut page = None;
    loop {
        let listed = store.list(Filter::default(), page, 3).await.unwrap();
        found.extend(listed.found.iter().map(|(_, id)| id.to_string()));
        page = listed.next;
        if page.is_none() {
            break;
        }
    }
    assert_eq!(found, ["h6", "h5", "h4", "h3", "h2", "h1", "h0"]);
    let count = async |filter| store.list(filter, None, 100).await.unwrap().found.len();
    assert_eq!(count(Filter { states: vec![State::Pending], ..Filter::default() }).await, 7);
    assert_eq!(count(Filter { states: vec![State::Completed], ..Filter::default() }).await, 0);
    assert_eq!(count(Filter { run: Some("h3".into()), ..Filter::default() }).await, 1);
    assert_eq!(count(Filter { to: Some("' OR 1=1 --".into()), ..Filter::default() }).await, 0);
}

#[tokio::test]
async fn a_heartbeat_is_written_without_an_event_and_still_counts_as_a_change() {
    let store = Sqlite::temporary().unwrap();
    store.commit(first("r", "h", at(0))).await.unwrap();
    let (run, version): (Run, Version) = store.load(&"r".into()).await.unwrap().unwrap();
    let stale = next(&store, "r", "h", at(1), requeued()).await;
    store.commit(Commit::quietly(run, version, "h".into())).await.unwrap();
    assert_eq!(*store.watch().borrow(), 1);
    assert_eq!(store.commit(stale).await, Err(CommitError::Conflict), "it would undo the heartbeat");
}

#[tokio::test]
async fn an_answer_is_remembered_until_it_expires() {
    let store = Sqlite::temporary().unwrap();
    let answered = Answered {
        scope: "writer".into(),
        key: "k".into(),
        fingerprint: "f".into(),
        body: json!({"handoff": "h"}),
        at: at(0),
        expires: at(HOUR),
    };
    let mut commit = first("r", "h", at(0));
    commit.answered = Some(answered.clone());
    store.commit(commit).await.unwrap();
    assert_eq!(store.answered("writer", "k", at(1)).await, Ok(Some(("f".into(), answered.body.clone()))));
    assert_eq!(store.answered("editor", "k", at(1)).await, Ok(None));
    assert_eq!(store.answered("writer", "k", at(2 * HOUR)).await, Ok(None));
    let mut twice = first("r2", "h2", at(1));
    twice.answered = Some(answered.clone());
    assert_eq!(store.commit(twice).await, Err(CommitError::Conflict));
    // A day later the key is free, also for what is no event of its own, such as a heartbeat.
    let (run, version) = store.load(&"r".into()).await.unwrap().unwrap();
    let mut later = Commit::quietly(run, version, "h".into());
    later.answered = Some(Answered { at: at(2 * HOUR), expires: at(3 * HOUR), ..answered });
    store.commit(later).await.unwrap();
}

#[tokio::test]
async fn expired_answers_go_some_at_a_time_and_their_keys_are_free_at_once() {
    let store = Sqlite::temporary().unwrap();
    let keyed = async |nth: usize, at: Time| {
        let (run, handoff) = (format!("r{nth} {at}"), format!("h{nth} {at}"));
        let mut commit = first(&run, &handoff, at);
        commit.answered = Some(Answered {
            scope: "writer".into(),
            key: format!("k{nth}"),
            fingerprint: "f".into(),
            body: json!([]),
            at,
            expires: at + HOUR,
        });
        store.commit(commit).await
    };
    let kept = || {
        let db = rusqlite::Connection::open(store.path()).unwrap();
        let sql = "SELECT count(*) FROM http_idem";
        db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    for nth in 0..25 {
        keyed(nth, at(nth as i64)).await.unwrap();
    }
    // The latest of the old is still there.
    keyed(24, at(2 * HOUR)).await.unwrap();
    assert_eq!(kept(), 15);
    assert_eq!(keyed(24, at(2 * HOUR)).await, Err(CommitError::Conflict));
    for nth in 100..103 {
        keyed(nth, at(2 * HOUR)).await.unwrap();
    }
    assert_eq!(kept(), 4);
}

fn refused(path: &Path) -> StoreError {
    Sqlite::open(path).map(drop).expect_err("it must not open")
}

#[test]
fn files_that_cannot_be_used_are_named_with_the_reason() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);

    fs::write(path("text.db"), "this is a letter, not a database, and long enough to have a header").unwrap();
    assert!(matches!(refused(&path("text.db")), StoreError::Corrupt(..)));

    let foreign = Connection::open(path("foreign.db")).unwrap();
    foreign.execute_batch("CREATE TABLE notes(text)").unwrap();
    let why = refused(&path("foreign.db"));
    assert!(why.to_string().contains("database of another program"), "{why}");
    foreign.execute_batch("PRAGMA application_id = 252006675").unwrap();
    assert!(refused(&path("foreign.db")).to_string().contains("application id"));
    let mode: String = foreign.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "delete", "a foreign file is left as it was");
    assert!(!path("foreign.db.lock").exists(), "and alone");
    assert!(!path("text.db.lock").exists());

    drop(Sqlite::open(&path("newer.db")).unwrap());
    let newer = Connection::open(path("newer.db")).unwrap();
    newer.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(newer);
    let why = refused(&path("newer.db"));
    assert!(why.to_string().contains("made by a newer Seamwatch"), "{why}");

    let why = refused(&path("nowhere/seam.db"));
    assert!(matches!(why, StoreError::NoDirectory(_)), "{why}");
    assert!(matches!(refused(directory.path()), StoreError::NotWritable(..)));

    let damaged = path("damaged.db");
    drop(Sqlite::open(&damaged).unwrap());
    let mut bytes = fs::read(&damaged).unwrap();
    bytes.iter_mut().skip(100).take(2_000).for_each(|it| *it = 0xAA);
    fs::write(&damaged, bytes).unwrap();
    assert!(matches!(refused(&damaged), StoreError::Corrupt(..)));
}

#[test]
fn only_one_process_writes_and_the_second_learns_which() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seam.db");
    let store = Sqlite::open(&path).unwrap();
    let why = refused(&path);
    assert!(why.to_string().contains(&format!("process {}", std::process::id())), "{why}");
    drop(store);
    drop(Sqlite::open(&path).unwrap());
}

#[test]
fn by_another_name_a_store_in_use_is_in_use_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seam.db");
    let link = directory.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    // The link comes first: the file that it names is not there yet.
    let store = Sqlite::open(&link).unwrap();
    assert!(matches!(refused(&path), StoreError::Locked(..)));
    drop(store);
    let store = Sqlite::open(&path).unwrap();
    for name in [&link, &directory.path().join(".").join("seam.db")] {
        assert!(matches!(refused(name), StoreError::Locked(..)));
    }
    drop(store);
    drop(Sqlite::open(&link).unwrap());
    assert!(!directory.path().join("link.db.lock").exists(), "the lock is beside the file");
}

#[test]
fn a_temporary_store_leaves_nothing_behind() {
    let store = Sqlite::temporary().unwrap();
    let directory = store.path().parent().unwrap().to_owned();
    assert!(directory.is_dir());
    drop(store);
    assert!(!directory.exists());
}

#[tokio::test]
async fn a_process_that_dies_leaves_everything_it_had_promised() {
    let directory = tempfile::tempdir().unwrap();
    let store = Sqlite::open(&directory.path().join("seam.db")).unwrap();
    for nth in 0..50 {
        let id = format!("h{nth}");
        store.commit(first(&id, &id, at(nth))).await.unwrap();
    }
    // The files as a crash leaves them: nothing closed, nothing moved from the log into the database.
    let after = tempfile::tempdir().unwrap();
    for name in ["seam.db", "seam.db-wal"] {
        fs::copy(directory.path().join(name), after.path().join(name)).unwrap();
    }
    let again = Sqlite::open(&after.path().join("seam.db")).unwrap();
    assert_eq!(*again.watch().borrow(), 50);
    for nth in 0..50 {
        assert_eq!(again.verify(&format!("h{nth}").into()).await, Ok(1));
    }
    assert_eq!(emitted_in(&again, at(MINUTE)).await, 50, "the rollup with them");
    assert_eq!(again.commit(next(&again, "h3", "h3", at(99), requeued()).await).await, Ok(51));
}

#[test]
fn the_words_of_the_protocol_in_the_file_are_those_it_was_made_with() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seam.db");
    drop(Sqlite::open(&path).unwrap());
    let file = Connection::open(&path).unwrap();
    let sql = |name: &str| {
        let sql = "SELECT sql FROM sqlite_schema WHERE name = ?1";
        file.query_row(sql, [name], |row| row.get::<_, String>(0)).unwrap()
    };
    assert_eq!(sql("events_refused"), "CREATE INDEX events_refused ON events(at) WHERE type = 'handoff.rejected'");
    let open = "\n  WHERE state NOT IN ('completed', 'returned', 'dismissed', 'cancelled')";
    assert_eq!(sql("handoffs_state"), format!("CREATE INDEX handoffs_state ON handoffs(state, emitted, id){open}"));
}
