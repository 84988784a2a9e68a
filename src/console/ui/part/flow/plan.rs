//! Plan of a drawing: the places of the boxes, and the most generous measure that fits.

use ratatui::layout::Rect;

use super::rank::{self, Way};
use super::{Edge, Node};
use crate::domain::text;

/// Rows of a box, and of a box with the space below it.
const BOX: u16 = 3;
const SLOT: u16 = BOX + 1;

/// Spacing of a drawing; the next one is tried when it does not fit.
#[derive(Clone, Copy)]
struct Measure {
    /// The longest name that is not cut, in columns.
    name: usize,
    /// Columns between a name and its box.
    padding: usize,
    /// Columns that an arrow takes besides its label.
    arrow: usize,
}

const MEASURES: [Measure; 4] = [
    Measure { name: 24, padding: 1, arrow: 6 },
    Measure { name: 24, padding: 0, arrow: 4 },
    Measure { name: 14, padding: 0, arrow: 4 },
    Measure { name: 8, padding: 0, arrow: 4 },
];

/// Places of the boxes and the edges.
pub(super) struct Plan {
    /// The box of each node.
    pub(super) boxes: Vec<Rect>,
    /// The way of each edge.
    pub(super) ways: Vec<Way>,
    /// The row of the arrow heads above the boxes; the first lane is above it.
    pub(super) above: u16,
    /// The row of the arrow heads below the boxes; the first lane is below it.
    pub(super) below: u16,
}

impl Plan {
    /// The most generous plan that fits; `None` when none does, or when an edge would run behind a box.
    pub(super) fn fitting(nodes: &[Node<'_>], edges: &[Edge<'_>], ranks: &[usize], area: Rect) -> Option<Self> {
        let columns = rank::columns(ranks, edges);
        let ways = rank::ways(ranks, &columns, edges)?;
        let mut plans = MEASURES.iter().map(|measure| Self::with(measure, nodes, edges, &columns, &ways, area));
        plans.find_map(|plan| plan)
    }

    fn with(
        measure: &Measure,
        nodes: &[Node<'_>],
        edges: &[Edge<'_>],
        columns: &[Vec<usize>],
        ways: &[Way],
        area: Rect,
    ) -> Option<Self> {
        let widest = |column: &Vec<usize>| {
            let names = column.iter().map(|&at| text::width(nodes[at].name));
            names.max().unwrap_or(0).min(measure.name) + 2 + 2 * measure.padding
        };
        let widths: Vec<usize> = columns.iter().map(widest).collect();
        let gap = |column: &Vec<usize>| {
            let ahead = edges.iter().zip(ways).filter(|(edge, way)| **way == Way::Ahead && column.contains(&edge.from));
            let labels = ahead.map(|(edge, _)| text::width(edge.label));
            labels.max().unwrap_or(0) + measure.arrow
        };
        let mut gaps: Vec<usize> = columns.iter().map(gap).collect();
        *gaps.last_mut()? = 0;
        let width: usize = widths.iter().chain(&gaps).sum();
        let tallest = columns.iter().map(Vec::len).max()?;
        let boxes_height = tallest * usize::from(SLOT) - 1;
        // The row right beside the boxes is for the arrow heads.
        let rows = |lanes: usize| lanes + usize::from(lanes > 0);
        let count = |is: fn(&Way) -> bool| ways.iter().filter(|it| is(it)).count();
        let above = rows(count(|it| matches!(it, Way::Above(_))));
        let below = rows(count(|it| matches!(it, Way::Below(_))));
        let height = above + boxes_height + below;
        if width > usize::from(area.width) || height > usize::from(area.height) {
            return None;
        }
        // In the middle, a little higher rather than lower.
        let y = area.y + (usize::from(area.height) - height) as u16 / 2 + above as u16;
        let mut boxes = vec![Rect::default(); nodes.len()];
        let mut x = area.x + (usize::from(area.width) - width) as u16 / 2;
        for ((column, &width), &gap) in columns.iter().zip(&widths).zip(&gaps) {
            let height = column.len() as u16 * SLOT - 1;
            let top = y + (boxes_height as u16 - height) / 2;
            for (&at, slot) in column.iter().zip(0..) {
                boxes[at] = Rect { x, y: top + slot * SLOT, width: width as u16, height: BOX };
            }
            x += (width + gap) as u16;
        }
        Some(Self { boxes, ways: ways.to_vec(), above: y.saturating_sub(1), below: y + boxes_height as u16 })
    }
}
