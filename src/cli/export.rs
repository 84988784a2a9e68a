//! `seam export`: the event log as a recording that `file:` addresses read.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::look::look;
use super::{Connect, Exit, Stop, print, private, say};
use crate::domain::event::Event;
use crate::domain::text::escape_json;
use crate::source::Reach;
use crate::source::recording::write_line;

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
    let mut out = Out::open(args.file.as_deref(), args.force)?;
    let mut written = 0_u64;
    let write = async |events: Vec<Event>| {
        out.lines(&events, written)?;
        written += events.len() as u64;
        Ok(())
    };
    look.log(Reach::All, write).await?;
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
        file: PathBuf,
        part: Part,
        to: Writer,
    },
}

/// The file beside; removed when it is dropped, unless it was moved to its place.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        // There is none any more when all went well.
        let _ = std::fs::remove_file(&self.0);
    }
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
        let file = Path::new(name);
        if !force && file.exists() {
            let why = format!("{name} is there already: choose another name, or say --force");
            return Err(Stop::new(Exit::Failed, why).into());
        }
        let part = Part(format!("{name}.part").into());
        let to = private::open(File::options().write(true).truncate(true), &part.0)
            .with_context(|| format!("cannot write {name}"))?;
        let to = BufWriter::new(to);
        let zip = file.extension().is_some_and(|it| it == "gz");
        Ok(Self::File {
            file: file.to_owned(),
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
            Self::File { file, to, .. } => {
                to.write(text.as_bytes()).with_context(|| format!("cannot write {}", file.display()))?;
            }
        }
        Ok(())
    }

    fn close(self) -> anyhow::Result<()> {
        let Self::File { file, part, to } = self else {
            return Ok(());
        };
        let closed = match to {
            Writer::Plain(to) => Ok(to),
            Writer::Gzip(to) => to.finish(),
        };
        closed
            .and_then(|mut to| to.flush())
            .and_then(|()| std::fs::rename(&part.0, &file))
            .with_context(|| format!("cannot write {}", file.display()))
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
