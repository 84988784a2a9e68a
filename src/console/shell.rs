//! The outside of the console: the terminal, the clock, the sources and the editor. [`super::app`] decides.
//!
//! One loop: wait for anything, handle everything that is ready, draw once. It never waits for I/O: effects are
//! tasks that answer with a ticket, and frames are written by a thread of their own, so a slow line delays
//! pictures and never keys.

mod cell_style;
mod connect;
mod editor;
mod frame_writer;
mod input;
mod saved_views;
mod screen;
mod signals;
mod tasks;
mod terminal;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use crossterm::event::{Event, EventStream};
use futures_util::StreamExt;
use ratatui::Terminal;
use tokio::time::{Instant, sleep_until};

use super::app::{Effect, Msg, Start, State, Ticket, update};
use super::ui::{self, Memo};
use crate::clock::{self, Steady};
use crate::source::Shared;
use crate::theme::{Glyphs, Theme};

pub use connect::{Opened, Opener};
use connect::{Opening, Watch};
use editor::Editor;
use frame_writer::FrameWriter;
pub use saved_views::SavedViews;
pub use screen::Screen;
use signals::{Heard, Signals};
use tasks::Tasks;
use terminal::Guard;

/// Time between two frames that no key asked for: at most 30 a second.
const FRAME: Duration = Duration::from_millis(33);
/// Messages are handled for at most this long before the screen gets its turn.
const TURN: Duration = Duration::from_millis(8);

/// Parts that the console runs on.
pub struct Setup {
    /// Settings of the start. Time and size are set by the shell.
    pub start: Start,
    /// The sources, in the order of their names in `start`.
    pub sources: Vec<Shared>,
    /// What stops with the console, as a sentence; `None` when nothing does.
    pub stops: Option<String>,
    /// Styles and signs of the screen.
    pub theme: Theme,
    /// The view to come back to.
    pub saved_views: SavedViews,
    /// Opens the sources of a context.
    pub opener: Opener,
    /// Said in the message line when it opens, such as what is wrong in a theme.
    pub notes: Vec<String>,
}

/// Reason that the loop ended.
enum End {
    /// The user left.
    Quit,
    /// A signal: the program ends, and nothing is said.
    Signal,
}

/// Runs the console until the user leaves, and gives what is to be said after the terminal is restored.
///
/// # Errors
/// The terminal cannot be set up or is gone.
pub async fn run(setup: Setup) -> io::Result<Option<String>> {
    // Before the terminal is taken: whatever ends the program from now on gives it back.
    let signals = Signals::new()?;
    let watch = Watch::start(&setup.sources);
    let guard = Guard::enter(&setup.start.connection.place.title, setup.theme.glyphs == Glyphs::ASCII)?;
    let frame_writer = FrameWriter::new();
    let mut start = setup.start;
    start.size = terminal::size()?;
    let mut clock = Steady::new();
    start.now = clock.now();
    let mut state = State::new(start);
    setup.saved_views.restore(&mut state);
    let mut shell = Shell {
        state,
        clock,
        memo: Memo::default(),
        theme: setup.theme,
        terminal: Terminal::new(Screen::new(frame_writer.clone()))?,
        frame_writer,
        tasks: Tasks::new(setup.sources, watch.retries()),
        watch,
        opening: Opening::new(setup.opener),
        stops: setup.stops,
        guard,
        saved_views: setup.saved_views,
        edits: VecDeque::new(),
    };
    shell.state.note(setup.notes);
    let end = shell.run(signals).await;
    shell.frame_writer.drain();
    let farewell = shell.state.farewell.take();
    drop(shell);
    end.map(|end| match end {
        End::Quit => farewell,
        End::Signal => None,
    })
}

struct Shell {
    state: State,
    /// The clock that everything on the screen is measured by.
    clock: Steady,
    memo: Memo,
    theme: Theme,
    terminal: Terminal<Screen<FrameWriter>>,
    frame_writer: FrameWriter,
    tasks: Tasks,
    watch: Watch,
    opening: Opening,
    /// See [`Setup::stops`].
    stops: Option<String>,
    guard: Guard,
    saved_views: SavedViews,
    /// Texts that wait for the editor.
    edits: VecDeque<(Ticket, String)>,
}

/// Next step of the loop, beside going on.
enum Next {
    Go,
    End(End),
    /// Open the editor on what waits for it.
    Edit,
    Suspend,
}

