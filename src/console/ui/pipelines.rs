//! The landing screen: a tree of pipelines with the numbers of each edge, and the selected pipeline as a drawing.
//!
//! The tree is drawn by the table of `part`, not by a tree widget: its columns must stand below each other at
//! every depth, and only the rows in the window may cost anything.

mod drawing;

use ratatui::layout::Constraint::{Fill, Length};
use ratatui::layout::{Layout, Rect};

use super::canvas::{Canvas, ListView};
use super::edges::facts;
use super::figure::{self, Cell};
use super::part;
use super::part::table::{Column, Line as Row};
use crate::console::app::State;
use crate::console::app::empty_state::why_blank;
use crate::console::app::explain::reason;
use crate::console::app::feed::Feed;
use crate::console::app::pipelines::{Group, Line, Node, Pipelines, title};
use crate::domain::health::Signal;
use crate::domain::report::EdgeRow;
use crate::domain::run::Handoff;
use crate::domain::severity::Severity;
use crate::domain::text;
use crate::theme::{Glyphs, Role};

/// Rows that the tree keeps.
const TREE: u16 = 14;
/// Columns from which the drawing stands beside the tree when there is no room below it, and what it takes.
const WIDE: u16 = 150;
const BESIDE: u16 = 64;
/// Columns from which edges say the stage they lead to.
const ROOMY: u16 = 130;

/// Draws the screen.
pub fn draw(screen: &Pipelines, state: &State, canvas: &mut Canvas<'_>) {
    if let Some(why) = why_blank(&state.world) {
        return canvas.notice(Role::Dim, &why);
    }
    if screen.list.rows().is_empty() {
        return canvas.notice(Role::Dim, "No edge matches the filter. esc clears it.");
    }
    let line = screen.list.index().and_then(|it| screen.line(it));
    let group = line.and_then(|it| screen.group(it));
    let edges = facts_of(screen, line, group);
    let wanted = facts::FEW * edges.len() as u16;
    let [tree, drawing, facts] = places(canvas.area, screen.list.rows().len() as u16, wanted);
    tree_in(screen, state, canvas, tree);
    if !drawing.is_empty() {
        drawing::draw(screen, state, &mut canvas.within(drawing));
    }
    let feed = group.and_then(|it| state.world.feed(it.source));
    if let (Some(feed), false) = (feed, facts.is_empty()) {
        facts::draw(state, feed, &edges, &mut canvas.within(facts));
    }
}

/// Edges whose reasons stand below the tree: the one under the cursor, or those in trouble in the pipeline under
/// it, the worst first.
fn facts_of<'a>(screen: &'a Pipelines, line: Option<&Line>, group: Option<&'a Group>) -> Vec<&'a EdgeRow> {
    if let Some(edge) = line.and_then(|it| screen.edge(it)) {
        return vec![edge];
    }
    let mut edges: Vec<&EdgeRow> = group.map_or(Vec::new(), |it| it.row.edges.iter().collect());
    edges.retain(|it| it.severity() >= Severity::Warning);
    edges.sort_by_key(|it| std::cmp::Reverse(it.severity()));
    if edges.is_empty() {
        edges.extend(group.and_then(Group::worst));
    }
    edges
}

/// Areas of the tree, the drawing and the facts of the selected edges. The tree comes first; the drawing stands
/// below it where the terminal is tall, as flows are wide, and beside it where it is wide only.
fn places(area: Rect, rows: u16, wanted: u16) -> [Rect; 3] {
    let down = |tree, drawing, facts| Layout::vertical([Length(tree), Length(drawing), Length(facts)]).areas::<3>(area);
    let needed = rows + 2;
    let drawing = if area.height >= 48 { 14 } else { 11 };
    let left = area.height.saturating_sub(needed + drawing);
    if left >= facts::FULL {
        let facts = left.min(facts::MAX_WIDTH);
        return down(area.height - drawing - facts, drawing, facts);
    }
    if area.height >= TREE + drawing + facts::FEW {
        let facts = wanted.min(left).max(facts::FEW);
        return down(area.height - drawing - facts, drawing, facts);
    }
    if area.height < 2 * facts::FEW + 8 {
        return down(area.height, 0, 0);
    }
    let free = area.height.saturating_sub(needed);
    let facts = wanted.min(free).max(facts::FEW);
    let [tree, none, facts] = down(area.height - facts, 0, facts);
    if area.width < WIDE {
        return [tree, none, facts];
    }
    let [tree, drawing] = Layout::horizontal([Fill(1), Length(BESIDE)]).areas(tree);
    [tree, drawing, facts]
}

