//! `seam export`: the event log as a recording that `file:` addresses read.

use std::fs::File;
use std::io::{BufWriter, Write};

use anyhow::Context;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::look::look;
use super::serve::Interrupts;
use super::{Connect, Exit, Stop, print, say};
use crate::domain::event::Event;
use crate::domain::text::escape_json;
use crate::source::recording::write_line;
use crate::source::{Reach, at_home};
use crate::store::Part;

/// Flags of `seam export`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where to write: `.ndjson`, or `.ndjson.gz` for a compressed one; standard output when absent
    pub file: Option<String>,
    /// Write over a file that is there
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    #[allow(clippy::missing_docs_in_private_items)]
    pub connect: Connect,
}

/// Writes the log up to the moment it was asked for.
///
/// # Errors
/// The address does not answer, or the file cannot be written or is there already.
pub async fn run(args: Args) -> anyhow::Result<Exit> {
    let look = look(&args.connect, None).await?;
    // A file that is begun is removed, however this ends.
    let mut interrupts = Interrupts::listen().context("cannot listen for signals")?;
    let mut out = Out::open(args.file.as_deref(), args.force)?;
    let mut written = 0_u64;
    let write = async |events: Vec<Event>| {
        out.lines(&events, written)?;
        written += events.len() as u64;
        Ok(())
    };
    tokio::select! {
        written = look.log(Reach::All, write) => drop(written?),
        () = interrupts.next() => return Err(Stop::new(Exit::Failed, "interrupted").into()),
    }
    out.close()?;
    for it in &look.skipped {
        say(&format!("left out {} x {}: {}", it.count, it.cause, it.example));
    }
    if let Some(file) = &args.file {
        let events = if written == 1 { "event" } else { "events" };
        say(&format!("{written} {events} written to {file}"));
    }
    Ok(Exit::Done)
}

/// Destination of the exported lines.
enum Out {
    Standard,
    /// Written beside the file and moved there when it is whole, so that nobody reads half a recording.
    File {
        part: Part,
        to: Writer,
    },
}

enum Writer {
    Plain(BufWriter<File>),
    Gzip(GzEncoder<BufWriter<File>>),
}

impl Out {
    fn open(file: Option<&str>, force: bool) -> anyhow::Result<Self> {
        let Some(name) = file.filter(|it| *it != "-") else {
            return Ok(Self::Standard);
        };
        let file = at_home(name).map_err(|why| Stop::new(Exit::Usage, why))?;
        let (part, to) = Part::new(&file, force).with_context(|| format!("cannot write {name}"))?;
        let to = BufWriter::new(to);
        let zip = file.extension().is_some_and(|it| it == "gz");
        Ok(Self::File {
            part,
            to: if zip { Writer::Gzip(GzEncoder::new(to, Compression::default())) } else { Writer::Plain(to) },
        })
    }

    /// Writes events, one a line, after so many lines.
    fn lines(&mut self, events: &[Event], written: u64) -> anyhow::Result<()> {
        let mut text = String::new();
        for (place, event) in (written + 1..).zip(events) {
            text += &escape_json(&write_line(event, place)?);
            text.push('\n');
        }
        match self {
            Self::Standard => print(text.as_bytes())?,
            Self::File { part, to } => {
                to.write(text.as_bytes()).with_context(|| format!("cannot write {}", part.path().display()))?;
            }
        }
        Ok(())
    }

    fn close(self) -> anyhow::Result<()> {
        let Self::File { part, to } = self else {
            return Ok(());
        };
        let closed = match to {
            Writer::Plain(to) => Ok(to),
            Writer::Gzip(to) => to.finish(),
        };
        closed.and_then(|mut to| to.flush()).with_context(|| format!("cannot write {}", part.path().display()))?;
        Ok(part.keep()?)
    }
}

impl Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Plain(to) => to.write_all(bytes),
            Self::Gzip(to) => to.write_all(bytes),
        }
    }
}