impl Shell {
    async fn run(&mut self, mut signals: Signals) -> io::Result<End> {
        let mut input = EventStream::new();
        let mut drawn = Instant::now() - FRAME;
        let mut again: Option<Instant> = None;
        self.draw(&mut again)?;
        loop {
            let ready = self.state.dirty && self.frame_writer.is_idle();
            // What changed is drawn with the next frame; rows that were put off, when they are due.
            let frame = match again {
                Some(at) if !self.state.dirty => at.max(drawn + FRAME),
                _ => drawn + FRAME,
            };
            let mut next = Next::Go;
            let mut urgent = false;
            tokio::select! {
                event = input.next() => match event {
                    Some(Ok(event)) => { urgent = true; next = self.input(event); }
                    // Standard input is gone: so is whoever looked at the screen.
                    Some(Err(_)) | None => return Ok(End::Signal),
                },
                Some((source, report)) = self.watch.next() => next = self.tell(Msg::Heard(source, report)),
                (ticket, reply) = self.tasks.next() => next = self.tell(Msg::Answered(ticket, reply)),
                (ticket, opened) = self.opening.next() => next = self.tell(Msg::Opened(ticket, opened)),
                () = sleep_until(next_second()) => next = self.tick(),
                () = sleep_until(frame), if ready => {}
                () = sleep_until(frame), if !self.state.dirty && again.is_some() => { again = None; self.state.dirty = true; }
                () = self.frame_writer.idle(), if self.state.dirty && !ready => {}
                signal = signals.next() => match signal {
                    Heard::End | Heard::Interrupt => return Ok(End::Signal),
                    Heard::Stop => next = Next::Suspend,
                    Heard::Continue => { self.guard.resume()?; self.terminal.clear()?; self.state.dirty = true; }
                },
            }
            let turn = Instant::now() + TURN;
            while matches!(next, Next::Go) && Instant::now() < turn {
                if let Poll::Ready(Some(event)) = look(&mut input).await {
                    urgent = true;
                    next = event.map_or(Next::End(End::Signal), |event| self.input(event));
                } else if let Some((source, report)) = self.watch.ready() {
                    next = self.tell(Msg::Heard(source, report));
                } else if let Some((ticket, reply)) = self.tasks.ready() {
                    next = self.tell(Msg::Answered(ticket, reply));
                } else {
                    break;
                }
            }
            match next {
                Next::Go => {}
                Next::End(end) => return Ok(end),
                Next::Suspend => {
                    self.leave_terminal()?;
                    terminal::stop(self.stops.as_deref());
                    self.return_to_terminal()?;
                }
                Next::Edit => {
                    // What the editor reads, nobody else may.
                    drop(input);
                    self.leave_terminal()?;
                    if let Some(end) = self.edit(&mut signals).await {
                        return Ok(end);
                    }
                    self.return_to_terminal()?;
                    input = EventStream::new();
                }
            }
            let now = Instant::now();
            if self.state.dirty && self.frame_writer.is_idle() && (urgent || now >= drawn + FRAME) {
                self.draw(&mut again)?;
                drawn = now;
            }
            if self.frame_writer.is_broken() {
                return Ok(End::Signal);
            }
        }
    }

    /// Opens the editor on every text that waits for it. Only keys and pictures stand still meanwhile: what waits is
    /// sent, answers are taken, the sources are heard.
    async fn edit(&mut self, signals: &mut Signals) -> Option<End> {
        while let Some((ticket, text)) = self.edits.pop_front() {
            let mut leave = None;
            let edited = match Editor::open(&text) {
                Err(why) => Err(why),
                Ok(mut editor) => loop {
                    let next = tokio::select! {
                        edited = editor.closed() => break edited,
                        Some((source, report)) = self.watch.next() => self.tell(Msg::Heard(source, report)),
                        (ticket, reply) = self.tasks.next() => self.tell(Msg::Answered(ticket, reply)),
                        () = sleep_until(next_second()) => self.tick(),
                        signal = signals.next() => match signal {
                            Heard::End => { editor.end().await; return Some(End::Signal); }
                            // The editor stops itself and its group with it; they go on together.
                            Heard::Stop => { terminal::stop(self.stops.as_deref()); Next::Go }
                            // Ctrl-c and the like are meant for the editor, as in every program that starts one.
                            Heard::Interrupt | Heard::Continue => Next::Go,
                        },
                    };
                    if let Next::End(end) = next {
                        leave = Some(end);
                    }
                },
            };
            if let Next::End(end) = self.tell(Msg::Edited(ticket, edited)) {
                leave = Some(end);
            }
            if leave.is_some() {
                return leave;
            }
        }
        None
    }

