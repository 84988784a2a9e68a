//! The boxes and arrows of a plan.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::lines::Lines;
use super::plan::Plan;
use super::rank::Way;
use super::{Edge, Node};
use crate::console::ui::part::{frame, put};
use crate::domain::text;
use crate::theme::{Role, Theme};

/// A label: where its room begins, and the columns of it.
struct Label<'a> {
    x: u16,
    y: u16,
    room: u16,
    text: &'a str,
    role: Role,
}

/// Draws the plan.
pub(super) fn draw(
    nodes: &[Node<'_>],
    edges: &[Edge<'_>],
    plan: &Plan,
    area: Rect,
    buffer: &mut Buffer,
    theme: &Theme,
) {
    let glyphs = &theme.glyphs;
    let mut lines = Lines::new(area);
    // Labels and heads lie on the lines, so they are drawn when all lines are.
    let mut labels: Vec<Label<'_>> = Vec::new();
    let mut heads: Vec<(u16, u16, &str, Role)> = Vec::new();
    for (edge, way) in edges.iter().zip(&plan.ways) {
        let (from, to) = (plan.boxes[edge.from], plan.boxes[edge.to]);
        let (y, leaves, arrives, head) = match *way {
            Way::Ahead => {
                let fans_out = plan.fans_out(edges, edge.from);
                labels.push(ahead(&mut lines, edge, from, to, fans_out));
                let end = to.x.saturating_sub(1);
                heads.push((end, to.y + 1, glyphs.arrow_right, edge.role));
                continue;
            }
            Way::Below(lane) => {
                let y = plan.below + lane;
                (y, from.bottom(), to.bottom(), glyphs.arrow_up)
            }
            Way::Above(lane) => {
                let y = plan.above - lane;
                (y, from.y - 1, to.y - 1, glyphs.arrow_down)
            }
        };
        // Beside each other, so that what leaves is not taken for what arrives.
        let (start, end) = (from.x + from.width / 2 + 1, to.x + to.width / 2 - 1);
        let (left, right) = (start.min(end), start.max(end));
        lines.lane(start, leaves, y, edge.role);
        lines.across(left, right, y, edge.role);
        lines.lane(end, y, arrives, edge.role);
        labels.push(Label {
            x: left + 1,
            y,
            room: (right - left).saturating_sub(1),
            text: edge.label,
            role: edge.role,
        });
        heads.push((end, arrives, head, edge.role));
    }
    lines.draw(buffer, theme);
    for it in labels {
        let taken = text::width(&text::clean(it.text)) as u16 + 2;
        if !it.text.is_empty() && taken <= it.room {
            let (x, words) = (it.x + (it.room - taken) / 2, format!(" {} ", it.text));
            put(buffer, x, it.y, taken, &words, theme.style(it.role));
        }
    }
    for (x, y, head, role) in heads {
        put(buffer, x, y, 1, head, theme.ink(role));
    }
    for (node, place) in nodes.iter().zip(&plan.boxes) {
        draw_box(node, *place, buffer, theme);
    }
}

/// An arrow to the next column. Its label lies where the edge is alone: after a fan-out, before a fan-in.
fn ahead<'a>(lines: &mut Lines, edge: &Edge<'a>, from: Rect, to: Rect, fans_out: bool) -> Label<'a> {
    let (start, end) = (from.right(), to.x.saturating_sub(1));
    let (from_y, to_y) = (from.y + 1, to.y + 1);
    let bend = if fans_out { start + 1 } else { end.saturating_sub(1) };
    lines.across(start, bend, from_y, edge.role);
    lines.down(bend, from_y, to_y, edge.role);
    lines.across(bend, end, to_y, edge.role);
    let (x, room, y) = if fans_out { (bend + 1, end - bend - 1, to_y) } else { (start, bend - start, from_y) };
    Label { x, y, room, text: edge.label, role: edge.role }
}

impl Plan {
    fn fans_out(&self, edges: &[Edge<'_>], from: usize) -> bool {
        let ahead = edges.iter().zip(&self.ways);
        ahead.filter(|(other, way)| **way == Way::Ahead && other.from == from).count() > 1
    }
}

fn draw_box(node: &Node<'_>, place: Rect, buffer: &mut Buffer, theme: &Theme) {
    let border = if node.role == Role::Accent { Role::BorderFocus } else { Role::Border };
    let inside = frame(place, buffer, theme, "", border);
    for x in inside.left()..inside.right() {
        put(buffer, x, inside.y, 1, " ", theme.style(Role::Ground));
    }
    let taken = text::width(&text::clean(node.name)).min(usize::from(inside.width)) as u16;
    let indent = (inside.width - taken) / 2;
    put(buffer, inside.x + indent, inside.y, taken, node.name, theme.style(node.role));
}
