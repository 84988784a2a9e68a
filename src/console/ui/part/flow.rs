//! A pipeline as a drawing: agents as boxes, edges as arrows with a label, coloured by health.
//!
//! Work flows left to right. Edges that lead back (review loops) or skip a column run in lanes below or above
//! the boxes, never behind one. When no such drawing fits, the same edges become a list, so nothing is lost but
//! the picture.

mod lines;
mod list;
mod picture;
mod plan;
mod rank;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::theme::{Role, Theme};
use plan::Plan;

/// An agent, a person or a system.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    /// Its name. Hostile text.
    pub name: &'a str,
    /// Role of its box: [`Role::Text`] ordinarily, [`Role::Accent`] when selected.
    pub role: Role,
}

/// A handoff from one node to another.
#[derive(Clone, Copy, Debug)]
pub struct Edge<'a> {
    /// Index of the source in the nodes.
    pub from: usize,
    /// Index of the target in the nodes.
    pub to: usize,
    /// Its label, such as the P95; empty for none.
    pub label: &'a str,
    /// Role of its line: the health of the edge.
    pub role: Role,
}

/// Draws the pipeline, as boxes when they fit and as a list when not. Edges that name no node are left out.
pub fn flow(nodes: &[Node<'_>], edges: &[Edge<'_>], area: Rect, buffer: &mut Buffer, theme: &Theme) {
    let area = area.intersection(buffer.area);
    let mut edges: Vec<Edge<'_>> =
        edges.iter().filter(|edge| edge.from < nodes.len() && edge.to < nodes.len()).copied().collect();
    let pairs: Vec<(usize, usize)> = edges.iter().map(|edge| (edge.from, edge.to)).collect();
    let ranks = rank::ranks(nodes.len(), &pairs);
    // Where lines share cells the worst is seen.
    edges.sort_by_key(|edge| severity(edge.role));
    match Plan::fitting(nodes, &edges, &ranks, area) {
        Some(plan) => picture::draw(nodes, &edges, &plan, area, buffer, theme),
        None => list::draw(nodes, &edges, &ranks, area, buffer, theme),
    }
}

const fn severity(role: Role) -> u8 {
    match role {
        Role::Critical => 2,
        Role::Warning => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at_every_size, rows};
    use super::*;

    const NODES: [Node<'_>; 3] = [
        Node { name: "research", role: Role::Text },
        Node { name: "writer", role: Role::Text },
        Node { name: "reviewer", role: Role::Text },
    ];
    const EDGES: [Edge<'_>; 3] = [
        Edge { from: 0, to: 1, label: "1.9s", role: Role::Healthy },
        Edge { from: 1, to: 2, label: "41s", role: Role::Critical },
        Edge { from: 2, to: 1, label: "2.2s", role: Role::Warning },
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
            ["writer   ─ 41s  ▶ reviewer", "reviewer ─ 2.2s ↩ writer", "research ─ 1.9s ▶ writer"]
        );
        assert_eq!(drawn(&NODES, &EDGES, 34, 2)[1], "… 2 more edges");
    }

    #[test]
    fn no_line_runs_behind_a_box() {
        let node = |name| Node { name, role: Role::Text };
        let edge = |(from, to, label)| Edge { from, to, label, role: Role::Text };
        let nodes = ["plan", "write", "edit", "check"].map(node);
        let edges = [(0, 1, "1s"), (1, 2, "2s"), (1, 3, "3s"), (2, 1, "4s"), (3, 1, "5s"), (3, 0, "6s")].map(edge);
        let expected = [
            "                   ╭─────── 4s ───────╮",
            "                   │                  │",
            "                   │             ╭───────╮",
            "                   ▼      ╭ 2s ─▶│ edit  │",
            "╭──────╮        ╭───────╮ │      ╰───────╯",
            "│ plan │─ 1s ──▶│ write │─┤",
            "╰──────╯        ╰───────╯ │      ╭───────╮",
            "   ▲               ▲      ╰ 3s ─▶│ check │",
            "   │               │             ╰───────╯",
            "   │               │                  │",
            "   │               ╰─────── 5s ───────┤",
            "   ╰─────────────── 6s ───────────────╯",
        ];
        assert_eq!(drawn(&nodes, &edges, 43, 12), expected);
    }

    #[test]
    fn fans_and_skips_fit_every_size() {
        let nodes: Vec<_> = ["plan", "漢字かな", "b", "c", "join"].map(|name| Node { name, role: Role::Text }).to_vec();
        let pairs = [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4), (0, 4), (4, 0), (2, 2), (9, 0)];
        let edges: Vec<_> = pairs.map(|(from, to)| Edge { from, to, label: "1s", role: Role::Healthy }).to_vec();
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
