//! Refused contracts without end: what is kept of them has an end, what is counted has none.

use futures_util::stream::{self, StreamExt};

use super::*;
use crate::domain::event::{Fact, Rejection};
use crate::domain::health::Kind;
use crate::domain::ledger::KEEP_EDGES;
use crate::store::{Blob, Position};

/// A contract that lacks its failure modes, each with other words.
fn wrong(nth: usize) -> Value {
    let mut body = work("research", "writer");
    body["brief"]["next_step"] = json!(format!("Do it in way {nth}"));
    body.as_object_mut().unwrap().remove("failure_modes");
    body
}

async fn refuse(engine: &Engine, body: Value) -> String {
    match agent(engine, "research").emit(body).await {
        Err(Problem::Invalid { rejection: Some(id), .. }) => id,
        other => panic!("it must be refused: {other:?}"),
    }
}

/// Refuses many, and lets a watcher read along.
async fn refuse_all(engine: &Engine, bodies: Vec<Value>, watcher: &mut (Ledger, Position)) {
    for some in bodies.chunks(50) {
        let refusing = some.iter().map(|it| refuse(engine, it.clone()));
        stream::iter(refusing).buffer_unordered(50).collect::<Vec<_>>().await;
        for (position, event) in engine.tail(watcher.1, 1_000).await.unwrap() {
            watcher.0.apply(&event);
            watcher.1 = position;
        }
    }
    watcher.0.advance(engine.now());
}

/// Refusals counted on all edges.
async fn counted(engine: &Engine) -> u32 {
    let rollups = engine.snapshot().await.unwrap().rollups;
    rollups.iter().flat_map(|it| &it.edges).map(|(_, tally)| tally.counts.get(Kind::Rejected)).sum()
}

async fn restarted(engine: &Engine) -> Ledger {
    let mut ledger = Ledger::new(0);
    ledger.restore(engine.snapshot().await.unwrap());
    ledger
}

