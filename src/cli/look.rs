//! The state of an address right now, or of a recording at an instant: every reading command starts here.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::StreamExt;
use tokio::time::timeout;

use super::{Connect, Exit, Stop, rules};
use crate::domain::environment::Environment;
use crate::domain::event::Event;
use crate::domain::health::{Window, Windows};
use crate::domain::id::HandoffId;
use crate::domain::ledger::Ledger;
use crate::domain::port::{Cursor, Fault, Skipped};
use crate::domain::run::State;
use crate::domain::time::Time;
use crate::log;
use crate::source::{Address, Options, Purpose, Reach, Shared, recording};

/// The longest a live source may take to send its snapshot.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// A read of one source: its state, its log and its address.
pub struct Look {
    /// The address as it is shown.
    pub address: String,
    /// The environment that acts are done in.
    pub environment: Environment,
    /// The source itself, for bodies and acts.
    pub source: Shared,
    /// State folded from the snapshot and the events.
    pub ledger: Ledger,
    /// The instant it is known for.
    pub as_of: Time,
    /// The log as far as the source hands it out: all of a recording, the latest of a live source.
    pub events: Vec<Event>,
    /// Input that could not be used, counted by cause; empty when all of it could.
    pub skipped: Vec<Skipped>,
    /// Number of ids that stand in several runs of a recording, which have the run in front of them.
    pub shared: usize,
    /// Whether time is real here: true for an orchestrator, false for a recording.
    pub live: bool,
    /// Position in the log of a live source that the state is known at; empty for a recording.
    cursor: Cursor,
}

/// Handoffs that were emitted and have not ended; dead letters have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Open {
    /// Handoffs that were never acknowledged.
    pub unacknowledged: usize,
    /// Handoffs that were acknowledged.
    pub acknowledged: usize,
}

impl Look {
    /// Counts of the handoffs that are open at the instant.
    pub fn open(&self) -> Open {
        let mut open = Open::default();
        let handoffs = self.ledger.runs().flat_map(|run| run.handoffs.values());
        for it in handoffs.filter(|it| it.emitted_at.is_some()) {
            match it.state {
                state if !state.is_open() || state == State::DeadLettered => {}
                _ if it.acked_at.is_some() => open.acknowledged += 1,
                _ => open.unacknowledged += 1,
            }
        }
        open
    }

    /// The id that is meant by one with its middle left out, as a narrow terminal shows it: `01a1fc…-9dc4`; or by one as
    /// its recording has it, where that stands in several runs: `7` for `t1/7`. Any other stays as it is, and so does
    /// one that nothing known looks like.
    ///
    /// # Errors
    /// Several ids look like it.
    pub fn whole(&self, id: &str) -> Result<String, Stop> {
        let of_a_run = format!("/{id}");
        let (head, tail) = match id.split_once('…') {
            Some(ends) => ends,
            None if self.shared > 0 && self.ledger.run(&id.into()).is_none() => ("", of_a_run.as_str()),
            None => return Ok(id.to_owned()),
        };
        let known = self.ledger.runs().flat_map(|run| {
            let handoffs = run.handoffs.keys().map(HandoffId::as_str);
            std::iter::once(run.id.as_str()).chain(handoffs)
        });
        let mut alike = known.filter(|it| it.starts_with(head) && it.ends_with(tail));
        match (alike.next(), alike.next()) {
            (Some(one), None) => Ok(one.to_owned()),
            (None, _) => Ok(id.to_owned()),
            (Some(one), Some(other)) => {
                let why = format!("{id} is short for {one}, {other} and perhaps more: name one in full");
                Err(Stop::new(Exit::Usage, why))
            }
        }
    }

    /// Hands out the log up to the instant, oldest first, some events at a time; gives the number of events that come
    /// before it. A recording is handed out whole.
    ///
    /// # Errors
    /// The source keeps no log or stops answering, or `each` fails.
    pub async fn log(
        &self,
        reach: Reach,
        mut each: impl AsyncFnMut(Vec<Event>) -> anyhow::Result<()>,
    ) -> anyhow::Result<u64> {
        if !self.live {
            for some in self.events.chunks(1_000) {
                each(some.to_vec()).await?;
            }
            return Ok(0);
        }
        let silent = || format!("{} fell silent", self.address);
        let log = timeout(CONNECT_TIMEOUT, self.source.log(reach, self.cursor.clone())).await;
        let mut log = log.with_context(silent)?.map_err(Stop::from)?;
        loop {
            let events = timeout(CONNECT_TIMEOUT, log.events.next()).await.with_context(silent)?;
            match events.transpose().map_err(Stop::from)? {
                Some(events) => each(events).await?,
                None => return Ok(log.before),
            }
        }
    }

    /// The window that is meant when none is named: a recording is looked at as a whole.
    pub fn default_span(&self) -> Window {
        if self.live { Window::OneHour } else { Window::All }
    }
}

/// Opens the source that was asked for. No server is connected to yet.
///
/// # Errors
/// The configuration or the address is wrong.
pub async fn open(connect: &Connect, purpose: Purpose) -> anyhow::Result<(Address, Shared, Environment)> {
    let settings = connect.settings()?;
    let [text] = settings.addresses.value.as_slice() else {
        let all = settings.addresses.value.join(", ");
        let name = settings.context.as_ref().map_or("", |it| &it.value.name);
        let why = format!("the context {name} has several addresses, and this command takes one: -c names it: {all}");
        return Err(Stop::new(Exit::Usage, why).into());
    };
    let address = Address::parse(text).map_err(|why| Stop::new(Exit::Usage, why.to_string()))?;
    if let Address::Embedded(path) = &address {
        let is_empty = path.metadata().is_ok_and(|it| it.is_file() && it.len() == 0);
        if is_empty || !path.exists() {
            let what = if is_empty { "an empty file, no store," } else { "no store" };
            let why = format!(
                "there is {what} at {}: `seam serve` makes one, or name another address with -c",
                path.display()
            );
            return Err(Stop::new(Exit::Failed, why).into());
        }
        // A store of an earlier format is brought to the present one, and whoever asked is told.
        log::to_stderr();
    }
    let options = Options { purpose, ..Options::default() };
    let source = rules::open(&address, &settings, options).await?;
    Ok((address, source, settings.environment()))
}

