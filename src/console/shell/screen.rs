//! The terminal as ratatui sees it: one write per frame, only what changed, nothing when nothing changed.

use std::io::{self, Write};

use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::{Hide, MoveTo, MoveToColumn, Show};
use crossterm::event::{DisableMouseCapture, EnableMouseCapture};
use crossterm::style::{Attribute, Print, SetAttribute};
use crossterm::{queue, terminal};
use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::{Cell, CellWidth};
use ratatui::layout::{Position, Size};

use super::cell_style::CellStyle;

/// Frames below this are taken up in one go by any terminal and need no marks around them.
const SMALL: usize = 256;
/// Terminals drop clipboard texts much longer than this.
const CLIPBOARD: usize = 74_000;
/// Marks of a synchronized update: the terminal shows all of it at once.
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// Collects a frame in memory and writes it as a whole when ratatui flushes.
///
/// It remembers what the terminal was told and does not say it twice: the colours and attributes, from one frame
/// to the next, and where the cursor is. Nobody else may write to the terminal without a [`Backend::clear`] after.
///
/// Terminals disagree about how many columns some characters take (see [`is_disputed`]): what they draw may lie over
/// cells that do not change, and stay there. So a row with one of them, before or after a change, is cleared and written
/// as a whole, each cell at its place; and so is one where half of a wide character is written over.
pub struct Screen<W> {
    out: W,
    frame: Vec<u8>,
    /// Style that the terminal writes with; `None` when it is not known.
    ink: Option<CellStyle>,
    cursor: Option<Position>,
    cursor_shown: Option<bool>,
    /// The cells as they were told, row by row from the top; what is not in it is blank.
    told: Vec<Vec<Cell>>,
    /// Columns of the terminal when it was asked last; more than any has before that.
    columns: std::cell::Cell<u16>,
}

/// Whether terminals disagree about the width of this: characters of several code points, such as flags, skin tones,
/// families and the conjuncts of Devanagari, and all that may be a part of such a one.
fn is_disputed(symbol: &str) -> bool {
    !symbol.is_ascii() && (symbol.chars().nth(1).is_some() || symbol.starts_with(|first| first >= '\u{1F000}'))
}

impl<W: Write> Screen<W> {
    /// A screen that writes to `out`, of which it knows nothing yet.
    pub fn new(out: W) -> Self {
        Self {
            out,
            frame: Vec::with_capacity(64 * 1024),
            ink: None,
            cursor: None,
            cursor_shown: None,
            told: Vec::new(),
            columns: u16::MAX.into(),
        }
    }

    /// Writes one cell; the cursor is moved only if it is not there already.
    fn put(&mut self, x: u16, y: u16, cell: &Cell) -> io::Result<()> {
        match self.cursor {
            Some(at) if at == Position::new(x, y) => {}
            Some(at) if at.y == y => queue!(self.frame, MoveToColumn(x))?,
            _ => queue!(self.frame, MoveTo(x, y))?,
        }
        let ink = CellStyle::of(cell);
        self.known_ink()?.change(ink, &mut self.frame)?;
        self.ink = Some(ink);
        queue!(self.frame, Print(cell.symbol()))?;
        self.cursor = (cell.cell_width() == 1 && !is_disputed(cell.symbol())).then(|| Position::new(x + 1, y));
        Ok(())
    }

    /// Keeps what changes in one row; true when its cells, as they were or as they will be, have a disputed width, or when half
    /// of a wide one is written over: what a terminal leaves in the place of the other half is its own affair.
    fn keep(&mut self, y: u16, changes: &[(u16, u16, &Cell)]) -> bool {
        let y = usize::from(y);
        if self.told.len() <= y {
            self.told.resize_with(y + 1, Vec::new);
        }
        let Some(row) = self.told.get_mut(y) else { return false };
        let has_disputed = |row: &[Cell]| row.iter().any(|it| is_disputed(it.symbol()));
        let mut whole = has_disputed(row);
        for (x, _, cell) in changes {
            let (x, end) = (usize::from(*x), usize::from(x + cell.cell_width().max(1)));
            let is_wide = |at: usize| row.get(at).is_some_and(|it| it.cell_width() > 1);
            let is_next = changes.iter().any(|(x, ..)| usize::from(*x) == end);
            whole |= x.checked_sub(1).is_some_and(is_wide) || is_wide(end - 1) && !is_next;
            if row.len() < end {
                row.resize(end, Cell::EMPTY);
            }
            // Under the rest of a wide one nothing is seen.
            for (at, place) in row.iter_mut().enumerate().take(end).skip(x) {
                place.clone_from(if at == x { *cell } else { &Cell::EMPTY });
            }
        }
        whole || has_disputed(row)
    }

    /// Writes a whole row anew, from what was kept of it.
    fn rewrite(&mut self, y: u16) -> io::Result<()> {
        let row = self.told.get_mut(usize::from(y)).map(std::mem::take).unwrap_or_default();
        self.blank(0, y)?;
        let mut free = 0;
        for (x, cell) in (0..).zip(&row) {
            if x < free {
                continue;
            }
            free = x + cell.cell_width().max(1);
            let mut blank = cell.clone();
            blank.set_symbol(" ");
            for under in x + 1..free {
                self.put(under, y, &blank)?;
            }
            self.put(x, y, cell)?;
            if is_disputed(cell.symbol()) {
                self.blank(free, y)?;
            }
        }
        if let Some(kept) = self.told.get_mut(usize::from(y)) {
            *kept = row;
        }
        Ok(())
    }