fn of(ledger: &Ledger, path: &str) -> u32 {
    ledger.violations().groups().filter(|it| it.path == path).map(|it| it.count).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_latest_are_kept_and_all_are_counted() {
    const MANY: usize = Refused::RUNS + 300;
    let engine = engine().await;
    let mut watcher = (Ledger::new(0), 0);
    let first = refuse(&engine, wrong(0)).await;
    let digest = refused(&engine).await[0].rejection.digest.clone();
    assert!(engine.blob_get(&digest).await.is_ok());
    refuse_all(&engine, (1..MANY).map(wrong).collect(), &mut watcher).await;
    assert_eq!(refused(&engine).await.len(), Refused::RUNS);
    assert_eq!(engine.tail(0, 10_000).await.unwrap().len(), Refused::RUNS, "events go with their runs");
    assert!(engine.blob_get(&digest).await.is_err(), "so do bodies");
    let gone = engine.by(Actor::user("dana")).dismiss_refused(&first, "").await;
    assert!(matches!(gone, Err(Problem::NotFound(_))), "{gone:?}");
    assert_eq!(counted(&engine).await as usize, MANY);
    let later = restarted(&engine).await;
    for ledger in [&watcher.0, &later] {
        assert_eq!(ledger.runs().count(), Refused::RUNS);
        assert_eq!(ledger.refusing().count(), Refused::RUNS);
        assert_eq!(of(ledger, "/failure_modes") as usize, MANY);
        assert!(ledger.irregular().is_empty(), "{:?}", ledger.irregular());
    }
    for run in refused_runs(&engine).await.iter().step_by(100) {
        engine.store().verify(run).await.unwrap();
    }
    // What comes again after its record has gone begins anew.
    let again = refuse(&engine, wrong(0)).await;
    assert_eq!(again, first);
    engine.by(Actor::user("dana")).dismiss_refused(&again, "").await.unwrap();
}

async fn refused_runs(engine: &Engine) -> Vec<RunId> {
    engine.snapshot().await.unwrap().runs.iter().map(|it| it.id().clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_in_a_loop_is_one_record_and_few_events() {
    let engine = engine().await;
    let mut watcher = (Ledger::new(0), 0);
    refuse_all(&engine, vec![wrong(1); 350], &mut watcher).await;
    let kept = refused(&engine).await;
    assert_eq!((kept.len(), kept[0].count), (1, 350));
    assert!(engine.tail(0, 10_000).await.unwrap().len() <= Refused::KEPT);
    assert_eq!(counted(&engine).await, 350);
    for ledger in [&watcher.0, &restarted(&engine).await] {
        let rows: Vec<_> = ledger.refusing().flat_map(|run| &run.rejections).collect();
        assert_eq!((rows.len(), rows[0].count, rows[0].first_at), (1, 350, kept[0].first_at));
        assert_eq!(of(ledger, "/failure_modes"), 350);
    }
    let rate = engine.snapshot().await.unwrap().rollups[0].edges[0].1.violation_rate();
    assert_eq!((rate.k, rate.n), (1, 1), "one contract, however often it came");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_with_work_keeps_some_and_the_rest_goes_beside_it() {
    let engine = engine().await;
    let emitted = emit(&engine, work("research", "writer")).await;
    let mut watcher = (Ledger::new(0), 0);
    let into = |nth| {
        let mut body = wrong(nth);
        body["trace_id"] = json!(emitted.run.as_str());
        body["step"] = json!(1);
        body
    };
    let bodies: Vec<Value> = (0..Refused::RUNS + 300).map(into).collect();
    refuse_all(&engine, bodies, &mut watcher).await;
    let run = engine.run(&emitted.run).await.unwrap();
    assert!((Refused::KEPT..Refused::KEPT + 50).contains(&(run.refusals() as usize)), "{}", run.refusals());
    let all = refused(&engine).await.len();
    assert!(all <= Refused::RUNS + Refused::KEPT, "{all}");
    assert_eq!(watcher.0.refusing().count(), Refused::RUNS + 1);
    engine.store().verify(&emitted.run).await.unwrap();
    assert_eq!(counted(&engine).await as usize, Refused::RUNS + 300);
    // Its body that was refused there is known there and elsewhere, and dismissed everywhere.
    let twice = refuse(&engine, into(0)).await;
    engine.by(Actor::user("dana")).dismiss_refused(&twice, "").await.unwrap();
    assert!(!refused(&engine).await.iter().any(|it| it.rejection.id == twice));
}

#[tokio::test(flavor = "multi_thread")]
async fn invented_edges_are_counted_together() {
    let engine = engine().await;
    emit(&engine, work("research", "writer")).await;
    let mut watcher = (Ledger::new(0), 0);
    let invented = |nth: usize| {
        let mut body = wrong(nth);
        body["pipeline"]["name"] = json!(format!("invented-{nth}"));
        body
    };
    refuse_all(&engine, (0..500).map(invented).chain([wrong(1), wrong(2)]).collect(), &mut watcher).await;
    for ledger in [&watcher.0, &restarted(&engine).await] {
        assert!(ledger.edges().len() < KEEP_EDGES / 10, "{}", ledger.edges().len());
        let on = |pipeline: &str, from: &str, to: &str| {
            let book = ledger.edge(&Edge::new(pipeline, from, to)).unwrap();
            book.windows.total(crate::domain::health::Window::All).counts.get(Kind::Rejected)
        };
        assert_eq!(on("news", "research", "writer"), 2, "an edge that work was on is exact");
        assert_eq!((on("invented-0", "research", "writer"), on("?", "?", "?")), (1, 400));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_somebody_else_keeps_stays() {
    let engine = engine().await;
    let body = wrong(0);
    let bytes = crate::domain::canonical::canonical(&body);
    refuse(&engine, body).await;
    let digest = refused(&engine).await[0].rejection.digest.clone();
    let blob = Blob { digest: digest.clone(), media_type: "application/json".into(), bytes };
    engine.blob_put(blob, vec!["writer".into()]).await.unwrap();
    refuse_all(&engine, (1..Refused::RUNS + 50).map(wrong).collect(), &mut (Ledger::new(0), 0)).await;
    assert_eq!(engine.blob_get(&digest).await.unwrap().media_type, "application/json");
}

#[tokio::test]
async fn what_one_request_brings_is_limited_and_refused_in_one_commit() {
    let engine = engine().await;
    let emitted = emit(&engine, work("research", "writer")).await;
    let claimed = claim(&engine, "writer").await;
    let writer = agent(&engine, "writer");
    writer.acknowledge(held(&claimed)).await.unwrap();
    let next = |n: usize| (0..n).map(|nth| json!({"target": {"kind": "agent", "id": format!("t{nth}")}})).collect();
    let (_, before) = engine.load(&emitted.run).await.unwrap().unwrap();
    let too_many = writer.complete(held(&claimed), None, next(101)).await.unwrap_err();
    let Problem::Invalid { violations, rejection: None } = too_many else { panic!("{too_many:?}") };
    assert_eq!((violations[0].path.as_str(), violations[0].keyword.as_str()), ("/next", "maxItems"));
    assert_eq!(engine.load(&emitted.run).await.unwrap().unwrap().1, before, "nothing is kept of it");
    let wrong = writer.complete(held(&claimed), None, next(100)).await.unwrap_err();
    let Problem::Invalid { violations, rejection: Some(_) } = wrong else { panic!("{wrong:?}") };
    assert!(violations.iter().any(|it| it.path.starts_with("/next/99/")));
    let (run, after) = engine.load(&emitted.run).await.unwrap().unwrap();
    assert_eq!((run.rejections.len(), after - before), (100, 1));
}

#[tokio::test]
async fn of_many_violations_some_are_kept_and_the_rest_is_counted() {
    let engine = engine().await;
    let mut body = work("research", "writer");
    for nth in 0..200 {
        body[format!("{nth}-{}", "x".repeat(500))] = json!(1);
    }
    let Err(Problem::Invalid { violations, .. }) = agent(&engine, "research").emit(body).await else { panic!() };
    let kept = &refused(&engine).await[0].rejection;
    assert_eq!(kept.errors.len(), Rejection::ERRORS);
    assert_eq!(kept.errors.len() + kept.more as usize, violations.len());
    let log = engine.tail(0, 10).await.unwrap();
    let refusal = log.iter().find(|(_, it)| matches!(it.fact, Fact::Refused(_))).unwrap();
    assert!(json!(refusal.1).to_string().len() < 20_000);
}
