//! Consoles and commands behind proxies with their defaults, and tokens: nginx, `HAProxy` and Caddy where they are installed,
//! and always a proxy of this file, which keeps an answer back until it ends or fills a buffer, as nginx does.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests fail like tests

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use seamwatch::testing::domain::port::{Batch, Begin};
use seamwatch::testing::source::Source;
use seamwatch::testing::source::http::Http;
use serde_json::json;
use tempfile::TempDir;

#[path = "support/wait.rs"]
mod wait;
use wait::{DEADLINE, until};

/// Bytes that a proxy collects before it hands them on.
const BUFFER: usize = 4_096;

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `seam serve` with tokens, and one handoff that failed for good.
struct Served {
    _server: Running,
    home: TempDir,
    url: String,
    secret: String,
    handoff: String,
}

fn seam(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seam"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("SEAM_") || name.starts_with("XDG_") {
            command.env_remove(&*name);
        }
    }
    command.args(args).env("HOME", home).current_dir(home).stdin(Stdio::null());
    command
}

impl Served {
    fn start() -> Self {
        let home = TempDir::new().unwrap();
        let new = ["serve", "--new-token", "dana", "--scope", "viewer,operator,agent", "--agent", "research,writer"];
        let Output { stdout, .. } = seam(home.path(), &new).output().unwrap();
        let lines = String::from_utf8(stdout).unwrap();
        let secret = lines.split_whitespace().find(|it| it.starts_with("hft_")).unwrap().to_owned();
        std::fs::write(home.path().join("tokens.toml"), &lines).unwrap();
        let serve = ["serve", "--tokens", "tokens.toml", "--listen", "127.0.0.1:0"];
        let mut child = seam(home.path(), &serve).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let url = line.split_whitespace().find(|it| it.starts_with("http://")).unwrap().to_owned();
        std::thread::spawn(move || said.lines().for_each(drop)); // a full pipe would stop it
        let mut served = Self { _server: Running(child), home, url, secret, handoff: String::new() };
        let emitted = served.post("/handoffs", &contract());
        emitted["handoff_id"].as_str().unwrap().clone_into(&mut served.handoff);
        let lease = served.post("/handoffs/claim", &json!({ "agent": "writer" }))["lease_id"].clone();
        let failed = json!({ "lease_id": lease, "code": "broken", "detail": "x" });
        served.post(&format!("/handoffs/{}/fail", served.handoff), &failed);
        served
    }

    fn post(&self, path: &str, body: &serde_json::Value) -> serde_json::Value {
        let host = self.url.trim_start_matches("http://");
        let (body, secret) = (body.to_string(), &self.secret);
        let mut stream = TcpStream::connect(host).unwrap();
        let head = format!("POST /api/v1{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {secret}\r\n");
        let rest =
            format!("Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        stream.write_all((head + &rest + &body).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.split(' ').nth(1).is_some_and(|it| it.starts_with('2')), "{answer}");
        serde_json::from_str(body).unwrap()
    }

    /// Every command that reads or acts once works at this address.
    fn works_through(&self, proxy: &str, name: &str) {
        let home = self.home.path();
        let run = |args: &[&str]| {
            let Output { status, stdout, stderr } =
                seam(home, args).args(["-c", proxy]).env("SEAM_TOKEN", &self.secret).output().unwrap();
            let (out, err) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
            assert!(status.success(), "{name}: {args:?}: {err}{out}");
            out
        };
        for kind in ["pipelines", "edges", "tasks", "dead", "events"] {
            let shown = run(&["get", kind, "-o", "jsonl"]);
            assert!(
                shown.contains("launch") || kind == "events" && shown.lines().count() > 2,
                "{name}: {kind}: {shown}"
            );
        }
        assert!(run(&["show", &self.handoff]).contains("Write it"), "{name}");
        let file = home.join(format!("{name}.ndjson"));
        run(&["export", file.to_str().unwrap()]);
        assert!(std::fs::read_to_string(&file).unwrap().lines().count() > 2, "{name}");
        run(&["annotate", &self.handoff, "--verdict", "seen", "--yes"]);
    }

    /// A console begins at this address, and hears what happens after that.
    async fn is_watched_through(&self, proxy: &str, name: &str) {
        let source = Http::new(proxy.parse().unwrap(), Some(&self.secret)).unwrap();
        let mut watch = source.watch(None);
        let mut next = async || tokio::time::timeout(DEADLINE, watch.next()).await.unwrap().unwrap().unwrap();
        let first = next().await;
        assert!(matches!(first, Batch::Begin(Begin::Fresh(_))), "{name}: {first:?}");
        while !matches!(next().await, Batch::Alive { .. }) {}
        self.post("/handoffs", &contract());
        loop {
            if let Batch::Events { events, .. } = next().await {
                assert!(events.iter().any(|it| it.fact.name() == "handoff.emitted"), "{name}: {events:?}");
                return;
            }
        }
    }
}

fn contract() -> serde_json::Value {
    json!({
        "source": {"kind": "agent", "id": "research"}, "target": {"kind": "agent", "id": "writer"},
        "pipeline": {"name": "launch", "version": "1.0.0", "stage": "draft", "output": "article"},
        "brief": {
            "title": "Write it", "goal": "Publish", "current_state": "Researched", "next_step": "Write",
            "definition_of_done": [{"item": "Written", "met": false}], "owner": {"kind": "agent", "id": "writer"}
        },
        "working_memory": {"payload": {"schema": "free", "version": "1.0.0", "fields": {}}},
        "provenance": {"model": null, "prompt": null, "confidence": 0.7, "tool_calls": []},
        "side_effects": [],
        "failure_modes": {"retryable": [], "escalate": [], "default": "dead_letter"}
    })
}

/// A proxy of this file, in front of a server, and the heads of the requests that came through it.
struct Buffering {
    url: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Buffering {
    /// `obeys` the header that asks it not to keep an answer back.
    fn before(server: &str, obeys: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = server.trim_start_matches("http://").to_owned();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = heads.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (server, heads) = (server.clone(), kept.clone());
                // Whoever went away has no answer to get.
                std::thread::spawn(move || drop(passed_on(client, &server, obeys, &heads)));
            }
        });
        Self { url, heads }
    }
}

