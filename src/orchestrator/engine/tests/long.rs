//! A run that goes on and on, as a patrol does: what a step costs, whatever came before.

use std::ops::Range;

use rusqlite::Connection;

use super::*;

/// The guard completes what it has and hands the next round to itself; gives the run.
async fn patrol(engine: &Engine, rounds: Range<usize>) -> RunId {
    if rounds.start == 0 {
        emit(engine, work("guard", "guard")).await;
    }
    let guard = agent(engine, "guard");
    let mut last = None;
    for round in rounds {
        let claimed = claim(engine, "guard").await;
        guard.acknowledge(held(&claimed)).await.unwrap();
        let done = guard.complete(held(&claimed), None, vec![work("guard", "guard")]).await.unwrap();
        assert_eq!(done.next[0].emission.step as usize, round + 1);
        last = Some(done.handoff.id);
    }
    engine.run_of(&last.unwrap()).await.unwrap()
}

/// The rounds of each measure.
const ROUNDS: usize = 20;
/// The rounds before the last measure.
const MANY: usize = 300;

#[tokio::test]
async fn a_step_of_a_long_run_writes_what_a_step_of_a_short_one_writes() {
    let store = Arc::new(Sqlite::temporary().unwrap());
    let path = store.path().to_owned();
    let engine = Engine::open(store, Settings::default()).await.unwrap();
    patrol(&engine, 0..10).await;
    // What somebody still reads is not moved from the log into the file: the log only grows.
    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM runs").unwrap();
    let log = path.with_extension("db-wal");
    let written = || log.metadata().unwrap().len();
    let measured = async |from: usize| {
        let before = written();
        patrol(&engine, from..from + ROUNDS).await;
        (written() - before) / ROUNDS as u64
    };
    let early = measured(10).await;
    let run = patrol(&engine, 10 + ROUNDS..MANY).await;
    let late = measured(MANY).await;
    assert!(early > 0 && late < early + early / 2, "{early} bytes a round at the 10th, {late} at the {MANY}th");

    let (known, version) = engine.load(&run).await.unwrap().unwrap();
    assert_eq!(known.handoffs.len(), MANY + ROUNDS + 1);
    let (again, same) = engine.load(&run).await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&known, &again), "it is not read again");
    let stored = engine.store().load(&run).await.unwrap().unwrap();
    assert_eq!((stored.0 == *known, stored.1, same), (true, version, version));
}

#[tokio::test]
async fn who_shares_a_store_reads_of_a_run_what_changed() {
    let directory = tempfile::tempdir().unwrap();
    let open = async || {
        let store = Sqlite::open(&directory.path().join("seam.db")).unwrap();
        Engine::open(Arc::new(store), Settings::default()).await.unwrap()
    };
    let (one, other) = (open().await, open().await);
    let run = patrol(&one, 0..5).await;
    let (mut known, version) = other.store().load(&run).await.unwrap().unwrap();
    // What did not change is taken from what is known, be it stored so or not.
    let first = known.handoffs.first().unwrap().id.clone();
    known.handoffs.change(&first, |it| it.snoozes = 77);
    let known = Arc::new(known);
    let reload = async || other.store().reload(Arc::clone(&known), version).await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&reload().await.0, &known), "nothing changed");
    patrol(&one, 5..7).await;
    let (now, later) = reload().await;
    let stored = other.store().load(&run).await.unwrap().unwrap();
    assert_eq!((now.version, later, now.handoffs.len()), (stored.0.version, stored.1, 8));
    assert_eq!(now.handoffs.first(), known.handoffs.first());
    assert!(now.handoffs.values().skip(1).eq(stored.0.handoffs.values().skip(1)));
    let (never, there) = other.store().reload(now, later + 9).await.unwrap().unwrap();
    assert_eq!((*never == stored.0, there), (true, stored.1), "a version that is not there yet is not believed");
}
