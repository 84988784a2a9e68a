//! The live log.

use super::canvas::{Canvas, ListView};
use super::part::table::Column;
use crate::console::app::State;
use crate::console::app::events::Events;
use crate::console::app::world::TimeFormat;
use crate::domain::event::{Fact, Tone};
use crate::domain::id::ActorKind;
use crate::theme::Role;

/// Draws the screen.
pub fn draw(screen: &Events, state: &State, canvas: &mut Canvas<'_>) {
    let world = &state.world;
    let rows = screen.list.rows();
    let unfiltered = state.view().filter().is_none_or(str::is_empty);
    let how = match (screen.follow, screen.new) {
        (true, _) => "following".to_owned(),
        (false, 0) => "holding".to_owned(),
        (false, new) => format!("holding, {new} new"),
    };
    let canvas = &mut canvas.heading("EVENTS", &how);
    if rows.is_empty() {
        let why = if unfiltered {
            "Nothing has happened yet. Events appear here as they come in."
        } else {
            "No event matches the filter. esc clears it."
        };
        return canvas.notice(Role::Dim, why);
    }
    let time = if world.time_format == TimeFormat::Relative { "ago" } else { "time" };
    let columns = [
        Column::text(time, 8, 8),
        Column::text("event", 12, 19),
        Column::text("edge", 18, 22).dropped(2),
        Column::id("handoff", 9, 13).dropped(4),
        Column::id("by", 9, 14).dropped(3),
        Column::text("detail", 24, 60).growing().dropped(1),
    ];
    let view =
        ListView { name: "events", columns: &columns, total: rows.len(), selected: screen.list.index(), sort: None };
    canvas.list(&view, |row, line| {
        let Some(&id) = rows.get(row) else { return };
        let Some((event, feed)) = Events::event(world, id).zip(world.feed(id.0)) else {
            return;
        };
        let role = match event.tone() {
            Tone::Plain => Role::Text,
            Tone::Good => Role::Healthy,
            Tone::Warning => Role::Warning,
            Tone::Bad => Role::Critical,
            Tone::Person => Role::Waiting,
        };
        line.text(Role::Dim, &world.stamp(event.at, feed.ledger().now()));
        line.text(role, &name(&event.fact));
        let handoff = event.handoff.as_ref();
        let edge = feed.ledger().edge_of(event);
        line.text(Role::Strong, &edge.map_or(String::new(), ToString::to_string));
        line.text(Role::Dim, handoff.map_or("", |it| it.as_str()));
        // Almost all come from agents: only the others say what they are.
        let who = event.actor.to_string();
        let hidden = !line.wanted() && event.actor.kind == ActorKind::User;
        line.text(Role::Dim, who.strip_prefix("agent:").unwrap_or(&who));
        let told = event.sentence();
        // Who of the people did it is never lost for want of room.
        let by = if hidden { &*event.actor.id } else { "" };
        let gap = if hidden && !told.is_empty() { ": " } else { "" };
        line.text(Role::Text, &format!("{by}{gap}{told}"));
    });
}

/// The name without the part that all share: `dead lettered`, `escalation opened`.
fn name(fact: &Fact) -> String {
    let name = fact.name();
    name.trim_start_matches("handoff.").replace(['.', '_'], " ")
}
