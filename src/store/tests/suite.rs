//! What every store must do, whatever it keeps its rows in: any store runs this, by [`suite!`](crate::store::tests::suite).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::domain::event::{Boundary, DismissReason, Emission, Event, Fact, Rejection};
use crate::domain::health::Kind;
use crate::domain::id::{Actor, Edge, HandoffId, RunId};
use crate::domain::ledger::KEEP_EDGES;
use crate::domain::machine::Folded;
use crate::domain::machine::tests::{emission, terms};
use crate::domain::run::{Run, State};
use crate::domain::time::{HOUR, MINUTE, Present, Time};
use crate::store::{Answered, Blob, Commit, CommitError, Due, Filter, NewSchema, Position, Ready, Store, Version};

/// How long anything that has to happen may take, even on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);

/// The digest of `hi`.
const HI: &str = "sha256:8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4";

/// A new and empty store.
pub(crate) struct Place {
    /// Gives another handle on it.
    pub(crate) open: Box<dyn Fn() -> Arc<dyn Store> + Send + Sync>,
}

impl Place {
    fn open(&self) -> Arc<dyn Store> {
        (self.open)()
    }
}

pub(crate) fn at(millis: i64) -> Time {
    Time::from_millis(1_800_000_000_000 + millis)
}

fn event(run: &str, seq: u64, at: Time, handoff: &str, fact: Fact) -> Event {
    Event { seen: None, run: run.into(), seq, at, handoff: Some(handoff.into()), actor: Actor::agent("writer"), fact }
}

fn emitted(run: &str, handoff: &str, to: &str, now: Time) -> Event {
    let head = Emission { ready_at: now, ..emission("writer", to, handoff) };
    event(run, 1, now, handoff, Fact::Emitted(Arc::new(head)))
}

fn commit(run: Run, version: Version, events: impl IntoIterator<Item = Event>) -> Commit {
    let mut made = Folded::onto(Arc::new(run));
    events.into_iter().for_each(|it| made.fold(it));
    Commit::of(&made, version)
}

/// A run with one handoff, as it is first committed.
pub(crate) fn first(run: &str, handoff: &str, now: Time) -> Commit {
    commit(Run::new(run.into(), now), 0, [emitted(run, handoff, "editor", now)])
}

/// The next commit on a run that is there.
pub(crate) async fn next(store: &dyn Store, run: &str, handoff: &str, now: Time, fact: Fact) -> Commit {
    let (state, version) = store.load(&run.into()).await.unwrap().unwrap();
    let event = event(run, state.version + 1, now, handoff, fact);
    commit(state, version, [event])
}

pub(crate) fn requeued() -> Fact {
    Fact::Requeued { reason: "again".into() }
}

pub(crate) async fn emitted_in(store: &dyn Store, now: Time) -> u32 {
    let rollups = store.snapshot(now).await.unwrap().rollups;
    let tallies = rollups.iter().flat_map(|it| &it.edges);
    tallies.map(|(_, tally)| tally.counts.get(Kind::Emitted)).sum()
}

fn refused(id: &str, pipeline: &str) -> Fact {
    Fact::Refused(Box::new(Rejection {
        id: id.into(),
        boundary: Boundary::Emit,
        edge: Edge::new(pipeline, "writer", "editor"),
        producer: "writer".into(),
        model: None,
        prompt: None,
        key: None,
        digest: String::new(),
        again: false,
        before: 0,
        first_at: None,
        more: 0,
        errors: Vec::new(),
    }))
}

async fn reaches(store: &dyn Store, position: Position) {
    let mut watch = store.watch();
    let reached = tokio::time::timeout(DEADLINE, watch.wait_for(|it| *it >= position)).await;
    assert_eq!(*reached.expect("it is told of every commit").unwrap(), position);
}

