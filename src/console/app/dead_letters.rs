//! The dead letters by what failed: groups first, then their items.
//!
//! Groups come with the figures of a feed and cost by groups. The ids of an open group are listed again only
//! when something in that group came or went; rows are made where they are drawn, for the window alone.

use std::collections::{HashMap, HashSet};

use crate::domain::id::HandoffId;
use crate::domain::port::SourceId;
use crate::domain::query::{Filterable, Query, exactly};
use crate::domain::report::{DeadGroup, DeadRow, dead_row};
use crate::keymap::Action;

use super::act::{GroupId, Proposal};
use super::binding::Binding;
use super::list::List;
use super::place::Focus;
use super::screen::Screen;
use super::screen_context::ScreenContext;
use super::triage;
use super::world::World;

mod acts;
mod details;
mod order;

pub use details::{details, growth};
pub use order::{By, Sort};

/// One row of the list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Row {
    /// The header of a group.
    Group(GroupId),
    /// One dead letter of an open group.
    Item(SourceId, HandoffId),
}

/// The dead letters by what failed.
#[derive(Debug, Default)]
pub struct DeadLetters {
    /// The rows: groups, and the items of open groups below them.
    pub list: List<Row>,
    /// The order of the groups.
    pub sort: Sort,
    open: HashSet<GroupId>,
    text: String,
    query: Query,
    groups: HashMap<GroupId, Known>,
    /// Groups without an item that matches the filter, as of these revisions.
    missed: HashMap<GroupId, u64>,
    made: Option<Made>,
    matching: usize,
    /// Marked items outside marked groups, and the revision of the list they were counted at.
    single: (usize, u64),
}

/// A group as it was when its items were last listed.
#[derive(Debug)]
struct Known {
    head: DeadGroup,
    revision: u64,
    /// Its items that match the filter, in order; `None` while nobody needs them.
    items: Option<Vec<HandoffId>>,
}

impl Known {
    fn count(&self) -> usize {
        self.items.as_ref().map_or(self.head.count, Vec::len)
    }
}

/// Input that the rows were made from: the same input needs no new rows.
#[derive(Debug, PartialEq)]
struct Made {
    order: Vec<(GroupId, u64)>,
    sort: Sort,
}

impl DeadLetters {
    /// A group; its count is that of the matching items while a filter is set.
    pub fn group(&self, id: &GroupId) -> Option<(&DeadGroup, usize)> {
        self.groups.get(id).map(|it| (&it.head, it.count()))
    }

    /// All groups that are shown, in no order, with their counts as in [`DeadLetters::group`].
    pub fn groups(&self) -> impl Iterator<Item = (&DeadGroup, usize)> {
        self.groups.values().map(|it| (&it.head, it.count()))
    }

    /// Whether the items of a group are shown.
    pub fn is_open(&self, id: &GroupId) -> bool {
        self.open.contains(id)
    }

    /// Dead letters that match the filter, and the groups they are in.
    pub fn count(&self) -> (usize, usize) {
        (self.matching, self.groups.len())
    }

