//! A list with a cursor and marks on ids: rows may move, the cursor stays on the item.

use std::collections::HashSet;
use std::hash::Hash;

use crate::keymap::Action;

use super::binding::Binding;

/// Rows by id in the order shown, the one under the cursor, and the marked ones.
#[derive(Clone, Debug)]
pub struct List<K> {
    rows: Vec<K>,
    cursor: Option<K>,
    /// Index of the cursor when its item was last seen: it stays there when the item is gone.
    at: usize,
    marks: HashSet<K>,
    /// The item that a range of marks began at; `None` outside a range.
    anchor: Option<K>,
    /// The user or a jump put the cursor where it is.
    placed: bool,
    /// Revision: one more each time rows or marks may have changed.
    revision: u64,
}

impl<K> Default for List<K> {
    fn default() -> Self {
        Self { rows: Vec::new(), cursor: None, at: 0, marks: HashSet::new(), anchor: None, placed: false, revision: 0 }
    }
}

impl<K: Clone + Eq + Hash> List<K> {
    /// Takes a new order of rows. The cursor stays on its item; when that is gone, on its neighbour. Marks on
    /// items that are gone go too.
    pub fn settle(&mut self, rows: Vec<K>) {
        self.rows = rows;
        self.revision += 1;
        let found = self.cursor.as_ref().and_then(|id| self.rows.iter().position(|row| row == id));
        self.at = found.unwrap_or(self.at).min(self.rows.len().saturating_sub(1));
        self.cursor = self.rows.get(self.at).cloned();
        if !self.marks.is_empty() {
            let here: HashSet<&K> = self.rows.iter().collect();
            self.marks.retain(|mark| here.contains(mark));
        }
    }

    /// Takes a new order whose first row matters most: the cursor stays on top until somebody moves it.
    pub fn settle_worst_first(&mut self, rows: Vec<K>) {
        if !self.placed {
            self.cursor = rows.first().cloned();
        }
        self.settle(rows);
    }

    /// The rows, in order.
    pub fn rows(&self) -> &[K] {
        &self.rows
    }

    /// The item under the cursor; `None` when the list is empty.
    pub const fn selected(&self) -> Option<&K> {
        self.cursor.as_ref()
    }

    /// The place of the cursor, for drawing only.
    pub fn index(&self) -> Option<usize> {
        (!self.rows.is_empty()).then_some(self.at)
    }

    /// Puts the cursor on an item; false when it is not in the list (then it goes there once it appears).
    pub fn select(&mut self, id: &K) -> bool {
        self.placed = true;
        self.cursor = Some(id.clone());
        match self.rows.iter().position(|row| row == id) {
            Some(at) => {
                self.move_to(at);
                true
            }
            None => false,
        }
    }

    /// Puts the cursor on a row as drawn; true when it was there already.
    pub fn click(&mut self, row: usize) -> bool {
        let again = row == self.at && self.cursor.is_some();
        self.move_to(row);
        again
    }

    /// Moves the cursor, as far as there are rows.
    pub fn step(&mut self, rows: isize) {
        self.move_to(self.at.saturating_add_signed(rows));
    }

    fn move_to(&mut self, row: usize) {
        self.placed = true;
        self.at = row.min(self.rows.len().saturating_sub(1));
        self.cursor = self.rows.get(self.at).cloned();
        if let Some(anchor) = &self.anchor
            && let Some(from) = self.rows.iter().position(|row| row == anchor)
        {
            let (low, high) = (from.min(self.at), from.max(self.at));
            self.revision += 1;
            self.marks.extend(self.rows.iter().skip(low).take(high - low + 1).cloned());
        }
    }

    /// Whether the item is marked.
    pub fn is_marked(&self, id: &K) -> bool {
        self.marks.contains(id)
    }

    /// Revision: one more each time rows or marks may have changed. A count made at one revision holds until the next.
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Number of marked items.
    pub fn marked(&self) -> usize {
        self.marks.len()
    }

