//! The time line of a run across agents.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::put;
use super::table::scrollbar;
use crate::domain::text;
use crate::domain::time::Millis;
use crate::theme::{Role, Theme};

/// A handoff as a bar of the waterfall.
#[derive(Clone, Debug)]
pub struct Span<'a> {
    /// Depth of nesting, from 0: two columns each.
    pub depth: usize,
    /// Its name. Hostile text.
    pub name: &'a str,
    /// Milliseconds after the start of the run.
    pub start: Millis,
    /// Milliseconds it took; `None` while it runs.
    pub length: Option<Millis>,
    /// Role that gives the colour of its bar.
    pub role: Role,
}

/// Draws one row for each span from `offset` on: its name, then a bar where it lies in the run. `end` is the
/// length of the run so far in milliseconds; running spans reach to it.
pub fn waterfall(spans: &[Span<'_>], offset: usize, end: Millis, area: Rect, buffer: &mut Buffer, theme: &Theme) {
    let longest = spans.iter().map(|span| text::width(span.name) + span.depth * 2).max().unwrap_or(0);
    let names = (longest.min(usize::from(area.width) * 2 / 5)) as u16;
    let room = area.width.saturating_sub(names + 2);
    let end = spans.iter().map(|span| span.start + span.length.unwrap_or(0)).fold(end, Millis::max).max(1);
    let column = |at: Millis| (i128::from(at.clamp(0, end)) * i128::from(room) / i128::from(end)) as u16;
    let left = area.x + names + 1;
    for (span, y) in spans.iter().skip(offset).zip(area.top()..area.bottom()) {
        let indent = (span.depth * 2).min(usize::from(names)) as u16;
        put(buffer, area.x + indent, y, names - indent, span.name, theme.style(Role::Text));
        if room == 0 {
            continue;
        }
        let from = column(span.start).min(room - 1);
        let to = column(span.start + span.length.unwrap_or(end)).clamp(from + 1, room);
        let style = theme.ink(span.role);
        for x in from..to {
            put(buffer, left + x, y, 1, theme.glyphs.bar[7], style);
        }
        if span.length.is_none() {
            put(buffer, left + to - 1, y, 1, theme.glyphs.arrow_right, style);
        }
        let took = text::latency(span.length.unwrap_or(end - span.start));
        // Behind the bar when there is room, else before it; a bar over the full width says it by itself.
        let wide = took.len() as u16 + 1;
        if to + wide <= room {
            put(buffer, left + to + 1, y, wide, &took, theme.style(Role::Dim));
        } else if from >= wide {
            put(buffer, left + from - wide, y, wide - 1, &took, theme.style(Role::Dim));
        }
    }
    scrollbar(area, buffer, theme, offset, spans.len());
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at_every_size, rows};
    use super::*;

    fn spans() -> Vec<Span<'static>> {
        vec![
            Span { depth: 0, name: "launch-article", start: 0, length: None, role: Role::Info },
            Span { depth: 1, name: "research", start: 0, length: Some(2_000), role: Role::Healthy },
            Span { depth: 1, name: "writer", start: 2_000, length: Some(6_000), role: Role::Critical },
            Span { depth: 1, name: "reviewer", start: 9_500, length: Some(1), role: Role::Healthy },
        ]
    }

    #[test]
    fn bars_lie_where_the_time_went() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 46, 4));
        waterfall(&spans(), 0, 10_000, buffer.area, &mut buffer, &Theme::default());
        let rows = rows(&buffer);
        assert_eq!(rows[0], "launch-article █████████████████████████████▶");
        assert_eq!(rows[1], "  research     ██████ 2.0s");
        assert_eq!(rows[2], "  writer             ██████████████████ 6.0s");
        assert_eq!(rows[3], "  reviewer                             1ms █");
    }

    #[test]
    fn fits_every_size() {
        at_every_size(|area, buffer, theme| {
            for offset in [0, 3, 9] {
                waterfall(&spans(), offset, 0, area, buffer, theme);
            }
            waterfall(&[], 0, 0, area, buffer, theme);
        });
    }
}
