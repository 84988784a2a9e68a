//! Which key does what: one commented table, which users may override.
