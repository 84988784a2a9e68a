//! The log of a source as it was up to a moment: for those who read back, not for those who watch.

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

use crate::domain::event::Event;
use crate::domain::port::{Batch, Begin, Cursor, Fault};
use crate::domain::time::{MINUTE, Time};

/// Part of a log that somebody wants, up to a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// From its first event.
    All,
    /// The latest events, at most so many.
    Latest(u64),
    /// Every event later than this, and not many that are not.
    Since(Time),
}

/// A log, or the end of one.
pub struct Log {
    /// Number of events of the log that come before it.
    pub before: u64,
    /// The events, oldest first, some at a time. Ends where the log was to end, or with the first fault.
    pub events: BoxStream<'static, Result<Vec<Event>, Fault>>,
}

/// Events of the log read at first to find a moment in it; four times as many with each try.
const READ_BACK: u64 = 1_000;

type Watch = BoxStream<'static, Result<Batch, Fault>>;

/// The log of a source whose cursors are numbers without gaps, from 1, as those of an orchestrator are.
pub(super) async fn numbered(
    watch: impl Fn(Cursor) -> Watch + Send + Sync,
    reach: Reach,
    until: Cursor,
) -> Result<Log, Fault> {
    let until = until.position().unwrap_or_default();
    let before = match reach {
        Reach::All => 0,
        Reach::Latest(most) => until.saturating_sub(most),
        Reach::Since(since) => position(&watch, since, until).await?,
    };
    let rest = (watch(before.into()), before);
    let events = stream::try_unfold(rest, move |(mut log, at)| async move {
        if at >= until {
            return Ok(None);
        }
        let (events, at) = events(&mut log).await?;
        Ok(Some((events, (log, at))))
    });
    Ok(Log { before, events: events.boxed() })
}

/// A position with everything after it that is later than `since`, and not much that is not.
async fn position(watch: &(impl Fn(Cursor) -> Watch + Sync), since: Time, until: u64) -> Result<u64, Fault> {
    // Events of different runs may be written a moment after they happened.
    let since = since + -MINUTE;
    let mut back = READ_BACK;
    loop {
        let after = until.saturating_sub(back);
        if after == 0 {
            return Ok(0);
        }
        let (first, _) = events(&mut watch(after.into())).await?;
        if first.first().is_some_and(|it| it.at <= since) {
            return Ok(after);
        }
        back = back.saturating_mul(4);
    }
}

/// The next events of a watch, and the position after them.
async fn events(watch: &mut Watch) -> Result<(Vec<Event>, u64), Fault> {
    loop {
        match watch.next().await.transpose()? {
            Some(Batch::Events { events, cursor, .. }) => return Ok((events, cursor.position().unwrap_or(u64::MAX))),
            Some(Batch::Begin(Begin::Fresh(_))) => {
                return Err(Fault::Transient("the log does not reach back that far any more".to_owned()));
            }
            Some(
                Batch::Begin(Begin::Resumed)
                | Batch::Alive { .. }
                | Batch::Replay(_)
                | Batch::Skipped(_)
                | Batch::Capabilities(_),
            ) => {}
            None => return Err(Fault::Transient("the log ended in the middle; try again".to_owned())),
        }
    }
}
