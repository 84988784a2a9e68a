//! The rules of health: whether somebody should look at an edge, the reasons, and their beginning.
//!
//! The rules are those of protocol section 5. They keep no state: everything, "since" included, is read from
//! the windows, so a console that has just started and one that has watched for a day say the same.

use serde::Serialize;

use super::measures::Measures;
use super::population::Population;
use super::tally::Tally;
use super::window::{Window, Windows};
use crate::domain::severity::Severity;
use crate::domain::text::{age, latency};
use crate::domain::time::{Millis, Time};

mod retries;
mod waits;

use retries::retries;
use waits::{overdue, waits};

/// Above this retry rate an edge warns; above [`RETRY_CRITICAL`] it is critical.
pub const RETRY_WARN: f64 = 0.02;
/// See [`RETRY_WARN`].
pub const RETRY_CRITICAL: f64 = 0.03;

/// P95 at this multiple of the baseline warns; at [`DRIFT_CRITICAL`] it is critical.
const DRIFT_WARN: Millis = 2;
const DRIFT_CRITICAL: Millis = 4;

/// The oldest un-acknowledged handoff may be this many times older than the baseline P95.
const STALL_FACTOR: Millis = 10;

/// A baseline needs this many acknowledgements.
const BASELINE_ENOUGH: u64 = 200;

/// The state of an edge in one word. The order is that of its rows, [`severity`](Self::severity) that of attention:
/// what is not known stands before what is healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Health {
    /// Enough was seen in the last hour and nothing is wrong.
    Healthy,
    /// Something happened in the last hour, but fewer than 20 handoffs: too few to call it healthy. Chance may be behind
    /// one or two that needed a retry.
    Insufficient,
    /// Nothing happened in the last hour and nothing is open.
    NoData,
    /// The source is not connected: whatever was seen last may no longer be true.
    Unknown,
    /// A threshold is passed, by so few that it may be chance.
    Uncertain,
    /// Somebody should look today.
    Warning,
    /// Somebody should look now.
    Critical,
}

impl Health {
    /// The word on screen.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Insufficient => "too few",
            Self::NoData => "no data",
            Self::Unknown => "unknown",
            Self::Uncertain => "uncertain",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// Severity of the health. Too few samples, none at all and unknown count as quiet.
    pub const fn severity(self) -> Severity {
        match self {
            Self::Insufficient | Self::NoData | Self::Unknown => Severity::Quiet,
            Self::Healthy => Severity::Fine,
            Self::Uncertain => Severity::Info,
            Self::Warning => Severity::Warning,
            Self::Critical => Severity::Critical,
        }
    }
}

/// The rule a [`Finding`] comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// A handoff waits far longer for its acknowledgement than usual.
    Stall,
    /// What people are asked for was due.
    Overdue,
    /// P95 is a multiple of what it was over the last day.
    Drift,
    /// P95 is above the limit set for the edge.
    Limit,
    /// Too many handoffs need another attempt.
    Retries,
    /// Payloads were refused at a schema boundary.
    Violations,
}

/// A finding: one thing that is wrong with an edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule that says so.
    pub signal: Signal,
    /// Severity of the finding: [`Warning`](Severity::Warning) or [`Critical`](Severity::Critical);
    /// [`Info`](Severity::Info) while it may be chance.
    pub severity: Severity,
    /// The finding for people, with the numbers: `31 wait for acknowledgement, the oldest 6m12s (limit 20s)`.
    pub reason: String,
    /// Time of its beginning, to the minute; `None` before the last hour unless an open handoff tells.
    pub since: Option<Time>,
    /// True when it was so already as the last hour began: nobody can say since when.
    pub lasting: bool,
}

/// The input of the rules. The windows must have been advanced to the present.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The figures of the edge over each window.
    pub windows: &'a Windows,
    /// Current ages of its handoffs that wait for their acknowledgement and could be taken, in any order.
    pub open_ages: &'a [Millis],
    /// What people are late with, where people answer; `None` where an agent does.
    pub people: Option<&'a People>,
    /// Time a target may take to acknowledge, in milliseconds; `None` when the edge does not say.
    pub ack_timeout: Option<Millis>,
    /// The P95 limit of the edge, if one is set.
    pub p95_max: Option<Millis>,
    /// True while the source is not connected, so that its figures are stale.
    pub stale: bool,
    /// What is measured of the edge: nothing is found in what is not.
    pub measured: Measures,
}

