//! Figures and lists over everything: edges, questions to people, refused contracts, the server itself.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::Api;
use super::auth::Caller;
use super::extract::{Ask, Place};
use super::problem::{Answer, Problem};
use super::wire::{EdgeName, Paging, limit, page, place};
use crate::domain::bearer::Roles;
use crate::domain::event::Rejection;
use crate::domain::health::{Population, Tally, Window};
use crate::domain::id::RunId;
use crate::domain::offence::Offence;
use crate::domain::port::{ActKind, Cursor, Scope, path_of};
use crate::domain::report;
use crate::domain::run::{Refused, Run};
use crate::domain::time::Time;
use crate::orchestrator::engine;

/// Unreadable records that health names.
const NAMED: usize = 5;

/// The window that the figures cover.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WindowQuery {
    /// `1m`, `5m`, `1h` or `all`; `1h` unless given
    window: Option<String>,
}

/// The window of this name, or the one that is meant without one.
fn window(name: Option<&str>) -> Answer<Window> {
    let Some(name) = name else {
        return Ok(Window::default());
    };
    let window = Window::ALL.into_iter().find(|it| it.name() == name);
    window.ok_or_else(|| Problem::bad_request("window must be 1m, 5m, 1h or all"))
}

/// The figures to list, and the window they cover.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Edges {
    /// `1m`, `5m`, `1h` or `all`; `1h` unless given
    window: Option<String>,
    /// Rows of a page, 1 to 200; 50 unless given
    limit: Option<usize>,
    /// `next` of the page before
    cursor: Option<String>,
}

/// Every edge with its figures, worst first
#[utoipa::path(get, path = "/edges", tag = "edges", params(Edges),
    responses((status = 200, description = "a page", body = ref("#/components/schemas/EdgePage"))))]
pub async fn edges(State(api): State<Api>, Ask(asked): Ask<Edges>) -> Answer {
    let window = window(asked.window.as_deref())?;
    let rows = report::edges(&*api.present().await, window, false);
    let (items, next) = page(asked.limit, asked.cursor.as_deref(), rows, |it| path_of(&it.edge))?;
    Ok(Json(json!({ "window": window.name(), "items": items, "next": next })).into_response())
}

/// One edge with its figures and the last hour by minute
#[utoipa::path(get, path = "/edges/{edge}/metrics", tag = "edges",
    params(("edge" = String, Path, description = "`pipeline>from>to`, percent-encoded"), WindowQuery),
    responses((status = 200, description = "the edge", body = ref("#/components/schemas/EdgeFigures"))))]
pub async fn edge_metrics(State(api): State<Api>, Place(name): Place<String>, Ask(asked): Ask<WindowQuery>) -> Answer {
    let edge = name.parse::<EdgeName>()?.exact()?;
    let window = window(asked.window.as_deref())?;
    let ledger = api.present().await;
    let book = ledger.edge(&edge).ok_or_else(|| Problem::not_found(format!("no handoff ever crossed {name}")))?;
    let rows = report::edges(&ledger, window, false);
    let row = rows.into_iter().find(|it| it.edge == edge);
    let slice = |(nth, tally): (usize, Option<&Tally>)| {
        let p95 = tally.map(|it| Population::of(it, []).quantile(0.95));
        json!({
            "from": book.windows.minute_start(nth),
            "counts": tally.map(|it| &it.counts),
            "p95_ms": p95.and_then(|it| it.value),
            "n": p95.map_or(0, |it| it.n),
        })
    };
    let slices: Vec<Value> = book.windows.minutes().into_iter().enumerate().map(slice).collect();
    Ok(Json(json!({ "window": window.name(), "edge": row, "slices": slices })).into_response())
}

/// Filter on the questions to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Escalations {
    /// Only questions to this role
    role: Option<String>,
    /// `open` (nobody has it in hand) or `claimed`
    state: Option<String>,
    /// Rows of a page, 1 to 200; 50 unless given
    limit: Option<usize>,
    /// `next` of the page before
    cursor: Option<String>,
}

/// Questions to people, overdue and urgent first
#[utoipa::path(get, path = "/escalations", tag = "escalations", params(Escalations),
    responses((status = 200, description = "a page", body = ref("#/components/schemas/InboxPage"))))]
pub async fn escalations(State(api): State<Api>, Ask(asked): Ask<Escalations>) -> Answer {
    let claimed = match asked.state.as_deref() {
        None => None,
        Some("open") => Some(false),
        Some("claimed") => Some(true),
        Some(_) => return Err(Problem::bad_request("state must be open or claimed")),
    };
    let mut rows = report::inbox(&*api.present().await);
    rows.retain(|it| {
        asked.role.as_ref().is_none_or(|role| *role == it.role)
            && claimed.is_none_or(|claimed| claimed == it.claimed_by.is_some())
    });
    let (items, next) = page(asked.limit, asked.cursor.as_deref(), rows, |it| it.handoff_id.to_string())?;
    Ok(Json(json!({ "items": items, "next": next })).into_response())
}

