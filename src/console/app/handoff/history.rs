//! History of a handoff, and of the whole run across agents.

use crate::domain::event::{Event, Tone};
use crate::domain::id::HandoffId;
use crate::domain::run::{self, Run};
use crate::domain::time::{Millis, Time};
use crate::page::{Doc, TextRole, state_role};

use super::super::world::World;
use super::{Detail, Handoff};

/// One handoff of the run in its waterfall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceRow {
    /// Id of the handoff.
    pub id: HandoffId,
    /// Number of handoffs that led to it, 0 for the first of the run.
    pub depth: usize,
    /// Sender, receiver and title. Hostile text.
    pub name: String,
    /// Milliseconds after the start of the run.
    pub start: Millis,
    /// Milliseconds it took; `None` while it is open.
    pub length: Option<Millis>,
    /// The role of its state, which gives the colour.
    pub ink: TextRole,
}

impl Handoff {
    /// The run as a waterfall, and how long it lasted until now.
    pub fn spans(&self, world: &World) -> (Vec<TraceRow>, Millis) {
        let Some(run) = self.run(world) else {
            return (Vec::new(), 0);
        };
        let now = world.feed(self.source).map_or(run.changed_at, |it| it.ledger().now());
        let start = run.handoffs.values().map(run::Handoff::first_seen).min().unwrap_or(run.started_at);
        let rows = run.handoffs.values().map(|it| TraceRow {
            id: it.id.clone(),
            depth: depth(run, it),
            name: format!("{} {}", it.emission.edge, it.emission.title),
            start: it.first_seen() - start,
            length: it.ended_at.map(|end| end - it.first_seen()),
            ink: state_role(it.state),
        });
        let end = if run.is_open() { now } else { run.changed_at };
        (rows.collect(), end - start)
    }

    /// Events of the handoff, as far as they are known here.
    pub(super) fn happened(&self, doc: &mut Doc, world: &World, now: Time) {
        doc.head("WHAT HAPPENED");
        match &self.timeline {
            Detail::Here((_, events)) => self.story(doc, world, events.iter(), now),
            other => {
                let recent = world.feed(self.source).into_iter().flat_map(|feed| feed.ledger().recent());
                self.story(doc, world, recent, now);
                doc.gap();
                let can = world.feed(self.source).and_then(|feed| feed.can());
                let why = match other {
                    Detail::Missing(why) => format!("The whole history could not be fetched: {why}"),
                    _ if can.is_some_and(|it| !it.timelines) => {
                        self.lacks(world, "tells no history: these are the latest events that came by")
                    }
                    _ => "Fetching the whole history …".to_owned(),
                };
                doc.paragraph(TextRole::Dim, &why);
            }
        }
    }

    fn story<'a>(&self, doc: &mut Doc, world: &World, events: impl Iterator<Item = &'a Event>, now: Time) {
        for event in events.filter(|it| it.about() == Some(&self.id)) {
            let ink = match event.tone() {
                Tone::Plain => TextRole::Text,
                Tone::Good => TextRole::Good,
                Tone::Warning => TextRole::Warn,
                Tone::Bad => TextRole::Bad,
                Tone::Person => TextRole::Wait,
            };
            let name = event.fact.name().trim_start_matches("handoff.").replace('_', " ");
            let words = event.sentence();
            let space = if words.is_empty() { "" } else { ": " };
            doc.field(&world.stamp(event.at, now), ink, &format!("{name} by {}{space}{words}", event.actor.id));
        }
    }
}

/// Number of handoffs that led to this one, at most `DEEPEST`.
fn depth(run: &Run, it: &run::Handoff) -> usize {
    const DEEPEST: usize = 8;
    let mut at = it;
    let mut depth = 0;
    while let Some(parent) = at.emission.parent.as_ref().and_then(|id| run.handoffs.get(id)) {
        depth += 1;
        if depth == DEEPEST {
            break;
        }
        at = parent;
    }
    depth
}
