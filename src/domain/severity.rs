//! Severity: the one scale of attention for findings, edges, runs and badges.

/// Severity of something, as the attention it asks for; ordered, the least first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing, or too little, is known.
    #[default]
    Quiet,
    /// Enough is known, and nothing is wrong.
    Fine,
    /// News, or a person is waited for.
    Info,
    /// Somebody should look today.
    Warning,
    /// Somebody should look now.
    Critical,
}
