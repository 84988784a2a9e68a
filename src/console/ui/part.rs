//! Stateless widgets: plain values and a theme in, cells out.
//!
//! All of them draw through [`put`], so no text reaches the terminal that was not made harmless, and all of
//! them draw nothing, rather than panic, when there is no room.

pub mod badge;
pub mod dialog;
pub mod flow;
pub mod histogram;
pub mod table;
pub mod tabs;
pub mod trend;
pub mod waterfall;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Block, Borders, Widget};

use crate::domain::environment::{Color, Environment};
use crate::domain::text;
use crate::theme::{Role, Theme};

/// Bytes of one column at most: a character and the marks that [`text::clean`] lets it carry. More text than that
/// cannot fit, so a cell costs by its width even when an agent sends a megabyte.
const BYTES_PER_COLUMN: usize = 32;

/// Writes one line of text at a cell, at most `width` columns, and says how many columns it took. Hidden
/// characters become marks, and what does not fit ends in `…`. Outside the buffer nothing is written.
pub fn put(buffer: &mut Buffer, x: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
    let area = buffer.area;
    let inside = (area.top()..area.bottom()).contains(&y) && (area.left()..area.right()).contains(&x);
    let width = width.min(area.right().saturating_sub(x));
    if !inside || width == 0 {
        return 0;
    }
    let text = head(text, usize::from(width));
    if !text::is_printable_ascii(text) {
        let clean = text::clean(text);
        let fits = text::cut(&clean, usize::from(width));
        let (end, _) = buffer.set_stringn(x, y, fits, usize::from(width), style);
        return end - x;
    }
    // Almost all text is ASCII: one byte is one column, and the cells can be written directly.
    let start = buffer.index_of(x, y);
    let room = usize::from(width);
    let shown = if text.len() > room { room - 1 } else { text.len() };
    let cells = buffer.content.iter_mut().skip(start);
    for (cell, at) in cells.take(shown).zip(0..) {
        cell.set_symbol(&text[at..=at]).set_style(style);
    }
    if text.len() <= room {
        return shown as u16;
    }
    if let Some(cell) = buffer.content.get_mut(start + shown) {
        cell.set_symbol("…").set_style(style);
    }
    width
}

/// All of a text that can matter to so many columns.
fn head(text: &str, columns: usize) -> &str {
    &text[..text.floor_char_boundary((columns + 1) * BYTES_PER_COLUMN)]
}

/// One line of text made harmless and at most so many columns wide, for a widget that writes it itself.
pub fn fit(text: &str, columns: usize) -> String {
    text::cut(&text::clean(head(text, columns)), columns).into_owned()
}

/// Writes as [`put`] does, at the right end of `width` columns.
pub fn put_right(buffer: &mut Buffer, x: u16, y: u16, width: u16, text: &str, style: Style) {
    let taken = text::width(&text::clean(text)).min(usize::from(width)) as u16;
    put(buffer, x + width - taken, y, taken, text, style);
}

/// A titled frame in the look of a role, such as [`Role::Border`] or, for the pane that has the keys,
/// [`Role::BorderFocus`]; what is inside is left to draw in.
pub fn frame(area: Rect, buffer: &mut Buffer, theme: &Theme, title: &str, role: Role) -> Rect {
    let block = Block::new().borders(Borders::ALL).border_set(theme.glyphs.border).border_style(theme.style(role));
    let inside = block.inner(area);
    block.render(area, buffer);
    if !title.is_empty() && area.width > 4 && area.height > 0 {
        let taken = text::width(&text::clean(title)).min(usize::from(area.width - 4)) as u16;
        // The title must not take on the look of the line it lies on.
        clear(Rect::new(area.x + 1, area.y, taken + 2, 1), buffer, theme);
        put(buffer, area.x + 2, area.y, taken, title, theme.style(Role::Strong));
    }
    inside
}

/// A sentence in the middle of an area that has nothing else to show, and why.
pub fn notice(area: Rect, buffer: &mut Buffer, style: Style, sentence: &str) {
    let lines = text::wrap(sentence, usize::from(area.width.saturating_sub(2)));
    let top = area.y + area.height.saturating_sub(lines.len() as u16) / 2;
    for (line, y) in lines.into_iter().zip(top..area.bottom()) {
        let left = area.width.saturating_sub(text::width(line) as u16) / 2;
        put(buffer, area.x + left, y, area.width - left, line, style);
    }
}

/// The look of the word of an environment.
pub const fn of_environment(environment: &Environment) -> Role {
    match environment.color() {
        Color::Danger => Role::Danger,
        Color::Warning => Role::Warning,
        Color::Info => Role::Info,
        Color::Healthy => Role::Healthy,
        Color::Waiting => Role::Waiting,
    }
}

