//! One reader of the log for everybody who listens: each event is folded and framed once, then shared.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::problem::Problem;
use crate::domain::event::Event;
use crate::domain::id::{Edge, RunId};
use crate::domain::ledger::Ledger;
use crate::domain::port::Cursor;
use crate::orchestrator::engine::Engine;
use crate::store::{Logged, Position};

/// Events a slow listener may be behind before it is sent away (protocol section 7).
pub const BUFFER: usize = 1_024;
/// Events read from the log at once.
pub const PAGE: usize = 500;

/// Time an answer waits for the reader to be up to date.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(1);

/// An event, ready to be sent to any number of listeners.
#[derive(Debug)]
pub struct Frame {
    /// Position in the log.
    pub cursor: Position,
    /// Type without its version, such as `handoff.emitted`.
    pub name: &'static str,
    /// The edge it is about, where it is known.
    pub edge: Option<Edge>,
    /// The event as server-sent event.
    pub bytes: Bytes,
}

/// The shared reader: what is known now, and what happens next.
pub struct Watcher {
    ledger: Mutex<Ledger>,
    frames: broadcast::Sender<Arc<Frame>>,
    /// Name of the log.
    log: String,
    /// Position of the latest event in the ledger.
    position: watch::Sender<Position>,
}

impl Watcher {
    /// Starts reading; ends when `stop` is cancelled.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn start(engine: Engine, stop: CancellationToken) -> Result<Arc<Self>, Problem> {
        let mut ledger = Ledger::new(0);
        let snapshot = engine.snapshot().await?;
        let position = snapshot.cursor.position().unwrap_or_default();
        ledger.restore(snapshot);
        let watcher = Arc::new(Self {
            ledger: Mutex::new(ledger),
            frames: broadcast::channel(BUFFER).0,
            log: engine.store().log_id().to_owned(),
            position: watch::Sender::new(position),
        });
        let reader = Arc::clone(&watcher);
        tokio::spawn(async move {
            stop.run_until_cancelled(reader.read(&engine)).await;
        });
        Ok(watcher)
    }

    async fn read(&self, engine: &Engine) {
        let (mut changed, mut steps) = (engine.changed(), engine.clock_steps());
        loop {
            if steps.has_changed().unwrap_or(false) {
                steps.mark_unchanged();
                // By the clock as it is now other minutes are the last ones.
                if let Err(why) = self.begin_anew(engine).await {
                    tracing::warn!(why = why.detail, "cannot read the figures anew after the clock was set");
                }
            }
            let after = self.position();
            match engine.tail(after, PAGE).await {
                Ok(events) => {
                    if let Some((latest, _)) = events.last() {
                        self.share(&events);
                        self.complete(engine).await;
                        self.position.send_replace(*latest);
                    } else {
                        tokio::select! {
                            open = changed.changed() => if open.is_err() {
                                return; // the store is closed
                            },
                            Ok(()) = steps.changed() => steps.mark_changed(),
                        }
                    }
                }
                Err(why) => {
                    tracing::warn!(why = why.to_string(), "cannot read the log; trying again");
                    tokio::time::sleep(CATCH_UP_TIMEOUT).await;
                }
            }
        }
    }

    /// Forgets everything and starts from the store.
    async fn begin_anew(&self, engine: &Engine) -> Result<(), Problem> {
        let snapshot = engine.snapshot().await?;
        let position = snapshot.cursor.position().unwrap_or_default();
        self.known().restore(snapshot);
        self.position.send_replace(position);
        Ok(())
    }

    fn share(&self, events: &[(Position, Logged)]) {
        let mut ledger = self.known();
        for (cursor, event) in events {
            // One that cannot be read is told of beside the events.
            let Ok(event) = event else { continue };
            ledger.apply(event);
            // Nobody listening is no error.
            if self.frames.receiver_count() > 0 {
                let edge = ledger.edge_of(event).cloned();
                let _ = self.frames.send(Arc::new(Frame::of(*cursor, &self.log, event, edge)));
            }
        }
    }

    /// Runs that were closed and go on are folded from their first event, or their verdicts would be of the rest.
    async fn complete(&self, engine: &Engine) {
        let fragments: Vec<RunId> = self.known().fragments().cloned().collect();
        for run in fragments {
            match engine.timeline(&run).await {
                Ok((_, events)) => self.known().complete(&run, &events),
                Err(why) => tracing::warn!(%run, why = why.to_string(), "cannot read the run"),
            }
        }
    }

    /// Position of the latest event that is in the ledger.
    pub fn position(&self) -> Position {
        *self.position.borrow()
    }

    /// The ledger, with windows as of the latest event. Hold it briefly.
    pub fn known(&self) -> MutexGuard<'_, Ledger> {
        // A panic elsewhere while it was held cannot leave half an event: folding is total.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ledger, everything included that was committed before the call, with windows that end now.
    pub async fn present(&self, engine: &Engine) -> MutexGuard<'_, Ledger> {
        let committed = *engine.changed().borrow();
        let mut position = self.position.subscribe();
        // A reader that cannot follow is behind; what is known is better than no answer.
        let _ = tokio::time::timeout(CATCH_UP_TIMEOUT, position.wait_for(|it| *it >= committed)).await;
        let mut ledger = self.known();
        ledger.advance(engine.now());
        ledger
    }

    /// Everything that happens from now on.
    pub fn listen(&self) -> broadcast::Receiver<Arc<Frame>> {
        self.frames.subscribe()
    }
}

impl Frame {
    /// The frame of an event.
    pub fn of(cursor: Position, log: &str, event: &Event, edge: Option<Edge>) -> Self {
        let name = event.fact.name();
        // An event came out of the store as JSON, so it goes back to JSON.
        let data = serde_json::to_string(event).unwrap_or_default();
        Self {
            cursor,
            name,
            edge,
            bytes: Bytes::from(format!("id: {}\nevent: {name}.v1\ndata: {data}\n\n", Cursor::in_log(cursor, log))),
        }
    }
}
