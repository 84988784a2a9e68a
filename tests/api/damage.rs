//! Records that cannot be read: each is named, and stops nothing but what is asked of itself.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use reqwest::{Method, StatusCode};
use rusqlite::types::Value as Kept;
use rusqlite::{Connection, Params};
use seamwatch::testing::orchestrator::api::Access;
use seamwatch::testing::orchestrator::engine::{Engine, Settings};
use seamwatch::testing::store::{Lock, Sqlite, audit, backup};
use serde_json::{Value, json};

use super::events::listen;
use super::server::{Server, contract, problem, text};
use super::wait::eventually;

async fn served(path: &Path) -> Server {
    let store = Sqlite::alone(Lock::take(path).unwrap()).unwrap();
    let engine = Engine::open(Arc::new(store), Settings::default()).await.expect("it starts");
    Server::of(engine, Access::Open).await
}

/// Ends a server and gives its store back.
async fn ended(mut server: Server, path: &Path) {
    server.stop.cancel();
    (&mut server.running).await.unwrap().unwrap();
    drop(server);
    eventually("the store is given back", async || Lock::take(path).ok()).await;
}

/// Changes one record in a store that is closed.
fn damage(path: &Path, sql: &str, params: impl Params) {
    assert_eq!(Connection::open(path).unwrap().execute(sql, params).unwrap(), 1, "{sql}");
}

/// Makes the handoffs of a run unreadable.
const HANDOFF: &str = "UPDATE handoffs SET body = replace(body, '\"initial\"', '\"initia,\"') WHERE run = ?1";

async fn status(server: &Server, path: &str) -> StatusCode {
    server.ask(Method::GET, path).send().await.unwrap().status()
}

async fn health(server: &Server) -> Value {
    let answer = server.ask(Method::GET, "/healthz").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    answer.json().await.unwrap()
}

/// The tables of the records that health names.
fn named(health: &Value) -> Vec<&str> {
    health["unreadable"]["first"].as_array().unwrap().iter().map(|it| text(&it["table"])).collect()
}

