//! Bearers: what stands behind the name under which somebody acts.

use std::collections::BTreeSet;
use std::sync::Arc;

/// The one who asks, whatever name is acted under, and what that one may decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// Subject of the token; where no tokens are needed, the name that is acted under.
    pub subject: Arc<str>,
    /// The roles whose questions may be answered.
    pub roles: Roles,
}

/// Roles of an approver: the names that questions are put to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Roles {
    /// Every role, whatever its name.
    All,
    /// These roles; none when it is empty, as for those who are no approvers.
    Only(BTreeSet<String>),
}

impl Roles {
    /// No role at all.
    pub const NONE: Self = Self::Only(BTreeSet::new());

    /// Whether a question that is put to `role` may be answered; where no role is asked, any will do.
    pub fn include(&self, role: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(held) => held.contains(role),
        }
    }
}
