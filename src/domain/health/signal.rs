//! The numbers of an edge, each able to say "no data", which is never 0.
//!
//! Definitions, thresholds and confidence levels: protocol section 5.

use serde::Serialize;

use super::histogram::Histogram;
use crate::domain::time::Millis;

/// Fewer samples than this and a rate is shown as `k/n`; nothing is called healthy by them.
pub const ENOUGH: u64 = 20;

/// From so many hits on the confidence interval alone decides, however few samples there are: one or two of a few can be
/// chance whatever the interval says.
const HITS_ENOUGH: u32 = 3;

/// The one-sided 95 % point of the normal distribution.
pub(super) const Z: f64 = 1.644_853_6;

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

/// A percentile of the handoff latency of protocol section 5, over a [`Population`](super::Population).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Quantile {
    /// In milliseconds; `None` when nothing was acknowledged and nothing waits. Within 1 % of the nearest-rank
    /// value; a lower bound is the exact age of a handoff that shares a bin with it, so within 2 %.
    pub value: Option<Millis>,
    /// The rank falls on a handoff that was not acknowledged, or on a latency longer than is told apart: the truth is at least
    /// [`value`](Self::value). Shown as `>=`.
    pub lower_bound: bool,
    /// Size of the population, open ones included.
    pub n: u64,
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
    /// `n` is below [`ENOUGH`], with one or two hits or none: shown as `k/n`, uncoloured.
    Insufficient,
    /// Enough samples, or enough hits among them, to judge.
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
            1..ENOUGH if self.k < HITS_ENOUGH => Guard::Insufficient,
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

    /// True when there are enough hits and the true rate is above `threshold` with 95 % confidence.
    pub fn surely_above(self, threshold: f64) -> bool {
        self.k >= HITS_ENOUGH && self.lower_bound().is_some_and(|bound| bound > threshold)
    }

    /// True when the rate as it was counted is above `threshold`, which may be chance; false without samples.
    pub fn above(self, threshold: f64) -> bool {
        self.value().is_some_and(|rate| rate > threshold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smallest_counts_that_are_surely_above_three_percent() {
        for (k, n) in [(3, 3), (3, 20), (4, 50), (6, 100), (10, 200), (22, 500)] {
            assert!(Rate { k, n }.surely_above(0.03), "{k}/{n}");
            assert!(!Rate { k: k - 1, n }.surely_above(0.03), "{}/{n}", k - 1);
        }
    }

    #[test]
    fn the_interval_decides_from_three_hits_on() {
        assert!(Rate { k: 10, n: 19 }.surely_above(0.3), "its lower bound is 35 %");
        for (k, n) in [(1, 1), (2, 2), (2, 20), (2, 4)] {
            assert!(!Rate { k, n }.surely_above(0.03), "{k}/{n}");
            assert!(Rate { k, n }.above(0.03), "{k}/{n}");
        }
        let guards = [(1, 1), (2, 19), (3, 19), (0, 20)].map(|(k, n)| Rate { k, n }.guard());
        assert_eq!(guards, [Guard::Insufficient, Guard::Insufficient, Guard::Enough, Guard::Enough]);
    }

    #[test]
    fn none_is_not_zero() {
        let none = Rate { k: 0, n: 0 };
        assert_eq!((none.value(), none.lower_bound(), none.guard()), (None, None, Guard::NoData));
        assert!(!none.above(0.0));
        assert_eq!(Rate { k: 0, n: 20 }.value(), Some(0.0));
        assert!(Rate { k: 60, n: 20 }.surely_above(0.03), "more retries than handoffs is a rate too");
        assert_eq!(Latency::of(&Histogram::default()), Latency::default());
    }
}
