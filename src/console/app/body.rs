//! Bodies that were fetched, as the screens show and edit them.

use crate::domain::contract::Contract;
use crate::domain::port::{Body, Format, SeenToken};
use crate::domain::text;
use crate::page::Shown;

/// A body that was fetched, with its parts where it is a contract.
#[derive(Debug)]
pub struct Fetched {
    /// The body as it came.
    pub body: Body,
    /// The parts of the contract, or why there are none to show.
    pub parts: Result<Contract, String>,
    /// Something in it is masked.
    pub masked: bool,
}

impl Fetched {
    /// Takes a body apart.
    pub fn new(body: Body) -> Self {
        Self { parts: body.parts(), masked: body.value.hides(), body }
    }

    /// The body for a page.
    pub fn shown(&self) -> Shown<'_> {
        Shown::of(&self.body, &self.parts)
    }
}

/// What a body that is looked at has to belong to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Bound {
    /// The digest that a decision is bound to.
    Digest(String),
    /// The state that was seen, where the source gives a digest with the body only.
    Seen(SeenToken),
}

impl Bound {
    /// Of a handoff with this digest, if one is known, in this state.
    pub fn of(digest: Option<&str>, seen: SeenToken) -> Self {
        digest.map_or(Self::Seen(seen), |digest| Self::Digest(digest.to_owned()))
    }

    /// False when a body that was asked for is another one.
    pub fn holds(&self, body: &Body) -> bool {
        self.is(&body.digest)
    }

    /// The same of a body with this digest.
    pub fn is(&self, found: &str) -> bool {
        match self {
            Self::Digest(digest) => digest == found,
            Self::Seen(_) => true,
        }
    }
}

/// A body as a file for an editor, masked. No character hides in it, such as a bidi override, for the editor writes to
/// the same terminal: in JSON it is escaped, in a text its picture stands for it.
pub fn editable(body: &Body) -> String {
    match body.format {
        Format::Text => {
            let text = body.to_text();
            let parts: Vec<_> = text.split('\t').map(text::clean_block).collect();
            parts.join("\t")
        }
        Format::Contract | Format::Json => text::escape_json(&body.to_text()).into_owned(),
    }
}
