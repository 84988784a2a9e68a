//! Commits: everything that one transaction writes, or nothing of it, as rows that a store need not understand.

use serde_json::Value;

use crate::domain::canonical::canonical;
use crate::domain::event::{Event, Fact};
use crate::domain::health::Tally;
use crate::domain::id::{Edge, HandoffId, RunId};
use crate::domain::machine::Folded;
use crate::domain::offence::Offence;
use crate::domain::run::{Handoff, Handoffs, Run, State, queue};
use crate::domain::time::Time;

/// Number of times a run was written: a commit compares and sets it, and a conflict is a number that moved. A heartbeat
/// counts, though it is no event. 0 before the first.
pub type Version = u64;

/// Everything one transaction writes.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// The new state of one run; `None` when no run changes.
    pub change: Option<Change>,
    /// Another run that this was decided by, and its version then, 0 for none: if it moved, it is a conflict. `None` when
    /// there is no other.
    pub besides: Option<(RunId, Version)>,
    /// Bytes to keep; those that are there already are left alone.
    pub blobs: Vec<Blob>,
    /// Who gave bytes to keep, by their digest; empty for bytes that nobody outside gave.
    pub givers: Vec<(String, Giver)>,
    /// Bytes that handoffs of the run refer to, by their digest.
    pub references: Vec<(String, HandoffId)>,
    /// The answer to remember for a repeated request. A key that was answered before, and has not expired, is a conflict.
    pub answered: Option<Answered>,
    /// A payload schema to keep.
    pub schema: Option<NewSchema>,
}

/// Name of an agent that gave bytes to keep; empty where nobody asked who it was.
pub type Giver = String;

/// A payload schema that is registered.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSchema {
    /// Its name.
    pub name: String,
    /// Its version, as in `1.2.0`.
    pub version: String,
    /// The schema itself.
    pub body: Value,
    /// [`Schema::number`](super::Schema::number) of the latest one that was known when this one was found to fit; 0 for
    /// none. If there are later ones, it is a conflict.
    pub after: u64,
}

/// The new state of one run, and what it means for the queues and the figures.
#[derive(Clone, Debug)]
pub struct Change {
    /// Id of the run.
    pub run: RunId,
    /// The version it was decided on; the new one is one more.
    pub expect: Version,
    /// True while something in it waits for somebody: such runs are part of a snapshot.
    pub open: bool,
    /// Time of its latest event.
    pub changed: Time,
    /// How [notable](Run::notable) it is after its end; 0 while it is open.
    pub notable: u8,
    /// The run as JSON, without its handoffs.
    pub body: String,
    /// Its new events, in order; none for a lease that was extended.
    pub events: Vec<Entry>,
    /// The handoffs that changed, as they are now.
    pub index: Vec<Row>,
    /// Versions of payload schemas that were handed over now, each with its edge and the name of the schema, in order.
    pub payloads: Vec<(Edge, String, String)>,
    /// Records of refused contracts by their ids: whether the run keeps each now.
    pub rejections: Vec<(String, bool)>,
    /// Whether it holds refused contracts and nothing else. Of such runs only the latest [`Refused::RUNS`](crate::domain::run::Refused::RUNS) are kept; the
    /// others go whole, and so does one whose record is in another one now.
    pub refused: bool,
    /// What is added to the figures of an edge in a short slice of time, named by its end.
    pub tallies: Vec<(Time, Edge, Tally)>,
    /// What is added to the groups of refused contracts.
    pub offences: Vec<Offence>,
}

/// One event as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Number of the event within the run, from 1.
    pub seq: u64,
    /// The handoff it is about; `None` when it is about the run.
    pub handoff: Option<HandoffId>,
    /// Name of the fact, such as `handoff.emitted`.
    pub name: &'static str,
    /// Time at which it happened.
    pub at: Time,
    /// The event as RFC 8785 bytes, which its hash is made of.
    pub body: String,
}

