//! Plays a recording: keeps its clock, and hands out what has happened by then.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::{Reading, Seen, lock};
use crate::domain::port::{Batch, Begin, Control, Fault, Replay, Snapshot};
use crate::domain::time::{Millis, Time};

/// Most events in one batch.
pub const MAX_BATCH: usize = 1_000;
/// Highest speed that is not "as fast as possible": a day in a second.
pub const MAX_SPEED: f64 = 86_400.0;
/// Time between heartbeats of a playing recording, which say what time it is when nothing happens.
const BEAT: Duration = Duration::from_millis(500);

/// Settings that people chose for the replay, all together. Jumps are numbered so that each is made once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Playback {
    speed: Option<f64>,
    paused: bool,
    jump: Option<Time>,
    jumps: u64,
}

impl Playback {
    pub(super) const fn at(speed: Option<f64>) -> Self {
        Self { speed, paused: false, jump: None, jumps: 0 }
    }

    pub(super) const fn take(&mut self, control: Control) {
        match control {
            Control::Speed(speed) => self.speed = speed,
            Control::Pause => self.paused = true,
            Control::Resume => self.paused = false,
            Control::Jump(to) => {
                // As fast as possible would run on to the end at once: nobody would see where it jumped.
                self.paused |= self.speed.is_none();
                self.jump = Some(to);
                self.jumps += 1;
            }
        }
    }
}

/// One playing. Its clock stood at `since.0` when the real one stood at `since.1`.
pub(super) struct Player {
    reading: Arc<Reading>,
    from: Time,
    until: Time,
    /// Events handed out so far, which is the cursor.
    next: usize,
    since: (Time, Instant),
    playback: Playback,
    playbacks: watch::Receiver<Playback>,
    told_end: bool,
    to_say: VecDeque<Batch>,
    seen: Seen,
}

impl Player {
    pub(super) fn new(
        reading: Arc<Reading>,
        from: Option<usize>,
        mut playbacks: watch::Receiver<Playback>,
        seen: Seen,
    ) -> Self {
        let first = reading.from().unwrap_or_default();
        let next = from.unwrap_or(0);
        let begin = next.checked_sub(1).and_then(|last| reading.events.get(last));
        let playback = *playbacks.borrow_and_update();
        let mut player = Self {
            from: first,
            until: reading.events.iter().map(|it| it.at).max().unwrap_or(first),
            next,
            since: (begin.map_or(first, |it| it.at), Instant::now()),
            playback,
            playbacks,
            told_end: false,
            to_say: VecDeque::new(),
            seen,
            reading,
        };
        match from {
            Some(_) => player.to_say.push_back(Batch::Begin(Begin::Resumed)),
            None => player.rewind(),
        }
        // Where the recording was last sent, unless it has gone on from there.
        if let Some(to) = playback.jump {
            player.since.0 = player.since.0.max(to.clamp(player.from, player.until));
        }
        if !player.reading.skipped.is_empty() {
            let skipped = player.reading.skipped.clone();
            player.to_say.push_back(Batch::Skipped(skipped));
        }
        player.to_say.push_back(player.position());
        player
    }

    /// The next batch, as `unfold` wants it. Never ends: a recording that was played can be moved back.
    pub(super) async fn next(mut self) -> Option<(Result<Batch, Fault>, Self)> {
        let batch = self.batch().await;
        *lock(&self.seen) = (self.reading.clone(), self.next);
        Some((Ok(batch), self))
    }

    async fn batch(&mut self) -> Batch {
        loop {
            self.obey();
            if let Some(said) = self.to_say.pop_front() {
                return said;
            }
            if let Some(happened) = self.happened() {
                return happened;
            }
            let at_end = self.next >= self.reading.events.len();
            if at_end && !self.told_end {
                self.told_end = true;
                self.since = (self.until, Instant::now());
                return self.position();
            }
            if at_end || self.playback.paused {
                // Only a person can change anything now. The sender lives in the source: without it there is
                // nobody left who could.
                if self.playbacks.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
                continue;
            }
            let wait = sleep(self.until_next().min(BEAT));
            tokio::select! {
                Ok(()) = self.playbacks.changed() => {}
                () = wait => {
                    if self.due() == self.next {
                        return Batch::Alive { at: self.now() };
                    }
                }
            }
        }
    }

