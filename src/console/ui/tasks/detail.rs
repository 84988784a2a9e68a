//! The selected run: why it stands out, its way step by step, and what was asked to be changed.

use ratatui::layout::Rect;

use super::standing;
use crate::console::app::State;
use crate::console::app::explain::since;
use crate::console::app::feed::Feed;
use crate::console::app::tasks::{Tasks, same_work};
use crate::console::ui::canvas::Canvas;
use crate::console::ui::edges::page;
use crate::console::ui::figure;
use crate::console::ui::part;
use crate::console::ui::part::table::{Column, Table};
use crate::domain::contract::RelationKind;
use crate::domain::report::{TaskRow, TaskVerdict};
use crate::domain::run::{Handoff, Run, RunState, State as Standing};
use crate::domain::text;
use crate::theme::Role;

/// Draws it in a frame.
pub(super) fn draw(screen: &Tasks, state: &State, canvas: &mut Canvas<'_>) {
    let Some((source, row)) = screen.selected() else {
        return;
    };
    let Some(feed) = state.world.feed(*source) else {
        return;
    };
    let Some(run) = feed.ledger().run(&row.trace_id) else {
        return;
    };
    let title = format!("{}  run {}", row.pipeline, row.trace_id);
    let inside = part::frame(canvas.area, canvas.buffer, canvas.theme, &title, Role::Border);
    let mut canvas = canvas.within(inside);
    let (height, mut top) = (canvas.area.height, 0);
    top += verdict(state, feed, row, run, &mut canvas, top);
    top += annotations(state, feed, run, &mut canvas, top);
    let thread: u16 = screen.thread.iter().map(|it| it.wants.len().max(1) as u16).sum();
    // The steps get what the thread leaves, and at least half.
    let left = height.saturating_sub(top);
    let keep = if thread == 0 { 0 } else { (thread + 2).min(left / 2) };
    let room = left.saturating_sub(keep);
    top += steps(state, feed, run, &mut canvas, top, room);
    if thread > 0 {
        feedback(screen, state, feed, &mut canvas, top + 1);
    }
}

/// Draws the verdict of a run, its reason and its beginning. Gives the lines it took.
fn verdict(state: &State, feed: &Feed, row: &TaskRow, run: &Run, canvas: &mut Canvas<'_>, top: u16) -> u16 {
    let role = figure::role(row.verdict.severity());
    let said = match (row.verdict, row.since) {
        (TaskVerdict::Fine, _) if row.state == RunState::Waiting => waits_for(feed, run),
        (TaskVerdict::Fine, _) => standing(row.state).to_owned(),
        (_, Some(at)) => format!("{} {}: {}", text::word(&row.verdict), since(&state.world, feed, at), row.signal),
        (_, None) => format!("{}: {}", text::word(&row.verdict), row.signal),
    };
    let role = if row.verdict == TaskVerdict::Fine { Role::Text } else { role };
    canvas.put(1, top, role, &said);
    let retries = match row.retries {
        0 if !feed.ledger().measured().everywhere.retries => "retries not measured".to_owned(),
        1 => "1 retry".to_owned(),
        many => format!("{many} retries"),
    };
    let handoffs = text::plural(row.handoffs, "handoff");
    let numbers = format!("{handoffs}, {retries}, {} spent, {} open", text::age(row.spent_ms), row.open);
    canvas.put(1, top + 1, Role::Dim, &numbers);
    3
}

/// What a run waits for that only people can move: `waits for people: 2 dead, 1 asked, 1 paused`.
fn waits_for(feed: &Feed, run: &Run) -> String {
    let mut counts = [(0, "dead"), (0, "asked"), (0, "paused"), (0, "addressed to people")];
    for it in run.open() {
        let why = match it.state {
            Standing::DeadLettered => 0,
            Standing::Escalated => 1,
            _ if it.emission.to.kind.is_people() => 3,
            _ if feed.ledger().paused().contains(&it.emission.edge) => 2,
            _ => continue,
        };
        counts[why].0 += 1;
    }
    let counts = counts.iter().filter(|it| it.0 > 0).map(|(count, what)| format!("{count} {what}"));
    format!("waits for people: {}", counts.collect::<Vec<_>>().join(", "))
}

