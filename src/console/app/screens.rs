//! Every screen there is.

use super::place::ScreenId;
use super::screen::Screen;
use super::{dead_letters, edges, events, inbox, pipelines, sources, tasks};

/// One row per screen: its name, and the module that has a type of that name.
macro_rules! screens {
    ($($variant:ident $module:ident;)*) => {
        /// The state of every screen.
        #[derive(Debug, Default)]
        #[allow(clippy::missing_docs_in_private_items)] // the fields are named after their screens
        pub struct Screens {
            $(pub $module: $module::$variant,)*
        }

        impl Screens {
            /// A screen by its id.
            pub fn get(&self, id: ScreenId) -> &dyn Screen {
                match id { $(ScreenId::$variant => &self.$module,)* }
            }

            /// A screen by its id, to change it.
            pub fn get_mut(&mut self, id: ScreenId) -> &mut dyn Screen {
                match id { $(ScreenId::$variant => &mut self.$module,)* }
            }
        }
    };
}

screens! {
    Pipelines pipelines;
    Edges edges;
    Tasks tasks;
    DeadLetters dead_letters;
    Inbox inbox;
    Events events;
    Sources sources;
}