/// One handoff in the index for queues, timers and lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Id of the handoff, which belongs to one run for ever.
    pub id: HandoffId,
    /// Its key, which no other handoff of the store has; empty when it was never a contract.
    pub key: Box<str>,
    /// Its place among the handoffs of its run, in order of emission; from 0.
    pub nth: usize,
    /// The handoff as JSON.
    pub body: String,
    /// The edge it is on.
    pub edge: Edge,
    /// State of the handoff.
    pub state: State,
    /// Whether somebody still owes something on it.
    pub open: bool,
    /// Time of its emission.
    pub emitted: Time,
    /// Time from which its target may claim it; `None` when nobody may.
    pub ready: Option<Time>,
    /// Its place in the queue of its target, the earliest first; `None` when it is in no queue.
    pub place: Option<Time>,
    /// Time at which something happens to it by itself; `None` when nothing does.
    pub due: Option<Time>,
    /// Time at which the wait for `ready` began or, where that is `None`, for `due`; `None` where its end does not depend
    /// on that.
    pub timed: Option<Time>,
}

impl Row {
    /// The row of the `nth` handoff of its run.
    #[allow(clippy::missing_panics_doc, reason = "the message is the proof")]
    pub(super) fn of(nth: usize, it: &Handoff) -> Self {
        Self {
            id: it.id.clone(),
            nth,
            body: serde_json::to_string(it).expect("a handoff has string keys only, so JSON can hold it"),
            key: it.emission.terms.as_ref().map(|it| (&*it.key).into()).unwrap_or_default(),
            edge: it.emission.edge.clone(),
            state: it.state,
            open: it.state.is_open(),
            emitted: it.emitted_at.unwrap_or_default(),
            ready: queue::claimable(it),
            place: queue::place(it),
            due: queue::due(it),
            timed: queue::timed_at(it),
        }
    }
}

/// The edge, schema and version of the payload that an event hands over; `None` when it hands none over.
pub(super) fn payload(it: &Event) -> Option<(Edge, String, String)> {
    let (Fact::Emitted(head) | Fact::Amended { head: Some(head), .. }) = &it.fact else { return None };
    let (schema, version) = head.terms.as_ref()?.payload.as_deref()?.rsplit_once('@')?;
    Some((head.edge.clone(), schema.to_owned(), version.to_owned()))
}

impl Entry {
    fn of(it: &Event) -> Self {
        let value = serde_json::to_value(it).expect("an event has string keys only, so JSON can hold it");
        let body = String::from_utf8(canonical(&value)).expect("JSON is UTF-8");
        Self { seq: it.seq, handoff: it.handoff.clone(), name: it.fact.name(), at: it.at, body }
    }
}

/// The media type of the body of a refused contract: such bytes go with the runs that keep them, unless somebody else keeps
/// the same ones.
pub const REFUSED_TYPE: &str = "application/vnd.handoff.refused+json;v=1";

/// Bytes that are kept under their digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// Media type of the bytes, such as `application/json`.
    pub media_type: String,
    /// The bytes themselves.
    pub bytes: Vec<u8>,
}

/// The answer to a request that may be repeated under the same key.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// Scope of the key, made from the caller: two callers may use the same key.
    pub scope: String,
    /// The idempotency key the caller gave.
    pub key: String,
    /// Digest of the request.
    pub fingerprint: String,
    /// The answer as it was given the first time.
    pub body: Value,
    /// Time at which it was given.
    pub at: Time,
    /// Time until which it is remembered.
    pub expires: Time,
}

impl Commit {
    /// What was made of a run that was loaded at version `expect`; 0 when there was none.
    #[allow(clippy::missing_panics_doc, reason = "the messages are the proof")]
    pub fn of(made: &Folded, expect: Version) -> Self {
        let run = &made.run;
        let rest = Run { handoffs: Handoffs::default(), ..Run::clone(run) };
        let row = |id| Some(Row::of(run.handoffs.place(id)?, run.handoffs.get(id)?));
        let change = Change {
            run: run.id.clone(),
            expect,
            open: run.is_open(),
            changed: run.changed_at,
            notable: if run.is_open() { 0 } else { run.notable() },
            body: serde_json::to_string(&rest).expect("a run has string keys only, so JSON can hold it"),
            events: made.events.iter().map(Entry::of).collect(),
            index: made.touched.iter().filter_map(row).collect(),
            payloads: made.events.iter().filter_map(payload).collect(),
            rejections: made.rejections.iter().map(|(id, kept)| (id.clone(), *kept)).collect(),
            refused: made.events.last().is_some_and(|it| run.is_refused(&it.fact)),
            tallies: made.tallies.iter().map(|((end, edge), it)| (*end, edge.clone(), it.clone())).collect(),
            offences: made.offences.clone(),
        };
        Self { change: Some(change), ..Self::default() }
    }

    /// Writes only what is added to it.
    pub fn nothing() -> Self {
        Self::default()
    }
}
