//! Columns of the dead letters, as wide as their cells need.

use ratatui::layout::Rect;

use crate::console::app::dead_letters::DeadLetters;
use crate::domain::text;

/// Columns of a time of day.
const TIME: u16 = 8;
/// Columns between two cells.
pub(super) const GAP: u16 = 2;

/// Places of the cells of a row: group and item share them. `None` where there is no room.
#[derive(Clone, Copy)]
pub(super) struct Columns {
    pub what: Rect,
    pub first: Option<Rect>,
    pub last: Option<Rect>,
    pub edge: Option<Rect>,
    pub outlook: Rect,
    /// Columns of the count of a group.
    pub count: u16,
}

/// The widest contents of the groups, so that no column takes what another one needs.
#[derive(Clone, Copy)]
pub(super) struct Widest {
    count: u16,
    edge: u16,
    outlook: u16,
}

impl Widest {
    pub(super) fn of(screen: &DeadLetters) -> Self {
        let widest = Self { count: 2, edge: 10, outlook: "requeue".len() as u16 + 1 };
        screen.groups().fold(widest, |widest, (head, count)| Self {
            count: widest.count.max(text::count(count as u64).len() as u16),
            edge: widest.edge.max(text::width(&head.edge.to_string()) as u16),
            outlook: widest.outlook.max(text::width(head.outlook.word()) as u16 + 2),
        })
    }
}

impl Columns {
    pub(super) fn of(area: Rect, widest: Widest) -> Self {
        let mut right = area.right();
        let mut take = |width: u16, shown: bool| {
            shown.then(|| {
                let width = width.min(right.saturating_sub(area.x));
                right -= width;
                let place = Rect { x: right, width, ..area };
                right = right.saturating_sub(GAP).max(area.x);
                place
            })
        };
        let outlook = match area.width {
            ..60 => 1,
            60..170 => widest.outlook,
            170.. => 50,
        };
        let outlook = take(outlook, true).unwrap_or(area);
        let edge = take(widest.edge.min(area.width / 4), area.width >= 70);
        let last = take(TIME, area.width >= 44);
        let first = take(TIME, area.width >= 90);
        Self {
            what: Rect { width: right.saturating_sub(area.x), ..area },
            first,
            last,
            edge,
            outlook,
            count: widest.count,
        }
    }
}
