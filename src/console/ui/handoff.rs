//! The page of one handoff.

mod tree;

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::doc;
use super::part::table::scroll_to;
use super::part::tabs::tabs;
use super::part::waterfall::{Span, waterfall};
use crate::console::app::State;
use crate::console::app::handoff::{Handoff, Tab, TraceRow};
use crate::console::app::msg::HitTarget;
use crate::domain::text::{self, short};
use crate::page::state_role;
use crate::theme::Role;

/// Draws the page.
pub fn draw(page: &Handoff, state: &State, canvas: &mut Canvas<'_>) {
    let world = &state.world;
    let room = usize::from(canvas.area.width / 2);
    let mut x = 1 + canvas.put(1, 0, Role::Header, "HANDOFF") + 2;
    x += canvas.put(x, 0, Role::Strong, &short(page.id.as_str(), room)) + 2;
    if let Some(it) = page.handoff(world) {
        let role = doc::role(state_role(it.state));
        x += canvas.put(x, 0, role, &it.state.word().replace('_', " ")) + 2;
        x += canvas.put(x, 0, Role::Text, &it.emission.edge.to_string()) + 2;
        let now = world.feed(page.source).map_or(it.first_seen(), |feed| feed.ledger().now());
        canvas.put(x, 0, Role::Dim, &format!("{} old", text::age(it.first_seen().age(now))));
    }
    let area = canvas.area;
    let line = Rect { y: area.y + 1, height: 1, ..area };
    let titles: Vec<&str> = Tab::ALL.iter().map(|(_, title)| *title).collect();
    let places = tabs(&titles, page.tab.index(), line, canvas.buffer, canvas.theme);
    for (nth, place) in places.into_iter().enumerate() {
        let width = place.end - place.start;
        canvas.hit(Rect { x: place.start, width, ..line }, HitTarget::Tab(nth));
    }
    let mut below = canvas.within(Rect {
        x: area.x + 1,
        y: area.y + 2,
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(2),
    });
    match page.tab {
        Tab::Payload if !page.tree.is_empty() => tree::draw(page, &mut below),
        Tab::Trace => {
            let (rows, end) = page.spans(world);
            trace(page, &rows, end, &mut below);
        }
        _ => _ = doc::draw(&page.reader.doc, page.reader.offset, &mut below),
    }
}

fn trace(page: &Handoff, rows: &[TraceRow], end: i64, canvas: &mut Canvas<'_>) {
    let area = canvas.area;
    if rows.is_empty() {
        return canvas.notice(Role::Dim, "This run is not known here any more.");
    }
    let selected = page.trace.index().unwrap_or(0);
    let offset = scroll_to(0, selected, usize::from(area.height), rows.len());
    let names: Vec<String> = rows.iter().map(|row| text::clean(&row.name).into_owned()).collect();
    let spans: Vec<Span<'_>> = rows
        .iter()
        .zip(&names)
        .map(|(row, name)| Span {
            depth: row.depth,
            name,
            start: row.start,
            length: row.length,
            role: doc::role(row.ink),
        })
        .collect();
    waterfall(&spans, offset, end, area, canvas.buffer, canvas.theme);
    for (nth, y) in (offset..rows.len()).zip(area.top()..area.bottom()) {
        let line = Rect { y, height: 1, ..area };
        if nth == selected {
            let style = canvas.theme.style(Role::Selection);
            canvas.buffer.set_style(line, style);
        }
        canvas.hit(line, HitTarget::Row(nth));
    }
}
