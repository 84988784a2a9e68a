//! Looking at handoffs and runs.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::Api;
use super::auth::Caller;
use super::extract::{Ask, Place, etag};
use super::problem::{Answer, Problem};
use super::wire::{EdgeName, HandoffOf, limit, place};
use crate::domain::contract::mask;
use crate::domain::event::Event;
use crate::domain::id::{HandoffId, RunId};
use crate::domain::port::Scope;
use crate::domain::report;
use crate::domain::run::{Handoff, Run, State as Stands};
use crate::orchestrator::engine::{sourceless, sourceless_event, without_source};
use crate::store::Filter;

/// Handoffs looked at for one page, at most: a rare match must not hold the server up.
const LOOKED_AT: usize = 2_000;

/// Open work and figures
///
/// The state a console starts from: every run with open work, per-edge rollups, and the cursor to go on from with
/// `/events`.
#[utoipa::path(get, path = "/snapshot", tag = "log",
    responses((status = 200, description = "the state", body = ref("#/components/schemas/Snapshot"))))]
pub async fn snapshot(State(api): State<Api>) -> Answer {
    Ok(Json(api.engine.snapshot().await?).into_response())
}

/// Filter on the handoffs to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Handoffs {
    /// States with commas between them, such as `dead_lettered,escalated`
    state: Option<String>,
    /// `from>to` or `pipeline>from>to`
    edge: Option<String>,
    /// Only handoffs of this run
    run: Option<String>,
    /// `critical`, `high`, `normal` or `low`
    urgency: Option<String>,
    /// Error code of the latest failure
    reason: Option<String>,
    /// Part of the id or of the title
    q: Option<String>,
    /// Rows of a page, 1 to 200; 50 unless given
    limit: Option<usize>,
    /// `next` of the page before
    cursor: Option<String>,
}

impl Handoffs {
    fn filter(&self) -> Answer<Filter> {
        let names = self.state.iter().flat_map(|it| it.split(','));
        let states = names.map(|name| {
            let known = Stands::ALL.into_iter().find(|it| it.word() == name.trim());
            known.ok_or_else(|| {
                let words: Vec<&str> = Stands::ALL.iter().map(|it| it.word()).collect();
                Problem::bad_request(format!("state must be one of {}", words.join(", ")))
            })
        });
        let edge: Option<EdgeName> = self.edge.as_deref().map(str::parse).transpose()?;
        Ok(Filter {
            states: states.collect::<Answer<_>>()?,
            run: self.run.as_deref().map(RunId::from),
            pipeline: edge.as_ref().and_then(|it| it.pipeline.clone()),
            from: edge.as_ref().map(|it| it.from.clone()),
            to: edge.map(|it| it.to),
        })
    }

    fn takes(&self, it: &Handoff) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|it| it == found);
        let urgency = serde_json::to_value(it.urgency()).unwrap_or_default();
        let code = it.failure.as_ref().map_or("", |it| it.code.as_str());
        is(&self.urgency, urgency.as_str().unwrap_or_default())
            && is(&self.reason, code)
            && self.q.as_deref().is_none_or(|part| {
                let part = part.to_lowercase();
                it.id.as_str().to_lowercase().contains(&part) || it.emission.title.to_lowercase().contains(&part)
            })
    }
}

/// Handoffs, the latest first
#[utoipa::path(get, path = "/handoffs", tag = "handoffs", params(Handoffs),
    responses((status = 200, description = "a page", body = ref("#/components/schemas/HandoffPage"))))]
