//! The orchestrator in this process: the engine itself, without HTTP in between.

use std::fs::File;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt, TryFutureExt};
use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Log, Reach, Source, log};
use crate::domain::id::Actor;
use crate::domain::port::{Batch, Begin, Body, Capabilities, Cursor, Fault, Found, Outcome, Request, Want};
use crate::domain::time::ClockStep;
use crate::orchestrator::api::{self, Access, Limits};
use crate::orchestrator::engine::{Engine, Settings};
use crate::orchestrator::sweeper;
use crate::store::{Lock, Position, Sqlite, StoreError};

/// Most events in one batch.
const MAX_BATCH: usize = 1_000;
/// Time between heartbeats (signs of life) when nothing happens. Data is called live for a second longer.
const BEAT: Duration = Duration::from_secs(2);

/// The port that agents try first, as that of `seam serve`.
pub const PORT: u16 = 7600;

/// An orchestrator in this process.
pub struct Embedded {
    engine: Engine,
    /// File of its store; empty where somebody else runs it.
    path: PathBuf,
    /// It was opened only to look at it.
    looked: bool,
    /// Base URL at which it listens, and what ends that; `None` when it does not listen.
    listening: Option<(String, DropGuard)>,
    /// Ends the sweeper of an engine that was opened here.
    _sweeping: Option<DropGuard>,
}

impl Embedded {
    /// Watches an engine that somebody else runs and sweeps.
    pub fn new(engine: Engine) -> Self {
        Self { engine, path: PathBuf::new(), looked: false, listening: None, _sweeping: None }
    }

    /// Runs an orchestrator on the SQLite file at `path`, which is made, with its directory, if it is not there. One that
    /// this user may only read is looked at.
    ///
    /// # Errors
    /// A sentence when the file cannot be used.
    pub async fn open(path: &Path, settings: Settings) -> Result<Self, String> {
        let still = match Self::still(path, settings.clone()).await {
            Err(_) if is_only_readable(path) => return Self::look(path, settings).await,
            still => still?,
        };
        let stop = CancellationToken::new();
        sweeper::start(still.engine.clone(), stop.clone());
        Ok(Self { _sweeping: Some(stop.drop_guard()), ..still })
    }

    /// Lets the programs of this machine reach it as they reach `seam serve`, until this is dropped: at the usual port, or at
    /// another where that is taken. One that is only looked at takes no work, and does not listen.
    ///
    /// # Errors
    /// A sentence when nothing can listen here, or the store cannot be read.
    pub async fn listening(self, limits: Limits) -> Result<Self, String> {
        if self.looked {
            return Ok(self);
        }
        let bound = match TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)).await {
            Err(why) if why.kind() == io::ErrorKind::AddrInUse => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await,
            bound => bound,
        };
        let bound = bound.and_then(|it| Ok((format!("http://{}", it.local_addr()?), it)));
        let (url, listener) = bound.map_err(|why| format!("cannot listen on this machine for agents: {why}"))?;
        let (tell, up) = oneshot::channel();
        let stop = CancellationToken::new();
        let guard = stop.clone().drop_guard();
        // Who waits for it was dropped when nobody hears it.
        let up_now = move || _ = tell.send(());
        let engine = self.engine.clone();
        let serving = tokio::spawn(api::serve_within(limits, engine, listener, Access::Open, stop, up_now));
        if up.await.is_err() {
            let why = serving
                .await
                .map_or_else(|why| why.to_string(), |it| it.map_or_else(|why| why.to_string(), |()| String::new()));
            return Err(format!("cannot serve {}: {why}", self.path.display()));
        }
        Ok(Self { listening: Some((url, guard)), ..self })
    }

    /// Opens the file without a sweeper: no lease ends and no question times out by itself, for those who only look.
    ///
    /// # Errors
    /// A sentence when the file cannot be used.
    pub async fn still(path: &Path, settings: Settings) -> Result<Self, String> {
        Self::on(path, settings, store).await
    }

    /// Looks at the file as it is, without a right to write it, and whoever else has it.
    ///
    /// # Errors
    /// A sentence when the file cannot be read.
    pub async fn look(path: &Path, settings: Settings) -> Result<Self, String> {
        let look = |path: &Path| match Sqlite::look(path) {
            // It has to be brought to the present format first.
            Err(StoreError::Older { .. }) => store(path),
            looked => looked.map_err(|why| why.to_string()),
        };
        let looked = Self::on(path, settings, look).await?;
        if !looked.engine.store().is_alone() {
            tracing::warn!("{} is being written by another program: this is how it stands now", path.display());
        }
        Ok(Self { looked: true, ..looked })
    }

    async fn on(
        path: &Path,
        settings: Settings,
        open: impl FnOnce(&Path) -> Result<Sqlite, String> + Send + 'static,
    ) -> Result<Self, String> {
        let opened = path.to_owned();
        let store = tokio::task::spawn_blocking(move || open(&opened))
            .await
            .map_err(|why| format!("opening the store broke off: {why}"))??;
        let engine = Engine::open(Arc::new(store), settings).await.map_err(|why| why.to_string())?;
        Ok(Self { path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()), ..Self::new(engine) })
    }
}

