//! A console without a terminal, and something to look at.

use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use seamwatch::testing::console::app::{Effect, Msg, Size, State, update};
use seamwatch::testing::console::shell::Screen;
use seamwatch::testing::console::ui::{self, Memo};
use seamwatch::testing::domain::contract::Urgency;
use seamwatch::testing::domain::event::{
    Answer, DeadReason, Emission, Escalation, EscalationKind, Event, Fact, Timeout,
};
use seamwatch::testing::domain::id::{Actor, Edge};
use seamwatch::testing::domain::port::{Batch, Cursor, Report, SourceId};
use seamwatch::testing::domain::time::{MINUTE, Millis, SECOND, Time};
use seamwatch::testing::theme::Theme;

use super::support::{self, connected, start};

/// The size all figures of drawing are for.
pub const SIZE: Size = Size { columns: 200, rows: 60 };

/// Counts what is written and throws it away.
#[derive(Clone, Default)]
pub struct Counted(pub Rc<Cell<usize>>);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.set(self.0.get() + bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A screen of [`SIZE`] that goes nowhere.
pub fn screen() -> (Terminal<Screen<Counted>>, Counted) {
    let counted = Counted::default();
    let viewport = Viewport::Fixed(Rect::new(0, 0, SIZE.columns, SIZE.rows));
    let backend = Screen::new(counted.clone());
    let terminal = Terminal::with_options(backend, TerminalOptions { viewport });
    (terminal.expect("a fixed screen asks nothing"), counted)
}

/// A console with its screen.
pub struct Stage {
    /// The console.
    pub state: State,
    theme: Theme,
    memo: Memo,
    terminal: Terminal<Screen<Counted>>,
    /// What went to the terminal.
    pub written: Counted,
    /// The present.
    pub now: Time,
}

impl Stage {
    /// A console that has heard of these events from an orchestrator.
    pub fn new(events: Vec<Event>) -> Self {
        let now = events.last().map_or_else(|| Time::from_millis(0), |it| it.at);
        let state = State::new(start(now, SIZE));
        let (terminal, written) = screen();
        let mut made = Self {
            state,
            theme: Theme::named("dark").expect("it is built in"),
            memo: Memo::default(),
            terminal,
            written,
            now,
        };
        for report in connected(now) {
            made.hear(report);
        }
        made.happen(events);
        made.frame();
        made
    }

    /// Lets events come in.
    pub fn happen(&mut self, events: Vec<Event>) {
        self.hear(Report::Batch(Batch::Events { events, cursor: Cursor::default(), behind: None }));
    }

    /// Lets the source say something.
    pub fn hear(&mut self, report: Report) {
        self.tell(Msg::Heard(SourceId(0), report));
    }

    /// Hands over one message.
    pub fn tell(&mut self, msg: Msg) -> Vec<Effect> {
        update(&mut self.state, msg)
    }

    /// Lets time pass.
    pub fn pass(&mut self, millis: Millis) {
        self.now = self.now + millis;
        let alive = Batch::Alive { at: self.now };
        self.tell(Msg::Tick(self.now));
        self.hear(Report::Batch(alive));
    }

    /// Presses keys, as [`support::keys`] writes them. Draws after each.
    pub fn keys(&mut self, script: &str) {
        for key in support::keys(script) {
            self.tell(Msg::Key(key));
            self.frame();
        }
    }

    /// Presses one key, without drawing.
    pub fn key(&mut self, name: &str) {
        let key = name.parse().expect("the benchmarks press keys that exist");
        self.tell(Msg::Key(key));
    }

    /// One frame, as the shell draws it.
    pub fn frame(&mut self) {
        self.state.dirty = false;
        let _ = self.state.prepare();
        let (state, theme, memo) = (&self.state, &self.theme, &mut self.memo);
        let drawn = self.terminal.draw(|frame| ui::draw(frame, state, theme, memo));
        drawn.expect("nothing can go wrong with bytes that are thrown away");
    }

    /// Draws the view anew and gives the cells.
    pub fn cells(&mut self) -> Buffer {
        let (state, theme, memo) = (&self.state, &self.theme, &mut self.memo);
        let drawn = self.terminal.draw(|frame| ui::draw(frame, state, theme, memo));
        drawn.expect("nothing can go wrong with bytes that are thrown away").buffer.clone()
    }

    /// Whether this text is on the screen, on one row.
    pub fn shows(&mut self, text: &str) -> bool {
        support::rows(&self.cells()).iter().any(|row| row.contains(text))
    }
}

/// The end of all scenes.
pub fn present() -> Time {
    Time::parse("2026-08-20T03:12:44.000Z").expect("it is a time")
}

/// Agents of one pipeline, each handing over to the next.
const AGENTS: [&str; 7] = ["research", "writer", "reviewer", "editor", "legal", "publisher", "archive"];

/// The nth edge of a house with eight pipelines of six edges.
pub fn edge(nth: usize) -> Edge {
    let step = nth % 6;
    let pipeline = format!("pipeline-{}", nth / 6 % 8);
    Edge::new(&pipeline, AGENTS[step], AGENTS[step + 1])
}

/// The head of an ordinary contract.
pub fn emission(edge: Edge, nth: usize, at: Time) -> Emission {
    let mut head = support::emission(edge, &format!("Work order {nth} of the campaign"), at);
    let terms = support::terms(&mut head);
    terms.key = format!("hk1_{nth:064x}").into();
    terms.digest = format!("sha256:{nth:064x}").into();
    head
}

/// One event of a run.
pub fn event(run: usize, seq: u64, handoff: usize, at: Time, actor: &Actor, fact: Fact) -> Event {
    Event {
        seen: None,
        run: format!("run-{run:08}").into(),
        seq,
        at,
        handoff: Some(format!("h-{handoff:08}").into()),
        actor: actor.clone(),
        fact,
    }
}

/// An attempt begins.
pub fn leased(attempt: u32, until: Time) -> Fact {
    Fact::Leased {
        attempt,
        total: attempt,
        lease: "1.0123456789abcdef".to_owned(),
        holder: "writer".to_owned(),
        until: Some(until),
        lease_ms: MINUTE,
        resumed_at: None,
    }
}

/// The work is done.
pub fn completed() -> Fact {
    Fact::Completed { emitted: Vec::new(), result: None, note: String::new() }
}

/// It failed for good.
pub fn dead(code: &str) -> Fact {
    Fact::DeadLettered {
        code: code.to_owned(),
        reason: DeadReason::BudgetSpent,
        detail: "the other side did not answer in 3000 ms".to_owned(),
        violations: Vec::new(),
    }
}

fn question(nth: usize, at: Time) -> Fact {
    Fact::EscalationOpened(Box::new(Escalation {
        id: format!("esc-{nth}"),
        kind: EscalationKind::Loop,
        question: "Writer and reviewer cannot agree. How shall it go on?".to_owned(),
        allow: vec![Answer::Respond, Answer::Dismiss],
        role: Some("editor".to_owned()),
        urgency: Urgency::High,
        due_at: Some(at + 60 * MINUTE),
        on_timeout: Timeout::DeadLetter,
        proposed_action: None,
        requested_schema: None,
        context_digest: Some("sha256:00".to_owned()),
        required: false,
        asker: None,
        cause: None,
    }))
}

/// A busy house: handoffs over the last two hours, some dead, some with people, some still open.
pub fn house(handoffs: usize) -> Vec<Event> {
    let actor = Actor::agent("writer");
    let begin = present() + -120 * MINUTE;
    let mut events = Vec::with_capacity(handoffs * 4);
    for nth in 0..handoffs {
        let run = nth / 3;
        let at = begin + (nth as Millis * 120 * MINUTE / handoffs as Millis);
        let later = |steps: Millis| at + steps * (400 + (nth as Millis * 7_919) % 3_000);
        let mut seq = (nth % 3) as u64 * 8;
        let mut add = |at: Time, fact: Fact| {
            seq += 1;
            events.push(event(run, seq, nth, at.min(present()), &actor, fact));
        };
        add(at, Fact::Emitted(Arc::new(emission(edge(nth), nth, at))));
        add(later(1), leased(1, later(1) + MINUTE));
        match nth % 40 {
            0..3 => add(later(3), dead(["timeout", "refused", "quota"][nth % 3])),
            3 => add(later(2), question(nth, at)),
            4 | 5 => {}
            6..8 => {
                add(later(2), Fact::Acknowledged { until: None });
            }
            _ => {
                add(later(2), Fact::Acknowledged { until: None });
                add(later(4), completed());
            }
        }
    }
    events.sort_by_key(|it| it.at);
    events
}

/// So many dead letters, ten to a run; nearly all of them are the same failure.
pub fn graveyard(many: usize) -> Vec<Event> {
    let actor = Actor::agent("writer");
    let mut events = Vec::with_capacity(many * 2);
    for nth in 0..many {
        let (run, seq) = (nth / 10, (nth % 10 * 2) as u64);
        let at = present() + -(SECOND + (many - nth) as Millis);
        let code = if nth % 50 == 0 { "quota" } else { "timeout" };
        let head = emission(edge(0), nth, at);
        events.push(event(run, seq + 1, nth, at, &actor, Fact::Emitted(Arc::new(head))));
        events.push(event(run, seq + 2, nth, at + 1, &actor, dead(code)));
    }
    events
}