/// A refused contract that nobody dealt with.
#[derive(Serialize)]
struct RefusedOf<'a> {
    /// The run that keeps it.
    trace_id: &'a RunId,
    #[serde(flatten)]
    rejection: &'a Rejection,
    count: u32,
    first_at: Time,
    last_at: Time,
}

impl<'a> RefusedOf<'a> {
    fn of(run: &'a Run, it: &'a Refused) -> Self {
        Self {
            trace_id: &run.id,
            rejection: &it.rejection,
            count: it.count,
            first_at: it.first_at,
            last_at: it.last_at,
        }
    }
}

/// What was refused in the same way, with the id to dismiss all of it by.
#[derive(Serialize)]
struct GroupOf<'a> {
    id: String,
    #[serde(flatten)]
    group: &'a Offence,
}

/// Refused contracts that nobody dealt with, the latest first, and what is wrong by producer, model and prompt
#[utoipa::path(get, path = "/rejections", tag = "rejections", params(Paging),
    responses((status = 200, body = ref("#/components/schemas/RejectionPage"),
        description = "a page; the first has every group, the others none")))]
pub async fn rejections(State(api): State<Api>, Ask(asked): Ask<Paging>) -> Answer {
    let limit = limit(asked.limit)?;
    let after = asked.cursor.as_deref().map(place).transpose()?;
    let ledger = api.present().await;
    let all = ledger.refusing().flat_map(|run| run.rejections.iter().map(|it| RefusedOf::of(run, it)));
    let key = |it: &RefusedOf| (it.last_at, format!("{}.{}", it.rejection.id, it.trace_id));
    // What it names may have left the list meanwhile, so what is compared is its place.
    let mut items: Vec<_> = all.map(|it| (key(&it), it)).collect();
    items.retain(|((last, id), _)| after.is_none_or(|after| (*last, id.as_str()) < after));
    items.sort_by(|(one, _), (other, _)| other.cmp(one));
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|((last, id), _)| format!("{}.{id}", last.millis()));
    let items: Vec<_> = items.into_iter().map(|(_, it)| it).collect();
    let groups = ledger.violations().groups().filter(|_| after.is_none());
    let groups: Vec<GroupOf> = groups.map(|group| GroupOf { id: group.id(), group }).collect();
    Ok(Json(json!({ "items": items, "next": next, "groups": groups })).into_response())
}

/// Whether the server works
#[utoipa::path(get, path = "/healthz", tag = "operations",
    responses((status = 200, body = ref("#/components/schemas/ServerHealth"),
            description = "`clock` is the latest jump of the clock by a minute or more since the start, `{at, by_ms}`, or null; `degraded` instead of `ok`, with `unreadable {count, first}`, when records of the store cannot be read and are left out"),
        (status = 503, description = "the store cannot be read, its files are not those that were opened, or it could not be written when it last had to")))]
pub async fn healthz(State(api): State<Api>) -> Answer {
    // One read proves that the store answers and that its files are there, and the latest write that it takes what comes.
    api.engine.tail(u64::MAX >> 1, 1).await?;
    if let Some(why) = api.engine.store().health() {
        return Err(engine::Problem::Store(why).into());
    }
    drop(api.present().await);
    let cursor = api.watcher.position();
    let clock = *api.engine.clock_steps().borrow();
    let aside = api.engine.store().aside();
    let (status, unreadable) = match aside.count() {
        0 => ("ok", Value::Null),
        count => ("degraded", json!({ "count": count, "first": aside.first(NAMED) })),
    };
    let version = env!("CARGO_PKG_VERSION");
    let cursor = Cursor::in_log(cursor, api.engine.store().log_id());
    let mut body = json!({ "status": status, "version": version, "cursor": cursor.as_str(), "clock": clock });
    if !unreadable.is_null() {
        body["unreadable"] = unreadable;
    }
    Ok(Json(body).into_response())
}

/// The caller's name, scopes and acts
#[utoipa::path(get, path = "/me", tag = "operations",
    responses((status = 200, description = "the caller", body = ref("#/components/schemas/Me"))))]
pub async fn me(caller: Caller) -> Answer {
    let scopes: Vec<&str> = Scope::ALL.into_iter().filter(|it| caller.may(*it)).map(Scope::name).collect();
    let allowed = |act: &ActKind| act.row().scopes.iter().any(|it| caller.may(*it));
    let acts: Vec<ActKind> = ActKind::ALL.iter().copied().filter(allowed).collect();
    let roles = match caller.bearer().roles {
        Roles::All => None,
        Roles::Only(named) => Some(named),
    };
    let body = json!({
        "subject": caller.subject, "authenticated": caller.is_authenticated(), "scopes": scopes,
        "agents": caller.agents(), "roles": roles, "acts": acts,
    });
    Ok(Json(body).into_response())
}
