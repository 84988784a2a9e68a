//! The status line: where you are, how fresh it is, who acts, what time it is.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::part;
use crate::console::app::State;
use crate::console::app::feed::{Feed, Link};
use crate::console::app::world::TimeFormat;
use crate::domain::text::{age, clean, count, cut_middle, width};
use crate::domain::time::{SECOND, Time};
use crate::theme::Role;

/// Data is called live without an age while it is younger, in milliseconds: a heartbeat (sign of life) comes every
/// second or two.
const JUST_NOW: i64 = 3 * SECOND;

/// Columns between two pieces of the line.
const GAP: usize = 2;
/// Below so many columns a name says nothing.
const SHORTEST_NAME: usize = 8;

/// One piece of the line.
struct Piece {
    keep: Keep,
    role: Role,
    words: String,
}

/// Pieces that a narrow terminal loses, the first first. The link and the age of the data are never lost: without
/// them a number that does not move looks like a number that is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Keep {
    Context,
    Program,
    Operator,
    Clock,
    ReadOnly,
    Environment,
    Frozen,
    Link,
}

/// Draws the line: the clock at the right end, all else from the left.
pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let mut pieces = pieces(canvas, state);
    fit(&mut pieces, usize::from(area.width.saturating_sub(2)));
    let end = area.right().saturating_sub(1);
    let mut x = area.x + 1;
    for Piece { keep, role, words } in pieces {
        let style = canvas.theme.style(role);
        if keep == Keep::Clock {
            x = end.saturating_sub(width(&words) as u16);
        }
        let room = end.saturating_sub(x);
        x += part::put(canvas.buffer, x, area.y, room, &words, style) + GAP as u16;
    }
}

/// Leaves out what matters least until the rest fits. A long name gets shorter before it goes.
fn fit(pieces: &mut Vec<Piece>, room: usize) {
    loop {
        let used: usize = pieces.iter().map(|it| width(&it.words) + GAP).sum();
        let over = used.saturating_sub(GAP + room);
        let first_to_go = (0..pieces.len()).min_by_key(|&at| pieces[at].keep);
        let Some(at) = first_to_go.filter(|&at| over > 0 && pieces[at].keep < Keep::Link) else {
            return;
        };
        let left = width(&pieces[at].words).saturating_sub(over);
        if pieces[at].keep == Keep::Context && left >= SHORTEST_NAME {
            pieces[at].words = cut_middle(&pieces[at].words, left).into_owned();
            return;
        }
        pieces.remove(at);
    }
}

fn pieces(canvas: &Canvas<'_>, state: &State) -> Vec<Piece> {
    let world = &state.world;
    let mut all = Vec::new();
    let mut piece = |keep, role, words: &str| {
        let words = clean(words).into_owned();
        all.push(Piece { keep, role, words });
    };
    piece(Keep::Program, Role::Accent, "seam");
    let place = &state.place;
    let environment = &place.environment;
    if !environment.word().is_empty() {
        piece(Keep::Environment, part::of_environment(environment), environment.word());
    }
    if !place.title.is_empty() {
        piece(Keep::Context, Role::Strong, &place.title);
    }
    if let Some(frozen) = world.frozen {
        let unseen: u64 = world.feeds.iter().map(Feed::unseen).sum();
        let words = format!("FROZEN {}, {} new", age(frozen.age(world.now)), count(unseen));
        piece(Keep::Frozen, Role::Warning, &words);
    }
    for (role, words) in links(canvas, &world.feeds, world.now) {
        piece(Keep::Link, role, &words);
    }
    if world.locked.is_some() {
        piece(Keep::ReadOnly, Role::Info, "READ-ONLY");
    } else if !world.feeds.iter().all(Feed::is_recording) {
        let mut names: Vec<&str> = world.feeds.iter().map(|it| world.you(it.id)).collect();
        names.sort_unstable();
        names.dedup();
        let names = names.join(", ");
        let words = format!("operator {}", names.strip_prefix("operator").unwrap_or(&names));
        piece(Keep::Operator, Role::Dim, words.trim_end());
    }
    piece(Keep::Clock, Role::Dim, &clock(state));
    all
}

