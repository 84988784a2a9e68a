//! The row of an act: everything about it that is not code.

use super::Scope;
use crate::domain::event::Answer;
use crate::domain::run::State;

/// Kind of object that an act is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    /// One handoff or several.
    Handoff,
    /// One edge, named in the act.
    Edge,
    /// Refused contracts, named in the act.
    Refused,
    /// The runs of the targets.
    Run,
}

/// An input that a person adds to an act before it can be sent, in the order in which it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// One of the reasons of a dismissal: [`DismissReason`](crate::domain::event::DismissReason).
    DismissReason,
    /// A value that fits the schema of the question; words where it has none.
    Answer,
    /// A verdict in a few words.
    Verdict,
    /// Words that must be given; the label asks for them.
    Words(&'static str),
    /// Words that may be left out.
    Note(&'static str),
    /// Words that nobody has to be asked for: the confirmation offers to add some.
    Reason(&'static str),
}

/// One act, with everything about it that is not code.
#[derive(Debug)]
pub struct Verb {
    /// The verb, as in commands and buttons, such as `requeue`.
    pub verb: &'static str,
    /// The past participle, as in "dana requeued this".
    pub done: &'static str,
    /// Name of its key in `keys.toml`; empty when it has none of its own.
    pub key: &'static str,
    /// The word beside the key in the footer; the verb when empty.
    pub word: &'static str,
    /// The sentence of help and palette.
    pub help: &'static str,
    /// Scopes that allow it: a holder of any of these may do it.
    pub scopes: &'static [Scope],
    /// Kind of object it is done to.
    pub on: Object,
    /// States of a handoff in which it can be done (protocol section 3); empty when the object is no handoff.
    pub states: &'static [State],
    /// States in which it can be done by force; empty when force makes no difference.
    pub forced: &'static [State],
    /// The answer to a question that it is, if it is one.
    pub answer: Option<Answer>,
    /// Inputs that must be added; empty when none are.
    pub asks: &'static [Ask],
    /// The consequence, for one item and for several; the same sentence when the second is empty.
    pub means: (&'static str, &'static str),
    /// Group and name of its path in the HTTP API: `POST /api/v1/{group}/{id}/{name}`.
    pub path: (&'static str, &'static str),
    /// It only adds something: done whatever happened to the item since it was seen.
    pub adds: bool,
    /// Member of the request's body that holds the words; empty when it takes none.
    pub words: &'static str,
}

impl Verb {
    pub(super) const OF_OPERATORS: Self = Self {
        verb: "",
        done: "",
        key: "",
        word: "",
        help: "",
        scopes: &[Scope::Operator],
        on: Object::Handoff,
        states: &[],
        forced: &[],
        answer: None,
        asks: &[],
        means: ("", ""),
        path: ("handoffs", ""),
        adds: false,
        words: "reason",
    };

    pub(super) const OF_APPROVERS: Self = Self {
        scopes: &[Scope::Approver],
        states: &[State::Escalated],
        path: ("escalations", "resolve"),
        words: "note",
        ..Self::OF_OPERATORS
    };

    /// The verb with what it is done to, such as `pause edges`; handoffs go without saying.
    pub fn phrase(&self) -> String {
        match self.on {
            Object::Handoff | Object::Refused => self.verb.to_owned(),
            Object::Edge => format!("{} edges", self.verb),
            Object::Run => format!("{} runs", self.verb),
        }
    }

    /// Words have to be given.
    pub fn needs_words(&self) -> bool {
        self.asks.iter().any(|it| matches!(it, Ask::Words(_)))
    }
}
