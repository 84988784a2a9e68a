//! Tables of which only the rows in the window are ever built.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{put, put_right};
use crate::domain::text;
use crate::theme::{Role, Theme};

/// Columns left of the first cell: the cursor and the mark.
const GUTTER: u16 = 2;
/// Columns between two cells.
const GAP: u16 = 2;

/// One column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    /// Its title in the header.
    pub title: &'a str,
    /// The width below which it is of no use.
    pub min: u16,
    /// The width at which nothing is cut.
    pub ideal: u16,
    /// Takes what is left when all columns are ideal.
    pub grows: bool,
    /// Whether cells are aligned right, as numbers are.
    pub right: bool,
    /// Text that is too long loses its middle: ids begin alike and differ at the end.
    pub middle: bool,
    /// Order in which a narrow terminal loses columns: the highest first. 0 is never lost.
    pub drop: u8,
}

impl<'a> Column<'a> {
    /// A column of text.
    pub const fn text(title: &'a str, min: u16, ideal: u16) -> Self {
        Self { title, min, ideal, grows: false, right: false, middle: false, drop: 0 }
    }

    /// A column of ids or places in a contract: both ends are seen when one is too long.
    pub const fn id(title: &'a str, min: u16, ideal: u16) -> Self {
        Self { middle: true, ..Self::text(title, min, ideal) }
    }

    /// A column of numbers, aligned at the right; never narrower than asked.
    pub const fn number(title: &'a str, width: u16) -> Self {
        Self { title, min: width, ideal: width, grows: false, right: true, middle: false, drop: 0 }
    }

    /// Takes what is left over.
    #[must_use]
    pub const fn growing(mut self) -> Self {
        self.grows = true;
        self
    }

    /// Lost on narrow terminals: the higher, the earlier.
    #[must_use]
    pub const fn dropped(mut self, order: u8) -> Self {
        self.drop = order;
        self
    }
}

/// A table to be drawn. It knows how many rows there are; it asks only for those in the window.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    /// The columns, left to right.
    pub columns: &'a [Column<'a>],
    /// Rows in all, those outside the window included.
    pub total: usize,
    /// The row at the top of the window.
    pub offset: usize,
    /// Index of the row under the cursor; `None` without a cursor.
    pub selected: Option<usize>,
    /// The column sorted by, and whether the smallest is on top.
    pub sort: Option<(usize, bool)>,
}

/// Places of the parts of a table, for the mouse and for paging.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Area of the line of titles.
    pub header: Rect,
    /// Area of the rows in the window.
    pub rows: Rect,
    /// Left edge and width of each column, in columns of the terminal; `None` when it was dropped.
    pub columns: Vec<Option<(u16, u16)>>,
}

/// The offset that keeps the selected row in a window of `height` rows and moves as little as possible.
pub fn scroll_to(offset: usize, selected: usize, height: usize, total: usize) -> usize {
    let lowest = (selected + 1).saturating_sub(height);
    offset.clamp(lowest, selected.max(lowest)).min(total.saturating_sub(height))
}

