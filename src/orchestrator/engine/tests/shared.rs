//! Two engines on one store: what one does, the other knows.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};

use semver::Version;

use super::*;
use crate::domain::event::Fact;
use crate::orchestrator::boundary::PutError;

/// How long anything that has to happen may take, even on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);

/// Two engines on one SQLite file, each as its own program would open it.
async fn two(settings: Settings) -> (tempfile::TempDir, [Engine; 2]) {
    let place = tempfile::tempdir().unwrap();
    let open = || Arc::new(Sqlite::open(&place.path().join("seam.db")).unwrap());
    let one = Engine::open(open(), settings.clone()).await.unwrap();
    let other = Engine::open(open(), settings).await.unwrap();
    (place, [one, other])
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, what).await.expect("it happens")
}

fn waiting(engine: &Engine, name: &str) -> tokio::task::JoinHandle<Vec<Claimed>> {
    let agent = agent(engine, name);
    tokio::spawn(async move { agent.claim(super::soon()).await.unwrap() })
}

#[tokio::test(flavor = "multi_thread")]
async fn no_handoff_is_claimed_twice_whoever_emits_and_whoever_claims() {
    const MANY: usize = 40;
    let (_place, engines) = two(Settings::default()).await;
    let claiming: Vec<_> = (0..MANY).map(|nth| waiting(&engines[nth % 2], "writer")).collect();
    let mut emitted = BTreeSet::new();
    for nth in 0..MANY {
        let engine = &engines[nth / 2 % 2];
        emitted.insert(emit(engine, work("research", "writer")).await.handoff.id);
    }
    let mut claimed = BTreeSet::new();
    for one in claiming {
        let found = soon(one).await.unwrap().pop().expect("there is work for all");
        assert!(claimed.insert(found.handoff.id), "claimed twice");
    }
    assert_eq!(claimed, emitted);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_at_one_is_woken_by_work_that_comes_to_the_other() {
    let (_place, [one, other]) = two(Settings::default()).await;
    for _ in 0..5 {
        let waits = waiting(&other, "writer");
        while other.wake().in_line("writer") == 0 {
            tokio::task::yield_now().await;
        }
        let sent = emit(&one, work("research", "writer")).await;
        let found = soon(waits).await.unwrap().pop().expect("it was woken");
        assert_eq!(found.handoff.id, sent.handoff.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_did_to_a_run_the_other_goes_on_from() {
    let (_place, [one, other]) = two(Settings::default()).await;
    for _ in 0..10 {
        let emitted = emit(&one, work("research", "writer")).await;
        let claimed = claim(&other, "writer").await;
        agent(&one, "writer").acknowledge(held(&claimed)).await.unwrap();
        agent(&other, "writer").heartbeat(held(&claimed)).await.unwrap();
        let done = agent(&one, "writer").complete(held(&claimed), None, vec![work("writer", "editor")]).await.unwrap();
        let next = claim(&other, "editor").await;
        assert_eq!(next.handoff.id, done.next[0].id);
        agent(&other, "editor").complete(held(&next), None, vec![]).await.unwrap();
        assert_eq!(one.find(&next.handoff.id).await.unwrap().1.state, State::Completed);
        assert_eq!(one.store().verify(&emitted.run).await, other.store().verify(&emitted.run).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_paused_at_one_gives_nothing_at_the_other_until_it_is_resumed() {
    let (_place, [one, other]) = two(Settings::default()).await;
    let edge = Edge::new("news", "research", "writer");
    for round in 0..3 {
        let paused = one.perform(request(Act::PauseEdge(edge.clone()), vec![], &format!("p{round}"))).await;
        assert_eq!(paused.items, [(None, Ok(()))]);
        assert_eq!(other.pauses().await.unwrap().edges, std::slice::from_ref(&edge));
        emit(&other, work("research", "writer")).await;
        assert_eq!(agent(&other, "writer").claim(one_piece()).await.unwrap(), [], "at once");
        let waits = waiting(&other, "writer");
        one.perform(request(Act::ResumeEdge(edge.clone()), vec![], &format!("r{round}"))).await;
        assert_eq!(soon(waits).await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_leased_after_a_pause_by_whoever_did_not_hear_of_it() {
    let edge = Edge::new("news", "research", "writer");
    let (_place, [one, other]) = two(Settings::default()).await;
    let alone = super::engine().await;
    for (pauses, claims) in [(&alone, &alone), (&one, &other)] {
        let emitted = emit(claims, work("research", "writer")).await;
        let old = claims.pauses().await.unwrap();
        let switch = async |act, key: &str| pauses.perform(request(act, vec![], key)).await;
        switch(Act::PauseEdge(edge.clone()), "p").await;
        let writer = agent(claims, "writer");
        let refused = writer.leased(&one_piece(), Arc::clone(&old), &emitted.run, &emitted.handoff.id).await;
        assert!(matches!(refused, Err(Problem::Refused(Refusal::Invalid(_)))), "it is paused by now");
        // Another edge is no reason to refuse, but one to look again.
        switch(Act::ResumeEdge(edge.clone()), "r").await;
        switch(Act::PauseEdge(Edge::new("news", "research", "editor")), "o").await;
        let leased = writer.claim_one(&one_piece(), &old, &emitted.run, &emitted.handoff.id).await.unwrap();
        assert_eq!(leased.unwrap().handoff.state, State::Leased);
    }
}

fn one_piece() -> Claim {
    super::one()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_registered_at_one_holds_at_the_other() {
    let (_place, [one, other]) = two(Settings::default()).await;
    let version = |text: &str| Version::parse(text).unwrap();
    let schema = |kind: &str| json!({"type": "object", "properties": {"n": {"type": kind}}, "required": ["n"]});
    assert_eq!(one.put_schema("count", &version("1.0.0"), schema("integer")).await, Ok(true));
    let mut body = work("research", "writer");
    body["working_memory"]["payload"] = json!({"schema": "count", "version": "1.0.0", "fields": {"n": "three"}});
    let refused = agent(&other, "research").emit(body.clone()).await;
    let Err(Problem::Invalid { violations, .. }) = refused else { panic!("it must be checked: {refused:?}") };
    assert!(violations.iter().any(|it| it.path.contains("/fields/n")), "{violations:?}");
    body["working_memory"]["payload"]["fields"]["n"] = json!(3);
    agent(&other, "research").emit(body).await.unwrap();
    assert_eq!(other.put_schema("count", &version("1.0.0"), schema("integer")).await, Ok(false), "the very same");
    let again = other.put_schema("count", &version("1.0.0"), schema("string")).await;
    assert!(matches!(again, Err(Problem::Schema(PutError::Conflict(_)))), "{again:?}");
    // Each fits what is there, but not the other one.
    for round in 1..10 {
        let version = version(&format!("{}.0.0", round + 1));
        let (a, b) = tokio::join!(
            one.put_schema("count", &version, schema("string")),
            other.put_schema("count", &version, schema("boolean"))
        );
        assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
        other.refresh_schemas().await.unwrap();
        one.refresh_schemas().await.unwrap();
        assert_eq!(one.get_schema("count", &version), other.get_schema("count", &version));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_one_key_a_request_is_done_once_by_whichever_is_asked() {
    let (_place, [one, other]) = two(Settings::default()).await;
    let ask = async |engine: &Engine, key: &str, to: &str| {
        let body = work("research", to);
        let key = engine.once("research", key, &body).await?;
        agent(engine, "research").once(Some(key)).emit(body).await
    };
    for round in 0..20 {
        let key = format!("k{round}");
        let (a, b) = tokio::join!(ask(&one, &key, "writer"), ask(&other, &key, "writer"));
        let (a, b) = (a.unwrap(), b.unwrap());
        assert_eq!((&a.run, &a.handoff), (&b.run, &b.handoff));
        assert!(a.replayed != b.replayed, "one of them did it");
        let reused = ask(&other, &key, "editor").await;
        assert_eq!(reused.unwrap_err(), Problem::KeyReused(key));
    }
    assert_eq!(one.tail(0, 1_000).await.unwrap().len(), 20);
}

static CLOCK: AtomicI64 = AtomicI64::new(1_800_000_000_000);

#[tokio::test(flavor = "multi_thread")]
async fn of_two_sweepers_one_ends_what_ran_out() {
    const MANY: usize = 150;
    let settings = Settings { now: || Time::from_millis(CLOCK.load(Ordering::SeqCst)), ..Settings::default() };
    let (_place, [one, other]) = two(settings).await;
    for _ in 0..MANY {
        let mut body = work("research", "writer");
        body["delivery"] = json!({"deadline": one.now() + SECOND});
        emit(&one, body).await;
    }
    CLOCK.fetch_add(2 * SECOND, Ordering::SeqCst);
    let stop = CancellationToken::new();
    let (a, b) = tokio::join!(sweeper::sweep(&one, &stop), sweeper::sweep(&other, &stop));
    assert_eq!((a, b), (Ok(None), Ok(None)), "nothing is left, and neither thinks that it is stuck");
    let ended = one.tail(0, 1_000).await.unwrap();
    let ended = ended.iter().filter(|(_, event)| matches!(event.as_ref().unwrap().fact, Fact::DeadLettered { .. }));
    assert_eq!(ended.count(), MANY, "each once");
}
