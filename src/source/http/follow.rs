//! The log of a server as it grows: server-sent events become batches.

use futures_util::future;
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use reqwest::Response;
use serde::Deserialize;
use sse_stream::{Sse, SseByteStream};

use super::answer::Server;
use crate::domain::event::Event;
use crate::domain::port::{Batch, Cursor, Fault, Skipped};
use crate::domain::time::Time;

/// Most bytes without the end of an event: far more than any event of ours.
const MAX_EVENT_BYTES: usize = 4 << 20;
/// Most events in one batch: of the largest they are 200 MiB.
const MAX_BATCH: usize = 50;

/// A message of a server.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// An event, and its position in the log.
    Event(Box<Event>, Cursor),
    /// A heartbeat.
    Alive(Time),
    /// The records that it cannot read and leaves out.
    Skipped(Vec<Skipped>),
    /// The log does not reach back as far as it was asked to.
    Gap,
}

/// The messages of an accepted event stream. Ends with a fault, at the latest when the server closes.
pub(super) fn said(response: Response, server: Server) -> BoxStream<'static, Result<Said, Fault>> {
    let name = server.name.clone();
    let mut open = 0;
    let bytes = response.bytes_stream().map(move |chunk| {
        let chunk = chunk.map_err(|why| Broken(server.unreached(&why)))?;
        open = match last_end(&chunk) {
            Some(end) => chunk.len() - end,
            None => open + chunk.len(),
        };
        if open > MAX_EVENT_BYTES {
            return Err(Broken(Fault::Malformed(format!(
                "{} sends an event of more than 4 MiB: that is none of seam's",
                server.name
            ))));
        }
        Ok(chunk)
    });
    let closed = Fault::Transient(format!("{name} closed the connection"));
    let said = SseByteStream::new(bytes).filter_map(move |block| {
        let said = block.map_err(|why| broken(&why, &name));
        future::ready(said.and_then(|block| understand(&block, &name)).transpose())
    });
    said.chain(stream::once(future::ready(Err(closed)))).boxed()
}

/// The messages as batches, up to the first fault.
pub(super) fn batches(
    said: impl Stream<Item = Result<Said, Fault>> + Send + 'static,
) -> BoxStream<'static, Result<Batch, Fault>> {
    until_fault(gathered(said)).boxed()
}

/// A body that broke, carried through the decoder.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Broken(Fault);

fn broken(why: &sse_stream::Error, name: &str) -> Fault {
    if let sse_stream::Error::Body(inner) = why
        && let Some(Broken(fault)) = inner.downcast_ref()
    {
        return fault.clone();
    }
    Fault::Malformed(format!("{name} does not send an event stream: {why}"))
}

/// Index after the last complete event in `chunk`, that is after an empty line; `None` when no event ends in it.
fn last_end(chunk: &[u8]) -> Option<usize> {
    let end = |pair: &[u8]| pair == b"\n\n" || pair == b"\r\r" || pair == b"\n\r";
    chunk.windows(2).rposition(end).map(|at| at + 2)
}

#[derive(Deserialize)]
struct Alive {
    at: Time,
}

#[derive(Deserialize)]
struct Unreadable {
    skipped: Vec<Skipped>,
}

/// Meaning of one block; `None` for blocks that carry nothing, and for those of a later version.
fn understand(block: &Sse, name: &str) -> Result<Option<Said>, Fault> {
    let (kind, data) = (block.event.as_deref(), block.data.as_deref());
    let (Some(kind), Some(data)) = (kind, data) else {
        return Ok(None);
    };
    let unclear = |why: serde_json::Error| {
        Fault::Malformed(format!("an event of {name} is not understood ({why}): is it another version of seam?"))
    };
    match kind {
        "stream.alive" => {
            let Alive { at } = serde_json::from_str(data).map_err(unclear)?;
            Ok(Some(Said::Alive(at)))
        }
        "stream.skipped" => {
            let Unreadable { skipped } = serde_json::from_str(data).map_err(unclear)?;
            Ok(Some(Said::Skipped(skipped)))
        }
        "stream.gap" => Ok(Some(Said::Gap)),
        "stream.overflow" => {
            Err(Fault::Transient(format!("{name} sent more than this console could take in: catching up")))
        }
        _ if kind.starts_with("stream.") => Ok(None),
        _ => {
            let event = serde_json::from_str(data).map_err(unclear)?;
            let id = block.id.as_deref().map(Cursor::from).filter(|it| it.position().is_some());
            let cursor = id.ok_or_else(|| Fault::Malformed(format!("an event of {name} has no usable position")))?;
            Ok(Some(Said::Event(Box::new(event), cursor)))
        }
    }
}

