//! What every source promises, checked the same way on each: a recording, an orchestrator in this process, and
//! one behind HTTP.

#![allow(clippy::panic)] // helpers of tests fail by panicking, as tests do

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::StreamExt;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::BoxStream;
use seamwatch::testing::domain::event::{Answer, DismissReason, Event, Fact};
use seamwatch::testing::domain::id::{Edge, HandoffId, RunId};
use seamwatch::testing::domain::port::{
    Act, ActKind, Batch, Begin, Control, Cursor, Fault, Found, Outcome, Request, Snapshot, Target, Want,
};
use seamwatch::testing::domain::time::Time;
use seamwatch::testing::source::{Shared, Source};

#[path = "support/wait.rs"]
mod wait;
use wait::{DEADLINE, eventually};

/// A source, and a way to make things happen behind it.
struct Subject {
    source: Shared,
    /// Makes one more handoff happen, with [`HOSTILE`] as its title.
    happen: Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>,
    /// Kept alive as long as the source is used.
    _behind: Box<dyn std::any::Any + Send + Sync>,
}

/// Text that would do harm on a terminal, and that a source hands on as it is.
const HOSTILE: &str = "\u{1b}]52;c;aGk=\u{7}\u{1b}[2J\u{9b}31m\u{202e}evil\u{200b}";

type Watch = BoxStream<'static, Result<Batch, Fault>>;

async fn next(watch: &mut Watch) -> Option<Result<Batch, Fault>> {
    tokio::time::timeout(DEADLINE, watch.next()).await.expect("a source gives a sign of life")
}

async fn batch(watch: &mut Watch) -> Batch {
    next(watch).await.expect("the watch goes on").expect("without a fault")
}

async fn snapshot(watch: &mut Watch) -> Snapshot {
    match batch(watch).await {
        Batch::Begin(Begin::Fresh(snapshot)) => *snapshot,
        other => panic!("a watch from nowhere begins with a snapshot, not {other:?}"),
    }
}

/// Reads until `n` emissions were seen; every event on the way, and the cursor after the last.
async fn emissions(watch: &mut Watch, n: usize) -> (Vec<Event>, Cursor) {
    let mut seen: Vec<Event> = Vec::new();
    let mut at = Cursor::default();
    while emitted(&seen).len() < n {
        match batch(watch).await {
            Batch::Events { events, cursor, .. } => {
                assert_ne!(cursor, at, "the position moves on");
                at = cursor;
                seen.extend(events);
            }
            Batch::Begin(again) => panic!("no beginning in the middle of a watch: {again:?}"),
            Batch::Alive { .. } | Batch::Replay(_) | Batch::Skipped(_) | Batch::Capabilities(_) => {}
        }
    }
    (seen, at)
}

fn emitted(events: &[Event]) -> Vec<HandoffId> {
    let of = |it: &Event| match it.fact {
        Fact::Emitted(_) => it.handoff.clone(),
        _ => None,
    };
    events.iter().filter_map(of).collect()
}

async fn upholds_the_contract(subject: Subject) {
    begins_with_what_is_and_goes_on_without_gap_or_repetition(&subject).await;
    goes_on_from_a_cursor(&subject).await;
    hands_hostile_text_on_as_it_is(&subject).await;
    offers_what_it_can_and_refuses_the_rest(&subject).await;
    tells_the_loser_of_a_race_who_won(&subject).await;
    begins_fresh_where_it_cannot_go_on(&subject).await;
}

async fn begins_with_what_is_and_goes_on_without_gap_or_repetition(subject: &Subject) {
    (subject.happen)().await;
    let mut watch = subject.source.watch(None);
    let first = snapshot(&mut watch).await;
    let mut known: Vec<HandoffId> = first.runs.iter().flat_map(|run| run.run().handoffs.keys().cloned()).collect();
    (subject.happen)().await;
    let (before, _) = emissions(&mut watch, 2 - known.len()).await;
    known.extend(emitted(&before));
    (subject.happen)().await;
    (subject.happen)().await;
    let (after, _) = emissions(&mut watch, 2).await;
    known.extend(emitted(&after));
    let distinct: HashSet<&HandoffId> = known.iter().collect();
    assert_eq!((known.len(), distinct.len()), (4, 4), "each handoff once");
}

