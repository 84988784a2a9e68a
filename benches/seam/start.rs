//! Goals 8 and 11: the real program in a pty, started and left alone.

use std::io::Read;
use std::path::Path;
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, read};
use pty_process::Size;
use pty_process::blocking::{Command, Pty, open};
use ratatui::layout::Constraint;
use ratatui::widgets::{Block, Row, Table};

use super::measure::{Figure, Goal, median, span};

/// Starts of each program, taking turns.
const STARTS: usize = 15;
/// How long a start may take before the benchmark gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program on a terminal of 200x60.
struct Session {
    child: Child,
    _pty: std::sync::Arc<Pty>,
    bytes: Receiver<(Instant, Vec<u8>)>,
    started: Instant,
}

impl Session {
    fn start(program: &str, arguments: &[&str], home: &Path) -> Self {
        let (pty, pts) = open().expect("a pty");
        pty.resize(Size::new(60, 200)).expect("a size");
        let command = Command::new(program)
            .args(arguments)
            .env("HOME", home)
            .env("TERM", "xterm-256color")
            .env_remove("TMUX");
        let started = Instant::now();
        let child = command.spawn(pts).expect("the program is built");
        let pty = std::sync::Arc::new(pty);
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
        Self {
            child,
            _pty: pty,
            bytes,
            started,
        }
    }

    /// Seconds until this text was written. One word: what was on the screen already is not written again.
    fn until(&self, mark: &str) -> f64 {
        let mut all = Vec::new();
        loop {
            let (at, chunk) = self.bytes.recv_timeout(PATIENCE).unwrap_or_else(|_| {
                let text = String::from_utf8_lossy(&all);
                panic!("`{mark}` never came:\n{text}")
            });
            all.extend(chunk);
            if all.windows(mark.len()).any(|part| part == mark.as_bytes()) {
                return (at - self.started).as_secs_f64();
            }
        }
    }

    /// Resident memory in MiB.
    fn memory(&self) -> f64 {
        let path = format!("/proc/{}/status", self.child.id());
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find_map(|it| it.strip_prefix("VmRSS:"));
        let kib = line.and_then(|it| it.split_whitespace().next());
        kib.and_then(|it| it.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
    }

    /// Processor time of all threads so far, in seconds.
    fn cpu(&self) -> f64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id()));
        let nanos = tasks.into_iter().flatten().flatten().filter_map(|task| {
            let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<f64>().ok()
        });
        nanos.sum::<f64>() / 1e9
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended by itself
        let _ = self.child.wait();
    }
}

/// Goal 11: exec to the first complete frame on an empty store, and the memory then.
pub fn first_frame() {
    let home = tempfile::tempdir().expect("a home");
    let store = format!("sqlite:{}", home.path().join("seam.db").display());
    let me = std::env::current_exe().expect("the benchmark is running");
    let me = me.to_string_lossy();
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    let (mut memory, mut least) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let seam = Session::start(env!("CARGO_BIN_EXE_seam"), &["watch", &store], home.path());
        ours.push(seam.until("healthy"));
        memory.push(seam.memory());
        drop(seam);
        let minimal = Session::start(&me, &["minimal"], home.path());
        bare.push(minimal.until("ready"));
        least.push(minimal.memory());
    }
    let (ours, bare) = (median(&mut ours), median(&mut bare));
    Figure {
        goal: 11,
        what: "exec to first complete frame, empty store".to_owned(),
        ours: span(ours),
        bare: span(bare),
        ratio: ours / bare,
        wanted: Goal::AtMost(3.0),
    }
    .print();
    let (memory, least) = (median(&mut memory), median(&mut least));
    Figure {
        goal: 11,
        what: "resident memory at the first frame".to_owned(),
        ours: format!("{memory:.1} MiB"),
        bare: format!("{least:.1} MiB"),
        ratio: memory / least,
        wanted: Goal::AtMost(4.0),
    }
    .print();
}

/// Goal 8: nothing happens for some seconds; the clock goes on.
pub fn idle(seconds: usize) {
    let home = tempfile::tempdir().expect("a home");
    let store = format!("sqlite:{}", home.path().join("seam.db").display());
    let seam = Session::start(env!("CARGO_BIN_EXE_seam"), &["watch", &store], home.path());
    seam.until("healthy");
    std::thread::sleep(Duration::from_secs(2)); // what belongs to the start is over
    while seam.bytes.try_recv().is_ok() {}
    let before = seam.cpu();
    std::thread::sleep(Duration::from_secs(seconds as u64));
    let used = (seam.cpu() - before) / seconds as f64 * 100.0;
    let sent: usize = seam.bytes.try_iter().map(|(_, chunk)| chunk.len()).sum();
    Figure {
        goal: 8,
        what: format!("idle for {seconds} s: percent of one core"),
        ours: format!("{used:.3} %"),
        bare: "0 %".to_owned(),
        ratio: used,
        wanted: Goal::AtMost(0.1),
    }
    .print();
    let per_second = sent as f64 / seconds as f64;
    Figure {
        goal: 8,
        what: format!("idle for {seconds} s: bytes/s, with a clock"),
        ours: format!("{per_second:.1} B/s"),
        bare: "0 B/s".to_owned(),
        ratio: per_second,
        wanted: Goal::AtMost(40.0),
    }
    .print();
}

/// The baseline of goal 11: a table of 60 rows and nothing else.
pub fn minimal() {
    let mut terminal = ratatui::init();
    let drawn = terminal.draw(|frame| {
        let row = |y: usize| Row::new((0..10).map(move |x| format!("{y}.{x}")));
        let table = Table::new((0..60).map(row), [Constraint::Fill(1); 10]);
        let table = table.block(Block::bordered().title("ready"));
        frame.render_widget(table, frame.area());
    });
    drawn.expect("the terminal is a pty of ours");
    while let Ok(event) = read() {
        if matches!(event, Event::Key(key) if key.code == KeyCode::Char('q')) {
            break;
        }
    }
    ratatui::restore();
}
