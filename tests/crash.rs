//! The server is killed under load, again and again: what was acknowledged is there, nothing is done twice, and
//! a console finds its way back by itself. `SEAM_KILLS=20` kills more often than the five times of every run.

#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot go on has failed

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::{Client, StatusCode};
use seamwatch::testing::domain::event::Fact;
use seamwatch::testing::domain::id::{HandoffId, RunId};
use seamwatch::testing::domain::ledger::Ledger;
use seamwatch::testing::domain::port::{Batch, Begin, Cursor, Report};
use seamwatch::testing::source::{self, Address, Options, Shared, supervise};
use seamwatch::testing::store::{Lock, Sqlite, Store};
use serde_json::{Value, json};

#[path = "support/wait.rs"]
mod wait;
use wait::eventually;

/// Work under way beyond which producers wait, so that the test looks at thousands of handoffs, not millions.
const BACKLOG: usize = 16;
/// Handoffs completed between two kills, at least.
const BETWEEN: usize = 40;

/// The real program on a file and a port that outlive it.
struct Server {
    store: PathBuf,
    address: SocketAddr,
    /// And what it says, kept so that it can go on saying it.
    child: Option<(Child, BufReader<ChildStderr>)>,
}

impl Server {
    fn new(directory: &Path) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut server = Self { store: directory.join("seam.db"), address: free.local_addr().unwrap(), child: None };
        drop(free);
        server.start();
        server
    }

    fn start(&mut self) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_seam"))
            .args(["serve", "--listen", &self.address.to_string(), "--store"])
            .arg(format!("sqlite:{}", self.store.display()))
            .env_remove("SEAM_LOG")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        self.child = Some((child, said));
        assert!(line.contains("listening on"), "{line}");
    }

    /// `kill -9`: it has no say in it.
    fn kill(&mut self) {
        if let Some((mut child, _)) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What the agents were told, and so may rely on.
#[derive(Default)]
struct Promised {
    emitted: HashSet<String>,
    completed: HashSet<String>,
    /// Handed to a person, or to somebody who does not work: stays open.
    open: HashSet<String>,
}

/// What the agents share.
struct World {
    client: Client,
    base: String,
    promised: Mutex<Promised>,
    enough: AtomicBool,
    stop: AtomicBool,
}

impl World {
    /// Says the same until somebody answers: a lost answer is no reason to do less, or more.
    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let answer = || async {
            let request = self.client.post(format!("{}{path}", self.base)).json(body);
            let response = request.send().await.ok()?;
            let status = response.status();
            let answer = if status == StatusCode::NO_CONTENT { Value::Null } else { response.json().await.ok()? };
            Some((status, answer))
        };
        eventually(path, answer).await
    }

    async fn get(&self, path: &str) -> Value {
        let request = self.client.get(format!("{}{path}", self.base));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    fn under_way(&self) -> usize {
        let it = self.promised.lock().unwrap();
        it.emitted.len().saturating_sub(it.completed.len() + it.open.len())
    }

    fn completed(&self) -> usize {
        self.promised.lock().unwrap().completed.len()
    }
}

fn contract(from: &str, to: &str, title: &str) -> Value {
    json!({
        "source": {"kind": "agent", "id": from},
        "target": {"kind": "agent", "id": to},
        "pipeline": {"name": "crash", "version": "1.0.0", "stage": "draft", "output": "article"},
        "brief": {
            "title": title, "goal": "Survive", "current_state": "Begun", "next_step": "Write it",
            "owner": {"kind": "agent", "id": to},
            "definition_of_done": [{"item": "Written", "met": false}],
        },
        "working_memory": {"summary": {"decision": "Go on", "inputs_used": [], "open_questions": [], "text": "…"}},
        "provenance": {"model": null, "prompt": null, "tool_calls": [], "confidence": null},
        "failure_modes": {"retryable": ["timeout"], "escalate": ["policy"], "default": "retry", "max_attempts": 50},
        // Work whose claim was answered into a dead connection comes back soon.
        "delivery": {"ack_timeout_s": 1},
    })
}

fn id(of: &Value) -> String {
    of["handoff_id"].as_str().unwrap().to_owned()
}

async fn produces(world: Arc<World>) {
    let mut count = 0_u32;
    while !world.enough.load(Ordering::Relaxed) {
        until("the workers keep up", || world.under_way() < BACKLOG || world.enough.load(Ordering::Relaxed)).await;
        count += 1;
        let (to, title) = match count % 20 {
            0 => ("archivist", "Nobody comes for this"),
            10 => ("writer", "Poisoned"),
            _ => ("writer", "An article"),
        };
        // The position is said, so the key is the same when it has to be said again.
        let mut body = contract("planner", to, title);
        body["trace_id"] = uuid::Uuid::now_v7().simple().to_string().into();
        body["step"] = 0.into();
        let (status, answer) = world.post("/handoffs", &body).await;
        assert!(status.is_success(), "{status} {answer}");
        let mut promised = world.promised.lock().unwrap();
        promised.emitted.insert(id(&answer));
        if to == "archivist" {
            promised.open.insert(id(&answer));
        }
    }
}

async fn works(world: Arc<World>, agent: &'static str) {
    let wish = json!({"agent": agent, "wait_s": 1, "lease_s": 5});
    while !world.stop.load(Ordering::Relaxed) {
        let (status, work) = world.post("/handoffs/claim", &wish).await;
        if status == StatusCode::NO_CONTENT {
            continue;
        }
        assert_eq!(status, StatusCode::OK, "{work}");
        let handoff = id(&work);
        let place = format!("/handoffs/{handoff}");
        let lease = json!({"lease_id": work["lease_id"]});
        let (status, _) = world.post(&format!("{place}/ack"), &lease).await;
        if !status.is_success() {
            assert_eq!(status, StatusCode::CONFLICT, "only a lost lease ends work early");
            continue;
        }
        let poison = work["contract"]["brief"]["title"] == "Poisoned";
        let mut end = lease;
        if poison {
            end["code"] = "policy".into();
        } else if agent == "writer" {
            end["next"] = json!([contract("writer", "reviewer", "Review the article")]);
        }
        let call = if poison { "fail" } else { "complete" };
        let (status, done) = world.post(&format!("{place}/{call}"), &end).await;
        if !status.is_success() {
            assert_eq!(status, StatusCode::CONFLICT, "{done}");
            continue;
        }
        let mut promised = world.promised.lock().unwrap();
        if poison {
            promised.open.insert(handoff);
        } else {
            let first = promised.completed.insert(handoff.clone());
            assert!(first, "{handoff} was completed for two agents");
            let next = done["next"].as_array().unwrap();
            promised.emitted.extend(next.iter().map(id));
        }
    }
}

/// A console without a screen: everything it hears, folded.
struct Watcher {
    ledger: Ledger,
    cursor: Cursor,
    live: bool,
    lost: usize,
}

async fn watches(source: Shared, watcher: Arc<Mutex<Watcher>>) {
    let mut reports = supervise(source);
    while let Some(report) = reports.next().await {
        let mut it = watcher.lock().unwrap();
        match report {
            Report::Down { .. } => {
                it.lost += usize::from(it.live);
                it.live = false;
            }
            Report::Batch(batch) => {
                it.live = true;
                match batch {
                    Batch::Begin(Begin::Fresh(snapshot)) => {
                        it.cursor = snapshot.cursor.clone();
                        it.ledger.restore(*snapshot);
                    }
                    Batch::Events { events, cursor, .. } => {
                        for event in &events {
                            it.ledger.apply(event);
                        }
                        it.cursor = cursor;
                    }
                    Batch::Begin(Begin::Resumed)
                    | Batch::Alive { .. }
                    | Batch::Replay(_)
                    | Batch::Skipped(_)
                    | Batch::Capabilities(_) => {}
                }
            }
            Report::Connecting | Report::Capabilities(_) => {}
        }
    }
}

async fn until(what: &str, met: impl Fn() -> bool) {
    eventually(what, || async { met().then_some(()) }).await;
}

/// Everything that was promised before the list was asked for is in it.
async fn keeps_its_promises(world: &World) {
    let (emitted, completed) = {
        let it = world.promised.lock().unwrap();
        (it.emitted.clone(), it.completed.clone())
    };
    let mut states = HashMap::new();
    let mut path = "/handoffs?limit=200".to_owned();
    loop {
        let page = world.get(&path).await;
        for it in page["items"].as_array().unwrap() {
            let state = it["state"].as_str().unwrap().to_owned();
            states.insert(it["id"].as_str().unwrap().to_owned(), state);
        }
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/handoffs?limit=200&cursor={next}");
    }
    for it in &emitted {
        assert!(states.contains_key(it), "{it} was acknowledged and is lost");
    }
    for it in &completed {
        assert_eq!(states[it], "completed", "{it} was completed and is not");
    }
}

/// The log itself: each handoff emitted once and completed at most once, each run what its events say.
async fn the_log_is_sound(store: &dyn Store, promised: &Promised) -> (usize, u64) {
    let (mut emitted, mut completed) = (HashMap::new(), HashMap::new());
    let mut runs: HashSet<RunId> = HashSet::new();
    let mut after = 0;
    loop {
        let page = store.tail(after, 1_000).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        after = *last;
        for (_, event) in page {
            let event = event.unwrap();
            let of = |it: &Option<HandoffId>| it.as_ref().unwrap().to_string();
            match event.fact {
                Fact::Emitted(_) => *emitted.entry(of(&event.handoff)).or_insert(0) += 1,
                Fact::Completed { .. } => *completed.entry(of(&event.handoff)).or_insert(0) += 1,
                _ => {}
            }
            runs.insert(event.run);
        }
    }
    assert!(emitted.values().chain(completed.values()).all(|it| *it == 1), "each once");
    assert!(promised.emitted.iter().all(|it| emitted.contains_key(it)));
    assert!(promised.completed.iter().all(|it| completed.contains_key(it)));
    let mut events = 0;
    for run in &runs {
        events += store.verify(run).await.unwrap();
    }
    (runs.len(), events)
}

/// What a ledger knows of open work and of its edges.
fn known(ledger: &Ledger, runs: &[RunId]) -> Value {
    let runs: Vec<_> = runs.iter().map(|it| ledger.run(it)).collect();
    let mut edges: Vec<_> = ledger
        .edges()
        .map(|it| {
            let hour = it.windows.total(seamwatch::testing::domain::health::Window::OneHour);
            let counts: Vec<_> = hour.counts.iter().map(|(kind, n)| format!("{kind:?} {n}")).collect();
            json!([it.edge.to_string(), counts, it.open, it.dead, it.escalated])
        })
        .collect();
    edges.sort_by_key(ToString::to_string);
    json!([runs, edges])
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_under_load_it_loses_nothing_and_does_nothing_twice() {
    let kills = std::env::var("SEAM_KILLS").map_or(5, |it| it.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::new(directory.path());
    let url = format!("http://{}", server.address);
    let options = Options::default();
    let source = source::open(&Address::parse(&url).unwrap(), &options).await.unwrap();
    let watcher =
        Arc::new(Mutex::new(Watcher { ledger: Ledger::new(0), cursor: Cursor::default(), live: false, lost: 0 }));
    let watching = tokio::spawn(watches(source.clone(), watcher.clone()));
    let live = || watcher.lock().unwrap().live;

    let world = Arc::new(World {
        client: Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap(),
        base: format!("{url}/api/v1"),
        promised: Mutex::default(),
        enough: AtomicBool::new(false),
        stop: AtomicBool::new(false),
    });
    let mut producers = Vec::new();
    let mut workers = Vec::new();
    for _ in 0..3 {
        producers.push(tokio::spawn(produces(world.clone())));
        workers.push(tokio::spawn(works(world.clone(), "writer")));
    }
    for _ in 0..2 {
        workers.push(tokio::spawn(works(world.clone(), "reviewer")));
    }

    for kill in 1..=kills {
        let goal = world.completed() + BETWEEN + fastrand::usize(..BETWEEN);
        until("the agents go on", || world.completed() >= goal).await;
        until("the console is live", live).await;
        server.kill();
        until("the console notices", || !live()).await;
        server.start();
        keeps_its_promises(&world).await;
        until("the console is back", live).await;
        assert_eq!(watcher.lock().unwrap().lost, kill);
    }

    world.enough.store(true, Ordering::Relaxed);
    for it in producers {
        it.await.unwrap();
    }
    let ended = || async {
        let busy = world.get("/handoffs?limit=1&state=leased,acknowledged,retry_wait").await;
        let waiting = world.get("/handoffs?state=pending&limit=200&edge=planner%3Ewriter").await;
        let review = world.get("/handoffs?state=pending&limit=200&edge=writer%3Ereviewer").await;
        let none = |page: &Value| page["items"].as_array().unwrap().is_empty();
        (none(&busy) && none(&waiting) && none(&review)).then_some(())
    };
    eventually("the work ends", ended).await;
    world.stop.store(true, Ordering::Relaxed);
    for it in workers {
        it.await.unwrap();
    }
    keeps_its_promises(&world).await;

    let Some(Ok(Batch::Begin(Begin::Fresh(fresh)))) = source.watch(None).next().await else {
        panic!("a watch begins with a snapshot");
    };
    let cursor = fresh.cursor.position();
    until("the console has heard everything", || watcher.lock().unwrap().cursor.position() >= cursor).await;
    watching.abort();
    let runs: Vec<RunId> = fresh.runs.iter().map(|it| it.id().clone()).collect();
    assert!(!runs.is_empty(), "something is left open to compare");
    let (at, mut again) = (fresh.at, Ledger::new(0));
    again.restore(*fresh);
    {
        let mut watcher = watcher.lock().unwrap();
        watcher.ledger.advance(at);
        assert_eq!(known(&watcher.ledger, &runs), known(&again, &runs));
    }

    server.kill();
    let store = Lock::take(&server.store).and_then(Sqlite::alone).expect("a killed server leaves no lock behind");
    let promised = std::mem::take(&mut *world.promised.lock().unwrap());
    let (emitted, completed) = (promised.emitted.len(), promised.completed.len());
    let (runs, events) = the_log_is_sound(&store, &promised).await;
    println!("{kills} kills: {emitted} emitted, {completed} completed, {runs} runs, {events} events");
}
