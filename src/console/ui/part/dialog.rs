//! A centred box that says exactly what will happen, and asks.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{clear, frame, put, show_marks};
use crate::domain::text;
use crate::theme::{Role, Theme};

/// The widest a dialog gets: longer lines are hard to read.
const WIDEST: u16 = 78;
/// Below this many columns it takes all of them.
const NARROW: u16 = 60;

/// A question with buttons. The app puts the focus on Cancel first.
#[derive(Clone, Copy, Debug)]
pub struct Dialog<'a> {
    /// The act, such as `Requeue 14 dead letters`.
    pub title: &'a str,
    /// Consequences of the act, a paragraph each; wrapped to the box.
    pub body: &'a [(Role, String)],
    /// Wrapped lines of the body above the window.
    pub offset: usize,
    /// Label and text of a line to type, such as the reason.
    pub input: Option<(&'a str, &'a str)>,
    /// The buttons, left to right.
    pub buttons: &'a [&'a str],
    /// Index of the button that enter would press.
    pub focus: usize,
    /// The look of the border: that of the environment or [`Role::BorderDanger`] when it changes something, else
    /// [`Role::BorderFocus`].
    pub role: Role,
    /// Word of the environment, before the title and in the look of the border; empty for none.
    pub environment: &'a str,
}

/// Places of the parts of a dialog.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placed {
    /// The whole box.
    pub area: Rect,
    /// Each button, for the mouse.
    pub buttons: Vec<Rect>,
    /// Start of the typed text, for the cursor; `None` when nothing is typed.
    pub input: Option<Rect>,
    /// Lines of the body that are below the window.
    pub unseen: usize,
    /// Largest scroll offset of the body, in lines; 0 when all of it is seen.
    pub last_offset: usize,
}

impl Dialog<'_> {
    /// Draws the box in the middle of the screen.
    pub fn draw(&self, screen: Rect, buffer: &mut Buffer, theme: &Theme) -> Placed {
        let margin = if screen.width < NARROW { 0 } else { 4 };
        let width = (screen.width - margin).min(WIDEST);
        let inner = usize::from(width.saturating_sub(4));
        let body: Vec<(Role, &str)> = self
            .body
            .iter()
            .flat_map(|(role, paragraph)| text::wrap(paragraph, inner).into_iter().map(|line| (*role, line)))
            .collect();
        let below_body = 2 + 2 * u16::from(self.input.is_some());
        let wanted = (body.len().min(999) as u16) + below_body + 2;
        // The empty line above the buttons goes before a line of text does.
        let below_body = below_body - u16::from(wanted > screen.height);
        let height = wanted.min(screen.height);
        let area = Rect {
            x: screen.x + (screen.width - width) / 2,
            y: screen.y + (screen.height - height) / 2,
            width,
            height,
        };
        if area.is_empty() {
            return Placed { unseen: body.len(), ..Placed::default() };
        }
        clear(area, buffer, theme);
        let inside = if self.environment.is_empty() {
            frame(area, buffer, theme, self.title, self.role)
        } else {
            let title = format!("{}: {}", self.environment, self.title);
            let inside = frame(area, buffer, theme, &title, self.role);
            put(buffer, area.x + 2, area.y, area.width.saturating_sub(4), self.environment, theme.style(self.role));
            inside
        };
        let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };

        // From the bottom up, as buttons and input must be seen even when the body is long.
        let body_height = usize::from(inside.height.saturating_sub(below_body));
        let unseen = self.draw_body(Rect { height: body_height as u16, ..inside }, &body, buffer, theme);
        let buttons_y = inside.bottom().saturating_sub(1).max(inside.y);
        let input = self.input.filter(|_| inside.height >= 3).map(|(label, typed)| {
            let y = buttons_y - 2;
            let used = put(buffer, inside.x, y, inside.width, label, theme.style(Role::Dim));
            let room = Rect { x: inside.x + used, y, width: inside.width - used, height: 1 };
            let field = Rect { x: room.x + room.width.min(1), width: room.width.saturating_sub(1), ..room };
            buffer.set_style(field, theme.style(Role::Input));
            // The end of the text is where the typing happens: the beginning is cut.
            let shown = tail(typed, usize::from(field.width.saturating_sub(1)));
            put(buffer, field.x, y, field.width, shown, theme.style(Role::Input));
            field
        });
        let buttons = if inside.height == 0 {
            Vec::new()
        } else {
            self.draw_buttons(Rect { y: buttons_y, height: 1, ..inside }, buffer, theme)
        };
        Placed { area, buttons, input, unseen, last_offset: body.len().saturating_sub(body_height) }
    }

    fn draw_body(&self, area: Rect, body: &[(Role, &str)], buffer: &mut Buffer, theme: &Theme) -> usize {
        let height = usize::from(area.height);
        let start = self.offset.min(body.len().saturating_sub(height));
        let below = body.len() - start > height;
        let shown = if below { height.saturating_sub(1) } else { body.len() - start };
        for ((role, line), y) in body[start..start + shown].iter().zip(area.top()..) {
            put(buffer, area.x, y, area.width, line, theme.style(*role));
        }
        show_marks(area, buffer, theme);
        let unseen = body.len() - start - shown;
        if below && height > 0 {
            let more = format!("{} {unseen} more lines", theme.glyphs.tree_open);
            put(buffer, area.x, area.bottom() - 1, area.width, &more, theme.style(Role::Accent));
        }
        unseen
    }

    fn draw_buttons(&self, area: Rect, buffer: &mut Buffer, theme: &Theme) -> Vec<Rect> {
        let wanted: usize = self.buttons.iter().map(|button| text::width(button) + 6).sum();
        let mut x = area.x + area.width.saturating_sub(wanted.saturating_sub(2) as u16);
        self.buttons
            .iter()
            .enumerate()
            .map(|(at, button)| {
                let focused = at == self.focus;
                let style = theme.style(if focused { Role::ButtonFocus } else { Role::Button });
                let room = area.right().saturating_sub(x);
                let used = put(buffer, x, area.y, room, &format!("[ {button} ]"), style);
                let place = Rect { x, width: used, ..area };
                x = (x + used + 2).min(area.right());
                place
            })
            .collect()
    }
}

