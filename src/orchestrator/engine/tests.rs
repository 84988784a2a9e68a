mod classified;
mod long;
mod redacted;
mod refused;
mod shared;

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::emit::Emitted;
use super::*;
use crate::domain::command::Held;
use crate::domain::command::{Refusal, Seen};
use crate::domain::contract::digest_of_bytes;
use crate::domain::event::{Answer, DismissReason};
use crate::domain::id::Edge;
use crate::domain::ledger::Ledger;
use crate::domain::port::{Act, Fault, Request, Target};
use crate::domain::run::{Handoff, Refused, State};
use crate::domain::time::{HOUR, SECOND};
use crate::orchestrator::{policy_file, sweeper};
use crate::store::{Blob, Sqlite};
use tokio_util::sync::CancellationToken;

async fn engine() -> Engine {
    Engine::open(Arc::new(Sqlite::temporary().unwrap()), Settings::default()).await.unwrap()
}

/// The least a producer has to send.
fn work(from: &str, to: &str) -> Value {
    json!({
        "pipeline": {"name": "news", "version": "1.0.0", "stage": "draft", "output": "article"},
        "source": {"kind": "agent", "id": from},
        "target": {"kind": "agent", "id": to},
        "brief": {
            "title": "Write the article on tides", "goal": "Publish one article",
            "current_state": "Research is done", "next_step": "Write it",
            "definition_of_done": [{"item": "It is written", "met": false}],
            "owner": {"kind": "agent", "id": to},
        },
        "working_memory": {"summary": {"decision": "Go", "inputs_used": [], "open_questions": [], "text": "Tides."}},
        "provenance": {"agent": {"name": from, "version": "1"}, "model": null, "prompt": null,
            "tool_calls": [], "confidence": 0.9},
        "failure_modes": {"retryable": ["timeout"], "escalate": ["policy"], "default": "retry", "max_attempts": 2},
    })
}

/// Whatever there is now, one piece of it.
fn one() -> Claim {
    Claim { max: 1, wait: Duration::ZERO, lease_ms: None, holder: "process-1".to_owned() }
}

/// The same, and waits for it.
fn soon() -> Claim {
    Claim { wait: Duration::from_mins(1), ..one() }
}

fn agent(engine: &Engine, name: &str) -> Requester {
    engine.by(Actor::agent(name))
}

async fn claim(engine: &Engine, agent: &str) -> Claimed {
    self::agent(engine, agent).claim(one()).await.unwrap().pop().expect("there is work")
}

fn held(claimed: &Claimed) -> Held {
    Held { handoff: claimed.handoff.id.clone(), lease: claimed.lease_id.clone() }
}

#[tokio::test]
async fn work_goes_from_hand_to_hand() {
    let engine = engine().await;
    let research = agent(&engine, "research");
    let emitted = research.emit(work("research", "writer")).await.unwrap();
    assert!(!emitted.replayed);
    let writer = agent(&engine, "writer");
    let claimed = claim(&engine, "writer").await;
    assert_eq!(claimed.handoff.id, emitted.handoff.id);
    assert_eq!((claimed.attempt, claimed.contract.get("source")), (1, None));
    writer.acknowledge(held(&claimed)).await.unwrap();
    let next = vec![work("writer", "editor")];
    let done = writer.complete(held(&claimed), Some(json!({"words": 900})), next.clone()).await.unwrap();
    assert_eq!(done.handoff.state, State::Completed);
    assert_eq!((done.next.len(), done.next[0].emission.step), (1, 1));
    let again = writer.complete(held(&claimed), None, next).await.unwrap();
    assert_eq!(again.next[0].id, done.next[0].id, "the same answer again");
    let tail = engine.tail(0, 100).await.unwrap();
    let names: Vec<_> = tail.iter().map(|(_, event)| event.as_ref().unwrap().fact.name()).collect();
    assert_eq!(
        names,
        ["handoff.emitted", "handoff.leased", "handoff.acknowledged", "handoff.completed", "handoff.emitted"]
    );
    assert_eq!(*engine.changed().borrow(), 5);
    engine.store().verify(&emitted.run).await.unwrap();
}

fn target(run: &RunId, it: &Handoff) -> Target {
    Target { run: run.clone(), handoff: it.id.clone(), seen: it.version.into() }
}

fn request(act: Act, on: Vec<Target>, key: &str) -> Request {
    Request { on, act, by: "dana".into(), why: "Looked at it".into(), key: key.into() }
}

async fn emit(engine: &Engine, body: Value) -> Emitted {
    let by = engine.by(Actor::agent(body["source"]["id"].as_str().unwrap()));
    by.emit(body).await.unwrap()
}