    /// Present instant of the replay.
    fn now(&self) -> Time {
        let (then, real) = self.since;
        match self.playback.speed {
            _ if self.playback.paused || self.told_end => then,
            None => self.until,
            Some(speed) => then + (real.elapsed().as_secs_f64() * 1_000.0 * speed) as Millis,
        }
    }

    /// Does what was asked since it last looked.
    fn obey(&mut self) {
        let playback = *self.playbacks.borrow_and_update();
        if playback == self.playback {
            return;
        }
        let mut now = match self.playback.speed {
            // As fast as possible has no clock: it is where its last event was.
            None if !self.playback.paused => self.last_played(),
            _ => self.now(),
        };
        if playback.jumps != self.playback.jumps
            && let Some(to) = playback.jump
        {
            let to = to.clamp(self.from, self.until);
            if to < now {
                self.rewind();
            }
            now = to;
            self.told_end = false;
        }
        self.since = (now, Instant::now());
        self.playback = playback;
        self.to_say.push_back(self.position());
    }

    /// Begins again, with everybody knowing nothing.
    fn rewind(&mut self) {
        self.next = 0;
        self.since = (self.from, Instant::now());
        let nothing = Snapshot { at: self.from, cursor: 0.into(), ..Snapshot::default() };
        self.to_say.push_back(Batch::Begin(Begin::Fresh(Box::new(nothing))));
    }

    fn last_played(&self) -> Time {
        let last = self.next.checked_sub(1);
        last.and_then(|last| self.reading.events.get(last)).map_or(self.from, |it| it.at).max(self.since.0)
    }

    /// Events that have happened by now, counted from the first, as far as one batch reaches.
    fn due(&self) -> usize {
        let now = self.now();
        let rest = self.reading.events.iter().skip(self.next).take(MAX_BATCH);
        self.next + rest.take_while(|it| it.at <= now).count()
    }

    fn happened(&mut self) -> Option<Batch> {
        let due = self.due();
        let events = self.reading.events.get(self.next..due)?.to_vec();
        if events.is_empty() {
            return None;
        }
        self.next = due;
        // The rest has not happened yet: nothing waits.
        Some(Batch::Events { events, cursor: (due as u64).into(), behind: None })
    }

    /// Real time until the next event.
    fn until_next(&self) -> Duration {
        let (Some(next), Some(speed)) = (self.reading.events.get(self.next), self.playback.speed) else {
            return Duration::ZERO;
        };
        let millis = (next.at - self.now()).max(0) as f64 / speed;
        Duration::from_secs_f64((millis / 1_000.0).clamp(0.001, BEAT.as_secs_f64()))
    }

