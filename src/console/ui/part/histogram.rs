//! Latencies as horizontal bars, what still waits at the end of each, with the percentiles where they fall.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{put, put_right};
use crate::domain::text;
use crate::domain::time::Millis;
use crate::theme::{Role, Theme};

/// Columns of the label and of the count.
const LABEL: u16 = 7;
const COUNT: u16 = 6;
/// Columns of a mark such as `◀ P95 6m12s`, with space: bars do not jump when a value gets shorter.
const MARK: u16 = 13;
/// Columns of a bar below which it says less than the marks beside it.
const BAR: u16 = 8;

/// Name and value of what is marked, such as `("P95", 41_000)`.
type Mark<'a> = (&'a str, Millis);

/// One row of bars.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bin {
    /// Lower bound, in milliseconds.
    pub from: Millis,
    /// Number of latencies in it.
    pub acked: u64,
    /// Number of those that wait as long as that, and have no latency yet.
    pub waiting: u64,
}

impl Bin {
    /// `32`, or `32+5` with what waits.
    fn count(self) -> String {
        match (self.acked, self.waiting) {
            (acked, 0) => text::count(acked),
            (0, waiting) => format!("+{}", text::count(waiting)),
            (acked, waiting) => format!("{}+{}", text::count(acked), text::count(waiting)),
        }
    }
}

/// Distribution of latencies, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Histogram<'a> {
    /// The bins, in rising order.
    pub bins: &'a [Bin],
    /// The values marked, such as the percentiles.
    pub marks: &'a [Mark<'a>],
    /// Role of the row of the last mark: the health of the edge.
    pub role: Role,
}

impl Histogram<'_> {
    /// One row for each bin; neighbours share a row when there are more bins than rows.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer, theme: &Theme) {
        if area.is_empty() || self.bins.is_empty() {
            return;
        }
        let per_row = self.bins.len().div_ceil(usize::from(area.height));
        let rows: Vec<Bin> = self
            .bins
            .chunks(per_row)
            .map(|of_row| Bin {
                from: of_row[0].from,
                acked: of_row.iter().map(|it| it.acked).sum(),
                waiting: of_row.iter().map(|it| it.waiting).sum(),
            })
            .collect();
        let most = rows.iter().map(|it| it.acked + it.waiting).max().unwrap_or(0).max(1);
        let marks_of = |at: usize| {
            let from = rows.get(at).map_or(0, |row| row.from);
            let below = rows.get(at + 1).map_or(Millis::MAX, |next| next.from);
            let mut marks: Vec<Mark<'_>> =
                self.marks.iter().filter(|&&(_, value)| value < below && (value >= from || at == 0)).copied().collect();
            marks.sort_by_key(|(_, value)| *value);
            marks
        };
        // Marks that share a row may be too long to say their values: then all say their names alone.
        let widest = |say: fn(&Mark<'_>) -> String| {
            let marks = (0..rows.len()).map(|at| text::width(&signs(&marks_of(at), say, theme)));
            marks.max().unwrap_or(0) as u16
        };
        let counts = rows.iter().map(|it| text::width(&it.count()) as u16 + 1).max().unwrap_or(0).max(COUNT);
        let beside = LABEL + 1 + counts + 1 + BAR;
        let say = if beside + widest(in_full) <= area.width { in_full } else { by_name };
        // Narrow areas lose the marks first, then the counts, then the labels.
        let mut room = area.width;
        let mut take = |columns: u16, least: u16| {
            let taken = if room >= columns + least { columns } else { 0 };
            room -= taken;
            taken
        };
        let (label, count, mark) = (take(LABEL + 1, 4), take(counts + 1, 6), take(widest(say).max(MARK), BAR));
        for (at, (bin, y)) in rows.iter().zip(area.top()..area.bottom()).enumerate() {
            let marks = marks_of(at);
            let worst = self.marks.last().is_some_and(|it| marks.contains(it));
            let role = if worst { self.role } else { Role::Bar };
            let from = text::latency(bin.from);
            let dim = theme.style(Role::Dim);
            put_right(buffer, area.x, y, label.saturating_sub(1), &from, dim);
            let place = Rect { x: area.x + label, y, width: room, height: 1 };
            bar(place, buffer, theme, *bin, most, role);
            let (x, in_row) = (place.right(), bin.count());
            let style = theme.style(Role::Text);
            put_right(buffer, x, y, count.saturating_sub(1), &in_row, style);
            let style = if worst { theme.style(self.role) } else { dim };
            let signs = signs(&marks, say, theme);
            put(buffer, x + count, y, mark, &signs, style);
        }
    }
}

