//! Every edge with its numbers, and the page of one.

pub(super) mod facts;
pub(super) mod page;

use ratatui::layout::Constraint::{Fill, Length};
use ratatui::layout::{Layout, Rect};

use super::canvas::{Canvas, ListView};
use super::figure::{self, Cell};
use super::part;
use super::part::table::{Column, Line};
use crate::console::app::State;
use crate::console::app::edges::{By, Edges, Row};
use crate::console::app::empty_state::why_blank;
use crate::console::app::explain::reason;
use crate::console::app::msg::HitTarget;
use crate::domain::health::{Signal, Window};
use crate::domain::text;
use crate::theme::Role;

/// Columns below which a reason says nothing.
const REASON: u16 = 24;
/// Columns from which rates say their sample.
const ROOMY: u16 = 170;

/// Draws the screen.
pub fn draw(screen: &Edges, state: &State, canvas: &mut Canvas<'_>) {
    if let Some(why) = why_blank(&state.world) {
        return canvas.notice(Role::Dim, &why);
    }
    let area = canvas.area;
    let count = text::count(screen.list.rows().len() as u64);
    spans(canvas, &format!("EDGES {count}"), screen.window);
    let [_, list, below] = places(area, screen.list.rows().len() as u16);
    if screen.list.rows().is_empty() {
        return canvas.within(list).notice(Role::Dim, "No edge matches the filter. esc clears it.");
    }
    let selected = screen.list.index().and_then(|it| screen.row(it));
    if let Some((it, feed)) = selected.and_then(|it| Some((it, state.world.feed(it.source)?)))
        && !below.is_empty()
    {
        facts::draw(state, feed, &[&it.row], &mut canvas.within(below));
    }
    let name = |nth: usize| screen.row(nth).map_or(0, |it| text::width(&it.row.edge.to_string()));
    let widest = (0..screen.list.rows().len().min(200)).map(name).max().unwrap_or(0);
    let columns = columns(widest.clamp(12, 36) as u16, area.width >= ROOMY);
    let sort = By::ALL.iter().position(|it| *it == screen.by);
    let view = ListView {
        name: "edges",
        columns: &columns,
        total: screen.list.rows().len(),
        selected: screen.list.index(),
        sort: sort.map(|column| (column, screen.rising)),
    };
    canvas.within(list).list(&view, |nth, line| {
        if let Some(it) = screen.row(nth) {
            draw_row(it, state, line);
        }
    });
}

/// Areas of the title, the list and the facts of the selected edge.
fn places(area: Rect, rows: u16) -> [Rect; 3] {
    let left = area.height.saturating_sub(rows + 3);
    let facts = match left {
        facts::FULL.. => left.min(facts::MAX_WIDTH),
        _ if area.height >= 2 * facts::FEW + 8 => facts::FEW,
        _ => 0,
    };
    Layout::vertical([Length(1), Fill(1), Length(facts)]).areas(area)
}

/// A title with the windows to choose from.
pub(super) fn spans(canvas: &mut Canvas<'_>, title: &str, chosen: Window) {
    let used = canvas.put(2, 0, Role::Header, title) + 5;
    let names = Window::ALL.map(Window::name);
    let area = Rect {
        x: canvas.area.x + used.min(canvas.area.width),
        width: canvas.area.width.saturating_sub(used),
        height: canvas.area.height.min(1),
        ..canvas.area
    };
    let places = part::tabs::tabs(&names, chosen as usize, area, canvas.buffer, canvas.theme);
    for (nth, place) in places.into_iter().enumerate() {
        let area = Rect { x: place.start, width: place.end - place.start, ..area };
        canvas.hit(area, HitTarget::Tab(nth));
    }
}

/// In the order of [`By::ALL`].
fn columns(name: u16, roomy: bool) -> [Column<'static>; 13] {
    // With its sample where there is room.
    let rate = if roomy { 12 } else { 5 };
    [
        Column::text("edge", name.min(22), name),
        Column::text("pipeline", 11, 18).dropped(7),
        Column::number("acked", 5).dropped(9),
        Column::number("P50", 6).dropped(10),
        Column::number("P95", 6),
        Column::number("P99", 6).dropped(8),
        Column { ideal: rate, ..Column::number("retry", 5) }.dropped(3),
        Column { ideal: rate, ..Column::number("viol", 5) }.dropped(4),
        Column::number("unack", 5).dropped(5),
        Column::number("oldest", 6).dropped(2),
        Column::number("dead", 4).dropped(1),
        Column::text("last hour", 9, 12).dropped(6),
        Column::text("health", 8, 40).growing(),
    ]
}

fn draw_row(it: &Row, state: &State, line: &mut Line<'_>) {
    let Some(feed) = state.world.feed(it.source) else {
        return;
    };
    let row = &it.row;
    let mut cell = |(role, text): Cell| line.text(role, &text);
    let name = match row {
        it if it.paused => Role::Disabled,
        it if it.people => Role::Dim,
        _ => Role::Strong,
    };
    cell((name, row.edge.to_string()));
    cell((Role::Dim, row.edge.pipeline.to_string()));
    cell(figure::count(row.acked, Role::Dim));
    cell(figure::quantile(row, row.p50_ms));
    cell(figure::p95(row));
    cell(figure::quantile(row, row.p99_ms));
    let theme = line.theme();
    let mut rate = |measured, of, role| {
        line.draw(|area, buffer| {
            // With its sample where there is room for all of it.
            let long = figure::if_measured(measured, figure::rate_of(of, role));
            let fits = text::width(&long.1) <= usize::from(area.width) && area.width >= 11;
            let (role, text) = if fits { long } else { figure::if_measured(measured, figure::rate(of, role)) };
            part::put_right(buffer, area.x, area.y, area.width, &text, theme.style(role));
        });
    };
    rate(row.measured.retries, row.retry_rate, figure::judged(row, &[Signal::Retries]));
    rate(row.measured.violations, row.violation_rate, figure::judged(row, &[Signal::Violations]));
    let mut cell = |(role, text): Cell| line.text(role, &text);
    cell(figure::count(row.unacknowledged as u64, Role::Text));
    cell(figure::oldest(row));
    cell(figure::count(u64::from(row.dead), Role::Warning));
    line.draw(|area, buffer| figure::trend(feed, row, area, buffer, theme));
    line.draw(|area, buffer| {
        // The word where there is no room for the reason; that stands below the list then.
        let why = if area.width >= REASON { reason(&state.world, feed, row) } else { row.word().to_owned() };
        let style = theme.style(figure::role(it.severity));
        part::put(buffer, area.x, area.y, area.width, &why, style);
    });
    if !feed.is_fresh(state.world.now) {
        line.overlay(Role::Stale);
    }
}