    fn position(&self) -> Batch {
        let ended = self.next >= self.reading.events.len();
        Batch::Replay(Replay {
            at: match self.playback.speed {
                None if !self.playback.paused => self.last_played(),
                _ => self.now().min(self.until),
            },
            from: self.from,
            until: self.until,
            speed: self.playback.speed,
            paused: self.playback.paused,
            ended,
            shared_ids: self.reading.shared,
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use futures_util::stream::BoxStream;

    use super::*;
    use crate::source::Source;
    use crate::source::recording::Recording;

    /// Ten handoffs: each emitted at its number of seconds, the last a day later.
    fn recording(speed: Option<f64>) -> (Recording, tempfile::NamedTempFile) {
        let lines: Vec<String> = (0..10)
            .map(|nth| {
                let day = 1 + nth / 9;
                format!(
                    r#"{{"at":"2026-03-{day:02}T10:00:{nth:02}Z","kind":"emitted","pipeline":"p","trace_id":"t","from":"a","to":"b","handoff_id":"h{nth}"}}"#
                )
            })
            .collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), lines.join("\n")).unwrap();
        (Recording::new(file.path(), speed), file)
    }

    fn at(second: u32) -> Time {
        Time::parse(&format!("2026-03-01T10:00:{second:02}Z")).unwrap()
    }

    type Watch = BoxStream<'static, Result<Batch, Fault>>;

    async fn next(watch: &mut Watch) -> Batch {
        let next = tokio::time::timeout(Duration::from_hours(100), watch.next());
        next.await.expect("in time").expect("open").expect("sound")
    }

    /// Events seen until a batch that satisfies `end`, which is returned as well.
    async fn until(watch: &mut Watch, end: impl Fn(&Batch) -> bool) -> (usize, Batch) {
        let mut seen = 0;
        loop {
            let batch = next(watch).await;
            if let Batch::Events { events, .. } = &batch {
                seen += events.len();
            }
            if end(&batch) {
                return (seen, batch);
            }
        }
    }

    fn ended(batch: &Batch) -> bool {
        matches!(batch, Batch::Replay(it) if it.ended)
    }

    #[tokio::test(start_paused = true)]
    async fn as_fast_as_possible_plays_everything_and_waits_at_the_end() {
        let (recording, _file) = recording(None);
        let mut watch = recording.watch(None);
        assert!(matches!(next(&mut watch).await, Batch::Begin(Begin::Fresh(_))));
        let (seen, last) = until(&mut watch, ended).await;
        assert_eq!(seen, 10);
        let Batch::Replay(last) = last else {
            panic!("not a position");
        };
        assert_eq!(last.at, last.until);
        let more = tokio::time::timeout(Duration::from_hours(1), watch.next()).await;
        assert!(more.is_err(), "nothing happens after the end");
    }

    #[tokio::test(start_paused = true)]
    async fn speed_is_kept_and_the_clock_goes_on_between_events() {
        let (recording, _file) = recording(Some(60.0));
        let mut watch = recording.watch(None);
        let began = Instant::now();
        let mut alive = 0;
        loop {
            match next(&mut watch).await {
                Batch::Alive { at } => {
                    alive += 1;
                    assert!(at >= Time::parse("2026-03-01T10:00:08Z").unwrap());
                }
                batch if ended(&batch) => break,
                _ => {}
            }
        }
        let played = began.elapsed().as_secs_f64();
        assert!((1_439.0..1_442.0).contains(&played), "a day in 24 minutes: {played}");
        assert!(alive > 1_000);
    }

    #[tokio::test(start_paused = true)]
    async fn stands_still_goes_on_and_jumps_both_ways() {
        let (recording, _file) = recording(Some(1.0));
        recording.control(Control::Pause).unwrap();
        recording.control(Control::Jump(at(5))).unwrap();
        let mut watch = recording.watch(None);
        let stands =
            |second| move |batch: &Batch| matches!(batch, Batch::Replay(it) if it.paused && it.at == at(second));
        until(&mut watch, stands(5)).await;
        let Batch::Events { events, cursor, .. } = next(&mut watch).await else {
            panic!("what happened up to the jump comes at once");
        };
        assert_eq!((events.len(), cursor), (6, 6.into()));
        let more = tokio::time::timeout(Duration::from_hours(1), watch.next()).await;
        assert!(more.is_err(), "it is paused");
        recording.control(Control::Jump(at(2))).unwrap();
        assert!(matches!(next(&mut watch).await, Batch::Begin(Begin::Fresh(_))));
        until(&mut watch, stands(2)).await;
        let Batch::Events { cursor, .. } = next(&mut watch).await else {
            panic!("played again from the beginning");
        };
        assert_eq!(cursor, 3.into());
        recording.control(Control::Resume).unwrap();
        let (seen, _) =
            until(&mut watch, |it| matches!(it, Batch::Events { cursor, .. } if cursor.number() == Some(9))).await;
        assert_eq!(seen, 6);
        recording.control(Control::Speed(None)).unwrap();
        until(&mut watch, ended).await;
        recording.control(Control::Jump(at(0))).unwrap();
        assert!(matches!(next(&mut watch).await, Batch::Begin(Begin::Fresh(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_timeline_ends_where_the_replay_stands() {
        use crate::domain::port::{Found, Want};
        let (recording, _file) = recording(Some(1.0));
        recording.control(Control::Pause).unwrap();
        recording.control(Control::Jump(at(3))).unwrap();
        let mut watch = recording.watch(None);
        until(&mut watch, |it| matches!(it, Batch::Events { .. })).await;
        let Ok(Found::Timeline { run, events }) = recording.fetch(Want::Timeline("t".into())).await else {
            panic!("the run is known");
        };
        assert_eq!((run.handoffs.len(), events.len()), (4, 4));
        let unknown = recording.fetch(Want::Timeline("x".into())).await;
        assert!(matches!(unknown, Err(Fault::Refused(_))));
    }

    #[test]
    fn an_impossible_speed_is_refused() {
        let (recording, _file) = recording(None);
        for speed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let refused = recording.control(Control::Speed(Some(speed)));
            assert!(matches!(refused, Err(Fault::Refused(_))), "{speed}");
        }
    }
}
