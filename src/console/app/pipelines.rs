//! Pipelines, the landing screen: a tree of what hands over to whom, opened where something is wrong.

use std::collections::HashMap;

use crate::domain::health::Window;
use crate::domain::query::{Filterable, Query};
use crate::domain::report::{EdgeRow, pipelines_of};
use crate::domain::run::Handoff;
use crate::keymap::Action;

use super::binding::Binding;
use super::list::List;
use super::place::Focus;
use super::screen::Screen;
use super::screen_context::ScreenContext;
use super::world::World;

mod tree;

pub use tree::{Group, Line, Node};

/// The pipelines as a tree: the landing screen.
#[derive(Debug, Default)]
pub struct Pipelines {
    /// The visible branches, in order.
    pub list: List<Node>,
    /// One for each row of the list.
    lines: Vec<Line>,
    groups: Vec<Group>,
    /// Rows listed under the open edges since the groups were made.
    listed: tree::Listed,
    /// Branches that the user opened or closed; the others are open where something is wrong.
    opened: HashMap<Node, bool>,
    query: Query,
    /// Revisions of the figures that the lines were made from.
    made: Option<Vec<u64>>,
}

/// More edges than this are sorted by how bad they are: a flow of that many is no longer read as one.
const FLOW: usize = 12;

impl Pipelines {
    /// A row as it is drawn.
    pub fn line(&self, row: usize) -> Option<&Line> {
        self.lines.get(row)
    }

    /// The pipeline a line belongs to.
    pub fn group(&self, line: &Line) -> Option<&Group> {
        self.groups.get(line.group?)
    }

    /// The edge a line belongs to.
    pub fn edge(&self, line: &Line) -> Option<&EdgeRow> {
        self.group(line)?.row.edges.get(line.edge?)
    }

    /// The pipeline under the cursor, or that the cursor is in.
    pub fn selected_group(&self) -> Option<&Group> {
        self.group(self.lines.get(self.list.index()?)?)
    }

    /// The filter in force; it matches every row when it is empty.
    pub const fn query(&self) -> &Query {
        &self.query
    }

    fn selected(&self) -> Option<(&Node, &Line)> {
        self.list.selected().zip(self.lines.get(self.list.index()?))
    }

    fn make(&mut self, world: &World) {
        self.groups.clear();
        self.listed.clear();
        for feed in &world.feeds {
            let edges = feed.figures().edges.clone();
            for mut row in pipelines_of(feed.ledger(), Window::OneHour, edges) {
                row.edges.retain(|edge| self.query.matches(edge));
                if row.edges.is_empty() {
                    continue;
                }
                if row.edges.len() <= FLOW {
                    let seen = |edge: &EdgeRow| feed.ledger().edges().position(|it| it.edge == edge.edge);
                    row.edges.sort_by_cached_key(|it| (it.people, seen(it)));
                }
                let severities = row.edges.iter().map(EdgeRow::severity).enumerate();
                // The first of the worst: max_by_key would give the last.
                let worst = severities.rev().max_by_key(|(_, severity)| *severity);
                let (worst, severity) = worst.unwrap_or_default();
                self.groups.push(Group { source: feed.id, row, severity, worst });
            }
        }
        // By how bad and by name only: numbers that change all the time would make the rows dance.
        self.groups.sort_by(|a, b| {
            let order = (b.severity, a.source).cmp(&(a.severity, b.source));
            order.then_with(|| a.row.pipeline.cmp(&b.row.pipeline))
        });
        self.grow(world);
    }

    /// Makes the lines again from the groups: a branch was opened or closed.
    fn grow(&mut self, world: &World) {
        let is_open = |node: &Node, unless: bool| self.opened.get(node).copied().unwrap_or(unless);
        let filtered = !self.query.is_empty();
        let rows = tree::grow(world, &self.groups, &mut self.listed, filtered, is_open);
        let (nodes, lines) = rows.into_iter().unzip();
        self.lines = lines;
        self.list.settle_worst_first(nodes);
    }

