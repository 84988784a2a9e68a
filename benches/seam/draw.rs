//! Goals 5 to 7: what a frame costs, whatever is on it and however much is known, and how many bytes it sends.

use std::sync::Arc;

use ratatui::Terminal;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Style};
use seamwatch::testing::console::shell::Screen;
use seamwatch::testing::domain::event::Fact;
use seamwatch::testing::domain::id::Actor;
use seamwatch::testing::domain::port::{Batch, Report};
use seamwatch::testing::domain::time::{MINUTE, SECOND};

use super::measure::{Figure, Goal, cpu, median, quantile, span};
use super::stage::{Counted, Stage, edge, emission, event, graveyard, house, screen};

/// Frames of one figure.
const FRAMES: usize = 400;

/// Every view, the keys that lead to it, and a text that proves it.
const VIEWS: [(&str, &str); 10] = [
    ("pipelines", "1"),
    ("edges", "2"),
    ("edge page", "2<enter>"),
    ("tasks", "3"),
    ("dead letters", "4<enter>"),
    ("inbox", "5"),
    ("events", "6"),
    ("sources", "7"),
    ("handoff page", "3<enter>"),
    ("help over edges", "2?"),
];

/// Goal 5: a frame after a key, against the same cells written by hand.
pub fn views() {
    for (name, keys) in VIEWS {
        let mut stage = Stage::new(house(3_000));
        stage.keys(keys);
        let (mut floor, _) = screen();
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for nth in 0..FRAMES {
            stage.key(if nth % 2 == 0 { "j" } else { "k" });
            ours.push(cpu(|| stage.frame()).0);
            let runs = runs(&stage.cells());
            bare.push(cpu(|| by_hand(&mut floor, &runs)).0);
        }
        let (ours, bare) = (quantile(&mut ours, 0.99), quantile(&mut bare, 0.99));
        Figure {
            goal: 5,
            what: format!("draw {name}, 200x60, CPU p99"),
            ours: span(ours),
            bare: span(bare),
            ratio: ours / bare,
            wanted: Goal::AtMost(2.5),
        }
        .print();
    }
}

/// Neighbours of one style: column, row, text, style.
type Run = (u16, u16, String, Style);

/// What somebody would write by hand: the text, and blanks only where they do not look like the ground.
fn runs(cells: &Buffer) -> (Style, Vec<Run>) {
    let ground = cells.content.last().map_or_else(Style::new, Cell::style);
    let mut runs: Vec<Run> = Vec::new();
    for (nth, cell) in cells.content.iter().enumerate() {
        let (x, y) = cells.pos_of(nth);
        match runs.last_mut() {
            Some((_, row, text, style)) if *row == y && *style == cell.style() => {
                text.push_str(cell.symbol());
            }
            _ => runs.push((x, y, cell.symbol().to_owned(), cell.style())),
        }
    }
    runs.retain(|(_, _, text, style)| style.bg != ground.bg || !text.trim().is_empty());
    for (_, _, text, style) in &mut runs {
        if style.bg == ground.bg {
            text.truncate(text.trim_end().len());
        }
    }
    (ground, runs)
}

/// The floor: nothing but the text of each run put where it belongs, and what every frame of ratatui costs.
fn by_hand(floor: &mut Terminal<Screen<Counted>>, (ground, runs): &(Style, Vec<Run>)) {
    let drawn = floor.draw(|frame| {
        let area = frame.area();
        let buffer = frame.buffer_mut();
        buffer.set_style(area, *ground);
        for (x, y, text, style) in runs {
            buffer.set_stringn(*x, *y, text, usize::from(u16::MAX), *style);
        }
    });
    drawn.expect("nothing can go wrong with bytes that are thrown away");
}

