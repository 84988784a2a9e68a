//! What every store must do.

pub(crate) mod suite;
