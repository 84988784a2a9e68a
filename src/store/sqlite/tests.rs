use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use serde_json::json;

use super::*;
use crate::domain::health::{Kind, Window};
use crate::domain::ledger::Ledger;
use crate::domain::run::State;
use crate::domain::time::{HOUR, MINUTE, SECOND, Time};
use crate::store::tests::suite::{Place, at, emitted_in, first, next, requeued};
use crate::store::{Answered, Broken, Store};

mod files;

fn alone(path: &Path) -> Result<Sqlite, StoreError> {
    Lock::take(path).and_then(Sqlite::alone)
}

mod one_program {
    use super::*;

    /// Every handle is the same one.
    fn place() -> Place {
        let store: Arc<dyn Store> = Arc::new(Sqlite::temporary().unwrap());
        assert!(store.is_alone());
        Place { open: Box::new(move || Arc::clone(&store)) }
    }

    crate::store::tests::suite::suite!(place());
}

mod several_programs {
    use super::*;

    /// Every handle opens the file anew.
    fn place() -> Place {
        let directory = tempfile::tempdir().unwrap();
        Place {
            open: Box::new(move || {
                let store = Sqlite::open(&directory.path().join("seam.db")).unwrap();
                assert!(!store.is_alone());
                Arc::new(store)
            }),
        }
    }

    crate::store::tests::suite::suite!(place());
}

#[tokio::test]
async fn what_is_committed_is_there_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seam.db");
    let store = alone(&path).unwrap();
    store.commit(first("r", "h", at(0))).await.unwrap();
    let before = store.load(&"r".into()).await.unwrap();
    drop(store);
    let store = alone(&path).unwrap();
    assert_eq!(*store.watch().borrow(), 1);
    assert_eq!(store.load(&"r".into()).await.unwrap(), before);
    assert_eq!(emitted_in(&store, at(MINUTE)).await, 1);
}

#[tokio::test]
async fn a_changed_record_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seam.db");
    let tampered = async |sql: &str| {
        let _ = fs::remove_file(&path);
        let store = alone(&path).unwrap();
        store.commit(first("r", "h", at(0))).await.unwrap();
        store.commit(next(&store, "r", "h", at(1), requeued()).await).await.unwrap();
        assert_eq!(store.verify(&"r".into()).await, Ok(2));
        drop(store);
        let direct = Connection::open(&path).unwrap();
        assert_eq!(direct.execute(sql, []).unwrap(), 1);
        drop(direct);
        alone(&path).unwrap().verify(&"r".into()).await
    };
    let chain = |seq| Err(Broken::Chain { run: "r".into(), seq });
    let sql = "UPDATE events SET body = replace(body, 'again', 'never') WHERE seq = 2";
    assert_eq!(tampered(sql).await, chain(2));
    assert_eq!(tampered("DELETE FROM events WHERE seq = 1").await, chain(2));
    let state = Err(Broken::State("r".into()));
    assert_eq!(tampered("DELETE FROM events WHERE seq = 2").await, state);
    let sql = "UPDATE handoffs SET body = replace(body, 'pending', 'completed')";
    assert_eq!(tampered(sql).await, state);
    assert_eq!(Sqlite::temporary().unwrap().verify(&"none".into()).await, Err(Broken::NoRun("none".into())));
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
    alone(path).map(drop).expect_err("it must not open")
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

    drop(alone(&path("newer.db")).unwrap());
    let newer = Connection::open(path("newer.db")).unwrap();
    newer.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(newer);
    let why = refused(&path("newer.db"));
    assert!(why.to_string().contains("made by a newer Seamwatch"), "{why}");

    let why = refused(&path("nowhere/seam.db"));
    assert!(matches!(why, StoreError::NoDirectory(_)), "{why}");
    assert!(matches!(refused(directory.path()), StoreError::NotWritable(..)));

    let damaged = path("damaged.db");
    drop(alone(&damaged).unwrap());
    let mut bytes = fs::read(&damaged).unwrap();
    bytes.iter_mut().skip(100).take(2_000).for_each(|it| *it = 0xAA);
    fs::write(&damaged, bytes).unwrap();
    assert!(matches!(refused(&damaged), StoreError::Corrupt(..)));
}

#[test]
fn only_one_process_writes_and_the_second_learns_which() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seam.db");
    let store = alone(&path).unwrap();
    let why = refused(&path);
    assert!(why.to_string().contains(&format!("process {}", std::process::id())), "{why}");
    drop(store);
    drop(alone(&path).unwrap());
}