/// A word of a command line, as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = word.chars().all(|it| it.is_alphanumeric() || "/._-:+@%=,".contains(it));
    if is_plain { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// Whether there is a file that may be read and not be written.
fn is_only_readable(path: &Path) -> bool {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    let written = File::options().write(true).open(path);
    written.is_err_and(|why| matches!(why.kind(), PermissionDenied | ReadOnlyFilesystem)) && File::open(path).is_ok()
}

fn store(path: &Path) -> Result<Sqlite, String> {
    // The default place is in a directory that nobody has made before the first start.
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)
            .map_err(|why| format!("cannot make the directory {} for the store: {why}", directory.display()))?;
    }
    Lock::take(path).and_then(Sqlite::alone).map_err(|why| why.to_string())
}

impl Source for Embedded {
    fn capabilities(&self) -> Capabilities {
        let why_not = "this store was opened only to look at it: it cannot be written here";
        let everything = Capabilities::everything("embedded orchestrator");
        let agents = match &self.listening {
            Some((url, _)) => Ok(url.clone()),
            None => Err(format!(
                "No agent can reach it like this: leave it, and `seam serve --store {}` lets them.",
                quoted(&format!("sqlite:{}", self.path.display()))
            )),
        };
        Capabilities { agents, ..everything.without(|_| self.looked.then(|| why_not.to_owned())) }
    }

    fn watch(&self, from: Option<Cursor>) -> BoxStream<'static, Result<Batch, Fault>> {
        watch_engine(self.engine.clone(), from)
    }

    fn log(&self, reach: Reach, until: Cursor) -> BoxFuture<'static, Result<Log, Fault>> {
        let engine = self.engine.clone();
        log::numbered(move |from| watch_engine(engine.clone(), Some(from)), reach, until).boxed()
    }

    fn fetch(&self, want: Want) -> BoxFuture<'static, Result<Found, Fault>> {
        let engine = self.engine.clone();
        async move {
            match want {
                Want::Body(id) => {
                    let (contract, digest) = engine.contract(&id).await?;
                    Ok(Found::Body(Box::new(Body::contract(contract, digest))))
                }
                Want::Revealed { handoff, by } => {
                    let revealed = engine.by(Actor::user(&by)).reveal(&handoff).await?;
                    Ok(Found::Revealed(Box::new(revealed)))
                }
                Want::Timeline(id) => {
                    let (run, events) = engine.timeline(&id).await?;
                    let run = Box::new(run);
                    Ok(Found::Timeline { run, events })
                }
            }
        }
        .boxed()
    }

    fn perform(&self, request: Request) -> BoxFuture<'static, Result<Outcome, Fault>> {
        let engine = self.engine.clone();
        async move { Ok(engine.perform(request).await) }.boxed()
    }
}

fn watch_engine(engine: Engine, from: Option<Cursor>) -> BoxStream<'static, Result<Batch, Fault>> {
    begin(engine, from).try_flatten_stream().boxed()
}

async fn begin(engine: Engine, from: Option<Cursor>) -> Result<BoxStream<'static, Result<Batch, Fault>>, Fault> {
    let changed = engine.changed();
    let head = *changed.borrow();
    let from = from.filter(|it| it.fits(engine.store().log_id())).and_then(|it| it.position());
    // A position after the last event is one of a copy that went on, or is not here yet.
    let (begin, after) = if let Some(after) = from.filter(|after| *after <= head) {
        (Begin::Resumed, after)
    } else {
        let snapshot = engine.snapshot().await?;
        let after = snapshot.cursor.position().unwrap_or_default();
        (Begin::Fresh(Box::new(snapshot)), after)
    };
    let steps = engine.clock_steps();
    let tail = Tail { engine, changed, steps, after, skipped: 0 };
    let rest = stream::try_unfold(tail, Tail::next);
    Ok(stream::iter([Ok(Batch::Begin(begin))]).chain(rest).boxed())
}

