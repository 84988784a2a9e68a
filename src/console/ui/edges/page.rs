//! The page of one edge: what is wrong and since when, how fast, what failed, what was refused, what came lately.

pub(in crate::console::ui) mod charts;

use ratatui::layout::Rect;

use crate::console::app::State;
use crate::console::app::edge_page::EdgePage;
use crate::console::app::explain::reason;
use crate::console::app::feed::Feed;
use crate::console::app::pipelines::title;
use crate::console::ui::canvas::{Canvas, ListView};
use crate::console::ui::figure::{self, Cell, if_measured};
use crate::console::ui::part::badge::glyph;
use crate::console::ui::part::table::{Column, Table};
use crate::domain::health::{Measures, Signal};
use crate::domain::report::{EdgeRow, version};
use crate::domain::run::{Handoff, State as Standing};
use crate::domain::text;
use crate::theme::Role;

/// Rows of the charts, and rows that the list of handoffs keeps at least.
const CHARTS: u16 = 10;
const LIST: u16 = 5;
/// Groups of violations shown; the worst first.
const VIOLATIONS: usize = 6;

/// Draws the page.
pub(in crate::console::ui) fn draw(page: &EdgePage, state: &State, canvas: &mut Canvas<'_>) {
    let Some(feed) = state.world.feed(page.source) else {
        return;
    };
    let Some(row) = &page.row else {
        let why = format!("{} does not know the edge {} any more. esc goes back.", feed.name, page.edge);
        return canvas.notice(Role::Dim, &why);
    };
    let area = canvas.area;
    super::spans(canvas, &format!("EDGE  {}  {}", row.edge.pipeline, row.edge), page.window);
    let role = if feed.is_fresh(state.world.now) { figure::role(row.severity()) } else { Role::Stale };
    let said = format!("{} {}", glyph(canvas.theme, role), reason(&state.world, feed, row));
    canvas.put(2, 1, role, &said);
    let mut top = 2;
    if area.height >= 14 {
        top += numbers(feed, row, canvas, top) + 1;
    }
    let rest = |top: u16| area.height.saturating_sub(top);
    top += violations(page, state, canvas, top, rest(top + LIST + 1));
    if rest(top) > CHARTS + LIST {
        // Taller where there is much room, but never so tall that the list suffers.
        let height = CHARTS.max(rest(top) / 3).min(18);
        let place = Rect { y: area.y + top, height, ..area };
        charts::draw(feed, row, page.window, &mut canvas.within(place));
        top += height + 1;
    }
    let place = Rect { y: area.y + top, height: rest(top), ..area };
    recent(page, state, feed, &mut canvas.within(place));
}

/// The numbers of the window in a line or two. Says how many lines it took.
fn numbers(feed: &Feed, row: &EdgeRow, canvas: &mut Canvas<'_>, top: u16) -> u16 {
    let Measures { latency, retries, violations } = row.measured;
    let ack = if latency { text::count(row.acked) } else { "not measured".to_owned() };
    let last = match row.last_acknowledged_at {
        Some(at) => text::ago(at.age(feed.ledger().now())),
        None => "never".to_owned(),
    };
    let all: [(&str, Cell); 12] = [
        ("acked", (Role::Text, ack)),
        ("last ack", (Role::Text, last)),
        ("P50", figure::quantile(row, row.p50_ms)),
        ("P95", figure::p95(row)),
        ("P99", figure::quantile(row, row.p99_ms)),
        ("retry", if_measured(retries, figure::rate_of(row.retry_rate, figure::judged(row, &[Signal::Retries])))),
        (
            "violations",
            if_measured(violations, figure::rate_of(row.violation_rate, figure::judged(row, &[Signal::Violations]))),
        ),
        ("open", figure::count(row.open as u64, Role::Text)),
        ("unacked", figure::count(row.unacknowledged as u64, Role::Text)),
        ("oldest", figure::oldest(row)),
        ("with people", figure::count(u64::from(row.escalated), Role::Waiting)),
        ("dead", figure::count(u64::from(row.dead), Role::Warning)),
    ];
    let (mut x, mut y) = (2, 0);
    for (name, (role, value)) in all {
        let width = (text::width(name) + text::width(&value) + 1) as u16;
        if x + width > canvas.area.width && x > 2 {
            (x, y) = (2, y + 1);
        }
        x += canvas.put(x, top + y, Role::Dim, name) + 1;
        x += canvas.put(x, top + y, role, &value) + 3;
    }
    y + 1
}