/// The latest verdicts of people, the last one first. Says how many lines they took.
fn annotations(state: &State, feed: &Feed, run: &Run, canvas: &mut Canvas<'_>, top: u16) -> u16 {
    const SHOWN: usize = 3;
    let now = feed.ledger().now();
    let mut y = top;
    for it in run.annotations.iter().rev().take(SHOWN) {
        let said = &it.annotation;
        let who = format!("{} {}", state.world.stamp(it.at, now), it.by.id);
        let used = canvas.put(1, y, Role::Dim, &who);
        let between = if said.note.is_empty() { "" } else { ": " };
        canvas.put(used + 3, y, Role::Waiting, &format!("{}{between}{}", said.verdict, said.note));
        y += 1;
    }
    let blank = u16::from(y > top);
    y - top + blank
}

/// The latest steps, oldest first. Says how many lines it took.
fn steps(state: &State, feed: &Feed, run: &Run, canvas: &mut Canvas<'_>, top: u16, room: u16) -> u16 {
    let all: Vec<&Handoff> = run.handoffs.values().collect();
    let shown = usize::from(room.saturating_sub(1)).min(all.len());
    if shown == 0 {
        return 0;
    }
    let first = all.len() - shown;
    let heading = if first > 0 { format!("LAST {shown} OF {} STEPS", all.len()) } else { "STEPS".to_owned() };
    let columns = [
        Column::text(&heading, 18, 30),
        Column::text("state", 12, 30),
        Column::text("", 10, 24).dropped(3),
        Column::number("issues", 6).dropped(2),
        Column::number("tries", 5).dropped(4),
        Column::number("emitted", 8).dropped(1),
        Column::text("", 1, 1).growing().dropped(5),
    ];
    let table = Table { columns: &columns, total: shown, offset: 0, selected: None, sort: None };
    let area = canvas.area;
    let place = Rect { y: area.y + top, height: shown as u16 + 1, ..area }.intersection(area);
    let now = feed.ledger().now();
    table.draw(place, canvas.buffer, canvas.theme, |nth, line| {
        let Some(it) = all.get(first + nth) else {
            return;
        };
        line.text(Role::Strong, &it.emission.edge.to_string());
        let (role, words) = page::standing(it);
        line.text(role, &words);
        let same = same_work(run, it);
        let (role, note) = match it.emission.relation {
            _ if same > 1 => (Role::Warning, format!("same work x{same}")),
            RelationKind::Revision => (Role::Info, format!("revision {}", it.emission.cycle)),
            _ => (Role::Dim, String::new()),
        };
        line.text(role, &note);
        line.text(
            Role::Text,
            &it.emission.terms.as_ref().and_then(|it| it.open_issues).map_or("-".to_owned(), |it| it.to_string()),
        );
        line.text(Role::Dim, &it.attempts_total.to_string());
        line.text(Role::Dim, &state.world.stamp(it.first_seen(), now));
    });
    shown as u16 + 1
}

fn feedback(screen: &Tasks, state: &State, feed: &Feed, canvas: &mut Canvas<'_>, top: u16) {
    let now = feed.ledger().now();
    canvas.put(1, top, Role::Header, "FEEDBACK, the latest first");
    let mut y = top + 1;
    for it in screen.thread.iter().rev() {
        let who = format!("{} {}", state.world.stamp(it.at, now), it.by);
        let used = canvas.put(1, y, Role::Dim, &who);
        for want in &it.wants {
            canvas.put(used + 3, y, Role::Text, want);
            y += 1;
        }
        y += u16::from(it.wants.is_empty());
    }
}