pub async fn handoffs(State(api): State<Api>, Ask(asked): Ask<Handoffs>) -> Answer {
    let limit = limit(asked.limit)?;
    let filter = asked.filter()?;
    asked.cursor.as_deref().map(place).transpose()?;
    let mut items: Vec<Value> = Vec::new();
    let mut next = asked.cursor.clone();
    let mut looked_at = 0;
    loop {
        let page = api.engine.list(filter.clone(), next, limit - items.len()).await?;
        looked_at += page.items.len();
        for (trace_id, handoff) in &page.items {
            if asked.takes(handoff) {
                items.push(json!(HandoffOf::new(trace_id, handoff)));
            }
        }
        next = page.next;
        if next.is_none() || items.len() >= limit || looked_at >= LOOKED_AT {
            return Ok(Json(json!({ "items": items, "next": next })).into_response());
        }
    }
}

/// The run of a handoff, if the caller may look at it.
async fn seen(api: &Api, caller: &Caller, id: &HandoffId) -> Answer<Run> {
    let (run, handoff) = api.engine.find(id).await?;
    let run = api.engine.run(&run).await?;
    if caller.may(Scope::Viewer) || run.shows(&handoff, |it| caller.is_party(it)) {
        Ok(run)
    } else {
        Err(Problem::scope("an agent may look at the handoffs of runs it takes part in, and at no other"))
    }
}

fn one<'a>(run: &'a Run, id: &HandoffId) -> Answer<&'a Handoff> {
    run.handoffs.get(id).ok_or_else(|| Problem::not_found(format!("handoff {id} does not exist")))
}

/// Show one handoff
///
/// The ETag is what acts send back as If-Match.
#[utoipa::path(get, path = "/handoffs/{handoff_id}", tag = "handoffs", params(("handoff_id" = String, Path, description = "handoff")),
    responses((status = 200, description = "the handoff", body = ref("#/components/schemas/HandoffOf"), headers(("etag" = String)))))]
pub async fn handoff(State(api): State<Api>, caller: Caller, Place(id): Place<String>) -> Answer {
    let id = HandoffId::from(id);
    let mut run = seen(&api, &caller, &id).await?;
    if kept_from(&api, &caller, one(&run, &id)?) {
        run.handoffs.change(&id, |it| *it = sourceless(it));
    }
    shown(&run, &id)
}

/// Whether this caller is not to know who handed over.
fn kept_from(api: &Api, caller: &Caller, it: &Handoff) -> bool {
    !caller.may(Scope::Viewer) && api.engine.hides_source(it) && !caller.is_party(&it.emission.from)
}

/// A handoff as the body of an answer, with its ETag.
pub fn shown(run: &Run, id: &HandoffId) -> Answer {
    let handoff = one(run, id)?;
    let body = Json(HandoffOf::new(&run.id, handoff));
    Ok(([(header::ETAG, etag(handoff.version))], body).into_response())
}

/// Events of one handoff, oldest first
#[utoipa::path(get, path = "/handoffs/{handoff_id}/timeline", tag = "handoffs",
    params(("handoff_id" = String, Path, description = "handoff")),
    responses((status = 200, description = "its events", body = ref("#/components/schemas/Timeline"))))]
pub async fn timeline(State(api): State<Api>, caller: Caller, Place(id): Place<String>) -> Answer {
    let id = HandoffId::from(id);
    let run = seen(&api, &caller, &id).await?;
    let (_, mut events) = api.engine.timeline(&run.id).await?;
    events.retain(|it| it.about() == Some(&id));
    let it = one(&run, &id)?;
    if kept_from(&api, &caller, it) {
        events = events.into_iter().map(|event| sourceless_event(event, it)).collect();
    }
    Ok(Json(json!({ "trace_id": run.id, "events": events })).into_response())
}

/// The stored contract of a handoff
///
/// What is classified is masked, unless the caller is an agent that takes part or the person who took the handoff.
#[utoipa::path(get, path = "/handoffs/{handoff_id}/payload", tag = "handoffs",
    params(("handoff_id" = String, Path, description = "handoff")),
    responses((status = 200, description = "the contract", body = ref("#/components/schemas/ContractOf"))))]
