//! The selected pipeline as a flow: agents as boxes, edges as arrows with their P95.

use crate::console::app::State;
use crate::console::app::pipelines::Pipelines;
use crate::console::ui::canvas::Canvas;
use crate::console::ui::figure;
use crate::console::ui::part::{self, flow};
use crate::domain::report::EdgeRow;
use crate::theme::Role;

/// Draws it in a frame.
pub(super) fn draw(screen: &Pipelines, state: &State, canvas: &mut Canvas<'_>) {
    let group = screen.selected_group();
    let Some((group, feed)) = group.and_then(|it| Some((it, state.world.feed(it.source)?))) else {
        return;
    };
    let selected = screen.list.index().and_then(|it| screen.edge(screen.line(it)?));
    let title = format!("{}  P95 from emit to acknowledgement", group.row.pipeline);
    let inside = part::frame(canvas.area, canvas.buffer, canvas.theme, &title, Role::Border);
    let fresh = feed.is_fresh(state.world.now);
    // The flow of work: people who are asked on the way are not part of it.
    let rows: Vec<&EdgeRow> = group.row.edges.iter().filter(|it| !it.questions).collect();
    let mut names: Vec<&str> = Vec::new();
    for edge in &rows {
        for name in [&*edge.edge.from, &*edge.edge.to] {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let place = |name: &str| names.iter().position(|it| *it == name).unwrap_or_default();
    let labels: Vec<String> = rows.iter().map(|it| figure::p95(it).1).collect();
    let edges: Vec<flow::Edge<'_>> = rows
        .iter()
        .zip(&labels)
        .map(|(it, label)| flow::Edge {
            from: place(&it.edge.from),
            to: place(&it.edge.to),
            label,
            role: if fresh { figure::role(it.severity()) } else { Role::Stale },
        })
        .collect();
    let is_selected = |name: &str| selected.is_some_and(|it| *it.edge.from == *name || *it.edge.to == *name);
    let nodes: Vec<flow::Node<'_>> = names
        .iter()
        .map(|name| flow::Node { name, role: if is_selected(name) { Role::Accent } else { Role::Text } })
        .collect();
    flow::flow(&nodes, &edges, inside, canvas.buffer, canvas.theme);
}
