//! The command line end to end: the real program, on recordings and on a server of its own.

#![allow(clippy::unwrap_used)] // helpers of tests; a failed step is the test's failure

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

const SMALL: &str = concat!("file:", env!("CARGO_MANIFEST_DIR"), "/tests/data/small.ndjson");
const KINDS: [&str; 7] = ["pipelines", "edges", "tasks", "dead", "inbox", "events", "rejections"];

/// OSC 52, OSC 8, a title, a cursor report, C1, bidi and zero-width characters.
const HOSTILE: &str = "\u{1b}]52;c;aGk=\u{7}\u{1b}]8;;http://x\u{7}\u{1b}]0;t\u{7}\u{1b}[6n\u{9b}2J\u{9d}0;t\u{9c}\u{202e}evil\u{2066}\u{200b}\u{feff}";

/// The program with a home of its own.
struct Sandbox {
    home: tempfile::TempDir,
}

impl Sandbox {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        Self { home }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name).display().to_string()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seam"));
        for (name, _) in std::env::vars() {
            if name.starts_with("SEAM_") || name.starts_with("XDG_") {
                command.env_remove(name);
            }
        }
        command.args(args).env("HOME", self.home.path()).env("SEAM_OPERATOR", "dana").stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Standard output of a command that must end in this code.
    fn ends(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
        out
    }

    /// What a command that ends in this code says on standard error.
    fn says(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{err}");
        err
    }

    fn json(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["-o", "json"]).collect();
        serde_json::from_str(&self.ends(0, &args)).unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A `seam serve` that ends with the test.
struct Server {
    child: Child,
    url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(sandbox: &Sandbox, more: &[&str]) -> Self {
        let store = format!("sqlite:{}", sandbox.path("run.db").display());
        let mut args = vec!["serve", "--store", &store, "--listen", "127.0.0.1:0"];
        args.extend(more);
        let mut child = sandbox.command(&args).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = loop {
            let line = lines.next().expect("it says where it listens").unwrap();
            if let Some(at) = line.find("http://") {
                break line[at..].split(' ').next().unwrap().to_owned();
            }
        };
        std::thread::spawn(move || lines.for_each(drop)); // a full pipe would stop it
        Self { child, url }
    }

