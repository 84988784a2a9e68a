//! Layers over the screen. The one on top has the keys.

use super::line::Line;
use super::overlay::{Hint, Outcome, Overlay};
use super::palette::Palette;
use crate::keymap::{Action, Context, Key};

mod ask;
mod dialog;

pub use ask::Ask;
pub use dialog::{Dialog, capital};

/// Something that lies over the screen until it is answered or closed.
#[derive(Debug)]
pub enum Layer {
    /// Questions that come before a confirmation.
    Ask(Ask),
    /// A confirmation, or another choice by buttons.
    Dialog(Dialog),
    /// The filter line.
    Filter(FilterLine),
    /// The palette: everything by name.
    Palette(Palette),
    /// The keys of the screen below and their actions.
    Help(Help),
    /// The results of a bulk act.
    Results(Results),
}

impl Layer {
    /// Its behaviour as an [`Overlay`], whichever layer it is.
    pub const fn overlay(&self) -> &dyn Overlay {
        match self {
            Self::Ask(it) => it,
            Self::Dialog(it) => it,
            Self::Filter(it) => it,
            Self::Palette(it) => it,
            Self::Help(it) => it,
            Self::Results(it) => it,
        }
    }

    /// Its behaviour as an [`Overlay`], to give it a key.
    pub const fn overlay_mut(&mut self) -> &mut dyn Overlay {
        match self {
            Self::Ask(it) => it,
            Self::Dialog(it) => it,
            Self::Filter(it) => it,
            Self::Palette(it) => it,
            Self::Help(it) => it,
            Self::Results(it) => it,
        }
    }
}

/// A filter being typed; the rows follow with every key.
#[derive(Debug)]
pub struct FilterLine {
    /// The line being typed.
    pub line: Line,
    /// The filter before, for whoever thinks better of it.
    pub before: String,
    /// The mistake in it, as shown below the line; `None` when it can be used.
    pub error: Option<String>,
}

impl Overlay for FilterLine {
    fn context(&self) -> Context {
        Context::Prompt
    }

    fn hints(&self, _: bool) -> Vec<Hint> {
        vec![
            Hint::Keys(&[Action::Open], "keep"),
            Hint::Keys(&[Action::Back], "as before"),
            Hint::Typed("-word", "without it"),
            Hint::Typed("field:=word", "exactly"),
            Hint::Typed("\"a: b\"", "text"),
        ]
    }

    fn key(&mut self, key: Key, action: Option<Action>) -> Outcome {
        match action {
            Some(Action::Back) => Outcome::Unfilter(self.before.clone()),
            Some(Action::Open) if self.error.is_none() => Outcome::Close,
            Some(Action::Open) => Outcome::Stay,
            _ => {
                self.line.key(key);
                Outcome::Filter(self.line.text().to_owned())
            }
        }
    }

    fn paste(&mut self, text: &str) -> Option<Outcome> {
        self.line.paste(text);
        Some(Outcome::Filter(self.line.text().to_owned()))
    }
}

/// The help: keys of the screen below and their actions.
#[derive(Debug, Default)]
pub struct Help {
    /// Lines scrolled away above the window, from 0.
    pub offset: usize,
}

/// Results of an act on several items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Results {
    /// Summary such as `requeued 3 of 4`.
    pub title: String,
    /// Each item, and why it was not done where it was not.
    pub items: Vec<(String, Result<(), String>)>,
    /// Lines scrolled away above the window, from 0.
    pub offset: usize,
}

/// A text to read, and nothing to do with it but to scroll and close it.
macro_rules! reading {
    ($($of:ty)*) => {$(
        impl Overlay for $of {
            fn context(&self) -> Context {
                Context::Reading
            }

            fn hints(&self, scrolls: bool) -> Vec<Hint> {
                let scroll = scrolls.then_some(Hint::Keys(&[Action::Down, Action::Up], "scroll"));
                scroll.into_iter().chain([Hint::Keys(&[Action::Back], "close")]).collect()
            }

            fn key(&mut self, _: Key, action: Option<Action>) -> Outcome {
                if action == Some(Action::Back) {
                    return Outcome::Close;
                }
                self.scroll(action);
                Outcome::Stay
            }

            fn offset(&mut self) -> Option<&mut usize> {
                Some(&mut self.offset)
            }
        }
    )*};
}

reading!(Help Results);
