//! A console on a script: no terminal, no source, no clock but the one that is set.

use std::path::PathBuf;
use std::sync::Arc;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use seamwatch::testing::console::app::msg::{Effect, Gesture, Msg, PointerEvent};
use seamwatch::testing::console::app::{
    ActTarget, Connection, Place, Proposal, Size, Start, State, edit_approve, propose, update,
};
use seamwatch::testing::console::ui::{self, Memo};
use seamwatch::testing::domain::environment::Environment;
use seamwatch::testing::domain::event::{Event, Fact};
use seamwatch::testing::domain::id::{Actor, Edge, HandoffId, RunId};
use seamwatch::testing::domain::port::{Batch, Cursor, Report, SourceId};
use seamwatch::testing::domain::time::{HOUR, Millis, SECOND, Time};
use seamwatch::testing::theme::Theme;

use super::support::{self, connected, start};
pub use super::support::{emission, everything, terms};
use super::svg::{self, Background};

/// The present of every picture.
pub const NOW: &str = "2026-08-20T03:12:44.000Z";

/// The only source of most pictures.
pub const SOURCE: SourceId = SourceId(0);

/// A console with its screen.
pub struct Console {
    pub state: State,
    pub theme: Theme,
    pub memo: Memo,
    terminal: Terminal<TestBackend>,
    /// Every effect so far.
    pub effects: Vec<Effect>,
}

/// The present, plus some milliseconds.
pub fn at(offset: Millis) -> Time {
    Time::parse(NOW).unwrap() + offset
}

/// What most pictures are of.
pub fn production() -> Connection {
    Connection {
        place: Place { title: "prod-eu".to_owned(), context: None, environment: Environment::new("PROD", None) },
        sources: vec!["prod-eu".to_owned()],
        ..Connection::default()
    }
}

impl Console {
    /// A console of this size that has heard nothing yet.
    pub fn new(columns: u16, rows: u16) -> Self {
        Self::on(columns, rows, production())
    }

    /// The same on something else.
    pub fn on(columns: u16, rows: u16, connection: Connection) -> Self {
        // Summer time began half a minute ago.
        let local_offset = |it| if it < at(-30 * SECOND) { HOUR } else { 2 * HOUR };
        let state = State::new(Start { connection, local_offset, ..start(at(0), Size { columns, rows }) });
        let mut console = Self {
            state,
            theme: Theme::named("dark").unwrap(),
            memo: Memo::default(),
            terminal: Terminal::new(TestBackend::new(columns, rows)).unwrap(),
            effects: Vec::new(),
        };
        console.draw();
        console
    }

    /// The same, connected, with these events behind it.
    pub fn with(columns: u16, rows: u16, events: Vec<Event>) -> Self {
        let mut console = Self::new(columns, rows);
        for report in connected(at(0)) {
            console.hear(report);
        }
        console.happen(events);
        console
    }

    /// Starts an act, as a screen would.
    pub fn propose(&mut self, proposal: Proposal) {
        let effects = propose(&mut self.state, proposal);
        self.effects.extend(effects);
        self.draw();
    }

    /// Starts to edit and approve, as a screen would.
    pub fn edit_approve(&mut self, target: ActTarget) {
        let effects = edit_approve(&mut self.state, target);
        self.effects.extend(effects);
        self.draw();
    }

    /// Lets events come in.
    pub fn happen(&mut self, events: Vec<Event>) {
        self.hear(Report::Batch(Batch::Events { events, cursor: Cursor::default(), behind: None }));
    }

    /// Lets the source say something.
    pub fn hear(&mut self, report: Report) {
        self.tell(Msg::Heard(SOURCE, report));
    }

    /// Lets time be `offset` milliseconds after [`NOW`].
    pub fn tick(&mut self, offset: Millis) {
        self.tell(Msg::Tick(at(offset)));
    }

    /// Handles one message, as the shell does, and draws.
    pub fn tell(&mut self, msg: Msg) -> Vec<Effect> {
        let effects = update(&mut self.state, msg);
        self.effects.extend(effects.clone());
        self.draw();
        effects
    }

    fn draw(&mut self) {
        let prepared = self.state.prepare();
        self.effects.extend(prepared.effects);
        let (state, theme, memo) = (&self.state, &self.theme, &mut self.memo);
        let drawn = self.terminal.draw(|frame| ui::draw(frame, state, theme, memo));
        drawn.unwrap();
        self.state.drawn(self.memo.last_offset);
    }

    /// Presses keys: letters as they are, others as `<tab>`, `<ctrl-d>`. Draws after each of them.
    pub fn keys(&mut self, keys: &str) -> &mut Self {
        for key in support::keys(keys) {
            self.tell(Msg::Key(key));
        }
        self
    }