    fn draw(&mut self, again: &mut Option<Instant>) -> io::Result<()> {
        self.state.dirty = false;
        let now = self.clock.now();
        let prepared = self.state.prepare();
        // What is under the cursor is fetched; nothing of that ends the loop.
        let _ = self.carry_out(prepared.effects);
        *again =
            prepared.again.map(|at| Instant::now() + Duration::from_millis((at - now).clamp(1, 1_000).unsigned_abs()));
        let (state, theme, memo) = (&self.state, &self.theme, &mut self.memo);
        self.terminal.draw(|frame| ui::draw(frame, state, theme, memo))?;
        self.state.drawn(self.memo.last_offset);
        Ok(())
    }

    fn input(&mut self, event: Event) -> Next {
        match input::message(event, &self.memo) {
            Some(msg) => self.tell(msg),
            None => Next::Go,
        }
    }

    /// Lets time pass.
    fn tick(&mut self) -> Next {
        let now = self.clock.now();
        self.state.world.set_back = now - clock::now();
        let effects = update(&mut self.state, Msg::Tick(now));
        self.carry_out(effects)
    }

    /// Hands a message to the app and carries out what it asks for.
    fn tell(&mut self, msg: Msg) -> Next {
        // Everything is handled at the time it is handled, not at the time of the last tick.
        self.tick();
        let effects = update(&mut self.state, msg);
        self.carry_out(effects)
    }

    #[deny(clippy::wildcard_enum_match_arm)] // an effect that is not carried out must not compile
    fn carry_out(&mut self, mut effects: Vec<Effect>) -> Next {
        let mut next = Next::Go;
        while !effects.is_empty() {
            let mut said = Vec::new();
            for effect in effects {
                match effect {
                    Effect::Quit => return Next::End(End::Quit),
                    Effect::Edit(ticket, text) => {
                        self.edits.push_back((ticket, text));
                        next = Next::Edit;
                    }
                    Effect::Suspend => next = Next::Suspend,
                    Effect::Copy(text) => {
                        said.extend(self.terminal.backend_mut().copy(&text).err());
                    }
                    Effect::Mouse(ours) => {
                        said.extend(self.terminal.backend_mut().mouse(ours).err());
                    }
                    Effect::Redraw => {
                        said.extend(self.terminal.clear().err().map(|it| it.to_string()));
                    }
                    Effect::Save(view) => said.push(self.saved_views.save(&view)),
                    Effect::Perform(ticket, source, request) => self.tasks.perform(ticket, source, request),
                    Effect::Fetch(ticket, source, want) => self.tasks.fetch(ticket, source, want),
                    Effect::Wait(ticket, millis) => self.tasks.wait(ticket, millis),
                    Effect::Cancel(ticket) => {
                        self.tasks.cancel(ticket);
                        self.opening.cancel(ticket);
                    }
                    Effect::Open(ticket, name) => self.opening.start(ticket, name),
                    Effect::Attach => said.extend(self.attach()),
                    Effect::Retry(source) => self.tasks.retry(source),
                    Effect::Replay(source, control) => said.extend(self.tasks.replay(source, control)),
                }
            }
            effects = Vec::new();
            for text in said {
                effects.extend(update(&mut self.state, Msg::Said(text)));
            }
        }
        next
    }

    /// Watches what was opened last instead of what is watched: what comes of the old sources is heard no more. Says
    /// why the window keeps its title, if it does.
    fn attach(&mut self) -> Option<String> {
        let opened = self.opening.take()?;
        self.watch = Watch::start(&opened.sources);
        self.tasks.attach(opened.sources, self.watch.retries());
        self.stops = opened.stops;
        self.saved_views = opened.saved_views;
        self.saved_views.restore(&mut self.state);
        self.memo = Memo::default();
        let title = self.guard.rename(&self.state.place.title);
        self.terminal.backend_mut().title(title).err()
    }

    fn leave_terminal(&mut self) -> io::Result<()> {
        self.frame_writer.drain();
        terminal::give_back()
    }

    fn return_to_terminal(&mut self) -> io::Result<()> {
        self.guard.resume()?;
        self.terminal.backend_mut().mouse(self.state.mouse).ok();
        update(&mut self.state, Msg::Resize(terminal::size()?));
        self.terminal.clear()?;
        self.state.dirty = true;
        Ok(())
    }
}

/// An event that is there already. Asked for by the task that will wait for the next one: crossterm wakes who asked
/// first, so a look with a waker that wakes nobody, as `now_or_never` takes, leaves keys lying until something else
/// happens.
async fn look(input: &mut EventStream) -> Poll<Option<io::Result<Event>>> {
    poll_fn(|context| Poll::Ready(input.poll_next_unpin(context))).await
}

/// The next whole second of the clock on the wall: the clock on the screen shows nothing smaller.
fn next_second() -> Instant {
    let past = clock::now().millis().rem_euclid(1_000).unsigned_abs();
    Instant::now() + Duration::from_millis(1_000 - past)
}
