//! Bindings of the view and the frame: the one list of possible actions that footer, help, palette and keys share.

use crate::domain::port::{ActKind, SourceId};
use crate::keymap::Action;

use super::world::World;

/// A binding: an action that can be done here and now, or is named with the reason why it cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The action of the key.
    pub action: Action,
    /// The word for the footer when the action's own is too general, such as `requeue group 4`.
    pub word: Option<String>,
    /// The reason that it does not work now, shown when the key is pressed; `None` when it works.
    pub locked: Option<String>,
    /// Worth a place in the footer. Moving is not: everybody knows the keys.
    pub footer: bool,
    /// The screen or page on top does it; else the frame around it. The frame says which, whoever made the binding.
    pub of_view: bool,
}

impl Binding {
    /// An action worth a place in the footer.
    pub const fn new(action: Action) -> Self {
        Self { action, word: None, locked: None, footer: true, of_view: false }
    }

    /// An action that only the help lists.
    pub const fn quiet(action: Action) -> Self {
        Self { action, word: None, locked: None, footer: false, of_view: false }
    }

    /// An act on a source, locked when it is not possible there now. What only adds to an item is never urgent.
    pub fn act(world: &World, source: SourceId, act: ActKind) -> Self {
        Self { footer: !act.row().adds, ..Self::new(Action::Act(act)) }.of(world, source, act)
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