/// Names and values of the marks, such as `◀ P50 2.0s  P95 41s`; empty without marks.
fn signs(marks: &[Mark<'_>], say: fn(&Mark<'_>) -> String, theme: &Theme) -> String {
    if marks.is_empty() {
        return String::new();
    }
    let words: Vec<String> = marks.iter().map(say).collect();
    format!("{} {}", theme.glyphs.arrow_left, words.join("  "))
}

fn in_full((name, value): &Mark<'_>) -> String {
    format!("{name} {}", text::latency(*value))
}

fn by_name((name, _): &Mark<'_>) -> String {
    (*name).to_owned()
}

/// One bar in eighths of a column, and in whole columns what waits; what is not zero is never invisible.
fn bar(area: Rect, buffer: &mut Buffer, theme: &Theme, bin: Bin, most: u64, role: Role) {
    let eighths = |value: u64| (u128::from(value) * u128::from(area.width) * 8 / u128::from(most)) as usize;
    let mut settled = eighths(bin.acked).max(usize::from(bin.acked > 0));
    let mut whole = 0;
    if bin.waiting > 0 {
        // It has a column of its own also where the bar is full.
        settled = settled.min(usize::from(area.width.saturating_sub(1)) * 8);
        whole = eighths(bin.acked + bin.waiting).div_ceil(8).max(settled.div_ceil(8) + 1);
    }
    for (x, at) in (area.left()..area.right()).zip(0..) {
        if let Some(longest) = settled.min(8).checked_sub(1) {
            put(buffer, x, area.y, 1, theme.glyphs.bar[longest], theme.ink(role));
            settled -= longest + 1;
        } else if at < whole {
            put(buffer, x, area.y, 1, theme.glyphs.unsettled, theme.ink(role));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at_every_size, rows};
    use super::*;

    const BINS: [Bin; 6] = [bin(0, 4), bin(500, 40), bin(1_000, 20), bin(5_000, 3), bin(20_000, 2), bin(60_000, 0)];

    const fn bin(from: Millis, acked: u64) -> Bin {
        Bin { from, acked, waiting: 0 }
    }

    const HISTOGRAM: Histogram<'_> =
        Histogram { bins: &BINS, marks: &[("P50", 800), ("P95", 41_000)], role: Role::Critical };

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
    fn what_waits_is_at_the_end_of_its_bar() {
        let bins = [bin(500, 40), Bin { waiting: 10, ..bin(1_000, 10) }, Bin { waiting: 1_200, ..bin(5_000, 0) }];
        let draw = |bins| {
            let mut buffer = Buffer::empty(Rect::new(0, 0, 42, 3));
            Histogram { bins, marks: &[], ..HISTOGRAM }.draw(buffer.area, &mut buffer, &Theme::default());
            rows(&buffer).iter().map(|it| it.trim_end().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(draw(&bins[..2])[1], "   1.0s ███▌░░░        10+10");
        assert_eq!(draw(&bins)[2], "   5.0s ░░░░░░░░░░░░░ +1,200");
        assert!(draw(&bins)[0].contains(" ▍"), "what is little beside it stays visible: {:?}", draw(&bins));
    }

    #[test]
    fn marks_that_share_a_row_do_not_run_into_each_other() {
        let histogram = Histogram { marks: &[("P50", 800), ("P99", 43_000), ("P95", 41_000)], ..HISTOGRAM };
        let mark = |width| {
            let mut buffer = Buffer::empty(Rect::new(0, 0, width, 6));
            histogram.draw(buffer.area, &mut buffer, &Theme::default());
            rows(&buffer)[4].split_once('◀').map(|it| it.1.trim().to_owned())
        };
        assert_eq!(mark(50).as_deref(), Some("P95 41s  P99 43s"));
        assert_eq!(mark(36).as_deref(), Some("P95  P99"));
        assert_eq!(mark(24), None, "nothing rather than half of it");
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
