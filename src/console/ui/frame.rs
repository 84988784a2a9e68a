//! The frame around every screen: the attention strip and the messages.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::part;
use super::part::badge::{Badge, badges, glyph};
use crate::console::app::State;
use crate::console::app::attention::{NoBadges, no_badges};
use crate::console::app::msg::HitTarget;
use crate::console::app::toast::Tone;
use crate::domain::severity::Severity;
use crate::domain::text;
use crate::theme::Role;

/// Draws the attention strip: worst first, every badge clickable. Stale data is dimmed and says how old it is.
pub(super) fn strip(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let world = &state.world;
    let old = !world.feeds.is_empty() && !world.feeds.iter().any(|it| it.is_fresh(world.now));
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area };
    if state.badges.is_empty() {
        let (role, words) = match no_badges(world) {
            NoBadges::Healthy => (Role::Healthy, "all edges healthy"),
            NoBadges::TooFew => (Role::Dim, "nothing wrong, but too little seen lately to call it healthy"),
            NoBadges::NoData => (Role::Dim, "no handoff seen yet: nothing is known to be healthy"),
            NoBadges::Connecting => (Role::Dim, "connecting: nothing is known yet"),
        };
        let words = format!("{} {words}", glyph(canvas.theme, role));
        let style = canvas.theme.style(role);
        part::put(canvas.buffer, area.x, area.y, area.width, &words, style);
        return;
    }
    let shown: Vec<Badge> = state
        .badges
        .iter()
        .map(|it| Badge {
            text: it.text.clone(),
            role: match it.severity {
                it if old && it != Severity::Critical => Role::Stale,
                Severity::Critical => Role::BadgeCritical,
                Severity::Warning => Role::BadgeWarning,
                Severity::Info | Severity::Fine | Severity::Quiet => Role::BadgeInfo,
            },
        })
        .collect();
    let places = badges(&shown, area, canvas.buffer, canvas.theme);
    for (nth, place) in places.into_iter().enumerate() {
        let width = place.end - place.start;
        let place = Rect { x: place.start, width, ..area };
        canvas.hit(place, HitTarget::Badge(nth));
    }
}

/// Draws what just happened above the footer, at the right, and the countdown of dismissals that wait.
pub(super) fn toasts(canvas: &mut Canvas<'_>, state: &State) {
    let mut lines: Vec<(Role, String)> = state
        .toasts
        .iter()
        .map(|it| {
            let role = match it.tone {
                Tone::Plain => Role::Info,
                Tone::Good => Role::Healthy,
                Tone::Bad => Role::Warning,
            };
            (role, it.text.clone())
        })
        .collect();
    for it in state.acting.pending() {
        let left = ((it.due - state.world.now).max(0) + 999) / 1000;
        let what = match it.targets.as_slice() {
            [one] => one.label.clone(),
            many => format!("{} handoffs", many.len()),
        };
        lines.push((Role::Warning, format!("dismissed in {left} s, z takes it back: {what}")));
    }
    let area = canvas.area;
    let room = usize::from(area.width.saturating_sub(4));
    let bottom = (0..area.bottom()).rev();
    for ((role, line), y) in lines.into_iter().rev().zip(bottom).take(usize::from(area.height)) {
        let line = text::clean(&line);
        let shown = format!(" {} ", text::cut(&line, room));
        let width = text::width(&shown) as u16;
        let place = Rect { x: area.right().saturating_sub(width), y, width, height: 1 };
        // The whole line: half a sentence of what is below it, run into the message, would be read as one.
        let line = Rect { x: area.x, width: area.width, ..place };
        part::clear(line, canvas.buffer, canvas.theme);
        let style = canvas.theme.style(role);
        part::put(canvas.buffer, place.x, y, width, &shown, style);
    }
}
