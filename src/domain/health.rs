//! The health of one edge: what it did lately, how fast, and whether somebody should look.
//!
//! Meaning: protocol section 5. Read in this order: [`histogram`] (latencies in bins with a stated error),
//! [`tally`] (what an edge did in one slice of time, with the [`outcomes`] of what settled last), [`window`] (slices
//! that add up to 1m, 5m, 1h and all), [`measures`] (what of it is measured at all), [`signal`] (numbers that can say
//! "no data"), [`population`] (what the percentiles are over), [`judge`](mod@judge) (the rules, each with its reason).

pub mod histogram;
pub mod judge;
pub mod measures;
pub mod outcomes;
pub mod population;
pub mod signal;
pub mod tally;
pub mod window;

pub use histogram::Histogram;
pub use judge::{Facts, Health, Signal, judge};
pub use measures::{Measured, Measures};
pub use population::Population;
pub use signal::{Guard, Latency, Quantile, Rate};
pub use tally::{Kind, Tally};
pub use window::{Window, Windows};
