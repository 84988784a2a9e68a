//! One connection: its link, its replay, what it can do, and what of it could not be used.

use std::borrow::Borrow;

use ratatui::layout::Rect;

use super::{counted, state_of};
use crate::console::app::State;
use crate::console::app::feed::{Feed, Link};
use crate::console::app::sources::{acts, exceptions, measures, pace};
use crate::console::ui::canvas::Canvas;
use crate::console::ui::part;
use crate::domain::health::Window;
use crate::domain::port::Replay;
use crate::domain::text::{age, ago, clean, count, width, wrap};
use crate::domain::time::{ClockStep, Time};
use crate::theme::Role;

/// Columns of the names of facts.
const NAMES: u16 = 12;
/// Edges, at most, that are named because less is measured there.
const EXCEPTIONS: usize = 4;

/// Draws it in a frame.
pub(super) fn draw(feed: &Feed, state: &State, canvas: &mut Canvas<'_>) {
    let inside = part::frame(canvas.area, canvas.buffer, canvas.theme, &feed.name, Role::Border);
    let mut page = Page { canvas: canvas.within(inside), y: 0 };
    link(feed, state, &mut page);
    if let Some(replay) = feed.replay() {
        position(replay, &mut page);
    }
    abilities(feed, &mut page);
    trouble(feed, &mut page);
}

struct Page<'a> {
    canvas: Canvas<'a>,
    y: u16,
}

impl Page<'_> {
    /// A fact under its name, over as many lines as it needs.
    fn fact(&mut self, name: &str, role: Role, text: &str) {
        self.canvas.put(1, self.y, Role::Dim, name);
        let room = usize::from(self.canvas.area.width.saturating_sub(NAMES + 3));
        for line in wrap(&clean(text), room.max(8)) {
            self.canvas.put(1 + NAMES, self.y, role, line);
            self.y += 1;
        }
    }

    fn gap(&mut self) {
        self.y += 1;
    }
}

fn link(feed: &Feed, state: &State, page: &mut Page<'_>) {
    let now = state.world.now;
    let (role, words) = state_of(feed, now);
    page.fact("state", role, &words);
    if let Link::Down { why, .. } = feed.link() {
        page.fact("last error", Role::Warning, &why.to_string());
    }
    let heard = match feed.data_age(now) {
        None => "nothing was heard yet".to_owned(),
        Some(_) if feed.is_recording() => "a recording: its time is its own".to_owned(),
        Some(old) if feed.behind() > 0 => {
            format!("last heard {}, {} behind", ago(old), counted(feed.behind(), "event", "events"))
        }
        Some(old) => format!("last heard {}", ago(old)),
    };
    page.fact("data", Role::Text, &heard);
    if let Some(ClockStep { at, by_ms }) = feed.clock() {
        let (by, at) = (age(by_ms.abs()), at.utc().format("%Y-%m-%d %H:%M:%S UTC"));
        let how = if by_ms < 0 { "was set back" } else { "went forward" };
        page.fact("clock", Role::Warning, &format!("the clock of the source {how} {by} and said {at} then"));
    }
    let ledger = feed.ledger();
    let edges = counted(ledger.edges().len() as u64, "edge", "edges");
    // What people are asked about is open between agents already.
    let agents = ledger.edges().filter(|it| !it.asks_people(it.windows.total(Window::All)));
    let open = counted(agents.map(|it| it.open.len() as u64).sum(), "open handoff", "open handoffs");
    let folded = counted(ledger.folded(), "event", "events");
    if let Some(Ok(url)) = feed.can().map(|it| it.agents.as_ref()) {
        page.fact("agents", Role::Text, &format!("reach it at {url}"));
    }
    page.fact("seen", Role::Text, &format!("{folded}, {:.1} a second, {edges}, {open}", pace(feed)));
    page.gap();
}

