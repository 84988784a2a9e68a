//! What a recording measures: it has no word for it, but its lines show it.

use std::collections::{BTreeMap, HashMap};

use crate::domain::event::{DeadReason, Event, Fact};
use crate::domain::health::{Measured, Measures};
use crate::domain::id::{Edge, HandoffId};

/// Ends and acknowledgements of the handoffs of one edge.
#[derive(Default)]
struct Shown {
    acknowledged: bool,
    ended: bool,
}

/// What these events measure. Where handoffs ended and none was acknowledged, nobody wrote acknowledgements down; where
/// no contract was checked, nobody looked for violations.
pub(super) fn measured(events: &[Event]) -> Measured {
    let mut edges: HashMap<&HandoffId, &Edge> = HashMap::new();
    let mut shown: BTreeMap<&Edge, Shown> = BTreeMap::new();
    let mut violations = false;
    for event in events {
        let of_edge = event.handoff.as_ref().and_then(|id| edges.get(id).copied());
        match &event.fact {
            Fact::Emitted(emission) | Fact::Sighted(emission) => {
                violations |= !emission.is_observed();
                if let Some(id) = &event.handoff {
                    edges.insert(id, &emission.edge);
                }
            }
            Fact::Acknowledged { .. } => {
                if let Some(edge) = of_edge {
                    shown.entry(edge).or_default().acknowledged = true;
                }
            }
            Fact::Completed { .. } => {
                if let Some(edge) = of_edge {
                    shown.entry(edge).or_default().ended = true;
                }
            }
            Fact::Refused(_) | Fact::DeadLettered { reason: DeadReason::SchemaViolation, .. } => violations = true,
            _ => {}
        }
    }
    let everywhere = Measures { violations, ..Measures::ALL };
    let silent = shown.into_iter().filter(|(_, it)| it.ended && !it.acknowledged);
    let edges = silent.map(|(edge, _)| (edge.clone(), Measures { latency: false, ..everywhere }));
    Measured { everywhere, edges: edges.collect() }
}
