//! `seam serve` as its users meet it: the real program, its words, its exits, its end.

#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot go on has failed

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

#[path = "support/wait.rs"]
mod wait;
use wait::until;

fn seam(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seam"));
    command.arg("serve").current_dir(directory).env_remove("SEAM_LOG");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn ended(command: &mut Command) -> (i32, String) {
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.code().unwrap(), String::from_utf8(stderr).unwrap())
}

/// A server, its first line, and what it says afterwards.
fn started(command: &mut Command) -> (Child, String, BufReader<std::process::ChildStderr>) {
    let mut child = command.spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    (child, line, said)
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

fn wait(child: &mut Child) -> i32 {
    let status = until(|| child.try_wait().unwrap(), || "the server ends".to_owned());
    status.code().unwrap_or(-1)
}

#[test]
fn it_ends_well_when_nobody_hears_it_any_more() {
    let directory = tempfile::tempdir().unwrap();
    let (mut child, _, said) = started(seam(directory.path()).args(["--listen", "127.0.0.1:0"]));
    drop(said);
    signal(&child, Signal::TERM);
    assert_eq!(wait(&mut child), 0);
}

#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    let directory = tempfile::tempdir().unwrap();
    // The pipe stays open, and is not read any more.
    let (mut child, line, _said) =
        started(seam(directory.path()).env("SEAM_LOG", "debug").args(["--listen", "127.0.0.1:0"]));
    let host = line.split("http://").nth(1).and_then(|it| it.split(' ').next()).unwrap();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    let mut ask = |path: &str| {
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"}") {
            let mut chunk = [0; 4_096];
            let n = stream.read(&mut chunk).unwrap();
            assert!(n > 0, "it answers");
            answer.extend_from_slice(&chunk[..n]);
        }
    };
    // Many times what a pipe takes.
    for _ in 0..1_500 {
        ask(&format!("/nothing/{}", "y".repeat(1_000)));
    }
    signal(&child, Signal::TERM);
    assert_eq!(wait(&mut child), 0);
}

#[test]
fn it_says_where_it_listens_and_ends_well_on_a_signal() {
    for end in [Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP] {
        let directory = tempfile::tempdir().unwrap();
        let (mut child, line, mut said) = started(seam(directory.path()).args(["--listen", "127.0.0.1:0"]));
        assert!(line.starts_with("seam: listening on http://127.0.0.1:"), "{line}");
        assert!(line.contains("no token needed") && line.contains("sqlite:seamwatch.db"), "{line}");
        // These mean nothing to it.
        signal(&child, Signal::USR1);
        signal(&child, Signal::USR2);
        signal(&child, end);
        assert_eq!(wait(&mut child), 0);
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        assert!(rest.contains("stopped"), "{rest}");
        assert!(directory.path().join("seamwatch.db").exists());
    }
}

#[test]
fn started_to_outlive_its_terminal_it_does() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new("nohup");
    command.arg(env!("CARGO_BIN_EXE_seam")).args(["serve", "--listen", "127.0.0.1:0"]).current_dir(directory.path());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (mut child, _, mut said) = started(&mut command);
    signal(&child, Signal::HUP);
    signal(&child, Signal::TERM);
    assert_eq!(wait(&mut child), 0);
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert_eq!(rest.matches("once more ends at once").count(), 1, "{rest}");
}

#[test]
fn a_tilde_is_the_home_directory_where_no_shell_has_read_it() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("home");
    std::fs::create_dir(&home).unwrap();
    std::fs::write(home.join("policies.toml"), "").unwrap();
    let mut command = seam(directory.path());
    command.env("HOME", &home).env("SEAM_STORE", "sqlite:~/own.db").env("SEAM_POLICIES", "~/policies.toml");
    let (mut child, line, _said) = started(command.args(["--listen", "127.0.0.1:0"]));
    assert!(line.contains("listening"), "{line}");
    signal(&child, Signal::TERM);
    assert_eq!(wait(&mut child), 0);
    assert!(home.join("own.db").exists() && !directory.path().join("~").exists());
    let (code, said) = ended(seam(directory.path()).args(["--store", "sqlite:~dana/own.db"]));
    assert!(code == 2 && said.contains("~dana/own.db"), "{code} {said}");
}

#[test]
fn a_second_server_says_what_is_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, said) = ended(seam(directory.path()).args(["--listen", &address]));
    assert_eq!(code, 1);
    assert!(said.contains(&format!("{address} is in use")) && said.contains("--listen"), "{said}");
    assert!(!directory.path().join("seamwatch.db").exists(), "nothing was made");

    let (mut child, _, _said) = started(seam(directory.path()).args(["--listen", "127.0.0.1:0"]));
    let (code, said) = ended(seam(directory.path()).args(["--listen", "127.0.0.1:0"]));
    assert_eq!(code, 1);
    assert!(said.contains("in use by"), "{said}");
    signal(&child, Signal::KILL);
    wait(&mut child);
}

