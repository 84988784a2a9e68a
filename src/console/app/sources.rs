//! Sources: every connection, what it can do, how fresh it is, and what came and could not be used.

use crate::domain::health::{Measures, Window};
use crate::domain::port::{ActKind, SourceId};
use crate::keymap::Action;

use super::binding::Binding;
use super::feed::{Feed, Link};
use super::list::List;
use super::place::Focus;
use super::screen::Screen;
use super::screen_context::ScreenContext;
use super::world::World;

/// The screen of all connections.
#[derive(Debug, Default)]
pub struct Sources {
    /// In the order they were opened.
    pub list: List<SourceId>,
}

impl Screen for Sources {
    fn refresh(&mut self, world: &World) {
        if self.list.rows().len() != world.feeds.len() {
            self.list.settle(world.feeds.iter().map(|it| it.id).collect());
        }
    }

    fn bindings(&self, world: &World) -> Vec<Binding> {
        let mut bindings = Vec::new();
        let feed = self.list.selected().and_then(|id| world.feed(*id));
        if feed.is_some_and(waits) {
            bindings.push(Binding::new(Action::RetryNow));
        }
        bindings.push(Binding::quiet(Action::CopyId));
        bindings.extend(self.list.bindings(false));
        bindings
    }

    fn act(&mut self, cx: &mut ScreenContext<'_>, action: Action) {
        if self.list.act(action, cx.half_page()) {
            return;
        }
        let feed = self.list.selected().and_then(|id| cx.world.feed(*id));
        match (action, feed) {
            (Action::CopyId, Some(feed)) => cx.copy(&feed.name, "the name"),
            (Action::RetryNow, Some(feed)) if waits(feed) => cx.retry(feed.id),
            _ => {}
        }
    }

    fn click(&mut self, _: &mut ScreenContext<'_>, row: usize) {
        self.list.click(row);
    }

    fn show(&mut self, _world: &World, focus: &Focus) {
        if let Focus::Source(id) = focus {
            self.list.select(id);
        }
    }
}

/// Whether the link is down and waits for its next try (backoff).
fn waits(feed: &Feed) -> bool {
    matches!(feed.link(), Link::Down { .. })
}

/// Events in a second, over the last minute of the source's own time.
pub fn pace(feed: &Feed) -> f64 {
    let edges = feed.ledger().edges();
    let events: u32 =
        edges.flat_map(|it| it.windows.total(Window::OneMinute).counts.iter()).map(|(_, count)| count).sum();
    f64::from(events) / 60.0
}

/// Measurements that a source may have: the name, whether it has it, and what that means for the screens. Empty
/// before it was connected once.
pub fn measures(feed: &Feed) -> Vec<(&'static str, bool, &'static str)> {
    let Some(can) = feed.can() else {
        return Vec::new();
    };
    let Measures { latency, retries, violations } = can.measured.everywhere;
    vec![
        ("latency", latency, "no acknowledgements: P95 is not measured"),
        ("retries", retries, "attempts are not seen"),
        ("violations", violations, "refused contracts are not seen"),
        ("bodies", can.bodies, "bodies cannot be fetched"),
        ("timelines", can.timelines, "the history of a run cannot be fetched"),
    ]
}

/// The edges on which it measures less than elsewhere, and what it does not measure there, a line each.
pub fn exceptions(feed: &Feed) -> Vec<String> {
    let Some(can) = feed.can() else {
        return Vec::new();
    };
    let elsewhere = can.measured.everywhere.missing();
    let less = can.measured.edges.iter().filter_map(|(edge, measures)| {
        let missing: Vec<_> = measures.missing().into_iter().filter(|it| !elsewhere.contains(it)).collect();
        (!missing.is_empty()).then(|| format!("{} not on {edge}", missing.join(" and ")))
    });
    less.collect()
}

/// The acts a source can perform, and those it cannot, by the reason.
pub fn acts(feed: &Feed) -> (Vec<String>, Vec<(&str, Vec<String>)>) {
    let (mut able, mut unable) = (Vec::new(), Vec::<(&str, Vec<String>)>::new());
    let Some(can) = feed.can() else {
        return (able, unable);
    };
    for act in ActKind::ALL {
        let phrases = match can.may(*act) {
            Ok(()) => &mut able,
            Err(why) => {
                let nth = unable.iter().position(|it| it.0 == why).unwrap_or(unable.len());
                if nth == unable.len() {
                    unable.push((why, Vec::new()));
                }
                &mut unable[nth].1
            }
        };
        let phrase = act.row().phrase();
        if !phrases.contains(&phrase) {
            phrases.push(phrase);
        }
    }
    (able, unable)
}
