//! What could not be used of the input of a source, counted by cause.

use std::collections::BTreeMap;

use crate::domain::port::Skipped;

/// Cause of a part of the input that could not be used, or was used once already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// A line longer than a recording may have.
    TooLong,
    /// Bytes that are no UTF-8.
    NotUtf8,
    /// Not valid JSON.
    NotJson,
    /// JSON, but of another shape, or a member has the wrong type.
    NotAnEvent,
    /// A member that every event has is absent, null or empty.
    MissingMember,
    /// Its time is not RFC 3339.
    BadTime,
    /// A kind of event that nobody defined.
    UnknownKind,
    /// An id or a name is empty or longer than [`MAX_ID`](super::MAX_ID).
    BadId,
    /// It was observed before.
    Duplicate,
    /// The same line stands in the file before it: once or twice the same, nobody can tell.
    IdenticalLine,
    /// It is older than all that is remembered of a live source, so that nobody can tell whether it was said.
    TooLate,
    /// Its time is more than a year away from most others, with few others near it: the clock that wrote it was wrong.
    StrayTime,
    /// Its time is an hour or more after it was heard: the clock that wrote it is wrong.
    FutureTime,
    /// The file ends in the middle: a truncated or damaged gzip stream.
    CutShort,
}

impl Cause {
    /// In words, as shown to people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::TooLong => "longer than 1 MiB",
            Self::NotUtf8 => "not UTF-8",
            Self::NotJson => "not JSON",
            Self::NotAnEvent => "not an event",
            Self::MissingMember => "a member is missing",
            Self::BadTime => "not a time",
            Self::UnknownKind => "unknown kind",
            Self::BadId => "an id or a name is empty or longer than 1 KiB",
            Self::Duplicate => "duplicate",
            Self::IdenticalLine => "identical lines",
            Self::TooLate => "older than what is remembered",
            Self::StrayTime => "time is more than a year away from most others",
            Self::FutureTime => "time is an hour or more ahead",
            Self::CutShort => "compressed data is cut short or damaged",
        }
    }
}

/// A part of the input that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// The cause it is counted under.
    pub cause: Cause,
    /// The fault in detail, at most 200 characters. May quote hostile text.
    pub detail: String,
}

impl Unusable {
    /// A part that is unusable for this cause, with the fault in detail, of which 200 characters are kept.
    pub fn new(cause: Cause, detail: impl Into<String>) -> Self {
        const MAX_QUOTED: usize = 200;
        let detail: String = detail.into();
        Self { cause, detail: detail.chars().take(MAX_QUOTED).collect() }
    }
}

/// Number of unusable parts by cause, with the first of each.
#[derive(Debug, Default)]
pub(super) struct Counts(BTreeMap<Cause, Skipped>);

impl Counts {
    /// Counts one from this place of the input. The first is the one from the lowest place, whenever it is counted.
    pub(super) fn count(&mut self, came_from: u64, it: Unusable) {
        let known = self.0.entry(it.cause).or_insert_with(|| Skipped {
            cause: it.cause.words().to_owned(),
            count: 0,
            first: came_from,
            example: String::new(),
        });
        if known.count == 0 || came_from < known.first {
            (known.first, known.example) = (came_from, it.detail);
        }
        known.count += 1;
    }

    /// The counts in the order of [`Cause`].
    pub(super) fn list(&self) -> Vec<Skipped> {
        self.0.values().cloned().collect()
    }
}
