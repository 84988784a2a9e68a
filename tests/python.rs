//! `examples/agent.py` against a real `seam serve`: delivered, acknowledged, completed; refused with the path.

#![allow(clippy::unwrap_used, clippy::panic)] // a helper of a test stops where it went wrong, like the test itself

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

#[path = "support/tools.rs"]
mod tools;
use tools::is_installed;

/// A server that ends with the test.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(directory: &std::path::Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_seam"))
            .args(["serve", "--listen", "127.0.0.1:0", "--store"])
            .arg(format!("sqlite:{}", directory.join("seam.db").display()))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut said).unwrap();
        let url = said
            .split_whitespace()
            .find(|it| it.starts_with("http://"))
            .unwrap_or_else(|| panic!("the server said: {said}"))
            .to_owned();
        Self { child, url }
    }

    fn agent(&self, role: &str) -> Output {
        self.thinking_agent(role, "60", "0")
    }

    /// An agent with a lease of so many seconds that thinks for so many.
    fn thinking_agent(&self, role: &str, lease: &str, think: &str) -> Output {
        Command::new("python3")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/agent.py"))
            .arg(role)
            .env("HANDOFF_URL", &self.url)
            .env("HANDOFF_LEASE_S", lease)
            .env("HANDOFF_THINK_S", think)
            .env_remove("HANDOFF_TOKEN")
            .output()
            .unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which the test has noticed by then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn the_python_example_works_and_is_refused_with_the_path() {
    if !is_installed("python3") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());

    let emitted = server.agent("emit");
    assert!(emitted.status.success(), "{}", said(&emitted));
    let id = said(&emitted);
    let id = id.split([' ', ';']).nth(1).unwrap();

    let again = server.agent("emit");
    assert!(said(&again).contains(&format!("emitted before as {id}")), "{}", said(&again));

    let worked = server.agent("once");
    assert!(worked.status.success(), "{}", said(&worked));
    assert!(said(&worked).contains(&format!("completed {id}")), "{}", said(&worked));

    let broken = server.agent("broken");
    assert!(broken.status.success(), "{}", said(&broken));
    assert!(said(&broken).contains("refused with 422"), "{}", said(&broken));
    assert!(said(&broken).contains("  /failure_modes: "), "{}", said(&broken));

    let unknown = server.agent("dance");
    assert!(!unknown.status.success());
}

#[test]
fn the_python_agent_keeps_what_it_thinks_about_for_longer_than_its_lease() {
    if !is_installed("python3") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let emitted = server.agent("emit");
    assert!(emitted.status.success(), "{}", said(&emitted));
    let worked = server.thinking_agent("once", "1", "2.5");
    assert!(worked.status.success(), "{}", said(&worked));
    assert_eq!(said(&worked).matches("working on").count(), 1, "nobody else was given it: {}", said(&worked));
    assert!(said(&worked).contains("completed "), "{}", said(&worked));
}