fn tree_in(screen: &Pipelines, state: &State, canvas: &mut Canvas<'_>, area: Rect) {
    let glyphs = &canvas.theme.glyphs;
    let name_width = |nth: usize| {
        let line = screen.line(nth)?;
        let node = screen.list.rows().get(nth)?;
        let width = text::width(&prefix(line, node, glyphs))
            + text::width(&name(screen, state, node, line).1)
            + suffix(screen, state, node, line).len();
        // Titles of tasks are long: they must not take the room of the reasons.
        Some(if matches!(node, Node::Handoff(..)) { width.min(32) } else { width })
    };
    let widest = (0..screen.list.rows().len().min(200)).filter_map(name_width).max().unwrap_or(0);
    let columns = columns(widest.clamp(20, 44) as u16, area.width);
    let view = ListView {
        name: "pipelines",
        columns: &columns,
        total: screen.list.rows().len(),
        selected: screen.list.index(),
        sort: None,
    };
    canvas.within(area).list(&view, |nth, row| {
        if let Some((node, line)) = screen.list.rows().get(nth).zip(screen.line(nth)) {
            draw_row(screen, state, node, line, row);
        }
    });
}

fn columns(name: u16, width: u16) -> [Column<'static>; 10] {
    // Where the numbers that matter fit beside them, names are worth more than the trend.
    let least = if width < 100 { 18 } else { name.min(28) };
    [
        Column::text("PIPELINES", least, name),
        Column::number("open", 4),
        Column::number("oldest", 6).dropped(3),
        Column::number("P95", 6).dropped(1),
        Column::number("retry", 5).dropped(4),
        Column::number("viol", 5).dropped(5),
        Column::number("loop", 4).dropped(7),
        Column::number("dead", 4).dropped(2),
        Column::text("last hour", 9, 12).dropped(6),
        Column::text("why", 24, 40).growing(),
    ]
}

/// Lines of the tree in front of a name.
fn prefix(line: &Line, node: &Node, glyphs: &Glyphs) -> String {
    let mut out = String::new();
    if let [above @ .., last] = line.guides.as_slice() {
        out += "  ";
        for more in above {
            out += if *more { glyphs.tree_line } else { " " };
            out += " ";
        }
        out += if *last { glyphs.tree_branch } else { glyphs.tree_last };
    }
    let mark = match (line.open, node) {
        (Some(true), _) => glyphs.tree_open,
        // Most edges have something open: a mark on each of them would be noise.
        (Some(false), Node::Edge(..)) | (None, _) => " ",
        (Some(false), _) => glyphs.tree_closed,
    };
    out += mark;
    if line.guides.is_empty() || line.open.is_some() && !matches!(node, Node::Edge(..)) {
        out += " ";
    }
    out
}

fn name(screen: &Pipelines, state: &State, node: &Node, line: &Line) -> Cell {
    match node {
        Node::Source(id) => (Role::Header, state.world.feed(*id).map_or(String::new(), |it| it.name.clone())),
        Node::Pipeline(_, name) => (Role::Strong, name.to_string()),
        Node::Stage(_, _, name) => (Role::Dim, name.clone()),
        Node::Edge(_, edge) => {
            let role = screen.edge(line).map_or(Role::Text, name_role);
            (role, edge.to_string())
        }
        Node::Handoff(source, id) => {
            let it = state.world.feed(*source).and_then(|it| it.ledger().handoff(id));
            (Role::Dim, it.map_or_else(|| id.to_string(), |it| title(it).to_owned()))
        }
        Node::More(..) => (Role::Dim, format!("{} more", line.more)),
    }
}

fn name_role(edge: &EdgeRow) -> Role {
    match edge {
        it if it.paused => Role::Disabled,
        it if it.people => Role::Dim,
        _ => Role::Text,
    }
}

/// The stage an edge leads to, unless the line above says it.
fn suffix(screen: &Pipelines, state: &State, node: &Node, line: &Line) -> String {
    let leads_to = screen.edge(line).map_or("", |it| &it.stage);
    let directly_below = 1 + usize::from(state.world.feeds.len() > 1);
    // Why it asks for attention matters more than its stage.
    let room = state.world.size.columns >= ROOMY;
    let own = room && matches!(node, Node::Edge(..)) && line.guides.len() <= directly_below;
    if own && !leads_to.is_empty() { format!("  ({leads_to})") } else { String::new() }
}

fn draw_row(screen: &Pipelines, state: &State, node: &Node, line: &Line, row: &mut Row<'_>) {
    let source = match node {
        Node::Source(id)
        | Node::Pipeline(id, _)
        | Node::Stage(id, ..)
        | Node::Edge(id, _)
        | Node::More(id, _)
        | Node::Handoff(id, _) => *id,
    };
    let Some(feed) = state.world.feed(source) else {
        return;
    };
    let (role, words) = name(screen, state, node, line);
    let after = suffix(screen, state, node, line);
    let theme = row.theme();
    let before = prefix(line, node, &theme.glyphs);
    row.draw(|area, buffer| {
        let (mut x, end) = (area.x, area.right());
        for (role, text) in [(Role::Dim, &before), (role, &words), (Role::Dim, &after)] {
            let room = end.saturating_sub(x);
            x += part::put(buffer, x, area.y, room, text, theme.style(role));
        }
    });
    match node {
        Node::Source(_) => {
            (0..8).for_each(|_| row.skip());
            let (role, words) = super::sources::state_of(feed, state.world.now);
            row.text(role, &words);
        }
        Node::Pipeline(..) => pipeline_cells(screen, state, feed, line, row),
        Node::Edge(..) => {
            if let Some(edge) = screen.edge(line) {
                edge_cells(feed, edge, row);
                row.text(figure::role(edge.severity()), &reason(&state.world, feed, edge));
            }
        }
        Node::Handoff(_, id) => {
            if let Some(it) = feed.ledger().handoff(id) {
                task_cells(feed, it, row);
            }
        }
        Node::Stage(..) => {}
        Node::More(..) => {
            (0..8).for_each(|_| row.skip());
            row.text(Role::Dim, "on the page of the edge");
        }
    }
    if !feed.is_fresh(state.world.now) {
        row.overlay(Role::Stale);
    }
}

