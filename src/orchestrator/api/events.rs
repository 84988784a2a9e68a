//! The log over HTTP: server-sent events, or JSON pages (protocol section 7).

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use utoipa::IntoParams;

use super::Api;
use super::auth::Caller;
use super::extract::Ask;
use super::problem::{Answer, Problem};
use super::traffic::Held;
use super::watcher::{Frame, PAGE};
use super::wire::EdgeName;
use crate::domain::event::Event;
use crate::domain::port::Cursor;
use crate::orchestrator::engine::readable;
use crate::store::{Position, Unreadable};

/// Time of silence after which a listener gets a heartbeat, unless it asked for another.
const QUIET: Duration = Duration::from_secs(15);
/// Chunks that wait for one listener's connection; the shared buffer is behind them.
const CHUNKS: usize = 16;
/// Longest wait of a JSON page, in seconds.
const LONGEST_WAIT: u64 = 20;

/// Filter on the events to send.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Events after this cursor; without it a stream begins now and a page with the first event
    after: Option<String>,
    /// Only events of this edge: `from>to` or `pipeline>from>to`
    edge: Option<String>,
    /// Only events of these types, with commas between them: `handoff.emitted,handoff.completed`
    types: Option<String>,
    /// Events of one JSON page, 1 to 200
    limit: Option<usize>,
    /// Seconds of silence, 1 to 15, after which a stream sends the heartbeat `stream.alive {at}`; without it, a comment
    /// every 15 s
    beat_s: Option<u64>,
    /// Seconds that a JSON page waits for its first event, up to 20
    wait_s: Option<u64>,
}

struct Filter {
    edge: Option<EdgeName>,
    types: Vec<String>,
}

impl Filter {
    fn of(wanted: &Wanted) -> Answer<Self> {
        let types = wanted.types.iter().flat_map(|it| it.split(','));
        Ok(Self {
            edge: wanted.edge.as_deref().map(str::parse).transpose()?,
            types: types.map(|it| it.trim().trim_end_matches(".v1").to_owned()).filter(|it| !it.is_empty()).collect(),
        })
    }

    fn takes(&self, frame: &Frame) -> bool {
        let edge = |wanted: &EdgeName| frame.edge.as_ref().is_some_and(|it| wanted.matches(it));
        self.edge.as_ref().is_none_or(edge) && (self.types.is_empty() || self.types.iter().any(|it| it == frame.name))
    }
}

/// A position that no log reaches: that of a cursor of another log.
const NOWHERE: Position = i64::MAX as Position;

fn cursor(text: &str, log: &str) -> Answer<Position> {
    let cursor = Cursor::from(text.trim());
    let position = cursor.position();
    let position =
        position.ok_or_else(|| Problem::bad_request("this is no cursor of this server; leave it out to begin anew"))?;
    Ok(if cursor.fits(log) { position.min(NOWHERE) } else { NOWHERE })
}

/// Read the log
///
/// With `Accept: text/event-stream` a stream: `id` is the cursor, `event` the type, `data` a CloudEvents document. Resume with
/// `Last-Event-ID` or `after`. A cursor this server does not have yields `stream.gap` first; a listener that is too
/// slow gets `stream.overflow` and is sent away; records that cannot be read are left out, and `stream.skipped` tells of
/// them. Otherwise one JSON page.
#[utoipa::path(get, path = "/events", tag = "log", params(Wanted),
    responses((status = 200, description = "a stream, or a page", content(
        (String = "text/event-stream"), (serde_json::Value = "application/json")))))]
pub async fn events(State(api): State<Api>, caller: Caller, headers: HeaderMap, Ask(wanted): Ask<Wanted>) -> Answer {
    let accept = headers.get(header::ACCEPT).and_then(|it| it.to_str().ok());
    let filter = Filter::of(&wanted)?;
    let resumed = headers.get("last-event-id");
    let resumed = resumed.map(|it| it.to_str().unwrap_or_default());
    let after = resumed.or(wanted.after.as_deref()).map(|it| cursor(it, api.engine.store().log_id())).transpose()?;
    if accept.is_some_and(|it| it.contains("text/event-stream")) {
        let beat = match wanted.beat_s {
            None => None,
            Some(seconds @ 1..=15) => Some(Duration::from_secs(seconds)),
            Some(_) => return Err(Problem::bad_request("beat_s must be 1 to 15")),
        };
        let Some(held) = api.traffic.streams.enter(&caller.subject, caller.is_authenticated()) else {
            return Err(busy("event streams", api.traffic.streams.limit()));
        };
        return Ok(stream(api, filter, after, beat, held));
    }
    page(&api, &caller, &wanted, &filter, after.unwrap_or(0)).await
}

