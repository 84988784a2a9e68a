//! Takes the terminal and gives it back as it was, however the program ends.

use std::io::{self, Write, stdout};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ThreadId};

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::style::{Attribute, ResetColor, SetAttribute};
use crossterm::terminal::{
    DisableLineWrap, EnableLineWrap, EnterAlternateScreen, LeaveAlternateScreen, SetTitle, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{execute, queue};

use crate::console::app::msg::Size;
use crate::domain::text;

/// The terminal is ours: raw, on its other screen.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Holds the terminal; dropping it gives the terminal back.
pub(super) struct Guard {
    title: String,
    /// Nothing beyond ASCII is written, in the title neither.
    ascii: bool,
}

impl Guard {
    /// Takes the terminal, and sees to it that a panic gives it back before its message is printed.
    pub(super) fn enter(place: &str, ascii: bool) -> io::Result<Self> {
        give_back_on_panic(thread::current().id());
        let mut guard = Self { title: String::new(), ascii };
        guard.rename(place);
        guard.resume()?;
        Ok(guard)
    }

    /// The title that the window has when the terminal is taken again; given, so that it can be shown now.
    pub(super) fn rename(&mut self, place: &str) -> &str {
        self.title = title(place, self.ascii);
        &self.title
    }

    /// Takes the terminal again.
    pub(super) fn resume(&self) -> io::Result<()> {
        enable_raw_mode()?;
        TAKEN.store(true, Ordering::Release);
        let mut out = stdout().lock();
        // The title of before is put on the terminal's stack.
        out.write_all(b"\x1b[22;2t")?;
        // Where a terminal takes a character for wider than it was meant, the next row must not get the rest.
        queue!(out, EnterAlternateScreen, DisableLineWrap, SetTitle(&self.title))?;
        execute!(out, EnableMouseCapture, EnableBracketedPaste, Hide)
    }
}

/// The title for a place, harmless and short.
fn title(place: &str, ascii: bool) -> String {
    let name = text::cut(&text::clean(place), 60).into_owned();
    let title = if name.is_empty() { "seam".to_owned() } else { format!("seam · {name}") };
    if ascii { text::ascii(&title).into_owned() } else { title }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Nobody is left to tell when the terminal is gone.
        let _ = give_back();
    }
}

/// Gives the terminal back, for good or for a while.
pub(super) fn give_back() -> io::Result<()> {
    if !TAKEN.swap(false, Ordering::AcqRel) {
        return Ok(());
    }
    let mut out = stdout().lock();
    let written = queue!(
        out,
        DisableMouseCapture,
        DisableBracketedPaste,
        SetAttribute(Attribute::Reset),
        ResetColor,
        EnableLineWrap,
        LeaveAlternateScreen,
        Show
    );
    let written = written.and_then(|()| out.write_all(b"\x1b[?2026l\x1b[23;2t"));
    let flushed = written.and_then(|()| out.flush());
    // Raw mode goes last, and whatever could not be written: the line discipline matters most.
    disable_raw_mode().and(flushed)
}

/// A panic of the console gives the terminal back first. One in a task beside it, such as a source, ends only that
/// task: its message would smear over the screen, so it goes to the log.
fn give_back_on_panic(console: ThreadId) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if thread::current().id() == console {
                let _ = give_back();
            }
            if TAKEN.load(Ordering::Acquire) {
                tracing::error!("a task beside the console failed: {panic}");
            } else {
                before(panic);
            }
        }));
    });
}

/// Columns and rows of the terminal.
pub(super) fn size() -> io::Result<Size> {
    crossterm::terminal::size().map(usable)
}

/// A size to draw in. Terminals that do not know theirs, as those of a serial line or of a container, say 0: they are
/// taken for the usual ones.
pub(super) fn usable((columns, rows): (u16, u16)) -> Size {
    let or = |it, usual| if it == 0 { usual } else { it };
    Size { columns: or(columns, 80), rows: or(rows, 24) }
}

/// Stops this program and those started with it, as `ctrl-z` does, until the shell lets them go on. What stops with them
/// is told first.
pub(super) fn stop(with_it: Option<&str>) {
    if let Some(with_it) = with_it {
        // Whoever cannot be told has no terminal to go on in either.
        let _ = writeln!(io::stderr(), "seam: {}", text::clean(with_it));
    }
    // Without a process group there is no shell to go back to, and nothing to stop for.
    let _ = rustix::process::kill_current_process_group(rustix::process::Signal::STOP);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_harmless_and_without_signs_where_there_are_none() {
        assert_eq!(title("h.example\u{1b}]0;x", false), "seam · h.example␛]0;x");
        let plain = title("größe", true);
        assert!(plain.is_ascii() && plain.starts_with("seam . gr"), "{plain}");
        assert_eq!(title("", true), "seam");
    }

    #[test]
    fn a_terminal_that_does_not_know_its_size_is_drawn_in() {
        assert_eq!(usable((0, 0)), Size { columns: 80, rows: 24 });
        assert_eq!(usable((1, 0)), Size { columns: 1, rows: 24 });
        assert_eq!(usable((300, 70)), Size { columns: 300, rows: 70 });
    }
}
