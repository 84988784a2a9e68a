//! The signs of the console, each one column wide, each with an ASCII twin.

use ratatui::symbols::border;

/// The signs that go with the roles and draw trees, trends and arrows. All are one column wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::missing_docs_in_private_items)] // the fields are named after what they show
pub struct Glyphs {
    pub healthy: &'static str,
    pub warning: &'static str,
    pub critical: &'static str,
    pub waiting: &'static str,
    pub unknown: &'static str,
    pub paused: &'static str,
    pub done: &'static str,
    pub failed: &'static str,
    /// The row under the cursor.
    pub cursor: &'static str,
    pub marked: &'static str,
    pub tree_closed: &'static str,
    pub tree_open: &'static str,
    pub tree_branch: &'static str,
    pub tree_last: &'static str,
    pub tree_line: &'static str,
    pub sort_up: &'static str,
    pub sort_down: &'static str,
    pub arrow_right: &'static str,
    pub arrow_left: &'static str,
    pub arrow_up: &'static str,
    pub arrow_down: &'static str,
    pub back_edge: &'static str,
    pub line: &'static str,
    pub ellipsis: &'static str,
    pub separator: &'static str,
    pub thumb: &'static str,
    pub track: &'static str,
    /// Bars of a trend in eight heights, lowest first.
    pub spark: [&'static str; 8],
    /// Eight lengths of a bar, shortest first.
    pub bar: [&'static str; 8],
    /// A column of the part of a bar that is not settled yet.
    pub unsettled: &'static str,
    /// Lines by direction: bit 0 up, 1 right, 2 down, 3 left.
    pub lines: [&'static str; 16],
    pub border: border::Set<'static>,
}

impl Glyphs {
    /// For terminals with UTF-8.
    pub const UNICODE: Self = Self {
        healthy: "●",
        warning: "▲",
        critical: "✕",
        waiting: "◆",
        unknown: "○",
        paused: "‖",
        done: "✓",
        failed: "✗",
        cursor: "▌",
        marked: "◉",
        tree_closed: "▸",
        tree_open: "▾",
        tree_branch: "├",
        tree_last: "└",
        tree_line: "│",
        sort_up: "▴",
        sort_down: "▾",
        arrow_right: "▶",
        arrow_left: "◀",
        arrow_up: "▲",
        arrow_down: "▼",
        back_edge: "↩",
        line: "─",
        ellipsis: "…",
        separator: "·",
        thumb: "┃",
        track: "│",
        spark: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
        bar: ["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"],
        unsettled: "░",
        lines: [" ", "│", "─", "╰", "│", "│", "╭", "├", "─", "╯", "─", "┴", "╮", "┤", "┬", "┼"],
        border: border::ROUNDED,
    };

    /// For terminals without UTF-8 (`--ascii`).
    pub const ASCII: Self = Self {
        healthy: "*",
        warning: "!",
        critical: "x",
        waiting: "@",
        unknown: "o",
        paused: "\"",
        done: "v",
        failed: "x",
        cursor: ">",
        marked: "#",
        tree_closed: ">",
        tree_open: "v",
        tree_branch: "+",
        tree_last: "`",
        tree_line: "|",
        sort_up: "^",
        sort_down: "v",
        arrow_right: ">",
        arrow_left: "<",
        arrow_up: "^",
        arrow_down: "v",
        back_edge: "<",
        line: "-",
        ellipsis: "~",
        separator: "-",
        thumb: "#",
        track: "|",
        spark: ["_", ".", "-", ":", "=", "+", "*", "#"],
        bar: ["-", "-", "-", "=", "=", "=", "#", "#"],
        unsettled: ":",
        lines: [" ", "|", "-", "+", "|", "|", "+", "+", "-", "+", "-", "+", "+", "+", "+", "+"],
        border: border::Set {
            top_left: "+",
            top_right: "+",
            bottom_left: "+",
            bottom_right: "+",
            vertical_left: "|",
            vertical_right: "|",
            horizontal_top: "-",
            horizontal_bottom: "-",
        },
    };

    /// Every sign, for checks over all of them.
    #[cfg(test)]
    pub(super) fn all(&self) -> Vec<&'static str> {
        let border = &self.border;
        let mut all = vec![
            self.healthy,
            self.warning,
            self.critical,
            self.waiting,
            self.unknown,
            self.paused,
            self.done,
            self.failed,
            self.cursor,
            self.marked,
            self.tree_closed,
            self.tree_open,
            self.tree_branch,
            self.tree_last,
            self.tree_line,
            self.sort_up,
            self.sort_down,
            self.arrow_right,
            self.arrow_left,
            self.arrow_up,
            self.arrow_down,
            self.back_edge,
            self.line,
            self.ellipsis,
            self.separator,
            self.thumb,
            self.track,
            border.top_left,
            border.top_right,
            border.bottom_left,
            border.bottom_right,
            border.vertical_left,
            border.vertical_right,
            border.horizontal_top,
            border.horizontal_bottom,
        ];
        all.extend(self.spark.iter().chain(&self.bar).chain(&self.lines));
        all
    }
}
