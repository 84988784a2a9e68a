//! Goals 1 to 4 and 18: taking events in, what they cost in memory, the tick of every second, and the filter.

use std::collections::HashMap;
use std::fmt::Write;
use std::hash::{BuildHasher, RandomState};
use std::process::Command;
use std::sync::Arc;

use hashbrown::HashTable;
use seamwatch::testing::console::app::Screen;
use seamwatch::testing::domain::event::{Event, Fact};
use seamwatch::testing::domain::id::Actor;
use seamwatch::testing::domain::ledger::{KEEP_CLOSED, Ledger};
use seamwatch::testing::domain::time::{Millis, SECOND};
use serde::Deserialize;

use super::measure::{Figure, Goal, Verdict, count, cpu, median, rate, resident, span};
use super::stage::{Stage, completed, edge, emission, event, graveyard, house, present};

/// Bins of a histogram of the bare fold: 32 to an octave.
const BINS: usize = 1_024;

/// Handoffs that are emitted, acknowledged and completed, three to a run.
fn work(handoffs: usize, first: usize) -> Vec<Event> {
    let actor = Actor::agent("writer");
    let mut events = Vec::with_capacity(handoffs * 3);
    for nth in first..first + handoffs {
        let at = present() + nth as Millis;
        let (run, seq) = (nth / 3, (nth % 3 * 3) as u64);
        let head = Fact::Emitted(Arc::new(emission(edge(nth), nth, at)));
        let facts = [head, Fact::Acknowledged { until: None }, completed()];
        for (step, fact) in (0..).zip(facts) {
            events.push(event(run, seq + step + 1, nth, at + step as i64 * 700, &actor, fact));
        }
    }
    events
}

/// What a bare fold needs of an event, names made numbers before.
struct Small {
    id: u128,
    at: i64,
    edge: usize,
    kind: u8,
}

fn small(events: &[Event]) -> Vec<Small> {
    let mut edges = HashMap::new();
    let mut of = HashMap::new();
    let mut all = Vec::with_capacity(events.len());
    for event in events {
        let id = event.handoff.as_ref().map_or("", |it| it.as_str());
        let number = id.trim_start_matches("h-").parse::<u128>().unwrap_or_default();
        if let Fact::Emitted(it) = &event.fact {
            let next = edges.len();
            of.insert(number, *edges.entry(it.edge.clone()).or_insert(next));
        }
        let kind = match event.fact {
            Fact::Emitted(_) => 0,
            Fact::Acknowledged { .. } => 1,
            _ => 2,
        };
        all.push(Small { id: number, at: event.at.millis(), edge: of.get(&number).copied().unwrap_or_default(), kind });
    }
    all
}

/// The least a fold can do: a flat record for each handoff, found by a table of numbers, and a bin for each latency.
#[derive(Default)]
struct Bare {
    records: Vec<(u128, i64, usize, u8)>,
    index: HashTable<u32>,
    hash: RandomState,
    bins: Vec<[u32; BINS]>,
    open: u32,
}

impl Bare {
    fn apply(&mut self, event: &Small) {
        let hash = self.hash.hash_one(event.id);
        let (records, state) = (&mut self.records, &self.hash);
        if event.kind == 0 {
            let place = records.len() as u32;
            records.push((event.id, event.at, event.edge, 0));
            self.index.insert_unique(hash, place, |&it| state.hash_one(records.get(it as usize).map_or(0, |it| it.0)));
            self.open += 1;
            return;
        }
        let is_it = |&it: &u32| records.get(it as usize).is_some_and(|it| it.0 == event.id);
        let found = self.index.find(hash, is_it).copied();
        let Some(record) = found.and_then(|it| records.get_mut(it as usize)) else {
            return;
        };
        record.3 = event.kind;
        if event.kind == 2 {
            self.open -= 1;
            return;
        }
        while self.bins.len() <= record.2 {
            self.bins.push([0; BINS]);
        }
        let latency = (event.at - record.1).unsigned_abs() as usize;
        if let Some(bin) = self.bins.get_mut(record.2).and_then(|it| it.get_mut(latency % BINS)) {
            *bin += 1;
        }
    }
}

/// Goal 1: events into the ledger, against the bare fold.
pub fn events() {
    let events = work(60_000, 0);
    let bare = small(&events);
    let (mut ours, mut least) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let (taken, ledger) = cpu(|| fold(&events));
        assert_eq!(ledger.folded(), events.len() as u64);
        ours.push(events.len() as f64 / taken);
        let (taken, folded) = cpu(|| {
            let mut folded = Bare::default();
            for event in &bare {
                folded.apply(event);
            }
            folded
        });
        assert_eq!(folded.open, 0, "all of them were completed");
        least.push(events.len() as f64 / taken);
    }
    rate_of(1, "fold", median(&mut ours), median(&mut least), 0.6);
}

fn fold(events: &[Event]) -> Ledger {
    let mut ledger = Ledger::new(0);
    for event in events {
        ledger.apply(event);
    }
    ledger
}

fn rate_of(goal: u8, what: &str, ours: f64, bare: f64, least: f64) {
    Figure {
        goal,
        what: what.to_owned(),
        ours: rate(ours),
        bare: rate(bare),
        ratio: ours / bare,
        wanted: Goal::AtLeast(least),
    }
    .print();
}

/// The fields without which an event means nothing.
#[derive(Deserialize)]
struct Needed<'a> {
    correlationid: &'a str,
    sequence: &'a str,
    subject: Option<&'a str>,
}

