//! Reasons why an edge asks for attention, in a few words: the findings, their beginning, and recent changes.

use std::cmp::Reverse;

use super::edges::{EdgeRow, FindingRow};
use crate::domain::health::{Signal, Window};
use crate::domain::ledger::{EdgeStats, Ledger};
use crate::domain::offence::Offence;
use crate::domain::run::Level;
use crate::domain::severity::Severity;
use crate::domain::text::latency;
use crate::domain::time::{HOUR, MINUTE, Millis, Time};

/// The reasons why an edge asks for attention, the worst first; empty when it does not. `since` writes when one began,
/// such as `since 02:51`. Holds hostile text.
pub fn reasons(ledger: &Ledger, row: &EdgeRow, since: &dyn Fn(Time) -> String) -> Vec<String> {
    let Some(book) = ledger.edge(&row.edge) else {
        return Vec::new();
    };
    let why = Why { ledger, row, book, since };
    let mut parts: Vec<(Severity, String)> = Vec::new();
    if row.paused {
        parts.push((Severity::Warning, "paused".to_owned()));
    }
    parts.extend(why.slow());
    if row.looping > 0 {
        parts.push((Severity::Critical, why.looping()));
    }
    for it in &row.findings {
        let words = match it.signal {
            Signal::Violations => why.violations(it),
            Signal::Retries => why.retries(it),
            // How many wait and for how long says more than that it is slow.
            Signal::Stall if !it.critical => it.what.clone(),
            Signal::Stall | Signal::Drift | Signal::Limit => continue,
            Signal::Overdue => it.what.clone(),
        };
        parts.push((it.severity(), words));
    }
    if row.dead > 0 {
        let groups = ledger.dead().groups().filter(|it| it.edge == row.edge);
        let group = groups.max_by_key(|it| (it.items.len(), it.span().map(|(_, last)| last), Reverse(it.id.clone())));
        let what = group.map_or(String::new(), |it| format!(": {}", it.title));
        parts.push((Severity::Warning, format!("{} dead{what}", row.dead)));
    }
    parts.sort_by_key(|(severity, _)| Reverse(*severity));
    parts.into_iter().map(|(_, words)| words).collect()
}

/// The data that the words are made from.
struct Why<'a> {
    ledger: &'a Ledger,
    row: &'a EdgeRow,
    book: &'a EdgeStats,
    since: &'a dyn Fn(Time) -> String,
}

