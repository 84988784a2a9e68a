//! Text of many lines in a window, with a count of what is still below.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::table::scrollbar;
use super::{put, show_marks};
use crate::domain::text;
use crate::theme::{Role, Theme};

/// A long text, wrapped to the window.
#[derive(Clone, Copy, Debug)]
pub struct ScrollText<'a> {
    /// The text as it came; hidden characters are shown as marks.
    pub text: &'a str,
    /// Wrapped lines above the window.
    pub offset: usize,
    /// How it looks.
    pub role: Role,
}

/// What of a text was in the window: an approval unlocks when `end` has once been `total`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The first line shown, from 0; the offset asked for, or less when that was past the end.
    pub start: usize,
    /// One past the last line shown.
    pub end: usize,
    /// Lines in all, at this width.
    pub total: usize,
}

impl ScrollText<'_> {
    /// Draws the window. When lines are left below, the last line says how many.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer, theme: &Theme) -> Seen {
        let height = usize::from(area.height);
        if area.is_empty() {
            return Seen { total: usize::MAX, ..Seen::default() };
        }
        let clean = text::clean_block(self.text);
        let lines = text::wrap(&clean, usize::from(area.width.saturating_sub(1)));
        let total = lines.len();
        let start = self.offset.min(total.saturating_sub(height));
        let below = total - start > height;
        let end = if below { start + height - 1 } else { total };
        for (line, y) in lines[start..end].iter().zip(area.top()..) {
            put(buffer, area.x, y, area.width, line, theme.style(self.role));
        }
        show_marks(area, buffer, theme);
        if below {
            let left = total - end;
            let more = format!("{} {left} more {}", theme.glyphs.tree_open, if left == 1 { "line" } else { "lines" });
            put(buffer, area.x, area.bottom() - 1, area.width.saturating_sub(1), &more, theme.style(Role::Accent));
        }
        scrollbar(area, buffer, theme, start, total);
        Seen { start, end, total }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at_every_size, rows};
    use super::*;

    const TEXT: &str = "Refund invoice 42\nto customer Hansen\u{202e}\nbecause the item arrived broken.";

    #[test]
    fn says_how_much_is_unseen() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 19, 3));
        let text = ScrollText { text: TEXT, offset: 0, role: Role::Text };
        let seen = text.draw(buffer.area, &mut buffer, &Theme::default());
        assert_eq!(seen, Seen { start: 0, end: 2, total: 5 });
        assert_eq!(rows(&buffer)[2], "▾ 3 more lines    │");
        let mut buffer = Buffer::empty(buffer.area);
        let seen = ScrollText { offset: 99, ..text }.draw(buffer.area, &mut buffer, &Theme::default());
        assert_eq!(seen, Seen { start: 2, end: 5, total: 5 });
        assert!(rows(&buffer)[0].starts_with("Hansen⟨U+202E⟩") || rows(&buffer)[0].starts_with("⟨U+202E⟩"));
    }

    #[test]
    fn an_area_too_small_to_show_anything_has_shown_nothing() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 10, 0));
        let seen =
            ScrollText { text: "x", offset: 0, role: Role::Text }.draw(buffer.area, &mut buffer, &Theme::default());
        assert!(seen.end < seen.total);
    }

    #[test]
    fn fits_every_size() {
        at_every_size(|area, buffer, theme| {
            for offset in [0, 2, 99] {
                ScrollText { text: TEXT, offset, role: Role::Text }.draw(area, buffer, theme);
            }
        });
    }
}
