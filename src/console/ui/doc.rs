//! Draws a text that [`page`](crate::page) laid out.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::part;
use crate::page::{Doc, TextRole, Viewport};
use crate::theme::Role;

/// Theme role of a text role.
pub const fn role(ink: TextRole) -> Role {
    match ink {
        TextRole::Text => Role::Text,
        TextRole::Dim => Role::Dim,
        TextRole::Strong => Role::Strong,
        TextRole::Header => Role::Header,
        TextRole::Accent => Role::Accent,
        TextRole::Good => Role::Healthy,
        TextRole::Warn => Role::Warning,
        TextRole::Bad => Role::Critical,
        TextRole::Wait => Role::Waiting,
    }
}

/// Draws the window that starts at `offset`. The last line says how much is left below.
pub fn draw(doc: &Doc, offset: usize, canvas: &mut Canvas<'_>) -> Viewport {
    let area = canvas.area;
    let window = doc.window(offset, usize::from(area.height));
    let lines = doc.lines().iter().take(window.end).skip(window.start);
    for (line, y) in lines.zip(0..) {
        let mut x = 0;
        for (ink, text) in &line.0 {
            x += canvas.put(x, y, role(*ink), text);
        }
    }
    part::show_marks(area, canvas.buffer, canvas.theme);
    let below = window.below();
    if below > 0 && area.height > 0 {
        let s = if below == 1 { "" } else { "s" };
        let more = format!("{} {below} more line{s}", canvas.theme.glyphs.tree_open);
        canvas.put(0, area.height - 1, Role::Accent, &more);
    }
    part::table::scrollbar(area, canvas.buffer, canvas.theme, window.start, window.total);
    window
}

/// A titled line across the canvas, and what is below it.
pub fn below<'a>(canvas: &'a mut Canvas<'_>, y: u16, title: &str) -> Canvas<'a> {
    let area = canvas.area;
    let rule = canvas.theme.glyphs.line.repeat(usize::from(area.width));
    canvas.put(0, y, Role::Border, &rule);
    if !title.is_empty() {
        canvas.put(1, y, Role::Header, &format!(" {title} "));
    }
    canvas.within(Rect {
        x: area.x + 1,
        y: area.y + y + 1,
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(y + 1),
    })
}

/// A titled line down the canvas, and what is right of it.
pub fn beside<'a>(canvas: &'a mut Canvas<'_>, x: u16) -> Canvas<'a> {
    let area = canvas.area;
    for y in 0..area.height {
        let line = canvas.theme.glyphs.tree_line;
        canvas.put(x, y, Role::Border, line);
    }
    canvas.within(Rect { x: area.x + x + 2, width: area.width.saturating_sub(x + 3), ..area })
}