/// Looks: the present of a live source, or a recording at `as_of`, by default at its end.
///
/// # Errors
/// The address is wrong, does not answer or cannot be read; `as_of` was asked of a live source.
pub async fn look(connect: &Connect, as_of: Option<Time>) -> anyhow::Result<Look> {
    look_for(connect, Purpose::Look, as_of).await
}

/// The same for who acts by what is seen.
///
/// # Errors
/// As of [`look`], and when another program has the store.
pub async fn look_to_act(connect: &Connect) -> anyhow::Result<Look> {
    look_for(connect, Purpose::Act, None).await
}

async fn look_for(connect: &Connect, purpose: Purpose, as_of: Option<Time>) -> anyhow::Result<Look> {
    let (address, source, environment) = open(connect, purpose).await?;
    let shown = address.to_string();
    if let Address::File(path) = address {
        let reading = Arc::unwrap_or_clone(recording::load(path).await.map_err(Stop::from)?);
        let end = reading.until().unwrap_or_default();
        let as_of = as_of.unwrap_or(end);
        let mut events = reading.events;
        events.retain(|it| it.at <= as_of);
        let mut ledger = Ledger::of_recording(Windows::phase_of(as_of));
        ledger.measure(reading.measured);
        for event in &events {
            ledger.apply(event);
        }
        ledger.advance(as_of);
        return Ok(Look {
            address: shown,
            environment,
            source,
            ledger,
            as_of,
            events,
            skipped: reading.skipped,
            shared: reading.shared,
            live: false,
            cursor: Cursor::default(),
        });
    }
    if as_of.is_some() {
        let why = format!(
            "--as-of needs a recording: {shown} is live and only knows its present. \
             `seam export -c {shown} FILE` writes one"
        );
        return Err(Stop::new(Exit::Usage, why).into());
    }
    let snapshot = timeout(CONNECT_TIMEOUT, source.snapshot())
        .await
        .with_context(|| format!("{shown} did not answer within {} s", CONNECT_TIMEOUT.as_secs()))?
        .map_err(Stop::from)?;
    let (as_of, events, cursor) = (snapshot.at, snapshot.recent.clone(), snapshot.cursor.clone());
    let skipped = snapshot.skipped.clone();
    let mut ledger = Ledger::new(0);
    ledger.measure(source.capabilities().measured);
    ledger.restore(snapshot);
    Ok(Look { address: shown, environment, source, ledger, as_of, events, skipped, shared: 0, live: true, cursor })
}

/// A fault as the end of a command.
impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::new(exit_of(&fault), fault.to_string())
    }
}

/// Exit code for this fault.
pub const fn exit_of(fault: &Fault) -> Exit {
    match fault {
        Fault::Conflict { .. } => Exit::Conflict,
        Fault::Denied(_) | Fault::Refused(_) | Fault::Invalid(_) | Fault::Unsupported(_) => Exit::Refused,
        Fault::Transient(_) | Fault::Malformed(_) => Exit::Failed,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::domain::id::{Actor, Edge};
    use crate::domain::time::MINUTE;
    use crate::orchestrator::engine::{Engine, Settings};
    use crate::source::embedded::Embedded;
    use crate::store::Sqlite;

    static NOW: AtomicI64 = AtomicI64::new(0);

    #[tokio::test]
    async fn a_window_of_a_long_log_is_found_from_its_end() {
        let settings = Settings { now: || Time::from_millis(NOW.load(Ordering::Relaxed)), ..Settings::default() };
        let engine = Engine::open(std::sync::Arc::new(Sqlite::temporary().unwrap()), settings);
        let engine = engine.await.unwrap();
        let late = Time::from_millis(100 * MINUTE);
        let edge = Edge::new("news", "research", "writer");
        for nth in 0..1_500 {
            NOW.store(if nth < 1_100 { 0 } else { late.millis() }, Ordering::Relaxed);
            // Recorded with the least trouble, and for good.
            engine.by(Actor::user("dana")).switch(&edge, nth % 2 == 0, "").await.unwrap();
        }
        let snapshot = engine.snapshot().await.unwrap();
        let look = Look {
            address: "here".to_owned(),
            environment: Environment::default(),
            source: std::sync::Arc::new(Embedded::new(engine)),
            ledger: Ledger::new(0),
            as_of: late,
            events: Vec::new(),
            skipped: Vec::new(),
            shared: 0,
            live: true,
            cursor: snapshot.cursor,
        };
        for (reach, wanted) in [
            (Reach::Since(late + -1), (500, 1_000)),
            (Reach::Since(Time::from_millis(0)), (0, 1_500)),
            (Reach::Latest(7), (1_493, 7)),
            (Reach::All, (0, 1_500)),
        ] {
            let mut heard = 0;
            let each = async |events: Vec<Event>| {
                heard += events.len();
                Ok(())
            };
            let before = look.log(reach, each).await.unwrap();
            assert_eq!((before, heard), wanted, "{reach:?}");
        }
    }
}