/// Goal 6: the same window over a thousand and over a million rows.
pub fn rows(many: usize) {
    let few = 1_000;
    let dead = |rows: usize, keys: &str| {
        let mut stage = Stage::new(graveyard(rows));
        stage.keys(keys);
        stage
    };
    for (name, keys) in [("dead letters", "4<enter>jj"), ("dead letters, 2 marked", "4<enter>jj<space><space>")] {
        let mut small = dead(few, keys);
        let mut large = dead(many, keys);
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for nth in 0..FRAMES / 4 {
            for (stage, costs) in [(&mut large, &mut ours), (&mut small, &mut bare)] {
                let key = if nth % 2 == 0 { "j" } else { "k" };
                costs.push(
                    cpu(|| {
                        stage.key(key);
                        stage.frame();
                    })
                    .0,
                );
            }
        }
        figure_of_rows(name, many, median(&mut ours), median(&mut bare));
    }
    let mut large = Stage::new(graveyard(many));
    let mut small = Stage::new(graveyard(few));
    for (name, keys) in [("pipelines", "1"), ("edges", "2"), ("events", "6g")] {
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        large.keys(keys);
        small.keys(keys);
        for nth in 0..FRAMES / 4 {
            for (stage, costs) in [(&mut large, &mut ours), (&mut small, &mut bare)] {
                stage.key(if nth % 2 == 0 { "j" } else { "k" });
                costs.push(cpu(|| stage.frame()).0);
            }
        }
        figure_of_rows(name, many, median(&mut ours), median(&mut bare));
    }
}

fn figure_of_rows(name: &str, many: usize, ours: f64, bare: f64) {
    Figure {
        goal: 6,
        what: format!("key and frame, {name}, {many} rows / 1000"),
        ours: span(ours),
        bare: span(bare),
        ratio: ours / bare,
        wanted: Goal::AtMost(1.2),
    }
    .print();
}

/// Goal 7: bytes of a frame in which some forty numbers changed, and in which none did.
pub fn bytes() {
    let actor = Actor::agent("writer");
    let mut stage = Stage::new(house(3_000));
    stage.keys("2");
    let mut before = stage.cells();
    let (mut ours, mut least, mut changes) = (Vec::new(), Vec::new(), Vec::new());
    for nth in 0..100 {
        stage.pass(SECOND);
        let events = (0..14).flat_map(|at| {
            let id = 100_000 + nth * 14 + at;
            let now = stage.now;
            let head = emission(edge(at * 3), id, now);
            let add = |seq, fact| event(id, seq, id, now, &actor, fact);
            [
                add(1, Fact::Emitted(Arc::new(head))),
                add(2, super::stage::leased(1, now + MINUTE)),
                add(3, Fact::Acknowledged { until: None }),
            ]
        });
        let events = events.collect();
        stage.happen(events);
        let start = stage.written.0.get();
        stage.frame();
        ours.push((stage.written.0.get() - start) as f64);
        let after = stage.cells();
        let (bytes, numbers) = minimum(&before, &after);
        least.push(bytes as f64);
        changes.push(numbers as f64);
        before = after;
    }
    let (sent, least) = (median(&mut ours), median(&mut least));
    Figure {
        goal: 7,
        what: format!("bytes of a frame, {:.0} places changed", median(&mut changes)),
        ours: format!("{sent:.0} B"),
        bare: format!("{least:.0} B"),
        ratio: sent / least,
        wanted: Goal::AtMost(1.5),
    }
    .print();
    let start = stage.written.0.get();
    for _ in 0..100 {
        let alive = Batch::Alive { at: stage.now };
        stage.hear(Report::Batch(alive));
        if stage.state.dirty {
            stage.frame();
        }
    }
    let sent = (stage.written.0.get() - start) as f64;
    Figure {
        goal: 7,
        what: "bytes when nothing changed, 100 signs of life".to_owned(),
        ours: format!("{sent:.0} B"),
        bare: "0 B".to_owned(),
        ratio: sent,
        wanted: Goal::AtMost(0.0),
    }
    .print();
}

/// The fewest bytes that turn one screen into the other, and the number of places that changed: for each place a
/// move of the cursor and the cells that differ, and a foreground colour where it is another than that of the cell
/// written before.
fn minimum(before: &Buffer, after: &Buffer) -> (usize, usize) {
    let (mut bytes, mut places) = (0, 0);
    let mut last: Option<(u16, u16)> = None;
    let mut ink = Color::Reset;
    for (nth, (old, new)) in before.content.iter().zip(&after.content).enumerate() {
        if old == new {
            continue;
        }
        let (x, y) = after.pos_of(nth);
        if last != Some((x.wrapping_sub(1), y)) {
            places += 1;
            bytes += format!("\x1b[{};{}H", y + 1, x + 1).len();
        }
        if new.fg != ink {
            ink = new.fg;
            bytes += match ink {
                Color::Rgb(red, green, blue) => format!("\x1b[38;2;{red};{green};{blue}m").len(),
                Color::Indexed(nth) => format!("\x1b[38;5;{nth}m").len(),
                _ => "\x1b[39m".len(),
            };
        }
        bytes += new.symbol().len();
        last = Some((x, y));
    }
    (bytes, places)
}