async fn goes_on_from_a_cursor(subject: &Subject) {
    let mut watch = subject.source.watch(None);
    let first = snapshot(&mut watch).await;
    (subject.happen)().await;
    let known = first.runs.iter().map(|run| run.run().handoffs.len()).sum::<usize>();
    let (_, cursor) = emissions(&mut watch, 5 - known).await;
    drop(watch);
    (subject.happen)().await;
    (subject.happen)().await;
    let mut again = subject.source.watch(Some(cursor));
    assert_eq!(batch(&mut again).await, Batch::Begin(Begin::Resumed));
    let (events, _) = emissions(&mut again, 2).await;
    assert_eq!(emitted(&events).len(), 2);
}

async fn hands_hostile_text_on_as_it_is(subject: &Subject) {
    let mut watch = subject.source.watch(None);
    let first = snapshot(&mut watch).await;
    (subject.happen)().await;
    let known = first.runs.iter().map(|run| run.run().handoffs.len()).sum::<usize>();
    let (events, _) = emissions(&mut watch, 8 - known).await;
    let title = events.iter().rev().find_map(|it| match &it.fact {
        Fact::Emitted(emission) => Some(emission.title.clone()),
        _ => None,
    });
    assert_eq!(title.as_deref(), Some(HOSTILE));
}

fn request(act: Act, on: Vec<Target>, by: &str, key: &str) -> Request {
    Request { on, act, by: by.to_owned(), why: "because of the test".to_owned(), key: key.to_owned() }
}

async fn offers_what_it_can_and_refuses_the_rest(subject: &Subject) {
    let source = &subject.source;
    let mut watch = source.watch(None);
    let first = snapshot(&mut watch).await;
    let offers = source.capabilities();
    assert!(offers.cannot.values().all(|why| !why.is_empty()), "who cannot says why: {offers:?}");
    assert_eq!(offers.you, None, "without a token a source takes the name it is told");
    let nobody = Target {
        run: RunId::from("4bf92f3577b34da6a3ce929d0e0e4736"),
        handoff: HandoffId::from("no-such-handoff"),
        seen: 1.into(),
    };
    let dismiss = Act::Dismiss { reason: DismissReason::Obsolete };
    for act in [Act::Requeue, Act::Claim, Act::Release, Act::Cancel, dismiss] {
        let kind = act.kind();
        let done = source.perform(request(act, vec![nobody.clone()], "dana", kind.verb())).await;
        if offers.may(kind).is_ok() {
            let items = done.expect("an offered act has results").items;
            assert!(matches!(&items[..], [(Some(_), Err(Fault::Refused(_)))]), "{kind:?} on nothing: {items:?}");
        } else {
            assert!(matches!(done, Err(Fault::Unsupported(_))), "{kind:?}: {done:?}");
        }
    }
    if offers.may(ActKind::PauseEdge).is_ok() {
        let edge = Edge::new("news", "nobody", "writer");
        for act in [Act::PauseEdge(edge.clone()), Act::ResumeEdge(edge)] {
            let key = act.kind().verb();
            let done = source.perform(request(act, Vec::new(), "dana", key)).await;
            let Outcome { items, note } = done.expect("an edge is paused and resumed");
            assert_eq!(items, [(None, Ok(()))]);
            assert!(note.is_some_and(|it| it.contains("no handoff was ever seen on nobody>writer")));
        }
    }
    let control = source.control(Control::Speed(None));
    assert_eq!(control.is_ok(), offers.replay);
    let _ = source.control(Control::Pause);
    let open = first.runs.first().and_then(|run| Some((run.id().clone(), run.run().handoffs.keys().next()?.clone())));
    let (run, handoff) = if let Some(open) = open {
        open
    } else {
        let (events, _) = emissions(&mut watch, 1).await;
        (events[0].run.clone(), emitted(&events)[0].clone())
    };
    let body = source.fetch(Want::Body(handoff)).await;
    assert_eq!(body.is_ok(), offers.bodies, "{body:?}");
    assert!(body.is_ok() || matches!(body, Err(Fault::Unsupported(_))));
    let history = source.fetch(Want::Timeline(run)).await;
    assert_eq!(history.is_ok(), offers.timelines, "{history:?}");
    let unknown = source.fetch(Want::Timeline("f".repeat(32).into())).await;
    assert!(matches!(unknown, Err(Fault::Refused(_) | Fault::Unsupported(_))), "{unknown:?}");
}

