//! The edge under the cursor, below the list: the reason in full, and its charts where there is room.

use ratatui::layout::Constraint::{Fill, Length};
use ratatui::layout::Layout;

use super::page::charts;
use crate::console::app::State;
use crate::console::app::feed::Feed;
use crate::console::app::reason::{concern, reason};
use crate::console::ui::canvas::Canvas;
use crate::console::ui::figure;
use crate::domain::health::Span;
use crate::domain::report::EdgeRow;
use crate::domain::text;
use crate::theme::Role;

/// Rows of the words alone, of words and charts, and the most that charts are worth.
pub(in crate::console::ui) const FEW: u16 = 2;
/// See [`FEW`].
pub(in crate::console::ui) const FULL: u16 = 12;
/// See [`FEW`].
pub(in crate::console::ui) const MOST: u16 = 20;

/// Draws words, and charts below them when the canvas is [`FULL`].
pub(in crate::console::ui) fn draw(
    state: &State,
    feed: &Feed,
    edge: &EdgeRow,
    canvas: &mut Canvas<'_>,
) {
    if canvas.area.height < FULL {
        return words(state, feed, edge, canvas);
    }
    let [_, top, _, rest] =
        Layout::vertical([Length(1), Length(FEW), Length(1), Fill(1)]).areas(canvas.area);
    words(state, feed, edge, &mut canvas.within(top));
    charts::draw(feed, edge, Span::OneHour, &mut canvas.within(rest));
}

/// The reason as far as two lines go; the numbers that had no column when one is enough.
fn words(state: &State, feed: &Feed, edge: &EdgeRow, canvas: &mut Canvas<'_>) {
    let left = 4 + canvas.put(2, 0, Role::Strong, &edge.edge.to_string());
    let role = figure::role(concern(edge));
    let room = usize::from(canvas.area.width.saturating_sub(left + 2)).max(10);
    let why = text::clean(&reason(&state.world, feed, edge)).into_owned();
    let lines = text::wrap(&why, room);
    canvas.put(left, 0, role, lines.first().copied().unwrap_or_default());
    let rest = lines.get(1..).unwrap_or_default().join(" ");
    if !rest.is_empty() {
        canvas.put(left, 1, role, &rest);
        return;
    }
    let numbers = [
        ("retry", figure::rate_of(edge.retry_rate, Role::Text)),
        (
            "violations",
            figure::rate_of(edge.violation_rate, Role::Text),
        ),
        ("P99", figure::latency(edge.emit_to_ack_ms.p99)),
        (
            "unacknowledged",
            figure::count(edge.unacknowledged as u64, Role::Text),
        ),
    ];
    let mut x = left;
    for (name, (role, value)) in numbers {
        x += canvas.put(x, 1, Role::Dim, name) + 1;
        x += canvas.put(x, 1, role, &value) + 3;
    }
}
