//! Why a row asks for attention, in a few words: what is wrong, since when, what changed.

use crate::domain::health::{Health, Kind, Signal, Window};
use crate::domain::ledger::{EdgeStats, Offence};
use crate::domain::report::{EdgeRow, FindingRow};
use crate::domain::run::Level;
use crate::domain::severity::Severity;
use crate::domain::text::{age, latency, plural};
use crate::domain::time::{DAY, HOUR, MINUTE, Millis, Time};

use super::feed::Feed;
use super::world::{TimeFormat, World};

/// Why an edge asks for attention, the worst first; one word or few when it does not. Holds hostile text.
pub fn reason(world: &World, feed: &Feed, row: &EdgeRow) -> String {
    let parts = parts(world, feed, row);
    if parts.is_empty() {
        return calm(world, feed, row);
    }
    parts.join("; ")
}

/// The worst of it in the fewest words: what and since when, such as `slow since 02:58`.
pub fn brief(world: &World, feed: &Feed, row: &EdgeRow) -> String {
    let worst = parts(world, feed, row).into_iter().next();
    let worst = worst.unwrap_or_else(|| calm(world, feed, row));
    worst.split(", ").next().unwrap_or_default().to_owned()
}

fn parts(world: &World, feed: &Feed, row: &EdgeRow) -> Vec<String> {
    let Some(book) = feed.ledger().edge(&row.edge) else {
        return Vec::new();
    };
    let mut parts: Vec<(Severity, String)> = Vec::new();
    if row.paused {
        parts.push((Severity::Warning, "paused".to_owned()));
    }
    parts.extend(slow(world, feed, book, row));
    if row.looping > 0 {
        parts.push((Severity::Critical, looping(feed, row)));
    }
    for it in &row.findings {
        let words = match it.signal {
            Signal::Violations => violations(world, feed, row, it),
            Signal::Retries => retries(world, feed, book, it),
            Signal::Stall | Signal::Drift | Signal::Limit => continue,
        };
        parts.push((it.severity(), words));
    }
    if row.dead > 0 {
        let group = feed.figures().dead.iter().find(|it| it.edge == row.edge);
        let what = group.map_or(String::new(), |it| format!(": {}", it.title));
        parts.push((Severity::Warning, format!("{} dead{what}", row.dead)));
    }
    parts.sort_by_key(|(severity, _)| std::cmp::Reverse(*severity));
    parts.into_iter().map(|(_, words)| words).collect()
}

/// `since 02:51`, with the day when it is not today; `for 21m` when times are relative.
pub fn since(world: &World, feed: &Feed, at: Time) -> String {
    let now = feed.ledger().now();
    let shift = match world.time_format {
        TimeFormat::Relative => return format!("for {}", age(at.age(now))),
        TimeFormat::Local => world.local_offset,
        TimeFormat::Utc => 0,
    };
    let day = |at: Time| (at + shift).millis().div_euclid(DAY);
    let form = if day(at) == day(now) { "since %H:%M" } else { "since %b %-d %H:%M" };
    (at + shift).utc().format(form).to_string()
}

fn with_since(world: &World, feed: &Feed, what: &str, at: Option<Time>, lasting: bool) -> String {
    match at {
        Some(at) => format!("{what} {}", since(world, feed, at)),
        None if lasting => format!("{what} for over 1h"),
        None => what.to_owned(),
    }
}

/// Stall, drift and limit are one thing to the reader: the target is slow, since when, and how it was before.
fn slow(world: &World, feed: &Feed, book: &EdgeStats, row: &EdgeRow) -> Option<(Severity, String)> {
    let signals = [Signal::Stall, Signal::Drift, Signal::Limit];
    let found: Vec<_> = row.findings.iter().filter(|it| signals.contains(&it.signal)).collect();
    let worst = found.iter().map(|it| it.severity()).max()?;
    let began = found.iter().filter_map(|it| it.since).min();
    let lasting = found.iter().any(|it| it.lasting);
    let slow = with_since(world, feed, "slow", began, lasting);
    // A limit says nothing about what is usual: the slow hours may have become the usual ones.
    let unusual = found.iter().any(|it| it.signal != Signal::Limit);
    let usual = book.windows.baseline().quantile(0.95).filter(|_| unusual);
    let pace = pace(world, feed, book, row).unwrap_or_else(|| measure(usual, book.p95_max, row.unacknowledged));
    Some((worst, format!("{slow}, {pace}")))
}

