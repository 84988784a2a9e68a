//! Stateless widgets.
