//! The page of one edge: how fast, what failed, what was refused and since when, what came through lately.

use crate::domain::health::Span;
use crate::domain::id::{Edge, HandoffId};
use crate::domain::link::SourceId;
use crate::domain::report::{EdgeRow, edge_row};
use crate::keymap::Action;

use super::super::desk::Desk;
use super::super::list::List;
use super::super::screen::Offer;
use super::super::world::World;
use super::{pause, propose_pause, turned};

/// The page of one edge.
#[derive(Clone, Debug)]
pub struct EdgePage {
    /// Where it runs.
    pub source: SourceId,
    /// Which one.
    pub edge: Edge,
    /// The window of the numbers and of the histogram.
    pub span: Span,
    /// The handoffs emitted on it lately, the latest first.
    pub list: List<HandoffId>,
    /// Its numbers over the window; nothing when the source does not know the edge any more.
    pub row: Option<EdgeRow>,
}

impl EdgePage {
    /// The page before its first refresh.
    pub fn new(source: SourceId, edge: Edge) -> Self {
        Self { source, edge, span: Span::OneHour, list: List::default(), row: None }
    }

    pub(in super::super) fn refresh(&mut self, world: &World) {
        let Some(feed) = world.feed(self.source) else {
            return;
        };
        let ledger = feed.ledger();
        let Some(book) = ledger.edge(&self.edge) else {
            self.row = None;
            return self.list.settle(Vec::new());
        };
        let mut row = edge_row(ledger, book, self.span, !feed.is_fresh(world.now));
        let of_hour = feed.figures().edges.iter().find(|it| it.edge == self.edge);
        row.looping = of_hour.map_or(0, |it| it.looping);
        self.row = Some(row);
        self.list.settle(book.recent.iter().rev().cloned().collect());
    }

    pub(in super::super) fn offers(&self, world: &World) -> Vec<Offer> {
        let mut offers = Vec::new();
        if self.list.selected().is_some() {
            offers.push(Offer::new(Action::Open).word("handoff"));
            offers.push(Offer::quiet(Action::CopyId));
        }
        offers.push(Offer::new(Action::Back));
        if self.row.is_some() {
            offers.push(pause(world, self.source, &self.edge));
            offers.push(Offer::new(Action::NextTab).word("window"));
            offers.push(Offer::quiet(Action::PreviousTab));
            offers.push(Offer::quiet(Action::CopyJson));
        }
        offers.extend(self.list.offers(false));
        offers
    }

    pub(in super::super) fn act(&mut self, desk: &mut Desk<'_>, action: Action) {
        if self.list.act(action, desk.half_page()) {
            return;
        }
        match (action, self.list.selected()) {
            (Action::NextTab, _) => self.turn(desk.world, true),
            (Action::PreviousTab, _) => self.turn(desk.world, false),
            (Action::PauseEdge, _) => propose_pause(desk, self.source, self.edge.clone()),
            (Action::Open, Some(id)) => desk.open(self.source, id.clone()),
            (Action::CopyId, Some(id)) => desk.copy(id.as_str(), "the handoff id"),
            (Action::CopyJson, _) => {
                let json = self.row.as_ref().and_then(|it| serde_json::to_string_pretty(it).ok());
                desk.copy(&json.unwrap_or_default(), "the edge as JSON");
            }
            _ => {}
        }
    }

    fn turn(&mut self, world: &World, forward: bool) {
        self.span = turned(self.span, forward);
        self.refresh(world);
    }

    pub(in super::super) fn click(&mut self, desk: &mut Desk<'_>, row: usize) {
        if self.list.click(row) {
            self.act(desk, Action::Open);
        }
    }

    pub(in super::super) fn span_at(&mut self, nth: usize) {
        if let Some(span) = Span::ALL.get(nth) {
            self.span = *span;
        }
    }
}
