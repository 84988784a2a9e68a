//! The live log: what happened last, with the acts of people in the same stream. The pattern for other screens.

use crate::domain::event::Event;
use crate::domain::ledger::Ledger;
use crate::domain::port::SourceId;
use crate::domain::query::{Filterable, Query, exactly};
use crate::domain::report::EventText;
use crate::domain::time::Time;
use crate::keymap::Action;

use super::binding::Binding;
use super::list::List;
use super::place::Focus;
use super::screen::Screen;
use super::screen_context::ScreenContext;
use super::world::World;

/// One line of the log: which source, and the number its ledger gave the event.
pub type EventId = (SourceId, u64);

/// The live log, oldest first. It follows the newest event until the user moves away from it.
#[derive(Debug)]
pub struct Events {
    /// The events that match the filter.
    pub list: List<EventId>,
    /// The newest event is kept in sight.
    pub follow: bool,
    /// Events that came in below since it stopped following.
    pub new: usize,
    text: String,
    query: Query,
    /// The last row that was there when it stopped following.
    held: Option<EventId>,
    /// Numbers of the latest events taken in, by source; `None` makes all rows again.
    taken: Option<Vec<u64>>,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            list: List::default(),
            follow: true,
            new: 0,
            text: String::new(),
            query: Query::default(),
            held: None,
            taken: None,
        }
    }
}

impl Events {
    /// The event of a row; `None` when the ledger has let it go.
    pub fn event(world: &World, (source, number): EventId) -> Option<&Event> {
        let ledger = world.feed(source)?.ledger();
        let back = ledger.latest().checked_sub(number)? as usize;
        let at = ledger.recent().len().checked_sub(back + 1)?;
        ledger.recent().get(at)
    }

    fn keeps(&self, ledger: &Ledger, event: &Event) -> bool {
        self.query.matches(&EventText { event, edge: ledger.edge_of(event) })
    }

    fn stop_following(&mut self) {
        if self.follow {
            self.follow = false;
            self.held = self.list.rows().last().copied();
        }
    }

    fn moved(&mut self) {
        let last = self.list.rows().len().saturating_sub(1);
        if self.list.index() == Some(last) {
            self.follow = true;
        } else {
            self.stop_following();
        }
    }
}

impl Screen for Events {
    fn refresh(&mut self, world: &World) {
        let latest: Vec<u64> = world.feeds.iter().map(|it| it.ledger().latest()).collect();
        if self.taken.as_ref() != Some(&latest) {
            let mut rows = match &self.taken {
                Some(_) => self.list.rows().to_vec(),
                None => Vec::new(),
            };
            rows.retain(|&id| Self::event(world, id).is_some());
            let mut added: Vec<(Time, EventId)> = Vec::new();
            for (nth, feed) in world.feeds.iter().enumerate() {
                let taken = self.taken.as_ref().and_then(|it| it.get(nth));
                let ledger = feed.ledger();
                let first = ledger.latest() - ledger.recent().len() as u64;
                let skip = taken.map_or(0, |taken| taken.saturating_sub(first)) as usize;
                let new = ledger.recent().iter().zip(first + 1..).skip(skip);
                let found = new.filter(|(event, _)| self.keeps(ledger, event));
                added.extend(found.map(|(event, number)| (event.at, (feed.id, number))));
            }
            added.sort_by_key(|&(at, _)| at);
            rows.extend(added.into_iter().map(|(_, id)| id));
            self.list.settle(rows);
            self.taken = Some(latest);
        }
        if self.follow {
            self.list.act(Action::Bottom, 1);
            self.held = None;
        }
        let held = self.held;
        let since = self.list.rows().iter().rev().take_while(|&&id| Some(id) != held);
        self.new = if held.is_some() { since.count() } else { 0 };
    }

    fn bindings(&self, world: &World) -> Vec<Binding> {
        let mut bindings = Vec::new();
        let selected = self.list.selected().and_then(|&id| Self::event(world, id));
        if let Some(event) = selected {
            if event.about().is_some() {
                bindings.push(Binding::new(Action::Open));
            }
            if !self.follow {
                let new = if self.new > 0 { format!("follow, {} new", self.new) } else { "follow".to_owned() };
                bindings.push(Binding::new(Action::Bottom).word(new));
            }
            bindings.push(Binding::quiet(Action::CopyId));
            bindings.push(Binding::quiet(Action::CopyJson));
        }
        bindings.extend(self.list.bindings(false));
        bindings
    }

    fn act(&mut self, cx: &mut ScreenContext<'_>, action: Action) {
        if self.list.act(action, cx.half_page()) {
            return self.moved();
        }
        let world = cx.world;
        let Some(&id) = self.list.selected() else {
            return;
        };
        let Some(event) = Self::event(world, id) else {
            return;
        };
        match (action, event.about()) {
            (Action::Open, Some(handoff)) => cx.open(id.0, handoff.clone()),
            (Action::CopyId, Some(handoff)) => cx.copy(handoff.as_str(), "the handoff id"),
            (Action::CopyId, None) => cx.copy(event.run.as_str(), "the run id"),
            (Action::CopyJson, _) => cx.copy(&json(event), "the event as JSON"),
            _ => {}
        }
    }

    fn click(&mut self, cx: &mut ScreenContext<'_>, row: usize) {
        if self.list.click(row) {
            self.act(cx, Action::Open);
        } else {
            self.moved();
        }
    }

    fn show(&mut self, world: &World, focus: &Focus) {
        let text = match focus {
            Focus::Handoff(_, id) => exactly("handoff", id.as_str()),
            Focus::Run(_, id) => exactly("trace", id.as_str()),
            Focus::Edge(_, edge) => format!("{} {}", exactly("from", &edge.from), exactly("to", &edge.to)),
            Focus::Pipeline(_, name) => exactly("pipeline", name),
            Focus::Filter(text) => text.clone(),
            Focus::Here | Focus::Source(_) => return,
        };
        // Names come from agents; one that does not parse shows everything rather than nothing.
        let _ = self.set_filter(world, &text);
        self.follow = true;
    }

    fn filter(&self) -> Option<&str> {
        Some(&self.text)
    }

    fn set_filter(&mut self, _world: &World, text: &str) -> Result<(), String> {
        self.query = Query::parse(text, EventText::FIELDS)?;
        text.clone_into(&mut self.text);
        self.taken = None;
        Ok(())
    }
}

fn json(event: &Event) -> String {
    let fact = serde_json::to_value(&event.fact).unwrap_or_default();
    let value = serde_json::json!({
        "trace_id": event.run, "seq": event.seq, "at": event.at, "handoff_id": event.about(),
        "actor": event.actor, "event": fact,
    });
    format!("{value:#}")
}
