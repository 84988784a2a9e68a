//! What the percentiles of latency are over.

use super::histogram::{Histogram, is_capped, nearest_rank};
use super::signal::{ENOUGH, Quantile, Z};
use super::tally::Tally;
use crate::domain::time::Millis;

/// What the percentiles of latency are over: acknowledgements in a window **and** every handoff that waits for one, at
/// its current age, so that a receiver that stops shows at once.
#[derive(Clone, Debug)]
pub struct Population<'a> {
    acked: &'a Histogram,
    /// Milliseconds that the others waited, ascending.
    open: Vec<Millis>,
}

impl<'a> Population<'a> {
    /// From acknowledgements and the current ages of what waits, in any order.
    pub fn new(acked: &'a Histogram, open_ages: impl IntoIterator<Item = Millis>) -> Self {
        let mut open: Vec<Millis> = open_ages.into_iter().map(|age| age.max(0)).collect();
        open.sort_unstable();
        Self { acked, open }
    }

    /// From the figures of a window and the current ages of what waits. What gave up waiting in the window counts as well.
    pub fn of(tally: &'a Tally, open_ages: impl IntoIterator<Item = Millis>) -> Self {
        let unanswered = tally.unanswered.bars().into_iter();
        let unanswered = unanswered.flat_map(|(waited, count)| std::iter::repeat_n(waited, count as usize));
        Self::new(&tally.to_ack, open_ages.into_iter().chain(unanswered))
    }

    fn len(&self) -> u64 {
        self.acked.len() + self.open.len() as u64
    }

    /// The percentile `p`, in `0.0..=1.0`, by nearest rank.
    pub fn quantile(&self, p: f64) -> Quantile {
        let n = self.len();
        let at = self.at_rank(nearest_rank(p, n));
        Quantile { value: at.map(|(value, _)| value), lower_bound: at.is_some_and(|(_, open)| open), n }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::histogram::RELATIVE_ERROR;
    use super::*;

    #[test]
    fn nobody_has_no_percentile() {
        assert_eq!(Population::new(&Histogram::default(), []).quantile(0.95), Quantile::default());
    }

    #[test]
    fn nothing_acknowledged_shows_the_oldest_open_as_a_lower_bound() {
        let nothing = Histogram::default();
        let p95 = Population::new(&nothing, [46_000, 1_000]).quantile(0.95);
        assert_eq!(p95, Quantile { value: Some(46_000), lower_bound: true, n: 2 });
    }

    #[test]
    fn what_gave_up_waiting_is_in_every_percentile() {
        let mut tally = Tally::default();
        tally.to_ack.record(31);
        tally.unanswered.record(90);
        let population = Population::of(&tally, [50]);
        let of = |p| (population.quantile(p).value, population.quantile(p).lower_bound);
        assert_eq!([of(0.2), of(0.5), of(0.99)], [(Some(31), false), (Some(50), true), (Some(90), true)]);
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
            (acked.quantile(0.95).unwrap(), Population::new(&acked, open).quantile(0.95))
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
        fn percentiles_equal_the_sorted_list_of_both(
            acked in proptest::collection::vec(0..100_000_i64, 0..300),
            open in proptest::collection::vec(0..200_000_i64, 0..300),
            p in proptest::sample::select(vec![0.5, 0.95, 0.99]),
        ) {
            let mut histogram = Histogram::default();
            for latency in &acked {
                histogram.record(*latency);
            }
            let found = Population::new(&histogram, open.iter().copied()).quantile(p);
            let mut all: Vec<Millis> = acked.iter().chain(&open).copied().collect();
            all.sort_unstable();
            prop_assert_eq!(found.n, all.len() as u64);
            match found.value {
                None => prop_assert!(all.is_empty()),
                Some(value) => {
                    let truth = all[nearest_rank(p, found.n) as usize - 1];
                    let bins = if found.lower_bound { 2.05 } else { 1.0 };
                    prop_assert!((value - truth).abs() as f64 <= RELATIVE_ERROR * truth as f64 * bins, "{value} {truth}");
                    prop_assert!(!found.lower_bound || open.contains(&value));
                }
            }
        }
    }
}
