//! The one reconnect loop: a source that may break becomes a channel of reports that does not.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::{Notify, mpsc};
use tokio::time::sleep;

use super::{Shared, Source};
use crate::domain::port::{Batch, Begin, Cursor, Fault, Report};

/// Wait after the first failure; doubles with each that follows.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// Longest wait. Faults that no repetition is likely to mend wait this long at once.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Reports that may wait for the console before the source is slowed down.
const WAITING: usize = 16;

/// A watched source. Dropping it ends the watch.
pub struct Supervised {
    reports: mpsc::Receiver<Report>,
    retry: Arc<Notify>,
}

impl Supervised {
    /// The next report. Never `None` while the runtime lives. Safe to cancel.
    pub async fn next(&mut self) -> Option<Report> {
        self.reports.recv().await
    }

    /// A report that is waiting already, if any: for draining before drawing.
    pub fn ready(&mut self) -> Option<Report> {
        self.reports.try_recv().ok()
    }

    /// A handle that ends the present wait for the next try; without effect while connected.
    pub fn retry(&self) -> Retry {
        Retry(self.retry.clone())
    }
}

/// Asks the supervisor to try again now.
#[derive(Clone)]
pub struct Retry(Arc<Notify>);

impl Retry {
    /// Ends the backoff of a source that waits, and tries now.
    pub fn now(&self) {
        self.0.notify_waiters();
    }
}

/// Watches `source` for as long as the result lives. Must be called inside a tokio runtime.
///
/// After a fault it waits (backoff), with a wait that doubles from half a second to half a minute and a quarter of it
/// left to chance (jitter), so that consoles do not come back in step, and goes on after the last batch it saw: whether
/// that can be resumed, or it has to begin fresh, the source knows.
pub fn supervise(source: Shared) -> Supervised {
    let (tell, reports) = mpsc::channel(WAITING);
    let retry = Arc::new(Notify::new());
    let signal = retry.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = tell.closed() => {}
            _ = run(&*source, &tell, &signal) => {}
        }
    });
    Supervised { reports, retry }
}

type Told = Result<(), mpsc::error::SendError<Report>>;

async fn run(source: &dyn Source, tell: &mpsc::Sender<Report>, retry: &Notify) -> Told {
    let mut cursor = None;
    let mut failures = 0;
    loop {
        tell.send(Report::Connecting).await?;
        let (heard, fault) = follow(source, tell, &mut cursor).await?;
        failures = if heard { 1 } else { failures + 1 };
        let wait = wait(&fault, failures, fastrand::f64());
        let retry_in = wait.as_millis() as i64;
        tell.send(Report::Down { fault, retry_in }).await?;
        tokio::select! {
            () = sleep(wait) => {}
            () = retry.notified() => {}
        }
    }
}

/// One watch until it ends: whether it said anything beside that it goes on, and why it ended.
async fn follow(
    source: &dyn Source,
    tell: &mpsc::Sender<Report>,
    cursor: &mut Option<Cursor>,
) -> Result<(bool, Fault), mpsc::error::SendError<Report>> {
    let (mut begun, mut heard) = (false, false);
    let mut batches = source.watch(cursor.clone());
    while let Some(batch) = batches.next().await {
        let batch = match batch {
            Ok(batch) => batch,
            Err(fault) => return Ok((heard, fault)),
        };
        if !begun {
            begun = true;
            tell.send(Report::Capabilities(source.capabilities())).await?;
        }
        heard |= batch != Batch::Begin(Begin::Resumed);
        match &batch {
            Batch::Begin(Begin::Fresh(snapshot)) => *cursor = Some(snapshot.cursor.clone()),
            Batch::Events { cursor: after, .. } => *cursor = Some(after.clone()),
            Batch::Begin(Begin::Resumed)
            | Batch::Alive { .. }
            | Batch::Replay(_)
            | Batch::Skipped(_)
            | Batch::Capabilities(_) => {}
        }
        let report = match batch {
            Batch::Capabilities(can) => Report::Capabilities(*can),
            batch => Report::Batch(batch),
        };
        tell.send(report).await?;
    }
    let fault = Fault::Transient("the source ended without saying why".to_owned());
    Ok((heard, fault))
}