/// What people were to have done on an edge. They are judged by when it was due, not by their usual pace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People {
    /// Milliseconds since each was due that is overdue, in any order.
    pub overdue: Vec<Millis>,
    /// Ages of what waits and was never due, as of a source that does not say, in any order.
    pub undated: Vec<Millis>,
}

/// Judges one edge: its health, and what is wrong, worst first.
///
/// A stale edge is [`Health::Unknown`] whatever was wrong before; its findings are the last known ones.
pub fn judge(facts: &Facts) -> (Health, Vec<Finding>) {
    let now = Population::of(facts.windows.total(Window::FiveMinutes), facts.open_ages.iter().copied());
    let Measures { latency, retries: attempts, violations: contracts } = facts.measured;
    let (late, changed) = match facts.people {
        Some(people) => (overdue(facts, people).or_else(|| waits(facts, &people.undated)), [None, None]),
        None => (
            stall(facts).or_else(|| waits(facts, facts.open_ages)),
            [drift(facts, &now).filter(|_| latency), retries(facts.windows).filter(|_| attempts)],
        ),
    };
    let [drift, retries] = changed;
    let rules = [
        late.filter(|_| latency),
        drift,
        limit(facts, &now).filter(|_| latency),
        retries,
        violations(facts.windows).filter(|_| contracts),
    ];
    let mut findings: Vec<Finding> = rules.into_iter().flatten().collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let health = match findings.first().map(|worst| worst.severity) {
        _ if facts.stale => Health::Unknown,
        Some(Severity::Critical) => Health::Critical,
        Some(Severity::Warning) => Health::Warning,
        Some(Severity::Info | Severity::Fine | Severity::Quiet) => Health::Uncertain,
        None => quiet(facts),
    };
    (health, findings)
}

/// An edge without findings: healthy only if there was enough to go by.
fn quiet(facts: &Facts) -> Health {
    let hour = facts.windows.total(Window::OneHour);
    let waiting = facts.open_ages.len() as u64;
    if waiting == 0 && hour.counts.iter().all(|(_, count)| count == 0) {
        Health::NoData
    } else if (hour.to_ack.len() + waiting).max(u64::from(hour.settled)) < super::signal::ENOUGH {
        Health::Insufficient
    } else {
        Health::Healthy
    }
}

fn baseline_p95(windows: &Windows) -> Option<Millis> {
    (windows.baseline().len() >= BASELINE_ENOUGH).then(|| windows.baseline().quantile(0.95))?
}

/// Critical when the oldest un-acknowledged handoff is older than max(10 x baseline P95, ack timeout).
fn stall(facts: &Facts) -> Option<Finding> {
    let oldest = facts.open_ages.iter().copied().max()?;
    let usual = baseline_p95(facts.windows).map(|p95| p95.saturating_mul(STALL_FACTOR));
    let limit = usual.max(facts.ack_timeout)?;
    let Onset { since, lasting } = slow_since(facts, limit);
    (oldest > limit).then(|| Finding {
        signal: Signal::Stall,
        severity: Severity::Critical,
        reason: format!(
            "{} waiting for acknowledgement, the oldest for {} (limit {})",
            facts.open_ages.len(),
            age(oldest),
            latency(limit)
        ),
        since,
        lasting,
    })
}

/// The 5m P95, at its lower confidence rank, against the baseline.
fn drift(facts: &Facts, population: &Population) -> Option<Finding> {
    let usual = baseline_p95(facts.windows)?.max(1);
    let sure = population.confident_p95()?;
    let severity = match sure / usual {
        DRIFT_CRITICAL.. => Severity::Critical,
        DRIFT_WARN.. => Severity::Warning,
        _ => return None,
    };
    let slow = usual.saturating_mul(DRIFT_WARN);
    let Onset { since, lasting } = slow_since(facts, slow);
    Some(Finding {
        signal: Signal::Drift,
        severity,
        reason: format!("{}, usually {}", p95_text(population), latency(usual)),
        since,
        lasting,
    })
}

/// The 5m P95, at its lower confidence rank, against the limit of the edge.
fn limit(facts: &Facts, population: &Population) -> Option<Finding> {
    let limit = facts.p95_max?;
    let Onset { since, lasting } = slow_since(facts, limit);
    (population.confident_p95()? > limit).then(|| Finding {
        signal: Signal::Limit,
        severity: Severity::Warning,
        reason: format!("{}, limit {}", p95_text(population), latency(limit)),
        since,
        lasting,
    })
}

