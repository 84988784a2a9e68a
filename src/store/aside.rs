//! Records that cannot be read. Each is set aside: named, counted, and left out of everything that is read besides, so
//! that one of them stops nothing but what is asked of itself.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::domain::id::HandoffId;
use crate::domain::port::Skipped;
use crate::domain::text::clean;

/// The most records that are known by name; beyond them, one more is left out without being counted.
const NAMED: usize = 10_000;
/// Time for which a handoff stays out of queues and timers before it is tried again: somebody may have mended it.
const HELD: Duration = Duration::from_mins(1);

/// A stored record that cannot be read. It tells nothing of what the record says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// Name of the table.
    pub table: &'static str,
    /// What it is found by in its table.
    pub id: String,
    /// What is wrong with it, in a few words.
    pub why: String,
}

impl Unreadable {
    /// The record `id` of `table`, which is not the JSON that it should be.
    pub fn json(table: &'static str, id: impl Into<String>, why: &serde_json::Error) -> Self {
        use serde_json::error::Category;
        let what = match why.classify() {
            Category::Data => "its JSON does not say what it should",
            Category::Syntax | Category::Eof | Category::Io => "it is not JSON",
        };
        // Not in the words of the error, which quotes what was written.
        Self { table, id: id.into(), why: format!("{what}, at character {}", why.column()) }
    }

    /// The record `id` of `table`, whose text is not UTF-8.
    pub fn text(table: &'static str, id: impl Into<String>) -> Self {
        Self { table, id: id.into(), why: "it is no text".to_owned() }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.table, clean(&self.id), self.why)
    }
}

/// The records of a store that were found unreadable since it was opened.
#[derive(Debug, Default)]
pub struct Aside {
    known: Mutex<Known>,
    /// Grows whenever other records are set aside.
    revision: AtomicU64,
}

#[derive(Debug, Default)]
struct Known {
    /// What is wrong with each, by its table and id.
    records: BTreeMap<(&'static str, String), String>,
    /// Handoffs that cannot be worked on, and since when that is known.
    held: HashMap<HandoffId, Instant>,
}

impl Aside {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets a record aside. The first time it goes to the log, too.
    pub fn note(&self, it: &Unreadable) {
        let mut known = self.known();
        let key = (it.table, it.id.clone());
        if known.records.len() < NAMED && !known.records.contains_key(&key) {
            known.records.insert(key, it.why.clone());
            drop(known);
            self.revision.fetch_add(1, Ordering::Relaxed);
            tracing::error!("a record of the store cannot be read and is set aside: {it}; everything else goes on");
        }
    }

    /// A record could be read: if it was set aside, it is one like any other again.
    pub fn mended(&self, table: &'static str, id: &str) {
        if self.revision() == 0 {
            return;
        }
        let mut known = self.known();
        if !known.records.is_empty() && known.records.remove(&(table, id.to_owned())).is_some() {
            self.revision.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Keeps a handoff out of queues and timers for a while: something it needs was set aside.
    pub fn hold(&self, handoff: &HandoffId) {
        self.known().held.insert(handoff.clone(), Instant::now());
    }

    /// The handoffs that are kept out of queues and timers; empty when none is.
    pub fn held(&self) -> HashSet<HandoffId> {
        let mut known = self.known();
        known.held.retain(|_, since| since.elapsed() < HELD);
        known.held.keys().cloned().collect()
    }

    /// Number of records that are set aside.
    pub fn count(&self) -> usize {
        self.known().records.len()
    }

    /// A number that is another one whenever other records are set aside; 0 when none ever was.
    pub fn revision(&self) -> u64 {
        self.revision.load(Ordering::Relaxed)
    }

    /// The first `n` records by table and id.
    pub fn first(&self, n: usize) -> Vec<Unreadable> {
        let record = |((table, id), why): (&(&'static str, String), &String)| Unreadable {
            table,
            id: id.clone(),
            why: why.clone(),
        };
        self.known().records.iter().take(n).map(record).collect()
    }

    /// The same for people who look at a source, by table.
    pub fn skipped(&self) -> Vec<Skipped> {
        let mut skipped: Vec<(&str, Skipped)> = Vec::new();
        for ((table, id), why) in &self.known().records {
            match skipped.last_mut() {
                Some((last, it)) if last == table => it.count += 1,
                _ => {
                    let cause = format!("unreadable in the table {table} of the store");
                    let example = format!("{}: {why}", clean(id));
                    skipped.push((table, Skipped { cause, count: 1, first: 0, example }));
                }
            }
        }
        skipped.into_iter().map(|(_, it)| it).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unreadable(table: &'static str, id: &str) -> Unreadable {
        Unreadable { table, id: id.to_owned(), why: "it is not JSON, at character 7".to_owned() }
    }

    #[test]
    fn each_record_is_counted_once_until_it_is_mended() {
        let aside = Aside::default();
        for (table, id) in [("runs", "b"), ("events", "7"), ("runs", "a"), ("runs", "b")] {
            aside.note(&unreadable(table, id));
        }
        assert_eq!((aside.count(), aside.revision()), (3, 3));
        assert_eq!(aside.first(2), [unreadable("events", "7"), unreadable("runs", "a")]);
        let told: Vec<_> = aside.skipped().into_iter().map(|it| (it.cause, it.count, it.example)).collect();
        let events = "unreadable in the table events of the store".to_owned();
        assert_eq!(told[0], (events, 1, "7: it is not JSON, at character 7".to_owned()));
        assert_eq!((told.len(), told[1].1), (2, 2));
        aside.mended("runs", "a");
        aside.mended("runs", "c");
        assert_eq!((aside.count(), aside.revision()), (2, 4));
    }

    #[test]
    fn what_a_record_says_is_not_told() {
        let why = serde_json::from_str::<u8>("\"a secret\"").unwrap_err();
        let it = Unreadable::json("runs", "r", &why);
        assert_eq!(it.to_string(), "runs r: its JSON does not say what it should, at character 10");
        let why = serde_json::from_str::<u8>("\"a sec").unwrap_err();
        assert_eq!(Unreadable::json("runs", "r", &why).why, "it is not JSON, at character 6");
    }
}
