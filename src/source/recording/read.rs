//! A whole recording: read, put in order, and what was wrong with it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::line::{MAX_LINE, Translator, too_long};
use super::packing::{Foreign, Members, is_gzip};
use crate::domain::event::Event;
use crate::domain::health::Measured;
use crate::domain::port::Skipped;
use crate::domain::time::Time;
use crate::source::observer::{Cause, Observation, Observer, Unusable, Window};

/// More events than this are not held in memory.
pub const MAX_EVENTS: usize = 4_000_000;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Content of a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Its events in order of time, and of one millisecond in that of the life of each handoff.
    pub events: Vec<Event>,
    /// Lines that could not be used, counted by cause; empty when all could.
    pub skipped: Vec<Skipped>,
    /// Number of its lines, empty ones included.
    pub lines: u64,
    /// Number of ids that stand in several of its runs, which have the run in front of them.
    pub shared: usize,
    /// What its events measure, as far as that was looked into.
    pub measured: Measured,
}

/// Cause of a recording that cannot be read at all.
#[derive(Debug, Error)]
pub enum ReadError {
    /// Opening or reading failed.
    #[error("cannot read the recording {}: {why}", .path.display())]
    Io {
        /// The file that was to be read.
        path: PathBuf,
        /// The error of the system.
        why: io::Error,
    },
    /// More than [`MAX_EVENTS`].
    #[error(
        "the recording {} holds more than {MAX_EVENTS} events: take some of its runs out of it, for example with \
         `jq -c 'select(.pipeline == \"NAME\")'`. Parts by lines, as of `split -l`, cut handoffs in two",
        .0.display()
    )]
    TooMany(PathBuf),
    /// It is something else.
    #[error("{} is {}{}: {}", .path.display(), if *.in_gzip { "compressed with gzip, and in that " } else { "" }, .is.form, .is.advice)]
    Foreign {
        /// The file that was to be read.
        path: PathBuf,
        /// Whether the form is that of the data in gzip.
        in_gzip: bool,
        /// The form it has.
        is: Foreign,
    },
}

impl Reading {
    /// Time of the first event; `None` without events.
    pub fn from(&self) -> Option<Time> {
        self.events.first().map(|it| it.at)
    }

    /// Time of the last event; `None` without events.
    pub fn until(&self) -> Option<Time> {
        self.events.last().map(|it| it.at)
    }
}

/// Reads the recording at `path`, plain or gzip, and leaves out what happened after `until`.
///
/// # Errors
/// The file cannot be opened or read, holds too much, or is no recording but something that is known. What is wrong
/// *inside* it is in [`Reading::skipped`] instead.
pub fn read(path: &Path, until: Option<Time>) -> Result<Reading, ReadError> {
    let failed = |why| ReadError::Io { path: path.to_owned(), why };
    let buffered = |file| BufReader::with_capacity(1 << 16, file);
    let mut file = buffered(File::open(path).map_err(failed)?);
    let in_gzip = is_gzip(file.fill_buf().map_err(failed)?);
    let observer = Observer::new(Window::Whole);
    let mut collect = Collect { until, lines: 0, translator: Translator::default(), observer };
    let foreign = |is| ReadError::Foreign { path: path.to_owned(), in_gzip, is };
    let end =
        if in_gzip { collect.file(BufReader::with_capacity(1 << 16, Members::new(file))) } else { collect.file(file) };
    match end {
        Ok(End::Read) => {}
        Ok(End::TooMany) => return Err(ReadError::TooMany(path.to_owned())),
        Ok(End::Foreign(is)) => return Err(foreign(is)),
        Err(why) if in_gzip && damaged(why.kind()) => {
            collect.lines += 1;
            collect.observer.skip(collect.lines, Unusable::new(Cause::CutShort, why.to_string()));
        }
        Err(why) => return Err(failed(why)),
    }
    Ok(collect.finish())
}

const fn damaged(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput)
}

/// A recording that is being read.
struct Collect {
    /// What happened after this is left out; `None` keeps all.
    until: Option<Time>,
    /// Number of lines read.
    lines: u64,
    translator: Translator,
    observer: Observer,
}

/// How the reading of a file ended.
enum End {
    /// All of it was read.
    Read,
    /// It holds more than [`MAX_EVENTS`].
    TooMany,
    /// It is no recording.
    Foreign(Foreign),
}

