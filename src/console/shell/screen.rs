//! The terminal as ratatui sees it: one write per frame, nothing when nothing changed.

use std::io::{self, Write};

use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{DisableMouseCapture, EnableMouseCapture};
use crossterm::{queue, terminal};
use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};

use super::pen::Pen;

/// Frames below this are taken up in one go by any terminal and need no marks around them.
const SMALL: usize = 256;
/// Terminals drop clipboard texts much longer than this.
const CLIPBOARD: usize = 74_000;
/// Marks of a synchronized update: the terminal shows all of it at once.
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// Collects a frame in memory and hands it to the pen as a whole.
pub(super) struct Screen {
    inner: CrosstermBackend<Sheet>,
    cursor_shown: Option<bool>,
    cursor: Option<Position>,
}

struct Sheet {
    bytes: Vec<u8>,
    pen: Pen,
}

impl Write for Sheet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Ends a frame: all of it goes to the terminal at once. Only [`Screen`]'s own flush comes here, as the commands
    /// that flush by themselves are queued instead.
    fn flush(&mut self) -> io::Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        let mut frame = Vec::with_capacity(self.bytes.len() + BEGIN.len() + END.len());
        let marked = self.bytes.len() > SMALL;
        if marked {
            frame.extend_from_slice(BEGIN);
        }
        frame.append(&mut self.bytes);
        if marked {
            frame.extend_from_slice(END);
        }
        self.pen.write(frame);
        Ok(())
    }
}

impl Screen {
    pub(super) fn new(pen: Pen) -> Self {
        let sheet = Sheet {
            bytes: Vec::with_capacity(64 * 1024),
            pen,
        };
        Self {
            inner: CrosstermBackend::new(sheet),
            cursor_shown: None,
            cursor: None,
        }
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
        self.inner
            .write_all(&bytes)
            .map_err(|why| why.to_string())?;
        Backend::flush(self).map_err(|why| why.to_string())
    }

    /// Takes the mouse, or gives it back to the terminal.
    pub(super) fn mouse(&mut self, ours: bool) -> Result<(), String> {
        let queued = if ours {
            queue!(self.inner, EnableMouseCapture)
        } else {
            queue!(self.inner, DisableMouseCapture)
        };
        queued.map_err(|why| why.to_string())?;
        Backend::flush(self).map_err(|why| why.to_string())
    }
}

impl Backend for Screen {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_none() {
            return Ok(());
        }
        self.cursor = None;
        self.inner.draw(content)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if self.cursor_shown != Some(false) {
            self.cursor_shown = Some(false);
            queue!(self.inner, Hide)?;
        }
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        if self.cursor_shown != Some(true) {
            self.cursor_shown = Some(true);
            queue!(self.inner, Show)?;
        }
        Ok(())
    }

    /// Where it was put last; asking the terminal would mean waiting for it.
    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.cursor.unwrap_or_default())
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let position = position.into();
        if self.cursor != Some(position) {
            self.cursor = Some(position);
            queue!(self.inner, MoveTo(position.x, position.y))?;
        }
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        // Whatever cleared the screen may have shown the cursor, too.
        self.cursor_shown = None;
        self.cursor = None;
        let what = match region {
            ClearType::All => terminal::ClearType::All,
            ClearType::AfterCursor => terminal::ClearType::FromCursorDown,
            ClearType::BeforeCursor => terminal::ClearType::FromCursorUp,
            ClearType::CurrentLine => terminal::ClearType::CurrentLine,
            ClearType::UntilNewLine => terminal::ClearType::UntilNewLine,
        };
        queue!(self.inner, terminal::Clear(what))
    }

    fn size(&self) -> io::Result<Size> {
        self.inner.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        Write::flush(&mut self.inner)
    }
}