fn p95_text(population: &Population) -> String {
    let p95 = population.quantile(0.95);
    let bound = if p95.lower_bound { "at least " } else { "" };
    format!("P95 {bound}{}", latency(p95.value.unwrap_or_default()))
}

/// Beginning of something: a time, or "lasting" when older than the last hour; never both.
#[derive(Clone, Copy, Default)]
struct Onset {
    since: Option<Time>,
    lasting: bool,
}

impl Onset {
    /// The onset at this minute of the last hour. The first minute is where looking back ends.
    fn at(windows: &Windows, minute: usize) -> Self {
        Self { since: (minute > 0).then(|| windows.minute_start(minute)), lasting: minute == 0 }
    }
}

/// The earlier of: acknowledgements became slow, the oldest open handoff became slow.
fn slow_since(facts: &Facts, slow: Millis) -> Onset {
    let acked = begin(facts.windows, |minute| minute.to_ack.quantile(0.95).map(|p95| p95 >= slow));
    let oldest = facts.open_ages.iter().copied().max().filter(|oldest| *oldest >= slow);
    let waiting = oldest.map(|oldest| facts.windows.now() + -(oldest - slow));
    match waiting {
        Some(_) if acked.lasting && waiting > Some(facts.windows.minute_start(0)) => acked,
        _ => Onset {
            since: [acked.since, waiting].into_iter().flatten().min(),
            lasting: acked.lasting && waiting.is_none(),
        },
    }
}

/// Any payload within the hour that was refused, or flagged where the edge only observes; one is enough, there is no
/// sample guard.
fn violations(windows: &Windows) -> Option<Finding> {
    let hour = windows.total(Window::OneHour);
    let (wrong, flagged) = (hour.violations, hour.flagged);
    if wrong == 0 {
        return None;
    }
    let minutes = windows.minutes();
    let first = minutes.iter().position(|minute| minute.is_some_and(|minute| minute.violations > 0));
    // The first one may lie in the slice still running, which is in no minute yet.
    let first = first.unwrap_or(minutes.len() - 1);
    let Onset { since, lasting } = Onset::at(windows, first);
    let payloads = if wrong == 1 { "payload" } else { "payloads" };
    let fate = match flagged {
        0 => "refused",
        flagged if flagged >= wrong => "flagged",
        _ => "refused or flagged",
    };
    Some(Finding {
        signal: Signal::Violations,
        severity: Severity::Warning,
        reason: format!("{wrong} {payloads} {fate} in 1h"),
        since,
        lasting,
    })
}

