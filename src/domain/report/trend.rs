//! Trend of an edge over the last hour, minute by minute.

use crate::domain::health::{Histogram, Population};
use crate::domain::ledger::{EdgeStats, Ledger};
use crate::domain::time::{MINUTE, Millis};

/// At this multiple of what is usual an edge is critical (protocol section 5, P95 drift).
const ALARM: Millis = 4;
/// A baseline needs this many acknowledgements (protocol section 5).
const BASELINE: u64 = 200;

/// Trend of an edge over the last hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trend {
    /// P95 of each of the last 60 minutes in milliseconds, oldest first; nothing where nothing was acknowledged
    /// and nothing that waits now was waiting.
    pub p95_ms: Vec<Option<Millis>>,
    /// The P95 that would be critical, in milliseconds: a calm trend stays well below it. Never 0.
    pub alarm_ms: Millis,
}

/// P95 by minute. What waits for its acknowledgement now counts in every minute since it was ready, at the age it had
/// when that minute ended, so that a receiver that stops makes the trend rise, not end.
pub fn trend(ledger: &Ledger, book: &EdgeStats) -> Trend {
    let now = ledger.now();
    let none = Histogram::default();
    let mut ages = ledger.waits(book).ages;
    ages.sort_unstable_by(|one, other| other.cmp(one));
    let p95_at = |(nth, minute): (usize, Option<&crate::domain::health::Tally>)| {
        let end = now.min(book.windows.minute_start(nth) + MINUTE);
        let ago = now - end;
        // Oldest first, so those that were there already come first.
        let there = ages.partition_point(|age| *age > ago);
        let acked = minute.map_or(&none, |it| &it.to_ack);
        Population::new(acked, ages.iter().take(there).map(|age| age - ago)).quantile(0.95).value
    };
    let minutes = book.windows.minutes().into_iter().enumerate();
    Trend { p95_ms: minutes.map(p95_at).collect(), alarm_ms: usual(book).saturating_mul(ALARM).max(1) }
}

/// The usual P95, in milliseconds: that of the last day; while too little is known, twice the last hour's median,
/// else the ack timeout of the edge, else one minute.
fn usual(book: &EdgeStats) -> Millis {
    let baseline = book.windows.baseline();
    let of_day = (baseline.len() >= BASELINE).then(|| baseline.quantile(0.95));
    let hour = || {
        let hour = book.windows.total(crate::domain::health::Window::OneHour);
        hour.to_ack.quantile(0.5).map(|p50| p50.saturating_mul(2))
    };
    let known = of_day.flatten().or_else(hour).or(book.ack_timeout);
    known.unwrap_or(MINUTE)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::event::{Emission, Event, Fact};
    use crate::domain::id::{Actor, Edge};
    use crate::domain::ledger::Ledger;
    use crate::domain::time::{SECOND, Time};

    fn event(run: &str, seq: u64, at: Millis, fact: Fact) -> Event {
        Event {
            seen: None,
            run: run.into(),
            seq,
            at: Time::from_millis(at),
            handoff: Some(run.into()),
            actor: Actor::agent("writer"),
            fact,
        }
    }

    #[test]
    fn what_waits_raises_every_minute_since_it_was_emitted() {
        let edge = Edge::new("p", "a", "b");
        let mut ledger = Ledger::new(0);
        let emitted = |at| Fact::Emitted(Arc::new(Emission::observed(edge.clone(), "t", Time::from_millis(at))));
        let start = 600 * MINUTE;
        ledger.apply(&event("done", 1, start, emitted(start)));
        let acked = Fact::Acknowledged { until: None };
        ledger.apply(&event("done", 2, start + 2 * SECOND, acked));
        let later = start + 57 * MINUTE;
        ledger.apply(&event("waits", 1, later, emitted(later)));
        let now = Time::from_millis(start + 59 * MINUTE + 30 * SECOND);
        ledger.advance(now);
        let trend = trend(&ledger, ledger.edge(&edge).unwrap());
        let seconds: Vec<_> = trend.p95_ms.iter().map(|it| it.map(|it| it / SECOND)).collect();
        assert_eq!(seconds.len(), 60);
        assert_eq!(seconds[56..], [None, Some(60), Some(120), Some(150)]);
        assert_eq!(seconds.iter().flatten().count(), 4, "and the minute of the acknowledgement");
        assert!(trend.alarm_ms > 15 * SECOND, "eight times the median: {}", trend.alarm_ms);
    }
}
