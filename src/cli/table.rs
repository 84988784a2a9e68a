//! Tables for people: aligned, harmless, as wide as the terminal and no wider; whole when piped.

use crate::domain::report::{P95Ms, RateOf};
use crate::domain::text::{self, clean};
use crate::domain::time::{Millis, Time};

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its heading.
    pub name: &'static str,
    /// How its cells stand.
    pub fit: Fit,
}

/// How the cells of a column stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// A name or an id, never cut before the rest is.
    Left,
    /// A number.
    Right,
    /// Words: cut first when the terminal is narrow.
    Words,
}

/// A column of names.
pub const fn left(name: &'static str) -> Column {
    Column {
        name,
        fit: Fit::Left,
    }
}

/// A column of numbers.
pub const fn right(name: &'static str) -> Column {
    Column {
        name,
        fit: Fit::Right,
    }
}

/// A column of words.
pub const fn words(name: &'static str) -> Column {
    Column {
        name,
        fit: Fit::Words,
    }
}

/// Columns of words are not made narrower than this.
const LEAST: usize = 12;
/// In a pipe they are padded to this at most.
const MOST: usize = 40;
const GAP: usize = 2;

/// Lays out rows of agents' text under their headings, at most `room` wide when there is a limit.
pub fn table(columns: &[Column], rows: &[Vec<String>], room: Option<usize>) -> String {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| clean(cell).into_owned()).collect())
        .collect();
    let mut widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(nth, column)| {
            let cells = rows.iter().filter_map(|row| row.get(nth));
            let widest = cells.map(|cell| text::width(cell)).max().unwrap_or(0);
            // Without a limit nothing is cut, and one long text must not push all others to the right.
            let most = if room.is_none() && column.fit == Fit::Words {
                MOST
            } else {
                usize::MAX
            };
            widest.min(most).max(column.name.len())
        })
        .collect();
    if let Some(room) = room {
        shrink(columns, &mut widths, room);
    }
    let mut out = String::new();
    let heading: Vec<String> = columns.iter().map(|it| it.name.to_owned()).collect();
    for row in std::iter::once(&heading).chain(&rows) {
        let mut line = String::new();
        for ((column, width), cell) in columns.iter().zip(&widths).zip(row) {
            if !line.is_empty() {
                line.push_str(&" ".repeat(GAP));
            }
            if room.is_none() && text::width(cell) > *width {
                line.push_str(cell);
            } else if column.fit == Fit::Right {
                line.push_str(&" ".repeat(width.saturating_sub(text::width(cell))));
                line.push_str(&text::cut(cell, *width));
            } else {
                line.push_str(&text::pad(cell, *width));
            }
        }
        let line = line.trim_end();
        out.push_str(&room.map_or(line.into(), |room| text::cut(line, room)));
        out.push('\n');
    }
    out
}

/// Takes columns of words in, the widest first, until the table fits or no more can be had.
fn shrink(columns: &[Column], widths: &mut [usize], room: usize) {
    let total = |widths: &[usize]| widths.iter().sum::<usize>() + GAP * widths.len().max(1) - GAP;
    while total(widths) > room {
        let over = total(widths) - room;
        let widest = (0..widths.len())
            .filter(|nth| columns[*nth].fit == Fit::Words && widths[*nth] > LEAST)
            .max_by_key(|nth| widths[*nth]);
        let Some(widest) = widest else { return };
        widths[widest] = widths[widest].saturating_sub(over).max(LEAST);
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

/// What may be missing.
pub fn or_dash<T>(value: Option<T>, shown: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), shown)
}

/// A measured duration, `-` without a sample.
pub fn latency(value: Option<Millis>) -> String {
    or_dash(value, text::latency)
}

/// A P95; `>=` when the truth is at least that.
pub fn p95(value: P95Ms) -> String {
    let bound = if value.lower_bound { ">=" } else { "" };
    or_dash(value.value, |it| format!("{bound}{}", text::latency(it)))
}

/// A rate: `-` without a sample, `2/7` with few, `4.1%` with enough.
pub fn rate(rate: RateOf) -> String {
    match (rate.value, rate.guard) {
        (None, _) => "-".to_owned(),
        (Some(_), "insufficient") => format!("{}/{}", rate.k, rate.n),
        (Some(value), _) => text::percent(value),
    }
}

/// A value that JSON writes as one word, as that word.
pub fn wire_word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
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
        vec![
            row(["a", "7", "short"]),
            row(["bcd", "1,204", "a reason that is rather long\u{1b}[2J"]),
        ]
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
        assert_eq!(lines[2].len(), MOST + GAP + 1, "{text}");
    }

    #[test]
    fn words_give_way_first_and_the_cut_has_a_mark() {
        let text = table(COLUMNS, &rows(), Some(26));
        assert!(text.lines().all(|line| text::width(line) <= 26), "{text}");
        assert!(text.contains("1,204  a reason that…"), "{text}");
        let narrow = table(COLUMNS, &rows(), Some(8));
        assert!(
            narrow.lines().all(|line| text::width(line) <= 8),
            "{narrow}"
        );
        assert!(narrow.lines().all(|line| line.ends_with('…')), "{narrow}");
    }

    #[test]
    fn few_samples_are_shown_as_such() {
        let rate_of = |k, n| rate(RateOf::from(crate::domain::health::Rate { k, n }));
        assert_eq!(rate_of(0, 0), "-");
        assert_eq!(rate_of(2, 7), "2/7");
        assert_eq!(rate_of(1, 40), "2.5%");
    }
}