/// How fast the target acknowledges now, and how fast it did before, if it does so less often.
fn pace(world: &World, feed: &Feed, book: &EdgeStats, row: &EdgeRow) -> Option<String> {
    let to = &row.edge.to;
    let count = |span| book.windows.total(span).counts.get(Kind::Acknowledged);
    let (lately, hour) = (count(Window::FiveMinutes), count(Window::OneHour));
    if lately == 0 && row.unacknowledged > 0 {
        return Some(match row.last_acknowledged_at {
            Some(at) => format!("no ack by {to} {}", since(world, feed, at)),
            None => format!("{to} never acknowledged one"),
        });
    }
    let minutes = book.windows.minutes();
    let first = minutes.iter().position(Option::is_some).unwrap_or(minutes.len());
    let before = (minutes.len() - first) as i64 * MINUTE - 5 * MINUTE;
    let (is, was) = (per_second(lately, 5 * MINUTE), per_second(hour.saturating_sub(lately), before));
    (before >= 5 * MINUTE && was > 2.0 * is).then(|| format!("{to} acks {} (was {})", rate(is), rate(was)))
}

/// What the present P95 is held against: what is usual, else the limit of the edge, else how many wait.
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

fn looping(feed: &Feed, row: &EdgeRow) -> String {
    let ledger = feed.ledger();
    let runs = ledger.notable().filter_map(|id| ledger.run(id));
    let latest = runs.filter(|run| run.is_open() && run.verdict.level == Level::Looping);
    let latest = latest.filter_map(|run| run.handoffs.values().last());
    let here = latest.filter(|it| it.emission.edge == row.edge);
    let mut over = here.map(|it| {
        let most = it.emission.max_cycles;
        (it.emission.cycle > most && most > 0).then_some(most)
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
fn violations(world: &World, feed: &Feed, row: &EdgeRow, finding: &FindingRow) -> String {
    let all = feed.ledger().violations().on(&row.edge);
    let recent: Vec<&Offence> = all.into_iter().filter(|it| it.last_at.age(feed.ledger().now()) <= HOUR).collect();
    let total: u32 = recent.iter().map(|it| it.count).sum();
    let began = recent.iter().map(|it| it.first_at).min().or(finding.since);
    let words = with_since(world, feed, "violations", began, finding.lasting);
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

fn retries(world: &World, feed: &Feed, book: &EdgeStats, finding: &FindingRow) -> String {
    let words = with_since(world, feed, "retries", finding.since, finding.lasting);
    let most = book.codes.iter().max_by_key(|(_, count)| **count);
    most.map_or(words.clone(), |(code, _)| format!("{words}: {code}"))
}

fn calm(world: &World, feed: &Feed, row: &EdgeRow) -> String {
    let now = feed.ledger().now();
    let changed = feed.ledger().edge(&row.edge).map_or_else(Time::default, |it| it.changed_at);
    let mut words = match row.level {
        Health::NoData if changed == Time::default() => "no handoff yet".to_owned(),
        Health::NoData => format!("no handoff for {}", age(changed.age(now))),
        Health::Unknown => match feed.data_age(world.now) {
            Some(old) => format!("unknown: data {} old", age(old)),
            None => "unknown".to_owned(),
        },
        Health::Insufficient if row.people && row.open > 0 => {
            format!("people: {} open", plural(row.open, "question"))
        }
        Health::Insufficient if row.people => {
            let asked = row.counts.get(Kind::Emitted.name()).copied().unwrap_or(0);
            format!("people: {} in 1h", plural(asked as usize, "question"))
        }
        Health::Insufficient => {
            let emitted = row.counts.get(Kind::Emitted.name()).copied().unwrap_or(0);
            format!("too few to judge: {} in 1h", (emitted as usize).max(row.open))
        }
        level => level.word().to_owned(),
    };
    if !is_measured(feed, row) && row.level != Health::NoData {
        words += ", acks not measured";
    }
    words
}

/// False when acknowledgements cannot be known here: the source does not see them, or saw handoffs of this edge
/// end and none of them acknowledged. What cannot be known is never shown as a number.
pub fn is_measured(feed: &Feed, row: &EdgeRow) -> bool {
    let ended = row.counts.get(Kind::Completed.name()).copied().unwrap_or(0);
    feed.can().is_none_or(|can| can.latency) && (ended == 0 || row.last_acknowledged_at.is_some())
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
