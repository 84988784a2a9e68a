//! Places of the console: the screens by name, and the target of a jump to one.

use crate::domain::id::{Edge, HandoffId, RunId};
use crate::domain::port::SourceId;
use crate::keymap::{Action, Context};

/// One row per screen: its name, which is that of its key context too, the action that shows it, and its title.
macro_rules! screens {
    ($($variant:ident $action:ident $title:literal;)*) => {
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

            /// Context that its keys are looked up in.
            pub const fn context(self) -> Context {
                match self { $(Self::$variant => Context::$variant,)* }
            }

            /// The action that shows it.
            pub const fn action(self) -> Action {
                match self { $(Self::$variant => Action::$action,)* }
            }
        }
    };
}

screens! {
    Pipelines ShowPipelines "pipelines";
    Edges ShowEdges "edges";
    Tasks ShowTasks "tasks";
    DeadLetters ShowDeadLetters "dead letters";
    Inbox ShowInbox "inbox";
    Events ShowEvents "events";
    Sources ShowSources "sources";
}

/// Target of a jump to a screen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Focus {
    /// The screen as it is.
    Here,
    /// One pipeline, by name.
    Pipeline(SourceId, String),
    /// One edge of a source.
    Edge(SourceId, Edge),
    /// One run, by id.
    Run(SourceId, RunId),
    /// One handoff, by id.
    Handoff(SourceId, HandoffId),
    /// Rows that match a filter.
    Filter(String),
    /// One source, by id.
    Source(SourceId),
}
