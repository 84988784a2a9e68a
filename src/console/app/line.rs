//! A line being typed: the text of every prompt.

use tui_input::{Input, InputRequest};

use crate::domain::text;
use crate::keymap::{Code, Key};

/// Text longer than this is not taken; a pasted log is a mistake.
const MAX_CHARS: usize = 4_000;

/// Characters that end a line, wherever the text is from.
const BREAKS: [char; 7] = ['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];

/// One line of text with a cursor.
#[derive(Clone, Debug, Default)]
pub struct Line(Input);

impl Line {
    /// A line with text in it, the cursor at its end.
    pub fn new(text: &str) -> Self {
        Self(Input::new(text.to_owned()))
    }

    /// The text as typed; empty when nothing was.
    pub fn text(&self) -> &str {
        self.0.value()
    }

    /// The part of the text that fits into `columns`, and the column of the cursor in it.
    pub fn window(&self, columns: usize) -> (&str, usize) {
        let columns = columns.max(2);
        let scroll = self.0.visual_scroll(columns - 1);
        let before = text::head(self.text(), scroll).len();
        let shown = text::head(&self.text()[before..], columns - 1);
        (shown, self.0.visual_cursor().saturating_sub(scroll).min(columns - 1))
    }

    /// Types a key; false when it types nothing and moves nothing.
    pub fn key(&mut self, key: Key) -> bool {
        use InputRequest as Do;
        let request = match (key.code, key.ctrl, key.alt) {
            (Code::Char(_), false, false) if self.text().len() >= MAX_CHARS => return true,
            (Code::Char(typed), false, false) => Do::InsertChar(typed),
            (Code::Backspace, false, false) | (Code::Char('h'), true, false) => Do::DeletePrevChar,
            (Code::Char('w'), true, false) | (Code::Backspace, _, _) => Do::DeletePrevWord,
            (Code::Delete, _, _) | (Code::Char('d'), true, false) => Do::DeleteNextChar,
            (Code::Char('u'), true, false) => Do::DeleteFromStart,
            (Code::Char('k'), true, false) => Do::DeleteTillEnd,
            (Code::Home, _, _) | (Code::Char('a'), true, false) => Do::GoToStart,
            (Code::End, _, _) | (Code::Char('e'), true, false) => Do::GoToEnd,
            (Code::Left, true, _) | (Code::Char('b'), false, true) => Do::GoToPrevWord,
            (Code::Right, true, _) | (Code::Char('f'), false, true) => Do::GoToNextWord,
            (Code::Left, ..) | (Code::Char('b'), true, false) => Do::GoToPrevChar,
            (Code::Right, ..) | (Code::Char('f'), true, false) => Do::GoToNextChar,
            _ => return false,
        };
        self.0.handle(request);
        true
    }

    /// Takes pasted text as one harmless line: line breaks become spaces, and what hides becomes visible. Most terminals
    /// send the line breaks of what is pasted as the key that makes one, a carriage return.
    pub fn paste(&mut self, pasted: &str) {
        let mut lines = pasted.trim_end_matches(BREAKS).split(BREAKS);
        let mut line = lines.next().unwrap_or_default().to_owned();
        for next in lines {
            line.truncate(line.trim_end().len());
            line.push(' ');
            line.push_str(next.trim_start());
        }
        let room = MAX_CHARS.saturating_sub(self.text().len());
        for typed in text::clean(&line).chars().take(room) {
            self.0.handle(InputRequest::InsertChar(typed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_like_a_shell() {
        let mut line = Line::new("one two");
        for key in ["ctrl-w", "3", "ctrl-a", "x", "ctrl-e", "backspace", "!"] {
            assert!(line.key(key.parse().unwrap()), "{key}");
        }
        assert_eq!(line.text(), "xone !");
        line.key("ctrl-u".parse().unwrap());
        assert_eq!(line.text(), "");
        assert!(!line.key("f5".parse().unwrap()));
    }

    #[test]
    fn pasted_text_is_one_harmless_line() {
        let mut line = Line::default();
        line.paste("a\nb\u{1b}]52;c;x\u{7}\r\n");
        assert_eq!(line.text(), "a b␛]52;c;x␇");
        for broken in
            ["a\rb", "a\r\nb", "a \n\n\t b", "a\u{b}b", "a\u{c}b", "a\u{85}b", "a\u{2028}b", "a\u{2029}\r\rb\r\r"]
        {
            let mut line = Line::default();
            line.paste(broken);
            assert_eq!(line.text(), "a b", "{broken:?}");
        }
        line.paste(&"x".repeat(100_000));
        assert!(line.text().len() <= MAX_CHARS + 8);
    }

    #[test]
    fn a_long_line_scrolls_with_the_cursor() {
        let line = Line::new("0123456789");
        let (shown, cursor) = line.window(5);
        assert!(cursor <= 4 && "0123456789".ends_with(shown), "{shown} {cursor}");
    }
}
