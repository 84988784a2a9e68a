//! The log of a server in pages: for those who read back, and for those whose proxy keeps a stream to itself until it
//! ends.

use futures_util::stream::{self, StreamExt};
use reqwest::Method;
use serde::Deserialize;

use super::answer::HISTORY;
use super::{Http, Watch};
use crate::domain::event::Event;
use crate::domain::port::{Batch, Cursor, Fault};
use crate::domain::time::Time;

/// Events of one page.
const PAGE: &str = "200";
/// Seconds that a page waits for its first event where the log is watched: as often a heartbeat comes in a stream.
const WAIT: &str = "1";

/// A part of the log.
#[derive(Deserialize)]
struct Page {
    events: Vec<Event>,
    next: Cursor,
    /// The present time of the server.
    at: Time,
}

impl Http {
    async fn page(&self, after: &Cursor, wait_s: &str) -> Result<Page, Fault> {
        let asked = self.ask(Method::GET, &["events"]).timeout(HISTORY.within);
        let asked = asked.query(&[("after", after.as_str()), ("limit", PAGE), ("wait_s", wait_s)]);
        self.server.json(self.send(asked).await?, HISTORY).await
    }

    /// The log from a position on, as far as it is there; whoever reads past its end is told.
    pub(super) fn pages(self, from: Cursor) -> Watch {
        let next = move |after: Cursor| {
            let http = self.clone();
            async move {
                let Page { events, next, .. } = http.page(&after, "0").await?;
                if next.position() == after.position() {
                    return Err(Fault::Transient("the log ended in the middle; try again".to_owned()));
                }
                let batch = Batch::Events { events, cursor: next.clone(), behind: None };
                Ok(Some((batch, next)))
            }
        };
        stream::try_unfold(from, next).boxed()
    }

    /// The log as it grows, asked for over and over.
    pub(super) fn polled(self, from: Cursor) -> Watch {
        let next = move |after: Cursor| {
            let http = self.clone();
            async move {
                let Page { events, next, at } = http.page(&after, WAIT).await?;
                let batch = if events.is_empty() {
                    Batch::Alive { at }
                } else {
                    Batch::Events { events, cursor: next.clone(), behind: None }
                };
                Ok(Some((batch, next)))
            }
        };
        stream::try_unfold(from, next).boxed()
    }
}