#[tokio::test]
async fn one_record_of_each_kind_stops_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seam.db");
    let server = served(&path).await;
    let mut emitted = Vec::new();
    for _ in 0..6 {
        emitted.push(server.emit(&contract("research", "writer")).await);
    }
    server.emit(&contract("research", "editor")).await;
    let paused = server.post("/edges/launch%3Eresearch%3Eeditor/pause", &json!({"reason": "hold"})).await;
    assert_eq!(paused.status(), StatusCode::OK);
    let schema = json!({"type": "object", "properties": {"name": {"type": "string"}}, "additionalProperties": false});
    let put = server.ask(Method::PUT, "/api/v1/contracts/person/1.0.0").json(&schema).send().await.unwrap();
    assert!(put.status().is_success());
    assert_eq!(health(&server).await["status"], "ok");
    let (_, digest) = server.engine.contract(&text(&emitted[2]["handoff_id"]).into()).await.unwrap();
    ended(server, &path).await;

    let trace = |nth: usize| text(&emitted[nth]["trace_id"]);
    damage(&path, "UPDATE runs SET body = substr(body, 2) WHERE id = ?1", [trace(0)]);
    damage(&path, HANDOFF, [trace(5)]);
    damage(&path, "UPDATE events SET body = CAST(x'ff00' AS TEXT) WHERE run = ?1", [trace(1)]);
    damage(&path, "DELETE FROM blobs WHERE digest = ?1", [&digest]);
    damage(&path, "UPDATE runs SET body = '{}' WHERE id = 'control'", []);
    damage(&path, "UPDATE rollups SET body = '[' || body WHERE rowid = 1", []);
    damage(&path, "UPDATE schemas SET body = substr(body, 2)", []);

    let server = served(&path).await;
    // Nothing is handed out that could not be, and no attempt is spent on it; all behind it is.
    let mut claimed = Vec::new();
    for _ in 0..3 {
        claimed.push(server.claim("writer").await["trace_id"].clone());
    }
    let others: Vec<&Value> = [1, 3, 4].iter().map(|nth| &emitted[*nth]["trace_id"]).collect();
    assert_eq!(claimed.iter().collect::<Vec<_>>(), others);
    let nothing = server.post("/handoffs/claim", &json!({"agent": "writer"})).await;
    assert_eq!(nothing.status(), StatusCode::NO_CONTENT);
    let missing = server.get(&format!("/handoffs/{}", text(&emitted[2]["handoff_id"]))).await;
    assert!(missing["state"] == "pending" && missing["attempt"].is_null(), "{missing}");
    // What was paused is paused.
    let held = server.post("/handoffs/claim", &json!({"agent": "editor"})).await;
    assert_eq!(held.status(), StatusCode::NO_CONTENT);

    for path in ["/api/v1/snapshot", "/api/v1/edges", "/api/v1/runs?all=true", "/api/v1/rejections", "/metrics"] {
        assert_eq!(status(&server, path).await, StatusCode::OK, "{path}");
    }
    let listed = server.get("/handoffs").await;
    let traces: Vec<&Value> = listed["items"].as_array().unwrap().iter().map(|it| &it["trace_id"]).collect();
    assert!(traces.len() == 6 && !traces.contains(&&emitted[5]["trace_id"]), "{traces:?}");
    let log = server.get("/events?after=0&limit=200").await;
    assert_eq!(log["unreadable"].as_array().unwrap().len(), 1, "{log}");
    assert_eq!(log["unreadable"][0]["table"], "events");
    assert!(log["events"].as_array().unwrap().iter().any(|it| it["type"] == "edge.paused.v1"), "{log}");

    // Whoever asks for the record itself is told which it is.
    let told = async |path: &str| {
        let told = problem(server.ask(Method::GET, path).send().await.unwrap(), 500, "record-unreadable").await;
        text(&told["detail"]).to_owned()
    };
    let id = text(&emitted[0]["handoff_id"]);
    for path in [format!("/api/v1/handoffs/{id}"), format!("/api/v1/runs/{}", trace(0))] {
        let run = told(&path).await;
        assert!(run.contains(&format!("runs {}: its JSON", trace(0))), "{run}");
    }
    let id = text(&emitted[5]["handoff_id"]);
    for path in [format!("/api/v1/handoffs/{id}"), format!("/api/v1/runs/{}", trace(5))] {
        let handoff = told(&path).await;
        assert!(handoff.contains(&format!("handoffs {id}: its JSON")), "{handoff}");
    }
    for nth in [0, 5] {
        let path = format!("/handoffs/{}/dismiss", text(&emitted[nth]["handoff_id"]));
        let act = server.act(&path, "dana", "\"v1\"").json(&json!({"reason": "obsolete"}));
        problem(act.send().await.unwrap(), 500, "record-unreadable").await;
    }

    let degraded = health(&server).await;
    assert_eq!(degraded["status"], "degraded", "{degraded}");
    assert_eq!(degraded["unreadable"]["count"], 7, "{degraded}");
    assert_eq!(named(&degraded), ["blobs", "events", "handoffs", "rollups", "runs"]);
    let skipped = &server.get("/snapshot").await["skipped"];
    assert_eq!(skipped.as_array().unwrap().len(), 6, "{skipped}");
    let stream = server.ask(Method::GET, "/api/v1/events?after=0").header("accept", "text/event-stream");
    let heard = listen(stream.send().await.unwrap(), |it| it.iter().any(|it| it.1 == "stream.skipped")).await;
    assert!(heard.len() > 5, "the events beside it came first: {heard:?}");

    // What could not be read can be registered again.
    let put = server.ask(Method::PUT, "/api/v1/contracts/person/1.0.0").json(&schema).send().await.unwrap();
    assert!(put.status().is_success(), "{put:?}");
    assert_eq!(server.get("/contracts/person/1.0.0").await, schema);
}

#[tokio::test]
async fn timers_go_on_behind_a_record_that_is_due() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seam.db");
    let server = served(&path).await;
    let soon = |millis: i64| {
        let mut contract = contract("research", "writer");
        contract["delivery"] = json!({"deadline": server.engine.now() + millis});
        contract
    };
    let first = server.emit(&soon(500)).await;
    let second = server.emit(&soon(600)).await;
    let third = server.emit(&soon(2_000)).await;
    ended(server, &path).await;
    damage(&path, "UPDATE runs SET body = substr(body, 2) WHERE id = ?1", [text(&first["trace_id"])]);
    damage(&path, HANDOFF, [text(&second["trace_id"])]);
    let server = served(&path).await;
    let path = format!("/handoffs/{}", text(&third["handoff_id"]));
    let dead = async || (server.get(&path).await["state"] == "dead_lettered").then_some(());
    eventually("the third deadline passes", dead).await;
    assert_eq!(named(&health(&server).await), ["handoffs", "runs"]);
}