    /// Posts JSON with nothing but a socket; the answer's status and body.
    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let host = self.url.trim_start_matches("http://");
        let body = body.to_string();
        let mut stream = std::net::TcpStream::connect(host).unwrap();
        write!(
            stream,
            "POST /api/v1{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }

    /// Emits a contract, has it fail for good, and gives the id of the dead letter.
    fn dead_letter(&self, contract: &Value, detail: &str) -> String {
        let (status, emitted) = self.post("/handoffs", contract);
        assert_eq!(status, 201, "{emitted}");
        let (_, work) = self.post("/handoffs/claim", &json!({"agent": "writer"}));
        let id = work["handoff_id"].as_str().unwrap().to_owned();
        let lease = json!({"lease_id": work["lease_id"]});
        assert_eq!(self.post(&format!("/handoffs/{id}/ack"), &lease).0, 200);
        let failed = json!({"lease_id": work["lease_id"], "code": "broken", "detail": detail});
        let (status, answer) = self.post(&format!("/handoffs/{id}/fail"), &failed);
        assert_eq!((status, &answer["state"]), (200, &json!("dead_lettered")), "{answer}");
        id
    }
}

fn contract(words: &str) -> Value {
    json!({
        "pipeline": {"name": "launch", "version": "1.0.0", "stage": "draft", "output": "article"},
        "target": {"kind": "agent", "id": "writer"},
        "brief": {
            "title": format!("Write it {words}"), "goal": format!("Publish {words}"),
            "current_state": format!("Researched {words}"), "next_step": format!("Write {words}"),
            "definition_of_done": [{"item": format!("Written {words}"), "met": false}],
            "decisions": [format!("List prices {words}")], "constraints": [format!("No names {words}")],
            "tried": [format!("An interview {words}")],
            "owner": {"kind": "agent", "id": "writer"}
        },
        "working_memory": {"summary": {
            "decision": format!("Compare {words}"), "inputs_used": [words], "open_questions": [words], "text": words
        }},
        "provenance": {
            "agent": {"name": "research", "version": "1.0.0"}, "model": null,
            "prompt": {"name": "brief", "version": "18"}, "confidence": 0.7, "tool_calls": []
        },
        "side_effects": [],
        "failure_modes": {"retryable": ["timeout"], "escalate": ["policy"], "default": "dead_letter", "max_attempts": 2}
    })
}

fn fits(schema: &str, output: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/schema/{schema}.json"));
    let schema: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let wrong: Vec<String> = validator.iter_errors(output).map(|it| format!("{}: {it}", it.instance_path())).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn harmless(output: &[u8], what: &str) {
    let text = text(output);
    let raw = text.chars().find(|c| {
        *c != '\n' && (c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'))
    });
    assert_eq!(raw, None, "{what}: {text}");
}

#[test]
fn figures_of_a_recording_are_those_of_its_lines() {
    let sandbox = Sandbox::new();
    let edges = sandbox.json(&["get", "edges", "-c", SMALL]);
    let row = |from: &str| {
        let rows = edges["rows"].as_array().unwrap();
        rows.iter().find(|it| it["from"] == from).unwrap().clone()
    };
    let research = row("research");
    assert_eq!(research["counts"]["emitted"], 10);
    assert_eq!(research["counts"]["completed"], 9, "a second end is counted");
    assert_eq!(research["counts"]["dead_lettered"], 0);
    let ack = &research["emit_to_ack_ms"];
    assert_eq!(ack["n"], 10);
    for (quantile, truth) in [("p50", 5_000.0), ("p95", 10_000.0), ("p99", 10_000.0)] {
        let found = ack[quantile].as_f64().unwrap();
        assert!((found - truth).abs() <= truth * 0.01, "{quantile}: {found}");
    }
    let sales = row("sales");
    assert_eq!(sales["retries_per_emit"]["value"], 0.75);
    assert_eq!((&sales["retry_rate"]["k"], &sales["retry_rate"]["n"]), (&json!(1), &json!(1)));
    assert_eq!(sales["violation_rate"]["value"], Value::Null);
    let waiting = row("writer");
    assert_eq!(waiting["p95_ms"]["lower_bound"], true);
    assert_eq!(waiting["p95_ms"]["value"], 36 * 60_000, "10:20 to the end at 10:56");
    assert_eq!(edges["open"], json!({"unacknowledged": 1, "acknowledged": 2}));
    assert_eq!(edges["irregular"], json!({"never_emitted": 1, "ended_unacknowledged": 12, "second_end": 1}));
    let causes: Vec<&str> =
        edges["skipped"].as_array().unwrap().iter().map(|it| it["cause"].as_str().unwrap()).collect();
    assert_eq!(causes, ["not JSON", "a member is missing", "identical lines"]);
    let lines = std::fs::read_to_string(SMALL.trim_start_matches("file:")).unwrap().lines().count();
    assert_eq!(sandbox.json(&["get", "events", "-c", SMALL])["total"], lines - 3, "nobody recorded a sighting");
}

/// A line of the plain shape: a kind of handoff `1`, so many seconds into a minute.
fn line(second: u32, kind: &str, run: &str) -> String {
    let at = format!("2026-03-01T10:00:{second:02}Z");
    let line =
        json!({"at": at, "kind": kind, "pipeline": "p", "trace_id": run, "from": "a", "to": "b", "handoff_id": "1"});
    format!("{line}\n")
}

#[test]
fn ids_of_a_run_are_told_apart_everywhere() {
    let sandbox = Sandbox::new();
    let lines: Vec<String> = ["emitted", "dead_lettered"]
        .into_iter()
        .flat_map(|kind| ["t1", "t2", "t3"].map(|run| line(1, kind, run)))
        .collect();
    let address = format!("file:{}", sandbox.file("runs.ndjson", &lines.concat()));
    let dead = sandbox.json(&["get", "dead", "-c", &address]);
    let ids: Vec<&str> = dead["rows"].as_array().unwrap().iter().map(|it| it["handoff_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["t1/1", "t2/1", "t3/1"]);
    let edge = &sandbox.json(&["get", "edges", "-c", &address])["rows"][0];
    assert_eq!((&edge["counts"]["emitted"], &edge["dead"]), (&json!(3), &json!(3)));
    assert_eq!(sandbox.json(&["show", "t2/1", "-c", &address])["handoff"]["trace_id"], "t2");
    for command in [&["show", "1"][..], &["get", "dead", "1"]] {
        let why = sandbox.says(2, &[command, &["-c", &address]].concat());
        assert!(why.contains("1 is short for t") && why.contains("name one in full"), "{why}");
    }
    let remarks = text(&sandbox.run(&["get", "dead", "-c", &address]).stderr);
    assert!(remarks.contains("1 id of a handoff stands in several runs"), "{remarks}");
}

#[test]
fn a_recording_on_standard_input_has_an_address() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["get", "events", "-c", "file:/dev/stdin", "-o", "json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(line(1, "emitted", "t").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let events: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(events["total"], 1);
    let why = sandbox.says(2, &["get", "events", "-c", "-"]);
    assert!(why.contains("`file:/dev/stdin`"), "{why}");
}

#[test]
fn an_instant_of_a_recording_knows_nothing_of_later() {
    let sandbox = Sandbox::new();
    let at = ["--as-of", "2026-03-01T12:05:30+02:00", "--window", "5m"];
    let mut args = vec!["get", "edges", "-c", SMALL];
    args.extend(at);
    let edges = sandbox.json(&args);
    assert_eq!(edges["as_of"], "2026-03-01T10:05:30.000Z");
    let rows = edges["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    // (10:00:30, 10:05:30]: emitted 1 to 5, completed 0 to 4.
    assert_eq!(rows[0]["counts"]["emitted"], 5);
    assert_eq!(rows[0]["counts"]["completed"], 5);
    assert_eq!(edges["open"], json!({"unacknowledged": 0, "acknowledged": 1}));
    let before = sandbox.json(&["get", "tasks", "-c", SMALL, "--as-of", "2020-01-01T00:00:00Z"]);
    assert_eq!(before["rows"], json!([]));
}

#[test]
fn a_storm_is_named_with_its_third_retry_and_a_patrol_is_not() {
    let sandbox = Sandbox::new();
    let rows = |more: &[&str]| {
        let tasks = sandbox.json(&[&["get", "tasks", "-c", SMALL, "--all"], more].concat());
        tasks["rows"].as_array().unwrap().clone()
    };
    let (storming, all) = (rows(&["--as-of", "2026-03-01T10:40:00Z"]), rows(&[]));
    let find = |rows: &[Value], id: &str| rows.iter().find(|it| it["trace_id"] == id).unwrap().clone();
    let of = |id: &str| find(&storming, id);
    assert_eq!(of("t-storm")["verdict"], "retry_storm");
    assert_eq!(of("t-storm")["since"], "2026-03-01T10:32:20.000Z");
    assert_eq!(of("t-storm")["retries"], 3);
    assert_eq!(storming[0]["trace_id"], "t-storm", "the worst first");
    let of = |id: &str| find(&all, id);
    assert_eq!((&of("t-storm")["verdict"], &of("t-storm")["retries"]), (&json!("fine"), &json!(3)), "it is over");
    assert_eq!(of("t-patrol")["verdict"], "fine");
    assert_eq!(of("t-patrol")["handoffs"], 12);
}

#[test]
fn rows_are_picked_by_id_filter_and_limit() {
    let sandbox = Sandbox::new();
    let one = sandbox.json(&["get", "tasks", "t-3", "-c", SMALL]);
    assert_eq!(one["total"], 1);
    let events = sandbox.json(&["get", "events", "-c", SMALL, "--filter", "to:crm event:failed", "--limit", "1"]);
    assert_eq!((&events["total"], &events["rows"][0]["time"]), (&json!(3), &json!("2026-03-01T10:32:10.000Z")));
    assert!(sandbox.says(1, &["get", "edges", "nobody>here", "-c", SMALL]).contains("nobody>here"));
    let why = sandbox.says(2, &["get", "dead", "-c", SMALL, "--filter", "colour:red"]);
    assert!(why.contains("colour") && why.contains("handoff, trace"), "{why}");
}

#[test]
fn text_is_a_table_whose_lines_are_whole() {
    let sandbox = Sandbox::new();
    let dead = sandbox.ends(0, &["get", "dead", "-c", SMALL]);
    let lines: Vec<&str> = dead.lines().collect();
    assert_eq!(lines.len(), 2, "{dead}");
    assert!(lines[0].starts_with("HANDOFF  EDGE"), "{dead}");
    assert!(lines[1].starts_with("s-3      sales>crm") && lines[1].contains("timeout"), "{dead}");
    let edges = sandbox.ends(0, &["get", "edges", "-c", SMALL]);
    assert!(edges.contains(">=36m"), "{edges}");
    assert!(!edges.contains('…'), "nothing is cut in a pipe: {edges}");
}

#[test]
fn an_export_says_the_same_and_overwrites_nothing() {
    let sandbox = Sandbox::new();
    for name in ["own.ndjson", "own.ndjson.gz"] {
        let file = sandbox.path(name).display().to_string();
        let address = format!("file:{file}");
        std::fs::write(format!("{file}.part"), "of somebody else").unwrap();
        sandbox.ends(0, &["export", "-c", SMALL, &file]);
        assert_eq!(std::fs::read_to_string(format!("{file}.part")).unwrap(), "of somebody else");
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "what was told to the user is for the user only");
        for kind in ["pipelines", "edges", "tasks", "dead"] {
            let rows = |address: &str| sandbox.json(&["get", kind, "-c", address])["rows"].clone();
            assert_eq!(rows(&address), rows(SMALL), "{kind} of {name}");
        }
        assert!(sandbox.says(1, &["export", "-c", SMALL, &file]).contains("--force"));
        sandbox.ends(0, &["export", "-c", SMALL, &file, "--force"]);
    }
    let lines = sandbox.ends(0, &["export", "-c", SMALL]);
    assert_eq!(lines, std::fs::read_to_string(sandbox.path("own.ndjson")).unwrap());
}

/// Nobody's file is written over, and where a link leads is where it goes.
#[test]
fn an_export_follows_links_and_writes_over_nothing_but_files() {
    let sandbox = Sandbox::new();
    let at = |name: &str| sandbox.path(name).display().to_string();
    std::os::unix::fs::symlink(sandbox.file("old.ndjson", "old"), sandbox.path("link.ndjson")).unwrap();
    assert!(sandbox.says(1, &["export", "-c", SMALL, &at("link.ndjson")]).contains("--force"));
    sandbox.ends(0, &["export", "-c", SMALL, &at("link.ndjson"), "--force"]);
    assert!(sandbox.path("link.ndjson").is_symlink());
    assert!(std::fs::read_to_string(sandbox.path("old.ndjson")).unwrap().contains("emitted"));
    std::os::unix::fs::symlink(sandbox.path("nowhere"), sandbox.path("dangling")).unwrap();
    assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    for place in [at("dangling"), at("pipe"), at("")] {
        for force in [&[][..], &["--force"]] {
            sandbox.says(1, &[&["export", "-c", SMALL, &place], force].concat());
        }
    }
    sandbox.ends(0, &["export", "-c", SMALL, "~/home.ndjson"]);
    assert!(sandbox.path("home.ndjson").exists());
    let names = std::fs::read_dir(sandbox.home.path()).unwrap().map(|it| it.unwrap().file_name());
    assert!(!names.into_iter().any(|it| it.to_string_lossy().ends_with(".part")));
}

#[test]
fn files_of_other_editors_and_shells_are_read() {
    let sandbox = Sandbox::new();
    let file = sandbox.file("contract.json", &format!("\u{feff}{}", contract("it")));
    sandbox.ends(0, &["check", &file]);
    std::fs::create_dir(sandbox.path("schemas")).unwrap();
    sandbox.file("schemas/thing-1.0.0.json", "\u{feff}{\"type\":\"object\"}");
    sandbox.ends(0, &["check", &file, "--contracts", "~/schemas"]);
    let policies = sandbox.file("policies.toml", "\u{feff}[[edge]]\nto = \"writer\"\n");
    let server = Server::start(
        &sandbox,
        &["--contracts", &sandbox.path("schemas").display().to_string(), "--policies", &policies],
    );
    let id = server.dead_letter(&contract("it"), "x");
    // What a shell of another system puts through a pipe.
    let mut requeue = sandbox.command(&["requeue", "-", "--yes", "--reason", "r", "-c", &server.url]);
    let mut child = requeue.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    write!(child.stdin.take().unwrap(), "\u{feff}{id}\r\n").unwrap();
    assert!(child.wait().unwrap().success());
    let wide: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(sandbox.path("wide.json"), [&[0xff, 0xfe], &wide[..]].concat()).unwrap();
    assert!(sandbox.ends(1, &["check", &sandbox.path("wide.json").display().to_string()]).contains("UTF-16"));
}

#[test]
fn a_variable_that_cannot_be_read_is_an_error_and_not_told() {
    use std::os::unix::ffi::OsStrExt;
    let sandbox = Sandbox::new();
    let odd = std::ffi::OsStr::from_bytes(b"sqlite:secret-\xff.db");
    for name in ["SEAM_ADDRESS", "SEAM_TOKEN", "SEAM_CONTEXT", "SEAM_LOG"] {
        let output = sandbox.command(&["get", "edges", "-c", SMALL]).env(name, odd).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(name) && said.contains("UTF-8") && !said.contains("secret"), "{said}");
    }
}

#[test]
fn a_tilde_in_an_address_is_the_home_directory() {
    let sandbox = Sandbox::new();
    std::fs::copy(SMALL.trim_start_matches("file:"), sandbox.path("small.ndjson")).unwrap();
    std::fs::create_dir_all(sandbox.path("elsewhere")).unwrap();
    let run = |args: &[&str], address: Option<&str>| {
        let mut command = sandbox.command(args);
        command.current_dir(sandbox.path("elsewhere"));
        if let Some(address) = address {
            command.env("SEAM_ADDRESS", address);
        }
        command.output().unwrap()
    };
    for output in
        [run(&["get", "edges", "-c", "file:~/small.ndjson"], None), run(&["get", "edges"], Some("file:~/small.ndjson"))]
    {
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    sandbox.file("config.toml", "address = \"file:~/small.ndjson\"\n");
    assert!(run(&["get", "edges", "--config", "~/config.toml"], None).status.success());
    for wrong in ["file:~dana/small.ndjson", "sqlite:~dana/x.db"] {
        let output = run(&["get", "edges", "-c", wrong], None);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    }
    assert_eq!(std::fs::read_dir(sandbox.path("elsewhere")).unwrap().count(), 0, "nothing was made");
}

#[test]
fn plain_http_needs_no_certificates_and_https_says_what_is_missing() {
    let sandbox = Sandbox::new();
    let server = Server::start(&sandbox, &[]);
    let without = |args: &[&str]| {
        let mut command = sandbox.command(args);
        command
            .env("SSL_CERT_FILE", sandbox.path("none.pem"))
            .env("SSL_CERT_DIR", sandbox.path("none"))
            .output()
            .unwrap()
    };
    let output = without(&["get", "pipelines", "-c", &server.url]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let output = without(&["get", "pipelines", "-c", "https://127.0.0.1:9"]);
    let said = text(&output.stderr);
    assert!(!output.status.success() && said.contains("ca-certificates") && said.contains("SSL_CERT_FILE"), "{said}");
}

#[test]
fn who_is_on_it_and_what_is_held_back_can_be_said_without_a_screen() {
    let sandbox = Sandbox::new();
    let server = Server::start(&sandbox, &[]);
    let url = server.url.as_str();
    let id = server.dead_letter(&contract("one"), "no");
    let ask = ["escalate", &id, "-c", url, "--yes", "--reason", "now?"];
    sandbox.ends(0, &ask);
    let claimed_by = || sandbox.json(&["get", "inbox", "-c", url])["rows"][0]["claimed_by"].clone();
    let claim = ["claim", &id, "-c", url, "--yes", "-o", "json"];
    fits("act", &serde_json::from_str(&sandbox.ends(0, &claim)).unwrap());
    assert_eq!(claimed_by(), "dana");
    sandbox.ends(0, &["release", &id, "-c", url, "--yes"]);
    assert_eq!(claimed_by(), Value::Null);

    let edge = "research>writer";
    let paused = || sandbox.json(&["get", "edges", "-c", url, edge])["rows"][0]["paused"].clone();
    let act = |act: &'static str, edge: &'static str| [act, edge, "-c", url, "--yes", "--reason", "writer is down"];
    sandbox.says(2, &["pause", edge, "-c", url, "--yes"]);
    let nowhere = sandbox.says(1, &act("pause", "writer>nobody"));
    assert!(nowhere.contains("seam get edges"), "{nowhere}");
    assert_eq!(paused(), false);
    let unseen = sandbox.ends(0, &act("pause", "lunch/research>writer"));
    assert!(unseen.contains("paused, but no handoff was ever seen on research>writer in lunch"), "{unseen}");
    let rows = sandbox.json(&["get", "edges", "-c", url])["rows"].clone();
    let lunch = rows.as_array().unwrap().iter().find(|it| it["pipeline"] == "lunch").expect("it is listed");
    assert_eq!((&lunch["paused"], &lunch["open"]), (&json!(true), &json!(0)));
    sandbox.ends(0, &act("resume", "lunch/research>writer"));
    sandbox.ends(0, &act("pause", edge));
    assert_eq!(paused(), true);
    assert!(server.post("/handoffs", &contract("two")).0 == 201);
    let (status, _) = server.post("/handoffs/claim", &json!({"agent": "writer"}));
    assert_eq!(status, 204, "nothing is handed to the writer");
    sandbox.ends(0, &act("resume", "launch/research>writer"));
    assert_eq!(paused(), false);
    let (status, _) = server.post("/handoffs/claim", &json!({"agent": "writer"}));
    assert_eq!(status, 200);
    let events = sandbox.json(&["get", "events", "-c", url, "--filter", "event:edge.paused"]);
    assert_eq!(events["rows"][0]["data"]["reason"], "writer is down");
}

#[test]
fn a_recording_cannot_be_acted_on() {
    let sandbox = Sandbox::new();
    let why = sandbox.says(4, &["requeue", "s-3", "-c", SMALL, "--yes", "--reason", "x"]);
    assert!(why.contains("a recording is over"), "{why}");
}

#[test]
fn acts_answer_item_by_item_and_the_worst_decides() {
    let sandbox = Sandbox::new();
    let server = Server::start(&sandbox, &[]);
    let url = server.url.as_str();
    let [first, second, third] = [1, 2, 3].map(|nth| server.dead_letter(&contract(&format!("{nth}")), "no"));

    // Nobody can be asked, and words are missing: nothing happens.
    assert!(sandbox.says(2, &["requeue", &first, "-c", url]).contains("--yes"));
    assert!(sandbox.says(2, &["dismiss", &first, "-c", url, "--yes", "--because", "obsolete"]).contains("--reason"));
    assert_eq!(sandbox.json(&["get", "dead", "-c", url])["total"], 3);
    // A version that passed is a conflict, and says who moved it.
    let moved = sandbox.ends(3, &["requeue", &first, "-c", url, "--yes", "--reason", "x", "--version", "1"]);
    assert!(moved.contains("conflict") && moved.contains("writer"), "{moved}");
    // Done, somebody was faster, not found: each said, the worst decides.
    let why = sandbox.says(2, &["requeue", &first, "-c", url, "--yes"]);
    assert!(why.contains("--reason TEXT"), "{why}");
    sandbox.ends(0, &["requeue", &first, "-c", url, "--yes", "--reason", "x"]);
    let mixed =
        sandbox.ends(3, &["requeue", &first, &second, "nobody", "-c", url, "--yes", "--reason", "x", "-o", "json"]);
    let mixed: Value = serde_json::from_str(&mixed).unwrap();
    fits("act", &mixed);
    let results: Vec<&Value> = mixed["items"].as_array().unwrap().iter().map(|it| &it["result"]).collect();
    assert_eq!(results, ["conflict", "done", "failed"]);
    assert_eq!(mixed["by"], "dana");

    // An agent went on and even ended it: the person who was faster is named all the same.
    let (_, work) = server.post("/handoffs/claim", &json!({"agent": "writer"}));
    let gone = work["handoff_id"].as_str().unwrap().to_owned();
    let lease = json!({"lease_id": work["lease_id"]});
    for ended in [false, true] {
        if ended {
            for step in ["ack", "complete"] {
                let (status, answer) = server.post(&format!("/handoffs/{gone}/{step}"), &lease);
                assert_eq!(status, 200, "{answer}");
            }
        }
        // Only by force could it be escalated as well.
        for (act, version) in [("requeue", &["--version", "4"][..]), ("requeue", &[]), ("escalate", &[])] {
            let act = [act, &gone, "-c", url, "--yes", "--reason", "x", "--as", "bob"];
            let late = sandbox.ends(3, &[&act[..], version].concat());
            assert!(late.contains("conflict: dana requeued this"), "{ended} {act:?} {version:?} {late}");
        }
    }

    // Ids may come from standard input, and none of them is no mistake.
    for (ids, code, said) in
        [("", 0, "nothing to do"), (&*format!("{second}\n\nnobody\n"), 3, "conflict: dana requeued")]
    {
        let requeue = ["requeue", "-", "-c", url, "--yes", "--reason", "x"];
        let mut requeue = sandbox.command(&requeue);
        requeue.stdin(std::fs::File::open(sandbox.file("ids", ids)).unwrap());
        let output = requeue.output().unwrap();
        let all = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{all}");
        assert!(all.contains(said), "{all}");
    }

    // To a person, who may edit it; an invalid edit names the place and changes nothing.
    sandbox.ends(0, &["escalate", &third, "-c", url, "--yes", "--reason", "what now?"]);
    let inbox = sandbox.json(&["get", "inbox", "-c", url]);
    assert_eq!(inbox["rows"][0]["question"], "what now?");
    fits("inbox", &inbox);
    // An id as a narrow terminal shows it.
    let (head, tail) = (&third[..7], &third[third.len() - 7..]);
    let short = format!("{head}…{tail}");
    let shown = sandbox.json(&["show", &short, "-c", url]);
    assert_eq!(shown["handoff"]["handoff_id"], *third);
    // For people it is the card of the inbox, and the other parts of the page below it.
    let page = sandbox.ends(0, &["show", &third, "-c", url]);
    for part in
        ["\nwhat now?\n\nwill run    the handoff goes on", "\nSIX FIELDS\nversion     ✓ ", "\nWHAT HAPPENED\nTIME"]
    {
        assert!(page.contains(part), "{part}\n{page}");
    }
    let why = sandbox.says(2, &["show", "…", "-c", url]);
    assert!(why.contains("name one in full"), "{why}");

    let shown = sandbox.json(&["show", &third, "-c", url]);
    fits("handoff", &shown);
    let mut edited = shown["contract"].clone();
    edited["brief"].as_object_mut().unwrap().remove("goal");
    let file = sandbox.file("edit.json", &edited.to_string());
    let refused = sandbox.ends(4, &["approve", &third, "-c", url, "--yes", "--reason", "x", "--edit", &file]);
    assert!(refused.contains("/brief/goal"), "{refused}");
    edited["brief"]["goal"] = json!("Publish sooner");
    let file = sandbox.file("edit.json", &edited.to_string());
    sandbox.ends(0, &["approve", &third, "-c", url, "--yes", "--reason", "x", "--edit", &file]);
    let shown = sandbox.json(&["show", &third, "-c", url]);
    assert_eq!(shown["handoff"]["state"], "pending");
    assert_eq!(shown["contract"]["brief"]["goal"], "Publish sooner");
    sandbox.ends(0, &["dismiss", &third, "-c", url, "--yes", "--because", "duplicate", "--reason", "see 2"]);
    assert_eq!(sandbox.json(&["show", &third, "-c", url])["handoff"]["state"], "dismissed");
    let why = sandbox.says(1, &["show", "nobody", "-c", url]);
    assert!(why.contains("nobody"), "{why}");

    // The log of a server is a recording of it.
    let file = sandbox.path("live.ndjson").display().to_string();
    sandbox.ends(0, &["export", "-c", url, &file]);
    let counts = |address: &str| {
        let edges = sandbox.json(&["get", "edges", "research>writer", "-c", address, "--window", "all"]);
        edges["rows"][0]["counts"].clone()
    };
    assert_eq!(counts(&format!("file:{file}")), counts(url));
}

#[test]
fn a_server_and_a_recording_of_it_tell_the_same_of_its_tasks() {
    let sandbox = Sandbox::new();
    let server = Server::start(&sandbox, &[]);
    let url = server.url.as_str();
    // Two went to and fro and ended, one of them too often; one went straight on, one is open.
    for returns in [1, 4, 0] {
        let (status, emitted) = server.post("/handoffs", &contract(&format!("{returns} returns")));
        assert_eq!(status, 201, "{emitted}");
        for nth in 0..2 * returns {
            let agent = if nth % 2 == 0 { "writer" } else { "research" };
            let (_, work) = server.post("/handoffs/claim", &json!({"agent": agent}));
            let Some(id) = work["handoff_id"].as_str() else { break };
            let lease = json!({"lease_id": work["lease_id"], "feedback": [format!("Shorter {nth}")]});
            server.post(&format!("/handoffs/{id}/ack"), &json!({"lease_id": work["lease_id"]}));
            let (status, answer) = server.post(&format!("/handoffs/{id}/return"), &lease);
            assert_eq!(status, 200, "{answer}");
        }
        let tasks = sandbox.json(&["get", "tasks", "-c", url, "--all"]);
        for row in tasks["rows"].as_array().unwrap().iter().filter(|it| it["open"] != 0) {
            let run = sandbox.json(&["show", row["trace_id"].as_str().unwrap(), "-c", url]);
            for it in run["handoffs"].as_array().unwrap().iter().filter(|it| it["ended_at"].is_null()) {
                let id = it["handoff_id"].as_str().unwrap();
                sandbox.ends(0, &["dismiss", id, "-c", url, "--yes", "--because", "obsolete", "--reason", "enough"]);
            }
        }
    }
    let (status, open) = server.post("/handoffs", &contract("still open"));
    assert_eq!(status, 201, "{open}");
    let file = sandbox.path("tasks.ndjson").display().to_string();
    sandbox.ends(0, &["export", "-c", url, &file]);
    let rows = |address: &str| {
        let mut rows = sandbox.json(&["get", "tasks", "-c", address])["rows"].clone();
        for row in rows.as_array_mut().unwrap() {
            if row["open"] != 0 {
                row["spent_ms"].take(); // until now
            }
        }
        rows
    };
    let (live, recorded) = (rows(url), rows(&format!("file:{file}")));
    let verdicts: Vec<_> = live.as_array().unwrap().iter().map(|it| it["verdict"].clone()).collect();
    assert_eq!(verdicts, ["looping", "iterating", "fine"]);
    assert_eq!(live, recorded);
}

#[test]
fn the_whole_log_is_searched_and_every_event_knows_its_edge() {
    let sandbox = Sandbox::new();
    let server = Server::start(&sandbox, &[]);
    let url = server.url.as_str();
    let empty = sandbox.says(0, &["get", "events", "-c", url]);
    assert!(empty.contains(url) && empty.contains("the store is empty"), "{empty}");
    let id = server.dead_letter(&contract("old"), "no");
    sandbox.ends(0, &["dismiss", &id, "-c", url, "--yes", "--because", "obsolete", "--reason", "old"]);
    for nth in 0..201 {
        let (status, answer) = server.post("/handoffs", &contract(&nth.to_string()));
        assert_eq!(status, 201, "{answer}");
    }
    // Its run is closed, and it is further back than what a console starts with.
    let found = sandbox.json(&["get", "events", "-c", url, "--filter", "event:dismissed to:writer"]);
    assert_eq!((&found["total"], &found["rows"][0]["data"]["note"]), (&json!(1), &json!("old")), "{found}");
    let lines = |args: &[&str]| sandbox.ends(0, args).lines().count();
    let get = ["get", "events", "-c", url, "-o", "jsonl"];
    let all = lines(&[&get[..], &["--limit", "1000000"]].concat());
    assert!(all > 205, "{all}");
    assert_eq!(lines(&get), 200);
    let left_out = sandbox.says(0, &get);
    assert!(left_out.contains(&format!("{} more rows", all - 200)), "{left_out}");
    let none = sandbox.says(0, &["get", "events", "-c", url, "--filter", "nonesuch"]);
    assert!(none.contains(&format!("none of {all} events")), "{none}");
    // Read from its end, the log still names the edge of what was emitted long before.
    let late = server.dead_letter(&contract("late"), "no");
    let of_late = ["get", "events", &late, "-c", url];
    let first = sandbox.json(&of_late)["total"].as_u64().unwrap() as usize;
    let dismiss = ["dismiss", &late, "-c", url, "--yes", "--because", "obsolete"];
    sandbox.ends(0, &[&dismiss[..], &["--reason", "old"]].concat());
    let last = sandbox.json(&["get", "events", "-c", url, "--limit", "1"]);
    assert_eq!((&last["total"], last["rows"].as_array().map(Vec::len)), (&json!(all + first + 1), Some(1)));
    let last = ["get", "events", "-c", url, "--limit", "1", "-o", "text"];
    let last = sandbox.ends(0, &last);
    assert!(last.contains("research>writer"), "{last}");
    let window = ["get", "events", "-c", url, "--window", "1h", "--limit", "1"];
    assert_eq!(sandbox.json(&window)["total"], all + first + 1);
    // A pipeline is an id wherever its rows are.
    assert_eq!(sandbox.json(&["get", "tasks", "launch", "-c", url])["total"], 201);
    assert_eq!(sandbox.json(&["get", "dead", "launch", "-c", url])["total"], 0);
}

#[test]
fn every_output_fits_its_schema() {
    let sandbox = Sandbox::new();
    let server = Server::start(&sandbox, &[]);
    let dead = server.dead_letter(&contract("dead"), "no");
    let asked = server.dead_letter(&contract("asked"), "no");
    sandbox.ends(0, &["escalate", &asked, "-c", &server.url, "--yes", "--reason", "?"]);
    let mut refused = contract("refused");
    refused.as_object_mut().unwrap().remove("failure_modes");
    assert_eq!(server.post("/handoffs", &refused).0, 422);
    let say = ["annotate", &dead, "-c", &server.url, "--yes", "--verdict", "root cause: CRM", "--reason", "seen twice"];
    fits("act", &sandbox.json(&say));
    for kind in KINDS {
        let live = sandbox.json(&["get", kind, "-c", &server.url]);
        assert_ne!(live["rows"], json!([]), "{kind} has rows to check");
        fits(kind, &live);
        fits(kind, &sandbox.json(&["get", kind, "-c", SMALL]));
    }
    fits("handoff", &sandbox.json(&["show", &dead, "-c", &server.url]));
    fits("handoff", &sandbox.json(&["show", "s-3", "-c", SMALL]));
    fits("run", &sandbox.json(&["show", "t-storm", "-c", SMALL]));
    let trace = sandbox.json(&["show", &dead, "-c", &server.url])["handoff"]["trace_id"].clone();
    fits("run", &sandbox.json(&["show", trace.as_str().unwrap(), "-c", &server.url]));
    let good = sandbox.file("good.json", &contract("x").to_string());
    fits("check", &sandbox.json(&["check", &good]));
    let file = sandbox.file("bad.json", &refused.to_string());
    let bad = serde_json::from_str(&sandbox.ends(1, &["check", &file, "-o", "json"])).unwrap();
    fits("check", &bad);
    assert_eq!(bad["violations"][0]["path"], "/failure_modes");
}

#[test]
fn refused_contracts_are_dismissed_by_group_and_by_edge() {
    let sandbox = Sandbox::new();
    let server = Server::start(&sandbox, &[]);
    for nth in 0..3 {
        let mut refused = contract(&format!("refused {nth}"));
        refused.as_object_mut().unwrap().remove(if nth < 2 { "failure_modes" } else { "working_memory" });
        assert_eq!(server.post("/handoffs", &refused).0, 422);
    }
    let url = &server.url;
    let all = sandbox.json(&["get", "rejections", "-c", url]);
    let row = all["rows"].as_array().unwrap().iter().find(|it| it["errors"][0]["path"] == "/failure_modes").unwrap();
    let group = row["groups"][0].as_str().unwrap();
    let dismiss = |what: &str| ["dismiss-refused", what, "-c", url, "--yes", "--reason", "mended"].map(str::to_owned);
    let said = |code, what: &str| {
        let args = dismiss(what);
        sandbox.ends(code, &args.each_ref().map(String::as_str))
    };
    assert!(said(0, group).contains("dismissed 2 refused contracts"));
    assert_eq!(sandbox.json(&["get", "rejections", "-c", url])["total"], 1);
    let edge = format!("{}>{}", row["from"].as_str().unwrap(), row["to"].as_str().unwrap());
    assert!(said(0, &edge).contains("dismissed 1 refused contract\n"));
    assert_eq!(sandbox.json(&["get", "rejections", "-c", url])["total"], 0);
    said(1, group);
}

#[test]
fn hostile_text_reaches_no_output() {
    let sandbox = Sandbox::new();
    let server = Server::start(&sandbox, &[]);
    let id = server.dead_letter(&contract(HOSTILE), HOSTILE);
    sandbox.ends(0, &["escalate", &id, "-c", &server.url, "--yes", "--reason", HOSTILE]);
    let mut refused = contract(HOSTILE);
    refused[HOSTILE] = json!(HOSTILE);
    assert_eq!(server.post("/handoffs", &refused).0, 422);
    // A recording may hold anything anywhere, names and ids included.
    let mut lines = String::new();
    for (kind, second) in
        [("emitted", 1), ("escalated", 2), ("resolved", 3), ("dead_lettered", 4), ("retried", 5), (HOSTILE, 6)]
    {
        let line = json!({
            "at": format!("2026-03-01T10:00:0{second}Z"), "kind": kind, "pipeline": HOSTILE, "trace_id": HOSTILE,
            "step": 1, "from": HOSTILE, "to": format!("{HOSTILE}b"), "handoff_id": format!("{HOSTILE}h"),
            "error": HOSTILE, "payload_summary": HOSTILE, "x_by": HOSTILE
        });
        lines.push_str(&line.to_string());
        lines.push('\n');
    }
    let recording = format!("file:{}", sandbox.file("hostile.ndjson", &lines));
    let handoff = format!("{HOSTILE}h");
    let mut commands: Vec<Vec<&str>> = Vec::new();
    for address in [server.url.as_str(), &recording] {
        commands.extend(KINDS.map(|kind| vec!["get", kind, "-c", address]));
        commands.push(vec!["export", "-c", address]);
        for id in [id.as_str(), &handoff, HOSTILE] {
            commands.push(vec!["show", id, "-c", address]);
            commands.push(vec!["approve", id, "-c", address, "--yes", "--reason", HOSTILE]);
            commands.push(vec!["get", "edges", id, "-c", address]);
        }
        commands.push(vec!["get", "edges", "-c", address, "--filter", "\u{1b}[6n:x"]);
    }
    let file = sandbox.file("hostile.json", &refused.to_string());
    commands.push(vec!["check", &file]);
    commands.push(vec!["get", "edges", "-c", HOSTILE]);
    let mut said = 0;
    for command in commands {
        for output in ["text", "json", "jsonl"] {
            let mut args = command.clone();
            if command[0] != "export" {
                args.extend(["-o", output]);
            }
            let found = sandbox.run(&args);
            assert!(found.status.code().is_some_and(|code| code < 5), "{args:?}");
            said += found.stdout.len();
            harmless(&found.stdout, &format!("output of {args:?}"));
            harmless(&found.stderr, &format!("remarks of {args:?}"));
        }
    }
    assert!(said > 10_000, "there was something to be harmless");
    let shown = sandbox.json(&["show", &handoff, "-c", &recording]);
    assert_eq!(shown["handoff"]["title"], HOSTILE, "as JSON the text is whole");
}

#[test]
fn what_cannot_work_says_what_to_do() {
    let sandbox = Sandbox::new();
    let get = |code: i32, address: &str| sandbox.says(code, &["get", "edges", "-c", address]);
    assert!(get(2, "gopher://x").contains("sqlite:PATH"));
    assert!(get(2, "run.ndjson").contains("file:run.ndjson"));
    assert!(get(1, "http://127.0.0.1:9").contains("seam serve"));
    for (typed, meant) in [("gett", "get"), ("dmo", "demo"), ("reqeue", "requeue")] {
        let why = sandbox.says(2, &[typed]);
        assert!(why.contains(&format!("Did you mean `seam {meant}`?")), "{why}");
    }
    for (flag, value) in [("--speed", "9"), ("--as-of", "2026-01-31T23:59:00Z")] {
        let why = sandbox.says(2, &["watch", "http://127.0.0.1:9", flag, value]);
        assert!(why.contains(&format!("{flag} is for recordings")), "{why}");
    }
    assert!(get(2, "127.0.0.1:7600").contains("http://127.0.0.1:7600"));
    let bare = sandbox.says(2, &["get", "edges", "http://127.0.0.1:9"]);
    assert!(bare.contains("-c http://127.0.0.1:9"), "{bare}");
    let day = ["get", "edges", "-c", SMALL, "--as-of", "2026-01-31"];
    assert!(sandbox.says(2, &day).contains("such as 2026-01-31T"));
    let nowhere = format!("sqlite:{}", sandbox.path("no.db").display());
    assert!(get(1, &nowhere).contains("there is no store"));
    assert!(!sandbox.path("no.db").exists(), "looking makes no store");
    let empty = sandbox.file("empty.db", "");
    let why = get(1, &format!("sqlite:{empty}"));
    assert!(why.contains("an empty file, no store"), "{why}");
    assert_eq!(std::fs::read(&empty).unwrap(), b"", "nor out of nothing");
    let junk = sandbox.file("junk.db", &"this is no database ".repeat(100));
    let why = get(1, &format!("sqlite:{junk}"));
    assert!(why.contains("junk.db"), "{why}");
    assert!(std::fs::read_to_string(&junk).unwrap().starts_with("this is no"), "and stays as it is");
    assert!(!sandbox.path("junk.db.lock").exists(), "and alone");
    assert!(get(1, &format!("file:{}", sandbox.path("no.ndjson").display())).contains("no.ndjson"));
    assert!(get(1, &format!("file:{}", sandbox.home.path().display())).contains("cannot read"));
    let other = sandbox.file("other.txt", "hello\n");
    assert!(get(1, &format!("file:{other}")).contains("no event in 1 line: is it a recording"));
    let live = sandbox.says(2, &["get", "edges", "-c", "http://127.0.0.1:9", "--as-of", "2026-01-01T00:00:00Z"]);
    assert!(live.contains("--as-of needs a recording"), "{live}");
    assert!(sandbox.says(2, &["get", "edges", "-c", SMALL, "--as-of", "noon"]).contains("RFC 3339"));
    assert!(sandbox.says(2, &["get", "edges", "-c", SMALL, "--window", "2h"]).contains("1m, 5m, 1h or all"));
    assert!(sandbox.says(1, &["check", "no-such-file.json"]).contains("no-such-file.json"));
    let broken = sandbox.file("broken.json", "{\"brief\": ");
    assert!(sandbox.ends(1, &["check", &broken]).contains("1 violation"));
    let mut maybe = sandbox.command(&["get", "edges", "-c", SMALL]);
    let why = text(&maybe.env("SEAM_ASCII", "maybe").output().unwrap().stderr);
    assert!(why.starts_with("seam: SEAM_ASCII is \"maybe\""), "{why}");
    let full = sandbox.path("no").join("such").join("out.ndjson").display().to_string();
    assert!(sandbox.says(1, &["export", "-c", SMALL, &full]).contains("cannot write"));
}

#[test]
fn a_wrong_token_is_denied() {
    let sandbox = Sandbox::new();
    let lines = sandbox.ends(0, &["serve", "--new-token", "dana", "--scope", "viewer"]);
    let tokens = sandbox.file("tokens.toml", &lines);
    let server = Server::start(&sandbox, &["--tokens", &tokens]);
    let output = sandbox.command(&["get", "edges", "-c", &server.url]).env("SEAM_TOKEN", "guess").output().unwrap();
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{err}");
    assert!(err.contains("SEAM_TOKEN"), "{err}");
    assert!(!err.contains("guess"), "{err}");
    // A good one for reading only: what it lacks is named, and a path in front of nothing, too.
    let secret = lines.split_whitespace().find(|it| it.starts_with("hft_"));
    let viewer = |code: i32, args: &[&str]| {
        let output = sandbox.command(args).env("SEAM_TOKEN", secret.unwrap()).output();
        let err = text(&output.as_ref().unwrap().stderr);
        assert_eq!(output.unwrap().status.code(), Some(code), "{err}");
        err
    };
    let requeue = ["requeue", "x", "-c", &server.url, "--yes", "--reason", "x"];
    let why = viewer(4, &requeue);
    assert!(why.contains("needs the scope operator"), "{why}");
    assert_eq!(why.matches(&server.url).count(), 1, "{why}");
    let elsewhere = format!("{}/foo", server.url);
    let why = viewer(1, &["get", "edges", "-c", &elsewhere]);
    assert!(why.contains(&elsewhere), "{why}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let sandbox = Sandbox::new();
    let mut lines = String::new();
    for nth in 0..3_000 {
        let line = format!(
            "{{\"at\":\"2026-03-01T10:00:00Z\",\"kind\":\"emitted\",\"pipeline\":\"p\",\"trace_id\":\"t-{nth}\",\"step\":1,\"from\":\"a\",\"to\":\"b\",\"handoff_id\":\"h-{nth}\",\"error\":null,\"payload_summary\":\"x\"}}\n"
        );
        lines.push_str(&line);
    }
    let address = format!("file:{}", sandbox.file("many.ndjson", &lines));
    for args in [["get", "events"], ["get", "tasks"], ["export", "--"]] {
        let mut command = sandbox.command(&[args[0]]);
        if args[0] == "get" {
            command.arg(args[1]);
        }
        let mut child = command.args(["-c", &address]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = [0; 10];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        let output = child.wait_with_output().unwrap();
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{err}");
        assert!(!err.contains("panicked"), "{err}");
    }
}

#[test]
fn policies_hold_on_a_store_as_they_do_on_its_server() {
    let sandbox = Sandbox::new();
    let policies = sandbox.file("policies.toml", "[[edge]]\nto = 'research'\napproval = true\n");
    let config = sandbox.file("config.toml", "policies = '~/policies.toml'\n");
    let store = format!("sqlite:{}", sandbox.path("run.db").display());
    let server = Server::start(&sandbox, &["--policies", &policies]);
    let ids = ["one", "two", "three"].map(|it| server.dead_letter(&contract(it), it));
    drop(server);
    let questions = || {
        let inbox = sandbox.json(&["get", "inbox", "-c", &store]);
        inbox["total"].as_u64().unwrap()
    };
    let reject = |id: &str, more: &[&str]| {
        let escalate = ["escalate", id, "-c", &store, "--yes", "--reason", "look"];
        sandbox.ends(0, &escalate);
        let mut args = vec!["reject", id, "-c", &store, "--yes", "--reason", "shorter"];
        args.extend(more);
        sandbox.command(&args)
    };
    let rejected = |command: &mut Command| assert!(command.output().unwrap().status.success());
    // Sent back to research: a handoff on an edge that asks a person first, if anybody knows that.
    rejected(&mut reject(&ids[0], &[]));
    assert_eq!(questions(), 0);
    rejected(reject(&ids[1], &[]).env("SEAM_POLICIES", &policies));
    assert_eq!(questions(), 1);
    rejected(&mut reject(&ids[2], &["--config", &config]));
    assert_eq!(questions(), 2);
    let wrong = sandbox.file("wrong.toml", "[[edge]]\nstrictnes = 'strict'\n");
    let said = sandbox.says(2, &["get", "edges", "-c", &store, "--policies", &wrong]);
    assert!(said.contains("wrong.toml") && said.contains("strictnes"), "{said}");
    let separation = sandbox.file("separation.toml", "[[edge]]\nseparation = true\n");
    let said = sandbox.says(2, &["get", "edges", "-c", &store, "--policies", &separation]);
    assert!(said.contains("nobody has one") && said.contains("--tokens"), "{said}");
}

/// A configuration with a recording that is open to acts as far as it goes, the address of a server, and the same one
/// locked.
fn contexts(sandbox: &Sandbox, url: &str) -> String {
    let text = format!(
        r#"context = "live"
operator = "dana"

[contexts.live]
address = "{url}"
environment = "PROD"
token_command = "echo hft_never_told"

[contexts.locked]
address = "{url}"
color = "warning"
read_only = true

[contexts.recorded]
address = "{SMALL}"
filter = "to:crm"

[contexts.both]
addresses = ["{url}", "{SMALL}"]
token_file = "~/never.token"
"#
    );
    sandbox.file("config.toml", &text)
}

#[test]
fn contexts_are_listed_with_where_their_token_comes_from_and_never_with_the_token() {
    let sandbox = Sandbox::new();
    let none = sandbox.says(0, &["contexts"]);
    assert!(none.contains("no contexts") && none.contains("seamwatch/config.toml"), "{none}");
    let config = contexts(&sandbox, "http://127.0.0.1:9");
    let with = |more: &[&str]| {
        let args: Vec<&str> = ["contexts", "--config", &config].iter().chain(more).copied().collect();
        sandbox.command(&args).env("SEAM_TOKEN", "hft_of_the_environment").output().unwrap()
    };
    let table = text(&with(&[]).stdout);
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[1], ["*", "live", "PROD", "no", "token_command", "http://127.0.0.1:9"]);
    assert_eq!(lines[2], ["locked", "-", "yes", "SEAM_TOKEN", "http://127.0.0.1:9"]);
    assert_eq!(lines[4], ["both", "-", "no", "token_file", "http://127.0.0.1:9", SMALL]);
    let json = with(&["-o", "json", "-x", "locked"]).stdout;
    let document: Value = serde_json::from_slice(&json).unwrap();
    fits("contexts", &document);
    assert_eq!((&document["current"], &document["rows"][1]["current"]), (&json!("locked"), &json!(true)));
    assert_eq!((&document["rows"][0]["color"], &document["rows"][1]["color"]), (&json!("danger"), &json!("warning")));
    assert_eq!((&document["rows"][2]["filter"], &document["rows"][2]["read_only"]), (&json!("to:crm"), &json!(false)));
    for output in [table, text(&json), text(&with(&["-o", "jsonl"]).stdout)] {
        assert!(output.contains("token_command") && !output.contains("hft_"), "{output}");
    }
}

#[test]
fn a_context_says_what_a_command_connects_to() {
    let sandbox = Sandbox::new();
    let config = contexts(&sandbox, "http://127.0.0.1:9");
    let with = |args: &[&str]| sandbox.json(&[args, &["--config", &config]].concat())["source"].clone();
    assert_eq!(with(&["get", "edges", "-x", "recorded"]), SMALL);
    assert_eq!(with(&["show", "s-3", "--context", "recorded"]), SMALL);
    assert_eq!(with(&["get", "edges", "-x", "live", "-c", SMALL]), SMALL, "the address of the flag is the stronger");
    let mut by_variable = sandbox.command(&["export", "--config", &config]);
    let exported = by_variable.env("SEAM_CONTEXT", "recorded").output().unwrap();
    assert!(exported.status.success() && text(&exported.stdout).contains("handoff.emitted"), "{exported:?}");
    let refused = |args: &[&str]| sandbox.says(2, &[args, &["--config", &config]].concat());
    let several = refused(&["get", "edges", "-x", "both"]);
    assert!(
        several.contains("the context both has several addresses") && several.contains("http://127.0.0.1:9, file:"),
        "{several}"
    );
    for command in [&["get", "edges"][..], &["watch"], &[], &["claim", "x", "--yes"], &["contexts"]] {
        let unknown = refused(&[command, &["-x", "recoded"]].concat());
        assert!(unknown.contains("no context \"recoded\" (--context); did you mean recorded?"), "{unknown}");
        assert!(unknown.contains("live, locked, recorded, both"), "{unknown}");
    }
    let before = refused(&["-x", "recorded", "get", "edges"]);
    assert!(before.contains("Did you mean `seam get -x recorded`?"), "{before}");
    let wrong = sandbox.file("wrong.toml", "[contexts.prod]\nadress = 'http://x'\n");
    let told = sandbox.says(2, &["get", "edges", "--config", &wrong]);
    assert!(told.contains("line 2: there is no setting \"adress\" of a context; did you mean address?"), "{told}");
}

#[test]
fn a_read_only_context_refuses_every_act() {
    let sandbox = Sandbox::new();
    let server = Server::start(&sandbox, &[]);
    let id = server.dead_letter(&contract("one"), "no");
    let config = contexts(&sandbox, &server.url);
    let act = |name: &str, act: &[&str]| {
        let flags = ["--config", &config, "-x", name, "--yes", "--reason", "it is back"];
        sandbox.run(&[act, &flags].concat())
    };
    let acts: [&[&str]; 3] =
        [&["requeue", &id], &["annotate", &id, "--verdict", "root cause: CRM"], &["pause", "research>writer"]];
    for it in acts {
        let refused = act("locked", it);
        assert_eq!(refused.status.code(), Some(4), "{it:?}");
        let why = text(&refused.stderr);
        assert!(why.contains("the context locked is read-only"), "{why}");
    }
    let done = act("live", acts[0]);
    assert!(done.status.success(), "{}", text(&done.stderr));
}