impl Table<'_> {
    /// Places of the parts in an area.
    pub fn layout(&self, area: Rect) -> Layout {
        let header = Rect { height: area.height.min(1), ..area };
        let rows = Rect { y: area.y + header.height, height: area.height - header.height, ..area };
        let bar = u16::from(self.total > usize::from(rows.height));
        let room = area.width.saturating_sub(GUTTER + bar);
        Layout { header, rows, columns: self.columns_in(area.x + GUTTER, room) }
    }

    fn columns_in(&self, left: u16, room: u16) -> Vec<Option<(u16, u16)>> {
        let mut widths: Vec<Option<u16>> = self.columns.iter().map(|column| Some(column.min)).collect();
        let used = |widths: &[Option<u16>]| {
            let shown = widths.iter().flatten();
            shown.map(|width| width + GAP).sum::<u16>().saturating_sub(GAP)
        };
        while used(&widths) > room {
            let shown = (0..widths.len()).filter(|&at| widths[at].is_some() && self.columns[at].drop > 0);
            let Some(first_to_go) = shown.max_by_key(|&at| self.columns[at].drop) else {
                break;
            };
            widths[first_to_go] = None;
        }
        let mut left_over = room.saturating_sub(used(&widths));
        for (width, column) in widths.iter_mut().zip(self.columns) {
            let Some(width) = width else { continue };
            let wanted = column.ideal.saturating_sub(*width).min(left_over);
            *width += wanted;
            left_over -= wanted;
        }
        let growing = widths.iter().zip(self.columns).filter(|(width, column)| width.is_some() && column.grows).count();
        let share = left_over.checked_div(growing as u16).unwrap_or(0);
        let (mut x, end) = (left, left + room);
        let place = |(width, column): (Option<u16>, &Column<'_>)| {
            let width = width? + if column.grows { share } else { 0 };
            let fits = width.min(end.saturating_sub(x));
            let placed = (x, fits);
            x = (x + width + GAP).min(end);
            Some(placed)
        };
        widths.into_iter().zip(self.columns).map(place).collect()
    }

    /// Draws header, rows and scrollbar. `row` is called once for each visible row, with its number and a line
    /// to write its cells on, left to right.
    pub fn draw(
        &self,
        area: Rect,
        buffer: &mut Buffer,
        theme: &Theme,
        mut row: impl FnMut(usize, &mut Line<'_>),
    ) -> Layout {
        let layout = self.layout(area.intersection(buffer.area));
        self.draw_header(&layout, buffer, theme);
        let rows = layout.rows;
        for (number, y) in (self.offset..self.total).zip(rows.top()..rows.bottom()) {
            let mut line = Line {
                buffer,
                theme,
                area: Rect { y, height: 1, ..rows },
                layout: &layout,
                columns: self.columns,
                next: 0,
                marked: false,
                overlay: None,
            };
            row(number, &mut line);
            line.finish();
            if self.selected == Some(number) {
                line.lay(theme.style(Role::Selection));
                put(buffer, rows.x, y, rows.width, theme.glyphs.cursor, theme.style(Role::Accent));
            }
        }
        scrollbar(rows, buffer, theme, self.offset, self.total);
        layout
    }

    fn draw_header(&self, layout: &Layout, buffer: &mut Buffer, theme: &Theme) {
        if layout.header.height == 0 {
            return;
        }
        let y = layout.header.y;
        for ((at, column), place) in self.columns.iter().enumerate().zip(&layout.columns) {
            let Some((x, width)) = *place else { continue };
            let sorted = self.sort.filter(|&(by, _)| by == at && width > 1);
            let style = theme.style(if sorted.is_some() { Role::Accent } else { Role::Header });
            let room = width - u16::from(sorted.is_some());
            let arrow_x = if column.right {
                put_right(buffer, x, y, room, column.title, style);
                x + room
            } else {
                x + put(buffer, x, y, room, column.title, style)
            };
            if let Some((_, rising)) = sorted {
                let arrow = if rising { theme.glyphs.sort_up } else { theme.glyphs.sort_down };
                put(buffer, arrow_x, y, 1, arrow, style);
            }
        }
    }
}

/// One visible row while its cells are written, left to right.
pub struct Line<'a> {
    buffer: &'a mut Buffer,
    theme: &'a Theme,
    area: Rect,
    layout: &'a Layout,
    columns: &'a [Column<'a>],
    next: usize,
    marked: bool,
    overlay: Option<Role>,
}

impl<'a> Line<'a> {
    /// Writes the next cell.
    pub fn text(&mut self, role: Role, text: &str) {
        let column = self.columns.get(self.next);
        let (right, middle) = column.map_or((false, false), |it| (it.right, it.middle));
        let style = self.theme.style(role);
        if let Some(Rect { x, y, width, .. }) = self.advance() {
            if right {
                put_right(self.buffer, x, y, width, text, style);
            } else if middle {
                let clean = text::clean(text);
                let fits = text::cut_middle(&clean, usize::from(width));
                put(self.buffer, x, y, width, &fits, style);
            } else {
                put(self.buffer, x, y, width, text, style);
            }
        }
    }

    /// Lets the caller draw the next cell, such as a trend. Not called when the column was dropped.
    pub fn draw(&mut self, paint: impl FnOnce(Rect, &mut Buffer)) {
        if let Some(area) = self.advance() {
            paint(area, self.buffer);
        }
    }

    /// The looks, for cells that are drawn and not written.
    pub const fn theme(&self) -> &'a Theme {
        self.theme
    }

    /// Leaves the next cell empty.
    pub fn skip(&mut self) {
        self.next += 1;
    }

    /// False when the next column was dropped: its text need not be made.
    pub fn wanted(&self) -> bool {
        self.layout.columns.get(self.next).is_some_and(Option::is_some)
    }

    /// Shows the row as marked for a bulk act. Its cells keep their own colours.
    pub fn mark(&mut self) {
        self.marked = true;
    }

    /// Lays a role over the whole row, such as [`Role::Stale`].
    pub fn overlay(&mut self, role: Role) {
        self.overlay = Some(role);
    }

    /// Lays the roles of the whole row over its cells, whenever they were asked for.
    fn finish(&mut self) {
        if let Some(role) = self.overlay {
            self.lay(self.theme.style(role));
        }
        if self.marked {
            let style = self.theme.style(Role::Marked);
            self.lay(Style { fg: None, ..style });
            let width = self.area.width.saturating_sub(1).min(1);
            put(self.buffer, self.area.x + 1, self.area.y, width, self.theme.glyphs.marked, style);
        }
    }

    fn lay(&mut self, style: Style) {
        self.buffer.set_style(self.area, style);
    }

    fn advance(&mut self) -> Option<Rect> {
        let place = self.layout.columns.get(self.next).copied().flatten();
        self.next += 1;
        place.map(|(x, width)| Rect { x, width, ..self.area })
    }
}