/// A store in which everything has happened once.
async fn lived(path: &Path) {
    let server = served(path).await;
    server.dead_letter().await;
    let mut versioned = contract("editor", "translator");
    versioned["working_memory"]["payload"] = json!({"schema": "free", "version": "1.0.0", "fields": {}});
    server.emit(&versioned).await;
    for _ in 0..3 {
        server.emit(&contract("research", "writer")).await;
    }
    let work = server.claim("writer").await;
    let next = json!([contract("writer", "editor")]);
    assert_eq!(server.settle(&work, "complete", json!({"result": {"done": true}, "next": next})).await.status(), 200);
    let work = server.claim("writer").await;
    assert_eq!(server.settle(&work, "ack", json!({})).await.status(), 200);
    assert_eq!(server.post("/handoffs", &json!({"target": {"kind": "agent", "id": "writer"}})).await.status(), 422);
    let paused = server.post("/edges/launch%3Eresearch%3Eeditor/pause", &json!({"reason": "hold"})).await;
    assert_eq!(paused.status(), StatusCode::OK);
    // Looked at and copied while it is being served.
    assert_eq!(audit(path).unwrap().first, []);
    let copy = path.with_extension("copy");
    let copied = backup(path, &copy, false).unwrap();
    assert_eq!((copied.wrong, copied.events), (0, audit(path).unwrap().events));
    assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(backup(path, &copy, false).unwrap_err().to_string().contains("is there already"));
    assert!(backup(path, path, true).is_err(), "not over itself");
    ended(server, path).await;
    let again = served(&copy).await;
    assert_eq!(again.get("/handoffs").await["items"].as_array().unwrap().len(), 6);
    ended(again, &copy).await;
}

#[tokio::test]
async fn one_byte_that_changed_is_found_wherever_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seam.db");
    lived(&path).await;
    let whole = audit(&path).unwrap();
    assert!(whole.wrong == 0 && whole.events > 10 && whole.handoffs == 6 && whole.blobs > 0, "{whole:?}");
    assert_eq!(files(directory.path()), 4, "two stores and their locks: to look leaves nothing behind");
    let mut found = 0;
    for table in ["events", "runs", "handoffs", "blobs"] {
        let columns: Vec<String> = {
            let db = Connection::open(&path).unwrap();
            let mut statement = db.prepare(&format!("PRAGMA table_info({table})")).unwrap();
            statement.query_map([], |row| row.get(1)).unwrap().collect::<Result<_, _>>().unwrap()
        };
        // How often a run was written, and what kind of bytes they are, nothing else tells.
        for column in columns.iter().filter(|it| !["cursor", "revision", "media_type"].contains(&it.as_str())) {
            for share in [0.1, 0.4, 0.7] {
                let Some(before) = change(&path, table, column, share) else { continue };
                let damaged = audit(&path).unwrap();
                assert!(damaged.wrong > 0, "{table}.{column} at {share}: {before:?}");
                assert_ne!(damaged.first, []);
                let sql = format!("UPDATE {table} SET {column} = ?1 WHERE rowid = (SELECT max(rowid) FROM {table})");
                damage(&path, &sql, [before]);
                found += 1;
            }
        }
    }
    assert!(found > 70, "{found}");
    for (column, before, other) in [("version", "1.0.0", "1.0.1"), ("target", "translator", "translated")] {
        let sql = format!("UPDATE payloads SET {column} = ?1");
        damage(&path, &sql, [other]);
        let damaged = audit(&path).unwrap();
        assert_eq!((damaged.wrong, damaged.first[0].table), (1, "payloads"), "{damaged:?}");
        damage(&path, &sql, [before]);
    }
    assert_eq!(audit(&path).unwrap(), whole, "all of it was put back");
}

/// Changes one byte, at this share of its length, in a column of the last row; gives what it was, `None` for nothing.
fn change(path: &Path, table: &str, column: &str, share: f64) -> Option<Kept> {
    let db = Connection::open(path).unwrap();
    let row = format!("rowid = (SELECT max(rowid) FROM {table})");
    let before: Kept =
        db.query_row(&format!("SELECT {column} FROM {table} WHERE {row}"), [], |row| row.get(0)).unwrap();
    let mut after = before.clone();
    match &mut after {
        Kept::Null | Kept::Real(_) => return None,
        Kept::Integer(it) => *it ^= 1,
        Kept::Text(it) => {
            let at = (it.len() as f64 * share) as usize;
            let other = if it.as_bytes().get(at)? == &b'a' { "b" } else { "a" };
            it.replace_range(at..=at, other);
        }
        Kept::Blob(it) => {
            let at = (it.len() as f64 * share) as usize;
            *it.get_mut(at)? ^= 1;
        }
    }
    let changed = db.execute(&format!("UPDATE {table} SET {column} = ?1 WHERE {row}"), [after]);
    assert_eq!(changed.unwrap(), 1);
    Some(before)
}

fn files(directory: &Path) -> usize {
    std::fs::read_dir(directory).unwrap().count()
}
