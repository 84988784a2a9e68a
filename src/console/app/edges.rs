//! Edges: who hands over to whom, worst first, and the page of one edge.

use std::cmp::Ordering;

use crate::domain::health::Window;
use crate::domain::id::Edge;
use crate::domain::port::{ActKind, SourceId};
use crate::domain::query::{Filterable, Query, exactly};
use crate::domain::report::{self, EdgeRow};
use crate::keymap::Action;

use super::binding::Binding;
use super::edge_page::{pause, propose_pause, turned};
use super::list::List;
use super::order::Order;
use super::place::Focus;
use super::screen::Screen;
use super::screen_context::ScreenContext;
use super::world::World;

mod sort;

pub use sort::{By, Row};

/// One edge of one source.
pub type EdgeId = (SourceId, Edge);

/// Every edge, worst first.
#[derive(Debug)]
pub struct Edges {
    /// The edges that match the filter.
    pub list: List<EdgeId>,
    /// The column it is sorted by.
    pub by: By,
    /// Whether the smallest is on top.
    pub rising: bool,
    /// The window that the numbers are counted over.
    pub window: Window,
    /// One for each row of the list.
    rows: Vec<Row>,
    order: Order<EdgeId>,
    query: Query,
    made: Option<Vec<u64>>,
}

impl Default for Edges {
    fn default() -> Self {
        Self {
            list: List::default(),
            by: By::Worst,
            rising: false,
            window: Window::OneHour,
            rows: Vec::new(),
            order: Order::default(),
            query: Query::default(),
            made: None,
        }
    }
}

impl Edges {
    /// The nth row, from 0; `None` beyond the last.
    pub fn row(&self, nth: usize) -> Option<&Row> {
        self.rows.get(nth)
    }

    /// The filter in force; it matches every row when it is empty.
    pub const fn query(&self) -> &Query {
        &self.query
    }

    fn make(&mut self, world: &World) {
        self.rows.clear();
        for feed in &world.feeds {
            let stale = !feed.is_fresh(world.now);
            let edges = match self.window {
                Window::OneHour => feed.figures().edges.clone(),
                window => report::edges(feed.ledger(), window, stale),
            };
            let found = edges.into_iter().filter(|row| self.query.matches(row));
            self.rows.extend(found.map(|row| Row { source: feed.id, severity: row.severity(), row }));
        }
        let (by, rising) = (self.by, self.rising);
        let compare = |a: &Row, b: &Row| -> Ordering {
            let order = by.compare(a, b);
            let order = if rising { order.reverse() } else { order };
            order.then_with(|| (a.source, &a.row.edge).cmp(&(b.source, &b.row.edge)))
        };
        let key = |it: &Row| (it.source, it.row.edge.clone());
        self.order.sort(world.now, &mut self.rows, key, compare);
        self.list.settle_worst_first(self.rows.iter().map(key).collect());
    }

    fn sort_by(&mut self, world: &World, by: By, rising: bool) {
        (self.by, self.rising) = (by, rising);
        self.order.forget();
        self.make(world);
    }

    fn set_span(&mut self, world: &World, window: Window) {
        self.window = window;
        self.order.forget();
        self.make(world);
    }
}

impl Screen for Edges {
    fn refresh(&mut self, world: &World) {
        let revisions: Vec<u64> = world.feeds.iter().map(|it| it.figures().revision).collect();
        if self.made.as_ref() != Some(&revisions) {
            self.make(world);
            self.made = Some(revisions);
        }
    }

    fn bindings(&self, world: &World) -> Vec<Binding> {
        let mut bindings = Vec::new();
        if let Some((source, edge)) = self.list.selected() {
            bindings.push(Binding::new(Action::Open));
            bindings.push(pause(world, *source, edge));
            bindings.push(Binding::quiet(Action::CopyId));
            bindings.push(Binding::quiet(Action::CopyJson));
            bindings.push(Binding::new(Action::Sort).word("sort"));
            bindings.push(Binding::quiet(Action::SortReverse));
            bindings.push(Binding::new(Action::NextTab).word("window"));
            bindings.push(Binding::quiet(Action::PreviousTab));
        }
        bindings.extend(self.list.bindings(false));
        bindings
    }

    fn act(&mut self, cx: &mut ScreenContext<'_>, action: Action) {
        if self.list.act(action, cx.half_page()) {
            return;
        }
        let world = cx.world;
        match action {
            Action::Sort => return self.sort_by(world, self.by.next(), false),
            Action::SortReverse => return self.sort_by(world, self.by, !self.rising),
            Action::NextTab => return self.set_span(world, turned(self.window, true)),
            Action::PreviousTab => return self.set_span(world, turned(self.window, false)),
            _ => {}
        }
        let Some((source, edge)) = self.list.selected().cloned() else {
            return;
        };
        match action {
            Action::Open => cx.open_edge(source, edge),
            Action::Act(ActKind::PauseEdge) => propose_pause(cx, source, edge),
            Action::CopyId => cx.copy(&edge.to_string(), "the edge"),
            Action::CopyJson => {
                let row = self.list.index().and_then(|it| self.rows.get(it));
                let json = row.and_then(|it| serde_json::to_string_pretty(&it.row).ok());
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

    fn tab(&mut self, cx: &mut ScreenContext<'_>, nth: usize) {
        if let Some(window) = Window::ALL.get(nth) {
            self.set_span(cx.world, *window);
        }
    }

    fn column(&mut self, cx: &mut ScreenContext<'_>, nth: usize) {
        if let Some(by) = By::ALL.get(nth) {
            let rising = self.by == *by && !self.rising;
            self.sort_by(cx.world, *by, rising);
        }
    }

    fn show(&mut self, world: &World, focus: &Focus) {
        match focus {
            Focus::Edge(source, edge) => {
                self.query = Query::default();
                self.make(world);
                self.list.select(&(*source, edge.clone()));
            }
            // A name or a filter that does not parse changes nothing.
            Focus::Pipeline(_, name) => {
                let _ = self.set_filter(world, &exactly("pipeline", name));
            }
            Focus::Filter(text) => {
                let _ = self.set_filter(world, text);
            }
            Focus::Here | Focus::Run(..) | Focus::Handoff(..) | Focus::Source(_) => {}
        }
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