/// Draws who sent the contracts that were refused. Gives the lines it took; 0 when nothing was refused.
fn violations(page: &EdgePage, state: &State, canvas: &mut Canvas<'_>, top: u16, room: u16) -> u16 {
    let Some(feed) = state.world.feed(page.source) else {
        return 0;
    };
    let mut found = feed.ledger().violations().on(&page.edge);
    let most = VIOLATIONS.min(usize::from(room).saturating_sub(2));
    if found.is_empty() || most == 0 {
        return 0;
    }
    found.sort_by_key(|it| std::cmp::Reverse((it.count, it.last_at)));
    let more = found.len().saturating_sub(most);
    found.truncate(most);
    let widest = found.iter().map(|it| text::width(&it.path)).max().unwrap_or(0);
    let place = widest.clamp(14, usize::from(canvas.area.width / 3).max(14)) as u16;
    let columns = [
        Column::text("VIOLATIONS BY PROMPT", 16, 24),
        Column::text("model", 8, 18).dropped(4),
        Column::text("producer", 8, 16).dropped(5),
        Column::id("where in the contract", place, place),
        Column::number("count", 5),
        Column::number("first", 8),
        Column::number("last", 8).dropped(2),
        Column::text("what", 16, 24).growing().dropped(6),
    ];
    let height = found.len() as u16 + 1;
    let area = Rect { y: canvas.area.y + top, height, ..canvas.area };
    let table = Table { columns: &columns, total: found.len(), offset: 0, selected: None, sort: None };
    let now = feed.ledger().now();
    let known = |name: &Option<String>| name.as_ref().map_or("-".to_owned(), |it| version(it));
    table.draw(area, canvas.buffer, canvas.theme, |nth, line| {
        let Some(it) = found.get(nth) else { return };
        line.text(Role::Warning, &known(&it.prompt));
        line.text(Role::Text, &known(&it.model));
        line.text(Role::Text, &it.producer);
        line.text(Role::Strong, if it.path.is_empty() { "the whole contract" } else { &it.path });
        line.text(Role::Text, &text::count(u64::from(it.count)));
        line.text(Role::Text, &state.world.stamp(it.first_at, now));
        line.text(Role::Dim, &state.world.stamp(it.last_at, now));
        line.text(Role::Dim, &it.message);
    });
    if more > 0 {
        let s = if more == 1 { "" } else { "s" };
        let ellipsis = canvas.theme.glyphs.ellipsis;
        canvas.put(2, top + height, Role::Dim, &format!("{ellipsis} {more} more group{s}"));
    }
    height + u16::from(more > 0) + 1
}

fn recent(page: &EdgePage, state: &State, feed: &Feed, canvas: &mut Canvas<'_>) {
    if page.list.rows().is_empty() {
        return canvas.notice(Role::Dim, "No handoff was seen on this edge yet.");
    }
    let columns = [
        Column::text("RECENT HANDOFFS", 18, 40).growing(),
        Column::text("state", 12, 34),
        Column::number("to ack", 6).dropped(2),
        Column::number("try", 4).dropped(4),
        Column::text("prompt", 10, 20).dropped(5),
        Column::id("id", 9, 13).dropped(3),
        Column::number("emitted", 8),
    ];
    let view = ListView {
        name: "edge",
        columns: &columns,
        total: page.list.rows().len(),
        selected: page.list.index(),
        sort: None,
    };
    let ledger = feed.ledger();
    canvas.list(&view, |nth, line| {
        let Some(id) = page.list.rows().get(nth) else {
            return;
        };
        let Some(it) = ledger.handoff(id) else {
            line.text(Role::Dim, id.as_str());
            return line.text(Role::Dim, "no longer kept");
        };
        let (role, words) = standing(it);
        line.text(Role::Strong, title(it));
        line.text(role, &words);
        let waited = it.acked_at.map(|at| at - it.waiting_since);
        let (role, waited) = match waited {
            Some(waited) => (Role::Text, text::latency(waited)),
            None if it.is_unacknowledged() => {
                (Role::Text, format!("≥{}", text::latency(it.waiting_since.age(ledger.now()))))
            }
            None => figure::none(),
        };
        line.text(role, &waited);
        let most = it.emission.terms.as_ref().map(|it| format!("/{}", it.max_attempts)).unwrap_or_default();
        let tried = format!("{}{most}", it.attempt);
        line.text(Role::Dim, &tried);
        line.text(Role::Dim, &it.emission.prompt.as_deref().map_or("-".to_owned(), version));
        line.text(Role::Dim, id.as_str());
        line.text(Role::Dim, &state.world.stamp(it.first_seen(), ledger.now()));
    });
}

/// State of a handoff in words, with its last failure.
pub(in crate::console::ui) fn standing(it: &Handoff) -> Cell {
    let code = it.failure.as_ref().map(|it| it.code.as_str());
    let with = |word: &str| code.map_or_else(|| word.to_owned(), |code| format!("{word}: {code}"));
    let to = &it.emission.edge.to;
    match it.state {
        Standing::Pending => (Role::Text, format!("waits for {to}")),
        Standing::Leased => (Role::Text, format!("claimed by {}, no ack", holder(it))),
        Standing::Acknowledged => (Role::Text, format!("in work at {}", holder(it))),
        Standing::RetryWait => (Role::Warning, with("waits for a retry")),
        Standing::Escalated => (Role::Waiting, "waits for a person".to_owned()),
        Standing::DeadLettered => (Role::Critical, with("dead")),
        Standing::Completed => (Role::Dim, "completed".to_owned()),
        Standing::Returned => (Role::Dim, "returned".to_owned()),
        Standing::Dismissed => (Role::Dim, "dismissed".to_owned()),
        Standing::Cancelled => (Role::Dim, "cancelled".to_owned()),
        Standing::Failed => (Role::Critical, with("failed")),
        Standing::Rejected => (Role::Warning, with("rejected")),
    }
}

fn holder(it: &Handoff) -> &str {
    it.lease.as_ref().map_or(&*it.emission.edge.to, |lease| &lease.holder)
}