/// The longest end of whole characters that fits.
fn tail(typed: &str, columns: usize) -> &str {
    let mut from = 0;
    while text::width(&typed[from..]) > columns {
        from += typed[from..].chars().next().map_or(1, char::len_utf8);
    }
    &typed[from..]
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at_every_size, rows};
    use super::*;

    fn draw(body: &[(Role, String)], screen: Rect, buffer: &mut Buffer, theme: &Theme) -> Placed {
        let dialog = Dialog {
            title: "Requeue 14 dead letters",
            body,
            offset: 0,
            input: Some(("reason", "card was fixed")),
            buttons: &["Cancel", "Requeue"],
            focus: 0,
            role: Role::BorderDanger,
            environment: "PROD",
        };
        dialog.draw(screen, buffer, theme)
    }

    #[test]
    fn says_what_will_happen_and_where_the_buttons_are() {
        let body =
            [(Role::Text, "3 groups on 2 edges".to_owned()), (Role::Healthy, "safe: nothing committed".to_owned())];
        let mut buffer = Buffer::empty(Rect::new(0, 0, 44, 10));
        let placed = draw(&body, buffer.area, &mut buffer, &Theme::default());
        let rows = rows(&buffer);
        assert_eq!(rows[1], "╭ PROD: Requeue 14 dead letters ───────────╮");
        assert_eq!(rows[2], "│ 3 groups on 2 edges                      │");
        assert_eq!(rows[5], "│ reason card was fixed                    │");
        assert_eq!(rows[7], "│                  [ Cancel ]  [ Requeue ] │");
        assert_eq!(placed.buttons, [Rect::new(19, 7, 10, 1), Rect::new(31, 7, 11, 1)]);
        assert_eq!(placed.unseen, 0);
    }

    #[test]
    fn a_long_body_leaves_room_for_the_buttons() {
        let body: Vec<_> = (0..30).map(|at| (Role::Text, format!("item {at}"))).collect();
        let mut buffer = Buffer::empty(Rect::new(0, 0, 44, 12));
        let placed = draw(&body, buffer.area, &mut buffer, &Theme::default());
        assert!(rows(&buffer).iter().any(|row| row.contains("24 more lines")), "{:#?}", rows(&buffer));
        assert_eq!(placed.unseen, 24);
        assert_eq!(placed.buttons.len(), 2);
    }

    #[test]
    fn fits_every_size() {
        let body: Vec<_> = (0..9).map(|at| (Role::Text, format!("item {at} 漢字かな that must be wrapped"))).collect();
        at_every_size(|area, buffer, theme| _ = draw(&body, area, buffer, theme));
    }
}
