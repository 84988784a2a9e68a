//! A program in a pty, as a user has it: what it writes and when, what it costs.

use std::io::{Read, Write};
use std::path::Path;
use std::process::Child;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::{Command, Pty, open};

use super::measure::resident;

/// How long a program may say nothing before the benchmark gives up.
const DEADLINE: Duration = Duration::from_secs(20);

/// A program on a terminal of 200x60.
pub struct Session {
    child: Child,
    pty: Arc<Pty>,
    bytes: Receiver<(Instant, Vec<u8>)>,
    started: Instant,
}

impl Session {
    /// Starts a program in a home of its own.
    pub fn start(program: &str, arguments: &[&str], home: &Path) -> Self {
        let (pty, pts) = open().expect("a pty");
        pty.resize(Size::new(60, 200)).expect("a size");
        let command =
            Command::new(program).args(arguments).env("HOME", home).env("TERM", "xterm-256color").env_remove("TMUX");
        let started = Instant::now();
        let child = command.spawn(pts).expect("the program is built");
        let pty = Arc::new(pty);
        let reader = pty.clone();
        let (send, bytes) = channel();
        std::thread::spawn(move || {
            let mut chunk = [0; 16_000];
            while let Ok(many @ 1..) = (&*reader).read(&mut chunk) {
                if send.send((Instant::now(), chunk[..many].to_vec())).is_err() {
                    return;
                }
            }
        });
        Self { child, pty, bytes, started }
    }

    /// Seconds from the start until this text was written. One word: what was on the screen already is not written
    /// again.
    pub fn until(&self, mark: &str) -> f64 {
        (self.written(mark) - self.started).as_secs_f64()
    }

    /// Seconds from a key until this word was written.
    pub fn paints(&self, key: &[u8], mark: &str) -> f64 {
        self.forget();
        let pressed = Instant::now();
        self.press(key);
        (self.written(mark) - pressed).as_secs_f64()
    }

    /// Presses a key.
    pub fn press(&self, key: &[u8]) {
        let written = (&*self.pty).write_all(key);
        written.expect("the program reads its keys");
    }

    /// Bytes written that nobody looked at.
    pub fn forget(&self) -> usize {
        self.bytes.try_iter().map(|(_, chunk)| chunk.len()).sum()
    }

    fn written(&self, mark: &str) -> Instant {
        let mut all = Vec::new();
        loop {
            let (at, chunk) = self.bytes.recv_timeout(DEADLINE).unwrap_or_else(|_| {
                let text = String::from_utf8_lossy(&all);
                panic!("`{mark}` never came:\n{text}")
            });
            all.extend(chunk);
            if all.windows(mark.len()).any(|part| part == mark.as_bytes()) {
                return at;
            }
        }
    }

    /// Resident memory in MiB.
    pub fn memory(&self) -> f64 {
        resident(self.child.id())
    }

    /// Processor time so far, of threads that ended too, in seconds; counted in hundredths.
    pub fn cpu(&self) -> f64 {
        let path = format!("/proc/{}/stat", self.child.id());
        let text = std::fs::read_to_string(path).unwrap_or_default();
        // The name in parentheses may hold blanks; user and system time are the 12th and 13th word after it.
        let after = text.rsplit(')').next().unwrap_or_default();
        let ticks = after.split_whitespace().skip(11).take(2);
        let ticks = ticks.filter_map(|it| it.parse::<f64>().ok());
        ticks.sum::<f64>() / 100.0
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended by itself
        let _ = self.child.wait();
    }
}
