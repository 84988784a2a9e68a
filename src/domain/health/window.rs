//! Sliding windows of one edge: slices of time that are added when they begin and taken away when they leave.
//!
//! Protocol section 5: 1m and 5m are rings of 5-second slices, 1h is a ring of 1-minute slices, and 24 hourly
//! histograms are the baseline. A total per window is kept up to date, so reading one costs nothing.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

use super::histogram::Histogram;
use super::tally::Tally;
use crate::domain::time::{HOUR, MINUTE, Millis, SECOND, Time};

/// Length of the short slices.
pub const SLICE: Millis = 5 * SECOND;

const FINE: i64 = 5 * MINUTE / SLICE;
const LAST_MINUTE: i64 = MINUTE / SLICE;
const MINUTES: i64 = HOUR / MINUTE;
const HOURS: i64 = 24;

/// Stretch of time up to now that a figure covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Window {
    /// The last 60 seconds.
    OneMinute,
    /// The last five minutes.
    FiveMinutes,
    /// The last hour.
    #[default]
    OneHour,
    /// Everything the ledger has seen.
    All,
}

impl Window {
    /// All spans, shortest first.
    pub const ALL: [Self; 4] = [Self::OneMinute, Self::FiveMinutes, Self::OneHour, Self::All];

    /// The name people type: `1m`, `5m`, `1h` or `all`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneMinute => "1m",
            Self::FiveMinutes => "5m",
            Self::OneHour => "1h",
            Self::All => "all",
        }
    }

    /// Length in milliseconds; `None` for [`All`](Self::All).
    pub const fn length(self) -> Option<Millis> {
        match self {
            Self::OneMinute => Some(MINUTE),
            Self::FiveMinutes => Some(5 * MINUTE),
            Self::OneHour => Some(HOUR),
            Self::All => None,
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Window {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|span| span.name() == text);
        named.ok_or_else(|| format!("`{text}` is no window; use 1m, 5m, 1h or all"))
    }
}

/// The number of the slice that holds `at` when slice `k` covers `(phase + (k-1)*length, phase + k*length]`.
fn slice_of(at: Time, length: Millis, phase: Millis) -> i64 {
    at.millis().saturating_sub(phase).saturating_add(length - 1).div_euclid(length)
}

/// Time at which the 5-second slice of that number ends.
fn end_of(number: i64, phase: Millis) -> Time {
    Time::from_millis(number.saturating_mul(SLICE).saturating_add(phase))
}

/// The end of the minute a rollup of `at` belongs to: minutes are open on the left and closed on the right,
/// so an event on the full minute belongs to the minute that ends there.
pub fn minute_end(at: Time) -> Time {
    Time::from_millis(slice_of(at, MINUTE, 0).saturating_mul(MINUTE))
}

/// The end of the short slice `at` belongs to, which is open on the left as well, and lies within one minute.
pub fn slice_end(at: Time) -> Time {
    end_of(slice_of(at, SLICE, 0), 0)
}

/// The slices of one length, newest last; slices in which nothing happened take no room.
#[derive(Clone, Debug)]
struct Ring<T> {
    keep: i64,
    newest: i64,
    slices: VecDeque<(i64, T)>,
}

impl<T: Default> Ring<T> {
    fn new(keep: i64) -> Self {
        Self { keep, newest: i64::MIN, slices: VecDeque::new() }
    }

    fn holds(&self, number: i64) -> bool {
        number > self.newest.saturating_sub(self.keep)
    }

    /// The slice of that number; it appears if it was empty.
    fn slice(&mut self, number: i64) -> &mut T {
        let found = match self.slices.back() {
            Some((last, _)) if *last == number => Ok(self.slices.len() - 1),
            Some((last, _)) if *last > number => self.slices.binary_search_by_key(&number, |(number, _)| *number),
            _ => Err(self.slices.len()),
        };
        let at = found.unwrap_or_else(|at| {
            self.slices.insert(at, (number, T::default()));
            at
        });
        &mut self.slices[at].1
    }

    /// Moves on to `newest` and hands every slice that left to `gone`.
    fn expire(&mut self, newest: i64, mut gone: impl FnMut(&T)) {
        self.newest = newest;
        while let Some((number, slice)) = self.slices.front() {
            if self.holds(*number) {
                break;
            }
            gone(slice);
            self.slices.pop_front();
        }
    }
}

