//! The log of the program. Whoever logs never waits for whoever reads it: lines go through a bounded queue to a thread that
//! writes them, and what finds it full is counted and said later. A warning or an error that repeats itself is cut short.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{self, Format, FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

use crate::domain::text::clean;

/// Lines that wait to be written.
const WAITING: usize = 1_024;
/// Bytes that wait to be written.
const WAITING_BYTES: usize = 1 << 20;
/// Time for which one place in the program may write [`ALIKE`] warnings or errors.
const WINDOW: Duration = Duration::from_secs(10);
/// Warnings or errors of one place in the program in a [`WINDOW`].
const ALIKE: u32 = 5;
/// Longest wait for the last lines when the program ends.
const FLUSH: Duration = Duration::from_secs(1);

/// The log of this process, once there is one.
static LOG: OnceLock<Log> = OnceLock::new();

/// Where the lines of this process go.
struct Log {
    queue: Arc<Queue>,
    /// To standard error, beside what is said to people.
    on_stderr: bool,
}

/// Logs to standard error, panics too; `SEAM_LOG` sets the level, such as `debug` or `seamwatch=trace`.
pub fn to_stderr() {
    if start(io::stderr(), true) {
        std::panic::set_hook(Box::new(|it| tracing::error!(what = it.to_string(), "a panic: this is a defect")));
    }
}

/// Logs to a file that is open; `SEAM_LOG` as above.
pub fn to_file(file: std::fs::File) {
    start(file, false);
}

/// Says something to a person on standard error, in order with the log where that goes there. What they cannot take is left
/// out.
pub fn say(line: &str) {
    match LOG.get().filter(|it| it.on_stderr) {
        Some(log) => log.queue.push(format!("{line}\n").as_bytes()),
        // Nobody is left to tell when standard error is closed.
        None => drop(writeln!(io::stderr(), "{line}")),
    }
}

/// Waits until what was said is written, for a moment: somebody may have stopped reading.
pub fn flush() {
    if let Some(log) = LOG.get() {
        log.queue.flush(FLUSH);
    }
}

/// Lines that were left out because they were not taken in time.
pub fn lost() -> u64 {
    LOG.get().map_or(0, |it| it.queue.state().lost)
}

/// Makes the log of this process; false when it has one, as where two servers run in one process, or no thread can write it.
fn start(out: impl Write + Send + 'static, on_stderr: bool) -> bool {
    let queue = Arc::new(Queue::default());
    let lines = Lines { format: format::format().with_ansi(false), told: Mutex::default() };
    let level = EnvFilter::try_from_env("SEAM_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(level)
        .with_writer(Arc::clone(&queue))
        .log_internal_errors(false) // they are told on stderr, which may be what is gone
        .event_format(lines)
        .finish();
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        return false;
    }
    let writer = Arc::clone(&queue);
    let writing = std::thread::Builder::new().name("log".to_owned()).spawn(move || writer.write(out));
    writing.is_ok() && LOG.set(Log { queue, on_stderr }).is_ok()
}

/// Lines on their way to whoever reads them.
#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: VecDeque<Vec<u8>>,
    /// Bytes of all lines.
    bytes: usize,
    /// The thread is writing some that are no longer in `lines`.
    writing: bool,
    /// Lines that were left out.
    lost: u64,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        let mut state = self.state();
        if line.is_empty() {
            return; // what is cut short
        }
        if state.lines.len() >= WAITING || state.bytes + line.len() > WAITING_BYTES {
            state.lost += 1;
            return;
        }
        state.bytes += line.len();
        state.lines.push_back(line.to_vec());
        drop(state);
        self.changed.notify_all();
    }

    fn flush(&self, longest: Duration) {
        let busy = |it: &mut State| !it.lines.is_empty() || it.writing;
        // Who gave up waiting goes on all the same.
        drop(self.changed.wait_timeout_while(self.state(), longest, busy));
    }

    /// Writes what comes, for ever.
    fn write(&self, mut out: impl Write) {
        let mut told = 0;
        loop {
            let state = self.state();
            let waited = self.changed.wait_while(state, |it| it.lines.is_empty());
            let mut state = waited.unwrap_or_else(PoisonError::into_inner);
            let lines = std::mem::take(&mut state.lines);
            (state.bytes, state.writing) = (0, true);
            let lost = state.lost;
            drop(state);
            // A log that is closed is no reason to stop.
            for line in lines {
                let _ = out.write_all(&line);
            }
            if lost > told {
                let lines = match lost - told {
                    1 => "1 line of the log was".to_owned(),
                    many => format!("{many} lines of the log were"),
                };
                let said = format!("seam: {lines} left out here: nobody took them in time\n");
                let _ = out.write_all(said.as_bytes());
                told = lost;
            }
            let _ = out.flush();
            self.state().writing = false;
            self.changed.notify_all();
        }
    }
}

