//! Connections: a row each, and all there is to know of the selected one.

mod detail;

use ratatui::layout::Rect;

use super::canvas::{Canvas, ListView};
use super::figure::{self, Cell};
use super::part::table::Column;
use crate::console::app::State;
use crate::console::app::feed::{Feed, Link};
use crate::console::app::sources::{Sources, pace};
use crate::domain::text::{age, count};
use crate::domain::time::{SECOND, Time};
use crate::theme::Role;

/// Draws the screen.
pub fn draw(screen: &Sources, state: &State, canvas: &mut Canvas<'_>) {
    let area = canvas.area;
    let rows = screen.list.rows().len();
    let height = (rows as u16 + 2).min(area.height.saturating_sub(6).max(4));
    let now = state.world.now;
    let columns = [
        Column::text("SOURCES", 18, 30),
        Column::text("kind", 12, 22).dropped(3),
        Column::text("state", 18, 40).growing(),
        Column::number("data age", 8).dropped(1),
        Column::number("events", 7).dropped(2),
        Column::number("per s", 6).dropped(4),
        Column::number("odd", 5).dropped(5),
        Column::number("unusable", 8).dropped(6),
    ];
    let view = ListView { name: "sources", columns: &columns, total: rows, selected: screen.list.index(), sort: None };
    canvas.within(Rect { height, ..area }).list(&view, |nth, line| {
        let Some(feed) = screen.list.rows().get(nth).and_then(|id| state.world.feed(*id)) else {
            return;
        };
        let mut cell = |(role, text): Cell| line.text(role, &text);
        cell((Role::Strong, feed.name.clone()));
        cell((Role::Dim, feed.can().map_or("-".to_owned(), |it| it.kind.clone())));
        cell(state_of(feed, now));
        cell(data_age(feed, now));
        let ledger = feed.ledger();
        cell(figure::count(ledger.folded(), Role::Text));
        cell((Role::Text, format!("{:.1}", pace(feed))));
        cell(figure::count(ledger.irregular().values().sum(), Role::Warning));
        cell(figure::count(feed.skipped().iter().map(|it| it.count).sum(), Role::Warning));
    });
    let rest = Rect { y: area.y + height, height: area.height.saturating_sub(height), ..area };
    if let Some(feed) = screen.list.selected().and_then(|id| state.world.feed(*id)) {
        detail::draw(feed, state, &mut canvas.within(rest));
    }
}

/// State of the link to a source, in words.
pub(super) fn state_of(feed: &Feed, now: Time) -> Cell {
    if let Some(replay) = feed.replay() {
        let words = match (replay.ended, replay.paused, replay.speed) {
            (true, ..) => "replay ended".to_owned(),
            (_, true, _) => "replay paused".to_owned(),
            (_, _, Some(speed)) => format!("replay at x{speed}"),
            (_, _, None) => "replay as fast as possible".to_owned(),
        };
        return (Role::Info, words);
    }
    match feed.link() {
        Link::Connecting => (Role::Warning, "connecting".to_owned()),
        Link::Live if feed.is_fresh(now) => (Role::Healthy, "live".to_owned()),
        Link::Live => (Role::Critical, "silent".to_owned()),
        Link::Down { since, retry_at, .. } => {
            let left = age((*retry_at - now).max(0) + SECOND - 1);
            (Role::Critical, format!("down for {}, next try in {left}", age(since.age(now))))
        }
    }
}

fn data_age(feed: &Feed, now: Time) -> Cell {
    match feed.data_age(now) {
        None => (Role::Dim, "never".to_owned()),
        Some(_) if feed.is_recording() => figure::none(),
        Some(old) if feed.is_fresh(now) => (Role::Text, age(old)),
        Some(old) => (Role::Critical, age(old)),
    }
}

/// A count with its unit in the right number.
pub(super) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}
