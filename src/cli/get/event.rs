//! One line of the log for people, and its CloudEvents form for programs.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::{Serialize, Serializer};

use super::rows::Row;
use crate::cli::look::Look;
use crate::cli::table::{Column, id, left, or_dash, words};
use crate::domain::event::Event;
use crate::domain::id::{Edge, HandoffId};
use crate::domain::ledger::Ledger;
use crate::domain::port::{Found, Want};
use crate::domain::query::{Filterable, Query};
use crate::domain::report::EventText;
use crate::domain::run::{Handoff, Run};

/// The edge of every handoff that a log spoke of so far: only its first event names it.
#[derive(Debug, Default)]
pub struct Edges(HashMap<HandoffId, Edge>);

impl Edges {
    /// Those of the handoffs of a run, ended ones too.
    pub fn of_run(run: &Run) -> Self {
        let named = |it: &Handoff| (it.id.clone(), it.emission.edge.clone());
        Self(run.handoffs.values().map(named).collect())
    }

    /// Asks for the edges of handoffs that were emitted before these events.
    pub async fn look_up(&mut self, look: &Look, events: &[Event]) {
        for event in events {
            let known = self.of(event).is_some();
            if known || event.about().is_none() {
                continue;
            }
            let open = look.ledger.run(&event.run).map(Self::of_run);
            // An edge that nobody knows any more is shown as none.
            let named = match open {
                Some(named) => named,
                None => match look.source.fetch(Want::Timeline(event.run.clone())).await {
                    Ok(Found::Timeline { run, .. }) => Self::of_run(&run),
                    _ => continue,
                },
            };
            self.0.extend(named.0);
        }
    }

    /// The edge an event is about, where it is about one.
    pub fn of(&mut self, event: &Event) -> Option<Edge> {
        let edge = event.edge(|id| self.0.get(id))?.clone();
        if let Some(id) = &event.handoff
            && !self.0.contains_key(id)
        {
            self.0.insert(id.clone(), edge.clone());
        }
        Some(edge)
    }
}

/// A row of the log: an event with its edge and its details.
pub struct EventRow<'a> {
    /// The event, as the log has it.
    pub event: Cow<'a, Event>,
    /// The edge it is about, where it is about one.
    pub edge: Option<Edge>,
    /// Details beside its name, for people; empty when it has none.
    pub detail: String,
}

/// As JSON it is the event alone, as the log keeps it.
impl Serialize for EventRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.event.serialize(serializer)
    }
}

impl<'a> EventRow<'a> {
    /// Looks up what the event itself does not say.
    pub fn new(edges: &mut Edges, event: Cow<'a, Event>) -> Self {
        Self { edge: edges.of(&event), detail: event.sentence(), event }
    }
}

impl Filterable for EventRow<'_> {
    const FIELDS: &'static [&'static str] = EventText::FIELDS;

    fn passes(&self, query: &Query) -> bool {
        EventText { event: &self.event, edge: self.edge.as_ref() }.passes(query)
    }
}

impl Row for EventRow<'_> {
    const COLUMNS: &'static [Column] = &[
        left("TIME (UTC)"),
        left("EVENT"),
        left("EDGE"),
        id("HANDOFF").spare(9),
        left("BY").spare(8),
        words("DETAIL"),
    ];

    fn is(&self, id: &str) -> bool {
        let of_edge = |edge: &crate::domain::id::Edge| *edge.pipeline == *id || edge.to_string() == id;
        self.event.run.as_str() == id
            || self.event.about().is_some_and(|it| it.as_str() == id)
            || self.edge.as_ref().is_some_and(of_edge)
    }

    fn cells(&self, _: &Ledger) -> Vec<String> {
        let at = self.event.at.utc();
        vec![
            at.format("%Y-%m-%d %H:%M:%S%.3f").to_string(),
            self.event.fact.name().to_owned(),
            or_dash(self.edge.as_ref(), ToString::to_string),
            or_dash(self.event.about(), ToString::to_string),
            self.event.actor.to_string(),
            self.detail.clone(),
        ]
    }
}