/// Goal 2: lines of a stream into the ledger, against splitting and decoding the needed fields alone.
pub fn ingest() {
    let events = work(30_000, 0);
    let mut stream = String::new();
    for (nth, event) in events.iter().enumerate() {
        let body = serde_json::to_string(event).expect("an event is JSON");
        _ = write!(stream, "id: {nth}\nevent: e\ndata: {body}\n\n"); // writing to a String cannot fail
    }
    let data = || stream.lines().filter_map(|it| it.strip_prefix("data: "));
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let (taken, ledger) = cpu(|| {
            let mut ledger = Ledger::new(0);
            for body in data() {
                let event: Event = serde_json::from_str(body).expect("it was written so");
                ledger.apply(&event);
            }
            ledger
        });
        assert_eq!(ledger.folded(), events.len() as u64);
        ours.push(events.len() as f64 / taken);
        let (taken, sum) = cpu(|| {
            let needed = data().map(|it| serde_json::from_str::<Needed<'_>>(it).expect("the same"));
            needed.map(|it| it.sequence.len() + it.correlationid.len() + it.subject.map_or(0, str::len)).sum::<usize>()
        });
        assert!(sum > 0);
        bare.push(events.len() as f64 / taken);
    }
    rate_of(2, "stream to ledger", median(&mut ours), median(&mut bare), 0.6);
}

/// Goal 3 in a process of its own: here, others have left memory behind that would be used first.
pub fn memory() {
    let me = std::env::current_exe().expect("the benchmark is running");
    let done = Command::new(me).arg("memory").status();
    count(if done.expect("it can be run again").success() { Verdict::Holds } else { Verdict::Missed });
}

/// Goal 3: memory for each closed handoff that is kept, and that it stays once the cap is reached.
pub fn kept() {
    const PART: usize = KEEP_CLOSED / 4;
    let resident = || resident(std::process::id()) * 1_048_576.0;
    let empty = resident();
    let held = || resident() - empty;
    let mut ledger = Ledger::new(0);
    let mut take = |from: usize, many: usize| {
        for part in (from..from + many).step_by(PART) {
            for event in work(PART, part) {
                ledger.apply(&event);
            }
        }
    };
    take(0, PART); // edges, windows and the log of the screen are there from now on
    let before = held();
    take(PART, 2 * PART);
    let each = (held() - before) / (2 * PART) as f64;
    take(3 * PART, 5 * PART); // tables settle at their size while the first runs go
    let full = held();
    take(8 * PART, 10 * KEEP_CLOSED);
    let grown = held() / full;
    drop(ledger);
    Figure {
        goal: 3,
        what: "memory of a closed handoff".to_owned(),
        ours: format!("{each:.0} B"),
        bare: "96 B".to_owned(),
        ratio: each / 96.0,
        wanted: Goal::AtMost(1.0),
    }
    .print();
    Figure {
        goal: 3,
        what: "growth beyond the cap, 10x the handoffs".to_owned(),
        ours: format!("{:.1} MiB", full * grown / 1_048_576.0),
        bare: format!("{:.1} MiB", full / 1_048_576.0),
        ratio: grown,
        wanted: Goal::AtMost(1.05),
    }
    .print();
}

/// Goal 4: what a second costs, against reading the P95 of as many edges from bins.
pub fn tick() {
    let mut stage = Stage::new(house(3_000));
    let bins = vec![[3_u32; BINS]; 48];
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..60 {
        let (taken, _) = cpu(|| {
            stage.pass(SECOND);
            stage.state.prepare()
        });
        ours.push(taken);
        let (taken, at) = cpu(|| bins.iter().map(p95).sum::<usize>());
        assert!(at > 0);
        bare.push(taken);
    }
    let (ours, bare) = (median(&mut ours), median(&mut bare));
    Figure {
        goal: 4,
        what: "a second passes: all rows, 48 edges".to_owned(),
        ours: span(ours),
        bare: span(bare),
        ratio: ours / bare,
        wanted: Goal::AtMost(2.0),
    }
    .print();
}

fn p95(bins: &[u32; BINS]) -> usize {
    let all: u32 = bins.iter().sum();
    let mut above = 0;
    for (at, many) in bins.iter().enumerate().rev() {
        above += many;
        if above * 20 >= all {
            return at;
        }
    }
    0
}

/// Goal 18: a filter over so many dead letters, against one pass over their text.
pub fn filter(many: usize) {
    let mut stage = Stage::new(graveyard(many));
    stage.keys("4");
    let mut text = String::new();
    for nth in 0..many {
        _ = writeln!(text, "Work order {nth} of the campaign content-team research writer timeout"); // as above
    }
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for nth in 0..3 {
        let word = format!("order 9999{nth}");
        let console = &mut stage.state;
        let (taken, set) = cpu(|| {
            let asked = format!("\"{word}\"");
            console.views.screens.dead_letters.set_filter(&console.world, &asked)
        });
        set.expect("it is a filter");
        ours.push(taken);
        let (taken, found) = cpu(|| text.matches(word.as_str()).count());
        assert_eq!(found, console.views.screens.dead_letters.count().0);
        bare.push(taken);
    }
    let (ours, bare) = (median(&mut ours), median(&mut bare));
    Figure {
        goal: 18,
        what: format!("filter {many} dead letters"),
        ours: span(ours),
        bare: span(bare),
        ratio: ours / bare,
        wanted: Goal::AtMost(2.0),
    }
    .print();
}
