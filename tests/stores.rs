//! Stores that earlier formats wrote open today: what they hold is what their own program told of them.
//!
//! `tests/stores/make.sh` makes one of each format, with the last program that wrote it. What is compared is what that
//! program said of a moment in its life, at which the clock of these tests stands still.
//!
//! A change of the tables (`src/store/sqlite/file.rs`) takes three things: a store made by the program before it, its
//! number in `FORMATS`, and the way from that format to the next. A change of what the rows say, such as another member
//! of an event, is held to the same files.

#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot go on has failed

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use flate2::read::GzDecoder;
use seamwatch::testing::domain::event::Fact;
use seamwatch::testing::domain::port::Snapshot;
use seamwatch::testing::domain::time::Time;
use seamwatch::testing::orchestrator::engine::{Engine, Settings};
use seamwatch::testing::store::{Lock, Sqlite, Store};
use serde_json::Value;

/// Digest of the table that `make.sh` puts into each of them.
const TABLE: &str = "sha256:88ad5cd7d4c84b1a4c42017f9fe7ffc9eedd9e4b8278418fd7909d6e25daf585";
/// The formats before the present one.
const FORMATS: [u32; 1] = [1];

fn unpacked(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores").join(name);
    let mut bytes = Vec::new();
    GzDecoder::new(File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

/// The store of a format, to be opened for the first time, and what its program told of it.
fn store_of(format: u32, place: &Path) -> (PathBuf, Value) {
    let path = place.join(format!("format-{format}.db"));
    fs::write(&path, unpacked(&format!("format-{format}.db.gz"))).unwrap();
    (path, serde_json::from_slice(&unpacked(&format!("format-{format}.json.gz"))).unwrap())
}

static NOW: AtomicI64 = AtomicI64::new(0);

#[tokio::test]
async fn a_store_of_yesterday_holds_the_same_runs_figures_switches_and_answers() {
    for format in FORMATS {
        let place = tempfile::tempdir().unwrap();
        let (path, told) = store_of(format, place.path());
        let before: Snapshot = serde_json::from_value(told["snapshot"].clone()).unwrap();
        assert!(before.runs.len() > 8 && before.rollups.len() > 1, "it holds something");
        let at = before.at;
        NOW.store(at.millis(), Ordering::Relaxed);
        let store = Arc::new(Lock::take(&path).and_then(Sqlite::alone).unwrap());
        let settings = Settings { now: || Time::from_millis(NOW.load(Ordering::Relaxed)), ..Settings::default() };
        let engine = Engine::open(store.clone(), settings).await.unwrap();

        let now = engine.snapshot().await.unwrap();
        assert_eq!(now.runs, before.runs);
        assert_eq!(now.rollups, before.rollups);
        assert_eq!(now.recent, before.recent);
        // That program told of refusals one by one; they are in groups now.
        let refused = told["snapshot"]["refused"].as_array().unwrap();
        let places = refused.iter().flat_map(|it| it["data"]["errors"].as_array().unwrap());
        let mut counts: BTreeMap<(&str, &str), u32> = BTreeMap::new();
        for it in places {
            *counts.entry((it["path"].as_str().unwrap(), it["keyword"].as_str().unwrap())).or_default() += 1;
        }
        assert!(counts.len() > 1, "it holds something");
        for ((path, keyword), count) in counts {
            let same = now.violations.iter().filter(|it| it.path == path && it.keyword == keyword);
            assert_eq!(same.map(|it| it.count).sum::<u32>(), count, "{path} {keyword}");
        }
        for run in &before.runs {
            store.verify(run.id()).await.unwrap();
            for refused in &run.run().rejections {
                let kept = store.refused_in(&refused.rejection.id).await.unwrap();
                assert_eq!(kept.as_ref(), Some(run.id()), "a refused contract is found");
            }
        }
        let paused: Vec<_> = before.runs.iter().flat_map(|it| it.run().paused.clone()).collect();
        assert_eq!(paused.len(), 1);
        assert_eq!(engine.paused().await.unwrap(), paused);
        assert_eq!(store.givers(TABLE).await.unwrap(), [""], "bytes that somebody gave are given out again");
        let results = engine.tail(0, 1_000).await.unwrap().into_iter().filter_map(|(_, it)| match it.fact {
            Fact::Completed { result, .. } => result,
            _ => None,
        });
        let results: Vec<String> = results.collect();
        assert!(!results.is_empty());
        for result in results {
            assert_eq!(store.givers(&result).await.unwrap(), [""; 0], "a result is no blob");
        }
        let version = "1.0.0".parse().unwrap();
        assert_eq!(engine.get_schema("figures", &version).as_ref(), Some(&told["schema"]));
        let key = told["answered"]["key"].as_str().unwrap();
        let (_, answer) = store.answered("anonymous", key, at).await.unwrap().expect("the key is known");
        assert_eq!(answer[0]["id"], told["answered"]["answer"]["handoff_id"]);
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The rows without what depends on the time of the question.
fn timeless(mut document: Value) -> Value {
    let rows = document["rows"].as_array_mut().unwrap();
    for row in rows.iter_mut().filter_map(Value::as_object_mut) {
        // The last two are told since format 2.
        row.retain(|name, _| !["age_ms", "due_in_ms", "waiting_ms", "more", "groups"].contains(&name.as_str()));
    }
    rows.sort_by_key(Value::to_string);
    document["rows"].take()
}

#[test]
fn a_store_of_yesterday_is_printed_as_it_was_and_opening_it_is_told() {
    for format in FORMATS {
        let place = tempfile::tempdir().unwrap();
        let (path, told) = store_of(format, place.path());
        let address = format!("sqlite:{}", path.display());
        let seam = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_seam"));
            command.env_remove("SEAM_LOG").env_remove("SEAM_CONFIG").stdin(Stdio::null());
            command
        };
        for kind in ["dead", "inbox", "rejections", "events"] {
            let mut get = seam();
            get.args(["get", kind, "-c", &address, "-o", "json"]);
            if kind == "events" {
                get.args(["--limit", "1000000"]);
            }
            let got = get.output().unwrap();
            assert!(got.status.success(), "{kind}: {}", text(&got.stderr));
            let now = timeless(serde_json::from_slice(&got.stdout).unwrap());
            let before = timeless(told["get"][kind].clone());
            assert!(before.as_array().is_some_and(|it| !it.is_empty()), "{kind}");
            assert_eq!(now, before, "{kind}");
            // The first one to open it says what it did to it.
            let brought = format!("brought from store format {format} to ");
            assert_eq!(text(&got.stderr).contains(&brought), kind == "dead", "{}", text(&got.stderr));
        }
        // And whoever runs it as a server reads that its format is another one now.
        let (path, _) = store_of(format, place.path());
        let mut serve = seam();
        serve.args(["serve", "--listen", "127.0.0.1:0", "--store", &format!("sqlite:{}", path.display())]);
        let mut server = serve.stderr(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        let mut lines = BufReader::new(server.stderr.take().unwrap());
        while !said.contains("listening") {
            assert_ne!(lines.read_line(&mut said).unwrap(), 0, "it serves: {said}");
        }
        server.kill().unwrap();
        server.wait().unwrap();
        assert!(said.contains(&format!("brought from store format {format} to ")), "{said}");
    }
}
