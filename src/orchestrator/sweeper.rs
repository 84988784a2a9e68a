//! The sweeper: leases end, deadlines pass, questions go unanswered (rows 15, 19 and 20).
//!
//! The sweeper sleeps until the next thing is due and is woken when something is due sooner. It keeps nothing in
//! memory that the store does not know, so a new one after a crash goes on where the old one stopped.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::engine::{Engine, Problem};
use crate::domain::time::{HOUR, MINUTE, Millis, SECOND, Time};
use crate::store::Due;

/// Number of due handoffs that are dealt with between two looks at the store.
const BATCH: usize = 100;
/// Time to wait after the store failed, in milliseconds.
const AFTER_FAULT: Millis = 5 * SECOND;
/// The longest sleep. Clocks are set: an hour later it looks again.
const MAX_SLEEP: Millis = HOUR;

/// Starts sweeping; ends after the transaction it is in when `stop` is cancelled.
pub fn start(engine: Engine, stop: CancellationToken) -> JoinHandle<()> {
    tokio::spawn(async move {
        while !stop.is_cancelled() {
            let wait = match sweep(&engine, &stop).await {
                Ok(next) => next.map_or(MAX_SLEEP, |next| (next - engine.now()).clamp(1, MAX_SLEEP)),
                Err(why) => {
                    tracing::warn!("sweeping: {why}; trying again in 5 s");
                    AFTER_FAULT
                }
            };
            let wait = Duration::from_millis(u64::try_from(wait).unwrap_or_default());
            tokio::select! {
                () = stop.cancelled() => {}
                () = engine.wake().sooner() => {}
                () = sleep(wait) => {}
            }
        }
    })
}

/// Deals with everything that is due now; gives when the next thing is.
///
/// # Errors
/// Fails when the store cannot be used.
pub async fn sweep(engine: &Engine, stop: &CancellationToken) -> Result<Option<Time>, Problem> {
    let mut stuck = Vec::new();
    loop {
        // From here on a commit with something due sooner than `next` wakes the sweeper again.
        engine.wake().sleeping_until(None);
        let now = engine.now();
        let Due { found: due, next } = engine.store().due(now, BATCH).await?;
        if due.is_empty() || stop.is_cancelled() {
            engine.wake().sleeping_until(next);
            return Ok(next);
        }
        if due == stuck {
            // Not one of them could be dealt with: no reason to try again at once.
            return Ok(Some(now + MINUTE));
        }
        stuck.clear();
        for (run, handoff) in &due {
            match engine.timer(run, handoff).await {
                Ok(true) => {}
                // The clock went back, and it is due again soon; or another sweeper of the store was faster, and it is not.
                Ok(false) => stuck.push((run.clone(), handoff.clone())),
                Err(Problem::Store(why)) => return Err(why.into()),
                Err(why) => {
                    tracing::warn!("sweeping {handoff}: {why}");
                    stuck.push((run.clone(), handoff.clone()));
                }
            }
        }
    }
}