pub(crate) async fn what_is_committed_is_there_for_every_handle(place: Place) {
    let (one, other) = (place.open(), place.open());
    assert_eq!(one.load(&"r".into()).await, Ok(None));
    let mut new = first("r", "h", at(0));
    new.blobs.push(Blob { digest: HI.into(), media_type: "text/plain".into(), bytes: b"hi".to_vec() });
    new.givers.push((HI.into(), "writer".into()));
    new.references.push((HI.into(), "h".into()));
    assert_eq!(one.commit(new).await, Ok(1));
    assert_eq!(one.commit(next(&*one, "r", "h", at(5), requeued()).await).await, Ok(2));
    for store in [&one, &other] {
        reaches(&**store, 2).await;
        let (run, version) = store.load(&"r".into()).await.unwrap().unwrap();
        assert_eq!((run.version, version), (2, 2));
        assert_eq!(store.verify(&"r".into()).await, Ok(2));
        assert_eq!(store.blob(HI).await.unwrap().unwrap().bytes, b"hi");
        assert_eq!(store.givers(HI).await, Ok(vec!["writer".to_owned()]));
        assert_eq!(store.givers("sha256:y").await, Ok(vec![]));
        let referring = |names: &[&str]| {
            let names = names.iter().map(|it| (*it).to_owned()).collect();
            store.referring(HI, names, 10)
        };
        let found = Ok(vec![(RunId::from("r"), "h".into())]);
        assert_eq!(referring(&["stranger", "editor"]).await, found, "the target, whatever else the caller is");
        assert_eq!(referring(&["writer"]).await, found);
        assert_eq!(referring(&["stranger"]).await, Ok(vec![]));
        assert_eq!(store.run_of(&"h".into()).await.unwrap(), Some(RunId::from("r")));
        let handoff = run.handoffs.first().unwrap().clone();
        assert_eq!(store.handoff(&"h".into()).await.unwrap(), Some((RunId::from("r"), handoff)));
        assert_eq!(store.handoff(&"none".into()).await.unwrap(), None);
        assert_eq!(store.has_edge(&Edge::new("news", "writer", "editor")).await, Ok(true));
        assert_eq!(store.has_edge(&Edge::new("news", "editor", "writer")).await, Ok(false));
        let tail = store.tail(1, 10).await.unwrap();
        assert_eq!((tail[0].0, tail[0].1.as_ref().unwrap().fact.name()), (2, "handoff.requeued"));
        let names: Vec<_> = store.timeline(&"r".into()).await.unwrap().iter().map(|it| it.fact.name()).collect();
        assert_eq!(names, ["handoff.emitted", "handoff.requeued"]);
        assert_eq!(store.health(), None);
    }
}

pub(crate) async fn a_commit_on_an_old_version_changes_nothing(place: Place) {
    let (one, other) = (place.open(), place.open());
    one.commit(first("r", "h", at(0))).await.unwrap();
    let mut late = next(&*other, "r", "h", at(1), requeued()).await;
    late.blobs.push(Blob { digest: "sha256:late".into(), media_type: String::new(), bytes: vec![] });
    one.commit(next(&*one, "r", "h", at(1), requeued()).await).await.unwrap();
    assert_eq!(other.commit(late).await, Err(CommitError::Conflict));
    assert_eq!(other.blob("sha256:late").await, Ok(None), "nothing of it");
    assert_eq!(other.commit(first("r", "h2", at(2))).await, Err(CommitError::Conflict));
    assert_eq!(other.commit(first("other", "h", at(2))).await, Err(CommitError::Conflict), "the id is taken");
    assert_eq!(one.load(&"other".into()).await, Ok(None));
    assert_eq!(one.tail(0, 10).await.unwrap().len(), 2);
}

