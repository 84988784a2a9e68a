//! The payload tab: the working memory as a tree.
//!
//! Open branches and the cursor are ids of the page; the state of the widget is made from them in every
//! frame. Only how far it is scrolled lives in the [`Memo`](crate::console::ui::Memo).

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use tui_tree_widget::{Tree, TreeItem};

use crate::console::app::handoff::{Handoff, Node};
use crate::console::app::msg::HitTarget;
use crate::console::ui::canvas::Canvas;
use crate::console::ui::doc;
use crate::console::ui::part::{self, table};
use crate::domain::text;
use crate::page::{Doc, TextRole};
use crate::theme::{Role, Theme};

/// Columns of the sign before a name, and of each level.
const STEP: usize = 2;
/// Columns of the names with their indents, at least and at most.
const NAMES: (usize, usize) = (16, 44);

/// Rows from which the value under the cursor is shown in full below when some row must cut its own, and the lines
/// that takes, at least and at most.
const TALL: u16 = 10;
/// Lines of the value, at least and at most; see [`TALL`].
const VALUE: (u16, u16) = (6, 10);

/// Draws the tree with the cursor in sight, and the value under the cursor in full where some row must cut its own.
pub(super) fn draw(page: &Handoff, canvas: &mut Canvas<'_>) {
    let area = canvas.area;
    let left = names_width(page, area);
    let room = usize::from(area.width).saturating_sub(left + 5);
    // As tall whichever row the cursor is on: the tree must not jump.
    let height = match page.member() {
        Some(_) if area.height >= TALL && any_cut(&page.tree, room) => {
            let rows = page.paths.rows().len().min(usize::from(area.height)) as u16;
            area.height.saturating_sub(rows + 1).clamp(VALUE.0, VALUE.1)
        }
        _ => 0,
    };
    let top = area.height - height;
    rows(page, left, &mut canvas.within(Rect { height: top, ..area }));
    if let (Some(node), 1..) = (page.member(), height) {
        value(node, top, canvas);
    }
}

/// Columns of the names.
fn names_width(page: &Handoff, area: Rect) -> usize {
    let most = NAMES.1.min(usize::from(area.width / 2));
    names(&page.tree, 0).min(most).max(NAMES.0)
}

/// Whether a row that is shown has more to say than fits into so many columns.
fn any_cut(tree: &[Node], room: usize) -> bool {
    let cut = |it: &Node| {
        let wrong = it.wrong.as_ref().map_or(0, |it| text::width(it) + 4);
        let clean = text::clean(&it.value);
        text::head(&clean, room.saturating_sub(wrong)).len() < clean.len()
    };
    tree.iter().any(|it| cut(it) || any_cut(&it.inside, room))
}

/// A value in full, and what is wrong with it, below the rows.
fn value(node: &Node, top: u16, canvas: &mut Canvas<'_>) {
    let area = canvas.area;
    let mut text = Doc::new(usize::from(area.width.saturating_sub(3)));
    if let Some(wrong) = &node.wrong {
        text.paragraph(TextRole::Bad, wrong);
    }
    if !node.value.is_empty() {
        text.paragraph(TextRole::Text, &node.value);
    }
    let all = text.lines().len() < usize::from(area.height - top);
    let title = format!("{}{}", node.path, if all { "" } else { ", all of it in Raw" });
    doc::draw(&text, 0, &mut doc::below(canvas, top, &title));
}

