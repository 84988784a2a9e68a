//! A run as a store and the wire have it. Most open work needs nobody: to count it, an outline is enough, and the
//! rest of its text is read when somebody looks into it or something happens in it.

use std::sync::{Arc, OnceLock};

use serde::de::{Error as _, IgnoredAny};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::{Handoff, Run, State};
use crate::domain::contract::PartyKind;
use crate::domain::id::{Edge, HandoffId, RunId};
use crate::domain::time::{Millis, Time};
use crate::domain::wire;

/// One run, read as far as it had to be.
#[derive(Clone, Debug)]
pub struct StoredRun {
    run: OnceLock<Arc<Run>>,
    /// The text that `run` is read from; `None` when the run was there from the beginning, or changed since.
    text: Option<Arc<Text>>,
}

#[derive(Debug)]
struct Text {
    outline: OutlineText,
    body: Box<str>,
}

/// The outline of a handoff: the part that the indexes of open work need.
#[derive(Clone, Copy, Debug)]
pub struct Outline<'a> {
    /// Id of the handoff.
    pub id: &'a HandoffId,
    /// The edge it crosses.
    pub edge: &'a Edge,
    /// Position in the pipeline; `None` when the source names none.
    pub stage: Option<&'a Arc<str>>,
    /// Time for which a claim may stay unacknowledged, in milliseconds; `None` without a contract.
    pub ack_timeout: Option<Millis>,
    /// The P95 that the policy of the edge allows, in milliseconds; `None` without a limit.
    pub p95_max: Option<Millis>,
    /// State of the handoff.
    pub state: State,
    /// True when it is addressed to people.
    pub to_people: bool,
    clock: Clock,
    changed_at: Option<Time>,
}

impl Outline<'_> {
    /// Emitted, and neither done nor given up: [`Handoff::is_open`].
    pub fn is_open(&self) -> bool {
        self.clock.emitted_at.is_some() && self.state.is_open()
    }

    /// Time its age counts from: [`Handoff::first_seen`].
    pub fn first_seen(&self) -> Time {
        self.clock.first_seen()
    }

    /// Time since which it counts in the latency population ([`Handoff::is_unacknowledged`]); `None` when it does not.
    pub fn waiting(&self) -> Option<Time> {
        self.clock.waiting(self.state)
    }

    /// Time of its last change.
    pub fn changed_at(&self) -> Time {
        self.changed_at.unwrap_or(self.first_seen())
    }
}

impl StoredRun {
    /// Reads the text of a run: whole if anything in it waits for a person, failed, or goes round in circles.
    ///
    /// # Errors
    /// It is not the JSON of a run.
    pub fn read(body: Box<str>) -> serde_json::Result<Self> {
        let mut outline: OutlineText = serde_json::from_str(&body)?;
        if !outline.goes_well() {
            return Ok(serde_json::from_str::<Run>(&body)?.into());
        }
        // Most runs have one handoff, and a list begins with room for more.
        outline.handoffs.shrink_to_fit();
        Ok(Self { run: OnceLock::new(), text: Some(Arc::new(Text { outline, body })) })
    }

    /// Id of the run.
    pub fn id(&self) -> &RunId {
        match &self.text {
            Some(text) => &text.outline.id,
            None => &self.run().id,
        }
    }

    /// The run. Text that has the outline of one and is none (another program wrote it) has no handoffs.
    pub fn run(&self) -> &Run {
        self.run.get_or_init(|| {
            let read = |text: &Arc<Text>| serde_json::from_str(&text.body).ok();
            let unread = || Run::new(self.id().clone(), Time::default());
            Arc::new(self.text.as_ref().and_then(read).unwrap_or_else(unread))
        })
    }

    /// The run, to change it: from then on it is whole.
    pub(in crate::domain) fn unpack(&mut self) -> &mut Arc<Run> {
        self.run();
        self.text = None;
        self.run.get_mut().expect("`run` put it there")
    }

    /// The run if it had to be read whole: something in it needs more than a [`outline`](Self::outlines).
    pub fn whole(&self) -> Option<&Run> {
        self.text.is_none().then(|| self.run())
    }

