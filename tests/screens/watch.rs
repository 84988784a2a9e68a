//! Pipelines, edges, tasks and sources.

use seamwatch::theme::{BUILT_IN, Theme};

use super::desk::Desk;
use super::incident::incident;

fn desk(columns: u16, rows: u16) -> Desk {
    let mut desk = Desk::with(columns, rows, incident());
    // Rows are made again after a moment, not for every event.
    desk.tick(1_000);
    desk
}

#[test]
fn the_landing_screen_at_three_sizes() {
    for (columns, rows) in [(80, 24), (120, 40), (200, 60)] {
        desk(columns, rows).golden(&format!("pipelines-{columns}x{rows}"));
    }
}

#[test]
fn the_landing_screen_in_every_theme() {
    for (name, _) in BUILT_IN {
        let mut desk = desk(120, 40);
        desk.theme = Theme::named(name).unwrap();
        desk.tick(1_000);
        desk.golden(&format!("theme-{name}"));
    }
}

#[test]
fn edges_and_the_page_of_one() {
    let mut desk = desk(120, 40);
    desk.keys("2").golden("edges");
    desk.keys("<enter>").golden("edge");
}

#[test]
fn tasks_and_sources() {
    let mut desk = desk(120, 40);
    desk.keys("3").golden("tasks");
    desk.keys("7").golden("sources");
}
