//! Keys and their actions: one commented table, which users may override.
//!
//! The footer, the help and the palette ask this table for the keys they show, so they cannot lie.

mod action;
mod key;
mod load;

pub use action::Action;
pub use key::{Code, Key};

use crate::toml_lines::Mistake;

/// The default table, as shipped; `keys.toml` of a user has the same form.
pub const DEFAULT: &str = include_str!("keymap.toml");

/// Part of the console that looks a key up. The same letter may mean different things on different screens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Context {
    /// Everywhere, unless the screen has a meaning of its own for the key.
    Global,
    /// Screen 1, the landing screen.
    Pipelines,
    /// Screen 2, the edges.
    Edges,
    /// Screen 3, the tasks.
    Tasks,
    /// Screen 4, the dead letters.
    DeadLetters,
    /// Screen 5, the inbox.
    Inbox,
    /// Screen 6, the events.
    Events,
    /// Screen 7, the sources.
    Sources,
    /// The page of one handoff.
    Handoff,
    /// A confirmation. It holds the keys: nothing global shines through.
    Dialog,
    /// A question answered by one of some choices. It holds the keys too.
    Choice,
    /// A text over the screen: the help, the results of an act on many. It holds the keys too.
    Reading,
    /// A line being typed. It holds the keys: what is not bound is text.
    Prompt,
}

impl Context {
    /// Every context with the name of its table in `keys.toml`.
    pub const ALL: [(Self, &str); 13] = [
        (Self::Global, "global"),
        (Self::Pipelines, "pipelines"),
        (Self::Edges, "edges"),
        (Self::Tasks, "tasks"),
        (Self::DeadLetters, "dead-letters"),
        (Self::Inbox, "inbox"),
        (Self::Events, "events"),
        (Self::Sources, "sources"),
        (Self::Handoff, "handoff"),
        (Self::Dialog, "dialog"),
        (Self::Choice, "choice"),
        (Self::Reading, "reading"),
        (Self::Prompt, "prompt"),
    ];

    /// True when keys without a meaning here fall through to [`Context::Global`].
    const fn falls_through(self) -> bool {
        !matches!(self, Self::Dialog | Self::Choice | Self::Reading | Self::Prompt)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct KeyBinding {
    context: Context,
    key: Key,
    action: Action,
}

/// The keys in force: the default table with a user's changes on top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keymap {
    /// In the order of the table: the first key of an action is the one shown.
    bindings: Vec<KeyBinding>,
}

impl Default for Keymap {
    fn default() -> Self {
        Self::load("").expect("the embedded table has no mistakes: `the_default_table_is_sound` checks it")
    }
}

impl Keymap {
    /// The default table changed by a user's `keys.toml`. An action named there loses its default keys in that
    /// context; everything else stays.
    ///
    /// # Errors
    /// All mistakes at once, in the order of their lines; then nothing of the text is used.
    pub fn load(user: &str) -> Result<Self, Vec<Mistake>> {
        load::load(DEFAULT, user).map(|bindings| Self { bindings })
    }

    /// Action of the key in this context: the screen's own meaning first, then the global one; `None` when unbound.
    /// `ctrl-c` always quits.
    pub fn action(&self, key: Key, context: Context) -> Option<Action> {
        if key == Key::INTERRUPT {
            return Some(Action::Interrupt);
        }
        let global = || self.bound(key, Context::Global).filter(|_| context.falls_through());
        self.bound(key, context).or_else(global)
    }

    fn bound(&self, key: Key, context: Context) -> Option<Action> {
        let mut bindings = self.bindings.iter();
        bindings.find(|at| at.context == context && at.key == key).map(|at| at.action)
    }

    /// The keys that do this here, the screen's own first. A global key that means something else here is left out.
    pub fn keys_for(&self, action: Action, context: Context) -> impl Iterator<Item = Key> + '_ {
        let interrupt = (action == Action::Interrupt).then_some(Key::INTERRUPT);
        let of_action = move |place| {
            let bindings = self.bindings.iter();
            bindings.filter(move |at| at.context == place && at.action == action).map(|at| at.key)
        };
        let falls = context != Context::Global && context.falls_through();
        let global = of_action(Context::Global).filter(move |&key| falls && self.bound(key, context).is_none());
        interrupt.into_iter().chain(of_action(context)).chain(global)
    }

    /// The key to show for an action here, such as `enter`; nothing when it has none.
    pub fn key_for(&self, action: Action, context: Context) -> Option<Key> {
        self.keys_for(action, context).next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::port::ActKind;

    fn key(text: &str) -> Key {
        text.parse().unwrap()
    }

    #[test]
    fn the_default_table_is_sound() {
        // Conflicts within a context are mistakes, so a table that loads has none.
        let mistakes = load::load(DEFAULT, "").err().unwrap_or_default();
        assert_eq!(mistakes, []);
    }

    #[test]
    fn every_action_can_be_reached() {
        let keymap = Keymap::default();
        for action in Action::all() {
            let reachable = Context::ALL.iter().any(|&(context, _)| keymap.key_for(action, context).is_some());
            assert!(reachable, "{} has no key", action.name());
        }
    }

    #[test]
    fn the_screen_wins_over_the_global_table() {
        let keymap = Keymap::default();
        assert_eq!(keymap.action(key("t"), Context::Edges), Some(Action::TimeFormat));
        assert_eq!(keymap.action(key("t"), Context::Inbox), Some(Action::Details));
        assert_eq!(keymap.key_for(Action::TimeFormat, Context::Inbox), None);
        assert_eq!(keymap.key_for(Action::Open, Context::Inbox), Some(key("enter")));
    }

    #[test]
    fn layers_hold_the_keys() {
        let keymap = Keymap::default();
        assert_eq!(keymap.action(key("R"), Context::Dialog), None);
        assert_eq!(keymap.action(key("q"), Context::Prompt), None);
        for (context, _) in Context::ALL {
            assert_eq!(keymap.action(key("ctrl-c"), context), Some(Action::Interrupt));
        }
    }

    #[test]
    fn control_d_never_changes_anything() {
        let keymap = Keymap::default();
        for (context, _) in Context::ALL {
            if let Some(action) = keymap.action(key("ctrl-d"), context) {
                assert!(!action.changes(), "ctrl-d does {}", action.name());
            }
        }
    }

    #[test]
    fn an_override_replaces_and_the_old_key_is_free() {
        let keymap = Keymap::load("[global]\nfilter = [\"ctrl-f\", \"f3\"]\nhelp = []\n").unwrap();
        assert_eq!(keymap.action(key("/"), Context::Edges), None);
        assert_eq!(keymap.action(key("f3"), Context::Edges), Some(Action::Filter));
        assert_eq!(keymap.key_for(Action::Filter, Context::Tasks), Some(key("ctrl-f")));
        assert_eq!(keymap.key_for(Action::Help, Context::Tasks), None);
    }

    #[test]
    fn a_screen_may_have_keys_of_its_own() {
        let keymap = Keymap::load("[dead-letters]\nrequeue = \"r\"").unwrap();
        let keys: Vec<Key> = keymap.keys_for(Action::Act(ActKind::Requeue), Context::DeadLetters).collect();
        assert_eq!(keys, [key("r"), key("R")]);
        assert_eq!(keymap.action(key("r"), Context::Edges), None);
    }
}
