//! Everything the console knows and remembers.

use crate::domain::port::SourceId;
use crate::domain::time::{Millis, Time};
use crate::keymap::{Action, Context, Keymap};

use super::act::in_flight::Acting;
use super::attention::{self, Badge};
use super::binding::Binding;
use super::conflict;
use super::connection::{Connection, Named, Place};
use super::feed::Feed;
use super::layer::{Dialog, Layer};
use super::msg::{Effect, Size};
use super::place::ScreenId;
use super::screen::Screen;
use super::screen_context::ScreenContext;
use super::toast::{self, Toasts, Tone};
use super::views::Views;
use super::world::{TimeFormat, World};

/// Signs in place of numbers (protocol section 5), and what they mean.
const LEGEND: &[(&str, &str)] = &[
    ("-", "Nothing of it was seen."),
    ("2/7", "2 of 7: too few to judge or to say in per cent."),
    ("≥41s", "At least: handoffs that still wait count as long as they wait."),
    ("n/m", "Not measured: this source does not tell it."),
];

/// Everything the console knows and remembers.
#[derive(Debug)]
pub struct State {
    /// The sources and the present: everything the screens read.
    pub world: World,
    /// The keys in force.
    pub keymap: Keymap,
    /// Place of the user, for the status line and wherever an act is confirmed.
    pub place: Place,
    /// The contexts that can be opened, in the order of the configuration.
    pub contexts: Vec<Named>,
    /// The screens and the pages over them.
    pub views: Views,
    /// The layers over both, lowest first; the last one has the keys.
    pub layers: Vec<Layer>,
    /// The messages of the message line.
    pub toasts: Toasts,
    /// The badges of the attention strip, worst first.
    pub badges: Vec<Badge>,
    /// Index of the badge that was jumped to last; `None` before the first jump.
    pub(super) badge_at: Option<usize>,
    /// The acts that are pending or in flight.
    pub acting: Acting,
    /// Whether the console gets the mouse; else the terminal selects text with it.
    pub mouse: bool,
    /// True when the screen may look different than when it was last drawn.
    pub dirty: bool,
    /// Words for after the terminal is restored; `None` when there is nothing to say.
    pub farewell: Option<String>,
}

/// Settings that the console starts with.
#[derive(Clone, Debug)]
pub struct Start {
    /// What it is connected to at first.
    pub connection: Connection,
    /// Name of the operator, under which acts are done.
    pub operator: String,
    /// The keys in force.
    pub keymap: Keymap,
    /// The present, by the clock of this machine.
    pub now: Time,
    /// Offset of local time from UTC at an instant, in milliseconds.
    pub local_offset: fn(Time) -> Millis,
    /// Size of the terminal.
    pub size: Size,
    /// Drawn at random for this run of the console: makes the keys of its requests unlike all others.
    pub session: String,
}

/// Result of preparing a draw.
#[derive(Debug, PartialEq)]
#[must_use]
pub struct Prepared {
    /// Requests for the item under the cursor, whose details are not known yet.
    pub effects: Vec<Effect>,
    /// Instant of the next draw, when rows were left as they were because making them takes long; else `None`.
    pub again: Option<Time>,
}

impl State {
    /// A console that has heard nothing yet.
    pub fn new(start: Start) -> Self {
        let mut state = Self {
            world: World {
                now: start.now,
                feeds: Vec::new(),
                operator: start.operator,
                locked: None,
                frozen: None,
                time_format: TimeFormat::default(),
                local_offset: start.local_offset,
                set_back: 0,
                size: start.size,
            },
            keymap: start.keymap,
            place: Place::default(),
            contexts: Vec::new(),
            views: Views::default(),
            layers: Vec::new(),
            toasts: Toasts::default(),
            badges: Vec::new(),
            badge_at: None,
            acting: Acting::new(start.session),
            mouse: true,
            dirty: true,
            farewell: None,
        };
        state.connect(start.connection);
        state
    }

    /// Begins anew on other sources: nothing is left of what was known and seen, but the choices of the user, such as the
    /// format of times.
    pub(super) fn connect(&mut self, connection: Connection) {
        let Connection { place, sources, locked, filter, contexts } = connection;
        self.world.feeds = (0..).zip(&sources).map(|(nth, name)| Feed::new(SourceId(nth), name)).collect();
        self.world.locked = locked;
        self.world.frozen = None;
        self.place = place;
        self.contexts = contexts;
        self.views = Views::default();
        self.layers.clear();
        self.badges.clear();
        self.badge_at = None;
        let mut fits = filter.is_empty();
        for id in ScreenId::ALL {
            let screen = self.views.screens.get_mut(*id);
            // A filter with fields that are not on this screen leaves it as it is.
            fits |= screen.set_filter(&self.world, &filter).is_ok() && screen.filter().is_some();
        }
        if !fits {
            self.say(format!("no screen can be filtered by {filter}"), Tone::Bad);
        }
    }