/// Backoff with jitter after this many failures in a row, from 1; `chance` is 0..1 and takes off up to a quarter.
fn wait(fault: &Fault, failures: u32, chance: f64) -> Duration {
    let full = match fault {
        Fault::Transient(_) => FIRST_WAIT.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LONGEST_WAIT),
        _ => LONGEST_WAIT,
    };
    full.mul_f64(1.0 - 0.25 * chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::future::{BoxFuture, FutureExt, pending};
    use futures_util::stream::{self, BoxStream};

    use super::*;
    use crate::domain::port::{Capabilities, Found, Outcome, Request, Snapshot, Want};

    type Watch = Vec<Result<Batch, Fault>>;

    /// Plays one prepared watch after the other, then one that says nothing, and notes where each began.
    #[derive(Default)]
    struct Script {
        watches: Mutex<Vec<Watch>>,
        began: Mutex<Vec<Option<Cursor>>>,
    }

    impl Script {
        fn of(watches: Vec<Watch>) -> Arc<Self> {
            Arc::new(Self { watches: Mutex::new(watches), began: Mutex::default() })
        }
    }

    impl Source for Script {
        fn capabilities(&self) -> Capabilities {
            Capabilities::everything("script")
        }

        fn watch(&self, from: Option<Cursor>) -> BoxStream<'static, Result<Batch, Fault>> {
            self.began.lock().unwrap().push(from);
            let mut watches = self.watches.lock().unwrap();
            if watches.is_empty() {
                return stream::pending().boxed();
            }
            stream::iter(watches.remove(0)).boxed()
        }

        fn fetch(&self, _: Want) -> BoxFuture<'static, Result<Found, Fault>> {
            pending().boxed()
        }

        fn perform(&self, _: Request) -> BoxFuture<'static, Result<Outcome, Fault>> {
            pending().boxed()
        }
    }

    fn snapshot(cursor: u64) -> Batch {
        Batch::Begin(Begin::Fresh(Box::new(Snapshot { cursor: cursor.into(), ..Snapshot::default() })))
    }

    fn events(cursor: u64) -> Batch {
        Batch::Events { events: Vec::new(), cursor: cursor.into(), behind: None }
    }

    fn down() -> Result<Batch, Fault> {
        Err(Fault::Transient("down".into()))
    }

    /// Waits until `script` was watched `times` times, reading reports on the way.
    async fn heard(supervised: &mut Supervised, script: &Script, times: usize) -> Vec<Report> {
        let mut reports = Vec::new();
        while script.began.lock().unwrap().len() < times {
            let next = tokio::time::timeout(Duration::from_mins(10), supervised.next());
            reports.push(next.await.expect("a report in time").expect("open"));
        }
        reports
    }

    #[tokio::test(start_paused = true)]
    async fn goes_on_from_the_cursor_until_the_source_begins_fresh() {
        let resumed = || Ok(Batch::Begin(Begin::Resumed));
        let script = Script::of(vec![
            vec![Ok(snapshot(7)), Ok(events(9)), down()],
            vec![resumed(), Ok(events(12)), down()],
            vec![down()],
            vec![resumed(), down()],
            vec![Ok(snapshot(2))],
        ]);
        let mut supervised = supervise(script.clone());
        let reports = heard(&mut supervised, &script, 6).await;
        let began = script.began.lock().unwrap().clone();
        let began: Vec<Option<u64>> = began.iter().map(|it| it.as_ref()?.number()).collect();
        assert_eq!(began, [None, Some(9), Some(12), Some(12), Some(12), Some(2)]);
        assert_eq!(reports[0], Report::Connecting);
        assert!(matches!(reports[1], Report::Capabilities(_)));
        assert!(matches!(reports[2], Report::Batch(Batch::Begin(Begin::Fresh(_)))));
    }

    #[tokio::test(start_paused = true)]
    async fn waits_longer_each_time_and_starts_over_after_success() {
        // To connect and to fall silent again is no success.
        let failing = |nth| if nth % 2 == 0 { vec![down()] } else { vec![Ok(Batch::Begin(Begin::Resumed)), down()] };
        let mut watches: Vec<Watch> = (0..9).map(failing).collect();
        watches.push(vec![Ok(snapshot(1)), down()]);
        let script = Script::of(watches);
        let mut supervised = supervise(script.clone());
        let reports = heard(&mut supervised, &script, 11).await;
        let waits: Vec<i64> = reports
            .iter()
            .filter_map(|it| match it {
                Report::Down { retry_in, .. } => Some(*retry_in),
                _ => None,
            })
            .collect();
        let full = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 500];
        assert_eq!(waits.len(), full.len());
        for (wait, full) in waits.into_iter().zip(full) {
            assert!((full * 3 / 4..=full).contains(&wait), "{wait} of {full}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_fault_that_stays_is_tried_slowly_unless_asked_to() {
        let denied = || vec![Err(Fault::Denied("no".into()))];
        let script = Script::of(vec![denied(), denied()]);
        let mut supervised = supervise(script.clone());
        let started = tokio::time::Instant::now();
        loop {
            if let Some(Report::Down { retry_in, .. }) = supervised.next().await {
                assert!(retry_in >= 22_500);
                break;
            }
        }
        // The wait begins after the report: ask until the next try has begun.
        let retry = supervised.retry();
        while script.began.lock().unwrap().len() < 2 {
            retry.now();
            tokio::task::yield_now().await;
        }
        assert!(started.elapsed() < Duration::from_secs(1), "the clock is paused");
    }

    #[tokio::test(start_paused = true)]
    async fn ends_when_nobody_listens() {
        let script = Script::of(vec![vec![Ok(snapshot(1))]]);
        let supervised = supervise(script.clone());
        drop(supervised);
        while Arc::strong_count(&script) > 1 {
            tokio::task::yield_now().await;
        }
    }
}
