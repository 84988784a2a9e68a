//! Decide and evolve.