/// Each write is one line, whole.
impl Write for &Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Events as harmless lines, those that repeat themselves cut short.
struct Lines {
    format: Format,
    /// What each place in the program has told lately.
    told: Mutex<HashMap<Identifier, Told>>,
}

/// What one place in the program told in its present window.
struct Told {
    since: Instant,
    lines: u32,
    /// Lines left out.
    more: u64,
}

impl Lines {
    /// Whether a warning or an error of this place is written now, and how many like it were left out before.
    fn turn(&self, place: Identifier, now: Instant) -> Option<u64> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let it = told.entry(place).or_insert(Told { since: now, lines: 0, more: 0 });
        if now.duration_since(it.since) >= WINDOW {
            (it.since, it.lines) = (now, 0);
        }
        if it.lines >= ALIKE {
            it.more += 1;
            return None;
        }
        it.lines += 1;
        Some(std::mem::take(&mut it.more))
    }
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let metadata = event.metadata();
        let turn =
            if *metadata.level() <= Level::WARN { self.turn(metadata.callsite(), Instant::now()) } else { Some(0) };
        let Some(more) = turn else { return Ok(()) };
        let mut line = String::new();
        self.format.format_event(ctx, Writer::new(&mut line), event)?;
        write!(writer, "{}", clean(line.trim_end()))?;
        if more > 0 {
            write!(writer, " ({more} more like it were left out)")?;
        }
        writeln!(writer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// An output that takes one line for each permission.
    struct Slow(mpsc::Receiver<()>, mpsc::Sender<String>);

    impl Write for Slow {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.recv().map_err(io::Error::other)?;
            self.1.send(String::from_utf8_lossy(line).into_owned()).map_err(io::Error::other)?;
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn who_logs_never_waits_and_what_is_left_out_is_counted_and_said() {
        let queue = Arc::new(Queue::default());
        let ((allow, allowed), (said, heard)) = (mpsc::channel(), mpsc::channel());
        let writer = Arc::clone(&queue);
        std::thread::spawn(move || writer.write(Slow(allowed, said)));
        for n in 0..3 * WAITING {
            queue.push(format!("{n}\n").as_bytes());
        }
        queue.flush(Duration::ZERO);
        let lost = queue.state().lost;
        assert!((WAITING as u64..=2 * WAITING as u64).contains(&lost), "{lost}");
        (0..4 * WAITING).for_each(|_| allow.send(()).unwrap());
        let written: Vec<String> = (0..=3 * WAITING as u64 - lost).map(|_| heard.recv().unwrap()).collect();
        let told: u64 =
            written.iter().filter_map(|it| it.strip_prefix("seam: ")?.split(' ').next()?.parse::<u64>().ok()).sum();
        assert_eq!(told, lost);
        queue.push(b"last\n");
        queue.flush(FLUSH * 60);
        assert!(heard.try_iter().any(|it| it == "last\n"), "a flush waits for it");
    }

    #[test]
    fn lines_are_harmless_and_those_alike_are_cut_short() {
        let queue = Arc::new(Queue::default());
        let lines = Lines { format: format::format().with_ansi(false), told: Mutex::default() };
        let subscriber = tracing_subscriber::fmt().event_format(lines).with_writer(Arc::clone(&queue)).finish();
        tracing::subscriber::with_default(subscriber, || {
            for n in 0..=3 * ALIKE {
                tracing::error!(n, "the disk is full");
            }
            for filler in ["\u{115F}", "\u{1160}", "\u{3164}", "\u{FFA0}", "\u{202E}", "\u{1b}[2J", "\n"] {
                tracing::info!(path = filler, detail = %filler, "{filler}");
            }
        });
        let said: Vec<String> = queue.state().lines.iter().map(|it| String::from_utf8_lossy(it).into_owned()).collect();
        let full = said.iter().filter(|it| it.contains("the disk is full"));
        assert_eq!(full.count(), ALIKE as usize);
        let (fillers, all) = (&said[ALIKE as usize..], said.concat());
        assert_eq!((fillers.len(), all.lines().count()), (7, said.len()), "{said:?}");
        assert!(!all.contains(['\u{115F}', '\u{1160}', '\u{3164}', '\u{FFA0}', '\u{202E}', '\u{1b}']), "{all:?}");
        assert!(fillers[0].contains("⟨U+115F⟩"), "{fillers:?}");
    }

    #[test]
    fn how_many_were_cut_short_is_said_with_the_next() {
        let lines = Lines { format: format::format(), told: Mutex::default() };
        let place = tracing::callsite!(name: "here", kind: tracing::metadata::Kind::EVENT, fields: message);
        let place = || tracing::callsite::Callsite::metadata(place).callsite();
        let start = Instant::now();
        let of = |at| (0..ALIKE + 7).filter_map(|_| lines.turn(place(), at)).collect::<Vec<_>>();
        assert_eq!(of(start), vec![0; ALIKE as usize]);
        assert_eq!(of(start + WINDOW)[..2], [7, 0]);
    }
}