/// The bar at the right edge that says which part of the rows is in the window. Nothing when all are.
pub fn scrollbar(area: Rect, buffer: &mut Buffer, theme: &Theme, offset: usize, total: usize) {
    let height = usize::from(area.height);
    if total <= height || area.is_empty() {
        return;
    }
    let thumb = (height * height / total).max(1);
    let top = (offset * (height - thumb)).div_ceil(total - height).min(height - thumb);
    for (at, y) in (area.top()..area.bottom()).enumerate() {
        let inside = (top..top + thumb).contains(&at);
        let (glyph, role) =
            if inside { (theme.glyphs.thumb, Role::Scrollbar) } else { (theme.glyphs.track, Role::Border) };
        put(buffer, area.right() - 1, y, 1, glyph, theme.style(role));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at_every_size, rows};
    use super::*;

    const COLUMNS: [Column<'_>; 4] = [
        Column::text("EDGE", 8, 16).growing(),
        Column::number("open", 5),
        Column::number("P95", 6).dropped(1),
        Column::text("trend", 5, 10).dropped(2),
    ];

    fn table(total: usize) -> Table<'static> {
        Table { columns: &COLUMNS, total, offset: 0, selected: Some(1), sort: Some((1, false)) }
    }

    fn drawn(table: &Table<'_>, width: u16, height: u16) -> (Vec<String>, usize) {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let mut built = 0;
        table.draw(buffer.area, &mut buffer, &Theme::default(), |number, line| {
            built += 1;
            if number == 0 {
                line.mark();
            }
            line.text(Role::Text, "research>writer-of-articles");
            line.text(Role::Text, &number.to_string());
            line.text(Role::Warning, "41s");
            line.draw(|area, buffer| {
                put(buffer, area.x, area.y, area.width, "___", theme_style());
            });
        });
        (rows(&buffer), built)
    }

    fn theme_style() -> Style {
        Theme::default().style(Role::Bar)
    }

    #[test]
    fn builds_only_the_rows_in_the_window() {
        let (rows, built) = drawn(&table(100_000), 50, 6);
        assert_eq!(built, 5);
        assert_eq!(rows[0], "  EDGE                  open▾     P95  trend");
        assert_eq!(rows[1], " ◉research>writer-of-…      0     41s  ___       ┃");
        assert_eq!(rows[2], "▌ research>writer-of-…      1     41s  ___       │");
    }

    #[test]
    fn narrow_terminals_lose_columns_in_order() {
        let (rows, _) = drawn(&table(2), 28, 3);
        assert_eq!(rows[0], "  EDGE         open▾     P95");
        let (rows, _) = drawn(&table(2), 20, 3);
        assert_eq!(rows[1], " ◉research>w…      0");
    }

    #[test]
    fn an_id_keeps_both_ends() {
        let columns = [Column::id("id", 9, 9)];
        let table = Table { columns: &columns, total: 1, offset: 0, selected: None, sort: None };
        let mut buffer = Buffer::empty(Rect::new(0, 0, 11, 2));
        table.draw(buffer.area, &mut buffer, &Theme::default(), |_, line| {
            line.text(Role::Text, "01a1fce2-77c4-7e1a-8f3b-2a9d5c7fc41a");
        });
        assert_eq!(rows(&buffer)[1], "  01a1…c41a");
    }

    #[test]
    fn fits_every_size() {
        at_every_size(|area, buffer, theme| {
            for total in [0, 3, 1000] {
                table(total).draw(area, buffer, theme, |number, line| {
                    line.mark();
                    line.text(Role::Text, "漢字かな research");
                    line.text(Role::Text, &number.to_string());
                    line.skip();
                    line.draw(|area, buffer| {
                        put(buffer, area.x, area.y, area.width, "xxxx", theme_style());
                    });
                    line.text(Role::Text, "a cell too many");
                });
            }
        });
    }

    #[test]
    fn the_selected_row_stays_in_the_window() {
        assert_eq!(scroll_to(0, 9, 10, 100), 0);
        assert_eq!(scroll_to(0, 10, 10, 100), 1);
        assert_eq!(scroll_to(50, 20, 10, 100), 20);
        assert_eq!(scroll_to(99, 99, 10, 100), 90);
        assert_eq!(scroll_to(5, 0, 10, 3), 0);
        assert_eq!(scroll_to(0, 4, 0, 9), 5);
    }
}