async fn tells_the_loser_of_a_race_who_won(subject: &Subject) {
    let source = &subject.source;
    let mut watch = source.watch(None);
    let first = snapshot(&mut watch).await;
    if source.capabilities().may(ActKind::Escalate).is_err() {
        return;
    }
    let run = first.runs.first().expect("work is open");
    let handoff = run.run().open().next().expect("work is open");
    let on = || vec![Target { run: run.id().clone(), handoff: handoff.id.clone(), seen: handoff.version.into() }];
    let escalate = || Act::Escalate { force: false, role: "editors".to_owned() };
    let won = request(escalate(), on(), "dana", "first");
    let items = source.perform(won.clone()).await.expect("results").items;
    assert_eq!(items, [(Some(handoff.id.clone()), Ok(()))]);
    let repeated = source.perform(won).await.expect("results").items;
    assert_eq!(repeated, items, "repeating a request is a no-op");
    let lost = source.perform(request(escalate(), on(), "erik", "second")).await;
    let items = lost.expect("results").items;
    let [(Some(_), Err(Fault::Conflict { found, by: Some(by) }))] = &items[..] else {
        panic!("the second one loses: {items:?}");
    };
    assert_eq!((found, &*by.actor.id), (&(handoff.version + 1).into(), "dana"));
    assert_eq!(by.event, "escalation.opened");
}