/// One source says all of itself; of several, those that are not well do, and the rest are counted.
fn links(canvas: &Canvas<'_>, feeds: &[Feed], now: Time) -> Vec<(Role, String)> {
    let glyphs = &canvas.theme.glyphs;
    let word = |feed: &Feed| -> (Role, String) {
        if let Some(replay) = feed.replay() {
            let (at, length) = (feed.ledger().now(), replay.until - replay.from);
            let share = (at - replay.from) * 100 / length.max(1);
            let how = match (replay.ended, replay.paused, replay.speed) {
                (true, ..) => "ended".to_owned(),
                (_, true, _) => "paused".to_owned(),
                (_, _, Some(speed)) => format!("x{speed}"),
                (_, _, None) => "max".to_owned(),
            };
            return (Role::Info, format!("{} replay {how} {}%", glyphs.arrow_right, share.clamp(0, 100)));
        }
        let old = feed.data_age(now);
        match (feed.link(), old) {
            (Link::Down { retry_at, .. }, _) => {
                let left = ((*retry_at - now).max(0) + SECOND - 1) / SECOND;
                let data = old.map_or("no data".to_owned(), |it| format!("data {} old", age(it)));
                (Role::Critical, format!("{} down, {data}, retry in {left}s", glyphs.critical))
            }
            (Link::Connecting, _) | (_, None) => (Role::Warning, format!("{} connecting", glyphs.unknown)),
            (Link::Live, Some(old)) if !feed.is_fresh(now) => {
                (Role::Critical, format!("{} silent, data {} old", glyphs.warning, age(old)))
            }
            (Link::Live, Some(old)) if old >= JUST_NOW => {
                (Role::Healthy, format!("{} live {}", glyphs.healthy, age(old)))
            }
            (Link::Live, Some(_)) => (Role::Healthy, format!("{} live", glyphs.healthy)),
        }
    };
    match feeds {
        [one] => vec![word(one)],
        many => {
            let (well, ill): (Vec<&Feed>, Vec<&Feed>) = many.iter().partition(|it| it.is_fresh(now));
            let mut all = Vec::new();
            if !well.is_empty() {
                all.push((Role::Healthy, format!("{} {} live", glyphs.healthy, well.len())));
            }
            all.extend(ill.into_iter().map(|feed| {
                let (role, words) = word(feed);
                (role, format!("{} {words}", feed.name))
            }));
            all
        }
    }
}

/// The time of a lone recording is its own.
fn clock(state: &State) -> String {
    let world = &state.world;
    let (at, form) = match world.feeds.as_slice() {
        [one] if one.is_recording() => (one.ledger().now(), "%Y-%m-%d %H:%M:%S"),
        _ => (world.now + -world.set_back, "%H:%M:%S"),
    };
    match world.time_format {
        TimeFormat::Local => world.local(at).utc().format(form).to_string() + " local",
        TimeFormat::Utc | TimeFormat::Relative => at.utc().format(form).to_string() + " UTC",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(room: usize) -> String {
        let mut pieces: Vec<Piece> = [
            (Keep::Program, "seam"),
            (Keep::Environment, "PROD"),
            (Keep::Context, "the-cluster-in-frankfurt"),
            (Keep::Link, "down, data 3s old, retry in 4s"),
            (Keep::Operator, "operator dana"),
            (Keep::Clock, "03:12:45 UTC"),
        ]
        .map(|(keep, words)| Piece { keep, role: Role::Text, words: words.to_owned() })
        .into();
        fit(&mut pieces, room);
        let words: Vec<String> = pieces.into_iter().map(|it| it.words).collect();
        words.join("|")
    }

    #[test]
    fn the_link_and_its_age_are_the_last_to_go() {
        let link = "down, data 3s old, retry in 4s";
        assert_eq!(left(85), format!("seam|PROD|the-cl…kfurt|{link}|operator dana|03:12:45 UTC"));
        assert_eq!(left(60), format!("PROD|{link}|03:12:45 UTC"));
        assert_eq!(left(38), format!("PROD|{link}"));
        assert_eq!(left(20), link, "cut with a mark where it is drawn");
    }
}