/// So many do the same that one more has to come later: 429.
pub fn busy(what: &str, limit: usize) -> Problem {
    let why = format!(
        "as many {what} are open as the server takes, {limit}, or half of them by this token; end one, or try again later"
    );
    Problem { retry_after: Some(5), ..Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many", why) }
}

async fn page(api: &Api, caller: &Caller, wanted: &Wanted, filter: &Filter, after: Position) -> Answer {
    let limit = super::wire::limit(wanted.limit)?;
    let wait = Duration::from_secs(wanted.wait_s.unwrap_or(0).min(LONGEST_WAIT));
    let deadline = tokio::time::Instant::now() + wait;
    let mut changed = api.engine.changed();
    let head = api.engine.head(after).await?;
    if after > head {
        return Err(Problem::bad_request(format!(
            "this cursor is from another log: the last event here has {head}; go on after that, or begin anew without a cursor"
        )));
    }
    let mut next = after;
    let (mut events, mut unreadable): (Vec<Event>, Vec<Unreadable>) = Default::default();
    let mut turn = None;
    loop {
        let found = api.engine.tail(next, PAGE).await?;
        let dry = found.is_empty();
        for (at, event) in found {
            next = at;
            let event = match event {
                Ok(event) => event,
                Err(it) => {
                    unreadable.push(it);
                    continue;
                }
            };
            if api.frame(filter, at, &event).await?.is_some() {
                events.push(event);
                if events.len() == limit {
                    break;
                }
            }
        }
        if events.len() == limit || (dry && !events.is_empty()) {
            break;
        }
        if dry && !wait.is_zero() {
            if turn.is_none() {
                turn = api.traffic.waits.enter(&caller.subject, caller.is_authenticated());
            }
            if turn.is_none() {
                return Err(busy("requests that wait", api.traffic.waits.limit()));
            }
            let woken = tokio::select! {
                woken = tokio::time::timeout_at(deadline, changed.changed()) => woken.is_ok_and(|it| it.is_ok()),
                () = api.stop.cancelled() => false,
            };
            if !woken {
                break;
            }
        } else if dry {
            break;
        }
    }
    let next = Cursor::in_log(next, api.engine.store().log_id());
    let mut body = json!({ "events": events, "next": next.as_str(), "at": api.engine.now() });
    if !unreadable.is_empty() {
        body["unreadable"] = json!(unreadable);
    }
    Ok(Json(body).into_response())
}

fn stream(api: Api, filter: Filter, after: Option<Position>, beat: Option<Duration>, held: Held) -> Response {
    let (chunks, body) = mpsc::channel(CHUNKS);
    tokio::spawn(async move {
        let stop = api.stop.clone();
        let listener = Listener { api, filter, beat, chunks };
        // A listener that went away, or a server that stops, ends it; both are ordinary.
        stop.run_until_cancelled(listener.run(after)).await;
        drop(held);
    });
    let body = Body::from_stream(ReceiverStream::new(body).map(Ok::<Bytes, Infallible>));
    // Proxies in between hand it on as it comes: nginx would keep it until it ends, others would pack it.
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store, no-transform"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, body).into_response()
}

/// One connection that listens.
struct Listener {
    api: Api,
    filter: Filter,
    beat: Option<Duration>,
    chunks: mpsc::Sender<Bytes>,
}

/// The connection is gone.
struct Gone;

/// Says that what was known must be read anew, and goes on after this position.
fn gap(oldest: &Cursor) -> Bytes {
    format!("event: stream.gap\ndata: {{\"oldest\":\"{oldest}\"}}\n\n").into()
}

impl Listener {
    async fn run(self, after: Option<Position>) -> Option<()> {
        self.send(Bytes::from_static(b"retry: 2000\n\n")).await.ok()?;
        let head = self.api.engine.head(after.unwrap_or(0)).await.ok()?;
        let mut at = after.unwrap_or(head);
        if at > head {
            // Another store than the one the cursor is from: nothing after it can be told.
            self.send(gap(&self.cursor(head))).await.ok()?;
            at = head;
        }
        self.catch_up(&mut at).await?;
        let mut steps = self.api.engine.clock_steps();
        let mut live = self.api.watcher.listen();
        // What came between the last page and the subscription.
        self.catch_up(&mut at).await?;
        let mut told = 0;
        loop {
            self.tell_skipped(&mut told).await?;
            let news = tokio::select! {
                news = tokio::time::timeout(self.beat.unwrap_or(QUIET), live.recv()) => news,
                // Whoever keeps figures by our time has to begin anew, as the watcher does.
                Ok(()) = steps.changed() => return self.send(gap(&self.cursor(at))).await.ok(),
            };
            match news {
                Ok(Ok(frame)) => {
                    if frame.cursor > at {
                        at = frame.cursor;
                        if self.filter.takes(&frame) {
                            self.send(frame.bytes.clone()).await.ok()?;
                        }
                    }
                }
                Ok(Err(RecvError::Lagged(_))) => {
                    let bye = format!("event: stream.overflow\ndata: {{\"after\":\"{}\"}}\n\n", self.cursor(at));
                    return self.send(bye.into()).await.ok();
                }
                Ok(Err(RecvError::Closed)) => return None,
                Err(_) => self.send(self.alive()).await.ok()?,
            }
        }
    }

    /// Tells of the records that cannot be read, whenever there are others than were `told` of.
    async fn tell_skipped(&self, told: &mut u64) -> Option<()> {
        let aside = self.api.engine.store().aside();
        let revision = aside.revision();
        if std::mem::replace(told, revision) == revision {
            return Some(());
        }
        let skipped = json!({ "skipped": aside.skipped() });
        self.send(format!("event: stream.skipped\ndata: {skipped}\n\n").into()).await.ok()
    }

    fn cursor(&self, at: Position) -> Cursor {
        Cursor::in_log(at, self.api.engine.store().log_id())
    }

    fn alive(&self) -> Bytes {
        let now = self.api.engine.now();
        match self.beat {
            Some(_) => format!("event: stream.alive\ndata: {{\"at\":\"{now}\"}}\n\n").into(),
            None => Bytes::from_static(b": alive\n\n"),
        }
    }

    /// Sends what the log holds after `at`.
    async fn catch_up(&self, at: &mut Position) -> Option<()> {
        loop {
            let found = self.api.engine.tail(*at, PAGE).await.ok()?;
            if found.is_empty() {
                return Some(());
            }
            for (cursor, event) in found {
                *at = cursor;
                // What cannot be read is told of beside the events.
                let Ok(event) = event else { continue };
                if let Some(frame) = self.api.frame(&self.filter, cursor, &event).await.ok()? {
                    self.send(frame.bytes).await.ok()?;
                }
            }
        }
    }

    async fn send(&self, chunk: Bytes) -> Result<(), Gone> {
        self.chunks.send(chunk).await.map_err(|_| Gone)
    }
}

impl super::Shared {
    /// Frames an event from the log if the filter takes it.
    async fn frame(&self, filter: &Filter, cursor: Position, event: &Event) -> Answer<Option<Frame>> {
        let mut edge = None;
        if filter.edge.is_some() {
            edge = self.watcher.known().edge_of(event).cloned();
        }
        // The edge of a handoff that was closed long ago is known to the store only.
        if let (true, None, Some(id)) = (filter.edge.is_some(), &edge, &event.handoff) {
            let run = readable(self.engine.run(&event.run).await)?;
            edge = run.and_then(|run| Some(run.handoffs.get(id)?.emission.edge.clone()));
        }
        Ok(Some(Frame::of(cursor, self.engine.store().log_id(), event, edge)).filter(|it| filter.takes(it)))
    }
}