fn edge_cells(feed: &Feed, edge: &EdgeRow, row: &mut Row<'_>) {
    let mut cell = |(role, text): Cell| row.text(role, &text);
    cell((if edge.open == 0 { Role::Dim } else { Role::Text }, text::count(edge.open as u64)));
    cell(figure::oldest(edge));
    cell(figure::p95(edge));
    let retries = figure::rate(edge.retry_rate, figure::judged(edge, &[Signal::Retries]));
    cell(figure::if_measured(edge.measured.retries, retries));
    let violations = figure::rate(edge.violation_rate, figure::judged(edge, &[Signal::Violations]));
    cell(figure::if_measured(edge.measured.violations, violations));
    cell(figure::count(u64::from(edge.looping), Role::Critical));
    cell(figure::count(u64::from(edge.dead), Role::Warning));
    let theme = row.theme();
    row.draw(|area, buffer| figure::trend(feed, edge, area, buffer, theme));
}

/// A pipeline as a whole: sums and the slowest edge. What is wrong is said once: by its edges when they are seen.
fn pipeline_cells(screen: &Pipelines, state: &State, feed: &Feed, line: &Line, row: &mut Row<'_>) {
    let Some(group) = screen.group(line) else {
        return;
    };
    let it = &group.row;
    let worst_of = |signals: &[Signal]| {
        let roles = it.edges.iter().map(|edge| figure::judged(edge, signals));
        roles.max_by_key(|role| match role {
            Role::Critical => 2,
            Role::Warning => 1,
            _ => 0,
        })
    };
    let judged = |signals: &[Signal]| worst_of(signals).unwrap_or(Role::Text);
    let mut cell = |(role, text): Cell| row.text(role, &text);
    cell((if it.open == 0 { Role::Dim } else { Role::Text }, text::count(it.open as u64)));
    cell(it.oldest_unacknowledged_ms.map_or_else(figure::none, |age| (judged(&[Signal::Stall]), text::age(age))));
    let p95 = figure::quantile_text(it.p95_ms).map_or_else(figure::none, |text| (judged(&figure::SLOW), text));
    cell(figure::if_measured(it.measured.latency, p95));
    cell(figure::if_measured(it.measured.retries, figure::rate(it.retry_rate, judged(&[Signal::Retries]))));
    cell(figure::if_measured(it.measured.violations, figure::rate(it.violation_rate, judged(&[Signal::Violations]))));
    cell(figure::count(u64::from(it.looping), Role::Critical));
    cell(figure::count(u64::from(it.dead), Role::Warning));
    let theme = row.theme();
    row.draw(|area, buffer| {
        if let Some(edge) = group.worst() {
            figure::trend(feed, edge, area, buffer, theme);
        }
    });
    let (role, words) = verdict(state, feed, screen, line);
    row.text(role, &words);
}

/// Verdict of a pipeline at the end of its row: a word when its edges are seen, else the reason of the worst of them.
fn verdict(state: &State, feed: &Feed, screen: &Pipelines, line: &Line) -> Cell {
    let Some(group) = screen.group(line) else {
        return figure::none();
    };
    let role = figure::role(group.severity);
    let worst = group.worst();
    let why = || worst.map_or(String::new(), |edge| reason(&state.world, feed, edge));
    let words = match (group.severity, line.open) {
        (Severity::Critical, Some(true)) => "critical".to_owned(),
        (Severity::Warning, Some(true)) => "warning".to_owned(),
        (Severity::Critical | Severity::Warning, _) => {
            let edge = worst.map_or(String::new(), |it| it.edge.to_string());
            format!("{edge}: {}", why())
        }
        (Severity::Info | Severity::Fine | Severity::Quiet, _) => why(),
    };
    (role, words)
}

/// An open handoff: how long it waits, what it waits for.
fn task_cells(feed: &Feed, it: &Handoff, row: &mut Row<'_>) {
    row.skip();
    row.text(Role::Dim, &text::age(it.first_seen().age(feed.ledger().now())));
    (0..6).for_each(|_| row.skip());
    let (role, words) = super::edges::page::standing(it);
    row.text(role, &words);
}
