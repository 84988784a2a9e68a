//! The dead letters by what failed: decisions, not rows.

mod columns;

use std::fmt::Write;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use columns::{Columns, GAP, Widest};

use super::canvas::{Canvas, ListView};
use super::doc;
use super::part::table::Column;
use super::part::{put, put_right};
use crate::console::app::State;
use crate::console::app::act::GroupId;
use crate::console::app::dead_letters::{By, DeadLetters, Row, details, growth};
use crate::console::app::feed::Feed;
use crate::console::app::msg::HitTarget;
use crate::console::app::world::World;
use crate::domain::contract::Urgency;
use crate::domain::id::HandoffId;
use crate::domain::report::{DeadRow, Outlook, dead_row};
use crate::domain::text::{self, plural, short};
use crate::page::outlook_role;
use crate::theme::{Role, Theme};

/// From this width on the details are beside the list.
const WIDE: u16 = 150;
/// Rows that the list keeps at least; where there is no room for these and the details, only the list is shown.
const LIST: u16 = 6;
/// Lines of the details below the list, at least and at most.
const DETAILS: (u16, u16) = (7, 11);
/// From this width on items show their id before their title.
const NAMED: u16 = 40;

/// Draws the screen.
pub fn draw(screen: &DeadLetters, state: &State, canvas: &mut Canvas<'_>) {
    let world = &state.world;
    let (count, groups) = screen.count();
    let mut words = match count {
        0 => String::new(),
        _ => format!("{} in {}", text::count(count as u64), plural(groups, "group")),
    };
    if !screen.text().is_empty() {
        _ = write!(words, "  filter {}", screen.text()); // writing to a String cannot fail
    }
    if screen.list.marked() > 0 {
        _ = write!(words, "  {} marked", text::count(screen.marked_items() as u64)); // writing to a String cannot fail
    }
    let mut canvas = canvas.heading("DEAD LETTERS", &words);
    if screen.list.rows().is_empty() {
        let (good, why) = screen.empty_message(world);
        return canvas.notice(if good { Role::Healthy } else { Role::Dim }, &why);
    }
    let area = canvas.area;
    if area.width >= WIDE {
        let pane = area.width * 2 / 5;
        let mut right = doc::beside(&mut canvas, area.width - pane);
        let text = details(screen, world, usize::from(right.area.width));
        doc::draw(&text, 0, &mut right);
        let width = area.width - pane - 1;
        list(screen, world, &mut canvas.within(Rect { width, ..area }));
    } else if area.height > LIST + DETAILS.0 {
        // What the rows leave is for the details: they say in full what a row must cut.
        let rows = screen.list.rows().len().min(usize::from(u16::MAX / 2)) as u16;
        let left = area.height.saturating_sub(rows + 2);
        let top = area.height - left.clamp(DETAILS.0, DETAILS.1) - 1;
        let mut below = doc::below(&mut canvas, top, "");
        let text = details(screen, world, usize::from(below.area.width));
        doc::draw(&text, 0, &mut below);
        let height = top;
        list(screen, world, &mut canvas.within(Rect { height, ..area }));
    } else {
        list(screen, world, &mut canvas);
    }
}

fn list(screen: &DeadLetters, world: &World, canvas: &mut Canvas<'_>) {
    let area = canvas.area;
    let rows = screen.list.rows();
    let only = [Column::text("", 1, u16::MAX / 2).growing()];
    let view =
        ListView { name: "dead letters", columns: &only, total: rows.len(), selected: screen.list.index(), sort: None };
    let theme = canvas.theme;
    let widest = Widest::of(screen);
    let mut place = None;
    canvas.list(&view, |nth, line| {
        let Some(row) = rows.get(nth) else { return };
        let Some(feed) = world.feed(row.source()) else {
            return;
        };
        line.draw(|cell, buffer| {
            let columns = Columns::of(cell, widest);
            place = Some(columns);
            let mut pen = RowPainter { buffer, theme, columns };
            match row {
                Row::Group(id) => pen.group(screen, world, feed, id),
                Row::Item(_, id) => pen.item(world, feed, id),
            }
        });
        if screen.list.is_marked(row) {
            line.mark();
        }
    });
    if let Some(columns) = place {
        header(screen, canvas, Rect { y: area.y, ..columns.what }, columns);
    }
}

fn header(screen: &DeadLetters, canvas: &mut Canvas<'_>, what: Rect, columns: Columns) {
    let at = |place: Rect| Rect { y: what.y, ..place };
    let titles = [
        (By::Count, "what failed", Some(what)),
        (By::First, "first", columns.first.map(at)),
        (By::Last, "last", columns.last.map(at)),
        (By::Edge, "edge", columns.edge.map(at)),
        (By::Outlook, "requeue", Some(at(columns.outlook))),
    ];
    for (nth, (by, title, place)) in titles.into_iter().enumerate() {
        let Some(place) = place.filter(|it| it.width > 2) else {
            continue;
        };
        let sorted = screen.sort.by == by;
        let arrow = match sorted {
            true if screen.sort.rising => canvas.theme.glyphs.sort_up,
            true => canvas.theme.glyphs.sort_down,
            false => "",
        };
        let role = if sorted { Role::Accent } else { Role::Header };
        let style = canvas.theme.style(role);
        put(canvas.buffer, place.x, place.y, place.width, &format!("{title}{arrow}"), style);
        canvas.hit(place, HitTarget::Column(nth));
    }
}

struct RowPainter<'a> {
    buffer: &'a mut Buffer,
    theme: &'a Theme,
    columns: Columns,
}