/// Emits a handoff that its target failed on for good.
async fn dead(engine: &Engine) -> (RunId, Handoff) {
    let mut body = work("research", "writer");
    body["failure_modes"]["default"] = json!("dead_letter");
    let emitted = emit(engine, body).await;
    let claimed = claim(engine, "writer").await;
    let handoff = agent(engine, "writer").fail(held(&claimed), "broken", "No input").await.unwrap();
    assert_eq!(handoff.state, State::DeadLettered);
    (emitted.run, handoff)
}

/// Refused contracts that nobody dealt with.
async fn refused(engine: &Engine) -> Vec<Refused> {
    let runs = engine.snapshot().await.unwrap().runs;
    runs.iter().flat_map(|it| it.run().rejections.clone()).collect()
}

#[tokio::test]
async fn what_is_refused_is_kept_once_and_resolved_by_a_better_one() {
    let engine = engine().await;
    let research = agent(&engine, "research");
    let mut body = work("research", "writer");
    body["trace_id"] = json!("4bf92f3577b34da6a3ce929d0e0e4736");
    body["brief"]["owner"] = Value::Null;
    for _ in 0..3 {
        let Err(Problem::Invalid { violations, rejection }) = research.emit(body.clone()).await else {
            panic!("it must be refused")
        };
        assert!(violations.iter().any(|it| it.path == "/brief/owner"), "{violations:?}");
        assert!(rejection.is_some());
    }
    let kept = refused(&engine).await;
    assert_eq!((kept.len(), kept[0].count), (1, 3));
    assert_eq!(kept[0].rejection.producer, "research");
    let seen = engine.blob_get(&kept[0].rejection.digest).await.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&seen.bytes).unwrap(), body);
    body["brief"]["owner"] = json!({"kind": "agent", "id": "writer"});
    research.emit(body).await.unwrap();
    assert_eq!(refused(&engine).await, []);
    let counted = engine.snapshot().await.unwrap().rollups;
    let rate = counted[0].edges[0].1.violation_rate();
    assert_eq!((rate.k, rate.n), (1, 2), "a client in a loop counts once");
    let mut opened_later = Ledger::new(0);
    opened_later.restore(engine.snapshot().await.unwrap());
    let told: Vec<_> = opened_later.violations().groups().collect();
    assert!(
        told.iter().any(|it| it.path == "/brief/owner" && it.count == 3),
        "whose fault it was is known after it was mended: {told:?}"
    );

    for junk in [json!(null), json!([1]), json!({"trace_id": 7, "step": -1, "target": {"id": "x".repeat(9_999)}})] {
        assert!(matches!(research.emit(junk).await, Err(Problem::Invalid { .. })));
    }
    for it in refused(&engine).await {
        assert!(it.rejection.edge.to.len() <= 128);
        engine.by(Actor::user("dana")).dismiss_refused(&it.rejection.id, "junk").await.unwrap();
    }
    assert_eq!(refused(&engine).await, []);
}