/// The 5-second slice being filled. It joins the rings when it ends, so a tick touches only the totals.
#[derive(Clone, Debug, Default)]
struct Open {
    number: i64,
    /// Noted, in no total yet.
    fresh: Tally,
    /// In the totals, in no ring yet; empty unless this is the newest slice, which every window holds.
    counted: Tally,
}

/// The figures of one edge over the last minute, five minutes, hour, and ever.
///
/// [`record`](Self::record) is cheap and only notes; [`advance`](Self::advance) brings every reading up to
/// date, so **call it before reading**. A window at `now` covers `(now - w, now]` exactly whenever `now` is
/// `phase` beyond a whole slice, and reaches at most one slice less far back otherwise.
#[derive(Clone, Debug)]
pub struct Windows {
    phase: Millis,
    now: Time,
    open: Option<Open>,
    fine: Ring<Tally>,
    minutes: Ring<Tally>,
    hours: Ring<Histogram>,
    /// By [`Window`].
    totals: [Tally; 4],
    /// All hours in the ring but the newest one.
    baseline: Histogram,
}

impl Default for Windows {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Windows {
    /// Empty windows whose slices end `phase` milliseconds after a whole minute: 0 for a live edge, the
    /// milliseconds of T within its minute to be exact at an instant T.
    pub fn new(phase: Millis) -> Self {
        Self {
            phase: phase.rem_euclid(MINUTE),
            now: Time::from_millis(i64::MIN),
            open: None,
            fine: Ring::new(FINE),
            minutes: Ring::new(MINUTES),
            hours: Ring::new(HOURS),
            totals: Default::default(),
            baseline: Histogram::default(),
        }
    }

    /// The phase that makes windows exact at `instant`.
    pub fn phase_of(instant: Time) -> Millis {
        instant.millis().rem_euclid(MINUTE)
    }

    /// Notes something that happened at `at`, in any order. What is older than a window is left out of that
    /// window; what lies ahead of the last [`advance`](Self::advance) moves time on.
    pub fn record(&mut self, at: Time, note: impl FnOnce(&mut Tally)) {
        let number = self.number(at, SLICE);
        if self.open.as_ref().is_none_or(|open| open.number != number) {
            self.close();
        }
        self.now = self.now.max(at);
        let open = self.open.get_or_insert_with(|| Open { number, ..Open::default() });
        note(&mut open.fresh);
    }

    /// Adds a stored minute or hour to the windows that are made of such, all of it as if it had happened at `at`: its
    /// end, or the present where it still runs. Short windows are [of slices](Self::seed_slice).
    pub fn seed(&mut self, at: Time, rollup: &Tally) {
        self.reach(at);
        let (minute, hour) = (self.number(at, MINUTE), self.number(at, HOUR));
        let [_, _, one_hour, all] = &mut self.totals;
        all.add(rollup);
        if self.minutes.holds(minute) {
            one_hour.add(rollup);
            self.minutes.slice(minute).add(rollup);
        }
        self.seed_hour(hour, &rollup.to_ack);
    }

    /// Adds a stored [`SLICE`] to the windows of one and five minutes: what the minutes hold that were
    /// [seeded](Self::seed), once more.
    pub fn seed_slice(&mut self, at: Time, slice: &Tally) {
        self.reach(at);
        let number = self.number(at, SLICE);
        let [one_minute, five_minutes, ..] = &mut self.totals;
        if self.fine.holds(number) {
            five_minutes.add(slice);
            self.fine.slice(number).add(slice);
        }
        if number > self.fine.newest.saturating_sub(LAST_MINUTE) {
            one_minute.add(slice);
        }
    }

    /// Moves on to `at`, if that is later, before something is seeded there.
    fn reach(&mut self, at: Time) {
        self.close();
        self.now = self.now.max(at);
        self.roll();
    }

    fn seed_hour(&mut self, hour: i64, to_ack: &Histogram) {
        if self.hours.holds(hour) && !to_ack.is_empty() {
            self.hours.slice(hour).add(to_ack);
            if hour < self.hours.newest {
                self.baseline.add(to_ack);
            }
        }
    }

    /// Moves to `now` (never back): adds what was noted, drops what is too old. The cost is bounded by the
    /// slices held, however long the gap.
    pub fn advance(&mut self, now: Time) {
        let now = self.now.max(now);
        match &self.open {
            Some(open) if end_of(open.number, self.phase) <= now => self.close(),
            _ => self.count(),
        }
        self.now = now;
        self.roll();
    }

