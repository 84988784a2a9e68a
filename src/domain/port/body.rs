//! The body of a handoff: a contract, any other JSON, or text.

use serde_json::Value;

use crate::domain::contract::{Contract, Masked};

/// Format of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A contract of the protocol.
    Contract,
    /// JSON that is no contract.
    Json,
    /// Text; its value is one JSON string.
    Text,
}

/// A body as it may be shown, made where it comes in: whatever its format, it is masked before anybody sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// Format of the body.
    pub format: Format,
    /// The body itself. Hostile text.
    pub value: Masked,
    /// Digest that a decision on it is bound to, as the source writes it; empty when the source has none.
    pub digest: String,
}

impl Body {
    /// A contract as it was stored.
    pub fn contract(contract: Value, digest: String) -> Self {
        Self { format: Format::Contract, value: Masked::of(contract), digest }
    }

    /// JSON that is no contract. What a classification in it hides is masked, as in a contract.
    pub fn json(json: Value, digest: String) -> Self {
        Self { format: Format::Json, value: Masked::of(json), digest }
    }

    /// Text, which has no classification: a source that knows better gives what may be shown of it.
    pub fn text(text: &str, digest: String) -> Self {
        Self { format: Format::Text, value: Masked::of(text.into()), digest }
    }

    /// The parts of the contract that it is.
    ///
    /// # Errors
    /// A sentence: it is none, or none that can be shown.
    pub fn parts(&self) -> Result<Contract, String> {
        match self.format {
            Format::Contract => self.value.contract(),
            Format::Json => Err("none: the body is other JSON".to_owned()),
            Format::Text => Err("none: the body is a text".to_owned()),
        }
    }

    /// The body to be read by people: the text itself, or JSON with a member a line.
    pub fn to_text(&self) -> String {
        match (self.format, self.value.value()) {
            (Format::Text, Value::String(text)) => text.clone(),
            (_, json) => serde_json::to_string_pretty(json).unwrap_or_else(|_| json.to_string()),
        }
    }
}