impl RowPainter<'_> {
    fn put(&mut self, place: Rect, role: Role, text: &str) -> u16 {
        let style = self.theme.style(role);
        put(self.buffer, place.x, place.y, place.width, text, style)
    }

    fn group(&mut self, screen: &DeadLetters, world: &World, feed: &Feed, id: &GroupId) {
        let Some((head, count)) = screen.group(id) else {
            return;
        };
        let ledger = feed.ledger();
        let (open, columns) = (screen.is_open(id), self.columns);
        let arrow = if open { self.theme.glyphs.tree_open } else { self.theme.glyphs.tree_closed };
        let what = columns.what;
        self.put(what, Role::Dim, arrow);
        let number = Rect { x: what.x + 2, width: what.width.saturating_sub(2).min(columns.count), ..what };
        let style = self.theme.style(Role::Strong);
        put_right(self.buffer, number.x, number.y, number.width, &text::count(count as u64), style);
        let before = (columns.count + 3).min(what.width);
        let rest = Rect { x: what.x + before, width: what.width - before, ..what };
        let (tone, growth) = growth(head, ledger);
        let wide = text::width(&growth) as u16 + GAP;
        let used = self.put(rest, Role::Text, &headline(&head.title));
        if head.last_10m > 0 && used + wide <= rest.width {
            let place = Rect { x: rest.x + used + GAP, width: rest.width - used - GAP, ..rest };
            self.put(place, doc::role(tone), &growth);
        }
        let now = ledger.now();
        if let Some(first) = columns.first {
            self.put(first, Role::Dim, &world.stamp(head.first_at, now));
        }
        let fresh = if head.last_10m > 0 { Role::Warning } else { Role::Dim };
        if let Some(last) = columns.last {
            self.put(last, fresh, &world.stamp(head.last_at, now));
        }
        if let Some(edge) = columns.edge {
            self.put(edge, Role::Strong, &head.edge.to_string());
        }
        self.outlook(&head.outlook);
    }

    fn item(&mut self, world: &World, feed: &Feed, id: &HandoffId) {
        let ledger = feed.ledger();
        let Some(row) = dead_row(ledger, id) else {
            return;
        };
        let columns = self.columns;
        let mut what = columns.what;
        let notes = self.notes(&row, what.width);
        let wide = text::width(&notes) as u16;
        if wide > 0 {
            let place = Rect { x: what.right() - wide, width: wide, ..what };
            let role = if row.urgency <= Urgency::High { Role::Warning } else { Role::Dim };
            self.put(place, role, &notes);
            what.width = what.width.saturating_sub(wide + GAP);
        }
        let name = short(row.handoff_id.as_str(), 12);
        let indent = 4.min(what.width);
        let place = Rect { x: what.x + indent, width: what.width - indent, ..what };
        // The title tells more than the id, which is on the page of the handoff.
        let title = if place.width < NAMED {
            place
        } else {
            let used = self.put(place, Role::Dim, &name).max(8.min(place.width));
            let left = place.width.saturating_sub(used + GAP);
            Rect { x: place.x + used + GAP, width: left, ..place }
        };
        self.put(title, Role::Text, &row.title);
        if let Some(first) = columns.first {
            self.put(first, Role::Dim, &tries(&row));
        }
        if let Some(last) = columns.last {
            self.put(last, Role::Dim, &world.stamp(row.dead_at, ledger.now()));
        }
        if let Some(edge) = columns.edge {
            let owner = if row.owner.is_empty() { "-" } else { &row.owner };
            self.put(edge, Role::Dim, owner);
        }
        self.outlook(&row.outlook);
    }

    /// Notes on an item beside its title, as far as `room` columns reach; empty when none fits.
    fn notes(&self, row: &DeadRow, room: u16) -> String {
        let mut notes = Vec::new();
        if row.urgency <= Urgency::High && room >= 40 {
            notes.push(row.urgency.word().to_owned());
        }
        if room >= 64 {
            notes.push(format!("trace {}", short(row.trace_id.as_str(), 9)));
        }
        if self.columns.first.is_none() && room >= 48 {
            notes.push(tries(row));
        }
        notes.join("  ")
    }

    fn outlook(&mut self, outlook: &Outlook) {
        let glyphs = &self.theme.glyphs;
        let glyph = match outlook {
            Outlook::Likely(_) => glyphs.healthy,
            Outlook::Open(_) | Outlook::Impossible(_) => glyphs.unknown,
            Outlook::WouldFail(_) => glyphs.critical,
        };
        let place = self.columns.outlook;
        let shown = match place.width {
            ..3 => glyph.to_owned(),
            3..40 => format!("{glyph} {}", outlook.word()),
            40.. => format!("{glyph} {}", outlook.why()),
        };
        self.put(place, doc::role(outlook_role(outlook)), &shown);
    }
}

/// The title of a group with the place shortened to its last part: the whole is in the details.
fn headline(title: &str) -> String {
    let place = title.split_once(" at /").map(|(code, rest)| {
        let end = rest.find(": ").unwrap_or(rest.len());
        (code, rest.split_at(end))
    });
    match place {
        Some((code, (path, message))) if path.len() > 16 => {
            let last = path.rsplit('/').next().unwrap_or(path);
            format!("{code} at …/{last}{message}")
        }
        _ => title.to_owned(),
    }
}

fn tries(row: &DeadRow) -> String {
    match row.max_attempts {
        0 => format!("{} tries", row.attempts),
        most => format!("{}/{most}", row.attempts),
    }
}
