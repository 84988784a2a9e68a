//! Lines that join where they meet.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::console::ui::part::put;
use crate::theme::{Role, Theme};

const UP: u8 = 1;
const RIGHT: u8 = 2;
const DOWN: u8 = 4;
const LEFT: u8 = 8;
const EVERYWHERE: u8 = UP | RIGHT | DOWN | LEFT;

/// For each cell of an area the directions in which a line leaves it, and whose line it was last.
pub(super) struct Lines {
    area: Rect,
    cells: Vec<Cell>,
}

#[derive(Clone, Copy)]
struct Cell {
    directions: u8,
    role: Role,
    /// The lane that goes straight through: it crosses what goes from side to side, and does not join it.
    lane: Option<Role>,
}

impl Lines {
    pub(super) fn new(area: Rect) -> Self {
        Self { area, cells: vec![Cell { directions: 0, role: Role::Border, lane: None }; area.area() as usize] }
    }

    fn cell(&mut self, x: u16, y: u16) -> Option<&mut Cell> {
        if !self.area.contains((x, y).into()) {
            return None;
        }
        let row = usize::from(y - self.area.y) * usize::from(self.area.width);
        self.cells.get_mut(row + usize::from(x - self.area.x))
    }

    fn add(&mut self, x: u16, y: u16, directions: u8, role: Role) {
        if let Some(cell) = self.cell(x, y) {
            cell.directions |= directions;
            cell.role = role;
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

    /// The vertical part of a lane.
    pub(super) fn lane(&mut self, x: u16, one: u16, other: u16, role: Role) {
        self.down(x, one, other, role);
        for y in one.min(other) + 1..one.max(other) {
            if let Some(cell) = self.cell(x, y) {
                cell.lane = Some(role);
            }
        }
    }

    pub(super) fn draw(&self, buffer: &mut Buffer, theme: &Theme) {
        for (position, cell) in self.area.positions().zip(&self.cells) {
            let (directions, role) = match (cell.directions, cell.lane) {
                (EVERYWHERE, Some(role)) => (UP | DOWN, role),
                (directions, _) => (directions, cell.role),
            };
            if directions != 0 {
                let glyph = theme.glyphs.lines[usize::from(directions)];
                put(buffer, position.x, position.y, 1, glyph, theme.ink(role));
            }
        }
    }
}