    /// The filter in force.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn forget_items(&mut self) {
        self.groups.clear();
        self.missed.clear();
        self.made = None;
    }

    /// Keeps of the items that are listed those that match a filter which finds none beside them.
    fn narrow(&mut self, world: &World, query: &Query) {
        for ((source, id), known) in &mut self.groups {
            let ledger = world.feed(*source).map(super::feed::Feed::ledger);
            let book = ledger.and_then(|it| Some((it, it.dead().group(id)?)));
            if let (Some(items), Some((ledger, book))) = (&mut known.items, book) {
                items.retain(|item| order::matches(ledger, book, query, item));
            }
        }
        self.made = None;
    }

    /// Takes in the groups of all sources, and lists the items of those where something changed.
    fn learn(&mut self, world: &World) {
        let mut before = std::mem::take(&mut self.groups);
        let missed = std::mem::take(&mut self.missed);
        for feed in &world.feeds {
            for head in &feed.figures().dead {
                let id: GroupId = (feed.id, head.id.as_str().into());
                let Some(book) = feed.ledger().dead().group(&head.id) else {
                    continue;
                };
                if missed.get(&id) == Some(&book.revision) {
                    self.missed.insert(id, book.revision);
                    continue;
                }
                let needed = !self.query.is_empty() || self.open.contains(&id);
                let known = before.remove(&id).filter(|it| it.revision == book.revision);
                let items = match known.and_then(|it| it.items) {
                    _ if !needed => None,
                    Some(items) => Some(items),
                    None => Some(order::items(feed.ledger(), book, &self.query, self.sort)),
                };
                if self.query.is_empty() || items.as_ref().is_some_and(|it| !it.is_empty()) {
                    let known = Known { head: head.clone(), revision: book.revision, items };
                    self.groups.insert(id, known);
                } else {
                    self.missed.insert(id, book.revision);
                }
            }
        }
        self.matching = self.groups.values().map(Known::count).sum();
    }

    /// Shows the items of a group, or hides them. The other groups stay as they were last taken in.
    fn set_open(&mut self, world: &World, id: &GroupId, open: bool) {
        if !open {
            self.open.remove(id);
        } else if self.open.insert(id.clone())
            && let Some(known) = self.groups.get_mut(id)
            && let Some(ledger) = world.feed(id.0).map(super::feed::Feed::ledger)
            && let Some(book) = ledger.dead().group(&id.1)
        {
            known.items.get_or_insert_with(|| order::items(ledger, book, &self.query, self.sort));
        }
        self.made = None;
        self.arrange();
    }

    /// The group of the row under the cursor.
    fn group_here(&self, world: &World) -> Option<GroupId> {
        match self.list.selected()? {
            Row::Group(id) => Some(id.clone()),
            Row::Item(source, id) => {
                let book = world.feed(*source)?.ledger().dead().group_of(id)?;
                Some((*source, book.id.clone()))
            }
        }
    }

    /// `enter`: opens or closes a group, or goes to the page of an item.
    fn enter(&mut self, cx: &mut ScreenContext<'_>) {
        match self.list.selected().cloned() {
            Some(Row::Group(id)) => {
                let open = self.is_open(&id);
                self.set_open(cx.world, &id, !open);
            }
            Some(Row::Item(source, id)) => cx.open(source, id),
            None => {}
        }
    }

    fn make(&mut self, world: &World) {
        self.learn(world);
        self.arrange();
    }

    /// Makes the rows from the groups as they were last taken in.
    fn arrange(&mut self) {
        let mut order: Vec<(&GroupId, &Known)> = self.groups.iter().collect();
        order.sort_by(|(a, x), (b, y)| self.sort.compare((a, x.count(), &x.head), (b, y.count(), &y.head)));
        let shown = |id: &GroupId, known: &Known| known.items.is_some() && self.open.contains(id);
        let signed = order.iter().map(|&(id, known)| {
            let revision = if shown(id, known) { known.revision } else { 0 };
            (id.clone(), revision)
        });
        let made = Made { order: signed.collect(), sort: self.sort };
        if self.made.as_ref() == Some(&made) {
            self.count_single();
            return;
        }
        let mut rows = Vec::new();
        for (id, known) in order {
            rows.push(Row::Group(id.clone()));
            if shown(id, known) {
                let items = known.items.iter().flatten();
                rows.extend(items.map(|item| Row::Item(id.0, item.clone())));
            }
        }
        self.list.settle(rows);
        self.made = Some(made);
        self.count_single();
    }

    fn sort_by(&mut self, world: &World, sort: Sort) {
        self.sort = sort;
        self.forget_items();
        self.make(world);
    }
}

impl Screen for DeadLetters {
    fn refresh(&mut self, world: &World) {
        self.make(world);
    }

    fn bindings(&self, world: &World) -> Vec<Binding> {
        let mut bindings = Vec::new();
        match self.list.selected() {
            Some(Row::Group(id)) => {
                let verb = if self.is_open(id) { "collapse" } else { "expand" };
                bindings.push(Binding::new(Action::Open).word(verb));
                bindings.extend([Action::Left, Action::Right].map(Binding::quiet));
            }
            Some(Row::Item(..)) => {
                bindings.push(Binding::new(Action::Open));
                bindings.push(Binding::quiet(Action::Left));
            }
            None => {}
        }
        bindings.extend(self.acts(world));
        bindings.extend(self.list.bindings(true));
        if !self.list.rows().is_empty() {
            bindings.extend([Action::Sort, Action::SortReverse, Action::CopyId, Action::CopyJson].map(Binding::quiet));
        }
        bindings
    }

