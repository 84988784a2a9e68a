//! The health of one edge: what it did lately, how fast, and whether somebody should look.
//!
//! Meaning: protocol section 5. Read in this order: [`histogram`] (latencies in bins with a stated error),
//! [`tally`] (what an edge did in one slice of time), [`window`] (slices that add up to 1m, 5m, 1h and all),
//! [`measures`] (what of it is measured at all), [`signal`] (numbers that can say "no data"), [`judge`](mod@judge) (the
//! rules, each with its reason).

pub mod histogram;
pub mod judge;
pub mod measures;
pub mod signal;
pub mod tally;
pub mod window;

pub use histogram::Histogram;
pub use judge::{Facts, Health, Signal, judge};
pub use measures::{Measured, Measures};
pub use signal::{Guard, Latency, P95, Rate};
pub use tally::{Kind, Tally};
pub use window::{Window, Windows};
