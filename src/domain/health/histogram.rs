//! Latencies counted in bins: small, subtractable, and never more than 1 % off.
//!
//! This is the log histogram of protocol section 5 with the `DDSketch` guarantee (alpha 1 %, neighbouring bins
//! a factor of 1.0202 apart), laid out for whole milliseconds: below 100 ms every value has a bin of its own,
//! above that a bin holds the run of integers that lie within 1 % of its middle. Integer arithmetic makes bin
//! numbers the same on every machine, which matters because they are stored.

use std::fmt::{self, Write};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::time::Millis;
use crate::domain::wire;

/// Number of bins; bin 0 holds exactly 0 ms.
pub const BINS: usize = 1_024;

/// Worst relative error of [`Histogram::quantile`] against the nearest-rank value, for values up to [`LARGEST`].
#[cfg(test)]
pub(super) const RELATIVE_ERROR: f64 = 0.01;

/// The largest value that is told apart, in milliseconds; more counts as this much.
#[cfg(test)]
const LARGEST: Millis = LAST[BINS - 1];

/// From this many used bins on, an array is smaller and faster than a list of pairs.
const DENSE_FROM: usize = 128;

/// Bins summed together in the coarse level of a dense histogram.
const BLOCK: usize = 32;

/// The largest value of each bin.
///
/// A bin that starts at `low` answers with `low + low / 100`: at most 1 % above `low`. It ends at the last
/// integer of which that answer is at most 1 % below.
const LAST: [Millis; BINS] = {
    let mut last = [0; BINS];
    let mut bin = 1;
    while bin < BINS {
        let low = last[bin - 1] + 1;
        last[bin] = (low + low / 100) * 100 / 99;
        bin += 1;
    }
    last
};

/// The bin of a latency; anything not positive is in bin 0.
fn bin_of(latency: Millis) -> u16 {
    LAST.partition_point(|&last| last < latency).min(BINS - 1) as u16
}

/// Latency in milliseconds that stands for every sample in a bin.
fn value_of(bin: u16) -> Millis {
    match usize::from(bin).checked_sub(1).and_then(|before| LAST.get(before)) {
        None => 0,
        Some(before) => before + 1 + (before + 1) / 100,
    }
}

/// Whether a value that a histogram gave stands for longer ones, too: those beyond the last bin count as in it.
pub(super) fn is_capped(value: Millis) -> bool {
    value >= value_of(BINS as u16 - 1)
}

/// The 1-based nearest rank of quantile `p` among `n` samples: `ceil(p * n)`, at least 1, at most `n`.
pub fn nearest_rank(p: f64, n: u64) -> u64 {
    // A hair less than the product, so that 0.95 * 20 is rank 19 although 0.95 has no exact binary form.
    ((p * n as f64 - 1e-9).ceil().max(1.0) as u64).min(n)
}

/// Histogram of latencies in milliseconds, in bins of at most 1 % error.
///
/// Starts as a short list of used bins and becomes an array once that is cheaper, so the same type serves a
/// 5-second slice with three samples and the total of a busy hour.
#[derive(Clone, Default)]
pub struct Histogram {
    total: u64,
    bins: Bins,
}

#[derive(Clone)]
enum Bins {
    /// Used bins in ascending order, no zero counts.
    Sparse(Vec<(u16, u32)>),
    Dense(Box<Dense>),
}

#[derive(Clone)]
struct Dense {
    /// Sums of [`BLOCK`] bins each, so that finding a rank reads 64 numbers and not 1,024.
    blocks: [u32; BINS / BLOCK],
    counts: [u32; BINS],
}

impl Default for Bins {
    fn default() -> Self {
        Self::Sparse(Vec::new())
    }
}

impl Histogram {
    /// Counts one latency; a negative one (clocks that disagree) gives no sample.
    pub fn record(&mut self, latency: Millis) {
        if latency >= 0 {
            self.add_to(bin_of(latency), 1);
        }
    }

    /// Number of samples in all bins.
    pub fn len(&self) -> u64 {
        self.total
    }

