//! Scopes: the permissions of a token (protocol section 7).

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Permission of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Read everything, change nothing.
    Viewer,
    /// Read, and what operators do: see [`Verb::scopes`](super::Verb::scopes).
    Operator,
    /// Read, and what approvers do: claim and resolve escalations.
    Approver,
    /// Emit, claim, and what a lease allows, as named agents; read runs they take part in.
    Agent,
    /// Register contracts.
    Admin,
}

impl Scope {
    /// Every scope, in the order of the variants.
    pub const ALL: [Self; 5] = [Self::Viewer, Self::Operator, Self::Approver, Self::Agent, Self::Admin];

    /// The word for it in a token file, such as `viewer`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Approver => "approver",
            Self::Agent => "agent",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|it| it.name() == text);
        found.ok_or_else(|| "scopes are viewer, operator, approver, agent and admin".to_owned())
    }
}