    fn turn(&mut self, world: &World, open: bool) {
        let Some((node, line)) = self.selected() else {
            return;
        };
        if line.open == Some(!open) {
            self.opened.insert(node.clone(), open);
            return self.grow(world);
        }
        if !open && let Some(parent) = self.parent() {
            self.list.select(&parent);
        }
    }

    /// The branch that the selected one grows from.
    fn parent(&self) -> Option<Node> {
        let at = self.list.index()?;
        let depth = self.lines.get(at)?.guides.len();
        let above = self.lines.iter().take(at).rposition(|it| it.guides.len() < depth)?;
        self.list.rows().get(above).cloned()
    }

    fn open(&mut self, cx: &mut ScreenContext<'_>) {
        let Some((node, line)) = self.selected() else {
            return;
        };
        match node.clone() {
            Node::Edge(source, edge) | Node::More(source, edge) => {
                cx.open_edge(source, edge);
            }
            Node::Handoff(source, handoff) => cx.open(source, handoff),
            Node::Source(_) | Node::Pipeline(..) | Node::Stage(..) => {
                let open = line.open != Some(true);
                self.turn(cx.world, open);
            }
        }
    }
}

impl Screen for Pipelines {
    fn refresh(&mut self, world: &World) {
        let revisions: Vec<u64> = world.feeds.iter().map(|it| it.figures().revision).collect();
        if self.made.as_ref() != Some(&revisions) {
            self.make(world);
            self.made = Some(revisions);
        }
    }

    fn bindings(&self, _: &World) -> Vec<Binding> {
        let mut bindings = Vec::new();
        if let Some((node, line)) = self.selected() {
            let opens = match (node, line.open) {
                (Node::Edge(..) | Node::More(..), _) => "edge",
                (Node::Handoff(..), _) => "handoff",
                (_, Some(true)) => "close",
                _ => "expand",
            };
            bindings.push(Binding::new(Action::Open).word(opens));
            let right = Binding::new(Action::Right);
            match (node, line.open) {
                (Node::Edge(..), Some(false)) => bindings.push(right.word("tasks")),
                (_, Some(false)) => bindings.push(Binding::quiet(Action::Right)),
                _ => {}
            }
            bindings.push(Binding::quiet(Action::Left));
            bindings.push(Binding::quiet(Action::CopyId));
        }
        bindings.extend(self.list.bindings(false));
        bindings
    }

    fn act(&mut self, cx: &mut ScreenContext<'_>, action: Action) {
        if self.list.act(action, cx.half_page()) {
            return;
        }
        match action {
            Action::Open => self.open(cx),
            Action::Right => self.turn(cx.world, true),
            Action::Left => self.turn(cx.world, false),
            Action::CopyId => {
                if let Some(node) = self.list.selected() {
                    cx.copy(&node.name(), "the name");
                }
            }
            _ => {}
        }
    }

    fn click(&mut self, cx: &mut ScreenContext<'_>, row: usize) {
        if self.list.click(row) {
            self.open(cx);
        }
    }

    fn show(&mut self, world: &World, focus: &Focus) {
        let node = match focus {
            Focus::Pipeline(source, name) => Node::Pipeline(*source, name.as_str().into()),
            Focus::Edge(source, edge) => {
                let pipeline = Node::Pipeline(*source, edge.pipeline.clone());
                self.opened.insert(pipeline, true);
                Node::Edge(*source, edge.clone())
            }
            Focus::Filter(text) => {
                // A filter kept from long ago may name what is no field any more: everything is shown then.
                let _ = self.set_filter(world, text);
                return;
            }
            _ => return,
        };
        self.query = Query::default();
        self.opened.insert(node.clone(), true);
        self.make(world);
        self.list.select(&node);
    }

    fn filter(&self) -> Option<&str> {
        Some(self.query.text())
    }

    fn set_filter(&mut self, world: &World, text: &str) -> Result<(), String> {
        self.query = Query::parse(text, EdgeRow::FIELDS)?;
        self.make(world);
        Ok(())
    }
}

/// Name of a handoff for people: its title, or its id when nobody gave it one.
pub fn title(it: &Handoff) -> &str {
    match it.emission.title.trim() {
        "" => it.id.as_str(),
        title => title,
    }
}
