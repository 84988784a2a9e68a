//! What people do to the files of a store, while it is open and while it is not.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::*;

/// Rights of a file.
fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

/// The files of an open store.
fn files(path: &Path) -> [PathBuf; 4] {
    ["", "-wal", "-shm", ".lock"].map(|end| lock::beside(path, end))
}

/// A run of one handoff, as every test commits it.
async fn committed(store: &Sqlite, run: &str) -> Result<Position, CommitError> {
    store.commit(first(run, &format!("h-{run}"), at(0))).await
}

#[tokio::test]
async fn a_store_is_for_its_owner_only() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seam.db");
    let store = alone(&path).unwrap();
    committed(&store, "r").await.unwrap();
    for it in files(&path) {
        assert_eq!(mode(&it), 0o600, "{}", it.display());
    }
    drop(store);
    for it in [&path, &lock::beside(&path, ".lock")] {
        fs::set_permissions(it, fs::Permissions::from_mode(0o644)).unwrap();
    }
    let _store = alone(&path).unwrap();
    for it in files(&path) {
        assert_eq!(mode(&it), 0o600, "narrowed: {}", it.display());
    }
    let temporary = Sqlite::temporary().unwrap();
    assert_eq!(mode(temporary.path().parent().unwrap()), 0o700);
    assert_eq!(mode(temporary.path()), 0o600);
}

#[test]
fn what_is_no_store_keeps_its_rights() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("foreign.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE notes(text)").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    refused(&path);
    assert_eq!(mode(&path), 0o644);
}

#[tokio::test]
async fn no_other_name_gets_past_the_lock() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seam.db");
    let store = alone(&path).unwrap();
    committed(&store, "r").await.unwrap();
    let (hard, soft) = (directory.path().join("hard.db"), directory.path().join("soft.db"));
    fs::hard_link(&path, &hard).unwrap();
    symlink(&hard, &soft).unwrap();
    for name in [&hard, &soft] {
        assert!(matches!(refused(name), StoreError::Locked(..)));
        assert!(matches!(Sqlite::open(name), Err(StoreError::Locked(..))));
    }
    assert!(!lock::beside(&hard, ".lock").exists(), "nothing is left beside it");
    fs::remove_file(lock::beside(&path, ".lock")).unwrap();
    assert!(matches!(refused(&path), StoreError::Locked(..)), "the lock is on the file, not beside it");
    drop(store);
    drop(alone(&hard).unwrap());
}

/// POSIX locks of a file, as the system lists them.
#[cfg(target_os = "linux")]
fn posix_locks(path: &Path) -> usize {
    let inode = format!(":{} ", path.metadata().unwrap().ino());
    let all = fs::read_to_string("/proc/locks").unwrap();
    all.lines().filter(|it| it.contains("POSIX") && it.contains(&inode)).count()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn who_is_refused_or_leaves_takes_no_lock_of_sqlite_along() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seam.db");
    let [store, other] = [(); 2].map(|()| Sqlite::open(&path).unwrap());
    committed(&store, "r").await.unwrap();
    let before = posix_locks(&path);
    assert!(before > 0, "without them another program would think that nobody has it open");
    let hard = directory.path().join("hard.db");
    fs::hard_link(&path, &hard).unwrap();
    refused(&hard);
    assert_eq!(posix_locks(&path), before);
    drop(other);
    assert_eq!(posix_locks(&path), before);
    drop(store);
    assert_eq!(posix_locks(&path), 0);
}

#[tokio::test]
async fn a_file_that_is_gone_or_another_takes_nothing_and_goes_on_when_it_is_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seam.db");
    let away = directory.path().join("away");
    let store = alone(&path).unwrap();
    committed(&store, "r0").await.unwrap();
    store.load(&"r0".into()).await.unwrap();
    for (nth, file) in files(&path)[..3].iter().enumerate() {
        for other in [false, true] {
            let what = format!("{} {other}", file.display());
            fs::rename(file, &away).unwrap();
            if other {
                fs::copy(&away, file).unwrap();
            }
            let why = committed(&store, &format!("r{nth} {other}")).await.unwrap_err();
            let told = if other { "replaced" } else { "removed" };
            assert!(matches!(&why, CommitError::Store(StoreError::Misplaced(at, _)) if at == file), "{what}: {why}");
            assert!(why.to_string().contains(told), "{what}: {why}");
            assert!(store.load(&"r0".into()).await.unwrap().is_some(), "{what}: what is open is still read");
            assert!(matches!(store.health(), Some(StoreError::Misplaced(..))), "{what}");
            fs::rename(&away, file).unwrap();
            assert!(store.load(&"r0".into()).await.unwrap().is_some());
            assert_eq!(store.health(), None, "{what}");
            committed(&store, &format!("r{nth} {other}")).await.unwrap();
        }
    }
    drop(store);
    assert!(!files(&path)[1].exists(), "closed");
    let again = alone(&path).unwrap();
    assert_eq!(*again.watch().borrow(), 7);
    assert_eq!(again.verify(&"r2 true".into()).await, Ok(1));
}