/// Beginning of the current run of bad minutes; a minute without data neither begins nor ends it.
fn begin(windows: &Windows, bad: impl Fn(&Tally) -> Option<bool>) -> Onset {
    let mut first = None;
    for (at, minute) in windows.minutes().into_iter().enumerate().rev() {
        match minute.and_then(&bad) {
            Some(true) => first = Some(at),
            Some(false) => break,
            None => {}
        }
    }
    first.map_or(Onset::default(), |first| Onset::at(windows, first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::health::tally::Kind;
    use crate::domain::time::{HOUR, MINUTE, SECOND};

    const NOW: Time = Time::from_millis(30 * HOUR);

    fn ago(millis: Millis) -> Time {
        NOW + -millis
    }

    fn facts(windows: &Windows) -> Facts<'_> {
        Facts {
            windows,
            open_ages: &[],
            people: None,
            ack_timeout: None,
            p95_max: None,
            stale: false,
            measured: Measures::ALL,
        }
    }

    /// A day of one acknowledgement in 2 s per minute, up to `until` before now.
    fn usual_day(until: Millis) -> Windows {
        let mut windows = Windows::default();
        for minute in (until / MINUTE..24 * 60).rev() {
            windows.record(ago(minute * MINUTE), |tally| {
                tally.count(Kind::Acknowledged);
                tally.to_ack.record(2 * SECOND);
            });
        }
        windows.advance(NOW);
        windows
    }

    /// `retried` of `settled` handoffs needed a retry, in the minute that ended `minutes` ago.
    fn settle(windows: &mut Windows, minutes: i64, retried: u32, settled: u32) {
        windows.record(ago(minutes * MINUTE), |tally| {
            for number in 0..settled {
                tally.count(Kind::Completed);
                tally.settle(if number < retried { 2 } else { 1 }, true);
            }
        });
        windows.advance(NOW);
    }

    #[test]
    fn silence_is_not_health() {
        let mut windows = Windows::default();
        windows.advance(NOW);
        assert_eq!(judge(&facts(&windows)).0, Health::NoData);
        settle(&mut windows, 3, 0, 19);
        assert_eq!(judge(&facts(&windows)).0, Health::Insufficient);
        settle(&mut windows, 3, 0, 1);
        assert_eq!(judge(&facts(&windows)).0, Health::Healthy);
        assert_eq!(judge(&Facts { stale: true, ..facts(&windows) }).0, Health::Unknown);
        let mut order = [Health::Critical, Health::Healthy, Health::NoData, Health::Warning];
        order.sort();
        assert_eq!(order.map(Health::word), ["healthy", "no data", "warning", "critical"]);
    }

    #[test]
    fn what_was_so_an_hour_ago_has_no_beginning_that_moves() {
        let mut windows = Windows::default();
        for minute in (1..=70).rev() {
            settle(&mut windows, minute, 5, 20);
        }
        let [retries] = judge(&facts(&windows)).1.try_into().unwrap();
        assert_eq!((retries.since, retries.lasting), (None, true));
        // With a quiet quarter of an hour in between it began after that.
        let mut windows = Windows::default();
        for minute in (1..=70).rev().filter(|it| !(30..=45).contains(it)) {
            settle(&mut windows, minute, 5, 20);
        }
        for minute in 30..=45 {
            settle(&mut windows, minute, 0, 20);
        }
        let [retries] = judge(&facts(&windows)).1.try_into().unwrap();
        assert_eq!((retries.since, retries.lasting), (Some(ago(30 * MINUTE)), false));
        let mut windows = usual_day(61 * MINUTE);
        for minute in (0..=60).rev() {
            windows.record(ago(minute * MINUTE), |tally| {
                (0..20).for_each(|_| tally.to_ack.record(20 * SECOND));
            });
        }
        windows.advance(NOW);
        let open_ages = &[30 * SECOND];
        let slow = |windows: &Windows, open_ages| {
            let facts = facts(windows);
            let found = judge(&Facts { open_ages, ..facts }).1;
            let drift = found.into_iter().find(|it| it.signal == Signal::Drift);
            drift.map(|it| (it.since, it.lasting))
        };
        assert_eq!(slow(&windows, open_ages), Some((None, true)), "not since a moment ago");
        let known = slow(&windows, &[3 * HOUR]).unwrap();
        assert!(known.0.is_some_and(|since| since < ago(2 * HOUR)) && !known.1);
    }

    #[test]
    fn a_handoff_nobody_takes_is_a_stall() {
        let windows = usual_day(2 * MINUTE);
        let waiting = |ages: &'static [Millis], timeout| {
            let mut findings = judge(&Facts { open_ages: ages, ack_timeout: timeout, ..facts(&windows) }).1;
            findings.retain(|finding| finding.signal == Signal::Stall);
            findings.pop()
        };
        assert_eq!(waiting(&[20_100], None), None, "the limit is 10 x 2 s, within 1 %");
        let stall = waiting(&[1_000, 372_000], None).unwrap();
        assert_eq!(stall.severity, Severity::Critical);
        assert!(stall.reason.starts_with("2 waiting for acknowledgement, the oldest for 6m12s"), "{}", stall.reason);
        let since = stall.since.unwrap();
        assert!((since - ago(352_000)).abs() <= 200, "{since}");
        assert_eq!(waiting(&[372_000], Some(400_000)), None, "the edge may take longer");
        let fresh = Windows::default();
        assert!(judge(&Facts { open_ages: &[372_000], ..facts(&fresh) }).1.is_empty(), "no baseline, no limit");
    }

    #[test]
    fn what_waits_for_long_is_not_healthy_whatever_is_known() {
        let mut windows = Windows::default();
        settle(&mut windows, 3, 0, 40);
        let found = |windows: &Windows, ages: &[Millis], p95_max| {
            let (health, findings) = judge(&Facts { open_ages: ages, p95_max, ..facts(windows) });
            (health, findings.into_iter().next().map(|it| (it.reason, it.since)))
        };
        assert_eq!(found(&windows, &[HOUR], None).0, Health::Healthy);
        let (health, found_it) = found(&windows, &[HOUR + SECOND, 5], None);
        assert_eq!(health, Health::Warning);
        assert_eq!(found_it, Some(("2 waiting, none acknowledged for 1h".to_owned(), Some(ago(SECOND)))));
        // The P95 of whatever is known is 9 minutes: it may wait ten times as long.
        (0..40).for_each(|_| windows.record(ago(3 * HOUR), |tally| tally.to_ack.record(9 * MINUTE)));
        windows.advance(NOW);
        assert_eq!(found(&windows, &[80 * MINUTE], None).0, Health::Healthy);
        assert_eq!(found(&windows, &[92 * MINUTE], None).0, Health::Warning);
        // Its limit is for 95 of 100: one that waits longer is certain only when nothing is taken up.
        let limited = |windows: &Windows| found(windows, &[9 * SECOND], Some(8 * SECOND));
        let (health, found_it) = limited(&windows);
        let reason = found_it.unwrap().0;
        assert_eq!((health, &*reason), (Health::Warning, "1 waiting, none acknowledged for 9s (limit 8.0s)"));
        windows.record(ago(SECOND), |tally| {
            tally.to_ack.record(5);
            tally.last_ack = Some(ago(SECOND));
        });
        windows.advance(NOW);
        let (health, found_it) = limited(&windows);
        assert_eq!(health, Health::Uncertain);
        assert!(found_it.unwrap().0.ends_with("the oldest for 9s (limit 8.0s), not yet certain"));
    }

    #[test]
    fn people_are_judged_by_when_it_was_due() {
        let mut windows = usual_day(2 * MINUTE);
        settle(&mut windows, 1, 10, 40);
        let ages: Vec<Millis> = vec![20 * HOUR; 30];
        let found = |people: &People| {
            let asked = Facts { open_ages: &ages, people: Some(people), ack_timeout: Some(30_000), ..facts(&windows) };
            judge(&asked)
        };
        assert_eq!(found(&People::default()), (Health::Healthy, vec![]), "neither a stall nor drift nor retries");
        let late = People { overdue: vec![HOUR, 3 * HOUR], ..People::default() };
        let (health, findings) = found(&late);
        assert_eq!((health, findings[0].signal), (Health::Critical, Signal::Overdue));
        assert_eq!(findings[0].reason, "2 overdue, the first for 3h");
        assert_eq!(findings[0].since, Some(ago(3 * HOUR)));
        let undated = People { undated: vec![20 * HOUR], ..People::default() };
        assert_eq!(found(&undated).1[0].reason, "1 waiting, none acknowledged for 20h");
    }

    #[test]
    fn drift_needs_samples_and_says_since_when() {
        let mut windows = usual_day(4 * MINUTE);
        let slow = |windows: &mut Windows, n: u32, latency: Millis| {
            for number in 0..n {
                windows.record(ago(Millis::from(number % 3) * MINUTE), |tally| {
                    tally.to_ack.record(latency);
                });
            }
            windows.advance(NOW);
            judge(&facts(windows)).1
        };
        assert_eq!(slow(&mut windows, 17, 5 * SECOND), [], "18 samples are too few");
        let drift = slow(&mut windows, 13, 5 * SECOND);
        assert_eq!((drift[0].signal, drift[0].severity), (Signal::Drift, Severity::Warning));
        assert_eq!(drift[0].since, Some(ago(3 * MINUTE)));
        assert!(drift[0].reason.starts_with("P95 4.9s, usually 2.0s") || drift[0].reason.starts_with("P95 5.0s"));
        let worse = slow(&mut windows, 100, 20 * SECOND);
        assert_eq!(worse[0].severity, Severity::Critical);
    }

    #[test]
    fn open_handoffs_drift_too() {
        let windows = usual_day(10 * MINUTE);
        let ages: Vec<Millis> = (0..60).map(|second| second * SECOND).collect();
        let (_, findings) = judge(&Facts { open_ages: &ages, ack_timeout: Some(HOUR), ..facts(&windows) });
        assert_eq!((findings[0].signal, findings[0].severity), (Signal::Drift, Severity::Critical));
        assert!(findings[0].reason.starts_with("P95 at least 56s"), "{}", findings[0].reason);
        let since = findings[0].since.unwrap();
        assert!((since - ago(55 * SECOND)).abs() <= 100, "since the oldest was twice as slow as usual: {since}");
    }

    #[test]
    fn a_limit_of_the_edge_counts_without_a_baseline() {
        let mut windows = Windows::default();
        for _ in 0..40 {
            windows.record(NOW, |tally| tally.to_ack.record(3 * SECOND));
        }
        windows.advance(NOW);
        assert!(judge(&Facts { p95_max: Some(4 * SECOND), ..facts(&windows) }).1.is_empty());
        let unseen = Measures { latency: false, ..Measures::ALL };
        assert!(judge(&Facts { p95_max: Some(2 * SECOND), measured: unseen, ..facts(&windows) }).1.is_empty());
        let (health, findings) = judge(&Facts { p95_max: Some(2 * SECOND), ..facts(&windows) });
        assert_eq!((health, findings[0].signal), (Health::Warning, Signal::Limit));
    }

    #[test]
    fn retries_alert_when_both_windows_agree_and_close_after_five_good_minutes() {
        let mut windows = Windows::default();
        settle(&mut windows, 30, 22, 500);
        assert_eq!(judge(&facts(&windows)).0, Health::Healthy, "sure over 1h, but over for long");
        let mut windows = Windows::default();
        settle(&mut windows, 20, 0, 10);
        settle(&mut windows, 8, 22, 490);
        let (health, findings) = judge(&facts(&windows));
        assert_eq!(health, Health::Critical, "the 5m rate was above less than five minutes ago");
        assert_eq!(findings[0].since, Some(ago(9 * MINUTE)));
        assert!(findings[0].reason.ends_with("retried in 1h (22 of 500)"), "{}", findings[0].reason);
        settle(&mut windows, 7, 0, 10);
        windows.advance(NOW + 3 * MINUTE);
        assert_eq!(judge(&facts(&windows)).0, Health::Healthy);
    }

    #[test]
    fn few_that_needed_a_retry_alert_by_their_interval() {
        let health = |retried, settled| {
            let mut windows = Windows::default();
            settle(&mut windows, 1, retried, settled);
            let (health, findings) = judge(&facts(&windows));
            (health, findings.into_iter().next().map(|it| it.reason))
        };
        assert_eq!(health(10, 19).0, Health::Critical);
        assert_eq!(health(3, 3).0, Health::Critical);
        assert_eq!(health(1, 1), (Health::Insufficient, None));
        assert_eq!(health(2, 19), (Health::Insufficient, None));
        let doubtful = "4.0% retried in 1h (4 of 100): above 3 %, not yet certain";
        assert_eq!(health(4, 100), (Health::Uncertain, Some(doubtful.to_owned())));
        assert_eq!(health(2, 20).0, Health::Uncertain);
        assert_eq!(health(3, 100), (Health::Healthy, None));
    }

    #[test]
    fn the_latest_five_stand_in_where_five_minutes_hold_fewer() {
        let mut windows = Windows::default();
        for minutes in [50, 40, 30, 20] {
            settle(&mut windows, minutes, 1, 1);
        }
        let (health, findings) = judge(&facts(&windows));
        assert_eq!(health, Health::Critical, "an agent that settles one in ten minutes");
        assert_eq!(findings[0].since, Some(ago(51 * MINUTE)));
        for minutes in [10, 9, 8] {
            settle(&mut windows, minutes, 0, 1);
        }
        assert_eq!(judge(&facts(&windows)).0, Health::Critical, "two of the latest five");
        for minutes in [7, 6] {
            settle(&mut windows, minutes, 0, 1);
        }
        assert_eq!(judge(&facts(&windows)).0, Health::Insufficient, "none of the latest five");
    }

    #[test]
    fn what_an_observing_edge_lets_through_is_a_violation() {
        let mut windows = Windows::default();
        let mut reason = |note: fn(&mut Tally)| {
            windows.record(NOW, note);
            windows.advance(NOW);
            judge(&facts(&windows)).1.remove(0).reason
        };
        assert_eq!(reason(Tally::flag), "1 payload flagged in 1h");
        assert_eq!(reason(|tally| tally.evaluate(true)), "2 payloads refused or flagged in 1h");
    }

    #[test]
    fn two_percent_warns() {
        let mut windows = Windows::default();
        settle(&mut windows, 1, 16, 500);
        assert_eq!(judge(&facts(&windows)).0, Health::Warning);
    }

    #[test]
    fn one_violation_is_enough() {
        let mut windows = Windows::default();
        settle(&mut windows, 50, 0, 100);
        for minutes in [41, 12] {
            windows.record(ago(minutes * MINUTE), |tally| tally.evaluate(true));
        }
        windows.advance(NOW);
        let (health, findings) = judge(&facts(&windows));
        assert_eq!(health, Health::Warning);
        assert_eq!(findings[0].reason, "2 payloads refused in 1h");
        assert_eq!(findings[0].since, Some(ago(42 * MINUTE)));
        windows.advance(NOW + 30 * MINUTE);
        assert_eq!(judge(&facts(&windows)).1[0].reason, "1 payload refused in 1h");
    }
}
