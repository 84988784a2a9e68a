//! The real binary in a pty: what reaches the terminal, and that it is given back however the program ends.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests fail like tests

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use pty_process::Size;
use pty_process::blocking::{Pty, open};
use rustix::process::{Pid, Signal, kill_process};
use seamwatch::testing::demo::Host;
use serde_json::{Value, json};
use tempfile::TempDir;

#[path = "support/wait.rs"]
mod wait;
use wait::{eventually, until};

/// Given back: off the other screen, cursor shown, mouse and paste off, lines wrap.
const GIVEN_BACK: [&[u8]; 5] = [b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?1000l", b"\x1b[?2004l", b"\x1b[?7h"];

/// Text of an agent that would do something to a terminal: clipboard, link, title, report, C1, bidi, zero width.
const HOSTILE: &str = concat!(
    "x\\u001b]52;c;ZXZpbA==\\u0007\\u001b]8;;http://evil\\u0007y\\u001b]0;owned\\u0007\\u001b[6n",
    "\\u009b31m\\u202egpj\\u200b\\u001bP+q544e\\u001b\\\\z"
);

/// The program on its terminal.
struct Session {
    child: Child,
    pty: Arc<Pty>,
    bytes: Arc<Mutex<Vec<u8>>>,
    size: (u16, u16),
    _home: TempDir,
}

impl Session {
    /// `seam watch` on a recording with hostile text in every string.
    fn start(columns: u16, rows: u16, environment: &[(&str, &str)]) -> Self {
        Self::replay(&["--speed=max"], (columns, rows), environment)
    }

    /// The same with other flags.
    fn replay(flags: &[&str], size: (u16, u16), environment: &[(&str, &str)]) -> Self {
        let home = TempDir::new().unwrap();
        let recording = home.path().join("r.ndjson");
        let line = |at: &str, kind: &str, id: &str| {
            format!(
                r#"{{"at":"2026-08-20T03:1{at}Z","kind":"{kind}","pipeline":"p{HOSTILE}","trace_id":"t{HOSTILE}","step":1,"from":"writer{HOSTILE}","to":"reviewer","handoff_id":"{id}{HOSTILE}","error":"code {HOSTILE}","payload_summary":"title {HOSTILE}"}}"#
            )
        };
        let lines = [
            line("2:00.000", "emitted", "h-1"),
            line("2:01.000", "acknowledged", "h-1"),
            line("2:01.100", "emitted", "h-3"),
            line("2:01.200", "dead_lettered", "h-3"),
            line("2:01.300", "emitted", "h-4"),
            line("2:01.400", "escalated", "h-4"),
            line("2:02.000", "emitted", "h-2"),
        ];
        std::fs::write(&recording, lines.join("\n")).unwrap();
        let address = format!("file:{}", recording.display());
        let mut args = vec![address.as_str()];
        args.extend(flags);
        Self::watch(&args, home, size, environment)
    }

    /// `seam watch` on an address.
    fn watch(args: &[&str], home: TempDir, size: (u16, u16), environment: &[(&str, &str)]) -> Self {
        Self::run(&[&["watch"], args].concat(), home, size, environment)
    }

    /// `seam` with these arguments.
    fn run(args: &[&str], home: TempDir, size: (u16, u16), environment: &[(&str, &str)]) -> Self {
        let (columns, rows) = size;
        let (pty, pts) = open().unwrap();
        pty.resize(Size::new(rows, columns)).unwrap();
        let mut command = pty_process::blocking::Command::new(env!("CARGO_BIN_EXE_seam"))
            .args(args)
            .env("HOME", home.path())
            .env("TERM", "xterm-256color")
            .env_remove("NO_COLOR")
            .env_remove("SEAM_CONTEXT")
            .env_remove("SEAM_ADDRESS")
            .env_remove("TMUX");
        for (name, value) in environment {
            command = command.env(name, value);
        }
        let child = command.spawn(pts).unwrap();
        let pty = Arc::new(pty);
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let (reader, sink) = (pty.clone(), bytes.clone());
        std::thread::spawn(move || {
            let mut chunk = [0; 8_192];
            while let Ok(read @ 1..) = (&*reader).read(&mut chunk) {
                sink.lock().unwrap().extend_from_slice(&chunk[..read]);
            }
        });
        Self { child, pty, bytes, size, _home: home }
    }

    fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().clone()
    }

    /// What a terminal shows of all that was written.
    fn screen(&self) -> String {
        let mut parser = vt100::Parser::default();
        let size = |it: u16| it.try_into().unwrap();
        parser.screen_mut().set_size(size(self.size.1), size(self.size.0));
        parser.process(&self.bytes());
        parser.screen().contents()
    }

    /// Seconds of the day by the clock at the end of the status line; it shows local time, or UTC.
    fn clock(&self) -> i32 {
        let screen = self.screen();
        let mut words = screen.split_whitespace();
        let clock = words.find(|it| it.len() == 8 && it.matches(':').count() == 2).unwrap();
        clock.split(':').fold(0, |sum, it| sum * 60 + it.parse::<i32>().unwrap())
    }

    #[track_caller]
    fn wait(&self, what: &str, ready: impl Fn(&Self) -> bool) {
        until(|| ready(self).then_some(()), || format!("{what}; the screen:\n{}", self.screen()));
    }

    #[track_caller]
    fn wait_for(&self, text: &str) {
        self.wait(text, |it| it.screen().contains(text));
    }

    fn press(&self, keys: &[u8]) {
        (&*self.pty).write_all(keys).unwrap();
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end, and checks that the terminal was given back.
    #[track_caller]
    fn ends(mut self, code: i32) -> Vec<u8> {
        let status = until(|| self.child.try_wait().unwrap(), || "it ends".to_owned());
        assert_eq!(status.code(), Some(code));
        self.wait("terminal given back", |it| {
            let bytes = it.bytes();
            GIVEN_BACK.iter().all(|end| after_last(&bytes, b"\x1b[?1049h", end))
        });
        self.bytes()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn position(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).rposition(|it| it == what)
}

/// `what` was written after the last `before`.
fn after_last(bytes: &[u8], before: &[u8], what: &[u8]) -> bool {
    position(bytes, what) > position(bytes, before)
}

#[test]
fn it_gives_the_terminal_back_when_the_user_leaves() {
    for keys in [&b"q"[..], b"\x03", b":\x03"] {
        let session = Session::start(80, 24, &[]);
        session.wait_for("? help");
        session.press(keys);
        session.ends(0);
    }
}

#[test]
fn it_gives_the_terminal_back_on_signals() {
    for end in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
        let session = Session::start(80, 24, &[]);
        session.wait_for("? help");
        // These mean nothing here.
        session.signal(Signal::USR1);
        session.signal(Signal::USR2);
        session.press(b"6");
        session.wait_for("EVENTS");
        session.signal(end);
        session.ends(0);
    }
}

#[test]
fn a_replay_begins_where_it_is_told() {
    let flags = ["--speed=max", "--as-of=2026-08-20T03:12:01.050Z"];
    let session = Session::replay(&flags, (80, 24), &[]);
    session.wait_for("replay paused");
    session.press(b"6");
    session.wait_for("acknowledged");
    assert!(!session.screen().contains("dead lettered"), "{}", session.screen());
    session.press(b".");
    session.wait_for("dead lettered");
}

#[test]
fn it_stops_on_ctrl_z_and_comes_back_with_the_screen_it_had() {
    let session = Session::start(80, 24, &[]);
    session.wait_for("? help");
    session.press(b"6");
    session.wait_for("EVENTS");
    session.press(b"\x1a");
    session.wait("terminal given back", |it| after_last(&it.bytes(), b"\x1b[?1049h", b"\x1b[?1049l"));
    let stopped = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", session.child.id())).unwrap();
        stat.rsplit(") ").next().unwrap().starts_with('T')
    };
    session.wait("stopped program", |_| stopped());
    session.signal(Signal::CONT);
    session.wait("terminal taken again", |it| after_last(&it.bytes(), b"\x1b[?1049l", b"\x1b[?1049h"));
    session.wait_for("EVENTS");
    session.press(b"q");
    session.ends(0);
}

/// The address in the words of a console, or of its screen.
fn url(text: &str) -> String {
    let from = text.rfind("http://127.0.0.1:").unwrap();
    text[from..]
        .chars()
        .take_while(|it| !it.is_whitespace() && *it != '`')
        .collect::<String>()
        .trim_end_matches(':')
        .to_owned()
}

/// What a server answers to a question without a body: the status, and the rest.
fn asked(url: &str, path: &str, headers: &str) -> Option<String> {
    let host = url.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(host).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\n{headers}Connection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

#[test]
fn alone_it_listens_for_the_agents_of_this_machine_and_says_where() {
    // Somebody has the usual port: this test, or whoever was there before it.
    let _taken = std::net::TcpListener::bind("127.0.0.1:7600");
    let session = Session::run(&[], TempDir::new().unwrap(), (160, 30), &[]);
    session.wait_for("port 7600 is taken");
    session.wait_for("agent.py emit");
    let here = url(&session.screen());
    assert!(asked(&here, "/healthz", "").unwrap().contains(" 200 "), "{here}");
    assert!(session.screen().contains(&format!("HANDOFF_URL={here} python3")), "{}", session.screen());
    // It is as careful as `seam serve` without tokens.
    for foreign in ["Origin: http://evil.example\r\n", "X-Forwarded-For: 1.2.3.4\r\n"] {
        assert!(asked(&here, "/api/v1/me", foreign).unwrap().contains(" 403 "), "{foreign}");
    }
    session.press(b"\x1a");
    session.wait("it says what stops", |it| {
        let bytes = it.bytes();
        let said = format!("seam: the orchestrator at {here} is stopped, too: agents get no answer until `fg`");
        position(&bytes, said.as_bytes()) > position(&bytes, b"\x1b[?1049l")
    });
    session.signal(Signal::CONT);
    session.wait("terminal taken again", |it| after_last(&it.bytes(), b"\x1b[?1049l", b"\x1b[?1049h"));
    session.press(b"q");
    session.ends(0);
    assert_eq!(asked(&here, "/healthz", ""), None);
}

#[test]
fn what_is_only_looked_at_or_named_does_not_listen() {
    let named = TempDir::new().unwrap();
    let store = format!("sqlite:{}", named.path().join("x.db").display());
    for args in [&["--readonly"][..], &[&store]] {
        let session = Session::run(args, TempDir::new().unwrap(), (160, 30), &[]);
        session.wait_for("No agent can reach it like this");
        session.wait_for("`seam serve --store");
        assert!(!session.screen().contains("http://"), "{}", session.screen());
        session.press(b"q");
        session.ends(0);
    }
}

#[test]
fn a_terminal_that_says_it_has_no_size_is_drawn_in() {
    let session = Session::start(0, 0, &[]);
    let drawn = |it: &Session| {
        let mut parser = vt100::Parser::default(); // 80x24
        parser.process(&it.bytes());
        parser.screen().contents().contains("? help")
    };
    session.wait("a screen", drawn);
    session.press(b"q");
    session.ends(0);
}

#[test]
fn nothing_hostile_reaches_the_terminal_raw() {
    let session = Session::start(160, 40, &[]);
    session.wait_for("? help");
    for (keys, shown) in [
        (&b"2"[..], "2"),
        (b"3", "3"),
        (b"7", "7"),
        (b"1", "1"),
        (b":wri", "go to or do"),
        (b"\x1b", ""),
        (b"6", "EVENTS"),
        (b"kk", "holding"),
        (b"?", "keys on events"),
    ] {
        session.press(keys);
        if shown.is_empty() {
            session.wait("palette closed", |it| !it.screen().contains("go to or do"));
        } else {
            session.wait_for(shown);
        }
    }
    session.press(b"\x1b");
    session.wait("help closed", |it| !it.screen().contains("keys on events"));
    // The lists of triage, and every tab of the page of one that is dead and of one that is asked about.
    for (screen, open) in [(&b"4"[..], &b"\rj\r"[..]), (b"5", b"\r")] {
        session.press(screen);
        session.wait_for(if screen == b"4" { "DEAD LETTERS  1" } else { "INBOX" });
        session.press(open);
        session.wait_for("Provenance");
        for _ in 0..8 {
            let before = session.bytes().len();
            session.press(b"\ty");
            session.wait("next tab", |it| it.bytes().len() > before);
        }
        session.press(b"\x1b");
        session.wait("page closed", |it| !it.screen().contains("Provenance"));
    }
    session.press(b"q");
    let bytes = session.ends(0);
    let text = String::from_utf8(bytes).unwrap();
    // What `y` copies of an id that begins with "h-" is the only thing the console itself writes there.
    let text = text.replace("\x1b]52;c;aC0", "");
    for raw in ["\x1b]52", "\x1b]8", "owned\x07", "\x1b[6n", "\u{9b}", "\u{202e}", "\u{200b}", "\x1bP"] {
        assert!(!text.contains(raw), "{raw:?} reached the terminal");
    }
    assert!(text.contains("␛]52;c;"), "it is shown as marks instead");
}

#[test]
fn a_storm_of_sizes_and_junk_ends_in_a_good_screen() {
    let mut session = Session::start(80, 24, &[]);
    session.wait_for("? help");
    for (columns, rows) in [(1, 1), (300, 90), (39, 9), (2, 50), (500, 1), (40, 10), (7, 3), (120, 40)] {
        session.pty.resize(Size::new(rows, columns)).unwrap();
        session.press(b"6jjkk");
        session.press(b"\x1b[200~rm -rf /\nq\nQ\x1b]52;c;eA==\x07\n\x1b[201~");
    }
    session.size = (120, 40);
    session.wait_for("EVENTS");
    session.press(b"/");
    session.press(b"\x1b[200~h-2\nq\x1b[201~");
    session.wait_for("/h-2 q");
    session.press(b"\x1b");
    session.wait("filter closed", |it| !it.screen().contains("/h-2 q"));
    session.press(b"q");
    session.ends(0);
}

/// What piles up on a busy machine comes all at once: keys count even though a new size came with them.
#[test]
fn keys_that_come_with_a_new_size_count() {
    let mut session = Session::start(80, 24, &[]);
    session.wait_for("? help");
    for round in 0..150 {
        let (key, shown, rows) = if round % 2 == 0 { (b"6", "EVENTS", 40) } else { (b"1", "PIPELINES", 30) };
        session.size = (120, rows);
        session.pty.resize(Size::new(rows, 120)).unwrap();
        session.press(key);
        session.wait(&format!("{shown} in round {round}"), |it| it.screen().contains(shown));
    }
    session.press(b"q");
    session.ends(0);
}

#[test]
fn copying_goes_through_the_terminal_and_is_harmless() {
    let session = Session::start(120, 30, &[]);
    session.wait_for("? help");
    session.press(b"6");
    session.wait_for("EVENTS");
    session.press(b"y");
    session.wait_for("copied the handoff id");
    session.press(b"q");
    let text = String::from_utf8(session.ends(0)).unwrap();
    // "h-2x␛]52" begins like this in base64.
    assert!(text.contains("\x1b]52;c;aC0yeOKQm"), "{text:?}");
}

#[test]
fn nothing_is_written_but_the_clock_when_nothing_happens() {
    let home = TempDir::new().unwrap();
    let store = format!("sqlite:{}", home.path().join("seam.db").display());
    let session = Session::watch(&[&store], home, (120, 40), &[]);
    session.wait_for("healthy");
    session.wait_for("live");
    let (before, begin) = (session.bytes().len(), session.clock());
    let seconds = || (session.clock() - begin).rem_euclid(24 * 3_600);
    let shown = until(|| Some(seconds()).filter(|it| *it >= 3), || "the clock goes on".to_owned());
    let written = session.bytes().len() - before;
    session.press(b"q");
    session.ends(0);
    // One second more than is shown may be under way.
    assert!(written <= 40 * (shown as usize + 1), "{written} bytes in {shown} s");
}

#[test]
fn a_console_closes_its_own_store_however_it_ends() {
    for end in [None, Some(Signal::TERM), Some(Signal::HUP)] {
        let (home, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let wal = place.path().join("seam.db-wal");
        let store = format!("sqlite:{}", place.path().join("seam.db").display());
        let session = Session::watch(&[&store], home, (100, 24), &[]);
        session.wait_for("live");
        assert!(wal.exists());
        match end {
            None => session.press(b"q"),
            Some(signal) => session.signal(signal),
        }
        session.ends(0);
        assert!(!wal.exists(), "{end:?}");
    }
}

#[test]
fn without_a_terminal_it_says_what_to_use() {
    let run = |dumb: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seam"));
        let home = TempDir::new().unwrap();
        command.args(["watch", "http://127.0.0.1:1"]).env("HOME", home.path());
        if dumb {
            command.env("TERM", "dumb");
        }
        command.stdin(Stdio::null()).output().unwrap()
    };
    for dumb in [false, true] {
        let output = run(dumb);
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("seam get"), "{said}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn no_color_means_no_colour() {
    let session = Session::start(80, 24, &[("NO_COLOR", "1")]);
    session.wait_for("? help");
    session.press(b"q");
    let text = String::from_utf8(session.ends(0)).unwrap();
    for sequence in text.split("\x1b[").skip(1) {
        let end = sequence.find(|it: char| it.is_ascii_alphabetic());
        let (codes, end) = sequence.split_at(end.expect("a sequence ends in a letter"));
        let numbers = codes.split(';').filter_map(|it| it.parse::<u8>().ok());
        let mut colours = numbers.filter(|it| matches!(it, 30..=38 | 40..=48 | 90..=107));
        assert!(!end.starts_with('m') || colours.next().is_none(), "{codes}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_editor_holds_up_nothing_but_keys() {
    let host = Host::start().await.unwrap();
    let base = format!("{}/api/v1", host.url());
    let id = dead_letter(&base).await;
    let home = TempDir::new().unwrap();
    let script = home.path().join("editor");
    let (open, close) = (home.path().join("open"), home.path().join("close"));
    let lines = format!(
        "echo $$ > {0}.new; mv {0}.new {0}; while [ ! -e {1} ]; do sleep 0.05; done",
        open.display(),
        close.display()
    );
    std::fs::write(&script, lines).unwrap();
    let editor = format!("sh {}", script.display());
    let session = Session::watch(&[host.url()], home, (120, 40), &[("VISUAL", &editor)]);
    session.wait_for("? help");
    session.press(b"4");
    session.wait_for("broken");
    session.press(b"\rj\r");
    session.wait_for("Provenance");
    session.press(b"D");
    session.wait_for("reason");
    session.press(b"\r\r");
    session.wait_for("It is sent in 10 s");
    session.press(b"y");
    session.wait_for("dismissed in");
    session.press(b"o");
    session.wait("editor", |_| open.exists());
    let sent = || async { (state(&base, &id).await == "dismissed").then_some(()) };
    eventually("the dismissal is sent", sent).await;
    session.signal(Signal::INT);
    std::fs::remove_file(&open).unwrap();
    std::fs::write(&close, "").unwrap();
    session.wait_for("Provenance");
    std::fs::remove_file(&close).unwrap();
    session.press(b"o");
    session.wait("editor again", |_| open.exists());
    let editor = std::fs::read_to_string(&open).unwrap();
    session.signal(Signal::TERM);
    session.ends(0);
    let editor = format!("/proc/{}", editor.trim());
    assert!(!std::path::Path::new(&editor).exists(), "left behind");
    host.stop().await.unwrap();
}

/// A handoff that failed for good.
async fn dead_letter(base: &str) -> String {
    // The client wants to know which cryptography to use, although this needs none.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::new();
    let post = async |path: &str, body: Value| -> Value {
        let request = http.post(format!("{base}/{path}")).json(&body);
        let answer = request.send().await.unwrap();
        answer.json().await.unwrap()
    };
    let contract = json!({
        "pipeline": {"name": "launch", "version": "1.0.0", "stage": "draft", "output": "article"},
        "target": {"kind": "agent", "id": "scribe"},
        "brief": {
            "title": "Write it", "goal": "Publish it", "current_state": "Researched", "next_step": "Write",
            "definition_of_done": [{"item": "Written", "met": false}], "decisions": ["None"],
            "constraints": ["None"], "tried": ["Nothing"], "owner": {"kind": "agent", "id": "scribe"}
        },
        "working_memory": {"summary": {
            "decision": "Write", "inputs_used": ["notes"], "open_questions": ["none"], "text": "notes"
        }},
        "provenance": {
            "agent": {"name": "research", "version": "1.0.0"}, "model": null,
            "prompt": {"name": "brief", "version": "18"}, "confidence": 0.7, "tool_calls": []
        },
        "side_effects": [],
        "failure_modes": {"retryable": [], "escalate": [], "default": "dead_letter", "max_attempts": 1}
    });
    post("handoffs", contract).await;
    let work = post("handoffs/claim", json!({"agent": "scribe"})).await;
    let id = work["handoff_id"].as_str().unwrap().to_owned();
    let lease = json!({"lease_id": work["lease_id"]});
    post(&format!("handoffs/{id}/ack"), lease).await;
    let failed = json!({"lease_id": work["lease_id"], "code": "broken", "detail": "for good"});
    post(&format!("handoffs/{id}/fail"), failed).await;
    assert_eq!(state(base, &id).await, "dead_lettered");
    id
}

async fn state(base: &str, id: &str) -> Value {
    let answer = reqwest::get(format!("{base}/handoffs/{id}")).await.unwrap();
    answer.json::<Value>().await.unwrap()["state"].clone()
}

/// Production on one server, something to read elsewhere, and a context whose token is not where it should be.
fn contexts(home: &TempDir, url: &str) -> String {
    let recording = home.path().join("r.ndjson");
    let line = r#"{"at":"2026-08-20T03:12:00.000Z","kind":"emitted","pipeline":"p","trace_id":"t","step":1,"from":"elsewhere","to":"reviewer","handoff_id":"h-1"}"#;
    std::fs::write(&recording, line).unwrap();
    let config = home.path().join("config.toml");
    let text = format!(
        "[contexts.live]\naddress = \"{url}\"\nenvironment = \"PROD\"\n\n\
         [contexts.old]\naddress = \"file:{}\"\n\n\
         [contexts.broken]\naddress = \"{url}\"\ntoken_file = \"~/no.token\"\n",
        recording.display()
    );
    std::fs::write(&config, text).unwrap();
    config.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_context_is_watched_from_then_on_and_has_a_view_of_its_own() {
    let host = Host::start().await.unwrap();
    dead_letter(&format!("{}/api/v1", host.url())).await;
    let home = TempDir::new().unwrap();
    let views = home.path().join(".config/seamwatch/views.toml");
    let config = contexts(&home, host.url());
    let session = Session::watch(&["-x", "live", "--config", &config], home, (120, 40), &[]);
    session.wait_for("research>scribe");
    session.wait("window title", |it| position(&it.bytes(), "seam · live".as_bytes()).is_some());
    assert!(session.screen().contains("PROD"), "{}", session.screen());
    session.press(b":context broken\r");
    session.wait_for("still on live");
    session.wait_for("no.token");
    session.press(b"\r");
    session.wait("dialog closed", |it| !it.screen().contains("still on"));
    assert!(session.screen().contains("research>scribe"), "{}", session.screen());
    session.press(b":context old\r");
    session.wait_for("elsewhere>reviewer");
    session.wait("window title", |it| after_last(&it.bytes(), "seam · live".as_bytes(), "seam · old".as_bytes()));
    let screen = session.screen();
    assert!(!screen.contains("research>scribe") && !screen.contains("PROD"), "{screen}");
    session.press(b"6");
    session.wait_for("EVENTS");
    session.press(b"\x13");
    session.wait_for("saved: seam opens context old on events");
    assert!(std::fs::read_to_string(&views).unwrap().contains("[\"context old\"]"));
    session.press(b":context live\r");
    session.wait_for("research>scribe");
    session.wait("the first screen", |it| !it.screen().contains("EVENTS"));
    session.press(b":context old\r");
    session.wait_for("elsewhere>reviewer");
    session.wait_for("EVENTS");
    session.press(b"q");
    session.ends(0);
    host.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_on_the_command_line_names_production() {
    let host = Host::start().await.unwrap();
    let base = format!("{}/api/v1", host.url());
    let id = dead_letter(&base).await;
    let home = TempDir::new().unwrap();
    let config = contexts(&home, host.url());
    let mut session =
        Session::run(&["requeue", &id, "-x", "live", "--config", &config], home, (120, 40), &[("NO_COLOR", "1")]);
    session.wait_for("requeue on PROD? [y/N]");
    session.press(b"y\n");
    session.wait_for("requeued");
    let status = until(|| session.child.try_wait().unwrap(), || "it ends".to_owned());
    assert!(status.success(), "{}", session.screen());
    assert_eq!(state(&base, &id).await, "pending");
    host.stop().await.unwrap();
}