    /// Brings everything that is made from the world up to date. Called once before every draw, so that nothing
    /// moves between what is seen and the key pressed on it. Costs nothing when nothing changed.
    pub fn prepare(&mut self) -> Prepared {
        let now = self.world.now;
        let again = self.world.feeds.iter_mut().filter_map(|feed| feed.renew(now)).min();
        self.badges = attention::badges(&self.world);
        let mut cx = ScreenContext::new(&self.world, &mut self.acting.tickets);
        if !self.views.shows(ScreenId::Inbox) {
            self.views.screens.inbox.look_away();
        }
        let view = self.views.top_mut();
        view.refresh(&self.world);
        view.look(&mut cx);
        let effects = cx.effects;
        self.refresh_confirmation();
        Prepared { effects, again }
    }

    /// Says in an open confirmation what moved since the snapshot was taken.
    pub(super) fn refresh_confirmation(&mut self) {
        let Some(Layer::Dialog(Dialog { form: Some(form), .. })) = self.layers.last() else {
            return;
        };
        let arrived = self.view().arrived(&self.world, &form.proposal);
        let news = conflict::news(&self.world, form, arrived);
        if let Some(Layer::Dialog(dialog)) = self.layers.last_mut() {
            dialog.news = news;
        }
    }

    /// The view that has the keys when no layer lies over it: the page, else the screen.
    pub fn view(&self) -> &dyn Screen {
        self.views.top()
    }

    /// Context that the keys of the view are looked up in.
    pub const fn view_context(&self) -> Context {
        if self.views.page.is_some() { Context::Handoff } else { self.views.at.context() }
    }

    /// Context that keys are looked up in now: that of the layer on top, else that of the view.
    pub fn context(&self) -> Context {
        self.layers.last().map_or_else(|| self.view_context(), |it| it.overlay().context())
    }

    /// Says at the start what is wrong with the files of the user.
    pub fn note(&mut self, notes: Vec<String>) {
        if notes.len() > toast::MAX_TOASTS {
            self.layers.push(Layer::Dialog(Dialog::notes(notes)));
        } else {
            for note in notes {
                self.say(note, Tone::Plain);
            }
        }
    }

    /// Legend of the signs in place of numbers on the screen shown; empty where there are none.
    pub fn legend(&self) -> &'static [(&'static str, &'static str)] {
        match (&self.views.page, self.views.at) {
            (None, ScreenId::Pipelines | ScreenId::Edges) => LEGEND,
            _ => &[],
        }
    }

    /// Takes what a frame found out: how far the layer on top can be scrolled, 0 when all of it is seen.
    pub fn drawn(&mut self, last_offset: usize) {
        if let Some(offset) = self.layers.last_mut().and_then(|it| it.overlay_mut().offset()) {
            *offset = last_offset.min(*offset);
        }
    }

    /// Everything that can be done here and now, whoever does it. Footer, help, palette and keys all use this list.
    pub fn bindings(&self) -> Vec<Binding> {
        let mut bindings = Vec::new();
        if !self.acting.pending().is_empty() {
            bindings.push(Binding::new(Action::Undo).word("undo dismissal"));
        }
        bindings.extend(self.view().bindings(&self.world).into_iter().map(|it| Binding { of_view: true, ..it }));
        let filter = self.view().filter();
        if self.views.page.is_some() {
            bindings.push(Binding::new(Action::Back));
        } else if filter.is_some_and(|it| !it.is_empty()) {
            bindings.push(Binding::new(Action::Back).word("clear filter"));
        }
        if filter.is_some() {
            bindings.push(Binding::new(Action::Filter));
            bindings.push(Binding::quiet(Action::SaveView));
        }
        if filter.is_some_and(|it| !it.is_empty()) {
            bindings.extend([Action::NextMatch, Action::PreviousMatch].map(Binding::quiet));
        }
        if self.world.feeds.iter().any(Feed::is_recording) {
            use Action::{PauseReplay, ReplayBack, ReplayFaster, ReplayForward, ReplaySlower};
            let paused = self.world.feeds.iter().filter_map(Feed::replay).any(|it| it.paused);
            bindings.push(Binding::new(PauseReplay).word(if paused { "play" } else { "pause" }));
            bindings.extend([ReplayBack, ReplayForward, ReplaySlower, ReplayFaster].map(Binding::quiet));
        }
        if !self.badges.is_empty() {
            bindings.push(Binding::new(Action::NextAlert));
        }
        let freeze = Binding::new(Action::Freeze);
        bindings.push(if self.world.frozen.is_some() { freeze.word("go on") } else { freeze });
        bindings.extend(ScreenId::ALL.iter().map(|it| Binding {
            footer: *it != self.views.at || self.views.page.is_some(),
            ..Binding::new(it.action())
        }));
        bindings
            .extend([Action::TimeFormat, Action::ReleaseMouse, Action::Redraw, Action::Suspend].map(Binding::quiet));
        if self.views.page.is_none() {
            bindings.push(Binding::quiet(Action::Quit));
        }
        bindings.push(Binding::quiet(Action::Interrupt));
        bindings.push(Binding::new(Action::Palette));
        bindings.push(Binding::new(Action::Help));
        let mut seen = Vec::new();
        bindings.retain(|it| {
            !seen.contains(&it.action) && {
                seen.push(it.action);
                true
            }
        });
        bindings
    }

    /// Says something for a few seconds.
    pub fn say(&mut self, text: impl Into<String>, tone: Tone) {
        self.toasts.show(text, tone, self.world.now);
    }
}
