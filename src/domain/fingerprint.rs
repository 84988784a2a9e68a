//! Error groups: which failures are the same failure.
