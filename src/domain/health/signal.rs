//! The numbers of an edge, each able to say "no data", which is never 0.
//!
//! Definitions, thresholds and confidence levels: protocol section 5.

use super::histogram::{Histogram, is_capped, nearest_rank};
use crate::domain::time::Millis;

/// Fewer samples than this and a rate is shown as `k/n`, uncoloured, and never alerts.
pub const ENOUGH: u64 = 20;

/// The one-sided 95 % point of the normal distribution.
const Z: f64 = 1.644_853_6;

/// Latency of acknowledged handoffs alone, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// Number of acknowledgements measured.
    pub n: u64,
    /// Median; `None` without samples.
    pub p50: Option<Millis>,
    /// 95th percentile by nearest rank; `None` without samples.
    pub p95: Option<Millis>,
    /// 99th percentile by nearest rank; `None` without samples.
    pub p99: Option<Millis>,
}

impl Latency {
    /// Reads the three quantiles, each within 1 %.
    pub fn of(acked: &Histogram) -> Self {
        Self { n: acked.len(), p50: acked.quantile(0.5), p95: acked.quantile(0.95), p99: acked.quantile(0.99) }
    }
}

/// The P95 handoff latency of protocol section 5: acknowledgements in the window **and** every open
/// un-acknowledged handoff at its current age, so that a receiver that stops shows at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct P95 {
    /// In milliseconds; `None` when nothing was acknowledged and nothing is open. Within 1 % of the nearest-rank
    /// value; a lower bound is the exact age of a handoff that shares a bin with it, so within 2 %.
    pub value: Option<Millis>,
    /// The 95th rank falls on an open handoff, or on a latency longer than is told apart: the truth is at least
    /// [`value`](Self::value). Shown as `>=`.
    pub lower_bound: bool,
    /// Size of the population, open ones included.
    pub n: u64,
}

impl P95 {
    /// From the acknowledgements of a window and the current ages of open handoffs, in any order.
    pub fn of(acked: &Histogram, open_ages: impl IntoIterator<Item = Millis>) -> Self {
        Population::new(acked, open_ages).p95()
    }
}

/// Acknowledged latencies and open ages as one ordered list.
pub(super) struct Population<'a> {
    acked: &'a Histogram,
    /// Ages of the open handoffs in milliseconds, ascending.
    open: Vec<Millis>,
}

impl<'a> Population<'a> {
    pub(super) fn new(acked: &'a Histogram, open_ages: impl IntoIterator<Item = Millis>) -> Self {
        let mut open: Vec<Millis> = open_ages.into_iter().map(|age| age.max(0)).collect();
        open.sort_unstable();
        Self { acked, open }
    }

    pub(super) fn len(&self) -> u64 {
        self.acked.len() + self.open.len() as u64
    }

    pub(super) fn p95(&self) -> P95 {
        let n = self.len();
        let at = self.at_rank(nearest_rank(0.95, n));
        P95 { value: at.map(|(value, _)| value), lower_bound: at.is_some_and(|(_, open)| open), n }
    }

    /// The value that the 95th percentile exceeds with 95 % confidence; `None` below [`ENOUGH`] samples.
    pub(super) fn confident_p95(&self) -> Option<Millis> {
        let n = self.len() as f64;
        let rank = 0.95 * n - Z * (0.0475 * n).sqrt();
        (self.len() >= ENOUGH).then(|| self.at_rank(rank as u64))?.map(|(value, _)| value)
    }

    /// The value at a 1-based rank and whether the truth is at least that: it is an open one's age, or the longest there is.
    fn at_rank(&self, rank: u64) -> Option<(Millis, bool)> {
        // An open handoff at position i is preceded by i open ones and by the acknowledged up to its bin.
        let rank_of = |position: usize, age: Millis| self.acked.up_to(age) + position as u64 + 1;
        let (mut low, mut high) = (0, self.open.len());
        while low < high {
            let middle = low.midpoint(high);
            if rank_of(middle, self.open[middle]) < rank {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        match self.open.get(low) {
            Some(&age) if rank_of(low, age) == rank => Some((age, true)),
            _ => self.acked.at_rank(rank.checked_sub(low as u64)?).map(|value| (value, is_capped(value))),
        }
    }
}

/// `k` of `n`: retried of settled, refused of checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// Number of hits: those retried, or those refused.
    pub k: u32,
    /// Number of samples: those settled, or those checked.
    pub n: u32,
}

/// Trust that a [`Rate`] deserves, by its number of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// `n` is 0: shown as `-`.
    NoData,
    /// `n` is below [`ENOUGH`]: shown as `k/n`, uncoloured.
    Insufficient,
    /// Enough samples to judge.
    Enough,
}

impl Rate {
    /// `k / n`; `None` when `n` is 0. Above 1 when sources count more retries than handoffs.
    pub fn value(self) -> Option<f64> {
        (self.n > 0).then(|| f64::from(self.k) / f64::from(self.n))
    }