fn rows(page: &Handoff, names: usize, canvas: &mut Canvas<'_>) {
    let (area, theme) = (canvas.area, canvas.theme);
    let glyphs = theme.glyphs;
    let rows =
        Rect { y: area.y + 1, height: area.height.saturating_sub(1), width: area.width.saturating_sub(1), ..area };
    let (selected, height) = (page.paths.index().unwrap_or(0), usize::from(rows.height));
    canvas.put(2, 0, Role::Header, "member");
    canvas.put(2 + names as u16 + 2, 0, Role::Header, "value");

    let mut planting = Planting {
        theme,
        names,
        room: usize::from(rows.width).saturating_sub(2),
        row: 0,
        // The cursor is in sight, so no other row can be.
        near: selected.saturating_sub(height)..selected + height,
        selected,
        cursor: Vec::new(),
        open: Vec::new(),
    };
    let items = planting.items(&page.tree, &mut Vec::new());
    let (total, cursor, open) = (planting.row, planting.cursor, planting.open);
    let state = &mut canvas.memo.payload;
    state.close_all();
    for path in open {
        state.open(path);
    }
    state.select(cursor);
    let (opened, closed) = (format!("{} ", glyphs.tree_open), format!("{} ", glyphs.tree_closed));
    let cursor = format!("{} ", glyphs.cursor);
    let tree = Tree::new(&items)
        .expect("places among siblings are unique")
        .style(theme.style(Role::Text))
        .highlight_style(theme.style(Role::Selection))
        .highlight_symbol(&cursor)
        .node_open_symbol(&opened)
        .node_closed_symbol(&closed);
    ratatui::widgets::StatefulWidget::render(tree, rows, canvas.buffer, state);

    let offset = state.get_offset();
    part::show_marks(rows, canvas.buffer, theme);
    table::scrollbar(Rect { width: area.width, ..rows }, canvas.buffer, theme, offset, total);
    for (nth, y) in (offset..total).zip(rows.top()..rows.bottom()) {
        let line = Rect { y, height: 1, ..rows };
        if nth == selected {
            let sign = Rect { width: 1, ..line };
            canvas.buffer.set_style(sign, theme.style(Role::Accent));
        }
        canvas.hit(line, HitTarget::Row(nth));
    }
}

/// Columns of the widest name with its indent.
fn names(tree: &[Node], depth: usize) -> usize {
    let width = |it: &Node| {
        let own = (depth + 1) * STEP + text::width(&text::clean(&it.name));
        own.max(names(&it.inside, depth + 1))
    };
    tree.iter().map(width).max().unwrap_or(0)
}

/// The items of the widget while they are made.
struct Planting<'a> {
    theme: &'a Theme,
    names: usize,
    room: usize,
    /// The next row.
    row: usize,
    /// The rows that may be in sight: only these get their text.
    near: std::ops::Range<usize>,
    selected: usize,
    /// The widget names an item by its place among its siblings, from the root down.
    cursor: Vec<usize>,
    open: Vec<Vec<usize>>,
}

impl Planting<'_> {
    fn items(&mut self, tree: &[Node], at: &mut Vec<usize>) -> Vec<TreeItem<'static, usize>> {
        let mut items = Vec::with_capacity(tree.len());
        for (nth, node) in tree.iter().enumerate() {
            at.push(nth);
            if self.row == self.selected {
                self.cursor.clone_from(at);
            }
            let text = if self.near.contains(&self.row) { self.line(node, at.len() - 1) } else { Line::default() };
            self.row += 1;
            let inside = match node.open {
                Some(true) => {
                    self.open.push(at.clone());
                    self.items(&node.inside, at)
                }
                // The widget takes what has nothing inside for a leaf.
                Some(false) => vec![TreeItem::new_leaf(0, "")],
                None => Vec::new(),
            };
            at.pop();
            items.push(TreeItem::new(nth, text, inside).expect("places among siblings are unique"));
        }
        items
    }

    fn line(&self, node: &Node, depth: usize) -> Line<'static> {
        let indent = (depth + 1) * STEP;
        let name_room = self.names.saturating_sub(indent).max(4);
        let value_room = self.room.saturating_sub(indent + name_room + 2);
        let role = match (&node.wrong, node.open) {
            (Some(_), None) => Role::Critical,
            _ => Role::Text,
        };
        let mut spans = vec![self.span(role, text::pad(&text::clean(&node.name), name_room)), Span::raw("  ")];
        let role = if node.open.is_some() { Role::Dim } else { role };
        let value = part::fit(&node.value, value_room);
        let left = value_room - text::width(&value);
        let gap = if value.is_empty() { "" } else { "  " };
        spans.push(self.span(role, value));
        if let Some(wrong) = &node.wrong {
            let why = format!("{gap}{} {wrong}", self.theme.glyphs.failed);
            spans.push(self.span(Role::Critical, part::fit(&why, left)));
        }
        Line::from(spans)
    }

    fn span(&self, role: Role, text: String) -> Span<'static> {
        Span::styled(text, self.theme.style(role))
    }
}
