//! An order that holds still: numbers change with every event, rows must not dance with them.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::Hash;

use crate::domain::time::{Millis, SECOND, Time};

/// Rows are sorted anew at most this often.
const HOLD: Millis = 5 * SECOND;

/// Remembers where each row was.
#[derive(Clone, Debug)]
pub struct Order<K> {
    places: HashMap<K, usize>,
    sorted: Option<Time>,
}

impl<K> Default for Order<K> {
    fn default() -> Self {
        Self { places: HashMap::new(), sorted: None }
    }
}

impl<K: Eq + Hash> Order<K> {
    /// Sorts anew next time: the user asked for another order.
    pub fn forget(&mut self) {
        self.sorted = None;
    }

    /// Sorts rows the way they were when last sorted, new ones behind them; after some seconds by `compare` again.
    pub fn sort<T>(&mut self, now: Time, rows: &mut [T], key: impl Fn(&T) -> K, compare: impl Fn(&T, &T) -> Ordering) {
        let holds = |at: Time| (0..HOLD).contains(&(now - at));
        if self.sorted.is_some_and(holds) && !self.places.is_empty() {
            let place = |row: &T| self.places.get(&key(row)).copied().unwrap_or(usize::MAX);
            rows.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| compare(a, b)));
        } else {
            rows.sort_by(compare);
            self.sorted = Some(now);
        }
        self.places = rows.iter().map(key).zip(0..).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_places_for_some_seconds() {
        let mut order = Order::default();
        let mut sort = |at: Millis, mut rows: Vec<(char, i32)>| {
            let at = Time::from_millis(at);
            order.sort(at, &mut rows, |it| it.0, |a, b| b.1.cmp(&a.1));
            rows.iter().map(|it| it.0).collect::<String>()
        };
        assert_eq!(sort(0, vec![('a', 1), ('b', 2)]), "ba");
        assert_eq!(sort(1_000, vec![('a', 9), ('b', 2), ('c', 5)]), "bac");
        assert_eq!(sort(2_000, vec![('c', 9), ('a', 1)]), "ac", "a row that goes moves nobody");
        assert_eq!(sort(6_000, vec![('a', 1), ('c', 9)]), "ca");
    }

    #[test]
    fn on_demand_it_sorts_at_once() {
        let mut order = Order::default();
        let mut rows = [1, 2];
        order.sort(Time::default(), &mut rows, |it| *it, Ord::cmp);
        order.forget();
        order.sort(Time::default(), &mut rows, |it| *it, |a, b| b.cmp(a));
        assert_eq!(rows, [2, 1]);
    }
}
