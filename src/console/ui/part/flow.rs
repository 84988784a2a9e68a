//! A pipeline as a drawing: agents as boxes, edges as arrows with a label, coloured by health.
//!
//! Work flows left to right. Edges that lead back (review loops) or skip a column run in lanes below the boxes.
//! When the drawing does not fit, the same edges become a list, so nothing is lost but the picture.

mod lines;
mod rank;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::put;
use crate::domain::text;
use crate::theme::{Role, Theme};
use lines::Lines;
use rank::{Way, ways};

/// Rows of a box, and of a box with the space below it.
const BOX: u16 = 3;
const SLOT: u16 = BOX + 1;

/// How generous a drawing is; the next one is tried when it does not fit.
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
    Measure {
        name: 24,
        padding: 1,
        arrow: 6,
    },
    Measure {
        name: 24,
        padding: 0,
        arrow: 4,
    },
    Measure {
        name: 14,
        padding: 0,
        arrow: 4,
    },
    Measure {
        name: 8,
        padding: 0,
        arrow: 4,
    },
];

/// An agent, a person or a system.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    /// Its name.
    pub name: &'a str,
    /// How its box looks: [`Role::Text`] ordinarily, [`Role::Accent`] when selected.
    pub role: Role,
}

/// A handoff from one node to another.
#[derive(Clone, Copy, Debug)]
pub struct Edge<'a> {
    /// Index of the source in the nodes.
    pub from: usize,
    /// Index of the target in the nodes.
    pub to: usize,
    /// Such as the P95.
    pub label: &'a str,
    /// The health of the edge.
    pub role: Role,
}

/// Where the boxes of a drawing lie.
struct Plan {
    boxes: Vec<Rect>,
    /// The row of the first lane.
    lanes: u16,
}

