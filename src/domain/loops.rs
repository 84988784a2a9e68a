//! Loop verdicts.