#[test]
fn by_another_name_a_store_in_use_is_in_use_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seam.db");
    let link = directory.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    // The link comes first: the file that it names is not there yet.
    let store = alone(&link).unwrap();
    assert!(matches!(refused(&path), StoreError::Locked(..)));
    drop(store);
    let store = alone(&path).unwrap();
    for name in [&link, &directory.path().join(".").join("seam.db")] {
        assert!(matches!(refused(name), StoreError::Locked(..)));
    }
    drop(store);
    drop(alone(&link).unwrap());
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
    let store = alone(&directory.path().join("seam.db")).unwrap();
    for nth in 0..50 {
        let id = format!("h{nth}");
        store.commit(first(&id, &id, at(nth))).await.unwrap();
    }
    // The files as a crash leaves them: nothing closed, nothing moved from the log into the database.
    let after = tempfile::tempdir().unwrap();
    for name in ["seam.db", "seam.db-wal"] {
        fs::copy(directory.path().join(name), after.path().join(name)).unwrap();
    }
    let again = alone(&after.path().join("seam.db")).unwrap();
    assert_eq!(*again.watch().borrow(), 50);
    for nth in 0..50 {
        assert_eq!(again.verify(&format!("h{nth}").into()).await, Ok(1));
    }
    assert_eq!(emitted_in(&again, at(MINUTE)).await, 50, "the rollup with them");
    assert_eq!(again.commit(next(&again, "h3", "h3", at(99), requeued()).await).await, Ok(51));
}

#[tokio::test]
async fn who_asks_once_gets_the_minute_that_who_watches_sees() {
    let store = Sqlite::temporary().unwrap();
    for (nth, seconds) in [0, 100, 103].into_iter().enumerate() {
        let id = format!("h{nth}");
        store.commit(first(&id, &id, at(seconds * SECOND))).await.unwrap();
    }
    let seen = async |now: Time| {
        let mut ledger = Ledger::new(0);
        ledger.restore(store.snapshot(now).await.unwrap());
        let book = ledger.edges().next().unwrap();
        Window::ALL.map(|it| book.windows.total(it).counts.get(Kind::Emitted))
    };
    assert_eq!(seen(at(160 * SECOND)).await, [1, 3, 3, 3], "not the two minutes that it lies in");
    assert_eq!(seen(at(301 * SECOND)).await, [0, 2, 3, 3]);
    // Slices go when they are of no use; the minutes stay.
    for nth in 0..200 {
        let id = format!("later{nth}");
        store.commit(first(&id, &id, at(HOUR + nth * 5 * SECOND))).await.unwrap();
    }
    let sql = "SELECT count(*), min(until) > 1800003600000 FROM rollups WHERE span = 5000";
    let file = Connection::open(store.path()).unwrap();
    let kept: (i64, bool) = file.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert!((180..=182).contains(&kept.0) && kept.1, "{kept:?}");
    assert_eq!(emitted_in(&store, at(HOUR + 1_000 * SECOND)).await, 203);
}

/// The tables and indexes of a file: each with its columns.
fn tables(path: &Path) -> Vec<String> {
    let file = Connection::open(path).unwrap();
    let sql = "SELECT tables.name || ' ' || columns.name || ' ' || columns.type
               FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
               WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%'
               UNION SELECT coalesce(sql, name) FROM sqlite_schema WHERE type = 'index' ORDER BY 1";
    let mut statement = file.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_file_of_the_first_format_becomes_what_a_new_one_is() {
    let directory = tempfile::tempdir().unwrap();
    let (new, old) = (directory.path().join("new.db"), directory.path().join("old.db"));
    drop(alone(&new).unwrap());
    let packed = include_bytes!("../../../tests/stores/format-1.db.gz").as_slice();
    std::io::copy(&mut flate2::read::GzDecoder::new(packed), &mut fs::File::create(&old).unwrap()).unwrap();
    drop(alone(&old).unwrap());
    assert_eq!(tables(&old), tables(&new));
    let version: i64 = Connection::open(&old).unwrap().query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 2);
}

#[test]
fn no_word_of_the_protocol_stands_in_the_tables() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seam.db");
    drop(alone(&path).unwrap());
    let tables = tables(&path).join("\n");
    let states = State::ALL.map(State::word);
    for word in states.iter().chain([&"handoff.rejected"]) {
        assert!(!tables.contains(&format!("'{word}'")), "{word} in:\n{tables}");
    }
}

#[test]
fn who_wants_a_store_alone_and_who_shares_it_are_in_each_others_way() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seam.db");
    let shared = [Sqlite::open(&path).unwrap(), Sqlite::open(&path).unwrap()];
    assert!(matches!(refused(&path), StoreError::Locked(..)));
    drop(shared);
    let store = alone(&path).unwrap();
    assert!(matches!(Sqlite::open(&path), Err(StoreError::Locked(..))));
    drop(store);
    drop(Sqlite::open(&path).unwrap());
}
