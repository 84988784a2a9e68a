//! Latencies as horizontal bars, with the percentiles where they fall.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{put, put_right};
use crate::domain::text;
use crate::domain::time::Millis;
use crate::theme::{Role, Theme};

/// Columns of the label and of the count.
const LABEL: u16 = 7;
const COUNT: u16 = 6;
/// Columns of a mark such as `◀ P95 6m12s`.
const MARK: u16 = 12;

/// How latencies are spread.
#[derive(Clone, Copy, Debug)]
pub struct Histogram<'a> {
    /// Lower bound and count of each bin, in rising order.
    pub bins: &'a [(Millis, u64)],
    /// Name and value of what is marked, such as `("P95", 41_000)`.
    pub marks: &'a [(&'a str, Millis)],
    /// How the row of the last mark looks: the health of the edge.
    pub role: Role,
}

impl Histogram<'_> {
    /// One row for each bin; neighbours share a row when there are more bins than rows.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer, theme: &Theme) {
        if area.is_empty() || self.bins.is_empty() {
            return;
        }
        let per_row = self.bins.len().div_ceil(usize::from(area.height));
        let rows: Vec<(Millis, u64)> = self
            .bins
            .chunks(per_row)
            .map(|of_row| (of_row[0].0, of_row.iter().map(|&(_, count)| count).sum()))
            .collect();
        let most = rows
            .iter()
            .map(|&(_, count)| count)
            .max()
            .unwrap_or(0)
            .max(1);
        // Narrow areas lose the marks first, then the counts, then the labels.
        let mut room = area.width;
        let mut take = |columns: u16, least: u16| {
            let taken = if room >= columns + least { columns } else { 0 };
            room -= taken;
            taken
        };
        let (label, count, mark) = (take(LABEL + 1, 4), take(COUNT + 1, 6), take(MARK + 1, 8));
        for (at, (&(from, in_row), y)) in rows.iter().zip(area.top()..area.bottom()).enumerate() {
            let below = rows.get(at + 1).map_or(Millis::MAX, |next| next.0);
            let marks: Vec<_> = self
                .marks
                .iter()
                .filter(|&&(_, value)| value < below && (value >= from || at == 0))
                .collect();
            let worst = marks
                .iter()
                .any(|mark| Some(**mark) == self.marks.last().copied());
            let role = if worst { self.role } else { Role::Bar };
            put_right(
                buffer,
                area.x,
                y,
                label.saturating_sub(1),
                &text::latency(from),
                theme.style(Role::Dim),
            );
            bar(
                Rect {
                    x: area.x + label,
                    y,
                    width: room,
                    height: 1,
                },
                buffer,
                theme,
                in_row,
                most,
                role,
            );
            let x = area.x + label + room;
            put_right(
                buffer,
                x,
                y,
                count.saturating_sub(1),
                &text::count(in_row),
                theme.style(Role::Text),
            );
            if let (Some((_, value)), true) = (marks.last(), mark > 0) {
                let names: Vec<&str> = marks.iter().map(|(name, _)| *name).collect();
                let shown = format!(
                    "{} {} {}",
                    theme.glyphs.arrow_left,
                    names.join(" "),
                    text::latency(*value)
                );
                put(
                    buffer,
                    x + count,
                    y,
                    mark,
                    &shown,
                    theme.style(if worst { self.role } else { Role::Dim }),
                );
            }
        }
    }
}

/// One bar in eighths of a column; what is not zero is never invisible.
fn bar(area: Rect, buffer: &mut Buffer, theme: &Theme, value: u64, most: u64, role: Role) {
    let eighths = u128::from(value) * u128::from(area.width) * 8 / u128::from(most);
    let mut eighths = (eighths as usize).max(usize::from(value > 0));
    for x in area.left()..area.right() {
        let Some(longest) = eighths.min(8).checked_sub(1) else {
            break;
        };
        put(
            buffer,
            x,
            area.y,
            1,
            theme.glyphs.bar[longest],
            theme.ink(role),
        );
        eighths -= longest + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at_every_size, rows};
    use super::*;

    const BINS: [(Millis, u64); 6] = [
        (0, 4),
        (500, 40),
        (1_000, 20),
        (5_000, 3),
        (20_000, 2),
        (60_000, 0),
    ];
    const HISTOGRAM: Histogram<'_> = Histogram {
        bins: &BINS,
        marks: &[("P50", 800), ("P95", 41_000)],
        role: Role::Critical,
    };

    #[test]
    fn bars_counts_and_marks() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 42, 6));
        HISTOGRAM.draw(buffer.area, &mut buffer, &Theme::default());
        let rows = rows(&buffer);
        assert_eq!(rows[1], "  500ms ██████████████    40 ◀ P50 800ms");
        assert_eq!(rows[4], "    20s ▋                  2 ◀ P95 41s");
        assert_eq!(rows[5], "     1m                    0");
    }

    #[test]
    fn bins_share_rows_when_there_are_too_many() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 24, 2));
        HISTOGRAM.draw(buffer.area, &mut buffer, &Theme::default());
        assert_eq!(rows(&buffer).len(), 2);
        assert!(rows(&buffer)[0].ends_with("64"));
    }

    #[test]
    fn fits_every_size() {
        at_every_size(|area, buffer, theme| HISTOGRAM.draw(area, buffer, theme));
    }
}