/// Draws the position of a replay: a bar from the first event to the last, with both their times.
fn position(replay: &Replay, page: &mut Page<'_>) {
    let stamp = |at: Time| at.utc().format("%Y-%m-%d %H:%M:%S").to_string();
    page.canvas.put(1, page.y, Role::Dim, "position");
    let (from, until) = (stamp(replay.from), stamp(replay.until));
    let canvas = &mut page.canvas;
    let room = canvas.area.width.saturating_sub(NAMES + 4);
    let (span, gone) = ((replay.until - replay.from).max(1), replay.at - replay.from);
    let share = gone as f64 / span as f64;
    let bar = room.saturating_sub(6).clamp(4, 80);
    let done = (share.clamp(0.0, 1.0) * f64::from(bar)).round() as usize;
    let glyphs = canvas.theme.glyphs;
    canvas.put(1 + NAMES, page.y, Role::Info, &glyphs.bar[7].repeat(done));
    let left = 1 + NAMES + done as u16;
    canvas.put(left, page.y, Role::Border, &glyphs.line.repeat(usize::from(bar) - done));
    canvas.put(2 + NAMES + bar, page.y, Role::Text, &format!("{:.0}%", share * 100.0));
    page.y += 1;
    page.fact("", Role::Text, &format!("{} now, from {from} until {until}", stamp(replay.at)));
    let speed = replay.speed.map_or("as fast as possible".to_owned(), |it| format!("{it} s in one"));
    let how = if replay.paused { "paused; . goes on" } else { ". pauses" };
    page.fact("speed", Role::Text, &format!("{speed}; < slower, > faster, [ back, ] forward, {how}"));
    if replay.shared_ids > 0 {
        let ids = counted(replay.shared_ids as u64, "id of a handoff stands", "ids of handoffs stand");
        page.fact("ids", Role::Text, &format!("{ids} in several runs: the run is in front of it, RUN/ID"));
    }
    page.gap();
}

fn abilities(feed: &Feed, page: &mut Page<'_>) {
    if feed.can().is_none() {
        page.fact("can", Role::Dim, "not known before it is connected");
        return page.gap();
    }
    let all = measures(feed);
    let seen: Vec<&str> = all.iter().filter(|it| it.1).map(|it| it.0).collect();
    page.fact("measures", Role::Text, &listed(&seen));
    for (_, _, why) in all.iter().filter(|it| !it.1) {
        page.fact("", Role::Disabled, why);
    }
    let exceptions = exceptions(feed);
    for line in exceptions.iter().take(EXCEPTIONS) {
        page.fact("", Role::Disabled, line);
    }
    if let Some(more @ 1..) = exceptions.len().checked_sub(EXCEPTIONS) {
        page.fact("", Role::Disabled, &format!("and so on {more} more"));
    }
    let (able, unable) = acts(feed);
    if let ([], [(why, _)]) = (&*able, &*unable) {
        page.fact("can", Role::Disabled, &format!("nothing: {why}"));
    } else {
        page.fact("can", Role::Text, &listed(&able));
        for (why, acts) in unable {
            page.fact("cannot", Role::Disabled, &format!("{}: {why}", listed(&acts)));
        }
    }
    page.gap();
}

fn listed<T: Borrow<str>>(names: &[T]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// Draws the trouble with the input: irregular events that did not fit, and skipped lines that could not be used.
fn trouble(feed: &Feed, page: &mut Page<'_>) {
    let odd = feed.ledger().irregular();
    if odd.is_empty() && feed.skipped().is_empty() {
        return page.fact("trouble", Role::Dim, "none: every event fitted and could be used");
    }
    if !odd.is_empty() {
        let parts: Vec<String> = odd.iter().map(|(kind, n)| format!("{} {}", count(*n), kind.words())).collect();
        page.fact("irregular", Role::Text, &parts.join(", "));
        page.fact("", Role::Dim, "counted, and kept out of the numbers they would falsify");
    }
    for it in feed.skipped() {
        let (area, y) = (page.canvas.area, page.y);
        if y >= area.height {
            return;
        }
        page.canvas.put(1, y, Role::Dim, "unusable");
        let first = if it.first == 0 { String::new() } else { format!(", first at line {}", it.first) };
        let what = format!("{} {}{first}: ", count(it.count), it.cause);
        let used = page.canvas.put(1 + NAMES, y, Role::Warning, &what);
        let rest = Rect {
            x: area.x + 1 + NAMES + used,
            y: area.y + y,
            width: area.width.saturating_sub(2 + NAMES + used),
            height: 1,
        };
        if width(&what) > 0 {
            page.canvas.within(rest).put(0, 0, Role::Dim, &it.example);
        }
        page.y += 1;
    }
}