async fn begins_fresh_where_it_cannot_go_on(subject: &Subject) {
    for foreign in [Cursor::from(1 << 40), Cursor::from("of-another-source")] {
        snapshot(&mut subject.source.watch(Some(foreign))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording() {
    use seamwatch::testing::source::recording::Recording;
    let start = Time::parse("2026-03-01T10:00:00Z").expect("a time");
    let title = serde_json::to_string(HOSTILE).expect("JSON");
    let lines: Vec<String> = (1..=20)
        .map(|second| {
            let at = start + second * 1_000;
            format!(
                r#"{{"at":"{at}","kind":"emitted","pipeline":"news","trace_id":"t{second}","step":1,"from":"research","to":"writer","handoff_id":"h{second}","error":null,"payload_summary":{title}}}"#
            )
        })
        .collect();
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), lines.join("\n")).expect("it can be written");
    let source = std::sync::Arc::new(Recording::new(file.path(), Some(1.0)));
    source.control(Control::Pause).expect("a recording can be paused");
    let player = source.clone();
    let second = AtomicI64::new(0);
    upholds_the_contract(Subject {
        source,
        happen: Box::new(move || {
            let to = start + (second.fetch_add(1, Ordering::Relaxed) + 1) * 1_000;
            player.control(Control::Jump(to)).expect("a recording can be moved");
            std::future::ready(()).boxed()
        }),
        _behind: Box::new(file),
    })
    .await;
}

mod orchestrator {
    use seamwatch::testing::domain::id::{Actor, HandoffId};
    use seamwatch::testing::orchestrator::engine::{Engine, Settings};
    use seamwatch::testing::store::Sqlite;
    use serde_json::{Value, json};

    use super::HOSTILE;

    pub(super) async fn engine() -> Engine {
        let store = std::sync::Arc::new(Sqlite::temporary().expect("a temporary store"));
        Engine::open(store, Settings::default()).await.expect("an engine")
    }

    /// A new run begins.
    pub(super) async fn emit(engine: &Engine) {
        let by = Actor::agent("research");
        engine.by(by).emit(contract()).await.expect("a valid contract");
    }

    /// A new run begins with a confidential handoff: its memory and its title are not to be shown, nor whom it pays.
    pub(super) async fn emit_confidential(engine: &Engine) -> HandoffId {
        let mut secret = contract();
        secret["brief"]["title"] = json!("Pay Hansen");
        secret["brief"]["owner"] = json!({"kind": "human", "id": "hansen.owner"});
        secret["provenance"]["confidence"] = json!(0.1234);
        secret["ext"] = json!({"handoff.proposed_action": {"name": "pay", "args": {"to": "Hansen"}}});
        secret["classification"] = json!({
            "level": "confidential",
            "fields": {
                "/brief/title": "pii", "/brief/owner/id": "pii", "/provenance/confidence": "restricted",
                "/ext/handoff.proposed_action/args": "pii",
            },
        });
        let emitted = engine.by(Actor::agent("research")).emit(secret).await.expect("a valid contract");
        emitted.handoff.id
    }

    /// What is said of a confidential contract that is refused.
    pub(super) async fn refuse_confidential(engine: &Engine) -> String {
        let mut secret = contract();
        secret["brief"]["owner"] = json!({"kind": "123-45-6789", "id": "x"});
        secret["classification"] = json!({"level": "confidential", "fields": {"/brief/owner": "pii"}});
        let by = Actor::agent("research");
        let why = engine.by(by).emit(secret).await.expect_err("it is refused");
        format!("{why:?}")
    }

    /// The least a producer has to send.
    fn contract() -> Value {
        json!({
            "pipeline": {"name": "news", "version": "1.0.0", "stage": "draft", "output": "article"},
            "target": {"kind": "agent", "id": "writer"},
            "brief": {
                "title": HOSTILE, "goal": "Publish one article",
                "current_state": "Research is done", "next_step": "Write it",
                "definition_of_done": [{"item": "It is written", "met": false}],
                "owner": {"kind": "agent", "id": "writer"},
            },
            "working_memory": {"summary": {"decision": "Go", "inputs_used": [], "open_questions": [], "text": "Tides."}},
            "provenance": {"agent": {"name": "research", "version": "1"}, "model": null, "prompt": null,
                "tool_calls": [], "confidence": 0.9},
            "failure_modes": {"retryable": ["timeout"], "escalate": ["policy"], "default": "retry"},
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orchestrator_in_this_process() {
    let engine = orchestrator::engine().await;
    let source = std::sync::Arc::new(seamwatch::testing::source::embedded::Embedded::new(engine.clone()));
    upholds_the_contract(Subject {
        source,
        happen: Box::new(move || {
            let engine = engine.clone();
            async move { orchestrator::emit(&engine).await }.boxed()
        }),
        _behind: Box::new(()),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_confidential_leaves_no_source_unmasked_and_outlives_an_edit_of_what_was_shown() {
    use seamwatch::testing::orchestrator::api::Access;
    let engine = orchestrator::engine().await;
    let (url, _server) = served(&engine, Access::Open).await;
    let embedded: Shared = std::sync::Arc::new(seamwatch::testing::source::embedded::Embedded::new(engine.clone()));
    for source in [embedded, http(url, None)] {
        let id = orchestrator::emit_confidential(&engine).await;
        let mut watch = source.watch(None);
        let run = snapshot(&mut watch).await.runs.pop().expect("the run").run().clone();
        let it = run.handoffs.get(&id).unwrap();
        let told = serde_json::to_string(&run).expect("JSON");
        assert!(
            !told.contains("ansen") && !told.contains("0.1234"),
            "lists and logs tell no more than the page: {told}"
        );

        let Ok(Found::Body(body)) = source.fetch(Want::Body(id.clone())).await else {
            panic!("the contract can be fetched");
        };
        let (value, digest) = (body.value, body.digest);
        let shown = value.value().to_string();
        assert!(!shown.contains("Hansen") && !shown.contains("Tides."), "{shown}");

        let on = vec![Target { run: run.id.clone(), handoff: id.clone(), seen: it.version.into() }];
        let ask = Act::Escalate { force: false, role: String::new() };
        source.perform(request(ask, on, "dana", &format!("ask {id}"))).await.expect("asked");
        let mut edited = value.into_value();
        edited["brief"]["next_step"] = "Check it first".into();
        let act = Act::Resolve { answer: Answer::EditApprove, context_digest: digest, value: Some(edited) };
        let on = vec![Target { run: run.id.clone(), handoff: id.clone(), seen: (it.version + 1).into() }];
        let done = source.perform(request(act, on, "kim", &format!("edit {id}"))).await.expect("an outcome");
        assert_eq!(done.items, [(Some(id.clone()), Ok(()))]);
        let (stored, _) = engine.contract(&id).await.expect("the stored contract");
        assert_eq!(stored["brief"]["next_step"], "Check it first");
        assert_eq!(stored["brief"]["title"], "Pay Hansen");
        assert_eq!(stored["working_memory"]["summary"]["text"], "Tides.");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_back_keeps_the_title_that_is_hidden() {
    let engine = orchestrator::engine().await;
    let source: Shared = std::sync::Arc::new(seamwatch::testing::source::embedded::Embedded::new(engine.clone()));
    let id = orchestrator::emit_confidential(&engine).await;
    let (run, it) = engine.find(&id).await.expect("the handoff");
    let on = |version: u64| vec![Target { run: run.clone(), handoff: id.clone(), seen: version.into() }];
    let ask = Act::Escalate { force: false, role: String::new() };
    source.perform(request(ask, on(it.version), "dana", "ask")).await.expect("asked");
    let act = Act::Resolve { answer: Answer::Reject, context_digest: String::new(), value: None };
    source.perform(request(act, on(it.version + 1), "kim", "no")).await.expect("an outcome");
    let whole = engine.run(&run).await.expect("the run");
    let revision = whole.handoffs.last().expect("the revision");
    let (stored, _) = engine.contract(&revision.id).await.expect("its contract");
    assert_eq!(stored["brief"]["title"], "Revise: Pay Hansen");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_refusal_quotes_is_masked_like_the_contract() {
    let engine = orchestrator::engine().await;
    let wrong = orchestrator::refuse_confidential(&engine).await;
    assert!(!wrong.contains("123-45-6789") && wrong.contains("masked"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_is_one_act_on_one_edge() {
    let engine = orchestrator::engine().await;
    let source: Shared = std::sync::Arc::new(seamwatch::testing::source::embedded::Embedded::new(engine.clone()));
    let edge = |to: &str| Edge::new("news", "research", to);
    let pause = async |to| {
        let request = request(Act::PauseEdge(edge(to)), Vec::new(), "dana", "one key");
        source.perform(request).await.expect("an outcome").items.remove(0).1
    };
    assert_eq!((pause("writer").await, pause("writer").await), (Ok(()), Ok(())), "repeating is a no-op");
    assert!(pause("editor").await.is_err(), "another edge under the same key is another request");
}

#[tokio::test(flavor = "multi_thread")]
async fn seam_show_prints_nothing_confidential() {
    use seamwatch::testing::orchestrator::api::Access;
    let engine = orchestrator::engine().await;
    let (url, _server) = served(&engine, Access::Open).await;
    let id = orchestrator::emit_confidential(&engine).await;
    for output in ["text", "json"] {
        let mut seam = tokio::process::Command::new(env!("CARGO_BIN_EXE_seam"));
        let shown =
            seam.args(["show", id.as_str(), "-c", url.as_str(), "-o", output]).output().await.expect("seam runs");
        let text = String::from_utf8_lossy(&shown.stdout);
        assert!(shown.status.success() && text.contains(id.as_str()), "{shown:?}");
        assert!(!text.contains("Hansen") && !text.contains("Tides."), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn seam_annotate_says_what_somebody_makes_of_a_handoff_and_of_a_run() {
    use seamwatch::testing::domain::id::Actor;
    use seamwatch::testing::orchestrator::api::Access;
    let engine = orchestrator::engine().await;
    let (url, _server) = served(&engine, Access::Open).await;
    let id = orchestrator::emit_confidential(&engine).await;
    let (run, _) = engine.find(&id).await.expect("its run");
    let whole = engine.run(&run).await.expect("the run");
    engine.by(Actor::user("dana")).cancel(&run, whole.version, "over").await.expect("it ends");
    let seam = async |args: &[&str]| {
        let mut seam = tokio::process::Command::new(env!("CARGO_BIN_EXE_seam"));
        let out = seam.args(args).args(["-c", url.as_str()]).output().await.expect("seam runs");
        assert!(out.status.success(), "{out:?}");
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    let yes = ["--yes", "--as", "dana"];
    let said = ["annotate", id.as_str(), "--verdict", "root cause: writer", "--reason", "step 7"];
    assert!(seam(&[&said[..], &yes].concat()).await.contains("annotated"), "also when it ended");
    seam(&[&["annotate", run.as_str(), "--run", "--verdict", "a freak"][..], &yes].concat()).await;
    for shown in [id.as_str(), run.as_str()] {
        let page = seam(&["show", shown]).await;
        assert!(page.contains("root cause: writer: step 7") && page.contains("user:dana"), "{page}");
    }
    let exported = seam(&["export", "-"]).await;
    assert_eq!(exported.matches("run.annotated").count(), 2, "{exported}");
    let file = tempfile::Builder::new().suffix(".ndjson").tempfile().expect("a file");
    std::fs::write(file.path(), &exported).expect("written");
    let mut seam = tokio::process::Command::new(env!("CARGO_BIN_EXE_seam"));
    let again = seam.args(["show", run.as_str(), "-o", "json", "-c"]).arg(format!("file:{}", file.path().display()));
    let again = again.output().await.expect("seam runs");
    assert!(String::from_utf8_lossy(&again.stdout).contains("a freak"), "{again:?}");
}

/// A real server on a free port, for as long as the guard lives.
async fn served(
    engine: &seamwatch::testing::orchestrator::engine::Engine,
    access: seamwatch::testing::orchestrator::api::Access,
) -> (reqwest::Url, tokio_util::sync::DropGuard) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    let stop = tokio_util::sync::CancellationToken::new();
    let serving = seamwatch::testing::orchestrator::api::serve(engine.clone(), listener, access, stop.clone());
    tokio::spawn(serving);
    let url = format!("http://{address}").parse().expect("a URL");
    (url, stop.drop_guard())
}

fn http(url: reqwest::Url, token: Option<&str>) -> Shared {
    std::sync::Arc::new(seamwatch::testing::source::http::Http::new(url, token).expect("a client"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orchestrator_behind_http() {
    use seamwatch::testing::orchestrator::api::Access;
    let engine = orchestrator::engine().await;
    let (url, server) = served(&engine, Access::Open).await;
    upholds_the_contract(Subject {
        source: http(url, None),
        happen: Box::new(move || {
            let engine = engine.clone();
            async move { orchestrator::emit(&engine).await }.boxed()
        }),
        _behind: Box::new(server),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_told_what_it_allows() {
    use seamwatch::testing::domain::port::Scope;
    use seamwatch::testing::orchestrator::api::{Access, auth::new_token};
    let engine = orchestrator::engine().await;
    let (secret, file) = new_token("dana", &[Scope::Viewer], &[]);
    let access = Access::read(&file).expect("a token file");
    let (url, _server) = served(&engine, access).await;
    for wrong in [None, Some("hft_wrong")] {
        let mut watch = http(url.clone(), wrong).watch(None);
        let fault = next(&mut watch).await.expect("an answer").expect_err("no entry");
        assert!(matches!(&fault, Fault::Denied(why) if why.contains("SEAM_TOKEN")), "{fault:?}");
    }
    let source = http(url, Some(&secret));
    let mut watch = source.watch(None);
    snapshot(&mut watch).await;
    let offers = source.capabilities();
    let denied = |act: &ActKind| offers.may(*act).is_err_and(|why| why.contains("your token"));
    assert!(ActKind::ALL.iter().all(denied), "{offers:?}");
    let why = offers.may(ActKind::Approve).expect_err("a viewer approves nothing");
    assert!(why.ends_with("it needs the scope approver"), "each act has its own reason: {why}");
    assert_eq!(offers.you.as_deref(), Some("dana"), "the token says who acts");
    let nobody =
        Target { run: RunId::from("4bf92f3577b34da6a3ce929d0e0e4736"), handoff: HandoffId::from("h"), seen: 1.into() };
    let done = source.perform(request(Act::Requeue, vec![nobody], "dana", "k")).await;
    let items = done.expect("a result per item").items;
    assert!(matches!(&items[..], [(Some(_), Err(Fault::Denied(_)))]), "{items:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_ends_when_the_server_does_and_the_supervisor_finds_the_next_one() {
    use seamwatch::testing::domain::port::Report;
    use seamwatch::testing::orchestrator::api::Access;
    let engine = orchestrator::engine().await;
    orchestrator::emit(&engine).await;
    let (url, server) = served(&engine, Access::Open).await;
    let mut supervised = seamwatch::testing::source::supervise(http(url.clone(), None));
    let mut wait_for = async |what: fn(&Report) -> bool| {
        let found = async {
            loop {
                let report = supervised.next().await.expect("the supervisor lives");
                if what(&report) {
                    return report;
                }
            }
        };
        tokio::time::timeout(DEADLINE, found).await.expect("in time")
    };
    wait_for(|it| matches!(it, Report::Batch(Batch::Alive { .. }))).await;
    drop(server);
    let down = wait_for(|it| matches!(it, Report::Down { .. })).await;
    assert!(matches!(down, Report::Down { fault: Fault::Transient(_), .. }), "{down:?}");
    // Another server at the same address, on the same store: as after a restart.
    let port = url.port().expect("a port");
    let bound = || async { tokio::net::TcpListener::bind(("127.0.0.1", port)).await.ok() };
    let listener = eventually("the port is free again", bound).await;
    let stop = tokio_util::sync::CancellationToken::new();
    let _guard = stop.clone().drop_guard();
    let serving = seamwatch::testing::orchestrator::api::serve(engine.clone(), listener, Access::Open, stop);
    tokio::spawn(serving);
    orchestrator::emit(&engine).await;
    // Either the second one alone, after the cursor, or both in a new snapshot.
    wait_for(|it| match it {
        Report::Batch(Batch::Events { events, .. }) => emitted(events).len() == 1,
        Report::Batch(Batch::Begin(Begin::Fresh(snapshot))) => emitted(&snapshot.recent).len() == 2,
        _ => false,
    })
    .await;
}
