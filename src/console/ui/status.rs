//! The status line: where you are, how fresh it is, who acts, what time it is.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::part;
use crate::console::app::State;
use crate::console::app::feed::{Feed, Link};
use crate::console::app::world::Face;
use crate::domain::text::{age, clean, count, width};
use crate::domain::time::{SECOND, Time};
use crate::theme::Role;

/// Data is called live without an age while it is younger: a sign of life comes every second or two.
const JUST_NOW: i64 = 3 * SECOND;

/// Draws the line. What does not fit is left out from the right, the clock last.
pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let clock = clock(state);
    let clock_at = area.right().saturating_sub(width(&clock) as u16 + 1);
    let mut x = area.x + 1;
    for (role, words) in segments(canvas, state) {
        let room = clock_at.saturating_sub(x + 1);
        let wanted = width(&clean(&words)) as u16;
        if wanted > room && room < 8 {
            break;
        }
        let style = canvas.theme.style(role);
        x += part::put(canvas.buffer, x, area.y, room, &words, style) + 2;
    }
    let style = canvas.theme.style(Role::Dim);
    part::put(
        canvas.buffer,
        clock_at,
        area.y,
        area.right() - clock_at,
        &clock,
        style,
    );
}

fn segments(canvas: &Canvas<'_>, state: &State) -> Vec<(Role, String)> {
    let world = &state.world;
    let mut all = vec![(Role::Accent, "seam".to_owned())];
    let place = &state.place;
    if !place.environment.is_empty() {
        let role = if place.is_production() {
            Role::Danger
        } else {
            Role::Info
        };
        all.push((role, place.environment.clone()));
    }
    if !place.context.is_empty() {
        all.push((Role::Strong, place.context.clone()));
    }
    if let Some(frozen) = world.frozen {
        let unseen: u64 = world.feeds.iter().map(Feed::unseen).sum();
        let words = format!(
            "FROZEN {}, {} new",
            age(frozen.age(world.now)),
            count(unseen)
        );
        all.push((Role::Warning, words));
    }
    all.extend(links(canvas, &world.feeds, world.now));
    if world.readonly {
        all.push((Role::Info, "READ-ONLY".to_owned()));
    } else if !world.feeds.iter().all(Feed::is_recording) {
        let name = world
            .operator
            .strip_prefix("operator")
            .unwrap_or(&world.operator);
        all.push((Role::Dim, format!("operator {name}").trim_end().to_owned()));
    }
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
            return (
                Role::Info,
                format!(
                    "{} replay {how} {}%",
                    glyphs.arrow_right,
                    share.clamp(0, 100)
                ),
            );
        }
        let old = feed.data_age(now);
        match (feed.link(), old) {
            (Link::Down { retry_at, .. }, _) => {
                let left = ((*retry_at - now).max(0) + SECOND - 1) / SECOND;
                let data = old.map_or("no data".to_owned(), |it| format!("data {} old", age(it)));
                (
                    Role::Critical,
                    format!("{} down, {data}, retry in {left}s", glyphs.critical),
                )
            }
            (Link::Connecting, _) | (_, None) => {
                (Role::Warning, format!("{} connecting", glyphs.unknown))
            }
            (Link::Live, Some(old)) if !feed.is_fresh(now) => (
                Role::Critical,
                format!("{} silent, data {} old", glyphs.warning, age(old)),
            ),
            (Link::Live, Some(old)) if old >= JUST_NOW => (
                Role::Healthy,
                format!("{} live {}", glyphs.healthy, age(old)),
            ),
            (Link::Live, Some(_)) => (Role::Healthy, format!("{} live", glyphs.healthy)),
        }
    };
    match feeds {
        [one] => vec![word(one)],
        many => {
            let (well, ill): (Vec<&Feed>, Vec<&Feed>) =
                many.iter().partition(|it| it.is_fresh(now));
            let mut all = Vec::new();
            if !well.is_empty() {
                all.push((
                    Role::Healthy,
                    format!("{} {} live", glyphs.healthy, well.len()),
                ));
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
        _ => (world.now, "%H:%M:%S"),
    };
    match world.face {
        Face::Local => (at + world.local_offset).utc().format(form).to_string() + " local",
        Face::Utc | Face::Relative => at.utc().format(form).to_string() + " UTC",
    }
}
