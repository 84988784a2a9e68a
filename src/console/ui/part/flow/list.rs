//! The pipeline as a list of its edges, where boxes have no room.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Edge, Node};
use crate::console::ui::part::put;
use crate::domain::text;
use crate::theme::{Role, Theme};

/// Draws the edges as a list, the worst first.
pub(super) fn draw(
    nodes: &[Node<'_>],
    edges: &[Edge<'_>],
    ranks: &[usize],
    area: Rect,
    buffer: &mut Buffer,
    theme: &Theme,
) {
    let longest = edges.iter().map(|edge| text::width(nodes[edge.from].name)).max().unwrap_or(0);
    let from_width = longest.min(usize::from(area.width) / 3) as u16;
    let label_width = edges.iter().map(|edge| text::width(edge.label)).max().unwrap_or(0).min(12) as u16;
    let height = usize::from(area.height);
    let shown = if edges.len() > height { height.saturating_sub(1) } else { edges.len() };
    // Worst first: the end of the list is what a small window loses.
    for (edge, y) in edges.iter().rev().take(shown).zip(area.top()..) {
        let back = ranks[edge.to] <= ranks[edge.from];
        let style = theme.style(edge.role);
        let (mut x, end) = (area.x, area.right());
        let mut cell = |text: &str, width: u16, style| {
            put(buffer, x, y, width.min(end.saturating_sub(x)), text, style);
            x = (x + width + 1).min(end);
        };
        cell(nodes[edge.from].name, from_width, theme.style(nodes[edge.from].role));
        cell(theme.glyphs.line, 1, style);
        cell(edge.label, label_width, style);
        cell(if back { theme.glyphs.back_edge } else { theme.glyphs.arrow_right }, 1, style);
        cell(nodes[edge.to].name, area.width, theme.style(nodes[edge.to].role));
    }
    if shown < edges.len() && height > 0 {
        let more = format!("{} {} more edges", theme.glyphs.ellipsis, edges.len() - shown);
        put(buffer, area.x, area.bottom() - 1, area.width, &more, theme.style(Role::Dim));
    }
}