/// Draws the pipeline, as boxes when they fit and as a list when not. Edges that name no node are left out.
pub fn flow(
    nodes: &[Node<'_>],
    edges: &[Edge<'_>],
    area: Rect,
    buffer: &mut Buffer,
    theme: &Theme,
) {
    let area = area.intersection(buffer.area);
    let mut edges: Vec<Edge<'_>> = edges
        .iter()
        .filter(|edge| edge.from < nodes.len() && edge.to < nodes.len())
        .copied()
        .collect();
    let pairs: Vec<(usize, usize)> = edges.iter().map(|edge| (edge.from, edge.to)).collect();
    let ranks = rank::ranks(nodes.len(), &pairs);
    // Where lines share cells the worst is seen.
    edges.sort_by_key(|edge| severity(edge.role));
    let ways = ways(&ranks, &edges);
    let mut plans = MEASURES
        .iter()
        .map(|measure| plan(nodes, &edges, &ranks, &ways, measure, area));
    let plan = plans.find_map(|plan| plan);
    match plan {
        Some(plan) => draw(nodes, &edges, &ways, &plan, area, buffer, theme),
        None => list(nodes, &edges, &ways, area, buffer, theme),
    }
}

const fn severity(role: Role) -> u8 {
    match role {
        Role::Critical => 2,
        Role::Warning => 1,
        _ => 0,
    }
}

/// Places the boxes; nothing when they do not fit.
fn plan(
    nodes: &[Node<'_>],
    edges: &[Edge<'_>],
    ranks: &[usize],
    ways: &[Way],
    measure: &Measure,
    area: Rect,
) -> Option<Plan> {
    let columns = ranks.iter().max()? + 1;
    let of_rank = |rank: usize| (0..nodes.len()).filter(move |&at| ranks[at] == rank);
    let widths: Vec<usize> = (0..columns)
        .map(|rank| {
            of_rank(rank)
                .map(|at| text::width(nodes[at].name).min(measure.name) + 2 + 2 * measure.padding)
                .max()
                .unwrap_or(0)
        })
        .collect();
    let gap = |rank: usize| {
        let ahead = edges
            .iter()
            .zip(ways)
            .filter(|(edge, way)| **way == Way::Ahead && ranks[edge.from] == rank);
        ahead
            .map(|(edge, _)| text::width(edge.label))
            .max()
            .unwrap_or(0)
            + measure.arrow
    };
    let gaps: Vec<usize> = (0..columns)
        .map(|rank| if rank + 1 == columns { 0 } else { gap(rank) })
        .collect();
    let width: usize = widths.iter().chain(&gaps).sum();
    let tallest = (0..columns).map(|rank| of_rank(rank).count()).max()?;
    let boxes_height = tallest * usize::from(SLOT) - 1;
    let lanes = ways
        .iter()
        .filter(|way| matches!(way, Way::Lane(_)))
        .count();
    // The row right below the boxes is for the arrow heads.
    let lanes = lanes + usize::from(lanes > 0);
    if width > usize::from(area.width) || boxes_height + lanes > usize::from(area.height) {
        return None;
    }
    let mut boxes = vec![Rect::default(); nodes.len()];
    let mut x = area.x + (usize::from(area.width) - width) as u16 / 2;
    for rank in 0..columns {
        let height = of_rank(rank).count() as u16 * SLOT - 1;
        let top = area.y + (boxes_height as u16 - height) / 2;
        for (slot, at) in of_rank(rank).enumerate() {
            boxes[at] = Rect {
                x,
                y: top + slot as u16 * SLOT,
                width: widths[rank] as u16,
                height: BOX,
            };
        }
        x += (widths[rank] + gaps[rank]) as u16;
    }
    Some(Plan {
        boxes,
        lanes: area.y + boxes_height as u16,
    })
}

fn draw(
    nodes: &[Node<'_>],
    edges: &[Edge<'_>],
    ways: &[Way],
    plan: &Plan,
    area: Rect,
    buffer: &mut Buffer,
    theme: &Theme,
) {
    let mut lines = Lines::new(area);
    // Labels and heads lie on the lines, so they are drawn when all lines are.
    let mut labels: Vec<(u16, u16, u16, &str, Role)> = Vec::new();
    let mut heads: Vec<(u16, u16, &str, Role)> = Vec::new();
    for (edge, way) in edges.iter().zip(ways) {
        let (from, to) = (plan.boxes[edge.from], plan.boxes[edge.to]);
        match *way {
            Way::Ahead => {
                let (start, end) = (from.right(), to.x.saturating_sub(1));
                let (from_y, to_y) = (from.y + 1, to.y + 1);
                let fans_out = edges
                    .iter()
                    .zip(ways)
                    .filter(|(other, way)| **way == Way::Ahead && other.from == edge.from)
                    .count()
                    > 1;
                // The label lies where the edge is alone: after a fan-out, before a fan-in.
                let bend = if fans_out {
                    start + 1
                } else {
                    end.saturating_sub(1)
                };
                lines.across(start, bend, from_y, edge.role);
                lines.down(bend, from_y, to_y, edge.role);
                lines.across(bend, end, to_y, edge.role);
                let (x, width, y) = if fans_out {
                    (bend + 1, end - bend - 1, to_y)
                } else {
                    (start, bend - start, from_y)
                };
                labels.push((x, y, width, edge.label, edge.role));
                heads.push((end, to_y, theme.glyphs.arrow_right, edge.role));
            }
            Way::Lane(lane) => {
                let y = plan.lanes + lane;
                let (start, end) = (from.x + from.width / 2 + 1, to.x + to.width / 2 - 1);
                lines.down(start, from.bottom(), y, edge.role);
                lines.across(start.min(end), start.max(end), y, edge.role);
                lines.down(end, y, to.bottom(), edge.role);
                labels.push((
                    start.min(end) + 1,
                    y,
                    start.abs_diff(end).saturating_sub(1),
                    edge.label,
                    edge.role,
                ));
                heads.push((end, to.bottom(), theme.glyphs.arrow_up, edge.role));
            }
        }
    }
    lines.draw(buffer, theme);
    for (x, y, width, label, role) in labels {
        let taken = text::width(&text::clean(label)) as u16 + 2;
        if !label.is_empty() && taken <= width {
            put(
                buffer,
                x + (width - taken) / 2,
                y,
                taken,
                &format!(" {label} "),
                theme.style(role),
            );
        }
    }
    for (x, y, head, role) in heads {
        put(buffer, x, y, 1, head, theme.ink(role));
    }
    for (node, place) in nodes.iter().zip(&plan.boxes) {
        draw_box(node, *place, buffer, theme);
    }
}

fn draw_box(node: &Node<'_>, place: Rect, buffer: &mut Buffer, theme: &Theme) {
    let border = if node.role == Role::Accent {
        Role::BorderFocus
    } else {
        Role::Border
    };
    let inside = super::frame(place, buffer, theme, "", border);
    for x in inside.left()..inside.right() {
        put(buffer, x, inside.y, 1, " ", theme.style(Role::Ground));
    }
    let taken = text::width(&text::clean(node.name)).min(usize::from(inside.width)) as u16;
    let indent = (inside.width - taken) / 2;
    put(
        buffer,
        inside.x + indent,
        inside.y,
        taken,
        node.name,
        theme.style(node.role),
    );
}

fn list(
    nodes: &[Node<'_>],
    edges: &[Edge<'_>],
    ways: &[Way],
    area: Rect,
    buffer: &mut Buffer,
    theme: &Theme,
) {
    let longest = edges
        .iter()
        .map(|edge| text::width(nodes[edge.from].name))
        .max()
        .unwrap_or(0);
    let from_width = longest.min(usize::from(area.width) / 3) as u16;
    let label_width = edges
        .iter()
        .map(|edge| text::width(edge.label))
        .max()
        .unwrap_or(0)
        .min(12) as u16;
    let height = usize::from(area.height);
    let shown = if edges.len() > height {
        height.saturating_sub(1)
    } else {
        edges.len()
    };
    // Worst first: the end of the list is what a small window loses.
    for ((edge, way), y) in edges.iter().zip(ways).rev().take(shown).zip(area.top()..) {
        let back = matches!(way, Way::Lane(_)) && edge.from >= edge.to;
        let style = theme.style(edge.role);
        let (mut x, end) = (area.x, area.right());
        let mut cell = |text: &str, width: u16, style| {
            put(buffer, x, y, width.min(end.saturating_sub(x)), text, style);
            x = (x + width + 1).min(end);
        };
        cell(
            nodes[edge.from].name,
            from_width,
            theme.style(nodes[edge.from].role),
        );
        cell(theme.glyphs.line, 1, style);
        cell(edge.label, label_width, style);
        cell(
            if back {
                theme.glyphs.back_edge
            } else {
                theme.glyphs.arrow_right
            },
            1,
            style,
        );
        cell(
            nodes[edge.to].name,
            area.width,
            theme.style(nodes[edge.to].role),
        );
    }
    if shown < edges.len() && height > 0 {
        let more = format!(
            "{} {} more edges",
            theme.glyphs.ellipsis,
            edges.len() - shown
        );
        put(
            buffer,
            area.x,
            area.bottom() - 1,
            area.width,
            &more,
            theme.style(Role::Dim),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at_every_size, rows};
    use super::*;

    const NODES: [Node<'_>; 3] = [
        Node {
            name: "research",
            role: Role::Text,
        },
        Node {
            name: "writer",
            role: Role::Text,
        },
        Node {
            name: "reviewer",
            role: Role::Text,
        },
    ];
    const EDGES: [Edge<'_>; 3] = [
        Edge {
            from: 0,
            to: 1,
            label: "1.9s",
            role: Role::Healthy,
        },
        Edge {
            from: 1,
            to: 2,
            label: "41s",
            role: Role::Critical,
        },
        Edge {
            from: 2,
            to: 1,
            label: "2.2s",
            role: Role::Warning,
        },
    ];

    fn drawn(nodes: &[Node<'_>], edges: &[Edge<'_>], width: u16, height: u16) -> Vec<String> {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        flow(nodes, edges, buffer.area, &mut buffer, &Theme::default());
        rows(&buffer)
    }

    #[test]
    fn a_chain_with_a_review_loop() {
        let expected = [
            "╭──────────╮          ╭────────╮         ╭──────────╮",
            "│ research │─ 1.9s ──▶│ writer │─ 41s ──▶│ reviewer │",
            "╰──────────╯          ╰────────╯         ╰──────────╯",
            "                          ▲                     │",
            "                          ╰─────── 2.2s ────────╯",
        ];
        assert_eq!(drawn(&NODES, &EDGES, 53, 5), expected);
    }

    #[test]
    fn a_narrow_area_gets_a_list_worst_first() {
        assert_eq!(
            drawn(&NODES, &EDGES, 34, 3),
            [
                "writer   ─ 41s  ▶ reviewer",
                "reviewer ─ 2.2s ↩ writer",
                "research ─ 1.9s ▶ writer"
            ]
        );
        assert_eq!(drawn(&NODES, &EDGES, 34, 2)[1], "… 2 more edges");
    }

    #[test]
    fn fans_and_skips_fit_every_size() {
        let nodes: Vec<_> = ["plan", "漢字かな", "b", "c", "join"]
            .map(|name| Node {
                name,
                role: Role::Text,
            })
            .to_vec();
        let pairs = [
            (0, 1),
            (0, 2),
            (0, 3),
            (1, 4),
            (2, 4),
            (3, 4),
            (0, 4),
            (4, 0),
            (2, 2),
            (9, 0),
        ];
        let edges: Vec<_> = pairs
            .map(|(from, to)| Edge {
                from,
                to,
                label: "1s",
                role: Role::Healthy,
            })
            .to_vec();
        at_every_size(|area, buffer, theme| {
            flow(&nodes, &edges, area, buffer, theme);
            super::super::clear(area, buffer, theme);
            flow(&[], &edges, area, buffer, theme);
            flow(&NODES, &EDGES, area, buffer, theme);
        });
        let picture = drawn(&nodes, &edges, 60, 15);
        let labels: usize = picture.iter().map(|row| row.matches(" 1s ").count()).sum();
        assert!(picture[14].ends_with('╯') && labels >= 8, "{picture:#?}");
    }
}