    fn act(&mut self, cx: &mut ScreenContext<'_>, action: Action) {
        if self.list.act(action, cx.half_page()) {
            return;
        }
        match action {
            Action::Open => self.enter(cx),
            Action::Left | Action::Right => {
                if let Some(id) = self.group_here(cx.world) {
                    if action == Action::Left {
                        self.list.select(&Row::Group(id.clone()));
                    }
                    self.set_open(cx.world, &id, action == Action::Right);
                }
            }
            Action::Sort => self.sort_by(cx.world, self.sort.next()),
            Action::SortReverse => self.sort_by(cx.world, self.sort.reversed()),
            Action::Act(act) => self.propose(cx, act),
            Action::CopyId => match self.list.selected() {
                Some(Row::Item(_, id)) => cx.copy(id.as_str(), "the handoff id"),
                Some(Row::Group((_, id))) => cx.copy(id, "the fingerprint of the group"),
                None => {}
            },
            Action::CopyJson => self.copy_json(cx),
            _ => {}
        }
    }

    fn click(&mut self, cx: &mut ScreenContext<'_>, row: usize) {
        let again = self.list.click(row);
        let group = matches!(self.list.selected(), Some(Row::Group(_)));
        if again || group {
            self.enter(cx);
        }
    }

    fn column(&mut self, cx: &mut ScreenContext<'_>, nth: usize) {
        if let Some(&by) = By::ALL.get(nth) {
            let sort = if by == self.sort.by { self.sort.reversed() } else { Sort::new(by) };
            self.sort_by(cx.world, sort);
        }
    }

    fn show(&mut self, world: &World, focus: &Focus) {
        let filter = match focus {
            Focus::Filter(text) => text.clone(),
            Focus::Edge(_, edge) => format!("{} {}", exactly("from", &edge.from), exactly("to", &edge.to)),
            Focus::Pipeline(_, name) => exactly("pipeline", name),
            Focus::Run(_, id) => exactly("trace", id.as_str()),
            Focus::Handoff(source, id) => {
                let book = world.feed(*source).and_then(|it| it.ledger().dead().group_of(id));
                if let Some(book) = book {
                    self.set_open(world, &(*source, book.id.clone()), true);
                }
                let _ = self.set_filter(world, ""); // an empty filter cannot be wrong
                self.list.select(&Row::Item(*source, id.clone()));
                return;
            }
            Focus::Here | Focus::Source(_) => return,
        };
        // Names come from agents; one that does not parse shows everything rather than nothing.
        let _ = self.set_filter(world, &filter);
    }

    fn filter(&self) -> Option<&str> {
        Some(&self.text)
    }

    fn set_filter(&mut self, world: &World, text: &str) -> Result<(), String> {
        let query = Query::parse(text, DeadRow::FIELDS)?;
        if !self.query.is_empty() && query.narrows(&self.query) {
            self.narrow(world, &query);
        } else {
            self.forget_items();
        }
        self.query = query;
        text.clone_into(&mut self.text);
        self.make(world);
        Ok(())
    }

    fn arrived(&self, world: &World, proposal: &Proposal) -> usize {
        self.arrived_since(world, proposal)
    }
}

impl DeadLetters {
    fn copy_json(&self, cx: &mut ScreenContext<'_>) {
        let world = cx.world;
        let json = match self.list.selected() {
            Some(Row::Item(source, id)) => world
                .feed(*source)
                .and_then(|it| dead_row(it.ledger(), id))
                .and_then(|it| serde_json::to_string_pretty(&it).ok()),
            Some(Row::Group(id)) => {
                let head = self.groups.get(id).map(|it| &it.head);
                head.and_then(|it| serde_json::to_string_pretty(it).ok())
            }
            None => None,
        };
        if let Some(json) = json {
            cx.copy(&json, "it as JSON");
        }
    }

    /// The message for an empty list, and whether it is good news: no data is not "no dead letters".
    pub fn empty_message(&self, world: &World) -> (bool, String) {
        if !self.text.is_empty() {
            return (false, format!("No dead letter matches `{}`. esc clears the filter.", self.text));
        }
        triage::empty_message(world, "dead letters", "nothing waits for a decision")
    }
}
