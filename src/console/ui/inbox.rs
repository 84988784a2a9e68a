//! Questions that wait for a person: the list, and the card of the question under the cursor.

use std::fmt::Write;

use ratatui::layout::Rect;

use super::canvas::{Canvas, ListView};
use super::doc;
use super::part::table::Column;
use crate::console::app::State;
use crate::console::app::inbox::{Inbox, Plan, claimed, clock};
use crate::console::app::world::World;
use crate::domain::contract::Urgency;
use crate::domain::event::Timeout;
use crate::domain::report::InboxRow;
use crate::domain::text::{self, age, word};
use crate::domain::time::MINUTE;
use crate::theme::Role;

/// Draws the screen.
pub fn draw(screen: &Inbox, state: &State, canvas: &mut Canvas<'_>) {
    let world = &state.world;
    let rows = screen.list.rows();
    let mut words = match (screen.list.index(), rows.len()) {
        (Some(at), many) => format!("{}/{many}", at + 1),
        _ => String::new(),
    };
    if !screen.text().is_empty() {
        _ = write!(words, "  filter {}", screen.text()); // writing to a String cannot fail
    }
    let mut canvas = canvas.heading("INBOX", &words);
    if rows.is_empty() {
        let (good, why) = screen.empty_message(world);
        return canvas.notice(if good { Role::Healthy } else { Role::Dim }, &why);
    }
    let plan = Plan::of(world.size, rows.len());
    let area = canvas.area;
    if plan.beside {
        let mut right = doc::beside(&mut canvas, plan.list);
        head(screen, world, &mut right);
        let width = plan.list.saturating_sub(1);
        list(screen, world, &mut canvas.within(Rect { width, ..area }));
    } else {
        let height = plan.list;
        list(screen, world, &mut canvas.within(Rect { height, ..area }));
        let mut below = doc::below(&mut canvas, plan.list, "");
        head(screen, world, &mut below);
    }
}

/// One line on the clock above the card, then the card.
fn head(screen: &Inbox, world: &World, canvas: &mut Canvas<'_>) {
    let Some((source, row)) = screen.list.selected().and_then(|id| Some((id.0, Inbox::row(world, id)?))) else {
        return;
    };
    let (due, then) = clock(row);
    let (claim, claimed) = claimed(row, world.you(source));
    let mut x = 0;
    for (role, words) in [
        (Role::Waiting, word(&row.kind)),
        (Role::Dim, format!("waiting {}", age(row.waiting_ms))),
        (doc::role(due), then),
        (doc::role(claim), claimed),
    ] {
        if x > 0 {
            let dot = canvas.theme.glyphs.separator;
            x += canvas.put(x, 0, Role::Dim, &format!(" {dot} "));
        }
        x += canvas.put(x, 0, role, &words);
    }
    let area = canvas.area;
    let mut below = canvas.within(Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area });
    doc::draw(&screen.card.doc, screen.card.offset, &mut below);
}

fn list(screen: &Inbox, world: &World, canvas: &mut Canvas<'_>) {
    let columns = [
        Column::text("question", if canvas.area.width < 60 { 16 } else { 40 }, 70).growing(),
        Column::text("urgency", 8, 8).dropped(2),
        Column::number("waiting", 7).dropped(3),
        Column::number("due in", 8),
        Column::text("then", 11, 11).dropped(5),
        Column::text("asked by", 10, 18).dropped(4),
        Column::text("claimed", 7, 12).dropped(1),
    ];
    let rows = screen.list.rows();
    let view =
        ListView { name: "inbox", columns: &columns, total: rows.len(), selected: screen.list.index(), sort: None };
    canvas.list(&view, |nth, line| {
        let Some((source, row)) = rows.get(nth).and_then(|id| Some((id.0, Inbox::row(world, id)?))) else {
            return;
        };
        line.text(Role::Text, &row.question);
        let urgency = match row.urgency {
            Urgency::Critical => Role::Critical,
            Urgency::High => Role::Warning,
            Urgency::Normal | Urgency::Low => Role::Dim,
        };
        line.text(urgency, row.urgency.word());
        line.text(Role::Dim, &age(row.waiting_ms));
        let (role, due) = due(row);
        line.text(role, &due);
        let then = match row.on_timeout {
            _ if row.due_at.is_none() => "-",
            Timeout::DeadLetter => "dead letter",
            Timeout::Approve => "approved",
            Timeout::Dismiss => "dismissed",
        };
        line.text(Role::Dim, then);
        line.text(Role::Dim, &row.asked_by);
        let (ink, by) = claimed(row, world.you(source));
        let by = text::clean(by.trim_start_matches("claimed by ")).into_owned();
        line.text(doc::role(ink), if row.claimed_by.is_some() { &by } else { "-" });
    });
}

fn due(row: &InboxRow) -> (Role, String) {
    match row.due_in_ms {
        None => (Role::Dim, "-".to_owned()),
        Some(late @ ..0) => (Role::Critical, format!("-{}", age(-late))),
        Some(soon) if soon < 10 * MINUTE => (Role::Warning, age(soon)),
        Some(later) => (Role::Text, age(later)),
    }
}
