//! The page of one edge: how fast, what failed, what was refused and since when, what came through lately.

use crate::domain::health::Window;
use crate::domain::id::{Edge, HandoffId};
use crate::domain::port::{ActKind, SourceId};
use crate::domain::report::{EdgeRow, edge_row};
use crate::keymap::Action;

use super::act::Proposal;
use super::binding::Binding;
use super::list::List;
use super::screen::Screen;
use super::screen_context::ScreenContext;
use super::world::World;

/// The page of one edge.
#[derive(Clone, Debug)]
pub struct EdgePage {
    /// The source that has it.
    pub source: SourceId,
    /// The edge: pipeline, sender and receiver.
    pub edge: Edge,
    /// The window of the numbers and of the histogram.
    pub window: Window,
    /// The handoffs emitted on it lately, the latest first.
    pub list: List<HandoffId>,
    /// Its numbers over the window; `None` when the source does not know the edge any more.
    pub row: Option<EdgeRow>,
}

impl EdgePage {
    /// The page before its first refresh.
    pub fn new(source: SourceId, edge: Edge) -> Self {
        Self { source, edge, window: Window::OneHour, list: List::default(), row: None }
    }
}

impl Screen for EdgePage {
    fn refresh(&mut self, world: &World) {
        let Some(feed) = world.feed(self.source) else {
            return;
        };
        let ledger = feed.ledger();
        let Some(book) = ledger.edge(&self.edge) else {
            self.row = None;
            return self.list.settle(Vec::new());
        };
        let mut row = edge_row(ledger, book, self.window, !feed.is_fresh(world.now));
        let of_hour = feed.figures().edges.iter().find(|it| it.edge == self.edge);
        row.looping = of_hour.map_or(0, |it| it.looping);
        self.row = Some(row);
        self.list.settle(book.recent.iter().rev().cloned().collect());
    }

    fn bindings(&self, world: &World) -> Vec<Binding> {
        let mut bindings = Vec::new();
        if self.list.selected().is_some() {
            bindings.push(Binding::new(Action::Open).word("handoff"));
            bindings.push(Binding::quiet(Action::CopyId));
        }
        bindings.push(Binding::new(Action::Back));
        if self.row.is_some() {
            bindings.push(pause(world, self.source, &self.edge));
            if refused_on(world, self.source, &self.edge) > 0 {
                let dismiss = Binding::new(Action::Act(ActKind::Dismiss)).word("dismiss refused");
                bindings.push(dismiss.of(world, self.source, ActKind::DismissRefused));
            }
            bindings.push(Binding::new(Action::NextTab).word("window"));
            bindings.push(Binding::quiet(Action::PreviousTab));
            bindings.push(Binding::quiet(Action::CopyJson));
        }
        bindings.extend(self.list.bindings(false));
        bindings
    }

    fn act(&mut self, cx: &mut ScreenContext<'_>, action: Action) {
        if self.list.act(action, cx.half_page()) {
            return;
        }
        match (action, self.list.selected()) {
            (Action::Back, _) => cx.close(),
            (Action::NextTab, _) => self.window = turned(self.window, true),
            (Action::PreviousTab, _) => self.window = turned(self.window, false),
            (Action::Act(ActKind::PauseEdge), _) => propose_pause(cx, self.source, self.edge.clone()),
            (Action::Act(ActKind::Dismiss), _) => {
                let refused = refused_on(cx.world, self.source, &self.edge);
                let s = if refused == 1 { "" } else { "s" };
                let notes = vec![format!("{refused} refused contract{s} on it now.")];
                let proposal = Proposal::on_edge(ActKind::DismissRefused, self.source, self.edge.clone());
                cx.propose(proposal.notes(notes));
            }
            (Action::Open, Some(id)) => cx.open(self.source, id.clone()),
            (Action::CopyId, Some(id)) => cx.copy(id.as_str(), "the handoff id"),
            (Action::CopyJson, _) => {
                let json = self.row.as_ref().and_then(|it| serde_json::to_string_pretty(it).ok());
                cx.copy(&json.unwrap_or_default(), "the edge as JSON");
            }
            _ => {}
        }
    }

    fn click(&mut self, cx: &mut ScreenContext<'_>, row: usize) {
        if self.list.click(row) {
            self.act(cx, Action::Open);
        }
    }

    fn tab(&mut self, _: &mut ScreenContext<'_>, nth: usize) {
        if let Some(window) = Window::ALL.get(nth) {
            self.window = *window;
        }
    }
}

/// The window after this one, or before it, round and round.
pub(super) fn turned(window: Window, forward: bool) -> Window {
    let at = window as usize + if forward { 1 } else { Window::ALL.len() - 1 };
    Window::ALL.get(at % Window::ALL.len()).copied().unwrap_or(window)
}

/// Records of refused contracts on an edge that nobody dealt with.
fn refused_on(world: &World, source: SourceId, edge: &Edge) -> usize {
    let all = world.feed(source).into_iter().flat_map(|it| it.ledger().refusing()).flat_map(|run| &run.rejections);
    all.filter(|it| it.rejection.edge == *edge).count()
}

fn is_paused(world: &World, source: SourceId, edge: &Edge) -> bool {
    world.feed(source).is_some_and(|it| it.ledger().paused().contains(edge))
}

/// Pausing or resuming, whichever can be done.
pub(super) fn pause(world: &World, source: SourceId, edge: &Edge) -> Binding {
    let (verb, act) =
        if is_paused(world, source, edge) { ("resume", ActKind::ResumeEdge) } else { ("pause", ActKind::PauseEdge) };
    Binding::new(Action::Act(ActKind::PauseEdge)).word(verb).of(world, source, act)
}

pub(super) fn propose_pause(cx: &mut ScreenContext<'_>, source: SourceId, edge: Edge) {
    let waiting = cx.world.feed(source).and_then(|it| it.ledger().edge(&edge)).map_or(0, |it| it.open.len());
    let s = if waiting == 1 { "" } else { "s" };
    let open = format!("{waiting} handoff{s} open on it now.");
    let act = if is_paused(cx.world, source, &edge) { ActKind::ResumeEdge } else { ActKind::PauseEdge };
    cx.propose(Proposal::on_edge(act, source, edge).notes(vec![open]));
}
