//! Refused contracts (row 3): the record that is kept of each, in the run it would have belonged to or in one of its own,
//! and the edge it is counted on. All of it is bounded: whoever emits may send contracts that are refused without end.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::PoisonError;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::Value;
use tokio::sync::Mutex;

use super::admit::{KEPT_NAME, edge_of, text_at};
use super::ids::new_trace;
use super::requester::Plan;
use super::{Engine, Problem, Requester, cut};
use crate::domain::canonical::canonical;
use crate::domain::command::{Command, Refusal};
use crate::domain::contract::{Masked, Violation, digest};
use crate::domain::event::{Boundary, Rejection};
use crate::domain::id::{Actor, Edge, RunId};
use crate::domain::key::{HandoffKey, TraceId, handoff_key, hashed};
use crate::domain::offence::Offence;
use crate::domain::port::path_of;
use crate::domain::run::{Refused, Run};
use crate::domain::time::Time;
use crate::orchestrator::boundary::{CONTRACT_BYTES_MAX, redact_refused};
use crate::store::{Blob, REFUSED_TYPE};

/// Most edges at a time on which contracts are counted although no handoff was ever on them; the others are counted
/// together, on [`OTHERS`]. Names in contracts can be invented.
const UNSEEN: usize = 100;
/// Name of pipeline, source and target of the edge that stands for all others.
const OTHERS: &str = "?";
/// The most of a place and of a message that is kept of a violation, in characters.
const KEPT_TEXT: (usize, usize) = (200, 300);
/// Number of locks that keep refusals of the same body from meeting each other.
const TURNS: usize = 16;

/// Number of runs whose records are dismissed at the same time.
const RUNS_AT_ONCE: usize = 64;

/// What an engine remembers of refusals.
pub(super) struct Refusals {
    /// Edges that no handoff was ever on, and when something was refused on each last; at most [`UNSEEN`].
    unseen: std::sync::Mutex<HashMap<Edge, Time>>,
    /// By the digests of bodies: the same one is looked for and written by one at a time.
    turns: [Mutex<()>; TURNS],
}

impl Default for Refusals {
    fn default() -> Self {
        Self { unseen: std::sync::Mutex::default(), turns: [const { Mutex::const_new(()) }; TURNS] }
    }
}

impl Refusals {
    /// The edge on which a contract counts that was refused on `edge`, where no handoff ever was.
    fn counted(&self, edge: Edge, now: Time) -> Edge {
        // A panic elsewhere while it was held leaves nothing half done.
        let mut unseen = self.unseen.lock().unwrap_or_else(PoisonError::into_inner);
        if unseen.len() >= UNSEEN && !unseen.contains_key(&edge) {
            unseen.retain(|_, last| last.age(now) <= Refused::AGE);
            if unseen.len() >= UNSEEN {
                return Edge::new(OTHERS, OTHERS, OTHERS);
            }
        }
        unseen.insert(edge.clone(), now);
        edge
    }
}

impl Requester {
    /// Row 3: keeps the records of contracts that would have come from `source`, with what is wrong with each, booked on who
    /// wrote them, in one commit; gives the id of the first. They would have belonged to `run`; `None` for what their own
    /// trace says. It is no answer to the request's key: what was refused is tried anew.
    pub(super) async fn refuse(
        &self,
        source: &str,
        refused: &[(Value, Vec<Violation>)],
        run: Option<&RunId>,
    ) -> Result<String, Problem> {
        let by = Actor { id: cut(&self.by.id, KEPT_NAME).into(), ..self.by.clone() };
        let mut blobs = Vec::new();
        let mut records = Vec::with_capacity(refused.len());
        for (body, violations) in refused {
            let mut body = body.clone();
            // What may hold something that was to be taken out is not kept at all.
            let understood = redact_refused(&mut body, self.hash_key().as_ref());
            let mut rejection = rejection(&by, source, &body, violations);
            rejection.edge = self.counted(rejection.edge).await?;
            let bytes = canonical(&body);
            if understood && bytes.len() <= CONTRACT_BYTES_MAX {
                // For those who look for the cause.
                let (digest, media_type) = (rejection.digest.clone(), REFUSED_TYPE.to_owned());
                blobs.push(Blob { digest, media_type, bytes }.into());
            }
            records.push(rejection);
        }
        let trace = refused.first().and_then(|(body, _)| trace(body)).map(|it| RunId::from(it.as_str()));
        let first = records.first().map(|it| it.id.clone()).unwrap_or_default();
        let turn = first.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % TURNS;
        let _turn = self.inner.refusals.turns[turn].lock().await;
        let run = self.home(run.cloned().or(trace), &mut records).await?;
        let plan = |_: Option<&Run>, _| Ok(Plan { command: Command::Refuse(records.clone()), blobs: blobs.clone() });
        self.clone().named(by).once(None).transact(&run, plan).await?;
        Ok(first)
    }
}

impl Requester {
    /// A person is done with what `of` names: the record of one refused contract, a [group](Offence::id) of them, or all on
    /// one edge, written `pipeline>from>to`.
    ///
    /// # Errors
    /// [`Problem::NotFound`] when nothing of it is kept any more.
    pub async fn dismiss_refused(&self, of: &str, why: &str) -> Result<(), Problem> {
        if self.before().is_some() {
            return Ok(());
        }
        let is_of = |it: &Rejection| {
            let grouped = || Offence::of_rejection(it, Time::default()).any(|group| group.id() == of);
            it.id == of || path_of(&it.edge) == of || grouped()
        };
        let runs = self.inner.store.refusing().await?;
        let found = runs.iter().filter_map(|run| {
            let ids = run.rejections.iter().map(|it| &it.rejection).filter(|it| is_of(it));
            let ids: Vec<String> = ids.map(|it| it.id.clone()).collect();
            (!ids.is_empty()).then(|| (run.id.clone(), ids))
        });
        let mut found: Vec<_> = found.collect();
        let last = found.pop().ok_or_else(|| Problem::NotFound(format!("{of}: a refused contract that is kept")))?;
        let nobody = self.clone().once(None);
        nobody.dismiss_all(found, why).await?;
        // Only when all are dealt with is the request done.
        self.dismiss_all(vec![last], why).await
    }