    /// The instant the readings are for: the latest of all that was advanced to or recorded.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The sum over a window as of the last [`advance`](Self::advance).
    pub fn total(&self, span: Window) -> &Tally {
        &self.totals[span as usize]
    }

    /// Latencies of the last 24 hours without the hour now running, against which drift is measured.
    pub fn baseline(&self) -> &Histogram {
        &self.baseline
    }

    /// The last 60 minutes, oldest first; `None` for a minute in which nothing happened. What the 5-second
    /// slice still running holds may be missing from the last one.
    pub fn minutes(&self) -> [Option<&Tally>; MINUTES as usize] {
        let mut minutes = [None; MINUTES as usize];
        for (number, slice) in &self.minutes.slices {
            let ago = self.minutes.newest.saturating_sub(*number);
            if let Some(minute) = usize::try_from(MINUTES - 1 - ago).ok().and_then(|at| minutes.get_mut(at)) {
                *minute = Some(slice);
            }
        }
        minutes
    }

    /// One value per minute of the last hour, oldest first, for a sparkline; `None` where nothing happened.
    pub fn trend<T>(&self, measure: impl Fn(&Tally) -> T) -> Vec<Option<T>> {
        self.minutes().into_iter().map(|minute| minute.map(&measure)).collect()
    }

    /// Time at which minute `at` of [`minutes`](Self::minutes) begins.
    pub fn minute_start(&self, at: usize) -> Time {
        let number = self.minutes.newest.saturating_sub(MINUTES - at as i64);
        Time::from_millis(number.saturating_mul(MINUTE).saturating_add(self.phase))
    }

    fn number(&self, at: Time, length: Millis) -> i64 {
        slice_of(at, length, self.phase)
    }

    /// Expires up to `now`.
    fn roll(&mut self) {
        let newest = self.number(self.now, SLICE);
        if newest <= self.fine.newest {
            return;
        }
        let [one_minute, five_minutes, one_hour, _] = &mut self.totals;
        let (before, after) = (self.fine.newest.saturating_sub(LAST_MINUTE), newest.saturating_sub(LAST_MINUTE));
        for (number, slice) in &self.fine.slices {
            if *number > before && *number <= after {
                one_minute.subtract(slice);
            }
        }
        self.fine.expire(newest, |slice| five_minutes.subtract(slice));
        let minute = slice_of(self.now, MINUTE, self.phase);
        self.minutes.expire(minute, |slice| one_hour.subtract(slice));
        let hour = slice_of(self.now, HOUR, self.phase);
        if hour > self.hours.newest {
            match self.hours.slices.back() {
                Some((number, ended)) if *number == self.hours.newest => self.baseline.add(ended),
                _ => {}
            }
            let baseline = &mut self.baseline;
            self.hours.expire(hour, |slice| baseline.subtract(slice));
        }
    }

    /// Adds what is fresh in the open slice to the totals of the windows that hold its time.
    fn count(&mut self) {
        self.roll();
        let Some(open) = &mut self.open else { return };
        // The end of a slice lies in the same minute and hour as all of it.
        let minute = slice_of(end_of(open.number, self.phase), MINUTE, self.phase);
        let [one_minute, five_minutes, one_hour, all] = &mut self.totals;
        all.add(&open.fresh);
        if self.minutes.holds(minute) {
            one_hour.add(&open.fresh);
        }
        if self.fine.holds(open.number) {
            five_minutes.add(&open.fresh);
        }
        if open.number > self.fine.newest.saturating_sub(LAST_MINUTE) {
            one_minute.add(&open.fresh);
        }
        open.counted.add(&open.fresh);
        open.fresh = Tally::default();
    }

