//! Load, decide, commit.