/// Passes one request on, and its answer back: the head and the body in buffers.
fn passed_on(mut client: TcpStream, server: &str, obeys: bool, heads: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut asked = BufReader::new(client.try_clone()?);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if asked.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let lower = line.to_ascii_lowercase();
        if let Some(it) = lower.strip_prefix("content-length:") {
            length = it.trim().parse().unwrap();
        }
        if lower.starts_with("connection:") || lower.starts_with("host:") {
            continue;
        }
        if line.trim().is_empty() {
            break;
        }
        head += &line;
    }
    heads.lock().unwrap().push(head.clone());
    let mut body = vec![0; length];
    asked.read_exact(&mut body)?;
    let mut upstream = TcpStream::connect(server)?;
    upstream.write_all(format!("{head}Host: {server}\r\nConnection: close\r\n\r\n").as_bytes())?;
    upstream.write_all(&body)?;
    // Who asked may go away while the server says nothing.
    let (gone, ends) = (client.try_clone()?, upstream.try_clone()?);
    std::thread::spawn(move || {
        let _ = (&gone).read(&mut [0]);
        let _ = ends.shutdown(Shutdown::Both);
    });
    let (mut kept, mut chunk, mut at_once) = (Vec::new(), [0; BUFFER], false);
    loop {
        let read = upstream.read(&mut chunk)?;
        kept.extend_from_slice(&chunk[..read]);
        at_once |=
            obeys && String::from_utf8_lossy(&kept).to_ascii_lowercase().contains("\r\nx-accel-buffering: no\r\n");
        if at_once || read == 0 || kept.len() >= BUFFER {
            client.write_all(&kept)?;
            kept.clear();
        }
        if read == 0 {
            return client.shutdown(Shutdown::Both);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_keeps_answers_back_keeps_nobody_out() {
    let served = Served::start();
    for (name, obeys) in [("obedient", true), ("stubborn", false)] {
        let proxy = Buffering::before(&served.url, obeys);
        served.works_through(&proxy.url, name);
        let heads = proxy.heads.lock().unwrap().join("").to_ascii_lowercase();
        assert!(heads.contains("/api/v1/snapshot") && !heads.contains("text/event-stream"), "{name}: {heads}");
        served.is_watched_through(&proxy.url, name).await;
    }
}

/// A port that nobody has.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Where a program is, on the path or where servers are; `None` where it is not installed.
fn installed(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    places.map(|it| it.join(program)).find(|it| it.is_file())
}

/// A proxy as it is set up by who reads the first page of its manual: the program, its arguments, its configuration.
type Setup = (&'static str, fn(&Path) -> Vec<String>, fn(&str, u16, &Path) -> String);

const PROXIES: [Setup; 3] = [
    (
        "nginx",
        |file| vec!["-c".into(), file.display().to_string()],
        |server, port, home| {
            let home = home.display();
            let temp =
                ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|it| format!("{it}_temp_path {home}/{it};"));
            format!(
                "daemon off; pid {home}/nginx.pid; error_log {home}/nginx.log; events {{}}\n\
                 http {{ access_log off; {} server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://{server}; }} }} }}",
                temp.concat()
            )
        },
    ),
    (
        "haproxy",
        |file| vec!["-f".into(), file.display().to_string()],
        |server, port, _| {
            format!(
                "defaults\n mode http\n timeout connect 5s\n timeout client 50s\n timeout server 50s\n\
                 listen seam\n bind 127.0.0.1:{port}\n server one {server}\n"
            )
        },
    ),
    (
        "caddy",
        |file| {
            ["run", "--adapter", "caddyfile", "--config"]
                .map(str::to_owned)
                .into_iter()
                .chain([file.display().to_string()])
                .collect()
        },
        |server, port, _| {
            format!("{{\n admin off\n auto_https off\n}}\nhttp://127.0.0.1:{port} {{\n reverse_proxy {server}\n}}\n")
        },
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn proxies_with_their_defaults_keep_nobody_out() {
    let served = Served::start();
    let upstream = served.url.trim_start_matches("http://");
    for (name, arguments, configuration) in PROXIES {
        let Some(program) = installed(name) else {
            println!("not tried: {name} is not installed");
            continue;
        };
        let (port, home) = (free_port(), served.home.path());
        let file = home.join(format!("{name}.conf"));
        std::fs::write(&file, configuration(upstream, port, home)).unwrap();
        let mut command = Command::new(program);
        command
            .args(arguments(&file))
            .env("HOME", home)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut proxy = Running(command.spawn().unwrap());
        let up = || TcpStream::connect(("127.0.0.1", port)).ok();
        until(up, || format!("{name} listens: {:?}", proxy.0.try_wait()));
        let url = format!("http://127.0.0.1:{port}");
        served.works_through(&url, name);
        served.is_watched_through(&url, name).await;
    }
}