    /// Ends the open slice: it joins every ring that holds its time.
    fn close(&mut self) {
        self.count();
        let Some(Open { number, counted, .. }) = self.open.take() else {
            return;
        };
        let end = end_of(number, self.phase);
        self.seed_hour(self.number(end, HOUR), &counted.to_ack);
        let minute = slice_of(end, MINUTE, self.phase);
        if self.minutes.holds(minute) {
            self.minutes.slice(minute).add(&counted);
        }
        if self.fine.holds(number) {
            self.fine.slice(number).add(&counted);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tally::Kind;
    use super::*;
    use crate::domain::time::DAY;

    fn time(millis: Millis) -> Time {
        Time::from_millis(millis)
    }

    fn ack(windows: &mut Windows, at: Millis, latency: Millis) {
        windows.record(time(at), |tally| {
            tally.count(Kind::Acknowledged);
            tally.to_ack.record(latency);
        });
    }

    fn acked(windows: &Windows) -> [u32; 4] {
        Window::ALL.map(|span| windows.total(span).counts.get(Kind::Acknowledged))
    }

    #[test]
    fn spans_are_read_as_they_are_written() {
        for span in Window::ALL {
            assert_eq!(span.to_string().parse(), Ok(span));
        }
        assert!("2h".parse::<Window>().unwrap_err().contains("1m, 5m, 1h or all"));
    }

    #[test]
    fn windows_are_open_on_the_left_and_exact_at_the_phase() {
        let instant = 1_768_386_617_123;
        let mut windows = Windows::new(Windows::phase_of(time(instant)));
        for width in [MINUTE, 5 * MINUTE, HOUR] {
            ack(&mut windows, instant - width, 10);
            ack(&mut windows, instant - width + 1, 10);
        }
        ack(&mut windows, instant, 10);
        windows.advance(time(instant));
        assert_eq!(acked(&windows), [2, 4, 6, 7]);
    }

    #[test]
    fn values_age_without_traffic_and_months_cost_nothing() {
        let mut windows = Windows::default();
        ack(&mut windows, 1_000, 10);
        windows.advance(time(60_000));
        assert_eq!(acked(&windows), [1, 1, 1, 1]);
        windows.advance(time(65_000));
        assert_eq!(acked(&windows), [0, 1, 1, 1]);
        windows.advance(time(90 * DAY));
        assert_eq!(acked(&windows), [0, 0, 0, 1]);
        assert!(windows.fine.slices.is_empty() && windows.minutes.slices.is_empty());
        windows.advance(time(0));
        assert_eq!(windows.now(), time(90 * DAY), "time never goes back");
    }

    #[test]
    fn late_events_count_where_they_belong() {
        let mut windows = Windows::default();
        windows.advance(time(10 * HOUR));
        for ago in [0, 2 * MINUTE, 20 * MINUTE, 3 * HOUR, 40 * DAY] {
            ack(&mut windows, 10 * HOUR - ago, 10);
        }
        windows.advance(time(10 * HOUR));
        assert_eq!(acked(&windows), [1, 2, 3, 5]);
        assert_eq!(windows.baseline().len(), 1, "three hours ago is a past hour");
    }

    #[test]
    fn the_baseline_leaves_out_the_running_hour_and_forgets_after_a_day() {
        let mut windows = Windows::default();
        ack(&mut windows, HOUR, 10);
        windows.advance(time(HOUR));
        assert_eq!(windows.baseline().len(), 0);
        windows.advance(time(HOUR + 1));
        assert_eq!(windows.baseline().len(), 1);
        windows.advance(time(3 * HOUR));
        windows.advance(time(24 * HOUR));
        assert_eq!(windows.baseline().len(), 1, "an idle hour adds nothing twice");
        windows.advance(time(24 * HOUR + 1));
        assert_eq!(windows.baseline().len(), 0);
    }

    #[test]
    fn rollups_restore_every_window() {
        let now = time(10 * HOUR + 30_000);
        let mut lived = Windows::default();
        let mut seeded = Windows::default();
        for minute in 0..90 {
            let mut rollup = Tally::default();
            rollup.count(Kind::Acknowledged);
            rollup.to_ack.record(minute * 100);
            let at = now + -(minute * MINUTE);
            lived.record(at, |tally| tally.add(&rollup));
            seeded.seed(minute_end(at).min(now), &rollup);
            if minute <= 5 {
                seeded.seed_slice(slice_end(at).min(now), &rollup);
            }
        }
        lived.advance(now);
        seeded.advance(now);
        for span in Window::ALL {
            assert_eq!(lived.total(span), seeded.total(span));
        }
        assert_eq!(acked(&seeded), [1, 5, 60, 90], "a minute is one minute");
        for windows in [&mut lived, &mut seeded] {
            ack(windows, 10 * HOUR + 31_000, 5);
            windows.advance(time(10 * HOUR + 95_000));
        }
        assert_eq!(acked(&lived), acked(&seeded), "and goes on like the others");
        assert_eq!(lived.baseline(), seeded.baseline());
    }

    #[test]
    fn trends_have_sixty_minutes_with_gaps() {
        let mut windows = Windows::new(1_000);
        ack(&mut windows, HOUR + 500, 70);
        ack(&mut windows, 2 * MINUTE, 90);
        windows.advance(time(HOUR + 1_000));
        let trend = windows.trend(|minute| minute.to_ack.quantile(0.95));
        assert_eq!(trend.len(), 60);
        assert_eq!((trend[59], trend[1], trend[30]), (Some(Some(70)), Some(Some(90)), None));
        assert_eq!(windows.minute_start(59), time(HOUR - 59_000));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Record(Millis, Millis),
        Advance(Millis),
    }

    /// Mostly small steps around the present, sometimes a jump of months in either direction.
    fn steps() -> impl Strategy<Value = (Millis, Vec<Step>)> {
        let hop = || prop_oneof![8 => -90_000..120_000_i64, 3 => -2 * HOUR..2 * HOUR, 1 => -90 * DAY..90 * DAY];
        let step = prop_oneof![
            4 => (hop(), 0..100_000_i64).prop_map(|(hop, latency)| Step::Record(hop, latency)),
            1 => hop().prop_map(Step::Advance),
        ];
        (0..MINUTE, proptest::collection::vec(step, 1..120))
    }

    proptest! {
        #[test]
        fn any_sequence_equals_a_naive_recomputation((phase, steps) in steps()) {
            let mut windows = Windows::new(phase);
            let mut now = 1_700_000_000_000;
            let mut seen: Vec<(Millis, Millis)> = Vec::new();
            windows.advance(time(now));
            for step in steps {
                match step {
                    Step::Record(hop, latency) => {
                        ack(&mut windows, now + hop, latency);
                        seen.push((now + hop, latency));
                        now = now.max(now + hop);
                    }
                    Step::Advance(hop) => {
                        now = now.max(now + hop);
                        windows.advance(time(now));
                        check(&windows, &seen, now, phase)?;
                    }
                }
            }
            windows.advance(time(now));
            check(&windows, &seen, now, phase)?;
        }
    }

    /// Every reading, recomputed from the list of all that happened.
    fn check(windows: &Windows, seen: &[(Millis, Millis)], now: Millis, phase: Millis) -> Result<(), TestCaseError> {
        let sum = |after: Millis, until: Millis| {
            let mut histogram = Histogram::default();
            let within = seen.iter().filter(|(at, _)| *at > after && *at <= until);
            within.for_each(|(_, latency)| histogram.record(*latency));
            histogram
        };
        // The end of the slice of `length` that holds `at`, found without the code under test.
        let end = |at: Millis, length: Millis| at + (phase - at).rem_euclid(length);
        let slices = |length: Millis, first: Millis, last: Millis| {
            sum(end(now, length) - first * length, end(now, length) - last * length)
        };
        prop_assert_eq!(&windows.total(Window::OneMinute).to_ack, &slices(SLICE, 12, 0));
        prop_assert_eq!(&windows.total(Window::FiveMinutes).to_ack, &slices(SLICE, 60, 0));
        prop_assert_eq!(&windows.total(Window::OneHour).to_ack, &slices(MINUTE, 60, 0));
        prop_assert_eq!(&windows.total(Window::All).to_ack, &sum(i64::MIN, i64::MAX));
        prop_assert_eq!(windows.baseline(), &slices(HOUR, 24, 1));
        for span in Window::ALL {
            let total = windows.total(span);
            prop_assert_eq!(u64::from(total.counts.get(Kind::Acknowledged)), total.to_ack.len());
        }
        for (at, minute) in windows.minutes().into_iter().enumerate() {
            let start = windows.minute_start(at).millis();
            prop_assert_eq!(start, end(now, MINUTE) - (60 - at as Millis) * MINUTE);
            let found = minute.map(|minute| minute.to_ack.clone()).unwrap_or_default();
            let all = sum(start, start + MINUTE);
            if at < 59 {
                prop_assert_eq!(found, all);
            } else {
                let ended = end(now + 1, SLICE) - SLICE;
                prop_assert!((sum(start, ended).len()..=all.len()).contains(&found.len()));
            }
        }
        let held = [windows.fine.slices.len(), windows.minutes.slices.len(), windows.hours.slices.len()];
        prop_assert!(held[0] <= 60 && held[1] <= 60 && held[2] <= 24, "{held:?}");
        Ok(())
    }
}
