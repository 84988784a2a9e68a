//! The edge under the cursor, or the bad ones of a pipeline, below the list: the reasons in full, and the charts of
//! the first where there is room.

use ratatui::layout::Constraint::{Fill, Length};
use ratatui::layout::{Layout, Rect};

use super::page::charts;
use crate::console::app::State;
use crate::console::app::explain::reason;
use crate::console::app::feed::Feed;
use crate::console::ui::canvas::Canvas;
use crate::console::ui::figure;
use crate::domain::health::Window;
use crate::domain::report::EdgeRow;
use crate::domain::text;
use crate::theme::Role;

/// Rows of the words alone, of words and charts, and the most that charts are worth.
pub(in crate::console::ui) const FEW: u16 = 2;
/// Rows of words and charts; see [`FEW`].
pub(in crate::console::ui) const FULL: u16 = 12;
/// Rows, at most, that charts are worth; see [`FEW`].
pub(in crate::console::ui) const MAX_WIDTH: u16 = 20;

/// Draws words on as many edges as there is room for, the first one first, and the charts of that one below them
/// when the canvas is [`FULL`].
pub(in crate::console::ui) fn draw(state: &State, feed: &Feed, edges: &[&EdgeRow], canvas: &mut Canvas<'_>) {
    if canvas.area.height < FULL {
        return all_words(state, feed, edges, FEW, canvas);
    }
    // The charts must keep their height: one line each when there are several.
    let each = if edges.len() > 1 { 1 } else { FEW };
    let height = (each * edges.len() as u16).min(2 * FEW);
    let [_, top, _, rest] = Layout::vertical([Length(1), Length(height), Length(1), Fill(1)]).areas(canvas.area);
    all_words(state, feed, edges, each, &mut canvas.within(top));
    if let Some(edge) = edges.first() {
        charts::draw(feed, edge, Window::OneHour, &mut canvas.within(rest));
    }
}

fn all_words(state: &State, feed: &Feed, edges: &[&EdgeRow], each: u16, canvas: &mut Canvas<'_>) {
    let area = canvas.area;
    let names = edges.iter().map(|it| text::width(&it.edge.to_string()));
    let name = names.max().unwrap_or(0) as u16;
    for (edge, y) in edges.iter().zip((0..area.height).step_by(usize::from(each))) {
        let place = Rect { y: area.y + y, height: each, ..area };
        words(state, feed, edge, name, &mut canvas.within(place.intersection(area)));
    }
}

/// The reason as far as the lines go; the numbers that had no column when one of two is enough.
fn words(state: &State, feed: &Feed, edge: &EdgeRow, name: u16, canvas: &mut Canvas<'_>) {
    canvas.put(2, 0, Role::Strong, &edge.edge.to_string());
    let left = 4 + name;
    let role = figure::role(edge.severity());
    let room = usize::from(canvas.area.width.saturating_sub(left + 2)).max(10);
    let why = text::clean(&reason(&state.world, feed, edge)).into_owned();
    if canvas.area.height < FEW {
        canvas.put(left, 0, role, &why);
        return;
    }
    let lines = text::wrap(&why, room);
    canvas.put(left, 0, role, lines.first().copied().unwrap_or_default());
    let rest = lines.get(1..).unwrap_or_default().join(" ");
    if !rest.is_empty() {
        canvas.put(left, 1, role, &rest);
        return;
    }
    let numbers = [
        ("retry", figure::if_measured(edge.measured.retries, figure::rate_of(edge.retry_rate, Role::Text))),
        ("violations", figure::if_measured(edge.measured.violations, figure::rate_of(edge.violation_rate, Role::Text))),
        ("P99", figure::quantile(edge, edge.p99_ms)),
        ("unacknowledged", figure::count(edge.unacknowledged as u64, Role::Text)),
    ];
    let mut x = left;
    for (name, (role, value)) in numbers {
        x += canvas.put(x, 1, Role::Dim, name) + 1;
        x += canvas.put(x, 1, role, &value) + 3;
    }
}
