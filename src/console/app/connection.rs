//! What the console is connected to: all that is another once another context is opened.

use crate::domain::environment::Environment;

/// The sources that are watched together, and what goes with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// Place of the user, for the status line and wherever an act is confirmed.
    pub place: Place,
    /// Names of the sources, in the order of their ids.
    pub sources: Vec<String>,
    /// The reason that acts are locked altogether; `None` when they are not.
    pub locked: Option<String>,
    /// Filter that every screen begins with; empty for none.
    pub filter: String,
    /// The contexts of the configuration, in its order, this one too.
    pub contexts: Vec<Named>,
}

/// Where the user is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The name in the status line: that of the context, or those of the sources, joined with ` + `.
    pub title: String,
    /// Name of the context that was opened; `None` when it was an address.
    pub context: Option<String>,
    /// The environment that acts are done in.
    pub environment: Environment,
}

/// A context that can be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// Word for its environment; empty for none.
    pub word: String,
}