    /// Items that an act is about: the marked ones in the order shown, or the one under the cursor.
    pub fn chosen(&self) -> Vec<K> {
        if self.marks.is_empty() {
            return self.cursor.iter().cloned().collect();
        }
        let marked = self.rows.iter().filter(|row| self.marks.contains(row));
        marked.cloned().collect()
    }

    /// Takes all marks away; false when there were none.
    pub fn unmark(&mut self) -> bool {
        self.anchor = None;
        let any = !self.marks.is_empty();
        self.marks.clear();
        self.revision += 1;
        any
    }

    /// Does what an action means for a list; false when it means nothing to it. `esc` clears the marks first.
    pub fn act(&mut self, action: Action, half_page: usize) -> bool {
        let half = half_page.cast_signed();
        if matches!(action, Action::Mark | Action::MarkRange | Action::MarkAll) {
            self.revision += 1;
        }
        match action {
            Action::Down => self.step(1),
            Action::Up => self.step(-1),
            Action::Top => self.move_to(0),
            Action::Bottom => self.move_to(usize::MAX),
            Action::HalfPageDown => self.step(half),
            Action::HalfPageUp => self.step(-half),
            Action::Mark => {
                if let Some(id) = self.cursor.clone() {
                    if !self.marks.remove(&id) {
                        self.marks.insert(id);
                    }
                    self.anchor = None;
                    self.step(1);
                }
            }
            Action::MarkRange => {
                self.anchor = match self.anchor {
                    Some(_) => None,
                    None => self.cursor.clone(),
                };
                self.marks.extend(self.anchor.clone());
            }
            Action::MarkAll => self.marks.extend(self.rows.iter().cloned()),
            Action::Back => return self.unmark(),
            _ => return false,
        }
        true
    }

    /// Bindings of a list: moving, and marking where a screen acts in bulk.
    pub fn bindings(&self, marks: bool) -> Vec<Binding> {
        use Action::{Bottom, Down, HalfPageDown, HalfPageUp, Top, Up};
        let mut bindings = Vec::new();
        if !self.rows.is_empty() {
            bindings.extend([Down, Up, Top, Bottom, HalfPageDown, HalfPageUp].map(Binding::quiet));
            if marks {
                bindings.push(Binding::new(Action::Mark));
                bindings.push(Binding::quiet(Action::MarkRange));
                bindings.push(Binding::quiet(Action::MarkAll));
            }
        }
        if !self.marks.is_empty() {
            bindings.push(Binding::new(Action::Back).word("unmark"));
        }
        bindings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(rows: &[u32]) -> List<u32> {
        let mut list = List::default();
        list.settle(rows.to_vec());
        list
    }

    #[test]
    fn the_cursor_stays_on_the_item() {
        let mut list = list(&[1, 2, 3]);
        list.step(1);
        list.settle(vec![9, 8, 1, 2, 3]);
        assert_eq!((list.selected(), list.index()), (Some(&2), Some(3)));
        list.settle(vec![9, 8, 1, 3]);
        assert_eq!(list.selected(), Some(&3), "its neighbour takes over");
        list.settle(vec![]);
        assert_eq!((list.selected(), list.index()), (None, None));
    }

    #[test]
    fn marks_are_on_items_and_go_with_them() {
        let mut list = list(&[1, 2, 3, 4]);
        list.act(Action::Mark, 5);
        list.act(Action::Mark, 5);
        assert_eq!(list.chosen(), [1, 2]);
        list.settle(vec![4, 2, 3]);
        assert_eq!(list.chosen(), [2]);
        assert!(list.act(Action::Back, 5));
        assert!(!list.act(Action::Back, 5), "nothing left to clear");
        assert_eq!(list.chosen(), [3], "the one under the cursor");
    }

    #[test]
    fn a_range_grows_with_the_cursor() {
        let mut list = list(&[1, 2, 3, 4]);
        list.act(Action::Down, 5);
        list.act(Action::MarkRange, 5);
        list.act(Action::Down, 5);
        assert_eq!(list.chosen(), [2, 3]);
        list.act(Action::MarkRange, 5);
        list.act(Action::Down, 5);
        assert_eq!(list.chosen(), [2, 3]);
    }
}
