//! What a console of the tests and of the benchmarks begins with, and how it is told keys.

use ratatui::buffer::{Buffer, Cell};
use seamwatch::testing::console::app::{Connection, Size, Start};
use seamwatch::testing::domain::event::{Emission, Terms};
use seamwatch::testing::domain::id::Edge;
use seamwatch::testing::domain::port::{Batch, Begin, Capabilities, Report, Snapshot};
use seamwatch::testing::domain::time::{MINUTE, Time};
use seamwatch::testing::keymap::{Key, Keymap};

/// Dana's console on one source.
pub fn start(now: Time, size: Size) -> Start {
    Start {
        connection: Connection { sources: vec!["local".to_owned()], ..Connection::default() },
        operator: "dana".to_owned(),
        keymap: Keymap::default(),
        now,
        local_offset: |_| 0,
        size,
        session: "test".to_owned(),
    }
}

/// What an orchestrator can do.
pub fn everything() -> Capabilities {
    Capabilities::everything("embedded orchestrator")
}

/// An orchestrator answers, and nothing has happened on it yet.
pub fn connected(now: Time) -> [Report; 2] {
    let nothing = Snapshot { at: now, ..Snapshot::default() };
    [Report::Capabilities(everything()), Report::Batch(Batch::Begin(Begin::Fresh(Box::new(nothing))))]
}

/// The head of an ordinary contract.
pub fn emission(edge: Edge, title: &str, at: Time) -> Emission {
    let terms = Terms {
        key: "hk1_0000".into(),
        digest: "sha256:00".into(),
        owner: "content-team".into(),
        max_attempts: 3,
        ack_timeout_ms: MINUTE,
        max_cycles: 3,
        ..Terms::default()
    };
    Emission {
        terms: Some(terms),
        model: Some("model-m@2026-07".to_owned()),
        prompt: Some("draft@18".to_owned()),
        ..Emission::observed(edge, title, at)
    }
}

/// The terms of a head that has some.
pub fn terms(of: &mut Emission) -> &mut Terms {
    of.terms.as_mut().expect("it has terms")
}

/// The keys of a script: letters as they are, others as `<tab>`, `<ctrl-d>`.
pub fn keys(script: &str) -> Vec<Key> {
    let mut keys = Vec::new();
    let mut rest = script;
    while let Some(first) = rest.chars().next() {
        let (name, after) = match rest.strip_prefix('<').and_then(|it| it.split_once('>')) {
            Some(named) if !named.0.is_empty() => named,
            _ => rest.split_at(first.len_utf8()),
        };
        let name = if name == " " { "space" } else { name };
        keys.push(name.parse().unwrap_or_else(|why| panic!("{why}")));
        rest = after;
    }
    keys
}

/// The text of the cells, a string for each row, without spaces at the end.
pub fn rows(buffer: &Buffer) -> Vec<String> {
    let rows = buffer.content.chunks(usize::from(buffer.area.width));
    rows.map(|row| row.iter().map(Cell::symbol).collect::<String>().trim_end().to_owned()).collect()
}