    /// True without a single sample.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Adds every sample of `other`.
    pub fn add(&mut self, other: &Self) {
        if self.is_empty() {
            self.clone_from(other);
            return;
        }
        // Both lists are in order: what is in both is met on one walk along them.
        let mut at = 0;
        other.each(|bin, count| {
            if let Bins::Sparse(used) = &mut self.bins {
                while used.get(at).is_some_and(|(used, _)| *used < bin) {
                    at += 1;
                }
                if let Some((_, sum)) = used.get_mut(at).filter(|(used, _)| *used == bin) {
                    *sum = sum.saturating_add(count);
                    self.total += u64::from(count);
                    return;
                }
            }
            self.add_to(bin, count);
        });
    }

    /// Takes away samples that were added before; what was never added is left at zero.
    pub fn subtract(&mut self, other: &Self) {
        other.each(|bin, count| self.take_from(bin, count));
        if self.total == 0 {
            self.bins = Bins::default();
        }
    }

    /// The value at rank `ceil(p * n)` in milliseconds, within 1 %; `None` without samples.
    pub fn quantile(&self, p: f64) -> Option<Millis> {
        self.at_rank(nearest_rank(p, self.total))
    }

    /// The value at a 1-based rank, within 1 %; `None` when there are fewer samples.
    pub fn at_rank(&self, rank: u64) -> Option<Millis> {
        if rank == 0 || rank > self.total {
            return None;
        }
        let mut left = rank;
        let mut passes = |count: u32| {
            let here = u64::from(count) >= left;
            if !here {
                left -= u64::from(count);
            }
            here
        };
        match &self.bins {
            Bins::Sparse(used) => used.iter().find(|(_, count)| passes(*count)).map(|(bin, _)| value_of(*bin)),
            Bins::Dense(dense) => {
                let block = dense.blocks.iter().position(|&sum| passes(sum))?;
                let first = block * BLOCK;
                let within = dense.counts.iter().skip(first).position(|&count| passes(count))?;
                Some(value_of((first + within) as u16))
            }
        }
    }

    /// Number of samples in the bin of `latency` or below it.
    pub fn up_to(&self, latency: Millis) -> u64 {
        let bin = bin_of(latency);
        let sum = |counts: &[u32]| counts.iter().map(|&count| u64::from(count)).sum::<u64>();
        match &self.bins {
            Bins::Sparse(used) => {
                used.iter().take_while(|(used, _)| *used <= bin).map(|(_, count)| u64::from(*count)).sum()
            }
            Bins::Dense(dense) => {
                let (block, end) = (usize::from(bin) / BLOCK, usize::from(bin) + 1);
                sum(&dense.blocks[..block]) + sum(&dense.counts[block * BLOCK..end])
            }
        }
    }

    /// Used bins in ascending order as (answer in milliseconds, count), for drawing the distribution.
    pub fn bars(&self) -> Vec<(Millis, u32)> {
        self.used().into_iter().map(|(bin, count)| (value_of(bin), count)).collect()
    }

    fn used(&self) -> Vec<(u16, u32)> {
        let mut used = Vec::new();
        self.each(|bin, count| used.push((bin, count)));
        used
    }

    fn each(&self, mut visit: impl FnMut(u16, u32)) {
        match &self.bins {
            Bins::Sparse(used) => used.iter().for_each(|(bin, count)| visit(*bin, *count)),
            Bins::Dense(dense) => {
                for (bin, &count) in dense.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                    visit(bin as u16, count);
                }
            }
        }
    }

    fn add_to(&mut self, bin: u16, count: u32) {
        match &mut self.bins {
            // What is read or added up comes in order: mostly there is nothing to look for.
            Bins::Sparse(used) if used.len() < DENSE_FROM && used.last().is_none_or(|(last, _)| *last < bin) => {
                used.push((bin, count));
            }
            Bins::Sparse(used) => match used.binary_search_by_key(&bin, |(bin, _)| *bin) {
                Ok(at) => used[at].1 = used[at].1.saturating_add(count),
                Err(at) if used.len() < DENSE_FROM => used.insert(at, (bin, count)),
                Err(_) => {
                    let mut dense = Box::new(Dense { blocks: [0; BINS / BLOCK], counts: [0; BINS] });
                    for (bin, count) in used.iter() {
                        dense.add(*bin, *count);
                    }
                    dense.add(bin, count);
                    self.bins = Bins::Dense(dense);
                }
            },
            Bins::Dense(dense) => dense.add(bin, count),
        }
        self.total += u64::from(count);
    }

    fn take_from(&mut self, bin: u16, count: u32) {
        let taken = match &mut self.bins {
            Bins::Sparse(used) => match used.binary_search_by_key(&bin, |(bin, _)| *bin) {
                Ok(at) if used[at].1 <= count => used.remove(at).1,
                Ok(at) => {
                    used[at].1 -= count;
                    count
                }
                Err(_) => 0,
            },
            Bins::Dense(dense) => {
                let bin = usize::from(bin);
                let taken = count.min(dense.counts[bin]);
                dense.counts[bin] -= taken;
                dense.blocks[bin / BLOCK] = dense.blocks[bin / BLOCK].saturating_sub(taken);
                taken
            }
        };
        self.total -= u64::from(taken);
    }
}