/// Empties an area for what is drawn on top of other things, such as a dialog.
pub fn clear(area: Rect, buffer: &mut Buffer, theme: &Theme) {
    for position in area.intersection(buffer.area).positions() {
        buffer[position].reset();
    }
    buffer.set_style(area, theme.style(Role::Ground));
}

/// Gives the visible marks of hidden characters in an area their own style, so that they are seen at once.
pub fn show_marks(area: Rect, buffer: &mut Buffer, theme: &Theme) {
    let area = area.intersection(buffer.area);
    let style = theme.style(Role::Hidden);
    for y in area.top()..area.bottom() {
        let mut inside = false;
        for x in area.left()..area.right() {
            let cell = &mut buffer[(x, y)];
            let picture = cell.symbol().starts_with(|c| ('␀'..='␡').contains(&c));
            inside |= cell.symbol() == "⟨";
            let last = cell.symbol() == "⟩";
            if inside || picture {
                cell.set_style(style);
            }
            inside &= !last;
        }
    }
}

/// The last pass for terminals without UTF-8: whatever was drawn, only ASCII is left.
pub fn ascii_only(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if !text::is_printable_ascii(cell.symbol()) {
            let twin = text::ascii(cell.symbol()).chars().next().unwrap_or(' ');
            cell.set_char(twin);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Draws into every area from 0x0 to 40x12, at the origin and away from it, in both glyph sets; a widget
    /// must neither panic nor touch a cell outside its area.
    pub(crate) fn at_every_size(mut draw: impl FnMut(Rect, &mut Buffer, &Theme)) {
        for theme in [Theme::default(), Theme::default().ascii()] {
            for (width, height) in (0..=40).flat_map(|width| (0..=12).map(move |height| (width, height))) {
                let area = Rect::new(3, 2, width, height);
                let mut buffer = Buffer::empty(Rect::new(0, 0, width + 6, height + 4));
                draw(area, &mut buffer, &theme);
                for position in buffer.area.positions().filter(|&position| !area.contains(position)) {
                    assert_eq!(buffer[position].symbol(), " ", "{width}x{height} at {position}");
                }
                let mut exact = Buffer::empty(Rect::new(0, 0, width, height));
                draw(exact.area, &mut exact, &theme);
            }
        }
    }

    /// The rows of a buffer as text, without spaces at their ends.
    pub(crate) fn rows(buffer: &Buffer) -> Vec<String> {
        let width = usize::from(buffer.area.width).max(1);
        let rows = buffer.content.chunks(width);
        rows.map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>().trim_end().to_owned())
            .collect()
    }

    #[test]
    fn text_is_cleaned_and_cut_with_a_mark() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 3));
        assert_eq!(put(&mut buffer, 0, 0, 6, "handoff", Style::new()), 6);
        assert_eq!(put(&mut buffer, 0, 1, 12, "a\u{1b}b", Style::new()), 3);
        put_right(&mut buffer, 0, 2, 12, "漢字", Style::new());
        assert_eq!(rows(&buffer), ["hando…", "a␛b", "        漢 字"]);
        let pile = format!("a{}", "\u{301}".repeat(5_000));
        put(&mut buffer, 0, 0, 4, &pile, Style::new());
        assert_eq!(buffer[(3, 0)].symbol(), "…", "what is not even looked at is missing with a mark");
        assert_eq!(put(&mut buffer, 12, 0, 5, "x", Style::new()), 0);
        assert_eq!(put(&mut buffer, 0, 3, 5, "x", Style::new()), 0);
    }

    #[test]
    fn frames_and_notices_fit_every_size() {
        at_every_size(|area, buffer, theme| {
            let inside = frame(area, buffer, theme, "a title of some length", Role::BorderFocus);
            notice(inside, buffer, theme.style(Role::Dim), "nothing here: the link is down since 03:12");
            show_marks(area, buffer, theme);
            clear(inside, buffer, theme);
            ascii_only(buffer);
        });
    }

    #[test]
    fn marks_get_their_style_and_ascii_leaves_only_ascii() {
        let theme = Theme::named("dark").unwrap();
        let mut buffer = Buffer::empty(Rect::new(0, 0, 14, 1));
        put(&mut buffer, 0, 0, 14, "a\u{202e}b▲", Style::new());
        show_marks(buffer.area, &mut buffer, &theme);
        assert_eq!(buffer[(1, 0)].bg, theme.style(Role::Hidden).bg.unwrap());
        assert_ne!(buffer[(9, 0)].bg, theme.style(Role::Hidden).bg.unwrap());
        ascii_only(&mut buffer);
        assert_eq!(rows(&buffer), ["a<U+202E>b!"]);
    }
}
