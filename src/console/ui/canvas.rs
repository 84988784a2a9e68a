//! Canvas that a screen draws on, and the memo from one frame to the next.

use std::collections::HashMap;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::part;
use super::part::table::{Column, Line, Table, scroll_to};
use crate::console::app::msg::HitTarget;
use crate::theme::{Role, Theme};

/// Measurements of the last frame: never meaning, only places.
#[derive(Debug, Default)]
pub struct Memo {
    /// Targets of the mouse with their areas; the one drawn later lies on top.
    pub(super) hits: Vec<(Rect, HitTarget)>,
    /// The first row shown of each list, by the name of the list.
    offsets: HashMap<&'static str, usize>,
    /// Scroll position of the tree of the payload.
    pub(super) payload: tui_tree_widget::TreeState<usize>,
    /// Largest scroll offset of the layer on top, in lines; 0 when all of it is seen.
    pub last_offset: usize,
    /// Cell of the text cursor; `None` when none blinks.
    pub(super) cursor: Option<Position>,
}

impl Memo {
    /// The target that the last frame put at a cell; `None` where nothing can be clicked.
    pub fn at(&self, x: u16, y: u16) -> Option<HitTarget> {
        let mut hits = self.hits.iter().rev();
        hits.find(|(area, _)| area.contains(Position { x, y })).map(|(_, hit)| hit.clone())
    }
}

/// A part of the screen to draw on.
#[derive(Debug)]
pub struct Canvas<'a> {
    /// The part, in cells of the terminal.
    pub area: Rect,
    /// The cells of the whole frame.
    pub buffer: &'a mut Buffer,
    /// The styles and signs in force.
    pub theme: &'a Theme,
    /// The memo of the frames before.
    pub memo: &'a mut Memo,
}

/// A list that fills the canvas: columns, rows and where the cursor is.
#[derive(Clone, Copy, Debug)]
pub struct ListView<'a> {
    /// Unlike any other list: how far it is scrolled is remembered by it.
    pub name: &'static str,
    /// The columns, left to right.
    pub columns: &'a [Column<'a>],
    /// Rows in all.
    pub total: usize,
    /// The row under the cursor.
    pub selected: Option<usize>,
    /// The column sorted by, and whether the smallest is on top.
    pub sort: Option<(usize, bool)>,
}

impl Canvas<'_> {
    /// Writes text at a place of this canvas, `x` and `y` counted from its corner; says how many columns it took.
    pub fn put(&mut self, x: u16, y: u16, role: Role, text: &str) -> u16 {
        if y >= self.area.height || x >= self.area.width {
            return 0;
        }
        let style = self.theme.style(role);
        let (left, top) = (self.area.x + x, self.area.y + y);
        part::put(self.buffer, left, top, self.area.width - x, text, style)
    }

    /// Makes a part of the screen clickable.
    pub fn hit(&mut self, area: Rect, hit: HitTarget) {
        self.memo.hits.push((area, hit));
    }

    /// Says in the middle why there is nothing else to see.
    pub fn notice(&mut self, role: Role, sentence: &str) {
        let style = self.theme.style(role);
        part::notice(self.area, self.buffer, style, sentence);
    }

    /// Draws the title of a screen with a few words on its state, and gives what is below it.
    pub fn heading(&mut self, title: &str, state: &str) -> Canvas<'_> {
        let used = self.put(1, 0, Role::Header, title);
        self.put(1 + used + 2, 0, Role::Dim, state);
        let area = self.area;
        self.within(Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area })
    }

    /// A canvas on another part of the same screen, cut to this one.
    pub fn within(&mut self, area: Rect) -> Canvas<'_> {
        Canvas { area: area.intersection(self.area), buffer: self.buffer, theme: self.theme, memo: self.memo }
    }

    /// Draws a list with the cursor in sight, scrolled as little as possible, and makes rows and titles clickable.
    /// `row` writes the cells of one visible row.
    pub fn list(&mut self, view: &ListView<'_>, row: impl FnMut(usize, &mut Line<'_>)) {
        let height = usize::from(self.area.height.saturating_sub(1));
        let offset = self.memo.offsets.entry(view.name).or_default();
        *offset = match view.selected {
            Some(selected) => scroll_to(*offset, selected, height, view.total),
            None => 0,
        };
        let table = Table {
            columns: view.columns,
            total: view.total,
            offset: *offset,
            selected: view.selected,
            sort: view.sort,
        };
        let layout = table.draw(self.area, self.buffer, self.theme, row);
        for (y, number) in (layout.rows.top()..layout.rows.bottom()).zip(table.offset..view.total) {
            let line = Rect { y, height: 1, ..layout.rows };
            self.memo.hits.push((line, HitTarget::Row(number)));
        }
        for (nth, place) in layout.columns.iter().enumerate() {
            if let Some((x, width)) = *place {
                let title = Rect { x, width, ..layout.header };
                self.memo.hits.push((title, HitTarget::Column(nth)));
            }
        }
    }
}