impl Why<'_> {
    fn with_since(&self, what: &str, at: Option<Time>, lasting: bool) -> String {
        match at {
            Some(at) => format!("{what} {}", (self.since)(at)),
            None if lasting => format!("{what} for over 1h"),
            None => what.to_owned(),
        }
    }

    /// Stall, drift and limit are one thing to the reader: the target is slow, since when, and how it was before.
    fn slow(&self) -> Option<(Severity, String)> {
        let signals = [Signal::Stall, Signal::Drift, Signal::Limit];
        let slow = |it: &&FindingRow| signals.contains(&it.signal) && (it.signal != Signal::Stall || it.critical);
        let found: Vec<_> = self.row.findings.iter().filter(slow).collect();
        let worst = found.iter().map(|it| it.severity()).max()?;
        let began = found.iter().filter_map(|it| it.since).min();
        let lasting = found.iter().any(|it| it.lasting);
        let slow = self.with_since("slow", began, lasting);
        // A limit says nothing about what is usual: the slow hours may have become the usual ones.
        let unusual = found.iter().any(|it| it.signal != Signal::Limit);
        let usual = self.book.windows.baseline().quantile(0.95).filter(|_| unusual);
        let pace = self.pace().unwrap_or_else(|| measure(usual, self.book.p95_max, self.row.unacknowledged));
        Some((worst, format!("{slow}, {pace}")))
    }

    /// Pace of acknowledgements by the target, now and before; `None` unless it is at most half of what it was.
    fn pace(&self) -> Option<String> {
        let to = &self.row.edge.to;
        let count = |span| self.book.windows.total(span).acked() as u32;
        let (lately, hour) = (count(Window::FiveMinutes), count(Window::OneHour));
        if lately == 0 && self.row.unacknowledged > 0 {
            return Some(match self.row.last_acknowledged_at {
                Some(at) => format!("no ack by {to} {}", (self.since)(at)),
                None => format!("{to} never acknowledged one"),
            });
        }
        let minutes = self.book.windows.minutes();
        let first = minutes.iter().position(Option::is_some).unwrap_or(minutes.len());
        let before = (minutes.len() - first) as i64 * MINUTE - 5 * MINUTE;
        let (is, was) = (per_second(lately, 5 * MINUTE), per_second(hour.saturating_sub(lately), before));
        (before >= 5 * MINUTE && was > 2.0 * is).then(|| format!("{to} acks {} (was {})", rate(is), rate(was)))
    }

    fn looping(&self) -> String {
        let Self { ledger, row, .. } = self;
        let runs = ledger.notable().filter_map(|id| ledger.run(id));
        let latest = runs.filter(|run| run.is_open() && run.verdict.level == Level::Looping);
        let latest = latest.filter_map(|run| run.handoffs.last());
        let here = latest.filter(|it| it.emission.edge == row.edge);
        let mut over = here.map(|it| {
            let most = it.emission.terms.as_ref().map(|it| it.max_cycles);
            most.filter(|most| it.emission.cycle > *most)
        });
        let tasks = if row.looping == 1 { "task" } else { "tasks" };
        match over.next().flatten() {
            Some(most) if over.all(|it| it == Some(most)) => {
                format!("{} {tasks} over max {most}", row.looping)
            }
            _ => format!("{} {tasks} looping", row.looping),
        }
    }

    /// Names what changed: the prompt version that all or most of the refused contracts come from, else the model,
    /// else the place in the contract.
    fn violations(&self, finding: &FindingRow) -> String {
        let all = self.ledger.violations().on(&self.row.edge);
        let recent: Vec<&Offence> = all.into_iter().filter(|it| it.last_at.age(self.ledger.now()) <= HOUR).collect();
        let total: u32 = recent.iter().map(|it| it.count).sum();
        let began = recent.iter().map(|it| it.first_at).min().or(finding.since);
        let words = self.with_since("violations", began, finding.lasting);
        let worst = recent.iter().max_by_key(|it| (it.count, it.last_at));
        let cause = worst.and_then(|worst| {
            let share = |of: fn(&Offence) -> Option<&String>| {
                let name = of(worst)?;
                let same = recent.iter().filter(|it| of(it) == Some(name));
                (same.map(|it| it.count).sum::<u32>() * 2 > total).then_some(name)
            };
            let prompt = share(|it| it.prompt.as_ref()).map(|it| format!("prompt {}", version(it)));
            let model = || share(|it| it.model.as_ref()).map(|it| format!("model {}", version(it)));
            prompt.or_else(model).or_else(|| Some(worst.path.clone()))
        });
        cause.map_or(words.clone(), |cause| format!("{words}, {cause}"))
    }

    fn retries(&self, finding: &FindingRow) -> String {
        if !finding.certain {
            return finding.what.clone();
        }
        let words = self.with_since("retries", finding.since, finding.lasting);
        let most = self.book.codes.iter().max_by_key(|(_, count)| **count);
        most.map_or(words.clone(), |(code, _)| format!("{words}: {code}"))
    }
}

/// Measure for the present P95: the usual one, else the limit of the edge, else the number that wait.
fn measure(usual: Option<Millis>, limit: Option<Millis>, waiting: usize) -> String {
    match (usual, limit) {
        (Some(usual), _) => format!("usually {}", latency(usual)),
        (None, Some(limit)) if waiting == 0 => format!("limit {}", latency(limit)),
        (None, _) => format!("{waiting} waiting"),
    }
}

fn per_second(count: u32, over: Millis) -> f64 {
    f64::from(count) * 1_000.0 / over.max(1) as f64
}

/// `3.1/s`, or per minute when that is less than one in ten seconds.
fn rate(per_second: f64) -> String {
    if per_second >= 0.1 { format!("{per_second:.1}/s") } else { format!("{:.1}/min", per_second * 60.0) }
}

/// `research-brief v18` for `research-brief@18`.
pub fn version(name: &str) -> String {
    match name.rsplit_once('@') {
        Some((name, number)) if number.starts_with(|it: char| it.is_ascii_digit()) => {
            format!("{name} v{number}")
        }
        Some((name, number)) => format!("{name} {number}"),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_rates_read_like_speech() {
        assert_eq!(version("research-brief@18"), "research-brief v18");
        assert_eq!(version("model-m@latest"), "model-m latest");
        assert_eq!(version("plain"), "plain");
        assert_eq!(rate(per_second(930, 5 * MINUTE)), "3.1/s");
        assert_eq!(rate(per_second(3, 5 * MINUTE)), "0.6/min");
    }

    #[test]
    fn slow_is_held_against_what_the_rule_compared_it_with() {
        let limit = Some(8_000);
        assert_eq!(measure(Some(1_000), limit, 3), "usually 1.0s");
        assert_eq!(measure(None, limit, 0), "limit 8.0s");
        assert_eq!(measure(None, limit, 3), "3 waiting");
    }
}
