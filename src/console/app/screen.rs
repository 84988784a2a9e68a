//! What a screen is, and the table of all of them.

use crate::domain::id::{Edge, HandoffId, RunId};
use crate::domain::port::{ActKind, Fault, SourceId};
use crate::keymap::{Action, Context};

use super::act::Proposal;
use super::msg::{Reply, Ticket};
use super::screen_context::ScreenContext;
use super::world::World;
use super::{dead_letters, edges, events, inbox, pipelines, sources, tasks};

/// One screen, or the page of a handoff. Everything it knows comes from the [`World`]; what it wants done goes
/// to the [`ScreenContext`].
pub trait Screen {
    /// Brings the rows up to date. Called once before every draw and never between two, so rows keep their
    /// places from what is seen to the key pressed on it. Cheap when nothing changed: cache by ledger revision,
    /// sort and filter.
    fn refresh(&mut self, world: &World);

    /// Fetches what is under the cursor and not known yet. Called after [`Screen::refresh`], before the draw.
    fn look(&mut self, _desk: &mut ScreenContext<'_>) {}

    /// What can be done here now, the most useful first. Footer, help and palette show this list, and only
    /// actions in it reach [`Screen::act`].
    fn bindings(&self, world: &World) -> Vec<Binding>;

    /// Does one of the offered actions.
    fn act(&mut self, cx: &mut ScreenContext<'_>, action: Action);

    /// A click on the nth row of the main list as drawn; a second click on the same row opens it.
    fn click(&mut self, _desk: &mut ScreenContext<'_>, _row: usize) {}

    /// A click on the nth tab.
    fn tab(&mut self, _desk: &mut ScreenContext<'_>, _nth: usize) {}

    /// A click on the title of the nth column.
    fn column(&mut self, _desk: &mut ScreenContext<'_>, _nth: usize) {}

    /// Shows the rows that somebody jumped to from a badge, the palette or another screen.
    fn show(&mut self, _world: &World, _focus: &Focus) {}

    /// The filter in force; empty when none. `None` when this screen cannot be filtered.
    fn filter(&self) -> Option<&str> {
        None
    }

    /// Sets the filter, with every key typed into the prompt. The error is shown under it.
    fn set_filter(&mut self, _world: &World, _text: &str) -> Result<(), String> {
        Ok(())
    }

    /// The answer to something this screen fetched.
    fn answered(&mut self, _world: &World, _ticket: Ticket, _reply: &Result<Reply, Fault>) {}

    /// How many rows match the scope of a proposal now and were not there when it was made: "9 arrived since".
    fn arrived(&self, _world: &World, _proposal: &Proposal) -> usize {
        0
    }
}

/// Something that can be done here and now, or is named with the reason why it cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// What.
    pub action: Action,
    /// The word for the footer when the action's own is too general, such as `requeue group 4`.
    pub word: Option<String>,
    /// Why it does not work now; the key then says so.
    pub locked: Option<String>,
    /// Worth a place in the footer. Moving is not: everybody knows the keys.
    pub footer: bool,
}

impl Binding {
    /// An action worth a place in the footer.
    pub const fn new(action: Action) -> Self {
        Self { action, word: None, locked: None, footer: true }
    }

    /// An action that only the help lists.
    pub const fn quiet(action: Action) -> Self {
        Self { action, word: None, locked: None, footer: false }
    }

    /// An act on a source, locked when it is not possible there now.
    pub fn act(world: &World, source: SourceId, act: ActKind) -> Self {
        Self::new(Action::Act(act)).of(world, source, act)
    }

    /// With a more exact word for the footer.
    #[must_use]
    pub fn word(mut self, word: impl Into<String>) -> Self {
        self.word = Some(word.into());
        self
    }

    /// Locked when the source, the link or `--readonly` forbids the act now.
    #[must_use]
    pub fn of(mut self, world: &World, source: SourceId, act: ActKind) -> Self {
        self.locked = world.lock(source, act);
        self
    }

    /// Locked for a reason of the screen's own; `None` leaves it as it is.
    #[must_use]
    pub fn unless(mut self, why: Option<impl Into<String>>) -> Self {
        self.locked = self.locked.or(why.map(Into::into));
        self
    }
}

/// What a jump is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Focus {
    /// The screen as it is.
    Here,
    /// One pipeline.
    Pipeline(SourceId, String),
    /// One edge.
    Edge(SourceId, Edge),
    /// One run.
    Run(SourceId, RunId),
    /// One handoff.
    Handoff(SourceId, HandoffId),
    /// Rows that match a filter.
    Filter(String),
    /// One source.
    Source(SourceId),
}

/// One row per screen: variant, module, type, its key context and the action that shows it, and its title.
macro_rules! screens {
    ($($variant:ident $module:ident $action:ident $title:literal;)*) => {
        /// The screens, in the order of their keys.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ScreenId { $(#[doc = $title] $variant,)* }

        impl ScreenId {
            /// All of them, in the order of their keys.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The title, such as `dead letters`.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// Where its keys are looked up.
            pub const fn context(self) -> Context {
                match self { $(Self::$variant => Context::$variant,)* }
            }

            /// The action that shows it.
            pub const fn action(self) -> Action {
                match self { $(Self::$variant => Action::$action,)* }
            }
        }

        /// The state of every screen.
        #[derive(Debug, Default)]
        pub struct Screens {
            $(#[doc = $title] pub $module: $module::$variant,)*
        }

        impl Screens {
            /// One of them.
            pub fn get(&self, id: ScreenId) -> &dyn Screen {
                match id { $(ScreenId::$variant => &self.$module,)* }
            }

            /// One of them, to change it.
            pub fn get_mut(&mut self, id: ScreenId) -> &mut dyn Screen {
                match id { $(ScreenId::$variant => &mut self.$module,)* }
            }
        }
    };
}

screens! {
    Pipelines pipelines ShowPipelines "pipelines";
    Edges edges ShowEdges "edges";
    Tasks tasks ShowTasks "tasks";
    DeadLetters dead_letters ShowDeadLetters "dead letters";
    Inbox inbox ShowInbox "inbox";
    Events events ShowEvents "events";
    Sources sources ShowSources "sources";
}