    /// Lets events come in before anything is drawn again.
    pub fn hear_undrawn(&mut self, events: Vec<Event>) {
        let batch = Batch::Events { events, cursor: Cursor::default(), behind: None };
        update(&mut self.state, Msg::Heard(SOURCE, Report::Batch(batch)));
    }

    /// Presses keys faster than anything is drawn.
    pub fn keys_undrawn(&mut self, keys: &str) {
        for key in support::keys(keys) {
            update(&mut self.state, Msg::Key(key));
        }
    }

    /// Clicks on the first place where this text is drawn.
    pub fn click(&mut self, text: &str) -> &mut Self {
        let rows = self.rows();
        let found = rows.iter().enumerate().find_map(|(y, row)| {
            let at = row.find(text)?;
            Some((row[..at].chars().count() as u16, y as u16))
        });
        let (x, y) = found.unwrap_or_else(|| panic!("`{text}` is not on the screen:\n{}", rows.join("\n")));
        let on = self.memo.at(x, y);
        self.tell(Msg::Mouse(PointerEvent { x, y, kind: Gesture::Press, on }));
        self
    }

    /// The cells.
    pub fn buffer(&self) -> &Buffer {
        self.terminal.backend().buffer()
    }

    /// The text of the screen, a string for each row, without spaces at the end.
    pub fn rows(&self) -> Vec<String> {
        support::rows(self.buffer())
    }

    /// Whether this text is on the screen, on one row.
    pub fn shows(&self, text: &str) -> bool {
        self.rows().iter().any(|row| row.contains(text))
    }

    /// Fails with the whole screen when the text is not on it.
    #[track_caller]
    pub fn must_show(&self, text: &str) -> &Self {
        assert!(self.shows(text), "`{text}` is not on the screen:\n{}", self.rows().join("\n"));
        self
    }

    /// Fails with the whole screen when the text is on it.
    #[track_caller]
    pub fn must_not_show(&self, text: &str) -> &Self {
        assert!(!self.shows(text), "`{text}` is on the screen:\n{}", self.rows().join("\n"));
        self
    }

    /// Compares the screen with `screenshots/NAME.svg`, or writes it with `UPDATE=1`. The text of the screen is
    /// kept in `tests/screens/golden/NAME.txt`, so that a difference can be read.
    #[track_caller]
    pub fn golden(&self, name: &str) {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let picture = root.join("screenshots").join(format!("{name}.svg"));
        let text = root.join("tests/screens/golden").join(format!("{name}.txt"));
        let background =
            if self.theme == Theme::named("light").unwrap() { Background::Light } else { Background::Dark };
        let drawn = svg::svg(self.buffer(), "seam", background);
        let rows = self.rows();
        if std::env::var_os("UPDATE").is_some() {
            for (path, content) in [(&picture, &drawn), (&text, &(rows.join("\n") + "\n"))] {
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, content).unwrap();
            }
            return;
        }
        let before = std::fs::read_to_string(&text).unwrap_or_default();
        let before: Vec<&str> = before.lines().collect();
        assert!(before == rows, "{name} looks different (UPDATE=1 accepts it):\n{}", difference(&before, &rows));
        let same = std::fs::read_to_string(&picture).is_ok_and(|it| it == drawn);
        assert!(same, "{name} has the same text in other colours (UPDATE=1 accepts it)");
    }
}

/// The rows that differ: before with `-`, now with `+`.
fn difference(before: &[&str], now: &[String]) -> String {
    let mut lines = Vec::new();
    for nth in 0..before.len().max(now.len()) {
        let (old, new) = (before.get(nth).copied(), now.get(nth).map(String::as_str));
        if old != new {
            lines.extend(old.map(|it| format!("{nth:>3} - {it}")));
            lines.extend(new.map(|it| format!("{nth:>3} + {it}")));
        }
    }
    lines.join("\n")
}

/// A run that tells its story event by event.
pub struct Story {
    run: RunId,
    seq: u64,
    pub events: Vec<Event>,
}

impl Story {
    pub fn new(run: &str) -> Self {
        Self { run: run.into(), seq: 0, events: Vec::new() }
    }

    /// Something happens `offset` milliseconds from [`NOW`] (negative: before it).
    pub fn then(mut self, offset: Millis, handoff: &str, actor: Actor, fact: Fact) -> Self {
        self.seq += 1;
        self.events.push(Event {
            seen: None,
            run: self.run.clone(),
            seq: self.seq,
            at: at(offset),
            handoff: Some(HandoffId::from(handoff)),
            actor,
            fact,
        });
        self
    }

    /// A handoff is emitted, the ordinary way.
    pub fn emitted(self, offset: Millis, handoff: &str, edge: (&str, &str, &str), title: &str) -> Self {
        let edge = Edge::new(edge.0, edge.1, edge.2);
        let from = Actor::agent(&edge.from);
        self.then(offset, handoff, from, Fact::Emitted(Arc::new(emission(edge, title, at(offset)))))
    }
}
