//! Tables for people: aligned, harmless, as wide as the terminal and no wider; whole when piped.

use crate::domain::health::Quantile;
use crate::domain::report::RateOf;
use crate::domain::text::{self, clean};
use crate::domain::time::Time;

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its heading, in capitals.
    pub name: &'static str,
    /// Alignment of its cells, and their part in giving way to a narrow terminal.
    pub fit: Fit,
    /// Left out of a terminal that is too narrow: the highest first, 0 never.
    pub spare: u8,
}

impl Column {
    /// Left out of a terminal that is too narrow: the higher, the earlier.
    #[must_use]
    pub const fn spare(mut self, order: u8) -> Self {
        self.spare = order;
        self
    }
}

/// Alignment of the cells of a column, and the order in which columns are shortened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// A name, never cut before the rest is.
    Left,
    /// An id: loses its middle where words alone do not give enough room, and is understood like that.
    Id,
    /// A number, aligned right.
    Right,
    /// Words: cut first when the terminal is narrow.
    Words,
}

/// A column of names.
pub const fn left(name: &'static str) -> Column {
    Column { name, fit: Fit::Left, spare: 0 }
}

/// A column of ids.
pub const fn id(name: &'static str) -> Column {
    Column { name, fit: Fit::Id, spare: 0 }
}

/// A column of numbers.
pub const fn right(name: &'static str) -> Column {
    Column { name, fit: Fit::Right, spare: 0 }
}

/// A column of words.
pub const fn words(name: &'static str) -> Column {
    Column { name, fit: Fit::Words, spare: 0 }
}

/// Columns of words are not made narrower than this while an id can be.
const EASY: usize = 24;
/// Columns of words are not made narrower than this while another column can be left out.
const LEAST: usize = 12;
/// Ids are not made narrower than this: their last letters tell them apart.
const SHORT: usize = 15;
/// Columns of words and of names are never made narrower than this.
const BARE: usize = 6;
/// In a pipe they are padded to this at most.
const MAX_COLUMN_WIDTH: usize = 40;
const GAP: usize = 2;

/// Lays out rows of agents' text under their headings, at most `room` wide when there is a limit. What is left out
/// for want of room is named below.
pub fn table(columns: &[Column], rows: &[Vec<String>], room: Option<usize>) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| clean(cell).into_owned()).collect()).collect();
    let natural: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(nth, column)| {
            let cells = rows.iter().filter_map(|row| row.get(nth));
            let widest = cells.map(|cell| text::width(cell)).max().unwrap_or(0);
            // Without a limit nothing is cut, and one long text must not push all others to the right.
            let most = if room.is_none() && column.fit == Fit::Words { MAX_COLUMN_WIDTH } else { usize::MAX };
            widest.min(most).max(column.name.len())
        })
        .collect();
    let widths = match room {
        Some(room) => fitted(columns, &natural, room),
        None => natural.into_iter().map(Some).collect(),
    };
    let mut out = String::new();
    let heading: Vec<String> = columns.iter().map(|it| it.name.to_owned()).collect();
    for row in std::iter::once(&heading).chain(&rows) {
        let mut line = String::new();
        for ((column, width), cell) in columns.iter().zip(&widths).zip(row) {
            let Some(width) = *width else { continue };
            if !line.is_empty() {
                line.push_str(&" ".repeat(GAP));
            }
            if room.is_none() && text::width(cell) > width {
                line.push_str(cell);
                continue;
            }
            let cell = match column.fit {
                Fit::Id => text::cut_middle(cell, width),
                _ => text::cut(cell, width),
            };
            let space = " ".repeat(width.saturating_sub(text::width(&cell)));
            if column.fit == Fit::Right {
                line.extend([&*space, &*cell]);
            } else {
                line.extend([&*cell, &*space]);
            }
        }
        let line = line.trim_end();
        out.push_str(&room.map_or(line.into(), |room| text::cut(line, room)));
        out.push('\n');
    }
    let left_out = columns.iter().zip(&widths).filter(|(_, it)| it.is_none());
    let left_out: Vec<&str> = left_out.map(|(column, _)| column.name).collect();
    if let (Some(room), false) = (room, left_out.is_empty()) {
        let words = format!("no room for {}; a pipe has all", left_out.join(", "));
        out.push_str(&text::cut(&words, room));
        out.push('\n');
    }
    out
}

/// Widths at which the columns fit into `room`, as far as that can be had; `None` for those left out.
fn fitted(columns: &[Column], natural: &[usize], room: usize) -> Vec<Option<usize>> {
    let mut widths: Vec<Option<usize>> = natural.iter().copied().map(Some).collect();
    loop {
        shrink(columns, &mut widths, room, &[Fit::Words], EASY);
        shrink(columns, &mut widths, room, &[Fit::Id], SHORT);
        shrink(columns, &mut widths, room, &[Fit::Words], LEAST);
        let shown = (0..columns.len()).filter(|&nth| widths[nth].is_some());
        let spare = shown.max_by_key(|&nth| columns[nth].spare);
        let spare = spare.filter(|&nth| columns[nth].spare > 0);
        let Some(spare) = spare.filter(|_| total(&widths) > room) else {
            break;
        };
        // The others get back what they gave before as far as it fits now.
        for (nth, width) in widths.iter_mut().enumerate() {
            *width = width.filter(|_| nth != spare).map(|_| natural[nth]);
        }
    }
    shrink(columns, &mut widths, room, &[Fit::Words, Fit::Left], BARE);
    widths
}

