//! Goals 9 and 10: the real program while ten thousand events a second come in.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use seamwatch::testing::domain::event::Fact;
use seamwatch::testing::domain::id::Actor;
use seamwatch::testing::domain::time::{MINUTE, Millis};
use seamwatch::testing::source::recording::write_line;

use super::measure::{Figure, Goal, quantile, span};
use super::session::Session;
use super::stage::{completed, edge, emission, event, leased, present};

/// Events a second.
const RATE: usize = 10_000;
/// How long they come.
const SECONDS: usize = 20;
/// Keys pressed after the storm, when nothing comes any more.
const CALM: usize = 150;

/// A recording is played as it happened, and the help is opened at any time: by its key, until its footer is written.
pub fn keys() {
    let home = tempfile::tempdir().expect("a home");
    let path = home.path().join("storm.ndjson");
    record(&path).expect("room for a recording");
    let address = format!("file:{}", path.display());
    let seam = Session::start(env!("CARGO_BIN_EXE_seam"), &["watch", &address], home.path());
    seam.until("replay");
    let (begin, before) = (Instant::now(), seam.cpu());
    let mut storm = Vec::new();
    while begin.elapsed() < Duration::from_secs(SECONDS as u64 - 2) {
        storm.push(help(&seam));
    }
    let used = (seam.cpu() - before) / begin.elapsed().as_secs_f64() * 100.0;
    seam.until("ended");
    let late = begin.elapsed().as_secs_f64() - SECONDS as f64;
    let mut calm: Vec<f64> = (0..CALM).map(|_| help(&seam)).collect();
    for (share, name, most) in [(0.5, "p50", 2.0), (0.99, "p99", 3.0)] {
        let (storm, calm) = (quantile(&mut storm, share), quantile(&mut calm, share));
        Figure {
            goal: 9,
            what: format!("key to paint at {RATE} events/s / at none, {name}"),
            ours: span(storm),
            bare: span(calm),
            ratio: storm / calm,
            wanted: Goal::AtMost(most),
        }
        .print();
    }
    Figure {
        goal: 10,
        what: format!("percent of one core at {RATE} events/s"),
        ours: format!("{used:.1} %"),
        bare: String::new(),
        ratio: used,
        wanted: Goal::Told,
    }
    .print();
    Figure {
        goal: 10,
        what: format!("seconds behind after {SECONDS} s of it"),
        ours: span(late.max(0.0)),
        bare: span(SECONDS as f64),
        ratio: late.max(0.0),
        wanted: Goal::AtMost(1.0),
    }
    .print();
}

/// Opens the help, closes it again by the same key and waits a little, never the same time.
fn help(seam: &Session) -> f64 {
    let seconds = seam.paints(b"?", "scroll");
    seam.press(b"?");
    std::thread::sleep(Duration::from_millis(fastrand::u32(50..130).into()));
    seconds
}

/// Handoffs that take four events each, spread evenly over the time.
fn record(path: &Path) -> std::io::Result<()> {
    let actor = Actor::agent("writer");
    let mut events = Vec::with_capacity(RATE * SECONDS);
    for nth in 0..RATE * SECONDS / 4 {
        let at = present() + (nth * 4_000 / RATE) as Millis;
        let mut add = |seq, fact| {
            events.push(event(nth / 3, (nth % 3 * 4 + seq) as u64, nth, at, &actor, fact));
        };
        add(1, Fact::Emitted(Arc::new(emission(edge(nth), nth, at))));
        add(2, leased(1, at + MINUTE));
        add(3, Fact::Acknowledged { until: None });
        add(4, completed());
    }
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    for event in &events {
        writeln!(file, "{}", write_line(event, 1)?)?;
    }
    file.flush()
}