impl Dense {
    fn add(&mut self, bin: u16, count: u32) {
        let bin = usize::from(bin);
        self.counts[bin] = self.counts[bin].saturating_add(count);
        self.blocks[bin / BLOCK] = self.blocks[bin / BLOCK].saturating_add(count);
    }
}

impl PartialEq for Histogram {
    fn eq(&self, other: &Self) -> bool {
        self.total == other.total && self.used() == other.used()
    }
}

impl Eq for Histogram {}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.bars()).finish()
    }
}

/// Written as a text of the used bins, `bin:count bin:count …`: an hour of many edges is a million of them, and
/// brackets take longer to read than numbers.
impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = String::new();
        self.each(|bin, count| {
            let space = if text.is_empty() { "" } else { " " };
            let _ = write!(text, "{space}{bin}:{count}"); // a String takes everything
        });
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Histogram {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        wire::text(deserializer, Self::parse)
    }
}

impl Histogram {
    fn parse(text: &str) -> Result<Self, String> {
        let mut histogram = Self::default();
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let bin = number(&mut rest, b':');
            let count = number(&mut rest, b' ');
            let pair = bin.zip(count.filter(|count| *count > 0));
            let (bin, count) = pair.ok_or("latencies are not `bin:count bin:count …`")?;
            if bin as usize >= BINS {
                let last = BINS - 1;
                return Err(format!("latency bin {bin} is out of range, the last one is {last}"));
            }
            histogram.add_to(bin as u16, count);
        }
        Ok(histogram)
    }
}

