//! Filter and order of the dead letters.

use std::cmp::Ordering;

use crate::domain::id::HandoffId;
use crate::domain::ledger::{DeadBook, Ledger};
use crate::domain::query::Query;
use crate::domain::report::{DeadGroup, dead_text};

use super::GroupId;

/// Key that groups can be sorted by, in the order of the columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// The number of dead letters.
    #[default]
    Count,
    /// Time of the first death.
    First,
    /// Time of the latest death.
    Last,
    /// The edge, by name.
    Edge,
    /// The verdict of a requeue.
    Outlook,
}

impl By {
    /// All of them, in the order of the columns.
    pub const ALL: [Self; 5] = [Self::Count, Self::First, Self::Last, Self::Edge, Self::Outlook];
}

/// Order of the groups: the sort key, and whether the smallest is on top.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sort {
    /// The sort key.
    pub by: By,
    /// Whether the smallest is on top.
    pub rising: bool,
}

impl Sort {
    /// The way that is most useful for a column: most, latest, or first in the alphabet on top.
    pub const fn new(by: By) -> Self {
        Self { by, rising: matches!(by, By::First | By::Edge | By::Outlook) }
    }

    /// The order by the next column, which starts over after the last.
    #[must_use]
    pub fn next(self) -> Self {
        let at = By::ALL.iter().position(|it| *it == self.by).unwrap_or(0);
        Self::new(By::ALL.get(at + 1).copied().unwrap_or_default())
    }

    /// The same column the other way round.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self { by: self.by, rising: !self.rising }
    }

    /// Orders two groups; what is equal keeps a fixed order, or rows would jump.
    pub(super) fn compare(
        self,
        (a, many, x): (&GroupId, usize, &DeadGroup),
        (b, more, y): (&GroupId, usize, &DeadGroup),
    ) -> Ordering {
        let order = match self.by {
            By::Count => many.cmp(&more),
            By::First => x.first_at.cmp(&y.first_at),
            By::Last => x.last_at.cmp(&y.last_at),
            By::Edge => x.edge.cmp(&y.edge),
            By::Outlook => x.outlook.cmp(&y.outlook),
        };
        let order = if self.rising { order } else { order.reverse() };
        order.then_with(|| y.last_at.cmp(&x.last_at)).then_with(|| a.cmp(b))
    }

    /// Items are listed by their deaths: the latest on top only when groups are sorted so.
    const fn newest_first(self) -> bool {
        matches!(self.by, By::First | By::Last) && !self.rising
    }
}

/// The items of a group that match, in order.
pub(super) fn items(ledger: &Ledger, book: &DeadBook, query: &Query, sort: Sort) -> Vec<HandoffId> {
    let kept = book.items.iter().filter(|(_, id)| matches(ledger, book, query, id));
    let ids = kept.map(|(_, id)| id.clone());
    if sort.newest_first() { ids.rev().collect() } else { ids.collect() }
}

/// Whether one dead letter matches. Nothing is copied: this runs over all of them.
pub(super) fn matches(ledger: &Ledger, book: &DeadBook, query: &Query, id: &HandoffId) -> bool {
    query.is_empty() || dead_text(ledger, book, id).is_some_and(|it| query.matches(&it))
}
