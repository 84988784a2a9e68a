//! Reasons that a row asks for attention, in a few words: the fault, its beginning, the change.

use crate::domain::health::{Health, Kind};
use crate::domain::report::{EdgeRow, reasons};
use crate::domain::text::{age, plural};
use crate::domain::time::{DAY, Time};

use super::feed::Feed;
use super::world::{TimeFormat, World};

/// Reasons that an edge asks for attention, the worst first; one word or few when it does not. Holds hostile text.
pub fn reason(world: &World, feed: &Feed, row: &EdgeRow) -> String {
    let reasons = reasons(feed.ledger(), row, &|at| since(world, feed, at));
    if reasons.is_empty() { no_reason(world, feed, row) } else { reasons.join("; ") }
}

/// The worst of it in the fewest words: what and since when, such as `slow since 02:58`.
pub fn brief(world: &World, feed: &Feed, row: &EdgeRow) -> String {
    let worst = reasons(feed.ledger(), row, &|at| since(world, feed, at)).into_iter().next();
    let worst = worst.unwrap_or_else(|| no_reason(world, feed, row));
    worst.split(", ").next().unwrap_or_default().to_owned()
}

/// `since 02:51`, with the day when it is not today; `for 21m` when times are relative.
pub fn since(world: &World, feed: &Feed, at: Time) -> String {
    let now = feed.ledger().now();
    let (at, now) = match world.time_format {
        TimeFormat::Relative => return format!("for {}", age(at.age(now))),
        TimeFormat::Local => (world.local(at), world.local(now)),
        TimeFormat::Utc => (at, now),
    };
    let day = |at: Time| at.millis().div_euclid(DAY);
    let form = if day(at) == day(now) { "since %H:%M" } else { "since %b %-d %H:%M" };
    at.utc().format(form).to_string()
}

fn no_reason(world: &World, feed: &Feed, row: &EdgeRow) -> String {
    let now = feed.ledger().now();
    let changed = feed.ledger().edge(&row.edge).map_or_else(Time::default, |it| it.changed_at);
    let mut words = match row.level {
        Health::NoData if changed == Time::default() => "no handoff yet".to_owned(),
        Health::NoData => format!("no handoff for {}", age(changed.age(now))),
        Health::Unknown => match feed.data_age(world.now) {
            Some(old) => format!("unknown: data {} old", age(old)),
            None => "unknown".to_owned(),
        },
        Health::Insufficient if row.people => {
            let what = if row.questions { "question" } else { "handoff" };
            let asked = row.counts.get(Kind::Emitted.name()).copied().unwrap_or(0);
            match row.open {
                0 => format!("people: {} in 1h", plural(asked as usize, what)),
                open => format!("people: {} open", plural(open, what)),
            }
        }
        Health::Insufficient => {
            let emitted = row.counts.get(Kind::Emitted.name()).copied().unwrap_or(0);
            format!("too few to judge: {} in 1h", (emitted as usize).max(row.open))
        }
        level => level.word().to_owned(),
    };
    if row.level != Health::NoData {
        let unseen = [("acks", row.measured.latency), ("retries", row.measured.retries)];
        for (what, _) in unseen.into_iter().filter(|it| !it.1) {
            words = format!("{words}, {what} not measured");
        }
    }
    words
}
