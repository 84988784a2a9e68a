//! Names and shapes that several paths share.

use std::str::FromStr;

use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::etag;
use super::problem::{Answer, Problem};
use crate::domain::id::{Edge, HandoffId, RunId};
use crate::domain::run::Handoff;
use crate::domain::text::clean;
use crate::domain::time::Time;

/// An edge as a path or a filter names it: `from>to` on any pipeline, or `pipeline>from>to`. No id contains `>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeName {
    /// Name of the pipeline; `None` for every pipeline.
    pub pipeline: Option<String>,
    /// Name of the source that hands over.
    pub from: String,
    /// Name of the target that takes over.
    pub to: String,
}

impl EdgeName {
    /// Whether it means this edge.
    pub fn matches(&self, edge: &Edge) -> bool {
        self.pipeline.as_deref().is_none_or(|it| it == &*edge.pipeline)
            && self.from == *edge.from
            && self.to == *edge.to
    }

    /// The one edge it names.
    ///
    /// # Errors
    /// Fails when it leaves the pipeline open.
    pub fn exact(&self) -> Answer<Edge> {
        match &self.pipeline {
            Some(pipeline) => Ok(Edge::new(pipeline, &self.from, &self.to)),
            None => Err(Problem::bad_request(
                "name one edge with its pipeline: pipeline>from>to (as pipeline%3Efrom%3Eto in a path)",
            )),
        }
    }
}

impl FromStr for EdgeName {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let parts: Vec<&str> = text.split('>').collect();
        for part in &parts {
            check_name("each part of an edge", part)?;
        }
        let (pipeline, from, to) = match parts.as_slice() {
            [from, to] => (None, from, to),
            [pipeline, from, to] => (Some((*pipeline).to_owned()), from, to),
            _ => {
                return Err(Problem::bad_request("an edge is written from>to or pipeline>from>to"));
            }
        };
        Ok(Self { pipeline, from: (*from).to_owned(), to: (*to).to_owned() })
    }
}

/// A handoff with the run it belongs to.
#[derive(Serialize)]
pub struct HandoffOf<'a> {
    /// Its run, which is its trace.
    trace_id: &'a RunId,
    /// Its id, by the name that it has everywhere.
    handoff_id: &'a HandoffId,
    /// The handoff itself.
    #[serde(flatten)]
    handoff: &'a Handoff,
}

impl<'a> HandoffOf<'a> {
    /// A handoff of this run.
    pub fn new(trace_id: &'a RunId, handoff: &'a Handoff) -> Self {
        Self { trace_id, handoff_id: &handoff.id, handoff }
    }
}

/// State of a handoff, after something was done to it.
#[derive(Serialize, ToSchema)]
pub struct Receipt {
    /// Id of the handoff
    handoff_id: String,
    /// Its run, which is its trace
    trace_id: String,
    /// Idempotency key of the handoff
    idempotency_key: String,
    /// State of the handoff, such as `pending`
    state: &'static str,
    /// One more with every change: the `ETag` is `"v<version>"`
    version: u64,
    /// Position in the chain, from 0
    step: u32,
    /// Path of fan-out indexes
    branch: String,
    /// Number of attempts in this budget epoch
    attempt: u32,
    /// Time before which it cannot be claimed
    #[schema(value_type = String)]
    ready_at: Time,
    /// Time at which the lease ends, while there is one
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    lease_until: Option<Time>,
    /// Quality flags, and what an observing edge let through
    #[serde(skip_serializing_if = "Vec::is_empty")]
    flags: Vec<String>,
}

impl Receipt {
    /// The receipt of a handoff as it stands.
    pub fn of(run: &RunId, it: &Handoff) -> Self {
        let terms = it.emission.terms.as_ref();
        Self {
            handoff_id: it.id.to_string(),
            trace_id: run.to_string(),
            idempotency_key: terms.map_or_else(String::new, |it| it.key.to_string()),
            state: it.state.word(),
            version: it.version,
            step: it.emission.step,
            branch: it.emission.branch.to_string(),
            attempt: it.attempt,
            ready_at: it.ready_at,
            lease_until: it.lease.as_ref().and_then(|it| it.until),
            flags: terms.map_or_else(Vec::new, |it| it.flags.clone()),
        }
    }
}

/// The answer to whatever was done to one handoff: its receipt.
pub fn receipt(run: &RunId, it: &Handoff) -> Response {
    let tag = [(header::ETAG, etag(it.version))];
    (tag, Json(Receipt::of(run, it))).into_response()
}

/// Whether anybody can have this name: an orchestrator keeps what it is told, so it is told no junk.
pub fn check_name(what: &str, name: &str) -> Answer<()> {
    if (1..=256).contains(&name.len()) && clean(name) == name {
        Ok(())
    } else {
        Err(Problem::bad_request(format!("{what} must be a name of 1 to 256 bytes without control characters")))
    }
}

/// A page to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// Rows of a page, 1 to 200; 50 unless given
    pub limit: Option<usize>,
    /// `next` of the page before
    pub cursor: Option<String>,
}

/// The page of a list that is put in order anew each time, with the name of its last row when more follow. It begins
/// after the row that the cursor names, wherever that is now: a row that moved meanwhile is in two pages or in none.
///
/// # Errors
/// There is no such limit, or no such row any more.
pub fn page<T>(
    asked: Option<usize>,
    cursor: Option<&str>,
    mut rows: Vec<T>,
    name: impl Fn(&T) -> String,
) -> Answer<(Vec<T>, Option<String>)> {
    let limit = limit(asked)?;
    if let Some(cursor) = cursor {
        let last = rows.iter().position(|it| name(it) == cursor);
        let why = "cursor must be the `next` of the page before; if it was, its row has left the list: begin anew";
        rows.drain(..=last.ok_or_else(|| Problem::bad_request(why))?);
    }
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(name);
    Ok((rows, next))
}

/// Number of rows of a page: 50 unless asked, at most 200 (protocol section 7).
pub fn limit(asked: Option<usize>) -> Answer<usize> {
    match asked.unwrap_or(50) {
        limit @ 1..=200 => Ok(limit),
        _ => Err(Problem::bad_request("limit must be 1 to 200")),
    }
}

/// The row after which a page begins: since when it is, and its id.
pub fn place(cursor: &str) -> Answer<(Time, &str)> {
    let row = cursor.split_once('.');
    row.and_then(|(at, id)| Some((Time::from_millis(at.parse().ok()?), id)))
        .ok_or_else(|| Problem::bad_request("cursor must be the `next` of the page before"))
}
