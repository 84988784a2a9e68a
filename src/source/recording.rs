//! Recordings: files of events, one a line, plain or gzip. They are dirty, and say what happened all the same.
//!
//! As a source a recording is played: its time is its own, and passes at any speed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{self, BoxFuture, FutureExt, TryFutureExt};
use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::sync::watch;

use crate::domain::event::Event;
use crate::domain::id::RunId;
use crate::domain::machine::evolve;
use crate::domain::port::{Batch, Capabilities, Control, Cursor, Fault, Found, Outcome, Request, Want};
use crate::domain::run::Run;

mod line;
mod measured;
mod packing;
mod player;
mod read;

pub use line::write_line;
pub use player::MAX_SPEED;
pub use read::{ReadError, Reading, read};

use super::Source;
use player::{Playback, Player};

/// A recording that is played. Watchers share one set of controls.
pub struct Recording {
    path: PathBuf,
    playback: watch::Sender<Playback>,
    seen: Seen,
}

/// Position of the latest watcher: the recording and the number of its events that have happened.
type Seen = Arc<Mutex<(Arc<Reading>, usize)>>;

impl Recording {
    /// The recording at `path`; it is read when it is watched. `speed` is how many seconds pass in one, `None`
    /// as fast as possible.
    pub fn new(path: &Path, speed: Option<f64>) -> Self {
        Self { path: path.to_owned(), playback: watch::Sender::new(Playback::at(speed)), seen: Seen::default() }
    }

    fn timeline(&self, run: &RunId) -> Result<Found, Fault> {
        let (reading, played) = lock(&self.seen).clone();
        let seen = reading.events.iter().take(played);
        let mut events: Vec<Event> = seen.filter(|it| it.run == *run).cloned().collect();
        let Some(first) = events.first() else {
            return Err(Fault::Refused(format!("the recording says nothing of {run} up to now")));
        };
        let mut folded = Run::new(run.clone(), first.at);
        for event in &events {
            evolve(&mut folded, event);
        }
        events.retain(|it| !it.fact.is_sighting());
        Ok(Found::Timeline { run: Box::new(folded), events })
    }
}

/// A lock that a panicking holder left behind still holds a whole value: it is only ever replaced.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Source for Recording {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            measured: lock(&self.seen).0.measured.clone(),
            bodies: false,
            replay: true,
            ..Capabilities::everything("recording").without(|_| Some(CANNOT_ACT.to_owned()))
        }
    }

    fn watch(&self, from: Option<Cursor>) -> BoxStream<'static, Result<Batch, Fault>> {
        let path = self.path.clone();
        let playbacks = self.playback.subscribe();
        let seen = self.seen.clone();
        let start = async move {
            let reading = load(path).await?;
            // A position after its last event is one of another file, or of a longer one.
            let from = from.and_then(|it| usize::try_from(it.number()?).ok()).filter(|it| *it <= reading.events.len());
            let player = Player::new(reading, from, playbacks, seen);
            Ok(stream::unfold(player, Player::next))
        };
        start.try_flatten_stream().boxed()
    }

    fn fetch(&self, want: Want) -> BoxFuture<'static, Result<Found, Fault>> {
        let found = match want {
            Want::Timeline(run) => self.timeline(&run),
            Want::Body(_) | Want::Revealed { .. } => {
                Err(Fault::Unsupported("a recording holds no contracts, only what happened to them".to_owned()))
            }
        };
        future::ready(found).boxed()
    }

    fn perform(&self, _: Request) -> BoxFuture<'static, Result<Outcome, Fault>> {
        future::ready(Err(Fault::Unsupported(CANNOT_ACT.to_owned()))).boxed()
    }

    fn control(&self, control: Control) -> Result<(), Fault> {
        if let Control::Speed(Some(speed)) = control
            && !(speed > 0.0 && speed <= MAX_SPEED)
        {
            return Err(Fault::Refused(format!(
                "the speed {speed} is not above 0 and at most {MAX_SPEED}; use max for as fast as possible"
            )));
        }
        self.playback.send_modify(|playback| playback.take(control));
        Ok(())
    }
}

const CANNOT_ACT: &str = "a recording is over: nothing in it can be changed";

/// The whole recording at `path`.
///
/// # Errors
/// It cannot be opened or read, or holds no event at all.
pub async fn load(path: PathBuf) -> Result<Arc<Reading>, Fault> {
    let shown = path.display().to_string();
    let read = move || {
        let mut reading = read(&path, None)?;
        reading.measured = measured::measured(&reading.events);
        Ok(reading)
    };
    let reading = tokio::task::spawn_blocking(read)
        .await
        .map_err(|why| Fault::Malformed(format!("reading {shown} broke off: {why}")))?
        .map_err(|why| match why {
            ReadError::Io { .. } => Fault::Transient(why.to_string()),
            ReadError::TooMany(_) | ReadError::Foreign { .. } => Fault::Malformed(why.to_string()),
        })?;
    if reading.events.is_empty() {
        let first = reading.skipped.first();
        let first = first.map_or(String::new(), |it| format!(" Line {}: {}", it.first, it.example));
        let lines = if reading.lines == 1 { "line" } else { "lines" };
        let why = format!(
            "{shown} holds no event in {} {lines}: is it a recording (one JSON event a line)?{first}",
            reading.lines
        );
        return Err(Fault::Malformed(why));
    }
    Ok(Arc::new(reading))
}