    /// Every handoff, in order of emission.
    pub fn outlines(&self) -> impl Iterator<Item = Outline<'_>> {
        let whole = self.whole().map(|run| run.handoffs.values());
        let text = self.text.as_ref().map(|text| &text.outline.handoffs);
        let whole = whole.into_iter().flatten().map(Handoff::outline);
        let parts = text.into_iter().flatten();
        whole.chain(parts.map(|(id, part)| part.outline(id)))
    }
}

impl From<Run> for StoredRun {
    fn from(run: Run) -> Self {
        Self { run: OnceLock::from(Arc::new(run)), text: None }
    }
}

impl PartialEq for StoredRun {
    fn eq(&self, other: &Self) -> bool {
        self.run() == other.run()
    }
}

impl Serialize for StoredRun {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(text) = &self.text else {
            return self.run().serialize(serializer);
        };
        let body: &RawValue = serde_json::from_str(&text.body).map_err(S::Error::custom)?;
        body.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for StoredRun {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let body = Box::<RawValue>::deserialize(deserializer)?;
        Self::read(body.into()).map_err(D::Error::custom)
    }
}

impl Handoff {
    /// The outline of the handoff: the part that the indexes of open work need.
    pub fn outline(&self) -> Outline<'_> {
        let terms = self.emission.terms.as_ref();
        Outline {
            id: &self.id,
            edge: &self.emission.edge,
            stage: self.emission.stage.as_ref(),
            ack_timeout: terms.map(|it| it.ack_timeout_ms),
            p95_max: terms.and_then(|it| it.p95_max_ms),
            state: self.state,
            to_people: self.emission.to.kind.is_people(),
            clock: self.clock(),
            changed_at: self.last_change.as_ref().map(|it| it.at),
        }
    }

    pub(super) fn clock(&self) -> Clock {
        Clock {
            emitted_at: self.emitted_at,
            ready_at: self.ready_at,
            waiting_since: self.waiting_since,
            acked_at: self.acked_at,
        }
    }
}

/// The times of a [`Handoff`] that its age is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    emitted_at: Option<Time>,
    ready_at: Time,
    waiting_since: Time,
    acked_at: Option<Time>,
}

impl Clock {
    pub(super) fn first_seen(self) -> Time {
        self.emitted_at.unwrap_or(self.ready_at)
    }

    pub(super) fn waiting(self, state: State) -> Option<Time> {
        let automatic = matches!(state, State::Pending | State::Leased | State::RetryWait);
        let waits = self.acked_at.is_none() && self.emitted_at.is_some() && automatic;
        waits.then_some(self.waiting_since)
    }
}

/// The part of a [`Run`] that is always read.
#[derive(Debug, Deserialize)]
struct OutlineText {
    id: RunId,
    #[serde(default)]
    handoffs: Vec<(HandoffId, Part)>,
    rejections: Option<IgnoredAny>,
    paused: Option<IgnoredAny>,
    resumed: Option<IgnoredAny>,
    verdict: Option<IgnoredAny>,
    storm_since: Option<IgnoredAny>,
}

/// The part of a [`Handoff`] that is always read.
#[derive(Debug, Deserialize)]
struct Part {
    emission: Head,
    state: State,
    emitted_at: Option<Time>,
    ready_at: Time,
    waiting_since: Time,
    acked_at: Option<Time>,
    last_change: Option<Change>,
    failure: Option<IgnoredAny>,
}

/// The part of an [`Emission`](crate::domain::event::Emission) that is always read.
#[derive(Debug, Deserialize)]
struct Head {
    /// There in JSON when the handoff has terms.
    key: Option<IgnoredAny>,
    edge: Edge,
    to: Addressee,
    #[serde(default, deserialize_with = "stage")]
    stage: Option<Arc<str>>,
    ack_timeout_ms: Millis,
    p95_max_ms: Option<Millis>,
}

/// The part of the target that is always read.
#[derive(Debug, Deserialize)]
struct Addressee {
    kind: PartyKind,
}

fn stage<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Arc<str>>, D::Error> {
    wire::name(from).map(Some)
}

#[derive(Debug, Deserialize)]
struct Change {
    at: Time,
}

impl OutlineText {
    fn goes_well(&self) -> bool {
        let notable = [&self.rejections, &self.paused, &self.resumed, &self.verdict, &self.storm_since];
        let mut states = self.handoffs.iter().map(|(_, it)| it.state);
        notable.iter().all(|it| it.is_none())
            && states.any(State::is_open)
            && self.handoffs.iter().all(|(_, it)| it.goes_well())
    }
}