fn total(widths: &[Option<usize>]) -> usize {
    let shown = widths.iter().flatten();
    shown.map(|it| it + GAP).sum::<usize>().saturating_sub(GAP)
}

/// Takes columns of some sorts in, the widest first and as little as needed, until the table fits or no more can be
/// had.
fn shrink(columns: &[Column], widths: &mut [Option<usize>], room: usize, sorts: &[Fit], least: usize) {
    while total(widths) > room {
        let may = |nth: &usize| sorts.contains(&columns[*nth].fit) && widths[*nth] > Some(least);
        let Some(widest) = (0..widths.len()).filter(may).max_by_key(|&nth| widths[nth]) else {
            return;
        };
        widths[widest] = widths[widest].map(|it| it - 1);
    }
}

/// The width of the terminal; `None` when standard output is none.
pub fn room() -> Option<usize> {
    terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0))
}

/// A time of the day it is about, in UTC: `2026-02-28 05:14:35`.
pub fn moment(at: Time) -> String {
    at.utc().format("%Y-%m-%d %H:%M:%S").to_string()
}

/// The value as shown, or `-` when it is `None`.
pub fn or_dash<T>(value: Option<T>, shown: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), shown)
}

/// The cell of a fact, or `n/m` where the source does not measure it.
pub fn if_measured(measured: bool, cell: String) -> String {
    if measured { cell } else { "n/m".to_owned() }
}

/// A percentile of the latency; `>=` when the truth is at least that.
pub fn quantile(value: Quantile) -> String {
    let bound = if value.lower_bound { ">=" } else { "" };
    or_dash(value.value, |it| format!("{bound}{}", text::latency(it)))
}

/// A rate: `-` without a sample, `2/7` with few, `4.1%` with many.
pub fn rate(rate: RateOf) -> String {
    match rate.value {
        None => "-".to_owned(),
        Some(_) if rate.is_of_few() => format!("{}/{}", rate.k, rate.n),
        Some(value) => text::percent(value),
    }
}

/// A number where none is worth no ink.
pub fn some(count: impl TryInto<u64>) -> String {
    match count.try_into() {
        Ok(0) | Err(_) => "-".to_owned(),
        Ok(count) => text::count(count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[left("ID"), right("N"), words("WHY")];

    fn rows() -> Vec<Vec<String>> {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        vec![row(["a", "7", "short"]), row(["bcd", "1,204", "a reason that is rather long\u{1b}[2J"])]
    }

    #[test]
    fn columns_line_up_and_nothing_is_cut_without_a_limit() {
        assert_eq!(
            table(COLUMNS, &rows(), None),
            "ID       N  WHY\na        7  short\nbcd  1,204  a reason that is rather long␛[2J\n"
        );
    }

    #[test]
    fn one_long_text_pads_no_other_row() {
        let long = "x".repeat(130);
        let columns = &[words("CODE"), left("ID")];
        let row = |code: &str| vec![code.to_owned(), "h".to_owned()];
        let text = table(columns, &[row(&long), row("timeout")], None);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], format!("{long}  h"), "nothing is cut");
        assert_eq!(lines[2].len(), MAX_COLUMN_WIDTH + GAP + 1, "{text}");
    }

    #[test]
    fn words_give_way_first_and_the_cut_has_a_mark() {
        let text = table(COLUMNS, &rows(), Some(26));
        assert!(text.lines().all(|line| text::width(line) <= 26), "{text}");
        assert!(text.contains("1,204  a reason that…"), "{text}");
        let narrow = table(COLUMNS, &rows(), Some(8));
        assert!(narrow.lines().all(|line| text::width(line) <= 8), "{narrow}");
        assert!(narrow.lines().all(|line| line.ends_with('…')), "{narrow}");
    }

    #[test]
    fn a_narrow_terminal_keeps_both_ends_of_ids_and_names_what_it_leaves_out() {
        let columns = &[id("ID"), right("N").spare(1), words("WHY")];
        let rows = [["01a1fce0-9867-7841-9dc4", "7", "no answer in time"].map(str::to_owned)];
        let rows = rows.map(Vec::from);
        let text = |room| table(columns, &rows, room);
        assert!(text(None).contains("01a1fce0-9867-7841-9dc4  7  no answer in time"));
        assert_eq!(text(Some(32)), "ID               N  WHY\n01a1fce…41-9dc4  7  no answer i…\n");
        assert_eq!(
            text(Some(28)),
            "ID               WHY\n01a1fce…41-9dc4  no answer …\nno room for N; a pipe has a…\n"
        );
    }

    #[test]
    fn few_samples_are_shown_as_such() {
        let rate_of = |k, n| rate(RateOf::from(crate::domain::health::Rate { k, n }));
        assert_eq!(rate_of(0, 0), "-");
        assert_eq!([rate_of(2, 7), rate_of(10, 19)], ["2/7", "10/19"]);
        assert_eq!(rate_of(1, 40), "2.5%");
    }
}
