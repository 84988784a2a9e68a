//! Goals 8 and 11: the real program in a pty, started and left alone.

use std::time::Duration;

use crossterm::event::{Event, KeyCode, read};
use ratatui::layout::Constraint;
use ratatui::widgets::{Block, Row, Table};

use super::measure::{Figure, Goal, median, span};
use super::session::Session;

/// Starts of each program, taking turns.
const STARTS: usize = 15;
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
    seam.forget();
    let before = seam.cpu();
    std::thread::sleep(Duration::from_secs(seconds as u64));
    let used = (seam.cpu() - before) / seconds as f64 * 100.0;
    let sent = seam.forget();
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