impl Collect {
    /// Takes in a file, unless it is something else. What begins as something else may do so by damage, and is a
    /// recording when there is an event in it.
    fn file(&mut self, mut file: impl BufRead) -> io::Result<End> {
        let foreign = Foreign::of(file.fill_buf()?);
        if let Some(is) = foreign.filter(|it| it.is_certain()) {
            return Ok(End::Foreign(is));
        }
        let is_read = self.lines(file);
        match foreign {
            Some(is) if self.observer.held() == 0 => Ok(End::Foreign(is)),
            _ => Ok(if is_read? { End::Read } else { End::TooMany }),
        }
    }

    /// Takes in every line; false when there are too many.
    fn lines(&mut self, mut reader: impl BufRead) -> io::Result<bool> {
        let mut line = Vec::new();
        while let Some(length) = next_line(&mut reader, &mut line)? {
            self.lines += 1;
            if length > MAX_LINE as u64 {
                self.observer.skip(self.lines, too_long(length));
                continue;
            }
            // A byte order mark stands also where files were put together.
            let text = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&line);
            if text.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match self.translator.line(text) {
                Ok(it) if self.until.is_some_and(|until| it.event.at > until) => {}
                // Nothing of a file is handed on before its end: when it was heard does not matter.
                Ok(it) => self.observer.take(Observation { came_from: self.lines, ..it }, Time::default()),
                Err(why) => self.observer.skip(self.lines, why),
            }
            if self.observer.held() > MAX_EVENTS {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn finish(mut self) -> Reading {
        Reading {
            events: self.observer.finish(),
            skipped: self.observer.skipped(),
            lines: self.lines,
            shared: self.observer.shared(),
            measured: Measured::default(),
        }
    }
}

/// Reads one line without its end into `line`, and gives its length in bytes; `None` at the end of the file. Of a line
/// that is too long, one byte more than allowed is kept and the rest only counted.
fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<u64>> {
    line.clear();
    let limit = MAX_LINE as u64 + 1;
    if reader.by_ref().take(limit).read_until(b'\n', line)? == 0 {
        return Ok(None);
    }
    let mut length = line.len() as u64;
    if line.last() == Some(&b'\n') {
        line.pop();
        length -= 1;
    } else if line.len() > MAX_LINE {
        length += skip_line(reader)?;
    }
    Ok(Some(length))
}

/// Skips the rest of a line and its end, and gives the length of the rest in bytes.
fn skip_line(reader: &mut impl BufRead) -> io::Result<u64> {
    let mut length = 0;
    loop {
        let bytes = reader.fill_buf()?;
        let end = bytes.iter().position(|it| *it == b'\n');
        let (rest, is_over) = (end.unwrap_or(bytes.len()), end.is_some() || bytes.is_empty());
        reader.consume(rest + usize::from(end.is_some()));
        length += rest as u64;
        if is_over {
            return Ok(length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::Fact;
    use crate::domain::id::HandoffId;
    use crate::domain::machine::{Irregularity, evolve};
    use crate::domain::run::{Run, State};
    use crate::source::recording::write_line;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn event(second: u32, kind: &str, handoff: &str) -> String {
        format!(
            r#"{{"at":"2026-03-01T10:00:{second:02}Z","kind":"{kind}","pipeline":"p","trace_id":"t","step":1,"from":"a","to":"b","handoff_id":"{handoff}","error":null,"payload_summary":null}}"#
        )
    }

    fn reading(bytes: &[u8]) -> Reading {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        read(file.path(), None).unwrap()
    }

    fn causes(reading: &Reading) -> Vec<(&str, u64, u64)> {
        let skipped = reading.skipped.iter();
        skipped.map(|it| (it.cause.as_str(), it.count, it.first)).collect()
    }

    fn names(reading: &Reading) -> Vec<&str> {
        reading.events.iter().map(|it| it.fact.name()).collect()
    }

    #[test]
    fn dirt_is_counted_with_its_first_line_and_never_stops_the_reading() {
        let mut bytes = Vec::new();
        bytes.extend(b"\xef\xbb\xbf");
        let good = [event(1, "emitted", "h"), event(2, "completed", "h")];
        let lines: Vec<Vec<u8>> = vec![
            good[0].clone().into(),
            b"{broken".to_vec(),
            b"\0\0\0".to_vec(),
            b"\xff\xfe".to_vec(),
            good[0].clone().into(),
            vec![b'x'; MAX_LINE + 1],
            vec![b'x'; 3 * MAX_LINE],
            event(3, "vanished", "h").into(),
            b"".to_vec(),
            b"{}\r".to_vec(),
            good[1].clone().into(),
        ];
        for line in lines {
            bytes.extend(line);
            bytes.push(b'\n');
        }
        let reading = reading(&bytes);
        assert_eq!(names(&reading), ["handoff.emitted", "handoff.completed"]);
        assert_eq!(reading.lines, 11);
        assert_eq!(
            causes(&reading),
            [
                ("longer than 1 MiB", 2, 6),
                ("not UTF-8", 1, 4),
                ("not JSON", 2, 2),
                ("a member is missing", 1, 10),
                ("unknown kind", 1, 8),
                ("identical lines", 1, 5),
            ]
        );
        assert_eq!(reading.skipped[0].example, format!("{} bytes", MAX_LINE + 1));
    }

    #[test]
    fn a_line_that_is_too_long_is_told_by_its_length() {
        for (end, lines) in [("\n", 1), ("", 1), ("\n\n", 2)] {
            let reading = reading(format!("{}{end}", "x".repeat(3 * MAX_LINE + 7)).as_bytes());
            assert_eq!(reading.skipped[0].example, format!("{} bytes", 3 * MAX_LINE + 7));
            assert_eq!(reading.lines, lines);
        }
    }

    #[test]
    fn the_identity_of_a_line_is_the_whole_line() {
        let retried = |error: &str| event(2, "retried", "h").replace("\"error\":null", &format!("\"error\":{error}"));
        let with = |more: &str| retried("null").replace('}', &format!(",{more}}}"));
        let lines = [
            event(1, "emitted", "h"),
            retried("\"timeout\""),
            retried("\"rate limit\""),
            with("\"x_src\":1"),
            with("\"x_src\":2"),
            with("\"x_src\":2"),
            format!(" {} \r", with("\"x_src\":2")),
        ];
        let first = reading(lines.join("\n").as_bytes());
        assert_eq!(names(&first), ["handoff.emitted"].into_iter().chain(["observed.retried"; 4]).collect::<Vec<_>>());
        assert_eq!(causes(&first), [("identical lines", 2, 6)]);
        let exported = (1..).zip(&first.events).map(|(place, it)| write_line(it, place).unwrap() + "\n");
        let again = reading(exported.collect::<String>().as_bytes());
        assert_eq!((again.events, again.skipped), (first.events, Vec::new()), "an export tells them apart, too");
    }

    #[test]
    fn files_that_were_put_together_keep_every_event() {
        let lines = [event(1, "emitted", "h"), event(2, "completed", "h")];
        let bytes: Vec<u8> = lines.iter().flat_map(|it| [BYTE_ORDER_MARK, it.as_bytes(), b"\r\n"].concat()).collect();
        let reading = reading(&bytes);
        assert_eq!(names(&reading), ["handoff.emitted", "handoff.completed"]);
        assert_eq!(reading.skipped, []);
    }

    #[test]
    fn what_is_no_recording_is_named_with_what_to_do() {
        let zip = |bytes: &[u8]| {
            let mut to = GzEncoder::new(Vec::new(), Compression::fast());
            to.write_all(bytes).unwrap();
            to.finish().unwrap()
        };
        let said = |bytes: &[u8]| {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(bytes).unwrap();
            let why = read(file.path(), None).unwrap_err().to_string();
            why.replace(&file.path().display().to_string(), "FILE")
        };
        let zstd = b"\x28\xb5\x2f\xfd\x04\x00";
        let unpack = "compressed with zstd: only gzip is read. Unpack it first, for example with `zstd -d`";
        assert_eq!(said(zstd), format!("FILE is {unpack}"));
        assert_eq!(said(&zip(zstd)), format!("FILE is compressed with gzip, and in that {unpack}"));
        let twice = said(&zip(&zip(event(1, "emitted", "h").as_bytes())));
        assert!(twice.contains("in that compressed with gzip: only one layer of gzip is read"), "{twice}");
        assert!(said(b"[\n{}\n]").contains("a JSON array: only one event a line is read"));
        let damaged = ["[1, 2]", &event(1, "emitted", "h")].join("\n");
        assert_eq!(reading(damaged.as_bytes()).events.len(), 1, "a damaged first line is no other form");
    }

    #[test]
    fn an_empty_file_is_an_empty_reading() {
        assert_eq!(reading(b""), Reading::default());
        assert_eq!(reading(b"\n\n").lines, 2);
    }

    #[test]
    fn disorder_is_put_in_order_and_the_unseen_emission_is_sighted() {
        let lines = [
            event(9, "completed", "late"),
            event(5, "retried", "ghost"),
            event(2, "acknowledged", "late"),
            event(1, "emitted", "late"),
        ];
        let reading = reading(lines.join("\n").as_bytes());
        assert_eq!(
            names(&reading),
            ["handoff.emitted", "handoff.acknowledged", "handoff.sighted", "observed.retried", "handoff.completed",]
        );
        let mut run = Run::new("t".into(), Time::default());
        let odd: Vec<_> = reading.events.iter().filter_map(|it| evolve(&mut run, it)).collect();
        assert_eq!(odd, [Irregularity::NeverEmitted]);
        assert_eq!(run.handoffs.get(&"late".into()).unwrap().state, State::Completed);
        assert!(run.handoffs.get(&"ghost".into()).unwrap().retried);
    }

    #[test]
    fn a_wrong_clock_of_one_line_does_not_set_the_clock_of_all() {
        let far = |year: &str, handoff: &str| event(1, "emitted", handoff).replace("2026-", year);
        let lines = [
            event(1, "emitted", "a"),
            far("9999-", "late"),
            event(2, "emitted", "b"),
            far("1970-", "early"),
            far("0001-", "earlier"),
            event(3, "emitted", "c"),
            far("2027-", "a-year-later"),
        ];
        let reading = reading(lines.join("\n").as_bytes());
        let handoffs = reading.events.iter().filter_map(|it| it.handoff.as_ref());
        let handoffs: Vec<&str> = handoffs.map(HandoffId::as_str).collect();
        assert_eq!(handoffs, ["a", "b", "c", "a-year-later"]);
        assert_eq!(causes(&reading), [(Cause::StrayTime.words(), 3, 2)]);
    }

    #[test]
    fn what_happened_later_is_left_out() {
        let lines = [event(1, "emitted", "h"), event(3, "completed", "h")];
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(lines.join("\n").as_bytes()).unwrap();
        let until = Time::parse("2026-03-01T10:00:01Z").unwrap();
        assert_eq!(names(&read(file.path(), Some(until)).unwrap()), ["handoff.emitted"]);
    }

    #[test]
    fn a_truncated_gzip_yields_what_came_before() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        for nth in 0..5_000 {
            writeln!(gzip, "{}", event(1, "emitted", &format!("h{nth}"))).unwrap();
        }
        let whole = gzip.finish().unwrap();
        assert_eq!(reading(&whole).events.len(), 5_000);
        let cut = reading(&whole[..whole.len() / 2]);
        assert!((1..5_000).contains(&cut.events.len()));
        let fault = cut.skipped.last().unwrap();
        assert_eq!(fault.cause, Cause::CutShort.words());
        assert_eq!(fault.first, cut.lines);
        let mut damaged = whole.clone();
        let end = damaged.len() - 5;
        damaged[end] ^= 0xff;
        assert_eq!(reading(&damaged).skipped.last().unwrap().cause, Cause::CutShort.words());
    }

    #[test]
    fn a_clock_set_back_does_not_turn_a_sequence_around() {
        let seen = |seq: u64, second: i64| Event {
            seen: None,
            run: "r".into(),
            seq,
            at: Time::from_millis(second * 1_000),
            handoff: None,
            actor: crate::domain::id::Actor::system("test"),
            fact: Fact::ObservedRetried {},
        };
        let lines: Vec<String> =
            [seen(2, 5), seen(1, 4), seen(3, 3)].iter().map(|it| write_line(it, 1).unwrap()).collect();
        let reading = reading(lines.join("\n").as_bytes());
        let order: Vec<u64> = reading.events.iter().map(|it| it.seq).collect();
        assert_eq!(order, [1, 2, 3]);
    }

    #[test]
    fn a_missing_file_is_named() {
        let why = read(Path::new("no/such/file.ndjson"), None).unwrap_err();
        assert!(why.to_string().contains("no/such/file.ndjson"), "{why}");
    }
}
