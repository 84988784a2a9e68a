//! The visible branches of the tree: source, pipeline, stage, edge, open task.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::id::{Edge, HandoffId};
use crate::domain::port::SourceId;
use crate::domain::report::{EdgeRow, PipelineRow};

use super::super::world::World;
use crate::domain::severity::Severity;

/// Open tasks shown under an edge; its page has them all.
const TASKS: usize = 20;

/// One pipeline of one source.
#[derive(Clone, Debug)]
pub struct Group {
    /// The source that has it.
    pub source: SourceId,
    /// Its numbers, and its edges in the order work flows; the worst first when there are many.
    pub row: PipelineRow,
    /// Severity of its worst edge.
    pub severity: Severity,
    /// Index of the worst edge in the row.
    pub(super) worst: usize,
}

impl Group {
    /// The edge that asks most for attention.
    pub fn worst(&self) -> Option<&EdgeRow> {
        self.row.edges.get(self.worst)
    }
}

/// One branch, by what it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// A connection; only when there are several.
    Source(SourceId),
    /// A pipeline of a source, by name.
    Pipeline(SourceId, Arc<str>),
    /// A stage of a pipeline that several edges lead to.
    Stage(SourceId, Arc<str>, String),
    /// An edge of a pipeline.
    Edge(SourceId, Edge),
    /// An open handoff.
    Handoff(SourceId, HandoffId),
    /// The open handoffs of an edge beyond those shown.
    More(SourceId, Edge),
}

impl Node {
    /// Name of the branch, as copied to the clipboard.
    pub fn name(&self) -> String {
        match self {
            Self::Source(id) => id.0.to_string(),
            Self::Pipeline(_, name) => name.to_string(),
            Self::Stage(_, _, name) => name.clone(),
            Self::Edge(_, edge) | Self::More(_, edge) => edge.to_string(),
            Self::Handoff(_, id) => id.to_string(),
        }
    }
}

/// Drawing of one branch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// For every level below the first, whether more branches follow below on that level.
    pub guides: Vec<bool>,
    /// Whether it is open; `None` when nothing grows from it.
    pub open: Option<bool>,
    /// Index of its pipeline.
    pub group: Option<usize>,
    /// Index of its edge in the pipeline.
    pub edge: Option<usize>,
    /// Handoffs beyond those shown, for [`Node::More`].
    pub more: usize,
}

/// The open handoffs listed under an edge, and how many there are beyond them.
pub(super) type Listed = HashMap<(SourceId, Edge), (Vec<HandoffId>, usize)>;

/// Every visible branch in order. `is_open` says what the user made of a branch, given what it is by itself. What is
/// listed already stays as it is.
pub(super) fn grow(
    world: &World,
    groups: &[Group],
    listed: &mut Listed,
    filtered: bool,
    is_open: impl Fn(&Node, bool) -> bool,
) -> Vec<(Node, Line)> {
    let mut tree = Tree { world, listed, filtered, is_open: &is_open, rows: Vec::new() };
    if world.feeds.len() < 2 {
        tree.pipelines(groups.iter().enumerate().collect(), &[], groups.len() == 1);
        return tree.rows;
    }
    let worst = |id| groups.iter().filter(|it| it.source == id).map(|it| it.severity).max();
    let mut sources: Vec<SourceId> = world.feeds.iter().map(|it| it.id).collect();
    sources.sort_by_key(|id| (std::cmp::Reverse(worst(*id)), *id));
    for id in sources {
        let mine: Vec<_> = groups.iter().enumerate().filter(|(_, it)| it.source == id).collect();
        let open = (!mine.is_empty()).then(|| is_open(&Node::Source(id), true));
        tree.push(Node::Source(id), Line { open, ..Line::default() });
        if open == Some(true) {
            let last = mine.len() - 1;
            for (nth, group) in mine.into_iter().enumerate() {
                tree.pipelines(vec![group], &[nth < last], false);
            }
        }
    }
    tree.rows
}

struct Tree<'a> {
    world: &'a World,
    listed: &'a mut Listed,
    filtered: bool,
    is_open: &'a dyn Fn(&Node, bool) -> bool,
    rows: Vec<(Node, Line)>,
}

impl Tree<'_> {
    fn push(&mut self, node: Node, line: Line) {
        self.rows.push((node, line));
    }

    fn pipelines(&mut self, groups: Vec<(usize, &Group)>, guides: &[bool], alone: bool) {
        for (at, group) in groups {
            let node = Node::Pipeline(group.source, group.row.pipeline.as_str().into());
            let by_itself = alone || self.filtered || group.severity >= Severity::Warning;
            let open = (self.is_open)(&node, by_itself);
            let line = Line { guides: guides.to_vec(), open: Some(open), group: Some(at), ..Line::default() };
            self.push(node, line.clone());
            if open {
                self.stages(group, &line);
            }
        }
    }

    /// Edges that lead to the same stage stand together under its name; a stage with one edge needs no line.
    fn stages(&mut self, group: &Group, above: &Line) {
        let mut parts: Vec<(&str, Vec<usize>)> = Vec::new();
        for (nth, edge) in group.row.edges.iter().enumerate() {
            match parts.iter_mut().find(|(stage, _)| *stage == edge.stage && !stage.is_empty()) {
                Some((_, edges)) => edges.push(nth),
                None => parts.push((&edge.stage, vec![nth])),
            }
        }
        let last = parts.len().saturating_sub(1);
        for (nth, (stage, edges)) in parts.into_iter().enumerate() {
            let mut line = Line { open: None, ..above.clone() };
            line.guides.push(nth < last);
            if let [edge] = *edges {
                self.edge(group, edge, &line);
                continue;
            }
            let name = group.row.pipeline.as_str().into();
            let node = Node::Stage(group.source, name, stage.to_owned());
            let open = (self.is_open)(&node, true);
            line.open = Some(open);
            self.push(node, line.clone());
            let most = edges.len() - 1;
            for (nth, edge) in edges.into_iter().enumerate().filter(|_| open) {
                let mut line = line.clone();
                line.guides.push(nth < most);
                self.edge(group, edge, &line);
            }
        }
    }

    fn edge(&mut self, group: &Group, at: usize, line: &Line) {
        let Some(row) = group.row.edges.get(at) else {
            return;
        };
        let node = Node::Edge(group.source, row.edge.clone());
        // What people are asked about is listed where it waits for them.
        let listed = row.open > 0 && !row.questions;
        let open = listed.then(|| (self.is_open)(&node, false));
        let line = Line { open, edge: Some(at), ..line.clone() };
        self.push(node, line.clone());
        if open != Some(true) {
            return;
        }
        let world = self.world;
        let list = || {
            let book = world.feed(group.source).and_then(|it| it.ledger().edge(&row.edge));
            let open = book.map_or(0, |it| it.open.len());
            let ids = book.into_iter().flat_map(|it| &it.open).take(TASKS).map(|(_, id)| id.clone()).collect();
            (ids, open.saturating_sub(TASKS))
        };
        let (ids, more) = self.listed.entry((group.source, row.edge.clone())).or_insert_with(list).clone();
        let shown = ids.len();
        for (nth, id) in ids.into_iter().enumerate() {
            let mut line = Line { open: None, ..line.clone() };
            line.guides.push(nth + 1 < shown || more > 0);
            self.push(Node::Handoff(group.source, id), line);
        }
        if more > 0 {
            let mut line = Line { open: None, more, ..line };
            line.guides.push(false);
            self.push(Node::More(group.source, row.edge.clone()), line);
        }
    }
}