#[test]
fn a_store_has_one_server_whatever_name_it_is_given() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let (mut child, _, _said) = started(seam(directory.path()).args(["--listen", "127.0.0.1:0"]));
    std::fs::hard_link(at("seamwatch.db"), at("hard.db")).unwrap();
    std::os::unix::fs::symlink(at("hard.db"), at("soft.db")).unwrap();
    std::fs::remove_file(at("seamwatch.db.lock")).unwrap();
    for name in ["seamwatch.db", "hard.db", "soft.db"] {
        let store = format!("sqlite:{name}");
        let (code, said) = ended(seam(directory.path()).args(["--listen", "127.0.0.1:0", "--store", &store]));
        assert_eq!(code, 1, "{name}: {said}");
        assert!(said.contains("in use by another process"), "{name}: {said}");
    }
    signal(&child, Signal::KILL);
    wait(&mut child);
    // The system gave it back.
    let (mut child, line, _said) = started(seam(directory.path()).args(["--listen", "127.0.0.1:0"]));
    assert!(line.contains("listening"), "{line}");
    signal(&child, Signal::TERM);
    assert_eq!(wait(&mut child), 0);
}

#[test]
fn after_a_stop_all_is_in_the_one_file() {
    let directory = tempfile::tempdir().unwrap();
    let wal = directory.path().join("seamwatch.db-wal");
    for _ in 0..20 {
        let (mut child, line, _said) = started(seam(directory.path()).args(["--listen", "127.0.0.1:0"]));
        assert!(wal.exists(), "{line}");
        // Somebody who listens, and so holds the store.
        let host = line.split("http://").nth(1).and_then(|it| it.split(' ').next()).unwrap();
        let mut stream = std::net::TcpStream::connect(host).unwrap();
        write!(stream, "GET /api/v1/events HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n\r\n").unwrap();
        assert_eq!(stream.read(&mut [0; 12]).unwrap(), 12, "it answers");
        signal(&child, Signal::TERM);
        assert_eq!(wait(&mut child), 0);
        assert!(!wal.exists());
    }
}

#[test]
fn what_cannot_be_is_refused_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let tokens = file("tokens.toml", "[[token]]\nsubject = \"x\"\nsha256 = \"12\"\nscopes = [\"viewer\"]\n");
    let policies = file("policies.toml", "[[edge]]\nfrm = \"a\"\n[[edge]]\nmax_attempts = 0\n");
    std::fs::create_dir(directory.path().join("contracts")).unwrap();
    file("contracts/lead.json", "{}");
    file("contracts/lead-9.0.0.json", "{");
    let foreign = file("foreign.db", "this is no database, it is a letter to a friend, and long enough");
    let store = format!("sqlite:{foreign}");
    let separation = file("separation.toml", "[[edge]]\nto = \"press\"\nseparation = true\n");
    let cases: [(&[&str], i32, &[&str]); 9] = [
        (&["--store", "postgres://x"], 2, &["sqlite:PATH"]),
        (&["--listen", "0.0.0.0:0"], 2, &["--tokens", "127.0.0.1"]),
        (&["--listen", "nowhere"], 2, &["HOST:PORT"]),
        (&["--tokens", &tokens], 2, &["line 3", "64 hex"]),
        (&["--policies", &policies], 2, &["frm", "max_attempts"]),
        (&["--policies", &separation], 2, &["separation", "to press", "--tokens"]),
        (&["--contracts", "contracts"], 2, &["lead.json", "lead-9.0.0.json"]),
        (&["--store", "sqlite:missing/place.db"], 1, &["does not exist"]),
        (&["--store", &store], 1, &["not a Seamwatch store"]),
    ];
    for (flags, expected, parts) in cases {
        let mut command = seam(directory.path());
        if !flags.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let (code, said) = ended(command.args(flags));
        assert_eq!(code, expected, "{flags:?}: {said}");
        for part in parts {
            assert!(said.contains(part), "{flags:?}: {said}");
        }
    }
}

#[test]
fn a_new_token_opens_the_server_it_was_made_for() {
    let directory = tempfile::tempdir().unwrap();
    let made = seam(directory.path())
        .args(["--new-token", "dana", "--scope", "operator,agent", "--agent", "writer"])
        .output()
        .unwrap();
    let text = String::from_utf8(made.stdout).unwrap();
    assert!(text.contains("hft_") && text.contains("scopes = [\"operator\", \"agent\"]"), "{text}");
    std::fs::write(directory.path().join("tokens.toml"), &text).unwrap();
    let (mut child, line, _said) =
        started(seam(directory.path()).args(["--listen", "127.0.0.1:0", "--tokens", "tokens.toml"]));
    assert!(line.contains("tokens needed"), "{line}");
    signal(&child, Signal::TERM);
    assert_eq!(wait(&mut child), 0);
    for (scope, more, named) in [("agent", "--agent=", "--agent"), ("viewer", "--role=editors", "approver")] {
        let more = Some(more).filter(|it| !it.ends_with('='));
        let (code, said) = ended(seam(directory.path()).args(["--new-token", "ci", "--scope", scope]).args(more));
        assert_eq!(code, 2);
        assert!(said.contains(named), "{said}");
    }
    let roles =
        seam(directory.path()).args(["--new-token", "x", "--scope", "approver", "--role", "editors,law"]).output();
    let text = String::from_utf8(roles.unwrap().stdout).unwrap();
    assert!(text.contains("roles = [\"editors\", \"law\"]"), "{text}");
}