pub async fn payload(State(api): State<Api>, caller: Caller, Place(id): Place<String>) -> Answer {
    let id = HandoffId::from(id);
    let run = seen(&api, &caller, &id).await?;
    let (mut contract, digest) = api.engine.contract(&id).await?;
    let mut masked = Vec::new();
    let handoff = one(&run, &id)?;
    let took = handoff.lease.as_ref().is_some_and(|it| it.until.is_none() && it.holder == caller.subject);
    if !took && !run.shows(handoff, |it| caller.is_party(it)) {
        masked = mask(&mut contract);
    }
    if kept_from(&api, &caller, one(&run, &id)?) {
        without_source(&mut contract);
    }
    Ok(Json(json!({ "contract": contract, "digest": digest, "masked": masked })).into_response())
}

/// Filter on the runs to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Runs {
    /// True to list the closed ones, too
    #[serde(default)]
    all: bool,
    /// Rows of a page, 1 to 200; 50 unless given
    limit: Option<usize>,
    /// `next` of the page before
    cursor: Option<String>,
}

/// Runs with their verdicts, the latest first
#[utoipa::path(get, path = "/runs", tag = "runs", params(Runs),
    responses((status = 200, description = "a page", body = ref("#/components/schemas/TaskPage"))))]
pub async fn runs(State(api): State<Api>, Ask(asked): Ask<Runs>) -> Answer {
    let limit = limit(asked.limit)?;
    let mut rows = report::tasks(&*api.present().await, asked.all);
    rows.sort_by_cached_key(|it| std::cmp::Reverse((it.started_at, it.trace_id.clone())));
    let key = |it: &report::TaskRow| format!("{}.{}", it.started_at.millis(), it.trace_id);
    if let Some(cursor) = &asked.cursor {
        // The run it names may have left the list meanwhile, so what is compared is its place.
        let (started, id) = place(cursor)?;
        let place = (started, RunId::from(id));
        rows.retain(|it| (it.started_at, &it.trace_id) < (place.0, &place.1));
    }
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(key);
    Ok(Json(json!({ "items": rows, "next": next })).into_response())
}

/// Show one run and its events
///
/// A run is a trace: its id is the trace id.
#[utoipa::path(get, path = "/runs/{trace_id}", tag = "runs", params(("trace_id" = String, Path, description = "run")),
    responses((status = 200, description = "the run", body = ref("#/components/schemas/RunOf"), headers(("etag" = String)))))]
pub async fn run(State(api): State<Api>, caller: Caller, Place(id): Place<String>) -> Answer {
    let (run, events) = api.engine.timeline(&RunId::from(id)).await?;
    if !caller.may(Scope::Viewer) && !run.takes_part(|it| caller.is_party(it)) {
        return Err(Problem::scope("an agent may look at the runs it takes part in, and at no other"));
    }
    let hidden = |event: &Event| run.handoffs.get(event.about()?).filter(|it| kept_from(&api, &caller, it));
    let shown = |event: Event| match hidden(&event) {
        Some(it) => sourceless_event(event, it),
        None => event,
    };
    let events: Vec<Event> = events.into_iter().map(shown).collect();
    let mut run = run;
    let hidden: Vec<HandoffId> =
        run.handoffs.values().filter(|it| kept_from(&api, &caller, it)).map(|it| it.id.clone()).collect();
    for id in hidden {
        run.handoffs.change(&id, |it| *it = sourceless(it));
    }
    let body = Json(json!({ "run": run, "state": run.state(), "events": events }));
    Ok(([(header::ETAG, etag(run.version))], body).into_response())
}

/// Show one run by its trace id
#[utoipa::path(get, path = "/traces/{trace_id}", tag = "runs",
    params(("trace_id" = String, Path, description = "the same as the run id")),
    responses((status = 200, description = "the run", body = ref("#/components/schemas/RunOf"), headers(("etag" = String)))))]
pub async fn trace(state: State<Api>, caller: Caller, trace_id: Place<String>) -> Answer {
    run(state, caller, trace_id).await
}
