//! The sweeper: leases end, deadlines pass, questions go unanswered (rows 15, 19 and 20), refused contracts are let go.
//!
//! The sweeper sleeps until the next thing is due and is woken when something is due sooner. It keeps nothing in
//! memory that the store does not know, so a new one after a crash goes on where the old one stopped.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use indexmap::IndexMap;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::engine::{Engine, Problem};
use crate::domain::id::{HandoffId, RunId};
use crate::domain::time::{MINUTE, Millis, Present, SECOND, Time};
use crate::store::Due;

/// Number of due handoffs that are dealt with between two looks at the store.
const BATCH: usize = 500;
/// Number of runs that are dealt with at the same time, so that the store writes them together: about half of them go into
/// one sync of the disk while the others are prepared.
const RUNS_AT_ONCE: usize = 128;
/// Time to wait after the store failed, in milliseconds.
const AFTER_FAULT: Millis = 5 * SECOND;
/// Longest time between two looks at the clock, in milliseconds.
const LOOK: Millis = SECOND;
/// Time between two looks at the refused contracts that nobody deals with.
const RETIRE_EVERY: Duration = Duration::from_mins(10);

/// Starts sweeping; ends after the transaction it is in when `stop` is cancelled.
pub fn start(engine: Engine, stop: CancellationToken) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut retire_at = Instant::now();
        while !stop.is_cancelled() {
            let swept = async {
                if Instant::now() >= retire_at {
                    engine.retire_refused().await?;
                    retire_at = Instant::now() + RETIRE_EVERY;
                }
                sweep(&engine, &stop).await
            };
            let next = match swept.await {
                Ok(next) => next,
                Err(why) => {
                    tracing::warn!("sweeping: {why}; trying again in 5 s");
                    retire_at = retire_at.max(Instant::now() + Duration::from_millis(AFTER_FAULT.unsigned_abs()));
                    Some(engine.now() + AFTER_FAULT)
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = engine.wake().sooner() => {}
                () = until(&engine, next) => {}
                () = sleep_until(retire_at) => {}
            }
        }
    })
}

/// Returns when something is due: at `next` by the clock, which may be set at any time, so it is looked at again and again.
async fn until(engine: &Engine, next: Option<Time>) {
    loop {
        let Present { now, behind } = engine.present();
        let wait = next.map_or(LOOK, |next| (next - now).clamp(1, LOOK));
        sleep(Duration::from_millis(wait.unsigned_abs())).await;
        // What was timed before the clock was set back is due sooner than it says.
        if behind > 0 || next.is_some_and(|next| next <= engine.now()) {
            return;
        }
    }
}

/// Deals with everything that is due now; gives when the next thing is.
///
/// # Errors
/// Fails when the store cannot be used.
pub async fn sweep(engine: &Engine, stop: &CancellationToken) -> Result<Option<Time>, Problem> {
    let mut stuck = HashSet::new();
    loop {
        // From here on a commit with something due sooner than `next` wakes the sweeper again.
        engine.wake().sleeping_until(None);
        let now = engine.present();
        let Due { found: due, next } = engine.store().due(now, BATCH).await?;
        if due.is_empty() || stop.is_cancelled() {
            // What is held is tried again by then.
            let again = (!engine.store().aside().held().is_empty()).then_some(now.now + MINUTE);
            let next = [next, again].into_iter().flatten().min();
            engine.wake().sleeping_until(next);
            return Ok(next);
        }
        if due.iter().all(|it| stuck.contains(it)) {
            // Not one of them could be dealt with: no reason to try again at once.
            let again = now.now + MINUTE;
            return Ok(Some(next.map_or(again, |next| next.min(again))));
        }
        // Those of one run in one transaction: they would only be in each other's way.
        let mut runs: IndexMap<RunId, Vec<HandoffId>> = IndexMap::new();
        for (run, handoff) in due {
            runs.entry(run).or_default().push(handoff);
        }
        let work = stream::iter(runs).take_until(stop.cancelled());
        let work = work.map(|(run, due)| of_run(engine, run, due)).buffer_unordered(RUNS_AT_ONCE);
        let left: Vec<_> = work.try_collect().await?;
        stuck = left.into_iter().flatten().collect();
    }
}

/// Deals with what is due in one run; gives what could not be dealt with.
async fn of_run(engine: &Engine, run: RunId, due: Vec<HandoffId>) -> Result<Vec<(RunId, HandoffId)>, Problem> {
    match engine.timer(&run, &due).await {
        Ok(true) => return Ok(Vec::new()),
        // Another sweeper of the store was faster, and it is not.
        Ok(false) => {}
        Err(Problem::Store(why)) if engine.set_aside(&run, &due, &why) => return Ok(Vec::new()),
        Err(Problem::Store(why)) => return Err(why.into()),
        Err(why) => tracing::warn!("sweeping run {run}: {why}"),
    }
    Ok(due.into_iter().map(|handoff| (run.clone(), handoff)).collect())
}
