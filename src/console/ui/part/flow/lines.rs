//! Lines that join where they meet.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::console::ui::part::put;
use crate::theme::{Role, Theme};

const UP: u8 = 1;
const RIGHT: u8 = 2;
const DOWN: u8 = 4;
const LEFT: u8 = 8;

/// For each cell of an area the directions in which a line leaves it, and whose line it was last.
pub(super) struct Lines {
    area: Rect,
    cells: Vec<(u8, Role)>,
}

impl Lines {
    pub(super) fn new(area: Rect) -> Self {
        Self {
            area,
            cells: vec![(0, Role::Border); area.area() as usize],
        }
    }

    fn add(&mut self, x: u16, y: u16, directions: u8, role: Role) {
        if self.area.contains((x, y).into()) {
            let at = usize::from(y - self.area.y) * usize::from(self.area.width)
                + usize::from(x - self.area.x);
            let cell = &mut self.cells[at];
            *cell = (cell.0 | directions, role);
        }
    }

    /// A horizontal line between two columns, both included.
    pub(super) fn across(&mut self, from: u16, to: u16, y: u16, role: Role) {
        for x in from..to {
            self.add(x, y, RIGHT, role);
            self.add(x + 1, y, LEFT, role);
        }
    }

    /// A vertical line between two rows in either order, both included.
    pub(super) fn down(&mut self, x: u16, one: u16, other: u16, role: Role) {
        for y in one.min(other)..one.max(other) {
            self.add(x, y, DOWN, role);
            self.add(x, y + 1, UP, role);
        }
    }

    pub(super) fn draw(&self, buffer: &mut Buffer, theme: &Theme) {
        for (position, &(directions, role)) in self.area.positions().zip(&self.cells) {
            if directions != 0 {
                let glyph = theme.glyphs.lines[usize::from(directions)];
                put(buffer, position.x, position.y, 1, glyph, theme.ink(role));
            }
        }
    }
}