    /// Clears a row from a column on, whatever lies over it, in no colour.
    fn blank(&mut self, x: u16, y: u16) -> io::Result<()> {
        if x >= self.columns.get() {
            return Ok(());
        }
        let plain = CellStyle::default();
        self.known_ink()?.change(plain, &mut self.frame)?;
        self.ink = Some(plain);
        self.cursor = Some(Position::new(x, y));
        queue!(self.frame, MoveTo(x, y), terminal::Clear(terminal::ClearType::UntilNewLine))
    }

    /// Writes what changes in one row.
    fn write(&mut self, changes: &[(u16, u16, &Cell)]) -> io::Result<()> {
        let mut changes = changes.iter().peekable();
        while let Some((x, y, cell)) = changes.next() {
            // Some terminals leave what was under the second half of an emoji: that is cleared before it is written.
            let under = x + 1..x + cell.cell_width();
            while let Some((x, y, blank)) = changes.next_if(|it| under.contains(&it.0)) {
                self.put(*x, *y, blank)?;
            }
            self.put(*x, *y, cell)?;
        }
        Ok(())
    }

    /// Style that the terminal writes with; it is reset when that is not known.
    fn known_ink(&mut self) -> io::Result<CellStyle> {
        if self.ink.is_none() {
            queue!(self.frame, SetAttribute(Attribute::Reset))?;
        }
        Ok(*self.ink.get_or_insert_default())
    }

    /// Puts text on the clipboard of the user, through ssh and tmux. The error is for the user.
    pub(super) fn copy(&mut self, text: &str) -> Result<(), String> {
        if text.len() > CLIPBOARD {
            return Err("too long for the clipboard of a terminal: use `seam show`".to_owned());
        }
        let mut plain = Vec::new();
        let queued = queue!(plain, CopyToClipboard::to_clipboard_from(text));
        queued.map_err(|why| format!("cannot copy: {why}"))?;
        // tmux takes the plain form when it is allowed to set the clipboard, else the wrapped one goes through it.
        let mut bytes = plain.clone();
        if std::env::var_os("TMUX").is_some() {
            bytes.extend_from_slice(b"\x1bPtmux;");
            for byte in plain {
                if byte == 0x1b {
                    bytes.push(byte);
                }
                bytes.push(byte);
            }
            bytes.extend_from_slice(b"\x1b\\");
        }
        self.frame.append(&mut bytes);
        Backend::flush(self).map_err(|why| why.to_string())
    }

    /// Puts a title on the window of the terminal. It has been cleaned.
    pub(super) fn title(&mut self, title: &str) -> Result<(), String> {
        queue!(self.frame, terminal::SetTitle(title)).map_err(|why| why.to_string())?;
        Backend::flush(self).map_err(|why| why.to_string())
    }

    /// Takes the mouse, or gives it back to the terminal.
    pub(super) fn mouse(&mut self, ours: bool) -> Result<(), String> {
        let queued =
            if ours { queue!(self.frame, EnableMouseCapture) } else { queue!(self.frame, DisableMouseCapture) };
        queued.map_err(|why| why.to_string())?;
        Backend::flush(self).map_err(|why| why.to_string())
    }
}

impl<W: Write> Backend for Screen<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let content: Vec<_> = content.collect();
        if !content.is_empty() {
            // Should a terminal have made something else of a width, the next frame is right all the same.
            self.cursor = None;
        }
        for changes in content.chunk_by(|one, next| one.1 == next.1) {
            let Some((_, y, _)) = changes.first() else { continue };
            if self.keep(*y, changes) { self.rewrite(*y)? } else { self.write(changes)? }
        }
        Ok(())
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if self.cursor_shown != Some(false) {
            self.cursor_shown = Some(false);
            queue!(self.frame, Hide)?;
        }
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        if self.cursor_shown != Some(true) {
            self.cursor_shown = Some(true);
            queue!(self.frame, Show)?;
        }
        Ok(())
    }

    /// Position it was put at last; asking the terminal would mean waiting for it.
    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.cursor.unwrap_or_default())
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let position = position.into();
        if self.cursor != Some(position) {
            self.cursor = Some(position);
            queue!(self.frame, MoveTo(position.x, position.y))?;
        }
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        // Whatever made this necessary may have changed the colours and shown the cursor, too. A terminal clears with
        // the background it has at the time.
        self.ink = None;
        self.known_ink()?;
        self.cursor_shown = None;
        self.cursor = None;
        self.told.clear();
        let what = match region {
            ClearType::All => terminal::ClearType::All,
            ClearType::AfterCursor => terminal::ClearType::FromCursorDown,
            ClearType::BeforeCursor => terminal::ClearType::FromCursorUp,
            ClearType::CurrentLine => terminal::ClearType::CurrentLine,
            ClearType::UntilNewLine => terminal::ClearType::UntilNewLine,
        };
        queue!(self.frame, terminal::Clear(what))
    }

    fn size(&self) -> io::Result<Size> {
        let size = super::terminal::size()?;
        self.columns.set(size.columns);
        Ok(Size::new(size.columns, size.rows))
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        let terminal::WindowSize { columns, rows, width, height } = terminal::window_size()?;
        Ok(WindowSize { columns_rows: Size::new(columns, rows), pixels: Size::new(width, height) })
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.frame.is_empty() {
            return Ok(());
        }
        if self.frame.len() > SMALL {
            self.frame.splice(0..0, BEGIN.iter().copied());
            self.frame.extend_from_slice(END);
        }
        self.out.write_all(&self.frame)?;
        self.frame.clear();
        self.out.flush()
    }
}

#[cfg(test)]
mod tests;