/// Everything that has arrived already goes into one batch.
fn gathered(said: impl Stream<Item = Result<Said, Fault>>) -> impl Stream<Item = Result<Batch, Fault>> {
    said.ready_chunks(MAX_BATCH).flat_map(|items| {
        let mut batches: Vec<Result<Batch, Fault>> = Vec::new();
        for item in items {
            match (item, batches.last_mut()) {
                (Ok(Said::Event(event, after)), Some(Ok(Batch::Events { events, cursor, .. }))) => {
                    events.push(*event);
                    *cursor = after;
                }
                (Ok(Said::Event(event, after)), _) => {
                    batches.push(Ok(Batch::Events { events: vec![*event], cursor: after, behind: None }));
                }
                (Ok(Said::Skipped(skipped)), _) => batches.push(Ok(Batch::Skipped(skipped))),
                (Ok(Said::Alive(at)), _) => batches.push(Ok(Batch::Alive { at })),
                (Ok(Said::Gap), _) => batches.push(Err(Fault::Transient("the log has a gap: catching up".to_owned()))),
                (Err(fault), _) => batches.push(Err(fault)),
            }
        }
        stream::iter(batches)
    })
}

fn until_fault(batches: impl Stream<Item = Result<Batch, Fault>>) -> impl Stream<Item = Result<Batch, Fault>> {
    batches.scan(false, |over, batch| {
        let next = if *over { None } else { Some(batch) };
        *over |= matches!(next, Some(Err(_)));
        future::ready(next)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(kind: &str, data: &str, id: &str) -> Sse {
        Sse::default().event(kind).data(data).id(id)
    }

    const EVENT: &str = r#"{"specversion":"1.0","id":"r:1","source":"/ns/default","subject":"handoff/h","time":"2026-03-01T10:00:00Z","sequence":"1","correlationid":"r","actor":"agent:a","type":"observed.retried.v1","data":{}}"#;

    #[test]
    fn blocks_are_understood_or_named() {
        let said = |block: Sse| understand(&block, "S");
        assert!(
            matches!(said(block("observed.retried.v1", EVENT, "7")), Ok(Some(Said::Event(_, at))) if at == 7.into())
        );
        let alive = said(block("stream.alive", r#"{"at":"2026-03-01T10:00:00Z"}"#, ""));
        assert!(matches!(alive, Ok(Some(Said::Alive(_)))));
        assert_eq!(said(Sse::default().retry(2_000)), Ok(None));
        assert_eq!(said(block("stream.later", "?", "")), Ok(None));
        assert_eq!(said(block("stream.gap", "{}", "")), Ok(Some(Said::Gap)));
        assert!(matches!(said(block("stream.overflow", "{}", "")), Err(Fault::Transient(_))));
        for (data, id) in [("{", "7"), (EVENT, "x"), (EVENT, "")] {
            let unclear = said(block("observed.retried.v1", data, id));
            assert!(matches!(unclear, Err(Fault::Malformed(_))), "{data} {id}");
        }
    }

    #[tokio::test]
    async fn what_arrived_together_is_one_batch_and_a_fault_ends_it() {
        let event = |cursor| understand(&block("observed.retried.v1", EVENT, cursor), "S");
        let down = Err(Fault::Transient("down".into()));
        let said = [event("1"), event("2"), down, event("3")];
        let said = stream::iter(said.into_iter().filter_map(Result::transpose));
        let batches: Vec<_> = batches(said).collect().await;
        assert_eq!(batches.len(), 2);
        assert!(
            matches!(&batches[0], Ok(Batch::Events { events, cursor, .. }) if events.len() == 2 && *cursor == 2.into())
        );
        assert!(batches[1].is_err());
    }

    #[test]
    fn the_end_of_an_event_is_found() {
        assert_eq!(last_end(b"data: x\n\ndata"), Some(9));
        assert_eq!(last_end(b"a\r\n\r\nb"), Some(4));
        assert_eq!(last_end(b"data: x\n"), None);
    }
}
