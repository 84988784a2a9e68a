//! How many requests the holder of a token may make (protocol section 7, "Limits").

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Requests of one subject in a second, where nothing else is said.
pub const RATE: u32 = 500;
/// Time whose requests may come at once after a silence.
const BURST: Duration = Duration::from_secs(4);

/// The requests of each subject, as the time at which its next one would come if it kept exactly to its rate.
#[derive(Default)]
pub struct Rates {
    due: Mutex<HashMap<String, Instant>>,
    refused: AtomicU64,
}

impl Rates {
    /// Counts a request of `who`, who may make `rate` in a second, 0 for as many as they like.
    ///
    /// # Errors
    /// It is one too many: whole seconds, at least 1, after which there is room again.
    pub fn take(&self, who: &str, rate: u32, now: Instant) -> Result<(), u32> {
        if rate == 0 {
            return Ok(());
        }
        // Nothing panics while it is held.
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let next = due.get(who).copied().unwrap_or(now).max(now);
        let ahead = next.duration_since(now);
        if ahead >= BURST {
            self.refused.fetch_add(1, Ordering::Relaxed);
            let wait = ahead.checked_sub(BURST).unwrap_or_default();
            return Err(u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1));
        }
        due.insert(who.to_owned(), next + Duration::from_secs(1) / rate);
        Ok(())
    }

    /// Requests that were too many.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate_and_each_subject_for_itself() {
        let rates = Rates::default();
        let start = Instant::now();
        let burst = (0..50).filter(|_| rates.take("ci", 10, start).is_ok()).count();
        assert_eq!(burst, 40, "the requests of four seconds");
        assert_eq!(rates.take("ci", 10, start), Err(1));
        assert_eq!(rates.take("dana", 10, start), Ok(()));
        let later = start + Duration::from_secs(2);
        assert_eq!((0..50).filter(|_| rates.take("ci", 10, later).is_ok()).count(), 20);
        assert_eq!(rates.refused(), 10 + 1 + 30);
        assert!((0..5_000).all(|_| rates.take("all", 0, start).is_ok()), "0 is no limit");
    }
}
