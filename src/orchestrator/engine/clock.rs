//! The clock of an engine. It is the one of the machine, which people and programs set.
//!
//! Events get the time that the machine says. How long something waits is another matter: whoever was promised a minute
//! gets a minute. A clock that runs on by itself (monotonic) tells by how much the other one jumped; what was timed before
//! it was set back goes on as if it had not been ([`Present::of_wait`]). Set forward, it is as if time had passed: a machine
//! that slept looks the same.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use crate::domain::text::age;
use crate::domain::time::{ClockStep, MINUTE, Millis, Present, SECOND, Time};

/// The smallest jump that is one; clocks are also slowed and hurried a little.
const JUMP: Millis = SECOND;
/// The smallest jump that is said.
const SAID: Millis = MINUTE;

/// The clock of an engine.
pub(super) struct Clock {
    read: fn() -> Time,
    seen: Mutex<Seen>,
    steps: watch::Sender<Option<ClockStep>>,
}

/// The clock when it was last looked at.
struct Seen {
    /// What it said.
    at: Time,
    /// The same moment by the clock that nobody sets.
    moment: Instant,
    /// [`Present::behind`].
    behind: Millis,
    /// Latest time at which anything was timed before the clock was set back.
    until: Time,
}

impl Clock {
    /// The clock that `read` reads.
    pub(super) fn new(read: fn() -> Time) -> Self {
        let at = read();
        Self {
            read,
            seen: Mutex::new(Seen { at, moment: Instant::now(), behind: 0, until: at }),
            steps: watch::Sender::new(None),
        }
    }

    /// Takes up a store that something waits in since `latest`. If that is still to come, the clock was set back while
    /// nobody looked, by so much at least.
    pub(super) fn resume(&self, latest: Time) {
        let mut seen = self.seen();
        let ahead = latest - seen.at;
        if ahead >= JUMP {
            (seen.behind, seen.until) = (ahead, latest);
            self.say(ClockStep { at: seen.at, by_ms: -ahead });
        }
    }

    /// The present. Whoever asks first after a jump notices it.
    pub(super) fn present(&self) -> Present {
        let mut seen = self.seen();
        let (now, moment) = ((self.read)(), Instant::now());
        let passed = moment.saturating_duration_since(seen.moment).as_millis();
        let expected = seen.at + Millis::try_from(passed).unwrap_or(Millis::MAX);
        let step = now - expected;
        if step <= -JUMP {
            seen.until = seen.until.max(expected);
        }
        if step.abs() >= JUMP {
            seen.behind = (seen.behind - step).max(0);
            self.say(ClockStep { at: now, by_ms: step });
        }
        if now >= seen.until {
            seen.behind = 0;
        }
        (seen.at, seen.moment) = (now, moment);
        Present { now, behind: seen.behind }
    }

    /// The latest jump that is worth saying; waits for the next.
    pub(super) fn steps(&self) -> watch::Receiver<Option<ClockStep>> {
        self.steps.subscribe()
    }

    fn say(&self, step: ClockStep) {
        // Reading two clocks takes a moment; nobody sets one by a part of a second.
        let step = ClockStep { by_ms: (step.by_ms + SECOND / 2).div_euclid(SECOND) * SECOND, ..step };
        if step.by_ms.abs() < SAID {
            return;
        }
        let by = age(step.by_ms.abs());
        if step.by_ms < 0 {
            tracing::warn!(
                "the clock was set back {by} and says {} now; what waits goes on waiting as it did",
                step.at
            );
        } else {
            tracing::warn!("the clock went forward {by} and says {} now: it was set, or this machine slept", step.at);
        }
        self.steps.send_replace(Some(step));
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // Nothing that is done under it can be half done.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::domain::time::{DAY, HOUR};

    fn time(millis: Millis) -> Time {
        Time::from_millis(millis)
    }

    #[test]
    fn what_was_timed_before_the_clock_was_set_back_goes_on() {
        static NOW: AtomicI64 = AtomicI64::new(10 * HOUR);
        let set = |to: Millis| NOW.store(to, Ordering::Relaxed);
        let clock = Clock::new(|| time(NOW.load(Ordering::Relaxed)));
        let since = time(10 * HOUR);
        let gone_on = |clock: &Clock| clock.present().of_wait(since) - since;
        assert_eq!(clock.present(), time(10 * HOUR).into());
        assert!(clock.steps().borrow().is_none());

        set(9 * HOUR);
        let present = clock.present();
        assert!((0..MINUTE).contains(&(present.behind - HOUR)), "{present:?}");
        assert_eq!(clock.steps().borrow().map(|it| it.at), Some(time(9 * HOUR)));
        assert!((0..MINUTE).contains(&gone_on(&clock)));
        assert_eq!(present.of_wait(time(9 * HOUR)), time(9 * HOUR), "what is timed now is not concerned");

        set(8 * HOUR);
        assert!((0..MINUTE).contains(&gone_on(&clock)), "once more");
        set(9 * HOUR);
        assert!((0..MINUTE).contains(&gone_on(&clock)), "and half of it forward");
        set(10 * HOUR);
        assert_eq!(clock.present(), time(10 * HOUR).into(), "the clock was put right");

        set(10 * HOUR + 400 * DAY);
        assert_eq!(clock.present().behind, 0, "forward is time that passed");
        set(10 * HOUR + MINUTE);
        assert_eq!(clock.present().of_wait(since), time(10 * HOUR + MINUTE), "timed before the clock was wrong");
        let wrong = time(10 * HOUR + 400 * DAY);
        assert!((0..MINUTE).contains(&(clock.present().of_wait(wrong) - wrong)));
    }

    #[test]
    fn a_store_from_the_future_says_that_the_clock_was_set_back() {
        let clock = Clock::new(|| time(HOUR));
        clock.resume(time(HOUR));
        assert_eq!((clock.present().behind, clock.steps().borrow().is_none()), (0, true));
        clock.resume(time(3 * HOUR));
        assert!((0..MINUTE).contains(&(clock.present().behind - 2 * HOUR)));
        assert_eq!(clock.steps().borrow().map(|it| it.by_ms), Some(-2 * HOUR));
    }
}