impl Part {
    fn goes_well(&self) -> bool {
        let stopped = matches!(self.state, State::Escalated | State::DeadLettered);
        !stopped && self.failure.is_none()
    }

    fn outline<'a>(&'a self, id: &'a HandoffId) -> Outline<'a> {
        let head = &self.emission;
        Outline {
            id,
            edge: &head.edge,
            stage: head.stage.as_ref(),
            ack_timeout: head.key.map(|_| head.ack_timeout_ms),
            p95_max: head.key.and(head.p95_max_ms),
            state: self.state,
            to_people: head.to.kind.is_people(),
            clock: Clock {
                emitted_at: self.emitted_at,
                ready_at: self.ready_at,
                waiting_since: self.waiting_since,
                acked_at: self.acked_at,
            },
            changed_at: self.last_change.as_ref().map(|it| it.at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{Emission, Event, Fact, Terms};
    use crate::domain::id::Actor;
    use crate::domain::machine::evolve;

    /// A run of two handoffs: one with a contract, and one without, the latter as far as these facts take it.
    fn text(facts: Vec<Fact>) -> Box<str> {
        let mut run = Run::new("r".into(), Time::default());
        let seen = || Emission::observed(Edge::new("p", "a", "b"), "do \"it\"", Time::default());
        let terms = Terms { key: "hk1_0".into(), ack_timeout_ms: 7_000, p95_max_ms: Some(8_000), ..Terms::default() };
        let emission = Emission { stage: Some("draft".into()), terms: Some(terms), ..seen() };
        let first = [Fact::Emitted(Arc::new(emission)), Fact::Acknowledged { until: None }];
        let first = first.into_iter().map(|fact| ("h1", fact));
        let second = [Fact::Emitted(Arc::new(seen()))].into_iter().chain(facts);
        let events = first.chain(second.map(|fact| ("h2", fact)));
        for (seq, (handoff, fact)) in (1..).zip(events) {
            let event = Event {
                seen: None,
                run: run.id.clone(),
                seq,
                at: Time::from_millis(seq as i64),
                handoff: Some(handoff.into()),
                actor: Actor::agent("a"),
                fact,
            };
            assert_eq!(evolve(&mut run, &event), None);
        }
        serde_json::to_string(&run).unwrap().into()
    }

    fn whole(text: &str) -> Run {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn open_work_that_goes_well_is_counted_without_reading_all_of_it() {
        for facts in [vec![], vec![Fact::Acknowledged { until: None }]] {
            let text = text(facts);
            let record = StoredRun::read(text.clone()).unwrap();
            assert!(record.whole().is_none());
            assert_eq!(record.id().as_str(), "r");
            let run = whole(&text);
            let told: Vec<_> = record.outlines().map(|it| format!("{it:?}")).collect();
            let meant = run.handoffs.values().map(|it| format!("{:?}", it.outline()));
            assert_eq!(told, meant.collect::<Vec<_>>());
            assert_eq!(*record.run(), run);
        }
    }

    #[test]
    fn what_needs_somebody_is_read_whole() {
        let failed = Fact::ObservedFailed { code: "x".into() };
        let text = text(vec![Fact::Acknowledged { until: None }, failed]);
        let record = StoredRun::read(text.clone()).unwrap();
        assert_eq!(record.whole(), Some(&whole(&text)));
    }

    #[test]
    fn it_is_written_as_it_was_read_until_it_changes() {
        let text = text(vec![]);
        let mut record = StoredRun::read(text.clone()).unwrap();
        assert_eq!(serde_json::to_string(&record).unwrap(), *text);
        Arc::make_mut(record.unpack()).retried = 7;
        assert_eq!(record.whole().map(|it| it.retried), Some(7));
        let again: StoredRun = serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
        assert_eq!(again, record);
    }

    #[test]
    fn text_that_is_no_run_is_told_or_has_no_handoffs() {
        assert!(StoredRun::read("{}".into()).is_err());
        assert!(StoredRun::read("[".into()).is_err());
        let odd = text(vec![]).replace("\"title\":\"do", "\"title\":1,\"was\":\"do");
        let record = StoredRun::read(odd.into()).unwrap();
        assert_eq!(record.run().handoffs.len(), 0);
        assert_eq!(record.run().id, *record.id());
    }
}
