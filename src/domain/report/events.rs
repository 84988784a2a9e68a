//! An event of the log with the edge it happened on.

use crate::domain::event::Event;
use crate::domain::id::Edge;
use crate::domain::query::{Filterable, Query};

/// One event with what it does not say itself.
#[derive(Clone, Copy, Debug)]
pub struct EventText<'a> {
    /// The event itself.
    pub event: &'a Event,
    /// The edge it happened on, as far as its handoff is known.
    pub edge: Option<&'a Edge>,
}

impl Filterable for EventText<'_> {
    const FIELDS: &'static [&'static str] =
        &["event", "trace", "handoff", "pipeline", "from", "to", "edge", "by", "detail"];

    fn passes(&self, query: &Query) -> bool {
        let Self { event, edge } = self;
        let (pipeline, from, to) = edge.map_or(("", "", ""), |it| (&*it.pipeline, &*it.from, &*it.to));
        query.keeps(&[
            event.fact.name(),
            event.run.as_str(),
            event.about().map_or("", |it| it.as_str()),
            pipeline,
            from,
            to,
            &edge.map(ToString::to_string).unwrap_or_default(),
            &event.actor.to_string(),
            &event.sentence(),
        ])
    }
}
