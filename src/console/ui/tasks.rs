//! Runs: what is thought of them, where their work went, and the selected one in detail.

mod detail;

use ratatui::layout::Rect;

use super::canvas::{Canvas, ListView};
use super::figure;
use super::part;
use super::part::badge::glyph;
use super::part::table::{Column, Line};
use crate::console::app::State;
use crate::console::app::empty_state::why_blank;
use crate::console::app::explain::since;
use crate::console::app::feed::Feed;
use crate::console::app::tasks::{Tasks, progress};
use crate::domain::report::{TaskRow, TaskVerdict};
use crate::domain::run::RunState;
use crate::domain::text;
use crate::theme::Role;

/// Rows from which the detail stands below the list, and columns from which it stands beside it.
const TALL: u16 = 20;
const WIDE: u16 = 150;

/// Draws the screen.
pub fn draw(screen: &Tasks, state: &State, canvas: &mut Canvas<'_>) {
    if let Some(why) = why_blank(&state.world) {
        return canvas.notice(Role::Dim, &why);
    }
    let area = canvas.area;
    if screen.list.rows().is_empty() {
        let why = if screen.query().is_empty() {
            "No task is open, and none has a verdict."
        } else {
            "No task matches the filter. esc clears it."
        };
        return canvas.notice(Role::Dim, why);
    }
    let (list_place, rest) = if area.width >= WIDE {
        let width = area.width * 3 / 5;
        (Rect { width, ..area }, Rect { x: area.x + width, width: area.width - width, ..area })
    } else if area.height >= TALL {
        let height = (screen.list.rows().len() as u16 + 2).clamp(8, area.height / 2);
        (Rect { height, ..area }, Rect { y: area.y + height, height: area.height - height, ..area })
    } else {
        (area, Rect::default())
    };
    list(screen, state, &mut canvas.within(list_place));
    if !rest.is_empty() {
        detail::draw(screen, state, &mut canvas.within(rest));
    }
}

fn list(screen: &Tasks, state: &State, canvas: &mut Canvas<'_>) {
    let columns = [
        Column::text("TASKS", 13, 13),
        Column::text("path", 24, 32),
        Column::number("cycle", 5).dropped(4),
        Column::number("hops", 4).dropped(6),
        Column::number("retries", 7).dropped(3),
        Column::text("issues", 7, 9).dropped(5),
        Column::number("spent", 6).dropped(2),
        Column::text("since", 7, 7).dropped(1),
        Column::text("what it is about", 16, 40).growing().dropped(7),
    ];
    let view = ListView {
        name: "tasks",
        columns: &columns,
        total: screen.list.rows().len(),
        selected: screen.list.index(),
        sort: None,
    };
    canvas.list(&view, |nth, line| {
        if let Some((source, row)) = screen.row(nth)
            && let Some(feed) = state.world.feed(*source)
        {
            draw_row(state, feed, row, line);
        }
    });
}

fn draw_row(state: &State, feed: &Feed, row: &TaskRow, line: &mut Line<'_>) {
    let role = figure::role(row.verdict.severity());
    let sign = match row.verdict {
        TaskVerdict::Fine => " ",
        _ => glyph(line.theme(), role),
    };
    let closed = row.open == 0;
    let shown =
        if row.verdict == TaskVerdict::Fine { standing(row.state).to_owned() } else { text::word(&row.verdict) };
    line.text(role, &format!("{sign} {shown}"));
    let theme = line.theme();
    line.draw(|area, buffer| {
        let style = theme.style(if closed { Role::Dim } else { Role::Strong });
        let room = usize::from(area.width);
        // The bound is in the column of cycles too: it goes before the circle does.
        let shown = [path(row), row.path.clone()]
            .iter()
            .find_map(|it| around(it, room))
            .unwrap_or_else(|| tail(&row.path, room));
        part::put(buffer, area.x, area.y, area.width, &shown, style);
    });
    let (cycle, over) = cycle(row);
    line.text(if over { Role::Critical } else { Role::Text }, &cycle);
    line.text(Role::Text, &row.handoffs.to_string());
    let storm = row.verdict == TaskVerdict::RetryStorm;
    let (dim, retries) = figure::count(u64::from(row.retries), if storm { Role::Critical } else { Role::Text });
    line.text(dim, &retries);
    if line.wanted() {
        let issues = feed.ledger().run(&row.trace_id).map(progress).unwrap_or_default();
        line.text(trend_role(&issues), &arrows(&issues));
    } else {
        line.skip();
    }
    line.text(Role::Text, &text::age(row.spent_ms));
    let since = row.since.map_or("-".to_owned(), |at| since(&state.world, feed, at).replacen("since ", "", 1));
    line.text(Role::Dim, &since);
    line.text(if closed { Role::Dim } else { Role::Text }, &row.title);
    if !feed.is_fresh(state.world.now) {
        line.overlay(Role::Stale);
    }
}