    /// Dismisses records of many runs, a few runs at a time, so that the store writes them together. What somebody else
    /// dismissed meanwhile is dismissed.
    async fn dismiss_all(&self, found: Vec<(RunId, Vec<String>)>, why: &str) -> Result<(), Problem> {
        let why = cut(why, 2_000);
        let dismissing = found.into_iter().map(|(run, rejections)| {
            let command = Command::DismissRejections { rejections, why: why.clone() };
            async move {
                let done = self.transact(&run, |_, _| Ok(Plan::of(command.clone()))).await;
                match done {
                    Ok(_) | Err(Problem::Refused(Refusal::NotFound(_))) => Ok(()),
                    Err(why) => Err(why),
                }
            }
        });
        stream::iter(dismissing).buffer_unordered(RUNS_AT_ONCE).try_collect().await
    }
}

impl Engine {
    /// Dismisses the records of refused contracts that nobody dealt with in time, and those beyond the latest that are kept,
    /// of runs that hold work as well.
    pub(in crate::orchestrator) async fn retire_refused(&self) -> Result<(), Problem> {
        let now = self.now();
        let runs = self.inner.store.refusing().await?;
        let mut records: Vec<(&Refused, &RunId)> =
            runs.iter().flat_map(|run| run.rejections.iter().map(|it| (it, &run.id))).collect();
        records.sort_by_key(|(it, _)| Reverse(it.last_at));
        let mut over: HashMap<RunId, Vec<String>> = HashMap::new();
        for (nth, (it, run)) in records.into_iter().enumerate() {
            if nth >= Refused::RUNS || it.last_at.age(now) > Refused::AGE {
                over.entry(run.clone()).or_default().push(it.rejection.id.clone());
            }
        }
        let why = "nobody dealt with it in time, or newer ones took its place";
        self.by(Actor::system("sweeper")).dismiss_all(over.into_iter().collect(), why).await
    }

    async fn counted(&self, edge: Edge) -> Result<Edge, Problem> {
        if self.inner.store.has_edge(&edge).await? {
            return Ok(edge);
        }
        Ok(self.inner.refusals.counted(edge, self.now()))
    }

    /// The run that keeps the records: the one they would have belonged to, while it has room, else the one of their own
    /// that has the first of them, else a new one, to which they move.
    async fn home(&self, wanted: Option<RunId>, records: &mut [Rejection]) -> Result<RunId, Problem> {
        let room = |run: &Run| (run.refusals() as usize) < Refused::KEPT;
        if let Some(wanted) = &wanted
            && self.load(wanted).await?.is_none_or(|(run, _)| room(&run))
        {
            return Ok(wanted.clone());
        }
        let store = &self.inner.store;
        let mut home = None;
        for it in records {
            let Some(known) = store.refused_in(&it.id).await? else { continue };
            let Some((run, _)) = self.load(&known).await? else { continue };
            let own = run.handoffs.is_empty();
            if home.is_none() && own && room(&run) {
                home = Some(known);
                break;
            }
            it.again = true;
            let kept = run.rejections.iter().find(|kept| own && kept.rejection.id == it.id);
            (it.before, it.first_at) = kept.map_or((0, None), |it| (it.count, Some(it.first_at)));
        }
        Ok(home.unwrap_or_else(|| RunId::from(new_trace().as_str())))
    }
}

fn trace(body: &Value) -> Option<TraceId> {
    TraceId::parse(text_at(body, "/trace_id")?).ok()
}

/// The record of a contract from `source` that was refused.
fn rejection(by: &Actor, source: &str, body: &Value, errors: &[Violation]) -> Rejection {
    let told = Masked::of(body.clone());
    let label = |what: &str| {
        let name = text_at(told.value(), &format!("/provenance/{what}/name"))?;
        let version = text_at(told.value(), &format!("/provenance/{what}/version")).unwrap_or("?");
        Some(cut(&format!("{name}@{version}"), KEPT_NAME))
    };
    let step = body.get("step").and_then(Value::as_u64).unwrap_or(0);
    let computed = || {
        let step = u32::try_from(step).ok()?;
        handoff_key(&trace(body)?, step, text_at(body, "/branch").unwrap_or_default()).ok()
    };
    let key = text_at(body, "/idempotency_key").and_then(|it| HandoffKey::parse(it).ok());
    let digest = digest(body);
    let kept = errors.iter().take(Rejection::ERRORS).map(|it| Violation {
        path: cut(&it.path, KEPT_TEXT.0),
        keyword: it.keyword.clone(),
        message: cut(&it.message, KEPT_TEXT.1),
    });
    Rejection {
        id: hashed("rj1_", format!("rejection/1\n{}\n{digest}", by.id).as_bytes()),
        boundary: Boundary::Emit,
        edge: edge_of(body, source),
        producer: by.id.to_string(),
        model: label("model"),
        prompt: label("prompt"),
        key: key.or_else(computed).map(Into::into),
        digest,
        again: false,
        before: 0,
        first_at: None,
        errors: kept.collect(),
        more: u32::try_from(errors.len().saturating_sub(Rejection::ERRORS)).unwrap_or(u32::MAX),
    }
}