/// Takes the number off that ends at `end` or with the text.
fn number(text: &mut &[u8], end: u8) -> Option<u32> {
    let mut sum = None;
    while let Some((&next, rest)) = text.split_first() {
        *text = rest;
        if next == end {
            break;
        }
        let digit = next.checked_sub(b'0').filter(|digit| *digit < 10)?;
        sum = Some(sum.unwrap_or(0_u32).checked_mul(10)?.checked_add(digit.into())?);
    }
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(latencies: &[Millis]) -> Histogram {
        let mut histogram = Histogram::default();
        for latency in latencies {
            histogram.record(*latency);
        }
        histogram
    }

    fn nearest(latencies: &[Millis], p: f64) -> Millis {
        let mut sorted = latencies.to_vec();
        sorted.sort_unstable();
        sorted[nearest_rank(p, sorted.len() as u64) as usize - 1]
    }

    fn error(found: Millis, truth: Millis) -> f64 {
        if truth == 0 { found as f64 } else { (found - truth).abs() as f64 / truth as f64 }
    }

    #[test]
    fn no_whole_millisecond_is_more_than_one_percent_off() {
        for bin in 1..BINS {
            for value in [LAST[bin - 1] + 1, LAST[bin]] {
                assert_eq!(usize::from(bin_of(value)), bin);
                assert!(error(value_of(bin as u16), value) <= RELATIVE_ERROR, "{value}");
            }
        }
        assert!((0..100).all(|value| value_of(bin_of(value)) == value), "exact below 100 ms");
        const { assert!(LARGEST > 129 * crate::domain::time::DAY) };
    }

    #[test]
    fn ends_of_the_range_are_kept() {
        let histogram = of(&[-5, 0, i64::MAX, i64::MIN]);
        assert_eq!(histogram.len(), 2, "negative latencies give no sample");
        assert_eq!(histogram.quantile(0.5), Some(0));
        assert!(error(histogram.quantile(1.0).unwrap(), LARGEST) <= RELATIVE_ERROR);
        assert_eq!(Histogram::default().quantile(0.95), None);
    }

    #[test]
    fn ranks_are_nearest_ranks() {
        let ranks =
            [(0.95, 20, 19), (0.95, 100, 95), (0.95, 21, 20), (0.5, 4, 2), (0.5, 1, 1), (0.0, 3, 1), (1.0, 3, 3)];
        for (p, n, rank) in ranks {
            assert_eq!(nearest_rank(p, n), rank, "{p} of {n}");
        }
    }

    /// The three shapes of protocol section 5, each 100,000 samples from a seeded generator.
    #[test]
    fn worst_error_on_long_tails() {
        let mut random = fastrand::Rng::with_seed(5);
        let shapes: [fn(&mut fastrand::Rng) -> f64; 3] = [
            |random| {
                let (a, b) = (1.0 - random.f64(), random.f64());
                (7.0 + 1.5 * (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()).exp()
            },
            |random| 200.0 / (1.0 - random.f64()).powf(1.0 / 1.2),
            |random| -3_000.0 * (1.0 - random.f64()).ln(),
        ];
        for shape in shapes {
            let mut samples: Vec<Millis> = (0..100_000).map(|_| shape(&mut random) as Millis).collect();
            let histogram = of(&samples);
            samples.sort_unstable();
            for percent in 1..=100 {
                let (found, truth) =
                    (histogram.quantile(f64::from(percent) / 100.0), samples[percent as usize * 1_000 - 1]);
                assert!(error(found.unwrap(), truth) <= RELATIVE_ERROR);
            }
        }
    }

    #[test]
    fn a_damaged_bin_number_is_refused() {
        let read = |text: &str| serde_json::from_str::<Histogram>(&format!("\"{text}\""));
        let why = read("1024:1").unwrap_err();
        assert!(why.to_string().contains("bin 1024"), "{why}");
        assert_eq!(read("3:2 10:1").unwrap().bars(), [(3, 2), (10, 1)]);
        for damaged in ["3", "3:", ":2", "3:0", "3:2  4:1", "3:-2", "3:4294967296", "a:1"] {
            assert!(read(damaged).is_err(), "{damaged}");
        }
    }

    fn latencies() -> impl Strategy<Value = Vec<Millis>> {
        proptest::collection::vec(prop_oneof![0..200_i64, 0..1_000_000_i64, 0..LARGEST], 1..600)
    }

    proptest! {
        #[test]
        fn quantiles_are_within_the_stated_error(samples in latencies(), p in 0.0..1.0_f64) {
            let found = of(&samples).quantile(p).unwrap();
            prop_assert!(error(found, nearest(&samples, p)) <= RELATIVE_ERROR);
        }

        #[test]
        fn adding_and_subtracting_cancel(kept in latencies(), gone in latencies()) {
            let mut both = of(&kept);
            both.add(&of(&gone));
            let together: Vec<_> = kept.iter().chain(&gone).copied().collect();
            prop_assert_eq!(&both, &of(&together));
            both.subtract(&of(&gone));
            prop_assert_eq!(&both, &of(&kept));
            both.subtract(&of(&kept));
            prop_assert!(both.is_empty());
        }

        #[test]
        fn counts_up_to_a_value_agree_with_the_list(samples in latencies(), at in 0..2_000_000_i64) {
            let histogram = of(&samples);
            let expected = samples.iter().filter(|sample| bin_of(**sample) <= bin_of(at)).count();
            prop_assert_eq!(histogram.up_to(at), expected as u64);
        }

        #[test]
        fn storage_keeps_every_count(samples in latencies()) {
            let histogram = of(&samples);
            let stored = serde_json::to_string(&histogram).unwrap();
            prop_assert_eq!(serde_json::from_str::<Histogram>(&stored).unwrap(), histogram);
        }
    }
}