/// Reads the log as it grows.
struct Tail {
    engine: Engine,
    changed: watch::Receiver<Position>,
    /// Jumps of the clock.
    steps: watch::Receiver<Option<ClockStep>>,
    after: Position,
    /// The records that were told to be unreadable.
    skipped: u64,
}

impl Tail {
    async fn next(mut self) -> Result<Option<(Batch, Self)>, Fault> {
        let quiet = Instant::now() + BEAT;
        loop {
            if self.steps.has_changed().unwrap_or(false) {
                self.steps.mark_unchanged();
                // By the clock as it is now other minutes are the last ones.
                let snapshot = self.engine.snapshot().await?;
                self.after = snapshot.cursor.position().unwrap_or(self.after);
                return Ok(Some((Batch::Begin(Begin::Fresh(Box::new(snapshot))), self)));
            }
            // Marked as seen before reading, so that what comes meanwhile wakes the next wait.
            let head = *self.changed.borrow_and_update();
            let aside = self.engine.store().aside();
            let revision = aside.revision();
            if std::mem::replace(&mut self.skipped, revision) != revision {
                let skipped = aside.skipped();
                return Ok(Some((Batch::Skipped(skipped), self)));
            }
            let found = if head > self.after { self.engine.tail(self.after, MAX_BATCH).await? } else { Vec::new() };
            if let Some((position, _)) = found.last() {
                self.after = *position;
                let events = found.into_iter().filter_map(|(_, event)| event.ok()).collect();
                let behind = Some(head.saturating_sub(self.after));
                let cursor = Cursor::in_log(self.after, self.engine.store().log_id());
                return Ok(Some((Batch::Events { events, cursor, behind }, self)));
            }
            let woken = tokio::select! {
                woken = timeout_at(quiet, self.changed.changed()) => woken,
                Ok(()) = self.steps.changed() => { self.steps.mark_changed(); continue }
            };
            match woken {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(Fault::Transient("the store was closed".to_owned())),
                Err(_) => {
                    let at = self.engine.now();
                    return Ok(Some((Batch::Alive { at }, self)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::domain::time::{HOUR, Time};

    #[tokio::test]
    async fn the_first_start_makes_the_store_and_the_second_finds_it() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("data/seamwatch/seam.db");
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut starts = 0;
        while starts < 2 {
            // The store is given back when the sweeper has ended, which is soon after the source was dropped.
            match Embedded::open(&path, Settings::default()).await {
                Ok(source) => {
                    let first = source.watch(None).next().await;
                    assert!(matches!(first, Some(Ok(Batch::Begin(Begin::Fresh(_))))));
                    starts += 1;
                }
                Err(why) => assert!(starts == 1 && Instant::now() < deadline, "{why}"),
            }
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn who_only_looks_has_no_sweeper() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("seam.db");
        let still = Embedded::still(&path, Settings::default()).await.unwrap();
        let running = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
        assert_eq!(running(), 0);
        drop(still);
        let swept = Embedded::open(&path, Settings::default()).await.unwrap();
        assert_eq!(running(), 1);
        drop(swept);
    }

    #[tokio::test]
    async fn a_directory_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().join("seam.db");
        let Err(why) = Embedded::open(&path, Settings::default()).await else {
            panic!("a file is no directory");
        };
        assert!(why.contains(&file.path().display().to_string()), "{why}");
    }

    #[tokio::test]
    async fn after_a_jump_of_the_clock_the_watch_begins_anew_and_says_so() {
        static NOW: AtomicI64 = AtomicI64::new(10 * HOUR);
        let now = || Time::from_millis(NOW.load(Ordering::Relaxed));
        let place = tempfile::tempdir().unwrap();
        let settings = Settings { now, ..Settings::default() };
        let source = Embedded::still(&place.path().join("seam.db"), settings).await.unwrap();
        let mut watch = source.watch(None);
        let mut fresh = async || match watch.next().await {
            Some(Ok(Batch::Begin(Begin::Fresh(snapshot)))) => (snapshot.at.millis(), snapshot.clock.map(|it| it.by_ms)),
            other => panic!("{other:?}"),
        };
        assert_eq!(fresh().await, (10 * HOUR, None));
        NOW.store(9 * HOUR, Ordering::Relaxed);
        source.engine.now();
        assert_eq!(fresh().await, (9 * HOUR, Some(-HOUR)));
    }
}
