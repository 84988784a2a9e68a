//! The attention strip: what needs a look, worst first.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::put;
use crate::domain::text;
use crate::theme::{Role, Theme};

/// Columns between two badges.
const GAP: u16 = 2;

/// One badge: a glyph, a few words, and how bad it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Badge {
    /// Its words, such as `14 dead`.
    pub text: String,
    /// [`Role::BadgeCritical`], [`Role::BadgeWarning`], [`Role::BadgeInfo`] or a health role.
    pub role: Role,
}

/// Draws badges on one line, in the order given, and says where each lies, for the mouse. Those without room are
/// counted at the end (`+3`) and have no place.
pub fn badges(badges: &[Badge], area: Rect, buffer: &mut Buffer, theme: &Theme) -> Vec<Range<u16>> {
    let mut places = Vec::new();
    if area.is_empty() {
        return places;
    }
    let mut x = area.x;
    for (at, badge) in badges.iter().enumerate() {
        let width = (text::width(&text::clean(&badge.text)) + 2).min(usize::from(u16::MAX)) as u16;
        let left = badges.len() - at;
        let more = format!("+{left}");
        // All but the last must leave room for the count of those that will not fit.
        let reserve = if left > 1 { GAP + more.len() as u16 } else { 0 };
        let room = area.right().saturating_sub(x);
        if width.saturating_add(reserve) > room && at > 0 {
            put(buffer, x, area.y, room, &more, theme.style(Role::Dim));
            break;
        }
        let shown = format!("{} {}", glyph(theme, badge.role), badge.text);
        let used = put(buffer, x, area.y, room, &shown, theme.style(badge.role));
        places.push(x..x + used);
        x = (x + used + GAP).min(area.right());
    }
    places
}

/// The sign that goes with a role.
pub const fn glyph(theme: &Theme, role: Role) -> &'static str {
    match role {
        Role::Healthy => theme.glyphs.healthy,
        Role::Warning | Role::BadgeWarning => theme.glyphs.warning,
        Role::Critical | Role::BadgeCritical | Role::Danger => theme.glyphs.critical,
        Role::Waiting | Role::BadgeInfo => theme.glyphs.waiting,
        _ => theme.glyphs.unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at_every_size, rows};
    use super::*;

    fn some() -> Vec<Badge> {
        let badge = |text: &str, role| Badge { text: text.to_owned(), role };
        vec![
            badge("14 dead", Role::BadgeCritical),
            badge("2 looping", Role::BadgeWarning),
            badge("3 waiting for you", Role::BadgeInfo),
        ]
    }

    #[test]
    fn badges_have_glyphs_and_places() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 50, 1));
        let places = badges(&some(), buffer.area, &mut buffer, &Theme::default());
        assert_eq!(rows(&buffer), ["✕ 14 dead  ▲ 2 looping  ◆ 3 waiting for you"]);
        assert_eq!(places, [0..9, 11..22, 24..43]);
    }

    #[test]
    fn those_without_room_are_counted() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 26, 1));
        let places = badges(&some(), buffer.area, &mut buffer, &Theme::default());
        assert_eq!(rows(&buffer), ["✕ 14 dead  ▲ 2 looping  +1"]);
        assert_eq!(places.len(), 2);
    }

    #[test]
    fn fits_every_size() {
        at_every_size(|area, buffer, theme| {
            for place in badges(&some(), area, buffer, theme) {
                assert!(area.left() <= place.start && place.end <= area.right());
            }
        });
    }
}
