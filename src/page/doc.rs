//! Text laid out to a width: the decision card, the tabs of a handoff, the details of a dead letter.
//!
//! It is laid out here and not where it is drawn or printed, because an approval depends on it: only what was laid
//! out, fits the window and was scrolled to has been seen.

use std::fmt;

use crate::domain::text::{self, plural};

/// Columns of the names in front of a [`Doc::field`].
const NAMES: usize = 12;

/// Role of a piece of text: its meaning, from which a screen takes the style.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextRole {
    /// Ordinary text.
    Text,
    /// Text that matters less.
    Dim,
    /// Text that is read first.
    Strong,
    /// A title of a part.
    Header,
    /// Text that can be followed.
    Accent,
    /// Good news: all is well.
    Good,
    /// A warning: worth a look.
    Warn,
    /// Bad news: broken or lost.
    Bad,
    /// Something waits for a person.
    Wait,
}

/// One line: pieces of harmless text, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line(pub Vec<(TextRole, String)>);

/// A text laid out in lines of one width.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doc {
    lines: Vec<Line>,
    width: usize,
    hidden: usize,
}

/// The lines that are inside a window, of all the lines of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Viewport {
    /// Index of the first line shown, from 0.
    pub start: usize,
    /// One past the last line shown.
    pub end: usize,
    /// Number of lines in all.
    pub total: usize,
}

impl Viewport {
    /// Number of lines below the window.
    pub const fn below(&self) -> usize {
        self.total - self.end
    }
}

impl Doc {
    /// An empty text of this many columns.
    pub fn new(width: usize) -> Self {
        Self { width: width.max(8), ..Self::default() }
    }

    /// The lines, top to bottom.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Number of characters that a reader would not have seen; they are shown as marks.
    pub const fn hidden(&self) -> usize {
        self.hidden
    }

    /// The columns that its lines may have.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Says how many characters of the text so far are shown as marks; nothing when there is none.
    pub fn note_hidden(&mut self) {
        if self.hidden > 0 {
            self.gap();
            let marks = plural(self.hidden, "hidden character");
            self.paragraph(TextRole::Bad, &format!("{marks} in this text, shown as marks"));
        }
    }

    /// The lines that a window of `height` lines shows from `offset` on. When lines are left below, the last line of
    /// the window only says so and shows nothing.
    pub fn window(&self, offset: usize, height: usize) -> Viewport {
        let total = self.lines.len();
        if height == 0 {
            return Viewport { total, ..Viewport::default() };
        }
        let start = offset.min(total.saturating_sub(height));
        let below = total - start > height;
        let end = if below { start + height - 1 } else { total };
        Viewport { start, end, total }
    }

    /// An empty line, unless one is there already or nothing is.
    pub fn gap(&mut self) {
        if self.lines.last().is_some_and(|it| !it.0.is_empty()) {
            self.lines.push(Line::default());
        }
    }

    /// The title of a part, with space before it.
    pub fn head(&mut self, title: &str) {
        self.gap();
        self.paragraph(TextRole::Header, title);
    }

    /// A paragraph over the whole width.
    pub fn paragraph(&mut self, role: TextRole, words: &str) {
        self.hang(Vec::new(), 0, role, words);
    }

    /// A name and a value beside it. In a narrow window the value goes below its name.
    pub fn field(&mut self, name: &str, role: TextRole, words: &str) {
        if self.width < 3 * NAMES {
            self.paragraph(TextRole::Dim, name);
            self.hang(vec![(TextRole::Dim, "  ".to_owned())], 2, role, words);
        } else {
            self.hang(vec![(TextRole::Dim, text::pad(name, NAMES))], NAMES, role, words);
        }
    }

    /// A list under one name: each item on its own line; `none` when it is empty.
    pub fn list(&mut self, name: &str, role: TextRole, items: &[String], none: &str) {
        if items.is_empty() {
            return self.field(name, TextRole::Dim, none);
        }
        for (nth, item) in items.iter().enumerate() {
            self.field(if nth == 0 { name } else { "" }, role, item);
        }
    }

    /// A sign, such as a tick, and text that hangs beside it.
    pub fn item(&mut self, sign: (TextRole, &str), role: TextRole, words: &str) {
        let indent = text::width(sign.1) + 1;
        self.hang(vec![(sign.0, format!("{} ", sign.1))], indent, role, words);
    }

    /// Pieces on one line; what does not fit is cut with a mark.
    pub fn row(&mut self, pieces: &[(TextRole, &str)]) {
        let mut line = Line::default();
        let mut room = self.width;
        for (role, piece) in pieces {
            self.hidden += text::hidden(piece);
            let clean = text::clean(piece);
            let fits = text::cut(&clean, room);
            room -= text::width(&fits);
            line.0.push((*role, fits.into_owned()));
        }
        self.lines.push(line);
    }

    /// Text after some pieces; its further lines are indented as far as the pieces are wide.
    fn hang(&mut self, before: Vec<(TextRole, String)>, indent: usize, role: TextRole, words: &str) {
        self.hidden += text::hidden(words);
        let clean = text::clean_block(words);
        let room = self.width.saturating_sub(indent).max(1);
        let mut first = Some(before);
        for part in text::wrap(&clean, room) {
            let mut line = Line(first.take().unwrap_or_else(|| match indent {
                0 => Vec::new(),
                indent => vec![(TextRole::Dim, " ".repeat(indent))],
            }));
            if !part.is_empty() {
                line.0.push((role, part.to_owned()));
            }
            self.lines.push(line);
        }
    }
}

/// The lines as plain text, one after the other.
impl fmt::Display for Doc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            let text: String = line.0.iter().map(|(_, text)| text.as_str()).collect();
            writeln!(f, "{}", text.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(doc: &Doc) -> Vec<String> {
        doc.to_string().lines().map(ToOwned::to_owned).collect()
    }

    #[test]
    fn fields_hang_beside_their_names() {
        let mut doc = Doc::new(40);
        doc.field("next step", TextRole::Text, "send the confirmation mail to the customer");
        doc.head("TRIED");
        doc.item((TextRole::Good, "✓"), TextRole::Text, "replacement");
        assert_eq!(
            text(&doc),
            ["next step   send the confirmation mail", "            to the customer", "", "TRIED", "✓ replacement"]
        );
        let mut narrow = Doc::new(20);
        narrow.field("next step", TextRole::Text, "send the mail");
        assert_eq!(text(&narrow), ["next step", "  send the mail"]);
    }

    #[test]
    fn the_last_line_of_a_window_says_what_is_below_and_shows_nothing() {
        let mut doc = Doc::new(40);
        doc.paragraph(TextRole::Text, "1\n2\n3\n4\n5");
        let window = |offset, height| {
            let it = doc.window(offset, height);
            (it.start, it.end)
        };
        assert_eq!(window(0, 5), (0, 5));
        assert_eq!(window(0, 3), (0, 2));
        assert_eq!(window(2, 3), (2, 5));
        assert_eq!(window(99, 3), (2, 5), "never past the end");
        assert_eq!(window(0, 0), (0, 0));
    }

    #[test]
    fn what_hides_is_shown_and_counted() {
        let mut doc = Doc::new(40);
        doc.paragraph(TextRole::Text, "pay \u{202e}001\u{1b}[2J");
        assert_eq!(doc.hidden(), 2);
        assert_eq!(text(&doc), ["pay ⟨U+202E⟩001␛[2J"]);
    }
}