#[tokio::test]
async fn a_store_that_is_moved_away_is_closed_where_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let (path, away) = (directory.path().join("seam.db"), directory.path().join("away.db"));
    let store = alone(&path).unwrap();
    committed(&store, "r").await.unwrap();
    fs::rename(&path, &away).unwrap();
    drop(store);
    // What lies there now is of nobody, and is not made a new store of.
    assert!(matches!(refused(&path), StoreError::Orphan(..)));
    let moved = alone(&away).unwrap();
    assert_eq!(*moved.watch().borrow(), 1);
}

#[tokio::test]
async fn a_copy_over_an_open_store_is_noticed_and_is_what_the_next_start_finds() {
    let directory = tempfile::tempdir().unwrap();
    let (path, backup) = (directory.path().join("seam.db"), directory.path().join("backup.db"));
    let store = alone(&path).unwrap();
    committed(&store, "r0").await.unwrap();
    drop(store);
    fs::copy(&path, &backup).unwrap();
    let store = alone(&path).unwrap();
    for nth in 1..40 {
        committed(&store, &format!("r{nth}")).await.unwrap();
    }
    // Until now the file was the same as the copy, and all of this in the log.
    let other = Connection::open(&path).unwrap();
    other.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).unwrap();
    drop(other);
    committed(&store, "r40").await.unwrap();
    fs::copy(&backup, &path).unwrap();
    let over = |why: &StoreError| matches!(why, StoreError::Overwritten(_));
    assert!(store.load(&"r0".into()).await.is_err_and(|why| over(&why)), "it is noticed by who only reads");
    assert!(store.health().is_some_and(|why| over(&why)));
    assert!(matches!(committed(&store, "late").await, Err(CommitError::Store(why)) if over(&why)));
    drop(store);
    assert!(directory.path().join("seam.db-wal-aside").exists());
    let whole: String =
        Connection::open(&path).unwrap().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(whole, "ok");
    let again = alone(&path).unwrap();
    assert_eq!(*again.watch().borrow(), 1, "as the copy was");
}

#[tokio::test]
async fn what_others_may_do_to_an_open_store_is_no_alarm() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seam.db");
    let store = alone(&path).unwrap();
    committed(&store, "r0").await.unwrap();
    let other = Connection::open(&path).unwrap();
    let moved: i64 = other.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(2)).unwrap();
    assert!(moved > 0, "the file has changed");
    committed(&store, "r1").await.unwrap();
    let file = fs::File::options().append(true).open(&path).unwrap();
    file.set_modified(file.metadata().unwrap().modified().unwrap() + Duration::from_secs(1)).unwrap();
    committed(&store, "r2").await.unwrap();
    assert_eq!(store.health(), None);
    assert_eq!(*store.watch().borrow(), 3);
}

#[tokio::test]
async fn a_log_without_its_file_is_refused_and_kept() {
    let directory = tempfile::tempdir().unwrap();
    let (path, left) = (directory.path().join("seam.db"), directory.path().join("left.db"));
    let store = alone(&path).unwrap();
    committed(&store, "r").await.unwrap();
    let wal = lock::beside(&left, "-wal");
    fs::copy(lock::beside(&path, "-wal"), &wal).unwrap();
    let before = fs::read(&wal).unwrap();
    for empty in [false, true] {
        if empty {
            fs::write(&left, "").unwrap();
        }
        let why = refused(&left);
        assert!(matches!(why, StoreError::Orphan(..)), "{why}");
        assert!(why.to_string().contains("left.db-wal"), "{why}");
        assert_eq!(fs::read(&wal).unwrap(), before);
        assert_eq!(left.exists(), empty);
        assert!(!lock::beside(&left, ".lock").exists());
    }
    // With its file beside it, it is whole.
    fs::copy(&path, &left).unwrap();
    assert_eq!(*alone(&left).unwrap().watch().borrow(), 1);
    fs::remove_file(&left).unwrap();
    alone(&left).map(drop).unwrap();
}