#[tokio::test]
async fn the_same_work_is_emitted_once() {
    let engine = engine().await;
    let research = agent(&engine, "research");
    let mut body = work("research", "writer");
    body["trace_id"] = json!("4bf92f3577b34da6a3ce929d0e0e4736");
    let one = emit(&engine, body.clone()).await;
    let two = emit(&engine, body.clone()).await;
    assert_eq!((two.replayed, &two.handoff.id), (true, &one.handoff.id));
    body["brief"]["goal"] = json!("Publish two articles");
    let other = research.emit(body.clone()).await.unwrap_err();
    let Problem::Refused(Refusal::IdempotencyMismatch { handoff, .. }) = other else { panic!("{other}") };
    assert_eq!(handoff, one.handoff.id);

    // Without a trace of its own, the caller's key is what makes a repeat a repeat.
    let body = work("research", "writer");
    let key = engine.once("research", "key 1", &body).await.unwrap();
    let one = research.clone().once(Some(key.clone())).emit(body.clone()).await.unwrap();
    assert!(!key.is_repeated());
    let again = engine.once("research", "key 1", &body).await.unwrap();
    assert!(again.is_repeated());
    // Whether the key was looked up before the first came or after.
    for key in [key, again] {
        let two = research.clone().once(Some(key)).emit(body.clone()).await.unwrap();
        assert_eq!((two.replayed, two.handoff.id), (true, one.handoff.id.clone()));
    }
    let other = work("research", "legal");
    let reused = engine.once("research", "key 1", &other).await.unwrap_err();
    assert_eq!(reused, Problem::KeyReused("key 1".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn claims_that_race_under_one_key_are_one_claim() {
    let engine = engine().await;
    for _ in 0..20 {
        emit(&engine, work("research", "writer")).await;
    }
    let once = engine.once("writer", "k", &json!("claim")).await.unwrap();
    let writer = agent(&engine, "writer").once(Some(once));
    // As when callers give up on their way and ask again while the first is being written.
    let racing = (0..8).map(|_| {
        let writer = writer.clone();
        tokio::spawn(async move { writer.claim(one()).await.unwrap() })
    });
    let racing: Vec<_> = racing.collect();
    let mut leases = Vec::new();
    for one in racing {
        leases.extend(one.await.unwrap().into_iter().map(|it| it.lease_id));
    }
    assert_eq!(leases.len(), 8);
    leases.dedup();
    assert_eq!(leases.len(), 1, "{leases:?}");
    assert_eq!(*engine.changed().borrow(), 21, "one lease was given");
}

#[tokio::test]
async fn of_fifty_racing_requeues_one_wins() {
    let engine = engine().await;
    let (run, handoff) = dead(&engine).await;
    let racing: Vec<_> = (0..50)
        .map(|nth| {
            let request = request(Act::Requeue, vec![target(&run, &handoff)], &format!("key {nth}"));
            let engine = engine.clone();
            tokio::spawn(async move { engine.perform(request).await })
        })
        .collect();
    let (mut won, mut lost) = (0, 0);
    for one in racing {
        match &one.await.unwrap().items[0].1 {
            Ok(()) => won += 1,
            Err(Fault::Conflict { found, by: Some(by) }) => {
                assert_eq!((found.number(), &*by.actor.id), (Some(handoff.version + 1), "dana"));
                lost += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((won, lost), (1, 49));
}

#[tokio::test]
async fn a_request_is_done_once_and_each_item_for_itself() {
    let engine = engine().await;
    let (run, good) = dead(&engine).await;
    let (other_run, moved) = dead(&engine).await;
    let mut stale = target(&other_run, &moved);
    stale.seen = (moved.version - 1).into();
    let dismiss = Act::Dismiss { reason: DismissReason::Obsolete };
    let request = request(dismiss, vec![target(&run, &good), stale], "k");
    for _ in 0..2 {
        let outcome = engine.perform(request.clone()).await;
        assert_eq!(outcome.items[0], (Some(good.id.clone()), Ok(())));
        assert!(matches!(outcome.items[1].1, Err(Fault::Conflict { .. })));
    }
    let (_, now) = engine.find(&good.id).await.unwrap();
    assert_eq!((now.state, now.version), (State::Dismissed, good.version + 1));
}

#[tokio::test]
async fn many_items_are_answered_in_their_order_and_a_run_is_cancelled_once() {
    let engine = engine().await;
    let mut on = Vec::new();
    for _ in 0..20 {
        let (run, handoff) = dead(&engine).await;
        on.push(target(&run, &handoff));
    }
    on[3].seen = (on[3].seen.number().unwrap() - 1).into();
    on.push(on[0].clone());
    let ids: Vec<_> = on.iter().map(|it| Some(it.handoff.clone())).collect();
    let requeued = engine.perform(request(Act::Requeue, on.clone(), "r")).await;
    for it in &mut on {
        it.seen = engine.run(&it.run).await.unwrap().version.into();
    }
    let cancelled = engine.perform(request(Act::Cancel, on, "c")).await;
    for (outcome, moved) in [(&requeued, vec![3]), (&cancelled, vec![])] {
        let said: Vec<_> = outcome.items.iter().map(|(id, _)| id.clone()).collect();
        assert_eq!(said, ids);
        let failed = (0..20).filter(|nth| outcome.items[*nth].1.is_err());
        assert_eq!(failed.collect::<Vec<_>>(), moved);
    }
    assert_eq!(cancelled.items[20].1, Ok(()), "with the rest of its run");
}

#[tokio::test]
async fn a_paused_edge_gives_nothing_until_it_is_resumed() {
    let engine = engine().await;
    let edge = Edge::new("news", "research", "writer");
    let pause = request(Act::PauseEdge(edge.clone()), vec![], "p");
    assert_eq!(engine.perform(pause).await.items, [(None, Ok(()))]);
    emit(&engine, work("research", "writer")).await;
    assert_eq!(agent(&engine, "writer").claim(one()).await.unwrap(), []);
    let reopened = Engine::open(engine.store().clone(), Settings::default()).await.unwrap();
    assert_eq!(reopened.known_pauses().edges, std::slice::from_ref(&edge), "it outlives a restart");
    let waiting = tokio::spawn({
        let writer = agent(&engine, "writer");
        async move { writer.claim(soon()).await.unwrap() }
    });
    tokio::task::yield_now().await;
    engine.perform(request(Act::ResumeEdge(edge), vec![], "r")).await;
    assert_eq!(waiting.await.unwrap().len(), 1, "and those who wait are told");
}

#[tokio::test]
async fn work_that_comes_wakes_those_who_wait_and_is_given_once() {
    let engine = engine().await;
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            let writer = agent(&engine, "writer");
            tokio::spawn(async move { writer.claim(soon()).await.unwrap().pop().unwrap().handoff.id })
        })
        .collect();
    for _ in 0..8 {
        emit(&engine, work("research", "writer")).await;
    }
    let mut given = Vec::new();
    for one in waiting {
        given.push(one.await.unwrap());
    }
    given.sort();
    given.dedup();
    assert_eq!(given.len(), 8);
}

#[tokio::test]
async fn nobody_goes_without_while_there_is_work_for_all() {
    let engine = engine().await;
    let many = 48;
    for _ in 0..many {
        emit(&engine, work("research", "writer")).await;
    }
    let asking: Vec<_> = (0..many)
        .map(|_| {
            let writer = agent(&engine, "writer");
            tokio::spawn(async move { writer.claim(one()).await.unwrap().len() })
        })
        .collect();
    for one in asking {
        assert_eq!(one.await.unwrap(), 1, "without any waiting");
    }
}

#[tokio::test]
async fn a_reviewer_returns_and_the_source_gets_the_feedback() {
    let engine = engine().await;
    emit(&engine, work("writer", "editor")).await;
    let editor = agent(&engine, "editor");
    let claimed = claim(&engine, "editor").await;
    let feedback = vec!["Vendor C has no source".to_owned()];
    editor.acknowledge(held(&claimed)).await.unwrap();
    let done = editor.return_to_source(held(&claimed), feedback.clone(), None).await.unwrap();
    assert_eq!(done.handoff.state, State::Returned);
    let revision = claim(&engine, "writer").await;
    assert_eq!(revision.handoff.id, done.next[0].id);
    assert_eq!(revision.contract["relation"]["feedback"], json!(feedback));
    assert_eq!(revision.contract["brief"]["definition_of_done"][0]["item"], json!(feedback[0]));
    assert_eq!(revision.contract["brief"]["title"], "Revise: Write the article on tides");
    assert_eq!((revision.handoff.emission.cycle, revision.handoff.emission.step), (1, 1));
    let again = editor.return_to_source(held(&claimed), feedback, None).await.unwrap();
    assert_eq!(again.next[0].id, revision.handoff.id, "the same answer again");
}

#[tokio::test]
async fn an_invalid_follow_up_changes_nothing_and_says_which() {
    let engine = engine().await;
    let emitted = emit(&engine, work("research", "writer")).await;
    let claimed = claim(&engine, "writer").await;
    let mut bad = work("writer", "legal");
    bad["brief"]["title"] = json!("");
    let next = vec![work("writer", "editor"), bad];
    let why = agent(&engine, "writer").complete(held(&claimed), None, next).await.unwrap_err();
    let Problem::Invalid { violations, rejection: Some(_) } = why else { panic!("{why}") };
    assert!(violations.iter().all(|it| it.path.starts_with("/next/1/brief/title")), "{violations:?}");
    let run = engine.run(&emitted.run).await.unwrap();
    assert_eq!((run.handoffs.len(), run.handoffs.first().unwrap().state), (1, State::Leased));
    let next = vec![work("writer", "editor"), work("writer", "legal")];
    let done = agent(&engine, "writer").complete(held(&claimed), None, next).await.unwrap();
    let branches: Vec<_> = done.next.iter().map(|it| &*it.emission.branch).collect();
    assert_eq!(branches, ["0", "1"]);
    engine.store().verify(&emitted.run).await.unwrap();
}

#[tokio::test]
async fn a_refused_follow_up_is_booked_on_who_wrote_it() {
    let engine = engine().await;
    let (run, letter) = dead(&engine).await;
    let mut bad = work("writer", "legal");
    bad["brief"]["title"] = json!("");
    let seen = Seen { handoff: letter.id, version: letter.version };
    let dana = engine.by(Actor::user("dana"));
    let why = dana.complete_manually(seen, None, vec![bad.clone()], "done by hand").await.unwrap_err();
    assert!(matches!(why, Problem::Invalid { rejection: Some(_), .. }), "{why}");
    let kept = &refused(&engine).await[0].rejection;
    assert_eq!((&*kept.producer, kept.edge.to_string()), ("dana", "writer>legal".to_owned()));
    let (_, events) = engine.timeline(&run).await.unwrap();
    assert_eq!(events.last().unwrap().actor, Actor::user("dana"));
    emit(&engine, work("research", "writer")).await;
    let claimed = claim(&engine, "writer").await;
    agent(&engine, "writer").complete(held(&claimed), None, vec![bad]).await.unwrap_err();
    let kept: Vec<_> = refused(&engine).await.into_iter().map(|it| it.rejection.producer).collect();
    assert_eq!(kept, ["dana", "writer"]);
}

#[tokio::test]
async fn an_approver_edits_what_was_shown_or_sends_it_back() {
    let settings = Settings {
        policies: policy_file::read("[[edge]]\napproval = { role = 'editors' }").unwrap(),
        ..Settings::default()
    };
    let engine = Engine::open(Arc::new(Sqlite::temporary().unwrap()), settings).await.unwrap();
    let one = emit(&engine, work("research", "writer")).await;
    assert_eq!(one.handoff.state, State::Escalated);
    let (contract, digest) = engine.contract(&one.handoff.id).await.unwrap();
    let resolve = |answer, digest: &str, value| Act::Resolve { answer, context_digest: digest.to_owned(), value };
    let on = || vec![target(&one.run, &one.handoff)];
    let old = resolve(Answer::Approve, "sha256:old", None);
    let refused = engine.perform(request(old, on(), "1")).await;
    assert!(matches!(&refused.items[0].1, Err(Fault::Refused(why)) if why.contains("changed since it was shown")));
    let mut forged = contract.clone();
    forged["source"]["id"] = json!("somebody else");
    let forged = resolve(Answer::EditApprove, &digest, Some(forged));
    let refused = engine.perform(request(forged, on(), "2")).await;
    assert!(matches!(&refused.items[0].1, Err(Fault::Invalid(_))), "{refused:?}");
    let mut edited = contract.clone();
    edited["brief"]["next_step"] = json!("Write 800 words");
    edited["brief"]["title"] = json!("Write a short article");
    edited["delivery"] = json!({"deadline": engine.now() + HOUR, "ack_timeout_s": 7});
    edited["failure_modes"]["max_attempts"] = json!(2);
    let edited = resolve(Answer::EditApprove, &digest, Some(edited));
    assert_eq!(engine.perform(request(edited, on(), "3")).await.items[0].1, Ok(()));
    let claimed = claim(&engine, "writer").await;
    assert_eq!(claimed.contract["brief"]["next_step"], "Write 800 words");
    assert_eq!(claimed.resolution.unwrap().answer, Answer::EditApprove);
    assert_eq!(claimed.handoff.rev, 2);
    // What is shown and what holds is the edited contract; what happened stays.
    let (head, emitted) = (&claimed.handoff.emission, &one.handoff.emission);
    assert_eq!(head.title, "Write a short article");
    assert_eq!((&head.edge, &head.stage), (&emitted.edge, &emitted.stage));
    let (terms, emitted) = (head.terms.as_ref().unwrap(), emitted.terms.as_ref().unwrap());
    assert!(terms.deadline.is_some());
    assert_eq!((terms.ack_timeout_ms, terms.max_attempts), (7_000, 2));
    assert_eq!((&terms.key, &terms.digest, terms.separation), (&emitted.key, &emitted.digest, emitted.separation));
    engine.store().verify(&one.run).await.unwrap();

    let two = emit(&engine, work("research", "writer")).await;
    let (_, digest) = engine.contract(&two.handoff.id).await.unwrap();
    let reject = resolve(Answer::Reject, &digest, None);
    let done = engine.perform(request(reject, vec![target(&two.run, &two.handoff)], "4")).await;
    assert_eq!(done.items[0].1, Ok(()));
    let run = engine.run(&two.run).await.unwrap();
    assert_eq!(run.handoffs.first().unwrap().state, State::Returned);
    assert_eq!(&*run.handoffs.last().unwrap().emission.edge.to, "research");
    engine.store().verify(&two.run).await.unwrap();
}

#[tokio::test]
async fn the_question_of_an_operator_is_answered_in_words_that_reach_the_agent() {
    let engine = engine().await;
    let (run, handoff) = dead(&engine).await;
    let ask = Act::Escalate { force: false, role: String::new() };
    let asked = engine.perform(request(ask, vec![target(&run, &handoff)], "1"));
    assert_eq!(asked.await.items[0].1, Ok(()));
    let (_, waiting) = engine.find(&handoff.id).await.unwrap();
    let answer = Act::Resolve {
        answer: Answer::Respond,
        context_digest: waiting.digest().unwrap().to_owned(),
        value: Some(json!("The input is in the archive")),
    };
    let answered = engine.perform(request(answer, vec![target(&run, &waiting)], "2"));
    assert_eq!(answered.await.items[0].1, Ok(()));
    let said = claim(&engine, "writer").await.resolution.unwrap();
    assert_eq!(said.answer, Answer::Respond);
    assert_eq!(said.value, Some(json!("The input is in the archive")));
}

#[tokio::test]
async fn a_person_takes_what_is_addressed_to_people() {
    let engine = engine().await;
    let mut body = work("research", "dana");
    body["target"] = json!({"kind": "human", "id": "dana"});
    body["brief"]["owner"] = json!({"kind": "human", "id": "dana"});
    let whole = json!({"decisions": [], "constraints": [], "source_links": [], "completed": [], "tried": [],
        "key_facts": [], "blockers": [], "pending_approvals": [], "urgency": "high",
        "escalation_reason": "Needs a person", "recipient_need": "A decision", "due_at": "2100-01-01T00:00:00Z"});
    body["brief"].as_object_mut().unwrap().extend(whole.as_object().unwrap().clone());
    let emitted = emit(&engine, body).await;
    assert_eq!(agent(&engine, "dana").claim(one()).await.unwrap(), [], "no agent gets it");
    let dana = engine.by(Actor::user("dana"));
    let seen = Seen { handoff: emitted.handoff.id.clone(), version: emitted.handoff.version };
    let taken = dana.take(seen).await.unwrap();
    assert_eq!((taken.state, taken.lease.as_ref().unwrap().until), (State::Acknowledged, None));
    let release = request(Act::Release, vec![target(&emitted.run, &taken)], "k");
    assert_eq!(engine.perform(release).await.items[0].1, Ok(()));
    assert_eq!(engine.find(&taken.id).await.unwrap().1.state, State::Pending);
    let seen = |it: &Handoff| Seen { handoff: it.id.clone(), version: it.version };
    let (_, free) = engine.find(&taken.id).await.unwrap();
    let taken = dana.take(seen(&free)).await.unwrap();
    let other = engine.by(Actor::user("lee"));
    let refused = other.complete_manually(seen(&taken), None, vec![], "mine now").await.unwrap_err();
    assert!(matches!(refused, Problem::Refused(Refusal::IllegalTransition { .. })), "{refused}");
    let done = dana.complete_manually(seen(&taken), None, vec![], "decided").await.unwrap();
    assert_eq!(done.state, State::Completed);
}

#[tokio::test]
async fn a_reference_to_a_blob_that_is_not_there_is_refused() {
    let engine = engine().await;
    let digest = digest_of_bytes(b"tides");
    let blob = Blob { digest: digest.clone(), media_type: "text/plain".to_owned(), bytes: b"tides".to_vec() };
    engine.blob_put(blob, vec!["research".to_owned()]).await.unwrap();
    let refer = |digest: &str| {
        let mut body = work("research", "writer");
        let uri = format!("blob:{digest}");
        body["working_memory"]["refs"] = json!([{"uri": uri, "digest": digest, "size": 5, "media_type": "text/plain"}]);
        body
    };
    emit(&engine, refer(&digest)).await;
    let missing = format!("sha256:{}", "0".repeat(64));
    let why = agent(&engine, "research").emit(refer(&missing)).await.unwrap_err();
    let Problem::Invalid { violations, .. } = why else { panic!("{why}") };
    assert_eq!((&*violations[0].path, &*violations[0].keyword), ("/working_memory/refs/0/uri", "ref_missing"));
}

static CLOCK: std::sync::atomic::AtomicI64 = std::sync::atomic::AtomicI64::new(1_800_000_000_000);

fn clock() -> Time {
    Time::from_millis(CLOCK.load(std::sync::atomic::Ordering::SeqCst))
}

#[tokio::test]
async fn the_sweeper_ends_what_ran_out_and_does_it_once() {
    let settings = Settings { now: clock, ..Settings::default() };
    let engine = Engine::open(Arc::new(Sqlite::temporary().unwrap()), settings).await.unwrap();
    let emitted = emit(&engine, work("research", "writer")).await;
    let claimed = claim(&engine, "writer").await;
    let stop = CancellationToken::new();
    let until = claimed.handoff.lease.as_ref().unwrap().until;
    assert_eq!(sweeper::sweep(&engine, &stop).await.unwrap(), until, "it sleeps until the lease ends");
    agent(&engine, "writer").acknowledge(held(&claimed)).await.unwrap();
    CLOCK.fetch_add(40 * SECOND, std::sync::atomic::Ordering::SeqCst);
    agent(&engine, "writer").heartbeat(held(&claimed)).await.unwrap();
    CLOCK.fetch_add(40 * SECOND, std::sync::atomic::Ordering::SeqCst);
    sweeper::sweep(&engine, &stop).await.unwrap();
    assert_eq!(engine.find(&emitted.handoff.id).await.unwrap().1.state, State::Acknowledged);
    CLOCK.fetch_add(40 * SECOND, std::sync::atomic::Ordering::SeqCst);
    for _ in 0..2 {
        sweeper::sweep(&engine, &stop).await.unwrap();
        let (_, handoff) = engine.find(&emitted.handoff.id).await.unwrap();
        assert_eq!((handoff.state, handoff.version), (State::RetryWait, 4));
    }
    let late = agent(&engine, "writer").complete(held(&claimed), None, vec![]).await;
    assert!(matches!(late, Err(Problem::Refused(Refusal::LeaseLost { .. }))));
    engine.store().verify(&emitted.run).await.unwrap();
}

#[tokio::test]
async fn what_is_overdue_is_handed_to_nobody_and_becomes_a_dead_letter() {
    static LATER: std::sync::atomic::AtomicI64 = std::sync::atomic::AtomicI64::new(1_800_000_000_000);
    let now = || Time::from_millis(LATER.load(std::sync::atomic::Ordering::SeqCst));
    let settings = Settings { now, ..Settings::default() };
    let engine = Engine::open(Arc::new(Sqlite::temporary().unwrap()), settings).await.unwrap();
    let mut body = work("research", "writer");
    body["delivery"] = json!({"deadline": engine.now() + SECOND});
    let emitted = emit(&engine, body).await;
    LATER.fetch_add(SECOND, std::sync::atomic::Ordering::SeqCst);
    let writer = agent(&engine, "writer");
    assert_eq!(writer.claim(one()).await.unwrap(), [], "it is not even found");
    // Found before, and asked for after.
    let once = engine.once("writer", "k", &json!("claim")).await.unwrap();
    let keyed = writer.once(Some(once));
    let pauses = engine.known_pauses();
    let found = keyed.claim_one(&one(), &pauses, &emitted.run, &emitted.handoff.id).await;
    assert_eq!(found, Ok(None));
    let (_, dead) = engine.find(&emitted.handoff.id).await.unwrap();
    assert_eq!((dead.state, dead.attempts_total), (State::DeadLettered, 0));
    assert_eq!(dead.last_change.unwrap().actor, Actor::system("sweeper"), "as a deadline passes");
    let again = engine.once("writer", "k", &json!("claim")).await.unwrap();
    assert!(!again.is_repeated(), "a claim that found nothing did nothing");
}

#[tokio::test]
async fn what_is_due_in_one_run_is_swept_in_one_transaction() {
    static LATER: std::sync::atomic::AtomicI64 = std::sync::atomic::AtomicI64::new(1_800_000_000_000);
    let now = || Time::from_millis(LATER.load(std::sync::atomic::Ordering::SeqCst));
    let settings = Settings { now, ..Settings::default() };
    let engine = Engine::open(Arc::new(Sqlite::temporary().unwrap()), settings).await.unwrap();
    let emitted = emit(&engine, work("research", "writer")).await;
    let claimed = claim(&engine, "writer").await;
    let next = |nth: i64| {
        let mut body = work("writer", "editor");
        body["delivery"] = json!({"deadline": now() + nth * SECOND});
        body
    };
    let next = [1, 1, 1, 2].map(next).to_vec();
    agent(&engine, "writer").complete(held(&claimed), None, next).await.unwrap();
    let (_, before) = engine.store().load(&emitted.run).await.unwrap().unwrap();
    LATER.fetch_add(SECOND, std::sync::atomic::Ordering::SeqCst);
    let later = sweeper::sweep(&engine, &CancellationToken::new()).await;
    assert_eq!(later, Ok(Some(now() + SECOND)));
    let (run, after) = engine.store().load(&emitted.run).await.unwrap().unwrap();
    let dead = run.handoffs.values().filter(|it| it.state == State::DeadLettered).count();
    assert_eq!((dead, after), (3, before + 1));
    engine.store().verify(&emitted.run).await.unwrap();
}

#[tokio::test]
async fn who_waits_in_vain_is_not_woken_by_what_is_paused() {
    let engine = engine().await;
    let edge = Edge::new("news", "research", "writer");
    engine.perform(request(Act::PauseEdge(edge.clone()), vec![], "p")).await;
    let waiting: Vec<_> = (0..4)
        .map(|_| {
            let writer = agent(&engine, "writer");
            tokio::spawn(async move { writer.claim(soon()).await.unwrap().len() })
        })
        .collect();
    while engine.wake().in_line("writer") < 4 {
        tokio::task::yield_now().await;
    }
    for _ in 0..4 {
        emit(&engine, work("research", "writer")).await;
        assert_eq!((engine.wake().in_line("writer"), engine.wake().tickets()), (4, 4), "nobody was called");
    }
    emit(&engine, work("desk", "writer")).await;
    while !waiting.iter().any(tokio::task::JoinHandle::is_finished) {
        tokio::task::yield_now().await;
    }
    assert_eq!((engine.wake().in_line("writer"), engine.wake().tickets()), (3, 5), "one was");
    engine.perform(request(Act::ResumeEdge(edge), vec![], "r")).await;
    let mut given = 0;
    for one in waiting {
        given += one.await.unwrap();
    }
    assert_eq!(given, 4, "all of them have work now");
}

#[tokio::test]
async fn what_happens_when_nobody_approves_is_up_to_the_edge() {
    for (word, end) in
        [("approve", State::Pending), ("dismiss", State::Dismissed), ("dead_letter", State::DeadLettered)]
    {
        let table = format!("[[edge]]\napproval = {{ due = '1ms', on_timeout = '{word}' }}");
        let settings = Settings { policies: policy_file::read(&table).unwrap(), ..Settings::default() };
        let engine = Engine::open(Arc::new(Sqlite::temporary().unwrap()), settings).await.unwrap();
        let one = emit(&engine, work("research", "writer")).await;
        assert_eq!(one.handoff.state, State::Escalated);
        let mut now = one.handoff;
        let deadline = std::time::Instant::now() + Duration::from_secs(30);
        while now.state == State::Escalated && std::time::Instant::now() < deadline {
            engine.timer(&one.run, std::slice::from_ref(&now.id)).await.unwrap();
            now = engine.find(&now.id).await.unwrap().1;
        }
        assert_eq!(now.state, end, "{word}");
    }
}

#[tokio::test]
async fn the_sweeper_sleeps_until_something_is_due_and_stops_when_told() {
    let engine = engine().await;
    let stop = CancellationToken::new();
    let sweeper = sweeper::start(engine.clone(), stop.clone());
    let mut body = work("research", "writer");
    let deadline = engine.now() + 50;
    body["delivery"] = json!({"deadline": deadline});
    let emitted = emit(&engine, body).await;
    let mut changed = engine.changed();
    let ended = async {
        while engine.find(&emitted.handoff.id).await.unwrap().1.state != State::DeadLettered {
            changed.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(30), ended).await.expect("the deadline was noticed");
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(30), sweeper).await.expect("it stops").unwrap();
}

#[tokio::test]
async fn what_refers_to_bytes_that_are_gone_is_a_dead_letter_and_no_attempt() {
    let store = Arc::new(Sqlite::temporary().unwrap());
    let policies = policy_file::read("[[edge]]\nstrictness = \"observe\"").unwrap();
    let lax = Engine::open(store.clone(), Settings { policies, ..Settings::default() }).await.unwrap();
    let mut refers = work("research", "writer");
    let digest = format!("sha256:{}", "0".repeat(64));
    refers["working_memory"]["refs"] =
        json!([{"uri": format!("blob:{digest}"), "digest": digest, "size": 1, "media_type": "text/plain"}]);
    let emitted = agent(&lax, "research").emit(refers).await.unwrap();
    let strict = Engine::open(store, Settings::default()).await.unwrap();
    assert_eq!(agent(&strict, "writer").claim(one()).await.unwrap(), []);
    let (_, it) = strict.find(&emitted.handoff.id).await.unwrap();
    let failure = it.failure.unwrap();
    assert_eq!((it.state, it.attempts_total, &*failure.code), (State::DeadLettered, 0, "reference_missing"));
    assert!(failure.detail.starts_with(&format!("blob:{digest} is not stored here any more")), "{}", failure.detail);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_a_run_are_in_the_order_of_their_times() {
    static TICKS: AtomicI64 = AtomicI64::new(1);
    let now = || Time::from_millis(TICKS.fetch_add(1, Ordering::Relaxed));
    let store = Arc::new(Sqlite::temporary().unwrap());
    let engine = Engine::open(store, Settings { now, ..Settings::default() }).await.unwrap();
    let emitted = emit(&engine, work("research", "writer")).await;
    let many = (0..100).map(|nth| {
        let (engine, on) = (engine.clone(), target(&emitted.run, &emitted.handoff));
        tokio::spawn(async move {
            let once = engine.once("dana", &format!("key {nth}"), &json!(nth)).await.unwrap();
            let act = Act::Annotate { verdict: format!("verdict {nth}"), of_run: true };
            engine.by(Actor::user("dana")).once(Some(once)).act(&act, "", &on).await.unwrap();
        })
    });
    futures_util::future::join_all(many.collect::<Vec<_>>()).await.into_iter().for_each(Result::unwrap);
    let times: Vec<Time> = engine.timeline(&emitted.run).await.unwrap().1.iter().map(|it| it.at).collect();
    assert_eq!(times.len(), 101);
    assert!(times.is_sorted(), "{times:?}");
}