/// Where a run stands that nothing is wrong with, in a word or two.
const fn standing(state: RunState) -> &'static str {
    match state {
        RunState::Running => "in work",
        RunState::Waiting => "for people",
        RunState::Completed => "completed",
        RunState::Failed => "failed",
        RunState::Cancelled => "cancelled",
    }
}

/// The path with the bound that was broken: `writer <> reviewer x4 (max 3)`.
fn path(row: &TaskRow) -> String {
    match row.max_cycles {
        Some(most) if row.cycle > most => format!("{} (max {most})", row.path),
        _ => row.path.clone(),
    }
}

/// A path as far as there is room, with the circle in it whole: that is what is looked for. Nothing when even that
/// is too long. Without a circle the end stays, as where the work is now matters most.
fn around(path: &str, room: usize) -> Option<String> {
    let clean = text::clean(path);
    let hops: Vec<&str> = clean.split(" > ").collect();
    let circle = hops.iter().rposition(|it| it.contains(" <> "));
    let keep = circle.unwrap_or(hops.len() - 1);
    let part = |from: usize, to: usize| {
        let before = if from > 0 { "… " } else { "" };
        let after = if to < hops.len() { " …" } else { "" };
        format!("{before}{}{after}", hops.get(from..to).unwrap_or_default().join(" > "))
    };
    let to_the_end = (0..=keep).map(|from| part(from, hops.len()));
    let mut all = to_the_end.chain((0..=keep).map(|from| part(from, keep + 1)));
    all.find(|it| text::width(it) <= room)
}

/// The end of a path that is too long: where the work is now matters most.
fn tail(path: &str, room: usize) -> String {
    let clean = text::clean(path);
    let mut rest: &str = &clean;
    while text::width(rest) + 2 * usize::from(rest.len() < clean.len()) > room {
        let Some((_, after)) = rest.split_once(' ') else {
            break;
        };
        rest = after;
    }
    if rest.len() < clean.len() { format!("… {rest}") } else { rest.to_owned() }
}

/// `4/3`, and whether that is over.
fn cycle(row: &TaskRow) -> (String, bool) {
    match row.max_cycles {
        Some(most) if row.cycle > 0 => (format!("{}/{most}", row.cycle), row.cycle > most),
        _ if row.cycle > 0 => (row.cycle.to_string(), false),
        _ => ("-".to_owned(), false),
    }
}

/// Open issues of each revision, the last five: `5>3>3`.
fn arrows(issues: &[u32]) -> String {
    if issues.is_empty() {
        return "-".to_owned();
    }
    let last = issues.get(issues.len().saturating_sub(5)..).unwrap_or_default();
    let numbers: Vec<String> = last.iter().map(u32::to_string).collect();
    numbers.join(">")
}

/// Good while the issues become fewer.
fn trend_role(issues: &[u32]) -> Role {
    match issues {
        [.., before, last] if last < before => Role::Healthy,
        [.., before, last] if last >= before => Role::Warning,
        _ => Role::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_keeps_its_end() {
        let path = "research > writer <> reviewer x4 (max 3)";
        assert_eq!(tail(path, 60), path);
        assert_eq!(tail(path, 32), "… writer <> reviewer x4 (max 3)");
        assert_eq!(tail("oneverylongname", 5), "oneverylongname", "cut with a mark where it is drawn");
    }

    #[test]
    fn a_circle_is_never_cut_where_it_has_room() {
        let path = "research > writer <> reviewer x4 > publisher";
        let shown = |room| around(path, room);
        assert_eq!(shown(44).unwrap(), path);
        assert_eq!(shown(40).unwrap(), "… writer <> reviewer x4 > publisher");
        assert_eq!(shown(34).unwrap(), "research > writer <> reviewer x4 …");
        assert_eq!(shown(27).unwrap(), "… writer <> reviewer x4 …");
        assert_eq!(shown(24), None);
        assert_eq!(around("a > bb > ccc", 9).unwrap(), "… ccc");
    }

    #[test]
    fn progress_is_good_while_the_issues_become_fewer() {
        assert_eq!((arrows(&[5, 3, 3]), trend_role(&[5, 3, 3])), ("5>3>3".to_owned(), Role::Warning));
        assert_eq!(trend_role(&[5, 3]), Role::Healthy);
        assert_eq!((arrows(&[]), trend_role(&[])), ("-".to_owned(), Role::Text));
        assert_eq!(arrows(&[9, 8, 7, 6, 5, 4]), "8>7>6>5>4");
    }
}
