//! The attention strip: what needs somebody, worst first, and where its rows are.

use std::cmp::Reverse;

use crate::domain::health::Health;
use crate::domain::report::{TaskRow, TaskVerdict};
use crate::domain::severity::Severity;
use crate::domain::text::{age, count};
use crate::domain::time::{MINUTE, Millis};

use super::explain::brief;
use super::feed::Link;
use super::place::{Focus, ScreenId};
use super::world::World;

/// One badge of the attention strip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Badge {
    /// Its words, such as `14 dead`.
    pub text: String,
    /// Its severity: sorts the badges and gives the colour.
    pub severity: Severity,
    /// The screen that shows its rows.
    pub screen: ScreenId,
    /// The rows or the item to show there.
    pub focus: Focus,
}

/// State of a strip without badges. No data is never healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoBadges {
    /// Every edge is healthy.
    Healthy,
    /// Nothing is wrong, and too little is seen to call it healthy.
    TooFew,
    /// No handoff was seen at all.
    NoData,
    /// Nothing was heard of any source yet.
    Connecting,
}

/// A question that is due sooner than this is named.
const SOON: Millis = 15 * MINUTE;
/// Badges of edges beyond this many become one that counts them.
const EDGES_NAMED: usize = 2;

/// Every badge, worst first.
pub fn badges(world: &World) -> Vec<Badge> {
    let mut all = Vec::new();
    let mut add = |severity, screen, focus, text: String| {
        all.push(Badge { text, severity, screen, focus });
    };
    for feed in &world.feeds {
        if let Link::Down { since, .. } = feed.link() {
            let since = age(since.age(world.now));
            let text = format!("{} unreachable {since}", feed.name);
            add(Severity::Critical, ScreenId::Sources, Focus::Source(feed.id), text);
        } else if *feed.link() == Link::Live && !feed.is_fresh(world.now) {
            let old = age(feed.data_age(world.now).unwrap_or_default());
            let text = format!("{} silent {old}", feed.name);
            add(Severity::Critical, ScreenId::Sources, Focus::Source(feed.id), text);
        }
    }
    let figures = || world.feeds.iter().map(super::feed::Feed::figures);
    // The rows stand worst first, those of a verdict that go on before the ended: no need to walk all of them.
    let tasks = |verdict| -> usize {
        let of = |rows: &[TaskRow]| {
            let worse = rows.partition_point(|it| it.verdict < verdict);
            let same = rows.iter().skip(worse);
            same.take_while(|it| it.verdict == verdict && it.goes_on()).count()
        };
        figures().map(|it| of(&it.notable)).sum()
    };
    for (verdict, one, many) in
        [(TaskVerdict::Looping, "looping", "looping"), (TaskVerdict::RetryStorm, "retry storm", "retry storms")]
    {
        let runs = tasks(verdict);
        if runs > 0 {
            let words = if runs == 1 { one } else { many };
            let text = format!("{runs} {words}");
            add(Severity::Critical, ScreenId::Tasks, Focus::Here, text);
        }
    }
    let dead: usize = figures().flat_map(|it| &it.dead).map(|it| it.count).sum();
    if dead > 0 {
        let text = format!("{} dead", count(dead as u64));
        add(Severity::Critical, ScreenId::DeadLetters, Focus::Here, text);
    }
    let waiting: usize = figures().map(|it| it.inbox.len()).sum();
    if waiting > 0 {
        let late = figures().flat_map(|it| &it.inbox).filter(|it| it.is_overdue()).count();
        let next = figures().flat_map(|it| &it.inbox).filter_map(|it| it.due_in_ms).min();
        let (severity, more) = match (late, next) {
            (0, Some(next)) if next < SOON => (Severity::Warning, format!(", due in {}", age(next))),
            (0, _) => (Severity::Info, String::new()),
            (late, _) => (Severity::Warning, format!(", {late} overdue")),
        };
        let text = format!("{waiting} waiting for you{more}");
        add(severity, ScreenId::Inbox, Focus::Here, text);
    }
    edges(world, &mut add);
    let stalled = tasks(TaskVerdict::Stalled);
    if stalled > 0 {
        add(Severity::Warning, ScreenId::Tasks, Focus::Here, format!("{stalled} stalled"));
    }
    // Somebody waits for this very person: it keeps its place among the critical ones, whatever it looks like.
    all.sort_by_key(|it| match it.screen {
        ScreenId::Inbox => Reverse(Severity::Critical),
        _ => Reverse(it.severity),
    });
    all
}

fn edges(world: &World, add: &mut impl FnMut(Severity, ScreenId, Focus, String)) {
    let rows = || {
        let feeds = world.feeds.iter();
        feeds.flat_map(|feed| feed.figures().edges.iter().map(move |row| (feed, row)))
    };
    for health in [Health::Critical, Health::Warning] {
        let severity = health.severity();
        // What people are asked and are late with is told of the inbox already.
        let bad = || rows().filter(|(_, row)| row.level == health && !row.questions);
        for (feed, row) in bad().take(EDGES_NAMED) {
            let text = format!("{} {}", row.edge, brief(world, feed, row));
            let focus = Focus::Edge(feed.id, row.edge.clone());
            add(severity, ScreenId::Edges, focus, text);
        }
        let more = bad().count().saturating_sub(EDGES_NAMED);
        if more > 0 {
            let s = if more == 1 { "" } else { "s" };
            let text = format!("{more} more edge{s} {}", health.word());
            add(severity, ScreenId::Edges, Focus::Here, text);
        }
    }
    let refused: u32 = rows().map(|(_, row)| row.violation_rate.k).sum();
    if refused > 0 {
        let s = if refused == 1 { "" } else { "s" };
        let text = format!("{} violation{s}/1h", count(u64::from(refused)));
        add(Severity::Warning, ScreenId::Edges, Focus::Here, text);
    }
}

/// The state to show when there are no badges.
pub fn no_badges(world: &World) -> NoBadges {
    let mut rows = world.feeds.iter().flat_map(|it| &it.figures().edges).peekable();
    if world.feeds.iter().any(|it| it.heard_at().is_none()) {
        NoBadges::Connecting
    } else if rows.peek().is_none() {
        NoBadges::NoData
    } else if rows.any(|row| row.level != Health::Healthy) {
        NoBadges::TooFew
    } else {
        NoBadges::Healthy
    }
}
