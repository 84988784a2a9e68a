//! Irregular events: those that do not fit in an observed history.

use serde::Serialize;

/// Kind of irregular event. Each is counted and stands in the log, also where it changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Irregularity {
    /// It was folded in before, and changes nothing.
    Duplicate,
    /// Events of its run are missing before it.
    Gap,
    /// It speaks of a handoff nobody emitted. Where it names the edge, the handoff is known from then on; otherwise
    /// it changes nothing.
    NeverEmitted,
    /// Something was said of it before it was emitted; the handoff counts as emitted from then on, and no longer as
    /// [`NeverEmitted`](Self::NeverEmitted).
    EmittedLate,
    /// It ended without having been acknowledged.
    EndedUnacknowledged,
    /// It had ended already; the first end counts.
    SecondEnd,
    /// Acknowledged after it had ended.
    LateAcknowledgement,
    /// Acknowledged a second time, and no other attempt was granted in between.
    SecondAcknowledgement,
    /// Acknowledged while a person was asked: the question was taken up, and is open until it is answered or the handoff
    /// ends.
    AcknowledgedWhileAsked,
    /// A person was asked after it had ended: there is no question.
    AskedAfterEnd,
    /// A person was asked while a question was open: the first question stays.
    AskedTwice,
    /// A person answered, and no question was open.
    AnsweredUnasked,
    /// Another attempt was granted after it was done or given up: there is none.
    RetriedAfterEnd,
}

impl Irregularity {
    /// In words, as shown to people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Duplicate => "seen before",
            Self::Gap => "events missing before it",
            Self::NeverEmitted => "handoff without emitted",
            Self::EmittedLate => "emitted after it was spoken of",
            Self::EndedUnacknowledged => "ended without acknowledged",
            Self::SecondEnd => "second end of one handoff",
            Self::LateAcknowledgement => "acknowledged after its end",
            Self::SecondAcknowledgement => "acknowledged a second time",
            Self::AcknowledgedWhileAsked => "acknowledged while a person was asked",
            Self::AskedAfterEnd => "a question after its end",
            Self::AskedTwice => "a second question while one was open",
            Self::AnsweredUnasked => "an answer without a question",
            Self::RetriedAfterEnd => "retried after its end",
        }
    }
}
