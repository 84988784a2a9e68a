//! A text in a window that scrolls. What was in the window was seen: an approval asks for all of it.

use crate::keymap::Action;
use crate::page::Doc;

/// A text in a window, and how much of it was in there.
#[derive(Debug, Default)]
pub struct ScrollView {
    /// The text, laid out in lines.
    pub doc: Doc,
    /// Lines scrolled away above the window, from 0.
    pub offset: usize,
    /// Lines of the window.
    rows: usize,
    /// Every line before this one was in the window.
    seen: usize,
    key: String,
}

impl ScrollView {
    /// Shows a text in a window of so many lines. Another `key` is another text: it starts at its top, and
    /// nothing of it was seen.
    pub fn show(&mut self, key: String, doc: Doc, rows: usize) {
        if self.key != key {
            (self.key, self.offset, self.seen) = (key, 0, 0);
        } else if self.doc.width() != doc.width() {
            // Lines broke elsewhere: unless all were seen, it cannot be told which were.
            let all = self.unseen() == 0;
            self.seen = if all { doc.lines().len() } else { 0 };
        }
        (self.doc, self.rows) = (doc, rows);
        self.look();
    }

    /// Lines that were not in the window yet.
    pub fn unseen(&self) -> usize {
        self.doc.lines().len().saturating_sub(self.seen)
    }

    /// Moves the window; false when the action means nothing to a text.
    pub fn act(&mut self, action: Action) -> bool {
        // One line stays in sight, and the last line of the window only counts what is below.
        let page = self.rows.saturating_sub(2).max(1);
        self.offset = match action {
            Action::Down => self.offset + 1,
            Action::Up => self.offset.saturating_sub(1),
            Action::HalfPageDown => self.offset + page,
            Action::HalfPageUp => self.offset.saturating_sub(page),
            Action::Top => 0,
            Action::Bottom => self.doc.lines().len(),
            _ => return false,
        };
        self.look();
        true
    }

    fn look(&mut self) {
        let window = self.doc.window(self.offset, self.rows);
        self.offset = window.start;
        // What was jumped over was not seen.
        if window.start <= self.seen {
            self.seen = self.seen.max(window.end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::TextRole;

    #[test]
    fn what_was_jumped_over_was_not_seen() {
        let doc = || {
            let mut doc = Doc::new(40);
            doc.paragraph(TextRole::Text, "1\n2\n3\n4\n5\n6\n7\n8");
            doc
        };
        let mut reader = ScrollView::default();
        reader.show("a".to_owned(), doc(), 4);
        assert_eq!(reader.unseen(), 5);
        reader.act(Action::Bottom);
        assert_eq!(reader.unseen(), 5, "lines 4 to 4 were jumped over");
        reader.act(Action::Top);
        reader.act(Action::HalfPageDown);
        reader.act(Action::HalfPageDown);
        assert_eq!(reader.unseen(), 0);
        reader.show("b".to_owned(), doc(), 4);
        assert_eq!((reader.unseen(), reader.offset), (5, 0), "another text");
    }
}
