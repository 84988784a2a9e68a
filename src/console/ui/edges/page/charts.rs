//! Charts of an edge: the spread of its latencies, its P95 over the last hour, and its failures.

use ratatui::layout::Rect;

use crate::console::app::feed::Feed;
use crate::console::ui::canvas::Canvas;
use crate::console::ui::figure;
use crate::console::ui::part::histogram::{Bin, Histogram};
use crate::console::ui::part::{self, put, put_right};
use crate::domain::health::Window;
use crate::domain::ledger::EdgeStats;
use crate::domain::report::{self, EdgeRow};
use crate::domain::text;
use crate::domain::time::{MINUTE, Millis, SECOND};
use crate::theme::Role;

/// Lower bounds of the rows of the histogram: people think in these.
const BOUNDS: [Millis; 14] = [
    0,
    100,
    250,
    500,
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    20 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    15 * MINUTE,
    60 * MINUTE,
];
/// Columns of the error codes.
const CODES: u16 = 30;
/// Columns of the values beside the trend.
const SCALE: u16 = 7;

/// Draws the charts side by side: as many as there is room for.
pub(in crate::console::ui) fn draw(feed: &Feed, row: &EdgeRow, window: Window, canvas: &mut Canvas<'_>) {
    let Some(book) = feed.ledger().edge(&row.edge) else {
        return;
    };
    let area = canvas.area;
    let codes = if area.width >= 110 && !book.codes.is_empty() { CODES } else { 0 };
    let left = area.width - codes;
    let half = left / 2;
    let column = |x: u16, width: u16| Rect { x: area.x + x + 2, width: width.saturating_sub(3), ..area };
    latencies(feed, window, row, book, &mut canvas.within(column(0, half)));
    hour(feed, row, book, &mut canvas.within(column(half, left - half)));
    if codes > 0 {
        failures(book, &mut canvas.within(column(left, codes)));
    }
}

fn below_title<'a>(canvas: &'a mut Canvas<'_>, title: &str) -> Canvas<'a> {
    canvas.put(0, 0, Role::Header, title);
    let area = canvas.area;
    let inside = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    canvas.within(inside)
}

fn latencies(feed: &Feed, window: Window, row: &EdgeRow, book: &EdgeStats, canvas: &mut Canvas<'_>) {
    let waiting = feed.ledger().waits(book).ages;
    let title = format!(
        "EMIT TO ACK, {}{}",
        if window.length().is_some() { format!("last {window}") } else { "all seen".to_owned() },
        if waiting.is_empty() { String::new() } else { format!(", +{} waiting", text::count(waiting.len() as u64)) }
    );
    let mut inside = below_title(canvas, &title);
    if !row.measured.latency {
        return inside.notice(Role::Dim, "not measured: this source sees no acknowledgements here");
    }
    let bars = book.windows.total(window).to_ack.bars();
    let all = || bars.iter().map(|(value, _)| *value).chain(waiting.iter().copied());
    let (Some(fastest), Some(slowest)) = (all().min(), all().max()) else {
        return inside.notice(Role::Dim, "nothing was acknowledged in this window");
    };
    let first = BOUNDS.iter().rposition(|it| *it <= fastest).unwrap_or(0);
    let last = BOUNDS.iter().rposition(|it| *it <= slowest).unwrap_or(0);
    let bins: Vec<Bin> = (first..=last)
        .map(|nth| {
            let (from, below) = (BOUNDS[nth], BOUNDS.get(nth + 1).copied().unwrap_or(Millis::MAX));
            let inside = bars.iter().filter(|(value, _)| (from..below).contains(value));
            let acked = inside.map(|(_, count)| u64::from(*count)).sum();
            let waiting = waiting.iter().filter(|age| (from..below).contains(*age)).count() as u64;
            Bin { from, acked, waiting }
        })
        .collect();
    let marks: Vec<(&str, Millis)> = [("P50", row.p50_ms), ("P99", row.p99_ms), ("P95", row.p95_ms)]
        .into_iter()
        .filter_map(|(name, of)| Some((name, of.value?)))
        .collect();
    let role = match figure::judged(row, &figure::SLOW) {
        Role::Text => Role::Accent,
        bad => bad,
    };
    let histogram = Histogram { bins: &bins, marks: &marks, role };
    histogram.draw(inside.area, inside.buffer, inside.theme);
}

fn hour(feed: &Feed, row: &EdgeRow, book: &EdgeStats, canvas: &mut Canvas<'_>) {
    let mut inside = below_title(canvas, "P95, LAST HOUR");
    if !row.measured.latency {
        return inside.notice(Role::Dim, "not measured");
    }
    let trend = report::trend(feed.ledger(), book);
    let values: Vec<Option<u64>> = trend.p95_ms.iter().map(|it| it.map(i64::unsigned_abs)).collect();
    let Some(highest) = trend.p95_ms.iter().flatten().max().copied() else {
        return inside.notice(Role::Dim, "nothing was acknowledged in the last hour");
    };
    let area = inside.area;
    let (bars, axis) = (area.height.saturating_sub(1), area.bottom().saturating_sub(1));
    let width = area.width.saturating_sub(SCALE).min(60);
    let place = Rect { x: area.x + SCALE, width, height: bars, ..area };
    let role = match figure::judged(row, &figure::SLOW) {
        Role::Text => Role::Bar,
        bad => bad,
    };
    let (theme, buffer) = (inside.theme, &mut *inside.buffer);
    part::trend::trend(&values, 0, place, buffer, theme, role);
    let dim = theme.style(Role::Dim);
    put_right(buffer, area.x, area.y, SCALE - 1, &text::latency(highest), dim);
    if bars > 3 {
        let middle = area.y + bars / 2;
        put_right(buffer, area.x, middle, SCALE - 1, &text::latency(highest / 2), dim);
    }
    put(buffer, place.x, axis, width, "60m ago", dim);
    put_right(buffer, place.x, axis, width, "now", dim);
}

fn failures(book: &EdgeStats, canvas: &mut Canvas<'_>) {
    let mut inside = below_title(canvas, "FAILED ATTEMPTS BY CODE");
    let mut codes: Vec<(&String, &u32)> = book.codes.iter().collect();
    codes.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    let height = usize::from(inside.area.height);
    let shown = if codes.len() > height { height.saturating_sub(1) } else { codes.len() };
    for ((code, count), y) in codes.iter().take(shown).zip(0..) {
        inside.put(0, y, Role::Text, &format!("{:>5}", text::count(u64::from(**count))));
        inside.put(6, y, Role::Text, code);
    }
    if shown < codes.len() {
        let more = format!("{} {} more codes", inside.theme.glyphs.ellipsis, codes.len() - shown);
        inside.put(0, shown as u16, Role::Dim, &more);
    }
}
