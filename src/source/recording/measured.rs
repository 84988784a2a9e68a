//! What a recording measures: it has no word for it, but its lines show it.

use std::collections::{BTreeMap, HashMap};

use crate::domain::event::{DeadReason, Event, Fact};
use crate::domain::health::{Measured, Measures};
use crate::domain::id::{Edge, HandoffId};

/// What became of the handoffs of one edge.
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
        let Event { handoff: Some(id), fact, .. } = event else {
            violations |= matches!(event.fact, Fact::Refused(_));
            continue;
        };
        if let Fact::Emitted(emission) | Fact::Sighted(emission) = fact {
            violations |= !emission.is_observed();
            edges.insert(id, &emission.edge);
        }
        violations |= matches!(fact, Fact::Refused(_) | Fact::DeadLettered { reason: DeadReason::SchemaViolation, .. });
        let (acknowledged, ended) = (matches!(fact, Fact::Acknowledged { .. }), matches!(fact, Fact::Completed { .. }));
        if let Some(edge) = edges.get(id).filter(|_| acknowledged || ended) {
            let shown = shown.entry(edge).or_default();
            shown.acknowledged |= acknowledged;
            shown.ended |= ended;
        }
    }
    let everywhere = Measures { violations, ..Measures::ALL };
    let silent = shown.into_iter().filter(|(_, it)| it.ended && !it.acknowledged);
    let edges = silent.map(|(edge, _)| (edge.clone(), Measures { latency: false, ..everywhere }));
    Measured { everywhere, edges: edges.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::recording::read;

    #[test]
    fn what_no_line_shows_is_not_measured() {
        let lines = [("a", "emitted"), ("a", "completed"), ("c", "emitted"), ("c", "acknowledged"), ("e", "emitted")];
        let lines = lines.map(|(from, kind)| {
            format!(
                r#"{{"at":"2026-03-01T10:00:00Z","kind":"{kind}","pipeline":"p","trace_id":"t","from":"{from}","to":"b","handoff_id":"{from}"}}"#
            )
        });
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), lines.join("\n")).unwrap();
        let measured = measured(&read(file.path(), None).unwrap().events);
        let missing = |from: &str| measured.on(&Edge::new("p", from, "b")).missing();
        assert_eq!(missing("a"), ["latency", "violations"], "ended without a word of who took it up");
        assert_eq!([missing("c"), missing("e")], [["violations"], ["violations"]]);
    }
}