    /// Whether there are enough samples to judge by.
    pub fn guard(self) -> Guard {
        match u64::from(self.n) {
            0 => Guard::NoData,
            1..ENOUGH => Guard::Insufficient,
            _ => Guard::Enough,
        }
    }

    /// The one-sided 95 % Wilson lower bound of the true rate; `None` when `n` is 0.
    pub fn lower_bound(self) -> Option<f64> {
        let p = self.value()?.min(1.0);
        let n = f64::from(self.n);
        let centre = p + Z * Z / (2.0 * n);
        let spread = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        Some((centre - spread) / (1.0 + Z * Z / n))
    }

    /// True when there is enough data and the true rate is above `threshold` with 95 % confidence.
    pub fn surely_above(self, threshold: f64) -> bool {
        self.guard() == Guard::Enough && self.lower_bound().is_some_and(|bound| bound > threshold)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::histogram::RELATIVE_ERROR;
    use super::*;

    #[test]
    fn smallest_counts_that_are_surely_above_three_percent() {
        for (k, n) in [(2, 20), (4, 50), (6, 100), (10, 200), (22, 500)] {
            assert!(Rate { k, n }.surely_above(0.03), "{k}/{n}");
            assert!(!Rate { k: k - 1, n }.surely_above(0.03), "{}/{n}", k - 1);
        }
    }

    #[test]
    fn few_samples_never_alert_and_none_is_not_zero() {
        let none = Rate { k: 0, n: 0 };
        assert_eq!((none.value(), none.lower_bound(), none.guard()), (None, None, Guard::NoData));
        assert_eq!(Rate { k: 19, n: 19 }.guard(), Guard::Insufficient);
        assert!(!Rate { k: 19, n: 19 }.surely_above(0.03));
        assert_eq!(Rate { k: 0, n: 20 }.value(), Some(0.0));
        assert!(Rate { k: 60, n: 20 }.surely_above(0.03), "more retries than handoffs is a rate too");
        assert_eq!(P95::of(&Histogram::default(), []), P95 { value: None, lower_bound: false, n: 0 });
        assert_eq!(Latency::of(&Histogram::default()), Latency::default());
    }

    #[test]
    fn nothing_acknowledged_shows_the_oldest_open_as_a_lower_bound() {
        let p95 = P95::of(&Histogram::default(), [46_000, 1_000]);
        assert_eq!(p95, P95 { value: Some(46_000), lower_bound: true, n: 2 });
    }

    /// The example of protocol section 5: 1 handoff/s, true P95 2.1 s, the receiver stops; 5m window.
    #[test]
    fn a_stalled_receiver_shows_within_seconds() {
        // A long tail (Pareto, P95 2.1 s), spread evenly by the golden ratio instead of by chance.
        let latency = |second: i64| (105.0 / (1.0 - (second as f64 * 0.618_034).rem_euclid(1.0))) as Millis;
        // Emitted every second, acknowledged one latency later unless that is after the stop at 0.
        let handoffs: Vec<_> = (-600..=120).map(|second| (second * 1_000, latency(second))).collect();
        let at = |now: Millis| {
            let mut acked = Histogram::default();
            let mut open = Vec::new();
            for (emitted, latency) in handoffs.iter().filter(|(emitted, _)| *emitted <= now) {
                if emitted + latency > 0 {
                    open.push(now - emitted);
                } else if emitted + latency > now - 300_000 {
                    acked.record(*latency);
                }
            }
            (acked.quantile(0.95).unwrap(), P95::of(&acked, open))
        };
        for (seconds, expected, tolerance) in [(15, 6, 2), (60, 46, 1), (120, 106, 1)] {
            let (_, p95) = at(seconds * 1_000);
            let found = p95.value.unwrap();
            assert!((found - expected * 1_000).abs() <= tolerance * 1_000, "after {seconds} s: {found} ms");
            assert!(p95.lower_bound || seconds == 15);
        }
        let (acked_only, _) = at(120_000);
        assert!((1_500..2_600).contains(&acked_only), "the acknowledged alone notice nothing: {acked_only} ms");
    }

    proptest! {
        #[test]
        fn p95_equals_the_sorted_list_of_both(
            acked in proptest::collection::vec(0..100_000_i64, 0..300),
            open in proptest::collection::vec(0..200_000_i64, 0..300),
        ) {
            let mut histogram = Histogram::default();
            for latency in &acked {
                histogram.record(*latency);
            }
            let found = P95::of(&histogram, open.iter().copied());
            let mut all: Vec<Millis> = acked.iter().chain(&open).copied().collect();
            all.sort_unstable();
            prop_assert_eq!(found.n, all.len() as u64);
            match found.value {
                None => prop_assert!(all.is_empty()),
                Some(value) => {
                    let truth = all[nearest_rank(0.95, found.n) as usize - 1];
                    let bins = if found.lower_bound { 2.05 } else { 1.0 };
                    prop_assert!((value - truth).abs() as f64 <= RELATIVE_ERROR * truth as f64 * bins, "{value} {truth}");
                    prop_assert!(!found.lower_bound || open.contains(&value));
                }
            }
        }
    }
}