pub(crate) async fn one_conflict_in_a_group_does_not_sink_the_others(place: Place) {
    let store = place.open();
    store.commit(first("r", "h", at(0))).await.unwrap();
    let mut commits = Vec::new();
    for nth in 0..200 {
        // Every other one fights for the same run.
        let commit = if nth % 2 == 0 {
            next(&*store, "r", "h", at(1), requeued()).await
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
            let store = Arc::clone(&store);
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
    let counted: u32 = emitted_in(&*store, at(MINUTE)).await;
    assert_eq!(counted, 101, "what was refused is in no rollup");
}

pub(crate) async fn a_reader_of_the_tail_misses_nothing_that_two_write(place: Place) {
    const EACH: usize = 150;
    let handles = [place.open(), place.open()];
    let reader = place.open();
    let mut writing = Vec::new();
    for (nth, store) in (0..2 * EACH).zip(handles.iter().cycle()) {
        let store = Arc::clone(store);
        let id = format!("r{nth}");
        writing.push(tokio::spawn(async move { store.commit(first(&id, &id, at(0))).await.unwrap() }));
    }
    let reading = tokio::spawn(async move {
        let (mut watch, mut seen) = (reader.watch(), Vec::new());
        while seen.len() < 2 * EACH {
            let after = seen.last().copied().unwrap_or(0);
            let found = reader.tail(after, 7).await.unwrap();
            if found.is_empty() {
                watch.wait_for(|it| *it > after).await.unwrap();
            }
            seen.extend(found.into_iter().map(|(position, _)| position));
        }
        (seen, reader.tail(0, 1_000).await.unwrap())
    });
    let mut written = BTreeSet::new();
    for one in writing {
        assert!(written.insert(one.await.unwrap()), "every commit has a place of its own");
    }
    let (seen, all) = tokio::time::timeout(DEADLINE, reading).await.expect("it sees every event").unwrap();
    assert!(seen.is_sorted());
    assert_eq!(seen, all.iter().map(|(position, _)| *position).collect::<Vec<_>>());
    assert_eq!(seen, written.into_iter().collect::<Vec<_>>());
}

pub(crate) async fn a_snapshot_is_of_one_moment(place: Place) {
    let (one, other) = (place.open(), place.open());
    let writing = tokio::spawn(async move {
        for nth in 0..100 {
            let id = format!("r{nth}");
            one.commit(first(&id, &id, at(0))).await.unwrap();
        }
    });
    let mut seen = 0;
    while seen < 100 {
        let written = writing.is_finished();
        let snapshot = other.snapshot(at(1)).await.unwrap();
        let counted: u32 =
            snapshot.rollups.iter().flat_map(|it| &it.edges).map(|(_, tally)| tally.counts.get(Kind::Emitted)).sum();
        seen = snapshot.runs.len();
        assert!(seen == 100 || !written, "the writer failed");
        let log = other.tail(0, 1_000).await.unwrap();
        let upto = log.iter().filter(|(position, _)| *position <= snapshot.cursor.position().unwrap()).count();
        assert_eq!((seen, counted as usize), (upto, upto), "runs, figures and position belong together");
    }
    writing.await.unwrap();
}

pub(crate) async fn a_snapshot_has_what_is_open_and_what_ended_with_a_verdict(place: Place) {
    let store = place.open();
    let stormed = |nth| {
        let retry = move |seq| {
            let (code, detail) = ("timeout".to_owned(), String::new());
            event("s", seq, at(nth), "s", Fact::RetryScheduled { attempt: 1, code, detail, ready_at: at(nth) })
        };
        std::iter::once(emitted("s", "s", "editor", at(nth))).chain((2..5).map(retry))
    };
    let gone = || Fact::Dismissed { reason: DismissReason::Obsolete, note: String::new() };
    store.commit(first("quiet", "q", at(0))).await.unwrap();
    store.commit(next(&*store, "quiet", "q", at(1), gone()).await).await.unwrap();
    store.commit(first("open", "o", at(2))).await.unwrap();
    store.commit(commit(Run::new("s".into(), at(3)), 0, stormed(3))).await.unwrap();
    for change in [None, Some(gone())] {
        if let Some(change) = change {
            store.commit(next(&*store, "s", "s", at(4), change).await).await.unwrap();
        }
        let runs = store.snapshot(at(5)).await.unwrap().runs;
        let mut ids: Vec<_> = runs.iter().map(|it| it.id().to_string()).collect();
        ids.sort();
        assert_eq!(ids, ["open", "s"], "each once");
    }
    let runs = store.snapshot(at(5)).await.unwrap().runs;
    let ended = runs.iter().find(|it| it.id().as_str() == "s").unwrap().run();
    assert!(!ended.is_open() && ended.handoffs.len() == 1 && ended.storm_since == Some(at(3)));
}

pub(crate) async fn names_that_somebody_invents_do_not_fill_the_rollups(place: Place) {
    let store = place.open();
    let invented = (0..KEEP_EDGES + 500)
        .map(|nth| event("r", nth as u64 + 2, at(0), "h", refused(&format!("rj{nth}"), &format!("invented-{nth}"))));
    let events = std::iter::once(emitted("r", "h", "editor", at(0))).chain(invented);
    store.commit(commit(Run::new("r".into(), at(0)), 0, events)).await.unwrap();
    // The minute, and the hour it became part of.
    store.commit(first("s", "i", at(HOUR))).await.unwrap();
    for now in [at(HOUR), at(3 * HOUR)] {
        let rollups = store.snapshot(now).await.unwrap().rollups;
        let edges = &rollups[0].edges;
        assert!((KEEP_EDGES / 2..=KEEP_EDGES).contains(&edges.len()));
        assert_eq!(emitted_in(&*store, now).await, 2, "what was work stays");
    }
}

pub(crate) async fn rollups_of_two_writers_add_up(place: Place) {
    let handles = [place.open(), place.open()];
    // One handoff every 20 minutes for five hours, each writer in turn, and then one of a clock that is behind.
    for (nth, store) in (0..15).zip(handles.iter().cycle()) {
        for twice in ["a", "b"] {
            let id = format!("h{nth}{twice}");
            store.commit(first(&id, &id, at(nth * 20 * MINUTE + 1))).await.unwrap();
        }
        let id = format!("late{nth}");
        handles[(nth as usize + 1) % 2].commit(first(&id, &id, at(nth * 20 * MINUTE - 3 * MINUTE))).await.unwrap();
    }
    for minutes in [281, 290, 300, 310, 359] {
        for store in &handles {
            assert_eq!(emitted_in(&**store, at(minutes * MINUTE)).await, 45, "{minutes} minutes on");
        }
    }
    let rollups = handles[0].snapshot(at(290 * MINUTE)).await.unwrap().rollups;
    let fine = rollups.iter().filter(|it| it.end > at(230 * MINUTE)).count();
    assert_eq!(fine, 6, "240, 260 and 280 minutes on and each time 3 minutes before, each a minute of its own");
}

pub(crate) async fn a_clock_that_was_wrong_leaves_the_figures_as_they_were(place: Place) {
    let store = place.open();
    let add = async |id: &str, at| store.commit(first(id, id, at)).await.unwrap();
    for (id, minutes) in [("a", 1), ("b", 30), ("c", 59)] {
        add(id, at(minutes * MINUTE)).await;
    }
    // A year too late for three minutes, and back.
    for nth in 0..3 {
        add(&format!("wrong{nth}"), at(365 * 24 * HOUR + nth * MINUTE)).await;
    }
    assert_eq!(emitted_in(&*store, at(60 * MINUTE)).await, 3, "what was before is still there, what will be is not");
    add("d", at(59 * MINUTE)).await;
    add("e", at(61 * MINUTE)).await;
    for minutes in [61, 119, 121, 181, 600] {
        assert_eq!(
            emitted_in(&*store, at(minutes * MINUTE)).await,
            5,
            "{minutes} minutes on: each once, here or there"
        );
    }
    let fine = store.snapshot(at(61 * MINUTE)).await.unwrap().rollups;
    let ends: Vec<_> = fine.iter().map(|it| it.end).collect();
    assert_eq!(ends, [at(MINUTE), at(30 * MINUTE), at(59 * MINUTE), at(61 * MINUTE)], "each in a minute of its own");
}

pub(crate) async fn what_was_timed_before_the_clock_was_set_back_goes_on(place: Place) {
    let store = place.open();
    let commit = async |it| store.commit(it).await.unwrap();
    let lease = |until| Fact::Leased {
        attempt: 1,
        total: 1,
        lease: "l".to_owned(),
        holder: "h".to_owned(),
        until: Some(until),
        lease_ms: MINUTE,
        resumed_at: None,
    };
    // An hour ahead: one waits, one was leased, one has a deadline.
    commit(first("waits", "waits", at(HOUR))).await;
    commit(first("held", "held", at(HOUR))).await;
    commit(next(&*store, "held", "held", at(HOUR), lease(at(HOUR + MINUTE))).await).await;
    let mut head = emission("writer", "critic", "deadline");
    terms(&mut head).deadline = Some(at(HOUR + 1));
    let new = event("deadline", 1, at(HOUR), "deadline", Fact::Emitted(Arc::new(head)));
    commit(self::commit(Run::new("deadline".into(), at(HOUR)), 0, [new])).await;
    // Now: one waits until later.
    let mut head = Emission { ready_at: at(30 * MINUTE), ..emission("writer", "editor", "later") };
    terms(&mut head).deadline = None;
    let new = event("later", 1, at(0), "later", Fact::Emitted(Arc::new(head)));
    commit(self::commit(Run::new("later".into(), at(0)), 0, [new])).await;
    assert_eq!(store.latest_change().await.unwrap(), Some(at(HOUR)));

    let ids = |found: Vec<(RunId, HandoffId)>| found.into_iter().map(|(_, id)| id.to_string()).collect::<Vec<_>>();
    let ready = async |now| ids(store.ready("editor", now, 9, vec![]).await.unwrap().found);
    let due = async |now| ids(store.due(now, 9).await.unwrap().found);
    let never_set_back = Present::from(at(1));
    assert_eq!((ready(never_set_back).await.len(), due(never_set_back).await.len()), (0, 0));
    let back = |on| Present { now: at(on), behind: HOUR };
    assert_eq!(ready(back(1)).await, ["waits"], "and what is timed by the clock as it is now goes by that");
    assert_eq!(due(back(1)).await, [""; 0]);
    assert_eq!(due(back(MINUTE)).await, ["held"], "the lease was for a minute; a deadline goes by the clock");
    assert_eq!(ready(back(30 * MINUTE)).await, ["later", "waits"]);
}

pub(crate) async fn the_queue_serves_the_urgent_first_and_starves_nobody(place: Place) {
    use crate::domain::contract::Urgency;
    let store = place.open();
    let add = async |id: &str, urgency, ready: Time| {
        let mut head = Emission { ready_at: ready, ..emission("writer", "editor", id) };
        terms(&mut head).urgency = urgency;
        let fact = Fact::Emitted(Arc::new(head));
        let new = commit(Run::new(id.into(), at(0)), 0, [event(id, 1, at(0), id, fact)]);
        store.commit(new).await.unwrap();
    };
    add("normal", Urgency::Normal, at(0)).await;
    add("low", Urgency::Low, at(0)).await;
    add("high", Urgency::High, at(MINUTE)).await;
    add("critical", Urgency::Critical, at(MINUTE)).await;
    add("later", Urgency::Critical, at(HOUR)).await;
    let ids = async |n, paused| {
        let ready = store.ready("editor", at(2 * MINUTE).into(), n, paused).await.unwrap();
        ready.found.iter().map(|(_, id)| id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids(10, vec![]).await, ["critical", "high", "normal", "low"]);
    assert_eq!(ids(2, vec![]).await, ["critical", "high"]);
    assert_eq!(ids(9, vec![Edge::new("news", "writer", "editor")]).await, [""; 0]);
    let ready = store.ready("editor", at(2 * MINUTE).into(), 10, vec![]).await.unwrap();
    assert_eq!(ready.next, Some(at(HOUR)));
    assert_eq!(store.ready("nobody", at(HOUR).into(), 9, vec![]).await.unwrap(), Ready::default());
}

pub(crate) async fn a_paused_edge_hides_what_waits_on_it_and_nothing_else(place: Place) {
    use crate::domain::contract::Urgency;
    let store = place.open();
    let add = async |pipeline: &str, from: &str, id: &str, urgency, ready: i64, deadline: Option<i64>| {
        let mut head = Emission { ready_at: at(ready), ..emission(from, "editor", id) };
        head.edge = Edge::new(pipeline, from, "editor");
        terms(&mut head).urgency = urgency;
        terms(&mut head).deadline = deadline.map(at);
        let new = event(id, 1, at(0), id, Fact::Emitted(Arc::new(head)));
        store.commit(commit(Run::new(id.into(), at(0)), 0, [new])).await.unwrap();
    };
    for nth in 0..5 {
        add("news", "writer", &format!("n{nth}"), Urgency::Critical, nth, None).await;
        add("news", "desk", &format!("d{nth}"), Urgency::Normal, nth, None).await;
        add("blog", "writer", &format!("b{nth}"), Urgency::High, nth, None).await;
    }
    add("news", "desk", "later", Urgency::High, MINUTE, None).await;
    add("blog", "writer", "soon", Urgency::Low, MINUTE - 1, None).await;
    add("blog", "writer", "due", Urgency::Critical, 0, Some(9)).await;
    let look = async |now, n, paused: &[(&str, &str)]| {
        let paused = paused.iter().map(|(pipeline, from)| Edge::new(pipeline, from, "editor")).collect();
        let Ready { found, next } = store.ready("editor", at(now).into(), n, paused).await.unwrap();
        (found.iter().map(|(_, id)| id.to_string()).collect::<Vec<_>>().join(" "), next)
    };
    let next = |millis| Some(at(millis));
    assert_eq!(look(9, 7, &[]).await, ("n0 n1 n2 n3 n4 b0 b1".into(), next(MINUTE - 1)));
    assert_eq!(look(8, 1, &[("news", "writer")]).await.0, "due", "until it is due");
    assert_eq!(look(9, 7, &[("news", "writer")]).await, ("b0 b1 b2 b3 b4 d0 d1".into(), next(MINUTE - 1)));
    let both = [("news", "writer"), ("blog", "writer")];
    assert_eq!(look(9, 9, &both).await, ("d0 d1 d2 d3 d4".into(), next(MINUTE)));
    assert_eq!(look(MINUTE, 9, &both).await, ("later d0 d1 d2 d3 d4".into(), None));
    let others = [("news", "nobody"), ("blog", "desk")];
    assert_eq!(look(9, 7, &others).await.0, "n0 n1 n2 n3 n4 b0 b1");
    assert_eq!(look(9, 9, &[both[0], both[1], ("news", "desk")]).await, (String::new(), None));
}

pub(crate) async fn what_was_decided_by_another_run_is_refused_when_that_moved(place: Place) {
    let (one, other) = (place.open(), place.open());
    let by = |run: &str, version, of: &str| {
        let mut commit = first(of, of, at(1));
        commit.besides = Some((run.into(), version));
        commit
    };
    assert!(one.commit(by("control", 0, "a")).await.is_ok(), "there is none yet");
    other.commit(first("control", "h", at(0))).await.unwrap();
    assert_eq!(one.commit(by("control", 0, "b")).await, Err(CommitError::Conflict));
    assert_eq!(one.load(&"b".into()).await, Ok(None), "nothing of it");
    assert!(one.commit(by("control", 1, "b")).await.is_ok());
    // In the order in which they were given, also where a store writes several together.
    let racing = (0..40).map(|nth| {
        let (store, id) = (Arc::clone(&one), format!("r{nth}"));
        let commit = if nth == 20 { None } else { Some(by("control", 1, &id)) };
        async move {
            match commit {
                Some(commit) => store.commit(commit).await,
                None => store.commit(next(&*store, "control", "h", at(2), requeued()).await).await,
            }
        }
    });
    let done = futures_util::future::join_all(racing).await;
    let moved = *done[20].as_ref().unwrap();
    for (nth, done) in done.iter().enumerate().filter(|(nth, _)| *nth != 20) {
        assert!(done.as_ref().map_or(true, |position| *position < moved), "{nth} came after it moved");
    }
    assert_eq!(one.commit(by("control", 1, "late")).await, Err(CommitError::Conflict));
}

pub(crate) async fn timers_are_found_when_they_are_due_and_not_before(place: Place) {
    let (one, other) = (place.open(), place.open());
    for (id, deadline) in [("late", 9), ("soon", 5), ("never", 0)] {
        let deadline = (deadline > 0).then(|| at(deadline));
        let mut head = emission("writer", "editor", id);
        terms(&mut head).deadline = deadline;
        let new = event(id, 1, at(0), id, Fact::Emitted(Arc::new(head)));
        one.commit(commit(Run::new(id.into(), at(0)), 0, [new])).await.unwrap();
    }
    let due = async |now: Time, n| {
        let Due { found, next } = other.due(now.into(), n).await.unwrap();
        (found.into_iter().map(|(_, id)| id.to_string()).collect::<Vec<_>>(), next)
    };
    assert_eq!(due(at(4), 9).await, (vec![], Some(at(5))));
    assert_eq!(due(at(5), 9).await, (vec!["soon".to_owned()], Some(at(9))));
    assert_eq!(due(at(9), 1).await, (vec!["soon".to_owned()], None));
    assert_eq!(due(at(9), 9).await, (vec!["soon".to_owned(), "late".to_owned()], None));
    one.commit(next(&*one, "soon", "soon", at(6), Fact::Cancelled { reason: String::new() }).await).await.unwrap();
    assert_eq!(due(at(9), 9).await.0, ["late"]);
}

pub(crate) async fn a_refused_contract_is_found_while_its_run_keeps_it(place: Place) {
    let (one, other) = (place.open(), place.open());
    let events = [1, 2].map(|seq| event("r", seq, at(0), "h", refused(&format!("rj{seq}"), "news")));
    one.commit(commit(Run::new("r".into(), at(0)), 0, events)).await.unwrap();
    assert_eq!(other.refused_in("rj1").await, Ok(Some("r".into())));
    assert_eq!(other.refused_in("rj3").await, Ok(None));
    let resolved = Fact::RejectionResolved { rejection: "rj1".into(), why: String::new() };
    one.commit(next(&*one, "r", "h", at(1), resolved).await).await.unwrap();
    assert_eq!(other.refused_in("rj1").await, Ok(None));
    assert_eq!(other.refused_in("rj2").await, Ok(Some("r".into())));
}

pub(crate) async fn lists_come_in_pages_and_filters_narrow_them(place: Place) {
    let store = place.open();
    for nth in 0..7 {
        let id = format!("h{nth}");
        store.commit(first(&id, &id, at(nth / 2))).await.unwrap();
    }
    let mut found = Vec::new();
    let mut page = None;
    loop {
        let listed = store.list(Filter::default(), page, 3).await.unwrap();
        found.extend(listed.found.iter().map(|(_, it)| it.id.to_string()));
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

pub(crate) async fn a_heartbeat_is_written_without_an_event_and_still_counts_as_a_change(place: Place) {
    let store = place.open();
    store.commit(first("r", "h", at(0))).await.unwrap();
    let stale = next(&*store, "r", "h", at(1), requeued()).await;
    store.commit(quietly(&*store, "r", "h").await).await.unwrap();
    assert_eq!(*store.watch().borrow(), 1);
    assert_eq!(store.commit(stale).await, Err(CommitError::Conflict), "it would undo the heartbeat");
}

/// A change without an event, as a heartbeat is.
async fn quietly(store: &dyn Store, run: &str, handoff: &str) -> Commit {
    let (run, version) = store.load(&run.into()).await.unwrap().unwrap();
    let mut made = Folded::onto(Arc::new(run));
    made.touched.insert(handoff.into());
    Commit::of(&made, version)
}

fn answer(key: &str, body: serde_json::Value, at: Time) -> Answered {
    Answered { scope: "writer".into(), key: key.into(), fingerprint: "f".into(), body, at, expires: at + HOUR }
}

pub(crate) async fn an_answer_is_remembered_until_it_expires(place: Place) {
    let (store, other) = (place.open(), place.open());
    let answered = answer("k", json!({"handoff": "h"}), at(0));
    let mut commit = first("r", "h", at(0));
    commit.answered = Some(answered.clone());
    store.commit(commit).await.unwrap();
    assert_eq!(other.answered("writer", "k", at(1)).await, Ok(Some(("f".into(), answered.body.clone()))));
    assert_eq!(other.answered("editor", "k", at(1)).await, Ok(None));
    assert_eq!(other.answered("writer", "k", at(2 * HOUR)).await, Ok(None));
    let mut twice = first("r2", "h2", at(1));
    twice.answered = Some(answered.clone());
    assert_eq!(other.commit(twice).await, Err(CommitError::Conflict));
    assert_eq!(other.load(&"r2".into()).await, Ok(None), "nothing of it");
    // A day later the key is free, also for what is no event of its own, such as a heartbeat.
    let mut later = quietly(&*store, "r", "h").await;
    later.answered = Some(answer("k", answered.body, at(2 * HOUR)));
    store.commit(later).await.unwrap();
}

pub(crate) async fn of_two_that_do_the_same_under_one_key_one_does_it(place: Place) {
    let handles = [place.open(), place.open()];
    for round in 0..20 {
        let racing = [0, 1].map(|nth| {
            let store = Arc::clone(&handles[nth]);
            let mut commit = first(&format!("r{round}.{nth}"), &format!("h{round}.{nth}"), at(0));
            commit.answered = Some(answer(&format!("k{round}"), json!(nth), at(0)));
            tokio::spawn(async move { store.commit(commit).await.is_ok() })
        });
        let mut done = 0;
        for one in racing {
            done += usize::from(one.await.unwrap());
        }
        assert_eq!(done, 1);
    }
    assert_eq!(handles[0].tail(0, 1_000).await.unwrap().len(), 20);
}

pub(crate) async fn a_schema_is_registered_after_all_that_were_known(place: Place) {
    let (one, other) = (place.open(), place.open());
    let register = async |store: &Arc<dyn Store>, name: &str, after| {
        let body = json!({"title": name});
        let mut commit = Commit::nothing();
        commit.schema = Some(NewSchema { name: name.into(), version: "1.0.0".into(), body, after });
        store.commit(commit).await.map(drop)
    };
    assert_eq!(register(&one, "first", 0).await, Ok(()));
    assert_eq!(register(&other, "second", 0).await, Err(CommitError::Conflict));
    let known = other.schemas(0).await.unwrap();
    assert_eq!((known.len(), known[0].name.as_str(), known[0].version.as_str()), (1, "first", "1.0.0"));
    let latest = known[0].number;
    assert_eq!(register(&other, "second", latest).await, Ok(()));
    let later = one.schemas(latest).await.unwrap();
    assert_eq!((later.len(), &later[0].body), (1, &Some(json!({"title": "second"}))));
}

/// A test of each point for the stores that `$place` gives.
macro_rules! suite {
    ($place:expr) => {
        $crate::store::tests::suite::suite!($place;
            what_is_committed_is_there_for_every_handle
            a_commit_on_an_old_version_changes_nothing
            one_conflict_in_a_group_does_not_sink_the_others
            a_reader_of_the_tail_misses_nothing_that_two_write
            a_snapshot_is_of_one_moment
            a_snapshot_has_what_is_open_and_what_ended_with_a_verdict
            names_that_somebody_invents_do_not_fill_the_rollups
            rollups_of_two_writers_add_up
            a_clock_that_was_wrong_leaves_the_figures_as_they_were
            what_was_timed_before_the_clock_was_set_back_goes_on
            the_queue_serves_the_urgent_first_and_starves_nobody
            a_paused_edge_hides_what_waits_on_it_and_nothing_else
            what_was_decided_by_another_run_is_refused_when_that_moved
            timers_are_found_when_they_are_due_and_not_before
            a_refused_contract_is_found_while_its_run_keeps_it
            lists_come_in_pages_and_filters_narrow_them
            a_heartbeat_is_written_without_an_event_and_still_counts_as_a_change
            an_answer_is_remembered_until_it_expires
            of_two_that_do_the_same_under_one_key_one_does_it
            a_schema_is_registered_after_all_that_were_known
        );
    };
    ($place:expr; $($point:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $point() {
                $crate::store::tests::suite::$point($place).await;
            }
        )*
    };
}
pub(crate) use suite;
